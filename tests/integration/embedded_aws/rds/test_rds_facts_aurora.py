"""What Aurora adds to PostgreSQL: jobs, replication without superusers, readers."""

import time
from contextlib import suppress
from functools import partial
from typing import Any

import pg8000.native
import pytest

from embedded_aws.rds.data_plane.builds import MAJORS
from tests.integration.embedded_aws.rds.databases import (
    EmbeddedDatabases,
    wait_until,
)

EVERY_MAJOR = pytest.mark.parametrize("major", MAJORS)
EDGES = pytest.mark.parametrize("major", [MAJORS[0], MAJORS[-1]])
POSTGRES: Any = {"database": "postgres"}


def refused(code: str) -> Any:
    return pytest.raises(pg8000.native.DatabaseError, match=f"'C': '{code}'")


def served(databases: EmbeddedDatabases, major: int, **settings: Any) -> Any:
    """A cluster of a major version, with an instance."""
    name = settings.pop("name", "orders")
    databases.new_cluster(name, EngineVersion=f"{major}.4", **settings)
    databases.new_instance(f"{name}-1", name)
    return databases.cluster(name)


def has_goods(session: Any) -> bool:
    return bool(session.run("SELECT FROM pg_class WHERE relname = 'goods'"))


def with_logical_replication(databases: EmbeddedDatabases, major: int) -> str:
    """A cluster parameter group that turns logical replication on."""
    name = f"logical-{major}"
    family = f"aurora-postgresql{major}"
    with suppress(databases.rds().exceptions.DBParameterGroupAlreadyExistsFault):
        databases.rds().create_db_cluster_parameter_group(
            DBClusterParameterGroupName=name, DBParameterGroupFamily=family, Description="test"
        )
    databases.rds().modify_db_cluster_parameter_group(
        DBClusterParameterGroupName=name,
        Parameters=[
            {
                "ParameterName": "rds.logical_replication",
                "ParameterValue": "1",
                "ApplyMethod": "pending-reboot",
            }
        ],
    )
    return name


@EVERY_MAJOR
def test_active_jobs_of_pg_cron_run_as_their_user_in_their_database(
    databases: EmbeddedDatabases, major: int
) -> None:
    cluster = served(databases, major)
    databases.rows(cluster, "CREATE EXTENSION pg_cron", **POSTGRES)
    databases.rows(cluster, "CREATE TABLE seen (by_user text, db text, at timestamptz)")
    command = "INSERT INTO seen SELECT current_user, current_database(), now()"
    with databases.connection(cluster, database="postgres") as session:
        session.run("SELECT cron.schedule_in_database('each', '1 second', :c, 'shop')", c=command)
        session.run(
            "SELECT cron.schedule_in_database('off', '1 second', :c, 'shop', active := false)",
            c="INSERT INTO seen VALUES ('never')",
        )
        session.run("SELECT cron.schedule('broken', '1 second', 'SELECT 1 / 0')")
        failed = "SELECT return_message FROM cron.job_run_details WHERE status = 'failed' LIMIT 1"
        wait_until(lambda: bool(session.run(failed)))
        assert "division by zero" in session.run(failed)[0][0]
        wait_until(lambda: databases.rows(cluster, "SELECT count(*) FROM seen") != [[0]])
        session.run("SELECT cron.unschedule('each'), cron.unschedule('off')")
    assert databases.rows(cluster, "SELECT DISTINCT by_user, db FROM seen") == [
        ["postgres", "shop"]
    ]


def test_a_restored_cluster_runs_the_jobs_that_the_snapshot_holds(
    databases: EmbeddedDatabases,
) -> None:
    cluster = served(databases, 17)
    with databases.connection(cluster, database="postgres") as session:
        session.run("CREATE EXTENSION pg_cron")
        session.run("SELECT cron.schedule('each', '1 second', 'SELECT 1')")
    databases.new_snapshot("monday", "orders")
    restored = databases.restored("monday", "restored")

    with databases.connection(restored, database="postgres") as session:
        session.run("DELETE FROM cron.job_run_details")
        wait_until(lambda: session.run("SELECT count(*) FROM cron.job_run_details") != [[0]])


