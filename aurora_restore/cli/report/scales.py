"""From values to places: the two axes of a plot, and their ticks."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from math import ceil, floor, log10
from typing import Final

_MINUTES_BETWEEN_TICKS: Final = (1, 2, 5, 10, 15, 30)
_HOURS_BETWEEN_TICKS: Final = (1, 2, 3, 6, 12, 24, 48)
_WEEKS_BETWEEN_TICKS: Final = (1, 2, 4, 12, 52, 208)
_STEPS: Final = (
    *(timedelta(minutes=each) for each in _MINUTES_BETWEEN_TICKS),
    *(timedelta(hours=each) for each in _HOURS_BETWEEN_TICKS),
    *(timedelta(weeks=each) for each in _WEEKS_BETWEEN_TICKS),
)
_MARGIN: Final = 0.04
_AROUND_ONE: Final = timedelta(hours=12)
_ROUND: Final = (1, 2, 5, 10)
_FEWEST_PIXELS_BETWEEN_TICKS: Final = 54
_MOST_STEPS: Final = 5
_NEXT_TO_NOTHING: Final = 1e-9


@dataclass(frozen=True)
class Unit:
    """In what a quantity is shown."""

    name: str
    size: float
    """How many of what is measured it is."""


_TIME_UNITS: Final = (
    (Unit("seconds", 1), 180),
    (Unit("minutes", 60), 3 * 3600),
    (Unit("hours", 3600), 72 * 3600),
)
_DAYS: Final = Unit("days", 86400)


def time_unit(longest_seconds: float) -> Unit:
    """Return the unit in which durations up to this one are easiest to read."""
    fitting = (unit for unit, most in _TIME_UNITS if longest_seconds <= most)
    return next(fitting, _DAYS)


@dataclass(frozen=True)
class ValueAxis:
    """An axis from 0 to at least a value, in round steps."""

    most: float
    whole: bool = False
    """Whether only whole numbers have a meaning."""

    @property
    def step(self) -> float:
        """Return the distance of two ticks."""
        rough = (self.most if self.most > _NEXT_TO_NOTHING else 1) / _MOST_STEPS
        power = 10.0 ** floor(log10(rough))
        step = next(each * power for each in _ROUND if each * power >= rough * 0.999)
        return max(step, 1) if self.whole else step

    @property
    def top(self) -> float:
        """Return the value at its end, which is a tick."""
        return self.step * max(1, ceil(self.most / self.step - 0.001))

    def ticks(self) -> list[float]:
        """Return the values that have a tick."""
        return [self.step * number for number in range(round(self.top / self.step) + 1)]


def tick_text(value: float) -> str:
    """Return a number without digits that say nothing."""
    return f"{value:.6g}"


@dataclass(frozen=True)
class TimeAxis:
    """An axis from one moment to another."""

    since: datetime
    until: datetime

    @property
    def hours(self) -> float:
        """Return how long it is."""
        return max(_hours(self.until - self.since), _NEXT_TO_NOTHING)

    @classmethod
    def of(cls, moments: Collection[datetime]) -> "TimeAxis":
        """Return an axis on which all moments have a place, and as much room as they need."""
        first, last = min(moments), max(moments)
        margin = (last - first) * _MARGIN or _AROUND_ONE
        return cls(first - margin, last + margin)

    @property
    def day(self) -> str:
        """Return the day that all of it is on, or an empty text."""
        days = {moment.astimezone(UTC).date() for moment in (self.since, self.until)}
        return _day_text(days.pop()) if len(days) == 1 else ""

    def share(self, moment: datetime) -> float:
        """Return where a moment is, from 0 to 1."""
        return min(1.0, max(0.0, _hours(moment - self.since) / self.hours))

    def ticks(self, width: float) -> Iterator[tuple[datetime, str]]:
        """Yield the moments that have a tick where the axis is so wide, each with its text."""
        room = max(1, int(width // _FEWEST_PIXELS_BETWEEN_TICKS))
        fitting = (each for each in _STEPS if self.hours / _hours(each) <= room)
        step = next(fitting, _STEPS[-1])
        moment = self.since.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        while moment <= self.until:
            if moment >= self.since:
                yield moment, _moment_text(moment)
            moment += step


def _moment_text(moment: datetime) -> str:
    return f"{moment:%H:%M}" if moment.hour or moment.minute else _day_text(moment)


def _day_text(day: date) -> str:
    return f"{day.day} {day:%b}"


def _hours(time: timedelta) -> float:
    return time.total_seconds() / 3600
