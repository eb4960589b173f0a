"""When restores start next by their schedules, as `check`, `plan`, `list` and others say it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from aurora_restore.shared.documents.restore import Restore
from aurora_restore.shared.documents.schedule import Schedule
from aurora_restore.shared.documents.schedule_expression import (
    describe_start,
    find_time_zone,
    next_start,
)

_SHOWN: Final = 5


@dataclass(frozen=True, kw_only=True)
class NextStart:
    """When a restore that has a schedule starts next."""

    restore: str
    schedule: Schedule
    start: datetime | None
    """None where it does not start again, or where that cannot be known."""

    @property
    def never(self) -> bool:
        """Return whether it is in force, and nothing is left for which it asks."""
        is_known = not self.schedule.is_rate and find_time_zone(self.schedule.time_zone) is not None
        return self.schedule.enabled and self.start is None and is_known

    def as_json(self) -> dict[str, Any]:
        """Return it as ``--json`` prints it."""
        return {
            "restore": self.restore,
            "expression": self.schedule.expression,
            "time_zone": self.schedule.time_zone,
            "enabled": self.schedule.enabled,
            "next_start": self.start,
        }

    def __str__(self) -> str:
        """Return it as a sentence."""
        name, schedule = self.restore, self.schedule
        if not schedule.enabled:
            return f"{name} does not start by itself: its schedule, {schedule}, is disabled."
        if self.start is not None:
            return f"{name} starts next at {describe_start(self.start)}."
        if self.never:
            return f"{name} never starts again by {schedule}."
        if schedule.is_rate:
            return f"{name} starts by itself: {schedule}."
        return (
            f"{name} starts by itself: {schedule}. This machine does not know that time zone, so "
            "it does not know when; pip install tzdata."
        )


def next_start_of(name: str, schedule: Schedule, now: datetime) -> NextStart:
    """Return when a schedule starts its restore next after a moment."""
    start = next_start(schedule, now) if schedule.enabled else None
    return NextStart(restore=name, schedule=schedule, start=start)


def next_starts(restores: Mapping[str, Restore], now: datetime) -> list[NextStart]:
    """Return when each of these restores that has a schedule starts next, the soonest first."""
    found = [
        next_start_of(name, restore.schedule, now)
        for name, restore in restores.items()
        if restore.schedule is not None
    ]
    latest = datetime.max.replace(tzinfo=UTC)
    return sorted(found, key=lambda each: (each.start or latest).astimezone(UTC))


def sentences(found: Sequence[NextStart]) -> Iterable[str]:
    """Yield what is said of them, and of many only the soonest."""
    yield from (f"{each}" for each in found[:_SHOWN])
    if len(found) > _SHOWN:
        yield f"{len(found) - _SHOWN} more restores have a schedule; --json shows all."
