"""What masked columns held in production, remembered so that its absence can be shown later.

Of each masked column a sample of the original values is kept in the pipeline's own schema, as
hashes under a random key that is never written there: without the key they can be compared with
nothing. They are dropped at the end of the setup; a snapshot may have brought those of another
restore, which are dropped as well.

A value counts as original only if no script of the restore has run before it was remembered.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from aurora_restore.shared.documents.classification import MASKED, Schemas
from aurora_restore.shared.documents.schema import to_json
from aurora_restore.shared.errors import MaskingUnprovableError
from aurora_restore.shared.name_list import NameList
from aurora_restore.shared.postgres import journal
from aurora_restore.shared.postgres.connection import DatabaseSession, literal
from aurora_restore.shared.postgres.journal import JournalKey
from aurora_restore.shared.postgres.masking.columns import TableName, classify
from aurora_restore.shared.postgres.masking.storage import (
    MOST_RELATIONS,
    ReadingTransaction,
    StoredRelation,
    as_text,
    find_stored_relations,
    holds_something,
    in_batches,
)
from aurora_restore.shared.postgres.scripts import ENTRY_PREFIX
from aurora_restore.shared.postgres.tasks import Task

_NAME: Final = "remembered_originals"
TABLE: Final = f"{journal.SCHEMA}.{_NAME}"
MOST_VALUES: Final = 1000
"""How many values of a column are remembered."""

_CREATE: Final = f"""
    CREATE TABLE {TABLE} (
        restore text NOT NULL,
        key_fingerprint text NOT NULL,
        table_schema text NOT NULL,
        table_name text NOT NULL,
        column_name text NOT NULL,
        hashes bytea[] NOT NULL,
        PRIMARY KEY (restore, table_schema, table_name, column_name)
    )
"""


@dataclass(frozen=True)
class EvidenceKey:
    """The random key of a restore under which original values are hashed."""

    secret: str = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """Return what says whether two keys are the same, and nothing else about them."""
        return sha256(f"fingerprint of {self.secret}".encode()).hexdigest()

    def hash_of(self, text: str) -> str:
        """Return the SQL of a value's hash; ``text`` is the SQL of the value as text."""
        return f"sha256(convert_to(concat({literal(self.secret)}, {text}), getdatabaseencoding()))"


@dataclass(frozen=True)
class RememberOriginals(Task):
    """Check that every column is classified, and remember the originals of the masked ones."""

    file: str
    """The file of the classification, as the configuration names it."""
    digest: str
    """What distinguishes this classification from an earlier one of the same restore."""
    classified: Schemas = field(compare=False, repr=False)
    evidence_key: EvidenceKey = field(compare=False)

    @property
    def title(self) -> str:
        """What it is, within a sentence."""
        return "the check of the columns' classification"

    @property
    def entry(self) -> str:
        """Its entry in the journal."""
        return f"originals-remembered:{self.digest}"

    def do(self, session: DatabaseSession, key: JournalKey) -> None:
        """Remember the columns of which nothing is remembered yet, each with all of its values.

        Raises UnclassifiedColumnsError, and MaskingUnprovableError if a script has run before.
        """
        columns = classify(session, self.database, self.classified)
        columns.require_classified(self.file)
        masked = columns.columns_that_are(MASKED)
        prepare(session, key, self.evidence_key)
        known = find_remembered(session, key, self.evidence_key)
        missing = {
            name: left
            for name, names in masked.items()
            if (left := tuple(each for each in names if (name, each) not in known))
        }
        if missing:
            _require_no_script(session, key, self.database, missing)
            stored = _stored(missing, find_stored_relations(session, missing))
            reading = ReadingTransaction.of(session)
            for tables in in_batches(stored, lambda each: stored[each]):
                session.run(
                    reading.message(
                        [
                            _remember(key, self.evidence_key, table, column, stored[table])
                            for table in tables
                            for column in missing[table]
                        ]
                    )
                )
        journal.write(session, key, self.entry)


