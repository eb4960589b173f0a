"""What this pipeline has done inside a database, written in that database.

Only the database itself can say, in the same transaction, that a script has run. The schema
``aurora_restore`` belongs to the master user and is granted to nobody.
"""

from typing import Final

from aurora_restore.shared.postgres.connection import DatabaseSession

SCHEMA: Final = "aurora_restore"

_CREATE: Final = (
    f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}",
    f"""
    CREATE TABLE IF NOT EXISTS {SCHEMA}.journal (
        operation_id text NOT NULL,
        entry text NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (operation_id, entry)
    )
    """,
)


def exists(session: DatabaseSession) -> bool:
    """Return whether the database has a journal."""
    return bool(session.scalar(f"SELECT to_regclass('{SCHEMA}.journal') IS NOT NULL"))


def prepare(session: DatabaseSession) -> None:
    """Create the journal where it is missing.

    A journal that came with the snapshot, because the source was itself restored by this pipeline,
    is kept: its entries belong to other operations.
    """
    if not exists(session):
        for statement in _CREATE:
            session.run(statement)


def has(session: DatabaseSession, operation_id: str, entry: str) -> bool:
    """Return whether the journal, which must be there, holds an entry of an operation."""
    found = session.column(
        f"SELECT 1 FROM {SCHEMA}.journal WHERE operation_id = :operation_id AND entry = :entry",
        operation_id=operation_id,
        entry=entry,
    )
    return bool(found)


def entries(session: DatabaseSession, operation_id: str) -> list[str]:
    """Return all entries of an operation, in alphabetical order."""
    return session.column(
        f"SELECT entry FROM {SCHEMA}.journal WHERE operation_id = :operation_id ORDER BY entry",
        operation_id=operation_id,
    )


def write(session: DatabaseSession, operation_id: str, entry: str) -> None:
    """Add an entry of an operation. Raises pg8000's DatabaseError where there is one already."""
    session.run(
        f"INSERT INTO {SCHEMA}.journal (operation_id, entry) VALUES (:operation_id, :entry)",
        operation_id=operation_id,
        entry=entry,
    )
