"""Calls of AWS that the caller may not be allowed to make, or that may find nothing."""

from collections.abc import Callable, Iterator
from typing import Any, Final

from botocore.exceptions import OperationNotPageableError

from aurora_restore.shared.aws_utils import call, code_of
from aurora_restore.shared.errors import AwsError

_DENIED: Final = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AuthorizationError",
        "UnauthorizedOperation",
    }
)


class NotAllowedError(Exception):
    """The caller may not look at something; the permission is what would allow it."""

    def __init__(self, permission: str) -> None:
        super().__init__(permission)
        self.permission = permission


def ask(permission: str, method: Callable[..., Any], **arguments: Any) -> Any:
    """Return what AWS responds to a call that needs a permission.

    Raises NotAllowedError where it is denied, and otherwise what ``call`` raises.
    """
    try:
        return call(method, **arguments)
    except AwsError as error:
        if code_of(error) in _DENIED:
            raise NotAllowedError(permission) from error
        raise


def ask_or_none(
    permission: str, absent: str, method: Callable[..., Any], **arguments: Any
) -> Any | None:
    """Return what AWS responds, or None if it says by the code ``absent`` that there is none."""
    try:
        return ask(permission, method, **arguments)
    except AwsError as error:
        if code_of(error) == absent:
            return None
        raise


def ask_all(
    permission: str, client: Any, operation: str, key: str, **arguments: Any
) -> Iterator[Any]:
    """Yield what all pages of an operation list under a key."""
    try:
        pages = client.get_paginator(operation).paginate(**arguments)
    except OperationNotPageableError:
        yield from ask(permission, getattr(client, operation), **arguments).get(key, [])
        return
    yield from ask(permission, lambda: [each for page in pages for each in page.get(key, [])])
