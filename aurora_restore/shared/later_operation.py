"""Which operation has come later to a target than another one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aurora_restore.shared.common import parse_timestamp
from aurora_restore.shared.sequences import ROLL_BACK, SWITCH
from aurora_restore.shared.state_utils import StateStore
from aurora_restore.shared.target_record import TargetRecord


@dataclass(frozen=True, kw_only=True)
class LaterOperation:
    """An operation that has come to a target later than the one that is looked at."""

    id: str
    has_changed_target: bool = True
    """Whether the target is no longer what it was; not where a cluster was only made beside it."""
    refreshed_at: str | None = None
    """When what it restored was handed over, or switched to; None where it has not come to that."""


def how_later(item: Mapping[str, Any], began: datetime) -> str | None:
    """Return how an operation is later than one that began at a moment; None where it is not.

    ``item`` is its latest in the state table. One that has refreshed the target is later, too, if
    it was at work then: it is until it has written its state for the last time, which is after its
    hand-over.
    """
    details = item["details"]
    has_refreshed = bool(details.get("handed_over_at") or details.get("switched_at"))
    for moment, what in (
        (details.get("operation_started_at"), "began later than this one"),
        (has_refreshed and item["timestamp"], "was at work on it when this one began"),
    ):
        if moment and parse_timestamp(moment) > began:
            return what
    return None


def find_later_operation(
    store: StateStore, operation_id: str, record: TargetRecord | None, began: datetime
) -> LaterOperation | None:
    """Return the operation that came later, and has restored the target or switched it since.

    Of two, it is the one that has changed the target last.
    """
    if record is None:
        return None
    found = _later_ones(store, operation_id, record, began)
    return max(
        found, key=lambda each: (each.has_changed_target, each.refreshed_at or ""), default=None
    )


def _later_ones(
    store: StateStore, operation_id: str, record: TargetRecord, began: datetime
) -> Iterator[LaterOperation]:
    for other in dict.fromkeys((record.switched_by, record.restored_by)):
        if other is None or other == operation_id:
            continue
        recorded = _handed_over_at(record, other)
        item = store.load(other) or {"details": {}, "timestamp": recorded}
        details = {"handed_over_at": recorded, **item["details"]}
        if how_later({**item, "details": details}, began) is not None:
            yield LaterOperation(
                id=other,
                has_changed_target=_has_changed_target(record, other, details),
                refreshed_at=details.get("switched_at") or details.get("handed_over_at"),
            )


def _handed_over_at(record: TargetRecord, operation_id: str) -> str | None:
    """Return when an operation handed over its cluster, as the target's record has it."""
    if record.restored_by == operation_id:
        return record.handed_over_at
    live = record.live
    return live.handed_over_at if live is not None and live.restored_by == operation_id else None


def _has_changed_target(record: TargetRecord, other: str, details: Mapping[str, Any]) -> bool:
    """Return whether an operation has replaced the target, or switched it.

    Where its state has expired, the target's record says which cluster serves since the last
    switch; one that was never switched is replaced.
    """
    sequence = details.get("sequence")
    if sequence in (SWITCH.name, ROLL_BACK.name):
        return details.get("switched_at") is not None
    if sequence is not None or record.live is None:
        return True
    return record.live.restored_by == other
