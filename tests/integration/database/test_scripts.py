"""SQL scripts in a real PostgreSQL: once, whole or not at all, and however long they take."""

import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from aurora_restore.configuration.sql_text import deployed_script
from aurora_restore.shared.errors import (
    ScriptChangedError,
    ScriptFailedError,
    TriggersNotSkippedError,
)
from aurora_restore.shared.postgres import journal
from aurora_restore.shared.postgres.access import DatabaseAccess
from aurora_restore.shared.postgres.connection import DatabaseLogin
from aurora_restore.shared.postgres.journal import JournalKey
from aurora_restore.shared.postgres.scripts import SqlScript
from aurora_restore.shared.postgres.tasks import (
    Task,
    TaskStatus,
    find_obstacle,
    find_task_status,
    find_task_statuses,
    start_task,
)
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
    return SqlScript(DATABASE, name, deployed_script(sql.encode()))


def run(
    restored: Restored,
    sql: str,
    seconds: float = ENOUGH_SECONDS,
    key: JournalKey = OPERATION,
    *,
    skip_triggers: bool = False,
) -> TaskStatus:
    """Start a script where it is neither running nor done, as the step does."""
    return run_task(restored, replace(script(sql), skip_triggers=skip_triggers), seconds, key)


def run_task(
    restored: Restored,
    task: Task,
    seconds: float = ENOUGH_SECONDS,
    key: JournalKey = OPERATION,
    login: DatabaseLogin = MASTER,
) -> TaskStatus:
    access = DatabaseAccess(restored.server, login, DATABASE, (DATABASE,), key)
    with access.session() as session:
        status = find_task_status(session, key, task)
    if status is TaskStatus.MISSING:
        return start_task(access, task, seconds)
    return status


def run_until_done(restored: Restored, sql: str) -> None:
    deadline = time.monotonic() + ENOUGH_SECONDS
    while run(restored, sql, seconds=0.2) is not TaskStatus.DONE:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def recorded(restored: Restored, name: str = "mask.sql") -> Mapping[str, Any]:
    """What the journal holds of a script."""
    with DatabaseAccess(
        restored.server, MASTER, DATABASE, (DATABASE,), OPERATION
    ).session() as session:
        found = journal.find(session, OPERATION, f"script:{name}")
    assert found is not None
    return found


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
    with pytest.raises(
        ScriptFailedError, match=r"mask\.sql failed .*: line 1: 22012 \(division_by_zero\)"
    ) as caught:
        run(restored, "DELETE FROM customers; SELECT 1 / 0;")
    assert caught.value.details == {"script": "mask.sql", "sqlstate": "22012"}
    assert counted(restored, "SELECT count(*) FROM customers") == 100
    assert run(restored, "DELETE FROM customers;") is TaskStatus.DONE
    assert counted(restored, "SELECT count(*) FROM customers") == 0


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
    run_until_done(restored, masking)
    assert counted(restored, "SELECT count(*) FROM customers WHERE email = 'masked'") == 100
    assert counted(restored, "SELECT count(*) FROM aurora_restore.restore_journal") == 1


def test_how_far_several_tasks_are_is_found_in_one_look(restored: Restored) -> None:
    done, at_work, missing = (script(f"SELECT pg_sleep({n})", f"{n}.sql") for n in (0, 2, 9))
    assert run_task(restored, done) is TaskStatus.DONE
    assert run_task(restored, at_work, seconds=0.2) is TaskStatus.RUNNING

    access = DatabaseAccess(restored.server, MASTER, DATABASE, (DATABASE,), OPERATION)
    with access.session() as session:
        found = find_task_statuses(session, OPERATION, (missing, done, at_work))

    assert found == {
        missing: TaskStatus.MISSING,
        done: TaskStatus.DONE,
        at_work: TaskStatus.RUNNING,
    }


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


@pytest.mark.parametrize(
    "end",
    [
        "COMMIT",
        "COMMIT; BEGIN",
        "COMMIT AND CHAIN",
        "END",
        "END; BEGIN",
        "ROLLBACK; BEGIN",
        "ABORT",
        "PREPARE TRANSACTION 'x'; BEGIN",
        "PREPARE TRANSACTION 'x'",
        "SAVEPOINT a; ROLLBACK TO a",
        "CALL commits()",
        "DO $$ BEGIN COMMIT; END $$",
    ],
)
def test_a_script_that_would_end_its_own_transaction_is_rolled_back_and_never_counts_as_done(
    restored: Restored, end: str
) -> None:
    with restored.session(MASTER) as connection:
        connection.run(
            "CREATE PROCEDURE commits() LANGUAGE plpgsql AS $$ BEGIN COMMIT; END $$;"
            "GRANT ALL ON SCHEMA public TO PUBLIC"
        )
    sql = ";\n".join(("DELETE FROM customers", end, "SELECT 1 / 0"))
    for _ in range(2):
        with pytest.raises(
            ScriptFailedError, match=r"was rolled back: .* runs as one transaction on the server"
        ):
            run(restored, sql)
    assert counted(restored, "SELECT count(*) FROM customers") == 100
    assert counted(restored, "SELECT count(*) FROM aurora_restore.restore_journal") == 0


