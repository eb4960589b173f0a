"""What waiting adds to a run, how many calls it takes, and what it costs. Run as
``python -m benchmarks.waiting``; ``--draws`` chooses how many nights are drawn of each kind.

A run waits for several things, one after the other. Each night every one of them takes another
time, drawn from a log-normal distribution; the rules are compared on the same draws. The rule of
the steps is the function that they use, with the durations of the nights before. Without them it
knows what is usual, and so it is also run where everything takes another multiple of that. The
others are a
fixed interval, and what the pipeline did before: a tenth of the time that the step has waited, from
15 seconds to half an hour. The limit is an oracle that calls once, at each end.

``tests/sweeps/test_waiting.py`` compares this simulation with the deployed functions, look by look.
"""

import argparse
import math
import random
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from aurora_restore.reference.looks import Rule, look_until_seen, rule_of_steps
from aurora_restore.shared.awaited import Awaited
from aurora_restore.shared.cost import PRICES
from aurora_restore.shared.documents.restore import Polling
from aurora_restore.shared.pipeline import get_step
from aurora_restore.shared.sequences import REPLACE
from aurora_restore.shared.waiting import REMEMBERED, CallAgain, Waiting, usual_after

MINUTE: Final = 60.0
HOUR: Final = 60 * MINUTE
CALL_SECONDS: Final = 1.0
"""How long a call works, and is charged for, beside what it waits inside. Assumed."""

SPREADS: Final = (0.05, 0.1, 0.2, 0.3, 0.5)
"""Standard deviations between nights, as shares of the mean."""
NIGHTS: Final = (REMEMBERED, 2, 0)
"""For how many nights before durations are remembered."""
MULTIPLES: Final = (0.5, 2.0, 5.0)
"""How many times as long everything takes in first nights that are not as usual."""
UNUSUAL_SPREAD: Final = 0.2
AWAITED: Final = {each.value.name: each.value for each in Awaited}

STEPS: Final = len(REPLACE.steps)
WAITING_STEPS: Final = sum(get_step(name).waits for name in REPLACE.steps)
"""Steps of the sequence whose result a Choice looks at."""
EVENTS_PER_TASK: Final = 5
EVENTS_PER_CHOICE: Final = 2
EVENTS_PER_WAIT: Final = 2
EVENTS_OF_THE_REST: Final = 2 + 2 * EVENTS_PER_CHOICE
"""The start and the end of an execution, and its two entrance Choices."""

# List prices; those that ``shared/cost.py`` lacks are of the same Region and month.
PER_TRANSITION: Final = PRICES["state transition"].usd
PER_GB_SECOND: Final = PRICES["function"].usd
PER_REQUEST: Final = PRICES["call of a function"].usd
PER_WRITE_UNIT: Final = 0.625 / 1e6  # https://aws.amazon.com/dynamodb/pricing/on-demand/
PER_READ_UNIT: Final = 0.125 / 1e6  # the same page
PER_TRACE: Final = 5.00 / 1e6  # https://aws.amazon.com/xray/pricing/
MEMORY_GB: Final = 0.25
# Of a call, and of a look more in it, at most: tests/sweeps/test_waiting.py counts the units.
WRITE_UNITS_PER_CALL: Final = 8
READ_UNITS_PER_CALL: Final = 8
WRITE_UNITS_PER_LOOK: Final = 1.5
READ_UNITS_PER_LOOK: Final = 2


@dataclass(frozen=True)
class UsualWait:
    """One thing that a run waits for."""

    thing: str
    usual: float
    """The seconds that it takes on average."""
    in_call_before: bool = False
    """Whether the call that sees the end of the thing before goes on to this one."""
    shows_progress: bool = False


def _waits(copy: float, deletion: float, cluster: float, instances: float) -> tuple[UsualWait, ...]:
    return (
        UsualWait("copy", copy, shows_progress=True),
        UsualWait("deletion", deletion),
        UsualWait("cluster", cluster),
        UsualWait("instances", instances, in_call_before=True),
        UsualWait("password", 90, in_call_before=True),
        UsualWait("security-groups", MINUTE),
    )


RUNS: Final[Mapping[float, tuple[UsualWait, ...]]] = {
    1 * HOUR: _waits(20 * MINUTE, 8 * MINUTE, 14 * MINUTE, 9 * MINUTE),
    3 * HOUR: _waits(80 * MINUTE, 10 * MINUTE, 35 * MINUTE, 12 * MINUTE),
    12 * HOUR: _waits(6.5 * HOUR, 12 * MINUTE, 2 * HOUR, 15 * MINUTE),
    36 * HOUR: _waits(24 * HOUR, 15 * MINUTE, 4 * HOUR, 20 * MINUTE),
}
"""The waits of a run by its duration. What is left of it, the functions work: scripts above all."""


