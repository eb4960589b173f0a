"""A copy of production that reaches for production, in real clusters: what is left of it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import pg8000.native
import pytest

from aurora_restore.shared.postgres.access import DatabaseAccess
from aurora_restore.shared.postgres.connection import DatabaseLogin
from aurora_restore.shared.postgres.neutralise.everywhere import Neutralised, neutralise
from aurora_restore.shared.postgres.neutralise.wiring import WiringKind
from embedded_aws.rds.data_plane.builds import MAJORS
from embedded_aws.rds.data_plane.postgres import PostgresDataPlane
from tests.integration.database.conftest import (
    DATABASE,
    MASTER,
    OPERATION,
    SINCE_16,
    SINCE_17,
    Restored,
    opened,
)

STREAMER = DatabaseLogin("streamer", "canary-streamer-password")
APP = DatabaseLogin("app_user", "old-app-password")
ETL = DatabaseLogin("etl", "old-etl-password")
PATIENCE = 30.0

SLOTS = "SELECT slot_name FROM pg_replication_slots ORDER BY 1"
ROWS = "SELECT n FROM goods ORDER BY n"


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def access(cluster: Restored) -> DatabaseAccess:
    return DatabaseAccess(cluster.server, MASTER, DATABASE, (DATABASE,), OPERATION)


def neutralised(cluster: Restored, *kept: WiringKind) -> Neutralised:
    return neutralise(access(cluster), kept)


def complete(cluster: Restored, *kept: WiringKind) -> Neutralised:
    done = neutralised(cluster, *kept)
    assert done.remaining == []
    return done


def rows(
    cluster: Restored, statement: str, login: DatabaseLogin = MASTER, database: str = DATABASE
) -> list[Any]:
    with cluster.session(login, database) as connection:
        return list(connection.run(statement) or [])


@dataclass(frozen=True)
class Replication:
    """Production's publisher and its real subscriber, of which copies are made."""

    data_plane: PostgresDataPlane
    major: int
    publisher: Restored
    subscriber: Restored

    def as_rdsadmin(self, name: str, statement: str) -> None:
        run_as_rdsadmin(self.data_plane, name, statement)

    @contextmanager
    def copy(self, snapshot: str, name: str = "copy") -> Iterator[Restored]:
        with opened(self.data_plane, name, self.major, snapshot) as made:
            yield made

    def publish(self, n: int) -> None:
        rows(self.publisher, f"INSERT INTO goods SELECT {n}")

    def subscribe(self, options: str = "two_phase = false") -> None:
        rows(
            self.subscriber,
            "CREATE SUBSCRIPTION follows CONNECTION "
            f"'host=localhost port={self.publisher.server.port} dbname={DATABASE} "
            f"user={STREAMER.user} password={STREAMER.password} sslmode=require' "
            f"PUBLICATION everything WITH ({options})",
        )


def run_as_rdsadmin(
    data_plane: PostgresDataPlane, name: str, statement: str, database: str = DATABASE
) -> list[Any]:
    server = data_plane._volumes[name].server
    assert server is not None
    return server.run(statement, database=database)


@pytest.fixture(params=MAJORS)
def replication(
    data_plane: PostgresDataPlane, request: pytest.FixtureRequest
) -> Iterator[Replication]:
    """A publisher with one row, and a cluster that does not subscribe to it yet."""
    major = request.param
    with (
        opened(data_plane, "publisher", major, None, logical_replication=True) as publisher,
        opened(data_plane, "subscriber", major, None) as subscriber,
    ):
        for cluster in (publisher, subscriber):
            rows(cluster, "CREATE TABLE goods (n int PRIMARY KEY)")
        with publisher.session(MASTER) as session:
            session.run("INSERT INTO goods VALUES (1)")
            session.run("CREATE PUBLICATION everything FOR TABLE goods")
            session.run(f"CREATE ROLE streamer LOGIN PASSWORD '{STREAMER.password}'")
            session.run("GRANT rds_replication TO streamer; GRANT SELECT ON goods TO streamer")
        yield Replication(data_plane, major, publisher, subscriber)


