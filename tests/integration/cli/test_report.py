"""``aurora-restore report`` on the deployed pipeline."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.cli.conftest import CommandLine


def facts_of(cli: CommandLine, *options: str) -> dict[str, Any]:
    """What the report says of the restore that all tests of the command line share."""
    (found,) = json.loads(cli("report", "--restore", "staging", "--json", *options).out)["restores"]
    assert found["restore"] == "staging"
    return dict(found)


def test_the_report_shows_what_has_run(
    cli: CommandLine, succeeded: str, failed: str, tmp_path: Path
) -> None:
    file = tmp_path / "report.html"

    runs = facts_of(cli)["operations"]
    succeeded_runs = sum(each["outcome"] == "succeeded" for each in runs)

    shown = cli("report", "--restore", "staging", "--output", str(file), "--since", "1d")

    assert (shown.code, shown.err) == (0, "")
    assert shown.out.strip() == f"{len(runs)} runs: {file}"
    page = file.read_text(encoding="utf-8")
    assert f"{succeeded_runs} of {len(runs)} (" in page
    assert "snapshot-check: SnapshotNotFoundError" in page
    assert "What each run that is over has cost: state transitions, functions." in page
    assert "Not known: transfer of the copy to the other Region." in page
    for each in (succeeded, failed):
        assert each in page


def test_programs_get_the_facts_of_a_report(cli: CommandLine, succeeded: str, failed: str) -> None:
    restore = facts_of(cli)

    assert restore["succeeded"] >= 1
    of = {each["operation_id"]: each for each in restore["operations"]}
    assert of[succeeded]["step_seconds"]["check-restore-status"] > 0
    assert of[succeeded]["snapshot_age_seconds"] > 0
    assert of[succeeded]["interruption_seconds"] > 0
    assert of[succeeded]["approximate_cost"]["usd"] > of[failed]["approximate_cost"]["usd"] > 0
    lacking = ["transfer of the copy to the other Region"]
    assert of[succeeded]["approximate_cost"]["not_known"] == lacking
    assert of[failed]["approximate_cost"]["not_known"] == []
    costs = [each["approximate_cost"] for each in restore["operations"]]
    assert restore["approximate_usd"] == pytest.approx(sum(each["usd"] for each in costs))
    assert restore["cost_not_known"] == sum(bool(each["not_known"]) for each in costs)
    assert of[failed]["failures"][0]["error_type"] == "SnapshotNotFoundError"


def test_a_report_names_a_pause(cli: CommandLine, succeeded: str, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    cli("pause", "staging", "--until", "2099-12-24")

    found = facts_of(cli, "--output", str(file))

    assert cli("unpause", "staging").code == 0
    assert found["pause"]["until"].startswith("2099-12-24")
    assert "paused until 2099-12-24 00:00 UTC" in file.read_text(encoding="utf-8")
    assert facts_of(cli)["pause"] is None


def test_a_report_of_a_restore_that_is_not_there_is_refused(cli: CommandLine, failed: str) -> None:
    shown = cli("report", "--restore", "other")

    assert (shown.code, shown.out) == (2, "")
    assert "There is no restore other" in shown.err


def test_a_file_that_cannot_be_written_is_named(
    cli: CommandLine, failed: str, tmp_path: Path
) -> None:
    shown = cli("report", "--output", str(tmp_path / "missing" / "report.html"))

    assert (shown.code, shown.out) == (2, "")
    assert "cannot be written" in shown.err
