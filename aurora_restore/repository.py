"""Where this repository is."""

from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).resolve().parents[1]
"""What relative paths in an environment file are relative to."""
