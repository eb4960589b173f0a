"""What every function does around its own work, and the one place where errors end."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

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
from aurora_restore.shared.documents.environment import Restore
from aurora_restore.shared.documents.event import Event
from aurora_restore.shared.documents.schema import parse
from aurora_restore.shared.errors import AuroraRestoreError, ValidationError, described
from aurora_restore.shared.lambda_environment import LambdaEnvironment
from aurora_restore.shared.pipeline import STEPS, Step
from aurora_restore.shared.polling import next_poll
from aurora_restore.shared.protocol import (
    EXECUTION,
    INPUT,
    REDRIVE_COUNT,
    RESTART_FROM,
    RETRY_AFTER,
)
from aurora_restore.shared.sequences import REPLACE
from aurora_restore.shared.snapshots.routes import Place, Route, choose_route
from aurora_restore.shared.state_utils import (
    ERROR,
    FAILED,
    IN_PROGRESS,
    SUCCESS,
    StateStore,
    get_operation_id,
    seconds_since,
)
from aurora_restore.shared.target_lock import DIRECT_CALL, TargetLock

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient

ATTEMPTS: Final = "attempts"
WAITING_SINCE: Final = "waiting_since"
GRACE_SECONDS: Final = 300
"""For how long AWS may not show yet what it has accepted."""
SHARED_AT: Final = "shared_at"
"""State: when a snapshot of the source account was shared with this one."""
OF_ONE_RUN: Final = (ATTEMPTS, WAITING_SINCE, SHARED_AT)
"""State: what a re-run of the execution begins anew."""
ATTEMPTED_IN: Final = "attempted_in"
"""State: the execution, and the re-run of it, that ``attempts`` are counted in."""


class LambdaContext(Protocol):
    """What is used of the object that Lambda passes to a handler."""

    @property
    def invoked_function_arn(self) -> str: ...

    def get_remaining_time_in_millis(self) -> int: ...


@dataclass(frozen=True)
class Execution:
    """The execution of the state machine that a call belongs to."""

    id: str
    name: str
    redrive_count: int

    @property
    def run(self) -> str:
        """What tells this run of the execution from an earlier one."""
        return f"{self.id}#{self.redrive_count}"

    @classmethod
    def parse(cls, document: Any) -> "Execution":
        mark = document if isinstance(document, Mapping) else {}
        name, redrives = mark.get("name"), mark.get(REDRIVE_COUNT, 0)
        if not isinstance(name, str) or not isinstance(redrives, int):
            raise ValidationError(
                f"{EXECUTION}: is the state machine's own mark; leave it out of a direct call"
            )
        return cls(str(mark.get("id", "")), name, redrives)


@dataclass(frozen=True)
class Answer:
    """What a step has to say: to its caller, and to the steps after it."""

    message: str
    body: Mapping[str, Any] = field(default_factory=dict)
    state: Mapping[str, Any] = field(default_factory=dict)
    """What is added to the operation's state."""
    status: HTTPStatus = HTTPStatus.OK

    @classmethod
    def wait(
        cls,
        message: str,
        body: Mapping[str, Any] | None = None,
        state: Mapping[str, Any] | None = None,
    ) -> "Answer":
        """Not done yet: the step is to be called again."""
        return cls(message, body or {}, state or {}, HTTPStatus.ACCEPTED)


