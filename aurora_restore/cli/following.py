"""Following an execution until it ends, and when that is to be expected."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from statistics import median
from typing import Any, Final

from aurora_restore.cli.context import Deployment
from aurora_restore.cli.executions import (
    SUCCEEDED,
    Execution,
    recent_executions,
    sequence_of,
)
from aurora_restore.cli.history import History
from aurora_restore.cli.operations import load_state, target_of
from aurora_restore.cli.output import duration
from aurora_restore.cli.progress import ExecutionProgress, execution_progress
from aurora_restore.shared.aws_utils import call
from aurora_restore.shared.sequences import StepSequence, get_sequence

LOOK_SECONDS: Final = 2.0
"""How long to wait between two looks at the execution."""
_RUNS_COMPARED: Final = 5

Look = Callable[[ExecutionProgress], None]
"""Shows how far an execution has come, each time that it was looked at."""


@dataclass(frozen=True)
class Expectation:
    """How long earlier runs have taken."""

    seconds: float
    runs: int

    def sentence(self, progress: ExecutionProgress, now: datetime) -> str:
        """Return when a run is expected to end."""
        runs = "the last run" if self.runs == 1 else f"the last {self.runs} runs"
        if progress.started is None:
            return ""
        end = progress.started + timedelta(seconds=self.seconds)
        took = duration(self.seconds)
        if end <= now:
            return f"It takes longer than {runs} ({took})."
        rest = duration((end - now).total_seconds())
        return f"Expected end: in {rest}, at {end:%H:%M} UTC, as {runs} ({took})."


def expectation(
    earlier: Iterable[Execution], execution: Execution, only: str | None
) -> Expectation | None:
    """Return what to expect of an execution: the median of the latest whole runs of its kind.

    ``only`` is the environment's only restore, which inputs need not name. None where there was no
    such run, and where it enters at a later step or was redriven, which takes
    less.
    """
    if not _is_whole(execution):
        return None
    like_it = (
        each.seconds(each.started)
        for each in earlier
        if each.status == SUCCEEDED
        and _is_whole(each)
        and not each.is_held_back
        and (each.restore or only, each.kind) == (execution.restore or only, execution.kind)
    )
    seconds = list(islice(like_it, _RUNS_COMPARED))
    return Expectation(median(seconds), len(seconds)) if seconds else None


def _is_whole(execution: Execution) -> bool:
    return execution.redrive_count == 0 and execution.given.get("start_at") is None


def expected_of(deployment: Deployment, execution: Execution) -> Expectation | None:
    """Return what to expect of an execution, from the latest that there are."""
    only = deployment.environment.default_restore or None
    return expectation(recent_executions(deployment), execution, only)


@dataclass
class Following:
    """One execution that is looked at until it ends."""

    deployment: Deployment
    execution: Execution
    _history: History = field(init=False)
    _recorded: StepSequence | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        """Begin without having read anything."""
        self._history = History(self.deployment.step_functions, self.execution.arn)

    @property
    def events(self) -> Sequence[Mapping[str, Any]]:
        """Return the events of the execution so far, the first one first."""
        return self._history.events

    def until_end(self, look: Look, *, deadline: float | None = None) -> ExecutionProgress:
        """Look at it again and again until it ends, and return how it has ended.

        ``deadline`` is the reading of ``time.monotonic`` at which it is returned as it is then.
        """
        while True:
            call(self._history.refresh)
            progress = execution_progress(self._history.events, self._sequence())
            look(progress)
            rest = LOOK_SECONDS if deadline is None else deadline - time.monotonic()
            if progress.over or rest <= 0:
                return progress
            time.sleep(min(LOOK_SECONDS, rest))

    def _sequence(self) -> StepSequence:
        """Return its steps, which its first step records."""
        if self._recorded is not None:
            return self._recorded
        state = load_state(self.deployment, self.execution.operation_id)
        if state.sequence is not None:
            self._recorded = get_sequence(state.sequence)
            return self._recorded
        _, _, strategy = target_of(self.deployment, state, self.execution)
        return sequence_of(state, self.execution.given, strategy)
