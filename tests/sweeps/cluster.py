"""A real PostgreSQL as a restore leaves it: reset in a moment, and read whole."""

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pg8000.native
import scramp.core

from aurora_restore.shared.postgres import journal
from aurora_restore.shared.postgres.connection import DatabaseLogin
from aurora_restore.shared.postgres.scram import scram_verifier
from embedded_aws.rds.data_plane import Login as Owner
from embedded_aws.rds.data_plane.builds import MAJORS
from embedded_aws.rds.data_plane.postgres import PostgresDataPlane
from embedded_aws.rds.data_plane.server import PostgresServer
from tests.unit.bench import MASTER_PASSWORD

DATABASES = ("app", "reports")
MASTER = DatabaseLogin("postgres", MASTER_PASSWORD)
ETL = DatabaseLogin("etl", "old-etl-password")
ADMIN = DatabaseLogin('old "admin', "old-admin-password")
MONITORING = DatabaseLogin("monitoring", "old-monitoring-password")
FORMER_APP = DatabaseLogin("app_user", "old-app-password")
KEPT = (MONITORING.user, "nobody")


class Connection(pg8000.native.Connection):  # type: ignore[misc]
    """One by the shortest way, without TLS."""

    def __init__(self, socket: Path, user: str, **options: Any) -> None:
        super().__init__(user, unix_sock=str(socket), ssl_context=False, **options)

    def close(self) -> None:
        """By TCP a goodbye to a server that is gone is sent in vain; a Unix socket objects."""
        with suppress(pg8000.native.InterfaceError):
            super().close()


@contextmanager
def computed_once() -> Iterator[None]:
    """Let pg8000 reuse what follows from a statement's text, or from a password, alone.

    It is a quarter of what a session costs on this side of the socket.
    """
    pure = ((pg8000.native, "to_statement"), (hashlib, "pbkdf2_hmac"), (scramp.core, "saslprep"))
    with ExitStack() as patches:
        for module, name in pure:
            patches.enter_context(patch.object(module, name, cache(getattr(module, name))))
        yield


def _verifier(login: DatabaseLogin) -> str:
    return scram_verifier(login.password)


ROLES = f"""
CREATE ROLE "Odd ""Owner";
CREATE ROLE writers;
CREATE ROLE etl LOGIN PASSWORD '{_verifier(ETL)}' IN ROLE writers;
CREATE ROLE "old ""admin" LOGIN CREATEDB CREATEROLE PASSWORD '{_verifier(ADMIN)}';
CREATE ROLE monitoring LOGIN PASSWORD '{_verifier(MONITORING)}';
CREATE ROLE app_user LOGIN CREATEDB PASSWORD '{_verifier(FORMER_APP)}' VALID UNTIL '2090-01-01'
    IN ROLE writers, etl;
CREATE ROLE owners;
CREATE ROLE deployer;
GRANT owners TO deployer WITH ADMIN OPTION;
GRANT deployer TO postgres;
GRANT owners TO app_user WITH INHERIT FALSE, SET TRUE GRANTED BY deployer;
REVOKE deployer FROM postgres;
"""

CONTENTS = {
    "app": """
        CREATE TABLE customers (id int PRIMARY KEY, email text);
        INSERT INTO customers SELECT n, n || '@real.example' FROM generate_series(1, 5) n;
        CREATE TABLE ledger (entry text);
        CREATE MATERIALIZED VIEW mailing AS SELECT email FROM customers;
        CREATE MATERIALIZED VIEW domains AS SELECT DISTINCT split_part(email, '@', 2) FROM mailing;
        GRANT CREATE ON SCHEMA public TO PUBLIC;
        GRANT CREATE ON SCHEMA public TO app_user;
        GRANT ALL ON customers TO PUBLIC;
        GRANT UPDATE (email) ON customers TO PUBLIC;
        GRANT TRUNCATE ON ledger TO app_user;
        GRANT INSERT ON ledger TO writers;
        RESET ROLE;
        CREATE SCHEMA "Odd Schema" AUTHORIZATION "Odd ""Owner";
        SET ROLE "Odd ""Owner";
        CREATE TABLE "Odd Schema"."odd ""table" (id serial PRIMARY KEY, note text);
        CREATE VIEW "Odd Schema".odd_view AS SELECT 1 AS one;
        INSERT INTO "Odd Schema"."odd ""table" (note) VALUES ('real');
        """,
    "reports": """
        CREATE TABLE ledger (entry text);
        CREATE SCHEMA aurora_restore;
        CREATE TABLE aurora_restore.restore_journal (
            account text NOT NULL,
            region text NOT NULL,
            cluster_resource_id text NOT NULL,
            operation_id text NOT NULL,
            entry text NOT NULL,
            recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            PRIMARY KEY (account, region, cluster_resource_id, operation_id, entry)
        );
        INSERT INTO aurora_restore.restore_journal VALUES
            ('111111111111', 'us-east-1', 'cluster-SOURCE', 'op-1', 'script:sql/mask.sql'),
            ('111111111111', 'us-east-1', 'cluster-SOURCE', 'op-1', 'inherited-logins-disabled');
        """,
}

