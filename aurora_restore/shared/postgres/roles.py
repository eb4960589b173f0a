"""Who may log in to the restored cluster, and what they may do.

Each function looks at the catalog first and changes only what is missing, so a second run changes
nothing. Passwords reach the server as SCRAM verifiers, computed here, so that no statement it might
log holds one in clear.
"""

import base64
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from pg8000.exceptions import DatabaseError as PgDatabaseError
from scramp import ScramMechanism

from aurora_restore.shared.errors import PrivilegeCheckError
from aurora_restore.shared.postgres import journal
from aurora_restore.shared.postgres.connection import (
    INSUFFICIENT_PRIVILEGE,
    Login,
    Server,
    Session,
    describe,
    explained,
    identifier,
    identifiers,
    literal,
    sqlstate,
)

# The roles that Amazon RDS makes for itself. Those whose name begins with "pg_" are PostgreSQL's.
RDS_ROLES: Final = frozenset(
    {
        "rds_ad",
        "rds_extension",
        "rds_iam",
        "rds_password",
        "rds_replication",
        "rds_reserved",
        "rds_superuser",
        "rdsadmin",
        "rdsproxyadmin",
        "rdsrepladmin",
        "rdstopmgr",
        "rdswriteforwarduser",
    }
)
LOGINS_DISABLED: Final = "inherited-logins-disabled"
LOGIN_DISABLED: Final = "login-disabled:"
STATEMENT_SIZE: Final = 200
"""How many objects one GRANT or REVOKE names."""

_USER_SCHEMA: Final = (
    f"n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND n.nspname <> '{journal.SCHEMA}'"
)
_RELATIONS: Final = f"""
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_roles o ON o.oid = c.relowner
    WHERE {_USER_SCHEMA} AND NOT o.rolsuper
"""


@dataclass(frozen=True)
class Access:
    """What a role may do with the objects of every schema, present and future."""

    tables: tuple[str, ...]
    sequences: tuple[str, ...]


READ_WRITE: Final = Access(("SELECT", "INSERT", "UPDATE", "DELETE"), ("USAGE", "SELECT", "UPDATE"))
READ_ONLY: Final = Access(("SELECT",), ("SELECT",))
WRITES: Final = ("INSERT", "UPDATE", "DELETE", "TRUNCATE")


@dataclass(frozen=True)
class _Kind:
    """A kind of relation, as GRANT and the catalog know it."""

    keyword: str
    relkinds: str
    privilege_function: str


_TABLES: Final = _Kind("TABLE", "r, p, v, m, f", "has_table_privilege")
_SEQUENCES: Final = _Kind("SEQUENCE", "S", "has_sequence_privilege")


def disable_inherited_logins(
    session: Session, operation_id: str, keep: Collection[str]
) -> list[str]:
    """Take the login from every role that came with the snapshot, and end their sessions.

    Spared are the master user, the roles of RDS and those in ``keep``. Once per operation, so that
    a role that this operation has given its login to keeps it. Answers the roles, those of an
    earlier call included.
    """
    with session.transaction():
        if not journal.has(session, operation_id, LOGINS_DISABLED):
            for role in inherited_logins(session, keep):
                with explained(
                    f"role {role!r} could not be kept from logging in (keep it with "
                    "database.keep_logins, or change it in the source)"
                ):
                    session.run(f"ALTER ROLE {identifier(role)} NOLOGIN")
                journal.write(session, operation_id, f"{LOGIN_DISABLED}{role}")
            journal.write(session, operation_id, LOGINS_DISABLED)
        entries = journal.entries(session, operation_id)
    roles = [
        entry.removeprefix(LOGIN_DISABLED) for entry in entries if entry.startswith(LOGIN_DISABLED)
    ]
    for role in roles:
        session.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity JOIN pg_roles "
            "ON rolname = usename WHERE usename = :role AND NOT rolcanlogin",
            role=role,
        )
    return roles


