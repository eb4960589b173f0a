"""The lock-out: nobody who came with the snapshot gets in, whatever else may fail.

Production's users have no business in the copy. So before anything else their roles lose their
login, the databases are closed to all who are not meant to enter, and open sessions end on every
instance. What refuses stops none of that: it is reported when everything else is closed.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from pg8000.exceptions import DatabaseError as PgDatabaseError
from pg8000.exceptions import InterfaceError

from aurora_restore.shared.errors import (
    DatabaseConnectionError,
    DatabaseError,
    InvalidPasswordError,
    PrivilegeCheckError,
)
from aurora_restore.shared.name_list import NameList
from aurora_restore.shared.postgres import journal
from aurora_restore.shared.postgres.access import DatabaseAccess
from aurora_restore.shared.postgres.attempts import attempt_each
from aurora_restore.shared.postgres.closing import close_databases
from aurora_restore.shared.postgres.connection import (
    DatabaseServer,
    DatabaseSession,
    close,
    explained,
    identifier,
)
from aurora_restore.shared.postgres.ending import (
    await_closed_databases,
    end_sessions,
    find_open_databases,
)
from aurora_restore.shared.postgres.journal import JournalKey
from aurora_restore.shared.postgres.rds_roles import RDS_PREFIX, RDS_ROLES

LOGINS_DISABLED: Final = "inherited-logins-disabled"
"""Journal: the operation has locked out everybody."""
LOGIN_DISABLED: Final = "login-disabled:"
"""Journal: how the entry of one disabled role begins; its name follows."""
MOST_DESCRIBED: Final = 5
"""How many roles and databases an error describes; its details name more."""

_OTHER_DATABASES: Final = ("postgres", "template1")
"""From where roles can be altered, too, if no database of the restore lets the master user in."""
_LOCK_TIMEOUT: Final = "SET LOCAL lock_timeout = '2s'"
"""A session that is about to end may hold a lock on its own role."""
_RECORDING_SECONDS: Final = 15.0
"""How long the server may take for one statement of a lock-out with a journal.

