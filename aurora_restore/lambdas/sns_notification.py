"""Announce the outcome. The rule for failed executions calls this function, too."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from aurora_restore.shared.aws_utils import call, send_notification
from aurora_restore.shared.base_handler import (
    Attempt,
    BaseHandler,
    success_envelope,
)
from aurora_restore.shared.common import (
    count_announced_failure,
    get_config,
    logger,
    parse_timestamp,
    timestamp,
    update_metrics,
)
from aurora_restore.shared.documents.restore import Restore
from aurora_restore.shared.documents.schema import to_json
from aurora_restore.shared.errors import (
    AuroraRestoreError,
    CorruptStateError,
    StillInQuarantineError,
    ValidationError,
)
from aurora_restore.shared.events.recorded import run_outcome
from aurora_restore.shared.failed_execution import Failure, look_up
from aurora_restore.shared.hook_call import HookedRun, with_after_run
from aurora_restore.shared.job import Answer, Job, LambdaContext
from aurora_restore.shared.lambda_environment import LambdaEnvironment
from aurora_restore.shared.later_operation import LaterOperation, find_later_operation
from aurora_restore.shared.latest_state import load_operation_state
from aurora_restore.shared.monitoring.run_record import (
    RunRecord,
    RunRecordStore,
    facts_of_run,
)
from aurora_restore.shared.notices.chat import custom_notification
from aurora_restore.shared.notices.expense import instance_classes
from aurora_restore.shared.notices.failure import FAILED_STATUS, facts_of_target, failure_notice
from aurora_restore.shared.notices.notice import Notice
from aurora_restore.shared.notices.publication import by_protocol
from aurora_restore.shared.notices.success import (
    SUCCESS_STATUS,
    announced_facts,
    notice_in_words,
    success_notice,
)
from aurora_restore.shared.notices.target import UNCHANGED, TargetNow, target_now
from aurora_restore.shared.notices.way_on import DeployedPipeline
from aurora_restore.shared.operation_state import OperationState
from aurora_restore.shared.pause import PauseStore
from aurora_restore.shared.pipeline import AFTER_RUN, get_step
from aurora_restore.shared.sequences import REPLACE, RETIRE, get_sequence
from aurora_restore.shared.state_utils import (
    ERROR,
    FAILED,
    SUCCESS,
    StateStore,
    audit_key,
    seconds_since,
)
from aurora_restore.shared.target_lock import TargetLock
from aurora_restore.shared.target_record import TargetRecord, TargetRecordStore

STATUS_CHANGE: Final = "Step Functions Execution Status Change"


class SnsNotificationHandler(BaseHandler):
    """The step that publishes one JSON message to the topic, and releases the target's lock.

    As the last step it announces success, or nothing where an hourly look has changed nothing. If
    EventBridge calls it, because an execution has failed, timed out or been aborted, it marks the
    step FAILED if the step's function could not do so itself, and announces the cause.
    """

    step = get_step("sns-notification")
    services = ("sns",)

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

        Raises NotificationError if SNS refuses the message, and ValidationError if a direct call
        gives no status, or if a success is to be announced of an operation that has restored
        nothing.
        """
        state = job.state
        if job.execution and job.sequence is RETIRE and not state.deleted_beside:
            job.lock.release(job.operation_id, job.execution.id)
            return Answer("Nothing to announce: nothing was due beside the target")
        status = _outcome(job)
        notice = self._notice(job, status)
        message_id = self._publish(notice)
        if job.execution:
            if status == SUCCESS_STATUS and job.sequence.is_refresh:
                self._remember_success(job)
            job.lock.release(job.operation_id, job.execution.id)
        if job.sequence is not RETIRE:
            self._count(job.operation_id, status)
            duration = seconds_since(job.started_at, job.clock())
            update_metrics(job.operation_id, "OperationDuration", duration, "Seconds")
        self._publish_to_chat(notice)
        answer = Answer(
            "Notification sent successfully",
            {"message_id": message_id},
            replace(state, notified_status=status),
            outcome=run_outcome(notice.document) if job.execution else None,
        )
        return with_after_run(job, answer, status)

    def _remember_success(self, job: Job) -> None:
        """Write the record of a run by which it is known that the restore is not overdue."""
        schedule = job.restore.schedule
        RunRecordStore(job.store, job.restore_name).write(
            RunRecord(
                restore=job.restore_name,
                operation=job.operation_id,
                outcome="succeeded",
                started_at=job.started_at,
                ended_at=timestamp(job.clock()),
                schedule=None if schedule is None else str(schedule),
                target=target_now(job.state, job.operation_id).short,
                **facts_of_run(job.state),
            )
        )

    def _remember_failure(
        self,
        records: RunRecordStore,
        failure: Failure,
        ended: datetime,
        state: OperationState | None,
        target: TargetNow,
    ) -> None:
        """Write the record of a run that has failed, if it was to refresh a target.

        ``state`` is the operation's if the execution has worked on it.
        """
        sequence = state and state.sequence and get_sequence(state.sequence)
        if not failure.is_refresh or not failure.is_over or (sequence and not sequence.is_refresh):
            return
        began = None if state is None else state.operation_started_at
        records.write(
            RunRecord(
                restore=records.restore,
                operation=failure.operation_id,
                outcome="failed",
                started_at=began or timestamp(failure.started or ended),
                ended_at=timestamp(ended),
                target=target.short,
                failed_at=failure.step,
                error_type=failure.error_type,
                **facts_of_run(state),
            )
        )

    def _publish(self, notice: Notice) -> str:
        return send_notification(
            self.environment.topic_arn,
            notice.subject,
            by_protocol(notice),
            clients=self.clients,
        )

    def _publish_to_chat(self, notice: Notice) -> None:
        """Publish to the chat channel's topic, if there is one: whether it works matters little."""
        topic = self.environment.chat_topic_arn
        if not topic:
            return
        try:
            send_notification(
                topic, notice.subject, custom_notification(notice), clients=self.clients
            )
        except AuroraRestoreError as error:
            logger.error("the chat channel was not notified", topic=topic, reason=error.message)

    def _notice(self, job: Job, status: str) -> Notice:
        event = job.event
        warnings = () if job.sequence is RETIRE else tuple(_warnings(job))
        if status == SUCCESS_STATUS and event.message is None and event.details is None:
            return success_notice(
                job.operation_id,
                job.state,
                restore=job.restore_name,
                target=job.target_cluster_id,
                restored_cluster=job.restored_cluster_id,
                deployment=_deployment(self.environment),
                moment=self._clock(),
                audit=job.store.audit_trail(job.operation_id),
                instance_classes=_instance_classes(job),
                warnings=warnings,
            )
        facts = announced_facts(job.state, job.target_cluster_id, job.restored_cluster_id, warnings)
        return notice_in_words(
            job.operation_id,
            status=status,
            sentence=event.message,
            details=facts if event.details is None else event.details,
            restore=job.restore_name,
            deployment=_deployment(self.environment),
            moment=self._clock(),
        )

    def _count(self, operation_id: str, status: str) -> None:
        update_metrics(operation_id, "RestoreSucceeded", int(status == SUCCESS_STATUS))
        update_metrics(operation_id, "RestoreFailed", int(status == FAILED_STATUS))

    def _announce_failure(self, attempt: Attempt, event: Mapping[str, Any]) -> dict[str, Any]:
        """Announce how an execution failed, without the configuration, which may be the cause."""
        failure = look_up(event.get("detail"), self.clients)
        attempt.operation_id = failure.operation_id
        logger.append_keys(operation_id=failure.operation_id)
        attempt.audited_as = audit_key(failure.operation_id)
        store = StateStore.of(self.environment, self.clients)
        state = self._known_state(store, failure)
        failure = failure.naming_function(state)
        lock = self._lock_of(store, state)
        own = state if state and self._is_its_own(failure, state, lock) else None
        if own is not None:
            self._mark_failed(store, failure, own)
        if lock is not None and failure.is_over:
            lock.release(failure.operation_id, failure.execution_arn)
        restore = attempt.restore = self._restore_of(failure, state)
        record = self._record_of(store, state)
        notice = failure_notice(
            failure,
            state=state,
            is_own=own is not None,
            error_details=_error_details(store, failure),
            restore=restore,
            deployment=_deployment(self.environment),
            moment=self._clock(),
            record=record,
            later=_later_than(store, failure.operation_id, state, record),
        )
        message_id = self._publish(notice)
        ended = _end_of(event["detail"])
        end = {"execution_arn": failure.execution_arn, "ended": ended and timestamp(ended)}
        is_repeated = ended is not None and _is_announced(store, attempt.audited_as, end)
        noted = {"message_id": message_id, "notified_status": FAILED_STATUS}
        moment = self._clock()
        if own is not None:
            announced = replace(own, notified_status=FAILED_STATUS)
            store.save(
                failure.operation_id, self.step.name, SUCCESS, announced.to_details(), moment
            )
        store.audit(
            attempt.audited_as,
            self.step.name,
            SUCCESS,
            {**noted, **end},
            moment,
            run=_run_of(failure, restore, state if own is not None else None),
            outcome=None if is_repeated else run_outcome(notice.document),
        )
        # What another execution works on has its record from that one.
        if restore is not None and (own is not None or state is None):
            target = UNCHANGED if own is None else target_now(own, failure.operation_id, record)
            self._remember_failure(
                RunRecordStore(store, restore), failure, ended or moment, own, target
            )
        if not is_repeated:
            count_announced_failure(failure.operation_id, ended)
            self._count(failure.operation_id, FAILED_STATUS)
            self._call_after_run(failure, own, restore)
        self._publish_to_chat(notice)
        logger.info("failure announced", failed_step=failure.step)
        answer = Answer("Notification sent successfully", noted)
        return success_envelope(failure.operation_id, answer)

    def _call_after_run(
        self, failure: Failure, state: OperationState | None, restore_name: str | None
    ) -> None:
        """Ask Lambda to call ``after-run``, if there is one: whether it works matters little.

        The execution that has failed is over, and calls nothing. Nothing is called if it has not
        worked on the operation, or if the configuration cannot be read.
        """
        sequence = None if state is None else get_sequence(state.sequence or REPLACE.name)
        if state is None or sequence is None or AFTER_RUN not in dict(sequence.hooks).values():
            return
        try:
            name, restore = get_config(
                restore_name, clients=self.clients, environment=self.environment
            )
            function = restore.hooks.of(AFTER_RUN)
            if function is None:
                return
            given = self._hooked_run(failure, state, name, restore).after_run(
                state,
                status=FAILED_STATUS,
                step=failure.step,
                error_type=failure.error_type,
            )
            call(
                self.clients.functions.invoke,
                FunctionName=function.function,
                InvocationType="Event",
                Payload=json.dumps(to_json(given)).encode(),
            )
        except AuroraRestoreError as error:
            logger.error("the hook after-run was not called", reason=error.message)

    def _hooked_run(
        self, failure: Failure, state: OperationState, name: str, restore: Restore
    ) -> HookedRun:
        environment = self.environment
        return HookedRun(
            environment=environment,
            operation_id=failure.operation_id,
            restore=name,
            sequence=state.sequence or REPLACE.name,
            run=state.attempted_in or failure.execution_arn,
            target_cluster_id=restore.target.cluster_id,
            secrets=environment.secrets_of(name, restore.secrets),
            database=state.application_database or next(iter(restore.database.databases), None),
        )

    def _known_state(self, store: StateStore, failure: Failure) -> OperationState | None:
        """Return the operation's state, or None if it cannot be read.

        Nothing is written over what cannot be read, and the failure is announced all the same.
        """
        try:
            _, state = load_operation_state(store, failure.operation_id)
        except CorruptStateError as error:
            logger.error("the state cannot be read", reason=error.message)
            return None
        return state

    def _lock_of(self, store: StateStore, state: OperationState | None) -> TargetLock | None:
        """Return the lock of the operation's target; None if it has taken none."""
        if state is None or state.target_lock is None:
            return None
        account, region, cluster = state.target_lock
        return TargetLock(store, self.clients, account, region, cluster)

    def _record_of(self, store: StateStore, state: OperationState | None) -> TargetRecord | None:
        """Return the record of the operation's target; None if there is none that can be read."""
        if state is None or state.target_lock is None:
            return None
        with suppress(ValidationError):
            return TargetRecordStore(store, *state.target_lock).read()
        return None

    def _is_its_own(self, failure: Failure, state: OperationState, lock: TargetLock | None) -> bool:
        arn = failure.execution_arn
        other = lock and lock.other_at_work(failure.operation_id, arn, self._clock())
        return failure.is_of(state.attempted_in, other_at_work=bool(other))

    def _mark_failed(self, store: StateStore, failure: Failure, state: OperationState) -> None:
        """Write that the step failed, unless the step did so itself."""
        item = store.load(failure.operation_id, failure.step)
        if failure.step is None or (item is not None and item["status"] == FAILED):
            return
        reason = {**failure.as_error(), **facts_of_target(state)}
        moment = self._clock()
        details = {**state.to_details(), ERROR: reason}
        store.save(failure.operation_id, failure.step, FAILED, details, moment)
        run = _run_of(failure, state.restore, state)
        store.audit(audit_key(failure.operation_id), failure.step, FAILED, reason, moment, run=run)

    def _restore_of(self, failure: Failure, state: OperationState | None) -> str | None:
        """Return the restore that an execution was one of; None if nothing says which.

        A configuration that cannot be read may be why the execution failed.
        """
        known = failure.restore or (state and state.restore) or self.environment.default_restore
        if known or failure.target_cluster_id is None:
            return known or None
        with suppress(AuroraRestoreError):
            name, _ = get_config(
                None,
                failure.target_cluster_id,
                clients=self.clients,
                environment=self.environment,
            )
            return name
        return None