@dataclass(frozen=True)
class Drawn:
    """One wait of one night."""

    wait: UsualWait
    seconds: float
    before: Sequence[float]
    """What it took in the nights before."""
    bend: float
    """The exponent of the progress over time: 1 where it is even."""
    queued: float
    """For which share of the time it waits in a queue, where it shows no progress."""

    def progress(self, waited: float) -> float | None:
        """Return what AWS reports after so many seconds: whole per cent, and never the last."""
        if not self.wait.shows_progress:
            return None
        begun = (waited / self.seconds - self.queued) / (1 - self.queued)
        return 0.0 if begun <= 0 else min(0.99, math.floor(100 * begun**self.bend) / 100)


@dataclass(frozen=True)
class Night:
    """One run, as AWS would let it be."""

    name: str
    waits: Sequence[Drawn]
    seconds: float
    """How long it takes if every end is seen immediately."""


@dataclass(frozen=True)
class Cost:
    """What one run took."""

    added: float
    """The seconds that it is late, as a share of the run."""
    calls: float
    looks: float
    inside: float
    """The seconds that functions slept."""

    @property
    def transitions(self) -> float:
        """Return how many states the execution entered."""
        return 2 + STEPS + WAITING_STEPS + 3 * (self.calls - STEPS)

    @property
    def events(self) -> float:
        """Return how many events its history has."""
        again = self.calls - STEPS
        choices = WAITING_STEPS + again
        return (
            EVENTS_OF_THE_REST
            + EVENTS_PER_TASK * self.calls
            + EVENTS_PER_CHOICE * choices
            + EVENTS_PER_WAIT * again
        )

    @property
    def dollars(self) -> float:
        """Return what AWS charges for it: Step Functions, Lambda, DynamoDB and X-Ray."""
        inner_looks = max(0.0, self.looks - self.calls)
        return (
            PER_TRANSITION * self.transitions
            + PER_GB_SECOND * MEMORY_GB * (self.calls * CALL_SECONDS + self.inside)
            + (PER_REQUEST + PER_TRACE) * self.calls
            + PER_WRITE_UNIT
            * (WRITE_UNITS_PER_CALL * self.calls + WRITE_UNITS_PER_LOOK * inner_looks)
            + PER_READ_UNIT * (READ_UNITS_PER_CALL * self.calls + READ_UNITS_PER_LOOK * inner_looks)
        )


Strategy = Callable[[Night], Cost]


def nights(
    run: float, spread: float, remembered: int, draws: int, *, multiple: float = 1.0
) -> Iterator[Night]:
    """Yield so many nights of a run, always the same ones, or a multiple of them."""
    dice = random.Random(f"{run} {spread}")  # noqa: S311 - a simulation
    sigma = math.sqrt(math.log(1 + spread**2))
    rest = run - sum(each.usual for each in RUNS[run])
    for number in range(draws):
        drawn = []
        for wait in RUNS[run]:
            taken = [
                multiple * wait.usual * math.exp(dice.gauss(-(sigma**2) / 2, sigma))
                for _ in range(1 + REMEMBERED)
            ]
            bend, queued = dice.uniform(0.6, 1.6), dice.choice((0.0, 0.0, 0.1))
            drawn.append(Drawn(wait, taken[0], taken[1 : 1 + remembered], bend, queued))
        seconds = multiple * rest + sum(each.seconds for each in drawn)
        yield Night(f"op-{number}", drawn, seconds)


def by_steps(night: Night) -> Cost:
    """Look as the steps do."""
    return _looked(
        night,
        lambda each: rule_of_steps(Polling(), operation_id=night.name, thing=each.wait.thing),
    )


def every(seconds: int) -> Strategy:
    """Look after a fixed interval."""
    return lambda night: _looked(night, lambda _: lambda *_: CallAgain(seconds))


def as_before(night: Night) -> Cost:
    """Look after a tenth of the time that the step has waited; it has one clock for everything."""
    waited_before = 0.0

    def rule_for(each: Drawn) -> Rule:
        nonlocal waited_before
        start = waited_before = waited_before if each.wait.in_call_before else 0.0
        waited_before += each.seconds

        def rule(waiting: Waiting, _: float) -> CallAgain:
            wanted = math.ceil(0.1 * (start + waiting.waited))
            return CallAgain(max(15, min(1800, wanted)))

        return rule

    return _looked(night, rule_for)


