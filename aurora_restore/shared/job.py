"""One call of one step: what is asked, what is configured, and what is known so far."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from http import HTTPStatus
from typing import Any, Final, Protocol

from aurora_restore.shared.awaited import Awaited
from aurora_restore.shared.aws_utils import Clients, SecretVersion
from aurora_restore.shared.cluster.ownership import Ownership
from aurora_restore.shared.common import timestamp
from aurora_restore.shared.documents.event import Event
from aurora_restore.shared.documents.restore import Restore
from aurora_restore.shared.documents.restore_secrets import RestoreSecrets
from aurora_restore.shared.documents.secrets import MasterCredentials
from aurora_restore.shared.errors import (
    AuroraRestoreError,
    OperationInProgressError,
    ValidationError,
)
from aurora_restore.shared.lambda_environment import LambdaEnvironment
from aurora_restore.shared.names import cluster_beside
from aurora_restore.shared.operation_state import OperationState
from aurora_restore.shared.pipeline import Step
from aurora_restore.shared.protocol import (
    CALLED_AFTER,
    EXECUTION,
    REDRIVE_COUNT,
    RESTART_FROM,
)
from aurora_restore.shared.rds.access import RdsAccess
from aurora_restore.shared.rds.arns import Place, RdsArn
from aurora_restore.shared.rds.reads import GRACE_SECONDS
from aurora_restore.shared.request import RestoreRequest
from aurora_restore.shared.sequences import REPLACE, SWITCH, StepSequence, get_sequence
from aurora_restore.shared.snapshots.identity import named_place
from aurora_restore.shared.snapshots.names import former_copy_names
from aurora_restore.shared.snapshots.path import SnapshotPath, SnapshotSource
from aurora_restore.shared.state_utils import IN_PROGRESS, StateStore, seconds_since
from aurora_restore.shared.target_lock import TargetLock, direct_call
from aurora_restore.shared.target_record import (
    TargetRecord,
    TargetRecordStore,
    switch_in_progress,
    switched_away,
)
from aurora_restore.shared.validation import validate_required_params

INNER_WAIT_SECONDS: Final = 20
"""For how long a call waits inside the function at most, before it returns 202."""


class LambdaContext(Protocol):
    """What is used of the object that Lambda passes to a handler."""

    @property
    def invoked_function_arn(self) -> str:
        """Return the ARN of the function."""
        ...

    @property
    def aws_request_id(self) -> str:
        """Return the id of the invocation; Lambda keeps it when it repeats one."""
        ...

    def get_remaining_time_in_millis(self) -> int:
        """Return how long the invocation may still run, in milliseconds."""
        ...


@dataclass(frozen=True)
class CallingExecution:
    """The execution of the state machine that a call belongs to."""

    id: str
    """Its ARN."""
    name: str
    redrive_count: int
    called_after: tuple[str, ...] = ()
    """The steps of which this run has called one last; none where the state machine does not say,
    because an earlier version has defined it."""

    @property
    def run(self) -> str:
        """Return what distinguishes this run of the execution from an earlier one."""
        return f"{self.id}#{self.redrive_count}"

    @classmethod
    def parse(cls, document: Any) -> "CallingExecution":
        """Return the execution that the state machine's mark names.

        Raises ValidationError if the mark is not the state machine's.
        """
        mark = document if isinstance(document, Mapping) else {}
        name, redrives = mark.get("name"), mark.get(REDRIVE_COUNT, 0)
        if not isinstance(name, str) or not isinstance(redrives, int):
            raise ValidationError(
                f"{EXECUTION}: is the state machine's own mark; leave it out of a direct call"
            )
        return cls(str(mark.get("id", "")), name, redrives, tuple(mark.get(CALLED_AFTER, ())))


@dataclass(frozen=True)
class Answer:
    """What a step returns to its caller, and leaves to the steps after it."""

    message: str
    body: Mapping[str, Any] = field(default_factory=dict)
    state: OperationState | None = None
    """The operation's state from now on; None leaves it as the job has it."""
    status: HTTPStatus = HTTPStatus.OK
    only_looked: bool = False
    """Whether it says nothing of the operation, whose state stays as it was."""
    awaited: Awaited | None = None
    """What must be over before the step can go on."""
    progress: float | None = None
    """How much of that is done, from 0 to 1, as far as AWS says."""
    outcome: Mapping[str, Any] | None = None
    """How the run has ended, from the step that announces it."""

    @classmethod
    def wait(
        cls,
        awaited: Awaited,
        message: str,
        body: Mapping[str, Any] | None = None,
        state: OperationState | None = None,
        *,
        percent: float | None = None,
    ) -> "Answer":
        """Return the answer of a step that waits for something, and must be called again."""
        progress = None if percent is None else percent / 100
        return cls(
            message,
            body or {},
            state,
            HTTPStatus.ACCEPTED,
            awaited=awaited,
            progress=progress,
        )


