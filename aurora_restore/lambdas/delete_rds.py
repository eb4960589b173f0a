"""Step 4: delete the old cluster, once everything that can be proven is proven."""

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from aurora_restore.shared.base_handler import GRACE_SECONDS, Answer, BaseHandler, Job
from aurora_restore.shared.cluster import calls as cluster_calls
from aurora_restore.shared.cluster.ownership import made_by, own_tags, restored_by
from aurora_restore.shared.common import timestamp
from aurora_restore.shared.errors import AwsError, ClusterNotFoundError, SnapshotNotAvailableError
from aurora_restore.shared.pipeline import get_step
from aurora_restore.shared.preflight import obstacles, refuse
from aurora_restore.shared.preflight.inventory import Findings, final_snapshot_name, survey
from aurora_restore.shared.rds.calls import RdsCall
from aurora_restore.shared.rds.reads import find_cluster, find_instance, find_snapshot
from aurora_restore.shared.rds.statuses import AVAILABLE, DEAD_CLUSTER, DEAD_SNAPSHOT, DELETING
from aurora_restore.shared.snapshots import calls as snapshot_calls
from aurora_restore.shared.snapshots.path import not_found, restorable, was_shared_just_now

if TYPE_CHECKING:
    from mypy_boto3_rds.type_defs import DBClusterSnapshotTypeDef, DBClusterTypeDef

AT_REST: Final = DEAD_CLUSTER | {AVAILABLE, "storage-optimization"}
"""The statuses of a cluster that can be deleted."""
BEGINNING: Final = frozenset({"creating", "starting"})
"""Statuses of an instance that cannot be deleted yet."""
FINISHED: Final = DEAD_SNAPSHOT | {AVAILABLE}


