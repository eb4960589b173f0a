"""The number of state transitions that the documentation quotes is that of the state machine."""

import pytest
from aurora_restore.shared.polling import next_poll

from aurora_restore.reference.contents import HOUR, RUNS
from aurora_restore.reference.transitions import calls, transitions
from aurora_restore.shared.documents.restore import Polling
from tests.unit.docs.pages import page
from tests.unit.infra.asl import Machine
from tests.unit.infra.synthesis import Document, Synthesis


@pytest.mark.parametrize("run", RUNS)
def test_it_is_what_a_walk_through_the_machine_counts(
    documented_stack: Synthesis, run: str
) -> None:
    waited: dict[str, float] = {}

    def answer(step: str) -> Document:
        so_far = waited.setdefault(step, 0.0)
        if so_far >= RUNS[run].get(step, 0.0):
            return {"statusCode": 200, "body": {}}
        retry_after = next_poll(Polling(), so_far)
        waited[step] = so_far + retry_after
        return {"statusCode": 202, "body": {"retry_after": retry_after}}

    walk = Machine.of(documented_stack).walk({}, answer)

    assert transitions(Polling(), RUNS[run]) == len(walk.states)


def test_an_operation_that_is_over_is_looked_at_once() -> None:
    assert calls(Polling(), 0) == 1


def test_a_copy_of_twelve_hours_takes_what_is_said() -> None:
    assert calls(Polling(), 12 * HOUR) < 100
    assert "a copy of twelve hours takes fewer than a hundred looks" in page("README.md").text


def test_a_copy_of_36_hours_takes_what_is_said() -> None:
    every_minute = Polling(floor_seconds=60, cap_seconds=60)
    documented = f"{calls(Polling(), 36 * HOUR)} times instead of {calls(every_minute, 36 * HOUR)}"

    assert documented in page("docs/decisions/0005-geometric-polling.md").text


def test_looking_every_minute_takes_what_is_said() -> None:
    every_minute = Polling(floor_seconds=60, cap_seconds=60)

    assert 2000 < 3 * calls(every_minute, 12 * HOUR) < 2200
    assert "over 2000 transitions" in page("docs/cost.md").text
