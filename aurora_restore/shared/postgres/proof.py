"""The proof that the application's roles can do what they should, and no more.

Each check is made in a session of the role itself. None of them changes the database: what should
be refused is rolled back, and a write is planned by EXPLAIN, which asks for the privilege and fires
no trigger.
"""

from collections.abc import Sequence
from typing import Final

from pg8000.exceptions import DatabaseError as PgDatabaseError

from aurora_restore.shared.errors import PrivilegeCheckError
from aurora_restore.shared.postgres.catalog import USER_TABLES
from aurora_restore.shared.postgres.connection import (
    DatabaseLogin,
    DatabaseServer,
    DatabaseSession,
    identifier,
)
from aurora_restore.shared.postgres.proof_checks import (
    require_no_groups,
    require_nothing,
    require_nothing_but_reading,
    require_rights_of_the_application,
    require_rights_of_the_reader,
)
from aurora_restore.shared.postgres.rds_roles import RDS_DATABASE
from aurora_restore.shared.postgres.refusals import INSUFFICIENT_PRIVILEGE, describe, sqlstate

MOST_ATTEMPTS: Final = 50
"""To how many of the other databases a role tries to log in."""
_CREATIONS: Final = (
    "CREATE SCHEMA aurora_restore_attempt",
    "CREATE TEMPORARY TABLE aurora_restore_attempt ()",
)


def prove_access(
    server: DatabaseServer,
    databases: Sequence[str],
    app: DatabaseLogin,
    readonly: DatabaseLogin,
    *,
    others_closed: bool,
) -> None:
    """Log in as both roles, and raise PrivilegeCheckError unless only the first one can write.

    Neither may be a member of another role, because even a membership that is not inherited lets it
    become that role. With ``others_closed``, as the lock-out leaves a cluster, neither may reach
    a database other than ``databases``. The error names what is wrong.
    """
    for database in databases:
        with server.session(app, database, row_security=True) as session:
            require_no_groups(session, app.user)
            require_rights_of_the_application(session)
            for table in _sample_tables(session):
                _require_write(session, table, app.user)
        with server.session(readonly, database, row_security=True) as session:
            require_no_groups(session, readonly.user)
            require_rights_of_the_reader(session)
            require_nothing_but_reading(session, readonly.user)
            for table in _sample_tables(session):
                _require_no_write(session, table, readonly.user)
            _require_no_creation(session, readonly.user)
    if others_closed:
        for login in (app, readonly):
            _require_no_other_database(server, databases, login)


def _sample_tables(session: DatabaseSession) -> list[str]:
    """Return one table of each schema that the role may use, quoted.

    A partitioned one only where there is no other, because its partitions would be locked, too.
    """
    rows = session.run(
        "SELECT DISTINCT ON (n.nspname) n.nspname, c.relname "
        f"{USER_TABLES} AND has_schema_privilege(n.oid, 'USAGE') "
        "ORDER BY n.nspname, c.relkind = 'p', c.relname"
    )
    return [f"{identifier(schema)}.{identifier(name)}" for schema, name in rows]


def _require_write(session: DatabaseSession, table: str, role: str) -> None:
    refusal = _try_to_write(session, table)
    if refusal is not None:
        raise PrivilegeCheckError(
            f"role {role!r} cannot write to {table}: {describe(refusal)}", table=table
        ) from refusal


def _require_no_write(session: DatabaseSession, table: str, role: str) -> None:
    refusal = _try_to_write(session, table)
    if refusal is None or sqlstate(refusal) != INSUFFICIENT_PRIVILEGE:
        raise PrivilegeCheckError(f"role {role!r} can write to {table}", table=table) from refusal


def _try_to_write(session: DatabaseSession, table: str) -> PgDatabaseError | None:
    """Let PostgreSQL prepare a deletion; return why it refuses, or None."""
    try:
        session.run(f"EXPLAIN DELETE FROM {table} WHERE false")
    except PgDatabaseError as error:
        return error
    return None


def _require_no_creation(session: DatabaseSession, role: str) -> None:
    """Try to create a schema and a temporary table, and roll that back."""
    for statement in _CREATIONS:
        session.run("BEGIN")
        try:
            session.run(statement)
        except PgDatabaseError:
            continue
        finally:
            session.run("ROLLBACK")
        raise PrivilegeCheckError(f"role {role!r} can create: {statement}", statement=statement)


def _require_no_other_database(
    server: DatabaseServer, databases: Sequence[str], login: DatabaseLogin
) -> None:
    """Ask for CONNECT on every other database, and try to log in to the first of them."""
    fault = f"role {login.user!r} can log in to database"
    with server.session(login, databases[0]) as session:
        others = session.column(
            f"SELECT datname FROM pg_database WHERE datallowconn AND datname <> '{RDS_DATABASE}' "
            "AND datname <> ALL (CAST(:databases AS text[])) ORDER BY datname",
            databases=list(databases),
        )
        require_nothing(
            session,
            fault,
            "SELECT datname FROM pg_database WHERE datname = ANY (CAST(:others AS text[])) "
            "AND has_database_privilege(oid, 'CONNECT') ORDER BY datname",
            others=others,
        )
    for database in others[:MOST_ATTEMPTS]:
        if server.accepts(login, database):
            raise PrivilegeCheckError(f"{fault} {database}", database=database)
