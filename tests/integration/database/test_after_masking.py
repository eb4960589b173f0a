"""After the scripts no original value is left in views, statistics or files of PostgreSQL."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from aurora_restore.configuration.sql_text import deployed_script
from aurora_restore.shared.errors import AfterMaskingError
from aurora_restore.shared.postgres.access import DatabaseAccess
from aurora_restore.shared.postgres.after_masking import (
    AnalyzeTables,
    RefreshViews,
    RewriteTables,
    after_masking,
)
from aurora_restore.shared.postgres.connection import literal
from aurora_restore.shared.postgres.scripts import SqlScript, find_changed_tables
from aurora_restore.shared.postgres.tasks import Task, TaskStatus, find_task_status, start_task
from tests.integration.database.conftest import (
    DATABASE,
    MASTER,
    OLDEST,
    OPERATION,
    Aged,
    Restored,
)

ENOUGH_SECONDS = 20.0
MASKING = "UPDATE \"Odd Schema\".people SET email = 'masked'; UPDATE customers SET email = 'masked'"
PERSONAL_DATA = """
GRANT "Odd ""Owner" TO postgres;
SET ROLE "Odd ""Owner";
CREATE TABLE "Odd Schema".people (id int, email text, note text);
INSERT INTO "Odd Schema".people
    SELECT n, 'real' || n % 3 || '@real.example', repeat('real ', 2000)
    FROM generate_series(1, 300) n;
CREATE STATISTICS "Odd Schema".together (mcv) ON id, email FROM "Odd Schema".people;
CREATE MATERIALIZED VIEW "Odd Schema".z_first AS SELECT email FROM "Odd Schema".people;
CREATE VIEW "Odd Schema".between AS SELECT email FROM "Odd Schema".z_first;
ANALYZE "Odd Schema".people;
GRANT USAGE ON SCHEMA "Odd Schema" TO postgres;
GRANT SELECT ON ALL TABLES IN SCHEMA "Odd Schema" TO postgres;
RESET ROLE;
CREATE MATERIALIZED VIEW a_second AS
    SELECT email, count(*) FROM "Odd Schema".between GROUP BY email;
