"""What one call of a step does about its waiting: keep the clock, and choose the next look."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from typing import Final

from aurora_restore.shared.awaited import Awaited
from aurora_restore.shared.common import parse_timestamp
from aurora_restore.shared.documents.restore import Polling
from aurora_restore.shared.durations import EarlierDurations
from aurora_restore.shared.job import Answer, Job
from aurora_restore.shared.protocol import RESTART_FROM, RETRY_AFTER
from aurora_restore.shared.state_utils import seconds_since
from aurora_restore.shared.waiting import (
    MOST_INSIDE_SECONDS,
    CallAgain,
    StayInside,
    Waiting,
    chance_of,
    next_look,
)

LOOK_SECONDS: Final = 60
"""How long a call may take from its last look on, however slow AWS is."""
ATTEMPT_AFTER_SECONDS: Final = 15
ATTEMPT_AFTER_FRACTION: Final = 0.1
"""After which time, and which share of the time already waited, something is tried again."""


@dataclass(frozen=True)
class StepWait:
    """The waiting of one call."""

    began: datetime
    durations: EarlierDurations

    def keep_clock(self, job: Job, answer: Answer) -> Answer:
        """Return the answer with the clock of what it waits for.

        What is over is added to the durations of the restore, if the operation has seen all of it.
        """
        state = answer.state or job.state
        awaited, clocks = answer.awaited, dict[str, str]()
        if awaited is not None:
            name = awaited.value.name
            clocks[name] = state.waiting_since.get(name, job.now)
        if job.execution is not None and job.execution.redrive_count == 0 and _is_good(answer):
            self._remember(job, state.waiting_since, awaited)
        since = state.progress_since if answer.progress == state.progress else job.now
        state = replace(
            state,
            waiting_since=clocks,
            progress=answer.progress,
            progress_since=None if answer.progress is None else since,
        )
        return replace(answer, state=state)

    def next_look(self, job: Job, answer: Answer, *, has_lock: bool) -> StayInside | CallAgain:
        """Return when to look again at what an answer waits for, whose clock is kept.

        Only an execution that has the target's lock waits inside the function: a direct call
        returns immediately. A step that has chosen its time, or works in databases, does not.
        """
        awaited = answer.awaited
        if awaited is None:
            raise ValueError("nothing is waited for")
        state = answer.state or job.state
        since = state.waiting_since.get(awaited.value.name, job.now)
        waited = seconds_since(since, job.clock())
        may_stay = has_lock and RETRY_AFTER not in answer.body
        return next_look(
            _polling_of(job, awaited),
            Waiting(
                waited=waited,
                progress=answer.progress,
                unchanged=seconds_since(state.progress_since or since, job.clock()),
                durations=self.durations.of(awaited),
                usual=self.durations.usual(awaited),
                before=_seconds_before(job, since),
            ),
            seconds_inside=self._seconds_inside(job, awaited) if may_stay else None,
            chance=chance_of(job.operation_id, awaited.value.name, waited),
        )

    def _seconds_inside(self, job: Job, awaited: Awaited) -> float | None:
        """Return for how long the call may still wait inside; None if the step never does."""
        if job.execution is None or job.step.reaches_database or awaited.value.attempted:
            return None
        spent = (job.clock() - self.began).total_seconds()
        return min(MOST_INSIDE_SECONDS - spent, job.remaining_seconds - LOOK_SECONDS)

    def _remember(self, job: Job, clocks: Mapping[str, str], awaited: Awaited | None) -> None:
        for each in Awaited:
            since = clocks.get(each.value.name)
            if since is not None and each is not awaited:
                self.durations.add(each, seconds_since(since, job.clock()), job.clock())


def _seconds_before(job: Job, since: str) -> float:
    """Return for how long the run had been at work at a moment.

    A redriven execution has paused since its operation began, so that says nothing of its run.
    """
    if job.execution is None or job.execution.redrive_count:
        return 0.0
    return seconds_since(job.started_at, parse_timestamp(since))


def _polling_of(job: Job, awaited: Awaited) -> Polling:
    """Return how often something is looked at: what may fail again is left some time."""
    polling = job.restore.polling
    if not awaited.value.attempted:
        return polling
    return replace(
        polling,
        floor_seconds=max(polling.floor_seconds, ATTEMPT_AFTER_SECONDS),
        fraction=max(polling.fraction, ATTEMPT_AFTER_FRACTION),
    )


def _is_good(answer: Answer) -> bool:
    """Return whether an answer says that the operation goes on."""
    goes_on = answer.status in (HTTPStatus.OK, HTTPStatus.ACCEPTED)
    return goes_on and not answer.only_looked and RESTART_FROM not in answer.body
