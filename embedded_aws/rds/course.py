"""Walks a resource through the statuses of an operation."""

from collections.abc import Callable

from embedded_aws.rds.progress import Course
from embedded_aws.rds.schedule import Entry, Schedule


class Run:
    """A course that is under way; it can be broken off."""

    def __init__(
        self,
        schedule: Schedule,
        course: Course,
        *,
        show: Callable[[str], None],
        done: Callable[[str], None],
    ) -> None:
        self._schedule = schedule
        self._remaining = list(course.phases)
        self._final = course.final
        self._show = show
        self._done = done
        self._next: Entry | None = None
        self.running = True
        self._step()

    def _step(self) -> None:
        if not self.running:
            return
        if not self._remaining:
            self.running = False
            self._done(self._final)
            return
        phase = self._remaining.pop(0)
        self._show(phase.status)
        self._next = self._schedule.after(phase.seconds, self._step)

    def cancel(self) -> None:
        """Nothing of it happens any more."""
        self.running = False
        if self._next is not None:
            self._next.cancel()
