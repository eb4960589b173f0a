"""What a run of the report is, from histories and states."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from aurora_restore.cli.report.runs import (
    ExecutionFacts,
    Run,
    RunOutcome,
    make_run,
    with_interruptions,
)
from aurora_restore.shared.common import timestamp
from aurora_restore.shared.operation_state import OperationState
from aurora_restore.shared.sequences import REPLACE, SWITCH
from tests.unit.cli.report.past import UNTIL, PastRuns
from tests.unit.demo.histories import START, HistoryMaker, at, whole_run

LATER = START + timedelta(days=1)


def execution(history: HistoryMaker, status: str = "SUCCEEDED") -> ExecutionFacts:
    """An execution with a history, from its first event to its last."""
    events = history.events
    ended = None if status == "RUNNING" else events[-1]["timestamp"]
    return ExecutionFacts(started=events[0]["timestamp"], ended=ended, status=status, events=events)


def moved(facts: ExecutionFacts, seconds: float) -> ExecutionFacts:
    """The same execution, so much later."""
    by = timedelta(seconds=seconds)
    return ExecutionFacts(
        started=facts.started + by,
        ended=None if facts.ended is None else facts.ended + by,
        status=facts.status,
        events=[{**event, "timestamp": event["timestamp"] + by} for event in facts.events],
    )


def run_of(*executions: ExecutionFacts, **state: Any) -> Run:
    """The run that executions are."""
    return make_run("op-1", "orders", REPLACE, executions, OperationState(**state), LATER)


def failed(step: str, error: str = "ScriptFailedError") -> HistoryMaker:
    """An execution that has copied for 100 seconds, and failed in a step after 10 more."""
    history = HistoryMaker().done("copy-snapshot", seconds=100).enter(step)
    details = {"error": error, "cause": '{"errorMessage": "script 1 failed"}'}
    return history.end("ExecutionFailed", details, seconds=10)


def test_each_step_has_the_time_that_it_took() -> None:
    run = run_of(execution(whole_run()))

    assert run.outcome is RunOutcome.SUCCEEDED
    assert list(run.step_seconds) == list(REPLACE.steps)
    assert sum(run.step_seconds.values()) == pytest.approx(run.seconds(LATER))
    assert run.idle_seconds == 0
    assert not run.was_continued


def test_a_run_of_another_sequence_than_is_configured_now_is_reported_too() -> None:
    history = HistoryMaker()
    for step in SWITCH.steps:
        history.done(step)

    run = run_of(execution(history.end("ExecutionSucceeded")))

    assert run.outcome is RunOutcome.SUCCEEDED
    assert run.step_seconds.keys() == set(SWITCH.steps)


def test_a_failure_is_known_by_its_step_and_error() -> None:
    run = run_of(execution(failed("setup-db-users"), "FAILED"))

    (failure,) = run.failures
    assert (failure.step, failure.error_type) == ("setup-db-users", "ScriptFailedError")
    assert failure.message == "script 1 failed"
    assert run.outcome is RunOutcome.FAILED
    assert not run.was_continued


def test_the_time_before_a_redrive_is_not_that_of_the_step() -> None:
    history = failed("setup-db-users").end("ExecutionRedriven", seconds=3600)
    history.done("setup-db-users", seconds=20).end("ExecutionSucceeded", seconds=0)

    run = run_of(execution(history))

    assert run.step_seconds["setup-db-users"] == pytest.approx(30)
    assert run.idle_seconds == 3600
    assert run.was_continued
    assert [failure.error_type for failure in run.failures] == ["ScriptFailedError"]


def test_a_resumed_operation_is_one_run() -> None:
    first = execution(failed("setup-db-users"), "FAILED")
    resumed = HistoryMaker().done("setup-db-users", seconds=50)
    second = execution(resumed.end("ExecutionSucceeded", seconds=0))

    run = run_of(first, moved(second, 1000))

    assert run.outcome is RunOutcome.SUCCEEDED
    assert run.step_seconds["setup-db-users"] == pytest.approx(60)
    assert run.seconds(LATER) == pytest.approx(1050)
    assert run.idle_seconds == pytest.approx(1000 - 110)
    assert run.was_continued


def test_a_run_under_way_counts_until_now() -> None:
    history = HistoryMaker().enter("check-copy-status")

    run = make_run(
        "op-1", "orders", REPLACE, [execution(history, "RUNNING")], OperationState(), at(600)
    )

    assert run.outcome is RunOutcome.RUNNING
    assert run.step_seconds == {"check-copy-status": pytest.approx(600)}


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("TIMED_OUT", RunOutcome.FAILED),
        ("ABORTED", RunOutcome.STOPPED),
        ("PENDING_REDRIVE", RunOutcome.RUNNING),
    ],
)
def test_every_status_is_an_outcome(status: str, outcome: RunOutcome) -> None:
    assert run_of(execution(whole_run(), status)).outcome is outcome


def test_the_age_of_the_snapshot_is_that_at_the_start() -> None:
    taken = timestamp(START - timedelta(hours=5))

    run = run_of(execution(whole_run()), snapshot_created_at=taken)

    assert run.snapshot_age_seconds == 5 * 3600


def replaced(started: datetime, *, handed_over: bool) -> Run:
    """A run that deleted the target an hour after its start."""
    run = replace(PastRuns().run(started, fails=not handed_over), interruption_seconds=None)
    return replace(
        run,
        gone_since=started + timedelta(hours=1),
        handed_over=started + timedelta(hours=2) if handed_over else None,
    )


def test_a_target_is_interrupted_until_a_later_run_hands_it_over() -> None:
    nights = [
        replaced(UNTIL - timedelta(days=3), handed_over=True),
        replaced(UNTIL - timedelta(days=2), handed_over=False),
        replaced(UNTIL - timedelta(days=1), handed_over=True),
        replaced(UNTIL, handed_over=True),
    ]

    found = with_interruptions(reversed(nights))

    hours = [each.interruption_seconds and each.interruption_seconds / 3600 for each in found]
    assert hours == [1, None, 25, 1]


def test_the_interruption_of_a_switch_is_the_one_that_was_measured() -> None:
    state = OperationState(
        interruption_seconds=12.5,
        delete_started_at=timestamp(START),
        handed_over_at=timestamp(at(600)),
    )
    run = make_run("op-1", "orders", SWITCH, [execution(whole_run(SWITCH))], state, LATER)

    assert with_interruptions([run])[0].interruption_seconds == 12.5
