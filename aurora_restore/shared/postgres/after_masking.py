"""What is done after the scripts, so that no original value is left beside the rows: tasks.

Materialized views hold copies, statistics hold samples, and the files of a table hold the rows of
before. Each task is of one set of scripts: where another script has run since, it is done again.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any, Final

from pg8000.exceptions import DatabaseError as PgDatabaseError

from aurora_restore.shared.errors import AfterMaskingError, DatabaseError
from aurora_restore.shared.postgres import journal
from aurora_restore.shared.postgres.catalog import USER_RELATIONS, USER_SCHEMA, find_owners
from aurora_restore.shared.postgres.connection import (
    DatabaseSession,
    describe,
    identifier,
    literal,
    sqlstate,
)
from aurora_restore.shared.postgres.journal import JournalKey
from aurora_restore.shared.postgres.membership import TemporaryMembership, plan_membership
from aurora_restore.shared.postgres.scripts import SqlScript, find_changed_tables
from aurora_restore.shared.postgres.session_settings import DEFAULT_SEARCH_PATH
from aurora_restore.shared.postgres.tasks import Task, as_block

TABLES_IN_A_BATCH: Final = 200
"""How many tables are analyzed in one transaction, which holds a lock on each until it ends."""
MOST_NAMED: Final = 50
"""How many names a record or a message holds."""
CLEARS_STATISTICS_SINCE: Final = 180000
"""PostgreSQL 18 lets the statistics of a column be removed by a function."""


@dataclass(frozen=True)
class _TaskAfterScripts(Task):
    """A task that follows the scripts of its database."""

    of_scripts: str
    """Which scripts it follows; see ``name_of_scripts``."""

    def error(self, error: PgDatabaseError) -> DatabaseError:
        """Return the error for what could not be cleaned up after the scripts."""
        return AfterMaskingError(
            f"{self.title} failed in database {self.database!r}: {describe(error)}",
            sqlstate=sqlstate(error),
        )


def name_of_scripts(scripts: Iterable[SqlScript]) -> str:
    """Return a name of a set of scripts, which is another one for other scripts or texts."""
    text = "\0".join(f"{each.database}\0{each.name}\0{each.script.sha256}" for each in scripts)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


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


@dataclass(frozen=True)
class RefreshViews(_TaskAfterScripts):
    """Refresh the populated materialized views, those that others read from first."""

    @property
    def title(self) -> str:
        """What it is, within a sentence."""
        return "refreshing materialized views"

    @property
    def entry(self) -> str:
        """Its entry in the journal."""
        return f"views-refreshed:{self.of_scripts}"

    def do(self, session: DatabaseSession, key: JournalKey) -> None:
        """Refresh each view in a transaction of its own; those that are done are left out."""
        views = find_views_to_refresh(session)
        done = journal.find_all(session, key, f"view-refreshed:{self.of_scripts}:")
        steps = []
        for view in views:
            entry = f"view-refreshed:{self.of_scripts}:{view}"
            if entry not in done:
                steps.append(
                    _Step(
                        str(view),
                        plan_membership(session, (view.owner,)),
                        f"REFRESH MATERIALIZED VIEW {view.sql}",
                        journal.insertion(key, entry),
                    )
                )
        record = journal.as_jsonb(views=len(views))
        session.run(_in_transactions(steps, journal.insertion(key, self.entry, record)))


@dataclass(frozen=True)
class AnalyzeTables(_TaskAfterScripts):
    """Collect the statistics of every table again: those of before show original values."""

    @property
    def title(self) -> str:
        """What it is, within a sentence."""
        return "analyzing tables"

    @property
    def entry(self) -> str:
        """Its entry in the journal."""
        return f"tables-analyzed:{self.of_scripts}"

    def do(self, session: DatabaseSession, key: JournalKey) -> None:
        """Analyze the tables in batches, each in a transaction; those that are done are left out.

        A table without rows keeps its statistics when it is analyzed, so they are removed. Raises
        AfterMaskingError if a table that the scripts changed has some that cannot be.
        """
        done = {
            int(entry.rpartition(":")[2])
            for entry in journal.find_all(session, key, f"analyzed:{self.of_scripts}:")
        }
        tables = [
            each for each in find_tables_to_analyze(session) if each.oid > max(done, default=0)
        ]
        steps = []
        for start in range(0, len(tables), TABLES_IN_A_BATCH):
            batch = tables[start : start + TABLES_IN_A_BATCH]
            names = ", ".join(each.sql for each in batch)
            steps.append(
                _Step(
                    str(batch[0]) if len(batch) == 1 else f"{batch[0]} to {batch[-1]}",
                    plan_membership(session, {each.owner for each in batch}),
                    f"ANALYZE {names}",
                    journal.insertion(key, f"analyzed:{self.of_scripts}:{batch[-1].oid}"),
                )
            )
        if steps:
            session.run(_in_transactions(steps))
        left = remove_stale_statistics(session)
        changed = {f"{schema}.{name}" for schema, name in find_changed_tables(session, key)}
        if unmasked := [each for each in left if each.rpartition(".")[0] in changed]:
            raise AfterMaskingError(
                f"the statistics of columns in database {self.database!r} still hold the values of "
                "before, because their tables have no row any more and PostgreSQL does not let "
                f"them be removed: {', '.join(unmasked[:MOST_NAMED])}",
                columns=unmasked[:MOST_NAMED],
            )
        record = journal.as_jsonb(statistics_left=left[:MOST_NAMED])
        session.run(journal.insertion(key, self.entry, record))


@dataclass(frozen=True)
class RewriteTables(_TaskAfterScripts):
    """Rewrite the tables that scripts changed, so that their files hold no row of before."""

    @property
    def title(self) -> str:
        """What it is, within a sentence."""
        return "rewriting changed tables"

    @property
    def entry(self) -> str:
        """Its entry in the journal."""
        return f"tables-rewritten:{self.of_scripts}"

    def do(self, session: DatabaseSession, key: JournalKey) -> None:
        """Rewrite those tables whose file is still the one that was recorded at the beginning.

        VACUUM FULL refuses to be in a transaction. So the membership of the owners, which it needs,
        is granted before and revoked after it, each in one transaction with an entry of the
        journal. A table that PostgreSQL leaves out, which it only warns of, raises
        AfterMaskingError.
        """
        plan = self._begin(session, key)
        if remaining := self._remaining(session, plan["files"]):
            session.run(DEFAULT_SEARCH_PATH)
            session.run(f"VACUUM (FULL) {', '.join(each.sql for each in remaining)}")
            if left := self._remaining(session, plan["files"]):
                raise AfterMaskingError(
                    f"VACUUM FULL in database {self.database!r} left out "
                    f"{', '.join(str(each) for each in left[:MOST_NAMED])}",
                )
        with session.transaction():
            for statement in plan["lose"]:
                session.run(statement)
            record = journal.as_jsonb(tables=len(plan["files"]))
            session.run(journal.insertion(key, self.entry, record))

    def _begin(self, session: DatabaseSession, key: JournalKey) -> Any:
        """Return the files of the tables, and what ends the memberships, from the beginning."""
        entry = f"rewrite-begun:{self.of_scripts}"
        begun = journal.find(session, key, entry)
        if begun is not None:
            return begun
        if session.scalar("SELECT current_setting('track_counts')") != "on":
            raise AfterMaskingError(
                f"which tables the scripts changed in database {self.database!r} is not known, "
                "because track_counts is off: set it on in the cluster's parameter group"
            )
        tables = find_tables(session, find_changed_tables(session, key))
        membership = plan_membership(session, {each.owner for each in tables})
        files = _find_files(session)
        plan = {
            "files": {str(each.oid): files[str(each.oid)] for each in tables},
            "lose": list(membership.lose),
        }
        with session.transaction():
            for statement in membership.gain:
                session.run(statement)
            session.run(journal.insertion(key, entry, journal.as_jsonb(**plan)))
        return plan

    def _remaining(self, session: DatabaseSession, files: dict[str, int]) -> list[Relation]:
        """Return the tables whose file is the one of the beginning; they may be gone, too."""
        now = _find_files(session)
        same = {oid for oid, file in files.items() if now.get(oid) == file}
        return [each for each in _find(session, "c.relkind = 'r'") if str(each.oid) in same]


def after_masking(
    databases: Sequence[str], scripts: Sequence[SqlScript], *, rewrite_tables: bool
) -> Iterator[Task]:
    """Yield what is to be done after the scripts; nothing where there are none."""
    if not scripts:
        return
    name = name_of_scripts(scripts)
    concerned = tuple(dict.fromkeys((*databases, *(each.database for each in scripts))))
    if rewrite_tables:
        for database in concerned:
            yield RewriteTables(database, name)
    for database in concerned:
        yield RefreshViews(database, name)
    for database in concerned:
        yield AnalyzeTables(database, name)


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


def find_tables(session: DatabaseSession, names: Iterable[tuple[str, str]]) -> list[Relation]:
    """Return those of the named tables that are there, by schema and name."""
    wanted = set(names)
    return [
        each for each in _find(session, "c.relkind = 'r'") if (each.schema, each.name) in wanted
    ]


def _find(session: DatabaseSession, condition: str) -> list[Relation]:
    """Return the database's own relations that meet a condition, in the order of the oids."""
    rows = session.run(
        f"SELECT c.oid::bigint, n.nspname, c.relname, o.rolname {USER_RELATIONS} AND {condition} "
        "ORDER BY c.oid"
    )
    return [Relation(*row) for row in rows]


