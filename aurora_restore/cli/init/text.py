"""Writes a configuration as JSON that people can read: short values in one line, comments first."""

import json
import textwrap
from collections.abc import Mapping
from typing import Any, Final

from aurora_restore.cli.init.draft import Section

MARK: Final = "FILL IN"
_COMMENT_WIDTH: Final = 80
_LINE_WIDTH: Final = 96


def configuration_text(document: Section) -> str:
    """Return the text of a configuration file, which names its schema."""
    return _text({"$schema": "./schema.json", **plain(document)}, 0) + "\n"


def plain(section: Section) -> dict[str, Any]:
    """Return a section as an object of JSON, its comment first."""
    said = [
        *section.remarks,
        *(f"{MARK} `{name}`: {why}" for name, why in section.open.items()),
    ]
    lines = [line for each in said for line in textwrap.wrap(each, _COMMENT_WIDTH)]
    values = {name: _plain_value(value) for name, value in section.values.items()}
    return {"$comment": lines, **values} if lines else values


def _plain_value(value: Any) -> Any:
    if isinstance(value, Section):
        return plain(value)
    if isinstance(value, Mapping):
        return {key: _plain_value(each) for key, each in value.items()}
    return value


def _text(value: Any, depth: int) -> str:
    short = json.dumps(value, ensure_ascii=False)
    is_flat = isinstance(value, list) or (isinstance(value, dict) and depth > 2)
    if not isinstance(value, list | dict) or (
        is_flat and "$comment" not in short and len(short) + 2 * depth <= _LINE_WIDTH
    ):
        return short
    inner, outer = "  " * (depth + 1), "  " * depth
    if isinstance(value, dict):
        entries = [
            f"{json.dumps(key)}: {_entry(key, each, depth + 1)}" for key, each in value.items()
        ]
        return "{\n" + ",\n".join(inner + each for each in entries) + f"\n{outer}}}"
    entries = [_text(each, depth + 1) for each in value]
    return "[\n" + ",\n".join(inner + each for each in entries) + f"\n{outer}]"


def _entry(key: str, value: Any, depth: int) -> str:
    if key != "$comment" or len(value) < 2:
        return _text(value, depth)
    inner, outer = "  " * (depth + 1), "  " * depth
    return (
        "[\n"
        + ",\n".join(inner + json.dumps(each, ensure_ascii=False) for each in value)
        + (f"\n{outer}]")
    )
