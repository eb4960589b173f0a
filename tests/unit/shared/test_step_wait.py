"""How a step waits: for one thing after another, inside the function, and under the lock."""

import itertools
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from aurora_restore.shared.awaited import Awaited
from aurora_restore.shared.base_handler import BaseHandler
from aurora_restore.shared.durations import EarlierDurations
from aurora_restore.shared.errors import OperationInProgressError
from aurora_restore.shared.job import Answer, Job
from aurora_restore.shared.pipeline import get_step
from aurora_restore.shared.step_wait import ATTEMPT_AFTER_SECONDS, LOOK_SECONDS
from aurora_restore.shared.waiting import MOST_INSIDE_SECONDS, REMEMBERED
from tests.unit.bench import RESTORE, START, Bench

COPY_SECONDS = 300.0
MINUTE = 60


class WaitsForCopy(BaseHandler):
    """Waits for a copy that takes five minutes, and then for a password that takes one."""

    step = get_step("check-copy-status")
    looks: list[datetime] = []  # noqa: RUF012 - of one test: the fixture clears it

    def run(self, job: Job) -> Answer:
        self.looks.append(job.clock())
        waited = (job.clock() - START).total_seconds()
        if waited < COPY_SECONDS:
            return Answer.wait(Awaited.COPY, "copying")
        if waited < COPY_SECONDS + MINUTE:
            return Answer.wait(Awaited.PASSWORD, "setting")
        return Answer("done")


class LogsIn(BaseHandler):
    step = get_step("setup-db-users")

    def run(self, job: Job) -> Answer:
        return Answer.wait(Awaited.TASK, "running")


class TriesAgain(BaseHandler):
    step = get_step("restore-snapshot")

    def run(self, job: Job) -> Answer:
        return Answer.wait(Awaited.CAPACITY, "no capacity")


@pytest.fixture(autouse=True)
def _time_to_wait(bench: Bench) -> None:
    """A function has as much time as it has when deployed."""
    WaitsForCopy.looks.clear()
    timeout = get_step("check-copy-status").timeout_seconds
    bench.context = replace(bench.context, remaining_milliseconds=1000 * timeout)


def run_to_end(bench: Bench, operation_id: str = "op-1") -> list[dict[str, Any]]:
    answers: list[dict[str, Any]] = []
    while not answers or answers[-1]["statusCode"] == 202:
        answers.append(bench.step(WaitsForCopy, operation_id=operation_id))
        bench.advance(answers[-1]["body"].get("retry_after", 0))
    return answers


def known(bench: Bench) -> dict[Awaited, tuple[float, ...]]:
    record = EarlierDurations(bench.store, "staging")
    return {each: record.of(each) for each in Awaited if record.of(each)}


def test_a_function_waits_inside_for_some_seconds_and_not_longer(bench: Bench) -> None:
    answer = bench.step(WaitsForCopy)
    inside = (bench.clock() - START).total_seconds()
    assert answer["statusCode"] == 202
    assert 0.5 * MOST_INSIDE_SECONDS < inside <= MOST_INSIDE_SECONDS
    assert len(WaitsForCopy.looks) > 5


def test_a_direct_call_returns_immediately(bench: Bench) -> None:
    answer = bench.call(WaitsForCopy, {"operation_id": "op-1"})
    assert (answer["statusCode"], bench.clock()) == (202, START)


def test_a_function_without_time_left_returns_immediately(bench: Bench) -> None:
    bench.context = replace(bench.context, remaining_milliseconds=1000 * LOOK_SECONDS)
    assert bench.step(WaitsForCopy)["statusCode"] == 202
    assert bench.clock() == START


def test_a_step_that_logs_in_to_databases_does_not_wait_inside(bench: Bench) -> None:
    assert bench.step(LogsIn)["statusCode"] == 202
    assert bench.clock() == START


def test_what_has_failed_is_not_tried_again_every_few_seconds(bench: Bench) -> None:
    answer = bench.step(TriesAgain)
    assert bench.clock() == START
    assert answer["body"]["retry_after"] >= ATTEMPT_AFTER_SECONDS


