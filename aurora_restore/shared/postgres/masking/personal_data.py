"""The ready-made check: a sample of the text columns, searched for what looks like personal data.

The server searches a sample of the rows of every relation, and counts: e-mail addresses, telephone
numbers in their usual written forms, and card numbers with a right check digit. A number that is
stored as a number is not looked at.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final

from aurora_restore.shared.documents.masking import PersonalDataCheck
from aurora_restore.shared.documents.schema import to_json
from aurora_restore.shared.errors import PersonalDataFoundError
from aurora_restore.shared.name_list import NameList
from aurora_restore.shared.postgres import journal
from aurora_restore.shared.postgres.catalog import USER_SCHEMA
from aurora_restore.shared.postgres.connection import DatabaseSession, literal
from aurora_restore.shared.postgres.journal import JournalKey
from aurora_restore.shared.postgres.masking.columns import TableName
from aurora_restore.shared.postgres.masking.findings import (
    Finding,
    Proof,
    find_parts,
    part_entry,
)
from aurora_restore.shared.postgres.masking.storage import (
    ReadingTransaction,
    StoredRelation,
    as_text,
    find_stored_relations,
    in_batches,
)

EMAIL_ADDRESSES: Final = "e-mail addresses"
TELEPHONE_NUMBERS: Final = "telephone numbers"
CARD_NUMBERS: Final = "card numbers"

LONGEST_TEXT: Final = 10_000
"""How many characters of a value are searched."""

RESERVED_DOMAINS: Final = (
    *(f"*{dot}example.{top}" for dot in ("@", ".") for top in ("com", "net", "org")),
    *(f"*.{top}" for top in ("example", "test", "invalid", "localhost")),
)
"""The addresses that can belong to nobody (RFC 2606, RFC 6761)."""

_EMAIL: Final = r"[^[:space:]@<>\"',;:()\[\]]+@[^[:space:]@<>\"',;:()\[\]]+\.[[:alpha:]]{2,}"
# Written internationally, in North America, or with the zero of many other countries.
_TELEPHONE: Final = "|".join(
    (
        r"(?<![[:alnum:]+])(?:\+|00)[1-9](?:[ ()./-]{0,2}[0-9]){7,14}(?![0-9])",
        r"(?<![[:alnum:].+-])(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[ .-])"
        r"[0-9]{3}[ .-][0-9]{4}(?![0-9])",
        r"(?<![[:alnum:].+-])\(?0[1-9][0-9]{1,4}\)?[ /-][0-9]{3,4}[ ]?[0-9]{3,5}(?![0-9])",
        r"(?<![[:alnum:].+-])0[1-9](?:[ .][0-9]{2}){4}(?![0-9])",
    )
)
_CARD: Final = r"(?<![[:alnum:].+-])[2-6](?:[ -]?[0-9]){12,18}(?![[:alnum:]])"
# By the ranges of the issuers: Visa, Mastercard, American Express, Diners Club, Discover, JCB.
_ISSUED: Final = (
    r"^(?:4(?:[0-9]{12}|[0-9]{15}|[0-9]{18})|5[1-5][0-9]{14}|2[2-7][0-9]{14}|3[47][0-9]{13}"
    r"|3(?:0[0-5]|[68][0-9])[0-9]{11}|6(?:011|5[0-9]{2}|4[4-9][0-9])[0-9]{12}|35[0-9]{14})$"
)
_LUHN: Final = """
    (SELECT sum(CASE WHEN (length(number) - place) % 2 = 0 THEN digit
        ELSE digit * 2 - CASE WHEN digit > 4 THEN 9 ELSE 0 END END) % 10 = 0
    FROM (SELECT place, substr(number, place, 1)::int AS digit
        FROM generate_series(1, length(number)) AS place) digits)
"""

_TEXT_COLUMNS: Final = f"""
    WITH RECURSIVE inner_types AS (
        SELECT t.oid, t.oid AS inner_type FROM pg_type t
        WHERE t.oid IN (SELECT atttypid FROM pg_attribute WHERE attnum > 0)
        UNION
        SELECT i.oid, CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.typelem END
        FROM inner_types i JOIN pg_type t ON t.oid = i.inner_type
        WHERE t.typtype = 'd' OR t.typcategory = 'A'
    )
    SELECT n.nspname, c.relname, json_agg(a.attname ORDER BY a.attnum)
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relkind IN ('r', 'p', 'm') AND NOT c.relispartition AND {USER_SCHEMA}
    AND a.atttypid IN (
        SELECT i.oid FROM inner_types i JOIN pg_type t ON t.oid = i.inner_type
        WHERE t.typcategory = 'S' OR t.typtype = 'c'
        OR t.typname IN ('json', 'jsonb', 'xml', 'hstore', 'tsvector')
    )
    GROUP BY n.nspname, c.relname