def _outcome(job: Job) -> str:
    """Return the outcome to announce: the event's, or in an execution, success.

    Raises ValidationError if a direct call gives none, or if the operation has no success.
    """
    status = job.event.status
    if status is None and not job.execution:
        raise ValidationError(
            f"status: is missing; give {SUCCESS_STATUS!r} or {FAILED_STATUS!r}, as only an "
            "execution that comes to this step has succeeded by that"
        )
    status = status or SUCCESS_STATUS
    if job.sequence is RETIRE:
        return status
    is_switch = "switch-cluster" in job.sequence.steps
    result = job.state.switched_at if is_switch else job.state.restore_status
    if status == SUCCESS_STATUS and result is None:
        did = "switched to" if is_switch else "restored"
        problem = f"operation {job.operation_id} has {did} no cluster that could be announced"
        raise ValidationError(
            f"start_at: {problem}; enter at an earlier step"
            if job.execution
            else f"operation_id: {problem}; give the id of one that has"
        )
    if status == SUCCESS_STATUS and job.state.is_in_quarantine:
        raise StillInQuarantineError(
            f"cluster {job.target_cluster_id} is still in quarantine: operation "
            f"{job.operation_id} has not handed it over",
            target_cluster_id=job.target_cluster_id,
        )
    return status


