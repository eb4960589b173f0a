"""A notice in the schema of custom notifications of Amazon Q Developer in chat applications."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from aurora_restore.shared.notices.chat import custom_notification
from aurora_restore.shared.notices.notice import Notice
from tests.unit.shared.notices import (
    DELETED,
    EXECUTION,
    HANDED_OVER,
    TARGET,
    failed,
    notice_of,
    success_of,
)


def shown(notice: Notice) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(custom_notification(notice))
    return found


def test_a_failure_says_why_and_what_to_do() -> None:
    event = shown(notice_of(failed("AwsError", reason="access was denied"), DELETED))

    assert (event["version"], event["source"]) == ("1.0", "custom")
    assert event["content"] == {
        "textType": "client-markdown",
        "title": "aurora-restore staging: FAILED at restore-snapshot - target gone",
        "description": "Access was denied. my-cluster is being deleted, or is gone: nothing serves "
        "in its place.",
        "nextSteps": [
            "Remove the reason that AWS gives; it is in the message. Then redrive the execution, "
            "within 14 days of its failure: it continues at the step that failed.",
            "The command line: `aurora-restore --region us-west-2 rerun op-1`",
            "The AWS CLI: `aws stepfunctions redrive-execution --region us-west-2 "
            f"--execution-arn {EXECUTION}`",
        ],
        "keywords": ["failed", "staging", "restore-snapshot"],
    }
    assert event["metadata"] == {
        "threadId": "op-1",
        "summary": event["content"]["title"],
        "eventType": "aurora-restore-failed",
        "relatedResources": [EXECUTION],
        "additionalContext": {"operation_id": "op-1"},
    }


def test_a_success_says_what_the_target_is_now_and_asks_for_nothing() -> None:
    event = shown(success_of(HANDED_OVER))

    assert "my-cluster serves the new data" in event["content"]["description"]
    assert "nextSteps" not in event["content"]
    assert event["metadata"]["relatedResources"] == [TARGET]


@given(st.text(max_size=5000), st.lists(st.text(max_size=5000), max_size=20))
def test_whatever_there_is_to_say_a_channel_can_show(gist: str, steps: list[str]) -> None:
    document = {"operation_id": "op-1", "status": "failed", "details": {"restore": None}}

    content = shown(Notice("subject", "", document, gist, tuple(steps)))["content"]

    assert len(content.get("description", "")) <= 2000
    assert len(content.get("nextSteps", [])) <= 5
    assert all(0 < len(step) <= 1000 for step in content.get("nextSteps", []))
