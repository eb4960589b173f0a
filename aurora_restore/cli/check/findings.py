"""What was found in AWS of what an environment needs."""

from dataclasses import dataclass
from enum import StrEnum


class Readiness(StrEnum):
    """What a finding means for a deployment, and for the runs after it."""

    OK = "ok"
    UNKNOWN = "unknown"
    PROBLEM = "problem"


@dataclass(frozen=True, kw_only=True)
class OnlineFinding:
    """One thing that was looked at."""

    level: Readiness
    text: str
    remedy: str = ""
    """What to do about it; empty where the text says it, or there is nothing to do."""


def ok(text: str) -> OnlineFinding:
    """Return the finding that something is as it should be."""
    return OnlineFinding(level=Readiness.OK, text=text)


def unknown(text: str, remedy: str = "") -> OnlineFinding:
    """Return the finding that something could not be looked at."""
    return OnlineFinding(level=Readiness.UNKNOWN, text=text, remedy=remedy)


def problem(text: str, remedy: str) -> OnlineFinding:
    """Return the finding of what will make a deployment or a run fail."""
    return OnlineFinding(level=Readiness.PROBLEM, text=text, remedy=remedy)
