"""What an operation has left behind, read for the checks."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from boto3.dynamodb.conditions import Key

from aurora_restore.cli.context import Deployment
from aurora_restore.cli.progress import ExecutionProgress
from aurora_restore.shared.aws_utils import call
from aurora_restore.shared.common import json_safe, parse_timestamp
from aurora_restore.shared.names import (
    app_secret_name,
    audit_table_name,
    master_secret_name,
    state_table_name,
)
from aurora_restore.shared.pipeline import STEPS


@dataclass(frozen=True, kw_only=True)
class OperationEvidence:
    """Everything that is recorded of an operation that has succeeded."""

    operation_id: str
    progress: ExecutionProgress
    items: Mapping[str, Mapping[str, Any]]
    """Those of the state table, by step."""
    texts: Mapping[str, str]
    """Every record as text, by where it is."""

    def details(self, step: str) -> Mapping[str, Any]:
        """Return what the state held when a step was over."""
        found: Mapping[str, Any] = self.items.get(step, {}).get("details", {})
        return found

    def statuses(self) -> dict[str, str]:
        """Return the status of each step that the state table holds."""
        return {step: str(item["status"]) for step, item in self.items.items()}

    def time_of(self, step: str) -> datetime | None:
        """Return when a step wrote its state."""
        item = self.items.get(step)
        return None if item is None else parse_timestamp(str(item["timestamp"]))

    def moment(self, step: str, key: str) -> datetime | None:
        """Return a moment that a step has written."""
        written = self.details(step).get(key)
        return parse_timestamp(written) if written else None

    def step_seconds(self) -> dict[str, float]:
        """Return how long each step took."""
        now = self.progress.ended or self.progress.started
        return {
            step.name: seconds
            for step in self.progress.steps
            if now is not None and (seconds := step.seconds(now)) is not None
        }


def collect_evidence(
    deployment: Deployment,
    operation_id: str,
    progress: ExecutionProgress,
    history: Sequence[Mapping[str, Any]],
) -> OperationEvidence:
    """Read what an operation has written to both tables and to the functions' logs."""
    prefix = deployment.name_prefix
    states = _items(deployment, state_table_name(prefix), operation_id)
    audit = _items(deployment, audit_table_name(prefix), operation_id)
    return OperationEvidence(
        operation_id=operation_id,
        progress=progress,
        items={item["step"]: item for item in states},
        texts={
            "the state": _text(states),
            "the audit": _text(audit),
            "the history": _text(history),
            **{
                f"the log of {name}": _log(deployment, name)
                for name in (step.function_name(prefix) for step in STEPS)
            },
        },
    )


def passwords(deployment: Deployment, source_secret: str) -> list[str]:
    """Return every password of a run, to look for where none may be; they are written nowhere."""
    client: Any = deployment.session.client("secretsmanager")

    def held(secret: str) -> Mapping[str, Any]:
        document: Mapping[str, Any] = json.loads(
            call(client.get_secret_value, SecretId=secret)["SecretString"]
        )
        return document

    source = held(source_secret)
    master = held(master_secret_name(deployment.name_prefix))
    app = held(app_secret_name(deployment.name_prefix))
    return [
        source["password"],
        *source["logins"].values(),
        master["password"],
        app["app_password"],
        app["readonly_password"],
    ]


def _items(deployment: Deployment, table: str, operation_id: str) -> list[dict[str, Any]]:
    resource: Any = deployment.session.resource("dynamodb")
    found = call(
        resource.Table(table).query,
        KeyConditionExpression=Key("operation_id").eq(operation_id),
    )
    items: list[dict[str, Any]] = [dict(json_safe(each)) for each in found["Items"]]
    return items


def _log(deployment: Deployment, function: str) -> str:
    pages = deployment.logs.get_paginator("filter_log_events").paginate(
        logGroupName=f"/aws/lambda/{function}"
    )
    return "\n".join(event["message"] for page in pages for event in page["events"])


def _text(document: Any) -> str:
    return json.dumps(document, default=str, ensure_ascii=False)
