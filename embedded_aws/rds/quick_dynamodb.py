"""What lets requests of boto3 for items of DynamoDB reach moto as values; see ``quick_wire``.

moto writes a response as JSON by the model of the service, member by member of every value of an
item. That takes several times as long as what its tables do.
"""

import json
from base64 import b64decode
from http import HTTPStatus
from typing import Any, Final

from botocore.model import OperationModel
from moto.core.responses import ActionResult
from moto.dynamodb.responses import DynamoHandler

from embedded_aws.rds.quick_handler import DirectHandler

_OF_ITEMS: Final = frozenset(
    {
        "BatchGetItem",
        "BatchWriteItem",
        "DeleteItem",
        "GetItem",
        "PutItem",
        "Query",
        "Scan",
        "TransactGetItems",
        "TransactWriteItems",
        "UpdateItem",
    }
)


class DirectDynamoDb(DirectHandler, DynamoHandler):  # type: ignore[misc]
    """Handles a request for items, and keeps the result as a value."""

    call_action = DynamoHandler.call_action.__wrapped__
    """Without the checksum of a text."""

    def __init__(self, operation: OperationModel, body: bytes) -> None:
        super().__init__()
        self._operation = operation
        self.params: Any = json.loads(body)
        self.uri_match: dict[str, Any] = {}
        self.querystring: dict[str, Any] = {}
        self.response_headers = {"server": "amazon.com"}

    @classmethod
    def of(cls, operation: OperationModel, body: Any) -> "DirectDynamoDb | None":
        """Return what handles a request; None if it is left to moto."""
        return cls(operation, body) if operation.name in _OF_ITEMS else None

    def serialized(self, action_result: ActionResult) -> Any:
        """Return the result as a value, and write only an error as a text."""
        if isinstance(action_result.result, Exception):
            return super().serialized(action_result)
        return HTTPStatus.OK, {"Content-Type": "application/x-amz-json-1.0"}, action_result.result

    @staticmethod
    def _value(value: Any, shape: Any) -> Any:
        return _value(value, shape)


def _value(value: Any, shape: Any) -> Any:
    """What is left of a value that is written as JSON, and read again."""
    match shape.type_name:
        case "structure":
            members = shape.members
            return {
                name: _value(found, members[name])
                for name, found in value.items()
                if found is not None and name in members
            }
        case "list":
            return [_value(item, shape.member) for item in value]
        case "map":
            return {name: _value(item, shape.value) for name, item in value.items()}
        case "blob":
            return value if isinstance(value, bytes) else b64decode(value)
        case _:
            return value
