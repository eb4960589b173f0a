"""However a switch, its way back or a retirement is disturbed, a cluster serves, or can be made to.

Everything is killed, redriven, replaced by another operation, or befallen by a fault, as in the
sweeps of the strategy ``replace``; and the renames behave in every way that AWS leaves open.
"""

import pytest

from aurora_restore.shared.errors import SwitchUndoneError
from embedded_aws.rds.variations import RENAME_VARIATIONS, Variation
from tests.sweeps.report import Record, record_line
from tests.sweeps.sweep import (
    CrashSweep,
    FaultSweep,
    Sweep,
    redriven,
    redriven_later,
    replaced_by_another,
    with_retirements,
)
from tests.sweeps.switch_invariants import SwitchWatchdog
from tests.sweeps.switch_routes import (
    FIRST,
    NOT_KEPT,
    ONLY_SWITCHED,
    PUBLISHED,
    PUBLISHED_BACK,
    PUBLISHED_FIRST,
    PUBLISHED_RETIRED,
    RETIRED,
    ROLLED_BACK,
    SWITCH_ROUTES,
    SWITCHED,
    SwitchRoute,
)

DEATHS = {
    "redriven immediately": (redriven, SWITCH_ROUTES),
    "redriven in the morning": (redriven_later, SWITCH_ROUTES),
    "replaced by another operation": (
        replaced_by_another,
        (
            ONLY_SWITCHED,
            FIRST,
            ROLLED_BACK,
            RETIRED,
            PUBLISHED,
            PUBLISHED_FIRST,
            PUBLISHED_BACK,
            PUBLISHED_RETIRED,
        ),
    ),
    "with retirements before a redrive": (
        with_retirements,
        (NOT_KEPT, ROLLED_BACK, PUBLISHED, PUBLISHED_BACK),
    ),
}


@pytest.mark.parametrize(
    ("death", "route"),
    [(death, route) for death, (_, routes) in DEATHS.items() for route in routes],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_a_switch_killed_at_any_call_leaves_a_cluster_that_serves(
    death: str, route: SwitchRoute, record_property: Record
) -> None:
    dies, _ = DEATHS[death]
    with route.staged() as stage:
        sweep = CrashSweep(stage, route, watchdogs=SwitchWatchdog, is_timeless=True, death=dies)
        sweep.run()
    record_line(record_property, f"{route.name}: {sweep.points} crash points, each {death}")
    assert not sweep.broken, "\n".join(sweep.broken)


@pytest.mark.parametrize(
    "route",
    [SWITCHED, ROLLED_BACK, RETIRED, PUBLISHED, PUBLISHED_BACK],
    ids=lambda route: route.name,
)
def test_a_switch_in_which_a_call_goes_wrong_comes_to_the_same_end(
    route: SwitchRoute, record_property: Record
) -> None:
    with route.staged() as stage:
        sweep = FaultSweep(stage, route, watchdogs=SwitchWatchdog, is_timeless=True, sample=True)
        sweep.run()
    record_line(
        record_property,
        f"{route.name}: {sweep.points} faults at a call of each kind, "
        f"{sweep.redriven} of them redriven",
    )
    assert not sweep.broken, "\n".join(sweep.broken)


UNDONE = "former-name-taken-for-long"
"""With this variation a switch comes to nothing, whatever else happens."""
SELDOM_SECONDS = 60.0
"""How often a function looks at renames that take long."""


@pytest.mark.parametrize(
    "variation",
    [each for each in RENAME_VARIATIONS if each.name != UNDONE],
    ids=lambda variation: variation.name,
)
def test_however_renames_behave_a_switch_killed_at_any_call_leaves_a_cluster_that_serves(
    variation: Variation, record_property: Record
) -> None:
    with ONLY_SWITCHED.staged() as stage:
        variation.arrange(stage.bench.rds.admin)
        stage.bench.least_pause = SELDOM_SECONDS
        sweep = CrashSweep(stage, ONLY_SWITCHED, watchdogs=SwitchWatchdog, is_timeless=True)
        sweep.run()
    record_line(record_property, f"renames {variation.name}: {sweep.points} crash points")
    assert not sweep.broken, "\n".join(sweep.broken)


@pytest.mark.parametrize("variation", RENAME_VARIATIONS, ids=lambda variation: variation.name)
def test_however_renames_behave_a_cluster_serves_in_the_end_of_an_undisturbed_run(
    variation: Variation,
) -> None:
    with ONLY_SWITCHED.staged() as stage:
        variation.arrange(stage.bench.rds.admin)
        sweep = Sweep(stage, ONLY_SWITCHED, watchdogs=SwitchWatchdog, is_timeless=True)
        watchdog = SwitchWatchdog.of(stage, ONLY_SWITCHED)
        sweep.watchdog = watchdog
        execution = sweep.start()
        with stage.tap.hooked(sweep.watch):
            stage.run(execution)
        if execution.error == SwitchUndoneError.__name__:
            watchdog.check_served_as_before()
        else:
            watchdog.check_end(execution)
