"""What production is wired to: a supplier to which it subscribes, and itself, by a foreign server.

A snapshot brings all of it along, with its passwords. Production rests while its copy is made: its
job and its subscription are switched off. What is written to production in the meantime, or taken
from its slot, the copy has done.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final

from aurora_restore.proof.wiring import JOBS_DATABASE, read_slots
from aurora_restore.shared.postgres.connection import (
    DatabaseLogin,
    DatabaseServer,
    DatabaseSession,
    explained,
    identifier,
    literal,
)

SUBSCRIPTION: Final = "supplier_prices"
SUBSCRIBED: Final = "public.prices"
FOREIGN_SERVER: Final = "production"
JOB: Final = "newsletter"
_PATIENCE_SECONDS: Final = 30.0
_LOOK_SECONDS: Final = 0.05


class WiringError(RuntimeError):
    """Production could not be wired, or did not go to rest or wake up."""


@dataclass(frozen=True, kw_only=True)
class SupplierDatabase:
    """The cluster that publishes, and the login by which production reads from it."""

    server: DatabaseServer
    database: str
    master: DatabaseLogin
    feed: DatabaseLogin

    def session(self) -> AbstractContextManager[DatabaseSession]:
        """Return a session of its master user."""
        return self.server.session(self.master, self.database)

    def slots(self) -> Sequence[Sequence[Any]]:
        """Return every slot with its position; one that nobody uses stays where it is."""
        with self.session() as session:
            return read_slots(session)

    def await_right_to_stream(self) -> None:
        """Wait until the login may stream changes."""
        with self.session() as session:
            _until(
                "the supplier's login may stream",
                lambda: session.scalar(
                    "SELECT rolreplication FROM pg_roles WHERE rolname = :name",
                    name=self.feed.user,
                ),
            )

    def publish(self, prices: Mapping[int, float]) -> None:
        """Publish new prices."""
        with self.session() as session:
            for product, price in prices.items():
                session.run(
                    "INSERT INTO public.prices VALUES (:product, :price)",
                    product=product,
                    price=price,
                )


@dataclass(frozen=True, kw_only=True)
class ProductionDatabase:
    """The cluster that is wired."""

    server: DatabaseServer
    database: str
    master: DatabaseLogin
    application: DatabaseLogin
    """Whose rights the foreign server lends."""

    def session(self) -> AbstractContextManager[DatabaseSession]:
        """Return a session of its master user."""
        return self.server.session(self.master, self.database)

    def _jobs(self) -> AbstractContextManager[DatabaseSession]:
        """Return a session with the database of the jobs, of which each user sees its own."""
        return self.server.session(self.master, JOBS_DATABASE, row_security=True)

    def subscribe(self, supplier: SupplierDatabase) -> None:
        """Subscribe to the supplier's prices and wait until all are there."""
        address = _address(supplier.server, supplier.database, supplier.feed)
        with self.session() as session, explained("production could not subscribe"):
            session.run(
                f"CREATE SUBSCRIPTION {SUBSCRIPTION} CONNECTION {literal(address)} "
                "PUBLICATION prices"
            )
            _until(
                "production has the prices of its supplier",
                lambda: session.scalar(
                    "SELECT bool_and(srsubstate = 'r') FROM pg_subscription_rel"
                ),
            )

    def connect_to_itself(self) -> None:
        """Make a foreign server that leads to production, and a job that writes through it."""
        options = {
            "host": self.server.host,
            "port": str(self.server.port),
            "dbname": self.database,
        }
        login = {"user": self.application.user, "password": self.application.password}
        with self.session() as session, explained("production could not be wired to itself"):
            session.run("CREATE EXTENSION postgres_fdw")
            session.run(
                f"CREATE SERVER {FOREIGN_SERVER} FOREIGN DATA WRAPPER postgres_fdw "
                f"OPTIONS ({_options(options)})"
            )
            session.run(
                f"CREATE USER MAPPING FOR {identifier(self.master.user)} SERVER {FOREIGN_SERVER} "
                f"OPTIONS ({_options(login)})"
            )
            session.run("CREATE SCHEMA remote")
            session.run(
                "CREATE FOREIGN TABLE remote.mailings (sent_at timestamptz, address text) "
                f"SERVER {FOREIGN_SERVER} OPTIONS (schema_name 'shop', table_name 'mailings')"
            )
        with self._jobs() as session:
            with explained("production's job could not be scheduled"):
                session.run("CREATE EXTENSION pg_cron")
                session.run(
                    "SELECT cron.schedule_in_database(:job, '1 second', :command, :database)",
                    job=JOB,
                    command=(
                        "INSERT INTO remote.mailings "
                        "SELECT now(), email FROM shop.customers ORDER BY id LIMIT 3"
                    ),
                    database=self.database,
                )
            _until(
                "production's job has run",
                lambda: session.scalar(
                    "SELECT EXISTS (SELECT FROM cron.job_run_details WHERE status = 'succeeded')"
                ),
            )

    def rest(self, supplier: SupplierDatabase) -> None:
        """Switch the job and the subscription off, and wait until neither is at work."""
        with self._jobs() as session:
            session.run("SELECT cron.alter_job(jobid, active := false) FROM cron.job")
            _until(
                "production's job rests",
                lambda: session.scalar(
                    "SELECT NOT EXISTS (SELECT FROM cron.job_run_details WHERE end_time IS NULL)"
                ),
            )
        with self.session() as session:
            session.run(f"ALTER SUBSCRIPTION {SUBSCRIPTION} DISABLE")
        _until(
            "production's subscription rests",
            lambda: not any(active for _, active, *_ in supplier.slots()),
        )

    def wake(self) -> None:
        """Switch the subscription on."""
        with self.session() as session:
            session.run(f"ALTER SUBSCRIPTION {SUBSCRIPTION} ENABLE")

    def await_prices(self, products: Collection[int]) -> Mapping[int, float]:
        """Return the prices of products when all of them are there, or patience has ended."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        with self.session() as session:
            while True:
                rows = session.run(
                    "SELECT product_id, price FROM public.prices WHERE product_id = ANY(:products)",
                    products=list(products),
                )
                if len(rows) == len(products) or time.monotonic() >= deadline:
                    return {product: float(price) for product, price in rows}
                time.sleep(_LOOK_SECONDS)


def _address(server: DatabaseServer, database: str, login: DatabaseLogin) -> str:
    words = {
        "host": server.host,
        "port": server.port,
        "dbname": database,
        "user": login.user,
        "password": login.password,
        "sslmode": "require",
    }
    return " ".join(f"{name}={value}" for name, value in words.items())


def _options(values: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {literal(value)}" for name, value in values.items())


def _until(promise: str, holds: Callable[[], Any]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not holds():
        if time.monotonic() >= deadline:
            raise WiringError(f"It did not come true in {_PATIENCE_SECONDS:g} s: {promise}.")
        time.sleep(_LOOK_SECONDS)
