"""What a database holds of its own: its schemas, its relations, and the roles that own them.

A schema is the database's own unless it is PostgreSQL's or the pipeline's. The fragments know
``pg_namespace`` as ``n``, ``pg_class`` as ``c`` and the relation's owner as ``o``.
"""

from typing import Final

from aurora_restore.shared.postgres import journal
from aurora_restore.shared.postgres.connection import DatabaseSession

USER_SCHEMA: Final = (
    f"n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND n.nspname <> '{journal.SCHEMA}'"
)
USER_RELATIONS: Final = f"""
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_roles o ON o.oid = c.relowner
    WHERE {USER_SCHEMA} AND NOT o.rolsuper
"""
USER_TABLES: Final = f"{USER_RELATIONS} AND c.relkind IN ('r', 'p')"


def is_of_extension(catalog: str, oid: str) -> str:
    """Return the condition that an extension has made an object; both arguments are SQL."""
    return (
        f"EXISTS (SELECT FROM pg_depend d WHERE d.classid = '{catalog}'::regclass "
        f"AND d.objid = {oid} AND d.deptype = 'e')"
    )


def find_owners(session: DatabaseSession) -> list[str]:
    """Return who owns the database, its schemas or its relations.

    Left out are superusers, PostgreSQL's own roles and the session's user.
    """
    return session.column(
        f"""
        SELECT DISTINCT r.rolname
        FROM (
            SELECT datdba AS owner FROM pg_database WHERE datname = current_database()
            UNION SELECT n.nspowner FROM pg_namespace n WHERE {USER_SCHEMA}
            UNION SELECT c.relowner {USER_RELATIONS}
        ) owners
        JOIN pg_roles r ON r.oid = owners.owner
        WHERE NOT r.rolsuper AND r.rolname !~ '^pg_' AND r.rolname <> session_user
        ORDER BY r.rolname
        """
    )
