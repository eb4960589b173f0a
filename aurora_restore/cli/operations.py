"""An operation: everything that is known of it, read from the tables and from its execution."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from aurora_restore.cli.acting import own_command
from aurora_restore.cli.context import Deployment
from aurora_restore.cli.errors import usage
from aurora_restore.cli.executions import SUCCEEDED, Execution, execution_of, sequence_of
from aurora_restore.cli.history import History
from aurora_restore.cli.progress import ExecutionProgress, execution_progress
from aurora_restore.shared.aws_utils import call
from aurora_restore.shared.common import now, parse_timestamp
from aurora_restore.shared.documents.restore import Restore
from aurora_restore.shared.errors import CorruptStateError, ValidationError
from aurora_restore.shared.failed_execution import Failure, look_up
from aurora_restore.shared.later_operation import LaterOperation, find_later_operation
from aurora_restore.shared.notices.expense import instance_classes
from aurora_restore.shared.operation_state import OperationState
from aurora_restore.shared.rds.arns import RdsArn
from aurora_restore.shared.sequences import StepSequence
from aurora_restore.shared.snapshots.leases import CommonCopyStore
from aurora_restore.shared.state_utils import ERROR, StateStore, is_operation_id
from aurora_restore.shared.target_lock import Holder
from aurora_restore.shared.target_record import TargetRecord


@dataclass(frozen=True, kw_only=True)
class OperationFacts:
    """What is known of an operation and of its target."""

    id: str
    restore: str | None
    target: str | None
    """The cluster that it refreshes; None where its restore is not known."""
    sequence: StepSequence
    execution: Execution
    """The one that has worked on it last."""
    progress: ExecutionProgress
    state: OperationState
    failure: Failure | None = None
    """How the execution failed; None where it has not."""
    error: Mapping[str, Any] = field(default_factory=dict)
    """The error that the failed step has recorded."""
    record: TargetRecord | None = None
    """Whose the cluster at the target is."""
    later: LaterOperation | None = None
    """The operation that came to the target since."""
    holder: Holder | None = None
    """Who works on the target."""
    other_at_work: bool = False
    """Whether another execution works on the operation."""
    audit: Sequence[Mapping[str, Any]] = ()
    instance_classes: Sequence[str] = ()
    """Those of the restored cluster's instances, as far as they are known."""


def load_state(deployment: Deployment, operation_id: str) -> OperationState:
    """Return the state of an operation, which is empty if it has none.

    Raises CommandError if the id is malformed, and CorruptStateError if an item is.
    """
    if not is_operation_id(operation_id):
        raise usage(
            f"{operation_id!r} cannot be the id of an operation. "
            f"`{own_command(deployment, 'list')}` shows them."
        )
    item = deployment.store.load(operation_id)
    return OperationState() if item is None else OperationState.from_details(item["details"])


def load_operation(deployment: Deployment, operation_id: str) -> OperationFacts:
    """Return everything that is known of an operation. Raises CommandError if there is none."""
    state = load_state(deployment, operation_id)
    execution = execution_of(deployment, operation_id, state)
    restore, target, strategy = target_of(deployment, state, execution)
    _, configured = configured_restore(deployment, state, execution)
    instances = configured.target.instances if configured else None
    sequence = sequence_of(state, execution.given, strategy)
    failure = find_failure(deployment, execution)
    lock = deployment.lock_of(target) if target else None
    record = deployment.record_of(target).read() if target else None
    began = state.operation_started_at
    since = execution.started if began is None else parse_timestamp(began)
    return OperationFacts(
        id=operation_id,
        restore=restore,
        target=target,
        sequence=sequence,
        execution=execution,
        progress=execution_progress(history_of(deployment, execution.arn).events, sequence),
        state=replace(state, also_used_by=other_users_now(deployment.store, state, restore)),
        failure=failure,
        error=_recorded_error(deployment, operation_id, failure),
        record=record,
        later=find_later_operation(deployment.store, operation_id, record, since),
        holder=lock.holder() if lock else None,
        other_at_work=bool(lock and lock.other_at_work(operation_id, execution.arn, now())),
        audit=deployment.store.audit_trail(operation_id),
        instance_classes=instance_classes(state, instances),
    )


def other_users_now(
    store: StateStore, state: OperationState, restore: str | None
) -> tuple[str, ...]:
    """Return the other restores that use an operation's copy at this moment, not only at its last
    look; as that has recorded it if an item cannot be read.
    """
    try:
        copies = CommonCopyStore(store).all()
    except CorruptStateError:
        return state.also_used_by
    own = (each for each in copies if RdsArn.parse(each.arn).name == state.copy_snapshot_id)
    return tuple(other for each in own for other in each.others(restore or ""))


def history_of(deployment: Deployment, execution_arn: str) -> History:
    """Return the history of an execution so far."""
    history = History(deployment.step_functions, execution_arn)
    call(history.refresh)
    return history


def find_failure(deployment: Deployment, execution: Execution) -> Failure | None:
    """Return how an execution failed, or None if it is under way or has succeeded."""
    if not execution.is_over or execution.status == SUCCEEDED:
        return None
    return look_up({"executionArn": execution.arn}, deployment.clients)


def target_of(
    deployment: Deployment, state: OperationState, execution: Execution
) -> tuple[str | None, str | None, str]:
    """Return restore, target and strategy of an operation, as far as they are known."""
    name, restore = configured_restore(deployment, state, execution)
    if restore is None:
        return name, None if state.target_lock is None else state.target_lock[-1], ""
    return name, restore.target.cluster_id, restore.target.strategy


def configured_restore(
    deployment: Deployment, state: OperationState, execution: Execution
) -> tuple[str | None, Restore | None]:
    """Return the name and configuration of an operation's restore.

    An input that names none, or one that does not exist, may be why the execution failed.
    """
    name = state.restore or execution.restore
    try:
        return deployment.restore(name)
    except ValidationError:
        return name, None


def _recorded_error(
    deployment: Deployment, operation_id: str, failure: Failure | None
) -> Mapping[str, Any]:
    if failure is None or failure.step is None:
        return {}
    item = deployment.store.load(operation_id, failure.step)
    recorded = {} if item is None else item["details"].get(ERROR) or {}
    if recorded.get("type") == failure.error_type:
        return dict(recorded)
    return deployment.store.last_audited_error(operation_id, failure.step, failure.error_type)
