"""What a PostgreSQL would remember of the steps that log in, for tests of all but its SQL.

Reading and completing the secrets, the state, the decisions and the waiting stay the code under
test. The SQL itself is swept in ``test_sql_sweep``.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from aurora_restore.lambdas.setup_db_users import SetupDbUsersHandler
from aurora_restore.lambdas.verify_switch import VerifySwitchHandler
from aurora_restore.shared.base_handler import BaseHandler
from aurora_restore.shared.database_step import DatabaseHandler
from aurora_restore.shared.documents.sql_script import DeployedScript
from aurora_restore.shared.errors import (
    DatabaseConnectionError,
    InvalidPasswordError,
    PrivilegeCheckError,
    ScriptFailedError,
    WrongClusterError,
)
from aurora_restore.shared.postgres.access import DatabaseAccess
from aurora_restore.shared.postgres.certified import CertifiedServer
from aurora_restore.shared.postgres.connection import (
    APPLICATION_NAME,
    DatabaseLogin,
    DatabaseServer,
    DatabaseSession,
)
from aurora_restore.shared.postgres.grants import GrantOutcome
from aurora_restore.shared.postgres.journal import JournalKey
from aurora_restore.shared.postgres.lock_out import LockOutReport
from aurora_restore.shared.postgres.mark import Mark
from aurora_restore.shared.postgres.masking.findings import Finding, Proof, Result
from aurora_restore.shared.postgres.masking.plan import Verdict
from aurora_restore.shared.postgres.neutralise.everywhere import Neutralised
from aurora_restore.shared.postgres.neutralise.wiring import Remnant, WiringKind
from aurora_restore.shared.postgres.privileges import Privileges
from aurora_restore.shared.postgres.retired_sessions import (
    EndedSessions,
    RetiredServers,
    WhyNotEnded,
    is_retired,
)
from aurora_restore.shared.postgres.scripts import SqlScript
from aurora_restore.shared.postgres.tasks import Task, TaskStatus
from aurora_restore.shared.postgres.verification import Identity, ServingCluster, is_expected
from embedded_aws.rds.backend import RdsBackend
from embedded_aws.rds.hosts import instance_host

INHERITED = ("app_user", "etl")


WIRING = {
    WiringKind.SUBSCRIPTIONS: ("follows in shop",),
    WiringKind.CRON_JOBS: ("1 nightly of etl in postgres",),
}
"""What ties every cluster to production."""
FINDINGS = {"foreign_servers": ("erp (postgres_fdw) in shop",), "triggers": ()}


@dataclass
class Contents:
    """What has been done inside one cluster's storage."""

    disabled_by: list[str] = field(default_factory=list)
    neutralised_by: list[str] = field(default_factory=list)
    started: dict[tuple[str, str], datetime] = field(default_factory=dict)
    """The tasks that are running, by operation and name, and when they end."""
    done: list[tuple[str, str]] = field(default_factory=list)
    logins: dict[str, str] = field(default_factory=dict)
    granted: set[str] = field(default_factory=set)
    originals_forgotten: bool = False
    set_up_by: set[str] = field(default_factory=set)
    """The operations whose mark it has."""
    statements: list[tuple[str, str]] = field(default_factory=list)
    """What was run in sessions of a step, each with its database."""
    sessions: list[str] = field(default_factory=list)
    """The clients that are connected to it, by name."""

    @property
    def scripts(self) -> list[tuple[str, str]]:
        """The scripts that have run, by operation and path."""
        return [(operation, name) for operation, name in self.done if name.endswith(".sql")]

    def end_tasks(self, moment: datetime) -> None:
        """Let the tasks come to their end whose time has come."""
        for task, end in list(self.started.items()):
            if end <= moment:
                del self.started[task]
                self.done.append(task)


