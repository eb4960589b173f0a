"""One emulator per module, emptied before each test: so that hundreds of tests take seconds."""

from collections.abc import Iterator

import pytest

from aurora_restore.local.rds import ManualClock, Rules, in_process
from aurora_restore.local.rds.plane.none import NoDataPlane
from tests.unit.local.rds_bench import TIMINGS, RdsBench


@pytest.fixture(scope="module")
def _module_bench() -> Iterator[RdsBench]:
    clock, plane = ManualClock(), NoDataPlane()
    with in_process(clock=clock, timings=TIMINGS, plane=plane) as emulator:
        yield RdsBench(emulator, clock, plane)


@pytest.fixture
def rds_bench(_module_bench: RdsBench) -> RdsBench:
    """An emulator with nothing in it."""
    _module_bench.control.reset()
    _module_bench.emulator.world.timings = TIMINGS
    _module_bench.emulator.world.rules = Rules()
    return _module_bench
