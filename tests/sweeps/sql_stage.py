"""A stage for SQL: a restored PostgreSQL, and an AWS in memory, at the step that sets it up."""

import json
import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from moto.dynamodb.models import dynamodb_backends
from moto.secretsmanager.models import secretsmanager_backends

from aurora_restore.configuration.sql_text import deployed_script
from aurora_restore.lambdas import setup_db_users
from aurora_restore.lambdas.setup_db_users import SetupDbUsersHandler
from aurora_restore.shared.common import logger
from aurora_restore.shared.names import CA_BUNDLE, columns_resource, script_resource
from aurora_restore.shared.postgres.connection import DatabaseLogin
from embedded_aws.rds.data_plane import scram
from tests.support.restored_cluster import let_be_restored
from tests.sweeps.cluster import (
    CLASSIFIED,
    DATABASES,
    ETL,
    FORMER_APP,
    KEPT,
    MONITORING,
    SCRIPTS,
    PostgresCluster,
    computed_once,
    restored_cluster,
)
from tests.sweeps.memento import Memento
from tests.sweeps.tap import Tap
from tests.sweeps.wires import Hook, Wires
from tests.sweeps.wiring import Publisher, production_of, wiring_of
from tests.unit.bench import ACCOUNT, APP_PASSWORD, REGION, RESTORE, Bench, bench_in_memory

STEP: Final = SetupDbUsersHandler.step.name
RESTORE_NAME: Final = "staging"
OPERATION: Final = "op-1"
OF_THE_WAY: Final = frozenset({"attempted_in", "operation_started_at", "waiting_since"})
"""Facts of the state about how the run came to its end."""

Document = dict[str, Any]


@dataclass
class SqlStage:
    """A restored cluster, and an AWS in memory that has got as far as to set it up."""

    cluster: PostgresCluster
    bench: Bench
    tap: Tap
    assets: Mapping[str, str]
    """What was deployed with the function, by its path."""
    production: Publisher | None = None
    """What the cluster is tied to in the beginning, where it is tied to anything."""
    _start: Memento = field(init=False)

    def __post_init__(self) -> None:
        self._start = Memento(
            [
                *(table.items for table in dynamodb_backends[ACCOUNT][REGION].tables.values()),
                secretsmanager_backends[ACCOUNT][REGION].secrets,
            ]
        )

    @contextmanager
    def begun(self) -> Iterator[None]:
        """Everything is as before the step; two of the inherited logins are at work."""
        self._start.restore()
        self.bench.redrive_count = 0
        if self.production is not None:
            self.production.untie(self.cluster)
        self.cluster.reset()
        if self.production is not None:
            self.production.tie(self.cluster)
        with (
            self.cluster.logged_in(ETL, DATABASES[0]),
            self.cluster.logged_in(MONITORING, DATABASES[0]),
        ):
            yield

    def call(self, hook: Hook | None = None) -> Document:
        """Call the function once, in a process of its own."""
        wires = Wires(self.cluster.server.socket, hook)
        self.bench.inject = lambda _: {
            "connect": wires.connect,
            "read_asset": self.assets.__getitem__,
        }
        with self.tap.working(STEP), self.tap.hooked(wires.meet_aws):
            return self.bench.step(SetupDbUsersHandler)

    def standing(self) -> Document:
        """All that can make a difference from now on, and all that is right or wrong in the end."""
        held = self.cluster.holds()
        verifiers = dict(held.pop("verifiers"))
        return {
            **held,
            **(wiring_of(self.cluster) if self.production is not None else {}),
            "opens": {
                name: _opens(login.password, verifiers[login.user])
                for name, login in self.logins().items()
                if login.user in verifiers
            },
            "secret": {**self._app_secret(), "readonly_password": None},
            "state": [
                (item["step"], item["status"], _lasting(item["details"]))
                for item in self.bench.store.load_all(OPERATION)
            ],
        }

    def who_gets_in(self) -> dict[str, bool]:
        """Who can log in."""
        return {
            name: self.cluster.lets_in(login, DATABASES[0]) for name, login in self.logins().items()
        }

    def harm(self) -> list[str]:
        """What has reached production: nothing, if all is well."""
        return self.production.harm() if self.production is not None else []

    def logins(self) -> dict[str, DatabaseLogin]:
        """Names, and who may try to log in under them."""
        secret = self._app_secret()
        return {
            "monitoring": MONITORING,
            "etl": ETL,
            "the former application": FORMER_APP,
            "the application": DatabaseLogin(secret["app_username"], secret["app_password"]),
            "the reader": DatabaseLogin(
                secret["readonly_username"], secret.get("readonly_password", "")
            ),
        }

    def _app_secret(self) -> Document:
        name = self.bench.environment.app_secret
        value = self.bench.clients.secrets_manager.get_secret_value(SecretId=name)
        parsed: Document = json.loads(value["SecretString"])
        return parsed


