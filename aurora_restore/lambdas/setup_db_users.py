"""Step 8: lock out, mask, let in, and prove it."""

from dataclasses import replace
from importlib import resources
from typing import Final

from aurora_restore.shared.aws_utils import get_secret, put_secret
from aurora_restore.shared.base_handler import Answer, BaseHandler, Job
from aurora_restore.shared.documents.secrets import AppCredentials, MasterCredentials
from aurora_restore.shared.errors import ConfigurationError, DatabaseConnectionError
from aurora_restore.shared.names import ASSETS_PACKAGE, CA_BUNDLE, script_resource
from aurora_restore.shared.pipeline import get_step
from aurora_restore.shared.postgres import journal
from aurora_restore.shared.postgres.application_roles import ensure_login, leave_groups
from aurora_restore.shared.postgres.connection import DatabaseLogin, DatabaseServer, explained
from aurora_restore.shared.postgres.grants import READ_ONLY, READ_WRITE, grant_access
from aurora_restore.shared.postgres.lock_out import disable_inherited_logins
from aurora_restore.shared.postgres.proof import prove_access
from aurora_restore.shared.postgres.scripts import Progress, SqlScript, run_script
from aurora_restore.shared.validation import validate_required_params

RESERVE_SECONDS: Final = 45
"""What is kept of an invocation's time for writing the state and answering."""
CONNECTION_FAILURES: Final = "connection_failures"
MOST_CONNECTION_FAILURES: Final = 5
"""A cluster that has just become available may refuse the first log-ins."""


class SetupDbUsersHandler(BaseHandler):
    """Sets up the restored PostgreSQL, in an order in which nobody sees data before it is masked.

    First every inherited login goes, then the scripts run, then the two roles of the application
    get their logins and grants, and at last it logs in as both. A second run changes nothing. A
    password that the application's secret lacks is generated and stored there.
    """

    step = get_step("setup-db-users")

    def run(self, job: Job) -> Answer:
        """Raises DatabaseConnectionError, ScriptFailedError, PrivilegeCheckError, and DatabaseError
        where PostgreSQL refuses a statement."""
        endpoint = job.setting("cluster_endpoint")
        port = job.setting("cluster_port")
        validate_required_params({"cluster_endpoint": endpoint, "cluster_port": port})
        body = {
            "target_cluster_id": job.target_cluster_id,
            "cluster_endpoint": endpoint,
        }
        server = DatabaseServer(str(endpoint), int(port), _asset(CA_BUNDLE))
        master, master_database = self._master(job)
        try:
            with explained(f"cluster {job.target_cluster_id} could not be set up"):
                unfinished = self._set_up(job, server, master, master_database)
        except DatabaseConnectionError as error:
            failures = int(job.state.get(CONNECTION_FAILURES, 0)) + 1
            job.state[CONNECTION_FAILURES] = failures
            if job.execution is None or failures >= MOST_CONNECTION_FAILURES:
                job.state.pop(CONNECTION_FAILURES)
                raise
            return Answer.wait(f"{error.message}; it is tried again", body)
        job.state.pop(CONNECTION_FAILURES, None)
        if unfinished is not None:
            return Answer.wait(
                f"Script {unfinished} is still running", {**body, "script": unfinished}
            )
        return Answer("Database users configured successfully", body, {"users_configured": True})

    def _set_up(
        self, job: Job, server: DatabaseServer, master: DatabaseLogin, master_database: str
    ) -> str | None:
        """Everything that is not done yet; answers the script that is still running, if one is."""
        wanted = job.restore.database
        databases = list(wanted.databases) or [master_database]
        with server.session(master, master_database) as session:
            journal.prepare(session)
            if wanted.disable_inherited_logins:
                disabled = disable_inherited_logins(session, job.operation_id, wanted.keep_logins)
                if disabled != job.state.get("disabled_logins", []):
                    job.record(disabled_logins=disabled)
        for script in _scripts(job, databases[0]):
            seconds = job.remaining_seconds() - RESERVE_SECONDS
            progress = run_script(server, master, job.operation_id, script, seconds)
            if progress is Progress.RUNNING:
                return script.name
        app, readonly = self._application(job)
        with server.session(master, master_database) as session:
            for login in (app, readonly):
                leave_groups(session, login.user)
                ensure_login(server, session, login, databases[0])
        roles = {app.user: READ_WRITE, readonly.user: READ_ONLY}
        for database in databases:
            with server.session(master, database) as session:
                grant_access(session, database, roles, wanted.keep_logins)
        prove_access(server, databases, app, readonly)
        return None

    def _master(self, job: Job) -> tuple[DatabaseLogin, str]:
        name = job.environment.master_secret
        master = MasterCredentials.parse(
            get_secret(name, clients=job.clients), source=f"secret {name}"
        )
        return DatabaseLogin(master.username, master.password), master.database

    def _application(self, job: Job) -> tuple[DatabaseLogin, DatabaseLogin]:
        """The two logins, the secret being completed first where it lacks a password."""
        name = job.environment.app_secret
        stored = get_secret(name, clients=job.clients)
        given = AppCredentials.parse(stored, source=f"secret {name}")
        app_password, readonly_password = given.passwords()
        complete = replace(given, app_password=app_password, readonly_password=readonly_password)
        if complete != given:
            generated = {"app_password": app_password, "readonly_password": readonly_password}
            put_secret(name, {**stored, **generated}, clients=job.clients)
        return (
            DatabaseLogin(given.app_username, app_password),
            DatabaseLogin(given.readonly_username, readonly_password),
        )


def _scripts(job: Job, default_database: str) -> list[SqlScript]:
    return [
        SqlScript(
            name=script.path,
            database=script.database or default_database,
            sql=_asset(script_resource(job.restore_name, index, script.path)),
        )
        for index, script in enumerate(job.restore.database.scripts)
    ]


def _asset(path: str) -> str:
    """A file that was deployed beside the function."""
    try:
        return resources.files(ASSETS_PACKAGE).joinpath(path).read_text(encoding="utf-8")
    except (ModuleNotFoundError, FileNotFoundError) as error:
        raise ConfigurationError(
            f"{path} was not deployed with the function; deploy the stack again"
        ) from error


handler = SetupDbUsersHandler()
