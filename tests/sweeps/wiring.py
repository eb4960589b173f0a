"""What ties a copy to production: a publisher, and everything in the copy that leads there."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from embedded_aws.rds.data_plane import Login as Owner
from embedded_aws.rds.data_plane.builds import MAJORS
from embedded_aws.rds.data_plane.postgres import PostgresDataPlane
from embedded_aws.rds.data_plane.server import PostgresServer
from embedded_aws.rds.data_plane.sources import ConnectionSource
from tests.sweeps.cluster import DATABASES, MASTER, PostgresCluster

OWNERS: Final = {"first": "postgres", "second": '"Odd ""Owner"'}
"""The subscriptions, of which each database of the copy has one, and who owns them."""

_STORAGE: Final = "production"
_PUBLISHER: Final = """
CREATE TABLE goods (n int PRIMARY KEY);
INSERT INTO goods VALUES (1);
CREATE PUBLICATION everything FOR TABLE goods;
CREATE ROLE streamer LOGIN REPLICATION PASSWORD 'canary-streamer-password';
GRANT rds_replication TO streamer;
GRANT SELECT ON goods TO streamer
"""
_PUBLISHERS_SLOT: Final = "SELECT pg_create_logical_replication_slot('{name}', 'pgoutput')"
_SLOTS: Final = """
SELECT slot_name, confirmed_flush_lsn::text, active FROM pg_replication_slots ORDER BY 1
"""
_FOREIGN_SERVER: Final = """
CREATE EXTENSION postgres_fdw;
CREATE SERVER production FOREIGN DATA WRAPPER postgres_fdw OPTIONS
    (host 'localhost', port '{port}', dbname 'postgres', sslmode 'require');
ALTER SERVER production OWNER TO "Odd ""Owner";
CREATE USER MAPPING FOR app_user SERVER production OPTIONS
    (user '{master.user}', password '{master.password}');
CREATE USER MAPPING FOR PUBLIC SERVER production OPTIONS
    (user '{master.user}', password '{master.password}');
CREATE FOREIGN TABLE remote_goods (n int) SERVER production OPTIONS (table_name 'goods');
GRANT ALL ON remote_goods TO app_user;
"""
_SUBSCRIPTION: Final = """
CREATE SUBSCRIPTION {name} CONNECTION
    'host=localhost port={port} dbname=postgres user=streamer password=canary-streamer-password'
    PUBLICATION everything WITH (create_slot = false)
