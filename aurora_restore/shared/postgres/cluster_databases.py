"""The databases of a cluster that can be logged in to, whether they are configured or not."""

from dataclasses import dataclass
from typing import Final

from aurora_restore.shared.postgres.connection import DatabaseSession, literal
from aurora_restore.shared.postgres.rds_roles import RDS_DATABASE

LEFT_ALONE: Final = ("template0", RDS_DATABASE)
"""PostgreSQL's and RDS's own databases, which nobody logs in to."""

INVALID: Final = -2
"""The limit of connections of a database that a DROP DATABASE has left behind: it lets nobody in,
and can only be dropped."""


@dataclass(frozen=True)
class ClusterDatabase:
    """A database of the cluster that allows connections."""

    name: str
    owner: str
    admits_master: bool
    """Whether the session's user has the right to log in to it."""


def find_databases(session: DatabaseSession) -> list[ClusterDatabase]:
    """Return every database of the cluster that allows connections, but those left alone."""
    left_alone = ", ".join(map(literal, LEFT_ALONE))
    rows = session.run(
        "SELECT d.datname, r.rolname, has_database_privilege(session_user, d.oid, 'CONNECT') "
        "FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba "
        f"WHERE d.datallowconn AND d.datconnlimit <> {INVALID} "
        f"AND d.datname NOT IN ({left_alone}) ORDER BY 1"
    )
    return [ClusterDatabase(*row) for row in rows]
