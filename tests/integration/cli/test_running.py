"""``watch``, ``start``, ``plan`` and ``logs`` on the deployed pipeline."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from aurora_restore.shared.sequences import REPLACE
from tests.integration.cli.conftest import CommandLine
from tests.integration.pipeline.stage import Deployed, PipelineStage


@pytest.fixture
def without_subnets(stage: PipelineStage, app: Deployed, succeeded: str) -> Iterator[None]:
    """A configuration that names a subnet group that does not exist."""
    document = stage.configuration(app)
    wrong = {**document["target"], "db_subnet_group_name": "nowhere"}
    stage.configure(app, {**document, "target": wrong})
    yield
    stage.configure(app, document)


def test_a_start_that_is_watched_shows_each_step_and_writes_the_jobs_summary(
    cli: CommandLine, succeeded: str, tmp_path: Path
) -> None:
    file = tmp_path / "summary.md"

    shown = cli("start", "staging", "--watch", width=80, GITHUB_STEP_SUMMARY=str(file))

    assert (shown.code, shown.err) == (0, "")
    operation, *lines = shown.out.splitlines()
    assert operation.startswith("op-")
    assert "Expected end: in" in lines[1] or "It takes longer than" in lines[1]
    assert any(f" 1/{len(REPLACE.steps)} snapshot-check" in line for line in lines)
    assert any(
        f"{len(REPLACE.steps)}/{len(REPLACE.steps)} sns-notification" in line for line in lines
    )
    assert lines[-1].startswith(f"Operation {operation} has succeeded in ")
    assert file.read_text().startswith("## Restore <code>staging</code>: succeeded\n")


def test_a_start_that_fails_says_why_and_what_to_do(cli: CommandLine, succeeded: str) -> None:
    shown = cli("start", "--date", "2020-02-29", "--wait")

    assert shown.code == 1
    assert "failed at snapshot-check." in shown.out
    assert "WHAT TO DO" in shown.out


def test_a_start_of_no_restore_is_refused(cli: CommandLine) -> None:
    shown = cli("start", "nothing")

    assert (shown.code, shown.out) == (2, "")
    assert "there is none called 'nothing'" in shown.err


@pytest.mark.parametrize("width", [80, 120, None])
def test_an_operation_that_is_over_is_shown_from_its_beginning(
    cli: CommandLine, failed: str, width: int | None
) -> None:
    shown = cli("watch", failed, width=width)

    assert shown.code == 1
    assert f"operation {failed}" in shown.out
    assert "FAILED after" in shown.out


def test_a_program_gets_a_document_for_each_change(cli: CommandLine, succeeded: str) -> None:
    shown = cli("watch", succeeded, "--json")

    *changes, end = map(json.loads, shown.out.splitlines())
    assert [each["number"] for each in changes] == [*range(1, len(REPLACE.steps) + 1)]
    assert {each["status"] for each in changes} == {"done"}
    assert (end["operation_id"], end["status"], shown.code) == (succeeded, "SUCCEEDED", 0)


def test_without_an_operation_the_running_one_is_watched(cli: CommandLine) -> None:
    shown = cli("watch")

    assert (shown.code, shown.out) == (2, "")
    assert "No operation is running." in shown.err


@pytest.mark.parametrize("width", [80, 120])
def test_a_plan_lists_every_call_and_changes_nothing(
    cli: CommandLine, stage: PipelineStage, succeeded: str, width: int
) -> None:
    before = stage.changes()

    shown = cli("plan", width=width)

    assert (shown.code, shown.err) == (0, "")
    assert shown.widest <= width
    assert "RestoreDBClusterFromSnapshot staging (us-west-2)" in shown.out
    assert "Nothing was changed." in shown.out
    assert stage.changes() == before


@pytest.mark.usefixtures("without_subnets")
def test_a_plan_with_obstacles_names_their_remedies_and_fails(cli: CommandLine) -> None:
    shown = cli("plan", "staging", width=80)
    found = json.loads(cli("plan", "staging", "--json").out)

    assert shown.code == 1
    assert "target.db_subnet_group_name" in shown.out
    assert "What to do:" in shown.out
    assert found["obstacles"][0]["remedy"]
    assert found["deleted_by_retention"] == []
    assert found["steps"][0] == "snapshot-check"


def test_logs_are_those_of_the_operation_in_order(
    cli: CommandLine, succeeded: str, failed: str
) -> None:
    text = cli("logs", succeeded).out
    lines = [json.loads(line) for line in cli("logs", succeeded, "--json").out.splitlines()]

    assert text.index("Snapshot found successfully") < text.index("The cluster is handed over")
    assert [each["timestamp"] for each in lines] == sorted(each["timestamp"] for each in lines)
    assert {each["line"]["operation_id"] for each in lines} == {succeeded}
    assert {each["step"] for each in lines} >= {"snapshot-check", "hand-over"}
    only = cli("logs", failed, "--step", "snapshot-check", "--follow").out
    assert "SnapshotNotFoundError" in only
    assert "sns-notification" not in only
