"""Fifty restores together: whether all complete, what limits them, and what they take. Run as
``python -m benchmarks.fleet``; ``--restores 8`` takes fewer. It takes some minutes.

One environment is deployed by ``cdk deploy``; its executions run in the embedded AWS, with the
functions as they are deployed and a PostgreSQL server for each cluster. First one restore runs by
itself, then all of them together, which replaces that one's cluster again. RDS allows five copies
in progress, and answers no more requests than a token bucket lets it: ``Throttling`` for the rest.

Simulated are the durations of RDS and the waits of Step Functions, which are shortened alike. Not
shortened is the work of the functions and of PostgreSQL, for which this machine has few processors:
so few functions work at the same time, and the others wait. Times of RDS are therefore longer than
in AWS, and the number of calls is smaller where a wait is over sooner than it would be. The
limit of a request rate is in this machine's time, as the repeats of boto3 are.
"""

import argparse
import sys
from collections.abc import Iterator
from typing import Final

from benchmarks.fleet_run import SUCCEEDED, DeployedFleet, FleetOutcome, FleetPlan, running_fleet

RESTORES: Final = 50
RESTORES_PER_SOURCE: Final = 5
WAIT_SCALE: Final = 0.02
COLUMNS: Final = 60


def plan_of(restores: int) -> FleetPlan:
    """Return the plan of the benchmark for so many restores."""
    sources = max(1, -(-restores // RESTORES_PER_SOURCE))
    return FleetPlan(restores=restores, sources=sources, wait_scale=WAIT_SCALE)


def main() -> int:
    """Run the fleet and print what it was like; return 1 if not everything is as it must be."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--restores", type=int, default=RESTORES, help=f"({RESTORES})")
    plan = plan_of(parser.parse_args().restores)
    with running_fleet(plan) as fleet:
        alone = fleet.run(plan.names[:1], throttled=False)
        together = fleet.run(plan.names, throttled=True)
        for line in report(plan, alone, together, fleet):
            print(line)
    return int(bool(alone.faults or together.faults))


def report(
    plan: FleetPlan, alone: FleetOutcome, together: FleetOutcome, fleet: DeployedFleet
) -> Iterator[str]:
    """Yield what a run was like, line by line."""
    done = sum(status == SUCCEEDED for status in together.statuses.values())
    yield f"{plan.restores} restores of {plan.sources} sources: {done} have succeeded"
    yield (
        f"duration: {together.seconds:.0f} s here; one by itself took {alone.seconds:.0f} s: "
        f"{together.seconds / alone.seconds:.1f} times as long for {plan.restores} times the work"
    )
    yield (
        f"copies: {len(together.copies)} made, at most {together.most_in_flight} in progress of "
        f"{plan.copies_in_progress} allowed; {together.refused_copies} refused, "
        f"{fleet.copies_left_waiting} left in the queue"
    )
    yield f"in progress over time: {timeline(together)}"
    calls = sum(together.calls.values())
    yield (
        f"requests of RDS: {calls}, {calls / plan.restores:.0f} per restore "
        f"({sum(alone.calls.values())} by itself); {together.throttled} throttled at "
        f"{plan.requests_per_second:g} a second"
    )
    for action, number in sorted(together.calls.items(), key=lambda each: -each[1])[:8]:
        yield f"  {action:<36} {number:>6} {number / plan.restores:>7.1f} per restore"
    calls = together.function_calls
    yield (
        f"calls of functions: {calls}, {calls / plan.restores:.1f} per restore "
        f"({alone.function_calls} by itself)"
    )
    repeated = ", ".join(f"{name} {number}" for name, number in sorted(together.repeated.items()))
    yield f"steps repeated by the state machine: {repeated or 'none'}"
    for fault in (*alone.faults, *together.faults):
        yield f"FAULT {fault}"
    if not (alone.faults or together.faults):
        yield "state, audit trail, lock, notice and data of each restore are as they must be"


def timeline(outcome: FleetOutcome) -> str:
    """Return how many copies were in progress, from the first to the last, in equal steps."""
    if not outcome.copies:
        return ""
    last = max(end for _, end in outcome.copies)
    moments = [last * (number + 0.5) / COLUMNS for number in range(COLUMNS)]
    return "".join(str(min(9, outcome.in_flight(moment))) for moment in moments)


if __name__ == "__main__":
    sys.exit(main())
