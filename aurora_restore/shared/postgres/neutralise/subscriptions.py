"""Subscriptions, removed without a word to their publisher."""

from typing import Final

from aurora_restore.shared.postgres.connection import DatabaseSession, identifier
from aurora_restore.shared.postgres.membership import acting_as
from aurora_restore.shared.postgres.neutralise.wiring import Subscription

NOWHERE: Final = "host=127.0.0.1 port=1 connect_timeout=2 password=x"
"""An address that refuses. Since PostgreSQL 16 the owner, who is no superuser, must give a password
in it."""


def find_subscriptions(session: DatabaseSession, database: str) -> list[Subscription]:
    """Return the subscriptions of the session's database.

    Their connection strings are not read: the catalog shows them to superusers alone.
    """
    rows = session.run(
        "SELECT s.subname, r.rolname FROM pg_subscription s "
        "JOIN pg_database d ON d.oid = s.subdbid "
        "JOIN pg_roles r ON r.oid = s.subowner "
        "WHERE d.datname = current_database() ORDER BY 1"
    )
    return [Subscription(database, name, owner) for name, owner in rows]


def drop_subscription(session: DatabaseSession, subscription: Subscription) -> None:
    """Drop a subscription, so that no slot of the publisher is dropped with it.

    Disabling ends its workers. Without a slot's name ``DROP`` drops none at the publisher, except
    those of an unfinished initial synchronisation, for which it connects: to an address where
    nobody answers. Every statement commits by itself, so that each one that succeeds has its
    effect even where a later one is refused.
    """
    name = identifier(subscription.name)
    for statement in (
        f"ALTER SUBSCRIPTION {name} DISABLE",
        f"ALTER SUBSCRIPTION {name} CONNECTION '{NOWHERE}'",
        f"ALTER SUBSCRIPTION {name} SET (slot_name = NONE)",
        f"DROP SUBSCRIPTION {name}",
    ):
        with session.transaction(), acting_as(session, [subscription.owner]):
            session.run(statement)
