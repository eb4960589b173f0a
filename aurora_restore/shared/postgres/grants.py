"""What the application's roles may do: exactly what is granted here, and nothing through PUBLIC.

Each part looks at the catalog first and changes only what is missing, so that a second run changes
nothing, and one that was cut off continues.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from aurora_restore.shared.postgres.access_lists import (
    find_beyond_reach,
    find_excess,
    find_missing,
)
from aurora_restore.shared.postgres.catalog import find_owners
from aurora_restore.shared.postgres.changes import Change, TimeLimit, make_changes
from aurora_restore.shared.postgres.connection import DatabaseSession
from aurora_restore.shared.postgres.default_privileges import (
    describe_default_excess,
    find_default_excess,
    find_default_privileges,
    find_sparing_creators,
    plan_defaults,
)
from aurora_restore.shared.postgres.privileges import Grantee, Privileges, plan_grantees


@dataclass(frozen=True, kw_only=True)
class GrantOutcome:
    """How far the privileges in a database are."""

    complete: bool
    """False where the time was up before everything was granted and revoked."""
    beyond_reach: tuple[str, ...] = ()
    """What the roles or PUBLIC may do against the rules, and only a superuser could revoke."""


def grant_access(
    session: DatabaseSession,
    roles: Mapping[str, Privileges],
    keep: Collection[str],
    seconds: float,
) -> GrantOutcome:
    """Grant each role its privileges in the session's database, and revoke all others.

    Covers every schema that is the database's own, what is in it, and what its owners, the
    session's user and the roles in ``keep`` create later. What belongs to a superuser is left
    alone. Works in batches for up to about ``seconds``; call it again if that was too short. Raises
    DatabaseError where PostgreSQL refuses a statement.
    """
    user = session.scalar("SELECT session_user")
    oids: dict[str, int] = dict(session.run("SELECT rolname, oid FROM pg_roles"))
    grantees = plan_grantees(oids, roles, {*keep, user})
    creators = {*find_owners(session), user, *(oids.keys() & {*keep})}
    parts: Sequence[Callable[[], list[Change]]] = (
        # Before PUBLIC loses CONNECT, those who need it have it. What is revoked takes with it what
        # was granted on, perhaps to one of the roles.
        lambda: find_missing(session, grantees),
        lambda: find_excess(session, grantees),
        lambda: find_missing(session, grantees),
        lambda: _plan_defaults(session, grantees, creators),
    )
    limit = TimeLimit(seconds)
    if not all(make_changes(session, find(), limit) for find in parts):
        return GrantOutcome(complete=False)
    return GrantOutcome(complete=True, beyond_reach=_find_beyond_reach(session, grantees))


def _plan_defaults(
    session: DatabaseSession, grantees: Sequence[Grantee], creators: Collection[str]
) -> list[Change]:
    return plan_defaults(
        find_default_privileges(session), grantees, creators, find_sparing_creators(session)
    )


def _find_beyond_reach(session: DatabaseSession, grantees: Sequence[Grantee]) -> tuple[str, ...]:
    defaults = find_default_excess(find_default_privileges(session), grantees)
    return (
        *find_beyond_reach(session, grantees),
        *describe_default_excess(defaults, grantees),
    )
