"""How the latest state of an operation is read.

Each step has an item of its own, and each item holds the whole state, so the latest one is looked
for. Within a run of an execution only the steps that it may have called last can have written it:
their items are read by their keys. In any other call all items are read.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from aurora_restore.shared.errors import ValidationError
from aurora_restore.shared.operation_state import OperationState
from aurora_restore.shared.state_utils import IN_PROGRESS, StateStore, corrupt_item


def load_operation_state(store: StateStore, operation_id: str) -> tuple[str | None, OperationState]:
    """Return when the operation's latest state item was written, and the state in it.

    None and an empty state if the operation is new. Raises CorruptStateError if an item is not as
    the pipeline writes it.
    """
    latest = store.load(operation_id)
    if latest is None:
        return None, OperationState()
    return str(latest["timestamp"]), state_in(latest, store)


def state_in(item: Mapping[str, Any], store: StateStore) -> OperationState:
    """Return the state that a state item holds.

    Raises CorruptStateError if a stored value is of the wrong type.
    """
    try:
        return OperationState.from_details(item["details"])
    except ValidationError as error:
        raise corrupt_item(item, store.state_table, error.message) from error


def load_state_of_run(
    store: StateStore, operation_id: str, run: str, called_after: Sequence[str]
) -> tuple[str, OperationState] | None:
    """Return when a run of an execution has last written the state, and that state.

    ``called_after`` names the steps of which the run has called one last, the one that is called
    now first. None if they do not prove what the latest is: where none has written in this run, as
    in its first call, or where the latest of them is of another run. Raises CorruptStateError if an
    item is not as the pipeline writes it.
    """
    read = list(_read_until_waiting(store, operation_id, run, called_after))
    latest = max(read, key=lambda item: str(item["timestamp"]), default=None)
    if latest is None or not _is_of(run, latest):
        return None
    return str(latest["timestamp"]), state_in(latest, store)


def _read_until_waiting(
    store: StateStore, operation_id: str, run: str, called_after: Sequence[str]
) -> Iterator[Mapping[str, Any]]:
    """Yield the items of steps; nothing more after that of the step itself if that waits.

    Then the run calls nothing but this step until it waits no longer.
    """
    for number, step in enumerate(called_after):
        item = store.get(operation_id, step)
        if item is None:
            continue
        yield item
        if number == 0 and _is_of(run, item) and _waits(item):
            return


def _is_of(run: str, item: Mapping[str, Any]) -> bool:
    return bool(item["details"].get("attempted_in") == run)


def _waits(item: Mapping[str, Any]) -> bool:
    """Return whether a step is to be called again: not where it leads back to another one."""
    return item["status"] == IN_PROGRESS and bool(item["details"].get("waiting_since"))
