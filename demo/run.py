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
from demo.checks import faults_of
from demo.evidence import FOLDER, Records, collect, keep, readable
from demo.inspection import Findings, inspect
from demo.preparation import (
    Prepared,
    check_requirements,
    prepare,
)
from demo.progress import Course, Failure
from demo.screen import Screen, screen_for
from demo.story import Story
from demo.watching import watch
from embedded_aws.aws import EmbeddedAws, EmbeddedAwsConfig

HELD: Final = 0
NOT_HELD: Final = 1
_ANNOUNCEMENT_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 0.1


class EndedEarlyError(Exception):
    """The demo could not go on; the message is for whoever started it."""


def run(story: Story, console: Console, ending: Callable[[], None]) -> int:
    """Run the whole demo; answers the exit status, when everything it started has ended.

    Calls ``ending`` before it begins to end what it has started.
    """
    console.print(Text("Aurora restore: from snapshot to notification, on this machine", "bold"))
    for line in (
        f"From: {story.source}",
        f"To:   {story.target}",
        "Every AWS service is embedded, on 127.0.0.1 only; nothing reaches AWS.",
        f"What takes time on AWS is {round(1 / story.wait_scale)} times as fast here.",
    ):
        console.print(line)
    screen = screen_for(console)
    try:
        faults = _Demo(story, screen, ending).run()
    except Exception as error:
        console.print()
        console.print(Text("The demo ended early, and nothing of it is left running.", "bold red"))
        console.print(Text(_sentence(error)))
        return NOT_HELD
    return _verdict(screen, [*faults, *_left_behind()])


def _sentence(error: Exception) -> str:
    """What an error says; one of Python's own says little without its type."""
    of_python = type(error).__module__ == "builtins"
    return f"{type(error).__name__}: {error}" if of_python else str(error)


def _left_behind() -> list[str]:
    left = psutil.Process().children(recursive=True)
    return [f"process {each.pid} is left behind" for each in left]


def _verdict(screen: Screen, faults: list[str]) -> int:
    screen.console.print()
    if not faults:
        screen.console.print(Text("All of it held.", "bold green"))
        return HELD
    screen.console.print(Text("This did not hold:", "bold red"))
    for fault in faults:
        screen.console.print(Padding(Text(fault, "red"), (0, 0, 0, 2)))
    return NOT_HELD


class _Demo:
    """One run."""

    def __init__(self, story: Story, screen: Screen, ending: Callable[[], None]) -> None:
        self._story = story
        self._screen = screen
        self._ending = ending
        self._records = Records()

    def run(self) -> list[str]:
        """Do everything and tell everything; answers what did not hold."""
        check_requirements()
        with ExitStack() as resources:
            self._screen.heading("Preparation")
            with self._screen.busy(), self._screen.phase("Starting the embedded AWS") as phase:
                aws = resources.enter_context(EmbeddedAws(self._config()))
                resources.callback(self._ending)
                phase.done("Started the embedded AWS, a PostgreSQL server per cluster")
            faults = self._with_evidence(aws)
            with self._screen.busy(), self._screen.phase("Ending the embedded AWS"):
                resources.close()
        return faults

    def _config(self) -> EmbeddedAwsConfig:
        return EmbeddedAwsConfig(
            account=self._story.target.account,
            region=self._story.target.region,
            wait_scale=self._story.wait_scale,
        )

    def _with_evidence(self, aws: EmbeddedAws) -> list[str]:
        """The same in a world; whatever happens, its logs are kept."""
        try:
            faults = self._in(aws)
        except Exception as error:
            keep(aws.directory, self._records, error)
            raise EndedEarlyError(
                f"{readable(_sentence(error), aws.directory)}\n"
                f"More is in {FOLDER}: error.txt, and the logs of everything that ran."
            ) from error
        keep(aws.directory, self._records)
        return faults

    def _in(self, aws: EmbeddedAws) -> list[str]:
        with self._screen.busy():
            prepared = prepare(aws, self._story, self._screen)
        course = self._execute(aws, prepared)
        if course.failure:
            self._tell_failure(course, course.failure)
            return [f"The execution {course.status.lower()}."]
        with self._screen.busy(), self._screen.phase("Logging in and reading both databases"):
            findings = inspect(aws, self._story, prepared, self._records)
        self._tell(course, findings)
        return list(faults_of(findings.tables, findings.logins, findings.checks))

    def _execute(self, aws: EmbeddedAws, prepared: Prepared) -> Course:
        screen, outputs = self._screen, prepared.outputs
        arn = aws.start(outputs["StateMachineArn"], self._story.start)
        name = arn.rpartition(":")[2]
        screen.heading("Execution")
        screen.say(f"Started execution {name}")
        course, events = watch(aws, self._story, arn, screen)
        took = course.seconds(datetime.now(UTC))
        screen.say(f"The execution {course.status.lower()} after {took:.1f} s")
        if course.failure is not None:
            _await_announcement(aws, outputs["TopicArn"], name)
        self._records = collect(aws, self._story, name, outputs, events)
        return course

    def _tell_failure(self, course: Course, failure: Failure) -> None:
        tell = self._screen.console.print
        self._screen.heading("Timeline")
        tell(report.timeline(course))
        self._screen.heading(f"Why it {course.status.lower()}")
        tell(report.failure(failure, FOLDER))
        for message in self._records.announcements():
            self._screen.heading("The notification, as published")
            tell(report.announcement(message), soft_wrap=True)

    def _tell(self, course: Course, findings: Findings) -> None:
        story, heading, tell = self._story, self._screen.heading, self._screen.console.print
        heading("Timeline")
        tell(report.timeline(course))
        heading(f"What {story.source.name} and the restored {story.target.name} hold")
        tell(report.tables(findings.tables))
        heading("Who can log in now, and who no longer can (each tried over TLS)")
        tell(report.logins(findings.logins))
        heading("What else was looked at")
        tell(report.checks(findings.checks))
        heading("The notification, as published")
        tell(report.announcement(findings.announced), soft_wrap=True)
        heading("Where to look closer")
        tell(report.kept(FOLDER))


def _await_announcement(aws: EmbeddedAws, topic_arn: str, operation_id: str) -> None:
    """Give EventBridge and the function behind its rule the time to announce a failure."""
    deadline = time.monotonic() + _ANNOUNCEMENT_SECONDS
    while time.monotonic() < deadline:
        if any(operation_id in each.message for each in aws.published(topic_arn)):
            return
        time.sleep(_LOOK_SECONDS)
