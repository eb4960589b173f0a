"""The evidence that the scripts have masked and cleared what they should.

Every value of a masked column is hashed as the originals were: none of theirs may be among them.
That is read relation by relation, all of its columns together.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from aurora_restore.shared.documents.classification import (
    CLEARED,
    MASKED,
    TREATMENTS,
    Columns,
    Schemas,
)
from aurora_restore.shared.documents.schema import to_json
from aurora_restore.shared.errors import OriginalDataLeftError
from aurora_restore.shared.name_list import NameList
from aurora_restore.shared.postgres import journal
from aurora_restore.shared.postgres.connection import DatabaseSession, literal
from aurora_restore.shared.postgres.journal import JournalKey
from aurora_restore.shared.postgres.masking.columns import TableName, classify
from aurora_restore.shared.postgres.masking.findings import (
    Finding,
    Proof,
    find_parts,
    part_entry,
)
from aurora_restore.shared.postgres.masking.originals import (
    EvidenceKey,
    find_remembered,
    hashes_of,
    unprovable,
)
from aurora_restore.shared.postgres.masking.storage import (
    ReadingTransaction,
    StoredRelation,
    as_text,
    find_stored_relations,
    holds_something,
    in_batches,
)


@dataclass(frozen=True)
class ProveMasking(Proof):
    """Show that no original is left in a masked column, and nothing in a cleared one."""

    file: str
    """The file of the classification, as the configuration names it."""
    classified: Schemas = field(compare=False, repr=False)
    evidence_key: EvidenceKey = field(compare=False)

    kind: ClassVar = "columns"

    @property
    def title(self) -> str:
        """What it is, within a sentence."""
        return "the search for original values"

    @property
    def entry(self) -> str:
        """Its entry in the journal."""
        return f"masking-proven:{self.digest}"

    def do(self, session: DatabaseSession, key: JournalKey) -> None:
        """Compare what was not compared yet.

        Raises UnclassifiedColumnsError for what a script has made and nobody has classified, and
        MaskingUnprovableError for a masked column of which nothing is remembered.
        """
        columns = classify(session, self.database, self.classified)
        columns.require_classified(self.file)
        remembered = find_remembered(session, key, self.evidence_key)
        forgotten = [
            f"{table}.{column}"
            for table, names in columns.columns_that_are(MASKED).items()
            for column in names
            if (table, column) not in remembered
        ]
        if forgotten:
            raise unprovable(self.database, forgotten, "before the scripts ran")
        done = find_parts(session, key, self.entry)
        relations = [
            relation
            for relation in find_stored_relations(session, columns.treated)
            if relation.name.sql not in done
        ]
        reading = ReadingTransaction.of(session)
        for batch in in_batches(relations, lambda each: [each]):
            session.run(
                reading.message(
                    [
                        self._compare(key, relation, columns.treated[relation.of])
                        for relation in batch
                    ]
                )
            )
        summary: dict[str, Any] = {treatment: columns.counts[treatment] for treatment in TREATMENTS}
        summary["originals"] = sum(remembered.values())
        summary["absent"] = to_json(NameList.of(columns.absent))
        session.run(self.completion(key, summary))

    def _compare(self, key: JournalKey, relation: StoredRelation, columns: Columns) -> str:
        """Return the statement that records how many values of a relation are left."""
        counts = ", ".join(
            f"count(*) FILTER (WHERE {self._is_left(key, relation.of, column, treatment)}) AS c{i}"
            for i, (column, treatment) in enumerate(columns.items())
        )
        named = ", ".join(
            f"({literal(f'{relation.of}.{column}')}, {literal(treatment)}, c{i})"
            for i, (column, treatment) in enumerate(columns.items())
        )
        findings = (
            "(SELECT jsonb_build_object('findings', coalesce(jsonb_agg(jsonb_build_object("
            "'place', f.place, 'kind', f.kind, 'found', f.found)) FILTER (WHERE f.found > 0), "
            f"'[]')) FROM (SELECT {counts} FROM {relation.sql}) counted "
            f"CROSS JOIN LATERAL (VALUES {named}) AS f (place, kind, found))"
        )
        return journal.insertion(key, part_entry(self.entry, relation.name.sql), findings)

    def _is_left(self, key: JournalKey, table: TableName, column: str, treatment: str) -> str:
        text = as_text(column)
        if treatment == CLEARED:
            return holds_something(text)
        return f"{self.evidence_key.hash_of(text)} IN ({hashes_of(key, table, column)})"

    def judge(self, findings: Sequence[Finding]) -> OriginalDataLeftError:
        """Return the error that names the columns, and how many values are left in each."""
        left = NameList.of(map(_described, findings))
        return OriginalDataLeftError(
            f"database {self.database!r} is not masked as {self.file} says: {left}",
            database=self.database,
            columns=to_json(left),
        )


def _described(finding: Finding) -> str:
    what = "value" if finding.found == 1 else "values"
    held = (
        f"{finding.found} original {what}" if finding.kind == MASKED else f"{finding.found} {what}"
    )
    return f"{finding.place} is {finding.kind} and holds {held}"
