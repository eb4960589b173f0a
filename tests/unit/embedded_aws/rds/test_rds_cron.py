"""When a job of pg_cron is due."""

from datetime import UTC, datetime

import pytest

from embedded_aws.rds.data_plane.cron import interval_seconds, is_due

SUNDAY = datetime(2026, 2, 1, 3, 30, tzinfo=UTC)
LAST_OF_FEBRUARY = datetime(2026, 2, 28, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "at"),
    [
        ("* * * * *", SUNDAY),
        ("30 3 * * *", SUNDAY),
        ("*/15 3 * * 0", SUNDAY),
        ("30 3 * * 7", SUNDAY),
        ("30 3 * * sun", SUNDAY),
        ("30 1-5/2 1 feb *", SUNDAY),
        ("0,30 3 * * *", SUNDAY),
        ("30 3 1 * 3", SUNDAY),
        ("30 3 15 * 0", SUNDAY),
        ("0 0 $ * *", LAST_OF_FEBRUARY),
        ("@daily", LAST_OF_FEBRUARY),
    ],
)
def test_a_schedule_names_the_minute(schedule: str, at: datetime) -> None:
    assert is_due(schedule, at)


@pytest.mark.parametrize(
    "schedule",
    [
        "31 3 * * *",
        "30 4 * * *",
        "30 3 2 * *",
        "30 3 15 * 3",
        "30 3 * mar *",
        "*/7 3 * * *",
        "0 0 $ * *",
        "@yearly",
        "@reboot",
        "nonsense",
        "a b c d e",
    ],
)
def test_a_schedule_does_not_name_the_minute(schedule: str) -> None:
    assert not is_due(schedule, SUNDAY)


def test_an_interval_counts_seconds() -> None:
    assert interval_seconds("30 seconds") == 30
    assert interval_seconds("1 second") == 1
    assert interval_seconds("60 seconds") is None
    assert interval_seconds("* * * * *") is None
