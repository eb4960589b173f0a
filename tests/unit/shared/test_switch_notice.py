"""A message says which cluster serves, whatever has become of a switch."""

import pytest

from aurora_restore.shared.operation_state import OperationState
from aurora_restore.shared.switching.notice import target_notice

MOMENT = "2026-05-16T03:00:00.000000Z"
LATER = "2026-05-16T04:00:00.000000Z"
RETIRED = {"retired_cluster_id": "staging-ar-0123abcd-old", "retired_until": LATER}


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({}, "staging serves as before: nothing of it has been changed"),
        ({"switch_started_at": MOMENT}, f"has begun at {MOMENT} and is not finished"),
        ({"switched_at": MOMENT}, f"staging has been switched at {MOMENT}"),
        (
            {"switched_at": MOMENT, **RETIRED},
            f"staging-ar-0123abcd-old, out of reach, and is kept until {LATER}",
        ),
        (
            {"switched_at": MOMENT, "quarantine_security_group_ids": (), **RETIRED},
            f"staging-ar-0123abcd-old and is kept until {LATER}",
        ),
    ],
)
@pytest.mark.parametrize("sequence", ["switch", "roll-back"])
def test_it_says_what_the_target_is(sequence: str, facts: dict[str, object], said: str) -> None:
    state = OperationState(sequence=sequence, **facts)  # type: ignore[arg-type]

    assert said in target_notice(state, "staging")["target_serves"]


@pytest.mark.parametrize("sequence", ["replace", "retire", None])
def test_a_run_that_switches_nothing_says_nothing_of_it(sequence: str | None) -> None:
    assert target_notice(OperationState(sequence=sequence), "staging") == {}
