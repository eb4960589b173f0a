"""``show`` and ``explain`` on the deployed pipeline."""

import json

import pytest

from aurora_restore.shared.sequences import REPLACE
from tests.integration.cli.conftest import CommandLine

WIDTHS = [80, 120, None]


def latest_success(cli: CommandLine) -> str:
    """The operation that has refreshed the target last: other tests refresh it, too."""
    listed = json.loads(cli("list", "--restore", "staging", "--limit", "200", "--json").out)
    refreshed = (
        each["operation_id"]
        for each in listed["operations"]
        if each["status"] == "SUCCEEDED" and not (each["kind"] or each["held_back"])
    )
    return str(next(refreshed))


@pytest.mark.parametrize("width", WIDTHS)
def test_an_operation_is_shown_with_all_that_is_known_of_it(
    cli: CommandLine, succeeded: str, width: int | None
) -> None:
    operation = latest_success(cli)

    shown = cli("show", operation, width=width)

    assert (shown.code, shown.err) == (0, "")
    assert shown.widest <= (width or 160)
    assert f"Operation {operation}: succeeded" in shown.out
    for said in (
        f"{len(REPLACE.steps)} sns-notification",
        "━",
        "The databases of staging are set up",
        "sql/mask.sql in database shop",
        "Disabled logins: 1 (etl)",
        "hand-over            SUCCESS The cluster is handed over",
    ):
        assert said in shown.out


def test_the_whole_audit_trail_is_shown_if_asked_for(cli: CommandLine, succeeded: str) -> None:
    assert "IN_PROGRESS" in cli("show", succeeded, "--audit").out
    assert "IN_PROGRESS" not in cli("show", succeeded).out


def test_programs_get_the_facts_without_the_key_of_the_evidence(
    cli: CommandLine, succeeded: str
) -> None:
    found = json.loads(cli("show", succeeded, "--json").out)

    assert (found["status"], found["sequence"], found["target"]) == (
        "SUCCEEDED",
        "replace",
        "staging",
    )
    assert [each["status"] for each in found["steps"]] == ["done"] * len(REPLACE.steps)
    assert found["state"]["users_configured"] is True
    assert "evidence_key" not in found["state"]
    assert found["audit"][0]["step"] == "snapshot-check"


@pytest.mark.parametrize("width", WIDTHS)
def test_a_failed_operation_says_why_and_what_to_do(
    cli: CommandLine, succeeded: str, width: int | None
) -> None:
    failed = cli("start", "--date", "2020-02-29", "--wait").out.splitlines()[0]

    shown = cli("show", failed, width=width)

    assert f"Operation {failed}: failed" in shown.out
    assert "Why it failed at snapshot-check (SnapshotNotFoundError)" in shown.out
    assert "Wait until the snapshot is there" in shown.out
    assert "    aurora-restore --region us-west-2 start staging\n" in shown.out
    assert "This operation has changed nothing of staging." in shown.out
    found = json.loads(cli("show", failed, "--json").out)
    assert found["failure"]["error_type"] == "SnapshotNotFoundError"


def test_an_explanation_is_the_text_of_the_notice(
    cli: CommandLine, succeeded: str, failed: str
) -> None:
    of_failure, of_success = cli("explain", failed), cli("explain", succeeded)

    assert (of_failure.code, of_success.code) == (0, 0)
    assert of_failure.out.startswith("aurora-restore staging: FAILED at snapshot-check")
    assert "WHAT TO DO\n  Wait until the snapshot is there" in of_failure.out
    assert of_success.out.startswith("aurora-restore staging: success")
    document = json.loads(cli("explain", failed, "--json").out)
    assert (document["status"], document["details"]["error_type"]) == (
        "failed",
        "SnapshotNotFoundError",
    )


def test_a_dry_run_is_explained_as_one(cli: CommandLine, succeeded: str) -> None:
    cli("plan")
    latest = json.loads(cli("list", "--limit", "1", "--json").out)["operations"][0]

    shown = cli("explain", latest["operation_id"])

    assert latest["kind"] == "dry run"
    assert "was a dry run" in shown.out


@pytest.mark.parametrize("command", ["show", "explain", "watch", "logs"])
def test_an_operation_that_does_not_exist_is_said_so(cli: CommandLine, command: str) -> None:
    shown = cli(command, "op-nothing")

    assert (shown.code, shown.out) == (2, "")
    assert "There is no operation op-nothing." in shown.err


def test_without_colour_nothing_but_text_is_printed(cli: CommandLine, failed: str) -> None:
    for command in (("list",), ("show", failed), ("explain", failed)):
        shown = cli(*command, width=80, NO_COLOR="1")
        assert "\x1b" not in shown.out