def test_productions_slot_and_its_rows_are_given_back_to_its_real_subscriber(
    replication: Replication,
) -> None:
    replication.subscribe()
    wait_until(lambda: rows(replication.subscriber, ROWS) == [[1]])
    ready = "SELECT srsubstate::text FROM pg_subscription_rel"
    wait_until(lambda: rows(replication.subscriber, ready) == [["r"]])
    snapshot = replication.data_plane.capture("subscriber")
    replication.data_plane.close("subscriber")
    with replication.copy(snapshot) as copy:
        replication.publish(2)
        wait_until(lambda: rows(copy, ROWS) == [[1], [2]])

        done = complete(copy)

        assert done.removed[WiringKind.SUBSCRIPTIONS] == [f"follows in {DATABASE}"]
        assert rows(copy, "SELECT subname FROM pg_subscription") == []
        assert rows(replication.publisher, SLOTS) == [["follows"]]
        replication.publish(3)
        replication.data_plane.open("subscriber")
        wait_until(lambda: [3] in rows(replication.subscriber, ROWS))
        assert rows(copy, ROWS) == [[1], [2]]


@pytest.mark.parametrize(
    ("replication", "option"),
    [
        *((major, "two_phase = true") for major in (MAJORS[0], MAJORS[-1])),
        *((major, "failover = true") for major in (SINCE_17[0], SINCE_17[-1])),
        *((major, "two_phase = true, failover = true") for major in SINCE_17[-1:]),
    ],
    indirect=["replication"],
)
def test_a_subscription_of_whatever_options_leaves_productions_slot(
    replication: Replication, option: str
) -> None:
    replication.subscribe(option)
    wait_until(lambda: rows(replication.subscriber, ROWS) == [[1]])
    wait_until(lambda: rows(replication.subscriber, UNFINISHED) == [["r"]])
    snapshot = replication.data_plane.capture("subscriber")
    replication.data_plane.close("subscriber")

    with replication.copy(snapshot) as copy:
        done = complete(copy)
        assert done.removed[WiringKind.SUBSCRIPTIONS] == [f"follows in {DATABASE}"]
        assert rows(copy, "SELECT subname FROM pg_subscription") == []

    assert rows(replication.publisher, SLOTS) == [["follows"]]


@pytest.mark.parametrize("copy", [SINCE_16[0], SINCE_16[-1]], indirect=True)
def test_a_subscription_that_only_a_superuser_may_alter_remains_and_is_named(
    copy: Restored,
) -> None:
    copy.superuser.run(
        "CREATE SUBSCRIPTION trusted CONNECTION 'host=localhost dbname=canary' PUBLICATION p "
        "WITH (connect = false, slot_name = 'trusted', password_required = false); "
        "ALTER SUBSCRIPTION trusted OWNER TO postgres",
        database=DATABASE,
    )

    (remaining,) = neutralised(copy).remaining

    assert remaining.what == f"trusted in {DATABASE}"
    assert remaining.why == "42501: password_required=false is superuser-only"


UNFINISHED = "SELECT srsubstate::text FROM pg_subscription_rel"


def snapshot_of_unfinished_synchronisation(replication: Replication) -> str:
    """A snapshot of the subscriber, which the publisher does not let copy the table's rows yet.

    The copies' workers stay out of it, so that what is seen there is done by the drop alone.
    """
    rows(replication.publisher, "REVOKE SELECT ON goods FROM streamer")
    replication.subscribe()
    wait_until(lambda: rows(replication.subscriber, UNFINISHED) == [["d"]])
    wait_until(lambda: len(rows(replication.publisher, SLOTS)) == 2)
    workers = "max_logical_replication_workers"
    replication.as_rdsadmin("subscriber", f"ALTER SYSTEM SET {workers} = 0")
    snapshot = replication.data_plane.capture("subscriber")
    replication.as_rdsadmin("subscriber", f"ALTER SYSTEM RESET {workers}")
    replication.data_plane.close("subscriber")
    active = "SELECT count(*) FROM pg_replication_slots WHERE active"
    wait_until(lambda: rows(replication.publisher, active) == [[0]])
    return snapshot


