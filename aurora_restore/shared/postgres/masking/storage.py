"""How the rows of a database are read for its proof: relation by relation, and never as values.

Everything here is SQL that the server runs by itself, one message for each batch of relations, so
that no value leaves it and none waits for a client that is gone.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from aurora_restore.shared.postgres.catalog import USER_SCHEMA, find_owners, is_of_extension
from aurora_restore.shared.postgres.connection import DatabaseSession, identifier, literal
from aurora_restore.shared.postgres.masking.columns import TableName
from aurora_restore.shared.postgres.membership import plan_membership

MOST_RELATIONS: Final = 100
"""How many relations one transaction reads: it holds a lock for each, and for their indexes."""
MOST_BLOCKS: Final = 100_000
"""How many blocks the relations of one transaction have, unless it is a single one."""
SAMPLED_BLOCKS: Final = 200
"""How many blocks of a large relation a sample is spread over."""

# Without these a value might be written in one way before the scripts, and in another after them.
TEXT_SETTINGS: Final = (
    "SET LOCAL datestyle = 'ISO, YMD'",
    "SET LOCAL intervalstyle = 'postgres'",
    "SET LOCAL timezone = 'UTC'",
    "SET LOCAL bytea_output = 'hex'",
    "SET LOCAL lc_monetary = 'C'",
    "SET LOCAL extra_float_digits = 1",
)

EMPTY_TEXTS: Final = ("", "{}", "[]", "null", "\\x")
"""How values are written that hold nothing: of text, arrays, JSON and bytes."""


@dataclass(frozen=True)
class StoredRelation:
    """What stores the rows of a table: itself, or one of its partitions."""

    of: TableName
    name: TableName
    blocks: int

    @property
    def sql(self) -> str:
        """Return the relation without what inherits from it, as FROM knows it."""
        return f"ONLY {self.name.sql}"

    def sampled(self, columns: str, condition: str, rows: int) -> str:
        """Return a query for a sample of the rows.

        Of a large relation it is the first rows and as many from blocks all over it, so that its
        cost does not grow with the relation.
        """
        matching = f"SELECT {columns} FROM {self.sql}"
        if self.blocks <= SAMPLED_BLOCKS:
            return f"({matching} WHERE {condition} ORDER BY random() LIMIT {rows})"
        half = rows // 2
        share = 100 * SAMPLED_BLOCKS / self.blocks
        return (
            f"({matching} WHERE {condition} LIMIT {rows - half}) UNION ALL "
            f"({matching} TABLESAMPLE SYSTEM ({share:.6f}) WHERE {condition} "
            f"ORDER BY random() LIMIT {half})"
        )


def as_text(column: str) -> str:
    """Return a column's value as text, by the output function of its type; null is empty.

    A cast could be a function of the database's own.
    """
    return f"concat({identifier(column)})"


def holds_something(text: str) -> str:
    """Return the condition that a value, written as text, is not empty."""
    empty = ", ".join(literal(each) for each in EMPTY_TEXTS)
    return f"btrim({text}, E' \\t\\r\\n') NOT IN ({empty})"


def find_stored_relations(
    session: DatabaseSession, tables: Collection[TableName] | None = None
) -> list[StoredRelation]:
    """Return what stores the rows of tables, of all that are not an extension's if none is named.

    Foreign partitions and materialized views without data are left out: they store nothing.
    """
    chosen = f"NOT {is_of_extension('pg_class', 'c.oid')}"
    parameters = {}
    if tables is not None:
        chosen = (
            "(n.nspname, c.relname) IN (SELECT * FROM "
            "unnest(CAST(:schemas AS text[]), CAST(:tables AS text[])))"
        )
        parameters = {
            "schemas": [name.schema for name in tables],
            "tables": [name.table for name in tables],
        }
    rows = session.run(
        f"""
        WITH RECURSIVE stored AS (
            SELECT n.nspname, c.relname, c.oid
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relkind IN ('r', 'p', 'm') AND NOT c.relispartition
            AND {USER_SCHEMA} AND {chosen}
            UNION ALL
            SELECT s.nspname, s.relname, i.inhrelid
            FROM stored s JOIN pg_inherits i ON i.inhparent = s.oid
            JOIN pg_class p ON p.oid = i.inhrelid
            WHERE p.relispartition
        )
        SELECT s.nspname, s.relname, n.nspname, c.relname,
            pg_relation_size(c.oid) / current_setting('block_size')::bigint
        FROM stored s JOIN pg_class c ON c.oid = s.oid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind = 'r' OR c.relkind = 'm' AND c.relispopulated
        ORDER BY 1, 2, 3, 4
        """,
        **parameters,
    )
    return [
        StoredRelation(TableName(schema, table), TableName(own_schema, own_name), int(blocks))
        for schema, table, own_schema, own_name, blocks in rows
    ]


T = TypeVar("T")


def in_batches(
    things: Iterable[T], relations_of: Callable[[T], Sequence[StoredRelation]]
) -> Iterator[list[T]]:
    """Yield the things in the batches whose relations one transaction reads."""
    batch: list[T] = []
    relations = blocks = 0
    for thing in things:
        stored = relations_of(thing)
        relations += len(stored)
        blocks += sum(relation.blocks for relation in stored)
        if batch and (relations > MOST_RELATIONS or blocks > MOST_BLOCKS):
            yield batch
            batch, relations = [], len(stored)
            blocks = sum(relation.blocks for relation in stored)
        batch.append(thing)
    if batch:
        yield batch


@dataclass(frozen=True)
class ReadingTransaction:
    """How a transaction begins and ends in which the master user may read every table."""

    gain: tuple[str, ...]
    lose: tuple[str, ...]

    @classmethod
    def of(cls, session: DatabaseSession) -> "ReadingTransaction":
        """Return the one for a database; ``session`` is one with it."""
        membership = plan_membership(session, find_owners(session))
        return cls(membership.gain, membership.lose)

    def message(self, statements: Sequence[str]) -> str:
        """Return the statements within the transaction, as one message to the server."""
        return ";\n".join(("BEGIN", *TEXT_SETTINGS, *self.gain, *statements, *self.lose, "COMMIT"))