An event trigger that came with the snapshot, and runs when the journal is made, must not keep the
logins open for longer.
"""


@dataclass(kw_only=True)
class LockOutReport:
    """What a lock-out has done, and what it could not do."""

    disabled: set[str] = field(default_factory=set)
    """The roles that have lost their login, those of an earlier call included."""
    closed: list[str] = field(default_factory=list)
    """Those of them that have not been given one since."""
    refused: dict[str, str] = field(default_factory=dict)
    """Why a role can still log in, by its name."""
    open_databases: list[tuple[str, str]] = field(default_factory=list)
    """Which of these roles can still enter which database."""
    unclosed: dict[str, str] = field(default_factory=dict)
    """Why a database is not closed, by its name."""
    problems: list[str] = field(default_factory=list)
    error: DatabaseError | None = None
    """What stopped a part of it, or made it take another way."""

    def require_complete(self) -> None:
        """Raise DatabaseError if anything is left open, or the error that stopped a part of it."""
        faults = [
            *(self._describe(role) for role in sorted(self.refused)[:MOST_DESCRIBED]),
            *(
                f"database {database!r} could not be closed ({self.unclosed[database]}): in the "
                "source, revoke that, or let the master user own the database"
                for database in sorted(self.unclosed)[:MOST_DESCRIBED]
            ),
            *self.problems,
        ]
        if faults:
            raise DatabaseError(
                "everything is closed except for this: " + "; ".join(faults),
                logins=NameList.of(self.refused).names,
                databases=NameList.of(self.unclosed).names,
            ) from self.error
        if self.error is not None:
            raise self.error

    def _describe(self, role: str) -> str:
        databases = NameList.of(database for name, database in self.open_databases if name == role)
        entering = f"can still enter {databases}" if databases else "can enter no database"
        return (
            f"role {role!r} could not be kept from logging in ({self.refused[role]}), and "
            f"{entering}: in the source, take its login, or grant it to the master user WITH "
            "ADMIN OPTION"
        )


def lock_out(access: DatabaseAccess, keep: Collection[str]) -> LockOutReport:
    """Lock out everybody but the master user, the roles of RDS and those in ``keep``.

    Roles and databases are changed once per restore, and the journal says so, in order that a role
    to which this operation has given a login keeps it; sessions end on every call. Where the
    master user's database prevents that, it is done without the journal, from any other one.
    Returns what is done. Raises DatabaseConnectionError if the master user cannot log in at all.
    """
    done = LockOutReport()
    # Twice: the connection may be lost by chance.
    for _ in range(2):
        try:
            _lock_out_with_journal(access, keep, done)
            break
        except (PgDatabaseError, InterfaceError, OSError, DatabaseError) as error:
            if isinstance(error, DatabaseConnectionError) and not _may_let_in_elsewhere(error):
                raise
            done.error = done.error or _explained(access, error)
    else:
        _lock_out_without_journal(access, keep, done)
    for reader in access.readers:
        try:
            _lock_out_of_reader(reader, access, done)
        except (PgDatabaseError, InterfaceError, OSError, DatabaseError) as error:
            done.error = done.error or _explained(access, error)
    return done


def find_inherited_logins(session: DatabaseSession, keep: Collection[str]) -> list[str]:
    """Return the roles that can log in and are neither the session's user, nor RDS's, nor kept."""
    spared = RDS_ROLES | set(keep)
    found = session.column(
        "SELECT rolname FROM pg_roles WHERE rolcanlogin AND rolname <> session_user ORDER BY 1"
    )
    return [role for role in found if role not in spared]


def require_locked_out(session: DatabaseSession, allowed: Collection[str]) -> None:
    """Raise PrivilegeCheckError if others than ``allowed`` can log in and enter a database.

    A lock-out is made once, and later a script can make a role, or what it sets off in a table that
    came with the snapshot: a trigger, or a function in an index.
    """
    roles = find_inherited_logins(session, allowed)
    of_rds = _find_protected(session, roles)
    entries = find_open_databases(session, [role for role in roles if role not in of_rds])
    if entries:
        listed = NameList.of(f"{role!r} to {database}" for role, database in entries)
        raise PrivilegeCheckError(
            f"since the lock-out roles have been made or changed that can log in: {listed}; name "
            "them in database.keep_logins, or find what has done that: a script, or a trigger or "
            "function that it sets off",
            logins=sorted({role for role, _ in entries}),
        )


def _lock_out_with_journal(
    access: DatabaseAccess, keep: Collection[str], done: LockOutReport
) -> None:
    key = access.journal_key
    with access.session() as session:
        session.set_timeout(_RECORDING_SECONDS)
        journal.prepare(session)
        is_first = not journal.has(session, key, LOGINS_DISABLED)
        if is_first:
            _close_everything(session, keep, done, key)
        done.disabled |= {
            entry.removeprefix(LOGIN_DISABLED)
            for entry in journal.entries(session, key)
            if entry.startswith(LOGIN_DISABLED)
        }
        _end_sessions(session, done, spare_tasks=not is_first)
        if is_first and _is_complete(session, keep, done):
            journal.write(session, key, LOGINS_DISABLED)


def _lock_out_without_journal(
    access: DatabaseAccess, keep: Collection[str], done: LockOutReport
) -> None:
    with _any_session(access.server, access) as session:
        _close_everything(session, keep, done, None)
        _end_sessions(session, done, spare_tasks=False)


def _close_everything(
    session: DatabaseSession, keep: Collection[str], done: LockOutReport, key: JournalKey | None
) -> None:
    """Take the logins and close the databases, in one transaction with the journal's entries."""
    # A session can lock its own role, and make others.
    end_sessions(session, find_inherited_logins(session, keep), spare_tasks=False)
    with session.transaction():
        session.run(_LOCK_TIMEOUT)
        roles = find_inherited_logins(session, keep)
        refusals = attempt_each(
            session, [[f"ALTER ROLE {identifier(role)} NOLOGIN"] for role in roles]
        )
        refused = {roles[position]: refusal for position, refusal in refusals.items()}
        of_rds = _find_protected(session, refused)
        done.refused = {role: why for role, why in refused.items() if role not in of_rds}
        done.unclosed = close_databases(session, {*RDS_ROLES, *of_rds, *keep})
        disabled = [role for role in roles if role not in refused]
        if key is not None:
            for role in disabled:
                journal.write(session, key, f"{LOGIN_DISABLED}{role}")
    done.disabled.update(disabled)


