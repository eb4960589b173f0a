"""The function of a self-test that logs in to its clusters, where nothing outside reaches them.

Each call names a task and the clusters; passwords are read from, and written to, Secrets Manager
alone. What it returns is what was found and what must hold, and holds no password.
"""

import json
import os
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from importlib import resources
from typing import Any, Final

import boto3

from aurora_restore.proof import shop
from aurora_restore.proof.checks import (
    Expected,
    LoginVerdict,
    TableReading,
    check_same,
    compare_tables,
    judge_login,
)
from aurora_restore.proof.client import Client, WhatToLookAt
from aurora_restore.proof.client_checks import ClientAttempt
from aurora_restore.proof.originals import find_originals, originals_of
from aurora_restore.proof.reading import attempt, read_tables
from aurora_restore.proof.safety_checks import (
    check_originals,
    check_slot,
    check_unchanged,
    check_wiring,
)
from aurora_restore.proof.settings import DATABASE
from aurora_restore.proof.source import SourceDatabase
from aurora_restore.proof.wiring import read_slots, read_wiring
from aurora_restore.shared.errors import DatabaseConnectionError
from aurora_restore.shared.names import (
    ASSETS_PACKAGE,
    CA_BUNDLE,
    app_secret_name,
    master_secret_name,
)
from aurora_restore.shared.postgres.connection import DatabaseLogin, DatabaseServer

SOURCE_SECRET: Final = "SELFTEST_SOURCE_SECRET"  # noqa: S105
PREFIX: Final = "SELFTEST_PREFIX"
_PAUSE_SECONDS: Final = 0.1


def handler(event: Mapping[str, Any], _context: object) -> Any:
    """Do the task of ``event``, in the clusters that it names."""
    return _TASKS[event["task"]](ProbedClusters(), event)


@dataclass
class ProbedClusters:
    """The clusters of a self-test, and the logins to them."""

    def server(self, place: Mapping[str, Any], certified_as: str | None = None) -> DatabaseServer:
        """Return a server by its ``host`` and ``port``."""
        return DatabaseServer(
            place["host"], int(place["port"]), self._authorities, certified_as=certified_as
        )

    def by_authority(self, place: Mapping[str, Any]) -> DatabaseServer:
        """Return a server as a client knows it that looks for the certificate's authority alone.

        Raises DatabaseConnectionError where there is no server.
        """
        names = self.server(place).find_certified_names(of_host=False) or ()
        return self.server(place, next(iter(names), None))

    def source(self, place: Mapping[str, Any]) -> SourceDatabase:
        """Return the source cluster, with the passwords that are in its secret."""
        held = self._read(os.environ[SOURCE_SECRET])
        return SourceDatabase(
            server=self.server(place),
            master=DatabaseLogin(held["username"], held["password"]),
            passwords=held.get("logins", {}),
        )

    def make_passwords(self) -> None:
        """Put a password for each login of the source into its secret."""
        name = os.environ[SOURCE_SECRET]
        held = self._read(name)
        held["logins"] = {login.user: secrets.token_hex(16) for login in shop.LOGINS}
        self._secrets.put_secret_value(SecretId=name, SecretString=json.dumps(held))

    @cached_property
    def application_secret(self) -> Mapping[str, Any]:
        """What the secret of the target's application holds."""
        return self._read(app_secret_name(os.environ[PREFIX]))

    @property
    def master(self) -> DatabaseLogin:
        """The master user of the target."""
        held = self._read(master_secret_name(os.environ[PREFIX]))
        return DatabaseLogin(held["username"], held["password"])

    @property
    def application(self) -> DatabaseLogin:
        """The application of the target."""
        held = self.application_secret
        return DatabaseLogin(held["app_username"], held["app_password"])

    @property
    def readonly(self) -> DatabaseLogin:
        """The readers of the target."""
        held = self.application_secret
        return DatabaseLogin(held["readonly_username"], held["readonly_password"])

    def _read(self, secret: str) -> dict[str, Any]:
        found = self._secrets.get_secret_value(SecretId=secret)["SecretString"]
        document: dict[str, Any] = json.loads(found)
        return document

    @cached_property
    def _secrets(self) -> Any:
        return boto3.client("secretsmanager")

    @cached_property
    def _authorities(self) -> str:
        return resources.files(ASSETS_PACKAGE).joinpath(CA_BUNDLE).read_text(encoding="ascii")


