"""What every function does around its own work, and the one place where errors end."""

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, ClassVar, Final, Self, TypedDict

from aurora_restore.shared.awaited import Awaited
from aurora_restore.shared.aws_utils import Clients, default_clients
from aurora_restore.shared.cluster.quarantine import quarantine_notice
from aurora_restore.shared.common import (
    flush_metrics,
    get_config,
    json_safe,
    logger,
    now,
    timestamp,
    tracer,
    update_metrics,
)
from aurora_restore.shared.documents.contradictions import faults_of_event
from aurora_restore.shared.documents.event import Event
from aurora_restore.shared.documents.regions import region_fault
from aurora_restore.shared.documents.schema import kind_of, parse, refused, shown
from aurora_restore.shared.durations import EarlierDurations
from aurora_restore.shared.errors import (
    HOLDER,
    HOLDER_GIVES_WAY,
    AuroraRestoreError,
    ConfigurationError,
    OperationInProgressError,
    ValidationError,
    described,
)
from aurora_restore.shared.initialisation import end_loading, is_function
from aurora_restore.shared.job import Answer, CallingExecution, Job, LambdaContext
from aurora_restore.shared.lambda_environment import LambdaEnvironment
from aurora_restore.shared.latest_state import load_operation_state, load_state_of_run
from aurora_restore.shared.operation_identity import (
    choose_sequence,
    require_same_restore,
    require_same_target,
)
from aurora_restore.shared.operation_state import OperationState
from aurora_restore.shared.pipeline import STEPS, Step
from aurora_restore.shared.protocol import (
    EXECUTION,
    IGNORED_INPUT,
    INPUT,
    NEXT_STEP,
    RETRY_AFTER,
)
from aurora_restore.shared.sequences import SEQUENCES, StepSequence, followers_of
from aurora_restore.shared.snapshots.identity import require_agreement
from aurora_restore.shared.state_utils import (
    ERROR,
    FAILED,
    IN_PROGRESS,
    REFUSED,
    SUCCESS,
    UNKNOWN_OPERATION,
    StateStore,
    get_operation_id,
)
from aurora_restore.shared.step_wait import StepWait
from aurora_restore.shared.switching.notice import target_notice
from aurora_restore.shared.target_lock import start_of
from aurora_restore.shared.waiting import CallAgain, StayInside

SERVICES_OF_ALL: Final = ("dynamodb", "ssm")
"""Where state and configuration are, which every function reads."""

CLOCKS_DIFFER: Final = timedelta(seconds=10)
"""By how much the clocks of two functions may differ, generously."""


@dataclass
class Attempt:
    """As much of a call as is known when it fails."""

    operation_id: str = "unknown"
    audited_as: str = UNKNOWN_OPERATION
    """The operation's id once it is known to be one, and what stands for it until then."""
    job: Job | None = None
    restore: str | None = None
    """Which restore it is a call for."""
    latest: str | None = None
    """The timestamp of the operation's latest state item when the state was read."""
    is_of_run: bool = False
    """Whether that is what this very run of the execution has written last."""
    has_begun: bool = False
    """Whether the step has got to work: until then, no failure is one of the operation."""
    has_lock: bool = False
    """Whether it has the target's lock, so that nobody else writes the operation's state."""
    written: OperationState | None = None
    """The state as it was read, or as this call has written it since."""

    def knows_latest(self, taken_before: str | None) -> bool:
        """Return whether the state that was read is the latest, now that it has the lock.

        It is what the run's last call has written. That one had taken the lock at ``taken_before``,
        and nobody else has had it since.
        """
        if not self.is_of_run or self.latest is None or taken_before is None:
            return False
        return self.latest >= taken_before

    def target(self) -> dict[str, str]:
        """Return what a failure says of the target, and of the quarantine of the new cluster.

        A refused call may name an operation that is none of its.
        """
        job = self.job
        if job is None or not self.has_begun:
            return {}
        return {
            **target_notice(job.state, job.target_cluster_id),
            **quarantine_notice(job.state, job.restored_cluster_id),
        }

    def starter(self) -> dict[str, str]:
        """Return what the audit trail says of who has started this very execution or call."""
        started_by = None if self.job is None else self.job.event.started_by
        return {} if started_by is None else {"started_by": started_by}

    def identify(self, operation_id: str) -> None:
        """Remember the operation, whose id is valid."""
        self.operation_id = self.audited_as = operation_id


