"""The scheduler: a queue of future actions, which run at the next request.

Nothing runs in the background. Each call to the emulator first settles the queue: whatever fell
due since the last call happens now, in order of its time, and sees that time as the present. So
the fifth copy that ended an hour ago let the sixth begin an hour ago, not just now.
"""

import heapq
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from embedded_aws.rds.clock import Clock

Action = Callable[[], None]


@dataclass(order=True)
class ScheduledAction:
    """One future change; it can be called off."""

    due: datetime
    number: int
    action: Action = field(compare=False)
    cancelled: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        """Cancel the action."""
        self.cancelled = True


class Scheduler:
    """Future changes in the order in which they fall due."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: list[ScheduledAction] = []
        self._numbers = itertools.count()
        self._event_time: datetime | None = None

    @property
    def now(self) -> datetime:
        """The clock's time; inside a change that is being settled, the time it fell due."""
        return self._event_time if self._event_time is not None else self._clock.now()

    def after(self, seconds: float, action: Action) -> ScheduledAction | None:
        """Run ``action`` once ``seconds`` of emulated time are over; never, if infinite."""
        if math.isinf(seconds):
            return None
        due = self.now + timedelta(seconds=seconds / self._clock.speed)
        entry = ScheduledAction(due, next(self._numbers), action)
        heapq.heappush(self._entries, entry)
        return entry

    def clear(self) -> None:
        """Remove every action."""
        self._entries.clear()

    def run_due(self) -> None:
        """Run every action that is due."""
        present = self._clock.now()
        try:
            while self._entries and self._entries[0].due <= present:
                entry = heapq.heappop(self._entries)
                if not entry.cancelled:
                    self._event_time = entry.due
                    entry.action()
        finally:
            self._event_time = None

    def fraction_of(self, begun: datetime, seconds: float) -> float:
        """Return which part of an operation that takes ``seconds`` has gone by since ``begun``."""
        if seconds <= 0:
            return 1.0
        if math.isinf(seconds):
            return 0.0
        elapsed = (self.now - begun).total_seconds() * self._clock.speed
        return min(1.0, max(0.0, elapsed / seconds))
