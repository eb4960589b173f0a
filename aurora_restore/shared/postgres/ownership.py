"""What a role owns, and how that is taken from it.

Who owns an object may do anything with it and grant that on, whatever else is revoked.
"""

from typing import Final

from pg8000.exceptions import DatabaseError as PgDatabaseError

from aurora_restore.shared.errors import DatabaseError, PrivilegeCheckError
from aurora_restore.shared.postgres.connection import DatabaseSession, identifier
from aurora_restore.shared.postgres.membership import acting_as
from aurora_restore.shared.postgres.refusals import OUT_OF_MEMORY, describe, sqlstate

FORMER_OWNER: Final = "aurora_restore_former_owner"
"""Owns what was the read-only role's. It has that role's rights and nobody may act as it, so views
and functions that run with their owner's rights still do what they did. With the master user as the
owner they could do more."""

# Default privileges and user mappings count as owned by their role, too. PostgreSQL does not let
# them be given to another, and they let their role do nothing to anybody else.
_OWNED: Final = """
    FROM pg_shdepend s JOIN pg_roles r ON r.oid = s.refobjid
    LEFT JOIN pg_database d ON d.oid = s.dbid
    WHERE s.refclassid = 'pg_authid'::regclass AND s.deptype = 'o' AND r.rolname = :role
    AND s.classid NOT IN ('pg_default_acl'::regclass, 'pg_user_mapping'::regclass)
    AND d.datallowconn IS DISTINCT FROM false
"""


def find_databases_with_property(session: DatabaseSession, role: str) -> list[str]:
    """Return in which databases a role owns something, in alphabetical order.

    For what belongs to the whole cluster, such as a database, that is the session's.
    """
    return session.column(
        f"SELECT DISTINCT coalesce(d.datname, current_database()) {_OWNED} ORDER BY 1", role=role
    )


def count_property(session: DatabaseSession, role: str) -> dict[str, int]:
    """Return how many objects of each catalog a role owns, in all databases together."""
    return dict(
        session.run(
            f"SELECT s.classid::regclass::text, count(*)::int {_OWNED} GROUP BY 1 ORDER BY 1",
            role=role,
        )
    )


def take_property(session: DatabaseSession, role: str) -> None:
    """Give what a role owns in the session's database, or in the whole cluster, to FORMER_OWNER.

    All or nothing. Raises PrivilegeCheckError if that is more than the server can do in one
    transaction, and DatabaseError where PostgreSQL refuses a statement.
    """
    try:
        with session.transaction():
            _reassign(session, role)
    except PgDatabaseError as error:
        if sqlstate(error) != OUT_OF_MEMORY:
            raise DatabaseError(
                f"what role {role!r} owns could not be taken from it: {describe(error)}",
                sqlstate=sqlstate(error),
            ) from error
        owned = sum(count_property(session, role).values())
        raise PrivilegeCheckError(
            f"role {role!r} owns {owned} objects, which cannot be taken from it, because each of "
            "them is locked and the server cannot hold as many locks: let another role own them in "
            "the source, name another role in the application's secret, or raise "
            "max_locks_per_transaction in the cluster's parameter group, start the cluster's "
            "instances again, and redrive",
            role=role,
            objects=owned,
            sqlstate=sqlstate(error),
        ) from error


def _reassign(session: DatabaseSession, role: str) -> None:
    """Make FORMER_OWNER where it is missing, and let it own what the role owns."""
    known = session.column("SELECT 1 FROM pg_roles WHERE rolname = :role", role=FORMER_OWNER)
    if not known:
        session.run(f"CREATE ROLE {FORMER_OWNER} NOLOGIN")
    inherits = session.column(
        "SELECT 1 FROM pg_auth_members WHERE roleid = CAST(:quoted AS regrole) "
        f"AND member = '{FORMER_OWNER}'::regrole",
        quoted=identifier(role),
    )
    with acting_as(session, [role, FORMER_OWNER], to_become=True):
        if not inherits:
            session.run(f"GRANT {identifier(role)} TO {FORMER_OWNER}")
        session.run(f"REASSIGN OWNED BY {identifier(role)} TO {FORMER_OWNER}")
