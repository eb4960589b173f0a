"""Attempts until one succeeds, and how long that took: without a clock that runs."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from aurora_restore.shared.errors import DatabaseConnectionError, DatabaseError
from aurora_restore.shared.postgres.first_answer import FirstAnswer, await_first_answer


@dataclass
class FailingServer:
    """One that fails so many times, each attempt taking a while."""

    failures: int
    attempt_seconds: float = 0.5
    now: float = 100.0
    begun: list[float] = field(default_factory=list)
    error: Callable[[str], Exception] = DatabaseConnectionError

    def attempt(self) -> str:
        self.begun.append(self.now)
        self.now += self.attempt_seconds
        if len(self.begun) <= self.failures:
            raise self.error(f"attempt {len(self.begun)}")
        return "an answer"

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def await_answer(self, patience: float) -> FirstAnswer[str]:
        return await_first_answer(
            self.attempt, patience, monotonic=lambda: self.now, sleep=self.sleep
        )


def test_of_a_server_that_answers_nothing_is_known_before() -> None:
    assert FailingServer(failures=0).await_answer(20.0) == FirstAnswer(
        found="an answer", attempts=1, waited_seconds=0.5, granularity_seconds=None
    )


def test_the_first_answer_may_have_come_since_the_last_failure_began() -> None:
    assert FailingServer(failures=3).await_answer(20.0) == FirstAnswer(
        found="an answer", attempts=4, waited_seconds=5.0, granularity_seconds=2.0
    )


def test_after_the_patience_no_attempt_begins() -> None:
    server = FailingServer(failures=100)
    with pytest.raises(DatabaseConnectionError, match="attempt 14"):
        server.await_answer(20.0)

    assert max(server.begun) - server.begun[0] <= 20.0
    assert len(server.begun) == 14


def test_without_patience_there_is_one_attempt() -> None:
    assert FailingServer(failures=0).await_answer(0.0).attempts == 1
    server = FailingServer(failures=1)
    with pytest.raises(DatabaseConnectionError):
        server.await_answer(0.0)
    assert len(server.begun) == 1


def test_what_is_no_matter_of_the_connection_is_not_attempted_again() -> None:
    server = FailingServer(failures=1, error=DatabaseError)
    with pytest.raises(DatabaseError):
        server.await_answer(20.0)

    assert len(server.begun) == 1