"""


@dataclass(frozen=True)
class FindPersonalData(Proof):
    """Search a sample of every text column, and record how much was found in which."""

    check: PersonalDataCheck = field(compare=False)

    kind: ClassVar = "personal_data"

    @property
    def title(self) -> str:
        """What it is, within a sentence."""
        return "the search for personal data"

    @property
    def entry(self) -> str:
        """Its entry in the journal."""
        return f"personal-data-searched:{self.digest}"

    def do(self, session: DatabaseSession, key: JournalKey) -> None:
        """Search the relations that were not searched yet."""
        columns = dict(self._allowed_out(find_text_columns(session)))
        done = find_parts(session, key, self.entry)
        relations = [
            relation
            for relation in find_stored_relations(session)
            if relation.of in columns and relation.name.sql not in done
        ]
        reading = ReadingTransaction.of(session)
        for batch in in_batches(relations, lambda each: [each]):
            session.run(
                reading.message(
                    [self._search(key, relation, columns[relation.of]) for relation in batch]
                )
            )
        session.run(self.completion(key, {"columns": sum(map(len, columns.values()))}))

    def _allowed_out(
        self, columns: Iterable[tuple[TableName, Sequence[str]]]
    ) -> Iterator[tuple[TableName, list[str]]]:
        """Yield the tables with their columns that are not allowed to hold anything."""
        for table, names in columns:
            looked_at = [
                name
                for name in names
                if not any(
                    _fits(allowed, f"{self.database}.{table}.{name}")
                    for allowed in self.check.allowed_columns
                )
            ]
            if looked_at:
                yield table, looked_at

    def _search(self, key: JournalKey, relation: StoredRelation, columns: Sequence[str]) -> str:
        """Return the statement that records what a sample of a relation holds."""
        texts = ", ".join(
            f'left({as_text(column)}, {LONGEST_TEXT}) COLLATE "C" AS t{i}'
            for i, column in enumerate(columns)
        )
        named = ", ".join(
            f"({literal(f'{relation.of}.{column}')}, t{i})" for i, column in enumerate(columns)
        )
        allowed = ", ".join(
            literal(_as_like(each)) for each in (*RESERVED_DOMAINS, *self.check.allowed_values)
        )
        findings = f"""(
            SELECT jsonb_build_object('findings', coalesce(jsonb_agg(
                jsonb_build_object('place', f.place, 'kind', f.kind, 'found', f.found)), '[]'))
            FROM (
                SELECT v.place, m.kind, count(*) AS found
                FROM ({relation.sampled(texts, "true", self.check.rows)}) sample
                CROSS JOIN LATERAL (VALUES {named}) AS v (place, value)
                CROSS JOIN LATERAL ({_MATCHES}) m
                WHERE NOT m.number LIKE ANY (ARRAY[{allowed}])
                GROUP BY v.place, m.kind
            ) f
        )"""
        return journal.insertion(key, part_entry(self.entry, relation.name.sql), findings)

    def judge(self, findings: Sequence[Finding]) -> PersonalDataFoundError:
        """Return the error that names the columns, and how much was found in each."""
        found = NameList.of(f"{each.place}: {each.found} {each.kind}" for each in findings)
        return PersonalDataFoundError(
            f"a sample of database {self.database!r} holds what looks like personal data: {found}",
            database=self.database,
            columns=to_json(found),
        )


# A value is only searched for what it can hold: regexp_matches returns no row for null.
_MATCHES: Final = f"""
    SELECT {literal(EMAIL_ADDRESSES)} AS kind, lower(x[1]) AS number
    FROM regexp_matches(
        CASE WHEN strpos(v.value, '@') > 0 THEN v.value END, {literal(f"({_EMAIL})")}, 'g') x
    UNION ALL
    SELECT {literal(TELEPHONE_NUMBERS)}, regexp_replace(x[1], '[^0-9+]', '', 'g')
    FROM regexp_matches(
        CASE WHEN v.value ~ '[0-9]{{2}}' THEN v.value END, {literal(f"({_TELEPHONE})")}, 'g') x
    UNION ALL
    SELECT {literal(CARD_NUMBERS)}, number
    FROM (
        SELECT regexp_replace(x[1], '[^0-9]', '', 'g') AS number
        FROM regexp_matches(
            CASE WHEN v.value ~ '[0-9]{{3}}' THEN v.value END, {literal(f"({_CARD})")}, 'g') x
    ) card
    WHERE CASE WHEN number ~ {literal(_ISSUED)} THEN {_LUHN} END
"""


def find_text_columns(session: DatabaseSession) -> Iterator[tuple[TableName, list[str]]]:
    """Yield the tables with their columns of what holds text, and of arrays of it."""
    for schema, table, columns in session.run(_TEXT_COLUMNS):
        yield TableName(schema, table), columns


def _fits(pattern: str, name: str) -> bool:
    """Return whether a name fits a pattern, in which `*` stands for any characters."""
    parts = (re.escape(part) for part in pattern.split("*"))
    return re.fullmatch(".*".join(parts), name, re.DOTALL) is not None


def _as_like(pattern: str) -> str:
    """Return a pattern, in which `*` stands for any characters, as LIKE knows it."""
    return re.sub(r"([\\%_])", r"\\\1", pattern).replace("*", "%")
