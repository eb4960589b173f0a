"""What went wrong in an execution that failed, timed out or was aborted.

EventBridge's event names the execution and its status, neither the cause nor the step: those are
looked up. See "EventBridge event schema for Step Functions" in the Step Functions Developer Guide.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from aurora_restore.shared.aws_utils import Clients, call
from aurora_restore.shared.documents.event import Event
from aurora_restore.shared.documents.schema import parse
from aurora_restore.shared.errors import ValidationError
from aurora_restore.shared.pipeline import STEPS
from aurora_restore.shared.target_lock import UNFINISHED

REDRIVE: Final = (
    "Mend the cause, then redrive the execution in the Step Functions console: it goes on at the "
    "step that failed."
)
WRONG_INPUT: Final = (
    "Start a new execution with the right input: a redrive would be given the same one."
)
_STEP_OF_STATE: Final = {step.state_name: step.name for step in STEPS}
_NO_ANSWER: Final = {
    "TIMED_OUT": "the execution took longer than the state machine allows",
    "ABORTED": "the execution was stopped by hand",
}
_FUNCTION_TIMEOUTS: Final = frozenset({"States.Timeout", "Sandbox.Timedout", "Lambda.Unknown"})


@dataclass(frozen=True)
class Failure:
    """How an execution ended."""

    execution_arn: str
    execution_status: str
    operation_id: str
    restore: str | None
    step: str | None
    error_type: str
    reason: str
    is_over: bool
    """Whether it has not been redriven since."""

    def details(self) -> dict[str, Any]:
        """The facts to announce."""
        return {
            "restore": self.restore,
            "step": self.step,
            "execution_status": self.execution_status,
            "error_type": self.error_type,
            "error": self.reason,
            "execution_arn": self.execution_arn,
            "what_to_do": WRONG_INPUT if self.error_type == ValidationError.__name__ else REDRIVE,
        }


def look_up(detail: Any, clients: Clients) -> Failure:
    """What an execution status change event is about.

    Raises ValidationError where the event names no execution.
    """
    arn = detail.get("executionArn") if isinstance(detail, Mapping) else None
    if not isinstance(arn, str):
        raise ValidationError(
            "detail.executionArn: is missing; the event is not one of an execution"
        )
    execution = call(clients.step_functions.describe_execution, executionArn=arn)
    asked = _what_is_right(_json_object(execution.get("input")))
    status = str(detail.get("status", execution["status"]))
    error_type, reason = _reason(
        str(execution.get("error") or ""), str(execution.get("cause") or ""), status
    )
    return Failure(
        execution_arn=arn,
        execution_status=status,
        operation_id=asked.operation_id or execution["name"],
        restore=asked.restore,
        step=_last_step(arn, clients),
        error_type=error_type,
        reason=reason,
        is_over=execution["status"] not in UNFINISHED,
    )


def _what_is_right(asked: Mapping[str, Any]) -> Event:
    """As much of an execution's input as a step would accept: the rest may be why it failed."""
    right = {}
    for field in ("operation_id", "restore"):
        with suppress(ValidationError):
            parse(Event, {field: asked.get(field)})
            right[field] = asked.get(field)
    return parse(Event, right)


def _last_step(arn: str, clients: Clients) -> str | None:
    """The step whose state the execution entered last."""
    pages = clients.step_functions.get_paginator("get_execution_history").paginate(
        executionArn=arn, reverseOrder=True, includeExecutionData=False
    )
    entered = (
        event.get("stateEnteredEventDetails", {}).get("name")
        for page in pages
        for event in page["events"]
    )
    return call(
        lambda: next((_STEP_OF_STATE[state] for state in entered if state in _STEP_OF_STATE), None)
    )


def _reason(error: str, cause: str, status: str) -> tuple[str, str]:
    """Error type and sentence; the cause of a failed Lambda is a JSON text."""
    reported = _json_object(cause)
    message = reported.get("errorMessage") or cause
    if error in _FUNCTION_TIMEOUTS and not message:
        message = "the function was given no answer in time"
    return error or status, message or _NO_ANSWER.get(status, "no cause was given")


def _json_object(text: str | None) -> dict[str, Any]:
    try:
        value = json.loads(text or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
