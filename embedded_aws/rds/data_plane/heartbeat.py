"""A thread that does what has to be done again and again while servers run."""

import threading
from collections.abc import Callable, Sequence

_PAUSE_SECONDS = 1.0
_PATIENCE_SECONDS = 10.0


class Heartbeat:
    """Calls each task once a second, one after the other."""

    def __init__(self, tasks: Sequence[Callable[[], None]]) -> None:
        self._tasks = tasks
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rds-heartbeat", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        self._thread.join(_PATIENCE_SECONDS)

    def _run(self) -> None:
        while not self._stopped.wait(_PAUSE_SECONDS):
            for task in self._tasks:
                task()
