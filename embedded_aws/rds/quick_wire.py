"""Lets requests of boto3 reach the emulator as values, with no text written and read again.

In one process a response is a dictionary, which moto writes as XML and botocore parses; and so are
the parameters of a request. That takes ten times as long as what the emulator does. Everything
else stays as it is: botocore validates and serialises the parameters, asks its handlers, retries
and makes its exceptions; and what the emulator leaves to moto goes the long way.

So that both ways come to the same is tested in ``test_quick_wire``.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from datetime import datetime
from functools import lru_cache
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any
from unittest import mock
from urllib.parse import parse_qsl, urlencode

import botocore.useragent
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.endpoint import Endpoint, convert_to_response_dict
from botocore.model import OperationModel
from botocore.parsers import DEFAULT_TIMESTAMP_PARSER
from moto.core.botocore_stubber import MockRawResponse
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.responses import ActionResult
from moto.core.serialize import TimestampSerializer
from moto.core.utils import get_service_model

from embedded_aws.rds.moto_patch import AuroraResponse
from embedded_aws.rds.params import Params

_PROTOCOL = "query"
_SERVICE_ID = "rds"
_REMEMBERED = 4096
_TIMESTAMPS = TimestampSerializer(TimestampSerializer.TIMESTAMP_FORMAT_ISO8601)

_create_request = Endpoint.create_request
_do_get_response = Endpoint._do_get_response  # type: ignore[attr-defined]
_clean = botocore.useragent.sanitize_user_agent_string_component


@contextmanager
def quick_wire() -> Iterator[None]:
    """Take the short way for the time of the block, to the emulator that is installed then.

    Signatures are left out, which nobody checks here.
    """
    with (
        mock.patch.object(Endpoint, "create_request", _create_request_quickly),
        mock.patch.object(Endpoint, "_do_get_response", _get_response_quickly),
        mock.patch.object(SigV4Auth, "canonical_request", return_value=""),
        mock.patch.object(SigV4Auth, "signature", return_value="unsigned"),
        mock.patch.object(
            botocore.useragent,
            _clean.__name__,
            lru_cache(maxsize=_REMEMBERED)(_clean),
        ),
    ):
        yield


class _DirectRequest(AWSRequest):
    """A request whose parameters stay values."""

    response: "_DirectResponse"

    def reset_stream(self) -> None:
        """Have nothing to rewind before it is sent again."""


class _DirectResponse(AuroraResponse):
    """Handles a request as :class:`AuroraResponse` does, and keeps the result as a value."""

    def __init__(self, operation: OperationModel, body: Mapping[str, Any]) -> None:
        super().__init__()
        self._operation = operation
        arrived = _parameters(operation.name, urlencode(body))
        self.params = SimpleNamespace(original_dict=lambda: deepcopy(arrived))
        self.response_headers = {"server": "amazon.com"}

    def is_left_to_moto(self) -> bool:
        """Whether moto handles it, and so writes the response."""
        return self._is_left_to_moto(self._get_action(), Params(self.params.original_dict()))

    def sent(self, request: AWSRequest) -> "_DirectResponse":
        """Take from a request who makes it, and where."""
        self.headers = request.headers
        self.querystring: dict[str, Any] = {}
        self.region = self.get_region_from_url(request, request.url)
        self.current_account = self.get_current_account()
        return self

    def _get_action(self) -> str:
        return str(self._operation.name)

    def _answer(self, result: ActionResult) -> Any:
        headers, _ = self._enrich_response({**self.response_headers}, "")
        return HTTPStatus.OK, {**headers, "Content-Type": "text/xml"}, result.result


def _create_request_quickly(
    endpoint: Endpoint, params: Mapping[str, Any], operation: OperationModel | None = None
) -> Any:
    """Make a request, ready to be sent, with the headers that botocore's handlers add."""
    if operation is None or operation.service_model.service_name != "rds":
        return _create_request(endpoint, params, operation)
    response = _DirectResponse(operation, params["body"])
    if response.is_left_to_moto():
        return _create_request(endpoint, params, operation)
    request = _DirectRequest(
        method=params["method"], url=params["url"], data=params["body"], headers=params["headers"]
    )
    request.context = params["context"]
    request.response = response
    endpoint._event_emitter.emit(  # type: ignore[attr-defined]
        f"request-created.{_SERVICE_ID}.{operation.name}",
        request=request,
        operation_name=operation.name,
    )
    return request


def _get_response_quickly(
    endpoint: Any, request: Any, operation: OperationModel, context: dict[str, Any]
) -> tuple[Any, Exception | None]:
    """Send a request; return the response with what it says, or the exception that it ended in."""
    if not isinstance(request, _DirectRequest):
        sent: tuple[Any, Exception | None] = _do_get_response(endpoint, request, operation, context)
        return sent
    try:
        status, headers, content = request.response.sent(request).call_action()
    except Exception as error:  # As botocore does with whatever happens on the way.
        return None, error
    if status == HTTPStatus.OK:
        http = AWSResponse(str(request.url), status, headers, MockRawResponse(""))
        return (http, _parsed(content, headers, operation)), None
    http = AWSResponse(str(request.url), status, headers, MockRawResponse(content))
    response = convert_to_response_dict(http, operation)
    parser = endpoint._response_parser_factory.create_parser(_PROTOCOL)
    parsed = parser.parse(response, operation.output_shape)
    endpoint._add_modeled_error_fields(response, parsed, operation, parser)
    return (http, parsed), None


@lru_cache(maxsize=_REMEMBERED)
def _parameters(operation: str, encoded: str) -> dict[str, Any]:
    """The parameters of a request as moto reads them from its body."""
    model = get_service_model("rds").operation_model(operation)
    parser = PROTOCOL_PARSERS[_PROTOCOL](model, map_type=AuroraResponse.PROTOCOL_PARSER_MAP_TYPE)
    parsed: Any = parser.parse({"values": dict(parse_qsl(encoded, keep_blank_values=True))})
    parameters: dict[str, Any] = getattr(parsed, "original_dict", dict)()
    return parameters


def _parsed(
    result: Mapping[str, Any], headers: Mapping[str, str], operation: OperationModel
) -> dict[str, Any]:
    """A response as botocore parses what moto writes."""
    shape = operation.output_shape
    parsed: dict[str, Any] = {} if shape is None else _value(result, shape)
    metadata = {
        "RequestId": headers["x-amzn-requestid"],
        "HTTPStatusCode": int(HTTPStatus.OK),
        "HTTPHeaders": {name.lower(): value for name, value in headers.items()},
    }
    return {**parsed, "ResponseMetadata": metadata}


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