@dataclass
class Job:
    """One call of one step: what is asked, what is configured, and what is known so far."""

    operation_id: str
    step: Step
    event: Event
    execution: Execution | None
    account_id: str
    region: str
    restore_name: str
    restore: Restore
    clients: Clients
    environment: LambdaEnvironment
    store: StateStore
    clock: Callable[[], datetime]
    context: LambdaContext
    state: dict[str, Any]

    def setting(self, name: str, default: Any = None) -> Any:
        """A value by priority: the event's, the operation's so far, the default."""
        given = getattr(self.event, name, None)
        if given is not None:
            return given
        stored = self.state.get(name)
        return default if stored is None else stored

    @property
    def source_region(self) -> str:
        return str(self.setting("source_region", self.restore.source.region))

    @property
    def source_account_id(self) -> str:
        configured = self.restore.source.account_id or self.account_id
        return str(self.state.get("source_account_id") or configured)

    @property
    def target_region(self) -> str:
        return self.region

    @property
    def target_cluster_id(self) -> str:
        return self.restore.target.cluster_id

    @property
    def route(self) -> Route:
        """How the snapshot gets to the target."""
        return choose_route(
            Place(self.source_account_id, self.source_region),
            Place(self.account_id, self.target_region),
            self.restore.source.copy_route,
        )

    @cached_property
    def source_rds(self) -> "RDSClient":
        """RDS in the source's Region: in the source account where a role there is configured."""
        role = self.restore.source.role_arn
        if role is None or not self.works_in_source_account:
            return self.clients.rds(self.source_region)
        return self.clients.rds_as(role, self.source_region, self.operation_id)

    @property
    def works_in_source_account(self) -> bool:
        """Whether the source is in another account, and there is a role to work there by."""
        return self.source_account_id != self.account_id and bool(self.restore.source.role_arn)

    @property
    def sees_source_account(self) -> bool:
        """Whether ``source_rds`` sees all of the source account's snapshots."""
        return self.source_account_id == self.account_id or self.works_in_source_account

    @property
    def lock(self) -> TargetLock:
        return TargetLock(
            self.store, self.clients, self.account_id, self.region, self.target_cluster_id
        )

    def remaining_seconds(self) -> float:
        """How long this invocation may still run."""
        return self.context.get_remaining_time_in_millis() / 1000

    def was_just_now(self, fact: str) -> bool:
        """Whether what the state has a timestamp of is so young that AWS may not show it yet."""
        moment = self.state.get(fact)
        return moment is not None and seconds_since(moment, self.clock()) < GRACE_SECONDS

    def record(self, **facts: Any) -> None:
        """Write facts to the state at once, before something is done that would lose them."""
        self.state.update(json_safe(facts))
        self.store.save(self.operation_id, self.step.name, IN_PROGRESS, self.state, self.clock())

    def attempts(self, step: str) -> int:
        """How often ``step`` has started its operation, in this execution or its latest re-run."""
        return int(self.state.get(ATTEMPTS, {}).get(step, 0))

    def count_attempt(self) -> dict[str, Any]:
        """The state that says this step has started its operation once more."""
        counted = {
            **self.state.get(ATTEMPTS, {}),
            self.step.name: self.attempts(self.step.name) + 1,
        }
        return {ATTEMPTS: counted}

    def start_anew(self, error: AuroraRestoreError) -> Answer:
        """Lead back to the step that starts what has ended badly, or raise ``error``.

        Raises once the configured number of attempts is used up, and on a direct call, where there
        is no state machine to follow.
        """
        back = REPLACE.lead_back_of(self.step.name)
        if back is None or not self.execution:
            raise error
        if self.attempts(back.attempts_of) >= self.restore.max_attempts:
            raise error
        return Answer.wait(
            f"{error.message}; it is started anew", {RESTART_FROM: back.to, **error.details}
        )


