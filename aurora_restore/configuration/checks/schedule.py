"""Faults in when a restore starts by itself, and what is often a mistake."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import Final
from zoneinfo import available_timezones

from aurora_restore.shared.documents.environment import Environment
from aurora_restore.shared.documents.restore import Restore
from aurora_restore.shared.documents.schedule import UTC_ZONE, Schedule
from aurora_restore.shared.documents.schedule_expression import (
    first_skipped_start,
    next_start,
    problems_of_expression,
)
from aurora_restore.shared.documents.schema import Fault

_NOT_OF_A_PLACE: Final = frozenset({"Factory", "localtime"})
"""What a machine's database has besides: they mean another zone on each machine, or none."""
_YEAR: Final = timedelta(days=366)
_BEGINNING: Final = datetime(1, 1, 2, tzinfo=UTC)
_END: Final = datetime(9999, 12, 30, tzinfo=UTC)


def faults_of_schedule(restore: Restore, path: str) -> Iterator[Fault]:
    """Yield every fault of a restore's schedule; ``path`` is the restore's."""
    schedule = restore.schedule
    if schedule is None:
        return
    expression, zone = schedule.expression, schedule.time_zone
    problems = list(problems_of_expression(expression))
    for problem in problems:
        yield Fault(f"{path}.schedule.expression", f"{expression!r} {problem}")
    wrong_zone = _problem_of_zone(schedule)
    if wrong_zone is not None:
        yield Fault(f"{path}.schedule.time_zone", f"{zone!r} {wrong_zone}")
    elif (
        not problems
        and expression.startswith("at(")
        and first_skipped_start(schedule, _BEGINNING, _END)
    ):
        yield Fault(
            f"{path}.schedule.expression",
            f"{expression!r} is a time that {zone} does not have: the clocks go forward past it on "
            "that day",
        )


def _problem_of_zone(schedule: Schedule) -> str | None:
    """Return what is wrong with a time zone; CloudFormation finds it only while it deploys."""
    zone = schedule.time_zone
    if zone == UTC_ZONE:
        return None
    if schedule.is_rate:
        return "means nothing for a rate, which has no time of day: leave it out"
    known = available_timezones() - _NOT_OF_A_PLACE
    if zone in known:
        return None
    if not known:
        return "cannot be checked: this machine has no time zone database; pip install tzdata"
    by_folded = {each.casefold(): each for each in known}
    close = get_close_matches(zone.casefold(), by_folded, n=1)
    meant = f'; is "{by_folded[close[0]]}" meant?' if close else ', such as "Europe/Berlin"'
    return f"is no time zone of the IANA database{meant}"


def warnings_of_schedules(environment: Environment, now: datetime) -> Iterator[Fault]:
    """Yield what may surprise those who have written schedules without faults."""
    for name, restore in environment.restores.items():
        schedule = restore.schedule
        if schedule is None or not schedule.enabled:
            continue
        path = f"restores.{name}.schedule.expression"
        if schedule.is_rate:
            yield Fault(
                path,
                f"{schedule.expression!r} counts from its deployment, and starts the first run as "
                "soon as it is deployed; a `cron(…)` starts at a time of day",
            )
        elif next_start(schedule, now) is None:
            yield Fault(path, f"{schedule.expression!r} never starts again")
        elif skipped := first_skipped_start(schedule, now, now + _YEAR):
            yield Fault(
                path,
                f"there is no start on {skipped:%Y-%m-%d}: the clocks of {schedule.time_zone} go "
                f"forward past {skipped:%H:%M} on that day",
            )
