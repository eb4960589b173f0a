"""Which executions a list shows, and what is said of each."""

from datetime import UTC, datetime
from typing import Any

from aurora_restore.cli.executions import Execution
from aurora_restore.cli.listing import chosen, step_reached


def execution(name: str, status: str = "SUCCEEDED", **given: Any) -> Execution:
    return Execution(
        arn=f"arn:aws:states:us-west-2:1:execution:machine:{name}",
        status=status,
        started=datetime(2026, 3, 4, tzinfo=UTC),
        given=given,
    )


def names(executions: list[Execution], **asked: Any) -> list[str]:
    options = {"restore": None, "only": None, "every": False, **asked}
    return [each.name for each in chosen(executions, **options)]


def test_a_retirement_is_shown_if_it_failed_or_is_asked_for() -> None:
    done = execution("done", retire=True)
    broken = execution("broken", "FAILED", retire=True)

    assert names([done, broken]) == ["broken"]
    assert names([done, broken], every=True) == ["done", "broken"]


def test_an_input_without_a_restore_is_one_of_the_only_restore() -> None:
    found = [execution("unnamed"), execution("orders", restore="orders")]

    assert names(found, restore="orders") == ["orders"]
    assert names(found, restore="orders", only="orders") == ["unnamed", "orders"]


def test_what_an_execution_is_for_follows_from_its_input() -> None:
    kinds: list[dict[str, Any]] = [
        {},
        {"dry_run": True},
        {"roll_back": True},
        {"dry_run": True, "roll_back": True},
    ]

    assert [execution("e", **given).kind for given in kinds] == [
        "",
        "dry run",
        "roll-back",
        "dry run",
    ]


def test_the_step_that_failed_counts_and_not_its_announcement() -> None:
    items = [
        {"step": "snapshot-check", "status": "SUCCESS", "timestamp": "1"},
        {"step": "copy-snapshot", "status": "FAILED", "timestamp": "2"},
        {"step": "sns-notification", "status": "SUCCESS", "timestamp": "3"},
    ]

    assert step_reached(items) == "copy-snapshot"
    assert step_reached(items[:1]) == "snapshot-check"
    assert step_reached([]) is None