def test_a_subscription_in_its_initial_synchronisation_leaves_both_of_productions_slots(
    replication: Replication,
) -> None:
    snapshot = snapshot_of_unfinished_synchronisation(replication)
    slots = rows(replication.publisher, SLOTS)
    assert len(slots) == 2

    with replication.copy(snapshot) as copy:
        assert rows(copy, UNFINISHED) == [["d"]]
        complete(copy)
        assert rows(copy, "SELECT subname FROM pg_subscription") == []
    assert rows(replication.publisher, SLOTS) == slots

    rows(replication.publisher, "GRANT SELECT ON goods TO streamer")
    replication.data_plane.open("subscriber")
    wait_until(lambda: rows(replication.subscriber, ROWS) == [[1]])


def test_without_an_address_that_refuses_the_drop_deletes_productions_slot(
    replication: Replication,
) -> None:
    """The attack itself, without which the test before could not fail."""
    snapshot = snapshot_of_unfinished_synchronisation(replication)

    with replication.copy(snapshot) as copy, copy.session(MASTER) as session:
        session.run("ALTER SUBSCRIPTION follows DISABLE")
        session.run("ALTER SUBSCRIPTION follows SET (slot_name = NONE)")
        session.run("DROP SUBSCRIPTION follows")

    assert rows(replication.publisher, SLOTS) == [["follows"]]


@pytest.fixture(params=(MAJORS[0], MAJORS[-1]))
def copy(
    data_plane: PostgresDataPlane,
    snapshots: Callable[[int], str],
    request: pytest.FixtureRequest,
) -> Iterator[Restored]:
    """A copy of the oldest and of the newest version."""
    with opened(data_plane, "copy", request.param, snapshots(request.param)) as made:
        yield made


# --- Replication slots of the copy itself.


def test_the_copys_own_logical_slots_are_dropped_active_ones_too(replication: Replication) -> None:
    replication.subscribe()
    wait_until(lambda: rows(replication.subscriber, ROWS) == [[1]])
    snapshot = replication.data_plane.capture("publisher")
    rows(replication.publisher, "SELECT pg_create_logical_replication_slot('cdc', 'test_decoding')")
    active = "SELECT slot_name FROM pg_replication_slots WHERE active"
    wait_until(lambda: rows(replication.publisher, active) == [["follows"]])

    done = complete(replication.publisher)

    assert done.removed[WiringKind.REPLICATION_SLOTS] == [
        f"cdc in {DATABASE}",
        f"follows in {DATABASE}",
    ]
    assert rows(replication.publisher, SLOTS) == []
    with replication.copy(snapshot) as restored:
        assert rows(restored, SLOTS) == [["follows"]]
        complete(restored)
        assert rows(restored, SLOTS) == []


# --- Jobs of pg_cron.

SCHEDULE = "SELECT cron.schedule('{name}', '1 second', 'SELECT ''canary-in-a-command''')"
RUNS = "SELECT count(*) FROM cron.job_run_details"


def jobs(cluster: Restored, login: DatabaseLogin) -> list[Any]:
    return rows(cluster, "SELECT jobname, active FROM cron.job", login, "postgres")


def with_cron_jobs(cluster: Restored) -> None:
    """Let the master user and two others have a job each, all of them running."""
    with cluster.session(MASTER, "postgres") as session:
        session.run("CREATE EXTENSION pg_cron")
        session.run("GRANT USAGE ON SCHEMA cron TO etl, app_user")
        session.run(SCHEDULE.format(name="nightly"))
    for login in (ETL, APP):
        rows(cluster, SCHEDULE.format(name=f"of {login.user}"), login, "postgres")
    for login in (MASTER, ETL, APP):
        wait_until(partial(has_run, cluster, login))


def has_run(cluster: Restored, login: DatabaseLogin) -> bool:
    return rows(cluster, RUNS, login, "postgres") != [[0]]


def runs_of_all(data_plane: PostgresDataPlane) -> list[Any]:
    return run_as_rdsadmin(data_plane, "copy", RUNS, "postgres")


