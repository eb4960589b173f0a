"""What is printed, and how: tables for people, JSON for programs, sentences for errors."""

import io
import json
import os
import sys
import textwrap
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
from aurora_restore.shared.notices import notice
from aurora_restore.shared.visible import visible, visible_json

_NARROWEST: Final = 40
_PIPED_WIDTH: Final = 160
"""For a file or a program, whose width nobody knows."""

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
    console = _Console(file=stream, highlight=False, markup=False, emoji=False, soft_wrap=False)
    if console.is_terminal or "COLUMNS" in os.environ:
        return console
    return _Console(file=stream, highlight=False, markup=False, emoji=False, width=_PIPED_WIDTH)


def print_json(document: Any) -> None:
    """Print a document as JSON."""
    print_as_is(json_text(document, indent=2))


def json_text(document: Any, *, indent: int | None = None) -> str:
    """Return a document as JSON, with every letter as it is and no control character."""
    return visible_json(
        json.dumps(json_safe(document), indent=indent, ensure_ascii=False, default=str)
    )


def print_as_is(text: str) -> None:
    """Print a text without any change. Raises OutputClosedError."""
    try:
        print(text, flush=True)
    except BrokenPipeError as error:
        raise OutputClosedError from error


def say(text: str) -> None:
    """Print a sentence on standard output."""
    make_console().print(visible(text), soft_wrap=True)


def note(text: str) -> None:
    """Print a sentence beside the output, on standard error."""
    make_console(errors=True).print(visible(text), soft_wrap=True)


def heading(console: Console, text: str) -> None:
    """Begin a part."""
    console.print()
    console.print(Text(visible(text), style="bold"))


def indented(
    console: Console, text: str, by: int = 2, *, hanging: int = 0, style: str = ""
) -> None:
    """Print a text that is indented as a whole, the lines after the first by ``hanging`` more.

    Nothing is broken within a word: a name can be copied as a whole.
    """
    lines = textwrap.wrap(
        visible(text),
        max(console.width, _NARROWEST),
        initial_indent=" " * by,
        subsequent_indent=" " * (by + hanging),
        break_long_words=False,
        break_on_hyphens=False,
    )
    for line in lines:
        console.print(Text(line, style), soft_wrap=True)


def bullets(console: Console, sentences: Iterable[str]) -> None:
    """Print sentences one below the other, each indented."""
    for sentence in sentences:
        indented(console, sentence)


def part(console: Console, title: str, sentences: Iterable[str], *, hanging: int = 2) -> None:
    """Print a heading, and sentences one below the other; nothing where there are none."""
    if listed := list(sentences):
        heading(console, title)
        for sentence in listed:
            indented(console, sentence, hanging=hanging)


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


def pairs(console: Console, facts: Mapping[str, str | None]) -> None:
    """Print names and values, without those that have no value."""
    known = {name: value for name, value in facts.items() if value}
    widest = max(map(len, known), default=0)
    for name, value in known.items():
        indented(console, f"{name:<{widest}}  {value}", hanging=widest + 2)


def shown_path(file: Path) -> str:
    """Return a path as one types it here."""
    absolute, here = file.absolute(), Path.cwd()
    return str(absolute.relative_to(here) if absolute.is_relative_to(here) else file)


def duration(seconds: float | None) -> str:
    """Return a duration as people say it; nothing where it is not known."""
    return "" if seconds is None else notice.duration(seconds)


def moment(value: datetime | None) -> str:
    """Return a moment in UTC, to the second."""
    return "" if value is None else f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"