def inherited_logins(session: Session, keep: Collection[str]) -> list[str]:
    """The roles that can log in and are neither the current user, nor RDS's, nor kept."""
    spared = RDS_ROLES | set(keep)
    found = session.column(
        "SELECT rolname FROM pg_roles "
        "WHERE rolcanlogin AND NOT rolsuper AND rolname <> current_user ORDER BY rolname"
    )
    return [role for role in found if role not in spared]


def ensure_login(server: Server, session: Session, login: Login, database: str) -> bool:
    """Make the role, or give it this login; answers whether its password was set.

    A password that works already is left alone, because a new verifier would differ from the old
    one by its salt.
    """
    exists = bool(session.column("SELECT 1 FROM pg_roles WHERE rolname = :role", role=login.user))
    works = exists and server.accepts(login, database)
    verb = "ALTER" if exists else "CREATE"
    password = "" if works else f"PASSWORD {literal(scram_verifier(login.password))}"
    with explained(f"role {login.user!r} could not be set up"):
        session.run(
            f"{verb} ROLE {identifier(login.user)} WITH LOGIN NOCREATEDB NOCREATEROLE "
            f"VALID UNTIL 'infinity' {password}"
        )
    return not works


def leave_groups(session: Session, role: str) -> None:
    """End the role's memberships, which might let it do more than it is granted here.

    What its members have granted on goes with a membership. Raises PrivilegeCheckError naming those
    that the current user may not end.
    """
    member = identifier(role)
    refusal = "the master user may not revoke that"
    for group in sorted({group for group, _, _ in _memberships(session, role)}):
        refusal = _attempt(session, f"REVOKE {identifier(group)} FROM {member} CASCADE") or refusal
    # Since PostgreSQL 16 a membership has several grantors, and only who can act for one of them
    # ends what that one has granted.
    if session.version() >= 160000:
        for group, grantor, by_superuser in _memberships(session, role):
            acting = _membership(session, [] if by_superuser else [grantor])
            revoke = (
                f"REVOKE {identifier(group)} FROM {member} GRANTED BY {identifier(grantor)} CASCADE"
            )
            refusal = _attempt(session, *acting.gain, revoke, *acting.lose) or refusal
    left = _memberships(session, role)
    if left:
        listed = ", ".join(f"{group!r} (granted by {grantor!r})" for group, grantor, _ in left)
        raise PrivilegeCheckError(
            f"role {role!r} could not leave {listed}: {refusal}; revoke that in the source, or "
            "name another role in the application's secret",
            role=role,
            groups=sorted({group for group, _, _ in left}),
        )


def _memberships(session: Session, role: str) -> list[tuple[str, str, bool]]:
    """The role's groups, each with who has granted it, and whether that is a superuser."""
    rows = session.run(
        "SELECT g.rolname, coalesce(o.rolname, 'nobody'), coalesce(o.rolsuper, false) "
        "FROM pg_auth_members m "
        "JOIN pg_roles g ON g.oid = m.roleid JOIN pg_roles r ON r.oid = m.member "
        "LEFT JOIN pg_roles o ON o.oid = m.grantor "
        "WHERE r.rolname = :role ORDER BY 1, 2",
        role=role,
    )
    return [(group, grantor, by_superuser) for group, grantor, by_superuser in rows]


def _attempt(session: Session, *statements: str) -> str | None:
    """All of the statements or none; answers why they were refused, if they were."""
    try:
        with session.transaction():
            for statement in statements:
                session.run(statement)
    except PgDatabaseError as error:
        return describe(error)
    return None


def scram_verifier(password: str) -> str:
    """A password as PostgreSQL stores it under ``scram-sha-256`` (RFC 5803), with a random salt."""
    salt, stored_key, server_key, iterations = ScramMechanism("SCRAM-SHA-256").make_auth_info(
        password
    )
    salt64, stored64, server64 = (
        base64.b64encode(part).decode() for part in (salt, stored_key, server_key)
    )
    return f"SCRAM-SHA-256${iterations}:{salt64}${stored64}:{server64}"


