"""For how long clients could not work because of a run.

A target that is replaced is gone from its deletion to its hand-over, which may be that of a later
run: the interruption counts for the run that has ended it. A switch measures its own.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Protocol


class InterruptingRun(Protocol):
    """What is to be known of a run."""

    @property
    def restore(self) -> str:
        """Return the restore that it was one of."""

    @property
    def gone_since(self) -> datetime | None:
        """Return when the target began to be deleted; None where it is not replaced."""

    @property
    def handed_over(self) -> datetime | None:
        """Return when clients were let in to the restored cluster."""

    @property
    def interruption_seconds(self) -> float | None:
        """Return what the run itself has measured."""


def interruptions(runs: Iterable[InterruptingRun]) -> Iterator[float | None]:
    """Yield the interruption of each run in seconds; None where it is not known, or not over yet.

    The runs stand in the order of their start.
    """
    gone: dict[str, datetime] = {}
    for run in runs:
        took = run.interruption_seconds
        if run.gone_since is not None:
            since = gone.setdefault(run.restore, run.gone_since)
            if run.handed_over is not None:
                del gone[run.restore]
                took = max(0.0, (run.handed_over - since).total_seconds())
        yield took
