"""When a schedule of EventBridge starts something next.

The meaning of the fields is that of
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html.
"""

import calendar
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

_MONTHS: Final = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if number}
_WEEKDAYS: Final = {
    name: number
    for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), start=1)
}
_FIRST_YEAR: Final = 1970
_LAST_YEAR: Final = 2199
_DAYS_AHEAD: Final = 366 * 9
"""A 29 February may be eight years away."""
_SATURDAY: Final = 5
_WEEK: Final = 7


def next_start(expression: str, after: datetime) -> datetime | None:
    """Return when a ``cron`` expression that AWS accepts starts next.

    None where it does not, or where that cannot be known: a ``rate`` counts from when its rule was
    enabled.
    """
    form = re.fullmatch(r"cron\((.+)\)", expression)
    if form is None:
        return None
    minutes, hours, days, months, weekdays, years = form[1].upper().split()
    after = after.astimezone(UTC)
    wanted_years = _values(years, _FIRST_YEAR, _LAST_YEAR)
    wanted_months = _values(months, 1, 12, _MONTHS)
    times = [
        time(hour, minute, tzinfo=UTC)
        for hour in sorted(_values(hours, 0, 23))
        for minute in sorted(_values(minutes, 0, 59))
    ]
    for ahead in range(_DAYS_AHEAD):
        day = after.date() + timedelta(days=ahead)
        if day.year not in wanted_years or day.month not in wanted_months:
            continue
        if not (_is_day_of_month(days, day) and _is_weekday(weekdays, day)):
            continue
        starts = (datetime.combine(day, each) for each in times)
        found = next((start for start in starts if start > after), None)
        if found is not None:
            return found
    return None


def _values(text: str, first: int, last: int, names: dict[str, int] | None = None) -> set[int]:
    """Return the numbers that a list of values, ranges and steps stands for."""
    return {value for part in text.split(",") for value in _of_part(part, first, last, names or {})}


def _of_part(part: str, first: int, last: int, names: dict[str, int]) -> Iterator[int]:
    values, _, step = part.partition("/")
    begin, has_end, end = values.partition("-")
    if values == "*":
        lower, upper = first, last
    else:
        lower = _number(begin, names)
        upper = _number(end, names) if has_end else last if step else lower
    if upper < lower:
        # A range such as FRI-MON goes over the end.
        yield from range(lower, last + 1, int(step or 1))
        lower = first
    yield from range(lower, upper + 1, int(step or 1))


def _number(text: str, names: dict[str, int]) -> int:
    return names.get(text) or int(text)


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
    return day.day in _values(part, 1, 31)


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
        return is_last and weekday == _number(part[:-1], _WEEKDAYS)
    named, hash_, number = part.partition("#")
    if hash_:
        return weekday == _number(named, _WEEKDAYS) and (day.day - 1) // _WEEK + 1 == int(number)
    return weekday in _values(part, 1, _WEEK, _WEEKDAYS)
