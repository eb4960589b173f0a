"""What wiring a cluster has, and what else there is to report of it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from aurora_restore.shared.postgres.access import DatabaseAccess
from aurora_restore.shared.postgres.neutralise.cron_jobs import find_cron_jobs
from aurora_restore.shared.postgres.neutralise.findings import find_in_cluster, find_in_database
from aurora_restore.shared.postgres.neutralise.replication_slots import find_replication_slots
from aurora_restore.shared.postgres.neutralise.sessions import noting, quiet_session
from aurora_restore.shared.postgres.neutralise.subscriptions import find_subscriptions
from aurora_restore.shared.postgres.neutralise.user_mappings import find_user_mappings
from aurora_restore.shared.postgres.neutralise.wiring import Remnant, Wire, WiringKind


@dataclass(frozen=True, kw_only=True)
class Wiring:
    """What a look at all databases has found."""

    wires: tuple[Wire, ...]
    unseen: tuple[Remnant, ...]
    """What could not be looked at."""
    findings: Mapping[str, Sequence[str]]
    """What is only reported: names by kind."""


def find_wiring(
    access: DatabaseAccess, databases: Collection[str], kinds: Collection[WiringKind]
) -> Wiring:
    """Return what the databases have of some kinds of wiring, and what there is to report."""
    return _look(access, databases, kinds, with_findings=True)


def find_wires(
    access: DatabaseAccess, databases: Collection[str], kinds: Collection[WiringKind]
) -> Wiring:
    """Return what the databases have of some kinds of wiring, and nothing to report."""
    return _look(access, databases, kinds, with_findings=False)


def _look(
    access: DatabaseAccess,
    databases: Collection[str],
    kinds: Collection[WiringKind],
    *,
    with_findings: bool,
) -> Wiring:
    wires: list[Wire] = []
    unseen: list[Remnant] = []
    findings: dict[str, list[str]] = {}
    if with_findings or WiringKind.REPLICATION_SLOTS in kinds:
        with quiet_session(access) as session:
            if with_findings:
                findings = find_in_cluster(session)
            if WiringKind.REPLICATION_SLOTS in kinds:
                wires += find_replication_slots(session)
    for database in databases:
        with noting(f"database {database}", unseen), quiet_session(access, database) as session:
            if with_findings:
                for finding, names in find_in_database(session, database).items():
                    findings.setdefault(finding, []).extend(names)
            if WiringKind.SUBSCRIPTIONS in kinds:
                wires += find_subscriptions(session, database)
            if WiringKind.USER_MAPPINGS in kinds:
                wires += find_user_mappings(session, database)
            if WiringKind.CRON_JOBS in kinds:
                jobs, of_others = find_cron_jobs(session, database)
                wires += jobs
                unseen += of_others
    return Wiring(wires=tuple(wires), unseen=tuple(unseen), findings=findings)
