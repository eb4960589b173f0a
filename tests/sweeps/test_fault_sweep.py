"""An AWS that throttles, breaks, keeps its answers to itself or talks nonsense costs only time.

The run is made once per fault: at one call of one step something goes wrong, once, and the run is
carried to its end as Step Functions would carry it, redriven where it fails. The end must be that
of an undisturbed run.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from botocore.parsers import ResponseParserError

from tests.sweeps.invariants import Watchdog
from tests.sweeps.machine import FAILED
from tests.sweeps.report import Record, tell
from tests.sweeps.routes import OTHER_REGION
from tests.sweeps.stage import Stage
from tests.sweeps.tap import AwsCall, Hook, Proceed, Violation

Fault = Callable[[AwsCall, Proceed], Any]
Place = tuple[str, str, int]
"""A step, an operation, and which of the step's calls of it."""

MOST_OCCURRENCES = 2
MOST_REDRIVES = 3


def _refusal(call: AwsCall, code: str, status: int) -> ClientError:
    response: Any = {
        "Error": {"Code": code, "Message": "as the test asked"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(response, call.operation)


def throttled(call: AwsCall, _: Proceed) -> Any:
    raise _refusal(call, "ThrottlingException", 400)


def broken(call: AwsCall, _: Proceed) -> Any:
    raise _refusal(call, "InternalFailure", 500)


def never_answered(_: AwsCall, proceed: Proceed) -> Any:
    """It is done, but nobody hears of it."""
    proceed()
    raise ReadTimeoutError(endpoint_url="https://aws.test")


def garbled(_: AwsCall, proceed: Proceed) -> Any:
    """It is done, and answered with something that is no answer."""
    proceed()
    raise ResponseParserError("syntax error: line 1, column 0")


FAULTS: Mapping[str, Fault] = {
    "throttling": throttled,
    "an error of the service": broken,
    "a time-out after the effect": never_answered,
    "a malformed answer": garbled,
}


@dataclass
class Sweep:
    """One route, with one fault at each of its calls."""

    stage: Stage
    watchdog: Watchdog
    fault: Fault

    def places(self) -> list[Place]:
        """Every operation that each step calls, the first times it does."""
        seen: Counter[tuple[str, str]] = Counter()

        def note(call: AwsCall, proceed: Proceed) -> Any:
            seen[call.step, f"{call.service}:{call.operation}"] += 1
            return proceed()

        self._run(note)
        return [
            (step, operation, occurrence)
            for (step, operation), number in seen.items()
            for occurrence in range(1, min(number, MOST_OCCURRENCES) + 1)
        ]

    def undisturbed(self) -> dict[str, Any]:
        return self._run(lambda _, proceed: proceed())

    def disturbed(self, place: Place) -> dict[str, Any]:
        """A run in which the fault happens once, at this place."""
        seen: Counter[tuple[str, str]] = Counter()

        def disturb(call: AwsCall, proceed: Proceed) -> Any:
            key = (call.step, f"{call.service}:{call.operation}")
            seen[key] += 1
            return self.fault(call, proceed) if (*key, seen[key]) == place else proceed()

        return self._run(disturb)

    def _run(self, hook: Hook) -> dict[str, Any]:
        """Start, run, redrive what fails, and see that the end is right; then forget it all."""
        before = self.stage.remember()
        try:
            execution = self.stage.start()
            with self.stage.tap.hooked(hook):
                self.stage.run(execution)
                for _ in range(MOST_REDRIVES):
                    if execution.status == FAILED:
                        self.stage.redrive(execution)
                        self.stage.run(execution)
            return self.watchdog.check_end(execution)
        finally:
            before.restore()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_at_any_call_changes_nothing_about_the_end(
    fault: str, record_property: Record
) -> None:
    wrong = []
    with OTHER_REGION.staged() as stage:
        sweep = Sweep(stage, Watchdog.of(stage, OTHER_REGION), FAULTS[fault])
        expected = sweep.undisturbed()
        places = sweep.places()
        for place in places:
            try:
                found = sweep.disturbed(place)
            except Violation as violation:
                wrong.append(f"{place}: {violation}")
            else:
                wrong += [
                    f"{place}: {key} differs" for key in expected if found[key] != expected[key]
                ]
    tell(record_property, f"{OTHER_REGION.name}: {len(places)} calls met by {fault}")
    assert not wrong, "\n".join(wrong)
