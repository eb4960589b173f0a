"""What went wrong in an execution that failed, timed out or was aborted, and what to do about it.

EventBridge's event names the execution and its status, neither the cause nor the step: those are
looked up. See "EventBridge event schema for Step Functions" in the Step Functions Developer Guide.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from aurora_restore.shared.aws_utils import Clients, call
from aurora_restore.shared.documents.event import Event
from aurora_restore.shared.documents.schema import parse
from aurora_restore.shared.errors import (
    Action,
    HookFailedError,
    Remedy,
    ValidationError,
    described,
    error_named,
)
from aurora_restore.shared.operation_state import OperationState
from aurora_restore.shared.sequences import (
    CALLING_STATES,
    REPLACE,
    SEQUENCES,
    StepSequence,
    get_sequence,
    lead_backs_of,
)
from aurora_restore.shared.target_lock import UNFINISHED

FAILED: Final = "FAILED"
TIMED_OUT: Final = "TIMED_OUT"
ABORTED: Final = "ABORTED"
NOT_REDRIVABLE: Final = "NOT_REDRIVABLE"

_NO_REFRESH: Final = ("dry_run", *(each.asked_by for each in SEQUENCES if each.asked_by))
"""The fields of an input of which each asks for something else than a refresh."""

NEW_EXECUTION: Final = Remedy(
    action=Action.START_AGAIN,
    first="Correct the input if no step was entered; otherwise fix the state machine or the "
    "function, and deploy. A redrive would use the same input and the same state machine.",
)
REDRIVEN: Final = Remedy(
    action=Action.NOTHING,
    first="Nothing has to be done: the execution has been redriven since. Wait for its end.",
)


@dataclass(frozen=True)
class PlatformFailure:
    """A way to fail that no error class stands for, by the names that Step Functions gives it."""

    names: tuple[str, ...]
    meaning: str
    remedy: Remedy


EXECUTION_FAILURES: Final = (
    PlatformFailure(
        (TIMED_OUT,),
        "the execution took longer than the state machine allows",
        Remedy(
            action=Action.REDRIVE,
            first="Find out what took so long. A redriven execution has its whole time again; a "
            "higher timeout_hours holds for new executions only.",
        ),
    ),
    PlatformFailure(
        (ABORTED,),
        "the execution was stopped by hand",
        Remedy(
            action=Action.NOTHING,
            first="Nothing has to be done if it was stopped on purpose. To continue the operation, "
            "redrive the execution.",
        ),
    ),
)
"""Failures by the status of the execution, which decides before the error it reports."""

FUNCTION_FAILURES: Final = (
    PlatformFailure(
        ("States.Timeout", "Sandbox.Timedout", "Lambda.Unknown"),
        "the function did not return in time",
        Remedy(action=Action.REDRIVE, first="Read the function's log."),
    ),
    PlatformFailure(
        ("States.Runtime",),
        "the state machine could not process the input, or what a function returned",
        NEW_EXECUTION,
    ),
)
"""Failures by the error of a failed execution."""

OTHER_FAILURE: Final = PlatformFailure(
    ("States.TaskFailed", "Lambda.…"),
    "Lambda could not run the function, however often the state machine tried",
    Remedy(action=Action.REDRIVE, first="Read the execution's history and the function's log."),
)
"""Every other error of a failed execution."""


def hook_failure(hook: str, error_type: str) -> tuple[str, str]:
    """Return error and sentence of a hook that has failed.

    What its function has raised is its own text, which may contain anything: only its class is
    repeated.
    """
    return HookFailedError.__name__, f"the hook {hook} has failed with {error_type}"


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
    is_redrivable: bool = True
    """Whether Step Functions would redrive it."""
    target_cluster_id: str | None = None
    """The target that its input names."""
    started: datetime | None = None
    """When the execution was started."""
    is_refresh: bool = True
    """Whether its input asks for no dry run, and for no sequence beside a refresh."""
    sequence: str | None = None
    """The operation's sequence, where its state is known: it decides where a run may enter."""
    hook: str | None = None
    """The hook that has failed, which the step has had called."""

    def naming_function(self, state: OperationState | None) -> "Failure":
        """Return the failure with the function of the hook that has failed, if one has."""
        asked = None if state is None else state.hook
        if self.hook is None or asked is None or asked.get("name") != self.hook:
            return self
        return replace(self, reason=f"{self.reason}; its function is {asked['function']}")

    @property
    def remedy(self) -> Remedy:
        """Return what to do about it."""
        return choose_remedy(
            self.execution_status,
            self.error_type,
            self.step,
            is_over=self.is_over,
            is_redrivable=self.is_redrivable,
            sequence=None if self.sequence is None else get_sequence(self.sequence),
        )

    @property
    def is_refusal(self) -> bool:
        """Return whether the step that failed did nothing."""
        error = error_named(self.error_type)
        return error is not None and error.is_refusal

    def is_of(self, attempted_in: str | None, *, other_at_work: bool) -> bool:
        """Return whether the operation is the execution's own, so that its failure is recorded.

        ``attempted_in`` is the operation's. It is not its own if the execution has been redriven,
        if another one works on the operation, or if no step has got to work, because the execution
        was refused: it may have named an operation that is none of its.
        """
        if not self.is_over or other_at_work:
            # After a redrive, this older state would count as the newest.
            return False
        has_worked = (attempted_in or "").rpartition("#")[0] == self.execution_arn
        return has_worked or not self.is_refusal

    def details(self, error_details: Mapping[str, Any]) -> dict[str, Any]:
        """Return the facts to announce; ``error_details`` are those that the step has recorded."""
        return {
            "restore": self.restore,
            "step": self.step,
            **({} if self.hook is None else {"hook": self.hook}),
            "execution_status": self.execution_status,
            "error_type": self.error_type,
            "error": self.reason,
            "execution_arn": self.execution_arn,
            **described(self.remedy, error_details),
        }

    def as_error(self) -> dict[str, Any]:
        """Return the error for the state of a step that could not write it itself."""
        return {
            "type": self.error_type,
            "message": self.reason,
            "details": {},
            **described(self.remedy, {}),
        }


