"""Wait for the copy."""

from dataclasses import replace
from typing import Final

from aurora_restore.shared.awaited import Awaited
from aurora_restore.shared.base_handler import BaseHandler
from aurora_restore.shared.common import update_metrics
from aurora_restore.shared.copy_lease import attempts_in_run
from aurora_restore.shared.documents.schema import shown
from aurora_restore.shared.errors import (
    CopyFailedError,
    TargetSnapshotNotFoundError,
    ValidationError,
)
from aurora_restore.shared.job import Answer, Job
from aurora_restore.shared.operation_state import OperationState
from aurora_restore.shared.pipeline import get_step
from aurora_restore.shared.preflight.refusing import refuse_foreign_snapshot
from aurora_restore.shared.rds.arns import RdsArn
from aurora_restore.shared.rds.reads import find_snapshot
from aurora_restore.shared.rds.statuses import AVAILABLE, DEAD_SNAPSHOT
from aurora_restore.shared.snapshots.identity import NamedSnapshot
from aurora_restore.shared.snapshots.leases import CommonCopyStore
from aurora_restore.shared.state_utils import seconds_since
from aurora_restore.shared.validation import validate_required_params

_COUNTER: Final = get_step("copy-snapshot").name
"""What counts the attempts of the copy."""


class CheckCopyStatusHandler(BaseHandler):
    """The step that waits for the copy. Changes nothing in AWS."""

    step = get_step("check-copy-status")
    services = ("rds",)

    def run(self, job: Job) -> Answer:
        """Return 200 once the copy is available, 202 until then.

        Raises TargetSnapshotNotFoundError or CopyFailedError if the copy is gone or has failed, and
        may not be started again; UnsuitableInputError or ValidationError if the event names
        another snapshot than the operation's.
        """
        copies = job.source.route.copies
        name = job.event.target_snapshot_name or job.state.copy_snapshot_id
        if not copies:
            name = name or job.event.snapshot_name or job.state.snapshot_name
        validate_required_params({"target_snapshot_name": name})
        body = {"target_snapshot_name": name, "region": job.target_region}
        if not copies:
            _require_recorded(job, str(name))
            return Answer(
                "No need to check copy status, source and target regions are the same",
                {**body, "status": AVAILABLE},
                self._in_place(job, str(name)),
            )
        snapshot = find_snapshot(job.rds.at_target, str(name))
        if snapshot is None:
            return job.start_again(
                TargetSnapshotNotFoundError(
                    f"there is no snapshot {name} in {job.target_region}", **body
                )
            )
        # copy-snapshot has proven what it recorded, and its tags may not show yet.
        if name != job.state.copy_snapshot_id:
            refuse_foreign_snapshot(job.request, snapshot)
        status = snapshot["Status"]
        body["status"] = status
        if status in DEAD_SNAPSHOT:
            error = CopyFailedError(f"the copy {name} in {job.target_region} is {status!r}", **body)
            copy = CommonCopyStore(job.store).of(snapshot["DBClusterSnapshotArn"])
            if job.restore_name not in copy.users:
                return job.start_again(error)
            # Other restores may have started it as well.
            attempts = attempts_in_run(job, copy, _COUNTER)
            if copy.restarting is None and attempts >= job.restore.max_attempts:
                raise error
            return job.start_again(error, limited=False)
        if status != AVAILABLE:
            progress = snapshot.get("PercentProgress")
            return Answer.wait(
                Awaited.COPY,
                "Snapshot copy is still in progress",
                body if progress is None else {**body, "percent_progress": progress},
                replace(job.state, copy_status=status),
                percent=progress,
            )
        if job.state.copy_started_at is not None:
            duration = seconds_since(job.state.copy_started_at, job.clock())
            update_metrics(job.operation_id, "CopyDuration", duration, "Seconds")
        return Answer(
            "Snapshot copy is complete",
            body,
            replace(
                job.state,
                copy_status=status,
                copy_snapshot_id=name,
                target_snapshot=name,
                snapshot_arn=snapshot["DBClusterSnapshotArn"],
            ),
        )

    def _in_place(self, job: Job, name: str) -> OperationState:
        """Return the state with what is restored: the source's snapshot, where it is."""
        place = job.source_place
        own = RdsArn(job.partition, place.region, place.account, "cluster-snapshot", name)
        return replace(
            job.state,
            source_snapshot=job.state.source_snapshot or name,
            target_snapshot=name,
            copy_snapshot_id=name,
            copy_status=AVAILABLE,
            source_account_id=place.account,
            target_account_id=job.account_id,
            source_region=place.region,
            target_region=job.target_region,
            snapshot_arn=name if name.startswith("arn:") else str(own),
        )


def _require_recorded(job: Job, name: str) -> None:
    """Raise ValidationError if the snapshot to restore is not the one that is recorded, if any."""
    recorded = [
        text for text in (job.state.copy_snapshot_id, job.state.source_snapshot_arn) if text
    ]
    if recorded and not any(map(NamedSnapshot("target_snapshot_name", name).is_meant_by, recorded)):
        raise ValidationError(
            f"target_snapshot_name: {shown(name)} is not the snapshot of operation "
            f"{job.operation_id}, which is {recorded[0]}; leave it out, or start a new operation"
        )


handler = CheckCopyStatusHandler.loaded()
