"""The proof that the application's roles can do what they should, and no more.

The attempts to write delete no row and are rolled back, so that nothing here changes the database.
"""

from collections.abc import Sequence
from typing import Final

from pg8000.exceptions import DatabaseError as PgDatabaseError

from aurora_restore.shared.errors import PrivilegeCheckError
from aurora_restore.shared.postgres.catalog import USER_TABLES
from aurora_restore.shared.postgres.connection import (
    INSUFFICIENT_PRIVILEGE,
    DatabaseLogin,
    DatabaseServer,
    DatabaseSession,
    describe,
    identifier,
    literal,
    sqlstate,
)
from aurora_restore.shared.postgres.grants import READ_WRITE

WRITES: Final = ("INSERT", "UPDATE", "DELETE", "TRUNCATE")


def prove_access(
    server: DatabaseServer,
    databases: Sequence[str],
    app: DatabaseLogin,
    readonly: DatabaseLogin,
) -> None:
    """Log in as both roles, and raise PrivilegeCheckError unless only the first one can write.

    Neither may be a member of another role: even a membership that is not inherited lets it become
    that role. The error names the tables or the groups.
    """
    for database in databases:
        with server.session(app, database, row_security=True) as session:
            _require_no_groups(session, app.user)
            samples = _sample_tables(session)
            _require_no_table(
                session,
                "the application role lacks a privilege on",
                " OR ".join(f"NOT {_may(privilege)}" for privilege in READ_WRITE.tables),
            )
            for table in samples:
                _require_write(session, table, app.user)
        with server.session(readonly, database, row_security=True) as session:
            _require_no_groups(session, readonly.user)
            _require_no_table(
                session, "the read-only role can write to", " OR ".join(map(_may, WRITES))
            )
            _require_no_table(session, "the read-only role cannot read", f"NOT {_may('SELECT')}")
            for table in samples:
                _require_no_write(session, table, readonly.user)


def _require_no_groups(session: DatabaseSession, role: str) -> None:
    # The owner of a database is a member of pg_database_owner, to which nobody can be added.
    groups = session.column(
        "SELECT rolname FROM pg_roles WHERE rolname NOT IN (session_user, 'pg_database_owner') "
        "AND pg_has_role(oid, 'MEMBER') ORDER BY rolname"
    )
    if groups:
        listed = ", ".join(repr(group) for group in groups)
        raise PrivilegeCheckError(
            f"role {role!r} is a member of {listed}", role=role, groups=groups
        )


def _may(privilege: str) -> str:
    return f"has_table_privilege(c.oid, {literal(privilege)})"


def _sample_tables(session: DatabaseSession) -> list[str]:
    """Return one table of each schema, quoted."""
    rows = session.run(
        f"SELECT n.nspname, min(c.relname) {USER_TABLES} GROUP BY n.nspname ORDER BY n.nspname"
    )
    return [f"{identifier(schema)}.{identifier(name)}" for schema, name in rows]


def _require_no_table(session: DatabaseSession, fault: str, condition: str) -> None:
    """Raise PrivilegeCheckError naming the first five tables that meet a condition on ``c``."""
    rows = session.run(
        f"SELECT n.nspname, c.relname {USER_TABLES} AND ({condition}) ORDER BY 1, 2 LIMIT 5"
    )
    if rows:
        tables = [f"{schema}.{name}" for schema, name in rows]
        raise PrivilegeCheckError(f"{fault} {', '.join(tables)}", tables=tables)


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
    """Delete no row, and roll that back; return why PostgreSQL refused, or None."""
    session.run("BEGIN")
    try:
        session.run(f"DELETE FROM {table} WHERE false")
    except PgDatabaseError as error:
        return error
    finally:
        session.run("ROLLBACK")
    return None
