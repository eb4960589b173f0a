"""What the sweeps add to the end of a test session."""

from collections.abc import Callable
from typing import Final

PROPERTY: Final = "swept"

Record = Callable[[str, object], None]
"""pytest's ``record_property``."""


def record_line(record: Record, line: str) -> None:
    """Have a line printed at the end."""
    record(PROPERTY, line)
