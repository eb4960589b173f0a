"""Fills the source cluster of a self-test, ties it to itself, and brings it to rest."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from aurora_restore.proof import shop
from aurora_restore.proof.settings import DATABASE
from aurora_restore.proof.wiring import JOBS_DATABASE
from aurora_restore.shared.postgres.connection import (
    DatabaseLogin,
    DatabaseServer,
    DatabaseSession,
    explained,
    identifier,
    literal,
)
from aurora_restore.shared.postgres.scram import scram_verifier
from aurora_restore.shared.postgres.session_settings import DEFAULT_SEARCH_PATH

SQL: Final = Path(__file__).parent / "sql"
_PATIENCE_SECONDS: Final = 120.0
_LOOK_SECONDS: Final = 0.5
_SUPPLIER_SCRIPT: Final = """
CREATE TABLE prices (product_id int PRIMARY KEY, price numeric(8, 2) NOT NULL);
CREATE PUBLICATION prices FOR TABLE prices;
GRANT SELECT ON prices TO feed;
"""
_MASTER_SCRIPT: Final = """
CREATE TABLE arrivals (id int PRIMARY KEY, note text NOT NULL);
INSERT INTO arrivals SELECT n, 'arrival ' || n FROM generate_series(1, 25) AS n;
GRANT SELECT ON arrivals TO analyst;
CREATE TABLE prices (product_id int PRIMARY KEY, price numeric(8, 2) NOT NULL);
GRANT SELECT ON prices TO analyst, shop_app;
ALTER ROLE etl SET statement_timeout = '5s';
ALTER ROLE etl IN DATABASE shop SET search_path = 'shop';
"""
_COMMAND: Final = "INSERT INTO remote.mailings SELECT now(), email FROM shop.customers LIMIT 3"
_PRICES: Final = 40


class UnreadySourceError(RuntimeError):
    """The source cluster did not come to what was waited for."""


@dataclass(frozen=True, kw_only=True)
class SourceDatabase:
    """The source cluster with its master user and the passwords of its logins."""

    server: DatabaseServer
    master: DatabaseLogin
    passwords: Mapping[str, str]

    def login(self, user: str) -> DatabaseLogin:
        """Return a login with its password."""
        return DatabaseLogin(user, self.passwords[user])

    def fill(self) -> None:
        """Make the logins, the data, the subscription, the foreign server and the job."""
        with self.server.session(self.master, DATABASE) as session:
            self._make_logins(session)
            with explained("the supplier could not be made"):
                session.run(f"CREATE DATABASE {identifier(shop.SUPPLIER)}")
            _run(session, _MASTER_SCRIPT)
        with self.server.session(self.login(shop.OWNER.user), DATABASE) as session:
            _run(session, (SQL / "owner.sql").read_text(encoding="utf-8"))
        with self.server.session(self.master, shop.SUPPLIER) as session:
            _run(session, _SUPPLIER_SCRIPT)
            with explained("the supplier's slot could not be made"):
                session.run(
                    "SELECT pg_create_logical_replication_slot(:name, 'pgoutput')",
                    name=shop.SUBSCRIPTION,
                )
        with self.server.session(self.master, DATABASE) as session:
            self._subscribe(session)
            self._connect_to_itself(session)
        with self._jobs() as session, explained("the job could not be scheduled"):
            session.run("CREATE EXTENSION IF NOT EXISTS pg_cron")
            session.run(
                "SELECT cron.schedule_in_database(:job, '* * * * *', :command, :database)",
                job=shop.JOB,
                command=_COMMAND,
                database=DATABASE,
            )
        self._publish()

    def rest(self) -> None:
        """Switch the job and the subscription off, and wait until neither is at work."""
        with self._jobs() as session:
            session.run("SELECT cron.alter_job(jobid, active := false) FROM cron.job")
            _until(
                "the job rests",
                lambda: session.scalar(
                    "SELECT NOT EXISTS (SELECT FROM cron.job_run_details WHERE end_time IS NULL)"
                ),
            )
        with self.server.session(self.master, DATABASE) as session:
            session.run(f"ALTER SUBSCRIPTION {shop.SUBSCRIPTION} DISABLE")
        with self.server.session(self.master, shop.SUPPLIER) as session:
            _until(
                "the subscription rests",
                lambda: session.scalar("SELECT NOT bool_or(active) FROM pg_replication_slots"),
            )

    def _make_logins(self, session: DatabaseSession) -> None:
        for login in shop.LOGINS:
            role = identifier(login.user)
            with explained(f"role {login.user} could not be made"):
                verifier = scram_verifier(self.passwords[login.user])
                session.run(f"CREATE ROLE {role} LOGIN PASSWORD {literal(verifier)}")
                for group in login.groups:
                    session.run(f"GRANT {identifier(group)} TO {role}")
        session.run(f"GRANT CREATE ON DATABASE {DATABASE} TO {identifier(shop.OWNER.user)}")

    def _subscribe(self, session: DatabaseSession) -> None:
        feed = self.login(shop.FEED.user)
        words = {
            "host": self.server.host,
            "port": self.server.port,
            "dbname": shop.SUPPLIER,
            "user": feed.user,
            "password": feed.password,
            "sslmode": "require",
        }
        address = " ".join(f"{name}={value}" for name, value in words.items())
        # A slot that CREATE SUBSCRIPTION makes in its own cluster would wait for itself.
        with explained("the source could not subscribe"):
            session.run(
                f"CREATE SUBSCRIPTION {shop.SUBSCRIPTION} CONNECTION {literal(address)} "
                f"PUBLICATION prices WITH (create_slot = false, copy_data = false)"
            )

    def _connect_to_itself(self, session: DatabaseSession) -> None:
        application = self.login(shop.APPLICATION.user)
        address = {"host": self.server.host, "port": str(self.server.port), "dbname": DATABASE}
        login = {"user": application.user, "password": application.password}
        with explained("the source could not be tied to itself"):
            session.run("CREATE EXTENSION postgres_fdw")
            session.run(
                f"CREATE SERVER {shop.FOREIGN_SERVER} FOREIGN DATA WRAPPER postgres_fdw "
                f"OPTIONS ({_options(address)})"
            )
            session.run(
                f"CREATE USER MAPPING FOR {identifier(self.master.user)} "
                f"SERVER {shop.FOREIGN_SERVER} OPTIONS ({_options(login)})"
            )
            session.run("CREATE SCHEMA remote")
            session.run(
                "CREATE FOREIGN TABLE remote.mailings (sent_at timestamptz, address text) "
                f"SERVER {shop.FOREIGN_SERVER} "
                "OPTIONS (schema_name 'shop', table_name 'mailings')"
            )

    def _publish(self) -> None:
        with self.server.session(self.master, shop.SUPPLIER) as session:
            session.run(
                "INSERT INTO public.prices "
                "SELECT n, 1 + n * 23 % 150 + 0.50 FROM generate_series(1, :count::int) AS n",
                count=_PRICES,
            )
        with self.server.session(self.master, DATABASE) as session:
            _until(
                "the source has the prices of its supplier",
                lambda: session.scalar("SELECT count(*) FROM public.prices") == _PRICES,
            )

    def _jobs(self) -> Any:
        return self.server.session(self.master, JOBS_DATABASE, row_security=True)


def _run(session: DatabaseSession, script: str) -> None:
    with explained("the source could not be filled"):
        session.run(DEFAULT_SEARCH_PATH)
        session.run(script)


def _options(values: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {literal(value)}" for name, value in values.items())


def _until(promise: str, holds: Callable[[], Any]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not holds():
        if time.monotonic() >= deadline:
            raise UnreadySourceError(f"It did not come true in {_PATIENCE_SECONDS:g} s: {promise}.")
        time.sleep(_LOOK_SECONDS)
