"""The course of an execution: a table of its steps, or a line for each change."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from rich import box
from rich.console import RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from aurora_restore.cli.output import duration
from aurora_restore.cli.progress import ExecutionProgress, StepProgress, StepStatus, changes
from aurora_restore.shared.visible import visible_line

_STYLES: Final = {
    StepStatus.WAITING: "dim",
    StepStatus.RUNNING: "bold cyan",
    StepStatus.DONE: "green",
    StepStatus.FAILED: "bold red",
}
_BAR_WIDTH: Final = 20
_EXACT_SECONDS: Final = 60
"""Up to here, tenths of a second are shown."""


def elapsed(seconds: float) -> str:
    """Return a duration, below a minute in tenths of a second."""
    return f"{seconds:.1f} s" if seconds < _EXACT_SECONDS else duration(seconds)


def lines_of(before: ExecutionProgress, after: ExecutionProgress, now: datetime) -> Iterator[str]:
    """Yield the lines that report what has changed."""
    for number, step, reported in changes(before, after):
        yield f"{number:>2}/{len(after.steps)} {step.name:<21} {_reported(step, reported, now)}"


def _reported(step: StepProgress, reported: str, now: datetime) -> str:
    seconds = step.seconds(now)
    match step.status:
        case StepStatus.RUNNING if step.note:
            percent = "" if step.percent is None else f", {step.percent} %"
            return f"waits: {step.note}{percent}"
        case StepStatus.DONE:
            return f"done in {elapsed(seconds or 0)}: {step.note}"
        case StepStatus.FAILED:
            return f"FAILED after {elapsed(seconds or 0)}: {step.note}"
        case _:
            return reported


def steps_view(progress: ExecutionProgress, now: datetime, name: str) -> RenderableType:
    """Return a table of the steps: state, time so far, and what each waits for or has done."""
    table = Table(
        title=f"Execution {visible_line(name)}: {elapsed(progress.seconds(now))}",
        title_justify="left",
        title_style="bold",
        box=box.ROUNDED,
        expand=True,
    )
    table.add_column("Step", no_wrap=True)
    table.add_column("State", no_wrap=True)
    table.add_column("Elapsed", no_wrap=True, justify="right")
    table.add_column("Waits for, or has said", no_wrap=True, overflow="ellipsis", ratio=1)
    for number, step in enumerate(progress.steps, start=1):
        seconds = step.seconds(now)
        table.add_row(
            f"{number:>2} {step.name}",
            Text(step.status, style=_STYLES[step.status]),
            "" if seconds is None else elapsed(seconds),
            _remark(step),
            style="dim" if step.status is StepStatus.WAITING else "",
        )
    return table


def _remark(step: StepProgress) -> RenderableType:
    if step.percent is None:
        return Text(visible_line(step.note), style="dim" if step.status is StepStatus.DONE else "")
    remark = Table.grid(padding=(0, 1))
    remark.add_row(
        ProgressBar(total=100, completed=step.percent, width=_BAR_WIDTH), f"{step.percent:>3} %"
    )
    return remark
