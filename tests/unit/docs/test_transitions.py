"""The number of state transitions that the documentation quotes is that of the state machine."""

import pytest

from aurora_restore.reference.contents import HOUR, RUNS
from aurora_restore.reference.looks import look_until_seen, rule_of_steps
from aurora_restore.reference.transitions import FIRST_RUN, LATER_RUN, calls, transitions
from aurora_restore.shared.awaited import Awaited
from aurora_restore.shared.documents.restore import Polling
from aurora_restore.shared.pipeline import get_step
from tests.unit.docs.pages import page
from tests.unit.infra.asl import Machine
from tests.unit.infra.synthesis import Document, Synthesis


@pytest.mark.parametrize("remembered", [FIRST_RUN, LATER_RUN])
@pytest.mark.parametrize("run", RUNS)
def test_it_is_what_a_walk_through_the_machine_counts(
    documented_stack: Synthesis, run: str, remembered: int
) -> None:
    called: dict[str, int] = {}

    def answer(step: str) -> Document:
        called[step] = called.get(step, 0) + 1
        inside = not get_step(step).reaches_database
        if called[step] >= calls(Polling(), RUNS[run].get(step, ()), remembered, inside=inside):
            return {"statusCode": 200, "body": {}}
        return {"statusCode": 202, "body": {"retry_after": 3}}

    walk = Machine.of(documented_stack).walk({}, answer)

    assert transitions(Polling(), RUNS[run], remembered) == len(walk.states)


def test_an_operation_that_is_over_is_looked_at_once() -> None:
    assert calls(Polling(), [0]) == calls(Polling(), []) == 1


def test_a_copy_of_twelve_hours_takes_what_is_said() -> None:
    seconds = 12 * HOUR
    found = look_until_seen(
        rule_of_steps(Polling()),
        seconds,
        usual=Awaited.COPY.value.usual,
        progress=lambda waited: int(100 * waited / seconds) / 100,
    )
    assert 1 + found.calls_again < 100
    assert "a copy of twelve hours takes fewer than a hundred calls" in page("README.md").text


def test_looking_every_minute_takes_what_is_said() -> None:
    assert 2000 < 3 * 12 * 60 < 2200
    assert "over 2000 transitions" in page("docs/cost.md").text
