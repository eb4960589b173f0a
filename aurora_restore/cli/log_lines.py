"""What the functions have logged, line by line: read from CloudWatch, and made readable."""

import json
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from aurora_restore.cli.context import Deployment
from aurora_restore.cli.executions import SIMULTANEOUS_CALLS
from aurora_restore.shared.aws_utils import call, code_of
from aurora_restore.shared.errors import AwsError
from aurora_restore.shared.pipeline import get_step

_HIDDEN: Final = frozenset(
    {
        "cold_start",
        "function_arn",
        "function_memory_size",
        "function_name",
        "function_request_id",
        "level",
        "location",
        "message",
        "operation_id",
        "restore",
        "service",
        "step",
        "timestamp",
        "xray_trace_id",
    }
)
"""What every line has, or what is shown in its own place."""
_LOGGERS_FORMAT: Final = "%Y-%m-%d %H:%M:%S,%f%z"
_METRICS: Final = "_aws"
"""Only lines that hold metrics have this key: they are no messages."""


@dataclass(frozen=True)
class LogLine:
    """One line that a function has logged about an operation."""

    moment: datetime
    step: str
    event_id: str
    text: str

    @property
    def document(self) -> Mapping[str, Any]:
        """Return the line as the object that it is; one that is none is a message."""
        try:
            found = json.loads(self.text)
        except ValueError:
            found = None
        return found if isinstance(found, dict) else {"message": self.text.rstrip()}

    @property
    def is_message(self) -> bool:
        """Return whether it is there to be read."""
        return _METRICS not in self.document

    def readable(self) -> Iterator[str]:
        """Yield the lines that a person reads: a stack trace stands below its message."""
        found = self.document
        rest = {key: value for key, value in found.items() if key not in _HIDDEN}
        trace = rest.pop("exception", None)
        facts = " ".join(f"{key}={_value(value)}" for key, value in rest.items())
        level = found.get("level", "")
        message = _value(found.get("message", ""))
        yield f"{self.moment:%m-%d %H:%M:%S}  {self.step:<21} {level:<7} {message} {facts}".rstrip()
        if isinstance(trace, str):
            yield from (f"    {line}" for line in trace.splitlines())


def read_lines(
    deployment: Deployment,
    operation_id: str,
    steps: Iterable[str],
    begin: datetime,
    end: datetime | None,
) -> list[LogLine]:
    """Return what the functions of steps have logged about an operation, in order of time.

    A line belongs to an operation if its id is in it.
    """

    def of_step(step: str) -> list[LogLine]:
        asked: dict[str, Any] = {
            "logGroupName": f"/aws/lambda/{deployment.function_name(get_step(step))}",
            "filterPattern": json.dumps(operation_id),
            "startTime": _milliseconds(begin),
        }
        if end is not None:
            asked["endTime"] = _milliseconds(end)
        pages = deployment.logs.get_paginator("filter_log_events").paginate(**asked)
        try:
            events = call(lambda: [event for page in pages for event in page["events"]])
        except AwsError as error:
            if code_of(error) == "ResourceNotFoundException":
                return []
            raise
        return [_line(step, event) for event in events]

    with ThreadPoolExecutor(SIMULTANEOUS_CALLS) as pool:
        found = [line for lines in pool.map(of_step, steps) for line in lines]
    return sorted((line for line in found if line.is_message), key=lambda line: line.moment)


def _line(step: str, event: Mapping[str, Any]) -> LogLine:
    received = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
    line = LogLine(received, step, str(event.get("eventId", "")), str(event["message"]))
    return replace(line, moment=_logged_at(line.document) or received)


def _logged_at(document: Mapping[str, Any]) -> datetime | None:
    """Return when a function has logged a line: lines may reach CloudWatch together."""
    try:
        return datetime.strptime(str(document.get("timestamp")), _LOGGERS_FORMAT).astimezone(UTC)
    except ValueError:
        return None


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)