def _run_of(failure: Failure, restore: str | None, state: OperationState | None) -> dict[str, str]:
    """Return what the audit trail says of the run that has failed, as far as it is known."""
    target = failure.target_cluster_id
    if state is not None and state.target_lock is not None:
        target = state.target_lock[-1]
    known = {
        "restore": restore,
        "sequence": None if state is None else state.sequence,
        "target_cluster_id": target,
        "execution_arn": failure.execution_arn,
    }
    return {name: value for name, value in known.items() if value is not None}


def _error_details(store: StateStore, failure: Failure) -> Mapping[str, Any]:
    """Return the details of the error that the step has recorded; the remedy may need them."""
    if failure.step is None:
        return {}
    key = audit_key(failure.operation_id)
    error = store.last_audited_error(key, failure.step, failure.error_type)
    details: Mapping[str, Any] = error.get("details", {})
    return details


def _is_announced(store: StateStore, key: str, end: Mapping[str, Any]) -> bool:
    """Return whether the end of an execution has been announced already.

    EventBridge may deliver an event twice, and Lambda repeats a call that failed after the notice.
    Counted twice, it would hide from the alarm another failure that nobody has heard of.
    """
    return any(
        event["step"] == SnsNotificationHandler.step.name
        and all(event["details"].get(name) == value for name, value in end.items())
        for event in store.audit_trail(key)
    )


