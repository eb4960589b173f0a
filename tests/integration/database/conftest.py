"""A restored cluster's PostgreSQL, with what a production database leaves behind in it."""

import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import pg8000.native
import pytest

from aurora_restore.shared.postgres.connection import DatabaseLogin, DatabaseServer, DatabaseSession
from aurora_restore.shared.postgres.journal import JournalKey
from embedded_aws.rds.data_plane import Login
from embedded_aws.rds.data_plane.builds import MAJORS
from embedded_aws.rds.data_plane.postgres import PostgresDataPlane
from embedded_aws.rds.data_plane.server import PostgresServer

DATABASE = "shop"
MASTER = DatabaseLogin("postgres", "master-password-1")
OPERATION = JournalKey(
    account="222222222222",
    region="us-west-2",
    cluster_resource_id="cluster-RESTORED",
    operation_id="op-1",
)

INHERITED = """
CREATE ROLE "Odd ""Owner";
GRANT "Odd ""Owner" TO postgres;
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
    120000: r"AS MATERIALIZED|pg_partition_tree|pg_partition_root|pg_stats_ext",
    140000: r"client_connection_check_interval|pg_read_all_data|pg_write_all_data|GRANTED BY",
    150000: r"STRATEGY|GRANT SET ON|inherited.* FROM pg_stats_ext",
    160000: r"GRANTED BY|inherit_option|set_option|WITH (ADMIN|INHERIT|SET) (TRUE|FALSE)",
    170000: r"MAINTAIN|transaction_timeout",
}
"""What a server does not know that is older than the version."""
OLDEST: Final = (MAJORS[0],)
NEWEST: Final = (MAJORS[-1],)
SINCE_16: Final = tuple(major for major in MAJORS if major >= 16)
"""Those in which a membership has options and a grantor that counts."""
SINCE_17: Final = tuple(major for major in MAJORS if major >= 17)
OLD_VERSIONS: Final = (110022, 120020, 130016, 140013)

Aged = Iterator[int]
"""The version that the server goes by for the time of each turn."""


@dataclass(frozen=True)
class Restored:
    """A cluster as a restore leaves it, and ways to look into it."""

    server: DatabaseServer
    log: Path
    major: int
    superuser: PostgresServer
    """RDS's own way in, for what only it may arrange."""

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
            with suppress(pg8000.native.InterfaceError):
                connection.close()

    def refuses(self, login: DatabaseLogin, database: str = DATABASE) -> bool:
        return not self.server.accepts(login, database)


@pytest.fixture(scope="session")
def data_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresDataPlane]:
    running = PostgresDataPlane(tmp_path_factory.mktemp("databases"))
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="session")
def snapshots(data_plane: PostgresDataPlane) -> Callable[[int], str]:
    """What a production database leaves behind, in each major version, made once."""

    @cache
    def taken(major: int) -> str:
        name = f"source-{major}"
        with opened(data_plane, name, major, None) as source, source.session(MASTER) as connection:
            connection.run(INHERITED)
            return data_plane.capture(name)

    return taken


@pytest.fixture(params=[*OLDEST, *NEWEST])
def restored(
    data_plane: PostgresDataPlane,
    snapshots: Callable[[int], str],
    request: pytest.FixtureRequest,
) -> Iterator[Restored]:
    """A cluster of its own for each test, of the oldest and the newest version, or those named."""
    with opened(data_plane, "restored", request.param, snapshots(request.param)) as made:
        yield made


@contextmanager
def opened(
    data_plane: PostgresDataPlane,
    name: str,
    major: int,
    snapshot: str | None,
    *,
    logical_replication: bool = False,
) -> Iterator[Restored]:
    """A cluster of a name, empty or from a snapshot, for the time of the block."""
    if snapshot is None:
        owner = Login(MASTER.user, MASTER.password)
        data_plane.create(name, label=name, owner=owner, database=DATABASE, major=major)
    else:
        (data_plane.logs / f"{name}.log").unlink(missing_ok=True)
        data_plane.clone(name, snapshot, label=name, major=major)
    try:
        data_plane.open(name, logical_replication=logical_replication)
        (running,) = [each for each in data_plane.servers() if each.storage == name]
        assert running.log is not None
        superuser = data_plane._volumes[name].server
        assert superuser is not None
        authority = data_plane.ca_bundle.read_text()
        yield Restored(
            DatabaseServer(running.endpoint.host, running.endpoint.port, authority),
            running.log,
            major,
            superuser,
        )
    finally:
        data_plane.discard(name)


@pytest.fixture
def aged(monkeypatch: pytest.MonkeyPatch) -> Aged:
    """Lets the server say that it is an old one, and refuse what that one would not know.

    There is no server here that is older than PostgreSQL 15; so this is as good as the list of what
    is newer.
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