SCRIPTS = (
    (
        "sql/mask.sql",
        "app",
        """
        UPDATE customers SET id = id + 100, email = 'masked' || id;
        INSERT INTO ledger VALUES ('mask; or so');
        INSERT INTO "Odd Schema"."odd ""table" SELECT id + 50, note FROM "Odd Schema"."odd ""table";
        CREATE TABLE made_by_script AS SELECT count(*) AS entries FROM ledger
        """,
    ),
    ("sql/mask.sql", "reports", "INSERT INTO ledger VALUES ('mask');"),
    (
        "sql/fixtures.sql",
        "app",
        "INSERT INTO ledger SELECT 'fixture ' || count(*) FROM ledger; -- none is left out",
    ),
)
"""Path, database and text of each script: none of them could be run twice, or half, unseen."""
CLASSIFIED = {
    "app": {
        "public": {
            "customers": {"id": "safe", "email": "masked"},
            "ledger": {"*": "safe"},
            "made_by_script": {"*": "safe"},
        },
        "Odd Schema": {'odd "table': {"*": "safe"}},
    },
    "reports": {"public": {"ledger": {"entry": "safe"}}},
}
"""What is done about the columns."""
BLOCKING = "LOCK TABLE ledger"
"""Lets no script come to its end, as long as it is not given up."""

_ROLES_THAT_MAY_GO = """
SELECT string_agg(quote_ident(rolname), ', ') FROM pg_roles
WHERE oid >= 16384 AND rolname !~ '^rds' AND rolname <> 'postgres' HAVING count(*) > 0
"""
_ROLES = """
SELECT 'role', rolname, row(rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin,
        rolreplication, rolbypassrls, rolconnlimit, rolvaliduntil, rolconfig)::text
    FROM pg_roles WHERE oid >= 16384
UNION ALL SELECT 'member', m.roleid::regrole::text, row(m.member::regrole, m.grantor::regrole,
        m.admin_option, m.inherit_option, m.set_option)::text
    FROM pg_auth_members m WHERE m.member >= 16384
UNION ALL SELECT 'database', datname, row(datdba::regrole, acl.grantor::regrole,
        acl.grantee::regrole, acl.privilege_type, acl.is_grantable)::text
    FROM pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba))) acl
ORDER BY 1, 2, 3
"""
_INSIDE = """
SELECT 'schema', nspname, row(nspowner::regrole, acl.grantor::regrole, acl.grantee::regrole,
        acl.privilege_type, acl.is_grantable)::text
    FROM pg_namespace LEFT JOIN aclexplode(nspacl) acl ON true WHERE nspname !~ '^pg_'
UNION ALL SELECT 'relation', c.oid::regclass::text, row(c.relkind, c.relowner::regrole,
        acl.grantor::regrole, acl.grantee::regrole, acl.privilege_type, acl.is_grantable)::text
    FROM pg_class c LEFT JOIN aclexplode(c.relacl) acl ON true WHERE c.oid >= 16384
        AND c.relkind <> 't' AND c.relnamespace <> 'pg_toast'::regnamespace
UNION ALL SELECT 'column', attrelid::regclass || '.' || attname, row(acl.grantee::regrole,
        acl.privilege_type)::text
    FROM pg_attribute, aclexplode(attacl) acl WHERE attrelid >= 16384
UNION ALL SELECT 'default', defaclrole::regrole || ' ' || defaclobjtype::text,
        row(defaclnamespace, acl.grantor::regrole, acl.grantee::regrole, acl.privilege_type)::text
    FROM pg_default_acl, aclexplode(defaclacl) acl
ORDER BY 1, 2, 3
"""
_TABLES = """
SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm') AND nspname !~ '^pg_' AND nspname <> 'information_schema' ORDER BY 1
"""
_VERIFIERS = "SELECT rolname, rolpassword FROM pg_authid WHERE rolpassword IS NOT NULL ORDER BY 1"
_SESSIONS = """
SELECT usename FROM pg_stat_activity WHERE usename IS NOT NULL AND usename <> 'rdsadmin' ORDER BY 1
"""
_WITHOUT_EVENT_TRIGGERS = "ALTER SYSTEM SET event_triggers = off"
"""The one by which the embedded RDS looks for IAM users takes as long as the rest of a log-in."""
_WITHOUT_WORKERS = "max_logical_replication_workers = 0\n"
"""What a subscription would do by itself depends on the moment."""
_PATIENCE_SECONDS = 5.0


