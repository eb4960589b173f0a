"""Step 3: wait for the copy."""

from aurora_restore.shared.base_handler import Answer, BaseHandler, Job
from aurora_restore.shared.common import update_metrics
from aurora_restore.shared.errors import CopyFailedError, TargetSnapshotNotFoundError
from aurora_restore.shared.pipeline import get_step
from aurora_restore.shared.rds.reads import find_snapshot
from aurora_restore.shared.rds.statuses import AVAILABLE, DEAD_SNAPSHOT
from aurora_restore.shared.state_utils import seconds_since
from aurora_restore.shared.validation import validate_required_params


class CheckCopyStatusHandler(BaseHandler):
    """Looks at the copy. Changes nothing in AWS."""

    step = get_step("check-copy-status")

    def run(self, job: Job) -> Answer:
        """Raises TargetSnapshotNotFoundError or CopyFailedError once it may not be started anew."""
        name = job.event.target_snapshot_name or job.state.get("copy_snapshot_id")
        if not job.route.copies:
            name = name or job.event.snapshot_name or job.state.get("snapshot_name")
        validate_required_params({"target_snapshot_name": name})
        body = {"target_snapshot_name": name, "region": job.target_region}
        if not job.route.copies:
            return Answer(
                "No need to check copy status, source and target regions are the same",
                {**body, "status": AVAILABLE},
                {"copy_status": AVAILABLE},
            )
        snapshot = find_snapshot(job.clients.rds(job.target_region), str(name))
        if snapshot is None:
            return job.start_anew(
                TargetSnapshotNotFoundError(
                    f"there is no snapshot {name} in {job.target_region}", **body
                )
            )
        status = snapshot["Status"]
        body["status"] = status
        if status in DEAD_SNAPSHOT:
            return job.start_anew(
                CopyFailedError(f"the copy {name} in {job.target_region} is {status!r}", **body)
            )
        if status != AVAILABLE:
            progress = snapshot.get("PercentProgress")
            return Answer.wait(
                "Snapshot copy is still in progress",
                body if progress is None else {**body, "percent_progress": progress},
                {"copy_status": status},
            )
        if "copy_started_at" in job.state:
            duration = seconds_since(job.state["copy_started_at"], job.clock())
            update_metrics(job.operation_id, "CopyDuration", duration, "Seconds")
        return Answer(
            "Snapshot copy is complete",
            body,
            {
                "copy_status": status,
                "copy_snapshot_id": name,
                "target_snapshot": name,
                "snapshot_arn": snapshot["DBClusterSnapshotArn"],
            },
        )


handler = CheckCopyStatusHandler()
