"""The schedule of the looks at something that AWS does."""

import itertools
import math
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aurora_restore.reference.looks import look_until_seen, rule_of_steps
from aurora_restore.shared.documents.restore import Polling
from aurora_restore.shared.waiting import (
    LONGEST_INNER_WAIT_SECONDS,
    MOST_INSIDE_SECONDS,
    REMEMBERED,
    CallAgain,
    StayInside,
    Waiting,
    chance_of,
    next_look,
    remember,
    usual_after,
)

MINUTE = 60
HOUR = 3600
# A Task, a Choice and a Wait leave this many events in an execution's history.
EVENTS_PER_CALL = 9
SIMULATED = settings(deadline=None)
MOST_EVENTS = 2_000

seconds = st.floats(min_value=0, max_value=48 * HOUR)
polling = st.builds(
    Polling,
    floor_seconds=st.integers(min_value=1, max_value=3600),
    fraction=st.floats(min_value=0.01, max_value=1),
    cap_seconds=st.integers(min_value=3600, max_value=86_400),
)
waiting = st.builds(
    Waiting,
    waited=seconds,
    progress=st.none() | st.floats(min_value=0, max_value=1),
    durations=st.lists(st.floats(min_value=0, max_value=1e6), max_size=REMEMBERED),
    usual=st.none() | st.floats(min_value=1, max_value=1e6),
    before=seconds,
)


@given(polling, waiting, seconds, st.floats(min_value=0, max_value=1))
def test_a_look_is_within_the_bounds(
    polling: Polling, waiting: Waiting, inside: float, chance: float
) -> None:
    look = next_look(polling, waiting, seconds_inside=inside, chance=chance)
    match look:
        case StayInside(pause):
            assert polling.floor_seconds <= pause <= LONGEST_INNER_WAIT_SECONDS
            assert pause <= inside
        case CallAgain(wait):
            assert isinstance(wait, int)
            assert polling.floor_seconds <= wait <= polling.cap_seconds


@given(waiting)
def test_a_call_that_may_not_stay_does_not(waiting: Waiting) -> None:
    assert isinstance(next_look(Polling(), waiting), CallAgain)


@given(waiting, seconds, st.floats(min_value=0, max_value=1))
def test_chance_makes_a_wait_shorter_and_never_longer(
    waiting: Waiting, inside: float, chance: float
) -> None:
    exact = next_look(Polling(), waiting, seconds_inside=inside)
    shortened = next_look(Polling(), waiting, seconds_inside=inside, chance=chance)
    assert shortened.seconds <= exact.seconds


@given(st.floats(min_value=1, max_value=48 * HOUR), st.floats(min_value=0.01, max_value=1))
def test_progress_is_not_trusted_for_longer_than_it_was_seen(waited: float, done: float) -> None:
    look = next_look(Polling(), Waiting(waited=waited, progress=done))
    assert look.seconds <= max(Polling().floor_seconds, math.ceil(waited))


@SIMULATED
@given(st.floats(min_value=1, max_value=48 * HOUR), st.floats(min_value=0.02, max_value=0.5))
def test_the_unknown_is_seen_within_a_share_of_its_duration_or_of_20_minutes(
    duration: float, fraction: float
) -> None:
    polling = Polling(fraction=fraction)
    late = look_until_seen(rule_of_steps(polling), duration).late
    at_its_end = 1.2 * fraction * max(duration + late, 20 * MINUTE)
    assert late <= max(polling.floor_seconds, at_its_end, LONGEST_INNER_WAIT_SECONDS) + 1


@SIMULATED
@given(st.floats(min_value=2 * MINUTE, max_value=2 * HOUR), st.floats(min_value=0.2, max_value=5))
def test_what_is_not_as_usual_is_seen_soon_after_its_end_all_the_same(
    usual: float, multiple: float
) -> None:
    found = look_until_seen(rule_of_steps(Polling()), multiple * usual, usual=usual)
    assert found.late <= max(0.1 * usual, 0.1 * multiple * usual, LONGEST_INNER_WAIT_SECONDS)


@SIMULATED
@given(st.floats(min_value=10 * MINUTE, max_value=2 * HOUR))
def test_what_takes_as_long_as_usual_takes_fewer_calls_than_the_unknown(usual: float) -> None:
    calls, calls_of_unknown = (
        look_until_seen(rule_of_steps(Polling()), usual, usual=known).calls_again
        for known in (usual, None)
    )
    assert calls < calls_of_unknown


@given(waiting, seconds)
@example(Waiting(waited=0.0, durations=[5e-324]), 0.0)
def test_a_longer_run_may_be_delayed_for_longer(waiting: Waiting, more: float) -> None:
    later = replace(waiting, before=waiting.before + more)
    assert next_look(Polling(), later).seconds >= next_look(Polling(), waiting).seconds


@given(seconds)
def test_what_shows_no_progress_yet_is_looked_at_more_seldom_than_the_unknown(
    waited: float,
) -> None:
    shown, unknown = (
        next_look(Polling(), Waiting(waited=waited, progress=progress)).seconds
        for progress in (0.0, None)
    )
    assert shown >= unknown


