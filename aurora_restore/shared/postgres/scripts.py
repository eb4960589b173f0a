"""SQL scripts that run once per restored cluster, however long they take.

A script goes to the server as one message: its transaction, its entry in the journal, and its
commit. So the server finishes it whether or not the function that sent it is still there; the next
invocation sees it running (in ``pg_stat_activity``) or done (in the journal).
"""

import hashlib
import threading
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from pg8000.exceptions import DatabaseError as PgDatabaseError
from pg8000.exceptions import InterfaceError

from aurora_restore.shared.errors import DatabaseConnectionError, ScriptFailedError
from aurora_restore.shared.postgres import journal
from aurora_restore.shared.postgres.access import DatabaseAccess
from aurora_restore.shared.postgres.catalog import find_owners
from aurora_restore.shared.postgres.connection import (
    APPLICATION_NAME,
    UNIQUE_VIOLATION,
    DatabaseSession,
    close,
    describe,
    literal,
    sqlstate,
)
from aurora_restore.shared.postgres.journal import JournalKey
from aurora_restore.shared.postgres.membership import TemporaryMembership, plan_membership

# Settings without which the server would stop or wait for a client that is gone, each with the
# version that brought it. A notice would be flushed to the client immediately, so none is sent.
_SESSION_SETTINGS: Final = (
    ("SET statement_timeout = 0", 0),
    ("SET idle_in_transaction_session_timeout = 0", 0),
    ("SET client_connection_check_interval = 0", 140000),
    ("SET transaction_timeout = 0", 170000),
    ("SET client_min_messages = error", 0),
)


class ScriptStatus(Enum):
    """How far a script is, by the journal and the sessions of its database."""

    MISSING = auto()
    """It is neither recorded nor at work: it was never started, or it failed."""
    RUNNING = auto()
    DONE = auto()


@dataclass(frozen=True)
class SqlScript:
    """A script, and the database it is for."""

    name: str
    database: str
    sql: str = field(repr=False)


def find_script_status(
    session: DatabaseSession, key: JournalKey, script: SqlScript
) -> ScriptStatus:
    """Return how far a script is. ``session`` is one with the script's database."""
    if journal.exists(session) and journal.has(session, key, _entry(script)):
        return ScriptStatus.DONE
    active = session.column(
        "SELECT pid FROM pg_stat_activity WHERE application_name = :label AND state = 'active'",
        label=_label(key, script),
    )
    return ScriptStatus.RUNNING if active else ScriptStatus.MISSING


def start_script(access: DatabaseAccess, script: SqlScript, seconds: float) -> ScriptStatus:
    """Run a script in its own transaction, and wait up to ``seconds`` for it.

    Sessions of the same script that failed unseen are ended first. Returns DONE, or RUNNING where
    it takes longer. Raises ScriptFailedError, and then nothing of the script remains.
    """
    key = access.journal_key
    label = _label(key, script)
    session = access.server.connect(access.master, script.database, application_name=label)
    try:
        journal.prepare(session)
        session.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = :label AND pid <> pg_backend_pid() "
            "AND state IS DISTINCT FROM 'active'",
            label=label,
        )
        for setting, since in _SESSION_SETTINGS:
            if session.version >= since:
                session.run(setting)
        membership = plan_membership(session, find_owners(session))
        message = _as_one_message(key, script, label, membership)
    except BaseException:
        close(session)
        raise
    outcome: Future[None] = Future()
    threading.Thread(
        target=_send, args=(session, message, outcome), name=label, daemon=True
    ).start()
    wait((outcome,), timeout=max(0.0, seconds))
    if not outcome.done():
        return ScriptStatus.RUNNING
    _raise_if_failed(script, outcome.exception())
    return ScriptStatus.DONE


def _send(session: DatabaseSession, message: str, outcome: Future[None]) -> None:
    """Run a message and end its session.

    Nobody may be waiting by then: an environment that was frozen meanwhile goes on here when it is
    used again.
    """
    try:
        try:
            session.run(message)
        finally:
            close(session)
    except BaseException as error:
        outcome.set_exception(error)
    else:
        outcome.set_result(None)


def _as_one_message(
    key: JournalKey, script: SqlScript, label: str, membership: TemporaryMembership
) -> str:
    """Return the script within its transaction, with the master user a member of the owners.

    The journal's entry comes first: a second session with the same script waits there for the first
    one, and then fails. The last block refuses a script that has ended the transaction itself, for
    then a failure would have left half of it behind.
    """
    return "\n".join(
        (
            "BEGIN;",
            f"SET LOCAL aurora_restore.script = {literal(label)};",
            f"{journal.insertion(key, _entry(script))};",
            *(f"{statement};" for statement in membership.gain),
            script.sql,
            ";",
            "RESET ROLE;",
            *(f"{statement};" for statement in membership.lose),
            "DO $aurora_restore$ BEGIN",
            "  IF current_setting('aurora_restore.script', true) IS DISTINCT FROM "
            f"{literal(label)} THEN",
            "    RAISE EXCEPTION 'the script ends its own transaction; "
            "take COMMIT and ROLLBACK out of it';",
            "  END IF;",
            "END $aurora_restore$;",
            "COMMIT;",
        )
    )


def _raise_if_failed(script: SqlScript, error: BaseException | None) -> None:
    match error:
        case None:
            return
        case PgDatabaseError() if _is_a_second_entry(error):
            return
        case PgDatabaseError():
            raise ScriptFailedError(
                f"script {script.name} failed in database {script.database!r} and was rolled back: "
                f"{describe(error)}",
                script=script.name,
                sqlstate=sqlstate(error),
            ) from error
        case InterfaceError() | OSError():
            raise DatabaseConnectionError(
                f"the connection was lost while script {script.name} ran in database "
                f"{script.database!r}: {error}"
            ) from error
        case _:
            raise error


def _is_a_second_entry(error: PgDatabaseError) -> bool:
    """Return whether another session has run the same script, and this one left it at that."""
    report = error.args[0]
    return (
        sqlstate(error) == UNIQUE_VIOLATION
        and report.get("s") == journal.SCHEMA
        and report.get("t") == journal.TABLE
    )


def _entry(script: SqlScript) -> str:
    return f"script:{script.name}"


def _label(key: JournalKey, script: SqlScript) -> str:
    """Return the session's application_name, which PostgreSQL cuts at 63 bytes."""
    named = f"{key}\0{script.database}\0{script.name}"
    return f"{APPLICATION_NAME} {hashlib.sha256(named.encode()).hexdigest()[:32]}"
