"""Statistics that ANALYZE leaves as they were, and that may still show original values."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from pg8000.exceptions import DatabaseError as PgDatabaseError

from aurora_restore.shared.postgres.catalog import USER_SCHEMA, find_owners
from aurora_restore.shared.postgres.connection import DatabaseSession, identifier, literal
from aurora_restore.shared.postgres.leftovers import WITH_FOREIGN_PARTITIONS, WITH_ROWS, Relation
from aurora_restore.shared.postgres.membership import plan_membership

CLEARED_BY_A_FUNCTION_SINCE: Final = 180000
"""PostgreSQL 18 lets the statistics of a column be removed by a function."""
EXTENDED_ONES_SHOWN_SINCE: Final = 120000
"""PostgreSQL 12 gave extended statistics values, and a view that shows them."""
EXTENDED_ONES_LIMITED_SINCE: Final = 130000
"""PostgreSQL 13 lets extended statistics be given a target, which may be none."""
EXPRESSIONS_SHOWN_SINCE: Final = 140000
"""PostgreSQL 14 has statistics of expressions, and a view that shows them."""


@dataclass(frozen=True)
class StaleStatistics:
    """Statistics that hold values of before, with what lets them be removed."""

    relation: Relation
    """The table, also where they are of an index on it."""
    column: str
    """A column that they are about."""
    type: str
    """Its type and collation, as a change of the column has them."""
    holder: str | None
    """The table or index in whose statistics they are; None if they are extended ones."""
    attribute: str
    """Of which column of the holder they are."""
    inherited: bool
    index: str | None
    """The statement that makes the index that holds them."""

    def __str__(self) -> str:
        return f"{self.relation}.{self.column}"

    def removal(self, version: int) -> str:
        """Return what removes them: the function for that, or what makes their object again."""
        if version >= CLEARED_BY_A_FUNCTION_SINCE and self.holder is not None:
            return (
                f"SELECT pg_clear_attribute_stats({literal(self.relation.schema)}, "
                f"{literal(self.holder)}, {literal(self.attribute)}, {literal(self.inherited)})"
            )
        if self.index is not None and self.holder is not None:
            schema = identifier(self.relation.schema)
            return f"DROP INDEX {schema}.{identifier(self.holder)}; {self.index}"
        column = identifier(self.column)
        return f"ALTER TABLE {self.relation.sql} ALTER COLUMN {column} TYPE {self.type}"


def remove_stale_statistics(session: DatabaseSession) -> list[StaleStatistics]:
    """Remove the statistics that ANALYZE leaves as they are; return those that stay.

    Those are of tables and indexes without a row, of columns and objects for which none are to be
    collected, of a parent that has no children any more, and of partitioned tables that it cannot
    read as a whole. Before PostgreSQL 18, only a change of the column's type, which may be to the
    same type, removes a column's, and that is refused where a view reads the column.
    """
    for each in _find_stale_statistics(session):
        with suppress(PgDatabaseError), session.transaction():
            membership = plan_membership(session, (each.relation.owner,))
            for statement in (*membership.gain, each.removal(session.version), *membership.lose):
                session.run(statement)
    return _find_stale_statistics(session)


def _find_stale_statistics(session: DatabaseSession) -> list[StaleStatistics]:
    """Return them, in the name of the owners: only who may read a table sees its statistics."""
    membership = plan_membership(session, find_owners(session))
    with session.transaction():
        for statement in membership.gain:
            session.run(statement)
        rows = session.run(_STALE_STATISTICS.format(held=_held(session.version)))
        for statement in membership.lose:
            session.run(statement)
    return [StaleStatistics(Relation(*row[:4]), *row[4:]) for row in rows]


def _held(version: int) -> str:
    """Return the query for all statistics that hold values, with what the server knows."""
    if version < EXTENDED_ONES_SHOWN_SINCE:
        return _HELD
    shown = _SHOWN_OF_COLUMNS
    if version >= EXPRESSIONS_SHOWN_SINCE:
        shown += _SHOWN_OF_EXPRESSIONS
    target = "e.stxstattarget" if version >= EXTENDED_ONES_LIMITED_SINCE else "-1"
    return _HELD + _HELD_BY_EXTENDED_ONES.format(shown=shown, target=target)


def _first_column(catalog: str, oid: str, table: str) -> str:
    """Return the query for the first column that something which depends on a table is about."""
    return (
        f"(SELECT min(d.refobjsubid) FROM pg_depend d WHERE d.classid = '{catalog}'::regclass "
        f"AND d.objid = {oid} AND d.refclassid = 'pg_class'::regclass "
        f"AND d.refobjid = {table} AND d.refobjsubid > 0)"
    )


_HOLDS_VALUES: Final = (
    "(s.most_common_vals IS NOT NULL OR s.histogram_bounds IS NOT NULL "
    "OR s.most_common_elems IS NOT NULL)"
)
_SHOWN_OF_COLUMNS: Final = """
    SELECT statistics_schemaname, statistics_name FROM pg_stats_ext
    WHERE most_common_vals IS NOT NULL
