"""Dataclasses as the one declaration of every document that comes from outside.

A field is declared once, as ``Annotated[type, Rule(...)]``. From that follow the check of a
document (``parse``), its JSON Schema for editors (``json_schema``) and its reference table
(``reference``). Pure Python, because the Lambdas carry it.
"""

import dataclasses
import difflib
import math
import re
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, is_dataclass
from datetime import date
from functools import cache
from typing import Any, Final, Literal, TypeVar, Union, get_args, get_origin

from aurora_restore.shared.errors import ConfigurationError, ValidationError

T = TypeVar("T")

LONGEST_SHOWN: Final = 200
"""A value of more characters is not shown in full."""
BEGINNING_SHOWN: Final = 100
"""How many of its characters are."""
MOST_FAULTS: Final = 20
"""How many faults of one document are listed."""

FOR_PEOPLE: Final = frozenset({"$schema", "$comment"})
"""Keys that any object may have, for editors and readers; nothing here reads them."""

JSON_TYPE_NAMES = {str: "string", int: "integer", float: "number", bool: "boolean", dict: "object"}


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What a value must be beyond its type, and how to say so to the person who wrote it."""

    help: str = ""
    pattern: str | None = None
    means: str = ""
    """The pattern in words, completing "must be …"."""
    minimum: float | None = None
    maximum: float | None = None
    multiple_of: float | None = None
    max_bytes: int | None = None
    """How long a text may be in UTF-8."""
    min_items: int | None = None
    max_items: int | None = None
    unique: bool = False
    """Whether the entries of a list must differ."""
    example: Any = None
    secret: bool = False
    """Whether the value must not appear in an error."""
    day: bool = False
    """Whether a text that fits the pattern must also begin with a day of the calendar."""

    def fault(self, value: Any) -> str | None:
        """Return why ``value``, which has the right type already, is refused; None if it is not."""
        if isinstance(value, str):
            return self._text_fault(value)
        if isinstance(value, list | tuple | dict):
            return self._entries_fault(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            if isinstance(value, float) and not math.isfinite(value):
                return f"{value} is not valid: it must be a finite number"
            if self.minimum is not None and value < self.minimum:
                return f"{shown(value)} is too small: the smallest value is {self.minimum}"
            if self.maximum is not None and value > self.maximum:
                return f"{shown(value)} is too large: the largest value is {self.maximum}"
            if self.multiple_of is not None and value % self.multiple_of:
                return f"{shown(value)} is not a multiple of {self.multiple_of}"
        return None

    def _text_fault(self, value: str) -> str | None:
        if self.pattern is not None and not re.fullmatch(self.pattern, value, re.ASCII):
            given = "the value" if self.secret else shown(value)
            return f"{given} is not valid: it must be {self.means}"
        if self.day and not _is_day(value):
            return f"{shown(value)} is no day of the calendar"
        size = len(value.encode("utf-8", errors="surrogatepass"))
        if self.max_bytes is None or size <= self.max_bytes:
            return None
        return f"it takes {size} bytes in UTF-8: at most {self.max_bytes} are allowed"

    def _entries_fault(self, value: Sequence[Any] | Mapping[str, Any]) -> str | None:
        count = len(value)
        if count < (self.min_items or 0):
            return f"it needs at least {self.min_items} " + (
                "entry" if self.min_items == 1 else "entries"
            )
        if self.max_items is not None and count > self.max_items:
            return f"it has {count} entries: at most {self.max_items} are allowed"
        entries = list(value)
        if self.unique and (twice := [each for each in entries if entries.count(each) > 1]):
            return f"{shown(twice[0])} occurs twice: remove one"
        return None


@dataclass(frozen=True)
class Fault:
    """One thing wrong with a document: where, and what."""

    path: str
    problem: str

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}" if self.path else self.problem


@dataclass(frozen=True)
class Field:
    """A dataclass field with its annotation taken apart."""

    name: str
    type: Any
    rules: tuple[Rule, ...]
    optional: bool
    default: Any

    @property
    def required(self) -> bool:
        """Return whether a document must have it."""
        return self.default is MISSING

    @property
    def help(self) -> str:
        """Return what it means, in whole sentences."""
        return " ".join(rule.help for rule in self.rules if rule.help)


@cache
def fields(cls: type) -> tuple[Field, ...]:
    """Return the declared fields of a dataclass."""
    return tuple(_declared(cls))


def _declared(cls: type) -> Iterator[Field]:
    hints = typing.get_type_hints(cls, include_extras=True)
    for field in dataclasses.fields(cls):
        kind, rules, optional = unwrap(hints[field.name])
        default = field.default
        if field.default_factory is not MISSING:
            default = field.default_factory()
        yield Field(field.name, kind, rules, optional, default)


def parse(cls: type[T], document: Any, *, source: str = "", path: str = "") -> T:
    """Make a ``cls`` of a JSON document, or say everything that is wrong with it.

    Raises ValidationError, whose message names ``source``, and for each fault the field and what
    the value should be; its ``faults`` detail lists them.
    """
    faults: list[Fault] = []
    value = _object(cls, document, path, faults)
    if faults:
        raise refused(faults, source)
    return typing.cast(T, value)


def refused(faults: Sequence[Fault], source: str = "") -> ValidationError:
    """Return the error that lists the faults of a document, the first of them if they are many."""
    listed = [str(fault) for fault in faults[:MOST_FAULTS]]
    if len(faults) > MOST_FAULTS:
        listed.append(f"and {len(faults) - MOST_FAULTS} more")
    message = "; ".join(listed)
    return ValidationError(f"{source}: {message}" if source else message, faults=listed)


def parse_configuration(cls: type[T], document: Any, *, source: str) -> T:
    """Parse what an administrator deploys. As ``parse``, but raise ConfigurationError."""
    try:
        return parse(cls, document, source=source)
    except ValidationError as error:
        raise ConfigurationError(error.message, **error.details) from error


def check(name: str, value: Any, annotation: Any) -> None:
    """Raise ValidationError unless ``value`` satisfies a field's annotation."""
    faults: list[Fault] = []
    _value(annotation, value, name, faults)
    if faults:
        raise refused(faults)


