"""What a report reads beside the histories: which executions count, costs, and pauses."""

from datetime import timedelta
from typing import Any

import pytest

from aurora_restore.cli.executions import Execution
from aurora_restore.cli.report.reading import cost_of, is_left_out, read_pauses
from aurora_restore.shared.common import timestamp
from aurora_restore.shared.operation_state import OperationState
from aurora_restore.shared.pause import Pause, PauseStore
from aurora_restore.shared.state_utils import FAILED, SUCCESS
from tests.unit.bench import START, Bench, execution_arn

BEGUN = OperationState(operation_started_at=timestamp(START))


def execution(status: str = "SUCCEEDED", **more: Any) -> Execution:
    """An execution of operation ``op-1``, ten minutes long."""
    ended = None if status == "RUNNING" else START + timedelta(minutes=10)
    return Execution(arn=execution_arn("op-1"), status=status, started=START, ended=ended, **more)


@pytest.mark.parametrize(
    ("status", "more", "left_out"),
    [
        ("SUCCEEDED", {}, False),
        ("SUCCEEDED", {"is_held_back": True}, True),
        ("SUCCEEDED", {"given": {"dry_run": True}}, True),
        ("SUCCEEDED", {"given": {"retire": True}}, True),
        ("FAILED", {"given": {"retire": True}}, False),
    ],
    ids=["refresh", "held back by a pause", "dry run", "retirement", "failed retirement"],
)
def test_a_report_is_about_what_has_worked_on_a_target(
    status: str, more: dict[str, Any], left_out: bool
) -> None:
    assert is_left_out(execution(status, **more)) is left_out


@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED", "ABORTED"])
def test_a_run_that_is_over_has_the_cost_of_the_steps_in_the_audit_trail(
    bench: Bench, status: str
) -> None:
    bench.store.audit("op-1", "snapshot-check", SUCCESS, {}, START)
    once = cost_of(bench.store, execution(status), BEGUN, None)
    bench.store.audit("op-1", "copy-snapshot", FAILED, {}, START + timedelta(seconds=5))
    twice = cost_of(bench.store, execution(status), BEGUN, None)

    assert once is not None
    assert twice is not None
    assert 0 < once.usd < twice.usd
    assert twice.lacking == ()


def test_the_cost_of_a_run_under_way_or_without_an_audit_trail_is_not_known(bench: Bench) -> None:
    assert cost_of(bench.store, execution(), BEGUN, None) is None

    bench.store.audit("op-1", "snapshot-check", SUCCESS, {}, START)

    assert cost_of(bench.store, execution("RUNNING"), BEGUN, None) is None
    assert cost_of(bench.store, execution(), BEGUN, None) is not None


def test_only_pauses_in_force_are_reported(bench: Bench) -> None:
    def pause(restore: str, until: timedelta) -> Pause:
        made = Pause(
            restore=restore,
            by="arn:aws:sts::123456789012:assumed-role/operator/jane",
            since=timestamp(START - timedelta(days=2)),
            until=timestamp(START + until),
        )
        PauseStore(bench.store, restore).write(made)
        return made

    paused = pause("orders", timedelta(days=1))
    pause("billing", timedelta(days=-1))

    assert read_pauses(bench.store, ["billing", "orders", "staging"], START) == {"orders": paused}