def choose_remedy(
    status: str,
    error_type: str,
    step: str | None,
    *,
    is_over: bool,
    is_redrivable: bool,
    sequence: StepSequence | None = None,
) -> Remedy:
    """Return what to do about an execution that ended with this status and error at this step."""
    if not is_over:
        return REDRIVEN
    declared = _declared_remedy(status, error_type)
    useless = declared.action is Action.REDRIVE and not is_redrivable
    if useless or declared is NEW_EXECUTION:
        return _by_a_new_execution(declared, step, sequence)
    return declared


def _declared_remedy(status: str, error_type: str) -> Remedy:
    failure = _platform_failure(status, error_type)
    if failure is not None:
        return failure.remedy
    error = error_named(error_type)
    return OTHER_FAILURE.remedy if error is None else error.remedy


def _platform_failure(status: str, error_type: str) -> PlatformFailure | None:
    """Return what the status stands for, or else the error; an execution may report any error."""
    of_status = (each for each in EXECUTION_FAILURES if status in each.names)
    of_error = (each for each in FUNCTION_FAILURES if error_type in each.names)
    return next(of_status, None) or next(of_error, None)


def _by_a_new_execution(
    declared: Remedy, step: str | None, sequence: StepSequence | None
) -> Remedy:
    """Return the same remedy without a redrive; enter where the work of the failed step begins."""
    if step is None or step == REPLACE.first:
        return replace(declared, action=Action.START_AGAIN)
    return replace(declared, action=Action.RESUME, step=entry_after(step, sequence))


def entry_after(step: str, sequence: StepSequence | None = None) -> str:
    """Return the step to enter at after a failure of ``step``: where its work begins.

    In a sequence, what no step of it leads back to is not entered.
    """
    if sequence is not None:
        back = sequence.lead_back_of(step)
        return step if back is None else back.to
    return next(iter(lead_backs_of(step)), step)


def look_up(detail: Any, clients: Clients) -> Failure:
    """Return the failure that an execution status change event reports.

    Raises ValidationError if the event names no execution.
    """
    arn = detail.get("executionArn") if isinstance(detail, Mapping) else None
    if not isinstance(arn, str):
        raise ValidationError(
            "detail.executionArn: is missing; the event is not one of an execution"
        )
    execution = call(clients.step_functions.describe_execution, executionArn=arn)
    given = _json_object(execution.get("input"))
    request = _acceptable_part(given)
    status = str(detail.get("status", execution["status"]))
    error_type, reason = _reason(
        str(execution.get("error") or ""), str(execution.get("cause") or ""), status
    )
    step, hook = _last_step(arn, clients)
    if hook is not None and status == FAILED:
        error_type, reason = hook_failure(hook, error_type)
    return Failure(
        execution_arn=arn,
        execution_status=status,
        operation_id=request.operation_id or execution["name"],
        restore=request.restore,
        target_cluster_id=request.target_cluster_id,
        step=step,
        hook=hook if error_type == HookFailedError.__name__ else None,
        error_type=error_type,
        reason=reason,
        started=execution["startDate"].astimezone(UTC),
        is_refresh=not any(given.get(each) is True for each in _NO_REFRESH),
        is_over=execution["status"] not in UNFINISHED,
        is_redrivable=execution.get("redriveStatus") != NOT_REDRIVABLE,
    )


def _acceptable_part(given: Mapping[str, Any]) -> Event:
    """Return as much of an execution's input as a step would accept: the rest may be the cause."""
    accepted = {}
    for field in ("operation_id", "restore", "target_cluster_id"):
        with suppress(ValidationError):
            parse(Event, {field: given.get(field)})
            accepted[field] = given.get(field)
    return parse(Event, accepted)


def _last_step(arn: str, clients: Clients) -> tuple[str | None, str | None]:
    """Return the step whose state the execution entered last, and its hook if that was called."""
    pages = clients.step_functions.get_paginator("get_execution_history").paginate(
        executionArn=arn, reverseOrder=True, includeExecutionData=False
    )
    entered = (
        event.get("stateEnteredEventDetails", {}).get("name", "")
        for page in pages
        for event in page["events"]
    )
    known = (CALLING_STATES.get(state) for state in entered)
    return call(lambda: next((each for each in known if each is not None), (None, None)))


def _reason(error: str, cause: str, status: str) -> tuple[str, str]:
    """Return error type and sentence; the cause of a failed Lambda is a JSON text."""
    message = _json_object(cause).get("errorMessage") or cause
    if not message:
        failure = _platform_failure(status, error)
        message = "no cause was given" if failure is None else failure.meaning
    return error or status, message


def _json_object(text: str | None) -> dict[str, Any]:
    try:
        value = json.loads(text or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
