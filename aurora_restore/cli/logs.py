"""``aurora-restore logs``: what the functions have logged about an operation."""

import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.text import Text

from aurora_restore.cli.context import deployment_of
from aurora_restore.cli.errors import usage
from aurora_restore.cli.executions import Execution, execution_of, find_execution, sequence_of
from aurora_restore.cli.log_lines import LogLine, read_lines
from aurora_restore.cli.operations import load_state, target_of
from aurora_restore.cli.output import AsJson, make_console, note
from aurora_restore.cli.watching import print_line
from aurora_restore.shared.common import parse_timestamp
from aurora_restore.shared.operation_state import OperationState
from aurora_restore.shared.visible import visible_line

_AROUND: Final = timedelta(minutes=1)
"""By how much the clocks of the services may differ, and a line may come later."""
_LOOK_SECONDS: Final = 3.0
_LEVEL_STYLES: Final = {"WARNING": "yellow", "ERROR": "red", "CRITICAL": "red"}


def logs(
    context: typer.Context,
    operation: Annotated[str, typer.Argument(help="The operation.")],
    step: Annotated[str | None, typer.Option(help="Only what one step has logged.")] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until the operation ends.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Print what the functions have logged about an operation, from CloudWatch Logs.

    With `--json` each line is a document: `timestamp`, `step`, and `line` as it was logged.
    """
    deployment = deployment_of(context)
    state = load_state(deployment, operation)
    execution = execution_of(deployment, operation, state)
    _, _, strategy = target_of(deployment, state, execution)
    known = sequence_of(state, execution.given, strategy).steps
    if step is not None and step not in known:
        raise usage(f"{step!r} is no step of this operation. Its steps are {', '.join(known)}.")
    steps = known if step is None else (step,)
    seen: set[LogLine] = set()
    console = make_console()
    while True:
        ended = follow and execution.is_over
        begin, end = span(execution, state)
        lines = read_lines(deployment, operation, steps, begin, end)
        show_lines([each for each in lines if each not in seen], console, as_json=as_json)
        seen.update(lines)
        if not follow or ended:
            break
        time.sleep(_LOOK_SECONDS)
        execution = find_execution(deployment, execution.arn) or execution
    if not seen:
        note(f"Nothing was logged about operation {operation}, or it is no longer kept.")


def span(execution: Execution, state: OperationState) -> tuple[datetime, datetime | None]:
    """Return from when to when the functions can have logged about an operation.

    It may have begun in an earlier execution than the last one.
    """
    end = None if execution.ended is None else execution.ended + _AROUND
    began = state.operation_started_at
    first = execution.started if began is None else parse_timestamp(began)
    return min(first, execution.started) - _AROUND, end


def show_lines(lines: Sequence[LogLine], console: Console, *, as_json: bool) -> None:
    """Print lines for people, or a document for each."""
    for line in lines:
        if as_json:
            print_line({"timestamp": line.moment, "step": line.step, "line": dict(line.document)})
            continue
        style = _LEVEL_STYLES.get(str(line.document.get("level")), "")
        for text in line.readable():
            console.print(Text(visible_line(text), style), soft_wrap=True)
