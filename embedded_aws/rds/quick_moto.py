"""Lets moto remember what it works out again for each response, and always comes to the same.

A response of DynamoDB has a dozen members for each value, all but one of which are absent; for each
of them moto works out up to ten spellings by which an object might know it. That was half of the
time of the tests that run in one process. A query sorts all items of its table, by keys that moto
converts for each comparison; and a key has one type in the whole table. Each attribute that is
added to an item is weighed with all others; here only the new one is. And the number of a request
is drawn letter by letter.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from typing import Any
from unittest import mock

import moto.core.models
import moto.core.responses
from moto.core.serialize import (
    MISSING,
    AttributePickerContext,
    ResponseSerializer,
    XFormedAttributePicker,
)
from moto.core.utils import get_value, method_names_from_class
from moto.dynamodb.exceptions import ItemSizeTooLarge
from moto.dynamodb.models.dynamo_type import DynamoType, LimitedSizeDict
from moto.dynamodb.models.table import Table
from moto.dynamodb.models.utilities import bytesize

_KNOWN = "known_spellings"
_LARGEST_ITEM = 405_000
"""As moto has it."""
_NUMBERS = count(1)

_get_possible_keys = XFormedAttributePicker.get_possible_keys
_get_value = ResponseSerializer.get_value


@contextmanager
def quick_moto() -> Iterator[None]:
    """Let moto remember, for the time of the block, in which a mock may be begun.

    It then leaves out what it prepares for calls by ``requests``, which nobody makes here: more
    than a thousand objects.
    """
    with (
        mock.patch.object(moto.core.models, "RESPONSES_METHODS", ()),
        mock.patch.object(XFormedAttributePicker, "get_possible_keys", _remembered_keys),
        mock.patch.object(ResponseSerializer, "get_value", _get_value_quickly),
        mock.patch.object(moto.core.responses, "method_names_from_class", _method_names),
        mock.patch.object(moto.core.responses, "gen_amzn_requestid_long", _number_request),
        mock.patch.object(Table, "all_items", _all_items),
        mock.patch.object(LimitedSizeDict, "__setitem__", _set_attribute),
    ):
        yield


def _remembered_keys(picker: Any, context: AttributePickerContext) -> tuple[str, ...]:
    """The spellings of a member, which depend on its shape and on the kind of the object."""
    if hasattr(context.obj, "Meta"):
        return tuple(_get_possible_keys(picker, context))
    known = context.shape.__dict__.setdefault(_KNOWN, {})
    kind = (type(context.obj), context.key)
    if kind not in known:
        known[kind] = tuple(dict.fromkeys(_get_possible_keys(picker, context)))
    spellings: tuple[str, ...] = known[kind]
    return spellings


def _get_value_quickly(serializer: Any, value: Any, key: str, shape: Any) -> Any:
    """What an object holds under any of the spellings of a member; None if nothing."""
    picker = serializer._value_picker
    if type(picker) is not XFormedAttributePicker or picker.response_transformers:
        return _get_value(serializer, value, key, shape)
    known = shape.__dict__.get(_KNOWN)
    spellings = None if known is None else known.get((type(value), key))
    if spellings is None:
        spellings = _remembered_keys(picker, AttributePickerContext(value, key, shape))
    if type(value) is dict:
        return next((value[each] for each in spellings if each in value), None)
    found = (get_value(value, each, MISSING) for each in spellings)
    return next((each for each in found if each is not MISSING), None)


@cache
def _method_names(kind: object) -> frozenset[str]:
    return frozenset(method_names_from_class(kind))


def _all_items(table: Any) -> list[Any]:
    """The items of a table in the order of their keys."""
    if not table.range_key_attr:
        return sorted(table.items.values(), key=lambda item: item.hash_key.cast_value)
    return sorted(
        (item for items in table.items.values() for item in items.values()),
        key=lambda item: (item.hash_key.cast_value, item.range_key.cast_value),
    )


def _number_request(headers: Any = None) -> str:
    number = f"{next(_NUMBERS):052}"
    if headers is not None:
        headers["x-amzn-requestid"] = number
    return number


def _set_attribute(item: Any, name: str, value: Any) -> None:
    """Add an attribute to an item, or replace it, unless the item would be too large."""
    weights = item.__dict__.setdefault("weights", {})
    weights[name] = _weight(name, value)
    others = (weights.get(each) or _weight(each, item[each]) for each in item if each != name)
    if weights[name] + sum(others) > _LARGEST_ITEM:
        raise ItemSizeTooLarge
    dict.__setitem__(item, name, value)


def _weight(name: str, value: Any) -> int:
    size = value.size() if type(value) is DynamoType else bytesize(str(value))
    return int(bytesize(name) + size)
