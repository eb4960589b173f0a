"""Time, as the emulator sees it: the real clock, faster if wanted, or one that a test moves."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the time, and how much faster than in AWS operations go by."""

    @property
    def speed(self) -> float:
        """How many seconds of an operation's documented duration pass in one second."""
        ...

    def now(self) -> datetime:
        """Return the present instant, in UTC."""
        ...


class RealClock:
    """Wall-clock time. Only durations are divided by ``speed``: a timestamp stays a true one."""

    def __init__(self, speed: float = 1.0) -> None:
        if speed <= 0:
            raise ValueError(f"speed must be positive, not {speed!r}")
        self._speed = speed
        self._origin = datetime.now(UTC)
        self._monotonic_origin = time.monotonic()

    @property
    def speed(self) -> float:
        """See :class:`Clock`."""
        return self._speed

    def now(self) -> datetime:
        """See :class:`Clock`; never goes back, whatever is done to the machine's clock."""
        return self._origin + timedelta(seconds=time.monotonic() - self._monotonic_origin)


class ManualClock:
    """A clock that stands still until it is advanced."""

    speed = 1.0

    def __init__(self, start: datetime = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)) -> None:
        self._now = start

    def now(self) -> datetime:
        """See :class:`Clock`."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move the time on."""
        if seconds < 0:
            raise ValueError("time does not go back")
        self._now += timedelta(seconds=seconds)
