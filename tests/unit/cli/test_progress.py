"""Step states are derived from a history alone."""

import json

import pytest

from aurora_restore.cli.progress import StepProgress, StepStatus, changes
from aurora_restore.shared.pipeline import AFTER_SETUP
from aurora_restore.shared.sequences import REPLACE, ROLL_BACK, SWITCH, StepSequence
from tests.unit.demo.histories import (
    BEGINNING,
    START,
    HistoryMaker,
    at,
    progress_of,
    whole_run,
)


def reported(before: HistoryMaker, after: HistoryMaker) -> list[tuple[int, str, str]]:
    return [
        (number, step.name, what)
        for number, step, what in changes(progress_of(before.events), progress_of(after.events))
    ]


def test_without_events_every_step_waits() -> None:
    progress = progress_of([])
    assert [step.name for step in progress.steps] == list(REPLACE.steps)
    assert {step.status for step in progress.steps} == {StepStatus.WAITING}
    assert not progress.over
    assert progress.seconds(START) == 0


def test_a_step_runs_from_the_moment_it_is_entered() -> None:
    progress = progress_of(HistoryMaker().enter("snapshot-check").events)
    step = progress.step("snapshot-check")
    assert (step.status, step.calls, step.started) == (StepStatus.RUNNING, 1, START)
    assert step.seconds(at(2.5)) == 2.5
    assert progress.step("copy-snapshot").seconds(at(2.5)) is None


def test_an_answer_of_200_ends_the_step_with_its_message() -> None:
    progress = progress_of(HistoryMaker().done("snapshot-check", "found", seconds=3).events)
    step = progress.step("snapshot-check")
    assert (step.status, step.note, step.ended) == (StepStatus.DONE, "found", at(3))
    assert step.seconds(at(99)) == 3


def test_an_answer_of_202_keeps_the_step_running_with_what_it_waits_for() -> None:
    history = HistoryMaker().wait("check-copy-status", percent_progress=30)
    step = progress_of(history.events).step("check-copy-status")
    assert (step.status, step.note, step.percent) == (StepStatus.RUNNING, "not yet", 30)

    history.wait("check-copy-status", waiting_for="the cluster, which is creating")
    step = progress_of(history.events).step("check-copy-status")
    assert (step.note, step.percent) == ("the cluster, which is creating", None)
    assert step.calls == 2
    assert step.started == START


def test_a_step_that_leads_back_restarts_every_step_from_there() -> None:
    history = (
        HistoryMaker()
        .done("snapshot-check")
        .done("copy-snapshot")
        .call(
            "check-copy-status",
            {"statusCode": 202, "body": {"message": "failed", "restart_from": "copy-snapshot"}},
        )
    )
    before = progress_of(history.events)
    after = progress_of(history.enter("copy-snapshot").events)
    assert after.step("snapshot-check").status is StepStatus.DONE
    assert after.step("copy-snapshot").status is StepStatus.RUNNING
    assert after.step("copy-snapshot").started == at(3)
    assert after.step("check-copy-status") == StepProgress(name="check-copy-status")
    assert [what for _, _, what in changes(before, after)] == ["running", "starts again"]


def test_a_failed_call_that_is_retried_says_so() -> None:
    history = HistoryMaker().enter("delete-rds").fail("AwsThrottledError")
    step = progress_of(history.events).step("delete-rds")
    assert (step.status, step.note) == (StepStatus.RUNNING, "AwsThrottledError; it is tried again")


@pytest.mark.parametrize(
    ("details", "error_type", "message"),
    [
        (
            {
                "error": "CopyFailedError",
                "cause": json.dumps({"errorMessage": "the copy is 'failed'", "errorType": "x"}),
            },
            "CopyFailedError",
            "the copy is 'failed'",
        ),
        ({"error": "States.Timeout", "cause": "too slow"}, "States.Timeout", "too slow"),
        ({"error": "E", "cause": "[1, 2]"}, "E", "[1, 2]"),
        ({}, "FAILED", "no cause was given"),
    ],
)
def test_a_failure_is_the_step_the_error_and_its_sentence(
    details: dict[str, str], error_type: str, message: str
) -> None:
    history = HistoryMaker().enter("check-copy-status").end("ExecutionFailed", details)
    progress = progress_of(history.events)
    assert (progress.status, progress.over) == ("FAILED", True)
    assert progress.failure is not None
    assert progress.failure.step == "check-copy-status"
    assert (progress.failure.error_type, progress.failure.message) == (error_type, message)
    step = progress.step("check-copy-status")
    assert (step.status, step.note, step.seconds(at(99))) == (StepStatus.FAILED, error_type, 1.0)


