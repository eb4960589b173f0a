"""What `show` and `logs` say of an operation that has failed, or was continued."""

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console

from aurora_restore.cli.logs import span
from aurora_restore.cli.operations import OperationFacts
from aurora_restore.cli.showing import show_operation
from aurora_restore.shared.operation_state import OperationState
from tests.unit.cli.test_explaining import operation
from tests.unit.shared.notices import EXECUTION, failed

NOW = datetime(2026, 5, 17, 4, tzinfo=UTC)


def shown(facts: OperationFacts, **more: Any) -> str:
    output = io.StringIO()
    console = Console(file=output, width=100, highlight=False, markup=False, emoji=False)
    show_operation(console, facts, ["It serves."], NOW, **more)
    return output.getvalue()


def test_a_failure_is_shown_with_its_obstacles_and_with_what_to_do() -> None:
    obstacle = {"check": "keys", "problem": "key k is disabled", "remedy": "enable it"}
    failure = failed("PreflightError", reason="cluster my-cluster is left, 1 obstacle: a; b")
    facts = replace(
        operation("FAILED"), failure=failure, error={"details": {"obstacles": [obstacle]}}
    )

    text = shown(facts, ways_on=[("The command line", "aurora-restore start staging")])

    assert "Cluster my-cluster is left, 1 obstacle." in text
    assert "key k is disabled; enable it (check: keys)" in text
    assert "Remove every obstacle" in text
    assert "  The command line:\n    aurora-restore start staging\n" in text


def test_a_start_that_a_pause_has_held_back_is_said_to_have_done_nothing() -> None:
    assert "the schedule was paused" in shown(operation(is_held_back=True))
    assert "the schedule was paused" not in shown(operation())


def test_an_operation_that_went_on_next_day_has_its_dates_and_its_earlier_executions() -> None:
    first = f"{EXECUTION}-first"
    audit = [
        {
            "timestamp": f"2026-05-{day}T23:10:00.000000Z",
            "step": "rerun",
            "status": "REQUESTED",
            "details": {"after": first},
        }
        for day in (16, 17)
    ]

    text = shown(replace(operation(), audit=audit))

    assert "05-16 23:10:00  rerun" in text
    assert "05-17 23:10:00  rerun" in text
    assert text.count(first) == 1


@pytest.mark.parametrize(("hours", "began"), [(-20, -20), (1, 0)])
def test_what_was_logged_is_read_from_the_beginning_of_the_operation(
    hours: int, began: int
) -> None:
    execution = operation().execution
    moment = (execution.started + timedelta(hours=hours)).isoformat()

    begin, _ = span(execution, OperationState(operation_started_at=moment))

    assert begin == execution.started + timedelta(hours=began) - timedelta(minutes=1)
    assert span(execution, OperationState())[0] == execution.started - timedelta(minutes=1)
