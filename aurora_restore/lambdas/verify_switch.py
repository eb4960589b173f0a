"""Find out by logging in that the target is the cluster it was switched to, as it was proven."""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Unpack

from aurora_restore.shared.app_secret import (
    ApplicationEndpoint,
    FillIn,
    LeaveAlone,
    described,
    fill_app_secret,
)
from aurora_restore.shared.aws_utils import (
    SecretVersion,
    get_secret,
    get_secret_version,
)
from aurora_restore.shared.common import update_metrics
from aurora_restore.shared.database_step import (
    DatabaseHandler,
    DatabaseHandlerOptions,
)
from aurora_restore.shared.documents.secrets import MasterCredentials
from aurora_restore.shared.errors import (
    ConfigurationError,
    DatabaseConnectionError,
    InvalidPasswordError,
    SupersededError,
    SwitchedLoginError,
    TargetNotRecordedError,
)
from aurora_restore.shared.job import Answer, Job
from aurora_restore.shared.name_list import NameList
from aurora_restore.shared.pipeline import get_step
from aurora_restore.shared.postgres.certified import CertifiedServer
from aurora_restore.shared.postgres.connection import DatabaseLogin, explained
from aurora_restore.shared.postgres.journal import JournalKey
from aurora_restore.shared.postgres.retired_sessions import RetiredServers
from aurora_restore.shared.postgres.scram import parse_app_credentials
from aurora_restore.shared.postgres.setup_decision import ApplicationLogins
from aurora_restore.shared.postgres.verification import (
    Identity,
    PostgresVerification,
    ServingCluster,
    Verification,
)
from aurora_restore.shared.recorded_cluster import RecordedCluster
from aurora_restore.shared.sequences import ROLL_BACK
from aurora_restore.shared.state_utils import seconds_since
from aurora_restore.shared.target_record import TargetRecord, switch_in_progress, switched_away

PAUSE_SECONDS: Final = 1
"""Between two attempts to log in: the names of Aurora's endpoints are cached for five seconds."""
STOPPED: Final = "it is stopped, which has ended them"


@dataclass(frozen=True, kw_only=True)
class SwitchedTarget:
    """What the target record says since a switch."""

    record: TargetRecord
    live: RecordedCluster
    host: str
    port: int

    @property
    def retired(self) -> RecordedCluster | None:
        """Return the cluster that served before, as long as there is one."""
        return None if self.record.retired is None else self.record.retired.cluster


