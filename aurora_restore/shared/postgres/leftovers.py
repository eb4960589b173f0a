"""Where masking may have left original values: views, statistics, and files of tables."""

from contextlib import suppress
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Final

from pg8000.exceptions import DatabaseError as PgDatabaseError

from aurora_restore.shared.postgres.catalog import USER_RELATIONS, USER_SCHEMA, find_owners
from aurora_restore.shared.postgres.connection import DatabaseSession, identifier, literal
from aurora_restore.shared.postgres.membership import plan_membership

CLEARS_STATISTICS_SINCE: Final = 180000
"""PostgreSQL 18 lets the statistics of a column be removed by a function."""
EXTENDED_STATISTICS_SHOWN_SINCE: Final = 120000
"""PostgreSQL 12 gave extended statistics values, and a view that shows them."""

# Of every partitioned table: itself, and everything below it.
_TREES: Final = """
    WITH RECURSIVE tree (root, oid, relkind) AS (
        SELECT oid, oid, relkind FROM pg_class WHERE relkind = 'p'
        UNION ALL
        SELECT t.root, c.oid, c.relkind FROM tree t
        JOIN pg_inherits i ON i.inhparent = t.oid JOIN pg_class c ON c.oid = i.inhrelid
    )
"""
# ANALYZE of a partitioned table reads all of its partitions, also those in other servers.
_WITH_FOREIGN_PARTITIONS: Final = f"""
    {_TREES} SELECT t.oid FROM tree t WHERE t.root IN (
        SELECT f.root FROM tree f JOIN pg_class r ON r.oid = f.root
        WHERE f.relkind = 'f' AND NOT r.relispartition
    )
"""
_WITH_ROWS: Final = f"""
    {_TREES} SELECT t.root FROM tree t JOIN pg_class c ON c.oid = t.oid
    WHERE c.relkind = 'r' AND c.reltuples <> 0
"""
_SHOWN: Final = """
    SELECT schemaname, tablename, attname, inherited, false FROM pg_stats
    WHERE most_common_vals IS NOT NULL OR histogram_bounds IS NOT NULL
        OR most_common_elems IS NOT NULL
"""
_SHOWN_BY_EXTENDED_STATISTICS: Final = """
    UNION SELECT schemaname, tablename, attnames[1], false, true FROM pg_stats_ext
    WHERE most_common_vals IS NOT NULL AND attnames IS NOT NULL
"""
_STALE_STATISTICS: Final = f"""
    SELECT c.oid::bigint, n.nspname, c.relname, o.rolname,
        a.attname, format_type(a.atttypid, a.atttypmod), s.inherited, s.is_extended
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_roles o ON o.oid = c.relowner
    JOIN ({{shown}}) AS s (schema, name, attribute, inherited, is_extended)
        ON s.schema = n.nspname AND s.name = c.relname
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = s.attribute
    WHERE {USER_SCHEMA} AND NOT o.rolsuper AND CASE
        WHEN c.relkind IN ('r', 'm') THEN c.reltuples = 0
        WHEN c.relkind = 'p' THEN
            c.oid IN ({_WITH_FOREIGN_PARTITIONS}) OR c.oid NOT IN ({_WITH_ROWS})
    END
    ORDER BY c.relispartition, c.oid, a.attnum
"""


@dataclass(frozen=True)
class Relation:
    """A table or materialized view, and who owns it."""

    oid: int
    schema: str
    name: str
    owner: str

    @property
    def sql(self) -> str:
        """Return its name as SQL."""
        return f"{identifier(self.schema)}.{identifier(self.name)}"

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


def find_views_to_refresh(session: DatabaseSession) -> list[Relation]:
    """Return the populated materialized views, each after those that it reads from.

    Left out are those of superusers, which only PostgreSQL's own or RDS's extensions make. What a
    view reads by way of a function is not known to PostgreSQL.
    """
    views = _find(session, "c.relkind = 'm' AND c.relispopulated")
    reads = session.run(
        """
        SELECT DISTINCT r.ev_class::bigint, d.refobjid::bigint
        FROM pg_depend d
        JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
        JOIN pg_class c ON d.refclassid = 'pg_class'::regclass AND c.oid = d.refobjid
        WHERE c.relkind IN ('m', 'v') AND r.ev_class <> d.refobjid
        """
    )
    order: TopologicalSorter[int] = TopologicalSorter({view.oid: () for view in views})
    for reader, source in reads:
        order.add(reader, source)
    by_oid = {view.oid: view for view in views}
    return [by_oid[oid] for oid in order.static_order() if oid in by_oid]


