"""Step 6: restore the cluster."""

from typing import TYPE_CHECKING, Any, Final

from aurora_restore.shared.aws_utils import code_of
from aurora_restore.shared.base_handler import Answer, BaseHandler, Job
from aurora_restore.shared.cluster import calls as cluster_calls
from aurora_restore.shared.cluster.network import network, subnet_group
from aurora_restore.shared.cluster.ownership import RESTORE_IS_DEAD, made_by, own_tags
from aurora_restore.shared.cluster.settings import (
    planned_instances,
    restore_settings,
    restored_tags,
)
from aurora_restore.shared.common import timestamp
from aurora_restore.shared.errors import (
    AwsError,
    ForeignClusterError,
    SnapshotNotAvailableError,
    SnapshotNotFoundError,
)
from aurora_restore.shared.pipeline import get_step
from aurora_restore.shared.rds.reads import find_cluster, find_snapshot
from aurora_restore.shared.rds.statuses import AVAILABLE
from aurora_restore.shared.snapshots.path import not_found, restorable

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_rds.type_defs import DBClusterSnapshotTypeDef, DBClusterTypeDef

ALREADY_EXISTS: Final = "DBClusterAlreadyExistsFault"


class RestoreSnapshotHandler(BaseHandler):
    """Starts RestoreDBClusterFromSnapshot, which makes a cluster without instances.

    A cluster that this operation has restored already is taken as it is.
    """

    step = get_step("restore-snapshot")

    def run(self, job: Job) -> Answer:
        """Raises TargetSnapshotNotFoundError, SnapshotNotVisibleError where sharing has not taken
        effect yet, SnapshotNotAvailableError, and ForeignClusterError where the cluster's name is
        taken."""
        name = restorable(job)
        rds = job.clients.rds(job.target_region)
        where = network(job, subnet_group(job))
        existing = find_cluster(rds, job.target_cluster_id)
        if existing is not None:
            self._refuse_a_stranger(job, existing)
            return self._answer(job, name, existing["Status"], where)
        snapshot = find_snapshot(rds, name)
        if snapshot is None:
            raise not_found(job, name, job.target_region)
        if snapshot["Status"] != AVAILABLE:
            raise SnapshotNotAvailableError(
                f"snapshot {name} in {job.target_region} is {snapshot['Status']!r}; only an "
                "available one can be restored"
            )
        planned_instances(job.restore.target, job.state.get("old_cluster"))
        status = self._restore(job, rds, snapshot, where)
        return self._answer(job, name, status, where, job.count_attempt())

    def _restore(
        self,
        job: Job,
        rds: "RDSClient",
        snapshot: "DBClusterSnapshotTypeDef",
        where: dict[str, Any],
    ) -> str:
        old = job.state.get("old_cluster")
        target = job.restore.target
        settings = restore_settings(target, old, where)
        job.record(restore_settings=settings)
        try:
            restored = cluster_calls.restore_cluster(
                job.target_cluster_id,
                job.target_region,
                snapshot,
                snapshot["DBClusterSnapshotArn"],
                settings,
                restored_tags(target, old, own_tags(job)),
            ).make(rds)
        except AwsError as error:
            existing = find_cluster(rds, job.target_cluster_id)
            if code_of(error) != ALREADY_EXISTS or existing is None:
                raise
            self._refuse_a_stranger(job, existing)
            return existing["Status"]
        except SnapshotNotFoundError as error:
            raise not_found(
                job, snapshot["DBClusterSnapshotIdentifier"], job.target_region
            ) from error
        return str(restored["DBCluster"]["Status"])

    def _refuse_a_stranger(self, job: Job, existing: "DBClusterTypeDef") -> None:
        if not made_by(job, existing):
            raise ForeignClusterError(
                f"cluster {job.target_cluster_id} exists ({existing['Status']}), and this "
                "operation did not restore it; go on at delete-rds to have it replaced",
                target_cluster_id=job.target_cluster_id,
            )

    def _answer(
        self,
        job: Job,
        snapshot_name: str,
        status: str,
        where: dict[str, Any],
        counted: dict[str, Any] | None = None,
    ) -> Answer:
        started = timestamp(job.clock()) if counted else job.state.get("restore_started_at")
        return Answer(
            "Snapshot restore initiated",
            {
                "target_snapshot_name": snapshot_name,
                "target_region": job.target_region,
                "target_cluster_id": job.target_cluster_id,
                "status": status,
            },
            {
                "new_cluster_id": job.target_cluster_id,
                "restore_status": status,
                "restore_started_at": started or timestamp(job.clock()),
                "master_password_set": False,
                RESTORE_IS_DEAD: False,
                **{key: where[key] for key in ("vpc_id", "subnet_ids", "security_group_ids")},
                **(counted or {}),
            },
        )


handler = RestoreSnapshotHandler()
