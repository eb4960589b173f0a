"""The end of sessions, on the writer and on every reader: a session outlives its role's login."""

import time
from collections.abc import Callable, Collection
from typing import Final

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
