"""Failures are announced as on AWS: events of rules, retries, dead letters, alarms."""

import json
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from embedded_aws.aws import EmbeddedAws

Outputs = Mapping[str, str]
T = TypeVar("T")

STATUS_CHANGE_MEMBERS = {
    "executionArn",
    "stateMachineArn",
    "name",
    "status",
    "startDate",
    "stopDate",
    "input",
    "inputDetails",
    "output",
    "outputDetails",
}


def fail(aws: EmbeddedAws, outputs: Outputs, name: str) -> str:
    execution = aws.start(
        outputs["MachineOutput"], {"action": "fail", "seconds": 0, "wait": False}, name=name
    )
    aws.wait(execution)
    return execution


def eventually(look: Callable[[], T | None], timeout: float = 15.0) -> T:
    """The first thing that is seen; fails if there is nothing to see in time."""
    deadline = time.monotonic() + timeout
    while (seen := look()) is None:
        assert time.monotonic() < deadline, "nothing was seen"
        time.sleep(0.05)
    return seen


def notification(aws: EmbeddedAws, outputs: Outputs, execution: str) -> dict[str, Any] | None:
    for message in aws.published(outputs["TopicOutput"]):
        if message.subject == "failure":
            event: dict[str, Any] = json.loads(message.message)
            if event["detail"]["executionArn"] == execution:
                return event
    return None


def dead_letter(aws: EmbeddedAws, queue: str) -> dict[str, Any] | None:
    messages = (
        aws.client("sqs")
        .receive_message(QueueUrl=queue, MessageAttributeNames=["All"])
        .get("Messages", [])
    )
    return dict(messages[0]) if messages else None


def test_a_failure_reaches_the_function_of_the_rule(aws: EmbeddedAws, outputs: Outputs) -> None:
    execution = fail(aws, outputs, f"op-{uuid.uuid4()}")
    event = eventually(lambda: notification(aws, outputs, execution))
    assert event["source"] == "aws.states"
    assert event["detail-type"] == "Step Functions Execution Status Change"
    assert event["resources"] == [execution]
    assert event["detail"]["status"] == "FAILED"
    assert json.loads(event["detail"]["input"])["action"] == "fail"


def test_the_event_does_not_contain_the_cause(aws: EmbeddedAws, outputs: Outputs) -> None:
    execution = fail(aws, outputs, f"op-{uuid.uuid4()}")
    event = eventually(lambda: notification(aws, outputs, execution))
    assert set(event["detail"]) == STATUS_CHANGE_MEMBERS
    assert "gone" not in json.dumps(event)


def test_a_time_out_is_announced_too(aws: EmbeddedAws, outputs: Outputs) -> None:
    execution = aws.start(
        outputs["MachineOutput"], {"action": "describe", "seconds": 1000, "wait": True}
    )
    event = eventually(lambda: notification(aws, outputs, execution))
    assert event["detail"]["status"] == "TIMED_OUT"


def test_an_alarm_on_failed_executions_goes_off(aws: EmbeddedAws, outputs: Outputs) -> None:
    fail(aws, outputs, f"op-{uuid.uuid4()}")

    def alarm() -> str | None:
        published = aws.published(outputs["TopicOutput"])
        return next(
            (each.message for each in published if "ExecutionsFailed" in each.subject), None
        )

    assert json.loads(eventually(alarm))["Trigger"]["MetricName"] == "ExecutionsFailed"


def test_an_alarm_about_another_state_machine_stays_silent(
    aws: EmbeddedAws, outputs: Outputs
) -> None:
    alarms = aws.client("cloudwatch")
    alarms.put_metric_alarm(
        AlarmName="another-machine",
        Namespace="AWS/States",
        MetricName="ExecutionsFailed",
        Dimensions=[{"Name": "StateMachineArn", "Value": outputs["MachineOutput"] + "-other"}],
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
    )
    fail(aws, outputs, f"op-{uuid.uuid4()}")
    (alarm,) = alarms.describe_alarms(AlarmNames=["another-machine"])["MetricAlarms"]
    assert alarm["StateValue"] == "INSUFFICIENT_DATA"


def test_a_function_that_keeps_failing_is_retried_and_its_event_put_aside(
    aws: EmbeddedAws, outputs: Outputs
) -> None:
    name = f"unnotifiable-{uuid.uuid4()}"
    execution = fail(aws, outputs, name)
    letter = eventually(lambda: dead_letter(aws, outputs["FailedNotificationsOutput"]))
    assert json.loads(letter["Body"])["detail"]["executionArn"] == execution
    assert letter["MessageAttributes"]["ErrorMessage"]["StringValue"] == "cannot notify"
    errors = aws.lambda_logs("probe-notifier").count("[ERROR] SnapshotIsGoneError: cannot notify")
    assert errors == 3


def test_an_event_that_may_not_be_delivered_goes_to_the_queue_of_the_target(
    aws: EmbeddedAws, outputs: Outputs
) -> None:
    functions = aws.client("lambda")
    policy = json.loads(functions.get_policy(FunctionName="probe-notifier")["Policy"])
    (statement,) = policy["Statement"]
    functions.remove_permission(FunctionName="probe-notifier", StatementId=statement["Sid"])
    try:
        execution = fail(aws, outputs, f"op-{uuid.uuid4()}")
        letter = eventually(lambda: dead_letter(aws, outputs["UndeliveredOutput"]))
    finally:
        functions.add_permission(
            FunctionName="probe-notifier",
            StatementId=statement["Sid"],
            Action=statement["Action"],
            Principal="events.amazonaws.com",
            SourceArn=next(iter(statement["Condition"]["ArnLike"].values())),
        )
    assert json.loads(letter["Body"])["detail"]["executionArn"] == execution
    assert letter["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"
