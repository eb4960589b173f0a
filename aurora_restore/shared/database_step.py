"""What every step does around its own work in the databases of the restored cluster.

A step whose row says ``reaches_database`` is a subclass of ``DatabaseHandler``. If it works in the
cluster that the operation has restored, it is one of ``DatabaseStepHandler``, which finds that
cluster by the target record, logs in as the master user, and turns what PostgreSQL refuses into
errors of the pipeline. It never asks RDS, which the function need not be able to reach.
"""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from importlib import resources
from typing import Final, Protocol, Unpack

from aurora_restore.shared.awaited import Awaited
from aurora_restore.shared.aws_utils import SecretVersion, get_secret_version
from aurora_restore.shared.base_handler import BaseHandler, HandlerOptions
from aurora_restore.shared.documents.secrets import MasterCredentials
from aurora_restore.shared.errors import (
    AuroraRestoreError,
    ConfigurationError,
    DatabaseConnectionError,
    InvalidPasswordError,
)
from aurora_restore.shared.job import Answer, Job
from aurora_restore.shared.located_cluster import LocatedCluster, locate
from aurora_restore.shared.names import ASSETS_PACKAGE, CA_BUNDLE
from aurora_restore.shared.postgres.access import DatabaseAccess
from aurora_restore.shared.postgres.connection import DatabaseLogin, DatabaseServer, explained
from aurora_restore.shared.postgres.journal import JournalKey

RESERVE_SECONDS: Final = 45
"""The part of an invocation's time that is kept for writing the state and returning."""
MOST_CONNECTION_FAILURES: Final = 5
"""How many failures in a row end the step: a cluster that has just become available may refuse the
first log-ins."""

ReadAsset = Callable[[str], str]
"""Returns the text of a file in ASSETS_PACKAGE by its path there."""


class Connect(Protocol):
    """Returns the server at an endpoint, without logging in to it."""

    def __call__(self, host: str, port: int, ca_bundle: str) -> DatabaseServer: ...


def read_deployed_asset(path: str) -> str:
    """Return the text of a file that was deployed beside the function.

    Raises ConfigurationError if the file is missing.
    """
    try:
        return resources.files(ASSETS_PACKAGE).joinpath(path).read_text(encoding="utf-8")
    except (ModuleNotFoundError, FileNotFoundError) as error:
        raise ConfigurationError(
            f"{path} was not deployed with the function; deploy the stack again"
        ) from error


class DatabaseHandlerOptions(HandlerOptions, total=False):
    """What a handler is given instead of what a function that reaches databases has."""

    connect: Connect
    read_asset: ReadAsset


class DatabaseHandler(BaseHandler):
    """A step that logs in to databases, and is tried again where that fails."""

    def __init__(
        self,
        *,
        connect: Connect = DatabaseServer,
        read_asset: ReadAsset = read_deployed_asset,
        **options: Unpack[HandlerOptions],
    ) -> None:
        super().__init__(**options)
        self._connect = connect
        self._read_asset = read_asset

    def server_at(self, host: str, port: int) -> DatabaseServer:
        """Return the server at an endpoint, without logging in to it."""
        return self._connect(host, port, self._read_asset(CA_BUNDLE))

    def try_again(self, job: Job, error: DatabaseConnectionError) -> Answer:
        """Count the failure and return 202.

        Raises the error on a direct call, and if it is the last of MOST_CONNECTION_FAILURES.
        """
        failures = (job.state.connection_failures or 0) + 1
        if job.execution is None or failures >= MOST_CONNECTION_FAILURES:
            job.state = replace(job.state, connection_failures=None)
            raise error
        return Answer.wait(
            Awaited.DATABASE,
            f"{error.message}; it is tried again",
            state=replace(job.state, connection_failures=failures),
        )


