"""RedriveExecution continues a failed execution where it failed, as on AWS."""

import json
import uuid
from collections.abc import Mapping

import botocore.exceptions
import pytest

from aurora_restore.local.world import World

Outputs = Mapping[str, str]


def fail(world: World, outputs: Outputs, name: str) -> str:
    """An execution that failed for want of an item in the table."""
    execution = world.start(
        outputs["MachineOutput"],
        {"action": "fail-until-told", "seconds": 2, "wait": True},
        name=name,
    )
    assert world.wait(execution)["status"] == "FAILED"
    return execution


def tell(world: World, outputs: Outputs, name: str) -> None:
    world.client("dynamodb").put_item(
        TableName=outputs["TableOutput"], Item={"operation_id": {"S": name}}
    )


def test_a_failed_execution_is_redrivable_and_a_successful_one_is_not(
    world: World, outputs: Outputs
) -> None:
    failed = world.wait(fail(world, outputs, "op-redrivable"))
    assert (failed["redriveCount"], failed["redriveStatus"]) == (0, "REDRIVABLE")
    assert "redriveStatusReason" not in failed
    done = world.start(
        outputs["MachineOutput"], {"action": "describe", "seconds": 0, "wait": False}
    )
    succeeded = world.wait(done)
    assert succeeded["redriveStatus"] == "NOT_REDRIVABLE"
    assert succeeded["redriveStatusReason"] == "Execution is SUCCEEDED and cannot be redriven"
    with pytest.raises(botocore.exceptions.ClientError, match="ExecutionNotRedrivable"):
        world.redrive(done)


def test_a_running_execution_is_not_redrivable(world: World, outputs: Outputs) -> None:
    running = world.start(
        outputs["MachineOutput"], {"action": "describe", "seconds": 20, "wait": True}
    )
    with pytest.raises(botocore.exceptions.ClientError, match="RUNNING and cannot be redriven"):
        world.redrive(running)
    world.wait(running)


def test_an_unknown_execution_is_not_redrivable(world: World, outputs: Outputs) -> None:
    unknown = outputs["MachineOutput"].replace(":stateMachine:", ":execution:") + ":nobody"
    with pytest.raises(botocore.exceptions.ClientError, match="ExecutionDoesNotExist"):
        world.redrive(unknown)


def test_a_redrive_goes_on_from_the_failed_state(world: World, outputs: Outputs) -> None:
    execution = fail(world, outputs, "op-redriven")
    before = world.history(execution)
    tell(world, outputs, "op-redriven")
    world.redrive(execution)
    description = world.wait(execution)
    assert description["status"] == "SUCCEEDED"
    assert description["redriveCount"] == 1
    assert description["redriveDate"] > description["startDate"]
    assert not {"error", "cause"} & set(description)
    answer = json.loads(description["output"])["answer"]["payload"]
    assert answer == {"attempt": 0, "redrives": 1}, "retries begin anew, the context counts"
    history = world.history(execution)
    assert history[: len(before)] == before
    assert [event["type"] for event in history[len(before) :]] == [
        "ExecutionRedriven",
        "TaskScheduled",
        "TaskStarted",
        "TaskSucceeded",
        "TaskStateExited",
        "SucceedStateEntered",
        "SucceedStateExited",
        "ExecutionSucceeded",
    ]
    assert history[len(before)]["executionRedrivenEventDetails"]["redriveCount"] == 1


def test_a_redrive_may_fail_and_be_redriven_again(world: World, outputs: Outputs) -> None:
    execution = fail(world, outputs, "op-again")
    world.redrive(execution)
    description = world.wait(execution)
    assert (description["status"], description["redriveCount"]) == ("FAILED", 1)
    failures = [e for e in world.history(execution) if e["type"] == "TaskFailed"]
    assert len(failures) == 4, "each attempt had its one retry"
    tell(world, outputs, "op-again")
    world.redrive(execution)
    description = world.wait(execution)
    assert (description["status"], description["redriveCount"]) == ("SUCCEEDED", 2)
    listed = world.client("stepfunctions").list_executions(
        stateMachineArn=outputs["MachineOutput"]
    )["executions"]
    counts = {item["executionArn"]: item["redriveCount"] for item in listed}
    assert counts[execution] == 2


@pytest.mark.parametrize("end", ["TIMED_OUT", "ABORTED"])
def test_a_wait_that_was_cut_off_is_entered_again(world: World, outputs: Outputs, end: str) -> None:
    execution = world.start(
        outputs["MachineOutput"],
        {"action": "describe", "seconds": 60, "wait": True},
        name=f"op-cut-{uuid.uuid4()}",
    )
    if end == "ABORTED":
        world.client("stepfunctions").stop_execution(executionArn=execution)
    assert world.wait(execution)["status"] == end
    world.redrive(execution)
    assert world.wait(execution)["status"] == "TIMED_OUT", "the limit of 50 s begins anew"
    kinds = [event["type"] for event in world.history(execution)]
    assert kinds[-3:] == ["ExecutionRedriven", "WaitStateEntered", "ExecutionTimedOut"]