"""
_CRON: Final = """
CREATE EXTENSION pg_cron;
GRANT USAGE ON SCHEMA cron TO etl;
SET SESSION AUTHORIZATION postgres;
SELECT cron.schedule('nightly', '0 0 1 1 *', 'SELECT 1');
SET SESSION AUTHORIZATION etl;
SELECT cron.schedule('of etl', '0 0 1 1 *', 'SELECT 2');
RESET SESSION AUTHORIZATION
"""
_SYNCHRONISATION_SLOTS: Final = """
SELECT format('pg_%s_sync_%s_%s', srsubid, srrelid, system_identifier)
FROM pg_subscription_rel, pg_control_system()
"""
_SLOT_OF_A_TABLE: Final = "SELECT pg_copy_logical_replication_slot('first', :slot)"
_SUBSCRIPTIONS: Final = """
SELECT datname, subname FROM pg_subscription JOIN pg_database d ON d.oid = subdbid
"""
_OF_A_DATABASE: Final = """
SELECT 'subscription', subname::text, row(subowner::regrole, subenabled, subslotname)::text
FROM pg_subscription s JOIN pg_database d ON d.oid = subdbid WHERE datname = current_database()
UNION ALL SELECT 'mapping', srvname, usename FROM pg_user_mappings
UNION ALL SELECT 'slot', slot_name, slot_type FROM pg_replication_slots
WHERE database = current_database()
ORDER BY 1, 2, 3
"""


@dataclass
class Publisher:
    """What the copy must not reach: a publisher, whose slots its real subscriber needs."""

    server: PostgresServer
    port: int
    arrivals: list[ConnectionSource] = field(default_factory=list)
    """Who has connected to it since the copy was tied to it."""
    _slots: list[Any] = field(default_factory=list)

    def admits(self, source: ConnectionSource, storage: str) -> bool:
        """Let everybody in, and note who comes here."""
        if storage == _STORAGE:
            self.arrivals.append(source)
        return True

    def tie(self, copy: PostgresCluster) -> None:
        """Let the copy have all that a copy of a subscriber has, with rows still to be copied.

        No worker of a subscription runs there, so that whatever arrives here comes from a
        statement.
        """
        for database, name in zip(DATABASES, OWNERS, strict=True):
            with copy.server.session(database) as session:
                session.run("CREATE TABLE goods (n int PRIMARY KEY)")
                session.run(_SUBSCRIPTION.format(name=name, port=self.port))
                session.run(f"ALTER SUBSCRIPTION {name} OWNER TO {OWNERS[name]}")
        with copy.server.session(DATABASES[0]) as session:
            session.run(_FOREIGN_SERVER.format(port=self.port, master=MASTER))
            session.run("SELECT pg_create_logical_replication_slot('cdc', 'test_decoding')")
        with copy.server.session() as session:
            session.run(_CRON)
        with self.server.session() as session:
            for database in DATABASES:
                for (slot,) in copy.server.run(_SYNCHRONISATION_SLOTS, database=database):
                    session.run(
                        "SELECT pg_copy_logical_replication_slot('first', :slot)", slot=slot
                    )
            self._slots = session.run(_SLOTS)
        self.arrivals.clear()

    def untie(self, copy: PostgresCluster) -> None:
        """Remove what keeps the copy's databases from being dropped, and the slots here."""
        for database, subscription in copy.server.run(_SUBSCRIPTIONS):
            with copy.server.session(database) as session:
                session.run(f"ALTER SUBSCRIPTION {subscription} DISABLE")
                session.run(f"ALTER SUBSCRIPTION {subscription} SET (slot_name = NONE)")
                session.run(f"DROP SUBSCRIPTION {subscription}")
        copy.server.run("DROP EXTENSION IF EXISTS pg_cron CASCADE")
        self.server.run(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots "
            "WHERE slot_name LIKE 'pg%sync%'"
        )

    def harm(self) -> list[str]:
        """Return what has reached it from the copy: nothing, if all is well."""
        with self.server.session() as session:
            slots, rows = session.run(_SLOTS), session.run("SELECT n FROM goods")
        return [
            *(f"{source.name} has connected to production" for source in self.arrivals),
            *([f"production's slots were {self._slots} and are {slots}"] * (slots != self._slots)),
            *([f"production holds {rows}"] * (rows != [[1]])),
        ]


def wiring_of(copy: PostgresCluster) -> dict[str, Any]:
    """Return what ties the copy to production."""
    found = {
        f"wiring in {database}": copy.server.run(_OF_A_DATABASE, database=database)
        for database in DATABASES
    }
    jobs = "SELECT jobid, username, active FROM cron.job ORDER BY 1"
    return found | {"jobs": copy.server.run(jobs)}


@contextmanager
def production_of(data_plane: PostgresDataPlane) -> Iterator[Publisher]:
    """Run production in the data plane of the copy, for the time of the block."""
    owner = Owner(MASTER.user, MASTER.password)
    data_plane.create(_STORAGE, label=_STORAGE, owner=owner, database=None, major=MAJORS[-1])
    data_plane.open(_STORAGE, logical_replication=True)
    (running,) = [each for each in data_plane.servers() if each.storage == _STORAGE]
    server = data_plane._volumes[_STORAGE].server
    assert server is not None
    server.run(_PUBLISHER)
    for name in OWNERS:
        server.run(_PUBLISHERS_SLOT.format(name=name))
    production = Publisher(server, running.endpoint.port)
    data_plane.obey(production)
    yield production
