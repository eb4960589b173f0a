"""Lists of names that may be long: how many there are, and the first of them.

A production database may have thousands of roles, jobs or tables. An item of the state table, a
message and a log line have limits; so all of them hold such a list as a ``NameList``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

MOST_NAMES: Final = 50
"""How many names are listed."""


@dataclass(frozen=True, kw_only=True)
class NameList:
    """How many things there are, and the names of the first ones in alphabetical order."""

    count: int = 0
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, names: Iterable[str]) -> Self:
        """Return the list of these names, each once."""
        found = sorted(set(names))
        return cls(count=len(found), names=tuple(found[:MOST_NAMES]))

    def __bool__(self) -> bool:
        """Return whether there are any."""
        return self.count > 0

    def __str__(self) -> str:
        """Return the names as a message shows them."""
        more = self.count - len(self.names)
        return ", ".join((*self.names, f"and {more} more") if more else self.names)
