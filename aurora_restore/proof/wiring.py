"""Reads what ties a cluster to others or makes it act by itself."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from aurora_restore.shared.postgres.connection import (
    DatabaseLogin,
    DatabaseServer,
    DatabaseSession,
)

JOBS_DATABASE: Final = "postgres"
"""The one database that can hold pg_cron."""
_SLOTS: Final = (
    "SELECT slot_name, active, restart_lsn::text, confirmed_flush_lsn::text "
    "FROM pg_replication_slots ORDER BY slot_name"
)
_WIRING: Final = {
    "subscriptions": (
        "SELECT format('%s in %s', subname, datname) "
        "FROM pg_subscription JOIN pg_database d ON d.oid = subdbid ORDER BY 1"
    ),
    "user_mappings": (
        "SELECT format('%s at %s in %s', usename, srvname, current_database()) "
        "FROM pg_user_mappings ORDER BY 1"
    ),
}
_JOBS: Final = (
    "SELECT format('%s %s of %s in %s', jobid, jobname, username, current_database()) "
    "FROM cron.job WHERE active ORDER BY 1"
)


def read_slots(session: DatabaseSession) -> list[tuple[Any, ...]]:
    """Return every slot with its position; one that nobody uses stays where it is."""
    return [tuple(row) for row in session.run(_SLOTS)]


def read_wiring(
    server: DatabaseServer, master: DatabaseLogin, database: str
) -> Mapping[str, Sequence[str]]:
    """Return what ties a cluster to others or makes it act by itself, as the pipeline names it."""
    with server.session(master, database) as session:
        found = {kind: session.column(query) for kind, query in _WIRING.items()}
    with server.session(master, JOBS_DATABASE, row_security=True) as session:
        jobs = session.scalar("SELECT to_regclass('cron.job') IS NOT NULL")
        return {**found, "cron_jobs": session.column(_JOBS) if jobs else []}
