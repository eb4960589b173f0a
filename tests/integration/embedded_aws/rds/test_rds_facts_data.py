"""What a client of the databases sees, as Aurora PostgreSQL shows it."""

import socket
import ssl
import threading
from pathlib import Path
from typing import Any

import pg8000.native
import pytest

from tests.integration.embedded_aws.rds.databases import (
    HERE,
    OTHER,
    OWNER,
    PASSWORD,
    THERE,
    EmbeddedDatabases,
    wait_until,
)


def refused(code: str) -> Any:
    return pytest.raises(pg8000.native.DatabaseError, match=f"'C': '{code}'")


def test_rows_roles_and_passwords_travel_with_a_daily_snapshot_to_another_region(
    databases: EmbeddedDatabases,
) -> None:
    source = databases.served_cluster()
    with databases.connection(source) as session:
        session.run("CREATE TABLE goods (name text)")
        session.run("INSERT INTO goods SELECT 'good ' || n FROM generate_series(1, 1000) n")
        session.run("CREATE ROLE app LOGIN PASSWORD 'app-password-of-the-source'")
        session.run("GRANT SELECT ON goods TO app")
        snapshot = databases.embedded.admin.take_automated_snapshot(
            "orders", account=OWNER, region=HERE
        )
        session.run("INSERT INTO goods VALUES ('too late')")

    databases.rds(OWNER, THERE).copy_db_cluster_snapshot(
        SourceDBClusterSnapshotIdentifier=snapshot["arn"],
        TargetDBClusterSnapshotIdentifier="copied",
    )
    databases.available_snapshot("copied", region=THERE)
    restored = databases.restored("copied", "restored", region=THERE)

    count = "SELECT count(*) FROM goods"
    assert databases.rows(restored, count) == [[1000]]
    app = {"user": "app", "password": "app-password-of-the-source"}
    assert databases.rows(restored, count, **app) == [[1000]]
    assert databases.rows(source, count) == [[1001]]


def test_a_shared_snapshot_brings_its_rows_into_another_account(
    databases: EmbeddedDatabases,
) -> None:
    source = databases.served_cluster()
    databases.rows(source, "CREATE TABLE goods AS SELECT 7 AS n")
    arn = databases.new_snapshot("monday", "orders")
    databases.rds().modify_db_cluster_snapshot_attribute(
        DBClusterSnapshotIdentifier="monday", AttributeName="restore", ValuesToAdd=[OTHER]
    )

    databases.rds(OTHER).copy_db_cluster_snapshot(
        SourceDBClusterSnapshotIdentifier=arn, TargetDBClusterSnapshotIdentifier="copied"
    )
    databases.available_snapshot("copied", account=OTHER)
    restored = databases.restored("copied", "restored", account=OTHER)

    assert databases.rows(restored, "SELECT n FROM goods") == [[7]]


def test_a_cluster_without_an_available_instance_refuses_connections(
    databases: EmbeddedDatabases,
) -> None:
    cluster = databases.new_cluster()
    with pytest.raises(pg8000.native.InterfaceError), databases.connection(cluster):
        pass

    databases.new_instance("orders-1", "orders")
    assert databases.rows(cluster, "SELECT 1") == [[1]]

    databases.rds().delete_db_instance(DBInstanceIdentifier="orders-1")
    with pytest.raises(pg8000.native.InterfaceError), databases.connection(cluster):
        pass


def test_rows_outlive_the_last_instance(databases: EmbeddedDatabases) -> None:
    cluster = databases.served_cluster()
    databases.rows(cluster, "CREATE TABLE goods AS SELECT 7 AS n")
    databases.rds().delete_db_instance(DBInstanceIdentifier="orders-1")
    wait_until(lambda: not databases.rds().describe_db_instances()["DBInstances"])

    databases.new_instance("orders-2", "orders")

    assert databases.rows(cluster, "SELECT n FROM goods") == [[7]]
    assert databases.cluster()["Port"] == cluster["Port"]


def test_a_snapshot_is_consistent_while_rows_are_written(databases: EmbeddedDatabases) -> None:
    source = databases.served_cluster()
    databases.rows(source, "CREATE TABLE pairs (n int, side text)")
    stop = threading.Event()

    def write() -> None:
        with databases.connection(source) as session:
            number = 0
            while not stop.is_set():
                number += 1
                session.run(f"INSERT INTO pairs VALUES ({number}, 'l'), ({number}, 'r')")  # noqa: S608

    writer = threading.Thread(target=write)
    writer.start()
    try:
        wait_until(lambda: databases.rows(source, "SELECT count(*) FROM pairs")[0][0] > 100)
        databases.new_snapshot("busy", "orders")
    finally:
        stop.set()
        writer.join()
    restored = databases.restored("busy", "restored")

    [[rows, lefts, last]] = databases.rows(
        restored, "SELECT count(*), count(*) FILTER (WHERE side = 'l'), max(n) FROM pairs"
    )
    assert rows == 2 * lefts == 2 * last > 100


