"""The demo from start to end."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Final

import psutil
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from demo import report
from demo.evidence import FOLDER, Records, collect, keep, readable
from demo.inspection import InspectionResult, inspect
from demo.outsider import Outsider
from demo.preparation import (
    Prepared,
    check_requirements,
    prepare,
)
from demo.progress import ExecutionFailure, ExecutionProgress
from demo.scenario import Scenario
from demo.screen import Screen, screen_for
from demo.watching import watch
from embedded_aws.aws import EmbeddedAws, EmbeddedAwsConfig

HELD: Final = 0
NOT_HELD: Final = 1
_ANNOUNCEMENT_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 0.1


class EndedEarlyError(Exception):
    """The demo could not continue; the message is for the user."""


def run(scenario: Scenario, console: Console, ending: Callable[[], None]) -> int:
    """Run the whole demo and return the exit status when everything it started has ended.

    It calls ``ending`` before it begins to end what it has started.
    """
    console.print(Text("Aurora restore: from snapshot to notification, on this machine", "bold"))
    for line in (
        f"From: {scenario.source}",
        f"To:   {scenario.target}",
        "Every AWS service is embedded, on 127.0.0.1 only; nothing reaches AWS.",
        f"What takes time on AWS is {round(1 / scenario.wait_scale)} times as fast here.",
    ):
        console.print(line)
    screen = screen_for(console)
    try:
        failures = _Demo(scenario, screen, ending).run()
    except Exception as error:
        console.print()
        console.print(Text("The demo ended early, and nothing of it is left running.", "bold red"))
        console.print(Text(_sentence(error)))
        return NOT_HELD
    return _verdict(screen, [*failures, *_left_behind()])


def _sentence(error: Exception) -> str:
    """Return what an error says; one of Python's own says little without its type."""
    of_python = type(error).__module__ == "builtins"
    return f"{type(error).__name__}: {error}" if of_python else str(error)


def _left_behind() -> list[str]:
    left = psutil.Process().children(recursive=True)
    return [f"process {each.pid} is left behind" for each in left]


def _verdict(screen: Screen, failures: list[str]) -> int:
    screen.console.print()
    if not failures:
        screen.console.print(Text("All of it held.", "bold green"))
        return HELD
    screen.console.print(Text("This did not hold:", "bold red"))
    for fault in failures:
        screen.console.print(Padding(Text(fault, "red"), (0, 0, 0, 2)))
    return NOT_HELD


class _Demo:
    """One run."""

    def __init__(self, scenario: Scenario, screen: Screen, ending: Callable[[], None]) -> None:
        self._scenario = scenario
        self._screen = screen
        self._ending = ending
        self._records = Records()

    def run(self) -> list[str]:
        """Run every part and report it; return what did not hold."""
        check_requirements()
        with ExitStack() as resources:
            self._screen.heading("Preparation")
            with (
                self._screen.busy(),
                self._screen.activity("Starting the embedded AWS") as activity,
            ):
                aws = resources.enter_context(EmbeddedAws(self._config()))
                resources.callback(self._ending)
                activity.done("Started the embedded AWS, a PostgreSQL server per cluster")
            failures = self._with_evidence(aws)
            with self._screen.busy(), self._screen.activity("Ending the embedded AWS"):
                resources.close()
        return failures

    def _config(self) -> EmbeddedAwsConfig:
        return EmbeddedAwsConfig(
            account=self._scenario.target.account,
            region=self._scenario.target.region,
            wait_scale=self._scenario.wait_scale,
        )

    def _with_evidence(self, aws: EmbeddedAws) -> list[str]:
        """Run the demo in an embedded AWS and keep its logs, whatever happens."""
        try:
            failures = self._in(aws)
        except Exception as error:
            keep(aws.directory, self._records, error)
            raise EndedEarlyError(
                f"{readable(_sentence(error), aws.directory)}\n"
                f"More is in {FOLDER}: error.txt, and the logs of everything that ran."
            ) from error
        keep(aws.directory, self._records)
        return failures

    def _in(self, aws: EmbeddedAws) -> list[str]:
        with self._screen.busy():
            prepared = prepare(aws, self._scenario, self._screen)
        outsider = self._make_outsider(aws)
        progress = self._execute(aws, prepared, outsider)
        if progress.failure:
            self._show_failure(progress, progress.failure)
            return [f"The execution {progress.status.lower()}."]
        with self._screen.busy(), self._screen.activity("Logging in and reading both databases"):
            inspection = inspect(aws, self._scenario, prepared, self._records, outsider)
        self._show_result(progress, inspection)
        return list(inspection.failures())

    def _make_outsider(self, aws: EmbeddedAws) -> Outsider:
        target = self._scenario.target
        return Outsider(
            aws.client("rds", account=target.account, region=target.region), target.name
        )

    def _execute(
        self, aws: EmbeddedAws, prepared: Prepared, outsider: Outsider
    ) -> ExecutionProgress:
        screen, outputs = self._screen, prepared.outputs
        arn = aws.start(outputs["StateMachineArn"], self._scenario.start)
        name = arn.rpartition(":")[2]
        screen.heading("Execution")
        screen.say(f"Started execution {name}")
        progress, events = watch(aws, self._scenario, arn, screen, outsider.try_to_connect)
        took = progress.seconds(datetime.now(UTC))
        screen.say(f"The execution {progress.status.lower()} after {took:.1f} s")
        if progress.failure is not None:
            _await_announcement(aws, outputs["TopicArn"], name)
        self._records = collect(aws, self._scenario, name, outputs, events)
        return progress

    def _show_failure(self, progress: ExecutionProgress, failure: ExecutionFailure) -> None:
        show = self._screen.console.print
        self._screen.heading("Timeline")
        show(report.timeline(progress))
        self._screen.heading(f"Why it {progress.status.lower()}")
        show(report.failure(failure, FOLDER))
        for message in self._records.announcements():
            self._screen.heading("The notification, as published")
            show(report.announcement(message), soft_wrap=True)

    def _show_result(self, progress: ExecutionProgress, inspection: InspectionResult) -> None:
        scenario, heading, show = self._scenario, self._screen.heading, self._screen.console.print
        heading("Timeline")
        show(report.timeline(progress))
        heading(f"What {scenario.source.name} and the restored {scenario.target.name} hold")
        show(report.tables(inspection.tables))
        heading("Who can log in now, and who no longer can (each tried over TLS)")
        show(report.logins(inspection.logins))
        for subject, checks in inspection.checks.items():
            heading(subject)
            show(report.checks(checks))
        heading("The notification, as published")
        show(report.announcement(inspection.announced), soft_wrap=True)
        heading("Where to look closer")
        show(report.kept(FOLDER))


def _await_announcement(aws: EmbeddedAws, topic_arn: str, operation_id: str) -> None:
    """Give EventBridge and the function behind its rule the time to announce a failure."""
    deadline = time.monotonic() + _ANNOUNCEMENT_SECONDS
    while time.monotonic() < deadline:
        if any(operation_id in each.message for each in aws.published(topic_arn)):
            return
        time.sleep(_LOOK_SECONDS)