def _fill(clusters: ProbedClusters, event: Mapping[str, Any]) -> Any:
    clusters.make_passwords()
    clusters.source(event["source"]).fill()
    return {}


def _rest(clusters: ProbedClusters, event: Mapping[str, Any]) -> Any:
    """Bring the source to rest, and return what must be the same at the end."""
    source = clusters.source(event["source"])
    wiring = read_wiring(source.server, source.master, DATABASE)
    source.rest()
    tables = _tables_of_source(source)
    return {"wiring": wiring, "slots": _slots(source), "tables": _shown(tables)}


def _inspect(clusters: ProbedClusters, event: Mapping[str, Any]) -> Any:
    """Log in everywhere, read both clusters, and judge what was found."""
    source = clusters.source(event["source"])
    target = clusters.by_authority(event["target"])
    before = event["before"]
    in_source = _tables_of_source(source)
    in_target = read_tables(target, clusters.readonly, DATABASE, shop.MASKED)
    values = originals_of(in_source)
    checks = [
        check_wiring(before["wiring"], event["removed"], _left_in(target, clusters.master)),
        check_slot(before["slots"], _slots(source)),
        check_unchanged(_read_again(before["tables"]), _read_again(_shown(in_source))),
        check_originals(
            len(values),
            find_originals(
                source.server, source.master, source.login(shop.READER.user), DATABASE, values
            ),
            find_originals(target, clusters.master, clusters.readonly, DATABASE, values),
        ),
        check_same(
            "An application finds the target by its secret alone",
            [event["target"]["host"], int(event["target"]["port"]), DATABASE],
            [
                clusters.application_secret["host"],
                int(clusters.application_secret["port"]),
                clusters.application_secret["dbname"],
            ],
        ),
    ]
    return {
        "tables": [
            {"name": each.name, "verdict": each.verdict, "held": each.held}
            for each in compare_tables(in_source, in_target, shop.CLEARED)
        ],
        "logins": [
            {
                "user": each.user,
                "who": each.who,
                "source": str(each.source),
                "restored": str(each.restored),
                "verdict": each.verdict,
                "held": each.held,
            }
            for each in _logins(clusters, source, target)
        ],
        "checks": [asdict(each) for each in checks],
    }


def _mark(clusters: ProbedClusters, event: Mapping[str, Any]) -> Any:
    """Make the target's data tell itself apart from what is restored again."""
    with clusters.by_authority(event["target"]).session(clusters.master, DATABASE) as session:
        session.run(f"DROP TABLE IF EXISTS {shop.ARRIVALS}")
        session.run(f"CREATE TABLE IF NOT EXISTS {shop.EXPERIMENT} (id int PRIMARY KEY)")
    return {}


def _attempts(clusters: ProbedClusters, event: Mapping[str, Any]) -> Any:
    """Log in to the target's name again and again, and return what came of each attempt."""
    source = clusters.source(event["source"])
    originals = originals_of(_tables_of_source(source))
    strangers = [
        source.master,
        *(source.login(each.user) for each in shop.LOGINS if not each.kept),
    ]
    look_at = WhatToLookAt(
        database=DATABASE,
        old_table=shop.EXPERIMENT,
        new_table=shop.ARRIVALS,
        masked=shop.MASKED,
        originals=originals,
    )
    made: list[ClientAttempt] = []
    deadline = time.monotonic() + float(event["seconds"])
    while time.monotonic() < deadline:
        stranger = strangers[(int(event["attempts"]) + len(made)) % len(strangers)]
        began = datetime.now(UTC)
        try:
            server = clusters.by_authority(event["target"])
        except DatabaseConnectionError:
            made.append(ClientAttempt(began=began, ended=datetime.now(UTC), data=None))
        else:
            made.append(Client(server, clusters.application, [stranger], look_at).attempt())
        time.sleep(_PAUSE_SECONDS)
    return {"attempts": [_attempt_to_json(each) for each in made], "originals": len(originals)}


