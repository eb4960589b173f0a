"""When an operation may be stopped, and what that leaves."""

from dataclasses import replace

import pytest

from aurora_restore.cli.cancelling import CancelFacts, Stop, decide, what_is_left
from aurora_restore.cli.errors import RefusedCommand
from aurora_restore.cli.exit_codes import ExitCode
from aurora_restore.shared.operation_state import OperationState
from aurora_restore.shared.sequences import REPLACE, SWITCH

RUNNING = CancelFacts(
    operation_id="op-1", status="RUNNING", is_over=False, step="check-copy-status"
)


def test_what_is_under_way_is_stopped_after_a_question_that_says_where_it_is() -> None:
    assert decide(RUNNING) == Stop(
        question="Operation op-1 is at check-copy-status. Stop it there? Nothing is undone."
    )
    assert isinstance(decide(replace(RUNNING, step=None)), Stop)


@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"])
def test_what_has_ended_is_not_stopped(status: str) -> None:
    found = decide(replace(RUNNING, status=status, is_over=True))

    assert isinstance(found, RefusedCommand)
    assert found.code is ExitCode.USAGE
    assert found.reason.endswith(f"it has ended as {status.lower()}.")


def test_a_switch_is_not_stopped_in_its_middle() -> None:
    found = decide(replace(RUNNING, step="switch-cluster", switches=True))

    assert isinstance(found, RefusedCommand)
    assert found.code is ExitCode.REFUSED
    assert "perhaps no cluster serves" in found.reason


def test_what_is_left_is_said_of_the_copy_and_of_the_cluster_beside() -> None:
    copying = OperationState(copy_started_at="2026-05-15T02:00:00Z", copy_snapshot_id="monday-copy")
    copied = replace(copying, copy_status="available", new_cluster_id="shop-ar-12345678")

    _, first = what_is_left(copying, SWITCH, "check-copy-status")
    _, second, beside = what_is_left(copied, SWITCH, "check-restore-status")

    assert first.startswith("The copy monday-copy is still made by AWS, and stays")
    assert second.startswith("The copy monday-copy stays")
    assert beside.startswith("The cluster shop-ar-12345678 beside the target stays for 24 hours")
    assert len(list(what_is_left(copied, REPLACE, "check-restore-status"))) == 2
    assert list(what_is_left(OperationState(), REPLACE, None)) == []
