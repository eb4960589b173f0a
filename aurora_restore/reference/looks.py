"""How often something is looked at until its end is seen, by the rule that the steps use."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aurora_restore.shared.documents.restore import Polling
from aurora_restore.shared.waiting import (
    MOST_INSIDE_SECONDS,
    CallAgain,
    StayInside,
    Waiting,
    chance_of,
    next_look,
)

Rule = Callable[[Waiting, float], StayInside | CallAgain]
"""Returns when to look again, by what is known and for how long the call may stay."""


@dataclass(frozen=True)
class Looks:
    """What it took to see the end of something."""

    calls_again: int = 0
    """How often the function was called again, each time after a Wait."""
    looks: int = 1
    """How often something was looked at, the first time included."""
    inside: float = 0.0
    """The seconds that the functions slept."""
    late: float = 0.0
    """The seconds from the end until it was seen."""
    stayed: float = 0.0
    """The seconds that the last call has slept."""


def rule_of_steps(
    polling: Polling, *, operation_id: str = "operation", thing: str = "thing", inside: bool = True
) -> Rule:
    """Return the rule of the steps, or of those that never wait ``inside`` the function."""

    def rule(waiting: Waiting, seconds_inside: float) -> StayInside | CallAgain:
        chance = chance_of(operation_id, thing, waiting.waited)
        return next_look(
            polling, waiting, seconds_inside=seconds_inside if inside else None, chance=chance
        )

    return rule


def look_until_seen(
    rule: Rule,
    duration: float,
    *,
    durations: Sequence[float] = (),
    usual: float | None = None,
    before: float = 0.0,
    progress: Callable[[float], float | None] = lambda _: None,
    stayed: float = 0.0,
    call_seconds: float = 0.0,
) -> Looks:
    """Return how often something is looked at that takes so many seconds.

    ``durations``, ``usual`` and ``before`` are what is known of it; ``progress`` returns what AWS
    reports after so many seconds; ``stayed`` is for how long the call has waited inside the
    function for what came before; ``call_seconds`` pass in each call before it looks.
    """
    waited, again, looks, inside = 0.0, 0, 1, 0.0
    seen, since = progress(0.0), 0.0
    while waited < duration:
        if progress(waited) != seen:
            seen, since = progress(waited), waited
        waiting = Waiting(
            waited=waited,
            progress=seen,
            unchanged=waited - since,
            durations=durations,
            usual=usual,
            before=before,
        )
        look = rule(waiting, MOST_INSIDE_SECONDS - stayed)
        waited += look.seconds
        looks += 1
        if isinstance(look, StayInside):
            inside += look.seconds
            stayed += look.seconds
        else:
            waited += call_seconds
            again, stayed = again + 1, 0.0
    return Looks(again, looks, inside, waited - duration, stayed)
