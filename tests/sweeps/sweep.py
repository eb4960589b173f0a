"""Kills a run at every call, and sees whether it comes to the same end all the same.

The run is made once. Before each call, and again after it, the world is remembered, the function is
given up where it stands (nothing after that point runs, neither ``except`` nor ``finally``, because
nothing is raised: what happens next happens inside the call), the execution fails as Step Functions
would let it fail, and is re-run to its end. Then the world is put back and the run goes on.

A re-run is broken off as soon as it comes to a state, of the world and of the execution, from which
an earlier one has been seen to come to the right end: from there on it would only repeat it.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.sweeps.invariants import Watchdog
from tests.sweeps.machine import Execution
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
class CrashSweep:
    """One run on one route, killed everywhere."""

    stage: Stage
    route: Route
    death: Death
    points: int = 0
    broken: list[str] = field(default_factory=list)
    _proven: set[tuple[Any, ...]] = field(default_factory=set)

    def run(self) -> None:
        """Make the run."""
        self.watchdog = Watchdog.of(self.stage, self.route)
        start = self.stage.remember()
        self.expected = self._undisturbed()
        start.restore()
        execution = self.stage.start()
        with self.stage.tap.hooked(self._hook_for(execution)):
            self.stage.run(execution)
        self._compare(self.watchdog.check_end(execution))

    def _undisturbed(self) -> dict[str, Any]:
        execution = self.stage.start()
        with self.stage.tap.hooked(self._watch):
            self.stage.run(execution)
        return self.watchdog.check_end(execution)

    def _watch(self, call: AwsCall, proceed: Proceed) -> Any:
        try:
            return proceed()
        finally:
            self.watchdog.look()

    def _hook_for(self, execution: Execution) -> Callable[[AwsCall, Proceed], Any]:
        def kill_around(call: AwsCall, proceed: Proceed) -> Any:
            self._kill(execution, f"before {call}")
            try:
                return self._watch(call, proceed)
            finally:
                self._kill(execution, f"after {call}")

        return kill_around

    def _kill(self, execution: Execution, when: str) -> None:
        self.points += 1
        before = self.stage.remember()
        try:
            with self.stage.tap.working(None), self.stage.tap.hooked(self._watch):
                self._go_on_after_death(copy.deepcopy(execution))
        except Violation as violation:
            self.broken.append(f"{self.points}, {when}: {violation}")
        finally:
            before.restore()

    def _go_on_after_death(self, execution: Execution) -> None:
        passed: list[tuple[Any, ...]] = []

        def is_proven(going: Execution) -> bool:
            place = (*going.position(), self.stage.fingerprint())
            if place in self._proven:
                return True
            passed.append(place)
            return False

        self.stage.executions[:] = [execution]
        self.death(self.stage, execution)
        if self.stage.run(execution, is_enough=is_proven):
            self._compare(self.watchdog.check_end(execution))
        self._proven.update(passed)

    def _compare(self, outcome: dict[str, Any]) -> None:
        for kind, expected in self.expected.items():
            found = outcome[kind]
            if found != expected and isinstance(expected, dict):
                differing = [key for key in expected | found if expected.get(key) != found.get(key)]
                expected = {key: expected.get(key) for key in differing}
                found = {key: found.get(key) for key in differing}
            if found != expected:
                raise Violation(f"{kind} is {found}, and undisturbed {expected}")
