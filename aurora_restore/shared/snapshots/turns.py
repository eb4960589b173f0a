"""Whose turn it is to copy a snapshot, where AWS has as many copies in progress as it allows.

RDS allows few copies in progress to a Region and account, and refuses one more. A refused copy
takes a ticket: an item of the state table, in the partition of the place that it is copied to. It
is the copy's and not an operation's, so that restores which share a copy wait together. Who waits
comes back every few minutes and refreshes the ticket; one that is not refreshed lapses, so an
operation that has failed or was stopped holds nobody up.

The order is that of one environment. What others copy to the same place is seen only by its copies.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from aurora_restore.shared.common import is_timestamp, parse_timestamp, timestamp
from aurora_restore.shared.names import COPY_QUEUE_KEY_PREFIX
from aurora_restore.shared.rds.arns import Place
from aurora_restore.shared.rds.statuses import DEAD_SNAPSHOT, FINISHED_SNAPSHOT
from aurora_restore.shared.state_utils import IS_NEW, StateStore, corrupt_item

if TYPE_CHECKING:
    from mypy_boto3_rds.type_defs import DBClusterSnapshotTypeDef

REFUSAL: Final = "SnapshotQuotaExceeded"
"""How RDS refuses a copy beyond the limit; and one for which there are too many snapshots."""
LOOK_SECONDS: Final = (30, 300)
"""How soon, and how late, a copy that waits asks again whether it is its turn."""
LOOK_FRACTION: Final = 0.1
"""The same, as a share of the time already waited."""
LOOKS_MISSED: Final = 3
"""After how many looks that did not come a ticket lapses, ``SLOW_SECONDS`` on top."""
SLOW_SECONDS: Final = 120
"""How long a look may take in all, the retries of a failed one included."""
KEPT: Final = timedelta(days=1)
"""After what time DynamoDB may delete a ticket that has lapsed."""


@dataclass(frozen=True, kw_only=True)
class Ticket:
    """A copy's place in the queue."""

    copy: str
    """The name of the copy."""
    asked_at: str
    """Since when it waits. Who has waited longest is first."""
    lapses_at: str
    limit: int
    """How many copies were in progress when AWS last refused it."""


@dataclass(frozen=True, kw_only=True)
class CopyTurn:
    """What is known of a copy's turn."""

    copy: str
    in_progress: Mapping[str, int]
    """The copies that AWS makes at the moment, each with its progress in per cent."""
    waiting: Sequence[Ticket]
    """The copies that wait, in their order."""

    @property
    def ticket(self) -> Ticket | None:
        """Return the copy's own ticket, if it has one."""
        return next((each for each in self.waiting if each.copy == self.copy), None)

    @property
    def before(self) -> tuple[str, ...]:
        """Return the copies that wait and come before it, in their order."""
        names = [each.copy for each in self.waiting]
        return tuple(names[: names.index(self.copy)] if self.copy in names else names)

    @property
    def has_come(self) -> bool:
        """Return whether it is the copy's turn.

        As many may try as copies have ended since AWS refused one; and the first always, because
        only an attempt shows that AWS allows more than it did.
        """
        limit = max((each.limit for each in self.waiting), default=0)
        return len(self.before) < max(1, limit - len(self.in_progress))

    def described(self) -> str:
        """Return who is before the copy and what is in progress, for people."""
        copies = [f"{name} ({percent} %)" for name, percent in self.in_progress.items()]
        progress = f"in progress: {', '.join(copies) or 'none that is shown'}"
        before = len(self.before)
        if not before:
            return f"it is the next one; {progress}"
        return f"{before} {'copy is' if before == 1 else 'copies are'} before it; {progress}"


def turn_of(
    copy: str, tickets: Iterable[Ticket], snapshots: "Iterable[DBClusterSnapshotTypeDef]"
) -> CopyTurn:
    """Return what is known of a copy's turn.

    ``snapshots`` are the manual snapshots of the place. A copy among them waits no more.
    """
    started = {
        each["DBClusterSnapshotIdentifier"]: each
        for each in snapshots
        if each["Status"] not in DEAD_SNAPSHOT
    }
    waiting = [each for each in tickets if each.copy == copy or each.copy not in started]
    return CopyTurn(
        copy=copy,
        in_progress={
            name: each.get("PercentProgress", 0)
            for name, each in started.items()
            if each.get("SourceDBClusterSnapshotArn") and each["Status"] not in FINISHED_SNAPSHOT
        },
        waiting=sorted(waiting, key=lambda each: (each.asked_at, each.copy)),
    )


def look_again_after(waited: float, chance: float) -> int:
    """Return after how many seconds a copy that waits asks again.

    ``chance``, from 0 to 1, shortens that by as many tenths: a fleet does not ask in step.
    """
    soon, late = LOOK_SECONDS
    return round(max(soon, min(late, LOOK_FRACTION * waited)) * (1 - chance / 10))


@dataclass(frozen=True)
class CopyQueue:
    """The copies that wait to be made in one account and Region."""

    store: StateStore
    place: Place

    @property
    def key(self) -> str:
        """Return the queue's partition key in the state table."""
        return f"{COPY_QUEUE_KEY_PREFIX}{self.place.account}/{self.place.region}"

    def tickets(self, now: datetime) -> list[Ticket]:
        """Return the tickets that have not lapsed.

        Raises CorruptStateError if an item is not one that a queue has written.
        """
        found = [_ticket(item, self.store) for item in self.store.load_all(self.key)]
        return [each for each in found if each.lapses_at > timestamp(now)]

    def wait(self, turn: CopyTurn, since: str, now: datetime, look_after: int) -> None:
        """Write the copy's ticket, or refresh it.

        ``since`` is from when on the operation waits. Of several that share the copy, the one that
        has waited longest gives it its place: the ticket of another one is not replaced by a later
        one, and is as good. It never lapses earlier than before: who asks more often may be gone.
        """
        own = turn.ticket
        lapses_at = timestamp(now + timedelta(seconds=LOOKS_MISSED * look_after + SLOW_SECONDS))
        ticket = Ticket(
            copy=turn.copy, asked_at=since, lapses_at=lapses_at, limit=len(turn.in_progress)
        )
        if own is not None:
            ticket = replace(
                ticket,
                asked_at=min(since, own.asked_at),
                lapses_at=max(lapses_at, own.lapses_at),
                limit=max(ticket.limit, own.limit),
            )
        item = {
            **asdict(ticket),
            "operation_id": self.key,
            "step": turn.copy,
            "expires_at": int((parse_timestamp(ticket.lapses_at) + KEPT).timestamp()),
        }
        self.store.put_if(
            item,
            f"{IS_NEW} OR asked_at >= :asked_at OR lapses_at <= :now",
            {":asked_at": ticket.asked_at, ":now": timestamp(now)},
        )

    def leave(self, copy: str) -> None:
        """Remove the copy's ticket, if it has one."""
        self.store.remove(self.key, copy)


def _ticket(item: Mapping[str, Any], store: StateStore) -> Ticket:
    wrong = [name for name in ("asked_at", "lapses_at") if not is_timestamp(item.get(name))]
    wrong += [] if isinstance(item.get("limit"), int) else ["limit"]
    if wrong:
        faults = "; ".join(f"{name}: is missing or wrong" for name in wrong)
        raise corrupt_item(item, store.state_table, faults)
    return Ticket(
        copy=str(item["step"]),
        asked_at=item["asked_at"],
        lapses_at=item["lapses_at"],
        limit=item["limit"],
    )
