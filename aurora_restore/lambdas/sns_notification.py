"""Announce the outcome. The rule for failed executions calls this function, too."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from aurora_restore.shared.aws_utils import send_notification
from aurora_restore.shared.base_handler import Attempt, BaseHandler, success_envelope
from aurora_restore.shared.common import logger, timestamp, update_metrics
from aurora_restore.shared.errors import ValidationError
from aurora_restore.shared.failed_execution import Failure, look_up
from aurora_restore.shared.job import Answer, Job, LambdaContext
from aurora_restore.shared.operation_state import OperationState
from aurora_restore.shared.pipeline import get_step
from aurora_restore.shared.state_utils import ERROR, FAILED, SUCCESS, StateStore, seconds_since
from aurora_restore.shared.target_lock import TargetLock

STATUS_CHANGE: Final = "Step Functions Execution Status Change"
ANNOUNCE_SUCCESS: Final = "success"
ANNOUNCE_FAILURE: Final = "failed"

# The keys of the state that a success announces.
_FACTS: Final = (
    "restore",
    "target_region",
    "cluster_endpoint",
    "cluster_port",
    "source_snapshot_arn",
    "snapshot_created_at",
    "deleted_cluster_id",
    "disabled_logins",
    "deleted_snapshots",
    "route",
    "final_snapshot",
    "drift",
)


class SnsNotificationHandler(BaseHandler):
    """The step that publishes one JSON message to the topic, and releases the target's lock.

    As the last step it announces success. If EventBridge calls it, because an execution has failed,
    timed out or been aborted, it marks the step FAILED if the step's function could not do so
    itself, and announces the cause.
    """

    step = get_step("sns-notification")

    def raises(self, event: Any) -> bool:
        """Return whether a failure raises an error.

        It does for EventBridge, too, so that Lambda tries again. An event that keeps failing goes
        to the dead-letter queue.
        """
        return _is_status_change(event) or super().raises(event)

    def respond(self, attempt: Attempt, event: Any, context: LambdaContext) -> dict[str, Any]:
        """Announce a failed execution, or run as a step."""
        if _is_status_change(event):
            return self._announce_failure(attempt, event)
        return super().respond(attempt, event, context)

    def run(self, job: Job) -> Answer:
        """Publish, release the lock, and return 200.

        Raises NotificationError if SNS refuses the message, and ValidationError if the execution
        has restored nothing.
        """
        event, state = job.event, job.state
        status = event.status or ANNOUNCE_SUCCESS
        if job.execution and status == ANNOUNCE_SUCCESS and state.restore_status is None:
            raise ValidationError(
                f"start_at: operation {job.operation_id} has restored no cluster that could be "
                "announced; enter at an earlier step"
            )
        sentences = {
            ANNOUNCE_SUCCESS: "Aurora restore completed successfully",
            ANNOUNCE_FAILURE: "Aurora restore failed",
        }
        message_id = send_notification(
            job.environment.topic_arn,
            f"Aurora restore {job.restore_name}: {status}",
            self._message(
                job.operation_id,
                status,
                event.message or sentences[status],
                self._facts(job) if event.details is None else event.details,
            ),
            clients=job.clients,
        )
        if job.execution:
            job.lock.release(job.operation_id, job.execution.id)
        self._count(job.operation_id, status)
        duration = seconds_since(job.started_at, job.clock())
        update_metrics(job.operation_id, "OperationDuration", duration, "Seconds")
        return Answer(
            "Notification sent successfully",
            {"message_id": message_id},
            replace(state, notified_status=status),
        )

    def _facts(self, job: Job) -> dict[str, Any]:
        known = job.state.to_details()
        return {
            "cluster_identifier": job.target_cluster_id,
            "target_cluster_id": job.target_cluster_id,
            **{fact: known[fact] for fact in _FACTS if fact in known},
        }

    def _message(
        self, operation_id: str, status: str, sentence: str, details: Mapping[str, Any]
    ) -> str:
        return json.dumps(
            {
                "operation_id": operation_id,
                "status": status,
                "message": sentence,
                "details": details,
                "timestamp": timestamp(self._clock()),
            },
            indent=2,
            default=str,
        )

    def _count(self, operation_id: str, status: str) -> None:
        update_metrics(operation_id, "RestoreSucceeded", int(status == ANNOUNCE_SUCCESS))
        update_metrics(operation_id, "RestoreFailed", int(status == ANNOUNCE_FAILURE))

    def _announce_failure(self, attempt: Attempt, event: Mapping[str, Any]) -> dict[str, Any]:
        """Announce how an execution failed, without the configuration, which may be the cause."""
        failure = look_up(event.get("detail"), self.clients)
        attempt.operation_id = failure.operation_id
        logger.append_keys(operation_id=failure.operation_id)
        store = StateStore.of(self.environment, self.clients)
        state = self._mark_failed(store, failure)
        if failure.is_over and state is not None and state.target_lock is not None:
            account, region, cluster = state.target_lock
            TargetLock(store, self.clients, account, region, cluster).release(
                failure.operation_id, failure.execution_arn
            )
        message_id = send_notification(
            self.environment.topic_arn,
            f"Aurora restore {failure.restore or self.environment.default_restore}: "
            f"{ANNOUNCE_FAILURE}",
            self._message(
                failure.operation_id,
                ANNOUNCE_FAILURE,
                f"Aurora restore failed at {failure.step or 'its start'}: {failure.reason}",
                {
                    **failure.details(_stored_details(store, failure)),
                    "restore": failure.restore or (state and state.restore),
                },
            ),
            clients=self.clients,
        )
        noted = {"message_id": message_id, "notified_status": ANNOUNCE_FAILURE}
        moment = self._clock()
        if failure.is_over and state is not None:
            # After a redrive, this older state would count as the newest.
            announced = replace(state, notified_status=ANNOUNCE_FAILURE)
            store.save(
                failure.operation_id, self.step.name, SUCCESS, announced.to_details(), moment
            )
        store.audit(failure.operation_id, self.step.name, SUCCESS, noted, moment)
        self._count(failure.operation_id, ANNOUNCE_FAILURE)
        logger.info("failure announced", failed_step=failure.step)
        answer = Answer("Notification sent successfully", noted)
        return success_envelope(failure.operation_id, answer)

    def _mark_failed(self, store: StateStore, failure: Failure) -> OperationState | None:
        """Write that the step failed, unless the step did so itself or the execution was redriven.

        Return the operation's state, or None if it cannot be read: then nothing is written over it,
        and the failure is announced all the same.
        """
        items = {item["step"]: item for item in store.load_all(failure.operation_id)}
        latest = max(items.values(), key=lambda item: str(item["timestamp"]), default=None)
        try:
            state = OperationState.from_details({} if latest is None else latest["details"])
        except ValidationError as error:
            logger.error("the state cannot be read", reason=error.message)
            return None
        written = items.get(failure.step or "", {}).get("status") == FAILED
        if failure.step is None or written or not failure.is_over:
            return state
        reason = failure.as_error()
        moment = self._clock()
        details = {**state.to_details(), ERROR: reason}
        store.save(failure.operation_id, failure.step, FAILED, details, moment)
        store.audit(failure.operation_id, failure.step, FAILED, reason, moment)
        return state


def _stored_details(store: StateStore, failure: Failure) -> Mapping[str, Any]:
    """Return the details of the error that the failed step has stored; the remedy may need them."""
    item = store.load(failure.operation_id, failure.step) if failure.step else None
    error = {} if item is None else item["details"].get(ERROR, {})
    details: Mapping[str, Any] = error.get("details", {})
    return details if error.get("type") == failure.error_type else {}


def _is_status_change(event: Any) -> bool:
    return isinstance(event, Mapping) and event.get("detail-type") == STATUS_CHANGE


handler = SnsNotificationHandler()
