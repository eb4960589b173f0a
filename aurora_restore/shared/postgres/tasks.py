"""Work in a database that may take longer than an invocation of the function that starts it.

A *task* is a named piece of work in one database: a script, the refresh of materialized views, an
ANALYZE. The server does a statement to its end whether or not the client that sent it is still
there, so a later invocation finds the task running, by the advisory lock that its session holds, or
done, by its entry in the journal. Otherwise it starts the task, which continues with what is left.

To add a kind of task, write a subclass of ``Task`` and put its tasks where they belong in the
order of ``setup-db-users`` (its handler's ``_tasks``). ``do`` must keep two promises:

- It may be cut off at any statement, and called again: it looks for what is left, and does that.
  What takes long is one message to the server, without which nothing else waits for the client.
- Its last statement records the task, with ``journal.insertion``, in the transaction that holds the
  last of its work. Nothing else makes a task done.

No two sessions do the same task at the same time: ``start_task`` takes care of that.
"""

import hashlib
import threading
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass
from enum import Enum, auto
from itertools import count
from typing import Any, Final, TypeVar

from pg8000.exceptions import DatabaseError as PgDatabaseError
from pg8000.exceptions import InterfaceError

from aurora_restore.shared.errors import DatabaseConnectionError, DatabaseError
from aurora_restore.shared.postgres import journal
from aurora_restore.shared.postgres.access import DatabaseAccess
from aurora_restore.shared.postgres.connection import APPLICATION_NAME, DatabaseSession, close
from aurora_restore.shared.postgres.journal import JournalKey
from aurora_restore.shared.postgres.refusals import (
    LOCK_NOT_AVAILABLE,
    UNIQUE_VIOLATION,
    describe,
    sqlstate,
)

_ABANDONED_AFTER: Final = "5s"
"""For how long a session that does a task is idle when its function is taken to be gone."""
_LOCK_TIMEOUT: Final = "3s"
"""How long a session that was ended may take to give the task's lock back."""

# How pg_locks shows an advisory lock whose key is one number.
_LOCK: Final = "(l.classid::bigint << 32) + l.objid::bigint"
_SESSIONS_OF_TASKS: Final = """
    pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
_SESSIONS_OF_THE_TASK: Final = f"{_SESSIONS_OF_TASKS} AND {_LOCK} = CAST(:lock AS bigint)"
_ACTIVE: Final = (
    f"SELECT {_LOCK} FROM {_SESSIONS_OF_TASKS} "
    f"AND {_LOCK} = ANY(CAST(:locks AS bigint[])) AND a.state = 'active'"
)


def as_block(body: str) -> str:
    """Return a block of PL/pgSQL as the statement that runs it: one message to the server."""
    quote = dollar_quote((body,))
    return f"DO {quote}{body}{quote}"


def digest_of(*parts: object) -> str:
    """Return what distinguishes these parts from others, in few letters: for a task's entry."""
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:16]


def dollar_quote(texts: Iterable[str]) -> str:
    """Return a dollar quote that occurs in none of the texts."""
    held = tuple(texts)
    quotes = (f"$aurora_restore_{number}$" for number in count())
    return next(quote for quote in quotes if not any(quote in text for text in held))


class TaskStatus(Enum):
    """How far a task is, by the journal and the sessions of its database."""

    MISSING = auto()
    """It is neither recorded nor at work: it was never started, was cut off, or failed."""
    RUNNING = auto()
    DONE = auto()


@dataclass(frozen=True)
class Task(ABC):
    """A named piece of work in one database."""

    database: str

    @property
    @abstractmethod
    def title(self) -> str:
        """What it is, within a sentence, as in "script sql/mask.sql"."""

    @property
    @abstractmethod
    def entry(self) -> str:
        """Its entry in the journal, which no other task of the database has."""

    @abstractmethod
    def do(self, session: DatabaseSession, key: JournalKey) -> None:
        """Do what is left of the task, and record it in the journal with its last work.

        Runs in a thread of its own, with a session of its own.
        """

    def check_record(self, details: Mapping[str, Any]) -> None:  # noqa: B027
        """Raise an error if what the journal recorded is not what this task would do.

        Where nothing about a task can have changed since, there is nothing to check.
        """

    def error(self, error: PgDatabaseError) -> DatabaseError:
        """Return the error to raise for what PostgreSQL has refused."""
        return DatabaseError(
            f"{self.title} failed in database {self.database!r}: {describe(error)}",
            sqlstate=sqlstate(error),
        )


AnyTask = TypeVar("AnyTask", bound=Task)


def find_task_status(session: DatabaseSession, key: JournalKey, task: Task) -> TaskStatus:
    """Return how far a task is, as ``find_task_statuses`` does."""
    return find_task_statuses(session, key, [task])[task]


def find_task_statuses(
    session: DatabaseSession, key: JournalKey, tasks: Collection[AnyTask]
) -> dict[AnyTask, TaskStatus]:
    """Return how far each task is. ``session`` is one with the database of all of them.

    What is asked is asked once for all. Raises what a task's ``check_record`` raises.
    """
    recorded: Mapping[str, Mapping[str, Any]] = {}
    if journal.exists(session):
        recorded = journal.find_entries(session, key, [task.entry for task in tasks])
    for task in tasks:
        if task.entry in recorded:
            task.check_record(recorded[task.entry])
    others = {_lock(key, task): task for task in tasks if task.entry not in recorded}
    active = session.column(_ACTIVE, locks=list(others)) if others else []
    return {
        **dict.fromkeys(tasks, TaskStatus.DONE),
        **dict.fromkeys(others.values(), TaskStatus.MISSING),
        **{others[lock]: TaskStatus.RUNNING for lock in active},
    }


