"""The state of an object graph: remembered, restored into the same objects, compared by value.

Copying the emulator would not do: what it has scheduled are closures over its objects. So the
objects stay, and their contents are exchanged.
"""

import enum
import functools
import hashlib
import itertools
import re
import threading
import types
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any

from moto.dynamodb.models.dynamo_type import Item

_LOCKS = (type(threading.Lock()), type(threading.RLock()), threading.Condition)
# Never changed in place. moto makes a new Item for each PutItem.
_ATOMS = (
    str,
    int,
    float,
    complex,
    bool,
    bytes,
    type(None),
    type,
    date,
    datetime,
    timedelta,
    tzinfo,
    Decimal,
    enum.Enum,
    range,
    types.ModuleType,
    types.BuiltinFunctionType,
    Item,
    *_LOCKS,
)


def _parts(thing: Any) -> Iterator[Any]:
    """What an object refers to, as far as it may change."""
    if isinstance(thing, dict):
        yield from thing.keys()
        yield from thing.values()
    elif isinstance(thing, list | tuple | set | frozenset | deque):
        yield from thing
    elif isinstance(thing, types.MethodType):
        yield thing.__self__
    elif isinstance(thing, types.FunctionType):
        yield from (cell.cell_contents for cell in thing.__closure__ or ())
    elif isinstance(thing, functools.partial):
        yield from (thing.func, *thing.args, *thing.keywords.values())
    if hasattr(thing, "__dict__") and not isinstance(thing, types.FunctionType):
        yield from vars(thing).values()


class Memento:
    """What was in every object that the roots lead to."""

    def __init__(self, roots: Iterable[Any]) -> None:
        self._contents: list[tuple[Any, Any]] = []
        self._attributes: list[tuple[dict[str, Any], dict[str, Any]]] = []
        seen: set[int] = set()
        waiting = list(roots)
        while waiting:
            thing = waiting.pop()
            if isinstance(thing, _ATOMS) or id(thing) in seen:
                continue
            seen.add(id(thing))
            self._keep(thing)
            waiting.extend(_parts(thing))

    def _keep(self, thing: Any) -> None:
        if isinstance(thing, dict):
            # A subclass may copy itself in a way of its own.
            self._contents.append((thing, dict(thing)))
        elif isinstance(thing, list | set | deque):
            self._contents.append((thing, thing.copy()))
        if hasattr(thing, "__dict__") and not isinstance(thing, types.FunctionType):
            attributes = vars(thing)
            kept = {name: _copied(value) for name, value in attributes.items()}
            self._attributes.append((attributes, kept))

    def restore(self) -> None:
        """Everything is again as it was."""
        for thing, contents in self._contents:
            thing.clear()
            if isinstance(thing, dict | set):
                thing.update(contents)
            else:
                thing.extend(contents)
        for attributes, kept in self._attributes:
            attributes.clear()
            attributes.update((name, _copied(value)) for name, value in kept.items())


def _copied(value: Any) -> Any:
    """A counter cannot be set back, so a copy takes its place."""
    return itertools.count(_next_of(value)) if isinstance(value, itertools.count) else value


def _next_of(counter: "itertools.count[int]") -> int:
    return int(repr(counter).removeprefix("count(").removesuffix(")"))


_TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z?|(?<=final-)\d{14}")


def without_times(text: str) -> str:
    """A text with one mark in the place of each time."""
    return _TIME.sub("then", text)


def _tell_time(thing: str | datetime | timedelta) -> str:
    return without_times(thing) if isinstance(thing, str) else "then"


class Fingerprint:
    """Tells objects by value: two graphs with the same digest behave in the same way."""

    def __init__(
        self,
        leave_out: Callable[[type, str], bool],
        tell_item: Callable[[Item], str],
        *,
        is_timeless: bool = False,
    ) -> None:
        self._is_timeless = is_timeless
        self._leave_out = leave_out
        self._tell_item = tell_item
        self._items: dict[int, tuple[Item, str]] = {}

    def of(self, *roots: Any) -> str:
        """The digest of all that the roots lead to."""
        seen: dict[int, int] = {}
        parts: list[str] = []
        for root in roots:
            self._tell(root, seen, parts)
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def _tell(self, thing: Any, seen: dict[int, int], parts: list[str]) -> None:
        if isinstance(thing, Item):
            parts.append(self._item(thing))
            return
        if isinstance(thing, _LOCKS):
            return
        if isinstance(thing, _ATOMS):
            if self._is_timeless and isinstance(thing, str | datetime | timedelta):
                parts.append(_tell_time(thing))
            else:
                parts.append(repr(thing))
            return
        if isinstance(thing, itertools.count):
            return
        if id(thing) in seen:
            parts.append(f"#{seen[id(thing)]}")
            return
        seen[id(thing)] = len(seen)
        parts.append(type(thing).__qualname__)
        if isinstance(thing, dict):
            for key in sorted(thing, key=repr):
                parts.append(repr(key))
                self._tell(thing[key], seen, parts)
        elif isinstance(thing, set | frozenset):
            parts.extend(sorted(map(repr, thing)))
        elif isinstance(thing, types.FunctionType):
            parts.append(thing.__qualname__)
            for cell in thing.__closure__ or ():
                self._tell(cell.cell_contents, seen, parts)
        elif isinstance(thing, types.MethodType):
            parts.append(thing.__func__.__qualname__)
            self._tell(thing.__self__, seen, parts)
        elif isinstance(thing, list | tuple | deque):
            for part in thing:
                self._tell(part, seen, parts)
        if hasattr(thing, "__dict__") and not isinstance(thing, types.FunctionType):
            for name, value in sorted(vars(thing).items()):
                if not self._leave_out(type(thing), name):
                    parts.append(name)
                    self._tell(value, seen, parts)
        parts.append(".")

    def _item(self, item: Item) -> str:
        known = self._items.get(id(item))
        if known is None or known[0] is not item:
            known = self._items[id(item)] = (item, self._tell_item(item))
        return known[1]
