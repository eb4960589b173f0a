"""A restored cluster's PostgreSQL, with what a production database leaves behind in it."""

import re
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pg8000.native
import pytest

from aurora_restore.shared.postgres.connection import DatabaseLogin, DatabaseServer, DatabaseSession
from embedded_aws.rds.process import EmbeddedRds

ACCOUNT = "222222222222"
REGION = "us-west-2"
DATABASE = "shop"
MASTER = DatabaseLogin("postgres", "master-password-1")

INHERITED = """
CREATE ROLE "Odd ""Owner";
GRANT "Odd ""Owner" TO postgres WITH INHERIT TRUE, SET TRUE;
CREATE ROLE etl LOGIN PASSWORD 'old-etl-password';
CREATE ROLE monitoring LOGIN PASSWORD 'old-monitoring-password';
CREATE ROLE app_user LOGIN PASSWORD 'old-app-password' CREATEDB;
CREATE ROLE writers;
GRANT writers TO etl;
CREATE TABLE customers (id int PRIMARY KEY, email text);
INSERT INTO customers SELECT n, n || '@real.example' FROM generate_series(1, 100) n;
GRANT ALL ON customers TO PUBLIC;
CREATE SCHEMA "Odd Schema" AUTHORIZATION "Odd ""Owner";
SET ROLE "Odd ""Owner";
CREATE TABLE "Odd Schema"."odd ""table" (id serial PRIMARY KEY, "drop table" text);
CREATE VIEW "Odd Schema".odd_view AS SELECT 1 AS one;
RESET ROLE;
REVOKE "Odd ""Owner" FROM postgres;
CREATE SCHEMA empty;
"""

NEWER: Final = {
    140000: r"client_connection_check_interval|pg_read_all_data|pg_write_all_data|GRANTED BY",
    150000: r"STRATEGY|GRANT SET ON",
    160000: r"GRANTED BY|inherit_option|set_option|WITH (ADMIN|INHERIT|SET) (TRUE|FALSE)",
    170000: r"MAINTAIN|transaction_timeout",
}
"""What a server does not know that is older than the version."""
OLD_VERSIONS: Final = (110022, 120020, 130016, 140013, 150008)

Aged = Iterator[int]
"""The version that the server goes by for the time of each turn."""


@dataclass(frozen=True)
class Restored:
    """A cluster as a restore leaves it, and ways to look into it."""

    server: DatabaseServer
    log: Path

    @contextmanager
    def session(
        self, login: DatabaseLogin, database: str = DATABASE
    ) -> Iterator[pg8000.native.Connection]:
        connection = pg8000.native.Connection(
            login.user,
            host=self.server.host,
            port=self.server.port,
            database=database,
            password=login.password,
            ssl_context=ssl.create_default_context(cadata=self.server.ca_bundle),
        )
        try:
            yield connection
        finally:
            connection.close()

    def refuses(self, login: DatabaseLogin, database: str = DATABASE) -> bool:
        return not self.server.accepts(login, database)


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRds]:
    with EmbeddedRds(tmp_path_factory.mktemp("databases"), speed=5000) as running:
        yield running


@pytest.fixture
def restored(databases: EmbeddedRds, request: pytest.FixtureRequest) -> Iterator[Restored]:
    """A cluster of its own for each test."""
    rds = databases.admin.session(ACCOUNT, REGION).client(
        "rds", endpoint_url=databases.endpoint_url
    )
    rds.create_db_cluster(
        DBClusterIdentifier="restored",
        Engine="aurora-postgresql",
        MasterUsername=MASTER.user,
        MasterUserPassword=MASTER.password,
        DatabaseName=DATABASE,
    )
    _wait(lambda: rds.describe_db_clusters()["DBClusters"][0]["Status"])
    rds.create_db_instance(
        DBInstanceIdentifier="restored-1",
        DBInstanceClass="db.r6g.large",
        Engine="aurora-postgresql",
        DBClusterIdentifier="restored",
    )
    _wait(lambda: rds.describe_db_instances()["DBInstances"][0]["DBInstanceStatus"])
    (running,) = databases.admin.servers()
    server = DatabaseServer(running["host"], running["port"], databases.ca_bundle.read_text())
    made = Restored(server, Path(running["log"]))
    with made.session(MASTER) as connection:
        connection.run(INHERITED)
    yield made
    databases.admin.reset()


def _wait(status: object) -> None:
    deadline = time.monotonic() + 20
    while status() != "available":  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def aged(monkeypatch: pytest.MonkeyPatch) -> Aged:
    """Lets the server say that it is an old one, and refuse what that one would not know.

    There is no older server here; so this is as good as the list of what is newer.
    """
    run = DatabaseSession.run

    def turns() -> Aged:
        for version in OLD_VERSIONS:
            unknown = "|".join(known for since, known in NEWER.items() if version < since)

            def aged_run(
                self: DatabaseSession,
                sql: str,
                *,
                v: int = version,
                u: str = unknown,
                **parameters: Any,
            ) -> list[list[Any]]:
                if "server_version_num" in sql:
                    return [[str(v)]]
                if found := re.search(u, sql):
                    raise pg8000.native.DatabaseError({"C": "42704", "M": found[0]})
                return run(self, sql, **parameters)

            monkeypatch.setattr(DatabaseSession, "run", aged_run)
            yield version

    return turns()
