"""When a schedule starts next, by the documented meaning of its fields."""

from datetime import UTC, datetime

import pytest

from aurora_restore.cli.doctor.next_start import next_start

# A Tuesday.
NOW = datetime(2026, 3, 31, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("cron(0 4 * * ? *)", "2026-04-01T04:00"),
        ("cron(30 12 * * ? *)", "2026-03-31T12:30"),
        ("cron(0 12 * * ? *)", "2026-04-01T12:00"),
        ("cron(0/30 12 * * ? *)", "2026-03-31T12:30"),
        ("cron(0 4 ? * MON-FRI *)", "2026-04-01T04:00"),
        ("cron(0 4 ? * 1 *)", "2026-04-05T04:00"),
        ("cron(0 4 ? * SAT,SUN *)", "2026-04-04T04:00"),
        ("cron(0 4 ? * FRI-MON *)", "2026-04-03T04:00"),
        ("cron(0 4 ? * 6L *)", "2026-04-24T04:00"),
        ("cron(0 4 ? * L *)", "2026-04-04T04:00"),
        ("cron(0 4 ? * WED#1 *)", "2026-04-01T04:00"),
        ("cron(0 4 ? * TUE#5 *)", "2026-06-30T04:00"),
        ("cron(0 4 L * ? *)", "2026-04-30T04:00"),
        ("cron(0 4 LW 5 ? *)", "2026-05-29T04:00"),
        ("cron(0 4 4W 4 ? *)", "2026-04-03T04:00"),
        ("cron(0 4 5W 4 ? *)", "2026-04-06T04:00"),
        ("cron(0 4 1W 8 ? *)", "2026-08-03T04:00"),
        ("cron(0 4 29 2 ? *)", "2028-02-29T04:00"),
        ("cron(0 4 1 JAN ? 2028)", "2028-01-01T04:00"),
        ("cron(0 0,18 31 * ? *)", "2026-03-31T18:00"),
        ("cron(15 8-10 1 1/3 ? *)", "2026-04-01T08:15"),
    ],
)
def test_the_next_start_is_the_first_one_that_all_fields_allow(
    expression: str, expected: str
) -> None:
    assert next_start(expression, NOW) == datetime.fromisoformat(f"{expected}:00+00:00")


@pytest.mark.parametrize(
    "expression", ["rate(1 day)", "cron(0 4 * * ? 2025)", "cron(0 4 30 2 ? *)"]
)
def test_what_never_starts_or_is_counted_from_elsewhere_has_no_next_start(expression: str) -> None:
    assert next_start(expression, NOW) is None
