"""What every function does around its own work, and the one place where errors end."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from http import HTTPStatus
from typing import Any, ClassVar

from aurora_restore.shared.aws_utils import Clients, default_clients
from aurora_restore.shared.common import (
    get_config,
    json_safe,
    logger,
    metrics,
    now,
    timestamp,
    tracer,
    update_metrics,
)
from aurora_restore.shared.documents.event import Event
from aurora_restore.shared.documents.schema import parse
from aurora_restore.shared.errors import AuroraRestoreError, ValidationError, described
from aurora_restore.shared.job import Answer, CallingExecution, Job, LambdaContext
from aurora_restore.shared.lambda_environment import LambdaEnvironment
from aurora_restore.shared.operation_state import OperationState
from aurora_restore.shared.pipeline import STEPS, Step
from aurora_restore.shared.polling import next_poll
from aurora_restore.shared.protocol import EXECUTION, INPUT, RESTART_FROM, RETRY_AFTER
from aurora_restore.shared.snapshots.identity import require_agreement
from aurora_restore.shared.state_utils import (
    ERROR,
    FAILED,
    IN_PROGRESS,
    SUCCESS,
    StateStore,
    get_operation_id,
    seconds_since,
)
from aurora_restore.shared.target_lock import DIRECT_CALL


@dataclass
class Attempt:
    """As much of a call as is known when it fails."""

    operation_id: str = "unknown"
    store: StateStore | None = None
    """The tables, once the state was read: a failure is only then written beside it."""
    state: OperationState = field(default_factory=OperationState)
    job: Job | None = None


class BaseHandler(ABC):
    """A Lambda function: read, validate, look, do what is missing, record it, return the answer.

    A subclass declares its ``step`` and writes ``run``. A call by the state machine carries its
    mark (``execution``), and then a failure raises, so that the execution fails at exactly this
    state and a re-run starts there; a direct call gets the documented envelope.
    """

    step: ClassVar[Step]

    def __init__(
        self,
        *,
        clients: Clients | None = None,
        environment: LambdaEnvironment | None = None,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._clients = clients
        self._environment = environment
        self._clock = clock

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

    def raises(self, event: Any) -> bool:
        """Return whether a failure raises an error to the caller, as it does in an execution."""
        return isinstance(event, Mapping) and EXECUTION in event

    def respond(self, attempt: Attempt, event: Any, context: LambdaContext) -> dict[str, Any]:
        """Prepare the job that an event asks for, run it under the lock, and record its answer."""
        execution, asked = self._read(event)
        attempt.operation_id = get_operation_id({**_as_mapping(event), **asked})
        logger.append_keys(operation_id=attempt.operation_id)
        request = parse(Event, asked, source="event")
        job = self._prepare(attempt, request, execution, context)
        attempt.job = job
        logger.info("step begins", restore=job.restore_name)
        with self._locked(job):
            answer = self._with_wait(job, self.run(job))
        self._record_answer(job, answer)
        return success_envelope(job.operation_id, answer)

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
            return error_envelope(attempt.operation_id, error)
        except Exception as error:
            failure = AuroraRestoreError(
                f"{self.step.name} failed unexpectedly with {type(error).__name__}; "
                "its log has the stack trace"
            )
            logger.exception("unexpected error")
            self._record_failure(attempt, failure)
            if self.raises(event):
                raise failure from error
            return error_envelope(attempt.operation_id, failure)
        else:
            return answer
        finally:
            duration = (self._clock() - started).total_seconds()
            update_metrics(attempt.operation_id, "StepDuration", duration, "Seconds")
            metrics.add_dimension("step", self.step.name)
            metrics.flush_metrics()

    def _read(self, event: Any) -> tuple[CallingExecution | None, Mapping[str, Any]]:
        if not isinstance(event, Mapping):
            raise ValidationError(f"event: must be an object, not {type(event).__name__}")
        if EXECUTION not in event:
            return None, event
        asked = event.get(INPUT)
        if not isinstance(asked, Mapping):
            raise ValidationError(
                f"event: the execution's input must be an object, not {type(asked).__name__}"
            )
        return CallingExecution.parse(event[EXECUTION]), asked

    def _prepare(
        self,
        attempt: Attempt,
        event: Event,
        execution: CallingExecution | None,
        context: LambdaContext,
    ) -> Job:
        clients, environment = self.clients, self.environment
        if event.target_region not in (None, clients.region):
            raise ValidationError(
                f"target_region: {event.target_region!r} is not where this environment restores; "
                f"it is {clients.region!r}"
            )
        if event.dry_run and not self.step.ends_dry_run:
            checking = " or ".join(step.name for step in STEPS if step.ends_dry_run)
            raise ValidationError(
                f"dry_run: {self.step.name} has none; a dry run is what {checking} does, so "
                "leave start_at out"
            )
        store = StateStore.of(environment, clients)
        state = attempt.state = load_operation_state(store, attempt.operation_id)
        # Only now: a failure that is written without the state so far would be taken for it.
        attempt.store = store
        restore_name, restore = get_config(
            event.restore or state.restore,
            event.target_cluster_id,
            clients=clients,
            environment=environment,
        )
        if event.target_cluster_id not in (None, restore.target.cluster_id):
            raise ValidationError(
                f"target_cluster_id: {event.target_cluster_id!r} is not the target of restore "
                f"{restore_name!r}, which is {restore.target.cluster_id!r}"
            )
        require_agreement(event, state, attempt.operation_id)
        if execution:
            state = state.rerun(execution.run)
        state = replace(
            state,
            restore=restore_name,
            operation_started_at=state.operation_started_at or timestamp(self._clock()),
        )
        attempt.state = state
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
            context=context,
            state=state,
        )

    @contextmanager
    def _locked(self, job: Job) -> Iterator[None]:
        """Work on the target alone: an execution until it is over, a direct call for itself.

        A step that changes nothing needs no lock: it may be called while an execution runs.
        """
        if job.event.dry_run or not self.step.locks:
            yield
        elif job.execution:
            job.lock.take(job.operation_id, job.execution.id, self._clock())
            held = (job.account_id, job.region, job.target_cluster_id)
            job.state = replace(job.state, target_lock=held)
            yield
        elif not self.step.changes_aws:
            yield
        else:
            job.lock.take(job.operation_id, DIRECT_CALL, self._clock())
            try:
                yield
            finally:
                job.lock.release(job.operation_id, DIRECT_CALL)

    def _with_wait(self, job: Job, answer: Answer) -> Answer:
        """Add ``retry_after`` to a 202, and keep when this step's waiting began."""
        state = answer.state or job.state
        waiting = dict(state.waiting_since)
        body = dict(answer.body)
        if answer.status is HTTPStatus.ACCEPTED and RESTART_FROM not in body:
            since = waiting.setdefault(self.step.name, job.now)
            waited = seconds_since(since, self._clock())
            body[RETRY_AFTER] = next_poll(job.restore.polling, waited)
        else:
            waiting.pop(self.step.name, None)
        return replace(answer, body=body, state=replace(state, waiting_since=waiting))

    def _record_answer(self, job: Job, answer: Answer) -> None:
        status = IN_PROGRESS if answer.status is HTTPStatus.ACCEPTED else SUCCESS
        if not answer.only_looked and not self._only_reads(job):
            state = answer.state or job.state
            job.store.save(
                job.operation_id, self.step.name, status, state.to_details(), self._clock()
            )
        job.store.audit(
            job.operation_id,
            self.step.name,
            status,
            {"message": answer.message, **answer.body},
            self._clock(),
        )
        logger.info(answer.message, status=status, status_code=int(answer.status))

    def _only_reads(self, job: Job) -> bool:
        """Return whether a direct call reads, without the lock, while an execution holds it.

        Such a call stores no state: it would overwrite what the execution has found since.
        """
        if job.execution or not self.step.locks or self.step.changes_aws:
            return False
        holder = job.lock.holder()
        return holder is not None and holder.execution != DIRECT_CALL

    def _record_failure(self, attempt: Attempt, error: AuroraRestoreError) -> None:
        """Record the failure; if even that fails, log it and keep ``error``."""
        logger.error(error.message, error_type=error.error_type, details=json_safe(error.details))
        update_metrics(attempt.operation_id, "StepFailures", 1)
        if attempt.store is None or (attempt.job and self._only_reads(attempt.job)):
            return
        reason = describe_error(error)
        state = attempt.job.state if attempt.job else attempt.state
        try:
            attempt.store.save(
                attempt.operation_id,
                self.step.name,
                FAILED,
                {**state.to_details(), ERROR: reason},
                self._clock(),
            )
            attempt.store.audit(attempt.operation_id, self.step.name, FAILED, reason, self._clock())
        except AuroraRestoreError as second:
            logger.error("the failure could not be recorded", reason=second.message)


def load_operation_state(store: StateStore, operation_id: str) -> OperationState:
    """Return the state of an operation from its latest state item; an empty one if it is new.

    Raises ValidationError if a stored value is of the wrong type.
    """
    latest = store.load(operation_id)
    return OperationState.from_details({} if latest is None else latest["details"])


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


def error_envelope(operation_id: str, error: AuroraRestoreError) -> dict[str, Any]:
    """Return what a function returns for an error on a direct call."""
    return {
        "statusCode": int(error.status),
        "body": json_safe(
            {
                **error.details,
                "message": error.summary,
                "operation_id": operation_id,
                "error": error.message,
                "error_type": error.error_type,
                **described(error.remedy, error.details, direct_call=True),
            }
        ),
    }


def _as_mapping(event: Any) -> Mapping[str, Any]:
    return event if isinstance(event, Mapping) else {}
