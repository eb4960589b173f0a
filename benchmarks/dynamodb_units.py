"""What DynamoDB charges for a call, from the documented rules.

Sizes: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
Units: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

READ_BYTES: Final = 4096
"""What one unit of a strongly consistent read covers; half a unit, if it is eventually so."""
WRITE_BYTES: Final = 1024
"""What one unit of a write covers."""
COLLECTION_BYTES: Final = 3
"""What a list or a map takes beside what is in it."""

Item = Mapping[str, Mapping[str, Any]]
"""An item as the API has it: each value with its type."""


def size_of(item: Item) -> int:
    """Return the size of an item in bytes: of its names and of its values."""
    return sum(_text(name) + _value(value) for name, value in item.items())


def _text(text: str) -> int:
    return len(text.encode())


def _value(typed: Mapping[str, Any]) -> int:
    ((kind, value),) = typed.items()
    match kind:
        case "S":
            return _text(value)
        case "N":
            digits = value.lstrip("-").replace(".", "").strip("0")
            return math.ceil(len(digits) / 2) + 1 + int(value.startswith("-"))
        case "BOOL" | "NULL":
            return 1
        case "L":
            return COLLECTION_BYTES + sum(1 + _value(each) for each in value)
        case "M":
            return COLLECTION_BYTES + sum(
                1 + _text(name) + _value(each) for name, each in value.items()
            )
        case other:
            raise ValueError(f"the size of type {other} is not known here")


@dataclass(frozen=True)
class Units:
    """The units of one call, or of several."""

    read: float = 0
    written: float = 0

    def __add__(self, other: "Units") -> "Units":
        """Return both together."""
        return Units(self.read + other.read, self.written + other.written)


def read_units(sizes: Iterable[int], *, consistent: bool) -> float:
    """Return the units of one GetItem, or of one Query of items whose sizes are added up.

    What finds nothing is charged as the smallest read.
    """
    units = max(1, math.ceil(sum(sizes) / READ_BYTES))
    return units if consistent else units / 2


@dataclass
class Meter:
    """Counts the units of calls. A write is charged for the larger item, of before or of after."""

    sort_keys: Mapping[str, str]
    """Of each table."""
    _sizes: dict[tuple[str, str, str], int] = field(default_factory=dict)
    """Of each item that was written, by its table and its keys."""

    def units(
        self, operation: str, parameters: Mapping[str, Any], response: Mapping[str, Any] | None
    ) -> Units:
        """Return the units of a call; ``response`` is None if a condition did not hold."""
        match operation:
            case "GetItem":
                found = (response or {}).get("Item", {})
                return Units(read=self._read(parameters, [found]))
            case "Query":
                return Units(read=self._read(parameters, (response or {})["Items"]))
            case "PutItem":
                after = size_of(parameters["Item"])
                return Units(written=self._write(parameters, parameters["Item"], after, response))
            case "DeleteItem":
                return Units(written=self._write(parameters, parameters["Key"], 0, response))
            case other:
                raise ValueError(f"the units of {other} are not known here")

    @staticmethod
    def _read(parameters: Mapping[str, Any], items: Iterable[Item]) -> float:
        return read_units(map(size_of, items), consistent=parameters.get("ConsistentRead", False))

    def _write(
        self, parameters: Mapping[str, Any], keys: Item, after: int, response: Any | None
    ) -> int:
        table = parameters["TableName"]
        key = (table, keys["operation_id"]["S"], keys[self.sort_keys[table]]["S"])
        before = self._sizes.get(key, 0)
        if response is not None:
            self._sizes[key] = after
        return max(1, math.ceil(max(before, after) / WRITE_BYTES))