def at_each_end(night: Night) -> Cost:
    """Know when each ends: no rule can be better."""
    calls = STEPS + len(night.waits)
    return Cost(0.0, calls, calls, 0.0)


def usual(thing: str, taken: Mapping[str, float]) -> float | None:
    """Return what something usually takes, by its declaration and what has been waited for."""
    declared = AWAITED[thing]
    other = taken.get(declared.grows_with or "")
    if declared.usual is None or other is None:
        return declared.usual
    return usual_after(declared.usual, other)


def _looked(night: Night, rule_for: Callable[[Drawn], Rule]) -> Cost:
    late, again, looks, inside, stayed = 0.0, 0, STEPS, 0.0, 0.0
    taken = dict[str, float]()
    for each in night.waits:
        found = look_until_seen(
            rule_for(each),
            each.seconds,
            durations=each.before,
            usual=usual(each.wait.thing, taken),
            before=sum(taken.values()),
            progress=each.progress,
            stayed=stayed if each.wait.in_call_before else 0.0,
            call_seconds=CALL_SECONDS,
        )
        stayed = found.stayed
        taken[each.wait.thing] = each.seconds + found.late
        late += found.late
        again += found.calls_again
        looks += found.looks - 1
        inside += found.inside
    return Cost(late / night.seconds, STEPS + again, looks, inside)


@dataclass(frozen=True)
class WaitSummary:
    """What many nights took: the mean, and for the delay and the calls also 19 of 20 nights."""

    mean: Cost
    added_mostly: float
    calls_mostly: float

    @classmethod
    def of(cls, costs: Sequence[Cost]) -> "WaitSummary":
        """Return the summary of some nights."""

        def mean(value: Callable[[Cost], float]) -> float:
            return statistics.fmean(map(value, costs))

        def mostly(value: Callable[[Cost], float]) -> float:
            return sorted(map(value, costs))[math.ceil(0.95 * len(costs)) - 1]

        return cls(
            Cost(
                mean(lambda each: each.added),
                mean(lambda each: each.calls),
                mean(lambda each: each.looks),
                mean(lambda each: each.inside),
            ),
            mostly(lambda each: each.added),
            mostly(lambda each: each.calls),
        )


def summarise(
    strategy: Strategy,
    run: float,
    spread: float,
    *,
    remembered: int = REMEMBERED,
    draws: int,
    multiple: float = 1.0,
) -> WaitSummary:
    """Return what a strategy takes for a run, over so many nights."""
    drawn = nights(run, spread, remembered, draws, multiple=multiple)
    return WaitSummary.of([strategy(night) for night in drawn])


STRATEGIES: Final[Mapping[str, Strategy]] = {
    "the limit: at each end": at_each_end,
    "every 10 s": every(10),
    "every 30 s": every(30),
    "every 60 s": every(60),
    "every 180 s": every(180),
    "as before: a tenth": as_before,
}


def _line(run: float, spread: float, title: str, found: WaitSummary) -> str:
    mean = found.mean
    return (
        f"{run / HOUR:>3.0f} h {spread:>5.0%}  {title:<34} {mean.added:>7.2%} "
        f"{found.added_mostly:>7.2%} {mean.calls:>6.0f} {found.calls_mostly:>6.0f} "
        f"{mean.looks:>6.0f} {mean.events:>6.0f} {mean.dollars:>8.4f}"
    )


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--draws", type=int, default=200, help="nights of each kind (200)")
    draws = parser.parse_args().draws
    print(
        f"{'run':>5} {'sprd':>5}  {'rule':<34} {'added':>7} {'95 %':>7} {'calls':>6} {'95 %':>6} "
        f"{'looks':>6} {'events':>6} {'dollars':>8}"
    )
    for run in RUNS:
        for spread in SPREADS:
            for nights_before in NIGHTS:
                title = {0: "the steps, the first time"}.get(
                    nights_before, f"the steps, after {nights_before} nights"
                )
                found = summarise(by_steps, run, spread, remembered=nights_before, draws=draws)
                print(_line(run, spread, title, found))
            for title, strategy in STRATEGIES.items():
                print(_line(run, spread, title, summarise(strategy, run, spread, draws=draws)))
        for multiple in MULTIPLES:
            title = f"the first time, {multiple:g} times as long"
            found = summarise(
                by_steps, run, UNUSUAL_SPREAD, remembered=0, draws=draws, multiple=multiple
            )
            print(_line(run, UNUSUAL_SPREAD, title, found))
        print()


if __name__ == "__main__":
    main()