class DatabaseStepHandler(DatabaseHandler):
    """A step that works in the restored cluster; a subclass writes ``run_in_databases``."""

    @abstractmethod
    def run_in_databases(self, job: Job, databases: DatabaseAccess) -> Answer:
        """Do the step's work and return its answer.

        Raises AuroraRestoreError; errors of pg8000 may pass through.
        """

    def run(self, job: Job) -> Answer:
        """Do the step's work in the databases; if the connection fails, return 202 to try again.

        A cluster that is handed over, or is about to be, belongs to its users: it is left as it is.
        Every answer names the cluster and its endpoint. If the master password is not the secret's
        any more, the answer leads back to the step that sets it; so does the last of
        MOST_CONNECTION_FAILURES in a row, because that step sees whether the cluster is still
        there. Raises what ``locate`` raises, DatabaseError if PostgreSQL refuses a statement, and
        DatabaseConnectionError or InvalidPasswordError if that step may not be begun again, or on a
        direct call.
        """
        cluster = locate(job)
        if cluster.record.hand_over_started_at is None:
            answer = self._work(job, cluster)
        else:
            answer = Answer(
                "The cluster has been handed over, so nothing is done in its databases again",
                {"hand_over_started_at": cluster.record.hand_over_started_at},
            )
        body = {"target_cluster_id": job.target_cluster_id, "cluster_endpoint": cluster.host}
        return replace(answer, body={**body, **answer.body})

    def seconds_left(self, job: Job) -> float:
        """Return how many seconds work in a database may still take in this invocation."""
        return max(0.0, job.remaining_seconds - RESERVE_SECONDS)

    def _work(self, job: Job, cluster: LocatedCluster) -> Answer:
        secret = get_secret_version(job.secrets.master, clients=job.clients)
        master = job.master_credentials(secret)
        if secret.version_id != cluster.record.master_secret_version:
            return _set_password_again(job, _changed_secret(job, master))
        databases = self._open(job, cluster, master)
        try:
            with explained(
                f"{self.step.name} could not finish its work in cluster {job.restored_cluster_id}"
            ):
                answer = self.run_in_databases(job, databases)
        except DatabaseConnectionError as error:
            is_password = isinstance(error, InvalidPasswordError)
            if is_password and error.details.get("user") == master.username:
                return _set_password_again(job, error)
            return self._connect_again(job, error)
        if answer.status is HTTPStatus.OK and _has_changed(job, secret):
            return _set_password_again(job, _changed_secret(job, master))
        state = replace(answer.state or job.state, connection_failures=None)
        return replace(answer, state=state)

    def _connect_again(self, job: Job, error: DatabaseConnectionError) -> Answer:
        """Try again; after the last failure in a row, lead back to the step that asks RDS."""
        try:
            return self.try_again(job, error)
        except DatabaseConnectionError:
            return _lead_back(job, error, "the cluster is looked at again")

    def _open(self, job: Job, cluster: LocatedCluster, master: MasterCredentials) -> DatabaseAccess:
        return DatabaseAccess(
            self.server_at(cluster.host, cluster.port),
            DatabaseLogin(master.username, master.password),
            master.database,
            job.restore.database.databases or (master.database,),
            JournalKey(
                account=job.account_id,
                region=job.target_region,
                cluster_resource_id=cluster.resource_id,
                operation_id=job.operation_id,
            ),
            tuple(self.server_at(host, port) for host, port in cluster.instances),
        )


def _has_changed(job: Job, secret: SecretVersion) -> bool:
    """Return whether the master secret was changed while the step worked with ``secret``."""
    return get_secret_version(job.secrets.master, clients=job.clients).version_id != (
        secret.version_id
    )


def _changed_secret(job: Job, master: MasterCredentials) -> InvalidPasswordError:
    return InvalidPasswordError(
        f"secret {job.secrets.master} has changed since cluster {job.restored_cluster_id} was "
        "given its password",
        user=master.username,
    )


def _set_password_again(job: Job, error: AuroraRestoreError) -> Answer:
    return _lead_back(job, error, "the master password is set again")


def _lead_back(job: Job, error: AuroraRestoreError, then: str) -> Answer:
    """Lead back to the step that sets the master password; raise the error if it may not again.

    Setting it is what that step counts, so it is set again in any case.
    """
    job.state = replace(job.state, master_password_set=False, connection_failures=None)
    return job.start_again(error, then)
