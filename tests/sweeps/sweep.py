"""Disturbs a run at every call, and checks that it still comes to the same end."""

import copy
import itertools
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from aurora_restore.shared.cluster.settings import READER_SCALING
from aurora_restore.shared.cluster.surroundings import UNKNOWN
from tests.sweeps.faults import FAULTS, CallFault, FaultContext, Past, Trouble, is_change
from tests.sweeps.invariants import Watchdog
from tests.sweeps.machine import FAILED, SUCCEEDED, SimulatedExecution
from tests.sweeps.memento import Memento
from tests.sweeps.routes import SweepRoute
from tests.sweeps.stage import SweepStage
from tests.sweeps.tap import AwsCall, Proceed, Violation

KILLED = "Runtime.ExitError"
"""What Step Functions receives for a function whose process died."""
OUTLASTED = "States.Timeout"
NIGHT_SECONDS = 8 * 3600.0
HOUR_SECONDS = 3600.0

Death = Callable[[SweepStage, SimulatedExecution], SimulatedExecution]
"""What happens to an execution whose function has died: how it fails, and which one goes on."""


def redriven(stage: SweepStage, execution: SimulatedExecution) -> SimulatedExecution:
    """Fail the execution and redrive it immediately."""
    stage.machine.fail_task(execution, KILLED)
    stage.redrive(execution)
    return execution


def redriven_later(stage: SweepStage, execution: SimulatedExecution) -> SimulatedExecution:
    """Fail the execution, announce that, and redrive it in the morning.

    By then whatever RDS had under way is done.
    """
    stage.machine.fail_task(execution, OUTLASTED)
    stage.announce_end(execution)
    stage.bench.advance(NIGHT_SECONDS)
    stage.redrive(execution)
    return execution


def replaced_by_another(stage: SweepStage, execution: SimulatedExecution) -> SimulatedExecution:
    """Fail the execution, announce that, and start another operation the next night."""
    stage.machine.fail_task(execution, KILLED)
    stage.announce_end(execution)
    stage.bench.advance(NIGHT_SECONDS)
    return stage.start(f"{execution.name}-next", execution.given)


def with_retirements(stage: SweepStage, execution: SimulatedExecution) -> SimulatedExecution:
    """Let an hourly retirement come while the execution is not known to be over, and after that."""
    _retire(stage, "hourly-1")
    stage.machine.fail_task(execution, KILLED)
    stage.announce_end(execution)
    stage.bench.advance(HOUR_SECONDS)
    _retire(stage, "hourly-2")
    stage.redrive(execution)
    return execution


def _retire(stage: SweepStage, name: str) -> None:
    retirement = stage.start(name, {"retire": True})
    stage.run(retirement)
    if retirement.status != SUCCEEDED:
        raise Violation(f"the retirement failed at {retirement.state}: {retirement.cause}")


@dataclass
class Sweep:
    """Runs on one route, each disturbed at one point.

    A run is stopped as soon as it comes to a state, of AWS and of the execution, from
    which an earlier one has been seen to come to the right end: from there on it would only repeat
    that one.
    """

    stage: SweepStage
    route: SweepRoute
    watchdogs: type[Watchdog] = Watchdog
    is_timeless: bool = False
    """Whether two states are the same that differ only in their times."""
    points: int = 0
    broken: list[str] = field(default_factory=list)
    """The points after which something was wrong, and what."""
    _proven: set[tuple[Any, ...]] = field(default_factory=set)

    def begin(self) -> Memento:
        """Make an undisturbed run and keep its end; return the state before it."""
        self.watchdog = self.watchdogs.of(self.stage, self.route)
        start = self.stage.remember()
        execution = self.start()
        with self.stage.tap.hooked(self.watch):
            self.stage.run(execution)
        self.expected = self.watchdog.check_end(execution)
        return start

    def start(self) -> SimulatedExecution:
        """Start the execution that is disturbed."""
        return self.stage.start(given=self.route.given)

    def is_swept(self, call: AwsCall) -> bool:
        """Whether the route wants a call to be disturbed."""
        return self.route.swept is None or call.step in self.route.swept

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

    def is_proven(
        self, passed: list[tuple[Any, ...]], going: SimulatedExecution, *place: str
    ) -> bool:
        """Whether the way from here is known; if not, it is added to what is passed."""
        digest = self.stage.fingerprint(going.name, is_timeless=self.is_timeless)
        here = (*place, *going.position(), digest)
        if here in self._proven:
            return True
        passed.append(here)
        return False


