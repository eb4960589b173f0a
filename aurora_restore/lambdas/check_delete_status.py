"""Step 5: wait until the old cluster is gone."""

from aurora_restore.shared.base_handler import Answer, BaseHandler, Job
from aurora_restore.shared.cluster.ownership import own_tags, restored_by
from aurora_restore.shared.common import update_metrics
from aurora_restore.shared.errors import DeletionFailedError
from aurora_restore.shared.pipeline import get_step
from aurora_restore.shared.rds.reads import find_cluster, find_snapshot
from aurora_restore.shared.rds.statuses import AVAILABLE, DEAD_CLUSTER
from aurora_restore.shared.snapshots import calls as snapshot_calls
from aurora_restore.shared.state_utils import seconds_since


class CheckDeleteStatusHandler(BaseHandler):
    """Looks whether the cluster still exists, and tags its final snapshot when it is gone.

    Only DBClusterNotFoundFault means deleted: after an accepted DeleteDBCluster the cluster may
    still show the status that it had.
    """

    step = get_step("check-delete-status")

    def run(self, job: Job) -> Answer:
        """Raises DeletionFailedError once the deletion may not be started anew."""
        cluster = find_cluster(job.clients.rds(job.target_region), job.target_cluster_id)
        body = {
            "target_cluster_id": job.target_cluster_id,
            "target_region": job.target_region,
        }
        if cluster is None or restored_by(job, cluster):
            if "delete_started_at" in job.state:
                duration = seconds_since(job.state["delete_started_at"], job.clock())
                update_metrics(job.operation_id, "DeleteDuration", duration, "Seconds")
            self._tag_final_snapshot(job)
            return Answer("Cluster deletion completed", body)
        status = cluster["Status"]
        body["status"] = status
        stays = status == AVAILABLE or status in DEAD_CLUSTER
        if stays and not job.was_just_now("delete_started_at"):
            return job.start_anew(
                DeletionFailedError(
                    f"cluster {job.target_cluster_id} in {job.target_region} is {status!r}: it is "
                    "not being deleted",
                    **body,
                )
            )
        return Answer.wait("Cluster deletion is still in progress", body)

    def _tag_final_snapshot(self, job: Job) -> None:
        name = job.state.get("final_snapshot")
        if name is None:
            return
        rds = job.clients.rds(job.target_region)
        snapshot = find_snapshot(rds, name)
        if snapshot is not None:
            snapshot_calls.mark_final_snapshot(
                snapshot["DBClusterSnapshotArn"], job.target_region, own_tags(job)
            ).make(rds)


handler = CheckDeleteStatusHandler()
