"""Which items of the audit table are published, and what an event says."""

import json
from typing import Any

import pytest

from aurora_restore.shared.events.recorded import LONGEST_TEXT, event_of, run_outcome

RUN = {
    "restore": "staging",
    "sequence": "replace",
    "target_cluster_id": "orders",
    "execution_arn": "arn:aws:states:us-west-2:222222222222:execution:pipeline:op-1",
}
AT = "2026-05-16T03:00:00.000000Z"


def item(**changes: Any) -> dict[str, Any]:
    return {
        "operation_id": "op-1",
        "timestamp": AT,
        "step": "hand-over",
        "status": "SUCCESS",
        "details": {"message": "Cluster handed over", "endpoint": "not declared"},
        "run": RUN,
        **changes,
    }


def test_a_step_that_is_done_is_an_event() -> None:
    event = event_of(item(), "aurora-restore")

    assert event is not None
    assert (event.source, event.detail_type) == ("aurora-restore", "Aurora Restore Step Outcome")
    assert event.detail == {
        "version": "1",
        "environment": "aurora-restore",
        "operation_id": "op-1",
        "step": "hand-over",
        "status": "success",
        "message": "Cluster handed over",
        "at": AT,
        **RUN,
    }
    assert event.resources == (RUN["execution_arn"],)


def test_a_step_that_has_failed_says_what_to_do() -> None:
    error = {
        "type": "NotSetUpError",
        "message": "the databases are not set up",
        "details": {"anything": "else"},
        "remedy": "resume",
        "resume_at": "setup-db-users",
        "what_to_do": "Set them up.",
    }

    event = event_of(item(status="FAILED", details=error), "aurora-restore")

    assert event is not None
    said = {name: event.detail[name] for name in ("status", "error_type", "is_retried", "remedy")}
    assert said == {
        "status": "failed",
        "error_type": "NotSetUpError",
        "is_retried": False,
        "remedy": "resume",
    }
    assert event.detail["resume_at"] == "setup-db-users"
    assert "details" not in event.detail


@pytest.mark.parametrize(("error", "is_retried"), [("AwsThrottledError", True), ("X", False)])
def test_a_failure_that_the_execution_repeats_says_so(error: str, is_retried: bool) -> None:
    event = event_of(item(status="FAILED", details={"type": error, "message": "no"}), "p")

    assert event is not None
    assert event.detail["is_retried"] is is_retried


@pytest.mark.parametrize(
    "changes",
    [{"status": "IN_PROGRESS"}, {"status": "REFUSED"}, {"step": "command line: pause"}],
    ids=["waiting", "refused", "of the command line"],
)
def test_what_is_no_outcome_of_a_step_is_no_event(changes: dict[str, str]) -> None:
    assert event_of(item(**changes), "aurora-restore") is None


def test_the_end_of_a_run_is_one_event_with_what_the_notice_says() -> None:
    notice = {
        "operation_id": "op-1",
        "status": "failed",
        "message": "Aurora restore failed at hand-over: no",
        "details": {
            "restore": "staging",
            "step": "hand-over",
            "error_type": "AwsError",
            "error": "no",
            "execution_status": "FAILED",
            "remedy": "redrive",
            "what_to_do": "Redrive it.",
            "quarantine": "in force",
            "obstacles": [{"problem": "not in an event"}],
        },
    }

    event = event_of(item(step="sns-notification", outcome=run_outcome(notice)), "aurora-restore")

    assert event is not None
    assert event.detail_type == "Aurora Restore Run Outcome"
    assert event.detail == {
        "version": "1",
        "environment": "aurora-restore",
        "operation_id": "op-1",
        "status": "failed",
        "message": "Aurora restore failed at hand-over: no",
        "at": AT,
        **RUN,
        "execution_status": "FAILED",
        "step": "hand-over",
        "error_type": "AwsError",
        "remedy": "redrive",
        "what_to_do": "Redrive it.",
        "quarantine": "in force",
    }


def test_an_item_of_an_earlier_version_is_an_event_without_what_it_does_not_know() -> None:
    old = item()
    del old["run"]

    event = event_of(old, "aurora-restore")

    assert event is not None
    assert set(event.detail) == {
        *("version", "environment", "operation_id", "step", "status", "message", "at"),
    }
    assert event.resources == ()


def test_the_largest_event_is_within_what_the_targets_of_a_rule_take() -> None:
    longest = "\U0001f600" * 300_000
    error = dict.fromkeys(("type", "message", "remedy", "resume_at", "what_to_do"), longest)

    event = event_of(item(status="FAILED", details=error), "aurora-restore")

    assert event is not None
    assert len(event.detail["message"]) == LONGEST_TEXT
    assert len(json.dumps(event.detail).encode()) < 256 * 1024