def prepare(session: DatabaseSession, key: JournalKey, evidence_key: EvidenceKey) -> None:
    """Create the table where it is missing, and forget what the key of this restore has not made.

    That may be what a snapshot has brought. Raises JournalNotOwnError.
    """
    if not journal.exists(session, _NAME):
        session.run(_CREATE)
        journal.withhold(session)
    session.run(
        f"DELETE FROM {TABLE} WHERE restore <> :restore OR key_fingerprint <> :fingerprint",
        restore=str(key),
        fingerprint=evidence_key.fingerprint,
    )


def find_remembered(
    session: DatabaseSession, key: JournalKey, evidence_key: EvidenceKey
) -> Mapping[tuple[TableName, str], int]:
    """Return the columns whose originals are remembered, and of each how many."""
    if not journal.exists(session, _NAME):
        return {}
    rows = session.run(
        f"SELECT table_schema, table_name, column_name, cardinality(hashes) FROM {TABLE} "
        "WHERE restore = :restore AND key_fingerprint = :fingerprint",
        restore=str(key),
        fingerprint=evidence_key.fingerprint,
    )
    return {(TableName(schema, table), column): number for schema, table, column, number in rows}


def hashes_of(key: JournalKey, table: TableName, column: str) -> str:
    """Return the query for the hashes of a column's originals."""
    return (
        f"SELECT unnest(hashes) FROM {TABLE} WHERE restore = {literal(str(key))} "
        f"AND table_schema = {literal(table.schema)} AND table_name = {literal(table.table)} "
        f"AND column_name = {literal(column)}"
    )


def forget_originals(session: DatabaseSession) -> None:
    """Drop what is remembered, of this restore and of any that the snapshot has brought."""
    if journal.exists(session, _NAME):
        session.run(f"DROP TABLE {TABLE}")


def _require_no_script(
    session: DatabaseSession,
    key: JournalKey,
    database: str,
    missing: Mapping[TableName, Sequence[str]],
) -> None:
    """Raise MaskingUnprovableError if a script of the restore has run in the database."""
    if scripts := list(journal.find_all(session, key, ENTRY_PREFIX)):
        raise unprovable(
            database,
            [f"{table}.{column}" for table, columns in missing.items() for column in columns],
            f"before {scripts[0].removeprefix(ENTRY_PREFIX)} ran",
        )


def unprovable(database: str, columns: Sequence[str], when: str) -> MaskingUnprovableError:
    """Return the error that columns are masked of which no originals are remembered."""
    listed = NameList.of(columns)
    return MaskingUnprovableError(
        f"of masked columns in database {database!r} no original values were remembered {when}, so "
        f"it cannot be shown that none is left: {listed}",
        database=database,
        columns=to_json(listed),
    )


def _stored(
    tables: Iterable[TableName], relations: Iterable[StoredRelation]
) -> dict[TableName, list[StoredRelation]]:
    """Return what stores the rows of each table, of many partitions some from all over it."""
    stored: dict[TableName, list[StoredRelation]] = {name: [] for name in tables}
    for relation in relations:
        stored[relation.of].append(relation)
    return {name: parts[:: -(-len(parts) // MOST_RELATIONS) or 1] for name, parts in stored.items()}


def _remember(
    key: JournalKey,
    evidence_key: EvidenceKey,
    table: TableName,
    column: str,
    relations: Sequence[StoredRelation],
) -> str:
    """Return the statement that remembers a column."""
    text = as_text(column)
    share = MOST_VALUES // max(1, len(relations))
    samples = [
        relation.sampled(f"{text} AS value", holds_something(text), share) for relation in relations
    ]
    sample = " UNION ALL ".join(samples) or "SELECT '' AS value WHERE false"
    labels = (str(key), evidence_key.fingerprint, table.schema, table.table, column)
    return (
        f"INSERT INTO {TABLE} SELECT {', '.join(map(literal, labels))}, "
        f"coalesce(array_agg(DISTINCT {evidence_key.hash_of('value')}), '{{}}') "
        f"FROM ({sample}) sample"
    )
