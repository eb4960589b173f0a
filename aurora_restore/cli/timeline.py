"""The steps of an execution as a Gantt chart in text."""

from datetime import UTC, datetime

from rich import box
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from aurora_restore.cli.course import elapsed
from aurora_restore.cli.progress import ExecutionProgress


class Span:
    """A bar from one share of the width to another."""

    def __init__(self, begin: float, end: float) -> None:
        self._begin = begin
        self._end = end

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Return a line as wide as there is room."""
        width = options.max_width
        first = min(int(self._begin * width), width - 1)
        last = max(first + 1, round(self._end * width))
        yield Text(" " * first + ("=" if options.ascii_only else "━") * (last - first), "cyan")


def timeline(progress: ExecutionProgress, now: datetime | None = None) -> Table:
    """Return a table of when each step began, how long it took, and how often it was called.

    ``now`` is the end of what is still under way.
    """
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="dim")
    table.add_column("Step", no_wrap=True)
    for name in ("Began after", "Took", "Calls"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", ratio=1, min_width=10)
    table.expand = True
    started = progress.started or datetime.now(UTC)
    end = progress.ended or now
    whole = progress.seconds(end or started) or 1.0
    for number, step in enumerate(progress.steps, start=1):
        name = f"{number:>2} {step.name}"
        if step.started is None:
            table.add_row(name, "", "", "", "")
            continue
        begin = (step.started - started).total_seconds()
        took = step.seconds(end or step.started) or 0.0
        table.add_row(
            name,
            elapsed(begin),
            elapsed(took),
            str(step.calls),
            Span(begin / whole, (begin + took) / whole),
        )
    return table
