"""What is verified of a cluster that has just got the target's name, and of the one before it.

Nothing is changed in a cluster that serves. By its certificate, its journal and the proof of what
the application's roles can do, it is compared with what was set up and proven.
"""

from dataclasses import dataclass
from typing import Protocol

from aurora_restore.shared.errors import InvalidPasswordError, WrongClusterError
from aurora_restore.shared.postgres.access import DatabaseAccess
from aurora_restore.shared.postgres.certified import CertifiedServer, certify
from aurora_restore.shared.postgres.connection import (
    DatabaseLogin,
    DatabaseServer,
    explained,
)
from aurora_restore.shared.postgres.journal import JournalKey
from aurora_restore.shared.postgres.mark import Mark, find_marks
from aurora_restore.shared.postgres.retired_sessions import (
    EndedSessions,
    RetiredServers,
    end_retired_sessions,
)
from aurora_restore.shared.postgres.setup import PostgresSetup


@dataclass(frozen=True, kw_only=True)
class ServingCluster:
    """The cluster that is to be found at the target's endpoint."""

    server: DatabaseServer
    """That endpoint."""
    names: tuple[str, ...]
    """Every name that this cluster's certificates may have, and no other cluster's."""
    master: DatabaseLogin
    master_database: str
    databases: tuple[str, ...]
    key: JournalKey | None
    """Of the operation that has set it up; None if no operation has."""
    key_of_the_retired_one: JournalKey | None
    """The same of the cluster that it is not to be."""
    is_new: bool
    """Whether this operation has set it up, so that its journal must say so."""
    has_managed_password: bool = False
    """Whether RDS manages its master password, so that the secret's need not open it."""


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What the cluster at the endpoint has shown of itself."""

    certified: CertifiedServer
    mark: Mark | None
    """What its journal says of its operation.

    None if no operation has set it up; then only the retired cluster's mark is known to be missing.
    """
    logged_in: bool = True
    """Whether the master user could, whose password in such a cluster may be another one."""


class Verification(Protocol):
    """The verification of a switch in the databases. Nothing of it changes what serves."""

    def identify(self, cluster: ServingCluster) -> Identity:
        """Log in, and return what the cluster shows of itself.

        Raises WrongClusterError or ForeignCertificateError if it is another cluster, and another
        DatabaseConnectionError if it lets nobody in.
        """

    def prove_access(
        self,
        cluster: ServingCluster,
        identity: Identity,
        app: DatabaseLogin,
        readonly: DatabaseLogin,
        keep: tuple[str, ...] | None,
    ) -> None:
        """Make the proof of the setup again; see ``DatabaseSetup.prove_access``.

        Of a cluster that no operation has set up nothing was proven, and nothing is.
        """

    def end_retired_sessions(
        self, cluster: RetiredServers, master: DatabaseLogin, database: str
    ) -> EndedSessions:
        """End the sessions of clients on the retired cluster, as far as they can be."""


@dataclass(frozen=True)
class PostgresVerification:
    """The verification in PostgreSQL itself."""

    def identify(self, cluster: ServingCluster) -> Identity:
        """Verify the certificate first, then log in and read the journal."""
        certified = certify(cluster.server, cluster.names)
        server = certified.server
        with explained(f"the cluster at {server.host} could not be identified"):
            try:
                with server.session(cluster.master, cluster.master_database) as session:
                    mark, other = find_marks(session, cluster.key, cluster.key_of_the_retired_one)
            except InvalidPasswordError:
                if cluster.key is not None and not cluster.has_managed_password:
                    raise
                return Identity(certified=certified, mark=None, logged_in=False)
        if not is_expected(mark, other, is_new=cluster.is_new):
            raise WrongClusterError(
                f"the cluster at {server.host}:{server.port} is not the one that is to serve: "
                f"{_what_it_says(cluster)}",
                host=server.host,
            )
        return Identity(certified=certified, mark=mark)

    def prove_access(
        self,
        cluster: ServingCluster,
        identity: Identity,
        app: DatabaseLogin,
        readonly: DatabaseLogin,
        keep: tuple[str, ...] | None,
    ) -> None:
        """Log in as the master user and as both roles to every database, and try to write."""
        if cluster.key is None:
            return
        access = DatabaseAccess(
            identity.certified.server,
            cluster.master,
            cluster.master_database,
            cluster.databases,
            cluster.key,
        )
        PostgresSetup(access).prove_access(app, readonly, keep)

    def end_retired_sessions(
        self, cluster: RetiredServers, master: DatabaseLogin, database: str
    ) -> EndedSessions:
        """End them on the writer and on every reader."""
        return end_retired_sessions(cluster, master, database)


def is_expected(serving: Mark | None, retired: Mark | None, *, is_new: bool) -> bool:
    """Return whether a cluster is the one that is to serve, by the marks of both that there are.

    None stands for a cluster in which no operation has done anything. One that was restored from a
    snapshot of the retired cluster has that one's mark beside its own. On the way back it is enough
    that the rejected cluster's mark is missing: an earlier version may have left none of its own.
    """
    if serving in (Mark.BEGUN, Mark.SET_UP):
        return True
    return not is_new and retired in (None, Mark.MISSING)


def _what_it_says(cluster: ServingCluster) -> str:
    if not cluster.is_new or cluster.key is None:
        return "its journal is the retired cluster's"
    return (
        f"its journal does not say that operation {cluster.key.operation_id} has done anything in "
        f"cluster {cluster.key.cluster_resource_id}"
    )