@dataclass
class CrashSweep(Sweep):
    """One run, killed everywhere.

    Before each call, and again after it, the state of AWS is remembered and the function is
    stopped where it stands. Nothing after that point runs, neither ``except`` nor ``finally``,
    because nothing is raised: what happens next happens inside the call. The execution fails as in
    Step Functions, and is redriven to its end; then that state is restored, and the run continues.
    """

    death: Death = redriven

    def run(self) -> None:
        """Make the run."""
        self.begin().restore()
        execution = self.start()
        with self.stage.tap.hooked(self._hook_for(execution)):
            self.stage.run(execution)
        self.compare(self.watchdog.check_end(execution))

    def _hook_for(self, execution: SimulatedExecution) -> Callable[[AwsCall, Proceed], Any]:
        def kill_around(call: AwsCall, proceed: Proceed) -> Any:
            if not self.is_swept(call):
                return self.watch(call, proceed)
            self._kill(execution, f"before {call}")
            try:
                return self.watch(call, proceed)
            finally:
                self._kill(execution, f"after {call}")

        return kill_around

    def _kill(self, execution: SimulatedExecution, when: str) -> None:
        self.points += 1
        before = self.stage.remember()
        try:
            with self.stage.tap.working(None), self.stage.tap.hooked(self.watch):
                self._go_on_after_death(copy.deepcopy(execution))
        except Violation as violation:
            self.broken.append(f"{self.points}, {when}: {violation}")
        finally:
            before.restore()

    def _go_on_after_death(self, execution: SimulatedExecution) -> None:
        killed = execution.name
        others = [each for each in self.stage.executions if each.arn != execution.arn]
        self.stage.executions[:] = [*others, execution]
        passed: list[tuple[Any, ...]] = []
        if not self.is_proven(passed, execution, "dead"):
            execution = self.death(self.stage, execution)
            if self.stage.run(execution, is_enough=lambda going: self.is_proven(passed, going)):
                outcome = self.watchdog.check_end(execution)
                # Another operation has found another past.
                if execution.name == killed:
                    self.compare(outcome)
        self._proven.update(passed)


@dataclass(frozen=True)
class Spot:
    """A call of the undisturbed run, and the faults that fit it."""

    invocation: int
    number: int
    """Among the calls of its invocation."""
    call: AwsCall
    faults: tuple[CallFault, ...]


