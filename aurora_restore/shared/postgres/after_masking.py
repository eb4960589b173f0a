"""What is done after the scripts, so that no original value is left beside the rows: tasks.

Materialized views hold copies, statistics hold samples, and the files of a table hold the rows of
before. Each task is of one set of scripts: where another script has run since, it is done again.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pg8000.exceptions import DatabaseError as PgDatabaseError

from aurora_restore.shared.documents.schema import to_json
from aurora_restore.shared.errors import AfterMaskingError, DatabaseError
from aurora_restore.shared.name_list import NameList
from aurora_restore.shared.postgres import journal
from aurora_restore.shared.postgres.connection import DatabaseSession, literal
from aurora_restore.shared.postgres.journal import JournalKey
from aurora_restore.shared.postgres.leftovers import (
    Relation,
    find_files,
    find_tables_to_analyze,
    find_tables_with_files,
    find_views_to_refresh,
)
from aurora_restore.shared.postgres.membership import TemporaryMembership, plan_membership
from aurora_restore.shared.postgres.refusals import describe, raising_again, sqlstate
from aurora_restore.shared.postgres.scripts import (
    SqlScript,
    digest_of_scripts,
    find_changed_tables,
)
from aurora_restore.shared.postgres.session_settings import DEFAULT_SEARCH_PATH
from aurora_restore.shared.postgres.stale_statistics import remove_stale_statistics
from aurora_restore.shared.postgres.tasks import Task, as_block

TABLES_IN_A_BATCH: Final = 200
"""How many tables are analyzed in one transaction, which holds a lock on each until it ends."""


@dataclass(frozen=True)
class _TaskAfterScripts(Task):
    """A task that follows the scripts of its database."""

    of_scripts: str
    """Which scripts it follows; see ``digest_of_scripts``."""

    def error(self, error: PgDatabaseError) -> DatabaseError:
        """Return the error for what could not be cleaned up after the scripts."""
        return AfterMaskingError(
            f"{self.title} failed in database {self.database!r}: {describe(error)}",
            sqlstate=sqlstate(error),
        )


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
            entry = f"view-refreshed:{self.of_scripts}:{view.sql}"
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
        changed = set(find_changed_tables(session, key, with_new_files=True))
        unmasked = NameList.of(
            str(each) for each in left if (each.relation.schema, each.relation.name) in changed
        )
        if unmasked:
            raise AfterMaskingError(
                f"the statistics of columns in database {self.database!r} still hold the values of "
                "before, because ANALYZE leaves them as they are (their tables have no row any "
                "more, or none are to be collected) and PostgreSQL does not let them be removed: "
                f"{unmasked}",
                columns=to_json(unmasked),
            )
        record = journal.as_jsonb(statistics_left=to_json(NameList.of(map(str, left))))
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
                    f"{NameList.of(map(str, left))}",
                )
        with session.transaction():
            for statement in plan["lose"]:
                session.run(statement)
            record = journal.as_jsonb(tables=len(plan["files"]))
            session.run(journal.insertion(key, self.entry, record))

    def _begin(self, session: DatabaseSession, key: JournalKey) -> Mapping[str, Any]:
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
        changed = set(find_changed_tables(session, key))
        tables = [
            each for each in find_tables_with_files(session) if (each.schema, each.name) in changed
        ]
        membership = plan_membership(session, {each.owner for each in tables})
        files = find_files(session)
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
        now = find_files(session)
        same = {oid for oid, file in files.items() if now.get(oid) == file}
        return [each for each in find_tables_with_files(session) if str(each.oid) in same]


def after_masking(
    databases: Sequence[str], scripts: Sequence[SqlScript], *, rewrite_tables: bool
) -> Iterator[Task]:
    """Yield what is to be done after the scripts; nothing where there are none."""
    if not scripts:
        return
    digest = digest_of_scripts(scripts)
    concerned = tuple(dict.fromkeys((*databases, *(each.database for each in scripts))))
    if rewrite_tables:
        for database in concerned:
            yield RewriteTables(database, digest)
    for database in concerned:
        yield RefreshViews(database, digest)
    for database in concerned:
        yield AnalyzeTables(database, digest)


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
            "EXCEPTION WHEN OTHERS OR assert_failure THEN",
            raising_again(literal(step.name), literal(step.statement)),
            "END;",
            "PERFORM pg_catalog.set_config('search_path', own_path, true);",
            *(f"{statement};" for statement in step.membership.lose),
            f"{step.record};",
            "COMMIT;",
        ]
    return as_block("\n".join([*lines, f"{last};", "END"]))
