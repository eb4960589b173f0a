"""SQL scripts that run once per restored cluster, however long they take: a kind of task.

A script is one statement to the server: a block of PL/pgSQL that executes the statements of the
script one after the other, and records them in the journal last. So the script and its record are
one transaction, which nothing in the script can end: PL/pgSQL refuses COMMIT, END, ROLLBACK,
SAVEPOINT and PREPARE TRANSACTION, in procedures that are called as well. The rows that a statement
returns stay on the server, where they are read and dropped.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pg8000.exceptions import DatabaseError as PgDatabaseError

from aurora_restore.shared.documents.sql_script import DeployedScript
from aurora_restore.shared.errors import (
    DatabaseError,
    ScriptChangedError,
    ScriptFailedError,
    TriggersNotSkippedError,
)
from aurora_restore.shared.postgres import journal
from aurora_restore.shared.postgres.catalog import find_owners
from aurora_restore.shared.postgres.connection import DatabaseSession, literal
from aurora_restore.shared.postgres.journal import JournalKey
from aurora_restore.shared.postgres.membership import TemporaryMembership, plan_membership
from aurora_restore.shared.postgres.refusals import (
    INSUFFICIENT_PRIVILEGE,
    describe,
    raising_again,
    sqlstate,
)
from aurora_restore.shared.postgres.tasks import Task, as_block, digest_of, dollar_quote

ENTRY_PREFIX: Final = "script:"
"""Journal: how the entry of a script begins; its path follows."""
MOST_RECORDED: Final = 50
"""How many statements are recorded one by one, and how many tables are shown."""

_CHANGING: Final = ("INSERT", "UPDATE", "DELETE", "MERGE", "WITH")
"""The commands whose number of rows is recorded, also where it is 0."""
# Without these the server stops or waits for a client that is gone, and a script may change them.
# Each with the version that brought it.
_SERVER_ALONE: Final = (
    (0, "client_min_messages", "error"),
    (140000, "client_connection_check_interval", "0"),
    (170000, "transaction_timeout", "0"),
)
_REPLICA: Final = {"session_replication_role": "replica"}
_NOT_IN_A_TRANSACTION: Final = frozenset({"0A000", "25001", "2D000"})
"""The SQLSTATEs of what cannot be within a function or a transaction."""
_HOW_IT_RUNS: Final = (
    "; a script runs as one transaction on the server, so it holds no statement that begins or "
    "ends one, none that refuses to be in one, and no COPY from or to a client"
)


@dataclass(frozen=True)
class SqlScript(Task):
    """A script, and the database it is for."""

    name: str
    """Its path in the folder of the environment's file."""
    script: DeployedScript = field(repr=False, compare=False)
    skip_triggers: bool = False

    @property
    def title(self) -> str:
        """What it is, within a sentence."""
        return f"script {self.name}"

    @property
    def entry(self) -> str:
        """Its entry in the journal."""
        return f"{ENTRY_PREFIX}{self.name}"

    def do(self, session: DatabaseSession, key: JournalKey) -> None:
        """Run the script and record it, in one transaction."""
        version = session.version
        settings = {name: value for since, name, value in _SERVER_ALONE if version >= since}
        if self.skip_triggers:
            self._skip_triggers(session)
            settings |= _REPLICA
        membership = plan_membership(session, find_owners(session))
        session.run(_as_one_statement(key, self, membership, settings))

    def check_record(self, details: Mapping[str, Any]) -> None:
        """Raise ScriptChangedError if the text that ran was another one."""
        ran = details.get("sha256", self.script.sha256)
        if ran != self.script.sha256:
            raise ScriptChangedError(
                f"script {self.name} was changed after it had run in database {self.database!r}, "
                "and a script runs once in a restored cluster",
                script=self.name,
                database=self.database,
                ran_sha256=ran,
                sha256=self.script.sha256,
            )

    def error(self, error: PgDatabaseError) -> DatabaseError:
        """Return the error for a script that failed: all of it was rolled back."""
        how = _HOW_IT_RUNS if sqlstate(error) in _NOT_IN_A_TRANSACTION else ""
        return ScriptFailedError(
            f"script {self.name} failed in database {self.database!r} and was rolled back: "
            f"{describe(error)}{how}",
            script=self.name,
            sqlstate=sqlstate(error),
        )

    def _skip_triggers(self, session: DatabaseSession) -> None:
        try:
            session.run("SET session_replication_role = replica")
        except PgDatabaseError as error:
            if sqlstate(error) != INSUFFICIENT_PRIVILEGE:
                raise
            raise TriggersNotSkippedError(
                "database.triggers is skip, but the master user may not set "
                f"session_replication_role in database {self.database!r}",
                sqlstate=sqlstate(error),
            ) from error


