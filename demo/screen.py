"""What is shown while the demo is under way: live on a terminal, a line per change elsewhere."""

import io
import os
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from aurora_restore.cli.course import lines_of, steps_view
from aurora_restore.cli.progress import ExecutionProgress
from aurora_restore.shared.sequences import StepSequence

_FRAMES_PER_SECOND: Final = 8
_PLAIN_WIDTH: Final = 110

Show = Callable[[ExecutionProgress], None]
"""Is called with the course of an execution as often as it is looked at."""


def make_console() -> Console:
    """Return a console on standard output, wide enough for the tables if its width is unknown.

    A character that it cannot encode becomes a question mark.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    console = Console(highlight=False, markup=False)
    if console.is_terminal or "COLUMNS" in os.environ:
        return console
    return Console(highlight=False, markup=False, width=_PLAIN_WIDTH)


def screen_for(console: Console) -> "Screen":
    """Return the screen that fits the console."""
    live = console.is_terminal and not console.is_dumb_terminal
    return LiveScreen(console) if live else PlainScreen(console)


class Activity:
    """Something under way, and what it does at the moment."""

    def __init__(self, screen: "Screen", doing: str) -> None:
        self._screen = screen
        self.doing = doing
        self.since = screen.elapsed

    def done(self, what: str, *, then: str = "") -> None:
        """Tell what has been done, in how many seconds, and what the phase goes on with."""
        now = self._screen.elapsed
        self._screen.say(Text.assemble(what, (f" ({now - self.since:.1f} s)", "dim")))
        self.doing, self.since = then, now


class Screen(ABC):
    """Tells of the preparation and of the execution. Any thread may use it."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self.console = console
        self._clock = clock
        self._start = clock()

    @property
    def elapsed(self) -> float:
        """Seconds since the screen was made."""
        return self._clock() - self._start

    def say(self, text: str | Text) -> None:
        """Tell something that has happened, with the time since the start."""
        moment = f"{self.elapsed:>5.1f} s"
        if not self.console.is_terminal:
            self.console.print(Text.assemble(moment, "  ", text), soft_wrap=True)
            return
        line = Table.grid(padding=(0, 2))
        line.add_row(Text(moment, "dim", no_wrap=True), text)
        self.console.print(line)

    def heading(self, text: str) -> None:
        """Begin a part."""
        self.console.print()
        self.console.print(Text(text, style="bold"))

    @abstractmethod
    def busy(self) -> AbstractContextManager[None]:
        """Show the activities that run inside the context."""

    @abstractmethod
    def activity(self, doing: str) -> AbstractContextManager[Activity]:
        """Show an activity as long as the context lasts; the activity reports its own end."""

    @abstractmethod
    def watching(self, name: str, sequence: StepSequence) -> AbstractContextManager[Show]:
        """Show an execution of a sequence that runs as long as the context."""


class PlainScreen(Screen):
    """A line for whatever has changed."""

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Show nothing but the activities' own lines."""
        yield

    @contextmanager
    def activity(self, doing: str) -> Iterator[Activity]:
        """Show nothing until the activity reports what has been done."""
        yield Activity(self, doing)

    @contextmanager
    def watching(
        self,
        name: str,  # noqa: ARG002 - it was shown before
        sequence: StepSequence,
    ) -> Iterator[Show]:
        """Show a line when a step begins, ends, or waits for something else."""
        before = ExecutionProgress.beginning(sequence)

        def show(progress: ExecutionProgress) -> None:
            nonlocal before
            for line in lines_of(before, progress, datetime.now(UTC)):
                self.say(line)
            before = progress

        yield show


class LiveScreen(Screen):
    """A spinner per phase, and a table of the steps that is drawn again and again."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(console, clock)
        self._activities: list[Activity] = []

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Show what is under way below what has been reported."""
        with self._live(lambda: activities_view(tuple(self._activities), self.elapsed)):
            yield

    @contextmanager
    def activity(self, doing: str) -> Iterator[Activity]:
        """Show a spinner as long as the activity lasts."""
        activity = Activity(self, doing)
        self._activities.append(activity)
        try:
            yield activity
        finally:
            self._activities.remove(activity)

    @contextmanager
    def watching(self, name: str, sequence: StepSequence) -> Iterator[Show]:
        """Show the table of the steps, which goes when the execution is over."""
        latest = ExecutionProgress.beginning(sequence)

        def show(progress: ExecutionProgress) -> None:
            nonlocal latest
            latest = progress

        with self._live(lambda: steps_view(latest, datetime.now(UTC), name)):
            yield show

    def _live(self, view: Callable[[], RenderableType]) -> Live:
        return Live(
            get_renderable=view,
            console=self.console,
            refresh_per_second=_FRAMES_PER_SECOND,
            transient=True,
        )


def activities_view(activities: tuple[Activity, ...], elapsed: float) -> RenderableType:
    """Return a line with a spinner for each phase that is under way."""
    return Group(
        *(
            Spinner(
                "line", Text(f" {activity.doing} … {elapsed - activity.since:.0f} s"), style="cyan"
            )
            for activity in activities
            if activity.doing
        )
    )
