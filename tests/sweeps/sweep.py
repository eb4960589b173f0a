"""Disturbs a run at every call, and sees whether it comes to the same end all the same."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.sweeps.faults import FAULTS
from tests.sweeps.invariants import Watchdog
from tests.sweeps.machine import Execution
from tests.sweeps.memento import Memento
from tests.sweeps.routes import Route
from tests.sweeps.stage import Stage
from tests.sweeps.tap import AwsCall, Proceed, Violation

KILLED = "Runtime.ExitError"
"""What Step Functions is told of a function whose process died."""
OUTLASTED = "States.Timeout"
NIGHT_SECONDS = 8 * 3600.0

Death = Callable[[Stage, Execution], None]
"""What happens to an execution whose function has died: how it fails, and how it goes on."""


def redriven(stage: Stage, execution: Execution) -> None:
    """It fails, and somebody re-runs it at once."""
    stage.machine.fail_task(execution, KILLED)
    stage.redrive(execution)


def redriven_later(stage: Stage, execution: Execution) -> None:
    """It fails, that is announced, and somebody re-runs it in the morning.

    By then whatever RDS had under way is done.
    """
    stage.machine.fail_task(execution, OUTLASTED)
    stage.announce_end(execution)
    stage.bench.advance(NIGHT_SECONDS)
    stage.redrive(execution)


@dataclass
class Sweep:
    """Runs on one route, each disturbed at one point.

    A run is broken off as soon as it comes to a state, of the world and of the execution, from
    which an earlier one has been seen to come to the right end: from there on it would only repeat
    that one.
    """

    stage: Stage
    route: Route
    points: int = 0
    broken: list[str] = field(default_factory=list)
    """The points after which something was wrong, and what."""
    _proven: set[tuple[Any, ...]] = field(default_factory=set)

    def begin(self) -> Memento:
        """Make an undisturbed run, and keep how it ends; answers what was before it."""
        self.watchdog = Watchdog.of(self.stage, self.route)
        start = self.stage.remember()
        execution = self.stage.start()
        with self.stage.tap.hooked(self.watch):
            self.stage.run(execution)
        self.expected = self.watchdog.check_end(execution)
        return start

    def watch(self, call: AwsCall, proceed: Proceed) -> Any:
        """Make a call, and look whether all is well after it."""
        try:
            return proceed()
        finally:
            self.watchdog.look()

    def compare(self, outcome: dict[str, Any]) -> None:
        """The end is that of the undisturbed run."""
        for kind, expected in self.expected.items():
            found = outcome[kind]
            if found != expected and isinstance(expected, dict):
                differing = [key for key in expected | found if expected.get(key) != found.get(key)]
                expected = {key: expected.get(key) for key in differing}
                found = {key: found.get(key) for key in differing}
            if found != expected:
                raise Violation(f"{kind} is {found}, and undisturbed {expected}")

    def is_proven(self, passed: list[tuple[Any, ...]], *place: Any) -> bool:
        """Whether the way from here is known; if not, it is added to what is passed."""
        here = (*place, self.stage.fingerprint())
        if here in self._proven:
            return True
        passed.append(here)
        return False


@dataclass
class CrashSweep(Sweep):
    """One run, killed everywhere.

    Before each call, and again after it, the world is remembered and the function is given up where
    it stands. Nothing after that point runs, neither ``except`` nor ``finally``, because nothing is
    raised: what happens next happens inside the call. The execution fails as Step Functions would
    let it fail, and is re-run to its end; then the world is put back, and the run goes on.
    """

    death: Death = redriven

    def run(self) -> None:
        """Make the run."""
        self.begin().restore()
        execution = self.stage.start()
        with self.stage.tap.hooked(self._hook_for(execution)):
            self.stage.run(execution)
        self.compare(self.watchdog.check_end(execution))

    def _hook_for(self, execution: Execution) -> Callable[[AwsCall, Proceed], Any]:
        def kill_around(call: AwsCall, proceed: Proceed) -> Any:
            self._kill(execution, f"before {call}")
            try:
                return self.watch(call, proceed)
            finally:
                self._kill(execution, f"after {call}")

        return kill_around

    def _kill(self, execution: Execution, when: str) -> None:
        self.points += 1
        before = self.stage.remember()
        try:
            with self.stage.tap.working(None), self.stage.tap.hooked(self.watch):
                self._go_on_after_death(copy.deepcopy(execution))
        except Violation as violation:
            self.broken.append(f"{self.points}, {when}: {violation}")
        finally:
            before.restore()

    def _go_on_after_death(self, execution: Execution) -> None:
        self.stage.executions[:] = [execution]
        passed: list[tuple[Any, ...]] = []
        if not self.is_proven(passed, "dead", *execution.position()):
            self.death(self.stage, execution)
            if self.stage.run(
                execution, is_enough=lambda going: self.is_proven(passed, *going.position())
            ):
                self.compare(self.watchdog.check_end(execution))
        self._proven.update(passed)


@dataclass(frozen=True)
class Place:
    """A call of the undisturbed run, and what RDS held before its latest change."""

    call: AwsCall
    number: int
    """Among the calls of its function's invocation."""
    fits: frozenset[str]
    """The faults that can befall it."""


@dataclass
class FaultSweep(Sweep):
    """One run, in which each call goes wrong in each way.

    At each invocation of a function the world is remembered; the invocation is made once for each
    of its calls and each fault of that call, and the execution goes on to its end from there.
    """

    sample: bool = False
    """Whether each fault befalls only one call of each kind that a step makes."""
    redriven: int = 0
    """How many faults needed somebody to re-run the execution."""

    def run(self) -> None:
        """Make the run."""
        start = self.begin()
        start.restore()
        invocations = list(self._invocations())
        chosen = self._chosen(invocations)
        start.restore()
        execution = self.stage.start()
        for number, places in enumerate(invocations):
            at = self._next_task(execution)
            for place in places:
                for fault in FAULTS:
                    if (number, place.number, fault.name) in chosen:
                        self._befall(execution, fault, place)
            at.restore()
            self._one_task(execution)
        assert self.stage.run(execution)
        self.compare(self.watchdog.check_end(execution))