def shown(value: Any) -> str:
    """Return a value as a message shows it: of a long one the beginning, and how long it is."""
    if isinstance(value, str):
        text, beginning = value, repr(value[:BEGINNING_SHOWN])
    else:
        text = repr(value)
        beginning = text[:BEGINNING_SHOWN]
    if len(text) <= LONGEST_SHOWN:
        return repr(value)
    return f"{beginning}… ({len(text)} characters)"


def kind_of(value: Any) -> str:
    """Return what kind of value of JSON it is, in words."""
    if value is None:
        return "null"
    if isinstance(value, list | tuple):
        return "a list"
    return _article(JSON_TYPE_NAMES.get(type(value), type(value).__name__))


def to_json(value: Any) -> Any:
    """Return the JSON that ``parse`` reads back as ``value``, without fields that are None."""
    if is_dataclass(value):
        return {
            field.name: to_json(member)
            for field in dataclasses.fields(value)
            if (member := getattr(value, field.name)) is not None
        }
    if isinstance(value, Mapping):
        return {key: to_json(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(member) for member in value]
    return value


def unwrap(annotation: Any) -> tuple[Any, tuple[Rule, ...], bool]:
    """Return ``Annotated[X | None, Rule]`` as (X, rules, whether it may be None).

    Of ``X | Y | None`` the X and Y stay together: see ``alternatives``.
    """
    rules: tuple[Rule, ...] = ()
    optional = False
    while True:
        if get_origin(annotation) is typing.Annotated:
            annotation, *extras = get_args(annotation)
            rules = (*(extra for extra in extras if isinstance(extra, Rule)), *rules)
        elif get_origin(annotation) in (Union, types.UnionType):
            members = [member for member in get_args(annotation) if member is not type(None)]
            optional = optional or len(members) < len(get_args(annotation))
            if len(members) > 1:
                return Union[tuple(members)], rules, optional  # noqa: UP007 - made at run time
            (annotation,) = members
        else:
            return annotation, rules, optional


def alternatives(kind: Any) -> tuple[Any, ...]:
    """Return the types of which a value may be one: an object, or one of some texts."""
    return get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)


