"""Requests beside the API of AWS: what was published, and the clock of the schedules."""

import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from embedded_aws.ministack import scheduler, sns

PREFIX = "/_admin/"

Message = MutableMapping[str, Any]
Application = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]],
    Awaitable[None],
]


def _published(query: Mapping[str, str]) -> Any:
    return sns.published_to(query["topic"])


def _set_schedule_clock(query: Mapping[str, str]) -> Any:
    return scheduler.set_clock(query["moment"])


_ADMIN_REQUESTS: Mapping[str, Callable[[Mapping[str, str]], Any]] = {
    f"{PREFIX}published": _published,
    f"{PREFIX}schedule-clock": _set_schedule_clock,
}


def with_admin_api(application: Application) -> Application:
    """Return the application with the admin API beside it."""

    async def app(scope: Message, receive: Any, send: Any) -> None:
        respond = _ADMIN_REQUESTS.get(scope["path"]) if scope["type"] == "http" else None
        if respond is None:
            await application(scope, receive, send)
            return
        values = parse_qs(scope["query_string"].decode())
        answer = respond({name: value[0] for name, value in values.items()})
        await send(
            {
                "type": "http.response.start",
                "status": HTTPStatus.OK,
                "headers": [(b"content-type", b"application/json")],
            }
        )
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})

    return app