@dataclass
class DatabasesDouble:
    """The contents of every cluster by its storage."""

    backend: RdsBackend
    contents: dict[str, Contents] = field(default_factory=dict)
    refusals: list[Exception] = field(default_factory=list)
    """What the next log-ins raise, one each."""
    remaining: list[Remnant] = field(default_factory=list)
    """What of production's wiring cannot be removed."""
    assets: dict[str, str] = field(default_factory=dict)
    """What was deployed with the functions beside scripts, by its path."""
    findings: dict[str, tuple[Finding, ...]] = field(default_factory=dict)
    """What the proofs of masking find, by their kind."""
    failing: set[str] = field(default_factory=set)
    """The scripts that fail."""
    meanwhile: dict[str, Callable[[], None]] = field(default_factory=dict)
    """What happens elsewhere while a script runs."""
    seconds: dict[str, float] = field(default_factory=dict)
    """How long a script takes."""
    seconds_of_kind: dict[str, float] = field(default_factory=dict)
    """How long any other task takes, by how its entry in the journal begins."""
    obstacle: str | None = None
    """What lock a running task waits for."""
    inherited: tuple[str, ...] = INHERITED
    """The roles that come with the snapshot and can log in."""
    unalterable: set[str] = field(default_factory=set)
    """The roles that cannot be kept from logging in."""
    record: Mapping[str, Any] = field(default_factory=lambda: {"sha256": "0" * 64})
    """What the journal holds of each script."""
    forgetful: bool = False
    """Whether grants have no effect."""

    def injected(self, handler: type[BaseHandler]) -> Mapping[str, Any]:
        """What lets a step reach the double: arguments for its handler."""
        if not issubclass(handler, DatabaseHandler):
            return {}
        given: dict[str, Any] = {"connect": self._connect, "read_asset": self._read_asset}
        if issubclass(handler, SetupDbUsersHandler):
            given["open_setup"] = self._open_setup
        if issubclass(handler, VerifySwitchHandler):
            given["verification"] = VerificationDouble(self)
        return given

    def _read_asset(self, path: str) -> str:
        return self.assets.get(path) or _asset(path)

    def _connect(self, host: str, port: int, ca_bundle: str) -> "ServerDouble":
        return ServerDouble(host, port, ca_bundle, databases=self)

    def _open_setup(self, access: DatabaseAccess) -> "SetupDouble":
        return SetupDouble(self, access)

    def of(self, storage: str) -> Contents:
        """The contents of a cluster's storage."""
        return self.contents.setdefault(storage, Contents())

    def log_in(self, host: str, login: DatabaseLogin) -> Contents:
        """The contents of the cluster at a host, if it lets the user in."""
        contents = self.of(self.log_in_at(host, login))
        contents.end_tasks(self.backend.clock.now())
        return contents

    def log_in_at(self, host: str, login: DatabaseLogin) -> str:
        """The storage of the cluster at a host, if it lets the user in."""
        if self.refusals:
            raise self.refusals.pop(0)
        data_plane: Any = self.backend.data_plane
        storage = self._find_at(host)
        if storage not in data_plane.accepting:
            raise DatabaseConnectionError(f"nothing answers at {host}")
        if data_plane.passwords[storage] != {login.user: login.password}:
            raise InvalidPasswordError(
                f"{login.user!r} could not log in", sqlstate="28P01", user=login.user
            )
        return storage

    def certify(self, server: DatabaseServer) -> CertifiedServer:
        """What the certificate shows of the cluster at a server."""
        data_plane: Any = self.backend.data_plane
        certified = data_plane.certified.get(self._find_at(server.host))
        assert certified is not None
        names = (certified.writer, certified.reader)
        known = None if server.host in names else certified.writer
        return CertifiedServer(server=replace(server, certified_as=known), names=names)

    def mark(self, storage: str, key: JournalKey | None) -> Mark | None:
        """What a cluster's journal says of an operation."""
        if key is None:
            return None
        is_own = key.cluster_resource_id == storage
        is_set_up = is_own and key.operation_id in self.of(storage).set_up_by
        return Mark.SET_UP if is_set_up else Mark.MISSING

    def _find_at(self, host: str) -> str:
        data_plane: Any = self.backend.data_plane
        for _, region in self.backend.regional_backends():
            for cluster in region.clusters.values():
                names = data_plane.names.get(cluster.resource_id)
                hosts = [] if names is None else [names.writer, names.reader]
                hosts += [instance_host(each) for each in self.backend.members(cluster)]
                if host in hosts:
                    return str(cluster.resource_id)
        raise DatabaseConnectionError(f"nobody has the name {host}")


