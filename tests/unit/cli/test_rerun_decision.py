"""How an operation that has failed is continued, for every remedy and every way to end."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from aurora_restore.cli.errors import RefusedCommand
from aurora_restore.cli.executions import Execution
from aurora_restore.cli.rerun_decision import Redrive, RerunFacts, Resume, decide
from aurora_restore.cli.rerunning import next_input, next_name
from aurora_restore.shared.errors import Action, AuroraRestoreError, classes
from aurora_restore.shared.failed_execution import Failure
from aurora_restore.shared.later_operation import LaterOperation
from aurora_restore.shared.sequences import REPLACE, RETIRE, ROLL_BACK, SWITCH
from aurora_restore.shared.target_lock import Holder
from demo.scenarios.commands import COMMAND_LINE
from demo.scenarios.declaration import SCENARIOS, FailureScenario

ARN = "arn:aws:states:us-west-2:123456789012:execution:machine:op-1"
ONE_OF_EACH = {
    Action.REDRIVE: "ScriptFailedError",
    Action.RESUME: "InvalidPasswordError",
    Action.START_AGAIN: "SnapshotNotFoundError",
    Action.WAIT: "OperationInProgressError",
    Action.NOTHING: "NothingToRollBackError",
}
LATER = Holder("op-2", ARN.replace("op-1", "op-2"), "2026-05-15T02:00:00Z")


def failure(error_type: str = "ScriptFailedError", **changes: Any) -> Failure:
    made = Failure(
        execution_arn=ARN,
        execution_status="FAILED",
        operation_id="op-1",
        restore="staging",
        step="setup-db-users",
        error_type=error_type,
        reason="no",
        is_over=True,
    )
    return replace(made, **changes)


def facts(failed: Failure | None, **changes: Any) -> RerunFacts:
    made = RerunFacts(
        operation_id="op-1",
        sequence=REPLACE,
        is_over=True,
        failure=failed,
        restore="staging",
        target="my-cluster",
    )
    return replace(made, **changes)


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize(
    ("status", "is_over"),
    [
        ("RUNNING", False),
        ("PENDING_REDRIVE", False),
        ("SUCCEEDED", True),
        ("FAILED", True),
        ("TIMED_OUT", True),
        ("ABORTED", True),
    ],
)
def test_the_way_on_follows_from_the_end_and_the_remedy(
    action: Action, status: str, is_over: bool
) -> None:
    failed = failure(ONE_OF_EACH[action], execution_status=status)

    found = decide(facts(failed if status in _FAILED else None, is_over=is_over))

    assert type(found) is _expected(status, action)


_FAILED = ("FAILED", "TIMED_OUT", "ABORTED")


def _expected(status: str, action: Action) -> type:
    """What is right: a stop by hand and a time-out stand for themselves, whatever was reported."""
    if status in ("TIMED_OUT", "ABORTED"):
        return Redrive
    if status != "FAILED":
        return RefusedCommand
    return {Action.REDRIVE: Redrive, Action.RESUME: Resume}.get(action, RefusedCommand)


@pytest.mark.parametrize("error", list(classes(AuroraRestoreError)), ids=lambda each: each.__name__)
def test_no_error_is_continued_against_its_own_remedy(error: type[AuroraRestoreError]) -> None:
    found = decide(facts(failure(error.__name__)))

    match error.remedy.action:
        case Action.REDRIVE:
            assert isinstance(found, Redrive)
            assert found.before == error.remedy.first
        case Action.RESUME:
            assert isinstance(found, Resume | RefusedCommand)
            if isinstance(found, Resume):
                assert found.step == error.remedy.step
            else:
                assert error.remedy.step not in REPLACE.steps
        case Action.START_AGAIN | Action.WAIT | Action.NOTHING:
            assert isinstance(found, RefusedCommand)
            assert error.__name__ in found.reason
            assert found.command


def test_who_lost_to_another_operation_is_led_to_that_one_and_starts_nothing() -> None:
    found = decide(facts(failure("OperationInProgressError"), error_details={"holder": "op-9"}))

    assert isinstance(found, RefusedCommand)
    assert "Wait until operation op-9 is over" in found.reason
    assert "that is refused once the other has refreshed" in found.reason
    assert found.command == ("show", "op-9")


@pytest.mark.parametrize("status", _FAILED)
@pytest.mark.parametrize("action", Action)
def test_nothing_is_started_beside_a_run_or_over_a_later_one(status: str, action: Action) -> None:
    failed = failure(ONE_OF_EACH[action], execution_status=status)

    beside = decide(facts(failed, worker=LATER))
    refreshed = LaterOperation(id="op-2", refreshed_at="2026-05-17T03:00:00.000000Z")
    after = decide(facts(failed, later=refreshed))
    begun = decide(facts(failed, later=LaterOperation(id="op-2")))

    assert isinstance(beside, RefusedCommand)
    assert "Operation op-2 is at work on my-cluster" in beside.reason
    assert beside.command == ("watch", "op-2")
    assert isinstance(after, RefusedCommand)
    assert "Operation op-2 has refreshed my-cluster since" in after.reason
    assert isinstance(begun, RefusedCommand)
    assert "refreshed" not in begun.reason
    assert "continue that one if it has failed" in begun.reason


def test_a_retirement_at_work_is_no_obstacle_because_a_run_waits_for_it() -> None:
    worker = replace(LATER, gives_way=True)

    assert isinstance(decide(facts(failure(), worker=worker)), Redrive)


def test_what_can_no_longer_be_redriven_is_resumed_where_its_work_begins() -> None:
    found = decide(facts(failure(is_redrivable=False)))

    assert isinstance(found, Resume)
    assert found.step == "check-restore-status"


def test_what_was_stopped_and_can_no_longer_be_redriven_is_resumed_where_its_work_begins() -> None:
    stopped = failure(execution_status="ABORTED", is_redrivable=False)

    assert decide(facts(stopped)) == Resume(
        step="check-restore-status",
        before="",
        reason="It was stopped by hand, and goes on from there.",
    )
    never_began = replace(stopped, step="snapshot-check")
    assert isinstance(decide(facts(never_began)), RefusedCommand)


def test_a_cluster_that_others_have_made_is_not_deleted_before_a_person_has_looked() -> None:
    found = decide(facts(failure("ForeignClusterError", step="restore-snapshot")))

    assert isinstance(found, Resume)
    assert found.before.startswith("Find out who has made the cluster.")
    assert found.question == (
        "Is that done? It goes on at delete-rds, which may delete my-cluster. Continue?"
    )


@pytest.mark.parametrize("sequence", [REPLACE, SWITCH, RETIRE], ids=lambda each: str(each.name))
@pytest.mark.parametrize("is_redrivable", [True, False], ids=["redrivable", "expired"])
@pytest.mark.parametrize("error", list(classes(AuroraRestoreError)), ids=lambda each: each.__name__)
def test_nothing_is_deleted_before_a_person_has_confirmed_what_has_to_be_done_first(
    error: type[AuroraRestoreError], is_redrivable: bool, sequence: Any
) -> None:
    for step in (None, *sequence.steps):
        failed = failure(error.__name__, step=step, is_redrivable=is_redrivable)
        found = decide(facts(failed, sequence=sequence))
        if not isinstance(found, RefusedCommand):
            path = sequence.path_from(found.step or sequence.first)
            deletes = not {"delete-rds", "check-delete-status"}.isdisjoint(path)
            assert (found.question is not None) == (deletes and bool(found.before))


def test_a_roll_back_deletes_nothing_and_what_was_stopped_has_nothing_to_be_done_first() -> None:
    rolled_back = decide(
        facts(failure("SwitchUndoneError", step="switch-cluster"), sequence=ROLL_BACK)
    )
    stopped = decide(facts(failure(execution_status="ABORTED", step="copy-snapshot")))

    assert isinstance(rolled_back, Redrive)
    assert isinstance(stopped, Redrive)
    assert (rolled_back.question, stopped.question) == (None, None)


@pytest.mark.parametrize(
    "scenario",
    [each for each in SCENARIOS if each.program == COMMAND_LINE and not each.has_rival],
    ids=lambda each: str(each.name),
)
def test_what_fails_in_the_demonstration_past_the_deletion_goes_on_without_a_question(
    scenario: FailureScenario,
) -> None:
    found = decide(facts(failure(scenario.error.__name__, step=scenario.step)))

    assert isinstance(found, Redrive | Resume)
    assert found.question is None


def test_an_operation_whose_state_has_expired_is_not_resumed() -> None:
    found = decide(facts(failure("InvalidPasswordError"), has_state=False))

    assert isinstance(found, RefusedCommand)
    assert "no longer in the state table" in found.reason
    assert found.command == ("start", "staging")


@pytest.mark.parametrize(
    ("sequence", "command"),
    [
        (REPLACE, ("start", "staging")),
        (SWITCH, ("start", "staging")),
        (ROLL_BACK, ("rollback", "staging")),
        (RETIRE, ("list", "--all")),
    ],
    ids=lambda each: getattr(each, "name", None),
)
def test_what_is_to_begin_again_is_begun_by_its_own_command(
    sequence: Any, command: tuple[str, ...]
) -> None:
    found = decide(facts(failure("ValidationError"), sequence=sequence))

    assert isinstance(found, RefusedCommand)
    assert found.command == command


def execution(**changes: Any) -> Execution:
    made = Execution(
        arn=ARN, status="FAILED", started=datetime(2026, 5, 15, tzinfo=UTC), redrive_count=0
    )
    return replace(made, **changes)


def test_the_next_execution_repeats_what_was_asked_for_and_says_who_asks_now() -> None:
    given = {
        "restore": "staging",
        "snapshot_id": "monday",
        "started_by": "schedule",
        "delay_seconds": 60,
        "start_at": "copy-snapshot",
        "Comment": "a test",
    }

    assert next_input(given, "op-1", "delete-rds", "jane") == {
        "restore": "staging",
        "snapshot_id": "monday",
        "operation_id": "op-1",
        "start_at": "delete-rds",
        "started_by": "jane",
    }


def test_two_people_who_continue_the_same_end_ask_for_the_same_execution() -> None:
    ended = execution(ended=datetime(2026, 5, 15, 3, tzinfo=UTC))

    assert next_name("op-1", ended) == next_name("op-1", ended)
    assert next_name("op-1", ended) != next_name("op-1", replace(ended, redrive_count=1))
    assert len(next_name("x" * 128, ended)) == 80
