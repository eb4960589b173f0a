"""An AWS that throttles, fails, loses responses or returns nonsense costs only time."""

import pytest

from tests.sweeps.report import Record, record_line
from tests.sweeps.routes import OTHER_REGION, ROUTES, SweepRoute
from tests.sweeps.sweep import FaultSweep


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: str(route.name))
def test_a_run_in_which_a_call_goes_wrong_comes_to_the_same_end(
    route: SweepRoute, record_property: Record
) -> None:
    is_sample = route is not OTHER_REGION
    with route.staged() as stage:
        sweep = FaultSweep(stage, route, sample=is_sample)
        sweep.run()
    where = "at a call of each kind" if is_sample else "at every call"
    record_line(
        record_property,
        f"{route.name}: {sweep.points} faults {where}, {sweep.redriven} of them redriven",
    )
    assert not sweep.broken, "\n".join(sweep.broken)
