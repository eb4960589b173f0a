"""Overdue by the schedule's own days, and never because nothing was expected."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora_restore.shared.common import timestamp
from aurora_restore.shared.documents.schedule import Schedule
from aurora_restore.shared.monitoring.overdue import (
    FIRST_DURATION,
    LEAST_MARGIN,
    duration_ratio,
    overdue_hours,
    usual_seconds,
)
from aurora_restore.shared.monitoring.run_record import RunRecord
from aurora_restore.shared.pause import Pause

DAILY = Schedule(expression="cron(0 4 * * ? *)")
WORKING_DAYS = Schedule(expression="cron(0 4 ? * MON-FRI *)")
HOUR = timedelta(hours=1)
MONDAY = datetime(2026, 6, 1, 4, tzinfo=UTC)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def run(
    started: datetime,
    outcome: str = "succeeded",
    took: timedelta = HOUR,
    schedule: Schedule = DAILY,
) -> RunRecord:
    return RunRecord(
        restore="staging",
        operation=f"op-{started:%d-%H}",
        outcome=outcome,  # type: ignore[arg-type]
        started_at=timestamp(started),
        ended_at=timestamp(started + took),
        schedule=str(schedule),
    )


def paused(since: datetime, until: datetime | None = None) -> Pause:
    return Pause(
        restore="staging",
        by="arn:aws:iam::222222222222:user/ann",
        since=timestamp(since),
        until=None if until is None else timestamp(until),
    )


def overdue(
    now: datetime,
    runs: Sequence[RunRecord],
    schedule: Schedule | None = DAILY,
    pause: Pause | None = None,
    deployed: datetime = LONG_AGO,
    refreshed: datetime | None = None,
) -> float | None:
    latest_first = sorted(runs, key=lambda each: each.started, reverse=True)
    return overdue_hours(
        schedule, latest_first, pause, deployed=deployed, refreshed=refreshed, now=now
    )


def days(number: float) -> timedelta:
    return timedelta(days=number)


def test_it_is_overdue_once_the_next_start_should_have_led_to_a_success() -> None:
    runs = [run(MONDAY)]
    due = MONDAY + days(1) + HOUR + LEAST_MARGIN

    assert overdue(MONDAY + HOUR, runs) == 0
    assert overdue(due, runs) == 0
    assert overdue(due + timedelta(minutes=90), runs) == 1.5


def test_a_failure_changes_nothing_and_a_success_ends_it() -> None:
    runs = [run(MONDAY), run(MONDAY + days(1), "failed")]
    evening = MONDAY + days(1) + 12 * HOUR

    assert overdue(evening, runs) == 10
    assert overdue(evening + 2 * HOUR, [*runs, run(evening)]) == 0


def test_what_takes_long_has_a_larger_margin() -> None:
    runs = [run(MONDAY, took=8 * HOUR)]

    assert overdue(MONDAY + days(1) + 12 * HOUR, runs) == 0
    assert overdue(MONDAY + days(1) + 13 * HOUR, runs) == 1


@pytest.mark.parametrize("later", [days(1.5), days(2), days(2.9), days(3)])
def test_working_days_are_not_overdue_at_the_weekend(later: timedelta) -> None:
    friday = MONDAY + days(4)
    runs = [run(friday, schedule=WORKING_DAYS)]

    assert overdue(friday + later, runs, WORKING_DAYS) == 0
    assert overdue(friday + days(3) + 5 * HOUR, runs, WORKING_DAYS) == 3


def test_a_failed_friday_stays_overdue_at_the_weekend() -> None:
    friday = MONDAY + days(4)
    runs = [run(friday - days(1), schedule=WORKING_DAYS), run(friday, "failed")]

    assert overdue(friday + days(2), runs, WORKING_DAYS) == 46


def test_the_clock_of_its_time_zone_counts() -> None:
    """On 29 March 2026 the clocks of Berlin go forward: 04:00 comes an hour earlier in UTC."""
    berlin = Schedule(expression="cron(0 4 * * ? *)", time_zone="Europe/Berlin")
    saturday = datetime(2026, 3, 28, 3, tzinfo=UTC)

    assert overdue(saturday + 26 * HOUR, [run(saturday, schedule=berlin)], berlin) == 1


def test_a_paused_restore_is_never_overdue() -> None:
    runs = [run(MONDAY)]

    assert overdue(MONDAY + days(9), runs, pause=paused(MONDAY + HOUR)) == 0


def test_a_start_that_a_pause_has_held_back_is_not_made_up_for() -> None:
    held_back = [run(MONDAY + days(number), "held back", timedelta()) for number in (1, 2)]
    runs = [run(MONDAY), *held_back]

    assert overdue(MONDAY + days(2) + 10 * HOUR, runs) == 0
    assert overdue(MONDAY + days(3) + 3 * HOUR, runs) == 1


def test_a_pause_that_has_ended_by_itself_excuses_what_was_before_its_end() -> None:
    pause = paused(MONDAY + HOUR, until=MONDAY + days(2.5))

    assert overdue(MONDAY + days(2.6), [run(MONDAY)], pause=pause) == 0
    assert overdue(MONDAY + days(3) + 3 * HOUR, [run(MONDAY)], pause=pause) == 1


@pytest.mark.parametrize("schedule", [None, Schedule(expression=DAILY.expression, enabled=False)])
def test_nothing_is_expected_of_what_does_not_start_by_itself(schedule: Schedule | None) -> None:
    assert overdue(MONDAY + days(9), [run(MONDAY)], schedule) is None


def test_what_has_never_succeeded_counts_from_the_first_start_that_was_deployed() -> None:
    expected = MONDAY + FIRST_DURATION * 1.5

    assert overdue(expected, [], deployed=MONDAY - HOUR) == 0
    assert overdue(expected + HOUR, [], deployed=MONDAY - HOUR) == 1
    assert overdue(expected + HOUR, [], deployed=MONDAY + HOUR) == 0


def test_what_has_never_succeeded_counts_from_its_first_failure_however_often_it_is_deployed() -> (
    None
):
    runs = [run(MONDAY + days(number), "failed") for number in range(3)]

    assert overdue(MONDAY + days(2), runs, deployed=MONDAY + days(1.9)) == 39


def test_a_target_that_is_known_to_be_refreshed_counts_from_then() -> None:
    """Before this version there was no record of runs, and records expire."""
    evening = MONDAY + days(1) + 10 * HOUR

    assert overdue(evening, [], refreshed=MONDAY) == 1
    assert overdue(evening, [], refreshed=MONDAY + days(1)) == 0


def test_another_schedule_expects_nothing_of_the_time_before_it_was_deployed() -> None:
    weekly = Schedule(expression="cron(0 4 ? * MON *)")
    runs = [run(MONDAY, schedule=weekly)]
    wednesday = MONDAY + days(2) + 8 * HOUR

    assert overdue(wednesday + HOUR, runs, DAILY, deployed=wednesday) == 0
    assert overdue(MONDAY + days(3) + 3 * HOUR, runs, DAILY, deployed=wednesday) == 1
    assert overdue(wednesday + HOUR, [run(MONDAY)], DAILY, deployed=wednesday) == 31


def test_a_rate_counts_from_the_start_of_the_last_success() -> None:
    rate = Schedule(expression="rate(12 hours)")

    assert overdue(MONDAY + 14 * HOUR, [run(MONDAY, schedule=rate)], rate) == 0
    assert overdue(MONDAY + 15 * HOUR, [run(MONDAY, schedule=rate)], rate) == 1


def test_what_starts_once_is_expected_once() -> None:
    once = Schedule(expression="at(2026-06-01T04:00:00)")

    assert overdue(MONDAY + days(9), [run(MONDAY, schedule=once)], once) is None
    assert overdue(MONDAY + days(1), [run(MONDAY, "failed")], once) == 15


@given(
    st.lists(st.tuples(st.integers(0, 200), st.sampled_from(["succeeded", "failed"])), max_size=8),
    st.integers(0, 400),
    st.sampled_from([DAILY, WORKING_DAYS, Schedule(expression="rate(1 day)")]),
)
def test_it_is_never_negative_grows_with_time_and_a_success_now_ends_it(
    past: list[tuple[int, str]], hours: int, schedule: Schedule
) -> None:
    runs = [run(MONDAY + HOUR * at, outcome, schedule=schedule) for at, outcome in past]
    now = MONDAY + HOUR * (hours + 210)
    before, after = (overdue(each, runs, schedule) for each in (now, now + HOUR))

    assert before is not None
    assert after is not None
    assert 0 <= before <= after <= before + 1
    assert overdue(now, [*runs, run(now - HOUR, schedule=schedule)], schedule) == 0


def test_the_usual_duration_is_the_median_of_the_last_successes() -> None:
    runs = [run(MONDAY, took=HOUR * each) for each in (1, 9, 2)]

    assert usual_seconds([*runs, run(MONDAY, "failed", 99 * HOUR)]) == 7200
    assert usual_seconds([run(MONDAY, "failed")]) is None


def test_a_duration_is_judged_by_the_successes_before_it() -> None:
    runs = [run(MONDAY, took=HOUR * each) for each in (6, 2, 1, 2)]

    assert duration_ratio(runs, None, MONDAY) == 3
    assert duration_ratio(runs[:3], None, MONDAY) is None
    assert duration_ratio([], None, MONDAY) is None


def test_a_run_that_is_under_way_counts_once_it_has_taken_longer() -> None:
    runs = [run(MONDAY, took=2 * HOUR) for _ in range(4)]
    started = MONDAY + days(1)

    assert duration_ratio(runs, started, started + HOUR) == 1
    assert duration_ratio(runs, started, started + 8 * HOUR) == 4


def test_durations_of_no_time_have_no_ratio() -> None:
    assert duration_ratio([run(MONDAY, took=timedelta()) for _ in range(5)], None, MONDAY) is None
