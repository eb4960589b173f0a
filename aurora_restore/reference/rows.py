"""The fields of a document as rows of a reference table."""

import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, is_dataclass
from typing import Literal, get_args, get_origin

from aurora_restore.shared.documents.schema import JSON_TYPE_NAMES, Field, _join, _unwrap, fields


@dataclass(frozen=True)
class Row:
    """One line of a reference table."""

    path: str
    type: str
    default: str
    help: str


def reference(cls: type, path: str = "") -> Iterator[Row]:
    """The fields of a document, depth first, for the configuration reference."""
    for field in fields(cls):
        here = _join(path, field.name)
        kind, mark = field.type, ""
        origin = get_origin(kind)
        if origin is tuple:
            kind, mark = _unwrap(get_args(kind)[0])[0], "[]"
        elif origin is not None and origin is not Literal and issubclass(origin, Mapping):
            kind, mark = _unwrap(get_args(kind)[1])[0], ".<name>"
        yield Row(here, _type_name(field), _default_text(field), field.help)
        if is_dataclass(kind):
            yield from reference(typing.cast(type, kind), here + mark)


def _type_name(field: Field) -> str:
    kind = field.type
    origin = get_origin(kind)
    if origin is Literal:
        return " or ".join(f'`"{choice}"`' for choice in get_args(kind))
    if origin is tuple:
        inner = _unwrap(get_args(kind)[0])[0]
        return "list of " + ("objects" if is_dataclass(inner) else f"{JSON_TYPE_NAMES[inner]}s")
    if is_dataclass(kind) or origin is not None:
        return "object"
    return JSON_TYPE_NAMES.get(kind, "any")


def _default_text(field: Field) -> str:
    if field.required:
        return "required"
    if field.default is None or is_dataclass(field.default) or field.default in ((), {}):
        return ""
    return f"`{field.default}`".lower() if isinstance(field.default, bool) else f"`{field.default}`"