def grant_access(
    session: Session, database: str, roles: Sequence[tuple[str, Access]], keep: Collection[str]
) -> None:
    """Give each role its access to all of a database, and take from PUBLIC what it should not have.

    Covers every schema that is not a system's, its tables, views and sequences, and what their
    owners, the current user and the roles in ``keep`` create later. All or nothing.
    """
    with session.transaction():
        kept = _existing(session, keep)
        creators = sorted({*_owners(session), *kept})
        with _as_member(session, owners_membership(session, kept)):
            _trim_public(session, database, [*(role for role, _ in roles), *kept])
            future = [*creators, session.scalar("SELECT current_user")]
            for role, access in roles:
                _grant_schemas(session, role)
                _grant_relations(session, role, _TABLES, access.tables)
                _grant_relations(session, role, _SEQUENCES, access.sequences)
                _grant_future(session, role, access, future)


def _owners(session: Session) -> list[str]:
    """Who owns the database, its schemas or its relations, superusers and the user aside."""
    return session.column(
        f"""
        SELECT DISTINCT r.rolname
        FROM (
            SELECT datdba AS owner FROM pg_database WHERE datname = current_database()
            UNION SELECT n.nspowner FROM pg_namespace n WHERE {_USER_SCHEMA}
            UNION SELECT c.relowner {_RELATIONS}
        ) owners
        JOIN pg_roles r ON r.oid = owners.owner
        WHERE NOT r.rolsuper AND r.rolname !~ '^pg_' AND r.rolname <> current_user
        ORDER BY r.rolname
        """
    )


@dataclass(frozen=True)
class Membership:
    """The statements by which the current user becomes a member of roles, and ceases to be one."""

    gain: tuple[str, ...]
    lose: tuple[str, ...]


def owners_membership(session: Session, also: Collection[str] = ()) -> Membership:
    """What lets the current user act as the owners of a database: only they may grant and alter."""
    return _membership(session, {*_owners(session), *also})


def _membership(session: Session, roles: Collection[str]) -> Membership:
    """What lets the current user act as the roles; those as which it may already are left out."""
    missing = [
        role
        for role in sorted(roles)
        if not session.scalar("SELECT pg_has_role(current_user, :role, 'USAGE')", role=role)
    ]
    # PostgreSQL 16 split membership into options, of which the maker of a role has neither.
    options = " WITH INHERIT TRUE, SET TRUE" if session.version() >= 160000 else ""
    return Membership(
        tuple(f"GRANT {identifier(role)} TO CURRENT_USER{options}" for role in missing),
        tuple(f"REVOKE {identifier(role)} FROM CURRENT_USER" for role in missing),
    )


@contextmanager
def _as_member(session: Session, membership: Membership) -> Iterator[None]:
    for statement in membership.gain:
        with explained("the master user could not become a member of an owner's role"):
            session.run(statement)
    yield
    for statement in membership.lose:
        session.run(statement)


def _existing(session: Session, roles: Collection[str]) -> list[str]:
    known = set(session.column("SELECT rolname FROM pg_roles"))
    return sorted(known & set(roles))


def _trim_public(session: Session, database: str, connecting: Sequence[str]) -> None:
    """PUBLIC may not connect, create or touch a table; those who need to connect still can."""
    for role in connecting:
        if "CONNECT" not in _database_privileges(session, role):
            session.run(f"GRANT CONNECT ON DATABASE {identifier(database)} TO {identifier(role)}")
    if _database_privileges(session, "public"):
        session.run(f"REVOKE ALL ON DATABASE {identifier(database)} FROM PUBLIC")
    open_schemas = session.column(
        "SELECT n.nspname FROM pg_namespace n "
        f"WHERE {_USER_SCHEMA} AND has_schema_privilege('public', n.oid, 'CREATE')"
    )
    for schema in open_schemas:
        session.run(f"REVOKE CREATE ON SCHEMA {identifier(schema)} FROM PUBLIC")
    for kind in (_TABLES, _SEQUENCES):
        granted = _relations(
            session,
            kind,
            "EXISTS (SELECT FROM aclexplode(c.relacl) acl WHERE acl.grantee = 0) OR EXISTS ("
            "SELECT FROM pg_attribute a, aclexplode(a.attacl) acl "
            "WHERE a.attrelid = c.oid AND acl.grantee = 0)",
        )
        for names in _in_parts(granted):
            session.run(f"REVOKE ALL ON {kind.keyword} {names} FROM PUBLIC")