def _certificate(clusters: ProbedClusters, event: Mapping[str, Any]) -> Any:
    """Return whether the target's certificate is for the name of its endpoint."""
    names = clusters.server(event["target"]).find_certified_names(of_host=True)
    return {"verified": names is not None}


def _reach(clusters: ProbedClusters, event: Mapping[str, Any]) -> Any:
    """Return whether the network lets this function through to a cluster."""
    try:
        clusters.server(event["target"]).find_certified_names(of_host=False)
    except DatabaseConnectionError:
        return {"reached": False}
    return {"reached": True}


_TASKS: Final[Mapping[str, Callable[[ProbedClusters, Mapping[str, Any]], Any]]] = {
    "fill": _fill,
    "rest": _rest,
    "inspect": _inspect,
    "mark": _mark,
    "attempts": _attempts,
    "certificate": _certificate,
    "reach": _reach,
}


def _tables_of_source(source: SourceDatabase) -> dict[str, TableReading]:
    return read_tables(source.server, source.login(shop.READER.user), DATABASE, shop.MASKED)


def _slots(source: SourceDatabase) -> list[list[Any]]:
    with source.server.session(source.master, shop.SUPPLIER) as session:
        return [list(each) for each in read_slots(session)]


def _left_in(target: DatabaseServer, master: DatabaseLogin) -> dict[str, Sequence[str]]:
    """Return what ties a copy to the source, its replication slots included."""
    with target.session(master, DATABASE) as session:
        slots = [str(name) for name, *_ in read_slots(session)]
    return {**read_wiring(target, master, DATABASE), "replication_slots": slots}


def _shown(tables: Mapping[str, TableReading]) -> dict[str, list[Any]]:
    return {name: [each.rows, each.checksum] for name, each in tables.items()}


def _read_again(tables: Mapping[str, Sequence[Any]]) -> dict[str, TableReading]:
    return {name: TableReading(rows=rows, checksum=sum_) for name, (rows, sum_) in tables.items()}


def _logins(
    clusters: ProbedClusters, source: SourceDatabase, target: DatabaseServer
) -> list[LoginVerdict]:
    locked_out = Expected(source=True, restored=False, verdict="locked out")
    kept = Expected(source=True, restored=True, verdict="kept")
    new = Expected(source=False, restored=True, verdict="new")
    application = Expected(source=False, restored=True, reads=True, writes=True, verdict="set up")
    readers = Expected(source=False, restored=True, reads=True, writes=False, verdict="set up")
    everybody = [
        (source.master, "master, production's", locked_out),
        *(
            (source.login(each.user), each.who, kept if each.kept else locked_out)
            for each in shop.LOGINS
        ),
        (clusters.master, "master, the target's", new),
        (clusters.application, "the target's application", application),
        (clusters.readonly, "the target's readers", readers),
    ]
    return [
        judge_login(
            login.user,
            who,
            expected,
            attempt(source.server, login, DATABASE),
            attempt(target, login, DATABASE, "" if expected.reads is None else shop.PROBED),
        )
        for login, who, expected in everybody
    ]


def _attempt_to_json(attempt: ClientAttempt) -> dict[str, Any]:
    return {
        **asdict(attempt),
        "began": attempt.began.isoformat(),
        "ended": attempt.ended.isoformat(),
    }
