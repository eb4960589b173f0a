"""What this pipeline has done inside a database, written in that database.

Only the database itself can say, in the same transaction, that a script has run. The schema
``aurora_restore`` belongs to the master user and is granted to nobody.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from aurora_restore.shared.errors import JournalNotOwnError
from aurora_restore.shared.postgres.connection import DatabaseSession, identifier, literal

SCHEMA: Final = "aurora_restore"
TABLE: Final = "restore_journal"
SET_UP: Final = "set-up"
"""The entry that everything has been done which the operation does in the cluster.

It is in the master user's database, and distinguishes this cluster from another one of the same
snapshot, whose certificate and system identifier may be the same.
"""

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
        details jsonb,
        PRIMARY KEY (account, region, cluster_resource_id, operation_id, entry)
    )
    """,
)
_HAS_DETAILS: Final = (
    "SELECT attname FROM pg_attribute "
    f"WHERE attrelid = '{SCHEMA}.{TABLE}'::regclass AND attname = 'details'"
)
# Those who may change the schema or the table decide what a look at it runs.
_LOOK_AT_IT: Final = f"""
    SELECT s.rolname = session_user, c.relname,
        t.rolname = session_user AND c.relkind = 'r'
        AND NOT (c.relhastriggers OR c.relhasrules OR c.relrowsecurity)
    FROM pg_namespace n
    JOIN pg_roles s ON s.oid = n.nspowner
    LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = :table
    LEFT JOIN pg_roles t ON t.oid = c.relowner
    WHERE n.nspname = '{SCHEMA}'
"""


_GRANTEES: Final = f"""
    SELECT DISTINCT r.rolname
    FROM (
        SELECT nspowner, nspacl FROM pg_namespace WHERE nspname = '{SCHEMA}'
        UNION ALL
        SELECT c.relowner, c.relacl FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = '{SCHEMA}'
    ) o (owner, acl) CROSS JOIN LATERAL aclexplode(o.acl) g
    LEFT JOIN pg_roles r ON r.oid = g.grantee
    WHERE g.grantee <> o.owner ORDER BY 1
"""


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


def exists(session: DatabaseSession, table: str = TABLE) -> bool:
    """Return whether the database has a journal, or another table in its schema.

    Raises JournalNotOwnError if that is not the session user's own plain table: a view or a trigger
    in its place would run with the master user's rights.
    """
    found = session.run(_LOOK_AT_IT, table=table)
    if not found:
        return False
    schema_is_own, relation, table_is_own = found[0]
    if not schema_is_own or (relation is not None and not table_is_own):
        raise JournalNotOwnError(
            f"schema {SCHEMA!r} of database {session.scalar('SELECT current_database()')!r} is not "
            f"the master user's own, or its {table} is not a plain table of the master user's"
        )
    return relation is not None


def prepare(session: DatabaseSession) -> None:
    """Create the journal where it is missing.

    A journal that came with the snapshot, because the source was itself restored by this pipeline,
    is kept: its entries have other keys. One of an earlier version gets the column it lacks.
    """
    if not exists(session):
        for statement in _CREATE:
            session.run(statement)
    elif not session.column(_HAS_DETAILS):
        session.run(f"ALTER TABLE {SCHEMA}.{TABLE} ADD COLUMN IF NOT EXISTS details jsonb")
    withhold(session)


def withhold(session: DatabaseSession) -> None:
    """Revoke what others have been granted on the schema and its tables.

    Default privileges that came with the snapshot grant something on whatever is made.
    """
    for role in session.column(_GRANTEES):
        grantee = "PUBLIC" if role is None else identifier(role)
        for objects in (f"ALL TABLES IN SCHEMA {SCHEMA}", f"SCHEMA {SCHEMA}"):
            session.run(f"REVOKE ALL ON {objects} FROM {grantee} CASCADE")


def has(session: DatabaseSession, key: JournalKey, entry: str) -> bool:
    """Return whether the journal, which must be there, holds an entry of a restore."""
    return find(session, key, entry) is not None


def find(session: DatabaseSession, key: JournalKey, entry: str) -> Mapping[str, Any] | None:
    """Return the details of an entry of a restore, which may have none; None without the entry."""
    return find_entries(session, key, [entry]).get(entry)


def find_entries(
    session: DatabaseSession, key: JournalKey, wanted: Collection[str]
) -> Mapping[str, Mapping[str, Any]]:
    """Return the details of those of the entries that the restore has, oldest first."""
    return _find(session, key, "entry = ANY(CAST(:wanted AS text[]))", wanted=list(wanted))


def find_all(
    session: DatabaseSession, key: JournalKey, prefix: str = ""
) -> Mapping[str, Mapping[str, Any]]:
    """Return the details of the restore's entries that begin with ``prefix``, oldest first."""
    return _find(session, key, "starts_with(entry, :prefix)", prefix=prefix)


def _find(
    session: DatabaseSession, key: JournalKey, condition: str, **parameters: Any
) -> Mapping[str, Mapping[str, Any]]:
    # By way of jsonb, because a journal of an earlier version has no such column.
    rows = session.run(
        f"SELECT entry, to_jsonb(j) -> 'details' FROM {SCHEMA}.{TABLE} j "
        f"WHERE {_IS_OF_THE_RESTORE} AND {condition} ORDER BY recorded_at, entry",
        **asdict(key),
        **parameters,
    )
    return {entry: details or {} for entry, details in rows}


def entries(session: DatabaseSession, key: JournalKey) -> list[str]:
    """Return all entries of a restore, in alphabetical order."""
    return session.column(
        f"SELECT entry FROM {SCHEMA}.{TABLE} WHERE {_IS_OF_THE_RESTORE} ORDER BY entry",
        **asdict(key),
    )


def write(session: DatabaseSession, key: JournalKey, entry: str) -> None:
    """Add an entry of a restore. Raises pg8000's DatabaseError where there is one already."""
    session.run(insertion(key, entry))


def write_all(session: DatabaseSession, key: JournalKey, new: Collection[str]) -> None:
    """Add entries of a restore, however many, in one statement."""
    columns = asdict(key)
    session.run(
        f"INSERT INTO {SCHEMA}.{TABLE} ({', '.join(columns)}, entry) "
        f"SELECT {', '.join(f'CAST(:{column} AS text)' for column in columns)}, entry "
        "FROM unnest(CAST(:new AS text[])) AS entry",
        **columns,
        new=list(new),
    )


def remove(session: DatabaseSession, key: JournalKey, prefix: str) -> None:
    """Remove the restore's entries that begin with ``prefix``, so that their work is done again."""
    session.run(
        f"DELETE FROM {SCHEMA}.{TABLE} WHERE {_IS_OF_THE_RESTORE} AND starts_with(entry, :prefix)",
        **asdict(key),
        prefix=prefix,
    )


def insertion(key: JournalKey, entry: str, details: str = "NULL") -> str:
    """Return the statement that adds an entry of a restore.

    ``details`` is an SQL expression of type jsonb.
    """
    columns = {**asdict(key), "entry": entry}
    values = ", ".join(map(literal, columns.values()))
    return (
        f"INSERT INTO {SCHEMA}.{TABLE} ({', '.join(columns)}, details) VALUES ({values}, {details})"
    )


def as_jsonb(**details: Any) -> str:
    """Return the details of an entry as an SQL expression."""
    return f"{literal(json.dumps(details))}::jsonb"
