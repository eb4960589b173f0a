"""The clock of an execution counts a wait in full, however short it really is."""

import pytest

from embedded_aws.ministack.stepfunctions import clock as module
from embedded_aws.ministack.stepfunctions.clock import ExecutionClock


class Time:
    """Stands for the module ``time``; passes only by sleeping and by being advanced."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    time = Time()
    monkeypatch.setattr(module, "time", time)
    return time


def test_work_counts_as_long_as_it_takes(time: Time) -> None:
    clock = ExecutionClock(0.02)
    time.now += 3
    assert clock.elapsed() == pytest.approx(3)


def test_a_wait_is_shortened_and_counts_in_full(time: Time) -> None:
    clock = ExecutionClock(0.02)
    clock.sleep(100)
    assert time.now == pytest.approx(102)
    assert clock.elapsed() == pytest.approx(100)


def test_the_clock_runs_during_a_wait(time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = ExecutionClock(0.1)
    seen = []

    def look_in_the_middle(seconds: float) -> None:
        time.now += seconds / 2
        seen.append(clock.elapsed())
        time.now += seconds / 2

    monkeypatch.setattr(time, "sleep", look_in_the_middle)
    clock.sleep(60)
    assert seen == [pytest.approx(30)]
    assert clock.elapsed() == pytest.approx(60)


def test_waits_can_be_left_out(time: Time) -> None:
    clock = ExecutionClock(0)
    clock.sleep(60)
    assert time.now == 100
    assert clock.elapsed() == pytest.approx(60)