class BaseHandler(ABC):
    """A Lambda function: read, validate, look, do what is missing, write down, answer.

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

    @abstractmethod
    def run(self, job: Job) -> Answer:
        """Do the step's work. Raises AuroraRestoreError."""

    def __call__(self, event: Any, context: LambdaContext) -> dict[str, Any]:
        """The Lambda entry point."""
        handled = tracer.capture_lambda_handler(self._handle, capture_response=False)
        answer: dict[str, Any] = handled(event, context)
        return answer

    def _handle(self, event: Any, context: LambdaContext) -> dict[str, Any]:
        started = self._clock()
        logger.clear_state()
        logger.append_keys(step=self.step.name)
        marked = isinstance(event, Mapping) and EXECUTION in event
        attempt = _Attempt(self.step)
        try:
            answer = self._attempt(attempt, event, context)
        except AuroraRestoreError as error:
            self._note_failure(attempt, error)
            if marked:
                raise
            return _error_envelope(attempt.operation_id, error)
        except Exception as error:
            failure = AuroraRestoreError(
                f"{self.step.name} failed unexpectedly with {type(error).__name__}; "
                "its log has the stack trace"
            )
            logger.exception("unexpected error")
            self._note_failure(attempt, failure)
            if marked:
                raise failure from error
            return _error_envelope(attempt.operation_id, failure)
        else:
            return answer
        finally:
            duration = (self._clock() - started).total_seconds()
            update_metrics(attempt.operation_id, "StepDuration", duration, "Seconds")
            metrics.add_dimension("step", self.step.name)
            metrics.flush_metrics()

    def _attempt(self, attempt: "_Attempt", event: Any, context: LambdaContext) -> dict[str, Any]:
        execution, asked = self._read(event)
        attempt.operation_id = get_operation_id({**_as_mapping(event), **asked})
        logger.append_keys(operation_id=attempt.operation_id)
        request = parse(Event, asked, source="event")
        job = self._prepare(attempt, request, execution, context)
        attempt.job = job
        logger.info("step begins", restore=job.restore_name)
        with self._locked(job):
            answer = self._with_wait(job, self.run(job))
        self._note_answer(job, answer)
        return {
            "statusCode": int(answer.status),
            "body": json_safe(
                {"message": answer.message, "operation_id": job.operation_id, **answer.body}
            ),
        }

    def _read(self, event: Any) -> tuple[Execution | None, Mapping[str, Any]]:
        if not isinstance(event, Mapping):
            raise ValidationError(f"event: must be an object, not {type(event).__name__}")
        if EXECUTION not in event:
            return None, event
        asked = event.get(INPUT)
        if not isinstance(asked, Mapping):
            raise ValidationError(
                f"event: the execution's input must be an object, not {type(asked).__name__}"
            )
        return Execution.parse(event[EXECUTION]), asked

    def _prepare(
        self,
        attempt: "_Attempt",
        event: Event,
        execution: Execution | None,
        context: LambdaContext,
    ) -> Job:
        clients = self._clients or default_clients()
        environment = self._environment or LambdaEnvironment.from_env()
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
        state = attempt.state = _latest_state(store, attempt.operation_id)
        # Only now: a failure that is written without the state so far would be taken for it.
        attempt.store = store
        restore_name, restore = get_config(
            event.restore or state.get("restore"),
            event.target_cluster_id,
            clients=clients,
            environment=environment,
        )
        if event.target_cluster_id not in (None, restore.target.cluster_id):
            raise ValidationError(
                f"target_cluster_id: {event.target_cluster_id!r} is not the target of restore "
                f"{restore_name!r}, which is {restore.target.cluster_id!r}"
            )
        if execution and state.get(ATTEMPTED_IN) != execution.run:
            for fact in OF_ONE_RUN:
                state.pop(fact, None)
            state[ATTEMPTED_IN] = execution.run
        state["restore"] = restore_name
        state.setdefault("operation_started_at", timestamp(self._clock()))
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

        What changes nothing needs no lock, so that anybody may look while an execution runs.
        """
        if job.event.dry_run or not self.step.locks:
            yield
        elif job.execution:
            job.lock.take(job.operation_id, job.execution.id, self._clock())
            job.state["target_lock"] = [job.account_id, job.region, job.target_cluster_id]
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
        waiting = dict(job.state.get(WAITING_SINCE, {}))
        body = dict(answer.body)
        if answer.status is HTTPStatus.ACCEPTED and RESTART_FROM not in body:
            since = waiting.setdefault(self.step.name, timestamp(self._clock()))
            waited = seconds_since(since, self._clock())
            body[RETRY_AFTER] = next_poll(job.restore.polling, waited)
        else:
            waiting.pop(self.step.name, None)
        return Answer(answer.message, body, {**answer.state, WAITING_SINCE: waiting}, answer.status)

    def _note_answer(self, job: Job, answer: Answer) -> None:
        status = IN_PROGRESS if answer.status is HTTPStatus.ACCEPTED else SUCCESS
        details = job.state | dict(answer.state)
        if not self._only_looks_on(job):
            job.store.save(job.operation_id, self.step.name, status, details, self._clock())
        job.store.audit(
            job.operation_id,
            self.step.name,
            status,
            {"message": answer.message, **answer.body},
            self._clock(),
        )
        logger.info(answer.message, status=status, status_code=int(answer.status))

    def _only_looks_on(self, job: Job) -> bool:
        """Whether somebody looks, without the lock, while an execution works on the target.

        What that has found out since must not be lost to what was known before.
        """
        if job.execution or not self.step.locks or self.step.changes_aws:
            return False
        holder = job.lock.holder()
        return holder is not None and holder.execution != DIRECT_CALL

    def _note_failure(self, attempt: "_Attempt", error: AuroraRestoreError) -> None:
        """Write the failure down; where even that fails, the log says so and ``error`` stands."""
        logger.error(error.message, error_type=error.error_type, details=json_safe(error.details))
        update_metrics(attempt.operation_id, "StepFailures", 1)
        if attempt.store is None or (attempt.job and self._only_looks_on(attempt.job)):
            return
        reason = describe_error(error)
        state = attempt.job.state if attempt.job else attempt.state
        try:
            attempt.store.save(
                attempt.operation_id,
                self.step.name,
                FAILED,
                {**state, ERROR: reason},
                self._clock(),
            )
            attempt.store.audit(attempt.operation_id, self.step.name, FAILED, reason, self._clock())
        except AuroraRestoreError as second:
            logger.error("the failure could not be recorded", reason=second.message)


@dataclass
class _Attempt:
    """As much of a call as is known when it fails."""

    step: Step
    operation_id: str = "unknown"
    store: StateStore | None = None
    state: dict[str, Any] = field(default_factory=dict)
    job: Job | None = None


def describe_error(error: AuroraRestoreError) -> dict[str, Any]:
    """An error as the state and audit tables hold it."""
    return {
        "type": error.error_type,
        "message": error.message,
        "details": json_safe(error.details),
        **described(error.remedy, error.details),
    }


def _latest_state(store: StateStore, operation_id: str) -> dict[str, Any]:
    latest = store.load(operation_id)
    if latest is None:
        return {}
    details = dict(latest["details"])
    details.pop(ERROR, None)
    return details


def _error_envelope(operation_id: str, error: AuroraRestoreError) -> dict[str, Any]:
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
