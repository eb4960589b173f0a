"""What the expression of a schedule means: its faults, and when it starts next.

The form and the meaning are those of EventBridge Scheduler, daylight saving time included:
https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html

No step of a run needs this, but what watches the restores does. The database of time zones is a
package there, because Lambda's runtimes may have none.
"""

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from aurora_restore.shared.documents.schedule import UTC_ZONE, Schedule

_MINUTES: Final = {"minute": 1, "hour": 60, "day": 24 * 60}
_DAYS_AHEAD: Final = 366 * 9
"""A 29 February may be eight years away."""
_SATURDAY: Final = 5
_WEEK: Final = 7


@dataclass(frozen=True)
class _CronField:
    name: str
    first: int
    last: int
    names: tuple[str, ...] = ()
    """What its values may be called, from ``first`` on."""
    special: str = r"(?!)"
    """What else it may be, as a regular expression."""

    def takes(self, text: str) -> bool:
        """Return whether it is a list of values, ranges and steps within the limits."""
        return all(self._takes(part) for part in text.upper().split(","))

    def _takes(self, part: str) -> bool:
        if re.fullmatch(self.special, part):
            return True
        values, slash, step = part.partition("/")
        if slash and not re.fullmatch(r"0*[1-9][0-9]{0,3}", step):
            return False
        return values == "*" or all(self._has(value) for value in values.split("-", 1))

    def _has(self, value: str) -> bool:
        number = re.fullmatch(r"[0-9]{1,4}", value)
        return value in self.names or bool(number and self.first <= int(value) <= self.last)

    def values(self, text: str) -> set[int]:
        """Return the numbers that a list of values, ranges and steps stands for."""
        return {value for part in text.split(",") for value in self._of_part(part)}

    def _of_part(self, part: str) -> Iterator[int]:
        values, _, step = part.partition("/")
        begin, has_end, end = values.partition("-")
        if values == "*":
            lower, upper = self.first, self.last
        else:
            lower = self.number(begin)
            upper = self.number(end) if has_end else self.last if step else lower
        if upper < lower:
            # A range such as FRI-MON goes over the end.
            yield from range(lower, self.last + 1, int(step or 1))
            lower = self.first
        yield from range(lower, upper + 1, int(step or 1))

    def number(self, text: str) -> int:
        """Return the number that a value stands for."""
        return self.first + self.names.index(text) if text in self.names else int(text)


_MONTHS: Final = tuple(name.upper() for name in calendar.month_abbr if name)
_WEEKDAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")

_MINUTE: Final = _CronField("minutes", 0, 59)
_HOUR: Final = _CronField("hours", 0, 23)
_DAY: Final = _CronField("day-of-month", 1, 31, special=r"\?|L|LW|([1-9]|[12][0-9]|3[01])W")
_MONTH: Final = _CronField("month", 1, 12, _MONTHS)
_WEEKDAY: Final = _CronField(
    "day-of-week", 1, _WEEK, _WEEKDAYS, rf"\?|L|([1-7]|{'|'.join(_WEEKDAYS)})(L|#[1-5])"
)
_YEAR: Final = _CronField("year", 1970, 2199)
_CRON_FIELDS: Final = (_MINUTE, _HOUR, _DAY, _MONTH, _WEEKDAY, _YEAR)


def problems_of_expression(expression: str) -> Iterator[str]:
    """Yield what EventBridge Scheduler, or the pipeline, would not take in an expression.

    A restore takes longer than an hour as a rule, and a start while another run holds the target
    fails: so none may start more often.
    """
    kind, inner = _taken_apart(expression)
    if kind == "rate":
        yield from _problems_of_rate(inner)
    elif kind == "at":
        if _moment_of_at(inner) is None:
            yield 'must be like "at(2026-12-24T04:00:00)", a day and a time that there are'
    else:
        yield from _problems_of_cron(inner.split())


def _taken_apart(expression: str) -> tuple[str, str]:
    """Return the kind of an expression, and what is in its brackets."""
    kind, _, inner = expression.removesuffix(")").partition("(")
    return kind, inner


def _problems_of_rate(inner: str) -> Iterator[str]:
    form = re.fullmatch(r"(1) (minute|hour|day)|(?!1 )([1-9][0-9]*) (minute|hour|day)s", inner)
    if form is None:
        yield 'must be like "rate(1 day)" or "rate(12 hours)"'
    elif int(form[1] or form[3]) * _MINUTES[form[2] or form[4]] < _MINUTES["hour"]:
        yield "is too often: a restore takes longer; leave an hour at least between two starts"


def _problems_of_cron(given: list[str]) -> Iterator[str]:
    if len(given) != len(_CRON_FIELDS):
        names = ", ".join(field.name for field in _CRON_FIELDS)
        yield f"has {len(given)} fields: it needs {len(_CRON_FIELDS)} ({names})"
        return
    wrong = [
        (field, text)
        for field, text in zip(_CRON_FIELDS, given, strict=True)
        if not field.takes(text)
    ]
    for field, text in wrong:
        yield f"has {text!r} for its {field.name}: give {field.first} to {field.last}"
    if wrong:
        return
    minutes, _, days, _, weekdays, _ = given
    if (days == "?") == (weekdays == "?"):
        yield "must have `?` for one of day-of-month and day-of-week, and for one only"
    if "#" in weekdays and "," in weekdays:
        yield f"has {weekdays!r} for its day-of-week: with `#` it can be one day only"
    if not minutes.isdecimal():
        yield "is too often: a restore takes longer; give one minute of the hour"


