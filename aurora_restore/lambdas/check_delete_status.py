"""Wait until the old cluster is gone."""

from aurora_restore.shared.base_handler import BaseHandler
from aurora_restore.shared.common import update_metrics
from aurora_restore.shared.errors import DeletionFailedError
from aurora_restore.shared.job import Answer, Job
from aurora_restore.shared.pipeline import get_step
from aurora_restore.shared.rds.reads import find_cluster, find_snapshot
from aurora_restore.shared.rds.statuses import AVAILABLE, DEAD_CLUSTER
from aurora_restore.shared.snapshots.calls import mark_final_snapshot
from aurora_restore.shared.state_utils import seconds_since


class CheckDeleteStatusHandler(BaseHandler):
    """The step that waits until the cluster is gone, and then tags its final snapshot.

    Only DBClusterNotFoundFault means deleted: after an accepted DeleteDBCluster the cluster may
    still show the status that it had.
    """

    step = get_step("check-delete-status")

    def run(self, job: Job) -> Answer:
        """Return 200 once the cluster is gone, 202 until then.

        Raises DeletionFailedError if the cluster is not being deleted, and the deletion may not be
        started again.
        """
        cluster = find_cluster(job.rds.at_target, job.target_cluster_id)
        body = {
            "target_cluster_id": job.target_cluster_id,
            "target_region": job.target_region,
        }
        if cluster is None or job.owner.is_finished_restore(
            cluster, job.target_record.read(), restore_is_dead=job.state.restore_is_dead
        ):
            if job.state.delete_started_at is not None:
                duration = seconds_since(job.state.delete_started_at, job.clock())
                update_metrics(job.operation_id, "DeleteDuration", duration, "Seconds")
            self._tag_final_snapshot(job)
            return Answer("Cluster deletion completed", body)
        status = cluster["Status"]
        body["status"] = status
        is_staying = status == AVAILABLE or status in DEAD_CLUSTER
        if is_staying and not job.is_recent(job.state.delete_started_at):
            return job.start_again(
                DeletionFailedError(
                    f"cluster {job.target_cluster_id} in {job.target_region} is {status!r}: it is "
                    "not being deleted",
                    **body,
                )
            )
        return Answer.wait("Cluster deletion is still in progress", body)

    def _tag_final_snapshot(self, job: Job) -> None:
        name = job.state.final_snapshot
        snapshot = None if name is None else find_snapshot(job.rds.at_target, name)
        if snapshot is not None:
            mark_final_snapshot(
                snapshot["DBClusterSnapshotArn"], job.target_region, job.owner.tags
            ).make(job.rds.at_target)


handler = CheckDeleteStatusHandler()
