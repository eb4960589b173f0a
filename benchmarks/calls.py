"""Which calls of AWS a run takes, and how many units of DynamoDB.

Run as ``python -m benchmarks.calls``; about half a minute.

A replacement and a switch are run by the deployed state machine's definition and the functions
themselves, on an AWS in memory whose clock jumps. Every call is recorded. Each is run once more
with the state read as it was before: all items of the operation, and again under the lock.
"""

import json
import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final
from unittest import mock

from aurora_restore.shared import base_handler
from aurora_restore.shared.aws_utils import AWS_ERRORS, code_of, translate_error
from aurora_restore.shared.state_utils import CONDITION_FAILED
from benchmarks.dynamodb_units import Meter, Units
from embedded_aws.rds.timings import Timings
from tests.sweeps.machine import SUCCEEDED, SimulatedExecution
from tests.sweeps.routes import OTHER_REGION, RESTORE_NAME, SweepRoute
from tests.sweeps.stage import SweepStage
from tests.sweeps.switch_routes import SWITCHED
from tests.sweeps.tap import AwsCall, Proceed

ROUTES: Final = {
    "a replacement": replace(OTHER_REGION, earlier_copy=False),
    "a switch": SWITCHED,
}
TIMINGS: Final = Timings(copy_snapshot=1200, restore_cluster=840, create_instance=540)
OPERATION: Final = "op-1"
ARGUMENT_LENGTH: Final = 70
# On demand in us-east-1, without free tiers: https://aws.amazon.com/dynamodb/pricing/on-demand/
PER_WRITE_UNIT: Final = 0.625 / 1e6
PER_READ_UNIT: Final = 0.125 / 1e6


@dataclass(frozen=True)
class RecordedCall:
    """One call, with the invocation of a function that has made it."""

    invocation: int
    step: str
    name: str
    """Service and operation."""
    arguments: str
    moment: datetime
    """By the clock that jumps: it stands still unless something is waited for."""
    units: Units
    is_state: bool
    """Whether it reads the state of the operation."""

    @property
    def what(self) -> tuple[str, str, str]:
        """Return which step has called what, with which arguments."""
        return self.step, self.name, self.arguments


@dataclass
class Recorder:
    """Records every call of a run."""

    stage: SweepStage
    calls: list[RecordedCall] = field(default_factory=list)
    invocations: list[str] = field(default_factory=list)
    """The step of each invocation, in order."""

    def __post_init__(self) -> None:
        """Begin with tables in which nothing was written."""
        tables = self.stage.bench.environment
        self._meter = Meter({tables.state_table: "step", tables.audit_table: "timestamp"})

    def before_task(self, _: SimulatedExecution) -> bool:
        """Begin another invocation; the execution goes on."""
        self.invocations.append("")
        return False

    def record(self, call: AwsCall, proceed: Proceed) -> Any:
        """Make a call, and remember it."""
        response = None
        try:
            response = proceed()
        except AWS_ERRORS as error:
            is_charged = code_of(translate_error(error)) == CONDITION_FAILED
            self._remember(call, None, is_charged=is_charged)
            raise
        self._remember(call, response, is_charged=True)
        return response

    def _remember(self, call: AwsCall, response: Any, *, is_charged: bool) -> None:
        self.invocations[-1] = call.step
        units = Units()
        if call.service == "dynamodb" and is_charged:
            units = self._meter.units(call.operation, call.parameters, response)
        self.calls.append(
            RecordedCall(
                len(self.invocations),
                call.step,
                f"{call.service}:{call.operation}",
                _arguments(call),
                self.stage.bench.clock(),
                units,
                _reads_state(call),
            )
        )


def _arguments(call: AwsCall) -> str:
    parameters = json.dumps(call.parameters, sort_keys=True, default=str)
    return f"{parameters} {call.account} {call.region}"


def _reads_state(call: AwsCall) -> bool:
    """Return whether a call reads the state of the operation itself."""
    if call.service != "dynamodb" or "audit" in call.parameters["TableName"]:
        return False
    if call.operation == "Query":
        values: Any = call.parameters["ExpressionAttributeValues"]
        return bool(values[":operation"]["S"] == OPERATION)
    is_read = call.operation == "GetItem"
    return is_read and bool(call.parameters["Key"]["operation_id"]["S"] == OPERATION)


