"""The master user's way into the databases of a cluster."""

from contextlib import AbstractContextManager
from dataclasses import dataclass

from aurora_restore.shared.postgres.connection import (
    DatabaseLogin,
    DatabaseServer,
    DatabaseSession,
)
from aurora_restore.shared.postgres.journal import JournalKey


@dataclass(frozen=True)
class DatabaseAccess:
    """A cluster's server, its master user, and the databases that a restore is about."""

    server: DatabaseServer
    master: DatabaseLogin
    master_database: str
    """Where the master user logs in for what concerns the whole cluster, such as roles."""
    databases: tuple[str, ...]
    journal_key: JournalKey
    """Under which the work in this cluster is recorded in its databases."""
    readers: tuple[DatabaseServer, ...] = ()
    """The cluster's instances, each by its own endpoint: any may be a reader, with own sessions."""

    def session(self, database: str | None = None) -> AbstractContextManager[DatabaseSession]:
        """Log in to a database, or else the master user's, for the time of the block.

        Raises DatabaseConnectionError.
        """
        return self.server.session(self.master, database or self.master_database)