@pytest.mark.parametrize(
    ("kind", "status"), [("ExecutionTimedOut", "TIMED_OUT"), ("ExecutionAborted", "ABORTED")]
)
def test_an_execution_that_was_ended_names_how(kind: str, status: str) -> None:
    progress = progress_of(HistoryMaker().end(kind).events)
    assert progress.status == status
    assert progress.failure is not None
    assert (progress.failure.step, progress.failure.error_type) == (None, status)


def test_a_whole_run_is_done_step_by_step() -> None:
    events = whole_run().events
    progress = progress_of(events)
    assert progress.status == "SUCCEEDED"
    assert progress.failure is None
    assert {step.status for step in progress.steps} == {StepStatus.DONE}
    assert {step.percent for step in progress.steps} == {None}
    assert progress.step("check-copy-status").calls == 6
    assert progress.seconds(at(999)) == (events[-1]["timestamp"] - START).total_seconds()


def test_a_step_that_the_guessed_sequence_lacks_stands_where_it_was_taken() -> None:
    history = HistoryMaker()
    before = SWITCH.steps.index("archive-snapshot")
    for step in SWITCH.steps[:before]:
        history.done(step)
    history.enter("archive-snapshot").end("ExecutionFailed", {"error": "AwsError"})

    progress = progress_of(history.events, REPLACE)

    assert [each.name for each in progress.steps] == list(SWITCH.steps)
    assert {each.status for each in progress.steps[:before]} == {StepStatus.DONE}
    assert progress.failure is not None
    assert progress.failure.step == "archive-snapshot"


@pytest.mark.parametrize("sequence", [SWITCH, ROLL_BACK], ids=["switch", "roll-back"])
def test_a_run_of_another_sequence_has_its_steps(sequence: StepSequence) -> None:
    progress = progress_of(whole_run(sequence).events, sequence)
    assert [step.name for step in progress.steps] == list(sequence.steps)
    assert {step.status for step in progress.steps} == {StepStatus.DONE}
    assert progress.step("verify-switch").note == "verify-switch is done"
    ended = HistoryMaker().done("switch-cluster").enter("verify-switch").end("ExecutionFailed")
    failure = progress_of(ended.events, sequence).failure
    assert failure is not None
    assert failure.step == "verify-switch"


def test_at_no_moment_does_more_than_one_step_run() -> None:
    events = whole_run().events
    for length in range(len(events)):
        stages = [step.status for step in progress_of(events[:length]).steps]
        assert stages == sorted(
            stages, key=[StepStatus.DONE, StepStatus.RUNNING, StepStatus.WAITING].index
        )
        assert stages.count(StepStatus.RUNNING) <= 1


def test_an_answer_that_is_not_json_ends_its_step_without_a_word() -> None:
    progress = progress_of(HistoryMaker().call("delete-rds", "so what").events)
    assert (progress.step("delete-rds").status, progress.step("delete-rds").note) == (
        StepStatus.DONE,
        "",
    )


def test_a_line_is_worth_what_began_waits_for_something_else_or_ended() -> None:
    quiet = HistoryMaker().wait("check-copy-status", percent_progress=30)
    step = "check-copy-status"
    assert reported(HistoryMaker(), quiet) == [(3, step, "running")]
    closer = HistoryMaker().wait(step, percent_progress=49)
    assert reported(quiet, closer) == []
    half = HistoryMaker().wait(step, percent_progress=50)
    assert reported(quiet, half) == [(3, step, "waits")]
    other = HistoryMaker().wait(step, percent_progress=30, waiting_for="something else")
    assert reported(quiet, other) == [(3, step, "waits")]
    done = HistoryMaker().done(step)
    assert reported(quiet, done) == [(3, step, "done")]
    assert reported(done, done) == []
    failed = HistoryMaker().enter(step).end("ExecutionFailed")
    assert reported(quiet, failed) == [(3, step, "failed")]


def test_a_course_begins_like_one_without_events() -> None:
    assert progress_of([]) == BEGINNING


def test_a_hook_that_fails_is_named_and_what_its_function_said_is_not() -> None:
    history = (
        HistoryMaker()
        .call(
            "hand-over",
            {"statusCode": 202, "body": {"message": "The hook after-setup is called first"}},
        )
        .call_hook(AFTER_SETUP, "hand-over")
    )
    running = progress_of(history.events)
    assert running.current is not None
    assert running.current.note == "The hook after-setup is called first"
    cause = json.dumps({"errorMessage": "canary"})

    failure = progress_of(
        history.end("ExecutionFailed", {"error": "ValueError", "cause": cause}).events
    ).failure

    assert failure is not None
    assert (failure.step, failure.error_type) == ("hand-over", "HookFailedError")
    assert failure.message == "the hook after-setup has failed with ValueError"
