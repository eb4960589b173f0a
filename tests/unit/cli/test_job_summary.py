"""The summary of a CI job is Markdown that GitHub can show."""

import html
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from aurora_restore.cli.executions import Execution
from aurora_restore.cli.job_summary import VARIABLE, summary, write_summary
from aurora_restore.shared.visible import visible_line
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

    assert lines[0] == "## Restore <code>orders</code>: failed"
    assert (
        "**Failed at copy-snapshot** (<code>AwsError</code>): <code>no &#60;key&#62;</code>"
        in lines
    )
    assert "<code>aurora-restore explain op-1</code> says what to do." in lines
    assert "| `snapshot-check` | done | 1 min 30 s | <code>found &#124; good</code> |" in lines
    assert "| `copy-snapshot` | failed | 1.0 s | <code>AwsError</code> |" in lines
    assert not any("check-copy-status" in line for line in lines)


FOREIGN = (
    "![](https://x.example/p.png) [Fix it](https://x.example) @team `a` ``b | **c** <img src=x> "
    "www.x.example \\| ~~d~~ #1 &lt; _e_ \x1b[2J"
)


def test_a_foreign_text_means_nothing_in_markdown_and_is_whole() -> None:
    history = HistoryMaker().done("snapshot-check", FOREIGN, seconds=90)
    history.enter("copy-snapshot").end(
        "ExecutionFailed", {"error": FOREIGN, "cause": json.dumps({"errorMessage": FOREIGN})}
    )
    execution = replace(EXECUTION, given={"operation_id": FOREIGN})

    lines = list(summary(execution, FOREIGN, progress_of(history.events), at(100)))

    texts = [text for line in lines for text in re.findall("<code>(.*?)</code>", line)]
    whole = visible_line(FOREIGN)
    assert [html.unescape(text) for text in texts] == [
        whole,
        whole,
        whole,
        whole,
        f"aurora-restore explain {whole}",
        whole,
        whole,
    ]
    assert not re.search(r"[!()*.:<>@\[\\\]^_`{|}~]", "".join(texts))
    assert not re.search(r"&(?!#\d+;)", "".join(texts))
    assert {line.count("|") for line in lines if line.startswith("|")} == {5}


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

    assert file.read_text().startswith("before\n## Restore <code>orders</code>: succeeded\n")
