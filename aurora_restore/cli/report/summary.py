"""What a row of the report's first table says: the runs of one restore in numbers."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from aurora_restore.cli.report.runs import Run, RunOutcome


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The runs of one restore in numbers."""

    restore: str
    runs: int
    succeeded: int
    continued: int
    """How many of those that succeeded had failed before, and were continued."""
    over: int
    """How many have ended, by themselves or not."""
    median_seconds: float | None
    longest_seconds: float | None
    last_success: datetime | None
    approximate_usd: float | None
    """What is known of what the runs that are over have cost; None if nothing is."""
    cost_not_known: int
    """Of how many of these runs it is not known, or not all of it."""

    @property
    def success_rate(self) -> float | None:
        """Return the share of the runs that have succeeded; None if none has ended."""
        return self.succeeded / self.over if self.over else None


def summarise(restore: str, runs: Iterable[Run]) -> Summary:
    """Return the summary of a restore's runs. The durations are those of runs that succeeded."""
    runs = list(runs)
    good = [run for run in runs if run.outcome is RunOutcome.SUCCEEDED]
    took = [run.seconds(run.started) for run in good]
    costs = [run.approximate_cost.usd for run in runs if run.approximate_cost is not None]
    return Summary(
        restore=restore,
        runs=len(runs),
        succeeded=len(good),
        continued=sum(run.was_continued for run in good),
        over=sum(run.is_over for run in runs),
        median_seconds=median(took) if took else None,
        longest_seconds=max(took, default=None),
        last_success=max((run.ended for run in good if run.ended), default=None),
        approximate_usd=sum(costs) if costs else None,
        cost_not_known=sum(run.has_unknown_cost for run in runs),
    )


def count_failures(runs: Iterable[Run]) -> list[tuple[str, str, int]]:
    """Return step, error type and how often, the most frequent first."""
    counted = Counter(
        (failure.step or "no step", failure.error_type) for run in runs for failure in run.failures
    )
    return [(step, error, count) for (step, error), count in counted.most_common()]