@contextmanager
def sql_stage(directory: Path) -> Iterator[SqlStage]:
    """A stage on which everything that can be configured is done."""
    classified = {columns_resource(RESTORE_NAME): json.dumps({"databases": CLASSIFIED})}
    assets = classified | {
        script_resource(RESTORE_NAME, index, path): deployed_script(sql.encode()).to_json()
        for index, (path, _, sql) in enumerate(SCRIPTS)
    }
    with _stage(directory, _EVERYTHING, assets) as stage:
        yield stage


@contextmanager
def wired_stage(directory: Path) -> Iterator[SqlStage]:
    """A stage whose cluster is tied to production, and has nothing to mask."""
    with (
        _stage(directory, {"masking": "none"}, {}) as stage,
        production_of(stage.cluster.data_plane) as production,
    ):
        stage.production = production
        yield stage


@contextmanager
def _stage(directory: Path, database: Document, assets: Mapping[str, str]) -> Iterator[SqlStage]:
    tap = Tap()
    level = logger.log_level
    with (
        restored_cluster(directory) as cluster,
        bench_in_memory() as bench,
        tap.installed(),
        computed_once(),
    ):
        logger.setLevel("CRITICAL")
        try:
            _configure(bench, database)
            let_be_restored(bench, cluster.host, cluster.port)
            # With a key that is the same in every run, what it leaves can be compared.
            with patch.object(setup_db_users, "token_hex", return_value="evidence-key"):
                yield SqlStage(cluster, bench, tap, {CA_BUNDLE: cluster.ca_bundle, **assets})
        finally:
            logger.setLevel(level)


@cache
def _opens(password: str, verifier: str) -> bool:
    salt = re.fullmatch(r"SCRAM-SHA-256\$\d+:([^$]+)\$.*", verifier)
    assert salt is not None
    return scram.verifier(password, b64decode(salt[1])) == verifier


def _lasting(facts: Document) -> Document:
    lasting = {fact: value for fact, value in facts.items() if fact not in OF_THE_WAY}
    for script in lasting.get("scripts", ()):
        script.pop("seconds", None)
    return lasting


_EVERYTHING: Final = {
    "scripts": [{"path": path, "database": database} for path, database, _ in SCRIPTS],
    "rewrite_tables": True,
    "masking": "required",
    "columns": "columns.json",
    "checks": [{"name": "no real address", "sql": "TABLE customers EXCEPT TABLE customers"}],
    "personal_data_check": {},
}


def _configure(bench: Bench, database: Document) -> None:
    document = {"databases": list(DATABASES), "keep_logins": list(KEPT), **database}
    bench.configure(RESTORE | {"database": document}, name=RESTORE_NAME)
    bench.clients.secrets_manager.put_secret_value(
        SecretId=bench.environment.app_secret,
        SecretString=json.dumps(
            {
                "app_username": FORMER_APP.user,
                "app_password": APP_PASSWORD,
                "readonly_username": "readonly_user",
            }
        ),
    )
