"""A function that dies at any moment costs nothing but a re-run."""

import pytest

from tests.sweeps.report import Record, record_line
from tests.sweeps.routes import ROUTES, SweepRoute
from tests.sweeps.sweep import CrashSweep, redriven, redriven_later

DEATHS = {"immediately": redriven, "in the morning": redriven_later}


@pytest.mark.parametrize("death", DEATHS)
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: str(route.name))
def test_a_run_killed_at_any_call_succeeds_when_it_is_redriven(
    route: SweepRoute, death: str, record_property: Record
) -> None:
    with route.staged() as stage:
        sweep = CrashSweep(stage, route, death=DEATHS[death])
        sweep.run()
    record_line(
        record_property, f"{route.name}: {sweep.points} crash points, each redriven {death}"
    )
    assert not sweep.broken, "\n".join(sweep.broken)
