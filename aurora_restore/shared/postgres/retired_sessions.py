"""The end of the sessions that clients still have on a cluster that has been retired.

A rename ends no session, and neither do security groups that let nobody in any more. Without this,
a client that is not disconnected would go on writing into a cluster that is soon deleted. New
sessions are kept out by the network, which the way back can undo; in the database nothing changes.
"""

import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from aurora_restore.shared.errors import (
    AuroraRestoreError,
    DatabaseConnectionError,
    ForeignCertificateError,
)
from aurora_restore.shared.postgres.certified import certify
from aurora_restore.shared.postgres.connection import DatabaseLogin, DatabaseServer, explained
from aurora_restore.shared.postgres.ending import SessionCount, end_client_sessions
from aurora_restore.shared.postgres.journal import JournalKey
from aurora_restore.shared.postgres.mark import Mark, find_marks


class WhyNotEnded(StrEnum):
    """Why the sessions on an instance could not be looked at, or not be ended."""

    UNREACHABLE = "it could not be reached"
    LOGIN_REFUSED = "the master user could not log in"
    ANOTHER_CLUSTER = "it may be an instance of another cluster"
    STATEMENT_REFUSED = "PostgreSQL refused to end them"
    KEEP_COMING = "clients keep coming back"
    NO_TIME = "there was no time left for it"


@dataclass(frozen=True, kw_only=True)
class EndedSessions:
    """What has become of the sessions on a retired cluster."""

    ended: int = 0
    obstacles: dict[str, WhyNotEnded] = field(default_factory=dict)
    """Where sessions may be left, by where the instance is reached, and why."""


@dataclass(frozen=True, kw_only=True)
class RetiredServers:
    """A cluster whose sessions are to be ended, and how it differs from the one that serves.

    The key is None of a cluster in which no operation has done anything.
    """

    servers: tuple[DatabaseServer, ...]
    """Each of its instances, and it does no harm if one is named twice."""
    names: tuple[str, ...]
    """The names that its certificates may have."""
    key: JournalKey | None
    key_of_the_live_one: JournalKey | None


MOST_SECONDS: Final = 120.0
"""After so long no instance is begun with, so that the time of a function suffices for the rest."""
_REFUSED: Final = "sqlstate"


def end_retired_sessions(
    cluster: RetiredServers, master: DatabaseLogin, database: str
) -> EndedSessions:
    """End the session of every client on every instance of a retired cluster.

    ``database`` is the master user's. What prevents that is returned, and never raised: the cluster
    may be stopped, or the password of its master user not known.
    """
    total = SessionCount()
    obstacles: dict[str, WhyNotEnded] = {}
    deadline = time.monotonic() + MOST_SECONDS
    for server in dict.fromkeys(cluster.servers):
        endpoint = f"{server.host}:{server.port}"
        if time.monotonic() > deadline:
            obstacles[endpoint] = WhyNotEnded.NO_TIME
            continue
        try:
            count = _end_sessions(server, cluster, master, database)
        except AuroraRestoreError as error:
            obstacles[endpoint] = _why_not(error)
            continue
        if count is None:
            obstacles[endpoint] = WhyNotEnded.ANOTHER_CLUSTER
            continue
        total += count
        if count.remaining:
            obstacles[endpoint] = WhyNotEnded.KEEP_COMING
    return EndedSessions(ended=total.ended, obstacles=obstacles)


def is_retired(retired: Mark | None, live: Mark | None) -> bool:
    """Return whether an instance is certainly the retired cluster's, by the marks of both.

    None stands for a cluster in which no operation has done anything. A cluster that was restored
    from a snapshot of another has the other's journal, too: with the mark of the live one it is
    never certain.
    """
    if live is None:
        return retired in (Mark.BEGUN, Mark.SET_UP)
    return live is Mark.MISSING


def _end_sessions(
    server: DatabaseServer, cluster: RetiredServers, master: DatabaseLogin, database: str
) -> SessionCount | None:
    certified = certify(server, cluster.names).server
    with (
        explained(f"the sessions at {server.host}:{server.port} could not be ended"),
        certified.session(master, database) as session,
    ):
        marks = find_marks(session, cluster.key, cluster.key_of_the_live_one)
        return end_client_sessions(session) if is_retired(*marks) else None


def _why_not(error: AuroraRestoreError) -> WhyNotEnded:
    if isinstance(error, ForeignCertificateError):
        return WhyNotEnded.ANOTHER_CLUSTER
    if isinstance(error, DatabaseConnectionError):
        refused = error.details.get(_REFUSED)
        return WhyNotEnded.LOGIN_REFUSED if refused else WhyNotEnded.UNREACHABLE
    return WhyNotEnded.STATEMENT_REFUSED