def start_task(access: DatabaseAccess, task: Task, seconds: float) -> TaskStatus:
    """Do a task in a session of its own, and wait up to ``seconds`` for it.

    A session that was doing it, and waits for a client that is gone, is ended first. Returns DONE,
    or RUNNING where it takes longer or another session is doing it. Raises what the task's
    ``error`` returns, or DatabaseConnectionError.
    """
    session = access.server.connect(
        access.master, task.database, application_name=_label(access.journal_key, task)
    )
    try:
        status = _take_over(session, access.journal_key, task)
    except BaseException:
        close(session)
        raise
    if status is not TaskStatus.MISSING:
        close(session)
        return status
    outcome: Future[None] = Future()
    threading.Thread(
        target=_do, args=(session, access.journal_key, task, outcome), name=task.entry, daemon=True
    ).start()
    wait((outcome,), timeout=max(0.0, seconds))
    if not outcome.done():
        return TaskStatus.RUNNING
    error = outcome.exception()
    if _is_a_second_entry(error):
        with access.session(task.database) as looking:
            status = find_task_status(looking, access.journal_key, task)
        if status is not TaskStatus.MISSING:
            return status
    _raise_if_failed(task, error)
    return TaskStatus.DONE


def find_obstacle(session: DatabaseSession, key: JournalKey, task: Task) -> str | None:
    """Return for what a running task waits, and who holds it; None if it does not wait.

    Never returns the text of a statement, which may quote rows.
    """
    rows = session.run(
        f"""
        SELECT w.locktype, r.nspname, r.relname, h.pid, h.usename, h.application_name,
            h.backend_type
        FROM (SELECT a.pid FROM {_SESSIONS_OF_THE_TASK}) t
        JOIN pg_locks w ON w.pid = t.pid AND NOT w.granted
        LEFT JOIN (
            SELECT c.oid, n.nspname, c.relname FROM pg_class c JOIN pg_namespace n
            ON n.oid = c.relnamespace
        ) r ON r.oid = w.relation
        CROSS JOIN LATERAL unnest(pg_blocking_pids(t.pid)) AS b(pid)
        LEFT JOIN pg_stat_activity h ON h.pid = b.pid
        ORDER BY h.pid LIMIT 1
        """,
        lock=_lock(key, task),
    )
    if not rows:
        return None
    ((locktype, schema, relation, pid, user, application, backend),) = rows
    waited_for = f"{schema}.{relation}" if relation else f"a lock of type {locktype}"
    if locktype == "transactionid":
        waited_for = "a row that another transaction has changed"
    holder = f"role {user!r}" if user else str(backend or "a prepared transaction")
    with_application = f" with application {application!r}" if application else ""
    process = f" (process {pid})" if pid else ""
    return f"it waits for {waited_for}, which {holder}{with_application}{process} holds"


def _take_over(session: DatabaseSession, key: JournalKey, task: Task) -> TaskStatus:
    """Let the session be the only one that does the task; MISSING means that it is to do so."""
    lock = _lock(key, task)
    session.run(
        f"SELECT pg_terminate_backend(a.pid) FROM {_SESSIONS_OF_THE_TASK} "
        "AND a.state IS DISTINCT FROM 'active' "
        f"AND a.state_change < clock_timestamp() - interval '{_ABANDONED_AFTER}'",
        lock=lock,
    )
    session.run(f"SET lock_timeout = '{_LOCK_TIMEOUT}'")
    try:
        session.run("SELECT pg_advisory_lock(CAST(:lock AS bigint))", lock=lock)
    except PgDatabaseError as error:
        if sqlstate(error) == LOCK_NOT_AVAILABLE:
            return TaskStatus.RUNNING
        raise
    session.run("SET lock_timeout = 0")
    # A notice would be flushed to the client immediately, so none is sent.
    session.run("SET client_min_messages = error")
    journal.prepare(session)
    done = journal.has(session, key, task.entry)
    return TaskStatus.DONE if done else TaskStatus.MISSING


def _do(session: DatabaseSession, key: JournalKey, task: Task, outcome: Future[None]) -> None:
    """Do a task and end its session.

    Nobody may be waiting by then: an environment that was frozen meanwhile goes on here when it is
    used again.
    """
    try:
        try:
            task.do(session, key)
        finally:
            close(session)
    except BaseException as error:
        outcome.set_exception(error)
    else:
        outcome.set_result(None)


def _raise_if_failed(task: Task, error: BaseException | None) -> None:
    match error:
        case None:
            return
        case PgDatabaseError():
            raise task.error(error) from error
        case InterfaceError() | OSError():
            raise DatabaseConnectionError(
                f"the connection was lost during {task.title} in database {task.database!r}: "
                f"{error}; whether it was completed shows in the journal at the next call"
            ) from error
        case _:
            raise error


def _is_a_second_entry(error: BaseException | None) -> bool:
    """Return whether the journal has refused an entry that it has already.

    Then another session may have done the same task, and this one's work was undone.
    """
    if not isinstance(error, PgDatabaseError) or sqlstate(error) != UNIQUE_VIOLATION:
        return False
    report = error.args[0]
    return (
        isinstance(report, dict)
        and report.get("s") == journal.SCHEMA
        and report.get("t") == journal.TABLE
    )


def _digest(key: JournalKey, task: Task) -> bytes:
    return hashlib.sha256(f"{key}\0{task.database}\0{task.entry}".encode()).digest()


def _lock(key: JournalKey, task: Task) -> int:
    """Return the number of the advisory lock that the session of a task holds."""
    return int.from_bytes(_digest(key, task)[:8], signed=True)


def _label(key: JournalKey, task: Task) -> str:
    """Return the session's application_name, which PostgreSQL cuts at 63 bytes."""
    return f"{APPLICATION_NAME} {_digest(key, task).hex()[:32]}"
