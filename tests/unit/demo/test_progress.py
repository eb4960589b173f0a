"""Step states are derived from a history alone."""

import json

import pytest

from aurora_restore.shared.sequences import REPLACE
from demo.progress import Course, Stage, StepProgress, changes, course_of
from tests.unit.demo.histories import START, HistoryMaker, at, whole_run


def told(before: HistoryMaker, after: HistoryMaker) -> list[tuple[int, str, str]]:
    return [
        (number, step.name, what)
        for number, step, what in changes(course_of(before.events), course_of(after.events))
    ]


def test_without_events_every_step_waits() -> None:
    course = course_of([])
    assert [step.name for step in course.steps] == list(REPLACE.steps)
    assert {step.stage for step in course.steps} == {Stage.WAITING}
    assert not course.over
    assert course.seconds(START) == 0


def test_a_step_runs_from_the_moment_it_is_entered() -> None:
    course = course_of(HistoryMaker().enter("snapshot-check").events)
    step = course.step("snapshot-check")
    assert (step.stage, step.calls, step.started) == (Stage.RUNNING, 1, START)
    assert step.seconds(at(2.5)) == 2.5
    assert course.step("copy-snapshot").seconds(at(2.5)) is None


def test_an_answer_of_200_ends_the_step_with_its_message() -> None:
    course = course_of(HistoryMaker().done("snapshot-check", "found", seconds=3).events)
    step = course.step("snapshot-check")
    assert (step.stage, step.note, step.ended) == (Stage.DONE, "found", at(3))
    assert step.seconds(at(99)) == 3


def test_an_answer_of_202_keeps_the_step_running_with_what_it_waits_for() -> None:
    history = HistoryMaker().wait("check-copy-status", percent_progress=30)
    step = course_of(history.events).step("check-copy-status")
    assert (step.stage, step.note, step.percent) == (Stage.RUNNING, "not yet", 30)

    history.wait("check-copy-status", waiting_for="the cluster, which is creating")
    step = course_of(history.events).step("check-copy-status")
    assert (step.note, step.percent) == ("the cluster, which is creating", None)
    assert step.calls == 2
    assert step.started == START


def test_a_step_that_leads_back_lets_everything_from_there_begin_anew() -> None:
    history = (
        HistoryMaker()
        .done("snapshot-check")
        .done("copy-snapshot")
        .call(
            "check-copy-status",
            {"statusCode": 202, "body": {"message": "failed", "restart_from": "copy-snapshot"}},
        )
    )
    before = course_of(history.events)
    after = course_of(history.enter("copy-snapshot").events)
    assert after.step("snapshot-check").stage is Stage.DONE
    assert after.step("copy-snapshot").stage is Stage.RUNNING
    assert after.step("copy-snapshot").started == at(3)
    assert after.step("check-copy-status") == StepProgress(name="check-copy-status")
    assert [what for _, _, what in changes(before, after)] == ["running", "starts anew"]


def test_a_failed_call_that_is_retried_says_so() -> None:
    history = HistoryMaker().enter("delete-rds").fail("AwsThrottledError")
    step = course_of(history.events).step("delete-rds")
    assert (step.stage, step.note) == (Stage.RUNNING, "AwsThrottledError; it is tried again")


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
    course = course_of(history.events)
    assert (course.status, course.over) == ("FAILED", True)
    assert course.failure is not None
    assert course.failure.step == "check-copy-status"
    assert (course.failure.error_type, course.failure.message) == (error_type, message)
    step = course.step("check-copy-status")
    assert (step.stage, step.note, step.seconds(at(99))) == (Stage.FAILED, error_type, 1.0)


@pytest.mark.parametrize(
    ("kind", "status"), [("ExecutionTimedOut", "TIMED_OUT"), ("ExecutionAborted", "ABORTED")]
)
def test_an_execution_that_was_ended_names_how(kind: str, status: str) -> None:
    course = course_of(HistoryMaker().end(kind).events)
    assert course.status == status
    assert course.failure is not None
    assert (course.failure.step, course.failure.error_type) == (None, status)


def test_a_whole_run_is_done_step_by_step() -> None:
    events = whole_run().events
    course = course_of(events)
    assert course.status == "SUCCEEDED"
    assert course.failure is None
    assert {step.stage for step in course.steps} == {Stage.DONE}
    assert {step.percent for step in course.steps} == {None}
    assert course.step("check-copy-status").calls == 6
    assert course.seconds(at(999)) == (events[-1]["timestamp"] - START).total_seconds()


def test_at_no_moment_does_more_than_one_step_run() -> None:
    events = whole_run().events
    for length in range(len(events)):
        stages = [step.stage for step in course_of(events[:length]).steps]
        assert stages == sorted(stages, key=[Stage.DONE, Stage.RUNNING, Stage.WAITING].index)
        assert stages.count(Stage.RUNNING) <= 1


def test_an_answer_that_is_not_json_ends_its_step_without_a_word() -> None:
    course = course_of(HistoryMaker().call("delete-rds", "so what").events)
    assert (course.step("delete-rds").stage, course.step("delete-rds").note) == (Stage.DONE, "")


def test_a_line_is_worth_what_began_waits_for_something_else_or_ended() -> None:
    quiet = HistoryMaker().wait("check-copy-status", percent_progress=30)
    step = "check-copy-status"
    assert told(HistoryMaker(), quiet) == [(3, step, "running")]
    closer = HistoryMaker().wait(step, percent_progress=49)
    assert told(quiet, closer) == []
    half = HistoryMaker().wait(step, percent_progress=50)
    assert told(quiet, half) == [(3, step, "waits")]
    other = HistoryMaker().wait(step, percent_progress=30, waiting_for="something else")
    assert told(quiet, other) == [(3, step, "waits")]
    done = HistoryMaker().done(step)
    assert told(quiet, done) == [(3, step, "done")]
    assert told(done, done) == []
    failed = HistoryMaker().enter(step).end("ExecutionFailed")
    assert told(quiet, failed) == [(3, step, "failed")]


def test_a_course_begins_like_one_without_events() -> None:
    assert course_of([]) == Course()
