"""What a look at an environment has found: by `check` before it is deployed, by `doctor` after."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


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