def find_tables_to_analyze(session: DatabaseSession) -> list[Relation]:
    """Return what ANALYZE is to be given, in the order of the oids.

    A partitioned table stands for its partitions, unless one of them is a foreign table, which
    ANALYZE would try to read: then its other partitions are there instead.
    """
    return _find(
        session,
        f"""
        c.relkind IN ('r', 'p', 'm') AND c.relpersistence <> 't'
        AND (c.relkind <> 'm' OR c.relispopulated)
        AND CASE WHEN c.oid IN ({_WITH_FOREIGN_PARTITIONS}) THEN c.relkind <> 'p'
            ELSE NOT c.relispartition END
        """,
    )


def find_tables(session: DatabaseSession) -> list[Relation]:
    """Return every table that has a file of its own, in the order of the oids."""
    return _find(session, "c.relkind = 'r'")


def _find(session: DatabaseSession, condition: str) -> list[Relation]:
    """Return the database's own relations that meet a condition, in the order of the oids."""
    rows = session.run(
        f"SELECT c.oid::bigint, n.nspname, c.relname, o.rolname {USER_RELATIONS} AND {condition} "
        "ORDER BY c.oid"
    )
    return [Relation(*row) for row in rows]


def find_files(session: DatabaseSession) -> dict[str, int]:
    """Return the number of the file of each table, by the table's oid."""
    rows = session.run(
        f"SELECT c.oid::text, pg_relation_filenode(c.oid)::bigint {USER_RELATIONS} "
        "AND c.relkind = 'r'"
    )
    return dict(rows)


def remove_stale_statistics(session: DatabaseSession) -> list[tuple[Relation, str]]:
    """Remove the statistics that ANALYZE leaves as they are; return the columns that kept theirs.

    Those are of tables without a row, and of partitioned tables that it cannot read as a whole.
    Before PostgreSQL 18, only a change of the column's type, which may be to the same type, removes
    them, and that is refused where a view reads the column.
    """
    for relation, column, kind, inherited, is_extended in _find_stale_statistics(session):
        if session.version >= CLEARS_STATISTICS_SINCE and not is_extended:
            change = (
                f"SELECT pg_clear_attribute_stats({literal(relation.schema)}, "
                f"{literal(relation.name)}, {literal(column)}, {literal(inherited)})"
            )
        else:
            change = f"ALTER TABLE {relation.sql} ALTER COLUMN {identifier(column)} TYPE {kind}"
        with suppress(PgDatabaseError), session.transaction():
            membership = plan_membership(session, (relation.owner,))
            for statement in (*membership.gain, change, *membership.lose):
                session.run(statement)
    return [(relation, column) for relation, column, *_ in _find_stale_statistics(session)]


def _find_stale_statistics(
    session: DatabaseSession,
) -> list[tuple[Relation, str, str, bool, bool]]:
    """Return relation, column, its type, and whether the statistics are inherited or extended.

    Of extended ones, only PostgreSQL 15 and newer show whether they are inherited, so it is false.
    Only who may read a table sees its statistics, so they are looked for in the owners' name.
    """
    shown = _SHOWN
    if session.version >= EXTENDED_STATISTICS_SHOWN_SINCE:
        shown += _SHOWN_BY_EXTENDED_STATISTICS
    membership = plan_membership(session, find_owners(session))
    with session.transaction():
        for statement in membership.gain:
            session.run(statement)
        rows = session.run(_STALE_STATISTICS.format(shown=shown))
        for statement in membership.lose:
            session.run(statement)
    return [(Relation(*row[:4]), *row[4:]) for row in rows]