def _find_files(session: DatabaseSession) -> dict[str, int]:
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


@dataclass(frozen=True)
class _Step:
    """One transaction of a task."""

    name: str
    """What it is about, for the error."""
    membership: TemporaryMembership
    statement: str
    record: str


def _in_transactions(steps: Iterable[_Step], last: str = "NULL") -> str:
    """Return a block that commits after each step, which the server does without its client.

    Each statement sees the search path of psql, as far as PostgreSQL lets it: functions of the
    user's may be called within.
    """
    lines = [
        "DECLARE",
        "own_path CONSTANT text := pg_catalog.current_setting('search_path');",
        "path CONSTANT text :=",
        "  (SELECT reset_val FROM pg_catalog.pg_settings WHERE name = 'search_path');",
        "BEGIN",
    ]
    for step in steps:
        lines += [
            *(f"{statement};" for statement in step.membership.gain),
            "BEGIN",
            "  PERFORM pg_catalog.set_config('search_path', path, true);",
            f"  {step.statement};",
            "EXCEPTION WHEN OTHERS THEN",
            "  RAISE EXCEPTION USING ERRCODE = SQLSTATE,",
            f"    MESSAGE = pg_catalog.concat({literal(step.name)}, ': ', SQLERRM);",
            "END;",
            "PERFORM pg_catalog.set_config('search_path', own_path, true);",
            *(f"{statement};" for statement in step.membership.lose),
            f"{step.record};",
            "COMMIT;",
        ]
    return as_block("\n".join([*lines, f"{last};", "END"]))
