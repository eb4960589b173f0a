"""Shortcuts through moto, for what costs most of a sweep's time and is not what it is about."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from typing import Any
from unittest import mock

from botocore.loaders import create_loader
from moto.dynamodb.exceptions import ConditionalCheckFailed
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType

from tests.unit.bench import ACCOUNT

MakeApiCall = Callable[[Any, str, Mapping[str, Any]], Any]


@contextmanager
def models_read_once() -> Iterator[None]:
    """Sessions for roles are made by the dozen; they share the models of the services."""
    loader = create_loader()
    with mock.patch("botocore.session.create_loader", return_value=loader):
        yield


def straight_to_tables(original: MakeApiCall) -> MakeApiCall:
    """Return the calls of DynamoDB that the functions make, served by moto's tables directly.

    They are half of all calls; the tests of the functions make them over the wire.
    """

    def make_api_call(client: Any, operation: str, parameters: Mapping[str, Any]) -> Any:
        if client.meta.service_model.service_name != "dynamodb" or operation not in _TABLE_CALLS:
            return original(client, operation, parameters)
        backend = dynamodb_backends[ACCOUNT][client.meta.region_name]
        try:
            return _TABLE_CALLS[operation](backend, parameters)
        except ConditionalCheckFailed as error:
            code = "ConditionalCheckFailedException"
            raise client.exceptions.from_code(code)(
                {
                    "Error": {"Code": code, "Message": str(error.message)},
                    "ResponseMetadata": {"HTTPStatusCode": 400},
                },
                operation,
            ) from error

    return make_api_call


def _put_item(backend: Any, parameters: Mapping[str, Any]) -> dict[str, Any]:
    before = None
    if "ReturnValues" in parameters:
        assert parameters["ReturnValues"] == "ALL_OLD"
        before = _find(backend, parameters["TableName"], parameters["Item"])
    item = backend.put_item(
        parameters["TableName"],
        deepcopy(parameters["Item"]),
        condition_expression=parameters.get("ConditionExpression"),
        expression_attribute_values=parameters.get("ExpressionAttributeValues"),
        overwrite="ConditionExpression" not in parameters,
    )
    item.as_written = deepcopy(parameters["Item"])
    return {} if before is None else {"Attributes": before.as_written}


def _delete_item(backend: Any, parameters: Mapping[str, Any]) -> dict[str, Any]:
    backend.delete_item(
        parameters["TableName"],
        parameters["Key"],
        condition_expression=parameters.get("ConditionExpression"),
        expression_attribute_values=parameters.get("ExpressionAttributeValues"),
    )
    return {}


def _get_item(backend: Any, parameters: Mapping[str, Any]) -> dict[str, Any]:
    assert parameters["ConsistentRead"] is True
    found = _find(backend, parameters["TableName"], parameters["Key"])
    return {} if found is None else {"Item": found.as_written}


def _find(backend: Any, table: str, keys: Mapping[str, Any]) -> Any:
    """Return the item of the keys among some attributes; None if there is none."""
    names = backend.tables[table].table_key_attrs
    return backend.get_item(table, {name: keys[name] for name in names})


def _query(backend: Any, parameters: Mapping[str, Any]) -> dict[str, Any]:
    assert parameters["KeyConditionExpression"] == "operation_id = :operation"
    assert parameters["ConsistentRead"] is True
    table = backend.tables[parameters["TableName"]]
    (wanted,) = parameters["ExpressionAttributeValues"].values()
    found = list(table.items.get(DynamoType(wanted), {}).values())
    found.sort(key=lambda item: item.range_key.value)
    return {"Items": [item.as_written for item in found], "Count": len(found)}


_TABLE_CALLS = {
    "PutItem": _put_item,
    "DeleteItem": _delete_item,
    "GetItem": _get_item,
    "Query": _query,
}