def test_no_job_runs_whoever_it_belongs_to(copy: Restored, data_plane: PostgresDataPlane) -> None:
    with_cron_jobs(copy)
    before = memberships(copy)

    done = complete(copy)

    assert done.removed[WiringKind.CRON_JOBS] == [
        "1 nightly of postgres in postgres",
        "2 of etl of etl in postgres",
        "3 of app_user of app_user in postgres",
    ]
    for login in (MASTER, ETL, APP):
        assert [active for _, active in jobs(copy, login)] == [False]
    time.sleep(2)
    ran = runs_of_all(data_plane)
    time.sleep(3)
    assert runs_of_all(data_plane) == ran
    assert memberships(copy) == before
    assert "canary" not in repr(done)


def test_a_job_of_a_user_whose_name_looks_like_one_of_rds_does_not_run(copy: Restored) -> None:
    with_cron_jobs(copy)
    user = DatabaseLogin("rds_reporting_user", "reporting-password")
    rows(copy, f"CREATE ROLE {user.user} LOGIN PASSWORD '{user.password}'", MASTER, "postgres")
    rows(copy, f"GRANT USAGE ON SCHEMA cron TO {user.user}", MASTER, "postgres")
    rows(copy, f"GRANT CONNECT ON DATABASE postgres TO {user.user}", MASTER, "postgres")
    rows(copy, SCHEDULE.format(name="report"), user, "postgres")

    complete(copy)

    assert jobs(copy, user) == [["report", False]]


def test_thousands_of_jobs_are_made_inactive_and_named_shortly(copy: Restored) -> None:
    with copy.session(MASTER, "postgres") as session:
        session.run("CREATE EXTENSION pg_cron")
        session.run(
            "SELECT cron.schedule('job ' || n, '0 0 1 1 *', 'SELECT 1') "
            "FROM generate_series(1, 3000) n"
        )

    done = complete(copy)

    assert len(done.removed[WiringKind.CRON_JOBS]) == 3000
    assert rows(copy, "SELECT FROM cron.job WHERE active", database="postgres") == []
    assert complete(copy).removed == done.removed


def test_jobs_are_made_inactive_where_the_library_is_not_loaded(
    copy: Restored, data_plane: PostgresDataPlane
) -> None:
    with_cron_jobs(copy)
    run_as_rdsadmin(
        data_plane, "copy", "ALTER DATABASE postgres SET embedded.pg_cron_preloaded = 'off'"
    )

    complete(copy)

    for login in (MASTER, ETL, APP):
        assert [active for _, active in jobs(copy, login)] == [False]


def test_jobs_that_may_not_be_updated_are_unscheduled(
    copy: Restored, data_plane: PostgresDataPlane
) -> None:
    with_cron_jobs(copy)
    run_as_rdsadmin(data_plane, "copy", "REVOKE UPDATE ON cron.job FROM rds_superuser", "postgres")

    complete(copy)

    for login in (MASTER, ETL, APP):
        assert jobs(copy, login) == []


def test_a_run_of_a_job_ends(copy: Restored) -> None:
    with copy.session(ETL) as run:
        run.run("SET application_name = 'pg_cron'")
        complete(copy)
        with pytest.raises((Exception,), match=r"terminat|closed|network"):
            run.run("SELECT 1")


@pytest.mark.parametrize("copy", SINCE_16, indirect=True)
def test_jobs_that_cannot_be_seen_are_named_by_their_role(
    copy: Restored, data_plane: PostgresDataPlane
) -> None:
    with_cron_jobs(copy)
    run_as_rdsadmin(data_plane, "copy", "CREATE ROLE foreigner LOGIN")
    run_as_rdsadmin(data_plane, "copy", "CREATE ROLE group_of_old")

    (remaining,) = neutralised(copy).remaining

    assert remaining.what == "jobs of foreigner in postgres"
    assert remaining.why.startswith("42501: ")
    assert [active for _, active in jobs(copy, APP)] == [False]


# --- User mappings of foreign servers.

WRITE_TO_PRODUCTION = "INSERT INTO remote_goods VALUES (7)"


def memberships(cluster: Restored) -> list[Any]:
    return rows(
        cluster,
        "SELECT roleid::regrole::text, member::regrole::text FROM pg_auth_members ORDER BY 1, 2",
    )


