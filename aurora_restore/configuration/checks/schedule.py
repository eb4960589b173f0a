"""Faults in when a restore starts by itself.

The form is that of https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html.
A restore takes longer than an hour as a rule, and a start while another run holds the target fails:
so none starts more often.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from aurora_restore.shared.documents.restore import Restore
from aurora_restore.shared.documents.schema import Fault

_MONTHS: Final = (
    "JAN",
    "FEB",
    "MAR",
    "APR",
    "MAY",
    "JUN",
    "JUL",
    "AUG",
    "SEP",
    "OCT",
    "NOV",
    "DEC",
)
_DAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_MINUTES: Final = {"minute": 1, "hour": 60, "day": 24 * 60}


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


_CRON_FIELDS: Final = (
    _CronField("minutes", 0, 59),
    _CronField("hours", 0, 23),
    _CronField("day-of-month", 1, 31, special=r"\?|L|LW|([1-9]|[12][0-9]|3[01])W"),
    _CronField("month", 1, 12, _MONTHS),
    _CronField("day-of-week", 1, 7, _DAYS, rf"\?|L|([1-7]|{'|'.join(_DAYS)})(L|#[1-5])"),
    _CronField("year", 1970, 2199),
)


def faults_of_schedule(restore: Restore, path: str) -> Iterator[Fault]:
    """Yield every fault of a restore's schedule; ``path`` is the restore's."""
    if restore.schedule is None:
        return
    expression = restore.schedule.expression
    kind, _, inner = expression.removesuffix(")").partition("(")
    for problem in _rate(inner) if kind == "rate" else _cron(inner.split()):
        yield Fault(f"{path}.schedule.expression", f"{expression!r} {problem}")


def _rate(inner: str) -> Iterator[str]:
    form = re.fullmatch(r"(1) (minute|hour|day)|(?!1 )([1-9][0-9]*) (minute|hour|day)s", inner)
    if form is None:
        yield 'must be like "rate(1 day)" or "rate(12 hours)"'
    elif int(form[1] or form[3]) * _MINUTES[form[2] or form[4]] < _MINUTES["hour"]:
        yield "is too often: a restore takes longer; leave an hour at least between two starts"


def _cron(given: list[str]) -> Iterator[str]:
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
    if (given[2] == "?") == (given[4] == "?"):
        yield "must have `?` for one of day-of-month and day-of-week, and for one only"
    if not given[0].isdecimal():
        yield "is too often: a restore takes longer; give one minute of the hour"
