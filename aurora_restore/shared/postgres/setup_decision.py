"""What the setup of a cluster's databases does next: the facts, the actions, and the decision."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self, assert_never

from aurora_restore.shared.documents.secrets import AppCredentials
from aurora_restore.shared.postgres.connection import DatabaseLogin
from aurora_restore.shared.postgres.tasks import Task, TaskStatus


@dataclass(frozen=True)
class ApplicationLogins:
    """The logins of the application's two roles."""

    app: DatabaseLogin
    readonly: DatabaseLogin

    @classmethod
    def of(cls, app: AppCredentials) -> Self | None:
        """Return the logins of the application's secret; None as long as one lacks a password."""
        if app.app_password is None or app.readonly_password is None:
            return None
        return cls(
            DatabaseLogin(app.app_username, app.app_password),
            DatabaseLogin(app.readonly_username, app.readonly_password),
        )


@dataclass(frozen=True, kw_only=True)
class SetupFacts:
    """How far the setup is. What is not known yet counts as not done."""

    lock_out_due: bool
    """Whether inherited logins are to be disabled, and this call has not done so."""
    neutralise_due: bool
    """Whether this call has not neutralised the databases, nor found that it was done."""
    tasks: tuple[Task, ...] = ()
    """What is done before anybody gets a login, in its order; see ``postgres.tasks``."""
    tasks_known: bool = False
    statuses: Mapping[Task, TaskStatus] = field(default_factory=dict)
    """From the journals and the sessions of the tasks' databases."""
    logins: ApplicationLogins | None = None
    """From the application's secret; None as long as it lacks a password."""
    roles_ready: bool = False
    databases: tuple[str, ...]
    granted: frozenset[str] = frozenset()
    """The databases whose privileges this call has checked and completed."""
    unfinished: str | None = None
    """The database whose privileges have taken the time that this call had."""
    beyond_reach: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By database, what a superuser's grants allow against the rules."""
    masking_judged: bool = False
    """Whether this call has seen that no proof of masking speaks against the data."""
    proven: bool = False
    originals_forgotten: bool = False
    """Whether this call has dropped what was remembered of the original values."""
    marked: bool = False
    """Whether this call has written into the cluster that this operation has set it up."""

    @property
    def tasks_done(self) -> bool:
        """Return whether every task is done."""
        return all(self.statuses.get(task) is TaskStatus.DONE for task in self.tasks)


@dataclass(frozen=True, kw_only=True)
class LockOut:
    """Disable the logins that came with the snapshot."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Neutralise:
    """Remove what ties the copy to production, from every database."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class StartTask:
    """Do a task, and wait for it while this invocation lasts."""

    task: Task
    reason: str


@dataclass(frozen=True, kw_only=True)
class AwaitTask:
    """Return 202, because a task is still running."""

    task: Task
    reason: str


@dataclass(frozen=True, kw_only=True)
class JudgeMasking:
    """Read what the proofs of masking have found, and go on only if that is nothing."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class CompleteSecret:
    """Generate the passwords that the application's secret lacks, and store them there."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class SetUpRoles:
    """Give the application's two roles their logins."""

    logins: ApplicationLogins
    reason: str


@dataclass(frozen=True, kw_only=True)
class GrantAccess:
    """Grant both roles their privileges in a database."""

    database: str
    logins: ApplicationLogins
    reason: str


@dataclass(frozen=True, kw_only=True)
class ContinueGrants:
    """Return 202, because there are more privileges to grant than this call had time for."""

    database: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class ProveAccess:
    """Log in as both roles, and check what they can do."""

    logins: ApplicationLogins
    reason: str


@dataclass(frozen=True, kw_only=True)
class ForgetOriginals:
    """Drop what was remembered of the original values."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class MarkSetUp:
    """Write into the cluster that this operation has set it up."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Finish:
    """Return 200, because everything is done."""

    reason: str


SetupChange = (
    LockOut
    | Neutralise
    | StartTask
    | JudgeMasking
    | CompleteSecret
    | SetUpRoles
    | GrantAccess
    | ProveAccess
    | ForgetOriginals
    | MarkSetUp
)
SetupAction = SetupChange | AwaitTask | ContinueGrants | Finish


def decide(facts: SetupFacts) -> SetupAction:
    """Return what to do next. The application's roles get no login before every task is done."""
    if facts.lock_out_due:
        return LockOut(reason="the logins that came with the snapshot may still work")
    if facts.neutralise_due:
        return Neutralise(reason="the copy may still be tied to production")
    for task in facts.tasks:
        match facts.statuses.get(task, TaskStatus.MISSING):
            case TaskStatus.DONE:
                continue
            case TaskStatus.RUNNING:
                return AwaitTask(task=task, reason=f"{_sentence(task.title)} is still running")
            case TaskStatus.MISSING:
                return StartTask(
                    task=task,
                    reason=f"the journal of {task.database!r} has no entry of {task.title}",
                )
            case status:
                assert_never(status)
    if not facts.masking_judged:
        return JudgeMasking(reason="what the proofs of masking have found is not known yet")
    logins = facts.logins
    if logins is None:
        return CompleteSecret(reason="the application's secret lacks a password")
    if not facts.roles_ready:
        return SetUpRoles(logins=logins, reason="the application's roles may lack their logins")
    for database in facts.databases:
        if database == facts.unfinished:
            return ContinueGrants(
                database=database, reason=f"The privileges in {database!r} are not complete yet"
            )
        if database not in facts.granted:
            return GrantAccess(
                database=database,
                logins=logins,
                reason=f"the privileges in {database!r} may be incomplete",
            )
    if not facts.proven:
        return ProveAccess(
            logins=logins, reason="what the application's roles can do is not proven yet"
        )
    if not facts.originals_forgotten:
        return ForgetOriginals(reason="hashes of original values may still be in the databases")
    if not facts.marked:
        return MarkSetUp(reason="the cluster may not say yet that it is set up")
    return Finish(reason="Database users configured successfully")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
