"""SQL scripts that run once per operation, however long they take.

A script goes to the server as one message: its transaction, its entry in the journal, and its
commit. So the server finishes it whether or not the function that sent it is still there; the next
invocation sees it running (in ``pg_stat_activity``) or done (in the journal).
"""

import hashlib
import threading
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from pg8000.exceptions import DatabaseError as PgDatabaseError
from pg8000.exceptions import InterfaceError

from aurora_restore.shared.errors import DatabaseConnectionError, ScriptFailedError
from aurora_restore.shared.postgres import journal
from aurora_restore.shared.postgres.catalog import find_owners
from aurora_restore.shared.postgres.connection import (
    APPLICATION_NAME,
    UNIQUE_VIOLATION,
    DatabaseLogin,
    DatabaseServer,
    DatabaseSession,
    close,
    describe,
    literal,
    sqlstate,
)
from aurora_restore.shared.postgres.membership import TemporaryMembership, plan_membership

# Settings without which the server would stop or wait for a client that is gone, each with the
# version that has brought it. A notice would be flushed to the client at once, so none is sent.
_SESSION_SETTINGS: Final = (
    ("SET statement_timeout = 0", 0),
    ("SET idle_in_transaction_session_timeout = 0", 0),
    ("SET client_connection_check_interval = 0", 140000),
    ("SET transaction_timeout = 0", 170000),
    ("SET client_min_messages = error", 0),
)

# Connections of scripts that outlast their invocation. They stay open while the execution
# environment is frozen, and are closed when the next invocation finds the script done.
_unfinished: Final[dict[str, DatabaseSession]] = {}


class Progress(Enum):
    DONE = auto()
    RUNNING = auto()


@dataclass(frozen=True)
class SqlScript:
    """A script, and the database it is for."""

    name: str
    database: str
    sql: str


def run_script(
    server: DatabaseServer,
    master: DatabaseLogin,
    operation_id: str,
    script: SqlScript,
    seconds: float,
) -> Progress:
    """Run a script in its own transaction, unless it has run, and wait up to ``seconds`` for it.

    Raises ScriptFailedError; nothing of a failed script remains.
    """
    label = _label(operation_id, script)
    with server.session(master, script.database) as session:
        journal.prepare(session)
        if journal.has(session, operation_id, _entry(script)):
            _forget(label)
            return Progress.DONE
        if _is_running(session, label):
            return Progress.RUNNING
    _forget(label)
    return _start(server, master, operation_id, script, label, seconds)


def _start(
    server: DatabaseServer,
    master: DatabaseLogin,
    operation_id: str,
    script: SqlScript,
    label: str,
    seconds: float,
) -> Progress:
    session = server.connect(master, script.database, application_name=label)
    try:
        version = session.version
        for setting, since in _SESSION_SETTINGS:
            if version >= since:
                session.run(setting)
        message = _as_one_message(
            operation_id, script, label, plan_membership(session, find_owners(session))
        )
    except BaseException:
        close(session)
        raise
    outcome: list[Exception | None] = []

    def send() -> None:
        try:
            session.run(message)
        except (PgDatabaseError, InterfaceError, OSError) as error:
            outcome.append(error)
        else:
            outcome.append(None)

    sender = threading.Thread(target=send, name=label, daemon=True)
    sender.start()
    sender.join(max(0.0, seconds))
    if sender.is_alive():
        _unfinished[label] = session
        return Progress.RUNNING
    close(session)
    _raise_if_failed(script, outcome[0])
    return Progress.DONE


def _as_one_message(
    operation_id: str, script: SqlScript, label: str, membership: TemporaryMembership
) -> str:
    """The script within its transaction, in which the master user may do what the owners may.

    The journal's entry comes first: a second session with the same script waits there for the first
    one, and then fails. The last block refuses a script that has ended the transaction itself, for
    then a failure would have left half of it behind.
    """
    entry = f"{literal(operation_id)}, {literal(_entry(script))}"
    return "\n".join(
        (
            "BEGIN;",
            f"SET LOCAL aurora_restore.script = {literal(label)};",
            f"INSERT INTO {journal.SCHEMA}.journal (operation_id, entry) VALUES ({entry});",
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


def _raise_if_failed(script: SqlScript, error: Exception | None) -> None:
    if isinstance(error, PgDatabaseError):
        if sqlstate(error) == UNIQUE_VIOLATION and _is_the_journals(error):
            return
        raise ScriptFailedError(
            f"script {script.name} failed in database {script.database!r} and was rolled back: "
            f"{describe(error)}",
            script=script.name,
            sqlstate=sqlstate(error),
        ) from error
    if error is not None:
        raise DatabaseConnectionError(
            f"the connection was lost while script {script.name} ran: {error}"
        ) from error


def _is_the_journals(error: PgDatabaseError) -> bool:
    report = error.args[0]
    return bool(report.get("s") == journal.SCHEMA and report.get("t") == "journal")


def _is_running(session: DatabaseSession, label: str) -> bool:
    """Whether a session of this script is at work; one that has failed unseen is ended."""
    rows = session.run(
        "SELECT pid, state FROM pg_stat_activity WHERE application_name = :label", label=label
    )
    for pid, state in rows:
        if state == "active":
            return True
        session.run("SELECT pg_terminate_backend(:pid)", pid=pid)
    return False


def _forget(label: str) -> None:
    session = _unfinished.pop(label, None)
    if session is not None:
        threading.Thread(target=close, args=(session,), daemon=True).start()


def _entry(script: SqlScript) -> str:
    return f"script:{script.name}"


def _label(operation_id: str, script: SqlScript) -> str:
    """The session's application_name, which PostgreSQL cuts at 63 bytes."""
    told = f"{operation_id}\0{script.database}\0{script.name}"
    return f"{APPLICATION_NAME} {hashlib.sha256(told.encode()).hexdigest()[:32]}"
