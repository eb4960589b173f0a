"""The logical replication slots of the cluster itself."""

from typing import Final

from pg8000.exceptions import DatabaseError as PgDatabaseError

from aurora_restore.shared.postgres.connection import DatabaseSession
from aurora_restore.shared.postgres.neutralise.wiring import ReplicationSlot
from aurora_restore.shared.postgres.refusals import sqlstate

OBJECT_IN_USE: Final = "55006"
MOST_TRIES: Final = 25
"""How often it is tried to drop a slot whose session is ending."""


def find_replication_slots(session: DatabaseSession) -> list[ReplicationSlot]:
    """Return the logical slots of every database of the cluster."""
    rows = session.run(
        "SELECT database, slot_name FROM pg_replication_slots "
        "WHERE slot_type = 'logical' AND NOT temporary ORDER BY slot_name"
    )
    return [ReplicationSlot(database, name) for database, name in rows]


def drop_replication_slot(session: DatabaseSession, slot: ReplicationSlot) -> None:
    """Drop a slot, and end the session that uses it; a slot that is gone is no error."""
    for tries_left in reversed(range(MOST_TRIES)):
        session.run(
            "SELECT pg_terminate_backend(active_pid) "
            "FROM pg_replication_slots "
            "WHERE slot_name = :slot AND active_pid IS NOT NULL",
            slot=slot.name,
        )
        try:
            session.run(
                "SELECT pg_drop_replication_slot(slot_name) "
                "FROM pg_replication_slots WHERE slot_name = :slot",
                slot=slot.name,
            )
        except PgDatabaseError as error:
            if sqlstate(error) != OBJECT_IN_USE or not tries_left:
                raise
            session.run("SELECT pg_sleep(0.2)")
        else:
            return
