"""How many state transitions a run takes, which is what Step Functions charges for."""

from collections.abc import Mapping, Sequence
from typing import Final

from aurora_restore.reference.looks import look_until_seen, rule_of_steps
from aurora_restore.shared.documents.restore import Polling
from aurora_restore.shared.pipeline import get_step
from aurora_restore.shared.sequences import REPLACE
from aurora_restore.shared.waiting import REMEMBERED

ENTRANCE: Final = 2
"""The Choices "Delayed start?" and "Start at", which every execution begins with."""

FIRST_RUN: Final = 0
LATER_RUN: Final = REMEMBERED
"""How many durations are remembered."""


def calls(
    polling: Polling,
    waits: Sequence[float],
    remembered: int = FIRST_RUN,
    *,
    inside: bool = True,
) -> int:
    """Return how often a step is called that waits for one thing after another.

    ``waits`` are the seconds that each takes, as in all the runs that are ``remembered``;
    ``inside`` is whether the step waits inside the function, too.
    """
    number, stayed = 1, 0.0
    rule = rule_of_steps(polling, inside=inside)
    for seconds in waits:
        found = look_until_seen(rule, seconds, durations=[seconds] * remembered, stayed=stayed)
        number, stayed = number + found.calls_again, found.stayed
    return number


def transitions(
    polling: Polling, waits: Mapping[str, Sequence[float]], remembered: int = FIRST_RUN
) -> int:
    """Return how many states a run enters, if each step has to wait for its seconds.

    A step that may wait is a Task and a Choice for each call, and a Wait between two calls; any
    other is a Task. A retry of a Task counts as one more, and none is assumed here.
    """
    total = ENTRANCE
    for step in map(get_step, REPLACE.path_from(REPLACE.first)):
        if step.waits:
            inside = not step.reaches_database
            number = calls(polling, waits.get(step.name, ()), remembered, inside=inside)
            total += 3 * number - 1
        else:
            total += 1
    return total