CREATE MATERIALIZED VIEW empty_one AS SELECT email FROM customers WITH NO DATA;
ANALYZE a_second;
REVOKE "Odd ""Owner" FROM postgres;
"""


def access(restored: Restored) -> DatabaseAccess:
    return DatabaseAccess(restored.server, MASTER, DATABASE, (DATABASE,), OPERATION)


def script(sql: str, name: str = "mask.sql") -> SqlScript:
    return SqlScript(DATABASE, name, deployed_script(sql.encode()))


def status(restored: Restored, task: Task) -> TaskStatus:
    with access(restored).session() as session:
        return find_task_status(session, OPERATION, task)


def do(restored: Restored, tasks: Sequence[Task]) -> None:
    for task in tasks:
        if status(restored, task) is not TaskStatus.DONE:
            assert start_task(access(restored), task, ENOUGH_SECONDS) is TaskStatus.DONE


def mask(restored: Restored, *scripts: SqlScript, rewrite_tables: bool = False) -> list[Task]:
    """Do what the step does from the scripts on; return what follows the scripts."""
    do(restored, scripts)
    tasks = list(after_masking((DATABASE,), scripts, rewrite_tables=rewrite_tables))
    do(restored, tasks)
    return tasks


def prepare(restored: Restored, sql: str = PERSONAL_DATA) -> None:
    with restored.session(MASTER) as connection:
        connection.run(sql)


def rows(restored: Restored, query: str) -> list[list[object]]:
    with restored.session(MASTER) as connection:
        return list(connection.run(query))


def test_views_of_views_are_refreshed_in_their_order_for_every_owner(restored: Restored) -> None:
    prepare(restored)

    mask(restored, script(MASKING))

    assert rows(restored, "SELECT * FROM a_second") == [["masked", 300]]
    assert rows(restored, "SELECT relispopulated FROM pg_class WHERE relname = 'empty_one'") == [
        [False]
    ]
    ((member,),) = rows(restored, """SELECT pg_has_role('postgres', 'Odd "Owner', 'USAGE')""")
    assert member is False


def test_no_statistics_show_an_original_value(restored: Restored) -> None:
    prepare(restored)
    shown = """
        SELECT tablename FROM pg_stats WHERE schemaname !~ '^pg_'
        AND (most_common_vals::text ~ 'real' OR histogram_bounds::text ~ 'real')
        AND attname = 'email'
        UNION SELECT tablename FROM pg_stats_ext WHERE most_common_vals::text ~ 'real'
        ORDER BY 1
    """
    prepare(restored, "ANALYZE customers")
    assert {name for (name,) in rows(restored, shown)} >= {"a_second", "customers"}

    mask(restored, script(MASKING))

    assert rows(restored, shown) == []
    assert rows(
        restored,
        "SELECT DISTINCT most_common_vals::text FROM pg_stats WHERE attname = 'email'"
        " AND schemaname !~ '^pg_' AND most_common_vals IS NOT NULL",
    ) == [["{masked}"]]


def test_a_partitioned_table_and_its_partitions_are_analyzed(restored: Restored) -> None:
    prepare(
        restored,
        """
        CREATE TABLE parted (id int, email text) PARTITION BY RANGE (id);
        CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (500);
        CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (500) TO (1001);
        INSERT INTO parted SELECT n, 'real' || n % 5 FROM generate_series(1, 1000) n;
        ANALYZE parted;
        """,
    )

    mask(restored, script("UPDATE parted SET email = 'masked'"))

    found = rows(
        restored,
        "SELECT tablename, most_common_vals::text FROM pg_stats "
        "WHERE attname = 'email' AND tablename ~ '^parted' ORDER BY 1",
    )
    assert found == [[name, "{masked}"] for name in ("parted", "parted_1", "parted_2")]


def test_a_partitioned_table_with_a_foreign_partition_keeps_no_original_value(
    restored: Restored,
) -> None:
    prepare(
        restored,
        """
        CREATE TABLE parted (id int, email text) PARTITION BY RANGE (id);
        CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (2000);
        INSERT INTO parted SELECT n, 'real' || n % 5 FROM generate_series(1, 1000) n;
        ANALYZE parted;
        CREATE EXTENSION postgres_fdw;
        CREATE SERVER production FOREIGN DATA WRAPPER postgres_fdw
            OPTIONS (host '127.0.0.1', port '1');
        CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (3000) TO (4000)
            PARTITION BY RANGE (id);
        CREATE TABLE parted_21 PARTITION OF parted_2 DEFAULT;
        INSERT INTO parted SELECT n, 'real' || n % 5 FROM generate_series(3001, 3900) n;
        ANALYZE parted_2;
        CREATE FOREIGN TABLE far PARTITION OF parted FOR VALUES FROM (2000) TO (3000)
            SERVER production;
        """,
    )

    mask(restored, script("UPDATE parted_1 SET email = 'masked'; UPDATE parted_2 SET email = ''"))

    assert (
        rows(
            restored,
            "SELECT tablename FROM pg_stats WHERE tablename ~ '^parted' "
            "AND most_common_vals::text ~ 'real'",
        )
        == []
    )


@pytest.mark.parametrize("restored", OLDEST, indirect=True)
def test_after_masking_an_older_server_is_asked_only_what_it_knows(
    restored: Restored, aged: Aged
) -> None:
    prepare(restored)
    for version in aged:
        emails = f"UPDATE customers SET email = 'masked at {version}'"
        mask(restored, script(emails, f"{version}.sql"), rewrite_tables=True)


@pytest.mark.parametrize("emptying", ["DELETE FROM customers", "TRUNCATE customers"])
def test_a_table_that_a_script_empties_keeps_no_statistics(
    restored: Restored, emptying: str
) -> None:
    prepare(restored, "UPDATE customers SET email = 'real'; ANALYZE customers")

    mask(restored, script(emptying))

    assert rows(restored, "SELECT attname FROM pg_stats WHERE tablename = 'customers'") == []


@pytest.mark.parametrize("emptying", ["DELETE FROM customers", "TRUNCATE customers"])
def test_statistics_that_cannot_be_removed_fail_the_run(restored: Restored, emptying: str) -> None:
    prepare(
        restored,
        "CREATE VIEW shown AS SELECT email FROM customers;"
        "UPDATE customers SET email = 'real'; ANALYZE customers",
    )

    if restored.major >= 18:
        mask(restored, script(emptying))
        assert rows(restored, "SELECT attname FROM pg_stats WHERE tablename = 'customers'") == []
        return
    with pytest.raises(AfterMaskingError, match=r"public\.customers\.email"):
        mask(restored, script(emptying))


def test_a_view_that_cannot_be_refreshed_fails_the_run_and_is_named(restored: Restored) -> None:
    prepare(
        restored,
        "CREATE MATERIALIZED VIEW broken AS SELECT 1 / length(email) AS n FROM customers",
    )
    emptied = script("UPDATE customers SET email = ''")

    with pytest.raises(AfterMaskingError, match=r"public\.broken: 22012 \(division_by_zero\)"):
        mask(restored, emptied)
    mask(restored, emptied, script("REFRESH MATERIALIZED VIEW broken WITH NO DATA", "more.sql"))


def test_another_script_lets_views_and_statistics_be_made_again(restored: Restored) -> None:
    prepare(restored)
    first = script(MASKING)
    mask(restored, first)

    mask(restored, first, script(MASKING.replace("masked", "better"), "better.sql"))

    assert rows(restored, "SELECT * FROM a_second") == [["better", 300]]


def file_of(restored: Restored, table: str, data: Path) -> bytes:
    """The file of a table as it lies on disk, with that of its TOAST table."""
    of_table = f"oid = {literal(table)}::regclass"
    paths = "pg_relation_filepath(oid), pg_relation_filepath(reltoastrelid)"
    ((path, toast),) = rows(restored, " ".join(("SELECT", paths, "FROM pg_class WHERE", of_table)))
    return b"".join((data / str(each)).read_bytes() for each in (path, toast) if each)


def test_rewritten_tables_hold_no_row_of_before_on_disk(restored: Restored) -> None:
    prepare(restored)
    untouched = rows(restored, "SELECT pg_relation_filenode('empty_one')")
    with restored.superuser.session() as session:
        data = Path(session.run("SHOW data_directory")[0][0])
    notes = """; UPDATE "Odd Schema".people SET note = repeat('masked ', 2000)"""
    masking = script(MASKING + notes)

    tasks = mask(restored, masking, rewrite_tables=True)
    prepare(restored, "CHECKPOINT")

    assert b"real.example" not in file_of(restored, "customers", data)
    assert b"real" not in file_of(restored, '"Odd Schema".people', data)
    assert rows(restored, "SELECT pg_relation_filenode('empty_one')") == untouched
    ((member,),) = rows(restored, """SELECT pg_has_role('postgres', 'Odd "Owner', 'USAGE')""")
    assert member is False
    assert [type(task) for task in tasks] == [RewriteTables, RefreshViews, AnalyzeTables]


@pytest.mark.parametrize(
    ("sql", "changed"),
    [
        ("UPDATE customers SET email = ''", ["customers"]),
        ("TRUNCATE customers", ["customers"]),
        ("UPDATE customers SET email = ''; TRUNCATE customers", ["customers"]),
        ("TRUNCATE customers; INSERT INTO customers VALUES (1, '')", ["customers"]),
        ("ALTER TABLE customers ALTER email TYPE varchar(9) USING 'masked'", ["customers"]),
        ("ALTER TABLE customers DROP email", ["customers"]),
        ("DO $$ BEGIN ALTER TABLE customers DROP email; END $$", ["customers"]),
        ("CREATE TABLE copied AS SELECT * FROM customers", ["copied"]),
        ("CREATE TEMPORARY TABLE copied AS SELECT * FROM customers", []),
        ("SELECT count(*) FROM customers; ANALYZE customers; LOCK TABLE customers", []),
        ("CREATE INDEX ON customers (email); GRANT SELECT ON customers TO etl", []),
    ],
)
def test_a_script_changes_a_table_by_whatever_statement(
    restored: Restored, sql: str, changed: list[str]
) -> None:
    done = script(sql)
    do(restored, [done])
    with access(restored).session() as session:
        found = find_changed_tables(session, OPERATION, with_new_files=True)
    assert found == [("public", name) for name in changed]


def test_the_values_of_a_column_that_a_script_drops_are_not_left_on_disk(
    restored: Restored,
) -> None:
    with restored.superuser.session() as session:
        data = Path(session.run("SHOW data_directory")[0][0])

    mask(restored, script("ALTER TABLE customers DROP email"), rewrite_tables=True)
    prepare(restored, "CHECKPOINT")

    assert b"real.example" not in file_of(restored, "customers", data)


def test_what_outlasts_an_invocation_goes_on_in_the_next(restored: Restored) -> None:
    prepare(restored)
    masking = script(MASKING)
    do(restored, [masking])

    for task in after_masking((DATABASE,), (masking,), rewrite_tables=True):
        with restored.session(MASTER) as holder:
            holder.run("BEGIN; SELECT count(*) FROM a_second, customers")
            holder.run("LOCK TABLE customers IN SHARE ROW EXCLUSIVE MODE")
            first = start_task(access(restored), task, 0.3)
            second = status(restored, task)
            holder.run("ROLLBACK")
        assert (first, second) == (TaskStatus.RUNNING, TaskStatus.RUNNING)
        deadline = time.monotonic() + ENOUGH_SECONDS
        while status(restored, task) is not TaskStatus.DONE:
            assert time.monotonic() < deadline
            start_task(access(restored), task, 0.2)

    assert rows(restored, "SELECT * FROM a_second") == [["masked", 300]]


def test_a_rewrite_that_was_cut_off_rewrites_only_what_is_left(restored: Restored) -> None:
    prepare(restored)
    masking = script(MASKING)
    do(restored, [masking])
    (rewrite,) = (
        task
        for task in after_masking((DATABASE,), (masking,), rewrite_tables=True)
        if isinstance(task, RewriteTables)
    )
    with access(restored).session() as session:
        rewrite._begin(session, OPERATION)
    prepare(restored, "VACUUM FULL customers")
    before = rows(restored, "SELECT pg_relation_filenode('customers')")

    do(restored, [replace(rewrite)])

    assert rows(restored, "SELECT pg_relation_filenode('customers')") == before