def _object(cls: type, document: Any, path: str, faults: list[Fault]) -> Any:
    if not isinstance(document, Mapping):
        faults.append(Fault(path, f"must be an object, not {kind_of(document)}"))
        return None
    known = {field.name: field for field in fields(cls)}
    for key in document:
        if key not in known and key not in FOR_PEOPLE:
            faults.append(
                Fault(join_path(path, key), "is not a known field" + _did_you_mean(key, known))
            )
    values: dict[str, Any] = {}
    for name, field in known.items():
        if name not in document:
            if field.required:
                faults.append(Fault(join_path(path, name), "is missing" + _hint(field)))
            continue
        given = document[name]
        if given is None and field.optional:
            values[name] = None
            continue
        values[name] = _checked(field.type, field.rules, given, join_path(path, name), faults)
    return None if faults else cls(**values)


def _value(annotation: Any, value: Any, path: str, faults: list[Fault]) -> Any:
    kind, rules, optional = unwrap(annotation)
    if value is None and optional:
        return None
    return _checked(kind, rules, value, path, faults)


def _checked(kind: Any, rules: tuple[Rule, ...], value: Any, path: str, faults: list[Fault]) -> Any:
    before = len(faults)
    result = _typed(kind, value, path, faults)
    if len(faults) == before:
        for rule in rules:
            if problem := rule.fault(value):
                faults.append(Fault(path, problem))
    return result


def _typed(kind: Any, value: Any, path: str, faults: list[Fault]) -> Any:
    if kind is Any:
        return value
    if len(alternatives(kind)) > 1:
        return _one_of(alternatives(kind), value, path, faults)
    if is_dataclass(kind):
        return _object(typing.cast(type, kind), value, path, faults)
    origin = get_origin(kind)
    if origin is Literal:
        if not any(value == each and type(value) is type(each) for each in get_args(kind)):
            choices = ", ".join(repr(choice) for choice in get_args(kind))
            faults.append(Fault(path, f"{shown(value)} is not one of {choices}"))
        return value
    if origin is tuple:
        if not isinstance(value, Sequence) or isinstance(value, str | bytes):
            faults.append(Fault(path, f"must be a list, not {kind_of(value)}"))
            return ()
        member = get_args(kind)[0]
        return tuple(_value(member, item, f"{path}[{i}]", faults) for i, item in enumerate(value))
    if origin in (dict, Mapping) or (isinstance(origin, type) and issubclass(origin, Mapping)):
        if not isinstance(value, Mapping):
            faults.append(Fault(path, f"must be an object, not {kind_of(value)}"))
            return {}
        key_type, member = get_args(kind)
        return {
            _value(key_type, key, f"{path}: the key {shown(key)}", faults): _value(
                member, item, join_path(path, key), faults
            )
            for key, item in value.items()
        }
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            faults.append(Fault(path, "is too large a number"))
            return value
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        faults.append(
            Fault(
                path,
                f"must be {_article(JSON_TYPE_NAMES[kind])}, not {kind_of(value)}"
                + _quoting_hint(kind, value),
            )
        )
    return value


def _one_of(kinds: Sequence[Any], value: Any, path: str, faults: list[Fault]) -> Any:
    """Return a value that is an object of the one kind, or one of the texts of the other."""
    (document,) = (each for each in kinds if is_dataclass(each))
    texts = [text for each in kinds if get_origin(each) is Literal for text in get_args(each)]
    if isinstance(value, Mapping):
        return _object(typing.cast(type, document), value, path, faults)
    if value not in texts:
        choices = " or ".join(map(repr, texts))
        given = shown(value) if isinstance(value, str) else kind_of(value)
        faults.append(Fault(path, f"must be an object, or {choices}, not {given}; or leave it out"))
    return value


def _quoting_hint(kind: Any, value: Any) -> str:
    """Return what to do about a number where a text is wanted, such as an account's id."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return ": put it in quotes" if kind is str and is_number else ""


def _article(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def join_path(path: str, key: Any) -> str:
    """Return the path of a field of the object at ``path``."""
    name = str(key)
    if len(name) > LONGEST_SHOWN or not name.isprintable():
        name = shown(name)
    return f"{path}.{name}" if path else name


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text.partition("T")[0])
    except ValueError:
        return False
    return True


def _did_you_mean(key: Any, known: Mapping[str, Field]) -> str:
    name = str(key)[:BEGINNING_SHOWN]
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join(sorted(known))}"


def _hint(field: Field) -> str:
    examples = [rule.example for rule in field.rules if rule.example is not None]
    return f" (for example {examples[0]!r})" if examples else ""
