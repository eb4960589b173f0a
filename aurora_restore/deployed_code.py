"""The functions' code: which files of this package are deployed, and their digest."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

IMPORT_ROOT: Final = Path(__file__).resolve().parents[1]
"""The folder that this package is imported from: of a checkout, or of what is installed."""

DEPLOYED: Final = ("aurora_restore/__init__.py", "aurora_restore/shared", "aurora_restore/lambdas")
"""The functions' code: files and folders below the import root."""

DIGEST_LENGTH: Final = 16
"""How many characters of a digest are used."""


def code_digest(root: Path = IMPORT_ROOT) -> str:
    """Return a digest of the functions' code, which differs where the code does.

    A checkout and the package that is built of it have the same one.
    """
    digest = hashlib.sha256()
    for file in deployed_files(root):
        content = file.read_bytes()
        name = file.relative_to(root).as_posix()
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:DIGEST_LENGTH]


def deployed_files(root: Path = IMPORT_ROOT, parts: Sequence[str] = DEPLOYED) -> Iterator[Path]:
    """Yield the files of the functions' code, or of other ``parts`` below the root."""
    for part in (root / each for each in parts):
        found = [part] if part.is_file() else sorted(part.rglob("*"))
        yield from (each for each in found if each.is_file() and "__pycache__" not in each.parts)
