"""The clock of an execution, which runs faster while the execution waits."""

import threading
import time


class ExecutionClock:
    """Seconds that an execution believes to have passed.

    Waits are shortened by a scale, tasks are not. So that time-outs still relate to waits as they
    would on AWS, a wait counts with its full length.
    """

    def __init__(self, scale: float) -> None:
        self._scale = scale
        self._lock = threading.Lock()
        self._passed = 0.0
        self._since = time.monotonic()
        self._rate = 1.0

    def elapsed(self) -> float:
        """Return the seconds since the clock was created, in the execution's time."""
        with self._lock:
            return self._passed + (time.monotonic() - self._since) * self._rate

    def sleep(self, seconds: float) -> None:
        """Let ``seconds`` of the execution's time pass, in their scaled length."""
        if self._scale <= 0:
            with self._lock:
                self._passed += seconds
            return
        self._run_at(1 / self._scale)
        time.sleep(seconds * self._scale)
        self._run_at(1.0)

    def _run_at(self, rate: float) -> None:
        with self._lock:
            now = time.monotonic()
            self._passed += (now - self._since) * self._rate
            self._since, self._rate = now, rate
