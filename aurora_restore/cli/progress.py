"""Where an execution stands, step by step, derived from its history alone."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Self

from aurora_restore.shared.failed_execution import hook_failure
from aurora_restore.shared.pipeline import STEPS
from aurora_restore.shared.sequences import CALLING_STATES, StepSequence

_STEP_OF_STATE: Final = {step.state_name: step.name for step in STEPS}
_ACCEPTED: Final = 202
_OVER: Final = {
    "ExecutionSucceeded": "SUCCEEDED",
    "ExecutionFailed": "FAILED",
    "ExecutionTimedOut": "TIMED_OUT",
    "ExecutionAborted": "ABORTED",
}
_PERCENT_REPORTED: Final = 25
"""How far a percentage must have come before a line is worth it."""


class StepStatus(StrEnum):
    """The state of a step, as it is shown."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class StepProgress:
    """One step of an execution so far."""

    name: str
    status: StepStatus = StepStatus.WAITING
    started: datetime | None = None
    ended: datetime | None = None
    calls: int = 0
    """How often its function has been called."""
    note: str = ""
    """What it waits for, or what it has done, in its own words."""
    percent: int | None = None

    def seconds(self, now: datetime) -> float | None:
        """Return how long it has taken so far; None where it has not begun."""
        if self.started is None:
            return None
        return max(0.0, ((self.ended or now) - self.started).total_seconds())


@dataclass(frozen=True, kw_only=True)
class ExecutionFailure:
    """Why an execution did not succeed."""

    step: str | None
    error_type: str
    message: str


@dataclass(frozen=True, kw_only=True)
class ExecutionProgress:
    """An execution so far."""

    steps: tuple[StepProgress, ...]
    status: str = "RUNNING"
    started: datetime | None = None
    ended: datetime | None = None
    failure: ExecutionFailure | None = None

    @classmethod
    def beginning(cls, sequence: StepSequence) -> Self:
        """Return the progress of an execution that takes these steps, and has not begun."""
        return cls(steps=tuple(StepProgress(name=name) for name in sequence.steps))

    @property
    def at_its_beginning(self) -> Self:
        """Return an execution of the same steps that has not begun."""
        return type(self)(steps=tuple(StepProgress(name=each.name) for each in self.steps))

    @property
    def current(self) -> StepProgress | None:
        """Return the step that it is at; None before the first and after the last."""
        return next((each for each in self.steps if each.status is StepStatus.RUNNING), None)

    @property
    def over(self) -> bool:
        """Return whether it has ended."""
        return self.status != "RUNNING"

    def step(self, name: str) -> StepProgress:
        """Return the progress of a step."""
        return next(step for step in self.steps if step.name == name)

    def seconds(self, now: datetime) -> float:
        """Return how long the execution has taken so far."""
        if self.started is None:
            return 0.0
        return max(0.0, ((self.ended or now) - self.started).total_seconds())


def execution_progress(
    events: Iterable[Mapping[str, Any]], sequence: StepSequence
) -> ExecutionProgress:
    """Return the progress of an execution of a sequence from its history, the first event first."""
    reading = _Reading(sequence)
    for event in events:
        reading.read(event)
    return reading.progress()


