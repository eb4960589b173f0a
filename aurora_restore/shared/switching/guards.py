"""What RDS refuses to rename, or must not be switched, found before anything is.

Whatever is found here leaves both clusters as they are. See fact by fact the Aurora User Guide:
clusters shared with other accounts ("Cross-account cloning"), sources of zero-ETL integrations
("Limitations of zero-ETL integrations"), members of a blue/green deployment. What ties a cluster to
others is in ``cluster.attachments``.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from aurora_restore.shared.aws_utils import Clients, call
from aurora_restore.shared.common import logger
from aurora_restore.shared.errors import AuroraRestoreError
from aurora_restore.shared.rds.tags import tags_of

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_rds.type_defs import DBClusterTypeDef

STACK_TAG: Final = "aws:cloudformation:stack-id"
PASSWORD: Final = "MasterUserPassword"  # noqa: S105 - which setting, not its value
_ENDED_SHARES: Final = frozenset({"DISASSOCIATED", "FAILED"})


def obstacles_to_switch(
    cluster: "DBClusterTypeDef",
    rds: "RDSClient",
    clients: Clients,
    *,
    is_renamed: bool,
    allow_cloudformation: bool,
) -> Iterator[tuple[str, str]]:
    """Yield every reason why a cluster must not be switched, each with what to do about it.

    One that is not renamed may be shared or integrated.
    """
    name, arn = cluster["DBClusterIdentifier"], cluster["DBClusterArn"]
    yield from _pending_changes(name, cluster)
    stack = tags_of(cluster.get("TagList")).get(STACK_TAG)
    if stack is not None and not allow_cloudformation:
        effect = "take the new cluster of this name for its own" if is_renamed else "miss it"
        yield (
            f"cluster {name} belongs to CloudFormation stack {stack}, which would {effect}",
            "release it from the stack, or set switch.allow_cloudformation",
        )
    yield from _deployments(rds, name, arn)
    if is_renamed:
        yield from _integrations(rds, name, arn)
        yield from _shares(clients, name, arn)


def _pending_changes(name: str, cluster: "DBClusterTypeDef") -> Iterator[tuple[str, str]]:
    pending = sorted({*(cluster.get("PendingModifiedValues") or {})} - {PASSWORD})
    if pending:
        yield (
            f"cluster {name} has changes that wait for its maintenance window "
            f"({', '.join(pending)}), and the switch would apply them",
            "apply or withdraw them",
        )


def _integrations(rds: "RDSClient", name: str, arn: str) -> Iterator[tuple[str, str]]:
    pages = call(lambda: list(rds.get_paginator("describe_integrations").paginate()))
    for page in pages:
        for integration in page["Integrations"]:
            if integration.get("SourceArn") == arn:
                yield (
                    f"cluster {name} is the source of the zero-ETL integration "
                    f"{integration.get('IntegrationName')}",
                    "delete the integration",
                )


def _deployments(rds: "RDSClient", name: str, arn: str) -> Iterator[tuple[str, str]]:
    pages = call(lambda: list(rds.get_paginator("describe_blue_green_deployments").paginate()))
    for page in pages:
        for deployment in page["BlueGreenDeployments"]:
            if arn in (deployment.get("Source"), deployment.get("Target")):
                yield (
                    f"cluster {name} is part of the blue/green deployment "
                    f"{deployment.get('BlueGreenDeploymentName')}",
                    "delete the deployment",
                )


def _shares(clients: Clients, name: str, arn: str) -> Iterator[tuple[str, str]]:
    """Yield that a cluster is shared by Resource Access Manager.

    A function in a VPC may have no way to that service. RDS itself refuses to rename such a
    cluster, and then nothing has been changed.
    """
    try:
        found = call(
            clients.ram.get_resource_share_associations,
            associationType="RESOURCE",
            resourceArn=arn,
        ).get("resourceShareAssociations", ())
    except AuroraRestoreError as error:
        logger.warning("whether the cluster is shared is not known", reason=error.message)
        return
    for share in found:
        if share.get("status") not in _ENDED_SHARES:
            yield (
                f"cluster {name} is shared with other accounts by the resource share "
                f"{share.get('resourceShareName')}",
                "end the sharing",
            )
