"""The state table and the audit trail.

A state item is the latest result of one step of one operation: ``operation_id``, ``step``,
``status``, ``timestamp`` and ``details``, the whole of what the operation knows so far. The audit
table is append-only: what happened, in order.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Literal

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from aurora_restore.shared.aws_utils import (
    AWS_ERRORS,
    Clients,
    call,
    default_clients,
    error_code,
    translate_error,
)
from aurora_restore.shared.common import json_safe, now, parse_timestamp, timestamp
from aurora_restore.shared.documents.fields import OperationId
from aurora_restore.shared.documents.schema import check
from aurora_restore.shared.lambda_environment import LambdaEnvironment
from aurora_restore.shared.protocol import EXECUTION

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

SUCCESS: Final = "SUCCESS"
IN_PROGRESS: Final = "IN_PROGRESS"
FAILED: Final = "FAILED"
Status = Literal["SUCCESS", "IN_PROGRESS", "FAILED"]

ERROR: Final = "error"
"""The key of ``details`` that says why a step failed; the next attempt removes it."""

_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


@dataclass(frozen=True)
class StateStore:
    """The two tables of one environment."""

    clients: Clients
    state_table: str
    audit_table: str
    retention: timedelta

    @classmethod
    def of(cls, environment: LambdaEnvironment, clients: Clients) -> "StateStore":
        """Return the tables of an environment."""
        return cls(
            clients,
            environment.state_table,
            environment.audit_table,
            timedelta(days=int(environment.state_retention_days)),
        )

    def save(
        self,
        operation_id: str,
        step: str,
        status: str,
        details: Mapping[str, Any],
        moment: datetime,
    ) -> None:
        """Write the state item of a step, replacing the one before."""
        expires = int((moment + self.retention).timestamp())
        call(
            self.clients.dynamodb.put_item,
            TableName=self.state_table,
            Item=_to_item(
                {
                    "operation_id": operation_id,
                    "step": step,
                    "status": status,
                    "timestamp": timestamp(moment),
                    "details": details,
                    "expires_at": expires,
                }
            ),
        )

    def load(self, operation_id: str, step: str | None = None) -> dict[str, Any] | None:
        """Return the state item of a step, or the operation's latest; None if there is none."""
        items = self.load_all(operation_id)
        if step is not None:
            items = [item for item in items if item["step"] == step]
        return max(items, key=lambda item: str(item["timestamp"]), default=None)

    def load_all(self, operation_id: str) -> list[dict[str, Any]]:
        """Return every state item of an operation, read consistently."""
        paginator = self.clients.dynamodb.get_paginator("query")
        pages = call(
            lambda: list(
                paginator.paginate(
                    TableName=self.state_table,
                    KeyConditionExpression="operation_id = :operation",
                    ExpressionAttributeValues={":operation": {"S": operation_id}},
                    ConsistentRead=True,
                )
            )
        )
        return [_from_item(item) for page in pages for item in page["Items"]]

    def audit(
        self,
        operation_id: str,
        step: str,
        status: str,
        details: Mapping[str, Any],
        moment: datetime,
    ) -> None:
        """Append an event to the audit table.

        Of two events in the same microsecond, the second gets the next microsecond.
        """
        while True:
            try:
                self.clients.dynamodb.put_item(
                    TableName=self.audit_table,
                    Item=_to_item(
                        {
                            "operation_id": operation_id,
                            "timestamp": timestamp(moment),
                            "step": step,
                            "status": status,
                            "details": details,
                        }
                    ),
                    ConditionExpression="attribute_not_exists(operation_id)",
                )
            except ClientError as error:
                if error_code(error) != "ConditionalCheckFailedException":
                    raise translate_error(error) from error
                moment += timedelta(microseconds=1)
            except AWS_ERRORS as error:
                raise translate_error(error) from error
            else:
                return


def get_operation_id(event: Mapping[str, Any]) -> str:
    """Return the id of the operation that an event belongs to.

    It is the event's ``operation_id``; in an execution without one, the execution's name, so that
    a retried first step does not begin a second operation; otherwise a new one. Raises
    ValidationError if the event's is malformed.
    """
    given = event.get("operation_id")
    if given is not None:
        check("operation_id", given, OperationId)
        return str(given)
    execution = event.get(EXECUTION)
    if isinstance(execution, Mapping) and execution.get("name"):
        return str(execution["name"])
    return f"op-{now():%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"


def load_state(operation_id: str, step: str | None = None) -> dict[str, Any] | None:
    """Return the state item of a step, or the operation's latest; None if there is none."""
    return _default_store().load(operation_id, step)


def save_state(operation_id: str, state: Mapping[str, Any]) -> None:
    """Write a state item; ``state`` holds ``step``, ``status`` and ``details``."""
    _default_store().save(
        operation_id, state["step"], state["status"], state.get("details", {}), now()
    )


def log_audit_event(
    operation_id: str, event_type: str, status: str, details: Mapping[str, Any]
) -> None:
    """Append an event to the audit table; ``event_type`` is the step, or another kind of event."""
    _default_store().audit(operation_id, event_type, status, details, now())


def seconds_since(moment: str, until: datetime) -> float:
    """Return the seconds from a stored timestamp until ``until``, never negative."""
    return max(0.0, (until - parse_timestamp(moment)).total_seconds())


def _default_store() -> StateStore:
    return StateStore.of(LambdaEnvironment.from_env(), default_clients())


def _to_item(document: Mapping[str, Any]) -> dict[str, "AttributeValueTypeDef"]:
    return {key: _serialize(_decimals(value)) for key, value in json_safe(document).items()}


def _from_item(item: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _numbers(_deserialize(value)) for key, value in item.items()}


def _decimals(value: Any) -> Any:
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, dict):
        return {key: _decimals(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_decimals(item) for item in value]
    return value


def _numbers(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {key: _numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_numbers(item) for item in value]
    return value
