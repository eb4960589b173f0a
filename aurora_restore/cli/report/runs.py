"""The runs of a period, as the report shows them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Any, Final

from aurora_restore.cli.progress import ExecutionProgress, execution_progress
from aurora_restore.shared.common import parse_timestamp
from aurora_restore.shared.cost import ApproximateCost
from aurora_restore.shared.interruption import interruptions
from aurora_restore.shared.operation_state import OperationState
from aurora_restore.shared.sequences import StepSequence


class RunOutcome(StrEnum):
    """How a run has ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"
    RUNNING = "running"


OUTCOMES: Final[Mapping[str, RunOutcome]] = {
    "SUCCEEDED": RunOutcome.SUCCEEDED,
    "ABORTED": RunOutcome.STOPPED,
    "RUNNING": RunOutcome.RUNNING,
    "PENDING_REDRIVE": RunOutcome.RUNNING,
}
"""The outcome for each status of an execution; every other one is a failure."""


@dataclass(frozen=True, kw_only=True)
class RunFailure:
    """One failure of a run, which may have been continued since."""

    moment: datetime
    step: str | None
    error_type: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Run:
    """One operation, with all executions that have worked on it."""

    operation_id: str
    restore: str
    sequence: str
    started: datetime
    ended: datetime | None = None
    """None while it is under way."""
    outcome: RunOutcome
    step_seconds: Mapping[str, float] = field(default_factory=dict)
    """How long each step has worked, without the time in which nothing ran."""
    idle_seconds: float = 0.0
    """How long it has waited to be continued after a failure."""
    failures: tuple[RunFailure, ...] = ()
    snapshot_age_seconds: float | None = None
    """How old the snapshot was when the run began."""
    gone_since: datetime | None = None
    """When the target began to be deleted."""
    handed_over: datetime | None = None
    """When clients were let in to the restored cluster."""
    interruption_seconds: float | None = None
    """For how long clients could not work; None where it is not known, or not over yet."""
    approximate_cost: ApproximateCost | None = None
    """None where it is not known, or while it is under way."""

    @property
    def is_over(self) -> bool:
        """Return whether it has ended, by itself or not."""
        return self.outcome is not RunOutcome.RUNNING

    @property
    def has_unknown_cost(self) -> bool:
        """Return whether it is over, and it is not known what it has cost, or not all of it."""
        cost = self.approximate_cost
        return self.is_over and (cost is None or bool(cost.lacking))

    @property
    def was_continued(self) -> bool:
        """Return whether it went on after a failure."""
        return len(self.failures) > (self.outcome in (RunOutcome.FAILED, RunOutcome.STOPPED))

    def seconds(self, now: datetime) -> float:
        """Return how long it took from the first start to the last end, or has taken so far."""
        return max(0.0, ((self.ended or now) - self.started).total_seconds())


@dataclass(frozen=True, kw_only=True)
class ExecutionFacts:
    """One execution of an operation, with its history."""

    started: datetime
    ended: datetime | None
    status: str
    events: Sequence[Mapping[str, Any]]


def make_run(
    operation_id: str,
    restore: str,
    sequence: StepSequence,
    executions: Sequence[ExecutionFacts],
    state: OperationState,
    now: datetime,
    cost: ApproximateCost | None = None,
) -> Run:
    """Return the run that an operation is; its executions stand in the order of their start."""
    last = executions[-1]
    failures: list[RunFailure] = []
    waits: list[timedelta] = []
    worked = defaultdict(float, dict.fromkeys(sequence.steps, 0.0))
    for execution in executions:
        pauses = list(_pauses(execution.events))
        waits += [until - since for since, until in pauses]
        failures += _failures(execution.events, sequence)
        progress = execution_progress(execution.events, sequence)
        for step, seconds in _step_seconds(progress, pauses, now):
            worked[step] += seconds
    waits += [
        max(after.started - (before.ended or after.started), timedelta())
        for before, after in pairwise(executions)
    ]
    started = executions[0].started
    return Run(
        operation_id=operation_id,
        restore=restore,
        sequence=sequence.name,
        started=started,
        ended=last.ended,
        outcome=OUTCOMES.get(last.status, RunOutcome.FAILED),
        step_seconds={step: seconds for step, seconds in worked.items() if seconds > 0},
        idle_seconds=sum(wait.total_seconds() for wait in waits),
        failures=tuple(failures),
        snapshot_age_seconds=_seconds_between(state.snapshot_created_at, started),
        gone_since=_moment(state.delete_started_at) if sequence.name == "replace" else None,
        handed_over=_moment(state.handed_over_at),
        interruption_seconds=state.interruption_seconds,
        approximate_cost=cost,
    )


def _failures(events: Sequence[Mapping[str, Any]], sequence: StepSequence) -> Iterator[RunFailure]:
    """Yield every end without success in a history, which goes on where it was redriven."""
    for number, event in enumerate(events, start=1):
        if not _is_end(event):
            continue
        failure = execution_progress(events[:number], sequence).failure
        if failure is not None:
            yield RunFailure(
                moment=event["timestamp"],
                step=failure.step,
                error_type=failure.error_type,
                message=failure.message,
            )


def _is_end(event: Mapping[str, Any]) -> bool:
    return event["type"] in ("ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted")


def _pauses(events: Iterable[Mapping[str, Any]]) -> Iterator[tuple[datetime, datetime]]:
    """Yield from when until when an execution stood still before it was redriven."""
    ended: datetime | None = None
    for event in events:
        if _is_end(event):
            ended = event["timestamp"]
        elif event["type"] == "ExecutionRedriven" and ended is not None:
            yield ended, event["timestamp"]


def _step_seconds(
    progress: ExecutionProgress, pauses: Iterable[tuple[datetime, datetime]], now: datetime
) -> Iterator[tuple[str, float]]:
    pauses = list(pauses)
    for step in progress.steps:
        if step.started is None:
            continue
        end = step.ended or progress.ended or now
        idle = sum(_overlap(pause, (step.started, end)) for pause in pauses)
        yield step.name, max(0.0, (end - step.started).total_seconds() - idle)


def _overlap(one: tuple[datetime, datetime], other: tuple[datetime, datetime]) -> float:
    since, until = max(one[0], other[0]), min(one[1], other[1])
    return max(0.0, (until - since).total_seconds())


def _moment(stored: str | None) -> datetime | None:
    return None if stored is None else parse_timestamp(stored)


def _seconds_between(stored: str | None, until: datetime) -> float | None:
    since = _moment(stored)
    return None if since is None else max(0.0, (until - since).total_seconds())


def with_interruptions(runs: Iterable[Run]) -> tuple[Run, ...]:
    """Return the runs by their start, with the interruption of a target that is replaced."""
    ordered = sorted(runs, key=lambda each: each.started)
    found = zip(ordered, interruptions(ordered), strict=True)
    return tuple(replace(run, interruption_seconds=took) for run, took in found)
