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
    """The statements by which the current user becomes a member of roles, and stops being one."""

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


def membership_options(version: int) -> tuple[str, str]:
    """Return by which privilege one may become a role, and what GRANT needs to give that."""
    if version >= MEMBERSHIP_OPTIONS_SINCE:
        # The user who makes a role is its member, but with neither option.
        return "SET", " WITH INHERIT TRUE, SET TRUE"
    return "MEMBER", ""


def find_strangers(
    session: DatabaseSession, roles: Collection[str], *, to_become: bool = False
) -> dict[str, bool]:
    """Return those of ``roles`` as which the session's user may not act yet.

    With ``to_become``, those to which it may not ``SET ROLE``. The value is whether the role is
    itself a member of the session's user.
    """
    if not roles:
        return {}
    enough = membership_options(session.version)[0] if to_become else "USAGE"
    # OFFSET keeps PostgreSQL from asking about every role, of which there may be thousands.
    rows = session.run(
        "SELECT rolname, pg_has_role(oid, session_user, 'MEMBER') FROM (SELECT oid, rolname "
        "FROM pg_roles WHERE rolname = ANY (CAST(:roles AS text[])) OFFSET 0) wanted "
        f"WHERE NOT pg_has_role(session_user, oid, '{enough}') ORDER BY rolname",
        roles=list(roles),
    )
    return dict(rows)


def plan_membership(
    session: DatabaseSession, roles: Collection[str], *, to_become: bool = False
) -> TemporaryMembership:
    """Return what lets the session's user act as ``roles``: only owners may grant and alter.

    Changes nothing. Roles as which the session's user may act already are left out. With
    ``to_become`` it may also ``SET ROLE`` to each.

    A role that is itself a member of the session's user cannot have it as a member. Until
    PostgreSQL 15 that membership is suspended meanwhile. Since 16 the master user may not do that;
    then it may read and write what that role owns, and no more.
    """
    missing = find_strangers(session, roles, to_become=to_become)
    has_options = session.version >= MEMBERSHIP_OPTIONS_SINCE
    circular = [role for role, is_member in missing.items() if is_member]
    wanted = list(missing)
    suspended = TemporaryMembership((), ())
    if circular and not has_options:
        suspended = _plan_suspension(session, circular)
    elif circular and not to_become:
        wanted = [role for role in wanted if role not in circular] + _find_data_roles(session)
    _, options = membership_options(session.version)
    return TemporaryMembership(
        (
            *suspended.gain,
            *(f"GRANT {identifier(role)} TO SESSION_USER{options}" for role in wanted),
        ),
        (*(f"REVOKE {identifier(role)} FROM SESSION_USER" for role in wanted), *suspended.lose),
    )


def _plan_suspension(session: DatabaseSession, roles: Collection[str]) -> TemporaryMembership:
    """Return what ends the memberships by which ``roles`` are members of the session's user.

    And what restores them.
    """
    rows = session.run(
        "SELECT session_user::text, m.member::regrole::text, m.admin_option "
        "FROM pg_auth_members m JOIN pg_roles u ON u.oid = m.roleid "
        "WHERE u.rolname = session_user AND EXISTS (SELECT FROM pg_roles r "
        "WHERE r.rolname = ANY (CAST(:roles AS text[])) AND pg_has_role(r.oid, m.member, 'MEMBER')"
        ") ORDER BY 2",
        roles=list(roles),
    )
    return TemporaryMembership(
        tuple(f"REVOKE {identifier(user)} FROM {member}" for user, member, _ in rows),
        tuple(
            f"GRANT {identifier(user)} TO {member}{' WITH ADMIN OPTION' if admin else ''}"
            for user, member, admin in rows
        ),
    )


def _find_data_roles(session: DatabaseSession) -> list[str]:
    """Return the roles of PostgreSQL that read, write and maintain what others own.

    Only those as which the session's user may not act already.
    """
    return session.column(
        "SELECT rolname FROM pg_roles WHERE rolname IN "
        "('pg_read_all_data', 'pg_write_all_data', 'pg_maintain') "
        "AND NOT pg_has_role(session_user, oid, 'USAGE') ORDER BY rolname"
    )


@contextmanager
def acting_as(
    session: DatabaseSession, roles: Collection[str], *, to_become: bool = False
) -> Iterator[None]:
    """Let the session's user act as ``roles`` within the block, which must be in a transaction.

    Raises DatabaseError where the session's user may not become a member of one of them.
    """
    membership = plan_membership(session, roles, to_become=to_become)
    for statement in membership.gain:
        with explained("the master user could not become a member of an owner's role"):
            session.run(statement)
    yield
    for statement in membership.lose:
        session.run(statement)
