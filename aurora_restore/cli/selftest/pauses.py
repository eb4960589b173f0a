"""How long a self-test waits before it looks again."""

from collections.abc import Iterator
from typing import Final

_FIRST: Final = (0.5, 1.0, 2.0, 3.0)
_LONGEST: Final = 5.0


def pauses() -> Iterator[float]:
    """Yield the seconds before each further look: few at first, and never more than some."""
    yield from _FIRST
    while True:
        yield _LONGEST
