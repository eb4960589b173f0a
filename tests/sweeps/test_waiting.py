"""The simulation of ``benchmarks.waiting`` is what the deployed functions do, look by look."""

import math
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import pytest

from aurora_restore.reference.looks import look_until_seen, rule_of_steps
from aurora_restore.shared import step_wait
from aurora_restore.shared.awaited import Awaited
from aurora_restore.shared.common import parse_timestamp
from aurora_restore.shared.documents.restore import Polling
from aurora_restore.shared.durations import EarlierDurations
from aurora_restore.shared.job import Answer, Job
from aurora_restore.shared.waiting import CallAgain, StayInside
from benchmarks import waiting
from benchmarks.dynamodb_units import Meter, Units
from embedded_aws.rds.timings import Timings
from tests.sweeps.machine import SUCCEEDED
from tests.sweeps.report import Record, record_line
from tests.sweeps.routes import RESTORE_NAME, SweepRoute
from tests.sweeps.stage import TICK_SECONDS, SweepStage
from tests.sweeps.tap import AwsCall, Proceed

ROUTE = SweepRoute(name="looks", polling={})
THINGS = (
    Awaited.COPY,
    Awaited.DELETION,
    Awaited.CLUSTER,
    Awaited.INSTANCES,
    Awaited.PASSWORD,
    Awaited.SECURITY_GROUPS,
)
GOES_ON = {Awaited.INSTANCES, Awaited.PASSWORD}
"""What the call begins to wait for that has seen the end of the thing before."""


@dataclass
class Watched:
    """What the functions did about one thing."""

    calls_again: int = 0
    inside: float = 0.0
    looks: int = 1
    waited: float = 0.0
    """From the first look to the last that did not see the end, and the wait after it."""
    before: float = 0.0
    """From the operation's begin to the first look."""
    duration: float = math.nan
    """From the first look to the moment at which AWS ended it."""


@dataclass
class WatchedRun:
    """What the functions of one run did."""

    stage: SweepStage
    things: dict[Awaited, Watched] = field(default_factory=dict)

    def note(self, job: Job, answer: Answer, look: StayInside | CallAgain) -> None:
        assert answer.awaited is not None
        assert answer.state is not None
        seen = self.things.setdefault(answer.awaited, Watched())
        since = parse_timestamp(answer.state.waiting_since[answer.awaited.value.name])
        waited = (job.clock() - since).total_seconds()
        seen.before = (since - parse_timestamp(job.started_at)).total_seconds()
        if isinstance(look, StayInside):
            seen.inside += look.seconds
            seen.waited = waited + look.seconds
        else:
            seen.calls_again += 1
            seen.waited = waited + look.seconds + TICK_SECONDS
        seen.looks += 1
        ends = [each.due for each in self.stage.backend.scheduler._entries if not each.cancelled]
        seen.duration = (max(ends) - since).total_seconds()


@contextmanager
def observed(stage: SweepStage) -> Iterator[WatchedRun]:
    observation = WatchedRun(stage)
    original = step_wait.StepWait.next_look

    def next_look(self: Any, job: Job, answer: Answer, **options: Any) -> StayInside | CallAgain:
        look = original(self, job, answer, **options)
        observation.note(job, answer, look)
        return look

    with mock.patch.object(step_wait.StepWait, "next_look", next_look):
        yield observation


@dataclass
class ChargedUnits:
    """What DynamoDB charges for in a run."""

    meter: Meter
    units: Units = field(default_factory=Units)

    def count(self, call: AwsCall, proceed: Proceed) -> Any:
        found = proceed()
        if call.service == "dynamodb":
            self.units += self.meter.units(call.operation, call.parameters, found)
        return found


def _units(each: float, number: int) -> float:
    return each * number


def _draw(dice: random.Random) -> Timings:
    def spread(usual: float) -> float:
        return round(usual * math.exp(dice.gauss(0, 0.3)))

    return Timings(
        copy_snapshot=spread(1200),
        delete_instance=spread(300),
        delete_cluster=spread(100),
        restore_cluster=spread(800),
        create_instance=spread(500),
        reset_master_credentials=spread(80),
        modify_security_groups=spread(60),
    )


@pytest.mark.parametrize(("seed", "remembered"), [(1, 0), (2, 3), (3, 8)])
def test_the_simulation_looks_when_the_functions_look(
    seed: int, remembered: int, record_property: Record
) -> None:
    dice = random.Random(seed)  # noqa: S311 - a simulation
    with ROUTE.staged() as stage:
        stage.backend.timings = _draw(dice)
        durations = EarlierDurations(stage.bench.store, RESTORE_NAME)
        before = {
            each: [round(dice.uniform(60, 1500)) for _ in range(remembered)] for each in THINGS
        }
        for thing, taken in before.items():
            for seconds in taken:
                durations.add(thing, seconds, stage.bench.clock())
        execution = stage.start()
        tables = stage.bench.environment
        charged = ChargedUnits(Meter({tables.state_table: "step", tables.audit_table: "timestamp"}))
        with observed(stage) as found, stage.tap.hooked(charged.count):
            stage.run(execution)
        after = EarlierDurations(stage.bench.store, RESTORE_NAME)
        usual = {thing: after.usual(thing) for thing in THINGS}
    assert execution.status == SUCCEEDED
    stayed, late = 0.0, 0.0
    for thing in THINGS:
        real = found.things[thing]
        percent = _progress(real.duration) if thing is Awaited.COPY else lambda _: None
        modelled = look_until_seen(
            rule_of_steps(Polling(), operation_id=execution.name, thing=thing.value.name),
            real.duration,
            durations=before[thing],
            usual=usual[thing],
            before=real.before,
            progress=percent,
            stayed=stayed if thing in GOES_ON else 0.0,
            call_seconds=TICK_SECONDS,
        )
        stayed = modelled.stayed
        late += modelled.late
        assert modelled.calls_again == real.calls_again, thing
        assert modelled.looks == real.looks, thing
        assert modelled.inside == pytest.approx(real.inside), thing
        assert modelled.late == pytest.approx(real.waited - real.duration, abs=0.1), thing
    calls, units = len(execution.entered), charged.units
    assert calls == waiting.STEPS + sum(each.calls_again for each in found.things.values())
    looks = sum(each.looks - 1 - each.calls_again for each in found.things.values())
    record_line(
        record_property,
        f"{calls} calls and {late:.0f} s late, as simulated; with {looks} looks between calls "
        f"{units.written:g} units written and {units.read:g} read",
    )
    assert units.written <= _units(waiting.WRITE_UNITS_PER_CALL, calls) + _units(
        waiting.WRITE_UNITS_PER_LOOK, looks
    )
    assert units.read <= _units(waiting.READ_UNITS_PER_CALL, calls) + _units(
        waiting.READ_UNITS_PER_LOOK, looks
    )


def _progress(left: float) -> Callable[[float], float | None]:
    """What AWS reports of a copy that ends in so many seconds, a second after it was started."""
    seconds = left + TICK_SECONDS
    return lambda waited: min(99, int(100 * (waited + TICK_SECONDS) / seconds)) / 100