@dataclass
class FaultSweep(Sweep):
    """One run, in which each call goes wrong in each way.

    At each invocation of a function the state of AWS is remembered. The invocation is made once for
    each of its calls and each fault of that call, and the execution goes on to its end from there.
    """

    sample: bool = False
    """Whether each fault affects only one call of each kind that a step makes."""
    redriven: int = 0
    """How many faults needed a redrive of the execution."""
    _past: Past | None = None
    """What RDS held before its latest change in the undisturbed run."""
    _spots: list[Spot] = field(default_factory=list)

    def run(self) -> None:
        """Make the run."""
        start = self.begin()
        start.restore()
        self._survey()
        start.restore()
        self._past = None
        chosen = self._sample() if self.sample else self._spots
        execution = self.start()
        for number in itertools.count():
            if self._is_at_its_end(execution):
                break
            entry, past = self.stage.remember(), self._past
            for spot in chosen:
                if spot.invocation == number:
                    for fault in spot.faults:
                        self._befall(execution, fault, spot, past)
                        entry.restore()
            self._one_task(execution, lambda _: None)
        self.compare(self.watchdog.check_end(execution))

    def _survey(self) -> None:
        """Find the faults that fit each call; from each invocation on, the way is known."""
        execution = self.start()
        passed: list[tuple[Any, ...]] = []
        for invocation in itertools.count():
            if self._is_at_its_end(execution):
                break
            self.is_proven(passed, execution)
            numbers = itertools.count()

            def note(call: AwsCall, invocation: int = invocation, numbers: Any = numbers) -> None:
                number = next(numbers)
                if not self.is_swept(call):
                    return
                context = FaultContext(call, lambda: None, self.stage.backend, self._past)
                fitting = tuple(fault for fault in FAULTS if fault.fits(context))
                self._spots.append(Spot(invocation, number, call, fitting))

            self._one_task(execution, note)
        self._proven.update(passed)

    def _sample(self) -> list[Spot]:
        """One call of each kind for each fault, at a moment that differs from route to route."""
        alike: dict[tuple[str, str, str, str], list[tuple[Spot, CallFault]]] = {}
        for spot in self._spots:
            for fault in spot.faults:
                kind = (spot.call.step, spot.call.service, spot.call.operation, fault.name)
                alike.setdefault(kind, []).append((spot, fault))
        chosen = []
        for name, candidates in alike.items():
            lot = zlib.crc32(repr((self.route.name, name)).encode()) % len(candidates)
            spot, fault = candidates[lot]
            chosen.append(replace(spot, faults=(fault,)))
        return chosen

    def _is_at_its_end(self, execution: SimulatedExecution) -> bool:
        """Go on to the next Task, or to the end."""
        return self.stage.run(execution, is_enough=lambda _: True)

    def _one_task(self, execution: SimulatedExecution, note: Callable[[AwsCall], None]) -> None:
        """Make one invocation, undisturbed."""

        def noted(call: AwsCall, proceed: Proceed) -> Any:
            note(call)
            if is_change(call):
                self._past = Past(self.stage.backend)
            return self.watch(call, proceed)

        tasks = itertools.count()
        with self.stage.tap.hooked(noted):
            self.stage.run(execution, is_enough=lambda _: next(tasks) > 0)

    def _befall(
        self, execution: SimulatedExecution, fault: CallFault, spot: Spot, past: Past | None
    ) -> None:
        self.points += 1
        trouble = Trouble(fault, self.stage.backend, spot.number, past)
        passed: list[tuple[Any, ...]] = []

        def hook(call: AwsCall, proceed: Proceed) -> Any:
            return self.watch(call, lambda: trouble.pass_on(call, proceed))

        def is_enough(going: SimulatedExecution) -> bool:
            return trouble.is_over and self.is_proven(passed, going)

        try:
            with self.stage.tap.hooked(hook):
                ended = self.stage.run(execution, is_enough=is_enough)
                if execution.status == FAILED:
                    self._redrive(execution, fault)
                    ended = self.stage.run(execution, is_enough=is_enough)
            if ended:
                self.compare(self._with_scaling(self.watchdog.check_end(execution)))
        except Violation as violation:
            self.broken.append(f"{fault.name}, call {spot.number} ({spot.call}): {violation}")
        else:
            self._proven.update(passed)

    def _with_scaling(self, outcome: dict[str, Any]) -> dict[str, Any]:
        """Put the auto scaling of the undisturbed run where it could not be found out.

        No run depends on it: it is asked for once, and otherwise recorded as not known.
        """
        state, expected = outcome["state"], self.expected["state"]
        old = state.get("old_cluster")
        if isinstance(old, str):
            return self._with_told_scaling(outcome)
        if old is None or old.get(READER_SCALING) != UNKNOWN:
            return outcome
        others = {key: value for key, value in old.items() if key != READER_SCALING}
        known = {
            key: value for key, value in expected["old_cluster"].items() if key == READER_SCALING
        }
        return {**outcome, "state": {**state, "old_cluster": {**others, **known}}}

    def _with_told_scaling(self, outcome: dict[str, Any]) -> dict[str, Any]:
        """The same where the state is told as texts, and in what belongs to a name as well."""
        state, expected = outcome["state"], self.expected["state"]
        unknown = repr({READER_SCALING: UNKNOWN}).strip("{}")
        known = {key: expected.get(key) for key, told in state.items() if unknown in told}
        return {**outcome, "state": {**state, **known}}

    def _redrive(self, execution: SimulatedExecution, fault: CallFault) -> None:
        if fault.is_ridden_out:
            raise Violation(f"it needs a re-run: {execution.error}: {execution.cause}")
        self.redriven += 1
        self.stage.redrive(execution)
