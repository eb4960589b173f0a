"""One emulator for the package, emptied before each test, so that many tests take seconds."""

from collections.abc import Iterator
from unittest import mock

import pytest

from embedded_aws.rds import ManualClock, Rules
from embedded_aws.rds.data_plane.none import NoDataPlane
from embedded_aws.rds.in_process import in_process
from tests.unit.embedded_aws.rds.rds_bench import TIMINGS, RdsBench


@pytest.fixture(scope="package")
def _shared_bench() -> Iterator[RdsBench]:
    clock, data_plane = ManualClock(), NoDataPlane()
    no_material = mock.patch("moto.kms.models.generate_private_key", return_value=b"")
    with no_material, in_process(clock=clock, timings=TIMINGS, data_plane=data_plane) as emulator:
        yield RdsBench(emulator, clock, data_plane)


@pytest.fixture
def rds_bench(_shared_bench: RdsBench) -> RdsBench:
    """An emulator with nothing in it."""
    _shared_bench.admin.reset()
    _shared_bench.emulator.backend.timings = TIMINGS
    _shared_bench.emulator.backend.rules = Rules()
    return _shared_bench
