"""Whether a call may continue the operation that it names."""

from aurora_restore.shared.documents.event import Event
from aurora_restore.shared.errors import OperationIdReusedError
from aurora_restore.shared.operation_state import OperationState
from aurora_restore.shared.sequences import REPLACE, SEQUENCES, StepSequence, get_sequence


def require_same_restore(operation_id: str, restore: str | None, state: OperationState) -> None:
    """Raise OperationIdReusedError if ``restore`` is given, and is not the operation's.

    The operation's snapshot, its tags and what it knows of the old cluster are of that restore.
    """
    if None in (restore, state.restore) or restore == state.restore:
        return
    raise OperationIdReusedError(
        f"restore: operation {operation_id} is one of restore {state.restore!r}, not of "
        f"{restore!r}; nothing was changed",
        operation_id=operation_id,
        restore=state.restore,
    )


def choose_sequence(
    operation_id: str, event: Event, strategy: str, state: OperationState
) -> StepSequence:
    """Return the steps that an operation takes: as it was begun, as asked, or by the strategy.

    Raises OperationIdReusedError if the event asks for another kind of run than the operation is.
    """
    asked = next(
        (each for each in SEQUENCES if each.asked_by and getattr(event, each.asked_by)), None
    )
    begun = state.sequence or (REPLACE.name if state.attempted_in else None)
    if begun is None:
        return asked or get_sequence(strategy)
    if asked is not None and asked.name != begun:
        raise OperationIdReusedError(
            f"{asked.asked_by}: operation {operation_id} was begun as {begun!r}, not as "
            f"{asked.name!r}; nothing was changed",
            operation_id=operation_id,
            restore=state.restore,
        )
    return get_sequence(begun)


def require_same_target(operation_id: str, cluster_id: str, state: OperationState) -> None:
    """Raise OperationIdReusedError if the operation has worked on another cluster before."""
    if state.target_lock is None or state.target_lock[-1] == cluster_id:
        return
    raise OperationIdReusedError(
        f"target: operation {operation_id} has worked on cluster {state.target_lock[-1]}, and the "
        f"target is {cluster_id}; nothing was changed",
        operation_id=operation_id,
        restore=state.restore,
    )


def require_same_snapshot(operation_id: str, snapshot_arn: str, state: OperationState) -> None:
    """Raise OperationIdReusedError if the operation has begun to restore another snapshot.

    The clusters and copies that it has made carry its id: it would take them for the new ones.
    """
    has_begun = (
        state.copy_snapshot_id is not None
        or state.deleted_cluster_id is not None
        or state.new_cluster_id is not None
    )
    if not has_begun or state.source_snapshot_arn in (None, snapshot_arn):
        return
    raise OperationIdReusedError(
        f"operation_id: operation {operation_id} restores snapshot {state.source_snapshot_arn}, "
        f"not {snapshot_arn}; nothing was changed",
        operation_id=operation_id,
        source_snapshot_arn=state.source_snapshot_arn,
    )