def _database_privileges(session: Session, role: str) -> list[str]:
    """The privileges on the database that are granted to the role by name."""
    grantee = "0" if role == "public" else "(SELECT oid FROM pg_roles WHERE rolname = :role)"
    return session.column(
        "SELECT acl.privilege_type FROM pg_database d, "
        "aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) acl "
        f"WHERE d.datname = current_database() AND acl.grantee = {grantee}",
        **({} if role == "public" else {"role": role}),
    )


def _grant_schemas(session: Session, role: str) -> None:
    """Use every schema, and create in none."""
    closed = session.column(
        "SELECT n.nspname FROM pg_namespace n "
        f"WHERE {_USER_SCHEMA} AND NOT has_schema_privilege(:role, n.oid, 'USAGE')",
        role=role,
    )
    for schema in closed:
        session.run(f"GRANT USAGE ON SCHEMA {identifier(schema)} TO {identifier(role)}")
    creatable = session.column(
        "SELECT n.nspname FROM pg_namespace n "
        f"WHERE {_USER_SCHEMA} AND has_schema_privilege(:role, n.oid, 'CREATE')",
        role=role,
    )
    for schema in creatable:
        session.run(f"REVOKE CREATE ON SCHEMA {identifier(schema)} FROM {identifier(role)}")


def _grant_relations(session: Session, role: str, kind: _Kind, wanted: Sequence[str]) -> None:
    """Exactly the wanted privileges on every relation of a kind."""
    allowed = ", ".join(literal(privilege) for privilege in wanted)
    grantee = "acl.grantee = (SELECT oid FROM pg_roles WHERE rolname = :role)"
    excess = _relations(
        session,
        kind,
        f"EXISTS (SELECT FROM aclexplode(c.relacl) acl WHERE {grantee} "
        f"AND c.relowner <> acl.grantee AND acl.privilege_type NOT IN ({allowed})) OR EXISTS ("
        "SELECT FROM pg_attribute a, aclexplode(a.attacl) acl "
        f"WHERE a.attrelid = c.oid AND {grantee} AND acl.privilege_type NOT IN ({allowed}))",
        role,
    )
    for names in _in_parts(excess):
        session.run(f"REVOKE ALL ON {kind.keyword} {names} FROM {identifier(role)}")
    has_all = " AND ".join(
        f"{kind.privilege_function}(:role, c.oid, {literal(privilege)})" for privilege in wanted
    )
    for names in _in_parts(_relations(session, kind, f"NOT ({has_all})", role)):
        session.run(f"GRANT {', '.join(wanted)} ON {kind.keyword} {names} TO {identifier(role)}")


def _relations(
    session: Session, kind: _Kind, condition: str, role: str | None = None
) -> list[tuple[str, str]]:
    """Schema and name of the relations of a kind that meet a condition on ``c``.

    CASE, because WHERE promises no order, and the privilege functions fail on another kind.
    """
    kinds = ", ".join(literal(letter) for letter in kind.relkinds.split(", "))
    rows = session.run(
        f"SELECT n.nspname, c.relname {_RELATIONS} "
        f"AND CASE WHEN c.relkind IN ({kinds}) THEN {condition} END ORDER BY 1, 2",
        **({} if role is None else {"role": role}),
    )
    return [(schema, name) for schema, name in rows]


def _in_parts(relations: Sequence[tuple[str, str]]) -> Iterator[str]:
    quoted = [f"{identifier(schema)}.{identifier(name)}" for schema, name in relations]
    for start in range(0, len(quoted), STATEMENT_SIZE):
        yield ", ".join(quoted[start : start + STATEMENT_SIZE])


