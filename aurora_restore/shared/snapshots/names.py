"""The names of copies."""

import hashlib
import re
from typing import Final

IDENTIFIER_LENGTH: Final = 63

COPY_SUFFIX: Final = "-copy"

DIGEST_LENGTH: Final = 8


def copy_name(snapshot_name: str, restore: str | None = None) -> str:
    """Return the name of the copy of a snapshot, of at most 63 letters.

    The ``rds:`` of an automated snapshot is left out, because CopyDBClusterSnapshot accepts no
    colon in a target name. Restores that may share a source name their copies after themselves
    (``restore``), so that each has copies of its own.
    """
    suffix = COPY_SUFFIX if restore is None else f"-{restore.strip('-')}{COPY_SUFFIX}"
    base = shortened(snapshot_name.rsplit(":", 1)[-1].lower(), IDENTIFIER_LENGTH - len(suffix))
    return re.sub(r"-{2,}", "-", base + suffix)


def shortened(name: str, length: int) -> str:
    """Return a name of at most ``length`` letters: a longer one ends with a digest of all of it.

    The date that distinguishes two snapshots is at the end of their names.
    """
    if len(name) <= length:
        return name.rstrip("-")
    digest = hashlib.sha256(name.encode()).hexdigest()[:DIGEST_LENGTH]
    return f"{name[: length - DIGEST_LENGTH - 1].rstrip('-')}-{digest}"
