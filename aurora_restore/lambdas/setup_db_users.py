"""Disable inherited logins, run the scripts, set up the application's roles, and check them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from secrets import token_hex
from typing import Any, Final, Unpack, assert_never

from aurora_restore.shared.awaited import Awaited
from aurora_restore.shared.aws_utils import get_secret
from aurora_restore.shared.common import logger
from aurora_restore.shared.database_step import (
    DatabaseHandlerOptions,
    DatabaseStepHandler,
)
from aurora_restore.shared.documents.schema import to_json
from aurora_restore.shared.documents.sql_script import DeployedScript
from aurora_restore.shared.errors import NeutraliseError
from aurora_restore.shared.job import Answer, Job
from aurora_restore.shared.name_list import NameList
from aurora_restore.shared.names import script_resource
from aurora_restore.shared.operation_state import OperationState
from aurora_restore.shared.pipeline import get_step
from aurora_restore.shared.postgres.access import DatabaseAccess
from aurora_restore.shared.postgres.after_masking import after_masking
from aurora_restore.shared.postgres.masking.findings import Proof
from aurora_restore.shared.postgres.masking.originals import EvidenceKey, RememberOriginals
from aurora_restore.shared.postgres.masking.plan import read_masking
from aurora_restore.shared.postgres.neutralise.wiring import WiringKind
from aurora_restore.shared.postgres.privileges import READ_ONLY, READ_WRITE
from aurora_restore.shared.postgres.scram import parse_app_credentials
from aurora_restore.shared.postgres.scripts import SqlScript, shorten_record
from aurora_restore.shared.postgres.setup import DatabaseSetup, PostgresSetup
from aurora_restore.shared.postgres.setup_decision import (
    ApplicationLogins,
    AwaitTask,
    CompleteSecret,
    ContinueGrants,
    Finish,
    ForgetOriginals,
    GrantAccess,
    JudgeMasking,
    LockOut,
    MarkSetUp,
    Neutralise,
    ProveAccess,
    SetupChange,
    SetupFacts,
    SetUpRoles,
    StartTask,
    decide,
)
from aurora_restore.shared.postgres.tasks import Task, TaskStatus
from aurora_restore.shared.secret_changes import change_secret
from aurora_restore.shared.state_utils import IN_PROGRESS

WIRING_KEYS: Final = ("wiring_removed", "wiring_kept", "wiring_reported")
"""The keys of the state that say what was found of production's wiring."""

OpenSetup = Callable[[DatabaseAccess], DatabaseSetup]
"""Opens the setup of a cluster's databases."""


class SetupDbUsersHandler(DatabaseStepHandler):
    """The step that sets up the databases, so that no login works before the data is masked.

    It disables every inherited login, removes what ties the copy to production, runs the scripts,
    proves that the data is masked, gives the two roles of the application their logins and grants,
    and logs in as both. A second run changes nothing. It generates a password that the
    application's secret lacks, and stores it there.
    """

    step = get_step("setup-db-users")
    services = ("secretsmanager",)

    def __init__(
        self,
        *,
        open_setup: OpenSetup = PostgresSetup,
        **options: Unpack[DatabaseHandlerOptions],
    ) -> None:
        super().__init__(**options)
        self._open_setup = open_setup

    def run_in_databases(self, job: Job, databases: DatabaseAccess) -> Answer:
        """Look, decide and act until everything is done or a task takes longer.

        Raises NeutraliseError if something still ties the copy to production, ScriptFailedError if
        a script fails, MaskingError if a proof speaks against the data, and PrivilegeCheckError if
        a role can do too little or too much.
        """
        work = _Work(
            job,
            self._open_setup(databases),
            SetupFacts(
                lock_out_due=job.restore.database.disable_inherited_logins,
                neutralise_due=True,
                databases=databases.databases,
            ),
            lambda: self._tasks(job, databases.databases),
        )
        while True:
            work.look()
            action = decide(work.facts)
            logger.info("next action", action=type(action).__name__, reason=action.reason)
            match action:
                case AwaitTask(task=task):
                    return work.waiting(task, action.reason)
                case ContinueGrants(database=database):
                    return Answer.wait(Awaited.GRANTS, action.reason, {"database": database})
                case Finish():
                    return Answer(action.reason, state=work.final_state())
                case _:
                    work.perform(action, self.seconds_left(job))

    def _tasks(self, job: Job, databases: Sequence[str]) -> tuple[Task, ...]:
        """Return everything that is to be done as a task, in its order."""
        scripts = self._scripts(job, databases[0])
        masking = read_masking(
            job.restore.database,
            databases,
            self._read_asset,
            restore=job.restore_name,
            scripts=scripts,
            evidence_key=EvidenceKey(job.state.evidence_key or token_hex(32)),
        )
        rewrite_tables = job.restore.database.rewrite_tables
        return (
            *masking.before,
            *scripts,
            *after_masking(databases, scripts, rewrite_tables=rewrite_tables),
            *masking.after,
        )

    def _scripts(self, job: Job, default_database: str) -> tuple[SqlScript, ...]:
        return tuple(
            SqlScript(
                name=script.path,
                database=script.database or default_database,
                script=self._deployed(script_resource(job.restore_name, index, script.path)),
                skip_triggers=job.restore.database.triggers == "skip",
            )
            for index, script in enumerate(job.restore.database.scripts)
        )

    def _deployed(self, path: str) -> DeployedScript:
        return DeployedScript.from_json(self._read_asset(path))


