"""Patches that impose limits of AWS which an application can run into unawares."""

import json
import string
from collections.abc import Callable, Mapping
from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import sns, ssm
from ministack.services.cloudformation import provisioners

PARAMETER_LIMITS = {"Standard": 4096, "Advanced": 8192}
FUNCTION_ENVIRONMENT_LIMIT = 4096
SUBJECT_LIMIT = 100

_SUBJECT_START = string.ascii_letters + string.digits + string.punctuation


def limit_parameter_sizes() -> None:
    """Limit a parameter to 4 KB in the standard tier and 8 KB in the advanced one, in bytes.

    https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html
    """
    original: Callable[[Mapping[str, Any]], Any] = ssm._put_parameter

    def put(request: Mapping[str, Any]) -> Any:
        tier = request.get("Tier") or "Standard"
        limit = PARAMETER_LIMITS.get(tier, PARAMETER_LIMITS["Advanced"])
        if len(str(request.get("Value", "")).encode()) > limit:
            message = (
                f"{tier} tier parameters support a maximum parameter value of {limit} characters."
            )
            return error_response_json("ValidationException", message, 400)
        return original(request)

    ssm._put_parameter = put


def limit_subjects() -> None:
    """Limit a subject to less than 100 printable ASCII characters, the first one visible.

    https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
    """
    original: Callable[[Any], Any] = sns._publish

    def publish(parameters: Any) -> Any:
        subject = sns._p(parameters, "Subject")
        if subject and not is_subject(subject):
            return sns._error("InvalidParameter", "Invalid parameter: Subject", 400)
        if not sns._p(parameters, "Message"):
            return sns._error("InvalidParameter", "Invalid parameter: Empty message", 400)
        return original(parameters)

    sns._publish = publish


def is_subject(text: str) -> bool:
    """Return whether a text may be the subject of a message."""
    plain = text.isascii() and text.isprintable()
    return plain and len(text) < SUBJECT_LIMIT and text[0] in _SUBJECT_START


def limit_function_environments() -> None:
    """Limit the environment variables of a function to 4 KB.

    https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
    """
    handlers = provisioners._RESOURCE_HANDLERS["AWS::Lambda::Function"]
    created: Callable[..., Any] = handlers["create"]
    updated: Callable[..., Any] = handlers["update"]

    def create(logical_id: str, properties: Mapping[str, Any], stack: str) -> Any:
        _require_small_environment(properties)
        return created(logical_id, properties, stack)

    def update(
        physical_id: str, old: Any, new: Mapping[str, Any], *arguments: Any, **options: Any
    ) -> Any:
        _require_small_environment(new)
        return updated(physical_id, old, new, *arguments, **options)

    handlers.update(create=create, update=update)


def _require_small_environment(properties: Mapping[str, Any]) -> None:
    variables = (properties.get("Environment") or {}).get("Variables") or {}
    if len(json.dumps(variables, separators=(",", ":")).encode()) > FUNCTION_ENVIRONMENT_LIMIT:
        raise ValueError(
            "Lambda was unable to configure your environment variables because the environment "
            "variables you have provided exceeded the 4KB limit."
        )
