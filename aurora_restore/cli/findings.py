"""What a look at an environment has found: by `check` before it is deployed, by `doctor` after."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from aurora_restore.cli.output import heading
from aurora_restore.shared.visible import visible


class Level(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    UNKNOWN = "unknown"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, kw_only=True)
class Observation:
    """One thing that was looked at."""

    level: Level
    text: str
    remedy: str = ""
    """What to do about it; empty where there is nothing to do."""


def ok(text: str) -> Observation:
    """Return the finding that something is as it should be."""
    return Observation(level=Level.OK, text=text)


def unknown(text: str, remedy: str = "") -> Observation:
    """Return the finding that something could not be looked at."""
    return Observation(level=Level.UNKNOWN, text=text, remedy=remedy)


def warning(text: str, remedy: str = "") -> Observation:
    """Return the finding of what may be wrong, or is wrong soon."""
    return Observation(level=Level.WARNING, text=text, remedy=remedy)


def problem(text: str, remedy: str) -> Observation:
    """Return the finding of what makes a deployment or a run fail, or a failure unnoticed."""
    return Observation(level=Level.PROBLEM, text=text, remedy=remedy)


def listed(names: Iterable[str]) -> str:
    """Return names as a text, in order and each once."""
    return ", ".join(sorted(set(names)))


Found = Mapping[str, Iterable[Observation]]
"""What was found, by subject."""

_SIGNS: Final = {
    Level.OK: ("ok", "green"),
    Level.UNKNOWN: ("unknown", "dim"),
    Level.WARNING: ("warning", "yellow"),
    Level.PROBLEM: ("PROBLEM", "bold red"),
}


def has_problem(found: Found) -> bool:
    """Return whether anything that was found is a problem."""
    return any(each.level is Level.PROBLEM for each in _all_of(found))


def count(found: Found, level: Level) -> int:
    """Return how many findings are of a level."""
    return sum(each.level is level for each in _all_of(found))


def _all_of(found: Found) -> list[Observation]:
    return [each for findings in found.values() for each in findings]


def as_json(found: Found) -> dict[str, Any]:
    """Return what was found as ``--json`` prints it."""
    return {subject: [asdict(each) for each in findings] for subject, findings in found.items()}


def sign_of(level: Level) -> Text:
    """Return the word for a level, in its colour."""
    return Text(*_SIGNS[level])


def show_found(console: Console, found: Found) -> None:
    """Print the findings of each subject, below its name."""
    for subject, findings in found.items():
        heading(console, subject)
        show_rows(console, [(sign_of(each.level), _text_of(each)) for each in findings])


def show_rows(console: Console, rows: Iterable[tuple[Text, Text]]) -> None:
    """Print signs, and what is said of each beside it."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for row in rows:
        grid.add_row(*row)
    if grid.row_count:
        console.print(grid)


def _text_of(finding: Observation) -> Text:
    remedy = [(f"\n{visible(finding.remedy)}", "dim")] if finding.remedy else []
    return Text.assemble(visible(finding.text), *remedy)
