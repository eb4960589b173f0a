"""The end of sessions, on the writer and on every reader: a session outlives its role's login."""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final, Self

from aurora_restore.shared.postgres.connection import DatabaseSession

PATIENCE_SECONDS: Final = 15.0
"""How long sessions may take to end, and a reader to know what the writer has changed."""
_PAUSE_SECONDS: Final = 0.05

# A task's session holds an advisory lock, whatever a script has made of its application_name. That
# can be imitated, but only by a user who knows the master password, and may do anything.
_IS_A_TASK: Final = (
    "EXISTS (SELECT FROM pg_locks l WHERE l.pid = a.pid AND l.locktype = 'advisory' AND l.granted)"
)
# A superuser's session cannot be ended by anybody else.
_END: Final = """
    SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity a JOIN pg_roles r ON r.oid = a.usesysid
    WHERE a.pid <> pg_backend_pid() AND NOT r.rolsuper
    AND (r.rolname = ANY (CAST(:roles AS name[])) OR r.rolname = session_user AND NOT ({spared}))
"""
_OPEN_DATABASES: Final = """
    SELECT r.rolname, d.datname FROM pg_roles r CROSS JOIN pg_database d
    WHERE r.rolname = ANY (CAST(:roles AS name[])) AND r.rolcanlogin AND d.datallowconn
    AND has_database_privilege(r.oid, d.oid, 'CONNECT') ORDER BY 1, 2
"""

# The server's own processes, such as a worker that applies a subscription, would begin again.
_END_CLIENTS: Final = """
    SELECT a.pid, a.backend_start::text, pg_terminate_backend(a.pid)
    FROM pg_stat_activity a JOIN pg_roles r ON r.oid = a.usesysid
    WHERE a.pid <> pg_backend_pid() AND NOT r.rolsuper
    AND a.backend_type IN ('client backend', 'walsender')
"""


@dataclass(frozen=True, kw_only=True)
class SessionCount:
    """How many sessions of clients were ended, and how many are there nevertheless."""

    ended: int = 0
    remaining: int = 0

    def __add__(self, other: Self) -> Self:
        return type(self)(
            ended=self.ended + other.ended, remaining=self.remaining + other.remaining
        )


def end_client_sessions(session: DatabaseSession) -> SessionCount:
    """End the session of every client on this instance but this one, until none is left.

    A superuser's session cannot be ended. Clients that keep coming back are waited for no longer
    than PATIENCE_SECONDS: what keeps them out is the network.
    """
    seen: set[tuple[int, str]] = set()
    left: set[tuple[int, str]] = set()

    def none_is_left() -> bool:
        nonlocal left
        left = {(pid, started) for pid, started, _ in session.run(_END_CLIENTS)}
        seen.update(left)
        return not left

    _within_patience(none_is_left)
    return SessionCount(ended=len(seen - left), remaining=len(left))


def end_sessions(session: DatabaseSession, roles: Collection[str], *, spare_tasks: bool) -> bool:
    """End all sessions of ``roles``, and the other ones of the session's user, on this instance.

    With ``spare_tasks`` those are left alone that do a task of the pipeline. Returns whether none
    is left.
    """
    statement = _END.format(spared=_IS_A_TASK if spare_tasks else "false")
    return _within_patience(lambda: not session.run(statement, roles=list(roles)))


def find_open_databases(session: DatabaseSession, roles: Collection[str]) -> list[tuple[str, str]]:
    """Return which of ``roles`` can still log in, each with a database that it can enter."""
    return [(role, database) for role, database in session.run(_OPEN_DATABASES, roles=list(roles))]


def await_closed_databases(
    session: DatabaseSession, roles: Collection[str], open_databases: Collection[tuple[str, str]]
) -> bool:
    """Wait until this instance lets ``roles`` enter ``open_databases`` at most; return whether."""
    return _within_patience(lambda: {*find_open_databases(session, roles)} <= {*open_databases})


def _within_patience(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(_PAUSE_SECONDS)
    return True
