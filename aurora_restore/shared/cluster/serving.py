"""Which cluster serves as the target: the one of its name, or the one that was published last."""

from typing import TYPE_CHECKING

from aurora_restore.shared.cluster.expiry import expires
from aurora_restore.shared.names import is_beside
from aurora_restore.shared.rds.reads import all_clusters, clusters_by_resource_id, find_cluster
from aurora_restore.shared.request import RestoreRequest
from aurora_restore.shared.target_record import TargetRecord

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_rds.type_defs import DBClusterTypeDef


def find_serving(
    rds: "RDSClient", request: RestoreRequest, record: TargetRecord | None
) -> "DBClusterTypeDef | None":
    """Return the cluster that serves as the target of a restore; None if there is none.

    The target record says which one that is. After a switch by endpoint it has a name of its own.
    If the record is lost, it is the one that does not expire. What is retired does not serve, even
    if it has the target's name.
    """
    target, live = request.cluster_id, None if record is None else record.live
    if live is not None and live.cluster_id != target:
        for cluster in clusters_by_resource_id(rds, [live.resource_id]):
            return cluster
    named = find_cluster(rds, target)
    if record is not None and named and record.is_retired(named["DbClusterResourceId"]):
        return None
    if live is not None or not request.restore.target.is_switched:
        return named
    if named is not None and not expires(named):
        return named
    found = [
        each
        for each in all_clusters(rds)
        if is_beside(target, each["DBClusterIdentifier"])
        and request.owner.of_restore(each)
        and not expires(each)
    ]
    return found[0] if len(found) == 1 else named
