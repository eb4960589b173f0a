"""When an operation may be stopped, and what that leaves."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from unittest.mock import MagicMock

import pytest
import typer

from aurora_restore.cli import acting, cancelling, main
from aurora_restore.cli.cancelling import CancelFacts, Stop, decide, what_is_left
from aurora_restore.cli.context import Deployment
from aurora_restore.cli.errors import RefusedCommand
from aurora_restore.cli.executions import Execution
from aurora_restore.cli.exit_codes import ExitCode
from aurora_restore.cli.operations import OperationFacts
from aurora_restore.cli.progress import ExecutionProgress, StepProgress, StepStatus
from aurora_restore.shared.names import DEFAULT_NAME_PREFIX
from aurora_restore.shared.operation_state import OperationState
from aurora_restore.shared.recorded_cluster import PlannedSwitch, RecordedCluster
from aurora_restore.shared.sequences import REPLACE, SWITCH
from aurora_restore.shared.target_record import TargetRecord

RUNNING = CancelFacts(
    operation_id="op-1",
    target="shop",
    status="RUNNING",
    is_over=False,
    step="check-copy-status",
)
IN_SWITCH = TargetRecord(
    restored_by="op-1",
    switch=PlannedSwitch(
        by="op-1",
        planned_at="2026-05-15T03:00:00Z",
        incoming=RecordedCluster(resource_id="cluster-NEW", cluster_id="shop-ar-12345678"),
    ),
)


def operation(step: str, record: TargetRecord | None = None) -> OperationFacts:
    arn = "arn:aws:states:us-west-2:123456789012:execution:machine:op-1"
    steps = (StepProgress(name=step, status=StepStatus.RUNNING),)
    return OperationFacts(
        id="op-1",
        restore="staging",
        target="shop",
        sequence=SWITCH,
        execution=Execution(arn=arn, status="RUNNING", started=datetime(2026, 5, 15, tzinfo=UTC)),
        progress=ExecutionProgress(steps=steps),
        state=OperationState(target_lock=("123456789012", "us-west-2", "shop"), sequence="switch"),
        record=record,
    )


class Cancelled:
    """A deployment in which an operation goes on from look to look."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.looks: list[OperationFacts] = []
        self.questions: list[str] = []
        self.latest: TargetRecord | None = None
        self.deployment: Any = MagicMock(spec=Deployment)
        self.deployment.profile, self.deployment.region = None, "us-west-2"
        self.deployment.name_prefix = DEFAULT_NAME_PREFIX
        self.deployment.record_of.side_effect = lambda _: MagicMock(read=lambda: self.latest)
        monkeypatch.setattr(cancelling, "deployment_of", lambda _: self.deployment)
        monkeypatch.setattr(cancelling, "load_operation", self._look)
        monkeypatch.setattr(cancelling, "_await_end", lambda *_: None)
        monkeypatch.setattr(cancelling, "_report", lambda *_: None)
        monkeypatch.setattr(acting, "_require_terminal", lambda _: None)
        monkeypatch.setattr(typer, "confirm", self._agree)

    @property
    def is_stopped(self) -> bool:
        return bool(self.deployment.step_functions.stop_execution.called)

    def _look(self, *_: object) -> OperationFacts:
        return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]

    def _agree(self, question: str) -> bool:
        self.questions.append(question)
        return True


@pytest.fixture
def cancelled(monkeypatch: pytest.MonkeyPatch) -> Cancelled:
    return Cancelled(monkeypatch)


def cancel(*options: str) -> int:
    return main.run(["--region", "us-west-2", "cancel", "op-1", *options])


def test_what_is_left_and_whether_the_target_serves_is_said_before_the_question(
    cancelled: Cancelled, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    printed: list[str] = []

    def decline(_: str) -> bool:
        printed.append(" ".join(capsys.readouterr().out.split()))
        return False

    monkeypatch.setattr(typer, "confirm", decline)
    cancelled.looks = [operation("check-copy-status")]

    assert cancel() == ExitCode.REFUSED
    assert "The function of check-copy-status may be at work" in printed[0]
    assert printed[0].endswith("Shop serves as before: nothing of it has been changed.")
    assert not cancelled.is_stopped


def test_who_agrees_to_one_step_is_asked_again_at_another(cancelled: Cancelled) -> None:
    copying, deleting = operation("check-copy-status"), operation("delete-rds")
    cancelled.looks = [copying, deleting, deleting]

    assert cancel() == ExitCode.DONE
    assert [each.split(". ")[0] for each in cancelled.questions] == [
        "Operation op-1 is at check-copy-status",
        "Operation op-1 is at delete-rds",
    ]
    assert cancelled.is_stopped


@pytest.mark.parametrize("options", [(), ("--yes",)], ids=["asked", "in a script"])
def test_a_switch_that_begins_while_a_person_thinks_is_not_stopped(
    cancelled: Cancelled, options: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    before = operation("hand-over")
    for looks, latest in (
        ([before, operation("switch-cluster", IN_SWITCH)], IN_SWITCH),
        ([before], IN_SWITCH),
    ):
        cancelled.looks, cancelled.latest = looks, latest
        assert cancel(*options) == ExitCode.REFUSED
        assert "Instead: aurora-restore --region us-west-2 watch op-1" in capsys.readouterr().err
    assert not cancelled.is_stopped


def test_what_is_under_way_is_stopped_after_a_question_that_says_where_it_is() -> None:
    assert decide(RUNNING) == Stop(
        question="Operation op-1 is at check-copy-status. Stop it there? Nothing is undone."
    )
    assert isinstance(decide(replace(RUNNING, step=None)), Stop)


@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"])
def test_what_has_ended_is_not_stopped(status: str) -> None:
    found = decide(replace(RUNNING, status=status, is_over=True))

    assert isinstance(found, RefusedCommand)
    assert found.code is ExitCode.USAGE
    assert found.reason.endswith(f"it has ended as {status.lower()}.")


def test_a_switch_is_not_stopped_in_its_middle() -> None:
    found = decide(replace(RUNNING, step="switch-cluster", switches=True))

    assert isinstance(found, RefusedCommand)
    assert found.code is ExitCode.REFUSED
    assert "perhaps no cluster serves" in found.reason
    assert "`aurora-restore rollback shop`" in found.reason
    assert found.command == ("watch", "op-1")


def test_what_is_left_is_said_of_the_copy_and_of_the_cluster_beside() -> None:
    copying = OperationState(copy_started_at="2026-05-15T02:00:00Z", copy_snapshot_id="monday-copy")
    copied = replace(copying, copy_status="available", new_cluster_id="shop-ar-12345678")

    _, first = what_is_left(copying, SWITCH, "check-copy-status")
    _, second, beside = what_is_left(copied, SWITCH, "check-restore-status")

    assert first.startswith("The copy monday-copy is still made by AWS, and stays")
    assert second.startswith("The copy monday-copy stays")
    shared = replace(copied, also_used_by=("orders", "stock"))
    _, third, _ = what_is_left(shared, SWITCH, "check-restore-status")
    assert third.endswith("Do not delete it: it is also used by orders, stock.")
    assert beside.startswith("The cluster shop-ar-12345678 beside the target stays for 24 hours")
    assert len(list(what_is_left(copied, REPLACE, "check-restore-status"))) == 2
    assert list(what_is_left(OperationState(), REPLACE, None)) == []
