"""What a client of the databases sees of the version that a cluster runs, in each version."""

from pathlib import Path
from typing import Any

import pg8000.native
import pytest
from botocore.exceptions import ClientError

from embedded_aws.rds.data_plane import UnsupportedVersionError, builds
from embedded_aws.rds.data_plane.builds import MAJORS
from embedded_aws.rds.data_plane.postgres import PostgresDataPlane
from tests.integration.embedded_aws.rds.databases import EmbeddedDatabases

VERSION = "SELECT current_setting('server_version_num')::int / 10000"
EVERY_MAJOR = pytest.mark.parametrize("major", MAJORS)


def served(databases: EmbeddedDatabases, major: int) -> Any:
    """A cluster of a major version, with an instance."""
    databases.new_cluster(EngineVersion=f"{major}.4")
    databases.new_instance("orders-1", "orders")
    return databases.cluster()


def refused(code: str) -> Any:
    return pytest.raises(pg8000.native.DatabaseError, match=f"'C': '{code}'")


@EVERY_MAJOR
def test_the_engine_runs_the_major_version_of_the_cluster(
    databases: EmbeddedDatabases, major: int
) -> None:
    assert databases.rows(served(databases, major), VERSION) == [[major]]


@EVERY_MAJOR
def test_a_snapshot_keeps_its_major_version(databases: EmbeddedDatabases, major: int) -> None:
    served(databases, major)
    databases.new_snapshot("monday", "orders")
    for newer in (each for each in MAJORS if each > major):
        with pytest.raises(ClientError, match=f"does not upgrade data from PostgreSQL {major}"):
            databases.restored("monday", "restored", EngineVersion=f"{newer}.1")

    restored = databases.restored("monday", "restored", EngineVersion=f"{major}.9")

    assert databases.rows(restored, VERSION) == [[major]]


def test_a_version_without_a_server_here_is_refused_with_what_to_do(
    databases: EmbeddedDatabases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ClientError, match=r"no build of PostgreSQL 13 .* only of 15, 16, 17, 18"):
        databases.new_cluster(EngineVersion="13.9")
    assert databases.rds().describe_db_clusters()["DBClusters"] == []

    monkeypatch.setattr(builds, "default_roots", lambda: (tmp_path,))
    data_plane = PostgresDataPlane(tmp_path)
    try:
        for major, target in ((16, "majors"), (17, "setup")):
            with pytest.raises(UnsupportedVersionError, match=f"'make {target}'"):
                data_plane.installation(major)
    finally:
        data_plane.stop()


@EVERY_MAJOR
def test_the_database_rdsadmin_is_closed_to_others(
    databases: EmbeddedDatabases, major: int
) -> None:
    cluster = served(databases, major)
    with pytest.raises(pg8000.native.DatabaseError, match=r"rejects connection.*rdsadmin"):
        databases.rows(cluster, "SELECT 1", database="rdsadmin")
    owners = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'rdsadmin'"
    assert databases.rows(cluster, owners) == [["rdsadmin"]]


@EVERY_MAJOR
def test_extensions_of_aurora_are_created_by_the_master_user_and_owned_by_rdsadmin(
    databases: EmbeddedDatabases, major: int
) -> None:
    cluster = served(databases, major)
    names = ("dblink", "pageinspect", "pg_stat_statements", "pgcrypto", "postgres_fdw")
    with databases.connection(cluster) as session:
        for name in names:
            session.run(f"CREATE EXTENSION {name}")
        owners = session.run(
            "SELECT DISTINCT pg_get_userbyid(proowner) FROM pg_proc JOIN pg_depend d"
            " ON d.objid = pg_proc.oid AND d.deptype = 'e'"
        )
        session.run("CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw")
        session.run("CREATE USER MAPPING FOR CURRENT_USER SERVER elsewhere")
        for name in ("plpython3u", "file_fdw"):
            with refused("0A000"):
                session.run(f"CREATE EXTENSION {name}")

    assert owners == [["rdsadmin"]]


@EVERY_MAJOR
def test_tls_1_3_is_spoken_by_the_server_itself_and_shows_in_pg_stat_ssl(
    databases: EmbeddedDatabases, major: int
) -> None:
    cluster = served(databases, major)
    shown = databases.rows(
        cluster, "SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
    )
    assert shown == [[True, "TLSv1.3"]]
    with pytest.raises(pg8000.native.DatabaseError, match="no encryption"):
        databases.rows(cluster, "SELECT 1", tls=False)


@EVERY_MAJOR
def test_a_user_with_rds_iam_is_refused_a_login_by_password_in_every_version(
    databases: EmbeddedDatabases, major: int
) -> None:
    cluster = served(databases, major)
    app: Any = {"user": "app", "password": "app-password"}
    databases.rows(cluster, "CREATE ROLE app LOGIN PASSWORD 'app-password'")
    assert databases.rows(cluster, "SELECT 1", **app) == [[1]]
    databases.rows(cluster, "GRANT rds_iam TO app")
    with refused("28000"):
        databases.rows(cluster, "SELECT 1", **app)
    assert databases.rows(cluster, "SELECT 1") == [[1]]
