"""What this pipeline has done inside a database, written in that database.

Only the database itself can say, in the same transaction, that a script has run. The schema
``aurora_restore`` belongs to the master user and is granted to nobody.
"""

from dataclasses import asdict, dataclass, fields
from typing import Final

from aurora_restore.shared.postgres.connection import DatabaseSession, literal

SCHEMA: Final = "aurora_restore"
TABLE: Final = "restore_journal"

_CREATE: Final = (
    f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}",
    f"""
    CREATE TABLE IF NOT EXISTS {SCHEMA}.{TABLE} (
        account text NOT NULL,
        region text NOT NULL,
        cluster_resource_id text NOT NULL,
        operation_id text NOT NULL,
        entry text NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (account, region, cluster_resource_id, operation_id, entry)
    )
    """,
)


@dataclass(frozen=True, kw_only=True)
class JournalKey:
    """What the entries of one restored cluster have in common.

    A snapshot takes the journal with it, perhaps to another environment, whose operation may have
    the same id. The cluster's resource id, which is unique in its account and Region, distinguishes
    the two.
    """

    account: str
    region: str
    cluster_resource_id: str
    operation_id: str

    def __str__(self) -> str:
        """Return the key as one text."""
        return "/".join(asdict(self).values())


_IS_OF_THE_RESTORE: Final = " AND ".join(
    f"{column.name} = :{column.name}" for column in fields(JournalKey)
)


def exists(session: DatabaseSession) -> bool:
    """Return whether the database has a journal."""
    return bool(session.scalar(f"SELECT to_regclass('{SCHEMA}.{TABLE}') IS NOT NULL"))


def prepare(session: DatabaseSession) -> None:
    """Create the journal where it is missing.

    A journal that came with the snapshot, because the source was itself restored by this pipeline,
    is kept: its entries have other keys.
    """
    if not exists(session):
        for statement in _CREATE:
            session.run(statement)


def has(session: DatabaseSession, key: JournalKey, entry: str) -> bool:
    """Return whether the journal, which must be there, holds an entry of a restore."""
    found = session.column(
        f"SELECT 1 FROM {SCHEMA}.{TABLE} WHERE {_IS_OF_THE_RESTORE} AND entry = :entry",
        **asdict(key),
        entry=entry,
    )
    return bool(found)


def entries(session: DatabaseSession, key: JournalKey) -> list[str]:
    """Return all entries of a restore, in alphabetical order."""
    return session.column(
        f"SELECT entry FROM {SCHEMA}.{TABLE} WHERE {_IS_OF_THE_RESTORE} ORDER BY entry",
        **asdict(key),
    )


def write(session: DatabaseSession, key: JournalKey, entry: str) -> None:
    """Add an entry of a restore. Raises pg8000's DatabaseError where there is one already."""
    session.run(insertion(key, entry))


def insertion(key: JournalKey, entry: str) -> str:
    """Return the statement that adds an entry of a restore."""
    columns = {**asdict(key), "entry": entry}
    values = ", ".join(map(literal, columns.values()))
    return f"INSERT INTO {SCHEMA}.{TABLE} ({', '.join(columns)}) VALUES ({values})"