def test_what_grows_with_a_copy_takes_longer_after_a_long_one_and_never_shorter() -> None:
    assert usual_after(15 * MINUTE, 5 * MINUTE) == 15 * MINUTE
    assert 15 * MINUTE < usual_after(15 * MINUTE, 4 * HOUR) < 4 * HOUR


@given(st.floats(min_value=5 * MINUTE, max_value=24 * HOUR))
def test_nothing_is_looked_at_before_a_third_of_what_it_always_took_is_over(usual: float) -> None:
    polling = Polling(cap_seconds=86_400)
    first = next_look(polling, Waiting(waited=0, durations=[usual] * REMEMBERED))
    assert isinstance(first, CallAgain)
    assert usual / 3 <= first.seconds < usual


@SIMULATED
@given(st.floats(min_value=5 * MINUTE, max_value=24 * HOUR))
def test_what_takes_as_long_as_always_is_seen_soon_after_its_end(usual: float) -> None:
    late = look_until_seen(rule_of_steps(Polling()), usual, durations=[usual] * REMEMBERED).late
    assert late <= max(0.02 * usual, 10)


@SIMULATED
@given(
    st.floats(min_value=MINUTE, max_value=36 * HOUR),
    st.floats(min_value=0.3, max_value=3),
    st.floats(min_value=0, max_value=0.5),
)
def test_uneven_progress_and_a_queue_do_not_make_it_late_or_long(
    duration: float, bend: float, queued: float
) -> None:
    """A copy may wait its turn, show nothing, and then go fast or slowly at first."""

    def reported(waited: float) -> float | None:
        begun = (waited / duration - queued) / (1 - queued)
        return None if begun <= 0 else min(0.99, math.floor(100 * begun**bend) / 100)

    seen = look_until_seen(rule_of_steps(Polling()), duration, progress=reported)
    assert seen.late <= max(0.4 * duration, 2 * LONGEST_INNER_WAIT_SECONDS)
    assert seen.calls_again * EVENTS_PER_CALL < MOST_EVENTS


def test_36_hours_stay_below_the_events_of_a_history_whatever_is_known() -> None:
    unknown = look_until_seen(rule_of_steps(Polling()), 36 * HOUR)
    stuck = look_until_seen(
        rule_of_steps(Polling()), 36 * HOUR, progress=lambda waited: 0.99 if waited > HOUR else 0
    )
    surprising = look_until_seen(rule_of_steps(Polling()), 36 * HOUR, durations=[HOUR] * REMEMBERED)
    for found in (unknown, stuck, surprising):
        assert found.calls_again * EVENTS_PER_CALL < MOST_EVENTS


@pytest.mark.parametrize("durations", [[], [20 * MINUTE] * 8, [10 * MINUTE, 40 * MINUTE]])
def test_the_more_often_it_is_looked_at_the_likelier_the_end_is(durations: list[float]) -> None:
    """Up to the usual duration the waits shrink; of the unknown they only grow."""
    waits = [
        next_look(Polling(), Waiting(waited=waited, durations=durations)).seconds
        for waited in range(0, 15 * MINUTE, 30)
    ]
    assert waits == sorted(waits, reverse=bool(durations))


def test_half_the_fraction_halves_the_delay() -> None:
    def late(fraction: float) -> float:
        polling = Polling(fraction=fraction, cap_seconds=86_400)
        found = (
            look_until_seen(
                rule_of_steps(polling, operation_id=str(hours)),
                3 * HOUR + 97 * hours,
                durations=[2 * HOUR, 3 * HOUR, 5 * HOUR],
            ).late
            for hours in range(40)
        )
        return sum(found)

    assert late(0.2) / late(0.1) == pytest.approx(2, rel=0.5)


def test_a_floor_beyond_what_a_function_waits_keeps_it_from_waiting() -> None:
    polling = Polling(floor_seconds=LONGEST_INNER_WAIT_SECONDS + 1)
    found = look_until_seen(rule_of_steps(polling), HOUR, durations=[HOUR])
    assert found.inside == 0


@SIMULATED
@given(seconds)
def test_no_call_stays_longer_than_it_may(duration: float) -> None:
    assert look_until_seen(rule_of_steps(Polling()), duration).stayed <= MOST_INSIDE_SECONDS


def test_the_fleet_is_not_in_step_and_each_operation_is_the_same_each_time() -> None:
    chances = [chance_of(f"op-{number}", "copy", 600) for number in range(100)]
    assert all(0 <= chance <= 1 for chance in chances)
    assert max(b - a for a, b in itertools.pairwise(sorted(chances))) < 0.1
    assert chances == [chance_of(f"op-{number}", "copy", 600) for number in range(100)]
    assert chance_of("op-1", "copy", 600) != chance_of("op-1", "copy", 610)


def test_only_the_last_durations_are_remembered() -> None:
    known: tuple[float, ...] = ()
    for number in range(REMEMBERED + 3):
        known = remember(known, number)
    assert known == tuple(range(3, REMEMBERED + 3))
