"""The user mappings of foreign servers. The servers and their tables stay, and reach nothing."""

from aurora_restore.shared.postgres.connection import DatabaseSession, identifier
from aurora_restore.shared.postgres.membership import acting_as
from aurora_restore.shared.postgres.neutralise.wiring import UserMapping


def find_user_mappings(session: DatabaseSession, database: str) -> list[UserMapping]:
    """Return the user mappings of the session's database, without their options."""
    rows = session.run(
        "SELECT s.srvname, o.rolname, CASE WHEN m.umuser <> 0 THEN m.usename END "
        "FROM pg_user_mappings m "
        "JOIN pg_foreign_server s ON s.oid = m.srvid "
        "JOIN pg_roles o ON o.oid = s.srvowner ORDER BY 1, 3"
    )
    return [UserMapping(database, *row) for row in rows]


def drop_user_mapping(session: DatabaseSession, mapping: UserMapping) -> None:
    """Drop a mapping as the owner of its server, who may drop everybody's."""
    user = "PUBLIC" if mapping.user is None else identifier(mapping.user)
    with session.transaction(), acting_as(session, [mapping.server_owner]):
        session.run(f"DROP USER MAPPING IF EXISTS FOR {user} SERVER {identifier(mapping.server)}")
