"""What is done to the databases of a restored cluster before an application may use them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from aurora_restore.shared.postgres import journal
from aurora_restore.shared.postgres.access import DatabaseAccess
from aurora_restore.shared.postgres.application_roles import (
    SETTINGS,
    WRITER_SETTINGS,
    ensure_login,
    leave_groups,
    reset_settings,
    take_attributes,
)
from aurora_restore.shared.postgres.connection import DatabaseLogin, DatabaseSession
from aurora_restore.shared.postgres.grants import GrantOutcome, grant_access
from aurora_restore.shared.postgres.lock_out import (
    LockOutReport,
    lock_out,
    require_locked_out,
)
from aurora_restore.shared.postgres.masking.findings import (
    Proof,
    find_result,
    forget_result,
)
from aurora_restore.shared.postgres.masking.originals import forget_originals
from aurora_restore.shared.postgres.masking.plan import Verdict
from aurora_restore.shared.postgres.neutralise.everywhere import Neutralised, neutralise
from aurora_restore.shared.postgres.neutralise.wiring import WiringKind
from aurora_restore.shared.postgres.ownership import find_databases_with_property, take_property
from aurora_restore.shared.postgres.privileges import Privileges
from aurora_restore.shared.postgres.proof import prove_access
from aurora_restore.shared.postgres.tasks import (
    Task,
    TaskStatus,
    find_obstacle,
    find_task_statuses,
    start_task,
)

AnyTask = TypeVar("AnyTask", bound=Task)
Found = TypeVar("Found")


class DatabaseSetup(Protocol):
    """The setup of one cluster's databases in one operation.

    Every method may be called again: it changes only what is missing. All raise
    DatabaseConnectionError, and DatabaseError where PostgreSQL refuses a statement.
    """

    def lock_out(self, keep: Collection[str]) -> LockOutReport:
        """Take the login from every inherited role that is not in ``keep``; return what is done."""

    def neutralise(self, kept: Collection[WiringKind]) -> Neutralised:
        """Remove what ties the cluster to production, but the kinds in ``kept``."""

    def find_task_statuses(self, tasks: Sequence[Task]) -> Mapping[Task, TaskStatus]:
        """Return how far each task is."""

    def start_task(self, task: Task, seconds: float) -> TaskStatus:
        """Do a task, waiting up to ``seconds`` for it. Raises the task's own error."""

    def find_obstacle(self, task: Task) -> str | None:
        """Return what lock a running task waits for, and who holds it, as a clause."""

    def find_records(self, tasks: Sequence[Task]) -> Mapping[Task, Mapping[str, Any]]:
        """Return what the journals have recorded of tasks that are done."""

    def judge_masking(self, proofs: Sequence[Proof]) -> Verdict:
        """Return what proofs that are done have found; those with a finding are made again."""

    def forget_originals(self) -> None:
        """Drop what is remembered of original values, of this restore or an earlier one."""

    def mark_set_up(self) -> None:
        """Write into the cluster that this operation has set it up."""

    def set_up_roles(self, app: DatabaseLogin, readonly: DatabaseLogin) -> None:
        """Let the logins work, and take from their roles what neither may have.

        Both leave every group; the read-only role also loses what it owns. Raises
        PrivilegeCheckError naming what the master user may not take.
        """

    def grant_access(
        self,
        database: str,
        roles: Mapping[str, Privileges],
        keep: Collection[str],
        seconds: float,
    ) -> GrantOutcome:
        """Grant each role exactly its privileges in a database; ``keep`` may still connect.

        Works for up to about ``seconds``; what is left by then is for the next call.
        """

    def prove_access(
        self, app: DatabaseLogin, readonly: DatabaseLogin, keep: Collection[str] | None
    ) -> None:
        """Raise PrivilegeCheckError unless only the first one can write.

        And, where there was a lock-out, unless neither can reach a database that is not listed, and
        nobody else can log in but ``keep``, which is None where there was none.
        """


