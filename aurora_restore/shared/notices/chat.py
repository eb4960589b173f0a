"""A notice as Amazon Q Developer in chat applications shows it in a channel.

https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html
"""

import json
from typing import Any, Final

from aurora_restore.shared.notices.notice import Notice
from aurora_restore.shared.visible import visible

_MOST_STEPS: Final = 5
_LONGEST_DESCRIPTION: Final = 2000
_LONGEST_STEP: Final = 1000
"""Far below what SNS takes, and about what a channel shows without a link to more."""


def custom_notification(notice: Notice) -> str:
    """Return a notice in the schema of custom notifications.

    The notices of one operation make one thread, where the channel's preferences allow threads.
    """
    document = notice.document
    operation = str(document["operation_id"])
    details = document.get("details") or {}
    return json.dumps(
        {
            "version": "1.0",
            "source": "custom",
            "content": _without_empty(
                {
                    "textType": "client-markdown",
                    "title": _shorter(notice.subject, 100),
                    "description": _shorter(notice.gist, _LONGEST_DESCRIPTION),
                    "nextSteps": [
                        _shorter(step, _LONGEST_STEP)
                        for step in notice.next_steps[:_MOST_STEPS]
                        if step
                    ],
                    "keywords": [str(document["status"]), *_texts(details, "restore", "step")],
                }
            ),
            "metadata": _without_empty(
                {
                    "threadId": operation,
                    "summary": _shorter(notice.subject, 100),
                    "eventType": f"aurora-restore-{document['status']}",
                    "relatedResources": _texts(details, "execution_arn", "target_cluster_id"),
                    "additionalContext": {"operation_id": operation},
                }
            ),
        }
    )


def _texts(details: Any, *names: str) -> list[str]:
    found = (details.get(name) for name in names)
    return [value for value in found if isinstance(value, str) and value]


def _without_empty(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value}


def _shorter(text: str, longest: int) -> str:
    shown = visible(text)
    return shown if len(shown) <= longest else f"{shown[: longest - 3]}..."
