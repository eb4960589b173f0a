"""A cluster that is to be deleted, and what shows that its deletion is in progress.

After an accepted DeleteDBCluster the cluster may keep its status for many minutes, while its final
snapshot is taken. So the status alone does not say that it stays.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aurora_restore.shared.operation_state import OperationState
from aurora_restore.shared.rds.calls import RdsCall
from aurora_restore.shared.rds.reads import find_snapshot
from aurora_restore.shared.rds.statuses import DELETING, FINISHED_SNAPSHOT
from aurora_restore.shared.request import RestoreRequest

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_rds.type_defs import (
        DBClusterSnapshotTypeDef,
        DBClusterTypeDef,
        DBInstanceTypeDef,
    )


@dataclass(frozen=True, kw_only=True)
class DoomedCluster:
    """A cluster that is to be deleted, as it is now."""

    cluster: "DBClusterTypeDef"
    instances: "Sequence[DBInstanceTypeDef]"
    final_snapshot: str | None
    """The name of the final snapshot that is to be taken, if any."""
    marks: tuple[RdsCall, ...] = ()
    """The calls that put the pipeline's tags back first, without which its role may not delete."""

    @property
    def name(self) -> str:
        """Return the cluster's name."""
        return self.cluster["DBClusterIdentifier"]

    @property
    def resource_id(self) -> str:
        """Return the cluster's resource id, which no other cluster of the Region ever has."""
        return self.cluster["DbClusterResourceId"]


def skips_final_snapshot(request: RestoreRequest, *, is_own: bool) -> bool:
    """Return whether a cluster that has served is deleted without a final snapshot.

    Where neither the event nor the configuration says it, a cluster that the pipeline did not make
    gets one, because it may hold what is nowhere else; the pipeline's own does not.
    """
    for said in (request.event.skip_final_snapshot, request.restore.target.skip_final_snapshot):
        if said is not None:
            return said
    return is_own


def find_final_snapshot(
    rds: "RDSClient", state: OperationState
) -> "DBClusterSnapshotTypeDef | None":
    """Return the deleted cluster's final snapshot; None if it has none, or none yet."""
    return None if state.final_snapshot is None else find_snapshot(rds, state.final_snapshot)


def is_snapshot_in_progress(
    cluster: "DBClusterTypeDef", snapshot: "DBClusterSnapshotTypeDef | None"
) -> bool:
    """Return whether ``snapshot`` is being taken of this very cluster."""
    return (
        snapshot is not None
        and snapshot.get("DbClusterResourceId") == cluster.get("DbClusterResourceId")
        and snapshot["Status"] not in FINISHED_SNAPSHOT
    )


def sign_of_deletion(
    cluster: "DBClusterTypeDef",
    instances: "Sequence[DBInstanceTypeDef]",
    final_snapshot: "DBClusterSnapshotTypeDef | None",
) -> str | None:
    """Return what shows that an accepted deletion is in progress, or None if nothing does."""
    if cluster["Status"] == DELETING:
        return "the cluster is deleting"
    if is_snapshot_in_progress(cluster, final_snapshot):
        return "its final snapshot is being taken"
    deleting = sorted(
        instance["DBInstanceIdentifier"]
        for instance in instances
        if instance.get("DBInstanceStatus") == DELETING
    )
    return f"its instances are deleting: {', '.join(deleting)}" if deleting else None
