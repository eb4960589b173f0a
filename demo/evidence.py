"""What is kept of a run for a closer look: ``.local/demo``."""

import contextlib
import json
import os
import shutil
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from aurora_restore.shared.names import audit_table_name, state_table_name
from aurora_restore.shared.pipeline import STEPS
from demo.scenario import PREFIX, Scenario
from embedded_aws.aws import EmbeddedAws, PublishedMessage
from embedded_aws.environment import repository

FOLDER: Final = Path(".local") / "demo"
"""Relative to the repository."""

TRACEBACK: Final = "error.txt"
_WORTH_KEEPING: Final = ("config/*.json", "logs/*.log", "rds/*.log", "rds/logs/*.log")


@dataclass(frozen=True, kw_only=True)
class Records:
    """What the embedded AWS has written down about one execution."""

    operation_id: str = ""
    state: Sequence[Mapping[str, Any]] = ()
    audit: Sequence[Mapping[str, Any]] = ()
    history: Sequence[Mapping[str, Any]] = ()
    published: Sequence[PublishedMessage] = ()
    function_logs: Mapping[str, str] = field(default_factory=dict)

    def statuses(self) -> dict[str, str]:
        """Return the status of each step in the state table."""
        return {str(item["step"]): str(item["status"]) for item in self.state}

    def details(self, step: str) -> Mapping[str, Any]:
        """Return what a step has written to the state table; nothing if it has not."""
        found = (item["details"] for item in self.state if item["step"] == step)
        return dict(next(found, {}))

    def time_of(self, step: str) -> datetime | None:
        """Return when a step last wrote to the state table; None if it has not."""
        found = (str(item["timestamp"]) for item in self.state if item["step"] == step)
        return next(map(datetime.fromisoformat, found), None)

    def routes(self) -> set[str]:
        """Return the routes of the snapshot to the target that the steps have recorded."""
        return {str(item["details"]["route"]) for item in self.state if "route" in item["details"]}

    def announcements(self) -> list[PublishedMessage]:
        """Return what the pipeline has published about the operation; alarms are not among them."""
        return [
            each
            for each in self.published
            if json.loads(each.message).get("operation_id") == self.operation_id
        ]

    def texts(self) -> dict[str, str]:
        """Return every file that is kept of it, by path."""
        messages = [
            {"subject": each.subject, "message": each.message, "email": each.email}
            for each in self.published
        ]
        return {
            "execution-history.json": _json(self.history),
            "state-table.json": _json(self.state),
            "audit-table.json": _json(self.audit),
            "notifications.json": _json(messages),
            **{f"functions/{name}.log": text for name, text in self.function_logs.items()},
        }


def collect(
    aws: EmbeddedAws,
    scenario: Scenario,
    operation_id: str,
    outputs: Mapping[str, str],
    history: Sequence[Mapping[str, Any]],
) -> Records:
    """Read everything that an execution has left in the deployed stack."""
    region = scenario.target.region
    return Records(
        operation_id=operation_id,
        state=_items(aws, scenario, state_table_name(PREFIX), operation_id),
        audit=_items(aws, scenario, audit_table_name(PREFIX), operation_id),
        history=history,
        published=aws.published(outputs["TopicArn"]),
        function_logs={
            name: aws.lambda_logs(name, region=region)
            for name in (step.function_name(PREFIX) for step in STEPS)
        },
    )


def _items(
    aws: EmbeddedAws, scenario: Scenario, table: str, operation_id: str
) -> list[Mapping[str, Any]]:
    session = aws.session(account=scenario.target.account, region=scenario.target.region)
    resource: Any = session.resource("dynamodb")
    found = resource.Table(table).query(
        KeyConditionExpression="operation_id = :id",
        ExpressionAttributeValues={":id": operation_id},
    )
    items: list[Mapping[str, Any]] = found["Items"]
    return items


def keep(
    directory: Path, records: Mapping[str, Records], error: BaseException | None = None
) -> None:
    """Replace the last run's records and logs with those of this run.

    The records are those of each execution, by the folder that they are kept in.
    """
    kept = repository() / FOLDER
    made = kept.with_name(f"{kept.name}-{os.getpid()}")
    shutil.rmtree(made, ignore_errors=True)
    for path, text in _logs_in(directory).items():
        _write(made / path, text)
    for folder, each in records.items():
        for path, text in each.texts().items():
            _write(made / folder / path, text)
    if error is not None:
        _write(made / TRACEBACK, "".join(traceback.format_exception(error)))
    shutil.rmtree(kept, ignore_errors=True)
    try:
        made.rename(kept)
    except OSError:
        # Another demo has just put its own there.
        shutil.rmtree(made)


def sentence_of(error: Exception) -> str:
    """Return what an error says; one of Python's own says little without its type."""
    of_python = type(error).__module__ == "builtins"
    return f"{type(error).__name__}: {error}" if of_python else str(error)


def readable(message: str, directory: Path) -> str:
    """Return the message with the paths of the kept files instead of those of the directory."""
    return message.replace(str(directory), str(FOLDER))


def _logs_in(directory: Path) -> dict[str, str]:
    """Return the logs and the configuration of the embedded AWS by their paths."""
    texts = {}
    for pattern in _WORTH_KEEPING:
        for file in directory.glob(pattern):
            with contextlib.suppress(OSError):
                texts[str(file.relative_to(directory))] = file.read_text(errors="replace")
    return texts


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, default=str)
