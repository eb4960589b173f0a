"""The parameters of a request, read with the type that the caller expects."""

from collections.abc import Iterator, Mapping
from typing import Any

from embedded_aws.rds.exceptions import InvalidParameterCombinationError

Tags = dict[str, str]


class Params(Mapping[str, Any]):
    """A request's parameters under their names in the API; absent ones are ``None``.

    It remembers which were asked for, so that none can be ignored unnoticed.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = {name: value for name, value in values.items() if value is not None}
        self._read: set[str] = set()

    def unread(self) -> set[str]:
        """Return the parameters that were not read."""
        return set(self._values) - self._read

    def __getitem__(self, name: str) -> Any:
        self._read.add(name)
        return self._values[name]

    def __contains__(self, name: object) -> bool:
        if isinstance(name, str):
            self._read.add(name)
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        self._read.update(self._values)
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def required(self, name: str) -> str:
        """Return a text, or raise an error if it is missing."""
        value = self.text(name)
        if not value:
            raise InvalidParameterCombinationError(
                f"The parameter {name} must be provided and must not be blank.",
                code="InvalidParameterValue",
            )
        return value

    def text(self, name: str) -> str | None:
        """Return a text."""
        value = self.get(name)
        return None if value is None else str(value)

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return a truth value."""
        value = self.get(name)
        return default if value is None else bool(value)

    def number(self, name: str) -> int | None:
        """Return a whole number."""
        value = self.get(name)
        return None if value is None else int(value)

    def texts(self, name: str) -> tuple[str, ...] | None:
        """Return a list of texts."""
        value = self.get(name)
        return None if value is None else tuple(str(item) for item in value)

    def structure(self, name: str) -> "Params | None":
        """Return a nested structure."""
        value = self.get(name)
        return None if value is None else Params(value)

    def structures(self, name: str) -> "list[Params] | None":
        """Return a list of nested structures."""
        value = self.get(name)
        return None if value is None else [Params(item) for item in value]

    def filters(self) -> dict[str, tuple[str, ...]]:
        """Return ``Filters`` as a mapping of name to accepted values."""
        return {
            item.required("Name"): item.texts("Values") or ()
            for item in self.structures("Filters") or []
        }
