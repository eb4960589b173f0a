"""The options of the report, and what programs get."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from aurora_restore.cli.errors import CommandError
from aurora_restore.cli.exit_codes import ExitCode
from aurora_restore.cli.report.command import document_of, parse_since
from aurora_restore.cli.report.runs import Run
from aurora_restore.shared.common import json_safe
from aurora_restore.shared.pause import Pause
from tests.unit.cli.report.past import PAUSE, PERIOD, UNTIL, PastRuns, cost

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)


def test_a_period_begins_at_a_day_or_so_many_days_ago() -> None:
    assert parse_since("2026-03-01", NOW) == datetime(2026, 3, 1, tzinfo=UTC)
    assert parse_since("7d", NOW) == NOW - timedelta(days=7)


@pytest.mark.parametrize("text", ["", "30", "0d", "-1d", "9999d", "2026-02-30", "2026-04-01", "x"])
def test_another_beginning_is_refused(text: str) -> None:
    with pytest.raises(CommandError, match="--since") as refused:
        parse_since(text, NOW)

    assert refused.value.code is ExitCode.USAGE


def printed(*runs: Run, **pauses: Pause) -> dict[str, Any]:
    """What programs get of the restore ``orders``."""
    document = json.loads(json.dumps(json_safe(document_of(PERIOD, {"orders": runs}, pauses))))
    (found,) = document["restores"]
    assert isinstance(found, dict)
    return found


def test_programs_get_the_same_facts() -> None:
    run = PastRuns().run(UNTIL, fails=True)

    found = printed(run)

    assert (found["restore"], found["runs"], found["success_rate"]) == ("orders", 1, 0.0)
    (operation,) = found["operations"]
    assert operation["operation_id"] == run.operation_id
    assert operation["failures"][0]["error_type"] == run.failures[0].error_type
    assert operation["step_seconds"] == run.step_seconds


def test_programs_get_a_cost_that_is_not_known_as_null_and_not_as_zero() -> None:
    run = PastRuns().run(UNTIL)
    runs = [replace(run, approximate_cost=each) for each in (cost(4.0), cost(None), None)]

    found = printed(*runs)

    lacking = ["transfer of the copy to the other Region"]
    assert [each["approximate_cost"] for each in found["operations"]] == [
        {"usd": 4.01, "not_known": []},
        {"usd": 0.01, "not_known": lacking},
        None,
    ]
    assert found["approximate_usd"] == pytest.approx(4.02)
    assert found["cost_not_known"] == 2


def test_programs_get_the_pause_of_a_schedule() -> None:
    assert printed(orders=PAUSE)["pause"] == {
        "restore": "orders",
        "by": PAUSE.by,
        "since": PAUSE.since,
        "until": PAUSE.until,
        "reason": PAUSE.reason,
    }
    assert printed()["pause"] is None
