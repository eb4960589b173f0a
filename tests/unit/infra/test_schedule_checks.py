"""What of a schedule is warned of before a deployment."""

from datetime import UTC, datetime
from typing import Any

import pytest

from aurora_restore.configuration.checks import schedule as checks
from aurora_restore.configuration.checks.schedule import (
    faults_of_schedule,
    warnings_of_schedules,
)
from tests.unit.infra.synthesis import environment, example

NOW = datetime(2026, 5, 15, 12, tzinfo=UTC)
SCHEDULE = "restores.staging.schedule"


def warnings_of(schedule: dict[str, Any]) -> list[str]:
    found = environment(example({SCHEDULE: schedule}))
    return [str(each) for each in warnings_of_schedules(found, NOW)]


@pytest.mark.parametrize(
    ("schedule", "warning"),
    [
        ({"expression": "rate(1 day)"}, "'rate(1 day)' counts from its deployment, and starts"),
        ({"expression": "cron(0 4 * * ? 2025)"}, "'cron(0 4 * * ? 2025)' never starts again"),
        ({"expression": "at(2026-05-15T12:00:00)"}, "'at(2026-05-15T12:00:00)' never starts again"),
        (
            {"expression": "cron(30 2 * * ? *)", "time_zone": "Europe/Berlin"},
            "there is no start on 2027-03-28: the clocks of Europe/Berlin go forward past 02:30",
        ),
    ],
)
def test_a_surprise_is_warned_of(schedule: dict[str, Any], warning: str) -> None:
    (found,) = warnings_of(schedule)

    assert found.startswith(f"{SCHEDULE}.expression: {warning}")


@pytest.mark.parametrize(
    "schedule",
    [
        {"expression": "cron(0 4 * * ? *)", "time_zone": "Europe/Berlin"},
        {"expression": "cron(30 2 * * ? *)"},
        {"expression": "cron(30 2 * * ? *)", "time_zone": "Asia/Tokyo"},
        {"expression": "at(2026-05-15T14:00:01)", "time_zone": "Europe/Berlin"},
        {"expression": "rate(1 day)", "enabled": False},
    ],
)
def test_what_is_as_one_expects_is_not_warned_of(schedule: dict[str, Any]) -> None:
    assert warnings_of(schedule) == []


def test_a_machine_without_a_time_zone_database_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = environment(example({f"{SCHEDULE}.time_zone": "Europe/Berlin"}))
    monkeypatch.setattr(checks, "available_timezones", set)

    (fault,) = faults_of_schedule(found.restores["staging"], "restores.staging")

    assert str(fault) == (
        f"{SCHEDULE}.time_zone: 'Europe/Berlin' cannot be checked: this machine has no time zone "
        "database; pip install tzdata"
    )
