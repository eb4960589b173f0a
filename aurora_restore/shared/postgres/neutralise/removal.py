"""Removes wires, each by itself: a refusal keeps none of the others from being removed."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from typing import assert_never

from aurora_restore.shared.postgres.access import DatabaseAccess
from aurora_restore.shared.postgres.connection import DatabaseSession
from aurora_restore.shared.postgres.neutralise.cron_jobs import deactivate_cron_jobs
from aurora_restore.shared.postgres.neutralise.replication_slots import drop_replication_slot
from aurora_restore.shared.postgres.neutralise.sessions import noting, quiet_session
from aurora_restore.shared.postgres.neutralise.subscriptions import drop_subscription
from aurora_restore.shared.postgres.neutralise.user_mappings import drop_user_mapping
from aurora_restore.shared.postgres.neutralise.wiring import (
    Remnant,
    ReplicationSlot,
    ScheduledJob,
    Subscription,
    UserMapping,
    Wire,
)

Removal = tuple[Sequence[Wire], Callable[[DatabaseSession], None]]
"""Some wires, and what removes them together."""


def remove(access: DatabaseAccess, wires: Collection[Wire]) -> list[Remnant]:
    """Remove the wires, those that are at work first; return what was refused.

    What is named of a refusal is the wire, as ``str`` shows it.
    """
    refusals: list[Remnant] = []
    by_database: dict[str, list[Wire]] = defaultdict(list)
    for wire in wires:
        by_database[_database_of(wire, access)].append(wire)
    for database, there in by_database.items():
        with (
            noting(f"database {database}", refusals),
            quiet_session(access, database) as session,
        ):
            for together, action in _removals(there):
                refused: list[Remnant] = []
                with noting("", refused):
                    action(session)
                refusals += [Remnant(str(wire), each.why) for wire in together for each in refused]
    return refusals


def _removals(wires: Collection[Wire]) -> Iterator[Removal]:
    """Yield what removes the wires of one database, kind by kind."""
    for wire in wires:
        match wire:
            case Subscription():
                yield [wire], partial(drop_subscription, subscription=wire)
            case UserMapping():
                yield [wire], partial(drop_user_mapping, mapping=wire)
            case ReplicationSlot():
                yield [wire], partial(drop_replication_slot, slot=wire)
            case ScheduledJob():
                continue
            case _:
                assert_never(wire)
    jobs: dict[str, list[ScheduledJob]] = defaultdict(list)
    for wire in wires:
        if isinstance(wire, ScheduledJob):
            jobs[wire.user].append(wire)
    for user, of_user in jobs.items():
        yield of_user, partial(deactivate_cron_jobs, user=user)


def _database_of(wire: Wire, access: DatabaseAccess) -> str:
    """Return where a wire is removed; a slot, that is the cluster's, in the master's database."""
    return access.master_database if isinstance(wire, ReplicationSlot) else wire.database
