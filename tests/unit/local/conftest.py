"""One emulator for the package, emptied before each test, so that many tests take seconds."""

from collections.abc import Iterator
from unittest import mock

import pytest

from aurora_restore.local.rds import ManualClock, Rules
from aurora_restore.local.rds.in_process import in_process
from aurora_restore.local.rds.plane.none import NoDataPlane
from tests.unit.local.rds_bench import TIMINGS, RdsBench


@pytest.fixture(scope="package")
def _shared_bench() -> Iterator[RdsBench]:
    clock, plane = ManualClock(), NoDataPlane()
    no_material = mock.patch("moto.kms.models.generate_private_key", return_value=b"")
    with no_material, in_process(clock=clock, timings=TIMINGS, plane=plane) as emulator:
        yield RdsBench(emulator, clock, plane)


@pytest.fixture
def rds_bench(_shared_bench: RdsBench) -> RdsBench:
    """An emulator with nothing in it."""
    _shared_bench.control.reset()
    _shared_bench.emulator.world.timings = TIMINGS
    _shared_bench.emulator.world.rules = Rules()
    return _shared_bench