def _end_of(detail: Mapping[str, Any]) -> datetime | None:
    """Return when the execution ended that an event reports; in it are milliseconds."""
    stopped = detail.get("stopDate")
    return datetime.fromtimestamp(stopped / 1000, UTC) if isinstance(stopped, int) else None


def _later_than(
    store: StateStore, operation_id: str, state: OperationState | None, record: TargetRecord | None
) -> LaterOperation | None:
    """Return the operation that came to the target since this one began."""
    if state is None or state.operation_started_at is None:
        return None
    began = parse_timestamp(state.operation_started_at)
    return find_later_operation(store, operation_id, record, began)


def _warnings(job: Job) -> Iterator[str]:
    """Yield what those should know who rely on the target: so no pause is forgotten, for one."""
    if warning := job.restore.database.masking_warning:
        yield warning
    if warning := PauseStore(job.store, job.restore_name).warning(job.clock()):
        yield warning


def _is_status_change(event: Any) -> bool:
    return isinstance(event, Mapping) and event.get("detail-type") == STATUS_CHANGE


def _instance_classes(job: Job) -> list[str]:
    """Return the classes of the restored cluster's instances, as far as they are configured."""
    if job.sequence is RETIRE:
        return []
    return instance_classes(job.state, job.restore.target.instances)


def _deployment(environment: LambdaEnvironment) -> DeployedPipeline:
    return DeployedPipeline(environment.name_prefix, environment.state_machine_arn)


handler = SnsNotificationHandler.loaded()