@EDGES
def test_a_job_belongs_to_its_user_and_the_schema_cron_to_rdsadmin(
    databases: EmbeddedDatabases, major: int
) -> None:
    cluster = served(databases, major)
    app: Any = {"user": "app", "password": "app-password", "database": "postgres"}
    with databases.connection(cluster, database="postgres") as session:
        session.run("CREATE EXTENSION pg_cron")
        owner = "SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'cron'"
        assert session.run(owner) == [["rdsadmin"]]
        session.run("CREATE ROLE app LOGIN PASSWORD 'app-password'")
        session.run("SELECT cron.schedule('nightly', '30 3 * * *', 'VACUUM')")
        for schedule in ("nonsense", "60 seconds", "* * *"):
            with refused("22023"):
                session.run("SELECT cron.schedule('x', :s, 'SELECT 1')", s=schedule)
        with refused("42501"):
            databases.rows(cluster, "SELECT cron.schedule('* * * * *', 'SELECT 1')", **app)
        session.run("GRANT USAGE ON SCHEMA cron TO app")
        databases.rows(cluster, "SELECT cron.schedule('mine', '@hourly', 'SELECT 1')", **app)
        names = "SELECT jobname FROM cron.job"
        assert databases.rows(cluster, names, **app) == [["mine"]]
        assert session.run(names) == [["nightly"]]
        with pytest.raises(pg8000.native.DatabaseError, match="could not find valid entry"):
            databases.rows(cluster, "SELECT cron.unschedule('nightly')", **app)
        with refused("42501"):
            databases.rows(cluster, "SELECT cron.alter_job(1, active := false)", **app)
        session.run("SELECT cron.alter_job(jobid, active := false) FROM cron.job")
        assert session.run("SELECT active FROM cron.job") == [[False]]


APP: Any = {"user": "app", "password": "app-password", **POSTGRES}


@EDGES
def test_a_job_is_seen_by_its_user_alone_and_unscheduled_by_others_who_may_delete(
    databases: EmbeddedDatabases, major: int
) -> None:
    cluster = served(databases, major)
    with databases.connection(cluster, **POSTGRES) as session:
        session.run("CREATE EXTENSION pg_cron")
        session.run("CREATE ROLE app LOGIN PASSWORD 'app-password'")
        session.run("GRANT USAGE ON SCHEMA cron TO app")
        databases.rows(cluster, "SELECT cron.schedule('mine', '@hourly', 'SELECT 1')", **APP)
        assert session.run("SELECT * FROM cron.job") == []
        session.run("UPDATE cron.job SET active = false")
        session.run("SET row_security = off")
        with refused("42501"):
            session.run("SELECT * FROM cron.job")
        assert databases.rows(cluster, "SELECT active FROM cron.job", **APP) == [[True]]
        with refused("42501"):
            databases.rows(cluster, "UPDATE cron.job SET active = false", **APP)
        session.run("CREATE ROLE other LOGIN PASSWORD 'other-password'")
        session.run("GRANT USAGE ON SCHEMA cron TO other")
        with refused("42501"):
            databases.rows(
                cluster,
                "SELECT cron.unschedule(1)",
                **{**APP, "user": "other", "password": "other-password"},
            )
        assert session.run("SELECT cron.unschedule(1)") == [[True]]
    assert databases.rows(cluster, "SELECT * FROM cron.job", **APP) == []