def with_a_way_into(production: Restored, cluster: Restored, owner: str = "postgres") -> None:
    """Let a copy have a foreign server that leads to production, and mappings for it."""
    with cluster.session(MASTER) as session:
        session.run("CREATE EXTENSION IF NOT EXISTS postgres_fdw")
        session.run(
            "CREATE SERVER production FOREIGN DATA WRAPPER postgres_fdw OPTIONS "
            f"(host 'localhost', port '{production.server.port}', dbname '{DATABASE}', "
            "sslmode 'require')"
        )
        for user in ("app_user", "PUBLIC"):
            session.run(
                f"CREATE USER MAPPING FOR {user} SERVER production OPTIONS "
                f"(user '{MASTER.user}', password '{MASTER.password}')"
            )
        session.run(
            "CREATE FOREIGN TABLE remote_goods (n int) SERVER production "
            "OPTIONS (table_name 'goods')"
        )
        session.run("GRANT ALL ON remote_goods TO app_user; GRANT USAGE ON SCHEMA public TO PUBLIC")
        if owner != MASTER.user:
            session.run(f"GRANT {owner} TO postgres")
            session.run(f"GRANT rds_superuser TO {owner}")
            session.run(f"ALTER SERVER production OWNER TO {owner}")
            session.run(f"REVOKE {owner} FROM postgres")


@pytest.mark.parametrize("owner", ["postgres", '"Odd ""Owner"'])
def test_nobody_writes_to_production_through_a_foreign_table(
    replication: Replication, snapshots: Callable[[int], str], owner: str
) -> None:
    with replication.copy(snapshots(replication.major)) as copy:
        with_a_way_into(replication.publisher, copy, owner)
        rows(copy, WRITE_TO_PRODUCTION, APP)
        assert rows(replication.publisher, ROWS) == [[1], [7]]

        done = complete(copy)

        assert done.removed[WiringKind.USER_MAPPINGS] == [
            f"PUBLIC at production in {DATABASE}",
            f"app_user at production in {DATABASE}",
        ]
        assert done.findings["foreign_servers"] == [f"production (postgres_fdw) in {DATABASE}"]
        for login in (APP, MASTER):
            with pytest.raises(pg8000.native.DatabaseError):
                rows(copy, "INSERT INTO remote_goods VALUES (8)", login)
        assert rows(replication.publisher, ROWS) == [[1], [7]]
        assert MASTER.password not in repr(done)


# --- All of it.


def test_what_the_master_user_may_not_remove_remains_and_all_else_is_removed(
    copy: Restored, data_plane: PostgresDataPlane
) -> None:
    with_a_way_into(copy, copy)
    for statement in (
        "CREATE SERVER untouchable FOREIGN DATA WRAPPER postgres_fdw",
        "CREATE USER MAPPING FOR etl SERVER untouchable",
        "CREATE SUBSCRIPTION untouchable CONNECTION 'host=localhost password=canary' "
        "PUBLICATION p WITH (connect = false, slot_name = NONE)",
    ):
        run_as_rdsadmin(data_plane, "copy", statement)

    done = neutralised(copy)

    assert sorted(refusal.what for refusal in done.remaining) == [
        f"etl at untouchable in {DATABASE}",
        f"untouchable in {DATABASE}",
    ]
    assert all("42501" in refusal.why for refusal in done.remaining)
    assert "canary" not in repr(done)
    mappings = "SELECT usename, srvname FROM pg_user_mappings"
    assert rows(copy, mappings) == [["etl", "untouchable"]]
    run_as_rdsadmin(data_plane, "copy", "DROP SUBSCRIPTION untouchable")
    run_as_rdsadmin(data_plane, "copy", "DROP SERVER untouchable CASCADE")
    assert complete(copy).removed[WiringKind.USER_MAPPINGS] == [
        f"PUBLIC at production in {DATABASE}",
        f"app_user at production in {DATABASE}",
        f"etl at untouchable in {DATABASE}",
    ]


