"""Where this repository is, for what is written into it."""

from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).resolve().parents[2]
"""The folder with README.md, ``docs`` and ``config``."""