@dataclass(frozen=True, kw_only=True)
class _Connection:
    """A connection that takes any statement, and returns one row for it."""

    contents: Contents
    database: str

    def run(self, sql: str, **parameters: Any) -> list[list[Any]]:
        self.contents.statements.append((self.database, sql))
        return [[1]]

    def close(self) -> None:
        """Say goodbye to nobody."""


@dataclass(frozen=True)
class ServerDouble(DatabaseServer):
    """A server whose sessions note what is run in them."""

    databases: DatabasesDouble = field(kw_only=True)

    def connect(
        self,
        login: DatabaseLogin,
        database: str,
        *,
        application_name: str = APPLICATION_NAME,
        row_security: bool = False,
    ) -> DatabaseSession:
        contents = self.databases.log_in(self.host, login)
        return DatabaseSession(_Connection(contents=contents, database=database))


@dataclass(frozen=True)
class SetupDouble:
    """The setup without its SQL."""

    databases: DatabasesDouble
    access: DatabaseAccess

    @property
    def operation_id(self) -> str:
        return self.access.journal_key.operation_id

    def _log_in(self) -> Contents:
        return self.databases.log_in(self.access.server.host, self.access.master)

    def lock_out(self, keep: Collection[str]) -> LockOutReport:
        contents = self._log_in()
        if self.operation_id not in contents.disabled_by:
            contents.disabled_by.append(self.operation_id)
        return LockOutReport(
            disabled={role for role in self.databases.inherited if role not in keep},
            refused=dict.fromkeys(self.databases.unalterable, "42501: permission denied"),
        )

    def neutralise(self, kept: Collection[WiringKind]) -> Neutralised:
        self._log_in().neutralised_by.append(self.operation_id)
        return Neutralised(
            removed={kind: names for kind, names in WIRING.items() if kind not in kept},
            kept={kind: names for kind, names in WIRING.items() if kind in kept},
            remaining=self.databases.remaining,
            findings=FINDINGS,
        )

    def find_task_statuses(self, tasks: Sequence[Task]) -> Mapping[Task, TaskStatus]:
        contents = self._log_in()
        return {task: self._status(contents, task) for task in tasks}

    def _status(self, contents: Contents, task: Task) -> TaskStatus:
        key = (self.operation_id, _name(task))
        if key in contents.done:
            return TaskStatus.DONE
        return TaskStatus.RUNNING if key in contents.started else TaskStatus.MISSING

    def start_task(self, task: Task, seconds: float) -> TaskStatus:
        contents = self._log_in()
        name = _name(task)
        if name in self.databases.failing:
            raise ScriptFailedError(f"{task.title} failed")
        if happen := self.databases.meanwhile.get(name):
            happen()
        kind = task.entry.partition(":")[0]
        takes = self.databases.seconds.get(name, self.databases.seconds_of_kind.get(kind, 0))
        now = self.databases.backend.clock.now()
        contents.started[self.operation_id, name] = now + timedelta(seconds=takes)
        contents.end_tasks(now + timedelta(seconds=seconds))
        return self._status(contents, task)

    def find_obstacle(self, task: Task) -> str | None:
        return self.databases.obstacle

    def find_records(self, tasks: Sequence[Task]) -> Mapping[Task, Mapping[str, Any]]:
        return dict.fromkeys(tasks, self.databases.record)

    def judge_masking(self, proofs: Sequence[Proof]) -> Verdict:
        self._log_in()
        findings = self.databases.findings
        return Verdict.of({proof: Result({}, findings.get(proof.kind, ())) for proof in proofs})

    def forget_originals(self) -> None:
        self._log_in().originals_forgotten = True

    def mark_set_up(self) -> None:
        self._log_in().set_up_by.add(self.operation_id)

    def set_up_roles(self, app: DatabaseLogin, readonly: DatabaseLogin) -> None:
        self._log_in().logins.update({login.user: login.password for login in (app, readonly)})

    def grant_access(
        self,
        database: str,
        roles: Mapping[str, Privileges],
        keep: Collection[str],
        seconds: float,
    ) -> GrantOutcome:
        contents = self._log_in()
        if not self.databases.forgetful:
            contents.granted.update(roles)
        return GrantOutcome(complete=True)

    def prove_access(
        self, app: DatabaseLogin, readonly: DatabaseLogin, keep: Collection[str] | None
    ) -> None:
        for login in (app, readonly):
            if not any(
                contents.logins.get(login.user) == login.password and login.user in contents.granted
                for contents in self.databases.contents.values()
            ):
                raise PrivilegeCheckError(f"{login.user!r} was not let in")


