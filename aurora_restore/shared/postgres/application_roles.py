"""The two roles of the application: their login, and what they may not inherit.

Passwords reach the server as SCRAM verifiers, computed here, so that no statement it might log
holds one in clear.
"""

import base64

from pg8000.exceptions import DatabaseError as PgDatabaseError
from scramp import ScramMechanism

from aurora_restore.shared.errors import PrivilegeCheckError
from aurora_restore.shared.postgres.connection import (
    DatabaseLogin,
    DatabaseServer,
    DatabaseSession,
    describe,
    explained,
    identifier,
    literal,
)
from aurora_restore.shared.postgres.membership import (
    MEMBERSHIP_OPTIONS_SINCE,
    find_memberships,
    plan_membership,
)


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
            f"VALID UNTIL 'infinity' {password}"
        )


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
        listed = ", ".join(f"{left.group!r} (granted by {left.grantor!r})" for left in remaining)
        raise PrivilegeCheckError(
            f"role {role!r} could not leave {listed}: {refusal}; revoke that in the source, or "
            "name another role in the application's secret",
            role=role,
            groups=sorted({left.group for left in remaining}),
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


def scram_verifier(password: str) -> str:
    """Return a password as PostgreSQL stores it under ``scram-sha-256``, with a random salt.

    RFC 5803 describes the format.
    """
    salt, stored_key, server_key, iterations = ScramMechanism("SCRAM-SHA-256").make_auth_info(
        password
    )
    salt64, stored64, server64 = (
        base64.b64encode(part).decode() for part in (salt, stored_key, server_key)
    )
    return f"SCRAM-SHA-256${iterations}:{salt64}${stored64}:{server64}"
