"""What the command line says of the deployed schedule, and what a pause does to its starts."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from aurora_restore.shared.names import refresh_schedule_name, schedule_group_name
from tests.integration.cli.conftest import CommandLine
from tests.integration.pipeline.stage import (
    BEFORE_LEAP_DAY,
    PREFIX,
    TARGET_REGION,
    Deployed,
    PipelineStage,
)

NEXT = "staging starts next at 2028-02-29 04:00 Asia/Tokyo (2028-02-28 19:00 UTC)."
NAMED = {"Name": refresh_schedule_name("staging"), "GroupName": schedule_group_name(PREFIX)}


@pytest.fixture
def paused(cli: CommandLine, app: Deployed) -> Iterator[str]:
    """What is said where the schedule is paused; afterwards it is not."""
    yield cli("pause", "staging", "--reason", "The release.").out
    cli("unpause", "staging")


@pytest.fixture
def disabled(stage: PipelineStage, app: Deployed) -> Iterator[None]:
    """A person has disabled the schedule in the console."""
    client: Any = stage.aws.client("scheduler", region=TARGET_REGION)
    found = client.get_schedule(**NAMED)
    kept = ("ScheduleExpression", "ScheduleExpressionTimezone", "FlexibleTimeWindow", "Target")
    changes = {name: found[name] for name in kept}
    client.update_schedule(**NAMED, **changes, State="DISABLED")
    yield
    client.update_schedule(**NAMED, **changes, State="ENABLED")


def test_a_pause_shows_the_deployed_schedule_and_holds_back_what_it_starts(
    cli: CommandLine, stage: PipelineStage, app: Deployed, paused: str
) -> None:
    said = " ".join(paused.split())
    assert "Deployed is schedule staging.refresh: cron(0 4 29 2 ? *) in Asia/Tokyo." in said
    assert f"{NEXT} The pause holds that start back." in said

    before = stage.executions(app)
    with stage.schedules_at(BEFORE_LEAP_DAY):
        stage.eventually(lambda: stage.executions(app) != before)
    (execution,) = stage.executions(app) - before

    assert stage.aws.wait(execution)["status"] == "SUCCEEDED"
    assert stage.steps_entered(execution) == ["snapshot-check"]
    ended = " ".join(cli("unpause", "staging").out.split())
    assert ended.startswith("The pause of staging has ended. Deployed is schedule staging.refresh")
    assert ended.endswith(NEXT)


def test_a_pause_that_ends_before_the_next_start_says_so(cli: CommandLine, app: Deployed) -> None:
    said = cli("pause", "staging", "--until", "2028-02-01").out
    cli("unpause", "staging")

    assert "The pause has ended by then, and holds no start back." in " ".join(said.split())


def test_a_schedule_that_was_disabled_is_said_and_found(
    cli: CommandLine, app: Deployed, succeeded: str, disabled: None
) -> None:
    said = " ".join(cli("pause", "staging").out.split())
    cli("unpause", "staging")
    found = json.loads(cli("doctor", "--json").out)["Schedules"]

    assert "cron(0 4 29 2 ? *) in Asia/Tokyo, is disabled. So nothing is held back" in said
    assert [each["text"] for each in found if each["level"] == "problem"] == [
        "The schedule of staging is disabled: schedule staging.refresh."
    ]


def test_the_next_start_is_listed_planned_and_found_by_the_doctor(
    cli: CommandLine, succeeded: str
) -> None:
    listed, planned = cli("list"), cli("plan")
    (coming,) = json.loads(cli("list", "--json").out)["next_starts"]

    assert NEXT in listed.out
    assert NEXT in planned.out
    assert coming == {
        "restore": "staging",
        "expression": "cron(0 4 29 2 ? *)",
        "time_zone": "Asia/Tokyo",
        "enabled": True,
        "next_start": "2028-02-28T19:00:00.000000Z",
    }
    found = json.loads(cli("doctor", "--json").out)["Schedules"]
    assert [(each["level"], each["text"]) for each in found] == [("ok", NEXT)]