class _Reading:
    """What has been understood of a history so far."""

    def __init__(self, sequence: StepSequence) -> None:
        self._steps = list(ExecutionProgress.beginning(sequence).steps)
        self._current: int | None = None
        self._hook: str | None = None
        self._status = "RUNNING"
        self._started: datetime | None = None
        self._ended: datetime | None = None
        self._failure: ExecutionFailure | None = None

    def progress(self) -> ExecutionProgress:
        return ExecutionProgress(
            steps=tuple(self._steps),
            status=self._status,
            started=self._started,
            ended=self._ended,
            failure=self._failure,
        )

    def read(self, event: Mapping[str, Any]) -> None:
        kind, moment = event["type"], event["timestamp"]
        if kind == "ExecutionStarted":
            self._started = moment
        elif kind == "TaskStateEntered":
            state = event["stateEnteredEventDetails"]["name"]
            _, self._hook = CALLING_STATES.get(state, (None, None))
            if state in _STEP_OF_STATE:
                self._enter(self._number_of(_STEP_OF_STATE[state]), moment)
        elif kind == "LambdaFunctionSucceeded":
            self._answered(event["lambdaFunctionSucceededEventDetails"].get("output", ""), moment)
        elif kind == "LambdaFunctionFailed":
            error = event.get("lambdaFunctionFailedEventDetails", {}).get("error", "an error")
            self._change(note=f"{error}; it is tried again", percent=None)
        elif kind == "ExecutionRedriven":
            # It continues at the state that failed, which is not entered again.
            self._status, self._ended, self._failure = "RUNNING", None, None
            self._change(status=StepStatus.RUNNING, ended=None, note="")
        elif kind in _OVER:
            self._end(_OVER[kind], moment, event)

    def _number_of(self, step: str) -> int:
        """Return a step's place; one that the sequence does not have stands after the last one.

        What sequence an execution took is a guess where its state has expired.
        """
        for number, each in enumerate(self._steps):
            if each.name == step:
                return number
        place = 0 if self._current is None else self._current + 1
        self._steps.insert(place, StepProgress(name=step))
        return place

    def _enter(self, number: int, moment: datetime) -> None:
        if number != self._current:
            for later in range(number, len(self._steps)):
                self._steps[later] = StepProgress(name=self._steps[later].name)
            self._current = number
            self._change(status=StepStatus.RUNNING, started=moment)
        self._change(calls=self._steps[number].calls + 1)

    def _answered(self, output: str, moment: datetime) -> None:
        answer = _json_object(output)
        body = answer.get("body")
        body = body if isinstance(body, dict) else {}
        if answer.get("statusCode") == _ACCEPTED:
            self._change(
                note=str(body.get("waiting_for") or body.get("message") or ""),
                percent=body.get("percent_progress"),
            )
        else:
            self._change(
                status=StepStatus.DONE,
                ended=moment,
                note=str(body.get("message") or ""),
                percent=None,
            )

    def _end(self, status: str, moment: datetime, event: Mapping[str, Any]) -> None:
        self._status, self._ended = status, moment
        if status == "SUCCEEDED":
            return
        step = None if self._current is None else self._steps[self._current].name
        self._failure = _failure(step, self._hook, status, _details(event))
        self._change(
            status=StepStatus.FAILED, ended=moment, note=self._failure.error_type, percent=None
        )

    def _change(self, **fields: Any) -> None:
        if self._current is not None:
            self._steps[self._current] = replace(self._steps[self._current], **fields)


def _failure(
    step: str | None, hook: str | None, status: str, details: Mapping[str, Any]
) -> ExecutionFailure:
    """Return the error and its message, from the JSON that Lambda reports a function's error in."""
    if hook is not None and status == "FAILED":
        error_type, message = hook_failure(hook, str(details.get("error") or status))
        return ExecutionFailure(step=step, error_type=error_type, message=message)
    cause = str(details.get("cause") or "")
    reported = _json_object(cause)
    message = str(reported.get("errorMessage") or cause or "no cause was given")
    return ExecutionFailure(
        step=step, error_type=str(details.get("error") or status), message=message
    )


def _details(event: Mapping[str, Any]) -> Mapping[str, Any]:
    kind = str(event["type"])
    details = event.get(f"{kind[0].lower()}{kind[1:]}EventDetails")
    return details if isinstance(details, Mapping) else {}


def _json_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def changes(
    before: ExecutionProgress, after: ExecutionProgress
) -> Iterator[tuple[int, StepProgress, str]]:
    """Yield each change worth a line: the step's number (from 1), its progress and the change.

    A step that began and ended since is only reported as done. Each quarter of a percentage counts.
    """
    for number, (old, new) in enumerate(zip(before.steps, after.steps, strict=True), start=1):
        reported = _reported(old, new)
        if reported:
            yield number, new, reported


def _reported(old: StepProgress, new: StepProgress) -> str:
    if new.status is not old.status:
        return "starts again" if new.status is StepStatus.WAITING else str(new.status)
    if new.status is not StepStatus.RUNNING:
        return ""
    quarters = [(step.percent or 0) // _PERCENT_REPORTED for step in (old, new)]
    if new.note != old.note or quarters[0] != quarters[1]:
        return "waits"
    return ""
