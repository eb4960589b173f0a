"""The schedule of the looks at a running operation."""

import math

from hypothesis import given
from hypothesis import strategies as st

from aurora_restore.shared.documents.restore import Polling
from aurora_restore.shared.polling import next_poll

HOUR = 3600
# A Task, a Choice and a Wait leave this many events in an execution's history.
EVENTS_PER_POLL = 9
HISTORY_LIMIT = 25_000


def polls(polling: Polling, duration: float) -> list[float]:
    """When an operation that takes ``duration`` seconds is looked at, until it is seen done."""
    looked = [0.0]
    while looked[-1] < duration:
        looked.append(looked[-1] + next_poll(polling, looked[-1]))
    return looked


@given(st.floats(min_value=0, max_value=48 * HOUR), st.floats(min_value=0.02, max_value=0.5))
def test_the_delay_is_a_bounded_fraction_of_the_wait(duration: float, fraction: float) -> None:
    polling = Polling(floor_seconds=15, fraction=fraction)
    late = polls(polling, duration)[-1] - duration
    assert late <= max(polling.floor_seconds, fraction * duration + 1)


@given(st.integers(min_value=60, max_value=48 * HOUR))
def test_the_number_of_polls_grows_with_the_logarithm(duration: int) -> None:
    polling = Polling(floor_seconds=15, fraction=0.1, cap_seconds=86_400)
    until_fraction_rules = polling.floor_seconds / polling.fraction / polling.floor_seconds
    growth = math.log(1 + duration / (polling.floor_seconds / polling.fraction), 1.1)
    assert len(polls(polling, duration)) <= until_fraction_rules + growth + 3


def test_36_hours_of_copying_stay_far_below_the_history_limit() -> None:
    assert len(polls(Polling(), 36 * HOUR)) * EVENTS_PER_POLL < HISTORY_LIMIT / 10


@given(st.floats(min_value=0, max_value=1e7))
def test_a_wait_is_a_whole_number_within_the_bounds(waited: float) -> None:
    polling = Polling()
    wait = next_poll(polling, waited)
    assert isinstance(wait, int)
    assert polling.floor_seconds <= wait <= polling.cap_seconds
