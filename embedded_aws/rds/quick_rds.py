"""What lets requests of boto3 reach the embedded RDS as values; see ``quick_wire``."""

from collections.abc import Mapping
from copy import deepcopy
from datetime import datetime
from functools import lru_cache
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from botocore.model import OperationModel
from botocore.parsers import DEFAULT_TIMESTAMP_PARSER
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.responses import ActionResult
from moto.core.serialize import TimestampSerializer
from moto.core.utils import get_service_model

from embedded_aws.rds.moto_patch import AuroraResponse
from embedded_aws.rds.params import Params
from embedded_aws.rds.quick_handler import DirectHandler

_PROTOCOL = "query"
_REMEMBERED = 4096
_TIMESTAMPS = TimestampSerializer(TimestampSerializer.TIMESTAMP_FORMAT_ISO8601)


class DirectRds(DirectHandler, AuroraResponse):
    """Handles a request as :class:`AuroraResponse` does, and keeps the result as a value."""

    def __init__(self, operation: OperationModel, body: Mapping[str, Any]) -> None:
        super().__init__()
        self._operation = operation
        arrived = _parameters(operation.name, urlencode(body))
        self.params = SimpleNamespace(original_dict=lambda: deepcopy(arrived))
        self.querystring: dict[str, Any] = {}
        self.response_headers = {"server": "amazon.com"}

    @classmethod
    def of(cls, operation: OperationModel, body: Any) -> "DirectRds | None":
        """Return what handles a request; None if moto handles it, and so writes the response."""
        made = cls(operation, body)
        is_left = made._is_left_to_moto(operation.name, Params(made.params.original_dict()))
        return None if is_left else made

    @staticmethod
    def _value(value: Any, shape: Any) -> Any:
        return _value(value, shape)

    def _answer(self, result: ActionResult) -> Any:
        headers, _ = self._enrich_response({**self.response_headers}, "")
        return HTTPStatus.OK, {**headers, "Content-Type": "text/xml"}, result.result


@lru_cache(maxsize=_REMEMBERED)
def _parameters(operation: str, encoded: str) -> dict[str, Any]:
    """The parameters of a request as moto reads them from its body."""
    model = get_service_model("rds").operation_model(operation)
    parser = PROTOCOL_PARSERS[_PROTOCOL](model, map_type=AuroraResponse.PROTOCOL_PARSER_MAP_TYPE)
    parsed: Any = parser.parse({"values": dict(parse_qsl(encoded, keep_blank_values=True))})
    parameters: dict[str, Any] = getattr(parsed, "original_dict", dict)()
    return parameters


def _value(value: Any, shape: Any) -> Any:
    """What is left of a value that is written as XML, and read again."""
    match shape.type_name:
        case "structure":
            return {
                name: _value(found, member)
                for name, member in shape.members.items()
                if (found := value.get(name)) is not None
            }
        case "list":
            parsed = [_value(item, shape.member) for item in value]
            return [item for item in parsed if item != {}]
        case "string":
            return str(value)
        case "integer" | "long":
            return int(value)
        case "float" | "double":
            return float(value)
        case "boolean":
            return str(value).lower() == "true"
        case "timestamp":
            return _moment(value)
        case other:
            raise NotImplementedError(f"{shape.name} of RDS is a {other}")


@lru_cache(maxsize=_REMEMBERED)
def _moment(value: datetime) -> datetime:
    """A time as it is written, and read again."""
    text = _TIMESTAMPS._convert_timestamp_to_str(
        value, TimestampSerializer.TIMESTAMP_FORMAT_ISO8601
    )
    moment: datetime = DEFAULT_TIMESTAMP_PARSER(text)
    return moment