@dataclass(frozen=True)
class PostgresSetup:
    """The setup in PostgreSQL itself."""

    access: DatabaseAccess

    def lock_out(self, keep: Collection[str]) -> LockOutReport:
        """Disable the inherited logins, close the databases, and end sessions everywhere."""
        return lock_out(self.access, keep)

    def neutralise(self, kept: Collection[WiringKind]) -> Neutralised:
        """Do so in every database of the cluster, and record what was found in the journal."""
        return neutralise(self.access, kept)

    def find_task_statuses(self, tasks: Sequence[Task]) -> Mapping[Task, TaskStatus]:
        """Return how far each task is, with one session for each database."""
        key = self.access.journal_key
        return self._read(tasks, lambda session, here: find_task_statuses(session, key, here))

    def start_task(self, task: Task, seconds: float) -> TaskStatus:
        """Do a task in a session of its own, and wait up to ``seconds`` for it."""
        return start_task(self.access, task, seconds)

    def find_obstacle(self, task: Task) -> str | None:
        """Return what lock a running task waits for, by the server's view of locks."""
        with self.access.session(task.database) as session:
            return find_obstacle(session, self.access.journal_key, task)

    def find_records(self, tasks: Sequence[Task]) -> Mapping[Task, Mapping[str, Any]]:
        """Return the details of the tasks' entries, with one session for each database."""

        def records(
            session: DatabaseSession, here: Sequence[Task]
        ) -> Mapping[Task, Mapping[str, Any]]:
            entries = journal.find_all(session, self.access.journal_key)
            return {task: entries.get(task.entry, {}) for task in here}

        return self._read(tasks, records)

    def judge_masking(self, proofs: Sequence[Proof]) -> Verdict:
        """Read the journals, and forget there the proofs that have found something."""
        key = self.access.journal_key
        results = self._read(
            proofs, lambda session, here: {p: find_result(session, key, p) for p in here}
        )
        for proof, result in results.items():
            if result.findings:
                with self.access.session(proof.database) as session:
                    forget_result(session, key, proof)
        return Verdict.of(results)

    def forget_originals(self) -> None:
        """Drop the table of hashes in every database."""
        for database in self.access.databases:
            with self.access.session(database) as session:
                forget_originals(session)

    def mark_set_up(self) -> None:
        """Add the entry to the journal of the master user's database, unless it is there."""
        with self.access.session() as session:
            journal.prepare(session)
            if not journal.has(session, self.access.journal_key, journal.SET_UP):
                journal.write(session, self.access.journal_key, journal.SET_UP)

    def set_up_roles(self, app: DatabaseLogin, readonly: DatabaseLogin) -> None:
        """Take what the roles may not have before they get their logins."""
        with self.access.session() as session:
            for login in (app, readonly):
                leave_groups(session, login.user)
            take_attributes(session, readonly.user)
            for database in find_databases_with_property(session, readonly.user):
                with self.access.session(database) as inside:
                    take_property(inside, readonly.user)
            for login, settings in ((app, WRITER_SETTINGS), (readonly, SETTINGS)):
                reset_settings(session, login.user, settings)
                ensure_login(self.access.server, session, login, self.access.databases[0])

    def grant_access(
        self,
        database: str,
        roles: Mapping[str, Privileges],
        keep: Collection[str],
        seconds: float,
    ) -> GrantOutcome:
        """Grant and revoke in batches, each in a transaction of its own."""
        with self.access.session(database) as session:
            return grant_access(session, roles, keep, seconds)

    def prove_access(
        self, app: DatabaseLogin, readonly: DatabaseLogin, keep: Collection[str] | None
    ) -> None:
        """Log in as both roles to every database, and try to write."""
        if keep is not None:
            with self.access.session() as session:
                require_locked_out(session, {*keep, app.user, readonly.user})
        prove_access(
            self.access.server,
            self.access.databases,
            app,
            readonly,
            others_closed=keep is not None,
        )

    def _read(
        self,
        tasks: Sequence[AnyTask],
        read: Callable[[DatabaseSession, Sequence[AnyTask]], Mapping[AnyTask, Found]],
    ) -> dict[AnyTask, Found]:
        """Return what ``read`` finds of the tasks, with one session for those of a database."""
        found: dict[AnyTask, Found] = {}
        for database in dict.fromkeys(task.database for task in tasks):
            with self.access.session(database) as session:
                found |= read(session, [task for task in tasks if task.database == database])
        return found
