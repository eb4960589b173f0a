"""Where masking may have left original values: in views, and in files of tables."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from aurora_restore.shared.postgres.catalog import USER_RELATIONS
from aurora_restore.shared.postgres.connection import DatabaseSession, identifier

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
WITH_FOREIGN_PARTITIONS: Final = f"""
    {_TREES} SELECT t.oid FROM tree t WHERE t.root IN (
        SELECT f.root FROM tree f JOIN pg_class r ON r.oid = f.root
        WHERE f.relkind = 'f' AND NOT r.relispartition
    )
"""
WITH_ROWS: Final = f"""
    {_TREES} SELECT t.root FROM tree t JOIN pg_class c ON c.oid = t.oid
    WHERE c.relkind = 'r' AND c.reltuples <> 0
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
        ORDER BY 1, 2
        """
    )
    sources: dict[int, list[int]] = defaultdict(list)
    for reader, source in reads:
        sources[reader].append(source)
    by_oid = {view.oid: view for view in views}
    ordered = _sources_first(list(by_oid), sources)
    return [by_oid[oid] for oid in ordered if oid in by_oid]


def _sources_first(wanted: Sequence[int], sources: Mapping[int, Sequence[int]]) -> list[int]:
    """Return what is wanted and what it reads, each after what it reads itself.

    PostgreSQL lets a view be replaced by one that leads back to itself. There is no order for such
    views, and some must not prevent that of the others.
    """
    ordered: dict[int, None] = {}
    seen: set[int] = set()
    pending = [(oid, False) for oid in reversed(wanted)]
    while pending:
        oid, sources_are_done = pending.pop()
        if sources_are_done:
            ordered[oid] = None
        elif oid not in seen:
            seen.add(oid)
            pending.append((oid, True))
            pending.extend((source, False) for source in reversed(sources.get(oid, ())))
    return list(ordered)


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
        AND CASE WHEN c.oid IN ({WITH_FOREIGN_PARTITIONS}) THEN c.relkind <> 'p'
            ELSE NOT c.relispartition END
        """,
    )


def find_tables_with_files(session: DatabaseSession) -> list[Relation]:
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
