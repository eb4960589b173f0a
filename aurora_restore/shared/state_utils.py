"""The state table and the audit trail.

A state item is the latest result of one step of one operation: ``operation_id``, ``step``,
``status``, ``timestamp`` and ``details``, the whole of what the operation knows so far. The audit
table is append-only: what happened, in order.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Literal

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from aurora_restore.shared.aws_utils import Clients, call, code_of, default_clients
from aurora_restore.shared.common import (
    is_timestamp,
    json_safe,
    now,
    parse_timestamp,
    timestamp,
)
from aurora_restore.shared.documents.fields import OperationId, Text
from aurora_restore.shared.documents.schema import check, kind_of, shown
from aurora_restore.shared.errors import AwsError, CorruptStateError, ValidationError
from aurora_restore.shared.lambda_environment import LambdaEnvironment
from aurora_restore.shared.pipeline import STEP_NAMES
from aurora_restore.shared.protocol import EXECUTION

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

SUCCESS: Final = "SUCCESS"
IN_PROGRESS: Final = "IN_PROGRESS"
FAILED: Final = "FAILED"
REFUSED: Final = "REFUSED"
"""In the audit table only: a call that was refused, and left the operation's state as it was."""
UNKNOWN_OPERATION: Final = "(none)"
"""The audit table's key of calls that name no valid operation. No operation can be called so."""
Status = Literal["SUCCESS", "IN_PROGRESS", "FAILED"]

