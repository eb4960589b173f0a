"""The reference tables of documents: every field, what it may be, and what it means."""

import json
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, is_dataclass
from typing import Any, Final, Literal, get_args, get_origin

from aurora_restore.reference.markdown import code, row, table
from aurora_restore.shared.documents.schema import (
    JSON_TYPE_NAMES,
    Field,
    Rule,
    alternatives,
    fields,
    join_path,
)

_NAMED: Final = ".<name>"
_LISTED: Final = "[]"


@dataclass(frozen=True)
class Entry:
    """A field of a document, and the path to it."""

    path: str
    field: Field

    @property
    def parent(self) -> str:
        """Return the path of the object that holds the field."""
        return self.path.rpartition(".")[0]

    @property
    def name(self) -> str:
        """Return the field's own name."""
        return self.path.rpartition(".")[2]


def entries(document: type, path: str = "") -> Iterator[Entry]:
    """Yield every field of a document, depth first."""
    for field in fields(document):
        here = join_path(path, field.name)
        yield Entry(here, field)
        inner = _object_in(field.type)
        if inner is not None:
            yield from entries(inner, here + _mark(field.type))


def sections(document: type, level: int) -> str:
    """Return a heading, an explanation and a table for each object in a document.

    The document itself comes first, under no heading.
    """
    parts = []
    grouped: dict[str, list[Entry]] = {}
    for entry in entries(document):
        grouped.setdefault(entry.parent, []).append(entry)
    for parent, members in grouped.items():
        if parent:
            parts.append(f"{'#' * level} {code(parent)}")
            parts.extend(_paragraphs(_object_in(_field_at(document, parent).type)))
        parts.append(_table(members))
    return "\n\n".join(parts)


def plain_table(document: type) -> str:
    """Return one table of a document without objects in it, all of whose fields may be left out."""
    return table(
        ("Field", "Value", "Meaning"),
        (row(code(each.name), values(each.field), each.field.help) for each in entries(document)),
    )


def values(field: Field) -> str:
    """Return what a field may be, in words."""
    return _described(field.type, field.rules)


def _table(members: list[Entry]) -> str:
    return table(
        ("Field", "Value", "Default", "Meaning"),
        (
            row(code(each.name), values(each.field), _default(each), _meaning(each))
            for each in members
        ),
    )


def _default(entry: Entry) -> str:
    if entry.field.required:
        return "**required**"
    if is_dataclass(entry.field.default):
        return "its own defaults"
    return _default_text(entry.field.default) or "none"


def _default_text(default: Any) -> str:
    if default is None or default in ((), {}):
        return ""
    return code(str(default).lower() if isinstance(default, bool) else str(default))


def _meaning(entry: Entry) -> str:
    inner = _object_in(entry.field.type)
    if inner is None:
        return entry.field.help
    below = entry.path + _mark(entry.field.type)
    link = f"[{code(below)}](#{''.join(c for c in below if c.isalnum() or c in '_-').lower()})"
    first_sentence, _, _ = _paragraphs(inner)[0].partition(". ")
    return f"{entry.field.help or first_sentence.rstrip('.') + '.'} See {link}."


def _paragraphs(document: Any) -> list[str]:
    """Return the docstring of a document's class."""
    text = typing.cast(type, document).__doc__ or ""
    return [" ".join(each.split()) for each in text.split("\n\n")]


def _field_at(document: type, path: str) -> Field:
    """Return the declaration of a field by its path in the reference."""
    first, _, rest = path.replace(_NAMED, "").partition(".")
    found = {each.name: each for each in fields(document)}[first.removesuffix(_LISTED)]
    return _field_at(typing.cast(type, _object_in(found.type)), rest) if rest else found


def _object_in(kind: Any) -> type | None:
    """Return the document that a field holds, or that its list or mapping does; None if none."""
    found = (each for each in alternatives(_inner(kind)) if is_dataclass(each))
    return typing.cast("type | None", next(found, None))


def _inner(kind: Any) -> Any:
    """Return the type of what a list or a mapping holds; of anything else, itself."""
    return _held(kind)[0] if _mark(kind) else kind


def _held(kind: Any) -> tuple[Any, tuple[Rule, ...]]:
    """Return the type of what a list or a mapping holds, and the rules for it."""
    return _bare(get_args(kind)[0 if get_origin(kind) is tuple else 1])


def _mark(kind: Any) -> str:
    """Return what the reference writes behind the name of a list or a mapping."""
    origin = get_origin(kind)
    if origin is tuple:
        return _LISTED
    return _NAMED if isinstance(origin, type) and issubclass(origin, Mapping) else ""


def _bare(annotation: Any) -> tuple[Any, tuple[Rule, ...]]:
    """Return an annotated type without its annotations, and the rules among them."""
    if get_origin(annotation) is not typing.Annotated:
        return annotation, ()
    inner, *extras = get_args(annotation)
    kind, rules = _bare(inner)
    return kind, (*rules, *(extra for extra in extras if isinstance(extra, Rule)))


def _described(kind: Any, rules: tuple[Rule, ...]) -> str:
    limits = [limit for rule in rules for limit in _limits(rule)]
    parts = limits if any(rule.means for rule in rules) else [type_name(kind), *limits]
    example = next((rule.example for rule in rules if rule.example is not None), None)
    if example is not None:
        parts.append(f"as in {code(_json(example))}")
    text = ", ".join(parts)
    return f"{text}; each {_described(*_held(kind))}" if _holds_values(kind) else text


def _holds_values(kind: Any) -> bool:
    """Return whether it is a list or a mapping of values with rules worth showing."""
    return bool(_mark(kind)) and bool(_held(kind)[1])


def type_name(kind: Any) -> str:
    """Return the name of a type in words."""
    if len(alternatives(kind)) > 1:
        return " or ".join(map(type_name, alternatives(kind)))
    if get_origin(kind) is Literal:
        *others, last = (code(_json(choice)) for choice in get_args(kind))
        return f"{', '.join(others)} or {last}" if others else last
    if _mark(kind) == _LISTED:
        return f"list of {_plural(_inner(kind))}"
    if _mark(kind) == _NAMED:
        return f"{_plural(_inner(kind))} by name"
    return "object" if is_dataclass(kind) else JSON_TYPE_NAMES.get(kind, "anything")


def _plural(kind: Any) -> str:
    return "anything" if kind is Any else f"{type_name(kind)}s"


def _limits(rule: Rule) -> Iterator[str]:
    if rule.means:
        yield rule.means
    if rule.minimum is not None and rule.maximum is not None:
        yield f"{rule.minimum} to {rule.maximum}"
    elif rule.minimum is not None:
        yield f"{rule.minimum} or more"
    if rule.multiple_of is not None:
        yield f"in steps of {rule.multiple_of}"
    if rule.min_items is not None:
        yield f"{rule.min_items} or more"
    if rule.max_items is not None:
        yield f"at most {rule.max_items}"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