class VerifySwitchHandler(DatabaseHandler):
    """The step that logs in under the target's name, as an application would, after a switch.

    It ends the sessions that clients still have on the cluster that served before, and compares the
    one that serves now, by its certificate, its journal and the proof of the setup, with what was
    proven. On the way back the cluster has served before: then only which one it is is verified. In
    the cluster that serves it changes nothing, and it never asks RDS.
    """

    step = get_step("verify-switch")
    services = ("secretsmanager",)

    def __init__(
        self,
        *,
        verification: Verification | None = None,
        **options: Unpack[DatabaseHandlerOptions],
    ) -> None:
        super().__init__(**options)
        self._verification = verification or PostgresVerification()

    def run(self, job: Job) -> Answer:
        """Verify the switch and return 200; if nobody is let in, return 202 to try again.

        Raises SupersededError if another operation has switched since, SwitchInProgressError during
        a switch, TargetNotRecordedError without one, PrivilegeCheckError if the proof fails, and
        WrongClusterError, ForeignCertificateError, SwitchedLoginError or another
        DatabaseConnectionError for the last of several failed attempts.
        """
        began = job.clock()
        target = _require_switched(job)
        if job.state.verified_at is not None:
            return _answer(job, target, "The switch has been verified already")
        current = get_secret_version(job.secrets.master, clients=job.clients)
        master = _master_of(job, target.live, current)
        self._end_retired_sessions(job, target, master, current)
        cluster = self._serving(job, target, master)
        try:
            identity = self._await_identity(job, cluster, began)
            _note_answer(job)
            if cluster.is_new:
                self._prove(job, cluster, identity)
        except InvalidPasswordError as error:
            refused = SwitchedLoginError(error.message, **error.details)
            refused.__cause__ = error
            return self.try_again(job, refused)
        except DatabaseConnectionError as error:
            return self.try_again(job, error)
        return self._conclude(job, target, identity)

    def _end_retired_sessions(
        self, job: Job, target: SwitchedTarget, master: MasterCredentials, current: SecretVersion
    ) -> None:
        """End the sessions on the cluster that served before, and record how many that were.

        An earlier call may have done so; what it could not do is tried again.
        """
        state, retired = job.state, target.retired
        if retired is None or not (
            state.retired_sessions_ended is None or state.retired_sessions_left
        ):
            return
        if job.restore.switch.stop_old:
            job.state = replace(state, retired_sessions_left=(f"{retired.cluster_id}: {STOPPED}",))
            return
        endpoints = retired.instances
        if not endpoints and retired.writer_endpoint and retired.port:
            endpoints = ((retired.writer_endpoint, retired.port),)
        servers = RetiredServers(
            servers=tuple(self.server_at(host, port) for host, port in endpoints),
            names=retired.hosts,
            key=_key_of(job, retired),
            key_of_the_live_one=_key_of(job, target.live),
        )
        of_retired = _login(_master_of(job, retired, current))
        found = self._verification.end_retired_sessions(servers, of_retired, master.database)
        job.state = replace(
            state,
            retired_sessions_ended=(state.retired_sessions_ended or 0) + found.ended,
            retired_sessions_left=tuple(
                f"{endpoint}: {reason}" for endpoint, reason in found.obstacles.items()
            ),
        )

    def _serving(
        self, job: Job, target: SwitchedTarget, master: MasterCredentials
    ) -> ServingCluster:
        return ServingCluster(
            server=self.server_at(target.host, target.port),
            names=target.live.hosts,
            master=_login(master),
            master_database=master.database,
            databases=job.restore.database.databases or (master.database,),
            key=_key_of(job, target.live),
            key_of_the_retired_one=_key_of(job, target.retired),
            is_new=job.sequence is not ROLL_BACK,
            has_managed_password=target.live.has_managed_password,
        )

    def _await_identity(self, job: Job, cluster: ServingCluster, began: datetime) -> Identity:
        """Attempt to log in until it succeeds, for as long as a call may wait inside."""
        while True:
            attempted_at = job.now
            try:
                return self._verification.identify(cluster)
            except DatabaseConnectionError:
                job.state = replace(job.state, unanswered_at=attempted_at)
                if not job.may_wait_inside(began):
                    raise
                job.sleep(PAUSE_SECONDS)

    def _prove(self, job: Job, cluster: ServingCluster, identity: Identity) -> None:
        name = job.secrets.app
        given = parse_app_credentials(
            get_secret(name, clients=job.clients), source=f"secret {name}"
        )
        logins = ApplicationLogins.of(given)
        if logins is None:
            raise ConfigurationError(
                f"secret {name} has lost a password of the application's roles since they were set "
                "up; restore the version of before"
            )
        wanted = job.restore.database
        keep = wanted.keep_logins if wanted.disable_inherited_logins else None
        with explained(f"cluster {job.target_cluster_id} could not be proven again"):
            self._verification.prove_access(cluster, identity, logins.app, logins.readonly, keep)

    def _conclude(self, job: Job, target: SwitchedTarget, identity: Identity) -> Answer:
        """Make the secret say where the target is reached, and record that it is verified."""
        decision = _fill_secret(job, target)
        certified = identity.certified
        job.state = replace(
            job.state,
            connection_failures=None,
            certificate_matches=certified.names_match,
            certificate=describe_certificate(certified, job.restore.switch.tls_refresh),
            app_secret_endpoint=described(job.secrets.app, decision),
        )
        verified_at, record = job.now, target.record
        host = target.host if isinstance(decision, FillIn) else record.app_secret_host
        live = replace(target.live, verified_at=verified_at)
        job.target_record.write(replace(record, live=live, app_secret_host=host), record)
        job.state = replace(job.state, verified_at=verified_at)
        return _answer(
            job,
            target,
            "The target is the cluster that it was switched to"
            if identity.logged_in
            else "The target answers with the certificate of the cluster that it was switched to, "
            "whose master password is not the secret's: "
            + (
                "RDS manages it"
                if target.live.has_managed_password
                else "no operation has set it up"
            ),
        )


