"""Lets requests of boto3 reach the emulator as values, with no text written and read again.

In one process a response is a dictionary, which moto writes as XML or JSON and botocore parses; and
so are the parameters of a request. That takes ten times as long as what the emulator does.
Everything else stays as it is: botocore validates and serialises the parameters, asks its handlers,
retries and makes its exceptions; and what is in none of the lists of ``_DIRECT`` goes the long way.

So that both ways come to the same is tested in ``test_quick_wire``.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Final
from unittest import mock

from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.endpoint import Endpoint, convert_to_response_dict
from botocore.model import OperationModel
from botocore.signers import RequestSigner
from botocore.useragent import UserAgentString
from moto.core.botocore_stubber import MockRawResponse

from embedded_aws.rds.quick_dynamodb import DirectDynamoDb
from embedded_aws.rds.quick_handler import DirectHandler
from embedded_aws.rds.quick_rds import DirectRds

_NO_TEXT = "{}"
"""Stands for the text of a response that is a value, to who looks whether it is whole."""

_create_request = Endpoint.create_request
_do_get_response = Endpoint._do_get_response  # type: ignore[attr-defined]
_sign = RequestSigner.sign


_DIRECT: Final[Mapping[str, Callable[[OperationModel, Any], DirectHandler | None]]] = {
    "dynamodb": DirectDynamoDb.of,
    "rds": DirectRds.of,
}
"""By service, what makes the handler of a request, if it does not go the long way."""


@contextmanager
def quick_wire() -> Iterator[None]:
    """Take the short way for the time of the block, to the emulator that is installed then.

    Signatures and the agent are left out, which nobody looks at here.
    """
    with (
        mock.patch.object(Endpoint, "create_request", _create_request_quickly),
        mock.patch.object(Endpoint, "_do_get_response", _get_response_quickly),
        mock.patch.object(RequestSigner, "sign", _sign_quickly),
        mock.patch.object(UserAgentString, "to_string", _say_nothing),
    ):
        yield


class _DirectRequest(AWSRequest):
    """A request whose parameters stay values."""

    handler: DirectHandler

    def reset_stream(self) -> None:
        """Have nothing to rewind before it is sent again."""


def _create_request_quickly(
    endpoint: Endpoint, params: Mapping[str, Any], operation: OperationModel | None = None
) -> Any:
    """Make a request, ready to be sent, with the headers that botocore's handlers add."""
    service = None if operation is None else operation.service_model
    if operation is None or service is None or service.service_name not in _DIRECT:
        return _create_request(endpoint, params, operation)
    handler = _DIRECT[service.service_name](operation, params["body"])
    if handler is None:
        return _create_request(endpoint, params, operation)
    request = _DirectRequest(
        method=params["method"], url=params["url"], data=params["body"], headers=params["headers"]
    )
    request.context = params["context"]
    request.handler = handler
    endpoint._event_emitter.emit(  # type: ignore[attr-defined]
        f"request-created.{service.service_id.hyphenize()}.{operation.name}",
        request=request,
        operation_name=operation.name,
    )
    return request


def _say_nothing(_: UserAgentString) -> str:
    return "quick"


def _sign_quickly(
    signer: Any, operation_name: str, request: AWSRequest, *args: Any, **named: Any
) -> None:
    """Add who makes the request, and no signature."""
    if not isinstance(request, _DirectRequest) or signer._credentials is None:
        _sign(signer, operation_name, request, *args, **named)
        return
    access_key = signer._credentials.get_frozen_credentials().access_key
    request.headers["Authorization"] = f"AWS4-HMAC-SHA256 Credential={access_key}/unsigned"


def _get_response_quickly(
    endpoint: Any, request: Any, operation: OperationModel, context: dict[str, Any]
) -> tuple[Any, Exception | None]:
    """Send a request; return the response with what it says, or the exception that it ended in."""
    if not isinstance(request, _DirectRequest):
        sent: tuple[Any, Exception | None] = _do_get_response(endpoint, request, operation, context)
        return sent
    try:
        status, headers, content = request.handler.answer(request)
    except Exception as error:  # As botocore does with whatever happens on the way.
        return None, error
    if status == HTTPStatus.OK:
        http = AWSResponse(str(request.url), status, headers, MockRawResponse(_NO_TEXT))
        metadata = {
            "RequestId": headers["x-amzn-requestid"],
            "HTTPStatusCode": int(HTTPStatus.OK),
            "HTTPHeaders": {name.lower(): value for name, value in headers.items()},
        }
        return (http, {**request.handler.parsed(content), "ResponseMetadata": metadata}), None
    http = AWSResponse(str(request.url), status, headers, MockRawResponse(content))
    response = convert_to_response_dict(http, operation)
    protocol = operation.service_model.resolved_protocol
    parser = endpoint._response_parser_factory.create_parser(protocol)
    parsed = parser.parse(response, operation.output_shape)
    endpoint._add_modeled_error_fields(response, parsed, operation, parser)
    return (http, parsed), None