IS_NEW: Final = "attribute_not_exists(operation_id)"
"""The condition that there is no item of this key yet."""
CONDITION_FAILED: Final = "ConditionalCheckFailedException"
"""How DynamoDB refuses a write whose condition does not hold."""

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
        """Return the state item of a step, or the operation's latest; None if there is none.

        Raises CorruptStateError if an item of the operation is not as ``save`` writes it.
        """
        items = self.load_all(operation_id)
        for item in items:
            _require_state_item(item, self.state_table)
        if step is not None:
            items = [item for item in items if item["step"] == step]
        return max(items, key=lambda item: str(item["timestamp"]), default=None)

    def get(self, operation_id: str, step: str) -> dict[str, Any] | None:
        """Return the state item of a step, read consistently; None if there is none.

        Raises CorruptStateError if it is not as ``save`` writes it.
        """
        item = self.item(operation_id, step)
        if item is not None:
            _require_state_item(item, self.state_table)
        return item

    def item(self, key: str, step: str) -> dict[str, Any] | None:
        """Return one item of the state table, read consistently and unchecked; None if none."""
        found = call(
            self.clients.dynamodb.get_item,
            TableName=self.state_table,
            Key=_key(key, step),
            ConsistentRead=True,
        )
        return from_item(found["Item"]) if "Item" in found else None

    def load_all(self, operation_id: str) -> list[dict[str, Any]]:
        """Return every item under a key of the state table, read consistently and unchecked."""
        return self._items(self.state_table, operation_id)

    def _items(self, table: str, operation_id: str) -> list[dict[str, Any]]:
        paginator = self.clients.dynamodb.get_paginator("query")
        pages = call(
            lambda: list(
                paginator.paginate(
                    TableName=table,
                    KeyConditionExpression="operation_id = :operation",
                    ExpressionAttributeValues={":operation": {"S": operation_id}},
                    ConsistentRead=True,
                )
            )
        )
        return [from_item(item) for page in pages for item in page["Items"]]

    def audit_trail(self, operation_id: str) -> list[dict[str, Any]]:
        """Return every event of an operation in the audit table, the first one first."""
        events = self._items(self.audit_table, operation_id)
        return sorted(events, key=lambda event: str(event["timestamp"]))

    def last_audited_error(self, operation_id: str, step: str, error_type: str) -> dict[str, Any]:
        """Return the latest error of that type that a step has in the audit table, or ``{}``."""
        events = [
            event
            for event in self.audit_trail(operation_id)
            if event["step"] == step and event["details"].get("type") == error_type
        ]
        return dict(events[-1]["details"]) if events else {}

    def audit(
        self,
        operation_id: str,
        step: str,
        status: str,
        details: Mapping[str, Any],
        moment: datetime,
        *,
        run: Mapping[str, Any] | None = None,
        outcome: Mapping[str, Any] | None = None,
    ) -> None:
        """Append an event to the audit table.

        ``run`` says which run it is one of, as far as that is known, and ``outcome`` how that has
        ended, if it has: what is published as an event needs both. Of two events in the same
        microsecond, the second gets the next microsecond.
        """
        event: dict[str, Any] = {
            "operation_id": operation_id,
            "step": step,
            "status": status,
            "details": details,
            **({} if run is None else {"run": run}),
            **({} if outcome is None else {"outcome": outcome}),
        }
        while (
            self._replace_if(
                self.audit_table, {**event, "timestamp": timestamp(moment)}, IS_NEW, {}
            )
            is None
        ):
            moment += timedelta(microseconds=1)

    def remove(self, key: str, step: str) -> None:
        """Delete an item of the state table, if it is there."""
        call(
            self.clients.dynamodb.delete_item,
            TableName=self.state_table,
            Key={"operation_id": {"S": key}, "step": {"S": step}},
        )

    def put(self, item: Mapping[str, Any]) -> None:
        """Write an item of the state table, whatever is there."""
        call(self.clients.dynamodb.put_item, TableName=self.state_table, Item=_to_item(item))

    def put_if(
        self, item: Mapping[str, Any], condition: str, values: Mapping[str, Any] | None = None
    ) -> bool:
        """Write an item of the state table if a condition holds there; return whether it did.

        ``values`` are what the condition names. boto3 repeats a write whose response was
        lost, and DynamoDB then refuses the second one.
        """
        return self.replace_if(item, condition, values) is not None

    def replace_if(
        self, item: Mapping[str, Any], condition: str, values: Mapping[str, Any] | None = None
    ) -> dict[str, Any] | None:
        """Write an item of the state table as ``put_if`` does, and return the one it replaces.

        That is empty if there was none; None is returned if the condition does not hold.
        """
        return self._replace_if(self.state_table, item, condition, values or {})

    def remove_if(self, key: str, step: str, condition: str, values: Mapping[str, Any]) -> None:
        """Delete an item of the state table, unless a condition does not hold there."""
        try:
            call(
                self.clients.dynamodb.delete_item,
                TableName=self.state_table,
                Key=_key(key, step),
                ConditionExpression=condition,
                ExpressionAttributeValues={k: _serialize(v) for k, v in values.items()},
            )
        except AwsError as error:
            if code_of(error) != CONDITION_FAILED:
                raise

    def _replace_if(
        self, table: str, item: Mapping[str, Any], condition: str, values: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        named: dict[str, Any] = {}
        if values:
            named["ExpressionAttributeValues"] = {k: _serialize(v) for k, v in values.items()}
        try:
            # What it returns beside is charged nothing.
            written = call(
                self.clients.dynamodb.put_item,
                TableName=table,
                Item=_to_item(item),
                ConditionExpression=condition,
                ReturnValues="ALL_OLD",
                **named,
            )
        except AwsError as error:
            if code_of(error) == CONDITION_FAILED:
                return None
            raise
        return from_item(written.get("Attributes", {}))


def _key(key: str, step: str) -> dict[str, "AttributeValueTypeDef"]:
    """Return the key of an item of the state table, as DynamoDB takes it."""
    return {"operation_id": {"S": key}, "step": {"S": step}}


def _require_state_item(item: Mapping[str, Any], table: str) -> None:
    """Raise CorruptStateError unless ``save`` could have written an item."""
    faults = [name for name in ("step", "status") if not isinstance(item.get(name), str)]
    faults += [] if is_timestamp(item.get("timestamp")) else ["timestamp"]
    faults += [] if isinstance(item.get("details"), Mapping) else ["details"]
    if faults:
        raise corrupt_item(
            item, table, "; ".join(f"{name}: is missing or wrong" for name in faults)
        )


def corrupt_item(item: Mapping[str, Any], table: str, faults: str) -> CorruptStateError:
    """Return the error that an item of the state table is not as the pipeline writes it."""
    return CorruptStateError(
        f"the item of operation {item.get('operation_id')} and step {item.get('step')} in table "
        f"{table} is not as the pipeline writes it: {faults}",
        table=table,
        step=item.get("step"),
    )


def get_operation_id(event: Mapping[str, Any]) -> str:
    """Return the id of the operation that an event belongs to.

    It is the event's ``operation_id``; in an execution without one, the execution's name, so that
    a retried first step does not begin a second operation; otherwise a new one. Raises
    ValidationError if the event's is malformed, or if the execution is called something that RDS
    refuses as the value of a tag, or STS as the name of a session.
    """
    given = event.get("operation_id")
    if given is not None:
        check("operation_id", given, OperationId)
        return str(given)
    execution = event.get(EXECUTION)
    if isinstance(execution, Mapping) and execution.get("name"):
        check("the execution's name", execution["name"], OperationId)
        return str(execution["name"])
    return f"op-{now():%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"


def is_operation_id(value: Any) -> bool:
    """Return whether a value can be the id of an operation."""
    try:
        check("operation_id", value, OperationId)
    except ValidationError:
        return False
    return True


def audit_key(operation_id: str) -> str:
    """Return the key of the audit table under which calls of an operation are recorded."""
    return operation_id if is_operation_id(operation_id) else UNKNOWN_OPERATION


def load_state(operation_id: str, step: str | None = None) -> dict[str, Any] | None:
    """Return the state item of a step, or the operation's latest; None if there is none.

    Raises ValidationError if the id is malformed or there is no such step.
    """
    check("operation_id", operation_id, OperationId)
    if step is not None:
        _check_step("step", step)
    return _default_store().load(operation_id, step)


def save_state(operation_id: str, state: Mapping[str, Any]) -> None:
    """Write a state item; ``state`` holds ``step``, ``status`` and ``details``.

    ``details``, which may be left out, is a mapping of what can be written as JSON. Raises
    ValidationError if any of it is wrong, before anything is written.
    """
    check("operation_id", operation_id, OperationId)
    if not isinstance(state, Mapping):
        raise ValidationError(f"state: must be an object, not {kind_of(state)}")
    for name in ("step", "status"):
        if name not in state:
            raise ValidationError(f"state.{name}: is missing")
    _check_step("state.step", state["step"])
    check("state.status", state["status"], Status)
    details = state.get("details", {})
    _check_document("state.details", details)
    _default_store().save(operation_id, state["step"], state["status"], details, now())


def log_audit_event(
    operation_id: str, event_type: str, status: str, details: Mapping[str, Any]
) -> None:
    """Append an event to the audit table; ``event_type`` is the step, or another kind of event.

    Raises ValidationError if an argument is wrong, before anything is written.
    """
    check("operation_id", operation_id, OperationId)
    check("event_type", event_type, Text)
    check("status", status, Text)
    _check_document("details", details)
    _default_store().audit(operation_id, event_type, status, details, now())


def _check_step(name: str, step: Any) -> None:
    if step not in STEP_NAMES:
        raise ValidationError(
            f"{name}: {shown(step)} is not a step; the steps are {', '.join(STEP_NAMES)}"
        )


def _check_document(name: str, value: Any) -> None:
    """Raise ValidationError unless a value is a mapping that can be stored."""
    if not isinstance(value, Mapping):
        raise ValidationError(f"{name}: must be an object, not {kind_of(value)}")
    try:
        json.dumps(json_safe(value), allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ValidationError(f"{name}: cannot be stored: {error}") from error


def seconds_since(moment: str, until: datetime) -> float:
    """Return the seconds from a stored timestamp until ``until``, never negative."""
    return max(0.0, (until - parse_timestamp(moment)).total_seconds())


def _default_store() -> StateStore:
    return StateStore.of(LambdaEnvironment.from_env(), default_clients())


def _to_item(document: Mapping[str, Any]) -> dict[str, "AttributeValueTypeDef"]:
    return {key: _serialize(_decimals(value)) for key, value in json_safe(document).items()}


def from_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return an item of a table, of which DynamoDB names the type of each value."""
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
