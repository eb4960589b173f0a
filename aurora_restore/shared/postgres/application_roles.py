"""The two roles of the application: their login, and what they may not inherit.

Passwords reach the server as SCRAM verifiers, so that no statement it might log holds one in clear.
"""

from collections.abc import Collection
from typing import Final

from pg8000.exceptions import DatabaseError as PgDatabaseError

from aurora_restore.shared.documents.schema import to_json
from aurora_restore.shared.errors import PrivilegeCheckError
from aurora_restore.shared.name_list import NameList
from aurora_restore.shared.postgres.connection import (
    DatabaseLogin,
    DatabaseServer,
    DatabaseSession,
    explained,
    identifier,
    literal,
)
from aurora_restore.shared.postgres.membership import (
    MEMBERSHIP_OPTIONS_SINCE,
    find_memberships,
    plan_membership,
)
from aurora_restore.shared.postgres.refusals import describe
from aurora_restore.shared.postgres.scram import scram_verifier

ATTRIBUTES: Final = {"rolreplication": "REPLICATION", "rolbypassrls": "BYPASSRLS"}
"""What lets a role read more than it is granted, and only some master users may take."""
SETTINGS: Final = ("role", "session_authorization", "session_replication_role")
"""Settings by which a role's sessions would begin as another role, or without triggers."""
WRITER_SETTINGS: Final = (*SETTINGS, "default_transaction_read_only")
"""The same, and the one by which its sessions could not write."""


def ensure_login(
    server: DatabaseServer, session: DatabaseSession, login: DatabaseLogin, database: str
) -> None:
    """Create the role, or alter it, so that ``login`` works and may create no database or role.

    A password that works already in ``database`` is left alone, because a new verifier would differ
    from the old one by its salt. Raises DatabaseError where PostgreSQL refuses the statement.
    """
    exists = bool(session.column("SELECT 1 FROM pg_roles WHERE rolname = :role", role=login.user))
    works = exists and server.accepts(login, database)
    verb = "ALTER" if exists else "CREATE"
    password = "" if works else f"PASSWORD {literal(scram_verifier(login.password))}"
    with explained(f"role {login.user!r} could not be set up"):
        session.run(
            f"{verb} ROLE {identifier(login.user)} WITH LOGIN NOCREATEDB NOCREATEROLE "
            f"CONNECTION LIMIT -1 VALID UNTIL 'infinity' {password}"
        )


def take_attributes(session: DatabaseSession, role: str) -> None:
    """Take from the role what lets it read more than it is granted.

    Raises PrivilegeCheckError where the master user may not take that.
    """
    columns = ", ".join(ATTRIBUTES)
    for row in session.run(f"SELECT {columns} FROM pg_roles WHERE rolname = :role", role=role):
        for attribute, has in zip(ATTRIBUTES.values(), row, strict=True):
            if has:
                _take_attribute(session, role, attribute)


def _take_attribute(session: DatabaseSession, role: str, attribute: str) -> None:
    try:
        session.run(f"ALTER ROLE {identifier(role)} NO{attribute}")
    except PgDatabaseError as error:
        raise PrivilegeCheckError(
            f"role {role!r} has {attribute}, which the master user may not take from it "
            f"({describe(error)}); take it in the source, or name another role in the "
            "application's secret",
            role=role,
            attribute=attribute,
        ) from error


def reset_settings(session: DatabaseSession, role: str, settings: Collection[str]) -> None:
    """Reset those of ``settings`` that ALTER ROLE has given the role, in any database or in all.

    Raises DatabaseError where PostgreSQL refuses a statement.
    """
    rows = session.run(
        "SELECT d.datname, split_part(setting, '=', 1) FROM pg_db_role_setting s "
        "JOIN pg_roles r ON r.oid = s.setrole LEFT JOIN pg_database d ON d.oid = s.setdatabase "
        "CROSS JOIN LATERAL unnest(s.setconfig) setting WHERE r.rolname = :role ORDER BY 1, 2",
        role=role,
    )
    for database, setting in rows:
        if setting in settings:
            scope = "" if database is None else f"IN DATABASE {identifier(database)} "
            with explained(f"setting {setting} of role {role!r} could not be reset"):
                session.run(f"ALTER ROLE {identifier(role)} {scope}RESET {setting}")


def leave_groups(session: DatabaseSession, role: str) -> None:
    """Revoke the role's memberships, which might let it do more than it is granted here.

    What its members have granted on is revoked with a membership. Raises PrivilegeCheckError naming
    the memberships that the current user may not revoke.
    """
    member = identifier(role)
    refusal = "the master user may not revoke that"
    for group in sorted({membership.group for membership in find_memberships(session, role)}):
        refusal = _attempt(session, f"REVOKE {identifier(group)} FROM {member} CASCADE") or refusal
    # A membership may have several grantors, and only a user who can act for one of them revokes
    # what that one has granted.
    if session.version >= MEMBERSHIP_OPTIONS_SINCE:
        for left in find_memberships(session, role):
            acting = plan_membership(session, [] if left.granted_by_superuser else [left.grantor])
            revoke = (
                f"REVOKE {identifier(left.group)} FROM {member} "
                f"GRANTED BY {identifier(left.grantor)} CASCADE"
            )
            refusal = _attempt(session, *acting.gain, revoke, *acting.lose) or refusal
    remaining = find_memberships(session, role)
    if remaining:
        listed = NameList.of(f"{left.group!r} (granted by {left.grantor!r})" for left in remaining)
        raise PrivilegeCheckError(
            f"role {role!r} could not leave {listed}: {refusal}; revoke that in the source, or "
            "name another role in the application's secret",
            role=role,
            groups=to_json(NameList.of(left.group for left in remaining)),
        )


def _attempt(session: DatabaseSession, *statements: str) -> str | None:
    """Run all of the statements or none; return why PostgreSQL refused, or None."""
    try:
        with session.transaction():
            for statement in statements:
                session.run(statement)
    except PgDatabaseError as error:
        return describe(error)
    return None