def _find_protected(session: DatabaseSession, roles: Collection[str]) -> list[str]:
    """Return those of the roles that the master user may not alter because they are RDS's.

    Since PostgreSQL 16 the user who makes a role has ADMIN OPTION on it, so that a role of RDS is
    one which no other than a superuser administers.
    """
    named = [role for role in roles if role.startswith(RDS_PREFIX)]
    if not named:
        return []
    return session.column(
        "SELECT r.rolname FROM pg_roles r WHERE r.rolname = ANY (CAST(:named AS name[])) "
        "AND NOT EXISTS (SELECT FROM pg_auth_members m JOIN pg_roles a ON a.oid = m.member "
        "WHERE m.roleid = r.oid AND m.admin_option AND NOT a.rolsuper)",
        named=named,
    )


def _end_sessions(session: DatabaseSession, done: LockOutReport, *, spare_tasks: bool) -> None:
    done.closed = session.column(
        "SELECT rolname FROM pg_roles WHERE rolname = ANY (CAST(:roles AS name[])) "
        "AND NOT rolcanlogin ORDER BY 1",
        roles=sorted(done.disabled),
    )
    if not end_sessions(session, [*done.closed, *done.refused], spare_tasks=spare_tasks):
        done.problems.append("sessions of roles that are locked out have not ended")
    done.open_databases = find_open_databases(session, done.refused)


def _is_complete(session: DatabaseSession, keep: Collection[str], done: LockOutReport) -> bool:
    """Return whether the roles need not be looked at again; report those that have come since."""
    since = [role for role in find_inherited_logins(session, keep) if role not in done.refused]
    of_rds = _find_protected(session, since)
    appeared = NameList.of(role for role in since if role not in of_rds)
    if appeared:
        done.problems.append(f"roles were made meanwhile that can log in: {appeared}")
    return not (done.refused or done.unclosed or done.problems)


def _lock_out_of_reader(
    reader: DatabaseServer, access: DatabaseAccess, done: LockOutReport
) -> None:
    """End the sessions on a reader, once it knows by itself whom it must not let in."""
    with _any_session(reader, access) as session:
        roles = [*done.closed, *done.refused]
        if not await_closed_databases(session, roles, done.open_databases):
            done.problems.append(f"reader {reader.host} does not follow the writer")
        if not end_sessions(session, roles, spare_tasks=False):
            done.problems.append(f"sessions on reader {reader.host} have not ended")


@contextmanager
def _any_session(server: DatabaseServer, access: DatabaseAccess) -> Iterator[DatabaseSession]:
    """Log in to the first database of an instance that lets the master user in.

    A trigger on logging in can refuse, and each database has its own.
    """
    candidates = (access.master_database, *access.databases, *_OTHER_DATABASES)
    *others, last = dict.fromkeys(candidates)
    for database in others:
        try:
            session = server.connect(access.master, database)
            break
        except DatabaseConnectionError as error:
            if not _may_let_in_elsewhere(error):
                raise
    else:
        session = server.connect(access.master, last)
    try:
        yield session
    finally:
        close(session)


def _may_let_in_elsewhere(error: DatabaseConnectionError) -> bool:
    """Return whether another database may let the master user in, whom this one has refused."""
    is_password = isinstance(error, InvalidPasswordError)
    return bool(error.details.get("sqlstate")) and not is_password


def _explained(access: DatabaseAccess, error: BaseException) -> DatabaseError:
    """Return an error of PostgreSQL, or of the connection, as one of the pipeline."""
    if isinstance(error, DatabaseError):
        return error
    try:
        with explained(f"the lock-out could not be recorded in {access.master_database!r}"):
            raise error
    except DatabaseError as made:
        return made
