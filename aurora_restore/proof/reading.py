"""Reads what databases hold, and tries who gets in; nothing is changed."""

from collections.abc import Mapping, Sequence
from typing import Final

from pg8000.exceptions import DatabaseError as PgDatabaseError

from aurora_restore.proof.checks import LoginAttempt, TableReading
from aurora_restore.shared.errors import DatabaseConnectionError
from aurora_restore.shared.postgres import journal
from aurora_restore.shared.postgres.connection import (
    DatabaseLogin,
    DatabaseServer,
    DatabaseSession,
    explained,
    identifier,
)
from aurora_restore.shared.postgres.refusals import INSUFFICIENT_PRIVILEGE, sqlstate

_SAME_TEXT: Final = ("SET timezone = 'UTC'", "SET datestyle = 'ISO'", "SET extra_float_digits = 1")
_TABLES: Final = (
    "SELECT n.nspname, c.relname "
    "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' "
    "AND n.nspname NOT IN ('information_schema', :journal) "
    "ORDER BY n.nspname, c.relname"
)


def read_tables(
    server: DatabaseServer, login: DatabaseLogin, database: str, masked: Mapping[str, Sequence[str]]
) -> dict[str, TableReading]:
    """Return every table of a database except the pipeline's own journal, as a login reads it."""
    with server.session(login, database) as session, explained(f"{database} could not be read"):
        for setting in _SAME_TEXT:
            session.run(setting)
        found = session.run(_TABLES, journal=journal.SCHEMA)
        return {
            f"{schema}.{table}": _read_table(
                session, schema, table, masked.get(f"{schema}.{table}", ())
            )
            for schema, table in found
        }


def _read_table(
    session: DatabaseSession, schema: str, table: str, masked: Sequence[str]
) -> TableReading:
    name = f"{identifier(schema)}.{identifier(table)}"
    rows, checksum = _digest(session, name, "t")
    if not masked:
        return TableReading(rows=rows, checksum=checksum)
    columns = session.column(
        "SELECT column_name FROM information_schema.columns "
        "WHERE table_schema = :schema AND table_name = :name ORDER BY ordinal_position",
        schema=schema,
        name=table,
    )
    kept = ", ".join(f"t.{identifier(column)}" for column in columns if column not in masked)
    return TableReading(
        rows=rows,
        checksum=checksum,
        unmasked_checksum=_digest(session, name, f"ROW({kept})")[1],
        originals={column: _values(session, name, column) for column in masked},
    )


def _digest(session: DatabaseSession, table: str, row: str) -> tuple[int, str]:
    ((rows, checksum),) = session.run(
        "SELECT count(*), encode(sha256(coalesce(string_agg(d, '' ORDER BY d), '')::bytea), 'hex') "  # noqa: S608
        f"FROM (SELECT md5(({row})::text) AS d FROM {table} t) digests"
    )
    return int(rows), str(checksum)


def _values(session: DatabaseSession, table: str, column: str) -> frozenset[str]:
    quoted = identifier(column)
    return frozenset(
        session.column(f"SELECT {quoted}::text FROM {table} WHERE {quoted} IS NOT NULL")  # noqa: S608
    )


def attempt(
    server: DatabaseServer, login: DatabaseLogin, database: str, table: str = ""
) -> LoginAttempt:
    """Log in and, where a table is named, try to read and to write it; no row is changed."""
    try:
        with server.session(login, database) as session:
            if not table:
                return LoginAttempt(logged_in=True)
            return LoginAttempt(
                logged_in=True,
                reads=_may(session, f"SELECT 1 FROM {table} LIMIT 1"),  # noqa: S608
                writes=_may(session, f"DELETE FROM {table} WHERE false"),  # noqa: S608
            )
    except DatabaseConnectionError as error:
        if error.details.get("sqlstate"):
            return LoginAttempt(logged_in=False)
        raise


def _may(session: DatabaseSession, statement: str) -> bool:
    try:
        session.run(statement)
    except PgDatabaseError as error:
        if sqlstate(error) != INSUFFICIENT_PRIVILEGE:
            raise
        return False
    return True