class HandlerOptions(TypedDict, total=False):
    """What a handler is given instead of what a Lambda function has."""

    clients: Clients | None
    environment: LambdaEnvironment | None
    clock: Callable[[], datetime]
    sleep: Callable[[float], None]


class BaseHandler(ABC):
    """A Lambda function: read, validate, look, do what is missing, record it, return the answer.

    A subclass declares its ``step`` and writes ``run``. A call by the state machine carries its
    mark (``execution``), and then a failure raises, so that the execution fails at exactly this
    state and a re-run starts there; a direct call gets the documented envelope.
    """

    step: ClassVar[Step]
    services: ClassVar[tuple[str, ...]] = ()
    """The services that every call of the function needs, beside those of all functions."""

    @classmethod
    def loaded(cls) -> Self:
        """Return the handler of a function, at the end of its module.

        A Lambda function makes its clients now, and others when they are first used.
        """
        handler = cls()
        if is_function():
            handler.clients.make(handler.clients_at_load)
        end_loading()
        return handler

    @property
    def clients_at_load(self) -> tuple[str, ...]:
        """Return the services whose clients the function makes while it is loaded."""
        return (*SERVICES_OF_ALL, *self.services)

    def __init__(
        self,
        *,
        clients: Clients | None = None,
        environment: LambdaEnvironment | None = None,
        clock: Callable[[], datetime] = now,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clients = clients
        self._environment = environment
        self._clock = clock
        self._sleep = sleep

    @property
    def clients(self) -> Clients:
        """Return the clients given, or those of this process."""
        return self._clients or default_clients()

    @property
    def environment(self) -> LambdaEnvironment:
        """Return the environment given, or the function's.

        Raises ConfigurationError if a variable of the function is not set.
        """
        return self._environment or LambdaEnvironment.from_env()

    @abstractmethod
    def run(self, job: Job) -> Answer:
        """Do the step's work and return its answer. Raises AuroraRestoreError if it fails."""

    def hold_back(self, job: Job, *, is_new: bool) -> Answer | None:
        """Return the answer of a run that is not to begin; None lets it begin, and take the lock.

        ``is_new`` is whether nothing is known of the operation yet.
        """
        del job, is_new
        return None

    def raises(self, event: Any) -> bool:
        """Return whether a failure raises an error to the caller, as it does in an execution."""
        return isinstance(event, Mapping) and EXECUTION in event

    def respond(self, attempt: Attempt, event: Any, context: LambdaContext) -> dict[str, Any]:
        """Prepare the job that an event asks for, run it under the lock, and record its answer."""
        execution, asked = self._read(event)
        attempt.identify(get_operation_id({**_as_mapping(event), **asked}))
        logger.append_keys(operation_id=attempt.operation_id)
        request = parse(Event, asked, source="event")
        job = self._prepare(attempt, request, execution, context)
        attempt.job = job
        attempt.restore = job.restore_name
        if (held_back := self.hold_back(job, is_new=attempt.latest is None)) is not None:
            return self._end(attempt, job, held_back)
        try:
            self._lock(attempt, job)
        except OperationInProgressError as error:
            answer = self._give_way(job, error)
            if answer is None:
                raise
            return self._end(attempt, job, self._call_again(job, answer))
        attempt.has_begun = True
        logger.info("step begins", restore=job.restore_name)
        job, answer = self._run_while_waiting(attempt, job)
        return self._end(attempt, job, answer)

    def _end(self, attempt: Attempt, job: Job, answer: Answer) -> dict[str, Any]:
        """Record an answer, and return it in its envelope."""
        answer = self._with_next_step(job, answer)
        self._record_answer(attempt, job, answer)
        return success_envelope(job.operation_id, answer)

    def _run_while_waiting(self, attempt: Attempt, job: Job) -> tuple[Job, Answer]:
        """Run the step, and again after each wait inside the function; return its last answer.

        What has been found and done is written before each wait, and after it the lock is proven
        again: the execution may have been stopped, and another one may be at work.
        """
        wait, attempt.written = self._wait_of(job), job.state
        while True:
            answer = wait.keep_clock(job, self.run(job))
            if answer.awaited is None:
                return job, answer
            match wait.next_look(job, answer, has_lock=attempt.has_lock):
                case CallAgain(seconds):
                    return job, _with_retry_after(answer, seconds)
                case StayInside(seconds):
                    job = attempt.job = self._keep(attempt, job, answer)
                    self._sleep(seconds)
                    job.prove_lock()

    def _call_again(self, job: Job, answer: Answer) -> Answer:
        """Return an answer that waits, if it does, with the time after which to call again."""
        if answer.awaited is None:
            return answer
        wait = self._wait_of(job)
        answer = wait.keep_clock(job, answer)
        look = wait.next_look(job, answer, has_lock=False)
        return _with_retry_after(answer, math.ceil(look.seconds))

    def _wait_of(self, job: Job) -> StepWait:
        return StepWait(self._clock(), EarlierDurations(job.store, job.restore_name))

    def _keep(self, attempt: Attempt, job: Job, answer: Answer) -> Job:
        """Write what an answer says, if it is new, and return the job that goes on from there.

        The audit trail gets it only if something else is waited for than before.
        """
        state = answer.state or job.state
        if attempt.written is None or attempt.written.waiting_since != state.waiting_since:
            self._record_answer(attempt, job, answer)
        elif attempt.written != state:
            self._save(job, IN_PROGRESS, state)
        attempt.written = state
        return replace(job, state=state)

    def _give_way(self, job: Job, error: OperationInProgressError) -> Answer | None:
        """Return the answer of an execution that does not fail although the target is taken.

        None if it fails. One that gives way is done with the step, having done nothing; another
        one waits for what gives way to it.
        """
        if job.execution is None or job.operation_id == error.details.get(HOLDER):
            return None
        body = {"target_cluster_id": job.target_cluster_id, "reason": error.message}
        if job.sequence.gives_way:
            return Answer("Nothing done: the target is taken", body, only_looked=True)
        if self.step.waits and error.details.get(HOLDER_GIVES_WAY):
            message = "The target is taken for now"
            return replace(Answer.wait(Awaited.LOCK, message, body), only_looked=True)
        return None

    def __call__(self, event: Any, context: LambdaContext) -> dict[str, Any]:
        """Handle an event and return the envelope: the Lambda entry point."""
        handled = tracer.capture_lambda_handler(self._handle, capture_response=False)
        answer: dict[str, Any] = handled(event, context)
        return answer

    def _handle(self, event: Any, context: LambdaContext) -> dict[str, Any]:
        started = self._clock()
        logger.clear_state()
        logger.append_keys(step=self.step.name)
        attempt = Attempt()
        try:
            answer = self.respond(attempt, event, context)
        except AuroraRestoreError as error:
            self._record_failure(attempt, error)
            if self.raises(event):
                raise
            return error_envelope(attempt.operation_id, error, attempt.target())
        except Exception as error:
            failure = AuroraRestoreError(
                f"{self.step.name} failed unexpectedly with {type(error).__name__}; "
                "its log has the stack trace"
            )
            logger.exception("unexpected error")
            self._record_failure(attempt, failure)
            if self.raises(event):
                raise failure from error
            return error_envelope(attempt.operation_id, failure, attempt.target())
        else:
            return answer
        finally:
            self._unlock(attempt)
            duration = (self._clock() - started).total_seconds()
            update_metrics(attempt.operation_id, "StepDuration", duration, "Seconds")
            flush_metrics(self.step.name, attempt.restore)

    def _read(self, event: Any) -> tuple[CallingExecution | None, Mapping[str, Any]]:
        if not isinstance(event, Mapping):
            raise ValidationError(f"event: must be an object, not {kind_of(event)}")
        if EXECUTION not in event:
            return None, event
        asked = event.get(INPUT)
        if not isinstance(asked, Mapping):
            raise ValidationError(
                f"event: the execution's input must be an object, not {kind_of(asked)}"
            )
        asked = {name: value for name, value in asked.items() if name not in IGNORED_INPUT}
        return CallingExecution.parse(event[EXECUTION]), asked

    def _require_acceptable(self, event: Event) -> None:
        """Raise ValidationError if the event contradicts itself, this Region or this step."""
        if faults := list(faults_of_event(event, self.environment.regions_beyond_the_known)):
            raise refused(faults, "event")
        if event.target_region not in (None, self.clients.region):
            raise ValidationError(
                f"target_region: {shown(event.target_region)} is not where this environment "
                f"restores; it is {self.clients.region!r}"
            )
        if event.dry_run and not self.step.ends_dry_run:
            checking = " or ".join(step.name for step in STEPS if step.ends_dry_run)
            raise ValidationError(
                f"dry_run: {self.step.name} has none; a dry run is what {checking} does, so "
                "leave start_at out"
            )

    def _prepare(
        self,
        attempt: Attempt,
        event: Event,
        execution: CallingExecution | None,
        context: LambdaContext,
    ) -> Job:
        clients, environment = self.clients, self.environment
        self._require_acceptable(event)
        store = StateStore.of(environment, clients)
        attempt.latest, state = self._read_state(attempt, store, execution)
        require_same_restore(attempt.operation_id, event.restore, state)
        restore_name, restore = get_config(
            event.restore or state.restore,
            event.target_cluster_id,
            clients=clients,
            environment=environment,
        )
        if event.target_cluster_id not in (None, restore.target.cluster_id):
            raise ValidationError(
                f"target_cluster_id: {shown(event.target_cluster_id)} is not the target of restore "
                f"{restore_name!r}, which is {restore.target.cluster_id!r}"
            )
        require_agreement(event, state, attempt.operation_id)
        require_same_target(attempt.operation_id, restore.target.cluster_id, state)
        problem = region_fault(restore.source.region, environment.regions_beyond_the_known)
        if problem is not None:
            raise ConfigurationError(
                f"SSM parameter {environment.parameter_name(restore_name)}: source.region: "
                f"{problem}"
            )
        sequence = choose_sequence(attempt.operation_id, event, restore.target.strategy, state)
        self._require_step_of(sequence)
        return Job(
            operation_id=attempt.operation_id,
            step=self.step,
            event=event,
            execution=execution,
            account_id=context.invoked_function_arn.split(":")[4],
            region=clients.region,
            restore_name=restore_name,
            restore=restore,
            clients=clients,
            environment=environment,
            store=store,
            clock=self._clock,
            sleep=self._sleep,
            context=context,
            state=self._entering(state, restore_name, sequence, execution, event.started_by),
        )

    def _read_state(
        self, attempt: Attempt, store: StateStore, execution: CallingExecution | None
    ) -> tuple[str | None, OperationState]:
        """Return when the operation's latest state item was written, and the state in it.

        What this run has written last is found by its keys. That it is the latest is known once the
        call has the lock.
        """
        if execution is not None and self.step.locks:
            found = load_state_of_run(
                store, attempt.operation_id, execution.run, execution.called_after
            )
            attempt.is_of_run = found is not None
            if found is not None:
                return found
        return load_operation_state(store, attempt.operation_id)

    def _require_step_of(self, sequence: StepSequence) -> None:
        """Raise ValidationError if the operation never comes to this step."""
        is_declared = any(self.step.name in each.steps for each in SEQUENCES)
        if is_declared and self.step.name not in sequence.steps:
            raise ValidationError(
                f"start_at: {self.step.name} is no step of an operation of the kind "
                f"{sequence.name!r}, which takes {', '.join(sequence.steps)}"
            )

    def _entering(
        self,
        state: OperationState,
        restore_name: str,
        sequence: StepSequence,
        execution: CallingExecution | None,
        started_by: str | None,
    ) -> OperationState:
        """Return the state with which this call begins."""
        is_new = state.operation_started_at is None
        if execution:
            state = state.rerun(execution.run)
        return replace(
            state,
            restore=restore_name,
            sequence=sequence.name,
            operation_started_at=state.operation_started_at
            or timestamp(self._beginning(execution)),
            started_by=state.started_by or (started_by if is_new else None),
        )

    def _beginning(self, execution: CallingExecution | None) -> datetime:
        """Return when an operation without a state begins: now, unless its execution is redriven.

        Then it began with that execution's start, in which no step got to work, for example because
        another operation had the target.
        """
        if execution is None or not execution.redrive_count:
            return self._clock()
        return start_of(execution.id, self.clients) or self._clock()

    def _lock(self, attempt: Attempt, job: Job) -> None:
        """Take the target's lock: an execution until it is over, a direct call for itself.

        A step that changes nothing needs no lock: it may be called while an execution runs. An
        execution does not work on an operation beside another one, in no step.
        """
        if job.event.dry_run:
            return
        if job.execution and not self.step.locks:
            job.lock.refuse_beside(job.operation_id, job.caller, self._clock())
        elif job.execution:
            taken_before = job.take_lock()
            attempt.has_lock = True
            if not attempt.knows_latest(taken_before):
                self._reload(attempt, job)
            held = (job.account_id, job.region, job.target_cluster_id)
            job.state = replace(job.state, target_lock=held)
        elif self.step.locks and self.step.changes_aws:
            job.take_lock(lasting=timedelta(seconds=job.remaining_seconds) + CLOCKS_DIFFER)
            attempt.has_lock = True
            self._reload(attempt, job)

    def _unlock(self, attempt: Attempt) -> None:
        """Release the lock of a direct call; if that fails, it is free once the call must be over.

        An execution keeps it until its last step, or until its failure is announced.
        """
        job = attempt.job
        if job is None or job.execution or not attempt.has_lock:
            return
        try:
            job.lock.release(job.operation_id, job.caller)
        except AuroraRestoreError as error:
            logger.error("the lock could not be released", reason=error.message)

    def _reload(self, attempt: Attempt, job: Job) -> None:
        """Read the state again if another call has written it until this one had the lock."""
        latest, state = load_operation_state(job.store, job.operation_id)
        if latest != attempt.latest:
            attempt.latest = latest
            require_same_restore(job.operation_id, job.restore_name, state)
            job.state = self._entering(
                state, job.restore_name, job.sequence, job.execution, job.event.started_by
            )

    def _with_next_step(self, job: Job, answer: Answer) -> Answer:
        """Add what follows to an answer that does not wait, where not every sequence goes there."""
        is_done = answer.status is not HTTPStatus.ACCEPTED
        if not is_done or not job.execution or len(followers_of(self.step.name)) < 2:
            return answer
        following = job.sequence.next_of(self.step.name)
        return replace(answer, body={**answer.body, NEXT_STEP: following})

    def _record_answer(self, attempt: Attempt, job: Job, answer: Answer) -> None:
        status = IN_PROGRESS if answer.status is HTTPStatus.ACCEPTED else SUCCESS
        if not answer.only_looked and self._may_write(attempt, job):
            self._save(job, status, answer.state or job.state)
        job.store.audit(
            job.operation_id,
            self.step.name,
            status,
            {"message": answer.message, **answer.body, **attempt.starter()},
            self._clock(),
            run=job.run,
            outcome=answer.outcome,
        )
        logger.info(answer.message, status=status, status_code=int(answer.status))

    def _save(self, job: Job, status: str, state: OperationState) -> None:
        details = state.to_details()
        job.store.save(job.operation_id, self.step.name, status, details, self._clock())

    def _may_write(self, attempt: Attempt, job: Job) -> bool:
        """Return whether this call may write the operation's state.

        Without the lock, another execution or call may have found more than this one knows.
        """
        if job.has_lost_lock:
            return False
        if attempt.has_lock:
            return True
        if job.lock.other_at_work(job.operation_id, job.caller, self._clock()):
            return False
        latest = job.store.load(job.operation_id)
        return (None if latest is None else latest["timestamp"]) == attempt.latest

    def _record_failure(self, attempt: Attempt, error: AuroraRestoreError) -> None:
        """Record the failure; if even that fails, log it and keep ``error``.

        A refusal goes to the audit table alone.
        """
        logger.error(error.message, error_type=error.error_type, details=json_safe(error.details))
        update_metrics(attempt.operation_id, "StepFailures", 1)
        reason = {**describe_error(error), **attempt.target()}
        audited = {**reason, **attempt.starter()}
        try:
            store = StateStore.of(self.environment, self.clients)
            if failed := self._failed_step(attempt, error):
                store.save(
                    failed.operation_id,
                    self.step.name,
                    FAILED,
                    {**failed.state.to_details(), ERROR: reason},
                    self._clock(),
                )
            status = FAILED if failed or not error.is_refusal else REFUSED
            run = None if attempt.job is None else attempt.job.run
            store.audit(attempt.audited_as, self.step.name, status, audited, self._clock(), run=run)
        except AuroraRestoreError as second:
            logger.error("the failure could not be recorded", reason=second.message)

    def _failed_step(self, attempt: Attempt, error: AuroraRestoreError) -> Job | None:
        """Return the job if its step has failed; None if the call leaves the state as it is.

        A step has failed if it got to work. A direct call that was refused did not, unless it has
        recorded that it would act.
        """
        job = attempt.job
        if job is None or not attempt.has_begun:
            return None
        if error.is_refusal and not job.execution and not job.has_recorded:
            return None
        return job if self._may_write(attempt, job) else None


def describe_error(error: AuroraRestoreError) -> dict[str, Any]:
    """Return an error as the state and audit tables hold it."""
    return {
        "type": error.error_type,
        "message": error.message,
        "details": json_safe(error.details),
        **described(error.remedy, error.details),
    }


def success_envelope(operation_id: str, answer: Answer) -> dict[str, Any]:
    """Return what a function returns for a step's answer."""
    return {
        "statusCode": int(answer.status),
        "body": json_safe({"message": answer.message, "operation_id": operation_id, **answer.body}),
    }


def error_envelope(
    operation_id: str, error: AuroraRestoreError, more: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return what a function returns for an error on a direct call, with ``more`` facts."""
    return {
        "statusCode": int(error.status),
        "body": json_safe(
            {
                **error.details,
                **(more or {}),
                "message": error.summary,
                "operation_id": operation_id,
                "error": error.message,
                "error_type": error.error_type,
                **described(error.remedy, error.details, direct_call=True),
            }
        ),
    }


def _with_retry_after(answer: Answer, seconds: int) -> Answer:
    """Return an answer with the time after which to call again, unless the step has chosen one."""
    return replace(answer, body={RETRY_AFTER: seconds, **answer.body})


def _as_mapping(event: Any) -> Mapping[str, Any]:
    return event if isinstance(event, Mapping) else {}
