"""Histories of executions, as GetExecutionHistory returns them, built event by event."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from aurora_restore.cli.progress import ExecutionProgress, execution_progress
from aurora_restore.shared.pipeline import Hook, get_step
from aurora_restore.shared.sequences import REPLACE, StepSequence

START = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


BEGINNING = ExecutionProgress.beginning(REPLACE)


def progress_of(
    events: Iterable[Mapping[str, Any]], sequence: StepSequence = REPLACE
) -> ExecutionProgress:
    """The progress of an execution with these events."""
    return execution_progress(events, sequence)


def at(seconds: float) -> datetime:
    """So many seconds after the start."""
    return START + timedelta(seconds=seconds)


class HistoryMaker:
    """Adds events; each call takes one second by default."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self._moment = 0.0
        self._add("ExecutionStarted", {"input": "{}"})

    def call(self, step: str, answer: Mapping[str, Any] | str, *, seconds: float = 1.0) -> Self:
        """Add a call of a step's function and its response."""
        self.enter(step)
        self._moment += seconds
        output = answer if isinstance(answer, str) else json.dumps(answer)
        self._add("LambdaFunctionSucceeded", {"output": output})
        self._add("TaskStateExited", {"name": get_step(step).state_name}, "stateExited")
        return self

    def done(self, step: str, message: str = "done", *, seconds: float = 1.0) -> Self:
        """A step's function has done its work."""
        return self.call(step, {"statusCode": 200, "body": {"message": message}}, seconds=seconds)

    def wait(self, step: str, *, seconds: float = 1.0, **body: Any) -> Self:
        """A step's function says that it must be called again, and a Wait state passes."""
        self.call(step, {"statusCode": 202, "body": {"message": "not yet", **body}})
        name = f"{get_step(step).state_name}: wait"
        self._add("WaitStateEntered", {"name": name}, "stateEntered")
        self._moment += seconds
        self._add("WaitStateExited", {"name": name}, "stateExited")
        return self

    def enter(self, step: str) -> Self:
        """A step's function is being called."""
        self._add("TaskStateEntered", {"name": get_step(step).state_name}, "stateEntered")
        self._add("LambdaFunctionScheduled", {})
        self._add("LambdaFunctionStarted", {})
        return self

    def call_hook(self, hook: Hook, step: str) -> Self:
        """The function of a hook is being called, for a step."""
        name = hook.state_name(get_step(step))
        self._add("TaskStateEntered", {"name": name}, "stateEntered")
        self._add("TaskScheduled", {"resourceType": "lambda", "resource": "invoke"})
        return self

    def fail(self, error: str) -> Self:
        """The function that is being called fails."""
        self._add("LambdaFunctionFailed", {"error": error, "cause": "{}"})
        return self

    def end(
        self, kind: str, details: Mapping[str, str] | None = None, *, seconds: float = 1.0
    ) -> Self:
        """The execution is over."""
        self._moment += seconds
        self._add(kind, details or {})
        return self

    def _add(self, kind: str, details: Mapping[str, Any], key: str = "") -> None:
        key = key or f"{kind[0].lower()}{kind[1:]}"
        self.events.append(
            {
                "id": len(self.events) + 1,
                "type": kind,
                "timestamp": at(self._moment),
                f"{key}EventDetails": dict(details),
            }
        )


def whole_run(sequence: StepSequence = REPLACE) -> HistoryMaker:
    """An execution in which the copy and the restore are waited for, and everything succeeds."""
    made = HistoryMaker()
    for step in sequence.steps:
        if step == "check-copy-status":
            for percent in (0, 20, 40, 60, 80):
                made.wait(step, percent_progress=percent)
        if step == "check-restore-status":
            made.wait(step, waiting_for="the cluster, which is creating")
            made.wait(step, waiting_for="the master password")
        made.done(step, f"{step} is done")
    return made.end("ExecutionSucceeded", {"output": "{}"}, seconds=0)
