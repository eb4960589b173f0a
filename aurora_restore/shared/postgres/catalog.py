"""What a database holds of its own: its schemas, its relations, and the roles that own them.

A schema is the database's own unless it is PostgreSQL's or the pipeline's. The fragments know
``pg_namespace`` as ``n``, ``pg_class`` as ``c`` and the relation's owner as ``o``.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from aurora_restore.shared.postgres import journal
from aurora_restore.shared.postgres.connection import DatabaseSession, literal

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


@dataclass(frozen=True)
class RelationKind:
    """A kind of relation, as GRANT and the catalog know it."""

    keyword: str
    relkinds: tuple[str, ...]
    privilege_function: str


TABLES: Final = RelationKind("TABLE", ("r", "p", "v", "m", "f"), "has_table_privilege")
SEQUENCES: Final = RelationKind("SEQUENCE", ("S",), "has_sequence_privilege")


def find_relations(
    session: DatabaseSession, kind: RelationKind, condition: str, **parameters: str
) -> list[tuple[str, str]]:
    """Return schema and name of the relations of a kind that meet a condition on ``c``."""
    kinds = ", ".join(literal(letter) for letter in kind.relkinds)
    # CASE, because WHERE promises no order, and the privilege functions fail on another kind.
    rows = session.run(
        f"SELECT n.nspname, c.relname {USER_RELATIONS} "
        f"AND CASE WHEN c.relkind IN ({kinds}) THEN {condition} END ORDER BY 1, 2",
        **parameters,
    )
    return [(schema, name) for schema, name in rows]


def find_schemas(session: DatabaseSession, condition: str, **parameters: str) -> Sequence[str]:
    """Return the names of the database's own schemas that meet a condition on ``n``."""
    return session.column(
        f"SELECT n.nspname FROM pg_namespace n WHERE {USER_SCHEMA} AND {condition}", **parameters
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


def find_existing_roles(session: DatabaseSession, roles: Collection[str]) -> list[str]:
    """Return those of ``roles`` that the server has, in alphabetical order."""
    return sorted({*session.column("SELECT rolname FROM pg_roles")} & {*roles})
