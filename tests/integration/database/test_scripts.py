"""SQL scripts in a real PostgreSQL: once, whole or not at all, and however long they take."""

import time
from dataclasses import replace

import pytest

from aurora_restore.shared.errors import ScriptFailedError
from aurora_restore.shared.postgres.access import DatabaseAccess
from aurora_restore.shared.postgres.journal import JournalKey
from aurora_restore.shared.postgres.scripts import SqlScript
from aurora_restore.shared.postgres.tasks import TaskStatus, find_task_status, start_task
from embedded_aws.rds.data_plane.builds import MAJORS
from tests.integration.database.conftest import (
    DATABASE,
    MASTER,
    OLDEST,
    OPERATION,
    SINCE_17,
    Aged,
    Restored,
)

ENOUGH_SECONDS = 20.0


def script(sql: str, name: str = "mask.sql") -> SqlScript:
    return SqlScript(DATABASE, name, sql)


def run(
    restored: Restored, sql: str, seconds: float = ENOUGH_SECONDS, key: JournalKey = OPERATION
) -> TaskStatus:
    """Start a script where it is neither running nor done, as the step does."""
    access = DatabaseAccess(restored.server, MASTER, DATABASE, (DATABASE,), key)
    with access.session() as session:
        status = find_task_status(session, key, script(sql))
    if status is TaskStatus.MISSING:
        return start_task(access, script(sql), seconds)
    return status


def counted(restored: Restored, query: str) -> int:
    with restored.session(MASTER) as connection:
        ((number,),) = connection.run(query)
    return int(number)


def test_a_script_runs_once_in_an_operation(restored: Restored) -> None:
    insert = "INSERT INTO customers SELECT max(id) + 1, 'x' FROM customers; -- a last comment"
    assert run(restored, insert) is TaskStatus.DONE
    assert run(restored, insert) is TaskStatus.DONE
    assert counted(restored, "SELECT count(*) FROM customers") == 101
    run(restored, insert, key=replace(OPERATION, operation_id="op-2"))
    assert counted(restored, "SELECT count(*) FROM customers") == 102


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"account": "111111111111"},
        {"region": "us-east-1"},
        {"cluster_resource_id": "cluster-STAGING"},
    ],
    ids=str,
)
def test_a_journal_that_came_with_the_snapshot_of_another_environment_is_not_believed(
    restored: Restored, elsewhere: dict[str, str]
) -> None:
    masking = "UPDATE customers SET email = 'masked'"
    assert run(restored, masking, key=replace(OPERATION, **elsewhere)) is TaskStatus.DONE
    with restored.session(MASTER) as connection:
        connection.run("UPDATE customers SET email = id || '@real.example'")

    assert run(restored, masking) is TaskStatus.DONE

    assert counted(restored, "SELECT count(*) FROM customers WHERE email = 'masked'") == 100


def test_nothing_of_a_failed_script_remains(restored: Restored) -> None:
    with pytest.raises(ScriptFailedError, match=r"mask\.sql failed .* 22012: division") as caught:
        run(restored, "DELETE FROM customers; SELECT 1 / 0;")
    assert caught.value.details == {"script": "mask.sql", "sqlstate": "22012"}
    assert counted(restored, "SELECT count(*) FROM customers") == 100
    assert run(restored, "DELETE FROM customers;") is TaskStatus.DONE
    assert counted(restored, "SELECT count(*) FROM customers") == 0


def test_a_script_that_ends_its_own_transaction_is_refused(restored: Restored) -> None:
    with pytest.raises(ScriptFailedError, match="take COMMIT and ROLLBACK out of it"):
        run(restored, "DELETE FROM customers WHERE id = 1; COMMIT; SELECT 1;")


@pytest.mark.parametrize(
    "sql",
    [
        "DO $$ BEGIN PERFORM 1; END $$",
        "UPDATE customers SET email = 'a;b' WHERE email LIKE '%:name%';",
        "SELECT $body$ it's -- no comment $body$ /* nor ; this */",
        "",
        "-- only a comment",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1; $$; SELECT f();",
    ],
)
def test_any_sql_is_sent_as_it_is(restored: Restored, sql: str) -> None:
    assert run(restored, sql) is TaskStatus.DONE


def test_a_script_may_change_what_another_role_owns(restored: Restored) -> None:
    change = """INSERT INTO "Odd Schema"."odd ""table" ("drop table") VALUES ('by the script')"""
    assert run(restored, change) is TaskStatus.DONE
    with restored.session(MASTER) as connection:
        (member,) = connection.run("""SELECT pg_has_role('postgres', 'Odd "Owner', 'USAGE')""")
    assert member == [False]


def test_a_script_that_outlasts_its_invocation_goes_on_in_the_next(restored: Restored) -> None:
    masking = "SELECT pg_sleep(2); UPDATE customers SET email = 'masked';"
    assert run(restored, masking, seconds=0.2) is TaskStatus.RUNNING
    assert run(restored, masking, seconds=0.2) is TaskStatus.RUNNING
    deadline = time.monotonic() + ENOUGH_SECONDS
    while run(restored, masking, seconds=0.2) is TaskStatus.RUNNING:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert counted(restored, "SELECT count(*) FROM customers WHERE email = 'masked'") == 100
    assert counted(restored, "SELECT count(*) FROM aurora_restore.restore_journal") == 1


def test_a_script_that_failed_unseen_is_run_again_and_its_error_reported(
    restored: Restored,
) -> None:
    failing = "SELECT pg_sleep(0.5); SELECT 1 / 0;"
    assert run(restored, failing, seconds=0.1) is TaskStatus.RUNNING
    time.sleep(1)
    with pytest.raises(ScriptFailedError, match="22012"):
        run(restored, failing)


@pytest.mark.parametrize("restored", OLDEST, indirect=True)
def test_a_script_runs_on_an_older_server(restored: Restored, aged: Aged) -> None:
    for number, _ in enumerate(aged):
        insert = "INSERT INTO customers SELECT max(id) + 1, 'x' FROM customers"
        assert (
            run(restored, insert, key=replace(OPERATION, operation_id=f"op-{number}"))
            is TaskStatus.DONE
        )
        assert counted(restored, "SELECT count(*) FROM customers") == 101 + number


def test_a_client_that_is_gone_does_not_stop_a_script_where_the_server_looks_for_it(
    restored: Restored,
) -> None:
    setting = "current_setting('client_connection_check_interval')"
    assert run(restored, f"CREATE TABLE found AS SELECT {setting} AS value") is TaskStatus.DONE
    assert counted(restored, "SELECT value FROM found") == 0


@pytest.mark.parametrize(
    ("restored", "setting"),
    [
        *((major, "statement_timeout") for major in MAJORS),
        *((major, "transaction_timeout") for major in SINCE_17),
    ],
    indirect=["restored"],
)
def test_a_script_outlasts_the_limits_of_its_database(restored: Restored, setting: str) -> None:
    with restored.session(MASTER) as connection:
        connection.run(f"ALTER DATABASE {DATABASE} SET {setting} = '500ms'")
    assert run(restored, "SELECT pg_sleep(1)") is TaskStatus.DONE