def digest_of_scripts(scripts: Iterable[SqlScript]) -> str:
    """Return what distinguishes a set of scripts from one of other scripts or other texts.

    It is in the entry of every task whose result depends on what the scripts have done.
    """
    return digest_of(*((each.database, each.name, each.script.sha256) for each in scripts))


def _as_one_statement(
    key: JournalKey,
    script: SqlScript,
    membership: TemporaryMembership,
    settings: Mapping[str, str],
) -> str:
    """Return the block that runs a script, with the master user a member of the owners.

    Only the script's own statements see the search path that they would see in psql. They may
    change it, and any setting; ``settings`` are set again before each of them. Where one fails, the
    number of its line comes with the error.
    """
    statements = script.script.statements
    quote = dollar_quote(each.sql for each in statements)
    sqls = ", ".join(f"{quote}{each.sql}{quote}" for each in statements)
    commands = ", ".join(literal(each.command) for each in statements)
    details = f"""pg_catalog.jsonb_build_object(
        'sha256', {literal(script.script.sha256)},
        'statements', {len(statements)},
        'changes', changes,
        'tables', tables,
        'new_files', new_files,
        'triggers', triggers,
        'seconds', round(extract(epoch FROM clock_timestamp() - statement_timestamp())::numeric, 3)
    )"""
    block = f"""
DECLARE
    sqls CONSTANT text[] := ARRAY[{sqls}]::text[];
    lines CONSTANT int[] := ARRAY[{", ".join(str(each.line) for each in statements)}]::int[];
    commands CONSTANT text[] := ARRAY[{commands}]::text[];
    cursors CONSTANT bool[] := ARRAY[{", ".join(str(s.returns_rows) for s in statements)}]::bool[];
    changing CONSTANT text[] := ARRAY[{", ".join(map(literal, _CHANGING))}];
    own_path CONSTANT text := pg_catalog.current_setting('search_path');
    path text := (SELECT reset_val FROM pg_catalog.pg_settings WHERE name = 'search_path');
    files CONSTANT jsonb := ({_FILES});
    the_rows pg_catalog.refcursor;
    started bool;
    row_count bigint;
    at_line int;
    sql text;
    changes jsonb := '[]';
    tables jsonb;
    new_files jsonb;
    triggers jsonb;
BEGIN
    {_lines(membership.gain)}
    BEGIN
        FOR number IN 1 .. pg_catalog.cardinality(sqls) LOOP
            at_line := lines[number];
            sql := sqls[number];
            {_settings_again(settings)}
            PERFORM pg_catalog.set_config('search_path', path, true);
            row_count := NULL;
            started := false;
            IF cursors[number] THEN
                BEGIN
                    OPEN the_rows NO SCROLL FOR EXECUTE sql;
                    started := true;
                    MOVE FORWARD ALL FROM the_rows;
                    GET DIAGNOSTICS row_count = ROW_COUNT;
                    CLOSE the_rows;
                EXCEPTION WHEN invalid_cursor_definition THEN
                    row_count := NULL;
                END;
            END IF;
            IF row_count IS NULL THEN
                EXECUTE sql;
                GET DIAGNOSTICS row_count = ROW_COUNT;
            END IF;
            path := pg_catalog.current_setting('search_path');
            PERFORM pg_catalog.set_config('search_path', own_path, true);
            IF commands[number] = ANY (changing)
                AND pg_catalog.jsonb_array_length(changes) < {MOST_RECORDED} THEN
                changes := changes || pg_catalog.jsonb_build_object(
                    'line', lines[number], 'command', commands[number], 'rows', row_count);
            END IF;
        END LOOP;
    EXCEPTION WHEN OTHERS OR assert_failure THEN
        {raising_again("pg_catalog.concat('line ', at_line)", "sql", "started")}
    END;
    SET ROLE NONE;
    {_lines(membership.lose)}
    tables := ({_CHANGED_TABLES});
    new_files := ({_NEW_FILES});
    triggers := ({_FIRED_TRIGGERS});
    {journal.insertion(key, script.entry, details)};
END
"""
    return as_block(block)


