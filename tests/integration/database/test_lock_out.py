"""The lock-out in a real PostgreSQL: whatever refuses, no other login is left open."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pg8000.native
import pytest

from aurora_restore.shared.errors import DatabaseConnectionError, DatabaseError
from aurora_restore.shared.postgres import lock_out as lock_out_module
from aurora_restore.shared.postgres.access import DatabaseAccess
from aurora_restore.shared.postgres.connection import DatabaseLogin, DatabaseServer
from aurora_restore.shared.postgres.lock_out import lock_out
from embedded_aws.rds.data_plane import Endpoint
from embedded_aws.rds.data_plane.postgres import PostgresDataPlane
from tests.integration.database.conftest import (
    DATABASE,
    MASTER,
    OPERATION,
    SINCE_16,
    SINCE_17,
    Restored,
)
from tests.integration.database.test_roles import ETL, MONITORING

KEEP = ("monitoring", "nobody")
STUBBORN = DatabaseLogin("stubborn", "stubborn-password")
ELSEWHERE = ("postgres", "template1", "unlisted")


def access(restored: Restored, **changes: Any) -> DatabaseAccess:
    made = DatabaseAccess(restored.server, MASTER, DATABASE, (DATABASE,), OPERATION)
    return replace(made, **changes)


def as_master(restored: Restored, sql: str, database: str = DATABASE) -> Any:
    with restored.session(MASTER, database) as connection:
        return connection.run(sql)


def as_superuser(restored: Restored, sql: str, database: str = DATABASE) -> Any:
    return restored.superuser.run(sql, database=database)


def enters(restored: Restored, login: DatabaseLogin) -> list[str]:
    databases = as_superuser(restored, "SELECT datname FROM pg_database WHERE datallowconn")
    return [name for (name,) in databases if not restored.refuses(login, name)]


@contextmanager
def at_work(restored: Restored, login: DatabaseLogin, **options: Any) -> Iterator[Any]:
    """A session that must have ended by the end of the block."""
    with restored.session(login, **options) as connection:
        yield connection
        with pytest.raises((pg8000.native.DatabaseError, pg8000.native.InterfaceError)):
            connection.run("SELECT 1")


def require_locked_out(restored: Restored) -> None:
    """Nobody who came with the snapshot gets in, and who is kept does."""
    assert enters(restored, ETL) == []
    assert enters(restored, DatabaseLogin("app_user", "old-app-password")) == []
    assert DATABASE in enters(restored, MONITORING)


def make_stubborn(restored: Restored) -> None:
    """A role that the master user cannot alter, as another user has made it."""
    as_superuser(
        restored,
        "CREATE ROLE deployer LOGIN CREATEROLE; SET SESSION AUTHORIZATION deployer;"
        f"CREATE ROLE stubborn LOGIN PASSWORD '{STUBBORN.password}'; CREATE ROLE connectors;"
        "GRANT connectors TO stubborn; RESET SESSION AUTHORIZATION;"
        "REVOKE deployer FROM postgres; ALTER ROLE deployer NOLOGIN;"
        "GRANT CONNECT ON DATABASE shop, postgres TO stubborn, connectors",
    )


@pytest.mark.parametrize("restored", SINCE_16, indirect=True)
def test_a_role_that_cannot_be_altered_enters_nothing_and_leaves_nobody_else_in(
    restored: Restored,
) -> None:
    make_stubborn(restored)

    with at_work(restored, STUBBORN), at_work(restored, ETL):
        done = lock_out(access(restored), KEEP)

    require_locked_out(restored)
    assert enters(restored, STUBBORN) == []
    assert list(done.refused) == ["stubborn"]
    with pytest.raises(
        DatabaseError,
        match=r"everything is closed except .*'stubborn' .*can enter no database.*ADMIN OPTION",
    ) as caught:
        done.require_complete()
    assert "keep_logins" not in caught.value.message
    assert caught.value.details["logins"] == ("stubborn",)
    assert list(lock_out(access(restored), KEEP).refused) == ["stubborn"]


def test_a_superuser_is_reported_with_the_databases_that_it_can_enter(restored: Restored) -> None:
    boss = DatabaseLogin("boss", "boss-password")
    as_superuser(restored, f"CREATE ROLE boss SUPERUSER LOGIN PASSWORD '{boss.password}'")

    done = lock_out(access(restored), KEEP)

    require_locked_out(restored)
    assert ("boss", DATABASE) in done.open_databases
    with pytest.raises(DatabaseError, match=r"'boss' .*can still enter .*shop"):
        done.require_complete()


def event_trigger(event: str, body: str) -> str:
    return (
        "CREATE FUNCTION public.at_event() RETURNS event_trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN {body} END $$; CREATE EVENT TRIGGER doorman ON {event} "
        "EXECUTE FUNCTION public.at_event()"
    )


OBSTRUCTIONS = {
    "refuses": "RAISE EXCEPTION 'no changes here';",
    "ends the session": "PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(1);",
    "takes for ever": """
        FOR n IN 1 .. 100 LOOP
          BEGIN PERFORM pg_sleep(60); EXCEPTION WHEN query_canceled THEN NULL; END;
        END LOOP;""",
}


@pytest.mark.parametrize("body", OBSTRUCTIONS.values(), ids=OBSTRUCTIONS)
def test_a_trigger_that_obstructs_every_change_leaves_no_login_open(
    restored: Restored, body: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock_out_module, "_RECORDING_SECONDS", 1.0)
    as_superuser(restored, event_trigger("ddl_command_start", body))

    with at_work(restored, ETL):
        done = lock_out(access(restored), KEEP)

    require_locked_out(restored)
    assert done.disabled == {"app_user", "etl"}
    with pytest.raises(DatabaseError, match="the lock-out could not be recorded in 'shop'"):
        done.require_complete()


@pytest.mark.parametrize("restored", SINCE_17, indirect=True)
def test_a_trigger_on_login_that_refuses_the_master_leaves_no_login_open(
    restored: Restored,
) -> None:
    body = "IF session_user = 'postgres' THEN RAISE EXCEPTION 'only from the office'; END IF;"
    with restored.session(ETL) as old:
        as_superuser(restored, event_trigger("login", body))
        done = lock_out(access(restored), KEEP)
        with pytest.raises((pg8000.native.DatabaseError, pg8000.native.InterfaceError)):
            old.run("SELECT 1")

    require_locked_out(restored)
    with pytest.raises(DatabaseConnectionError, match=r"P0001 .*event trigger on login"):
        done.require_complete()


def test_a_database_that_is_read_only_leaves_no_login_open(restored: Restored) -> None:
    as_master(restored, f"ALTER DATABASE {DATABASE} SET default_transaction_read_only = on")

    lock_out(access(restored), KEEP).require_complete()

    require_locked_out(restored)


def test_databases_are_closed_whether_they_are_listed_or_not(restored: Restored) -> None:
    for statement in (
        "CREATE DATABASE unlisted",
        "GRANT CONNECT ON DATABASE unlisted TO app_user",
        "GRANT CONNECT ON DATABASE postgres TO writers WITH GRANT OPTION",
    ):
        as_master(restored, statement)
    as_superuser(restored, "SET ROLE writers; GRANT CONNECT ON DATABASE postgres TO PUBLIC")

    lock_out(access(restored), KEEP).require_complete()

    newcomer = DatabaseLogin("newcomer", "newcomer-password")
    former_app = DatabaseLogin("app_user", "new-app-password")
    as_master(restored, f"CREATE ROLE newcomer LOGIN PASSWORD '{newcomer.password}'")
    as_master(restored, f"ALTER ROLE app_user LOGIN PASSWORD '{former_app.password}'")
    assert enters(restored, newcomer) == []
    assert enters(restored, former_app) == []
    for login in (MONITORING, MASTER):
        assert enters(restored, login) == sorted([*ELSEWHERE, DATABASE])
    rdsadmin = as_superuser(
        restored, "SELECT datacl::text FROM pg_database WHERE datname = 'rdsadmin'"
    )
    assert "rdstopmgr=Tc/rdsadmin" in rdsadmin[0][0]


def test_the_master_keeps_its_way_into_the_database_of_another_owner(restored: Restored) -> None:
    as_master(restored, "CREATE DATABASE unlisted")
    as_superuser(restored, 'ALTER DATABASE unlisted OWNER TO "Odd ""Owner"')

    done = lock_out(access(restored, databases=(DATABASE, "unlisted")), KEEP)

    done.require_complete()
    assert "unlisted" in enters(restored, MASTER)
    assert as_master(restored, "SELECT pg_has_role('Odd \"Owner', 'USAGE')") == [[False]]


@pytest.mark.parametrize("restored", SINCE_16, indirect=True)
def test_a_database_that_the_master_may_not_close_is_named(restored: Restored) -> None:
    as_master(restored, "CREATE DATABASE unlisted")
    as_superuser(restored, "CREATE ROLE stranger; ALTER DATABASE unlisted OWNER TO stranger")

    done = lock_out(access(restored), KEEP)

    require_locked_out(restored)
    with pytest.raises(DatabaseError, match=r"database 'unlisted' could not be closed \(42501"):
        done.require_complete()


def test_a_session_that_locks_its_own_role_does_not_keep_it_open(restored: Restored) -> None:
    with at_work(restored, ETL) as old:
        old.run("BEGIN")
        old.run("ALTER ROLE etl PASSWORD 'another-etl-password'")
        lock_out(access(restored), KEEP).require_complete()

    require_locked_out(restored)


def test_other_sessions_of_the_master_end_and_from_then_on_tasks_are_spared(
    restored: Restored,
) -> None:
    with at_work(restored, MASTER) as disguised:
        disguised.run("SELECT pg_advisory_lock(1)")
        lock_out(access(restored), KEEP).require_complete()
    with restored.session(MASTER) as task, at_work(restored, MASTER):
        task.run("SELECT pg_advisory_lock(1)")
        lock_out(access(restored), KEEP).require_complete()
        assert task.run("SELECT 1") == [[1]]


@pytest.fixture
def reader(restored: Restored, data_plane: PostgresDataPlane) -> DatabaseServer:
    data_plane.set_readers("restored", ["restored-2"])
    shown = data_plane.instance_endpoint("restored", "restored-2", Endpoint("", 0))
    return replace(restored.server, host=shown.host, port=shown.port)


def test_sessions_end_on_every_instance(restored: Restored, reader: DatabaseServer) -> None:
    on_reader = replace(restored, server=reader)
    with (
        at_work(restored, ETL),
        at_work(on_reader, ETL),
        at_work(on_reader, MASTER),
        on_reader.session(MONITORING) as kept,
    ):
        lock_out(access(restored, readers=(reader,)), KEEP).require_complete()
        assert kept.run("SELECT 1") == [[1]]
    assert on_reader.refuses(ETL)


def test_a_reader_that_is_not_reached_is_reported_when_all_is_closed(
    restored: Restored, reader: DatabaseServer, data_plane: PostgresDataPlane
) -> None:
    data_plane.set_readers("restored", [])

    done = lock_out(access(restored, readers=(reader,)), KEEP)

    require_locked_out(restored)
    with pytest.raises(DatabaseConnectionError, match="could not be reached"):
        done.require_complete()


def test_a_name_that_looks_like_one_of_rds_proves_nothing(restored: Restored) -> None:
    reporting = DatabaseLogin("rds_reporting_user", "reporting-password")
    as_master(restored, f"CREATE ROLE {reporting.user} LOGIN PASSWORD '{reporting.password}'")

    done = lock_out(access(restored), KEEP)

    done.require_complete()
    assert enters(restored, reporting) == []
    assert reporting.user in done.disabled


@pytest.mark.parametrize("restored", SINCE_16, indirect=True)
def test_a_role_that_rds_has_made_for_itself_is_left_alone(restored: Restored) -> None:
    as_superuser(restored, "CREATE ROLE rdsnewcomer LOGIN PASSWORD 'rdsnewcomer-password'")

    lock_out(access(restored), KEEP).require_complete()

    assert DATABASE in enters(restored, DatabaseLogin("rdsnewcomer", "rdsnewcomer-password"))


def test_two_thousand_roles_take_a_few_seconds(restored: Restored) -> None:
    as_master(
        restored,
        "DO $$ BEGIN FOR n IN 1 .. 2000 LOOP EXECUTE format('CREATE ROLE \"user '' %s\" LOGIN', n);"
        " END LOOP; END $$",
    )
    started = time.monotonic()

    done = lock_out(access(restored), KEEP)

    assert time.monotonic() - started < 15
    done.require_complete()
    assert len(done.disabled) == 2002
    assert as_master(
        restored, "SELECT count(*) FROM pg_roles WHERE rolcanlogin AND rolname ~ '^user'"
    ) == [[0]]