@dataclass
class VerificationDouble:
    """The verification without its SQL and without TLS."""

    databases: DatabasesDouble

    def identify(self, cluster: ServingCluster) -> Identity:
        certified = self.databases.certify(cluster.server)
        try:
            storage = self.databases.log_in_at(cluster.server.host, cluster.master)
        except InvalidPasswordError:
            if cluster.key is not None:
                raise
            return Identity(certified=certified, mark=None, logged_in=False)
        mark = self.databases.mark(storage, cluster.key)
        other = self.databases.mark(storage, cluster.key_of_the_retired_one)
        if not is_expected(mark, other, is_new=cluster.is_new):
            raise WrongClusterError(f"another cluster is at {cluster.server.host}")
        return Identity(certified=certified, mark=mark)

    def prove_access(
        self,
        cluster: ServingCluster,
        identity: Identity,
        app: DatabaseLogin,
        readonly: DatabaseLogin,
        keep: tuple[str, ...] | None,
    ) -> None:
        storage = self.databases.log_in_at(cluster.server.host, cluster.master)
        logins = self.databases.of(storage).logins
        for login in (app, readonly):
            if logins.get(login.user) != login.password:
                raise PrivilegeCheckError(f"{login.user!r} was not let in")

    def end_retired_sessions(
        self, cluster: RetiredServers, master: DatabaseLogin, database: str
    ) -> EndedSessions:
        ended = 0
        obstacles = {}
        for server in cluster.servers:
            try:
                storage = self.databases.log_in_at(server.host, master)
            except InvalidPasswordError:
                obstacles[f"{server.host}:{server.port}"] = WhyNotEnded.LOGIN_REFUSED
                continue
            except DatabaseConnectionError:
                obstacles[f"{server.host}:{server.port}"] = WhyNotEnded.UNREACHABLE
                continue
            marks = (cluster.key, cluster.key_of_the_live_one)
            if not is_retired(*(self.databases.mark(storage, key) for key in marks)):
                obstacles[f"{server.host}:{server.port}"] = WhyNotEnded.ANOTHER_CLUSTER
                continue
            sessions = self.databases.of(storage).sessions
            ended += len(sessions)
            sessions.clear()
        return EndedSessions(ended=ended, obstacles=obstacles)


def _name(task: Task) -> str:
    return task.name if isinstance(task, SqlScript) else task.entry


def _asset(path: str) -> str:
    """What is deployed under a path: an empty script, or a CA bundle that nobody reads."""
    return DeployedScript("0" * 64, ()).to_json()
