"""What the application's roles may do: exactly what is granted here, and nothing through PUBLIC.

Each function looks at the catalog first and changes only what is missing, so that a second run
changes nothing.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from aurora_restore.shared.postgres.catalog import (
    SEQUENCES,
    TABLES,
    RelationKind,
    find_existing_roles,
    find_owners,
    find_relations,
    find_schemas,
)
from aurora_restore.shared.postgres.connection import (
    DatabaseSession,
    explained,
    identifier,
    identifiers,
    literal,
)
from aurora_restore.shared.postgres.membership import acting_as

RELATIONS_PER_STATEMENT: Final = 200
"""How many relations one GRANT or REVOKE names."""
PUBLIC: Final = "public"


@dataclass(frozen=True)
class Privileges:
    """What a role may do with the objects of every schema, present and future."""

    tables: tuple[str, ...]
    sequences: tuple[str, ...]


READ_WRITE: Final = Privileges(
    ("SELECT", "INSERT", "UPDATE", "DELETE"), ("USAGE", "SELECT", "UPDATE")
)
READ_ONLY: Final = Privileges(("SELECT",), ("SELECT",))


def grant_access(
    session: DatabaseSession,
    database: str,
    roles: Mapping[str, Privileges],
    keep: Collection[str],
) -> None:
    """Grant each role its privileges in all of a database, and revoke what PUBLIC should not have.

    Covers every schema that is the database's own, its tables, views and sequences, and what their
    owners, the session's user and the roles in ``keep`` create later. ``session`` is one with
    ``database``. All or nothing. Raises DatabaseError where PostgreSQL refuses a statement.
    """
    with session.transaction():
        kept = find_existing_roles(session, keep)
        creators = sorted({*find_owners(session), *kept})
        with acting_as(session, creators):
            _revoke_from_public(session, database, [*roles, *kept])
            creators.append(session.scalar("SELECT session_user"))
            for role, privileges in roles.items():
                _grant_schemas(session, role)
                _grant_relations(session, role, TABLES, privileges.tables)
                _grant_relations(session, role, SEQUENCES, privileges.sequences)
                _grant_future_objects(session, role, privileges, creators)


def _revoke_from_public(session: DatabaseSession, database: str, connecting: Sequence[str]) -> None:
    """PUBLIC may not connect, create or touch a relation; ``connecting`` may still connect."""
    granted = _database_privileges(session)
    for role in connecting:
        if "CONNECT" not in granted.get(role, ()):
            session.run(f"GRANT CONNECT ON DATABASE {identifier(database)} TO {identifier(role)}")
    if PUBLIC in granted:
        session.run(f"REVOKE ALL ON DATABASE {identifier(database)} FROM PUBLIC")
    for schema in find_schemas(session, "has_schema_privilege('public', n.oid, 'CREATE')"):
        session.run(f"REVOKE CREATE ON SCHEMA {identifier(schema)} FROM PUBLIC")
    for kind in (TABLES, SEQUENCES):
        open_to_public = find_relations(
            session,
            kind,
            "EXISTS (SELECT FROM aclexplode(c.relacl) acl WHERE acl.grantee = 0) OR EXISTS ("
            "SELECT FROM pg_attribute a, aclexplode(a.attacl) acl "
            "WHERE a.attrelid = c.oid AND acl.grantee = 0)",
        )
        for names in _in_parts(open_to_public):
            session.run(f"REVOKE ALL ON {kind.keyword} {names} FROM PUBLIC")


def _database_privileges(session: DatabaseSession) -> dict[str, list[str]]:
    """Return the privileges on the database that are granted by name, by role and for PUBLIC."""
    rows = session.run(
        "SELECT coalesce(r.rolname, :public), array_agg(acl.privilege_type) FROM pg_database d "
        "CROSS JOIN aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) acl "
        "LEFT JOIN pg_roles r ON r.oid = acl.grantee "
        "WHERE d.datname = current_database() GROUP BY r.rolname",
        public=PUBLIC,
    )
    return dict(rows)


def _grant_schemas(session: DatabaseSession, role: str) -> None:
    """Let the role use every schema, and create in none."""
    closed = find_schemas(session, "NOT has_schema_privilege(:role, n.oid, 'USAGE')", role=role)
    for schema in closed:
        session.run(f"GRANT USAGE ON SCHEMA {identifier(schema)} TO {identifier(role)}")
    creatable = find_schemas(session, "has_schema_privilege(:role, n.oid, 'CREATE')", role=role)
    for schema in creatable:
        session.run(f"REVOKE CREATE ON SCHEMA {identifier(schema)} FROM {identifier(role)}")


def _grant_relations(
    session: DatabaseSession, role: str, kind: RelationKind, wanted: Sequence[str]
) -> None:
    """Grant exactly the wanted privileges on every relation of a kind."""
    allowed = ", ".join(literal(privilege) for privilege in wanted)
    grantee = "acl.grantee = (SELECT oid FROM pg_roles WHERE rolname = :role)"
    excess = find_relations(
        session,
        kind,
        f"EXISTS (SELECT FROM aclexplode(c.relacl) acl WHERE {grantee} "
        f"AND c.relowner <> acl.grantee AND acl.privilege_type NOT IN ({allowed})) OR EXISTS ("
        "SELECT FROM pg_attribute a, aclexplode(a.attacl) acl "
        f"WHERE a.attrelid = c.oid AND {grantee} AND acl.privilege_type NOT IN ({allowed}))",
        role=role,
    )
    for names in _in_parts(excess):
        session.run(f"REVOKE ALL ON {kind.keyword} {names} FROM {identifier(role)}")
    has_all = " AND ".join(
        f"{kind.privilege_function}(:role, c.oid, {literal(privilege)})" for privilege in wanted
    )
    lacking = find_relations(session, kind, f"NOT ({has_all})", role=role)
    for names in _in_parts(lacking):
        session.run(f"GRANT {', '.join(wanted)} ON {kind.keyword} {names} TO {identifier(role)}")


def _in_parts(relations: Sequence[tuple[str, str]]) -> Iterator[str]:
    quoted = [f"{identifier(schema)}.{identifier(name)}" for schema, name in relations]
    for start in range(0, len(quoted), RELATIONS_PER_STATEMENT):
        yield ", ".join(quoted[start : start + RELATIONS_PER_STATEMENT])


def _grant_future_objects(
    session: DatabaseSession, role: str, privileges: Privileges, creators: Sequence[str]
) -> None:
    """Grant the same on what ``creators`` will make, in schemas of today and of tomorrow."""
    creating = identifiers([creator for creator in creators if creator != role])
    grantee = identifier(role)
    for wanted, kind in (
        (privileges.tables, "TABLES"),
        (privileges.sequences, "SEQUENCES"),
        (("USAGE",), "SCHEMAS"),
    ):
        with explained(f"the privileges of {role!r} on future objects could not be set"):
            session.run(
                f"ALTER DEFAULT PRIVILEGES FOR ROLE {creating} "
                f"GRANT {', '.join(wanted)} ON {kind} TO {grantee}"
            )