@dataclass(frozen=True)
class PostgresCluster:
    """The server, and ways into it that nothing stands in between."""

    server: PostgresServer
    host: str
    port: int
    ca_bundle: str
    data_plane: PostgresDataPlane

    def reset(self) -> None:
        """Everything is as the restore has left it."""
        with self.server.session() as session:
            for database in DATABASES:
                session.run(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
            for (roles,) in session.run(_ROLES_THAT_MAY_GO):
                session.run(f"DROP OWNED BY {roles}; DROP ROLE {roles}")
            session.run("GRANT CONNECT, TEMPORARY ON DATABASE postgres TO PUBLIC")
            session.run("GRANT CONNECT ON DATABASE template1 TO PUBLIC")
            session.run(f"SET SESSION AUTHORIZATION {MASTER.user}; {ROLES}")
            session.run("RESET SESSION AUTHORIZATION")
            for database in DATABASES:
                session.run(f"CREATE DATABASE {database} OWNER {MASTER.user} STRATEGY file_copy")
        for database, contents in CONTENTS.items():
            with self.server.session(database) as session:
                session.run(f"SET ROLE {MASTER.user}; {contents}")

    @contextmanager
    def logged_in(self, login: DatabaseLogin, database: str) -> Iterator[Connection]:
        """A session that ends with the block, unless it has ended before."""
        session = Connection(
            self.server.socket, login.user, password=login.password, database=database
        )
        try:
            yield session
        finally:
            session.close()

    def lets_in(self, login: DatabaseLogin, database: str) -> bool:
        try:
            with self.logged_in(login, database):
                return True
        except pg8000.native.DatabaseError:
            return False

    @contextmanager
    def blocked(self, database: str) -> Iterator[Callable[[], list[int]]]:
        """No script comes to its end within the block.

        What it yields waits until one is stuck, and tells by which processes.
        """
        with self.server.session(database) as session:
            session.run("BEGIN")
            session.run(BLOCKING)

            def stuck() -> list[int]:
                return [pid for (pid,) in session.run("SELECT pid FROM pg_locks WHERE NOT granted")]

            def wait() -> list[int]:
                _wait_until(lambda: bool(stuck()))
                return stuck()

            yield wait

    def end_session(self, pid: int) -> None:
        """Let the server end a session, and wait until it has."""
        with self.server.session() as session:
            session.run(f"SELECT pg_terminate_backend({pid})")
            alive = f"SELECT FROM pg_stat_activity WHERE pid = {pid}"
            _wait_until(lambda: not session.run(alive))

    def holds(self) -> dict[str, Any]:
        """All that there is: sessions, roles, verifiers, memberships, owners, privileges, rows."""
        found: dict[str, Any] = {}
        for database in DATABASES:
            with self.server.session(database) as session:
                if not found:
                    found["sessions"] = _lasting_sessions(session)
                    found["roles"] = session.run(_ROLES)
                    found["verifiers"] = session.run(_VERIFIERS)
                found[f"catalog of {database}"] = session.run(_INSIDE)
                for (table,) in session.run(_TABLES):
                    found[f"{database}: {table}"] = _rows(session, table)
        return found


def _lasting_sessions(session: Any) -> list[str]:
    """Who is connected once the pipeline is not: its dead may take a moment to go."""

    def present() -> list[str]:
        return [user for (user,) in session.run(_SESSIONS)]

    _wait_until(lambda: set(present()) <= {ETL.user, MONITORING.user})
    return present()


def _rows(session: Any, table: str) -> list[str]:
    lasting = "t"
    if table == f"{journal.SCHEMA}.{journal.TABLE}":
        # Some entries end with an oid.
        entry = "regexp_replace(entry, ':[0-9]+$', '')"
        lasting = f"row(cluster_resource_id, operation_id, {entry})"
    rows = session.run(f"SELECT ({lasting})::text FROM {table} t ORDER BY 1")  # noqa: S608
    return [row for (row,) in rows]


def _wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.002)


@contextmanager
def restored_cluster(directory: Path) -> Iterator[PostgresCluster]:
    """A cluster of its own, for the time of the block.

    It runs the newest version: that asks most of who grants and revokes, and has most settings that
    could end a script early. The tests of the database part run on every version.
    """
    data_plane = PostgresDataPlane(directory)
    try:
        data_plane.create(
            "restored",
            label="restored",
            owner=Owner(MASTER.user, MASTER.password),
            database=None,
            major=MAJORS[-1],
        )
        volume = data_plane._volumes["restored"]
        with (volume.data / "postgresql.auto.conf").open("a") as settings:
            settings.write(_WITHOUT_WORKERS)
        data_plane.open("restored", logical_replication=True)
        (running,) = data_plane.servers()
        server = volume.server
        assert server is not None
        server.run(_WITHOUT_EVENT_TRIGGERS)
        server.run("SELECT pg_reload_conf()")
        yield PostgresCluster(
            server,
            running.endpoint.host,
            running.endpoint.port,
            data_plane.ca_bundle.read_text(),
            data_plane,
        )
    finally:
        data_plane.stop()