"""
_SHOWN_OF_EXPRESSIONS: Final = f"""
    UNION SELECT statistics_schemaname, statistics_name FROM pg_stats_ext_exprs s
    WHERE {_HOLDS_VALUES}
"""
_HELD: Final = f"""
    SELECT coalesce(i.indrelid, h.oid) AS relation,
        CASE WHEN i.indrelid IS NULL THEN a.attnum
            ELSE {_first_column("pg_class", "h.oid", "i.indrelid")} END AS attnum,
        h.relname AS holder, a.attname AS attribute, s.inherited,
        CASE WHEN i.indrelid IS NOT NULL THEN pg_get_indexdef(h.oid) END AS index,
        i.indrelid IS NOT NULL AND h.reltuples = 0 OR a.attstattarget = 0 AS never_renewed
    FROM pg_stats s JOIN pg_namespace n ON n.nspname = s.schemaname
    JOIN pg_class h ON h.relnamespace = n.oid AND h.relname = s.tablename
    JOIN pg_attribute a ON a.attrelid = h.oid AND a.attname = s.attname
    LEFT JOIN pg_index i ON i.indexrelid = h.oid
    WHERE {_HOLDS_VALUES}
"""
_HELD_BY_EXTENDED_ONES: Final = f"""
    UNION ALL
    SELECT e.stxrelid, {_first_column("pg_statistic_ext", "e.oid", "e.stxrelid")},
        NULL, e.stxname, false, NULL, {{target}} = 0 OR EXISTS (
            SELECT FROM pg_attribute a WHERE a.attrelid = e.stxrelid
            AND a.attnum = ANY (e.stxkeys) AND a.attstattarget = 0)
    FROM ({{shown}}) s JOIN pg_namespace n ON n.nspname = s.statistics_schemaname
    JOIN pg_statistic_ext e ON e.stxnamespace = n.oid AND e.stxname = s.statistics_name
"""
_STALE_STATISTICS: Final = f"""
    SELECT c.oid::bigint, n.nspname, c.relname, o.rolname,
        a.attname, format_type(a.atttypid, a.atttypmod) || coalesce(
            (SELECT format(' COLLATE %I.%I', k.nspname, l.collname) FROM pg_collation l
            JOIN pg_namespace k ON k.oid = l.collnamespace WHERE l.oid = a.attcollation), ''),
        held.holder, held.attribute, held.inherited, held.index
    FROM ({{held}}) held
    JOIN pg_class c ON c.oid = held.relation
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_roles o ON o.oid = c.relowner
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = held.attnum
    WHERE {USER_SCHEMA} AND NOT o.rolsuper AND (
        held.never_renewed
        OR held.inherited AND NOT EXISTS (SELECT FROM pg_inherits h WHERE h.inhparent = c.oid)
        OR CASE
            WHEN c.relkind IN ('r', 'm') THEN c.reltuples = 0
            WHEN c.relkind = 'p' THEN
                c.oid IN ({WITH_FOREIGN_PARTITIONS}) OR c.oid NOT IN ({WITH_ROWS})
        END)
    ORDER BY c.relispartition, c.oid, a.attnum
"""