def test_a_new_master_password_replaces_the_sources(databases: EmbeddedDatabases) -> None:
    databases.served_cluster()
    databases.new_snapshot("monday", "orders")
    restored = databases.restored("monday", "restored")
    assert databases.rows(restored, "SELECT 1", password=PASSWORD) == [[1]]

    databases.rds().modify_db_cluster(
        DBClusterIdentifier="restored", MasterUserPassword="second-password", ApplyImmediately=True
    )
    wait_until(lambda: not databases.cluster("restored")["PendingModifiedValues"])

    assert databases.rows(restored, "SELECT 1", password="second-password") == [[1]]
    with refused("28P01"), databases.connection(restored, PASSWORD):
        pass
    assert databases.rows(databases.cluster("orders"), "SELECT 1") == [[1]]


def test_a_managed_master_password_is_the_one_in_the_secret(databases: EmbeddedDatabases) -> None:
    databases.served_cluster()
    shown = databases.rds().modify_db_cluster(
        DBClusterIdentifier="orders", ManageMasterUserPassword=True, ApplyImmediately=True
    )["DBCluster"]
    wait_until(lambda: not databases.cluster()["PendingModifiedValues"])
    secrets = databases.embedded.admin.session(OWNER, HERE).client(
        "secretsmanager", endpoint_url=databases.embedded.endpoint_url
    )

    secret = secrets.get_secret_value(SecretId=shown["MasterUserSecret"]["SecretArn"])

    password = secret["SecretString"].partition('"password": "')[2].removesuffix('"}')
    assert databases.rows(databases.cluster(), "SELECT 1", password=password) == [[1]]


def test_the_master_user_is_no_superuser_but_may_create_roles_and_databases(
    databases: EmbeddedDatabases,
) -> None:
    cluster = databases.served_cluster()
    with databases.connection(cluster) as session:
        [flags] = session.run(
            "SELECT rolsuper, rolcreaterole, rolcreatedb, rolcanlogin,"
            " pg_has_role('rds_superuser', 'USAGE') FROM pg_roles WHERE rolname = current_user"
        )
        owners = session.run(
            "SELECT datname, pg_get_userbyid(datdba) FROM pg_database"
            " WHERE datname IN ('postgres', 'shop') ORDER BY 1"
        )
        session.run("CREATE ROLE app LOGIN PASSWORD 'app-password'")
        session.run("CREATE DATABASE other")
        with refused("42501"):
            session.run("CREATE ROLE root SUPERUSER")
        with refused("42501"):
            session.run("ALTER ROLE rdsadmin PASSWORD 'mine'")

    assert flags == [False, True, True, True, True]
    assert owners == [["postgres", "postgres"], ["shop", "postgres"]]


def test_the_roles_of_rds_exist_and_the_master_user_may_grant_them(
    databases: EmbeddedDatabases,
) -> None:
    cluster = databases.served_cluster()
    with databases.connection(cluster) as session:
        roles = session.run(
            "SELECT rolname FROM pg_roles WHERE rolname LIKE 'rds%' AND NOT rolcanlogin ORDER BY 1"
        )
        session.run("CREATE ROLE app LOGIN PASSWORD 'app-password'")
        for role in ("rds_superuser", "rds_iam", "rds_password", "pg_read_all_data"):
            session.run(f"GRANT {role} TO app")

    assert [role for (role,) in roles] == [
        "rds_ad",
        "rds_extension",
        "rds_iam",
        "rds_password",
        "rds_replication",
        "rds_reserved",
        "rds_superuser",
        "rdsrepladmin",
    ]


def test_reassigning_needs_membership_in_both_roles(databases: EmbeddedDatabases) -> None:
    cluster = databases.served_cluster()
    with databases.connection(cluster) as session:
        session.run("CREATE ROLE old_owner NOLOGIN")
        session.run("CREATE ROLE new_owner NOLOGIN")
        with refused("42501"):
            session.run("REASSIGN OWNED BY old_owner TO new_owner")
        session.run("GRANT old_owner, new_owner TO current_user")
        session.run("REASSIGN OWNED BY old_owner TO new_owner")


def test_a_user_with_rds_iam_is_refused_a_login_by_password(databases: EmbeddedDatabases) -> None:
    cluster = databases.served_cluster()
    with databases.connection(cluster) as session:
        session.run("CREATE ROLE readers NOLOGIN")
        session.run("CREATE ROLE app LOGIN PASSWORD 'app-password' IN ROLE readers")
        app = {"user": "app", "password": "app-password"}
        assert databases.rows(cluster, "SELECT 1", **app) == [[1]]
        session.run("GRANT rds_iam TO readers")
        with pytest.raises(pg8000.native.DatabaseError, match="PAM authentication failed"):
            databases.rows(cluster, "SELECT 1", **app)
        session.run("CREATE DATABASE fresh")
        with pytest.raises(pg8000.native.DatabaseError, match="PAM authentication failed"):
            databases.rows(cluster, "SELECT 1", database="fresh", **app)
        session.run("REVOKE rds_iam FROM readers")
        assert databases.rows(cluster, "SELECT 1", **app) == [[1]]

        session.run("GRANT rds_iam TO current_user")
    with pytest.raises(pg8000.native.DatabaseError, match="PAM authentication failed"):
        databases.rows(cluster, "SELECT 1")


