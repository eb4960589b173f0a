"""The names of copies."""

import hashlib
import re
from typing import Final

IDENTIFIER_LENGTH: Final = 63

COPY_SUFFIX: Final = "-copy"

DIGEST_LENGTH: Final = 8


def copy_name(snapshot_name: str, restore: str | None = None) -> str:
    """The name of the copy of a snapshot: without the ``rds:`` of an automated one, in 63 letters.

    CopyDBClusterSnapshot accepts no colon in a target name. Restores that may share a source have
    copies of their own, called after them, so that each keeps what it needs.
    """
    suffix = COPY_SUFFIX if restore is None else f"-{restore.strip('-')}{COPY_SUFFIX}"
    base = shortened(snapshot_name.rsplit(":", 1)[-1].lower(), IDENTIFIER_LENGTH - len(suffix))
    return re.sub(r"-{2,}", "-", base + suffix)


def shortened(name: str, length: int) -> str:
    """A name in so many letters: one that is too long ends with a digest of all of it.

    What tells two snapshots apart is the date, at the end of their names.
    """
    if len(name) <= length:
        return name.rstrip("-")
    digest = hashlib.sha256(name.encode()).hexdigest()[:DIGEST_LENGTH]
    return f"{name[: length - DIGEST_LENGTH - 1].rstrip('-')}-{digest}"
