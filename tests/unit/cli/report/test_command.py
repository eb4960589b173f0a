"""The options of the report, and what programs get."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from aurora_restore.cli.errors import CommandError
from aurora_restore.cli.exit_codes import ExitCode
from aurora_restore.cli.report.command import document_of, parse_since
from aurora_restore.shared.common import json_safe
from tests.unit.cli.report.past import PERIOD, UNTIL, PastRuns

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)


def test_a_period_begins_at_a_day_or_so_many_days_ago() -> None:
    assert parse_since("2026-03-01", NOW) == datetime(2026, 3, 1, tzinfo=UTC)
    assert parse_since("7d", NOW) == NOW - timedelta(days=7)


@pytest.mark.parametrize("text", ["", "30", "0d", "-1d", "9999d", "2026-02-30", "2026-04-01", "x"])
def test_another_beginning_is_refused(text: str) -> None:
    with pytest.raises(CommandError, match="--since") as refused:
        parse_since(text, NOW)

    assert refused.value.code is ExitCode.USAGE


def test_programs_get_the_same_facts() -> None:
    run = PastRuns().run(UNTIL, fails=True)

    (found,) = json.loads(json.dumps(json_safe(document_of(PERIOD, {"orders": [run]}))))["restores"]

    assert (found["restore"], found["runs"], found["success_rate"]) == ("orders", 1, 0.0)
    (operation,) = found["operations"]
    assert operation["operation_id"] == run.operation_id
    assert operation["failures"][0]["error_type"] == run.failures[0].error_type
    assert operation["step_seconds"] == run.step_seconds
