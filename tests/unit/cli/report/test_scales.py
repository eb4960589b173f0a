"""Axes: round ticks, and moments at their places."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora_restore.cli.report.scales import TimeAxis, ValueAxis, tick_text, time_unit

SINCE = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("most", "ticks"),
    [
        (0, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (3.9, [0, 1, 2, 3, 4]),
        (71, [0, 20, 40, 60, 80]),
        (100, [0, 20, 40, 60, 80, 100]),
        (0.013, [0, 0.005, 0.01, 0.015]),
    ],
)
def test_the_ticks_of_values_are_round(most: float, ticks: list[float]) -> None:
    assert ValueAxis(most).ticks() == pytest.approx(ticks) or most == 0


def test_numbers_of_things_have_whole_ticks() -> None:
    assert ValueAxis(2, whole=True).ticks() == [0, 1, 2]


@given(st.floats(0, 1e9))
def test_every_value_is_on_its_axis_which_has_few_ticks(most: float) -> None:
    axis = ValueAxis(most)

    assert axis.top >= most * 0.999
    assert 2 <= len(axis.ticks()) <= 7
    assert all(tick_text(tick) for tick in axis.ticks())


@pytest.mark.parametrize(
    ("seconds", "unit"), [(40, "seconds"), (900, "minutes"), (40_000, "hours"), (1e6, "days")]
)
def test_durations_are_shown_in_a_unit_that_fits(seconds: float, unit: str) -> None:
    assert time_unit(seconds).name == unit


@given(st.integers(1, 24 * 3650), st.integers(250, 900))
def test_the_ticks_of_time_stand_apart(hours: int, width: int) -> None:
    axis = TimeAxis(SINCE, SINCE + timedelta(hours=hours))
    places = [axis.share(moment) * width for moment, _ in axis.ticks(width)]

    assert all(0 <= place <= width for place in places)
    assert all(after - before >= 40 for before, after in pairwise(places))


def test_days_are_named_and_hours_where_the_time_is_short() -> None:
    month = TimeAxis(SINCE, SINCE + timedelta(days=30))
    day = TimeAxis(SINCE, SINCE + timedelta(days=1))

    assert [text for _, text in month.ticks(700)] == ["8 Mar", "15 Mar", "22 Mar", "29 Mar"]
    assert "18:00" in [text for _, text in day.ticks(700)]
    assert "2 Mar" in [text for _, text in day.ticks(700)]
