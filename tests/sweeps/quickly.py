"""Takes out of moto's way what costs most of a sweep's time: looking for members by other names.

moto serialises objects of many shapes, so it tries several spellings of each member of an answer.
DynamoDB's items, and what the embedded RDS answers, bear the API's own names.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from moto.core.serialize import ResponseSerializer
from moto.dynamodb.responses import DynamoHandler

from aurora_restore.local.rds.moto_patch import AuroraResponse


@contextmanager
def exact_names() -> Iterator[None]:
    """Take the members of these answers by the API's names alone."""
    get_value = ResponseSerializer.get_value

    def get_exactly(self: Any, value: Any, key: str, shape: Any) -> Any:
        if isinstance(value, dict):
            return value.get(key)
        return get_value(self, value, key, shape)

    def exactly(method: Any) -> Any:
        def answer(self: Any, *arguments: Any) -> Any:
            with mock.patch.object(ResponseSerializer, "get_value", get_exactly):
                return method(self, *arguments)

        return answer

    with (
        mock.patch.object(AuroraResponse, "_answer", exactly(AuroraResponse._answer)),
        mock.patch.object(DynamoHandler, "serialized", exactly(DynamoHandler.serialized)),
    ):
        yield