def find_time_zone(name: str) -> ZoneInfo | None:
    """Return a time zone of the IANA database; None if this machine's database has none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def next_start(schedule: Schedule, after: datetime) -> datetime | None:
    """Return when a schedule that AWS accepts starts next, in its time zone.

    A time that the clocks skip is no start, and one that they repeat is a start once, the first
    time. None where there is none, or where it cannot be known: a ``rate`` counts from when it was
    deployed, and this machine may not know the time zone.
    """
    zone = find_time_zone(schedule.time_zone)
    if zone is None:
        return None
    for wall in _times(schedule.expression, after.astimezone(zone).date()):
        start = wall.replace(tzinfo=zone)
        # Comparisons of moments in the same zone would be those of the clock.
        if _exists(start) and start.astimezone(UTC) > after.astimezone(UTC):
            return start
    return None


def first_start_after(schedule: Schedule, moment: datetime) -> datetime | None:
    """Return the first start of a schedule after a moment at which something has started.

    That of a ``rate`` is an interval later. None where there is none, or where it cannot be known.
    """
    if schedule.is_rate:
        return moment + interval_of(schedule)
    return next_start(schedule, moment)


def interval_of(schedule: Schedule) -> timedelta:
    """Return the time between two starts of a ``rate`` that AWS accepts."""
    number, unit = _taken_apart(schedule.expression)[1].split()
    return timedelta(minutes=int(number) * _MINUTES[unit.removesuffix("s")])


def first_skipped_start(schedule: Schedule, after: datetime, until: datetime) -> datetime | None:
    """Return the first start of a ``cron`` or ``at`` between two moments that the clocks skip.

    It is a time that its time zone does not have, because the clocks go forward past it.
    """
    zone = find_time_zone(schedule.time_zone)
    if zone is None:
        return None
    for wall in _times(schedule.expression, after.astimezone(zone).date()):
        start = wall.replace(tzinfo=zone)
        if start.astimezone(UTC) > until.astimezone(UTC):
            return None
        if not _exists(start):
            return start
    return None


def describe_start(start: datetime) -> str:
    """Return a start as people read it: by the clock of its time zone, and in UTC."""
    zone = str(start.tzinfo)
    text = f"{start:%Y-%m-%d %H:%M} {zone}"
    return text if zone == UTC_ZONE else f"{text} ({start.astimezone(UTC):%Y-%m-%d %H:%M} UTC)"


def _exists(start: datetime) -> bool:
    """Return whether the clocks of its zone show that time."""
    again = start.astimezone(UTC).astimezone(start.tzinfo)
    return again.replace(tzinfo=None) == start.replace(tzinfo=None)


def _times(expression: str, first: date) -> Iterator[datetime]:
    """Yield the times by the clock for which an expression asks, from a day on, in order."""
    kind, inner = _taken_apart(expression)
    if kind == "at":
        moment = _moment_of_at(inner)
        if moment is not None and moment.date() >= first:
            yield moment
    elif kind == "cron":
        yield from _times_of_cron(inner, first)


def _moment_of_at(inner: str) -> datetime | None:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}", inner):
        return None
    try:
        return datetime.fromisoformat(inner)
    except ValueError:
        return None


def _times_of_cron(inner: str, first: date) -> Iterator[datetime]:
    minutes, hours, days, months, weekdays, years = inner.upper().split()
    wanted_years, wanted_months = _YEAR.values(years), _MONTH.values(months)
    times = [
        time(hour, minute)
        for hour in sorted(_HOUR.values(hours))
        for minute in sorted(_MINUTE.values(minutes))
    ]
    for ahead in range(_DAYS_AHEAD):
        day = first + timedelta(days=ahead)
        if day.year not in wanted_years or day.month not in wanted_months:
            continue
        if _is_day_of_month(days, day) and _is_weekday(weekdays, day):
            yield from (datetime.combine(day, each) for each in times)


def _is_day_of_month(text: str, day: date) -> bool:
    last = calendar.monthrange(day.year, day.month)[1]
    return text == "?" or any(_is_day(part, day, last) for part in text.split(","))


def _is_day(part: str, day: date, last: int) -> bool:
    if part == "L":
        return day.day == last
    if part == "LW":
        return day == _nearest_weekday(day.replace(day=last))
    if part.endswith("W"):
        number = int(part[:-1])
        return number <= last and day == _nearest_weekday(day.replace(day=number))
    return day.day in _DAY.values(part)


def _nearest_weekday(day: date) -> date:
    """Return the weekday that is nearest to a day, in the same month."""
    if day.weekday() < _SATURDAY:
        return day
    near, other = (-1, 2) if day.weekday() == _SATURDAY else (1, -2)
    moved = day + timedelta(days=near)
    return moved if moved.month == day.month else day + timedelta(days=other)


def _is_weekday(text: str, day: date) -> bool:
    return text == "?" or any(_is_day_of_week(part, day) for part in text.split(","))


def _is_day_of_week(part: str, day: date) -> bool:
    weekday = day.isoweekday() % _WEEK + 1
    if part == "L":
        return weekday == _WEEK
    if part.endswith("L"):
        is_last = (day + timedelta(days=_WEEK)).month != day.month
        return is_last and weekday == _WEEKDAY.number(part[:-1])
    named, hash_, number = part.partition("#")
    if hash_:
        return weekday == _WEEKDAY.number(named) and (day.day - 1) // _WEEK + 1 == int(number)
    return weekday in _WEEKDAY.values(part)
