"""What a PostgreSQL would remember of setup-db-users, for tests of all but its SQL.

Only the functions that speak SQL are replaced; reading and completing the secrets, the state and
the waiting stay the code under test. The SQL itself is swept in ``test_sql_sweep``.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from aurora_restore.lambdas import setup_db_users
from aurora_restore.shared.errors import (
    InvalidPasswordError,
    PrivilegeCheckError,
    ScriptFailedError,
)
from aurora_restore.shared.postgres import journal
from aurora_restore.shared.postgres.connection import DatabaseLogin
from aurora_restore.shared.postgres.scripts import Progress, SqlScript
from embedded_aws.rds.backend import RdsBackend

INHERITED = ("app_user", "etl")
"""The roles that come with the source's snapshot and can log in."""


@dataclass
class Contents:
    """What has been done inside one cluster's storage."""

    disabled_by: list[str] = field(default_factory=list)
    scripts: list[tuple[str, str]] = field(default_factory=list)
    logins: dict[str, str] = field(default_factory=dict)
    granted: set[str] = field(default_factory=set)


@dataclass
class Databases:
    """The contents of every cluster by its storage."""

    backend: RdsBackend
    contents: dict[str, Contents] = field(default_factory=dict)
    refusals: list[Exception] = field(default_factory=list)
    """What the next log-ins raise, one each."""
    failing: set[str] = field(default_factory=set)
    """The scripts that fail."""
    seconds: dict[str, float] = field(default_factory=dict)
    """How long a script still has to run."""
    forgetful: bool = False
    """Whether grants have no effect."""

    def of(self, storage: str) -> Contents:
        """The contents of a cluster's storage."""
        return self.contents.setdefault(storage, Contents())

    def log_in(self, login: DatabaseLogin) -> Contents:
        """The contents of the one cluster that lets the master user in with this password."""
        if self.refusals:
            raise self.refusals.pop(0)
        found = [
            cluster.resource_id
            for _, site in self.backend.regional_backends()
            for cluster in site.clusters.values()
            if cluster.resource_id in self.backend.data_plane.accepting  # type: ignore[attr-defined]
            and self.backend.data_plane.passwords[cluster.resource_id]  # type: ignore[attr-defined]
            == {login.user: login.password}
        ]
        if len(found) != 1:
            raise InvalidPasswordError(f"{login.user!r} could not log in", sqlstate="28P01")
        return self.of(found[0])


@dataclass
class _Server:
    databases: Databases
    host: str
    port: int

    @contextmanager
    def session(self, login: DatabaseLogin, database: str) -> Iterator[Contents]:
        yield self.databases.log_in(login)


@contextmanager
def doubled(databases: Databases) -> Iterator[None]:
    """Let setup-db-users speak to the double."""

    def server(host: str, port: int, ca_bundle: str) -> _Server:
        return _Server(databases, host, port)

    def disable(session: Contents, operation_id: str, keep: Collection[str]) -> list[str]:
        if operation_id not in session.disabled_by:
            session.disabled_by.append(operation_id)
        return [role for role in INHERITED if role not in keep]

    def run(
        server: _Server, master: DatabaseLogin, operation_id: str, script: SqlScript, seconds: float
    ) -> Progress:
        databases = server.databases
        with server.session(master, script.database) as session:
            if script.name in databases.failing:
                raise ScriptFailedError(f"script {script.name} failed")
            left = databases.seconds.get(script.name, 0)
            databases.seconds[script.name] = max(0, left - seconds)
            if left > seconds:
                return Progress.RUNNING
            if (operation_id, script.name) not in session.scripts:
                session.scripts.append((operation_id, script.name))
        return Progress.DONE

    def ensure(server: _Server, session: Contents, login: DatabaseLogin, database: str) -> bool:
        changed = session.logins.get(login.user) != login.password
        session.logins[login.user] = login.password
        return changed

    def grant(session: Contents, database: str, access: Mapping[str, Any], keep: Any) -> None:
        if not databases.forgetful:
            session.granted.update(access)

    def prove(
        server: _Server, databases_: Sequence[str], app: DatabaseLogin, readonly: DatabaseLogin
    ) -> None:
        clusters = server.databases.contents.values()
        if not any(
            contents.logins.get(login.user) == login.password and login.user in contents.granted
            for contents in clusters
            for login in (app, readonly)
        ):
            raise PrivilegeCheckError("nobody was let in")

    def nothing(*arguments: Any) -> None:
        return None

    replaced: dict[str, Any] = {
        "DatabaseServer": server,
        "disable_inherited_logins": disable,
        "ensure_login": ensure,
        "grant_access": grant,
        "leave_groups": nothing,
        "prove_access": prove,
        "run_script": run,
        "_asset": lambda path: f"-- {path}",
    }
    with (
        mock.patch.multiple(setup_db_users, **replaced),
        mock.patch.object(journal, "prepare", nothing),
    ):
        yield
