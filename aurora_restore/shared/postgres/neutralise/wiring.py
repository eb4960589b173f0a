"""The kinds of wiring that a restored cluster has inherited from production."""

from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never


class WiringKind(StrEnum):
    """A kind of wiring, by the name of its field in ``database.neutralise``."""

    SUBSCRIPTIONS = "subscriptions"
    CRON_JOBS = "cron_jobs"
    USER_MAPPINGS = "user_mappings"
    REPLICATION_SLOTS = "replication_slots"


@dataclass(frozen=True)
class Subscription:
    """It takes over the slot of production's subscriber, and receives its rows."""

    database: str
    name: str
    owner: str

    def __str__(self) -> str:
        """Return how it is named in state and messages."""
        return f"{self.name} in {self.database}"


@dataclass(frozen=True)
class ScheduledJob:
    """A job of pg_cron, which runs at its next minute."""

    database: str
    """Where the extension is; the job itself may run in another one."""
    number: int
    name: str
    user: str

    def __str__(self) -> str:
        """Return how it is named in state and messages, without its command."""
        name = f" {self.name}" if self.name else ""
        return f"{self.number}{name} of {self.user} in {self.database}"


@dataclass(frozen=True)
class UserMapping:
    """The name and password under which foreign tables reach another server."""

    database: str
    server: str
    server_owner: str
    user: str | None
    """None if it is for everybody."""

    def __str__(self) -> str:
        """Return how it is named in state and messages, without its options."""
        return f"{self.user or 'PUBLIC'} at {self.server} in {self.database}"


@dataclass(frozen=True)
class ReplicationSlot:
    """A logical slot: it keeps the log for a subscriber that gets it from production."""

    database: str
    name: str

    def __str__(self) -> str:
        """Return how it is named in state and messages."""
        return f"{self.name} in {self.database}"


Wire = Subscription | ScheduledJob | UserMapping | ReplicationSlot


@dataclass(frozen=True)
class Remnant:
    """What could not be looked at or removed, and why."""

    what: str
    why: str

    def __str__(self) -> str:
        """Return it as a message shows it."""
        return f"{self.what} ({self.why})"


def kind_of(wire: Wire) -> WiringKind:
    """Return the kind of a wire."""
    match wire:
        case Subscription():
            return WiringKind.SUBSCRIPTIONS
        case ScheduledJob():
            return WiringKind.CRON_JOBS
        case UserMapping():
            return WiringKind.USER_MAPPINGS
        case ReplicationSlot():
            return WiringKind.REPLICATION_SLOTS
        case _:
            assert_never(wire)
