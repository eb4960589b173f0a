"""What waiting may add to a run and take of it, from the first night on."""

import pytest

from aurora_restore.shared.awaited import Awaited
from aurora_restore.shared.waiting import REMEMBERED
from benchmarks import durations, waiting
from benchmarks.durations import Figure
from benchmarks.waiting import HOUR

DRAWS = 15
MOST_ADDED = 0.005
MOST_CALLS = {1 * HOUR: 50}
MOST_CALLS_OF_LONGER_RUNS = 120
MOST_EVENTS = 2_000
MOST_DOLLARS_OF_AN_HOUR = 0.012


@pytest.mark.parametrize("remembered", [0, 2, REMEMBERED])
@pytest.mark.parametrize("run", waiting.RUNS)
def test_waiting_adds_little_and_takes_few_calls(run: float, remembered: int) -> None:
    found = waiting.summarise(waiting.by_steps, run, 0.2, remembered=remembered, draws=DRAWS).mean
    assert found.added <= MOST_ADDED
    assert found.calls <= MOST_CALLS.get(run, MOST_CALLS_OF_LONGER_RUNS)
    assert found.events < MOST_EVENTS
    assert run > HOUR or found.dollars <= MOST_DOLLARS_OF_AN_HOUR


@pytest.mark.parametrize(
    ("awaited", "figure"),
    [
        (Awaited.DELETION, durations.DELETION),
        (Awaited.CLUSTER, durations.RESTORE),
        (Awaited.INSTANCES, durations.INSTANCES),
        (Awaited.PASSWORD, durations.PASSWORD),
        (Awaited.SECURITY_GROUPS, durations.HAND_OVER),
    ],
)
def test_what_is_usual_is_within_what_is_known_of_it(awaited: Awaited, figure: Figure) -> None:
    assert awaited.value.usual is not None
    assert figure.low.seconds < awaited.value.usual < figure.high.seconds
