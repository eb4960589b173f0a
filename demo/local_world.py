"""The demo's world, kept running, with the files by which a terminal finds it."""

import fcntl
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

from rich.console import Console

from aurora_restore.shared.postgres.connection import DatabaseLogin
from demo.evidence import FOLDER as EVIDENCE
from demo.evidence import keep, readable, sentence_of
from demo.interruption import InterruptedRunError
from demo.local_guide import guide
from demo.local_settings import NAMES, LocalSettings, PsqlService
from demo.preparation import (
    Prepared,
    check_requirements,
    embedded_aws_for,
    prepare,
    take_daily_snapshot,
)
from demo.scenario import DemoCluster, Scenario
from demo.screen import Screen, screen_for
from demo.staging_logins import read_first_logins
from embedded_aws.aws import EmbeddedAws
from embedded_aws.environment import repository

FOLDER: Final = Path(".local")
"""Where the files are, relative to the repository."""
SOURCE_REGION: Final = "us-east-2"
"""Not us-east-1, where the AWS CLI's commands for RDS take no endpoint from the environment."""
LOCK: Final = "local.lock"
"""Locked while one is running; a lock ends with the process that holds it, however that ends."""
_LOOK_SECONDS: Final = 1.0


class LocalWorldError(Exception):
    """It cannot be served; the message is for the user."""


def serve(scenario: Scenario, console: Console, ending: Callable[[], None]) -> None:
    """Start everything, show how to use it, and serve until a signal; then end all of it.

    It calls ``ending`` before it begins to end what it has started. Raises LocalWorldError if
    another one is running, or the start fails.
    """
    scenario = _with_source_in(SOURCE_REGION, scenario)
    folder = repository() / FOLDER
    screen = screen_for(console)
    with _only_one(folder), ExitStack() as resources:
        aws, prepared = _start(scenario, screen, resources, ending)
        settings = _settings(aws, scenario, prepared)
        resources.enter_context(_files(settings, folder))
        guide(console, scenario, settings, folder)
        with suppress(InterruptedRunError):
            _await_signal(aws, scenario)


def _with_source_in(region: str, scenario: Scenario) -> Scenario:
    source, supplier = (
        replace(each, region=region) for each in (scenario.source, scenario.supplier)
    )
    return replace(scenario, source=source, supplier=supplier)


@contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    folder.mkdir(exist_ok=True)
    with (folder / LOCK).open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise LocalWorldError(
                f"`make local` is running in this directory already, as process {lock.read()}. "
                f"Use it with `source {FOLDER / NAMES[0]}`, or end it there with Ctrl-C."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        try:
            yield
        finally:
            (folder / LOCK).unlink(missing_ok=True)


def _start(
    scenario: Scenario, screen: Screen, resources: ExitStack, ending: Callable[[], None]
) -> tuple[EmbeddedAws, Prepared]:
    try:
        check_requirements()
        with screen.busy(), screen.activity("Starting the embedded AWS") as activity:
            aws = resources.enter_context(embedded_aws_for(scenario))
            resources.callback(ending)
            activity.done("Started the embedded AWS, a PostgreSQL server per cluster")
    except Exception as error:
        raise LocalWorldError(f"It could not be started. {sentence_of(error)}") from error
    try:
        with screen.busy():
            return aws, prepare(aws, scenario, screen, as_restored=True)
    except Exception as error:
        keep(aws.directory, {}, error)
        raise LocalWorldError(
            f"It could not be started. {readable(sentence_of(error), aws.directory)}\n"
            f"More is in {EVIDENCE}: error.txt, and the logs of everything that ran."
        ) from error


def _settings(aws: EmbeddedAws, scenario: Scenario, prepared: Prepared) -> LocalSettings:
    master, _ = read_first_logins(aws, scenario, prepared.outputs)
    source, target = scenario.source, scenario.target
    owner = DatabaseLogin(scenario.master_user, source.master_password)
    server = prepared.production.server
    return LocalSettings(
        endpoints=aws.endpoints,
        account=target.account,
        region=target.region,
        source_account=source.account,
        services=[
            _service(aws, scenario, source, owner, server.host, server.port),
            _service(
                aws,
                scenario,
                target,
                master,
                prepared.old_target["Endpoint"],
                prepared.old_target["Port"],
            ),
        ],
        programs=repository() / ".venv" / "bin",
    )


def _service(
    aws: EmbeddedAws,
    scenario: Scenario,
    cluster: DemoCluster,
    login: DatabaseLogin,
    host: str,
    port: int,
) -> PsqlService:
    return PsqlService(
        name=cluster.name,
        host=host,
        port=port,
        database=scenario.database,
        user=login.user,
        password=login.password,
        authorities=aws.rds.ca_bundle,
    )


@contextmanager
def _files(settings: LocalSettings, folder: Path) -> Iterator[None]:
    """Write the files, which hold passwords, for this user alone; remove them at the end."""
    texts: Mapping[str, str] = settings.files(folder)
    try:
        for name, text in texts.items():
            (folder / name).unlink(missing_ok=True)
            (folder / name).touch(mode=0o600)
            (folder / name).write_text(text, encoding="utf-8")
        yield
    finally:
        for name in texts:
            (folder / name).unlink(missing_ok=True)


def _await_signal(aws: EmbeddedAws, scenario: Scenario) -> None:
    """Wait for the exception that a signal raises; production's snapshot is taken every day."""
    day = _today()
    while True:
        time.sleep(_LOOK_SECONDS)
        if (today := _today()) != day:
            take_daily_snapshot(aws, scenario.source, datetime.now(UTC) - timedelta(days=1))
            day = today


def _today() -> date:
    return datetime.now(UTC).date()