def test_a_floor_of_more_than_some_seconds_leaves_all_waiting_to_the_state_machine(
    bench: Bench,
) -> None:
    bench.configure({**RESTORE, "polling": {"floor_seconds": 21}})
    assert bench.step(WaitsForCopy)["body"]["retry_after"] >= 21
    assert bench.clock() == START


def test_everything_that_is_waited_for_has_a_clock_of_its_own(bench: Bench) -> None:
    run_to_end(bench)
    late = max(
        (b - a).total_seconds()
        for a, b in itertools.pairwise(WaitsForCopy.looks)
        if a >= START + timedelta(seconds=COPY_SECONDS)
    )
    assert late < 0.25 * MINUTE


def test_how_long_something_took_is_remembered(bench: Bench) -> None:
    run_to_end(bench)
    taken = known(bench)
    assert set(taken) == {Awaited.COPY, Awaited.PASSWORD}
    assert taken[Awaited.COPY][0] == pytest.approx(COPY_SECONDS, rel=0.1)


def test_no_more_than_the_last_durations_are_kept(bench: Bench) -> None:
    record = EarlierDurations(bench.store, "staging")
    for seconds in range(1, REMEMBERED + 5):
        record.add(Awaited.COPY, seconds, bench.clock())
    assert known(bench) == {Awaited.COPY: tuple(range(5, REMEMBERED + 5))}


def test_a_run_that_was_redriven_has_not_seen_all_of_it(bench: Bench) -> None:
    bench.step(WaitsForCopy)
    bench.redrive_count = 1
    run_to_end(bench)
    assert known(bench) == {}


def test_a_long_copy_lets_the_cluster_be_expected_later(bench: Bench) -> None:
    record = EarlierDurations(bench.store, "staging")
    declared = record.usual(Awaited.CLUSTER)
    record.add(Awaited.COPY, 10 * 3600, bench.clock())
    assert declared == Awaited.CLUSTER.value.usual
    expected = record.usual(Awaited.CLUSTER)
    assert declared is not None
    assert expected is not None
    assert expected > declared
    assert record.usual(Awaited.INSTANCES) == Awaited.INSTANCES.value.usual


def test_known_durations_let_a_step_look_seldom_until_the_end_is_near(bench: Bench) -> None:
    record = EarlierDurations(bench.store, "staging")
    for _ in range(REMEMBERED):
        record.add(Awaited.COPY, COPY_SECONDS, bench.clock())
    answer = bench.step(WaitsForCopy)
    assert bench.clock() == START
    assert answer["body"]["retry_after"] > COPY_SECONDS / 3


@pytest.mark.parametrize(
    "seconds", ["?", {"copy": "?"}, {"copy": [0, -1, True, "x"]}, {"nonsense": [1]}]
)
def test_a_strange_record_is_like_none(bench: Bench, seconds: Any) -> None:
    bench.store.put({"operation_id": "durations#staging", "step": "durations", "seconds": seconds})
    assert known(bench) == {}
    assert bench.step(WaitsForCopy)["statusCode"] == 202


def test_what_is_waited_for_is_written_before_the_function_sleeps(bench: Bench) -> None:
    written: list[Any] = []
    sleep = bench.sleep

    def look(seconds: float) -> None:
        written.append(bench.state("check-copy-status")["details"]["waiting_since"])
        sleep(seconds)

    bench.sleep = look  # type: ignore[method-assign]
    bench.step(WaitsForCopy)
    assert written
    assert all("copy" in each for each in written)
    assert bench.audit_trail() == [("check-copy-status", "IN_PROGRESS")] * 2


def test_a_redriven_execution_takes_the_lock_from_a_function_of_its_earlier_run(
    bench: Bench,
) -> None:
    slept: list[float] = []
    sleep = bench.sleep

    def redrive_meanwhile(seconds: float) -> None:
        sleep(seconds)
        if not slept:
            slept.append(seconds)
            bench.redrive_count = 1
            bench.step(WaitsForCopy)

    bench.sleep = redrive_meanwhile  # type: ignore[method-assign]
    with pytest.raises(OperationInProgressError):
        bench.step(WaitsForCopy)
    assert bench.state("check-copy-status")["status"] == "IN_PROGRESS"
    assert bench.audit_trail()[-1] == ("check-copy-status", "REFUSED")
