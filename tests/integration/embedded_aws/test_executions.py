"""Executions behave as on AWS: context, waits, errors, limits, names, history."""

import json
import uuid
from collections.abc import Mapping
from typing import Any

import botocore.exceptions
import pytest

from embedded_aws.aws import EmbeddedAws, ExecutionUnfinishedError

Outputs = Mapping[str, str]


def start(aws: EmbeddedAws, outputs: Outputs, action: str, **members: Any) -> str:
    members = {"seconds": 0, "wait": False, **members}
    name = members.pop("name", None) or f"{action}-{uuid.uuid4()}"
    return aws.start(outputs["MachineOutput"], {"action": action, **members}, name=name)


def answer(aws: EmbeddedAws, execution: str) -> Any:
    """The payload of the function that a successful execution called."""
    description = aws.wait(execution)
    assert description["status"] == "SUCCEEDED", description
    return json.loads(description["output"])["answer"]["payload"]


def kinds(aws: EmbeddedAws, execution: str) -> list[str]:
    return [event["type"] for event in aws.history(execution)]


def test_the_context_object_holds_what_aws_documents(aws: EmbeddedAws, outputs: Outputs) -> None:
    event = answer(aws, start(aws, outputs, "describe", name="op-context"))["event"]
    assert event["operation_id"] == "op-context"
    assert event["redrives"] == 0
    assert event["attempt"] == 0


def test_an_uncaught_error_fails_the_execution_under_its_class_name(
    aws: EmbeddedAws, outputs: Outputs
) -> None:
    description = aws.wait(start(aws, outputs, "fail"))
    assert description["status"] == "FAILED"
    assert description["error"] == "SnapshotIsGoneError"
    assert json.loads(description["cause"])["errorMessage"] == "the snapshot is gone"
    assert "output" not in description


def test_the_history_of_a_retried_and_failed_task_reads_as_on_aws(
    aws: EmbeddedAws, outputs: Outputs
) -> None:
    execution = start(aws, outputs, "fail")
    aws.wait(execution)
    history = aws.history(execution)
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


def test_waits_are_scaled(aws: EmbeddedAws, outputs: Outputs) -> None:
    description = aws.wait(start(aws, outputs, "describe", wait=True, seconds=20))
    took = description["stopDate"] - description["startDate"]
    assert description["status"] == "SUCCEEDED"
    assert 0.4 <= took.total_seconds() < 5


@pytest.mark.parametrize("seconds", [1.5, -1, "3", None, True])
def test_waits_take_whole_seconds_only(aws: EmbeddedAws, outputs: Outputs, seconds: object) -> None:
    description = aws.wait(start(aws, outputs, "describe", wait=True, seconds=seconds))
    assert description["status"] == "FAILED"
    assert description["error"] == "States.Runtime"
    assert "SecondsPath" in description["cause"]


def test_a_choice_about_a_missing_value_fails(aws: EmbeddedAws, outputs: Outputs) -> None:
    execution = aws.start(outputs["MachineOutput"], {"action": "describe", "seconds": 0})
    description = aws.wait(execution)
    assert description["error"] == "States.Runtime"
    assert "Invalid path '$.wait'" in description["cause"]


def test_a_parameter_with_a_missing_value_fails(aws: EmbeddedAws, outputs: Outputs) -> None:
    execution = aws.start(outputs["MachineOutput"], {"action": "describe", "wait": False})
    description = aws.wait(execution)
    assert description["error"] == "States.Runtime"
    assert "'$.seconds' specified for the field 'seconds.$'" in description["cause"]


def test_more_than_256_kib_are_not_handed_on(aws: EmbeddedAws, outputs: Outputs) -> None:
    description = aws.wait(start(aws, outputs, "large"))
    assert description["error"] == "States.DataLimitExceeded"


def test_an_execution_longer_than_its_limit_is_timed_out_in_the_middle_of_a_wait(
    aws: EmbeddedAws, outputs: Outputs
) -> None:
    execution = start(aws, outputs, "describe", wait=True, seconds=10_000)
    description = aws.wait(execution)
    assert description["status"] == "TIMED_OUT"
    took = description["stopDate"] - description["startDate"]
    assert 1 <= took.total_seconds() < 3, "50 s at a scale of 0.02"
    assert kinds(aws, execution)[-2:] == ["WaitStateEntered", "ExecutionTimedOut"]


def test_an_aborted_execution_stays_as_it_is_when_its_task_ends(
    aws: EmbeddedAws, outputs: Outputs
) -> None:
    execution = start(aws, outputs, "sleep", seconds=1)
    while "TaskStarted" not in kinds(aws, execution):
        pass
    aws.client("stepfunctions").stop_execution(executionArn=execution, error="Enough")
    assert aws.wait(execution)["status"] == "ABORTED"
    with_end = kinds(aws, execution)
    answer(aws, start(aws, outputs, "sleep", seconds=1))
    assert kinds(aws, execution) == with_end
    assert with_end[-1] == "ExecutionAborted"


def test_the_same_start_twice_is_one_execution(aws: EmbeddedAws, outputs: Outputs) -> None:
    first, second = (
        start(aws, outputs, "describe", name="op-twice", wait=True, seconds=30) for _ in range(2)
    )
    assert first == second
    aws.wait(first)
    assert kinds(aws, first).count("ExecutionStarted") == 1


@pytest.mark.parametrize("meanwhile", ["running", "closed"])
def test_a_name_is_taken_by_another_input_or_a_closed_execution(
    aws: EmbeddedAws, outputs: Outputs, meanwhile: str
) -> None:
    name = f"op-{meanwhile}"
    seconds = 30 if meanwhile == "running" else 0
    first = start(aws, outputs, "describe", name=name, wait=True, seconds=seconds)
    if meanwhile == "closed":
        aws.wait(first)
    with pytest.raises(botocore.exceptions.ClientError, match="ExecutionAlreadyExists"):
        start(aws, outputs, "describe", name=name, wait=True, seconds=seconds + (seconds and 1))
    aws.wait(first)


@pytest.mark.parametrize("name", ["with space", "a:b", "a/b", "x" * 81, "curly{}"])
def test_names_are_checked(aws: EmbeddedAws, outputs: Outputs, name: str) -> None:
    with pytest.raises(botocore.exceptions.ClientError, match="InvalidName"):
        start(aws, outputs, "describe", name=name)


def test_waiting_for_an_execution_is_bounded(aws: EmbeddedAws, outputs: Outputs) -> None:
    execution = start(aws, outputs, "describe", wait=True, seconds=30)
    with pytest.raises(ExecutionUnfinishedError, match="WaitStateEntered"):
        aws.wait(execution, timeout=0.2)
    aws.wait(execution)


def test_a_throttled_task_says_so(aws: EmbeddedAws, outputs: Outputs) -> None:
    functions = aws.client("lambda")
    functions.put_function_concurrency(FunctionName="probe-probe", ReservedConcurrentExecutions=0)
    try:
        description = aws.wait(start(aws, outputs, "describe"))
    finally:
        functions.delete_function_concurrency(FunctionName="probe-probe")
    assert description["error"] == "Lambda.TooManyRequestsException"
