"""Two restores side by side, step by step; one of them is disturbed after each of its calls."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any

from tests.sweeps.stage import SweepStage
from tests.sweeps.tap import AwsCall, Proceed, Violation
from tests.unit.bench import execution_arn

LOOK_SECONDS = 60.0
PAUSE_SECONDS = 600.0
"""For how long a function stands still while the other restore goes on: none can do so for long."""


@dataclass
class RestoreRun:
    """An operation of one restore, step by step."""

    stage: SweepStage = field(repr=False)
    restore: str
    steps: tuple[str, ...]
    given: dict[str, str] = field(default_factory=dict)
    """The input of its execution, beside the restore's name."""
    look_seconds: float = LOOK_SECONDS
    """After what time it looks again at what it waits for."""
    at: int = 0
    """The number of the step that comes next."""
    redrives: int = 0

    @property
    def is_done(self) -> bool:
        return self.at == len(self.steps)

    def step(self) -> bool:
        """Call the next step; return whether it need not be called again."""
        operation = f"{self.restore}-today"
        mark = {
            "id": execution_arn(operation),
            "name": operation,
            "redrive_count": self.redrives,
        }
        event = {"execution": mark, "input": {"restore": self.restore, **self.given}}
        answer = self.stage._call(self.steps[self.at], event)
        back = answer["body"].get("restart_from")
        if back is not None:
            self.at = self.steps.index(back)
        elif answer["statusCode"] == 200:
            self.at += 1
        return bool(back) or answer["statusCode"] == 200

    def go_on(self, seconds: float, until: int | None = None) -> None:
        """Go on to the end, or for as long as that, or to a step."""
        end, waited = len(self.steps) if until is None else until, 0.0
        while self.at < end and waited <= seconds:
            if not self.step():
                self.stage.bench.advance(self.look_seconds)
                waited += self.look_seconds

    def redriven(self) -> "RestoreRun":
        """The run after the function has died."""
        return replace(self, redrives=self.redrives + 1)


@dataclass
class TwoRestoresSweep(ABC):
    """One restore's run, disturbed after each call, beside another one's."""

    stage: SweepStage = field(repr=False)
    first: RestoreRun
    second: RestoreRun
    swept: frozenset[str]
    """The steps of the first that are disturbed."""
    points: int = 0
    broken: list[str] = field(default_factory=list)
    running: list[RestoreRun] = field(default_factory=list)
    """The runs that are watched."""

    @abstractmethod
    def look(self) -> None:
        """Raise Violation if something is not as it always has to be."""

    @abstractmethod
    def check_end(self) -> None:
        """Raise Violation if the runs have not come to the end that they should."""

    def kill_everywhere(self, then: Callable[[RestoreRun, RestoreRun], None]) -> None:
        """Let the first die after each call; ``then`` brings both to their end from there."""
        self.running = [self.first, self.second]

        def kill_after(call: AwsCall, proceed: Proceed) -> Any:
            try:
                return self._watch(call, proceed)
            finally:
                if call.step in self.swept:
                    self._try(call, lambda: then(self.first.redriven(), copy(self.second)))

        with self.stage.tap.hooked(kill_after):
            self.first.go_on(3600)
        self.second.go_on(3600)
        self.check_end()

    def pause_everywhere(self, most: int) -> None:
        """Let the first stand still after each call, while the second one goes on."""
        start = self.stage.remember()
        for number in range(most):
            start.restore()
            first, second = copy(self.first), copy(self.second)
            if not self._paused_at(number, first, second):
                break
        start.restore()

    def _paused_at(self, number: int, first: RestoreRun, second: RestoreRun) -> bool:
        """Return whether the first makes so many calls at all."""
        self.running = [first, second]
        calls = 0
        paused: list[AwsCall] = []

        def pause(call: AwsCall, proceed: Proceed) -> Any:
            nonlocal calls
            try:
                return self._watch(call, proceed)
            finally:
                calls += call.step in self.swept
                if calls == number + 1 and not paused:
                    paused.append(call)
                    with self.stage.tap.hooked(self._watch):
                        second.go_on(PAUSE_SECONDS)

        self.points += 1
        try:
            with self.stage.tap.hooked(pause):
                first.go_on(3600)
            with self.stage.tap.hooked(self._watch):
                second.go_on(3600)
            self.check_end()
        except Violation as violation:
            self.broken.append(f"{number}, {paused}: {violation}")
        return bool(paused)

    def _try(self, call: AwsCall, go_on: Callable[[], None]) -> None:
        self.points += 1
        before, running = self.stage.remember(), self.running
        try:
            with self.stage.tap.working(None), self.stage.tap.hooked(self._watch):
                go_on()
                self.check_end()
        except Violation as violation:
            self.broken.append(f"{self.points}, after {call}: {violation}")
        finally:
            before.restore()
            self.running = running

    def with_watch(self, *running: RestoreRun) -> None:
        """Watch these runs from now on."""
        self.running = list(running)

    def _watch(self, call: AwsCall, proceed: Proceed) -> Any:
        try:
            return proceed()
        finally:
            self.look()


def make_restore(stage: SweepStage, name: str, target: str) -> None:
    """Configure one more restore of the source, with a target of its own."""
    bench = stage.bench
    parameter, ssm = bench.environment.parameter_name("staging"), bench.clients.ssm
    text = ssm.get_parameter(Name=parameter)["Parameter"]["Value"]
    ssm.put_parameter(
        Name=bench.environment.parameter_name(name),
        Value=text.replace('"my-cluster"', f'"{target}"'),
        Type="String",
    )
