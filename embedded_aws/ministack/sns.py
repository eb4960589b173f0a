"""An addition to SNS: what was published can be read, as a test or a demonstration must."""

import json
from typing import Any

from ministack.services import sns

_published: list[dict[str, Any]] = []


def record_published_messages() -> None:
    """Record every message published to a topic, whether or not the topic has subscribers.

    AWS keeps none; this is for looking at what a subscriber would have received.
    """
    original = sns._fanout

    def fanout(
        topic: str,
        message_id: str,
        message: str,
        subject: str,
        structure: str = "",
        attributes: dict[str, Any] | None = None,
        **options: Any,
    ) -> None:
        by_protocol = json.loads(message) if structure == "json" else {"default": message}
        _published.append(
            {
                "topic_arn": topic,
                "message_id": message_id,
                "subject": subject,
                "message": by_protocol["default"],
                "email": by_protocol.get("email", by_protocol["default"]),
                "attributes": {
                    name: value.get("StringValue") for name, value in (attributes or {}).items()
                },
            }
        )
        original(topic, message_id, message, subject, structure, attributes, **options)

    sns._fanout = fanout


def published_to(topic: str) -> list[dict[str, Any]]:
    """Return what was published to a topic, the first message first."""
    return [message for message in _published if message["topic_arn"] == topic]
