"""Which roles are members of which, and how the master user becomes a member for a while."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from aurora_restore.shared.postgres.connection import DatabaseSession, explained, identifier

MEMBERSHIP_OPTIONS_SINCE: Final = 160000
"""PostgreSQL 16 gave a membership options, and a grantor who counts."""


@dataclass(frozen=True)
class Membership:
    """A role's membership in a group."""

    group: str
    grantor: str
    granted_by_superuser: bool


@dataclass(frozen=True)
class TemporaryMembership:
    """The statements by which the session's user becomes a member of roles, and stops being one."""

    gain: tuple[str, ...]
    lose: tuple[str, ...]


def find_memberships(session: DatabaseSession, role: str) -> list[Membership]:
    """Return the role's memberships, in alphabetical order of the groups."""
    rows = session.run(
        "SELECT g.rolname, coalesce(o.rolname, 'nobody'), coalesce(o.rolsuper, false) "
        "FROM pg_auth_members m "
        "JOIN pg_roles g ON g.oid = m.roleid JOIN pg_roles r ON r.oid = m.member "
        "LEFT JOIN pg_roles o ON o.oid = m.grantor "
        "WHERE r.rolname = :role ORDER BY 1, 2",
        role=role,
    )
    return [Membership(*row) for row in rows]


def plan_membership(session: DatabaseSession, roles: Collection[str]) -> TemporaryMembership:
    """Return what lets the session's user act as ``roles``: only owners may grant and alter.

    Changes nothing. Roles as which the session's user may act already are left out.
    """
    missing = (
        session.column(
            "SELECT rolname FROM pg_roles WHERE rolname = ANY (CAST(:roles AS text[])) "
            "AND NOT pg_has_role(session_user, oid, 'USAGE') ORDER BY rolname",
            roles=list(roles),
        )
        if roles
        else []
    )
    # The user who makes a role is its member, but with neither option.
    has_options = session.version >= MEMBERSHIP_OPTIONS_SINCE
    options = " WITH INHERIT TRUE, SET TRUE" if has_options else ""
    return TemporaryMembership(
        tuple(f"GRANT {identifier(role)} TO SESSION_USER{options}" for role in missing),
        tuple(f"REVOKE {identifier(role)} FROM SESSION_USER" for role in missing),
    )


@contextmanager
def acting_as(session: DatabaseSession, roles: Collection[str]) -> Iterator[None]:
    """Let the session's user act as ``roles`` within the block, which must be in a transaction.

    Raises DatabaseError where the session's user may not become a member of one of them.
    """
    membership = plan_membership(session, roles)
    for statement in membership.gain:
        with explained("the master user could not become a member of an owner's role"):
            session.run(statement)
    yield
    for statement in membership.lose:
        session.run(statement)
