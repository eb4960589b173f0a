"""What handles one request whose parameters are values; see ``quick_wire``."""

from collections.abc import Mapping
from typing import Any

from botocore.awsrequest import AWSRequest
from botocore.model import OperationModel


class DirectHandler:
    """What the handlers of all services have in common, beside the class of moto's for one."""

    _operation: OperationModel

    def answer(self, request: AWSRequest) -> tuple[int, Any, Any]:
        """Handle the request; return status, headers, and the result or the text of an error."""
        moto: Any = self
        moto.headers = request.headers
        moto.region = moto.get_region_from_url(request, request.url)
        moto.current_account = moto.get_current_account()
        status, headers, content = moto.call_action()
        return status, headers, content

    def parsed(self, result: Mapping[str, Any]) -> dict[str, Any]:
        """Return a result as botocore parses what moto writes."""
        shape = self._operation.output_shape
        parsed: dict[str, Any] = {} if shape is None else self._value(result, shape)
        return parsed

    def _get_action(self) -> str:
        return str(self._operation.name)

    @staticmethod
    def _value(value: Any, shape: Any) -> Any:
        """What is left of a value that is written, and read again."""
        raise NotImplementedError