@EDGES
def test_without_its_library_pg_cron_refuses_every_change_but_a_replicas(
    databases: EmbeddedDatabases, major: int
) -> None:
    cluster = served(databases, major)
    with databases.connection(cluster, **POSTGRES) as session:
        session.run("CREATE EXTENSION pg_cron")
        session.run("SELECT cron.schedule('mine', '@hourly', 'SELECT 1')")
        session.run("SET embedded.pg_cron_preloaded = off")
        for change in (
            "SELECT cron.schedule('x', '@hourly', 'SELECT 1')",
            "SELECT cron.alter_job(jobid, active := false) FROM cron.job",
            "SELECT cron.unschedule(jobid) FROM cron.job",
            "UPDATE cron.job SET active = false",
        ):
            with refused("XX000"):
                session.run(change)
        session.run("SET session_replication_role = replica")
        session.run("UPDATE cron.job SET active = false")
        assert session.run("SELECT active FROM cron.job") == [[False]]


@EDGES
def test_the_worker_of_pg_cron_learns_of_a_change_by_a_trigger(
    databases: EmbeddedDatabases, major: int
) -> None:
    cluster = served(databases, major)
    with databases.connection(cluster, **POSTGRES) as session:
        session.run("CREATE EXTENSION pg_cron")
        session.run("SELECT cron.schedule('each', '1 second', 'SELECT 1')")

        count = "SELECT count(*) FROM cron.job_run_details"

        def runs() -> bool:
            """Whether there is a run between two seconds and three from now."""
            time.sleep(2)
            before = session.run(count)
            deadline = time.monotonic() + 3
            while session.run(count) == before:
                if time.monotonic() > deadline:
                    return False
                time.sleep(0.05)
            return True

        assert runs()
        session.run("SET session_replication_role = replica")
        session.run("UPDATE cron.job SET active = false")
        assert runs()
        session.run("SET session_replication_role = origin")
        session.run("UPDATE cron.job SET active = false")
        assert not runs()


@EDGES
def test_a_member_of_rds_superuser_sets_session_replication_role(
    databases: EmbeddedDatabases, major: int
) -> None:
    cluster = served(databases, major)
    with databases.connection(cluster) as session:
        session.run("SET session_replication_role = replica")
        session.run("CREATE ROLE app LOGIN PASSWORD 'app-password'")
    with refused("42501"):
        databases.rows(
            cluster,
            "SET session_replication_role = replica",
            user="app",
            password="app-password",
        )


@EVERY_MAJOR
def test_the_master_user_manages_subscriptions_and_publishes_with_logical_replication(
    databases: EmbeddedDatabases, major: int
) -> None:
    group = with_logical_replication(databases, major)
    publisher = served(databases, major, name="origin", DBClusterParameterGroupName=group)
    subscriber = served(databases, major, name="copy")
    with databases.connection(publisher) as session:
        assert session.run("SHOW wal_level") == [["logical"]]
        session.run("CREATE TABLE goods (n int PRIMARY KEY)")
        session.run("INSERT INTO goods VALUES (1)")
        session.run("CREATE PUBLICATION everything FOR TABLE goods")
        session.run("CREATE ROLE streamer LOGIN PASSWORD 'streamer-password'")
        session.run("GRANT rds_replication TO streamer")
        session.run("GRANT SELECT ON goods TO streamer")
        address = (
            f"host={publisher['Endpoint']} port={publisher['Port']} dbname=shop user=streamer "
            "password=streamer-password sslmode=require"
        )
        with databases.connection(subscriber) as other:
            other.run("CREATE TABLE goods (n int PRIMARY KEY)")
            other.run(f"CREATE SUBSCRIPTION follows CONNECTION '{address}' PUBLICATION everything")
            session.run("INSERT INTO goods VALUES (2)")
            rows = "SELECT n FROM goods ORDER BY n"
            wait_until(lambda: other.run(rows) == [[1], [2]])
            super_users = "SELECT count(*) FROM pg_roles WHERE rolsuper AND rolname <> 'rdsadmin'"
            assert other.run(super_users) == [[0]]
            other.run("ALTER SUBSCRIPTION follows DISABLE")
            other.run("ALTER SUBSCRIPTION follows SET (slot_name = NONE)")
            other.run("DROP SUBSCRIPTION follows")
        # The worker of a subscription may hold its slot for a moment longer.
        active = "SELECT active FROM pg_replication_slots"
        wait_until(lambda: session.run(active) == [[False]])
        session.run("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots")
        assert session.run(active) == []


