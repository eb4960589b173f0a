"""Schedules start a state machine as on AWS: in their time zone, enabled, and not unnoticed."""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import pytest
from botocore.exceptions import ClientError

from embedded_aws.aws import EmbeddedAws

Outputs = Mapping[str, str]
T = TypeVar("T")

TWO_UUIDS = r"[0-9a-f-]{36}_[0-9a-f-]{36}"
TOKYO = ZoneInfo("Asia/Tokyo")
NAMED = {"Name": "nightly", "GroupName": "probe"}
KEPT = ("ScheduleExpression", "ScheduleExpressionTimezone", "FlexibleTimeWindow", "Target", "State")
QUIET_SECONDS = 4.0


@pytest.fixture(autouse=True)
def usual_clock(aws: EmbeddedAws) -> Iterator[None]:
    """Afterwards it is for schedules what it is for everything."""
    yield
    aws.set_schedule_clock(datetime.now(UTC))


def eventually(look: Callable[[], T | None], timeout: float = 15.0) -> T:
    """The first thing that is seen; fails if there is nothing to see in time."""
    deadline = time.monotonic() + timeout
    while not (seen := look()):
        assert time.monotonic() < deadline, "nothing was seen"
        time.sleep(0.05)
    return seen


def started(aws: EmbeddedAws, outputs: Outputs) -> set[str]:
    """The executions whose names are such as EventBridge gives."""
    listed = aws.client("stepfunctions").list_executions(stateMachineArn=outputs["MachineOutput"])
    executions = listed["executions"]
    return {each["executionArn"] for each in executions if re.fullmatch(TWO_UUIDS, each["name"])}


def changed(aws: EmbeddedAws, **changes: Any) -> dict[str, Any]:
    """The deployed schedule as it was, after it was changed."""
    client = aws.client("scheduler")
    found = client.get_schedule(**NAMED)
    kept = {name: found[name] for name in KEPT}
    client.update_schedule(**NAMED, **{**kept, **changes})
    return kept


def test_a_schedule_starts_its_target_at_its_time_in_its_time_zone(
    aws: EmbeddedAws, outputs: Outputs
) -> None:
    before = started(aws, outputs)
    aws.set_schedule_clock(datetime(2026, 5, 15, 2, 59, 58, tzinfo=UTC))
    time.sleep(QUIET_SECONDS)
    assert started(aws, outputs) == before

    aws.set_schedule_clock(datetime(2026, 5, 15, 2, 59, 58, tzinfo=TOKYO))
    (execution,) = eventually(lambda: started(aws, outputs) - before)

    description = aws.wait(execution)
    assert json.loads(description["input"]) == {"action": "describe", "seconds": 0, "wait": False}
    assert description["status"] == "SUCCEEDED"
    time.sleep(QUIET_SECONDS)
    assert started(aws, outputs) == {*before, execution}


def test_a_disabled_schedule_starts_nothing(aws: EmbeddedAws, outputs: Outputs) -> None:
    before = started(aws, outputs)
    kept = changed(aws, State="DISABLED")
    try:
        aws.set_schedule_clock(datetime(2026, 5, 15, 2, 59, 58, tzinfo=TOKYO))
        time.sleep(QUIET_SECONDS)
    finally:
        aws.client("scheduler").update_schedule(**NAMED, **kept)
    assert started(aws, outputs) == before


def test_what_cannot_be_started_is_kept_and_raises_an_alarm(
    aws: EmbeddedAws, outputs: Outputs
) -> None:
    target = aws.client("scheduler").get_schedule(**NAMED)["Target"]
    kept = changed(aws, Target={**target, "Arn": f"{target['Arn']}-of-before"})
    try:
        aws.set_schedule_clock(datetime(2026, 5, 15, 2, 59, 58, tzinfo=TOKYO))
        letter = eventually(
            lambda: (
                aws.client("sqs")
                .receive_message(QueueUrl=outputs["MissedOutput"], MessageAttributeNames=["All"])
                .get("Messages")
            )
        )[0]
    finally:
        aws.client("scheduler").update_schedule(**NAMED, **kept)

    attributes = {name: each["StringValue"] for name, each in letter["MessageAttributes"].items()}
    assert json.loads(letter["Body"])["StateMachineArn"].endswith("-of-before")
    assert attributes["ERROR_CODE"] == "StateMachineDoesNotExist"
    assert attributes["SCHEDULED_TIME"] == "2026-05-14T18:00:00Z"

    def alarm() -> str | None:
        published = aws.published(outputs["TopicOutput"])
        return next((each.message for each in published if "StartsMissed" in each.subject), None)

    assert json.loads(eventually(alarm))["Trigger"]["MetricName"] == "InvocationDroppedCount"


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"ScheduleExpression": "cron(0 3 * * *)"}, "Invalid Schedule Expression cron"),
        ({"ScheduleExpression": "at(2026-02-30T03:00:00)"}, "Invalid Schedule Expression at"),
        ({"ScheduleExpressionTimezone": "Europe/Bonn"}, "Timezone Europe/Bonn"),
        ({"FlexibleTimeWindow": {"Mode": "FLEXIBLE"}}, "flexible time window"),
        ({"Target": {"RoleArn": "arn:aws:iam::000000000000:role/other"}}, "to assume the role"),
    ],
)
def test_a_schedule_that_aws_refuses_is_refused(
    aws: EmbeddedAws, outputs: Outputs, changes: dict[str, Any], refusal: str
) -> None:
    found = aws.client("scheduler").get_schedule(**NAMED)
    given = {**changes, "Target": {**found["Target"], **changes.get("Target", {})}}

    with pytest.raises(ClientError, match=refusal) as caught:
        changed(aws, **given)

    assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_schedules_are_listed_by_pages(aws: EmbeddedAws, outputs: Outputs) -> None:
    client = aws.client("scheduler")
    kept = {name: client.get_schedule(**NAMED)[name] for name in KEPT}
    names = [f"copy-{number:03}" for number in range(120)]
    for name in names:
        client.create_schedule(Name=name, GroupName="probe", **{**kept, "State": "DISABLED"})
    try:
        pages = list(client.get_paginator("list_schedules").paginate(GroupName="probe"))
    finally:
        for name in names:
            client.delete_schedule(Name=name, GroupName="probe")

    assert [len(page["Schedules"]) for page in pages] == [100, 21]
