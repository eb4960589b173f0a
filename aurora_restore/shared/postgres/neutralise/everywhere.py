"""Removes production's wiring from every database of a cluster, and reports what else there is.

It is looked, recorded, acted, and looked again: what is found is written to the journal of the
master user's database before anything of it is removed, so that a call after a crash still knows
it. What could not be removed is what the second look finds. Where the first has seen everything
and found nothing, there is nothing to act on, and so no second look.

A kind is neutralised once per restore. What is set up later, such as a job that one of the user's
own scripts schedules, is not production's.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from aurora_restore.shared.postgres import journal
from aurora_restore.shared.postgres.access import DatabaseAccess
from aurora_restore.shared.postgres.cluster_databases import ClusterDatabase, find_databases
from aurora_restore.shared.postgres.connection import DatabaseSession, identifier
from aurora_restore.shared.postgres.membership import acting_as
from aurora_restore.shared.postgres.neutralise.cron_jobs import end_cron_runs
from aurora_restore.shared.postgres.neutralise.inventory import find_wires, find_wiring
from aurora_restore.shared.postgres.neutralise.removal import remove
from aurora_restore.shared.postgres.neutralise.sessions import noting, quiet_session
from aurora_restore.shared.postgres.neutralise.wiring import Remnant, Wire, WiringKind, kind_of

NEUTRALISED: Final = "neutralised:"
"""Journal: how the entry of a kind begins that is neutralised; its name follows."""
WIRE: Final = "wire:"
"""Journal: how the entry of one wire begins that was found; its kind and its name follow."""


@dataclass(frozen=True, kw_only=True)
class Neutralised:
    """What has become of production's wiring in this restore, by name."""

    removed: Mapping[WiringKind, Sequence[str]]
    """What this call or an earlier one has found of the kinds that are removed."""
    kept: Mapping[WiringKind, Sequence[str]]
    """What there is of the kinds that are kept on purpose."""
    remaining: Sequence[Remnant]
    """What could not be removed, or not be looked at."""
    findings: Mapping[str, Sequence[str]]
    """What was only reported."""


def neutralise(access: DatabaseAccess, kept: Collection[WiringKind]) -> Neutralised:
    """Remove the wiring of every kind that is not in ``kept``, and return all that was found.

    Everything is tried; the result says what remains. Raises DatabaseConnectionError if the
    connection fails.
    """
    with quiet_session(access) as session:
        journal.prepare(session)
        entries = journal.entries(session, access.journal_key)
        databases = find_databases(session)
        _let_master_in(session, databases)
    names = [database.name for database in databases]
    due = [
        kind for kind in WiringKind if kind not in kept and f"{NEUTRALISED}{kind}" not in entries
    ]
    found = find_wiring(access, names, [*due, *kept])
    doomed = [wire for wire in found.wires if kind_of(wire) in due]
    entries += _record(access, [f"{WIRE}{kind_of(wire)}:{wire}" for wire in doomed], entries)
    remaining = _remove_all(access, names, due, doomed, found.unseen) if due else []
    if not remaining:
        _record(access, [f"{NEUTRALISED}{kind}" for kind in due], entries)
    return Neutralised(
        removed={
            kind: sorted(
                entry.removeprefix(f"{WIRE}{kind}:")
                for entry in entries
                if entry.startswith(f"{WIRE}{kind}:")
            )
            for kind in WiringKind
        },
        kept={kind: [str(wire) for wire in found.wires if kind_of(wire) is kind] for kind in kept},
        remaining=remaining,
        findings=found.findings,
    )


def _remove_all(
    access: DatabaseAccess,
    databases: Collection[str],
    due: Collection[WiringKind],
    doomed: Collection[Wire],
    unseen: Collection[Remnant],
) -> list[Remnant]:
    """Remove all wires that were found; return what a second look still finds, and why."""
    reasons = {refusal.what: refusal.why for refusal in remove(access, doomed)}
    remaining: list[Remnant] = []
    ended = 0
    if WiringKind.CRON_JOBS in due:
        with noting("runs of cron jobs", remaining), quiet_session(access) as session:
            ended = end_cron_runs(session)
    if not (doomed or unseen or remaining or ended):
        return []
    left = find_wires(access, databases, due)
    remaining += left.unseen
    remaining += [
        Remnant(str(wire), reasons.get(str(wire), "it is still there")) for wire in left.wires
    ]
    return remaining


def _let_master_in(session: DatabaseSession, databases: Iterable[ClusterDatabase]) -> None:
    """Let the master user log in to every database, by the owner's right.

    Where that is refused, it is the log-in that says so.
    """
    for database in databases:
        if not database.admits_master:
            with (
                noting(database.name, []),
                session.transaction(),
                acting_as(session, [database.owner]),
            ):
                session.run(
                    f"GRANT CONNECT ON DATABASE {identifier(database.name)} TO CURRENT_USER"
                )


def _record(access: DatabaseAccess, entries: Iterable[str], known: Collection[str]) -> list[str]:
    """Write what is not known yet to the journal of the master user's database; return it."""
    # Two may have the same name: a mapping of PUBLIC, and one of a role that is named so.
    new = list(dict.fromkeys(entry for entry in entries if entry not in known))
    if new:
        with quiet_session(access) as session:
            journal.write_all(session, access.journal_key, new)
    return new
