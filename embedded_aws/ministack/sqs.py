"""Messages that other services put into a dead-letter queue."""

import json
from collections.abc import Mapping
from typing import Any, TypeGuard

from ministack.core.arn import parse_arn
from ministack.services import sqs


def is_queue(arn: str | None) -> TypeGuard[str]:
    """Return whether the ARN is that of a queue."""
    return arn is not None and parse_arn(arn).service == "sqs"


def send_dead_letter(queue_arn: str, event: Any, attributes: Mapping[str, str]) -> None:
    """Send an event that could not be dealt with, and with it what is known about the reason."""
    queue = parse_arn(queue_arn)
    url = sqs._queue_url_for_account(queue.account_id, queue.resource)
    message = {
        "QueueUrl": url,
        "MessageBody": json.dumps(event),
        "MessageAttributes": {
            name: {"DataType": "String", "StringValue": value}
            for name, value in attributes.items()
            if value
        },
    }
    sqs._act_send_message(message, url)
