"""SQL scripts that run once per restored cluster, however long they take: a kind of task."""

from dataclasses import dataclass, field

from pg8000.exceptions import DatabaseError as PgDatabaseError

from aurora_restore.shared.errors import DatabaseError, ScriptFailedError
from aurora_restore.shared.postgres import journal
from aurora_restore.shared.postgres.catalog import find_owners
from aurora_restore.shared.postgres.connection import DatabaseSession, describe, literal, sqlstate
from aurora_restore.shared.postgres.journal import JournalKey
from aurora_restore.shared.postgres.membership import TemporaryMembership, plan_membership
from aurora_restore.shared.postgres.session_settings import (
    DEFAULT_SEARCH_PATH,
    TRUSTED_SEARCH_PATH,
)
from aurora_restore.shared.postgres.tasks import Task


@dataclass(frozen=True)
class SqlScript(Task):
    """A script, and the database it is for."""

    name: str
    sql: str = field(repr=False)

    @property
    def title(self) -> str:
        """What it is, within a sentence."""
        return f"script {self.name}"

    @property
    def entry(self) -> str:
        """Its entry in the journal."""
        return f"script:{self.name}"

    def do(self, session: DatabaseSession, key: JournalKey) -> None:
        """Run the script in its own transaction, with its entry in the journal."""
        membership = plan_membership(session, find_owners(session))
        session.run(_as_one_message(key, self, membership))

    def error(self, error: PgDatabaseError) -> DatabaseError:
        """Return an error that says that the script was rolled back."""
        return ScriptFailedError(
            f"script {self.name} failed in database {self.database!r} and was rolled back: "
            f"{describe(error)}",
            script=self.name,
            sqlstate=sqlstate(error),
        )


def _as_one_message(key: JournalKey, script: SqlScript, membership: TemporaryMembership) -> str:
    """Return the script within its transaction, with the master user a member of the owners.

    The last block refuses a script that has ended the transaction itself, for then a failure would
    have left half of it behind.
    """
    label = script.entry
    return "\n".join(
        (
            "BEGIN;",
            f"SET LOCAL aurora_restore.script = {literal(label)};",
            f"{journal.insertion(key, script.entry)};",
            *(f"{statement};" for statement in membership.gain),
            f"{DEFAULT_SEARCH_PATH};",
            script.sql,
            ";",
            f"{TRUSTED_SEARCH_PATH};",
            "SET ROLE NONE;",
            *(f"{statement};" for statement in membership.lose),
            "DO $aurora_restore$ BEGIN",
            "  IF current_setting('aurora_restore.script', true) IS DISTINCT FROM "
            f"{literal(label)} THEN",
            "    RAISE EXCEPTION 'the script ends its own transaction; "
            "take COMMIT and ROLLBACK out of it';",
            "  END IF;",
            "END $aurora_restore$;",
            "COMMIT;",
        )
    )
