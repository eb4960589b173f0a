"""Restores that start together, in one environment, beyond the limits of AWS."""

from pathlib import Path

from benchmarks.fleet_run import SUCCEEDED, FleetPlan, running_fleet

PLAN = FleetPlan(
    restores=8,
    sources=4,
    wait_scale=0.005,
    copies_in_progress=2,
    requests_per_second=15,
    burst_of_requests=10,
)


def test_eight_restores_together_complete_within_the_limits_of_aws(tmp_path: Path) -> None:
    with running_fleet(PLAN, tmp_path) as fleet:
        outcome = fleet.run(PLAN.names, throttled=True)
        left_waiting = fleet.copies_left_waiting

    assert outcome.statuses == dict.fromkeys(PLAN.names, SUCCEEDED)
    assert outcome.faults == []
    assert outcome.most_in_flight == PLAN.copies_in_progress
    assert (outcome.refused_copies > 0, outcome.throttled > 0) == (True, True)
    assert left_waiting == 0