@dataclass
class _Work:
    """What one call has found and done so far."""

    job: Job
    setup: DatabaseSetup
    facts: SetupFacts
    read_tasks: Callable[[], tuple[Task, ...]]

    def look(self) -> None:
        """Read what the next decision depends on and is not known yet; change nothing in AWS.

        Nothing is read before the lock-out and before the databases are neutralised, so that no
        failed read can prevent it.
        """
        if self.facts.lock_out_due or self.facts.neutralise_due:
            return
        if not self.facts.tasks_known:
            self._note(tasks=self.read_tasks(), tasks_known=True)
        unknown = [task for task in self.facts.tasks if task not in self.facts.statuses]
        if unknown:
            self._note(statuses={**self.facts.statuses, **self.setup.find_task_statuses(unknown)})
        self._record_scripts()
        if self.facts.tasks_done and self.facts.logins is None:
            name = self.job.secrets.app
            stored = get_secret(name, clients=self.job.clients)
            given = parse_app_credentials(stored, source=f"secret {name}")
            self._note(logins=ApplicationLogins.of(given))

    def perform(self, action: SetupChange, seconds: float) -> None:
        """Do one thing and note that it is done; wait for a task for up to ``seconds``."""
        match action:
            case LockOut():
                self._lock_out()
                self._note(lock_out_due=False)
            case Neutralise():
                self._neutralise()
                self._note(neutralise_due=False)
            case StartTask(task=task):
                self._record_key(task)
                status = self.setup.start_task(task, seconds)
                self._note(statuses={**self.facts.statuses, task: status})
            case JudgeMasking():
                self._judge_masking()
                self._note(masking_judged=True)
            case CompleteSecret():
                self._complete_app_secret()
            case SetUpRoles(logins=logins):
                self.setup.set_up_roles(logins.app, logins.readonly)
                self._note(roles_ready=True)
            case GrantAccess(database=database, logins=logins):
                self._grant_access(database, logins, seconds)
            case ProveAccess(logins=logins):
                wanted = self.job.restore.database
                keep = wanted.keep_logins if wanted.disable_inherited_logins else None
                self.setup.prove_access(logins.app, logins.readonly, keep)
                self._note(proven=True)
            case ForgetOriginals():
                self.setup.forget_originals()
                self._note(originals_forgotten=True)
            case MarkSetUp():
                self.setup.mark_set_up()
                self._note(marked=True)
            case _:
                assert_never(action)

    def waiting(self, task: Task, reason: str) -> Answer:
        """Return 202 for a task that is running, with the lock that it waits for, if any."""
        obstacle = self.setup.find_obstacle(task)
        script = {"script": task.name} if isinstance(task, SqlScript) else {}
        message = f"{reason}; {obstacle}" if obstacle else reason
        return Answer.wait(Awaited.TASK, message, script)

    def final_state(self) -> OperationState:
        """Return the operation's state once everything is done."""
        sentences = (
            f"{database}: {sentence}"
            for database, found in self.facts.beyond_reach.items()
            for sentence in found
        )
        return replace(
            self.job.state,
            users_configured=True,
            application_database=self.facts.databases[0],
            evidence_key=None,
            privileges_beyond_reach=NameList.of(sentences) if self.facts.beyond_reach else None,
        )

    def _record_scripts(self) -> None:
        """Record each script that is done, so that it is known whatever fails after it.

        The audit trail has it first: it may have it twice, but never not at all.
        """
        job = self.job
        recorded = {(each["path"], each["database"]) for each in job.state.scripts}
        new = [
            task
            for task, status in self.facts.statuses.items()
            if isinstance(task, SqlScript)
            and status is TaskStatus.DONE
            and (task.name, task.database) not in recorded
        ]
        if not new:
            return
        found = self.setup.find_records(new)
        records = tuple(
            {"path": each.name, "database": each.database, **shorten_record(found[each])}
            for each in new
        )
        for record in records:
            self._audit({"message": "A script has run", "script": record})
        job.record(replace(job.state, scripts=(*job.state.scripts, *records)))

    def _note(self, **facts: Any) -> None:
        self.facts = replace(self.facts, **facts)

    def _lock_out(self) -> None:
        """Record what the lock-out has done, and only then raise what it could not do."""
        job = self.job
        done = self.setup.lock_out(job.restore.database.keep_logins)
        known = job.state.disabled_logins or ()
        disabled = NameList.of({*known, *done.disabled})
        count = max(disabled.count, job.state.disabled_login_count or 0)
        recorded = replace(
            job.state,
            disabled_logins=disabled.names,
            disabled_login_count=count,
            open_logins=NameList.of(done.refused).names,
        )
        if recorded != job.state:
            job.record(recorded)
        done.require_complete()

    def _grant_access(self, database: str, logins: ApplicationLogins, seconds: float) -> None:
        roles = {logins.app.user: READ_WRITE, logins.readonly.user: READ_ONLY}
        keep = self.job.restore.database.keep_logins
        outcome = self.setup.grant_access(database, roles, keep, seconds)
        if not outcome.complete:
            self._note(unfinished=database)
            return
        self._note(
            granted=self.facts.granted | {database},
            beyond_reach={
                **self.facts.beyond_reach,
                **({database: outcome.beyond_reach} if outcome.beyond_reach else {}),
            },
        )

    def _neutralise(self) -> None:
        """Do so, and record what was found before the failure to remove a part of it is raised."""
        job = self.job
        kept = [WiringKind(kind) for kind in job.restore.database.neutralise.kept]
        done = self.setup.neutralise(kept)
        state = replace(
            job.state,
            wiring_removed=_listed(done.removed),
            wiring_kept=_listed(done.kept),
            wiring_reported=_listed(done.findings),
        )
        if state != job.state:
            job.record(state)
            self._audit_wiring(state)
        if done.remaining:
            remaining = NameList.of(map(str, done.remaining))
            raise NeutraliseError(
                f"cluster {job.restored_cluster_id} is still tied to production, because the "
                f"master user could not remove {remaining}",
                remaining=to_json(remaining),
            )

    def _audit_wiring(self, state: OperationState) -> None:
        """Append what was found of production's wiring to the audit table, which keeps it."""
        known = state.to_details()
        found: dict[str, Any] = {key: known[key] for key in WIRING_KEYS if key in known}
        self._audit({"message": "What ties the copy to production was looked for", **found})

    def _audit(self, details: Mapping[str, Any]) -> None:
        """Append an event of this step to the audit table."""
        step, job = SetupDbUsersHandler.step.name, self.job
        job.store.audit(job.operation_id, step, IN_PROGRESS, details, job.clock())

    def _record_key(self, task: Task) -> None:
        """Record the key that a task hashes original values under, before it does."""
        job = self.job
        if isinstance(task, RememberOriginals):
            key = task.evidence_key.secret
            if job.state.evidence_key != key:
                job.record(replace(job.state, evidence_key=key))

    def _judge_masking(self) -> None:
        """Record what every proof has found, and only then raise what speaks against the data."""
        job = self.job
        proofs = [task for task in self.facts.tasks if isinstance(task, Proof)]
        verdict = self.setup.judge_masking(proofs)
        if (error := verdict.error) is not None:
            self._audit({"message": "The masking was not proven", "masking": verdict.results})
            job.record(replace(job.state, masking=None, masking_failed=verdict.results))
            raise error
        if proofs and verdict.results != job.state.masking:
            self._audit({"message": "The masking was proven", "masking": verdict.results})
            job.record(replace(job.state, masking=verdict.results, masking_failed=None))

    def _complete_app_secret(self) -> None:
        """Store a password for each role that has none, before any role gets it."""
        name = self.job.secrets.app

        def complete(stored: Mapping[str, Any]) -> Mapping[str, Any]:
            given = parse_app_credentials(stored, source=f"secret {name}")
            return {**stored, **given.generate_missing()}

        change_secret(
            name, complete, purpose=self.job.context.aws_request_id, clients=self.job.clients
        )


def _listed(names: Mapping[Any, Sequence[str]]) -> dict[str, NameList]:
    """Return what there is by kind, without the kinds of which there is nothing."""
    return {str(kind): NameList.of(found) for kind, found in names.items() if found}


handler = SetupDbUsersHandler.loaded()