def _lines(statements: Iterable[str]) -> str:
    return "\n    ".join(f"{statement};" for statement in statements)


def _settings_again(settings: Mapping[str, str]) -> str:
    rows = ", ".join(f"({literal(name)}, {literal(value)})" for name, value in settings.items())
    return (
        "PERFORM pg_catalog.set_config(s.name, s.value, true) "
        f"FROM (VALUES {rows}) AS s (name, value) "
        "WHERE pg_catalog.current_setting(s.name) <> s.value;"
    )


def shorten_record(details: Mapping[str, Any]) -> dict[str, Any]:
    """Return a script's record with no more tables and triggers than a state or a message holds."""
    lists = {name: details[name] for name in ("tables", "triggers") if name in details}
    return {
        **{name: held for name, held in details.items() if name != "new_files"},
        **{name: held[:MOST_RECORDED] for name, held in lists.items()},
        **{
            f"{name}_not_shown": len(held) - MOST_RECORDED
            for name, held in lists.items()
            if len(held) > MOST_RECORDED
        },
    }


def find_changed_tables(
    session: DatabaseSession, key: JournalKey, *, with_new_files: bool = False
) -> list[tuple[str, str]]:
    """Return schema and name of the tables that the restore's scripts changed in a database.

    With ``with_new_files`` also of those that have another file since, such as by TRUNCATE.
    """
    found = journal.find_all(session, key, ENTRY_PREFIX)
    kinds = ("tables", "new_files") if with_new_files else ("tables",)
    return sorted(
        {
            (table["schema"], table["name"])
            for details in found.values()
            for kind in kinds
            for table in details.get(kind, ())
        }
    )


_ROWS: Final = "n_tup_ins + n_tup_upd + n_tup_del > 0"
_CHANGED: Final = f"""
    SELECT s.relid, s.schemaname, s.relname, s.n_tup_ins, s.n_tup_upd, s.n_tup_del
    FROM pg_catalog.pg_stat_xact_user_tables s
    WHERE ({_ROWS} OR s.relid IN (SELECT attrelid FROM pg_catalog.pg_attribute
        WHERE attisdropped AND pg_catalog.age(xmin) <= 0))
    AND s.schemaname <> '{journal.SCHEMA}' AND s.schemaname !~ '^pg_temp'
"""
"""What the transaction has changed so far, by PostgreSQL's own count of rows.

It does not count the values of a column that is dropped, which stay in the file. The catalog's row
of that column is then of this transaction, than which nothing here is younger.
"""
_CHANGED_TABLES: Final = f"""
    SELECT coalesce(jsonb_agg(jsonb_build_object(
        'schema', c.schemaname, 'name', c.relname,
        'inserted', c.n_tup_ins, 'updated', c.n_tup_upd, 'deleted', c.n_tup_del
    ) ORDER BY c.schemaname, c.relname), '[]') FROM ({_CHANGED}) c
"""
_HAS_A_FILE: Final = f"""
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> '{journal.SCHEMA}'
"""
_FILES: Final = f"SELECT jsonb_object_agg(c.oid, c.relfilenode) {_HAS_A_FILE}"
_NEW_FILES: Final = f"""
    SELECT coalesce(jsonb_agg(
        jsonb_build_object('schema', n.nspname, 'name', c.relname) ORDER BY n.nspname, c.relname
    ), '[]') {_HAS_A_FILE} AND (files ->> c.oid::text)::oid <> c.relfilenode
"""
"""The tables that have a new file, such as by TRUNCATE, which counts no row."""
_FIRED_TRIGGERS: Final = f"""
    SELECT coalesce(jsonb_agg(
        format('%s on %s.%s', t.tgname, c.schemaname, c.relname)
        ORDER BY c.schemaname, c.relname, t.tgname
    ), '[]') FROM ({_CHANGED}) c
    JOIN pg_catalog.pg_trigger t ON {_ROWS} AND t.tgrelid = c.relid AND NOT t.tgisinternal
    AND t.tgenabled IN ('A', CASE pg_catalog.current_setting('session_replication_role')
        WHEN 'replica' THEN 'R' ELSE 'O' END)
"""
"""The triggers on these tables that fire as the session is."""