@dataclass
class Job:
    """One call of one step. Only ``state`` changes while it runs, and whether it was recorded."""

    operation_id: str
    step: Step
    event: Event
    execution: CallingExecution | None
    """None on a direct call."""
    account_id: str
    region: str
    restore_name: str
    restore: Restore
    clients: Clients
    environment: LambdaEnvironment
    store: StateStore
    clock: Callable[[], datetime]
    sleep: Callable[[float], None]
    context: LambdaContext
    state: OperationState
    has_recorded: bool = False
    """Whether the step has written its state in this call, because it was about to act."""
    has_lost_lock: bool = False
    """Whether the execution's lock was found to be another one's, so that it may write nothing."""

    @property
    def target_region(self) -> str:
        """Return the Region of the target, which is the environment's."""
        return self.region

    @property
    def target_cluster_id(self) -> str:
        """Return the cluster that is refreshed."""
        return self.restore.target.cluster_id

    @property
    def restored_cluster_id(self) -> str:
        """Return the name under which the operation restores its cluster."""
        if self.sequence is SWITCH:
            return cluster_beside(self.target_cluster_id, self.operation_id)
        return self.target_cluster_id

    def own_cluster_id(self, record: TargetRecord | None) -> str:
        """Return the name that the operation's cluster has now: a switch may have changed it.

        Raises SwitchInProgressError while it is being switched, and SupersededError if another
        operation has taken the target's name from it since.
        """
        own = self.state.cluster_resource_id
        if record is None or own is None:
            return self.restored_cluster_id
        if record.switch is not None and record.switch.incoming.resource_id == own:
            raise switch_in_progress(record.switch, self.target_cluster_id)
        if record.is_retired(own):
            raise switched_away(record, self.operation_id, self.target_cluster_id)
        live = record.live
        return live.cluster_id if live and record.is_live(own) else self.restored_cluster_id

    @property
    def sequence(self) -> StepSequence:
        """Return the steps that the operation takes; what it was begun with holds to its end."""
        return get_sequence(self.state.sequence or REPLACE.name)

    @property
    def partition(self) -> str:
        """Return the partition of AWS that this is in, as ARNs name it."""
        return self.context.invoked_function_arn.split(":")[1]

    @property
    def place(self) -> Place:
        """Return the account and Region of the target."""
        return Place(self.account_id, self.region)

    @cached_property
    def source_place(self) -> Place:
        """Return where the source's snapshot is: recorded, named by the event, or configured."""
        source, state = self.restore.source, self.state
        named = named_place(self.event)
        if state.source_snapshot_arn is None and named is not None:
            return named
        return Place(
            state.source_account_id or source.account_id or self.account_id,
            self.event.source_region or state.source_region or source.region,
        )

    @cached_property
    def source(self) -> SnapshotSource:
        """Return where the snapshot comes from.

        Raises ConfigurationError if the configured route leads nowhere from there.
        """
        return SnapshotSource.of(self.source_place, self.place, self.restore.source)

    @cached_property
    def path(self) -> SnapshotPath:
        """Return the path of the operation's snapshot: what it has recorded, or the event's.

        Raises ValidationError if neither names one.
        """
        arn = self.state.source_snapshot_arn or self.event.snapshot_arn or self.state.snapshot_arn
        validate_required_params({"snapshot_arn": arn})
        return self.path_of(
            self.source, RdsArn.parse(str(arn)), shared_by_copy=self.state.shared_by_copy
        )

    def path_of(
        self, source: SnapshotSource, snapshot: RdsArn, *, shared_by_copy: bool
    ) -> SnapshotPath:
        """Return the path of a snapshot to this operation's target.

        An operation that an earlier version of the pipeline has begun keeps its copy's name.
        """
        former = former_copy_names(snapshot.name, self.restore_name)
        recorded = self.state.copy_snapshot_id
        return SnapshotPath.of(
            source,
            snapshot,
            shared_by_copy=shared_by_copy,
            target=self.restore.target,
            own_name=self.event.target_snapshot_name or (recorded if recorded in former else None),
            name_prefix=self.environment.name_prefix,
        )

    @property
    def snapshot_to_restore(self) -> str:
        """Return what RestoreDBClusterFromSnapshot is given: an own name, or a shared ARN.

        Raises ValidationError if the operation has no snapshot yet.
        """
        name = self.event.target_snapshot_name or self.state.copy_snapshot_id
        if name is None:
            raise ValidationError(
                "target_snapshot_name: is missing; this operation has not come through "
                "copy-snapshot, so name the snapshot to restore"
            )
        return name

    @cached_property
    def rds(self) -> RdsAccess:
        """Return RDS in this account, and in the source's."""
        return RdsAccess(
            clients=self.clients,
            target=self.place,
            source=self.source_place,
            role_arn=self.source.role_arn,
            session_name=self.operation_id,
        )

    @property
    def owner(self) -> Ownership:
        """Return what marks a resource as this operation's."""
        return Ownership(
            name_prefix=self.environment.name_prefix,
            operation_id=self.operation_id,
            restore=self.restore_name,
            source_snapshot_arn=self.state.source_snapshot_arn,
        )

    @property
    def run(self) -> dict[str, str]:
        """Return what the audit trail says of the run that the call is one of."""
        execution = {} if self.execution is None else {"execution_arn": self.execution.id}
        return {
            "restore": self.restore_name,
            "sequence": self.sequence.name,
            "target_cluster_id": self.target_cluster_id,
            **execution,
        }

    @property
    def target_body(self) -> dict[str, Any]:
        """Return the part of an answer that names the target."""
        return {"target_cluster_id": self.target_cluster_id, "target_region": self.target_region}

    @property
    def application_database(self) -> str | None:
        """Return the database that the application uses: as it was set up, or as configured."""
        configured = next(iter(self.restore.database.databases), None)
        return self.state.application_database or configured

    def master_credentials(self, secret: SecretVersion) -> MasterCredentials:
        """Return what a version of the master secret holds. Raises ConfigurationError."""
        return MasterCredentials.parse(secret.value, source=f"secret {self.secrets.master}")

    @property
    def request(self) -> RestoreRequest:
        """Return what is configured, asked for and recorded, as the subjects are given it."""
        return RestoreRequest(
            restore=self.restore,
            event=self.event,
            environment=self.environment,
            owner=self.owner,
            target=self.place,
            state=self.state,
            secrets=self.secrets,
            restored_cluster_id=self.restored_cluster_id,
        )

    @cached_property
    def secrets(self) -> RestoreSecrets:
        """Return the secrets that the restore uses: its own, or the environment's."""
        return self.environment.secrets_of(self.restore_name, self.restore.secrets)

    @property
    def caller(self) -> str:
        """Return what the call holds the target's lock as: its execution, or this direct call."""
        return self.execution.id if self.execution else direct_call(self.context.aws_request_id)

    @property
    def lock(self) -> TargetLock:
        """Return the lock of the target."""
        return TargetLock(
            self.store, self.clients, self.account_id, self.region, self.target_cluster_id
        )

    @property
    def target_record(self) -> TargetRecordStore:
        """Return the record of the target."""
        return TargetRecordStore(self.store, self.account_id, self.region, self.target_cluster_id)

    @property
    def now(self) -> str:
        """Return this moment as a timestamp."""
        return timestamp(self.clock())

    @property
    def started_at(self) -> str:
        """Return when the operation's first step was called."""
        return self.state.operation_started_at or self.now

    @property
    def remaining_seconds(self) -> float:
        """Return how long this invocation may still run."""
        return self.context.get_remaining_time_in_millis() / 1000

    def may_wait_inside(self, since: datetime) -> bool:
        """Return whether a call that began at ``since`` may still wait inside the function.

        Only an execution waits for what takes seconds: a direct call answers immediately.
        """
        waited = (self.clock() - since).total_seconds()
        has_time = self.remaining_seconds > INNER_WAIT_SECONDS
        return self.execution is not None and has_time and waited < INNER_WAIT_SECONDS

    def take_lock(self, *, lasting: timedelta | None = None) -> str | None:
        """Take the target's lock, or keep it; return when it had been taken before, if it is kept.

        ``lasting`` is for how long a direct call may run. Raises OperationInProgressError if
        another operation holds it.
        """
        return self.lock.take(
            self.operation_id,
            self.caller,
            self.clock(),
            lasting=lasting,
            gives_way=self.sequence.gives_way,
            redrive_count=self.execution.redrive_count if self.execution else 0,
        )

    def prove_lock(self) -> None:
        """Raise OperationInProgressError if the execution does not hold the lock any more.

        The function of an execution that was stopped lives on while another run may hold it.
        """
        if self.execution is None:
            return
        try:
            self.lock.require_held(self.operation_id, self.caller, self.execution.redrive_count)
        except OperationInProgressError:
            self.has_lost_lock = True
            raise

    def is_recent(self, moment: str | None) -> bool:
        """Return whether a timestamp is so young that AWS may not show yet what was done then."""
        return moment is not None and seconds_since(moment, self.clock()) < GRACE_SECONDS

    def record(self, state: OperationState) -> None:
        """Write the state immediately, before something is done that would lose it."""
        self.state = state
        self.store.save(
            self.operation_id, self.step.name, IN_PROGRESS, state.to_details(), self.clock()
        )
        self.has_recorded = True

    def attempts(self, name: str) -> int:
        """Return how often what ``name`` counts was started, in this run of the execution."""
        return self.state.attempts.get(name, 0)

    def with_attempt(self, state: OperationState, name: str | None = None) -> OperationState:
        """Return ``state`` with one more attempt, of this step or of what ``name`` counts."""
        name = name or self.step.name
        return replace(state, attempts={**state.attempts, name: self.attempts(name) + 1})

    def start_again(
        self,
        error: AuroraRestoreError,
        then: str = "it is started again",
        *,
        limited: bool = True,
    ) -> Answer:
        """Return the answer that leads back to the step that starts what has failed.

        ``then`` says what that step does. Raises ``error`` once the configured number of attempts
        is used up, and on a direct call, where there is no state machine to follow. If it is not
        ``limited``, the step that it leads back to limits the attempts itself, because only it
        learns whether there was one.
        """
        back = self.sequence.lead_back_of(self.step.name)
        if back is None or not self.execution:
            raise error
        if limited and self.attempts(back.attempts_of) >= self.restore.max_attempts:
            raise error
        return Answer(
            f"{error.message}; {then}",
            {RESTART_FROM: back.to, **error.details},
            status=HTTPStatus.ACCEPTED,
        )
