"""The demo from start to end."""

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain
from typing import Any, Final

import psutil
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from aurora_restore.cli.outsider import Outsider
from aurora_restore.cli.progress import ExecutionFailure, ExecutionProgress
from aurora_restore.cli.timeline import timeline
from aurora_restore.proof.checks import Check, check_states, failures_of
from aurora_restore.proof.client import Client
from aurora_restore.shared.names import cluster_beside
from aurora_restore.shared.sequences import ROLL_BACK, StepSequence
from demo import report
from demo.evidence import FOLDER, Records, collect, keep, readable, sentence_of
from demo.inspection import InspectionResult, inspect
from demo.preparation import (
    Prepared,
    check_requirements,
    embedded_aws_for,
    prepare,
)
from demo.scenario import Scenario
from demo.screen import Screen, screen_for
from demo.switching import ROLL_BACK_START, inspect_switch, inspect_way_back, make_client
from demo.watching import watch
from embedded_aws.aws import EmbeddedAws

HELD: Final = 0
NOT_HELD: Final = 1
REFRESH: Final = ""
WAY_BACK_FOLDER: Final = "way-back"
"""Where the records of each execution are kept, in the evidence's folder."""
_ANNOUNCEMENT_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 0.1


class EndedEarlyError(Exception):
    """The demo could not continue; the message is for the user."""


