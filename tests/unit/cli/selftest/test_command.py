"""What is chosen before anything is made, and what is said of its cost."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from aurora_restore.cli.errors import CommandError, usage
from aurora_restore.cli.selftest.command import choose_engine, prove
from aurora_restore.cli.selftest.decision import DeletionVerdict
from aurora_restore.cli.selftest.plan import cost_of_run
from aurora_restore.cli.selftest.report import SelfTestReport


def option(version: str, *zones: str) -> dict[str, Any]:
    return {"EngineVersion": version, "AvailabilityZones": [{"Name": zone} for zone in zones]}


def test_the_newest_known_version_with_two_zones_is_chosen() -> None:
    options = [
        option("16.9", "a", "b"),
        option("17.5", "c", "b", "a"),
        option("17.10", "a"),
        option("17.4", "a", "b"),
        option("18.1", "a", "b"),
        option("16.9-limitless", "a", "b"),
    ]
    assert choose_engine(options, "eu-west-1") == ("17.5", ("a", "b"))


@pytest.mark.parametrize("options", [[], [option("17.5", "a")], [option("12.1", "a", "b")]])
def test_a_region_without_it_is_refused(options: list[dict[str, Any]]) -> None:
    with pytest.raises(CommandError, match="Choose another Region"):
        choose_engine(options, "eu-west-1")


def test_it_costs_about_a_dollar_and_the_ceiling_covers_what_is_expected() -> None:
    cost = cost_of_run()
    assert 0 < cost.usd < 1.5
    assert cost.usd < cost.most_usd < 5
    for expected, most in zip(cost.expected, cost.ceiling, strict=True):
        assert expected.what == most.what
        assert (expected.usd or 0) <= (most.usd or 0)


@dataclass
class Deletion:
    """Stands in for the deletion of what a run has made."""

    failure: BaseException | None = None
    calls: int = 0

    def __call__(self) -> Sequence[DeletionVerdict]:
        self.calls += 1
        if self.failure is not None:
            raise self.failure
        return ()


def report() -> SelfTestReport:
    return SelfTestReport(run="k3j9x2ab", account="1", region="eu-west-1", engine_version="17.5")


def failing(error: BaseException) -> Callable[[], None]:
    def run() -> None:
        raise error

    return run


def test_after_its_end_everything_is_deleted() -> None:
    ended, deletion = report(), Deletion()
    assert not prove(lambda: None, deletion, ended)
    assert (deletion.calls, ended.failure, ended.left) == (1, None, ())


@pytest.mark.parametrize(
    ("error", "interrupted", "failure"),
    [
        (usage("The stack failed."), False, "The stack failed."),
        (KeyboardInterrupt(), True, "It was interrupted."),
    ],
)
def test_after_a_failure_everything_is_deleted(
    error: BaseException, interrupted: bool, failure: str
) -> None:
    ended, deletion = report(), Deletion()
    assert prove(failing(error), deletion, ended) is interrupted
    assert (deletion.calls, ended.failure, ended.left) == (1, failure, ())


def test_after_an_error_of_its_own_everything_is_deleted_and_it_is_shown() -> None:
    deletion = Deletion()
    with pytest.raises(ZeroDivisionError):
        prove(failing(ZeroDivisionError()), deletion, report())
    assert deletion.calls == 1


def test_a_deletion_that_is_interrupted_is_no_end() -> None:
    ended = report()
    assert prove(lambda: None, Deletion(KeyboardInterrupt()), ended)
    assert (ended.failure, ended.not_cleaned) == (None, "It was interrupted.")
    assert not ended.held


def test_what_is_to_be_kept_is_not_deleted() -> None:
    ended = report()
    assert not prove(lambda: None, None, ended)
    assert ended.left is None
