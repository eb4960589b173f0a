"""Which event an item of the audit table stands for."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from aurora_restore.shared import state_utils
from aurora_restore.shared.documents.schema import to_json
from aurora_restore.shared.errors import retryable_error_names
from aurora_restore.shared.events.detail import (
    DETAIL_TYPES,
    FAILED,
    SOURCE,
    SUCCEEDED,
    RunEvent,
    StepEvent,
)
from aurora_restore.shared.pipeline import STEP_NAMES

LONGEST_TEXT: Final = 4000
"""How many letters a text of an event has at most. EventBridge takes less than 1 MB in a call, and
some of its targets take 256 KiB; each letter may be 12 bytes there."""

_STATUSES: Final = {state_utils.SUCCESS: SUCCEEDED, state_utils.FAILED: FAILED}


@dataclass(frozen=True)
class OutcomeEvent:
    """One event, as EventBridge takes it."""

    detail_type: str
    detail: Mapping[str, Any]
    at: str
    resources: tuple[str, ...] = ()
    source: str = SOURCE


def run_outcome(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an event says of a run, from the JSON of its notice."""
    details = document.get("details") or {}
    declared = {each.name for each in fields(RunEvent)}
    return {
        **{name: value for name, value in details.items() if name in declared},
        "status": document["status"],
        "message": document["message"],
    }


def event_of(item: Mapping[str, Any], name_prefix: str) -> OutcomeEvent | None:
    """Return the event that an item of the audit table stands for; None for what is no outcome.

    The item of a run's end has an ``outcome``, and stands for that alone.
    """
    status = _STATUSES.get(str(item.get("status")))
    if status is None or item.get("step") not in STEP_NAMES:
        return None
    known = {
        **(item.get("run") or {}),
        "environment": name_prefix,
        "operation_id": item["operation_id"],
        "at": item["timestamp"],
    }
    outcome = item.get("outcome")
    if outcome is not None:
        return _event(RunEvent, {**known, **outcome})
    details = item.get("details") or {}
    found = {**known, "step": item["step"], "status": status, **_of_step(details, status)}
    return _event(StepEvent, found)


def _of_step(details: Mapping[str, Any], status: str) -> dict[str, Any]:
    found = {"message": details.get("message", "")}
    if status != FAILED:
        return found
    error_type = details.get("type")
    return {
        **found,
        "error_type": error_type,
        "is_retried": error_type in retryable_error_names(),
        **{name: details.get(name) for name in ("remedy", "resume_at", "what_to_do")},
    }


def _event(kind: type[StepEvent] | type[RunEvent], known: Mapping[str, Any]) -> OutcomeEvent:
    declared = {each.name for each in fields(kind)}
    detail = kind(**{name: _short(known[name]) for name in known if name in declared})
    execution = known.get("execution_arn")
    return OutcomeEvent(
        DETAIL_TYPES[kind],
        to_json(detail),
        str(known["at"]),
        () if execution is None else (str(execution),),
    )


def _short(value: Any) -> Any:
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        return f"{value[: LONGEST_TEXT - 1]}…"
    return value
