"""What is said of an operation that has nothing to announce."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from aurora_restore.cli.context import Deployment
from aurora_restore.cli.executions import Execution
from aurora_restore.cli.explaining import notice_of
from aurora_restore.cli.operations import OperationFacts
from aurora_restore.cli.progress import ExecutionProgress
from aurora_restore.shared.operation_state import OperationState
from aurora_restore.shared.sequences import REPLACE, RETIRE, StepSequence
from tests.unit.shared.notices import BEGUN, EXECUTION, HANDED_OVER, MACHINE, REGION

DEPLOYMENT = cast(
    Deployment,
    SimpleNamespace(profile=None, region=REGION, name_prefix="orders-restore", machine_arn=MACHINE),
)


def operation(
    status: str = "SUCCEEDED",
    *,
    restore: str | None = "staging",
    sequence: StepSequence = REPLACE,
    state: dict[str, Any] | None = None,
    is_held_back: bool = False,
    **given: Any,
) -> OperationFacts:
    """An operation whose execution has ended, or is at work."""
    started = datetime(2026, 5, 16, 3, tzinfo=UTC)
    execution = Execution(
        arn=EXECUTION,
        status=status,
        started=started,
        ended=None if status == "RUNNING" else started,
        given=given,
        is_held_back=is_held_back,
    )
    return OperationFacts(
        id="op-1",
        restore=restore,
        target="my-cluster",
        sequence=sequence,
        execution=execution,
        progress=ExecutionProgress.beginning(sequence),
        state=OperationState.from_details(state or {}),
    )


@pytest.mark.parametrize(
    ("found", "short", "doing"),
    [
        (operation(is_held_back=True), "paused", "did nothing: the schedule was paused."),
        (
            operation(sequence=RETIRE, retire=True),
            "nothing due",
            "did nothing: no cluster was due to be deleted.",
        ),
        (operation(dry_run=True), "dry run", "was a dry run: it has changed nothing."),
    ],
    ids=["held back", "retirement", "dry run"],
)
def test_an_operation_that_has_done_nothing_is_no_success(
    found: OperationFacts, short: str, doing: str
) -> None:
    notice = notice_of(DEPLOYMENT, found)

    assert notice.subject == f"orders-restore staging: {short}"
    assert notice.text.startswith(f"Operation op-1 {doing}")
    assert notice.document["status"] == short


def test_an_operation_that_has_done_something_is_a_success() -> None:
    deleted = {**BEGUN, "sequence": "retire", "deleted_beside": {"old": "deleted"}}

    refreshed = notice_of(DEPLOYMENT, operation(state=HANDED_OVER))
    retired = notice_of(DEPLOYMENT, operation(sequence=RETIRE, retire=True, state=deleted))

    assert [each.document["status"] for each in (refreshed, retired)] == ["success", "success"]


@pytest.mark.parametrize(
    ("found", "purpose", "command"),
    [
        (operation("RUNNING"), "To see how it goes on", "watch op-1"),
        (operation(dry_run=True), "To see what a run would do now", "plan staging"),
    ],
)
def test_what_is_shown_next_leads_to_the_same_environment(
    found: OperationFacts, purpose: str, command: str
) -> None:
    options = "--region us-west-2 --name-prefix orders-restore"

    assert (
        f"{purpose}:\n\n    aurora-restore {options} {command}" in notice_of(DEPLOYMENT, found).text
    )


def test_a_restore_that_is_not_known_is_in_no_command() -> None:
    notice = notice_of(DEPLOYMENT, operation(restore=None, dry_run=True))

    assert notice.subject == "orders-restore unknown restore: dry run"
    assert "aurora-restore --region" not in notice.text
    assert "None" not in notice.text