def test_a_failure_names_the_line_of_the_statement_and_quotes_no_row(restored: Restored) -> None:
    with pytest.raises(ScriptFailedError) as caught:
        run(restored, "SELECT 1;\n\nINSERT INTO customers VALUES (1, 'personal@real.example');")
    assert "line 3: 23505 (unique_violation), constraint customers_pkey of public.customers" in str(
        caught.value
    )
    assert "personal" not in repr(caught.value) + str(caught.value.__cause__)


def test_a_script_that_returns_many_rows_goes_on_without_its_client(restored: Restored) -> None:
    connections = []
    open_connection = restored.server.open_connection

    def opened(*values: Any, **options: Any) -> Any:
        connections.append(open_connection(*values, **options))
        return connections[-1]

    masking = """
        SELECT pg_sleep(0.5);
        SELECT repeat('x', 1000) FROM generate_series(1, 300000);
        UPDATE customers SET email = 'masked' RETURNING repeat(email, 1000);
        WITH rows AS (SELECT 1) SELECT repeat('x', 1000) FROM generate_series(1, 300000);
    """
    watched = replace(restored, server=replace(restored.server, open_connection=opened))
    assert run(watched, masking, seconds=0.1) is TaskStatus.RUNNING
    connections[-1]._usock.shutdown(socket.SHUT_RDWR)

    run_until_done(restored, masking)

    assert counted(restored, "SELECT count(*) FROM customers WHERE email = 'masked'") == 100


@pytest.mark.parametrize(
    "sql",
    [
        "RESET ALL; UPDATE customers SET email = 'masked'; SELECT pg_sleep(1)",
        "SET client_min_messages = notice; DO $$ BEGIN RAISE NOTICE 'a'; END $$; "
        "SET application_name = 'mine'; UPDATE customers SET email = 'masked'; SELECT pg_sleep(1)",
    ],
)
def test_a_script_may_reset_the_settings_of_its_session(restored: Restored, sql: str) -> None:
    assert run(restored, sql, seconds=0.2) is TaskStatus.RUNNING
    assert run(restored, sql, seconds=0.2) is TaskStatus.RUNNING
    run_until_done(restored, sql)
    assert counted(restored, "SELECT count(*) FROM customers WHERE email = 'masked'") == 100


@pytest.mark.parametrize("sql", ["COPY customers TO STDOUT", "COPY customers FROM STDIN"])
def test_a_copy_to_the_client_is_refused_with_its_reason(restored: Restored, sql: str) -> None:
    with pytest.raises(ScriptFailedError, match=r"line 1: 0A000: .* no COPY from or to a client"):
        run(restored, sql)


def test_a_script_sees_the_search_path_of_its_database_and_may_change_it(
    restored: Restored,
) -> None:
    with restored.session(MASTER) as connection:
        connection.run(f"CREATE SCHEMA first; ALTER DATABASE {DATABASE} SET search_path = first")
    sql = """
        CREATE TABLE made (a int);
        SET search_path = public;
        CREATE TABLE also_made AS SELECT * FROM customers;
        SELECT set_config('search_path', '', false);
        UPDATE public.customers SET email = 'masked';
    """
    assert run(restored, sql) is TaskStatus.DONE
    assert counted(restored, "SELECT count(*) FROM first.made") == 0
    assert counted(restored, "SELECT count(*) FROM public.also_made") == 100


