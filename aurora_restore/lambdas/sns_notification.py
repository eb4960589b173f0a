"""Step 10: announce the outcome. Also the target of the rule for executions that fail."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from aurora_restore.shared.aws_utils import Clients, default_clients, send_notification
from aurora_restore.shared.base_handler import Answer, BaseHandler, Job, LambdaContext
from aurora_restore.shared.common import logger, metrics, timestamp, update_metrics
from aurora_restore.shared.errors import ValidationError
from aurora_restore.shared.failed_execution import Failure, look_up
from aurora_restore.shared.lambda_environment import LambdaEnvironment
from aurora_restore.shared.pipeline import get_step
from aurora_restore.shared.state_utils import ERROR, FAILED, SUCCESS, StateStore, seconds_since
from aurora_restore.shared.target_lock import TargetLock

STATUS_CHANGE: Final = "Step Functions Execution Status Change"
ANNOUNCE_SUCCESS: Final = "success"
ANNOUNCE_FAILURE: Final = "failed"

# What a success announces of the state: what a person asks first.
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
    """Publishes one JSON message to the topic, and lets go of the target's lock.

    As the last step it announces success. Called by EventBridge, because an execution has failed,
    timed out or been aborted, it marks the step FAILED where the function could not do so itself,
    and announces what it finds to be the cause.
    """

    step = get_step("sns-notification")

    def __call__(self, event: Any, context: LambdaContext) -> dict[str, Any]:
        if isinstance(event, Mapping) and event.get("detail-type") == STATUS_CHANGE:
            return self._announce_failure(event)
        return super().__call__(event, context)

    def run(self, job: Job) -> Answer:
        """Raises NotificationError, and ValidationError where an execution has come here without
        having restored anything."""
        event = job.event
        status = event.status or ANNOUNCE_SUCCESS
        if job.execution and status == ANNOUNCE_SUCCESS and "restore_status" not in job.state:
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
        duration = seconds_since(job.state["operation_started_at"], job.clock())
        update_metrics(job.operation_id, "OperationDuration", duration, "Seconds")
        return Answer(
            "Notification sent successfully",
            {"message_id": message_id},
            {"notified_status": status},
        )

    def _facts(self, job: Job) -> dict[str, Any]:
        known = {fact: job.state[fact] for fact in _FACTS if job.state.get(fact) is not None}
        return {
            "cluster_identifier": job.target_cluster_id,
            "target_cluster_id": job.target_cluster_id,
            **known,
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

    def _announce_failure(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Needs no configuration, because a wrong one may be the cause.

        What it raises makes Lambda try again, and at last puts the event in the dead-letter queue.
        """
        clients = self._clients or default_clients()
        environment = self._environment or LambdaEnvironment.from_env()
        failure = look_up(event.get("detail"), clients)
        logger.clear_state()
        logger.append_keys(operation_id=failure.operation_id, step=self.step.name)
        store = StateStore.of(environment, clients)
        state = self._mark_failed(store, failure)
        self._unlock(store, failure, state, clients)
        message_id = send_notification(
            environment.topic_arn,
            f"Aurora restore {failure.restore or environment.default_restore}: {ANNOUNCE_FAILURE}",
            self._message(
                failure.operation_id,
                ANNOUNCE_FAILURE,
                f"Aurora restore failed at {failure.step or 'its start'}: {failure.reason}",
                {
                    **failure.details(_stored_details(store, failure)),
                    "restore": failure.restore or state.get("restore"),
                },
            ),
            clients=clients,
        )
        answer = {"message_id": message_id, "notified_status": ANNOUNCE_FAILURE}
        if failure.is_over:
            # Else the state of before the redrive would count as the newest.
            store.save(
                failure.operation_id, self.step.name, SUCCESS, {**state, **answer}, self._clock()
            )
        store.audit(failure.operation_id, self.step.name, SUCCESS, answer, self._clock())
        self._count(failure.operation_id, ANNOUNCE_FAILURE)
        metrics.add_dimension("step", self.step.name)
        metrics.flush_metrics()
        logger.info("failure announced", failed_step=failure.step)
        return {
            "statusCode": int(HTTPStatus.OK),
            "body": {
                "message": "Notification sent successfully",
                "operation_id": failure.operation_id,
                **answer,
            },
        }

    def _unlock(
        self, store: StateStore, failure: Failure, state: Mapping[str, Any], clients: Clients
    ) -> None:
        """Let go of the lock of an execution that is over; one that was redriven goes on."""
        if failure.is_over and "target_lock" in state:
            account, region, cluster = state["target_lock"]
            TargetLock(store, clients, account, region, cluster).release(
                failure.operation_id, failure.execution_arn
            )

    def _mark_failed(self, store: StateStore, failure: Failure) -> dict[str, Any]:
        """Say in the state that the step failed, unless it says so itself or has been redriven;
        answers the state."""
        items = {item["step"]: item for item in store.load_all(failure.operation_id)}
        latest = max(items.values(), key=lambda item: str(item["timestamp"]), default=None)
        state = {} if latest is None else dict(latest["details"])
        state.pop(ERROR, None)
        said = items.get(failure.step or "", {}).get("status") == FAILED
        if failure.step is None or said or not failure.is_over:
            return state
        reason = failure.as_error()
        moment = self._clock()
        store.save(failure.operation_id, failure.step, FAILED, {**state, ERROR: reason}, moment)
        store.audit(failure.operation_id, failure.step, FAILED, reason, moment)
        return state


def _stored_details(store: StateStore, failure: Failure) -> Mapping[str, Any]:
    """Return the details of the error that the failed step has stored: what to do may need them."""
    item = store.load(failure.operation_id, failure.step) if failure.step else None
    error = {} if item is None else item["details"].get(ERROR, {})
    details: Mapping[str, Any] = error.get("details", {})
    return details if error.get("type") == failure.error_type else {}


handler = SnsNotificationHandler()