def _grant_future(session: Session, role: str, access: Access, creators: Sequence[str]) -> None:
    """The same on what ``creators`` will make, in schemas of today and of tomorrow."""
    creating = identifiers([creator for creator in creators if creator != role])
    grantee = identifier(role)
    for privileges, kind in (
        (access.tables, "TABLES"),
        (access.sequences, "SEQUENCES"),
        (("USAGE",), "SCHEMAS"),
    ):
        with explained(f"the privileges of {role!r} on future objects could not be set"):
            session.run(
                f"ALTER DEFAULT PRIVILEGES FOR ROLE {creating} "
                f"GRANT {', '.join(privileges)} ON {kind} TO {grantee}"
            )


def prove_access(server: Server, databases: Sequence[str], app: Login, readonly: Login) -> None:
    """Log in as both roles, and see that the one can write where the other cannot.

    Neither may be a member of another role: even a membership that is not inherited lets it become
    that role. The attempts delete no row and are rolled back. Raises PrivilegeCheckError naming the
    tables or the groups.
    """
    for database in databases:
        with server.session(app, database) as session:
            _expect_no_groups(session, app.user)
            samples = _sample_tables(session)
            _expect_none(
                session,
                "the application role lacks a privilege on",
                " OR ".join(f"NOT {_may(privilege)}" for privilege in READ_WRITE.tables),
            )
            for table in samples:
                _expect(session, table, can_write=True, role=app.user)
        with server.session(readonly, database) as session:
            _expect_no_groups(session, readonly.user)
            _expect_none(session, "the read-only role can write to", " OR ".join(map(_may, WRITES)))
            _expect_none(session, "the read-only role cannot read", f"NOT {_may('SELECT')}")
            for table in samples:
                _expect(session, table, can_write=False, role=readonly.user)


def _expect_no_groups(session: Session, role: str) -> None:
    """The owner of a database is a member of pg_database_owner, to which nobody can be added."""
    groups = session.column(
        "SELECT rolname FROM pg_roles WHERE rolname NOT IN (current_user, 'pg_database_owner') "
        "AND pg_has_role(oid, 'MEMBER') ORDER BY rolname"
    )
    if groups:
        listed = ", ".join(repr(group) for group in groups)
        raise PrivilegeCheckError(
            f"role {role!r} is a member of {listed}", role=role, groups=groups
        )


def _may(privilege: str) -> str:
    return f"has_table_privilege(c.oid, {literal(privilege)})"


def _sample_tables(session: Session) -> list[str]:
    """One table of each schema."""
    rows = session.run(
        f"SELECT n.nspname, min(c.relname) {_RELATIONS} AND c.relkind IN ('r', 'p') "
        "GROUP BY n.nspname ORDER BY n.nspname"
    )
    return [f"{identifier(schema)}.{identifier(name)}" for schema, name in rows]


def _expect_none(session: Session, fault: str, condition: str) -> None:
    rows = session.run(
        f"SELECT n.nspname, c.relname {_RELATIONS} AND c.relkind IN ('r', 'p') "
        f"AND ({condition}) ORDER BY 1, 2 LIMIT 5"
    )
    if rows:
        listed = ", ".join(f"{schema}.{name}" for schema, name in rows)
        raise PrivilegeCheckError(f"{fault} {listed}", tables=[".".join(row) for row in rows])


def _expect(session: Session, table: str, *, can_write: bool, role: str) -> None:
    """Try to write, deleting no row."""
    session.run("BEGIN")
    try:
        session.run(f"DELETE FROM {table} WHERE false")
        refused = None
    except PgDatabaseError as error:
        refused = error
    finally:
        session.run("ROLLBACK")
    if can_write and refused is not None:
        raise PrivilegeCheckError(
            f"role {role!r} cannot write to {table}: {describe(refused)}", table=table
        ) from refused
    if not can_write and (refused is None or sqlstate(refused) != INSUFFICIENT_PRIVILEGE):
        raise PrivilegeCheckError(f"role {role!r} can write to {table}", table=table) from refused
