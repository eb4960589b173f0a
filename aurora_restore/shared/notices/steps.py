"""Which steps an operation has taken, how long each was, and how often it was called."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from aurora_restore.shared.common import parse_timestamp
from aurora_restore.shared.notices.notice import duration
from aurora_restore.shared.pipeline import STEP_NAMES
from aurora_restore.shared.protocol import HOOK, RESTART_FROM, RETRY_AFTER
from aurora_restore.shared.state_utils import FAILED, IN_PROGRESS, REFUSED


@dataclass(frozen=True)
class StepTaken:
    """A step, from the end of the one before to its own. A step may be taken more than once."""

    step: str
    calls: int
    failures: int
    seconds: float | None
    """None for the first one, if it is not known when the operation began."""


def steps_taken(audit: Iterable[Mapping[str, Any]], began: str | None) -> Iterator[StepTaken]:
    """Yield the steps of an operation from its events in the audit table, in their order.

    ``began`` is when the operation did.
    """
    before = None if began is None else parse_timestamp(began)
    for step, group in groupby(filter(_is_call, audit), key=lambda event: str(event["step"])):
        events = list(group)
        end = parse_timestamp(str(events[-1]["timestamp"]))
        yield StepTaken(
            step=step,
            calls=len(events),
            failures=sum(event["status"] == FAILED for event in events),
            seconds=None if before is None else max(0.0, (end - before).total_seconds()),
        )
        before = end


def _is_call(event: Mapping[str, Any]) -> bool:
    """Return whether an event is the end of a step's call.

    A step may append others while it works, and the command line appends who has asked for what.
    """
    if event["step"] not in STEP_NAMES:
        return False
    if event["status"] == IN_PROGRESS:
        return not event["details"].keys().isdisjoint((HOOK, RETRY_AFTER, RESTART_FROM))
    return bool(event["status"] != REFUSED)


def calls_by_step(taken: Iterable[StepTaken]) -> dict[str, int]:
    """Return how often each step was called in all."""
    found: Counter[str] = Counter()
    for each in taken:
        found[each.step] += each.calls
    return dict(found)


def seconds_of(step: str, taken: Iterable[StepTaken]) -> float:
    """Return how long a step took, each time that it was taken."""
    return sum(each.seconds or 0.0 for each in taken if each.step == step)


def steps_in_words(taken: Iterable[StepTaken]) -> Iterator[str]:
    """Yield each step in a line."""
    for each in taken:
        took = "done" if each.seconds is None else duration(each.seconds)
        calls = f", {each.calls} calls" if each.calls > 1 else ""
        failed = f", {each.failures} failed" if each.failures else ""
        yield f"{each.step}: {took}{calls}{failed}"
