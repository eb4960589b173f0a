"""The columns of a database, and how each of them is classified.

A column that nobody has classified must not pass silently, so whatever stores rows of its own must
be classified: ordinary and partitioned tables, unlogged ones included. A partition belongs to its
table. What follows from other data, or is not the application's, may be classified and need not be:
materialized views, which are refreshed from the masked tables, and the tables of extensions. Views
and foreign tables store nothing.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from aurora_restore.shared.documents.classification import (
    CLEARED,
    EVERY_COLUMN,
    MASKED,
    SAFE,
    Columns,
    Schemas,
    Treatment,
)
from aurora_restore.shared.errors import UnclassifiedColumnsError
from aurora_restore.shared.postgres.catalog import USER_SCHEMA, is_of_extension
from aurora_restore.shared.postgres.connection import DatabaseSession, identifier

MOST_LISTED: Final = 50
"""How many tables of one kind an error or the state lists."""
LONGEST_LISTING: Final = 8000
"""How many characters the listed lines may have together."""


@dataclass(frozen=True, order=True)
class TableName:
    """A table by its schema."""

    schema: str
    table: str

    @property
    def sql(self) -> str:
        """Return its name as SQL, which no other table has: a name may hold a dot."""
        return f"{identifier(self.schema)}.{identifier(self.table)}"

    def __str__(self) -> str:
        return f"{self.schema}.{self.table}"


@dataclass(frozen=True)
class Table:
    """What stores rows: a table with its partitions, or a materialized view."""

    name: TableName
    columns: tuple[str, ...]
    must_be_classified: bool = True


@dataclass(frozen=True)
class UnclassifiedTable:
    """The columns of a table that nobody has classified."""

    database: str
    name: TableName
    columns: tuple[str, ...]
    is_new: bool
    """Whether the classification does not name the table at all."""

    @property
    def line(self) -> str:
        """Return where in the file a line is missing, and that line.

        It says `masked`, because that is found out where it is wrong.
        """
        columns = ", ".join(f'{json.dumps(name)}: "{MASKED}"' for name in self.columns)
        schema = f"databases.{self.database}.{self.name.schema}"
        if self.is_new:
            return f"in {schema}: {json.dumps(self.name.table)}: {{{columns}}}"
        return f"in {schema}.{self.name.table}: {columns}"


@dataclass(frozen=True)
class ClassifiedColumns:
    """A database's columns against their classification."""

    unclassified: tuple[UnclassifiedTable, ...] = ()
    absent: tuple[str, ...] = ()
    """What the classification names and the database does not have."""
    treated: Mapping[TableName, Columns] = field(default_factory=dict)
    """The masked and cleared columns that exist."""
    counts: Mapping[Treatment, int] = field(default_factory=dict)

    def columns_that_are(self, treatment: Treatment) -> dict[TableName, tuple[str, ...]]:
        """Return the columns of one treatment, by table."""
        found = {
            name: tuple(column for column, each in columns.items() if each == treatment)
            for name, columns in self.treated.items()
        }
        return {name: columns for name, columns in found.items() if columns}

    def require_classified(self, file: str) -> None:
        """Raise UnclassifiedColumnsError with the lines that the file lacks, if it lacks any."""
        if not self.unclassified:
            return
        count = sum(len(table.columns) for table in self.unclassified)
        database = self.unclassified[0].database
        lines = list(_bounded([table.line for table in self.unclassified]))
        raise UnclassifiedColumnsError(
            f"{count} column{'' if count == 1 else 's'} of database {database!r} "
            f"{'is' if count == 1 else 'are'} not classified. Add to {file}, each with "
            f'"{MASKED}", "{CLEARED}" or "{SAFE}": {"; ".join(lines)}',
            database=database,
            unclassified_columns=count,
            lines_to_add=lines,
        )


def compare(
    database: str, tables: Iterable[Table], classified: Mapping[str, Mapping[str, Columns]]
) -> ClassifiedColumns:
    """Return what is unclassified, absent, and to be proven in a database."""
    unclassified: list[UnclassifiedTable] = []
    treated: dict[TableName, Columns] = {}
    counts: Counter[Treatment] = Counter({MASKED: 0, CLEARED: 0, SAFE: 0})
    existing: dict[TableName, frozenset[str]] = {}
    for table in tables:
        existing[table.name] = frozenset(table.columns)
        columns = classified.get(table.name.schema, {}).get(table.name.table)
        if columns is None and not table.must_be_classified:
            continue
        known = columns or {}
        if EVERY_COLUMN in known:
            counts[SAFE] += len(table.columns)
            continue
        missing = tuple(column for column in table.columns if column not in known)
        if missing:
            unclassified.append(
                UnclassifiedTable(database, table.name, missing, is_new=columns is None)
            )
        found = {column: known[column] for column in table.columns if column in known}
        counts.update(found.values())
        if to_prove := {column: each for column, each in found.items() if each != SAFE}:
            treated[table.name] = to_prove
    return ClassifiedColumns(
        tuple(unclassified), tuple(_absent(existing, classified)), treated, counts
    )


def _absent(
    existing: Mapping[TableName, frozenset[str]], classified: Mapping[str, Mapping[str, Columns]]
) -> Iterator[str]:
    for schema, tables in classified.items():
        for table, columns in tables.items():
            name = TableName(schema, table)
            if name not in existing:
                yield str(name)
                continue
            for column in columns:
                if column != EVERY_COLUMN and column not in existing[name]:
                    yield f"{name}.{column}"


def find_tables(session: DatabaseSession) -> Iterator[Table]:
    """Yield what stores rows in a database, a partitioned table with all of its partitions."""
    rows = session.run(
        f"""
        SELECT n.nspname, c.relname, json_agg(a.attname ORDER BY a.attnum),
            c.relkind <> 'm' AND NOT {is_of_extension("pg_class", "c.oid")}
        FROM pg_class c
        JOIN pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE c.relkind IN ('r', 'p', 'm') AND NOT c.relispartition AND {USER_SCHEMA}
        GROUP BY c.oid, n.nspname, c.relname, c.relkind
        ORDER BY n.nspname, c.relname
        """
    )
    for schema, table, columns, must_be_classified in rows:
        yield Table(TableName(schema, table), tuple(columns), must_be_classified)


def classify(session: DatabaseSession, database: str, classified: Schemas) -> ClassifiedColumns:
    """Return the columns of a database against their classification; ``session`` is one with it."""
    return compare(database, find_tables(session), classified)


def _bounded(lines: Sequence[str]) -> Iterator[str]:
    """Yield the first lines, as far as they fit into a message, and how many more there are."""
    total = shown = 0
    for line in islice(lines, MOST_LISTED):
        total += len(line)
        if total > LONGEST_LISTING and shown:
            break
        shown += 1
        yield line if len(line) <= LONGEST_LISTING else f"{line[:LONGEST_LISTING]} …"
    if shown < len(lines):
        yield f"and {len(lines) - shown} more tables"
