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
        AND CASE
            WHEN NOT c.relispartition THEN
                NOT EXISTS ({_FOREIGN_PARTITION.format(root="c.oid")})
            WHEN c.relkind = 'p' THEN false
            ELSE EXISTS ({_FOREIGN_PARTITION.format(root="pg_partition_root(c.oid)")})
        END
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


def remove_stale_statistics(session: DatabaseSession) -> list[str]:
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
    left = _find_stale_statistics(session)
    return sorted({f"{relation}.{column}" for relation, column, _, _, _ in left})


def _find_stale_statistics(
    session: DatabaseSession,
) -> list[tuple[Relation, str, str, bool, bool]]:
    """Return relation, column, its type, and whether the statistics are inherited or extended.

    Only who may read a table sees its statistics, so they are looked for in the owners' name.
    """
    membership = plan_membership(session, find_owners(session))
    with session.transaction():
        for statement in membership.gain:
            session.run(statement)
        rows = session.run(_STALE_STATISTICS)
        for statement in membership.lose:
            session.run(statement)
    return [(Relation(*row[:4]), *row[4:]) for row in rows]


_FOREIGN_PARTITION: Final = """
    SELECT FROM pg_partition_tree({root}) t JOIN pg_class f ON f.oid = t.relid AND f.relkind = 'f'
"""
_STALE_STATISTICS: Final = f"""
    SELECT c.oid::bigint, n.nspname, c.relname, o.rolname,
        a.attname, format_type(a.atttypid, a.atttypmod), s.inherited, s.is_extended
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_roles o ON o.oid = c.relowner
    JOIN (
        SELECT schemaname, tablename, attname, inherited, false FROM pg_stats
        WHERE most_common_vals IS NOT NULL OR histogram_bounds IS NOT NULL
            OR most_common_elems IS NOT NULL
        UNION
        SELECT schemaname, tablename, attnames[1], inherited, true FROM pg_stats_ext
        WHERE most_common_vals IS NOT NULL AND attnames IS NOT NULL
    ) AS s (schema, name, attribute, inherited, is_extended)
        ON s.schema = n.nspname AND s.name = c.relname
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = s.attribute
    WHERE {USER_SCHEMA} AND NOT o.rolsuper AND c.relkind IN ('r', 'p', 'm')
    AND (c.reltuples = 0
        OR c.relkind = 'p' AND EXISTS ({_FOREIGN_PARTITION.format(root="c.oid")}))
    ORDER BY c.relispartition, c.oid, a.attnum
"""
