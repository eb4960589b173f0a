"""The application's roles in a restored cluster, as the pipeline sets them up and proves them."""

from collections.abc import Sequence

from aurora_restore.shared.postgres.access import DatabaseAccess
from aurora_restore.shared.postgres.connection import DatabaseLogin
from aurora_restore.shared.postgres.grants import GrantOutcome
from aurora_restore.shared.postgres.journal import JournalKey
from aurora_restore.shared.postgres.privileges import READ_ONLY, READ_WRITE
from aurora_restore.shared.postgres.proof import prove_access
from aurora_restore.shared.postgres.setup import PostgresSetup
from tests.integration.database.conftest import DATABASE, MASTER, OPERATION, Restored

APP = DatabaseLogin("app_user", "canary-app-password")
READONLY = DatabaseLogin('read "only', "canary-readonly-password'")
ACCESS = {APP.user: READ_WRITE, READONLY.user: READ_ONLY}
KEPT = ("monitoring", "nobody")


def setup_of(
    restored: Restored, key: JournalKey = OPERATION, databases: Sequence[str] = (DATABASE,)
) -> PostgresSetup:
    """Return the setup of the cluster's databases."""
    access = DatabaseAccess(restored.server, MASTER, DATABASE, tuple(databases), key)
    return PostgresSetup(access)


def set_up_access(
    restored: Restored,
    key: JournalKey = OPERATION,
    *,
    databases: Sequence[str] = (DATABASE,),
    keep: Sequence[str] = KEPT,
    readonly: DatabaseLogin = READONLY,
) -> GrantOutcome:
    """Set up both roles and their privileges, as the step does after the scripts.

    Returns what came of it in the first database.
    """
    setup = setup_of(restored, key, databases)
    setup.set_up_roles(APP, readonly)
    access = {APP.user: READ_WRITE, readonly.user: READ_ONLY}
    outcomes = [setup.grant_access(database, access, keep, 60.0) for database in databases]
    assert all(outcome.complete for outcome in outcomes)
    return outcomes[0]


def prove(restored: Restored, *, others_closed: bool = False) -> None:
    """Prove what both roles can do; ``others_closed`` where there has been a lock-out."""
    prove_access(restored.server, [DATABASE], APP, READONLY, others_closed=others_closed)
