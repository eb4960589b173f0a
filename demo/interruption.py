"""Ctrl-C and its kin, turned into an exception that unwinds everything once."""

import signal
from types import FrameType, TracebackType
from typing import Final, Self

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class InterruptedRunError(BaseException):
    """A signal asks for the end; not an ``Exception``, so that nothing takes it for a failure."""


class Interruptions:
    """A context manager in which a signal that asks for the end raises InterruptedRunError.

    It does so once, in the main thread, and no more when the end has begun of itself: what is
    ending must not be cut short.
    """

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self._ending = False
        self._before: dict[signal.Signals, signal._HANDLER] = {}

    def ending(self) -> None:
        """Only remember signals from now on."""
        self._ending = True

    @property
    def exit_status(self) -> int:
        """What a shell expects of a program that has complied with the signal; 0 without one."""
        return 0 if self.received is None else 128 + self.received

    def __enter__(self) -> Self:
        self._before = {each: signal.signal(each, self._receive) for each in SIGNALS}
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        if self.received is None:
            self.received = signal.Signals(number)
            if not self._ending:
                raise InterruptedRunError