def describe_certificate(certified: CertifiedServer, tls_refresh: str) -> str:
    """Return for what a server's certificate is, and what to do where clients may be refused."""
    host = certified.server.host
    if certified.names_match:
        return f"it is for {host}"
    tried = f" although switch.tls_refresh is {tls_refresh}," if tls_refresh != "none" else ""
    return (
        f"it is not for {host} yet,{tried} but for {NameList.of(certified.names)}: the cluster is "
        "the right one, but clients that verify the host name (sslmode=verify-full) may be "
        "refused. Stop the cluster and start it again, which lets AWS issue a new certificate; "
        "switch.tls_refresh does that after each switch if it is restart"
    )


def _require_switched(job: Job) -> SwitchedTarget:
    """Return what the target record says. Raises an error unless this operation has switched."""
    record, name = job.target_record.read(), job.target_cluster_id
    if record is not None and record.switch is not None:
        raise switch_in_progress(record.switch, name)
    live = None if record is None else record.live
    if record is None or live is None or live.writer_endpoint is None or live.port is None:
        raise TargetNotRecordedError(
            f"the target record {job.target_record.key} does not show where the target is "
            "reached since it was switched",
            target_cluster_id=name,
        )
    own = job.state.cluster_resource_id
    if job.sequence is not ROLL_BACK and record.is_retired(own):
        raise switched_away(record, job.operation_id, name)
    is_own = (
        record.switched_by == job.operation_id
        if job.sequence is ROLL_BACK
        else own is not None and record.is_live(own)
    )
    if not is_own:
        raise SupersededError(
            f"operation {job.operation_id} is not the one that has switched {name}: that is "
            f"operation {record.switched_by}",
            target_cluster_id=name,
            switched_by=record.switched_by,
        )
    return SwitchedTarget(record=record, live=live, host=live.writer_endpoint, port=live.port)


def _master_of(job: Job, cluster: RecordedCluster, current: SecretVersion) -> MasterCredentials:
    """Return what the version of the master secret holds whose password a cluster was given.

    It may be an older one than the current, which stands in where that is not known any more.
    """
    name, wanted, version = job.secrets.master, cluster.master_secret_version, current
    if wanted not in (None, current.version_id):
        with suppress(ConfigurationError):
            version = get_secret_version(name, version_id=wanted, clients=job.clients)
    return job.master_credentials(version)


def _login(master: MasterCredentials) -> DatabaseLogin:
    return DatabaseLogin(master.username, master.password)


def _key_of(job: Job, cluster: RecordedCluster | None) -> JournalKey | None:
    """Return the key of a cluster's journal; None if no operation has restored it."""
    if cluster is None or cluster.restored_by is None:
        return None
    return JournalKey(
        account=job.account_id,
        region=job.target_region,
        cluster_resource_id=cluster.resource_id,
        operation_id=cluster.restored_by,
    )


def _note_answer(job: Job) -> None:
    """Record how long nobody was let in under the target's name, the first time it is known."""
    state, moment = job.state, job.clock()
    if state.switch_started_at is None or state.unanswered_seconds is not None:
        return
    before = state.unanswered_at or state.switch_looked_at or state.switch_started_at
    job.state = replace(
        state,
        unanswered_seconds=round(seconds_since(state.switch_started_at, moment), 1),
        unanswered_granularity_seconds=round(seconds_since(before, moment), 1),
    )
    update_metrics(job.operation_id, "Unanswered", job.state.unanswered_seconds or 0.0, "Seconds")


def _fill_secret(job: Job, target: SwitchedTarget) -> FillIn | LeaveAlone:
    endpoint = ApplicationEndpoint(
        host=target.host,
        port=target.port,
        reader_host=target.live.reader_endpoint,
        dbname=job.application_database,
    )
    known_hosts = {target.record.app_secret_host}
    return fill_app_secret(job.request, endpoint, known_hosts=known_hosts, clients=job.clients)


def _answer(job: Job, target: SwitchedTarget, message: str) -> Answer:
    state = job.state
    body: dict[str, Any] = {
        "target_cluster_id": job.target_cluster_id,
        "cluster_endpoint": target.host,
        "verified_at": state.verified_at,
        "interruption_seconds": state.interruption_seconds,
        "unanswered_seconds": state.unanswered_seconds,
        "unanswered_granularity_seconds": state.unanswered_granularity_seconds,
        "certificate_matches": state.certificate_matches,
        "certificate": state.certificate,
        "retired_sessions_ended": state.retired_sessions_ended,
        "retired_sessions_left": list(state.retired_sessions_left),
        "app_secret_endpoint": state.app_secret_endpoint,
    }
    return Answer(message, body)


handler = VerifySwitchHandler.loaded()
