"""The JSON Schema (2020-12) of a document, for editors and for other programs."""

import typing
from collections.abc import Mapping
from dataclasses import MISSING, is_dataclass
from typing import Any, Final, Literal, get_args, get_origin

from aurora_restore.shared.documents.schema import (
    JSON_TYPE_NAMES,
    Field,
    Rule,
    alternatives,
    fields,
    to_json,
    unwrap,
)

COMMENT: Final = {"type": ["string", "array"], "items": {"type": "string"}}
"""What an object may say to its readers: a text, or one of several lines."""


def json_schema(cls: type, *, title: str) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a dataclass, for editors and for other programs."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        **_schema_of(cls),
    }


def _schema_of(kind: Any, rules: tuple[Rule, ...] = ()) -> dict[str, Any]:
    origin = get_origin(kind)
    if kind is Any:
        schema: dict[str, Any] = {}
    elif len(alternatives(kind)) > 1:
        schema = {"anyOf": [_schema_of(each) for each in alternatives(kind)]}
    elif is_dataclass(kind):
        members = fields(typing.cast(type, kind))
        schema = {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "$comment": COMMENT,
                **{member.name: _member_schema(member) for member in members},
            },
            "required": [member.name for member in members if member.required],
        }
    elif origin is Literal:
        schema = {"enum": list(get_args(kind))}
    elif origin is tuple:
        inner, inner_rules, _ = unwrap(get_args(kind)[0])
        schema = {"type": "array", "items": _schema_of(inner, inner_rules)}
    elif origin is not None and issubclass(origin, Mapping):
        key, key_rules, _ = unwrap(get_args(kind)[0])
        inner, inner_rules, _ = unwrap(get_args(kind)[1])
        schema = {
            "type": "object",
            "propertyNames": _schema_of(key, key_rules),
            "additionalProperties": _schema_of(inner, inner_rules),
        }
    else:
        schema = {"type": JSON_TYPE_NAMES[kind]}
    for rule in rules:
        schema |= _rule_schema(rule, schema.get("type"))
    return schema


def _rule_schema(rule: Rule, kind: str | None) -> dict[str, Any]:
    entries = "Properties" if kind == "object" else "Items"
    keywords = {
        "description": rule.help or None,
        "pattern": f"^(?:{rule.pattern})$" if rule.pattern else None,
        "minimum": rule.minimum,
        "maximum": rule.maximum,
        "multipleOf": rule.multiple_of,
        f"min{entries}": rule.min_items,
        f"max{entries}": rule.max_items,
        "uniqueItems": rule.unique or None,
        "examples": None if rule.example is None else [rule.example],
    }
    return {keyword: value for keyword, value in keywords.items() if value is not None}


def _member_schema(member: Field) -> dict[str, Any]:
    schema = _schema_of(member.type, member.rules)
    if member.optional:
        schema = {"anyOf": [schema, {"type": "null"}]} | (
            {"description": member.help} if member.help else {}
        )
    if member.default not in (MISSING, None):
        schema["default"] = to_json(member.default)
    return schema
