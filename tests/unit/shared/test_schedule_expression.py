"""When a schedule starts next, by the documented meaning of its fields and of its time zone.

The statements about daylight saving time are those of
https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html.
"""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora_restore.shared.documents.schedule import Schedule
from aurora_restore.shared.documents.schedule_expression import (
    describe_start,
    first_skipped_start,
    next_start,
    problems_of_expression,
)
from embedded_aws.ministack import scheduler

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
    found = next_start(Schedule(expression=expression), NOW)

    assert found == datetime.fromisoformat(f"{expected}:00+00:00")


@pytest.mark.parametrize(
    "expression",
    ["rate(1 day)", "cron(0 4 * * ? 2025)", "cron(0 4 30 2 ? *)", "at(2026-03-31T12:00:00)"],
)
def test_what_never_starts_or_is_counted_from_elsewhere_has_no_next_start(expression: str) -> None:
    assert next_start(Schedule(expression=expression), NOW) is None


def starts(schedule: Schedule, after: str, count: int) -> list[str]:
    """The next starts, in UTC."""
    moment, found = datetime.fromisoformat(after), []
    for _ in range(count):
        start = next_start(schedule, moment)
        assert start is not None
        found.append(f"{start.astimezone(UTC):%Y-%m-%dT%H:%M}")
        moment = start
    return found


LOS_ANGELES = Schedule(expression="cron(30 2 * * ? *)", time_zone="America/Los_Angeles")
"""The example of the documentation."""


def test_a_time_that_the_clocks_skip_is_no_start_and_the_next_day_is_as_usual() -> None:
    """On 14 March 2027 the clocks go from 1:59 to 3:00."""
    assert starts(LOS_ANGELES, "2027-03-13T00:00+00:00", 3) == [
        "2027-03-13T10:30",
        "2027-03-15T09:30",
        "2027-03-16T09:30",
    ]


def test_a_time_that_the_clocks_repeat_is_a_start_once_before_they_go_back() -> None:
    """On 1 November 2026 the clocks go from 1:59 to 1:00."""
    repeated = Schedule(expression="cron(30 1 * * ? *)", time_zone="America/Los_Angeles")

    assert starts(repeated, "2026-10-31T00:00+00:00", 3) == [
        "2026-10-31T08:30",
        "2026-11-01T08:30",
        "2026-11-02T09:30",
    ]
    # Also for those who look between the two.
    assert starts(repeated, "2026-11-01T09:15+00:00", 1) == ["2026-11-02T09:30"]


@pytest.mark.parametrize(
    ("zone", "winter", "summer"),
    [
        ("Europe/Berlin", "2026-01-15T03:00", "2026-07-15T02:00"),
        ("America/New_York", "2026-01-15T09:00", "2026-07-15T08:00"),
        ("Asia/Kolkata", "2026-01-15T22:30", "2026-07-15T22:30"),
        ("Australia/Lord_Howe", "2026-01-15T17:00", "2026-07-15T17:30"),
        ("UTC", "2026-01-15T04:00", "2026-07-15T04:00"),
    ],
)
def test_a_start_is_at_the_same_time_of_day_all_year(zone: str, winter: str, summer: str) -> None:
    nightly = Schedule(expression="cron(0 4 * * ? *)", time_zone=zone)

    assert starts(nightly, "2026-01-15T00:00+00:00", 1) == [winter]
    assert starts(nightly, "2026-07-15T00:00+00:00", 1) == [summer]


def test_the_day_is_that_of_the_time_zone() -> None:
    """A Monday morning in Auckland is a Sunday in UTC."""
    monday = Schedule(expression="cron(0 4 ? * MON *)", time_zone="Pacific/Auckland")

    assert starts(monday, "2026-05-15T00:00+00:00", 1) == ["2026-05-17T16:00"]


def test_a_single_start_is_in_its_time_zone() -> None:
    once = Schedule(expression="at(2026-12-24T04:00:00)", time_zone="Europe/Berlin")

    assert starts(once, "2026-05-15T00:00+00:00", 1) == ["2026-12-24T03:00"]
    assert next_start(once, datetime(2026, 12, 24, 3, tzinfo=UTC)) is None


def test_the_first_start_that_the_clocks_skip_is_found() -> None:
    after = datetime(2026, 5, 15, tzinfo=UTC)
    year = timedelta(days=366)

    skipped = first_skipped_start(LOS_ANGELES, after, after + year)

    assert skipped is not None
    assert f"{skipped:%Y-%m-%d %H:%M}" == "2027-03-14 02:30"
    assert first_skipped_start(LOS_ANGELES, after, after + timedelta(days=30)) is None
    usual = Schedule(expression="cron(0 4 * * ? *)", time_zone="America/Los_Angeles")
    assert first_skipped_start(usual, after, after + year) is None


def test_a_start_is_said_by_the_clock_of_its_zone_and_in_utc() -> None:
    start = next_start(LOS_ANGELES, NOW)
    in_utc = next_start(Schedule(expression="cron(0 4 * * ? *)"), NOW)

    assert start is not None
    assert in_utc is not None
    assert describe_start(start) == "2026-04-01 02:30 America/Los_Angeles (2026-04-01 09:30 UTC)"
    assert describe_start(in_utc) == "2026-04-01 04:00 UTC"


def test_where_a_time_zone_is_not_known_nothing_is_said_of_it() -> None:
    elsewhere = Schedule(expression="cron(0 4 * * ? *)", time_zone="Mars/Olympus")

    assert next_start(elsewhere, NOW) is None
    assert first_skipped_start(elsewhere, NOW, NOW + timedelta(days=366)) is None


days = st.one_of(
    st.tuples(st.sampled_from(["*", "1", "31", "L", "LW", "15W", "1/7"]), st.just("?")),
    st.tuples(st.just("?"), st.sampled_from(["SUN", "2-6", "6L", "TUE#2", "SAT,SUN"])),
)
expressions = st.builds(
    lambda minute, hour, day, month: f"cron({minute} {hour} {day[0]} {month} {day[1]} *)",
    st.integers(0, 59),
    st.sampled_from(["0", "1", "2", "3", "4", "23", "*", "0-4", "1/2"]),
    days,
    st.sampled_from(["*", "3,10,11", "JAN"]),
)


@given(
    expressions,
    st.sampled_from(
        ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca"]
    ),
    st.integers(0, 5 * 366 * 24 * 3600).map(
        lambda each: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=each)
    ),
)
def test_the_embedded_scheduler_starts_when_it_is_said(
    expression: str, zone: str, after: datetime
) -> None:
    """Two programs that read the same documentation agree."""
    assert not list(problems_of_expression(expression))
    said = next_start(Schedule(expression=expression, time_zone=zone), after)

    assert said is not None
    assert scheduler.next_start(expression, zone, after) == said.astimezone(UTC)