def test_kinds_that_are_kept_stay_and_are_named(copy: Restored) -> None:
    with_cron_jobs(copy)
    with_a_way_into(copy, copy)

    done = complete(copy, WiringKind.CRON_JOBS, WiringKind.USER_MAPPINGS)

    assert len(done.kept[WiringKind.CRON_JOBS]) == 3
    assert len(done.kept[WiringKind.USER_MAPPINGS]) == 2
    assert not any(done.removed.values())
    assert [active for _, active in jobs(copy, APP)] == [True]
    assert len(rows(copy, "SELECT FROM pg_user_mappings")) == 2


def test_what_is_set_up_after_it_is_left_alone(copy: Restored) -> None:
    complete(copy)
    with_cron_jobs(copy)

    assert complete(copy).removed[WiringKind.CRON_JOBS] == []

    assert [active for _, active in jobs(copy, APP)] == [True]


def test_no_database_is_left_out(copy: Restored) -> None:
    """Not one that is not listed, nor a template, nor one that does not let the master in."""
    databases = ("closed_to_all", "postgres", "template1", "unlisted")
    with copy.session(MASTER) as session:
        session.run("CREATE DATABASE unlisted")
        session.run("CREATE DATABASE closed_to_all")
        session.run("REVOKE CONNECT ON DATABASE closed_to_all FROM PUBLIC")
    for database in databases:
        with copy.session(MASTER, database) as session:
            session.run("CREATE EXTENSION postgres_fdw")
            session.run("CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw")
            session.run("CREATE USER MAPPING FOR etl SERVER far")
    with copy.session(MASTER) as session:
        session.run("GRANT etl TO postgres")
        session.run("ALTER DATABASE closed_to_all OWNER TO etl")
        session.run("REVOKE etl FROM postgres")
    with pytest.raises(pg8000.native.DatabaseError, match="42501"):
        rows(copy, "SELECT 1", MASTER, "closed_to_all")

    done = complete(copy)

    assert done.removed[WiringKind.USER_MAPPINGS] == [f"etl at far in {name}" for name in databases]
    for database in databases:
        assert rows(copy, "SELECT FROM pg_user_mappings", MASTER, database) == []


def test_each_database_of_a_copy_that_is_tied_to_nothing_is_looked_at_once(copy: Restored) -> None:
    before = copy.log.read_text()

    done = complete(copy)

    assert not any(done.removed.values())
    log = copy.log.read_text().removeprefix(before)
    assert log.count("FROM pg_user_mappings") == len((DATABASE, "postgres", "template1"))


def test_an_event_trigger_that_refuses_statements_refuses_none_of_ours(
    copy: Restored, data_plane: PostgresDataPlane
) -> None:
    with_a_way_into(copy, copy)
    run_as_rdsadmin(
        data_plane,
        "copy",
        """
        CREATE FUNCTION public.refuse() RETURNS event_trigger LANGUAGE plpgsql AS
            $$BEGIN RAISE EXCEPTION 'no statement here'; END$$;
        CREATE EVENT TRIGGER refuse_all ON ddl_command_start EXECUTE FUNCTION public.refuse()
        """,
    )

    done = complete(copy)

    assert done.findings["event_triggers"] == [f"refuse_all in {DATABASE}"]
    assert rows(copy, "SELECT FROM pg_user_mappings") == []


def test_what_can_reach_out_or_acts_by_itself_is_reported_by_name(copy: Restored) -> None:
    with copy.session(MASTER) as session:
        for statement in (
            "CREATE EXTENSION dblink",
            "CREATE FUNCTION powerful(n int) RETURNS int LANGUAGE sql SECURITY DEFINER "
            "AS 'SELECT 1'",
            "CREATE FUNCTION harmless() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
            "CREATE TRIGGER audit AFTER UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION note()",
            "SELECT lo_create(0), lo_create(0)",
            "CREATE DATABASE closed ALLOW_CONNECTIONS false",
        ):
            session.run(statement)

    findings = {kind: names for kind, names in complete(copy).findings.items() if names}

    assert findings == {
        "extensions_reaching_out": [f"dblink in {DATABASE}"],
        "privileged_functions": [f"public.powerful(n integer) of postgres in {DATABASE}"],
        "triggers": [f"audit on public.customers in {DATABASE}"],
        "large_objects": [f"2 large objects in {DATABASE}"],
        "closed_databases": ["closed"],
    }