class DeleteRdsHandler(BaseHandler):
    """Deletes the target's instances, readers first, and then the cluster.

    Before the first of these calls it has proof that the new data is there, that the restore can
    succeed and that the target may be replaced; and what the target was like is in the state.
    """

    step = get_step("delete-rds")

    def run(self, job: Job) -> Answer:
        """Raises SnapshotNotAvailableError where the new data is not there, SnapshotNotVisibleError
        where it may only not be seen yet, and PreflightError with everything else that speaks
        against deleting the cluster."""
        body = {
            "target_cluster_id": job.target_cluster_id,
            "target_region": job.target_region,
        }
        found = survey(job, self._the_new_data(job), copied=True)
        cluster = found.cluster
        if cluster is not None and restored_by(job, cluster):
            return Answer(
                "Nothing to delete: this operation has restored the cluster already",
                {**body, "status": cluster["Status"]},
            )
        refuse(obstacles(found), job.target_cluster_id)
        if cluster is None:
            return Answer(
                "Nothing to delete: there is no such cluster",
                body,
                {"deleted_cluster_id": job.state.get("deleted_cluster_id")},
                HTTPStatus.NOT_FOUND,
            )
        if cluster["Status"] != DELETING:
            busy = self._what_is_busy(found, cluster)
            if busy is not None:
                return Answer.wait(f"The deletion waits for {busy}", body)
            self._remember(found, cluster)
            self._delete(found, cluster)
        return Answer(
            "Cluster deletion initiated",
            {**body, "status": DELETING},
            {
                "deleted_cluster_id": job.target_cluster_id,
                "delete_started_at": timestamp(job.clock()),
                "final_snapshot": found.final_snapshot or job.state.get("final_snapshot"),
                **job.count_attempt(),
            },
        )

    def _the_new_data(self, job: Job) -> "DBClusterSnapshotTypeDef":
        """The snapshot that will be restored, which is available at this moment."""
        name = restorable(job)
        snapshot = find_snapshot(job.clients.rds(job.target_region), name)
        if snapshot is None and was_shared_just_now(job):
            raise not_found(job, name, job.target_region)
        status = snapshot["Status"] if snapshot else "missing"
        if snapshot is None or status != AVAILABLE:
            raise SnapshotNotAvailableError(
                f"cluster {job.target_cluster_id} is not deleted: the snapshot to restore it from, "
                f"{name}, is {status}",
                target_cluster_id=job.target_cluster_id,
                target_snapshot_name=name,
                snapshot_status=status,
            )
        return snapshot

    def _what_is_busy(self, found: Findings, cluster: "DBClusterTypeDef") -> str | None:
        """What RDS would refuse to delete as long as it is in transit: then the rest must stay."""
        final_snapshot = self._taken(found, cluster)
        if cluster["Status"] not in AT_REST:
            return f"cluster {found.job.target_cluster_id}, which is {cluster['Status']}"
        for instance in found.instances:
            if instance.get("DBInstanceStatus") in BEGINNING:
                name = instance["DBInstanceIdentifier"]
                return f"instance {name}, which is {instance['DBInstanceStatus']}"
        if final_snapshot is not None and final_snapshot["Status"] not in FINISHED:
            return f"its final snapshot, which is {final_snapshot['Status']}"
        return None

    def _remember(self, found: Findings, cluster: "DBClusterTypeDef") -> None:
        """Write what goes to the state, while it is still whole: whoever comes after may find no
        trace of it."""
        job = found.job
        if made_by(job, cluster):
            return
        job.record(
            old_cluster=found.old,
            deleted_cluster_id=job.target_cluster_id,
            final_snapshot=found.final_snapshot,
        )

    def _delete(self, found: Findings, cluster: "DBClusterTypeDef") -> None:
        living = [
            instance for instance in found.instances if instance.get("DBInstanceStatus") != DELETING
        ]
        final_snapshot = self._final_snapshot(found, cluster)
        for step in cluster_calls.deletion(
            cluster, living, found.job.target_region, final_snapshot
        ):
            try:
                step.make(found.rds)
            except (AwsError, ClusterNotFoundError):
                if not self._is_going(found, step):
                    raise

    def _taken(
        self, found: Findings, cluster: "DBClusterTypeDef"
    ) -> "DBClusterSnapshotTypeDef | None":
        """The final snapshot that an earlier attempt has begun, of this very cluster."""
        snapshot = found.named_as_final
        if snapshot is None:
            return None
        own = snapshot.get("DbClusterResourceId") == cluster.get("DbClusterResourceId")
        return snapshot if own else None

    def _final_snapshot(self, found: Findings, cluster: "DBClusterTypeDef") -> str | None:
        """The name of the final snapshot that is still to be taken, if any.

        One that an earlier attempt has taken is enough while that deletion may be under way. After
        a deletion that came to nothing the cluster may have been used: it gets another.
        """
        job, taken = found.job, self._taken(found, cluster)
        if found.named_as_final is None:
            return found.final_snapshot
        if taken is not None and taken["Status"] == AVAILABLE:
            if self._is_recent(job, taken):
                return None
            snapshot_calls.mark_final_snapshot(
                taken["DBClusterSnapshotArn"], job.target_region, own_tags(job)
            ).make(found.rds)
        another = final_snapshot_name(job, timestamp(job.clock()))
        job.record(final_snapshot=another)
        return another

    def _is_recent(self, job: Job, snapshot: "DBClusterSnapshotTypeDef") -> bool:
        created = snapshot.get("SnapshotCreateTime")
        return created is None or (job.clock() - created).total_seconds() < GRACE_SECONDS

    def _is_going(self, found: Findings, step: RdsCall) -> bool:
        """Whether what a call was to delete is being deleted, or gone.

        boto3 repeats a deletion whose answer was lost, and hears that it cannot be done.
        """
        if step.operation == "DeleteDBInstance":
            instance = find_instance(found.rds, step.parameters["DBInstanceIdentifier"])
            return instance is None or instance.get("DBInstanceStatus") == DELETING
        if step.operation == "DeleteDBCluster":
            cluster = find_cluster(found.rds, found.job.target_cluster_id)
            return cluster is None or cluster["Status"] == DELETING
        return False


handler = DeleteRdsHandler()
