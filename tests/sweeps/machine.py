"""Runs the deployed state machine's definition, as Step Functions would."""

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aurora_restore.shared.errors import AuroraRestoreError
from tests.sweeps.tap import Violation
from tests.unit.infra.choices import holds, value_at

Document = dict[str, Any]
RUNNING = "RUNNING"
SUCCEEDED = "SUCCEEDED"
FAILED = "FAILED"

MOST_TASKS = 150
"""More calls of functions than any run here needs: beyond, it goes round in circles."""


@dataclass
class SimulatedExecution:
    """An execution of the state machine, as far as it has come."""

    arn: str
    name: str
    given: Document
    state: str
    document: Document
    status: str = RUNNING
    error: str = ""
    cause: str = ""
    redrive_count: int = 0
    entered: list[str] = field(default_factory=list)
    """The steps whose states it has entered, in order."""
    retries: dict[int, int] = field(default_factory=dict)
    """How often each retrier of the present state has been used."""

    @property
    def step(self) -> str:
        """The step it has entered last."""
        return self.entered[-1] if self.entered else ""

    def fail(self, error: str, cause: str = "") -> None:
        """End at the present state."""
        self.status, self.error, self.cause = FAILED, error, cause

    def position(self) -> tuple[Any, ...]:
        """Return everything that decides how it continues, apart from the state of AWS."""
        return (
            self.name,
            json.dumps(self.given, sort_keys=True),
            self.state,
            self.status,
            self.redrive_count,
            tuple(sorted(self.retries.items())),
        )


@dataclass(frozen=True)
class StateMachineSimulator:
    """The definition, with what calls a function and what passes time."""

    definition: Document
    invoke: Callable[[SimulatedExecution, str, Document], Document]
    wait: Callable[[float], None]
    integrate: Callable[[SimulatedExecution, str, Document], None]
    """What calls another service than a step's function: the resource, and its parameters."""

    def start(self, arn: str, given: Document) -> SimulatedExecution:
        """A new execution, which has not done anything yet."""
        name = arn.rsplit(":", 1)[-1]
        return SimulatedExecution(arn, name, given, self.definition["StartAt"], dict(given))

    def redrive(self, execution: SimulatedExecution) -> None:
        """Re-run a failed execution from the console: it goes on at the state that failed."""
        assert execution.status == FAILED
        execution.status, execution.error, execution.cause = RUNNING, "", ""
        execution.redrive_count += 1
        execution.retries.clear()

    def run(
        self,
        execution: SimulatedExecution,
        is_enough: Callable[[SimulatedExecution], bool] | None = None,
    ) -> bool:
        """Go on to the end, or until ``is_enough`` says so, which is asked before each Task.

        Answers whether the end was reached.
        """
        states = self.definition["States"]
        for number in itertools.count():
            if execution.status != RUNNING:
                return True
            if number > 4 * MOST_TASKS:
                raise Violation(f"it goes round in circles: {execution.entered[-12:]}")
            state = states[execution.state]
            match state["Type"]:
                case "Task":
                    if is_enough is not None and is_enough(execution):
                        return False
                    self._task(execution, state)
                case "Wait":
                    self.wait(float(value_at(state["SecondsPath"], execution.document)))
                    execution.state = state["Next"]
                case "Choice":
                    execution.state = next(
                        (
                            each["Next"]
                            for each in state["Choices"]
                            if holds(each, execution.document)
                        ),
                        state["Default"],
                    )
                case "Succeed":
                    execution.status = SUCCEEDED
                case other:
                    raise AssertionError(f"{execution.state}: unknown type {other}")
        raise AssertionError

    def _task(self, execution: SimulatedExecution, state: Document) -> None:
        if state["ResultPath"] is None:
            payload = _payload(state["Parameters"], execution)
            self.integrate(execution, state["Resource"], payload)
            execution.state = state["Next"]
            return
        step = state["Resource"]
        execution.entered.append(step)
        try:
            result = self.invoke(execution, step, _payload(state["Parameters"], execution))
        except AuroraRestoreError as error:
            self.fail_task(execution, error.error_type, error.message)
            return
        assert state["ResultPath"] == "$.result"
        execution.document["result"] = json.loads(json.dumps(result))
        execution.retries.clear()
        execution.state = state.get("Next", execution.state)
        if "Next" not in state:
            assert state["End"]
            execution.status = SUCCEEDED

    def fail_task(self, execution: SimulatedExecution, error: str, cause: str = "") -> None:
        """The present task has ended in an error: it is retried, or the execution fails."""
        state = self.definition["States"][execution.state]
        assert "Catch" not in state
        for number, retrier in enumerate(state.get("Retry", ())):
            if error in retrier["ErrorEquals"]:
                used = execution.retries.get(number, 0)
                if used < retrier["MaxAttempts"]:
                    execution.retries[number] = used + 1
                    delay = retrier["IntervalSeconds"] * retrier["BackoffRate"] ** used
                    self.wait(min(delay, retrier.get("MaxDelaySeconds", delay)))
                    return
                break
        execution.fail(error, cause)


def _payload(template: Any, execution: SimulatedExecution) -> Document:
    """A Task's Parameters, with what they take from the context object."""
    context = {
        "Execution": {
            "Id": execution.arn,
            "Name": execution.name,
            "Input": execution.given,
            "RedriveCount": execution.redrive_count,
        },
        # Nothing depends on when.
        "State": {"EnteredTime": "2026-05-16T03:00:00Z"},
    }
    payload = {}
    for key, value in template.items():
        if key.endswith(".$"):
            is_context = value.startswith("$$.")
            payload[key.removesuffix(".$")] = (
                value_at(value[1:], context) if is_context else value_at(value, execution.document)
            )
        else:
            payload[key] = _payload(value, execution) if isinstance(value, dict) else value
    copied: Document = json.loads(json.dumps(payload))
    return copied