def run(route: SweepRoute) -> Recorder:
    """Run one execution on a route to its end and return what it has called."""
    with route.staged() as stage:
        stage.bench.rds.backend.timings = TIMINGS
        _poll_as_by_default(stage)
        recorder = Recorder(stage)
        execution = stage.start(OPERATION, route.given)
        with stage.tap.hooked(recorder.record):
            stage.run(execution, is_enough=recorder.before_task)
        if execution.status != SUCCEEDED:
            raise RuntimeError(f"{execution.state}: {execution.error}: {execution.cause}")
    return recorder


def _poll_as_by_default(stage: SweepStage) -> None:
    name = stage.bench.environment.parameter_name(RESTORE_NAME)
    value = stage.bench.clients.ssm.get_parameter(Name=name)["Parameter"]["Value"]
    document = json.loads(value)
    del document["polling"]
    stage.bench.configure(document, name=RESTORE_NAME)
    stage.bench.least_pause = 0


def repeated(calls: list[RecordedCall]) -> Mapping[tuple[str, str, str], int]:
    """Return what was called again in one invocation with the same arguments, and how often.

    What is called again after a wait is a look at what may have changed, and is not counted.
    """
    made = Counter((each.invocation, each.moment, each.what) for each in calls)
    again: Counter[tuple[str, str, str]] = Counter()
    for (_, _, what), times in made.items():
        again[what] += times - 1
    return +again


def table(recorder: Recorder) -> Iterator[str]:
    """Return the calls and units of each step, and of all together."""
    yield _line(
        "", "invoked", "AWS calls", "each", "DynamoDB", "read units", "of state", "write units"
    )
    steps = dict.fromkeys(recorder.invocations)
    for step in steps:
        calls = [each for each in recorder.calls if each.step == step]
        yield _row(step, recorder.invocations.count(step), calls)
    yield _row("together", len(recorder.invocations), recorder.calls)


def _row(name: str, invocations: int, calls: list[RecordedCall]) -> str:
    of_tables = [each for each in calls if each.name.startswith("dynamodb:")]
    units = sum((each.units for each in of_tables), Units())
    of_state = sum(each.units.read for each in of_tables if each.is_state)
    return _line(
        name,
        invocations,
        len(calls),
        f"{len(calls) / invocations:.1f}",
        len(of_tables),
        f"{units.read:g}",
        f"{of_state:g}",
        f"{units.written:g}",
    )


def _line(name: str, *cells: Any) -> str:
    return f"  {name:<22}" + "".join(f"{cell:>12}" for cell in cells)


def show(recorder: Recorder) -> None:
    """Print what a run has called."""
    print(*table(recorder), sep="\n")
    print("\n  By operation:")
    for name, count in sorted(Counter(each.name for each in recorder.calls).items()):
        print(f"    {name:<55}{count:>6}")
    again = repeated(recorder.calls)
    print(f"\n  Made again in one invocation with the same arguments: {sum(again.values())}")
    for (step, name, arguments), times in sorted(again.items()):
        print(f"    {times:>4}  {step:<22}{name:<36}{arguments[:ARGUMENT_LENGTH]}")


def run_as_before(route: SweepRoute) -> Recorder:
    """Run it with functions that read every item of the operation, and again under the lock."""
    with mock.patch.object(base_handler, "load_state_of_run", return_value=None):
        return run(route)


def compare(now: Recorder, before: Recorder) -> Iterator[str]:
    """Return what the run takes beside what it took before, and the ratio."""
    yield _line("", "now", "before", "ratio")
    for name, amounts in _amounts(now).items():
        former = _amounts(before)[name]
        yield _line(name, f"{amounts:g}", f"{former:g}", f"{amounts / former:.2f}")


def _amounts(recorder: Recorder) -> Mapping[str, float]:
    calls = recorder.calls
    units = sum((each.units for each in calls), Units())
    return {
        "AWS calls": len(calls),
        "of DynamoDB": sum(each.name.startswith("dynamodb:") for each in calls),
        "made again": sum(repeated(calls).values()),
        "read units": units.read,
        "of state": sum(each.units.read for each in calls if each.is_state),
        "write units": units.written,
        "dollars of DynamoDB": units.read * PER_READ_UNIT + units.written * PER_WRITE_UNIT,
    }


def main() -> None:
    """Run each route and print what it takes."""
    logging.disable(logging.CRITICAL)
    for name, route in ROUTES.items():
        recorder = run(route)
        print(f"\n{name.capitalize()}:\n")
        show(recorder)
        print("\n  Beside the state read as before:")
        print(*compare(recorder, run_as_before(route)), sep="\n")


if __name__ == "__main__":
    main()
