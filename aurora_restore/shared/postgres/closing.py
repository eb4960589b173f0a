"""Who may connect to which database: after the lock-out only those who are meant to.

The application's roles get the privilege back with their grants, on the databases that are listed.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

from aurora_restore.shared.postgres.attempts import attempt_each
from aurora_restore.shared.postgres.connection import DatabaseSession, identifier
from aurora_restore.shared.postgres.membership import plan_membership
from aurora_restore.shared.postgres.privileges import PUBLIC
from aurora_restore.shared.postgres.rds_roles import RDS_DATABASE


@dataclass
class _Entrance:
    """A database that can be connected to, and who may."""

    owner: str
    grantees: dict[str, bool] = field(default_factory=dict)
    """By name and quoted, or PUBLIC; whether the privilege may be granted on."""
    entitled: list[str] = field(default_factory=list)
    """Who may connect, by whatever way, and is meant to; quoted."""


def close_databases(session: DatabaseSession, spared: Collection[str]) -> dict[str, str]:
    """Let only ``spared`` and the session's user connect to any database of the cluster.

    Each of them that could connect before still can. Left alone are the database of RDS, and those
    that nobody can connect to. Returns why a database is not closed, for each one that is not.
    """
    entrances = {
        database: entrance
        for database, entrance in _find_entrances(session, spared).items()
        if entrance.grantees
    }
    attempts = [_closing(session, name, entrance) for name, entrance in entrances.items()]
    refused = attempt_each(session, attempts)
    refusals = {database: refused.get(number) for number, database in enumerate(entrances)}
    # A REVOKE by a role that may not is a warning, so only the catalog knows.
    return {
        database: refusals.get(database)
        or f"CONNECT stays granted to {', '.join(sorted(entrance.grantees))}"
        for database, entrance in _find_entrances(session, spared).items()
        if entrance.grantees
    }


def _find_entrances(session: DatabaseSession, spared: Collection[str]) -> dict[str, _Entrance]:
    """Return every database with those who may connect to it and are not meant to."""
    meant = "(r.rolname = session_user OR r.rolname = ANY (CAST(:spared AS name[])))"
    databases = f"""
        pg_database d JOIN pg_roles o ON o.oid = d.datdba
        CROSS JOIN aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) acl
        LEFT JOIN pg_roles r ON r.oid = acl.grantee
        WHERE d.datallowconn AND d.datname <> '{RDS_DATABASE}' AND acl.privilege_type = 'CONNECT'
    """
    entrances: dict[str, _Entrance] = {}
    for database, owner, grantee, is_grantable in session.run(
        f"SELECT d.datname, o.rolname, r.rolname, acl.is_grantable FROM {databases} "
        f"AND (r.oid IS NULL OR NOT r.rolsuper AND NOT {meant}) ORDER BY 1, 3, 4",
        spared=list(spared),
    ):
        entrance = entrances.setdefault(database, _Entrance(owner))
        quoted = PUBLIC if grantee is None else identifier(grantee)
        # The owner may always grant, and keeps that.
        entrance.grantees[quoted] = bool(is_grantable) and grantee != owner
    for database, role in session.run(
        f"SELECT d.datname, r.rolname FROM pg_database d CROSS JOIN pg_roles r WHERE {meant} "
        "AND r.rolcanlogin AND NOT r.rolsuper AND has_database_privilege(r.oid, d.oid, 'CONNECT') "
        "ORDER BY 1, 2",
        spared=list(spared),
    ):
        if database in entrances:
            entrances[database].entitled.append(identifier(role))
    return entrances


def _closing(session: DatabaseSession, database: str, entrance: _Entrance) -> list[str]:
    """Return the statements that close a database, as its owner."""
    membership = plan_membership(session, [entrance.owner])
    name = f"ON DATABASE {identifier(database)}"
    statements = [*membership.gain]
    if entrance.entitled:
        statements.append(f"GRANT CONNECT {name} TO {', '.join(entrance.entitled)}")
    # With the option goes what was granted by it, even to PUBLIC.
    statements += [
        f"REVOKE GRANT OPTION FOR CONNECT {name} FROM {grantee} CASCADE"
        for grantee, may_grant in entrance.grantees.items()
        if may_grant
    ]
    statements.append(f"REVOKE CONNECT {name} FROM {', '.join(entrance.grantees)} CASCADE")
    return [*statements, *membership.lose]
