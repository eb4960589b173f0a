"""What is printed, and how: tables for people, JSON for programs, sentences for errors."""

import io
import json
import os
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from aurora_restore.cli.errors import OutputClosedError
from aurora_restore.shared.common import json_safe

_PIPED_WIDTH: Final = 160
"""For a file or a program, whose width nobody knows."""
_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR

STATUS_STYLES: Final[Mapping[str, str]] = {
    "RUNNING": "bold cyan",
    "PENDING_REDRIVE": "bold cyan",
    "SUCCEEDED": "green",
    "FAILED": "bold red",
    "TIMED_OUT": "bold red",
    "ABORTED": "yellow",
}
"""How the status of an execution is shown."""

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
"""The option of every command that reads."""


class _Console(Console):
    """A console that says when its output is closed."""

    def on_broken_pipe(self) -> None:
        """Raise OutputClosedError."""
        raise OutputClosedError


def make_console(*, errors: bool = False) -> Console:
    """Return a console on standard output, or on standard error.

    A character that it cannot encode becomes a question mark. NO_COLOR and COLUMNS count.
    """
    stream = sys.stderr if errors else sys.stdout
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="replace")
    console = _Console(file=stream, highlight=False, markup=False, soft_wrap=False)
    if console.is_terminal or "COLUMNS" in os.environ:
        return console
    return _Console(file=stream, highlight=False, markup=False, width=_PIPED_WIDTH)


def print_json(document: Any) -> None:
    """Print a document as JSON."""
    print_as_is(json.dumps(json_safe(document), indent=2, ensure_ascii=False, default=str))


def print_as_is(text: str) -> None:
    """Print a text without any change. Raises OutputClosedError."""
    try:
        print(text, flush=True)
    except BrokenPipeError as error:
        raise OutputClosedError from error


def say(text: str) -> None:
    """Print a sentence on standard output."""
    make_console().print(text, soft_wrap=True)


def note(text: str) -> None:
    """Print a sentence beside the output, on standard error."""
    make_console(errors=True).print(text, soft_wrap=True)


def heading(console: Console, text: str) -> None:
    """Begin a part."""
    console.print()
    console.print(Text(text, style="bold"))


def indented(console: Console, text: str | Text, by: int = 2) -> None:
    """Print a text that is indented as a whole, without spaces at the ends of its lines."""
    for line in (Text(text) if isinstance(text, str) else text).wrap(console, console.width - by):
        line.rstrip()
        console.print(Text(" " * by) + line, no_wrap=True, overflow="ignore", crop=False)


def bullets(console: Console, sentences: Iterable[str]) -> None:
    """Print sentences one below the other, each indented as a whole."""
    for sentence in sentences:
        indented(console, sentence)


def plain_table(*columns: str, right: Iterable[str] = (), folded: Iterable[str] = ()) -> Table:
    """Return a table without borders; ``folded`` columns may be broken into lines."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(
            column,
            justify="right" if column in right else "left",
            no_wrap=column not in folded,
            overflow="fold",
        )
    return table


def pairs(console: Console, facts: Mapping[str, str | Text | None]) -> None:
    """Print names and values, without those that have no value."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in facts.items():
        if value:
            grid.add_row(name, value)
    console.print(grid)


def shown_path(file: Path) -> str:
    """Return a path as one types it here."""
    absolute, here = file.absolute(), Path.cwd()
    return str(absolute.relative_to(here) if absolute.is_relative_to(here) else file)


def duration(seconds: float | None) -> str:
    """Return a duration as people say it: 48 s, 12 min, 3 h 05 min, 2 d 4 h."""
    if seconds is None:
        return ""
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02} s"
    if whole < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02} min"
    return f"{whole // _DAY} d {whole % _DAY // _HOUR} h"


def moment(value: datetime | None) -> str:
    """Return a moment in UTC, to the second."""
    return "" if value is None else f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"
