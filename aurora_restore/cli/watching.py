"""``aurora-restore watch``: an operation as it goes on, until it ends."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from aurora_restore.cli.acting import own_command
from aurora_restore.cli.context import Deployment, deployment_of
from aurora_restore.cli.course import lines_of, steps_view
from aurora_restore.cli.errors import usage
from aurora_restore.cli.executions import (
    SUCCEEDED,
    Execution,
    execution_of,
    running_executions,
)
from aurora_restore.cli.exit_codes import ExitCode
from aurora_restore.cli.explaining import notice_of
from aurora_restore.cli.following import Expectation, Following, Look, expected_of
from aurora_restore.cli.operations import load_operation, load_state
from aurora_restore.cli.output import (
    AsJson,
    duration,
    json_text,
    make_console,
    note,
    print_as_is,
    say,
)
from aurora_restore.cli.progress import ExecutionProgress, changes
from aurora_restore.shared.visible import visible_line

_FRAMES_PER_SECOND: Final = 4
_MINUTE: Final = 60

Show = Callable[[Deployment, Execution], AbstractContextManager[Look]]
"""Shows an execution as long as the context lasts."""

Timeout = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="MINUTES",
        help="For how long to wait. Exit code 4 says that the operation was still running then.",
    ),
]
"""The option of every command that waits."""


def watch(
    context: typer.Context,
    operation: Annotated[
        str | None,
        typer.Argument(help="The operation; may be left out if only one is running."),
    ] = None,
    timeout: Timeout = None,
    as_json: AsJson = False,
) -> None:
    """Watch an operation until it ends: a live table, or a line for each change if piped.

    The exit code is that of the operation. Ctrl-C ends the watching, not the operation. With
    `--json` each change is a line with a document.
    """
    deployment = deployment_of(context)
    execution = _execution(deployment, operation)
    progress = follow(deployment, execution, look_as_json if as_json else shown, timeout=timeout)
    raise typer.Exit(conclude(deployment, execution, progress, timeout, as_json=as_json))


def _execution(deployment: Deployment, operation: str | None) -> Execution:
    if operation is not None:
        return execution_of(deployment, operation, load_state(deployment, operation))
    running = running_executions(deployment)
    if not running:
        listed = own_command(deployment, "list")
        raise usage(f"No operation is running. `{listed}` shows those there were.")
    if len(running) > 1:
        names = ", ".join(each.operation_id for each in running)
        raise usage(f"Several operations are running; name one of them: {names}.")
    return running[0]


def follow(
    deployment: Deployment, execution: Execution, show: Show, *, timeout: int | None = None
) -> ExecutionProgress:
    """Follow an execution until it ends, or for so many minutes."""
    deadline = None if timeout is None else time.monotonic() + timeout * _MINUTE
    try:
        with show(deployment, execution) as look:
            return Following(deployment, execution).until_end(look, deadline=deadline)
    except KeyboardInterrupt:
        note(
            f"Operation {execution.operation_id} goes on. "
            f"`{own_command(deployment, 'watch', execution.operation_id)}` shows it again."
        )
        raise


@contextmanager
def shown(deployment: Deployment, execution: Execution) -> Iterator[Look]:
    """Show an execution to people: a live table, or lines where there is no terminal."""
    expected = None if execution.is_over else expected_of(deployment, execution)
    console = make_console()
    with (_live if console.is_terminal else _lines)(console, execution, expected) as look:
        yield look


@contextmanager
def _live(console: Console, execution: Execution, expected: Expectation | None) -> Iterator[Look]:
    """Draw a table of the steps again and again; it stays as it was at the end."""
    latest: ExecutionProgress | None = None

    def view() -> RenderableType:
        if latest is None:
            return Text("")
        now = datetime.now(UTC)
        table = steps_view(latest, now, execution.operation_id)
        if expected is None or latest.over:
            return table
        return Group(table, Text(expected.sentence(latest, now), style="dim"))

    def look(progress: ExecutionProgress) -> None:
        nonlocal latest
        latest = progress

    with Live(get_renderable=view, console=console, refresh_per_second=_FRAMES_PER_SECOND):
        yield look


@contextmanager
def _lines(console: Console, execution: Execution, expected: Expectation | None) -> Iterator[Look]:
    """Print a line with the time for each change."""
    before: ExecutionProgress | None = None

    def look(progress: ExecutionProgress) -> None:
        nonlocal before
        now = datetime.now(UTC)
        if before is None:
            line_of(now, f"operation {execution.operation_id}")
            if expected is not None:
                line_of(now, expected.sentence(progress, now))
        for line in lines_of(_comparable(before, progress), progress, now):
            line_of(now, line)
        before = progress

    def line_of(now: datetime, line: str) -> None:
        console.print(f"{now:%H:%M:%S}  {visible_line(line)}", soft_wrap=True)

    yield look


@contextmanager
def look_as_json(deployment: Deployment, execution: Execution) -> Iterator[Look]:
    """Print a document in one line for each change."""
    del deployment
    before: ExecutionProgress | None = None

    def look(progress: ExecutionProgress) -> None:
        nonlocal before
        for number, step, change in changes(_comparable(before, progress), progress):
            print_line(
                {
                    "operation_id": execution.operation_id,
                    "step": step.name,
                    "number": number,
                    "of": len(progress.steps),
                    "change": change,
                    "status": step.status,
                    "note": step.note,
                    "percent": step.percent,
                    "started_at": step.started,
                    "ended_at": step.ended,
                }
            )
        before = progress

    yield look


@contextmanager
def silent(deployment: Deployment, execution: Execution) -> Iterator[Look]:
    """Show nothing."""
    del deployment, execution
    yield lambda _: None


def print_line(document: Any) -> None:
    """Print a document in one line."""
    print_as_is(json_text(document))


def _comparable(before: ExecutionProgress | None, after: ExecutionProgress) -> ExecutionProgress:
    """Return what a progress is compared with: the beginning, where it has other steps."""
    names = [each.name for each in after.steps]
    if before is None or [each.name for each in before.steps] != names:
        return after.at_its_beginning
    return before


def outcome_code(progress: ExecutionProgress) -> ExitCode:
    """Return the exit code that the end of an execution stands for."""
    if not progress.over:
        return ExitCode.UNFINISHED
    return ExitCode.DONE if progress.status == SUCCEEDED else ExitCode.FAILED


def conclude(
    deployment: Deployment,
    execution: Execution,
    progress: ExecutionProgress,
    timeout: int | None,
    *,
    as_json: bool,
) -> ExitCode:
    """Say how an operation has ended, and return the exit code that stands for it."""
    code, name = outcome_code(progress), execution.operation_id
    took = progress.seconds(datetime.now(UTC))
    if as_json:
        print_line(
            {
                "operation_id": name,
                "status": progress.status,
                "seconds": round(took, 3),
                "error_type": progress.failure and progress.failure.error_type,
                "error": progress.failure and progress.failure.message,
            }
        )
        return code
    match code:
        case ExitCode.DONE:
            say(f"Operation {name} has succeeded in {duration(took)}.")
        case ExitCode.UNFINISHED:
            say(
                f"Operation {name} is still running after {timeout} min of waiting. "
                f"`{own_command(deployment, 'watch', name)}` goes on."
            )
        case _:
            notice = notice_of(deployment, load_operation(deployment, name))
            say(f"\n{notice.text}")
    return code