def test_rdsadmin_does_not_log_in_over_the_network(databases: EmbeddedDatabases) -> None:
    cluster = databases.served_cluster()

    with refused("28000"), databases.connection(cluster, user="rdsadmin"):
        pass


def test_a_connection_without_tls_is_refused(databases: EmbeddedDatabases) -> None:
    cluster = databases.served_cluster()

    with pytest.raises(pg8000.native.DatabaseError, match="no encryption"):
        databases.rows(cluster, "SELECT 1", tls=False)


def test_the_certificate_is_of_the_local_authority_and_names_the_host(
    databases: EmbeddedDatabases,
) -> None:
    cluster = databases.served_cluster()

    with pytest.raises(ssl.SSLCertVerificationError):
        databases.rows(cluster, "SELECT 1", tls=ssl.create_default_context())
    assert databases.rows(cluster, "SELECT 1") == [[1]]


def test_a_wrong_password_is_refused_as_postgresql_does(databases: EmbeddedDatabases) -> None:
    cluster = databases.served_cluster()

    with refused("28P01"), databases.connection(cluster, "a-wrong-password"):
        pass


def test_large_results_and_parameters_pass_through_tls(databases: EmbeddedDatabases) -> None:
    cluster = databases.served_cluster()
    large = "x" * 5_000_000
    with databases.connection(cluster) as session:
        [[length]] = session.run("SELECT length(:value)", value=large)
        [[echo]] = session.run("SELECT repeat('x', 5000000)")

    assert length == len(large)
    assert echo == large


def test_a_running_statement_is_cancelled_by_a_session_of_the_master_user(
    databases: EmbeddedDatabases,
) -> None:
    cluster = databases.served_cluster()
    outcome: list[str] = []

    def sleep() -> None:
        with databases.connection(cluster) as session:
            try:
                session.run("SELECT pg_sleep(30) /* cancel me */")
            except pg8000.native.DatabaseError as error:
                outcome.append(error.args[0]["C"])

    sleeper = threading.Thread(target=sleep)
    sleeper.start()
    cancel = (
        "SELECT pg_cancel_backend(pid) FROM pg_stat_activity"
        " WHERE query LIKE '%cancel me%' AND pid <> pg_backend_pid() AND state = 'active'"
    )
    wait_until(lambda: databases.rows(cluster, cancel) == [[True]])
    sleeper.join()

    assert outcome == ["57014"]


def test_the_postgresql_log_shows_statements_and_no_master_password(
    databases: EmbeddedDatabases,
) -> None:
    cluster = databases.served_cluster()
    databases.rows(cluster, "SELECT 'a statement to be found'")
    databases.rds().modify_db_cluster(
        DBClusterIdentifier="orders", MasterUserPassword="second-password"
    )
    wait_until(lambda: not databases.cluster()["PendingModifiedValues"])

    (server,) = databases.embedded.admin.servers()
    log = Path(server["log"]).read_text()

    assert "statement: SELECT 'a statement to be found'" in log
    assert PASSWORD not in log
    assert "second-password" not in log
    assert "SCRAM-SHA-256$" not in log


def test_a_stopped_cluster_ends_its_connections(databases: EmbeddedDatabases) -> None:
    cluster = databases.served_cluster()
    with databases.connection(cluster) as session:
        databases.rds().stop_db_cluster(DBClusterIdentifier="orders")
        with pytest.raises((pg8000.native.Error, OSError)):
            session.run("SELECT 1")
    wait_until(lambda: databases.cluster()["Status"] == "stopped")
    databases.rds().start_db_cluster(DBClusterIdentifier="orders")
    databases.available("orders")

    assert databases.rows(cluster, "SELECT 1") == [[1]]


def test_a_deleted_clusters_port_is_closed_and_its_rows_are_gone(
    databases: EmbeddedDatabases,
) -> None:
    cluster = databases.served_cluster()
    databases.rds().delete_db_instance(DBInstanceIdentifier="orders-1")
    databases.rds().delete_db_cluster(DBClusterIdentifier="orders", SkipFinalSnapshot=True)
    wait_until(lambda: not databases.rds().describe_db_clusters()["DBClusters"])

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((cluster["Endpoint"], cluster["Port"]), timeout=5)
    assert databases.embedded.admin.servers() == []


def test_a_final_snapshot_holds_the_last_rows(databases: EmbeddedDatabases) -> None:
    cluster = databases.served_cluster()
    databases.rows(cluster, "CREATE TABLE goods AS SELECT 7 AS n")
    databases.rds().delete_db_instance(DBInstanceIdentifier="orders-1")
    databases.rds().delete_db_cluster(
        DBClusterIdentifier="orders", FinalDBSnapshotIdentifier="last"
    )
    wait_until(lambda: not databases.rds().describe_db_clusters()["DBClusters"])

    restored = databases.restored("last", "orders")

    assert databases.rows(restored, "SELECT n FROM goods") == [[7]]