def run(
    scenario: Scenario,
    console: Console,
    ending: Callable[[], None],
    make_demo: "Callable[[Scenario, Screen, Callable[[], None]], Demo] | None" = None,
) -> int:
    """Run the whole demo and return the exit status when everything it started has ended.

    It calls ``ending`` before it begins to end what it has started. ``make_demo`` makes another
    demo than that of one run that succeeds.
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
        failures = (make_demo or Demo)(scenario, screen, ending).run()
    except Exception as error:
        console.print()
        console.print(Text("The demo ended early, and nothing of it is left running.", "bold red"))
        console.print(Text(sentence_of(error)))
        return NOT_HELD
    return _verdict(screen, [*failures, *_left_behind()])


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


class Demo:
    """One run."""

    def __init__(self, scenario: Scenario, screen: Screen, ending: Callable[[], None]) -> None:
        self._scenario = scenario
        self._screen = screen
        self._ending = ending
        self._records: dict[str, Records] = {}
        """Those of each execution, by the folder that they are kept in."""

    def run(self) -> list[str]:
        """Run every part and report it; return what did not hold."""
        check_requirements()
        with ExitStack() as resources:
            self._screen.heading("Preparation")
            with (
                self._screen.busy(),
                self._screen.activity("Starting the embedded AWS") as activity,
            ):
                aws = resources.enter_context(embedded_aws_for(self._scenario))
                resources.callback(self._ending)
                activity.done("Started the embedded AWS, a PostgreSQL server per cluster")
            failures = self._with_evidence(aws)
            with self._screen.busy(), self._screen.activity("Ending the embedded AWS"):
                resources.close()
        return failures

    def _with_evidence(self, aws: EmbeddedAws) -> list[str]:
        """Run the demo in an embedded AWS and keep its logs, whatever happens."""
        try:
            failures = self._in(aws)
        except Exception as error:
            keep(aws.directory, self._records, error)
            raise EndedEarlyError(
                f"{readable(sentence_of(error), aws.directory)}\n"
                f"More is in {FOLDER}: error.txt, and the logs of everything that ran."
            ) from error
        keep(aws.directory, self._records)
        return failures

    def _in(self, aws: EmbeddedAws) -> list[str]:
        with self._screen.busy():
            prepared = prepare(aws, self._scenario, self._screen)
        if not self._scenario.is_switched:
            failures = self._refresh(aws, prepared)
            self._show_kept()
            return failures
        client = make_client(aws, self._scenario, prepared)
        with client.at_work():
            failures = self._switch_and_go_back(aws, prepared, client)
        self._show_kept()
        return failures

    def _refresh(
        self, aws: EmbeddedAws, prepared: Prepared, client: Client | None = None
    ) -> list[str]:
        """Refresh the target; return what did not hold."""
        scenario = self._scenario
        arn = self._start(aws, prepared, scenario.start, "Execution")
        outsider = self._make_outsider(aws, arn)
        progress = self._follow(aws, prepared, arn, scenario.sequence, outsider.try_to_connect)
        if progress.failure:
            return self._show_failure(progress, progress.failure)
        with self._screen.busy(), self._screen.activity("Logging in and reading both databases"):
            records = self._records[REFRESH]
            inspection = inspect(aws, scenario, prepared, records, outsider)
            if client:
                client.await_attempts()
            seen = inspect_switch(aws, scenario, prepared, records, client) if client else {}
        inspection = replace(inspection, checks={**seen, **inspection.checks})
        self._show_result(progress, inspection)
        return list(inspection.failures())

    def _switch_and_go_back(
        self, aws: EmbeddedAws, prepared: Prepared, client: Client
    ) -> list[str]:
        """Refresh the target by a switch, and go back; return what did not hold."""
        scenario = self._scenario
        failures = self._refresh(aws, prepared, client)
        switched = self._records[REFRESH]
        if not check_states(switched.statuses(), scenario.sequence).held:
            return failures
        arn = self._start(aws, prepared, ROLL_BACK_START, "The way back")
        progress = self._follow(aws, prepared, arn, ROLL_BACK, lambda _: None, WAY_BACK_FOLDER)
        if progress.failure:
            return [*failures, *self._show_failure(progress, progress.failure, WAY_BACK_FOLDER)]
        records = self._records[WAY_BACK_FOLDER]
        client.await_attempts()
        checks = inspect_way_back(aws, scenario, prepared, switched, records, client)
        self._screen.heading("Timeline")
        self._screen.console.print(timeline(progress))
        self._show_checks(checks)
        self._show_announcements(records)
        return [*failures, *failures_of((), (), chain(*checks.values()))]

    def _make_outsider(self, aws: EmbeddedAws, execution_arn: str) -> Outsider:
        target = self._scenario.target
        beside = cluster_beside(target.name, operation_of(execution_arn))
        names = (beside, target.name) if self._scenario.is_switched else (target.name,)
        rds = aws.client("rds", account=target.account, region=target.region)
        return Outsider(rds, *names)

    def _start(
        self, aws: EmbeddedAws, prepared: Prepared, start: Mapping[str, Any], heading: str
    ) -> str:
        """Start an execution and return its ARN."""
        arn = aws.start(prepared.outputs["StateMachineArn"], start)
        self._screen.heading(heading)
        self._screen.say(f"Started execution {operation_of(arn)}")
        return arn

    def _follow(
        self,
        aws: EmbeddedAws,
        prepared: Prepared,
        execution_arn: str,
        sequence: StepSequence,
        meanwhile: Callable[[ExecutionProgress], None],
        folder: str = REFRESH,
        operation: str | None = None,
    ) -> ExecutionProgress:
        """Show an execution until it is over, and collect its records.

        ``operation`` is the one that it goes on with; None for its own.
        """
        screen, outputs = self._screen, prepared.outputs
        name = operation or operation_of(execution_arn)
        progress, events = watch(aws, self._scenario, sequence, execution_arn, screen, meanwhile)
        took = progress.seconds(datetime.now(UTC))
        screen.say(f"The execution {progress.status.lower()} after {took:.1f} s")
        if progress.failure is not None:
            _await_announcement(aws, outputs["TopicArn"], name)
        self._records[folder] = collect(aws, self._scenario, name, outputs, events)
        return progress

    def _show_failure(
        self, progress: ExecutionProgress, failure: ExecutionFailure, folder: str = REFRESH
    ) -> list[str]:
        """Show why an execution failed, and return that as what did not hold."""
        show = self._screen.console.print
        self._screen.heading("Timeline")
        show(timeline(progress))
        self._screen.heading(f"Why it {progress.status.lower()}")
        show(report.failure(failure, FOLDER / folder))
        self._show_announcements(self._records[folder])
        return [f"The execution {progress.status.lower()}."]

    def _show_result(self, progress: ExecutionProgress, inspection: InspectionResult) -> None:
        scenario, heading, show = self._scenario, self._screen.heading, self._screen.console.print
        heading("Timeline")
        show(timeline(progress))
        heading(f"What {scenario.source.name} and the restored {scenario.target.name} hold")
        show(report.tables(inspection.tables))
        heading("Who can log in now, and who no longer can (each tried over TLS)")
        show(report.logins(inspection.logins))
        self._show_checks(inspection.checks)
        heading("The notification, as an e-mail")
        show(report.announcement(inspection.announced), soft_wrap=True)

    def _show_checks(self, checks: Mapping[str, Iterable[Check]]) -> None:
        for subject, each in checks.items():
            self._screen.heading(subject)
            self._screen.console.print(report.checks(each))

    def _show_announcements(self, records: Records) -> None:
        for message in records.announcements():
            self._screen.heading("The notification, as an e-mail")
            self._screen.console.print(report.announcement(message), soft_wrap=True)

    def _show_kept(self) -> None:
        self._screen.heading("Where to look closer")
        self._screen.console.print(report.kept(FOLDER, self._records))


def operation_of(execution_arn: str) -> str:
    """Return the operation of an execution that was started with none: the execution's name."""
    return execution_arn.rpartition(":")[2]


def _await_announcement(aws: EmbeddedAws, topic_arn: str, operation_id: str) -> None:
    """Give EventBridge and the function behind its rule the time to announce a failure."""
    deadline = time.monotonic() + _ANNOUNCEMENT_SECONDS
    while time.monotonic() < deadline:
        if any(operation_id in each.message for each in aws.published(topic_arn)):
            return
        time.sleep(_LOOK_SECONDS)
