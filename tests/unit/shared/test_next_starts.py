"""What is said of the next starts of restores, and of what is deployed of a schedule."""

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from aurora_restore.cli.pausing import deployed_schedule
from aurora_restore.shared.documents.schedule import Schedule
from aurora_restore.shared.next_starts import next_start_of, next_starts, sentences
from tests.unit.cli.doctor.given import restore

NOW = datetime(2026, 5, 15, 12, tzinfo=UTC)
NIGHTLY = Schedule(expression="cron(0 4 * * ? *)", time_zone="Europe/Berlin")
NAMED = {"Name": "orders.refresh", "GroupName": "aurora-restore"}


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        (NIGHTLY, "starts next at 2026-05-16 04:00 Europe/Berlin (2026-05-16 02:00 UTC)."),
        (
            replace(NIGHTLY, enabled=False),
            "does not start by itself: its schedule, cron(0 4 * * ? *) in Europe/Berlin, is "
            "disabled.",
        ),
        (Schedule(expression="rate(1 day)"), "starts by itself: rate(1 day)."),
        (
            Schedule(expression="cron(0 4 * * ? 2025)"),
            "never starts again by cron(0 4 * * ? 2025) in UTC.",
        ),
        (
            replace(NIGHTLY, time_zone="Mars/Olympus"),
            "starts by itself: cron(0 4 * * ? *) in Mars/Olympus. This machine does not know that "
            "time zone, so it does not know when; pip install tzdata.",
        ),
    ],
)
def test_a_next_start_is_a_sentence(schedule: Schedule, said: str) -> None:
    assert str(next_start_of("orders", schedule, NOW)) == f"orders {said}"


def test_the_soonest_comes_first_and_of_many_only_a_few_are_said() -> None:
    schedules = {
        f"at-{hour:02}": restore(schedule=Schedule(expression=f"cron(0 {hour} * * ? *)"))
        for hour in range(8)
    }
    in_tokyo = Schedule(expression="cron(0 1 * * ? *)", time_zone="Asia/Tokyo")
    found = next_starts(
        {
            **schedules,
            "by-hand": restore(),
            "tokyo": restore(schedule=in_tokyo),
            "off": restore(schedule=replace(NIGHTLY, enabled=False)),
        },
        NOW,
    )

    assert [each.restore for each in found] == ["tokyo", *sorted(schedules), "off"]
    *said, more = sentences(found)
    assert len(said) == 5
    assert more == "5 more restores have a schedule; --json shows all."
    assert len(list(sentences(found[:5]))) == 5


def deployment(client: Any) -> Any:
    """A deployment whose only client is one of Scheduler."""
    return SimpleNamespace(
        name_prefix="aurora-restore", session=SimpleNamespace(client=lambda _: client)
    )


@pytest.fixture
def client() -> Any:
    return boto3.client(
        "scheduler",
        region_name="us-west-2",
        aws_access_key_id="none",
        aws_secret_access_key="none",
    )


def described(**changes: Any) -> dict[str, Any]:
    """A schedule as GetSchedule describes it."""
    return {
        **NAMED,
        "State": "ENABLED",
        "ScheduleExpression": NIGHTLY.expression,
        "ScheduleExpressionTimezone": NIGHTLY.time_zone,
        "Target": {"Arn": "arn:aws:states:us-west-2:1:stateMachine:x", "RoleArn": "x" * 20},
        **changes,
    }


def test_what_is_deployed_counts_and_not_what_is_configured(client: Any) -> None:
    configured = restore(schedule=Schedule(expression="cron(0 9 * * ? *)"))
    with Stubber(client) as stubber:
        stubber.add_response("get_schedule", described(), NAMED)
        found = deployed_schedule(deployment(client), "orders", configured, NOW)

    assert found.starts
    assert found.start == datetime(2026, 5, 16, 2, tzinfo=UTC)
    assert found.text == (
        "Deployed is schedule orders.refresh: cron(0 4 * * ? *) in Europe/Berlin. orders starts "
        "next at 2026-05-16 04:00 Europe/Berlin (2026-05-16 02:00 UTC)."
    )


def test_a_schedule_that_is_not_deployed_or_disabled_starts_nothing(client: Any) -> None:
    configured = restore(schedule=NIGHTLY)
    with Stubber(client) as stubber:
        stubber.add_client_error("get_schedule", "ResourceNotFoundException")
        absent = deployed_schedule(deployment(client), "orders", configured, NOW)
        stubber.add_client_error("get_schedule", "ResourceNotFoundException")
        none = deployed_schedule(deployment(client), "orders", restore(), NOW)
        stubber.add_response("get_schedule", described(State="DISABLED"))
        disabled = deployed_schedule(deployment(client), "orders", configured, NOW)

    assert [each.starts for each in (absent, none, disabled)] == [False] * 3
    assert "is not deployed: EventBridge Scheduler has none for it." in absent.text
    assert none.text == "It has no schedule."
    assert "is disabled." in disabled.text


def test_who_may_not_look_is_told_so_and_pauses_all_the_same(client: Any) -> None:
    with Stubber(client) as stubber:
        stubber.add_client_error("get_schedule", "AccessDeniedException", "not you")
        found = deployed_schedule(deployment(client), "orders", restore(schedule=NIGHTLY), NOW)

    assert found.starts
    assert found.text.startswith("Its deployed schedule could not be looked at: ")
