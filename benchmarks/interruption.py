"""How long a refresh interrupts its target: `replace` beside the two ways of `switch`.

Run as ``python -m benchmarks.interruption``. Nothing is timed. It is a model from the numbers of
``benchmarks.durations``, as ranges. Where the pipeline waits by polling, its own rule is added, at
its worst. The copy of a snapshot is left out, as for a source in the target's account and Region:
it comes first in each strategy, and interrupts in none.
"""

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from aurora_restore.shared.documents.restore import Polling
from aurora_restore.shared.waiting import MOST_INSIDE_SECONDS, Waiting, next_look
from benchmarks.durations import (
    ABSENCE_CACHED,
    ADDRESS_CACHED,
    DELETION,
    FIGURES,
    HAND_OVER,
    INSTANCES,
    KEPT,
    NEW_ENDPOINT,
    OVERHEAD,
    PASSWORD,
    RENAME,
    RESTORE,
    RESTORE_PER_TB,
    RETIREMENT,
    SCRIPTS_PER_TB,
    SECRET_CACHED,
    SETUP,
    START,
    STOP,
    VERIFICATION,
    Duration,
    shown,
)

TERABYTES: Final = {"100 GB": 0.1, "1 TB": 1.0, "10 TB": 10.0}
POLLING: Final = Polling()
WIDTH: Final = 80


@dataclass(frozen=True)
class Outcome:
    """What one refresh by one strategy means."""

    does_not_serve: Duration
    run: Duration
    two_clusters: Duration | None = None
    """From the restore on until the retired cluster is deleted; None where there never are two.

    What is being created or deleted is not billed:
    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.Status.html
    """
    two_sets_of_instances: Duration | None = None
    """What of it remains for the instances if `stop_old` is set."""


def polled(duration: Duration) -> Duration:
    """Return when the end of something is seen of which no duration is remembered.

    At the latest, the last wait begins just before that end, and a wait is no shorter for beginning
    later; so it is over by then.
    """
    waiting = Waiting(waited=duration.high)
    waits = (next_look(POLLING, waiting, seconds_inside=s) for s in (0, MOST_INSIDE_SECONDS))
    return Duration(duration.low, duration.high + max(wait.seconds for wait in waits))


def replace(terabytes: float) -> Outcome:
    """Delete the target, then restore it."""
    gone = polled(DELETION.duration) + _restored(terabytes) + _opened(terabytes)
    return Outcome(gone, gone + OVERHEAD.duration)


def switch_by_rename(terabytes: float) -> Outcome:
    """Restore beside the target; then the new cluster takes its name."""
    return _switched(terabytes, polled(RENAME.duration) * 2)


def switch_by_endpoint(terabytes: float) -> Outcome:
    """Restore beside the target; then the secret and the parameter name the new cluster."""
    return _switched(terabytes, NEW_ENDPOINT.duration)


STRATEGIES: Final = {
    "replace": replace,
    "switch: rename": switch_by_rename,
    "switch: endpoint": switch_by_endpoint,
}


def _switched(terabytes: float, switch: Duration) -> Outcome:
    opened_and_switched = _opened(terabytes) + switch
    until_switched = _restored(terabytes) + opened_and_switched
    retired = KEPT.duration + RETIREMENT.duration
    return Outcome(
        does_not_serve=switch,
        run=until_switched + VERIFICATION.duration + OVERHEAD.duration,
        two_clusters=until_switched + retired,
        two_sets_of_instances=polled(PASSWORD.duration) + opened_and_switched + _until_stopped(),
    )


def _until_stopped() -> Duration:
    """Return for how long retired instances are billed in spite of `stop_old`.

    A stopped cluster has to be started before it can be deleted.
    """
    return polled(STOP.duration) + polled(START.duration)


def _restored(terabytes: float) -> Duration:
    """Return how long it takes until the cluster and its instances can be used."""
    cluster = polled(RESTORE.duration + RESTORE_PER_TB.duration * terabytes)
    return cluster + polled(INSTANCES.duration) + polled(PASSWORD.duration)


def _opened(terabytes: float) -> Duration:
    """Return how long it takes until the databases are set up, and others may connect."""
    return SETUP.duration + SCRIPTS_PER_TB.duration * terabytes + polled(HAND_OVER.duration)


CLIENTS: Final = {
    "rename: it has cached the old address": ADDRESS_CACHED.duration,
    "rename: it has cached that the name was gone": ABSENCE_CACHED.duration,
    "rename: it verifies names, which needs stop and start": STOP.duration + START.duration,
    "endpoint: it has cached the secret": SECRET_CACHED.duration,
}
"""What a strategy may cost a client on top, by what that client does."""


def rows() -> Iterator[tuple[str, str, Outcome]]:
    """Return the size, the strategy and the outcome of each line of the table."""
    for size, terabytes in TERABYTES.items():
        for name, strategy in STRATEGIES.items():
            yield size, name, strategy(terabytes)


def table() -> Iterator[str]:
    """Return the strategies beside each other, for each size."""
    yield _line("", ("does not serve", "run takes", "two clusters", "with stop_old"))
    seen = ""
    for size, name, outcome in rows():
        if size != seen:
            yield size
            seen = size
        two, stopped = outcome.two_clusters, outcome.two_sets_of_instances
        durations = (outcome.does_not_serve, outcome.run, two, stopped)
        yield _line(f"  {name}", [str(duration) if duration else "never" for duration in durations])


def sources() -> Iterator[str]:
    """Return every number with its confidence and its source."""
    for figure in FIGURES:
        yield f"{figure.what}: {figure.duration}"
        for number in dict.fromkeys((figure.low, figure.high)):
            said = f"{shown(number.seconds)}, {number.confidence}: {number.reason}"
            yield from textwrap.wrap(said, WIDTH, initial_indent="  ", subsequent_indent="    ")
            if number.url:
                yield f"    {number.url}"


def _line(name: str, cells: Sequence[str]) -> str:
    return f"{name:<20}" + "".join(f"{cell:>15}" for cell in cells)


def main() -> None:
    """Print the model, and where its numbers come from."""
    print("A model; nothing was timed. How long the target does not serve, a run takes,")
    print("two clusters are billed, and two sets of instances if stop_old is set:\n")
    print(*table(), sep="\n")
    print("\nWhat a client may wait on top of it:")
    for what, duration in CLIENTS.items():
        print(f"  {what:<60}{duration!s:>18}")
    print("\nThe numbers:")
    print(*sources(), sep="\n")


if __name__ == "__main__":
    main()
