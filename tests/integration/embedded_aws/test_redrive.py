"""RedriveExecution continues a failed execution where it failed, as on AWS."""

import json
import uuid
from collections.abc import Mapping

import botocore.exceptions
import pytest

from embedded_aws.aws import EmbeddedAws

Outputs = Mapping[str, str]


def fail(aws: EmbeddedAws, outputs: Outputs, name: str) -> str:
    """An execution that failed for want of an item in the table."""
    execution = aws.start(
        outputs["MachineOutput"],
        {"action": "fail-until-allowed", "seconds": 2, "wait": True},
        name=name,
    )
    assert aws.wait(execution)["status"] == "FAILED"
    return execution


def allow(aws: EmbeddedAws, outputs: Outputs, name: str) -> None:
    aws.client("dynamodb").put_item(
        TableName=outputs["TableOutput"], Item={"operation_id": {"S": name}}
    )


def test_a_failed_execution_is_redrivable_and_a_successful_one_is_not(
    aws: EmbeddedAws, outputs: Outputs
) -> None:
    failed = aws.wait(fail(aws, outputs, "op-redrivable"))
    assert (failed["redriveCount"], failed["redriveStatus"]) == (0, "REDRIVABLE")
    assert "redriveStatusReason" not in failed
    done = aws.start(outputs["MachineOutput"], {"action": "describe", "seconds": 0, "wait": False})
    succeeded = aws.wait(done)
    assert succeeded["redriveStatus"] == "NOT_REDRIVABLE"
    assert succeeded["redriveStatusReason"] == "Execution is SUCCEEDED and cannot be redriven"
    with pytest.raises(botocore.exceptions.ClientError, match="ExecutionNotRedrivable"):
        aws.redrive(done)


def test_a_running_execution_is_not_redrivable(aws: EmbeddedAws, outputs: Outputs) -> None:
    running = aws.start(
        outputs["MachineOutput"], {"action": "describe", "seconds": 20, "wait": True}
    )
    with pytest.raises(botocore.exceptions.ClientError, match="RUNNING and cannot be redriven"):
        aws.redrive(running)
    aws.wait(running)


def test_an_unknown_execution_is_not_redrivable(aws: EmbeddedAws, outputs: Outputs) -> None:
    unknown = outputs["MachineOutput"].replace(":stateMachine:", ":execution:") + ":nobody"
    with pytest.raises(botocore.exceptions.ClientError, match="ExecutionDoesNotExist"):
        aws.redrive(unknown)


def test_a_redrive_goes_on_from_the_failed_state(aws: EmbeddedAws, outputs: Outputs) -> None:
    execution = fail(aws, outputs, "op-redriven")
    before = aws.history(execution)
    allow(aws, outputs, "op-redriven")
    aws.redrive(execution)
    description = aws.wait(execution)
    assert description["status"] == "SUCCEEDED"
    assert description["redriveCount"] == 1
    assert description["redriveDate"] > description["startDate"]
    assert not {"error", "cause"} & set(description)
    answer = json.loads(description["output"])["answer"]["payload"]
    assert answer == {"attempt": 0, "redrives": 1}, "retries start again, the context counts"
    history = aws.history(execution)
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


def test_a_redrive_may_fail_and_be_redriven_again(aws: EmbeddedAws, outputs: Outputs) -> None:
    execution = fail(aws, outputs, "op-again")
    aws.redrive(execution)
    description = aws.wait(execution)
    assert (description["status"], description["redriveCount"]) == ("FAILED", 1)
    failures = [e for e in aws.history(execution) if e["type"] == "TaskFailed"]
    assert len(failures) == 4, "each attempt had its one retry"
    allow(aws, outputs, "op-again")
    aws.redrive(execution)
    description = aws.wait(execution)
    assert (description["status"], description["redriveCount"]) == ("SUCCEEDED", 2)
    listed = aws.client("stepfunctions").list_executions(stateMachineArn=outputs["MachineOutput"])[
        "executions"
    ]
    counts = {item["executionArn"]: item["redriveCount"] for item in listed}
    assert counts[execution] == 2


@pytest.mark.parametrize("end", ["TIMED_OUT", "ABORTED"])
def test_a_wait_that_was_cut_off_is_entered_again(
    aws: EmbeddedAws, outputs: Outputs, end: str
) -> None:
    execution = aws.start(
        outputs["MachineOutput"],
        {"action": "describe", "seconds": 60, "wait": True},
        name=f"op-cut-{uuid.uuid4()}",
    )
    if end == "ABORTED":
        aws.client("stepfunctions").stop_execution(executionArn=execution)
    assert aws.wait(execution)["status"] == end
    aws.redrive(execution)
    assert aws.wait(execution)["status"] == "TIMED_OUT", "the limit of 50 s starts again"
    kinds = [event["type"] for event in aws.history(execution)]
    assert kinds[-3:] == ["ExecutionRedriven", "WaitStateEntered", "ExecutionTimedOut"]
