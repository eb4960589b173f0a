"""An addition to SNS: what was published can be read, as a test or a demonstration must."""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

from ministack.services import sns

PATH = "/_aurora-restore/published"

Message = MutableMapping[str, Any]
Application = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]],
    Awaitable[None],
]

_published: list[dict[str, Any]] = []


def publications_are_kept() -> None:
    """Every message published to a topic is kept, whether or not the topic has subscribers.

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
        _published.append(
            {
                "topic_arn": topic,
                "message_id": message_id,
                "subject": subject,
                "message": message,
                "attributes": {
                    name: value.get("StringValue") for name, value in (attributes or {}).items()
                },
            }
        )
        original(topic, message_id, message, subject, structure, attributes, **options)

    sns._fanout = fanout


def answering(application: Application) -> Application:
    """The application, which besides answers ``GET /_aurora-restore/published?topic=ARN``."""

    async def app(scope: Message, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"] != PATH:
            await application(scope, receive, send)
            return
        topic = parse_qs(scope["query_string"].decode()).get("topic", [""])[0]
        messages = [message for message in _published if message["topic_arn"] == topic]
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(messages).encode()})

    return app
