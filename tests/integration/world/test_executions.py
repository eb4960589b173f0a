"""Executions behave as on AWS: context, waits, errors, limits, names, history."""

import json
import uuid
from collections.abc import Mapping
from typing import Any

import botocore.exceptions
import pytest

from aurora_restore.local.world import ExecutionUnfinishedError, World

Outputs = Mapping[str, str]


def start(world: World, outputs: Outputs, action: str, **members: Any) -> str:
    members = {"seconds": 0, "wait": False, **members}
    name = members.pop("name", None) or f"{action}-{uuid.uuid4()}"
    return world.start(outputs["MachineOutput"], {"action": action, **members}, name=name)


def answer(world: World, execution: str) -> Any:
    """The payload of the function that a successful execution called."""
    description = world.wait(execution)
    assert description["status"] == "SUCCEEDED", description
    return json.loads(description["output"])["answer"]["payload"]


def kinds(world: World, execution: str) -> list[str]:
    return [event["type"] for event in world.history(execution)]


def test_the_context_object_holds_what_aws_documents(world: World, outputs: Outputs) -> None:
    event = answer(world, start(world, outputs, "describe", name="op-context"))["event"]
    assert event["operation_id"] == "op-context"
    assert event["redrives"] == 0
    assert event["attempt"] == 0


def test_an_uncaught_error_fails_the_execution_under_its_class_name(
    world: World, outputs: Outputs
) -> None:
    description = world.wait(start(world, outputs, "fail"))
    assert description["status"] == "FAILED"
    assert description["error"] == "SnapshotIsGoneError"
    assert json.loads(description["cause"])["errorMessage"] == "the snapshot is gone"
    assert "output" not in description


def test_the_history_of_a_retried_and_failed_task_reads_as_on_aws(
    world: World, outputs: Outputs
) -> None:
    execution = start(world, outputs, "fail")
    world.wait(execution)
    history = world.history(execution)
    assert [event["type"] for event in history] == [
        "ExecutionStarted",
        "ChoiceStateEntered",
        "ChoiceStateExited",
        "TaskStateEntered",
        *["TaskScheduled", "TaskStarted", "TaskFailed"] * 2,
        "ExecutionFailed",
    ]
    assert [event["previousEventId"] for event in history] == list(range(len(history)))
    scheduled, failed = history[4], history[-2]
    details = scheduled["taskScheduledEventDetails"]
    assert (details["resourceType"], details["resource"]) == ("lambda", "invoke")
    assert json.loads(details["parameters"])["Payload"]["action"] == "fail"
    assert failed["taskFailedEventDetails"]["error"] == "SnapshotIsGoneError"
    assert failed["taskFailedEventDetails"]["resource"] == "invoke"


def test_waits_are_scaled(world: World, outputs: Outputs) -> None:
    description = world.wait(start(world, outputs, "describe", wait=True, seconds=20))
    took = description["stopDate"] - description["startDate"]
    assert description["status"] == "SUCCEEDED"
    assert 0.4 <= took.total_seconds() < 5


@pytest.mark.parametrize("seconds", [1.5, -1, "3", None, True])
def test_waits_take_whole_seconds_only(world: World, outputs: Outputs, seconds: object) -> None:
    description = world.wait(start(world, outputs, "describe", wait=True, seconds=seconds))
    assert description["status"] == "FAILED"
    assert description["error"] == "States.Runtime"
    assert "SecondsPath" in description["cause"]


def test_a_choice_about_a_missing_value_fails(world: World, outputs: Outputs) -> None:
    execution = world.start(outputs["MachineOutput"], {"action": "describe", "seconds": 0})
    description = world.wait(execution)
    assert description["error"] == "States.Runtime"
    assert "Invalid path '$.wait'" in description["cause"]


def test_a_parameter_with_a_missing_value_fails(world: World, outputs: Outputs) -> None:
    execution = world.start(outputs["MachineOutput"], {"action": "describe", "wait": False})
    description = world.wait(execution)
    assert description["error"] == "States.Runtime"
    assert "'$.seconds' specified for the field 'seconds.$'" in description["cause"]


def test_more_than_256_kib_are_not_handed_on(world: World, outputs: Outputs) -> None:
    description = world.wait(start(world, outputs, "large"))
    assert description["error"] == "States.DataLimitExceeded"


def test_an_execution_longer_than_its_limit_is_timed_out_in_the_middle_of_a_wait(
    world: World, outputs: Outputs
) -> None:
    execution = start(world, outputs, "describe", wait=True, seconds=10_000)
    description = world.wait(execution)
    assert description["status"] == "TIMED_OUT"
    took = description["stopDate"] - description["startDate"]
    assert 1 <= took.total_seconds() < 3, "50 s at a scale of 0.02"
    assert kinds(world, execution)[-2:] == ["WaitStateEntered", "ExecutionTimedOut"]


def test_an_aborted_execution_stays_as_it_is_when_its_task_ends(
    world: World, outputs: Outputs
) -> None:
    execution = start(world, outputs, "sleep", seconds=1)
    while "TaskStarted" not in kinds(world, execution):
        pass
    world.client("stepfunctions").stop_execution(executionArn=execution, error="Enough")
    assert world.wait(execution)["status"] == "ABORTED"
    with_end = kinds(world, execution)
    answer(world, start(world, outputs, "sleep", seconds=1))
    assert kinds(world, execution) == with_end
    assert with_end[-1] == "ExecutionAborted"


def test_the_same_start_twice_is_one_execution(world: World, outputs: Outputs) -> None:
    first, second = (
        start(world, outputs, "describe", name="op-twice", wait=True, seconds=30) for _ in range(2)
    )
    assert first == second
    world.wait(first)
    assert kinds(world, first).count("ExecutionStarted") == 1


@pytest.mark.parametrize("meanwhile", ["running", "closed"])
def test_a_name_is_taken_by_another_input_or_a_closed_execution(
    world: World, outputs: Outputs, meanwhile: str
) -> None:
    name = f"op-{meanwhile}"
    seconds = 30 if meanwhile == "running" else 0
    first = start(world, outputs, "describe", name=name, wait=True, seconds=seconds)
    if meanwhile == "closed":
        world.wait(first)
    with pytest.raises(botocore.exceptions.ClientError, match="ExecutionAlreadyExists"):
        start(world, outputs, "describe", name=name, wait=True, seconds=seconds + (seconds and 1))
    world.wait(first)


@pytest.mark.parametrize("name", ["with space", "a:b", "a/b", "x" * 81, "curly{}"])
def test_names_are_checked(world: World, outputs: Outputs, name: str) -> None:
    with pytest.raises(botocore.exceptions.ClientError, match="InvalidName"):
        start(world, outputs, "describe", name=name)


def test_waiting_for_an_execution_is_bounded(world: World, outputs: Outputs) -> None:
    execution = start(world, outputs, "describe", wait=True, seconds=30)
    with pytest.raises(ExecutionUnfinishedError, match="WaitStateEntered"):
        world.wait(execution, timeout=0.2)
    world.wait(execution)


def test_a_throttled_task_says_so(world: World, outputs: Outputs) -> None:
    functions = world.client("lambda")
    functions.put_function_concurrency(FunctionName="probe-probe", ReservedConcurrentExecutions=0)
    try:
        description = world.wait(start(world, outputs, "describe"))
    finally:
        functions.delete_function_concurrency(FunctionName="probe-probe")
    assert description["error"] == "Lambda.TooManyRequestsException"
