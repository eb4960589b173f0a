"""``aurora-restore list`` on the deployed pipeline."""

import json

import pytest

from tests.integration.cli.conftest import CommandLine


@pytest.mark.parametrize("width", [80, 120, None])
def test_each_operation_is_shown_with_its_outcome(
    cli: CommandLine, succeeded: str, failed: str, width: int | None
) -> None:
    shown = cli("list", width=width)

    assert (shown.code, shown.err) == (0, "")
    assert shown.widest <= (width or 160)
    assert shown.out.index(failed) < shown.out.index(succeeded)
    for said in ("failed at", "snapshot-check:", "SnapshotNotFoundError", "succeeded"):
        assert said in shown.out


def test_programs_get_a_document(cli: CommandLine, succeeded: str, failed: str) -> None:
    found = json.loads(cli("list", "--restore", "staging", "--json").out)["operations"]

    of = {each["operation_id"]: each for each in found}
    assert (of[failed]["status"], of[failed]["step"]) == ("FAILED", "snapshot-check")
    assert of[succeeded]["status"] == "SUCCEEDED"
    assert of[succeeded]["seconds"] > 0


def test_a_restore_without_operations_is_named(cli: CommandLine, failed: str) -> None:
    shown = cli("list", "--restore", "other")

    assert (shown.code, shown.out) == (0, "")
    assert "no operation of restore other" in shown.err


def test_no_environment_of_that_prefix_is_said_in_a_sentence(cli: CommandLine) -> None:
    shown = cli("--name-prefix", "nowhere", "list")

    assert (shown.code, shown.out) == (2, "")
    assert "There is no function nowhere-snapshot-check in us-west-2." in shown.err
