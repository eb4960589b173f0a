"""The logins that came with the snapshot: production's users have no business in the copy."""

from collections.abc import Collection
from typing import Final

from aurora_restore.shared.postgres import journal
from aurora_restore.shared.postgres.connection import DatabaseSession, explained, identifier
from aurora_restore.shared.postgres.journal import JournalKey

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
"""Journal: the operation has disabled every inherited login."""
LOGIN_DISABLED: Final = "login-disabled:"
"""Journal: how the entry of one disabled role begins; its name follows."""


def disable_inherited_logins(
    session: DatabaseSession, key: JournalKey, keep: Collection[str]
) -> list[str]:
    """Set NOLOGIN on every role that came with the snapshot, and end the sessions of these roles.

    Spared are the master user, the roles of RDS and those in ``keep``. The roles are altered once
    per restore, in one transaction with their entries in the journal, so that a role to which
    this operation has given a login keeps it; their sessions end on every call. Returns the roles,
    those of an earlier call included. Raises DatabaseError naming a role that cannot be altered.
    """
    with session.transaction():
        if not journal.has(session, key, LOGINS_DISABLED):
            for role in find_inherited_logins(session, keep):
                with explained(
                    f"role {role!r} could not be kept from logging in (keep it with "
                    "database.keep_logins, or change it in the source)"
                ):
                    session.run(f"ALTER ROLE {identifier(role)} NOLOGIN")
                journal.write(session, key, f"{LOGIN_DISABLED}{role}")
            journal.write(session, key, LOGINS_DISABLED)
        entries = journal.entries(session, key)
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


def find_inherited_logins(session: DatabaseSession, keep: Collection[str]) -> list[str]:
    """Return the roles that can log in and are neither the session's user, nor RDS's, nor kept."""
    spared = RDS_ROLES | set(keep)
    found = session.column(
        "SELECT rolname FROM pg_roles "
        "WHERE rolcanlogin AND NOT rolsuper AND rolname <> session_user ORDER BY rolname"
    )
    return [role for role in found if role not in spared]
