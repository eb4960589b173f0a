"""A function waits by itself while its execution is stopped; when it wakes, others are at work."""

import copy
from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest

from aurora_restore.shared import base_handler
from aurora_restore.shared.awaited import Awaited
from aurora_restore.shared.job import Answer, Job
from tests.sweeps.faults import is_change
from tests.sweeps.machine import FAILED, SUCCEEDED, SimulatedExecution
from tests.sweeps.routes import WAITING_INSIDE, SweepRoute
from tests.sweeps.stage import SweepStage
from tests.sweeps.sweep import KILLED
from tests.sweeps.tap import AwsCall, Proceed, Violation

ROUTE = SweepRoute(
    name="waits inside the functions",
    # So that a look of each thing comes while the function has time left to wait for the next one.
    polling=WAITING_INSIDE | {"floor_seconds": 10},
)
WAITS = (
    Awaited.COPY,
    Awaited.DELETION,
    Awaited.CLUSTER,
    Awaited.INSTANCES,
    Awaited.PASSWORD,
    Awaited.SECURITY_GROUPS,
)

Others = Callable[[SweepStage, SimulatedExecution], None]
"""What happens while a function of the execution sleeps."""


def another_is_at_work(stage: SweepStage, execution: SimulatedExecution) -> None:
    """The execution is stopped, and another operation has begun."""
    _stop(stage, execution)
    stage.run(stage.start("op-2"), is_enough=lambda each: "copy-snapshot" in each.entered)


def another_has_been_at_work(stage: SweepStage, execution: SimulatedExecution) -> None:
    """The execution is stopped, and another operation has come to its end: the lock is free."""
    _stop(stage, execution)
    another = stage.start("op-2")
    stage.run(another)
    if another.status != SUCCEEDED:
        raise Violation(f"the other operation failed at {another.state}: {another.cause}")


def it_is_redriven(stage: SweepStage, execution: SimulatedExecution) -> None:
    """The execution is stopped and redriven, and its next run has called a function."""
    again = copy.deepcopy(execution)
    stage.machine.fail_task(again, KILLED)
    stage.redrive(again)
    entered = len(again.entered)
    stage.run(again, is_enough=lambda each: len(each.entered) > entered)


def _stop(stage: SweepStage, execution: SimulatedExecution) -> None:
    stopped = copy.deepcopy(execution)
    stage.machine.fail_task(stopped, KILLED)
    stage._publish(stopped)


@pytest.mark.parametrize("others", [another_is_at_work, another_has_been_at_work, it_is_redriven])
@pytest.mark.parametrize("awaited", WAITS, ids=lambda each: each.value.name)
def test_a_function_that_wakes_after_its_execution_was_stopped_changes_nothing(
    awaited: Awaited, others: Others
) -> None:
    with ROUTE.staged() as stage:
        execution = stage.start()
        changes: list[AwsCall] = []
        sleeps = is_awake = False

        def watch(call: AwsCall, proceed: Proceed) -> Any:
            if is_awake and (is_change(call) or _writes_state(stage, call)):
                changes.append(call)
            return proceed()

        original = base_handler.BaseHandler._keep

        def keep(self: Any, attempt: Any, job: Job, answer: Answer) -> Job:
            nonlocal sleeps, is_awake
            kept = original(self, attempt, job, answer)
            if answer.awaited is awaited and not sleeps:
                sleeps = True
                with stage.tap.working(None):
                    others(stage, execution)
                is_awake = True
            return kept

        with (
            mock.patch.object(base_handler.BaseHandler, "_keep", keep),
            stage.tap.hooked(watch),
        ):
            stage.machine.run(execution)
    assert is_awake, "no function has waited for it"
    assert execution.status == FAILED
    assert execution.error == "OperationInProgressError"
    assert changes == []


def _writes_state(stage: SweepStage, call: AwsCall) -> bool:
    is_write = call.service == "dynamodb" and call.operation not in {"GetItem", "Query"}
    return is_write and call.parameters["TableName"] == stage.bench.environment.state_table
