"""Whether the quotas of an account leave enough in a Region."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from aurora_restore.shared.aws_utils import call, code_of
from aurora_restore.shared.common import logger
from aurora_restore.shared.errors import AwsError
from aurora_restore.shared.preflight.obstacles import Obstacle
from aurora_restore.shared.snapshots.routes import Where

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_rds.type_defs import AccountQuotaTypeDef

CLUSTERS: Final = "DBClusters"
INSTANCES: Final = "DBInstances"
MANUAL_SNAPSHOTS: Final = "ManualClusterSnapshots"
REMEDIES: Final = {
    CLUSTERS: "delete some, or have the quota raised",
    INSTANCES: "delete some, configure fewer in target.instances, or have the quota raised",
    MANUAL_SNAPSHOTS: "delete some, keep fewer (archive.keep_copies), or have the quota raised",
}


def room(rds: "RDSClient", wanted: Mapping[str, int], where: Where) -> Iterator[Obstacle]:
    """Yield an obstacle for every quota, by its name, that does not leave what is wanted."""
    if not any(more > 0 for more in wanted.values()):
        return
    for quota in _quotas(rds):
        name = quota.get("AccountQuotaName", "")
        more = wanted.get(name, 0)
        if more > 0 and quota["Used"] + more > quota["Max"]:
            yield Obstacle(
                "quotas",
                f"{name}: {quota['Used']} of {quota['Max']} are used {where}, and {more} more "
                "would be made",
                REMEDIES[name],
            )


def _quotas(rds: "RDSClient") -> "list[AccountQuotaTypeDef]":
    """Return the quotas; none if reading them is denied, which alone must not stop a run."""
    try:
        return call(rds.describe_account_attributes)["AccountQuotas"]
    except AwsError as error:
        if code_of(error) != "AccessDenied":
            raise
        logger.warning("the quotas may not be looked at", reason=error.message)
        return []
