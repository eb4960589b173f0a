"""Where this repository is."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).resolve().parents[1]
"""What relative paths in an environment file are relative to."""

DEPLOYED: Final = ("aurora_restore/__init__.py", "aurora_restore/shared", "aurora_restore/lambdas")
"""The functions' code: files and folders of this repository."""

DIGEST_LENGTH: Final = 16
"""How many characters of a digest are used."""


def code_digest(repository: Path = REPOSITORY) -> str:
    """Return a digest of the functions' code in a checkout, which differs where the code does."""
    digest = hashlib.sha256()
    for file in deployed_files(repository):
        content = file.read_bytes()
        name = file.relative_to(repository).as_posix()
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:DIGEST_LENGTH]


def deployed_files(repository: Path) -> Iterator[Path]:
    """Yield the files of the functions' code in a checkout."""
    for part in (repository / each for each in DEPLOYED):
        found = [part] if part.is_file() else sorted(part.rglob("*"))
        yield from (each for each in found if each.is_file() and "__pycache__" not in each.parts)
