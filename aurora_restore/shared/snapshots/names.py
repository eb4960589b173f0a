"""The names of copies."""

import hashlib
import re
from typing import Final

from aurora_restore.shared.errors import ValidationError
from aurora_restore.shared.names import COPY_SUFFIX

IDENTIFIER_LENGTH: Final = 63

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


def require_copy_name(name: str) -> None:
    """Raise ValidationError if the target's copy cannot have a name that an event gives it.

    The roles of the functions may make and tag copies under such names only, so that they can
    neither mark nor delete any other snapshot.
    """
    if ":" in name:
        raise ValidationError(
            f"target_snapshot_name: {name!r} cannot be the name of a copy: it has a colon"
        )
    if not name.endswith(COPY_SUFFIX):
        raise ValidationError(
            f"target_snapshot_name: {name!r} cannot be the name of a copy: the functions may make "
            f"copies only under names that end with {COPY_SUFFIX!r}"
        )


def shortened(name: str, length: int) -> str:
    """Return a name of at most ``length`` letters: a longer one ends with a digest of all of it.

    The date that distinguishes two snapshots is at the end of their names.
    """
    if len(name) <= length:
        return name.rstrip("-")
    digest = hashlib.sha256(name.encode()).hexdigest()[:DIGEST_LENGTH]
    beginning = name[: max(0, length - DIGEST_LENGTH - 1)].rstrip("-")
    return f"{beginning}-{digest}" if beginning else digest
