"""When the end of an operation is expected, and what is said when waiting is over."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from aurora_restore.cli.executions import Execution
from aurora_restore.cli.exit_codes import ExitCode
from aurora_restore.cli.following import Expectation, expectation
from aurora_restore.cli.progress import ExecutionProgress
from aurora_restore.cli.watching import outcome_code
from aurora_restore.shared.sequences import REPLACE

BEGAN = datetime(2026, 3, 4, 3, 0, tzinfo=UTC)
STARTED = replace(ExecutionProgress.beginning(REPLACE), started=BEGAN)


def run(minutes: float, status: str = "SUCCEEDED", **given: Any) -> Execution:
    return Execution(
        arn="arn:aws:states:us-west-2:1:execution:machine:name",
        status=status,
        started=BEGAN,
        ended=BEGAN + timedelta(minutes=minutes),
        given=given,
    )


def test_the_median_of_earlier_whole_runs_of_the_same_restore_is_expected() -> None:
    earlier = [
        run(60, restore="orders"),
        run(1, "FAILED", restore="orders"),
        run(1, restore="orders", dry_run=True),
        run(1, restore="orders", start_at="hand-over"),
        run(1, restore="other"),
        run(90, restore="orders"),
        run(70),
    ]

    assert expectation(earlier, run(0, "RUNNING", restore="orders"), "orders") == Expectation(
        70 * 60, 3
    )
    assert expectation(earlier, run(0, "RUNNING", restore="orders"), None) == Expectation(
        75 * 60, 2
    )


def test_a_start_that_a_pause_has_held_back_is_no_run_to_compare_with() -> None:
    held_back = replace(run(0.05, restore="orders"), is_held_back=True)
    earlier = [held_back, run(60, restore="orders")]

    assert expectation(earlier, run(0, "RUNNING", restore="orders"), None) == Expectation(3600, 1)


@pytest.mark.parametrize("given", [{"start_at": "hand-over"}, {"restore": "new"}])
def test_nothing_is_expected_of_a_run_that_no_earlier_one_is_like(given: dict[str, Any]) -> None:
    assert expectation([run(60)], run(0, "RUNNING", **given), None) is None


def test_the_expected_end_is_a_time_and_a_rest() -> None:
    expected = Expectation(3600, 3)

    assert expected.sentence(STARTED, BEGAN + timedelta(minutes=20)) == (
        "Expected end: in 40 min 00 s, at 04:00 UTC, as the last 3 runs (1 h 00 min)."
    )
    assert expected.sentence(STARTED, BEGAN + timedelta(minutes=61)) == (
        "It takes longer than the last 3 runs (1 h 00 min)."
    )


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("RUNNING", ExitCode.UNFINISHED),
        ("SUCCEEDED", ExitCode.DONE),
        ("FAILED", ExitCode.FAILED),
        ("TIMED_OUT", ExitCode.FAILED),
        ("ABORTED", ExitCode.FAILED),
    ],
)
def test_the_exit_code_is_that_of_the_operation(status: str, code: ExitCode) -> None:
    progress = ExecutionProgress(steps=STARTED.steps, status=status, started=BEGAN)

    assert outcome_code(progress) == code
