"""Whether the schedule of a restore is paused: an item of the state table, written by people.

It is read before a scheduled run does anything, and by what shows or announces the restore. Nothing
but the command line writes it, so no deployment undoes it.
"""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Annotated, Final

from aurora_restore.shared.aws_utils import call
from aurora_restore.shared.common import parse_timestamp
from aurora_restore.shared.documents.event import SCHEDULE, Event
from aurora_restore.shared.documents.fields import Moment, RestoreName, StartedBy
from aurora_restore.shared.documents.schema import Rule, parse, to_json
from aurora_restore.shared.errors import UnreadablePauseError, ValidationError
from aurora_restore.shared.names import PAUSE_KEY_PREFIX
from aurora_restore.shared.state_utils import StateStore

PAUSE_STEP: Final = "pause"
"""The item's sort key."""

Reason = Annotated[
    str,
    Rule(
        pattern=r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]{1,500}",
        means="1 to 500 characters on one line",
        example="The testers need Friday's data until the release.",
    ),
]


@dataclass(frozen=True, kw_only=True)
class Pause:
    """A pause of a restore's schedule."""

    restore: RestoreName
    by: StartedBy
    """Who has paused it: the ARN of a caller."""
    since: Moment
    reason: Reason | None = None
    until: Moment | None = None
    """When it ends by itself; None if only `unpause` ends it."""

    @property
    def end(self) -> datetime | None:
        """Return when it ends, or has ended, by itself; None if only `unpause` ends it."""
        return None if self.until is None else parse_timestamp(self.until)

    def is_in_force(self, moment: datetime) -> bool:
        """Return whether it has not ended by itself."""
        return self.end is None or moment < self.end

    def __str__(self) -> str:
        """Return it as a sentence."""
        ends = f"until {_minute(self.until)}" if self.until else "without an end"
        reason = "" if self.reason is None else f": {self.reason}"
        return (
            f"The schedule of {self.restore} is paused {ends}, since {_minute(self.since)}, by "
            f"{self.by}{reason}"
        )


def _minute(moment: str) -> str:
    return f"{parse_timestamp(moment):%Y-%m-%d %H:%M} UTC"


@dataclass(frozen=True)
class PauseStore:
    """Where the pause of a restore is kept, in the state table."""

    store: StateStore
    restore: str

    @property
    def key(self) -> str:
        """Return the item's partition key."""
        return f"{PAUSE_KEY_PREFIX}{self.restore}"

    def read(self) -> Pause | None:
        """Return the pause that was written last, which may have ended; None if there is none.

        Raises UnreadablePauseError if the item is not a pause.
        """
        items = self.store.load_all(self.key)
        if not items:
            return None
        known = {each.name for each in fields(Pause)}
        found = {name: value for name, value in items[0].items() if name in known}
        try:
            return parse(Pause, found)
        except ValidationError as error:
            raise UnreadablePauseError(
                f"the item {self.key} of table {self.store.state_table}, which pauses the schedule "
                f"of {self.restore}, cannot be read: {error.message}. Pause it again, or end the "
                "pause",
                table=self.store.state_table,
            ) from error

    def in_force(self, moment: datetime) -> Pause | None:
        """Return the pause, unless it has ended; None if there is none. Raises what `read` does."""
        pause = self.read()
        return pause if pause is not None and pause.is_in_force(moment) else None

    def warning(self, moment: datetime) -> str | None:
        """Return what those should know whom no pause holds back, so that none is forgotten.

        None if the schedule is not paused. An item that cannot be read is a reason to warn, too.
        """
        try:
            pause = self.in_force(moment)
        except UnreadablePauseError as error:
            return error.message
        return None if pause is None else str(pause)

    def write(self, pause: Pause) -> None:
        """Write a pause in the place of the one before."""
        self.store.put({"operation_id": self.key, "step": PAUSE_STEP, **to_json(pause)})

    def remove(self) -> None:
        """End the pause, if there is one."""
        call(
            self.store.clients.dynamodb.delete_item,
            TableName=self.store.state_table,
            Key={"operation_id": {"S": self.key}, "step": {"S": PAUSE_STEP}},
        )


def is_scheduled_start(event: Event, *, is_new: bool, is_redriven: bool) -> bool:
    """Return whether a call is the start of a run that a pause of the schedule holds back.

    What people start or redrive goes on, and so does a run that has begun. So does the retirement
    of what a switch has left: its time was announced, and it costs money until then.
    """
    return is_new and not is_redriven and event.started_by == SCHEDULE and not event.retire
