"""How many state transitions a run takes, which is what Step Functions charges for."""

from collections.abc import Mapping
from typing import Final

from aurora_restore.shared.documents.restore import Polling
from aurora_restore.shared.pipeline import get_step
from aurora_restore.shared.polling import next_poll
from aurora_restore.shared.sequences import REPLACE

ENTRANCE: Final = 2
"""The Choices "Delayed start?" and "Start at", which every execution begins with."""


def calls(polling: Polling, duration: float) -> int:
    """Return how often a step is called until it sees the end of what takes so many seconds."""
    waited, count = 0.0, 1
    while waited < duration:
        waited += next_poll(polling, waited)
        count += 1
    return count


def transitions(polling: Polling, durations: Mapping[str, float]) -> int:
    """Return how many states a run enters, if each step has to wait for its seconds.

    A step that may wait is a Task and a Choice for each call, and a Wait between two calls; any
    other is a Task. A retry of a Task counts as one more, and none is assumed here.
    """
    total = ENTRANCE
    for step in map(get_step, REPLACE.path_from(REPLACE.first)):
        if step.waits:
            total += 3 * calls(polling, durations.get(step.name, 0.0)) - 1
        else:
            total += 1
    return total
