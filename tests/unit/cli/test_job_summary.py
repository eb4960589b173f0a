"""The summary of a CI job is Markdown that GitHub can show."""

from pathlib import Path

import pytest

from aurora_restore.cli.executions import Execution
from aurora_restore.cli.job_summary import VARIABLE, summary, write_summary
from tests.unit.demo.histories import START, HistoryMaker, at, progress_of

EXECUTION = Execution(
    arn="arn:aws:states:us-west-2:1:execution:machine:op-1", status="RUNNING", started=START
)


def test_a_failure_is_in_the_summary_with_the_command_that_explains_it() -> None:
    history = HistoryMaker().done("snapshot-check", "found | good", seconds=90)
    history.enter("copy-snapshot").end(
        "ExecutionFailed", {"error": "AwsError", "cause": '{"errorMessage": "no <key>"}'}
    )

    lines = list(summary(EXECUTION, "orders", progress_of(history.events), at(100)))

    assert lines[0] == "## Restore orders: failed"
    assert "**Failed at copy-snapshot** (AwsError): no &lt;key>" in lines
    assert "`aurora-restore explain op-1` says what to do." in lines
    assert "| `snapshot-check` | done | 1 min 30 s | found \\| good |" in lines
    assert "| `copy-snapshot` | failed | 1.0 s | AwsError |" in lines
    assert not any("check-copy-status" in line for line in lines)


def test_it_is_added_to_the_file_that_the_job_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "summary.md"
    file.write_text("before\n")
    progress = progress_of(HistoryMaker().end("ExecutionSucceeded").events)

    monkeypatch.delenv(VARIABLE, raising=False)
    write_summary(EXECUTION, "orders", progress, at(1))
    assert file.read_text() == "before\n"
    monkeypatch.setenv(VARIABLE, str(file))
    write_summary(EXECUTION, "orders", progress, at(1))

    assert file.read_text().startswith("before\n## Restore orders: succeeded\n")