@EDGES
def test_a_member_of_rds_replication_manages_slots_and_others_do_not(
    databases: EmbeddedDatabases, major: int
) -> None:
    group = with_logical_replication(databases, major)
    cluster = served(databases, major, DBClusterParameterGroupName=group)
    app: Any = {"user": "app", "password": "app-password"}
    make = "SELECT slot_name FROM pg_create_logical_replication_slot('mine', 'test_decoding')"
    with databases.connection(cluster) as session:
        session.run("CREATE ROLE app LOGIN PASSWORD 'app-password'")
        with refused("42501"):
            databases.rows(cluster, make, **app)
        assert session.run(make) == [["mine"]]
        session.run("CREATE TABLE goods AS SELECT 1 AS n")
        changes = "SELECT data FROM pg_logical_slot_peek_changes('mine', NULL, NULL)"
        wait_until(lambda: any("INSERT" in data for (data,) in session.run(changes)))
        with refused("42501"):
            databases.rows(cluster, "SELECT pg_drop_replication_slot('mine')", **app)
    databases.new_snapshot("monday", "orders")
    restored = databases.restored("monday", "restored", EngineVersion=f"{major}.4")
    slots = "SELECT slot_name FROM pg_replication_slots"
    assert databases.rows(restored, slots) == [["mine"]]
    databases.rows(restored, "SELECT pg_drop_replication_slot('mine')")


@EVERY_MAJOR
def test_a_reader_has_sessions_of_its_own_and_follows_the_writer(
    databases: EmbeddedDatabases, major: int
) -> None:
    served(databases, major)
    databases.new_instance("orders-2", "orders")
    cluster = databases.cluster()
    [shown] = databases.rds().describe_db_instances(DBInstanceIdentifier="orders-2")["DBInstances"]
    reader: Any = dict(cluster) | {
        "Endpoint": shown["Endpoint"]["Address"],
        "Port": shown["Endpoint"]["Port"],
    }
    by_cluster: Any = dict(cluster) | {"Endpoint": cluster["ReaderEndpoint"]}

    databases.rows(cluster, "CREATE TABLE goods AS SELECT 7 AS n")
    for endpoint in (reader, by_cluster):
        with databases.connection(endpoint) as session:
            wait_until(partial(has_goods, session))
        assert databases.rows(endpoint, "SELECT n, pg_is_in_recovery() FROM goods") == [[7, True]]
        with refused("25006"):
            databases.rows(endpoint, "INSERT INTO goods VALUES (8)")
    with databases.connection(reader) as reading, databases.connection(cluster) as writing:
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres'"
        writing.run(f"{others} AND pid <> pg_backend_pid()")
        assert reading.run("SELECT n FROM goods") == [[7]]

    databases.rds().delete_db_instance(DBInstanceIdentifier="orders-2")
    with pytest.raises(pg8000.native.InterfaceError), databases.connection(reader):
        pass
    assert databases.rows(by_cluster, "SELECT pg_is_in_recovery()") == [[False]]


def test_after_a_failover_the_former_writers_instance_is_a_reader(
    databases: EmbeddedDatabases,
) -> None:
    served(databases, 17)
    databases.new_instance("orders-2", "orders")
    databases.rds().failover_db_cluster(DBClusterIdentifier="orders")

    def in_recovery(name: str) -> Any:
        [shown] = databases.rds().describe_db_instances(DBInstanceIdentifier=name)["DBInstances"]
        endpoint: Any = {
            "Endpoint": shown["Endpoint"]["Address"],
            "Port": shown["Endpoint"]["Port"],
        }
        return databases.rows(endpoint, "SELECT pg_is_in_recovery()")

    assert in_recovery("orders-1") == [[True]]
    assert in_recovery("orders-2") == [[False]]
