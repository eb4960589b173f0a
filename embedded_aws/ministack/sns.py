"""Patches for SNS: what was published can be read, and what is not confirmed is shown so."""

import json
from collections.abc import Callable
from typing import Any

from ministack.services import sns

_BY_EMAIL = frozenset({"email", "email-json"})
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


def list_subscriptions_that_wait() -> None:
    """List a subscription that waits for a confirmation as AWS does: without its ARN.

    MiniStack sends no e-mail, so nobody can confirm the subscription of an address.
    https://docs.aws.amazon.com/sns/latest/api/API_ListSubscriptionsByTopic.html
    """
    original: Callable[[Any], tuple[int, Any, bytes]] = sns._list_subscriptions_by_topic

    def listed(parameters: Any) -> tuple[int, Any, bytes]:
        status, headers, body = original(parameters)
        topic = sns._topics.get(sns._p(parameters, "TopicArn"))
        for each in topic["subscriptions"] if topic else []:
            if not each["confirmed"] or each["protocol"] in _BY_EMAIL:
                body = body.replace(f">{each['arn']}<".encode(), b">PendingConfirmation<")
        return status, headers, body

    sns._list_subscriptions_by_topic = listed
