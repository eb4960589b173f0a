"""A dry run as a plan that a person can read."""

import io
from typing import Any

from rich.console import Console

from aurora_restore.cli.planning import hooks_of_run, show_plan
from aurora_restore.shared.documents.restore import Restore
from aurora_restore.shared.documents.schema import parse_configuration
from aurora_restore.shared.sequences import REPLACE, ROLL_BACK, SWITCH, StepSequence
from tests.unit.bench import RESTORE

ANSWER: dict[str, Any] = {
    "message": "Dry run: 1 obstacle(s) found",
    "target_region": "us-west-2",
    "snapshot_arn": "arn:aws:rds:us-east-1:111111111111:cluster-snapshot:rds:production-2026-03-04",
    "route": "copied to the target's Region",
    "obstacles": [
        {"check": "target", "problem": "it is protected", "remedy": "allow it in the configuration"}
    ],
    "warnings": ["nothing is masked"],
    "will_be_lost": ["a custom endpoint"],
    "neutralise": {"cron_jobs": "removed from every database"},
    "deleted_by_retention": [
        {
            "snapshot": "production-2026-02-01-copy",
            "account": "222222222222",
            "region": "us-west-2",
            "why": "beyond the newest 3 copies",
        }
    ],
    "calls": [
        {
            "operation": "CopyDBClusterSnapshot",
            "region": "us-west-2",
            "reason": "copy it",
            "parameters": {
                "SourceDBClusterSnapshotIdentifier": "arn:…:production",
                "TargetDBClusterSnapshotIdentifier": "production-copy",
            },
        },
        {
            "operation": "DeleteDBInstance",
            "region": "us-west-2",
            "reason": "make room",
            "parameters": {"DBInstanceIdentifier": "staging-a", "SkipFinalSnapshot": True},
        },
    ],
}


FUNCTION = "arn:aws:lambda:us-west-2:222222222222:function:mine"
HOOKS = {"before_replace": {"function": FUNCTION}, "after_setup": {"function": f"{FUNCTION}:live"}}


def shown(width: int = 80, *, parameters: bool = False) -> str:
    output = io.StringIO()
    console = Console(file=output, width=width, highlight=False, markup=False)
    show_plan(console, "orders", "staging", REPLACE, ANSWER, parameters=parameters)
    return output.getvalue()


def test_obstacles_come_first_with_what_to_do() -> None:
    text = shown()

    assert "Obstacles: 1." in text
    assert "it is protected (check: target)" in text
    assert "What to do: allow it in the configuration" in text
    assert text.index("Obstacles") < text.index("Warnings") < text.index("Calls")


def test_every_call_is_listed_with_what_it_is_about_and_why() -> None:
    lines = [line.strip() for line in shown().splitlines()]

    first = lines.index("1 CopyDBClusterSnapshot production-copy (us-west-2)")
    assert lines[first : first + 4] == [
        "1 CopyDBClusterSnapshot production-copy (us-west-2)",
        "copy it",
        "2 DeleteDBInstance staging-a (us-west-2)",
        "make room",
    ]
    assert "SkipFinalSnapshot: true" in shown(parameters=True)
    assert "SkipFinalSnapshot" not in shown()


def test_what_the_retention_deletes_is_listed_with_why() -> None:
    said = "production-2026-02-01-copy (222222222222 us-west-2): beyond the newest 3 copies"

    assert said in " ".join(shown().split())


def test_it_fits_the_width_and_no_line_ends_with_spaces() -> None:
    for width in (60, 80, 120):
        lines = shown(width, parameters=True).splitlines()
        assert all(line == line.rstrip() for line in lines)
        assert max(len(line) for line in lines if " " in line.strip()) <= width


def test_the_hooks_of_a_run_are_listed_in_the_order_of_its_steps() -> None:
    configured = parse_configuration(Restore, {**RESTORE, "hooks": HOOKS}, source="test")

    def listed(sequence: StepSequence) -> list[tuple[str, str]]:
        return [(each["hook"], each["step"]) for each in hooks_of_run(sequence, configured)]

    assert listed(REPLACE) == [("before-replace", "delete-rds"), ("after-setup", "hand-over")]
    assert listed(SWITCH) == [("after-setup", "hand-over"), ("before-replace", "switch-cluster")]
    assert listed(ROLL_BACK) == []

    output = io.StringIO()
    console = Console(file=output, width=120, highlight=False, markup=False)
    found = hooks_of_run(REPLACE, configured)
    show_plan(console, "orders", "staging", REPLACE, ANSWER, hooks=found, parameters=False)
    assert f"after-setup, from hand-over: {FUNCTION}:live" in output.getvalue()
