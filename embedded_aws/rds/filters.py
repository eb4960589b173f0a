"""``Filters`` of the describing operations."""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from embedded_aws.rds.exceptions import InvalidParameterValueError

Item = TypeVar("Item")
Reader = Callable[[Item], Iterable[str]]


def apply(
    items: Iterable[Item],
    filters: Mapping[str, tuple[str, ...]],
    supported: Mapping[str, "Reader[Item]"],
) -> list[Item]:
    """Return the items that match every filter in any of its values, whatever their case."""
    for name, values in filters.items():
        if name not in supported:
            raise InvalidParameterValueError(f"Unrecognized filter name: {name}")
        if not values:
            raise InvalidParameterValueError(f"The filter {name} has no values")
    wanted = {name: {value.lower() for value in values} for name, values in filters.items()}
    return [
        item
        for item in items
        if all(
            any(shown.lower() in accepted for shown in supported[name](item))
            for name, accepted in wanted.items()
        )
    ]
