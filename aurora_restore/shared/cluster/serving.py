"""Which cluster serves as the target: the one of its name, or the one that was published last."""

from typing import TYPE_CHECKING

from aurora_restore.shared.rds.reads import clusters_by_resource_id, find_cluster
from aurora_restore.shared.target_record import TargetRecord

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_rds.type_defs import DBClusterTypeDef


def find_serving(
    rds: "RDSClient", target: str, record: TargetRecord | None
) -> "DBClusterTypeDef | None":
    """Return the cluster that serves as ``target``; None if there is none.

    After a switch by endpoint it has a name of its own, and the target record says which cluster it
    is. If that one is gone, the cluster that has the target's name serves, if there is one.
    """
    live = None if record is None else record.live
    if live is not None and live.cluster_id != target:
        for cluster in clusters_by_resource_id(rds, [live.resource_id]):
            return cluster
    return find_cluster(rds, target)