def test_two_invocations_run_a_script_once(restored: Restored) -> None:
    insert = "SELECT pg_sleep(0.5); INSERT INTO customers SELECT max(id) + 1, 'x' FROM customers"
    access = DatabaseAccess(restored.server, MASTER, DATABASE, (DATABASE,), OPERATION)
    found: list[TaskStatus] = []

    def start() -> None:
        found.append(start_task(access, script(insert), ENOUGH_SECONDS))

    threads = [threading.Thread(target=start) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [TaskStatus.DONE] * 3
    assert counted(restored, "SELECT count(*) FROM customers") == 101


def test_a_script_that_waits_for_a_lock_says_for_what_and_who_holds_it(restored: Restored) -> None:
    masking = "UPDATE customers SET email = 'masked'"
    access = DatabaseAccess(restored.server, MASTER, DATABASE, (DATABASE,), OPERATION)

    def obstacle() -> str | None:
        with access.session() as session:
            return find_obstacle(session, OPERATION, script(masking))

    with restored.session(MASTER) as holder:
        holder.run("SET application_name = 'psql'")
        holder.run("BEGIN; LOCK TABLE customers IN SHARE MODE")
        assert run(restored, masking, seconds=0.5) is TaskStatus.RUNNING
        of_a_table = obstacle()
        holder.run("ROLLBACK")
    run_until_done(restored, masking)

    assert of_a_table is not None
    assert of_a_table.startswith(
        "it waits for public.customers, which role 'postgres' with application 'psql' (process "
    )
    assert obstacle() is None


def test_a_script_that_waits_for_a_row_says_who_holds_it(restored: Restored) -> None:
    masking = "UPDATE customers SET email = 'masked'"
    access = DatabaseAccess(restored.server, MASTER, DATABASE, (DATABASE,), OPERATION)
    with restored.session(MASTER) as holder:
        holder.run("BEGIN; UPDATE customers SET email = 'held' WHERE id = 1")
        assert run(restored, masking, seconds=0.5) is TaskStatus.RUNNING
        with access.session() as session:
            found = find_obstacle(session, OPERATION, script(masking))
        holder.run("ROLLBACK")
    run_until_done(restored, masking)

    assert found is not None
    assert found.startswith("it waits for a row that another transaction has changed, which role ")


AUDITED = """
CREATE TABLE audit (old_email text);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN INSERT INTO public.audit VALUES (OLD.email); RETURN NEW; END $$;
CREATE TRIGGER audited AFTER UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION note();
"""


def test_triggers_that_fire_on_what_a_script_changes_are_recorded(restored: Restored) -> None:
    with restored.session(MASTER) as connection:
        connection.run(AUDITED)
    run(restored, "UPDATE customers SET email = 'masked'")
    assert recorded(restored)["triggers"] == ["audited on public.customers"]


def test_with_skip_no_trigger_stores_the_original_values(restored: Restored) -> None:
    with restored.session(MASTER) as connection:
        connection.run(AUDITED)
    masking = "RESET ALL; UPDATE customers SET email = 'masked'"
    assert run(restored, masking, skip_triggers=True) is TaskStatus.DONE
    assert counted(restored, "SELECT count(*) FROM audit") == 0
    assert recorded(restored)["triggers"] == []


def test_skip_says_what_to_do_where_the_master_user_may_not(restored: Restored) -> None:
    owner = DatabaseLogin("plain_owner", "owner-password-1")
    with restored.session(MASTER) as connection:
        connection.run(f"CREATE ROLE plain_owner LOGIN PASSWORD '{owner.password}'")
        connection.run(f"GRANT CREATE ON DATABASE {DATABASE} TO plain_owner")
    task = replace(script("SELECT 1"), skip_triggers=True)
    with pytest.raises(TriggersNotSkippedError, match=r"database\.triggers is skip"):
        run_task(restored, task, login=owner)


def test_what_a_script_did_is_recorded_by_statement_and_by_table(restored: Restored) -> None:
    sql = """SELECT 1;
        UPDATE customers SET email = 'masked' WHERE id > 10;
        DELETE FROM customers WHERE id = 1 RETURNING id;
        CREATE TABLE notes AS SELECT n FROM generate_series(1, 7) n;
        UPDATE customers SET email = 'nobody' WHERE id = -1;
    """
    run(restored, sql)
    found = dict(recorded(restored))
    assert 0 <= found.pop("seconds") < ENOUGH_SECONDS
    assert found == {
        "sha256": script(sql).script.sha256,
        "statements": 5,
        "changes": [
            {"line": 2, "command": "UPDATE", "rows": 90},
            {"line": 3, "command": "DELETE", "rows": 1},
            {"line": 5, "command": "UPDATE", "rows": 0},
        ],
        "tables": [
            {"schema": "public", "name": "customers", "inserted": 0, "updated": 90, "deleted": 1},
            {"schema": "public", "name": "notes", "inserted": 7, "updated": 0, "deleted": 0},
        ],
        "new_files": [],
        "triggers": [],
    }


def test_a_script_that_was_changed_after_it_ran_is_refused(restored: Restored) -> None:
    run(restored, "UPDATE customers SET email = 'masked'")
    with pytest.raises(ScriptChangedError, match=r"mask\.sql was changed after it had run"):
        run(restored, "UPDATE customers SET email = 'masked better'")
    assert counted(restored, "SELECT count(*) FROM customers WHERE email = 'masked'") == 100


def test_the_journal_of_an_earlier_version_is_completed(restored: Restored) -> None:
    with restored.session(MASTER) as connection:
        connection.run(
            """
            CREATE SCHEMA aurora_restore;
            CREATE TABLE aurora_restore.restore_journal (
                account text NOT NULL, region text NOT NULL, cluster_resource_id text NOT NULL,
                operation_id text NOT NULL, entry text NOT NULL,
                recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
                PRIMARY KEY (account, region, cluster_resource_id, operation_id, entry)
            );
            INSERT INTO aurora_restore.restore_journal VALUES
            ('222222222222', 'us-west-2', 'cluster-RESTORED', 'op-1', 'script:other.sql');
            """
        )
    assert run_task(restored, script("SELECT 1", "other.sql")) is TaskStatus.DONE
    assert run(restored, "UPDATE customers SET email = 'masked'") is TaskStatus.DONE
    assert recorded(restored)["statements"] == 1
