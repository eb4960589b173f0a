"""Pages of a list: ``MaxRecords`` and ``Marker``."""

import base64
import binascii
from collections.abc import Sequence
from typing import TypeVar

from embedded_aws.rds.exceptions import InvalidParameterValueError
from embedded_aws.rds.params import Params

Item = TypeVar("Item")

SMALLEST_PAGE = 20
LARGEST_PAGE = 100


def page(items: Sequence[tuple[str, Item]], params: Params) -> tuple[list[Item], str | None]:
    """Return the page a request asks for, and the marker of the next one.

    The items come with unique keys and are paged in their order; the marker names the last key
    shown, so that a page is neither lost nor repeated when the list changes in between.
    Source: botocore model, ``MaxRecords``: "Default: 100. Constraints: Minimum 20, maximum 100".
    """
    size = params.number("MaxRecords")
    if size is None:
        size = LARGEST_PAGE
    elif not SMALLEST_PAGE <= size <= LARGEST_PAGE:
        raise InvalidParameterValueError(
            f"Invalid value {size} for MaxRecords. Must be between {SMALLEST_PAGE} and "
            f"{LARGEST_PAGE}"
        )
    ordered = sorted(items, key=lambda item: item[0])
    marker = params.text("Marker")
    if marker:
        last = _decode(marker)
        ordered = [item for item in ordered if item[0] > last]
    shown = ordered[:size]
    following = _encode(shown[-1][0]) if len(ordered) > size else None
    return [item for _, item in shown], following


def _encode(key: str) -> str:
    return base64.urlsafe_b64encode(key.encode()).decode()


def _decode(marker: str) -> str:
    try:
        return base64.urlsafe_b64decode(marker.encode()).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise InvalidParameterValueError("The marker is not valid") from error
