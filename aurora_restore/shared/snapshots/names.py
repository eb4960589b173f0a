"""The names of copies."""

import hashlib
import re
from typing import Final

from aurora_restore.shared.errors import ValidationError
from aurora_restore.shared.names import COPY_SUFFIX

IDENTIFIER_LENGTH: Final = 63

DIGEST_LENGTH: Final = 8


def common_copy_name(
    snapshot_arn: str,
    kms_key_id: str | None,
    environment: str,
    *,
    beginning: str = "",
    end: str = "",
) -> str:
    """Return the name of the copy that an environment makes of a snapshot under a key.

    All restores that need that copy come to the same name, and so share it; ``environment`` is what
    sets one environment apart from any other. The digest of all three follows the snapshot's name,
    of which so much is left out as would make more than 63 letters. The ``rds:`` of an automated
    snapshot is left out, because CopyDBClusterSnapshot accepts no colon in a target name.
    """
    identity = "\n".join((environment, snapshot_arn, kms_key_id or ""))
    tail = _digest(identity) + end
    room = IDENTIFIER_LENGTH - len(beginning) - len(tail) - 1
    base = snapshot_arn.rsplit(":", 1)[-1].lower()[: max(0, room)].rstrip("-")
    return f"{beginning}{base}-{tail}" if base else f"{beginning}{tail}"


def former_copy_names(snapshot_name: str, restore: str) -> tuple[str, ...]:
    """Return how earlier versions named the copy of a snapshot in the target's Region.

    Each restore had a copy of its own, named after it in an environment of several restores.
    """
    return tuple(_former_name(snapshot_name, end) for end in ("", f"-{restore.strip('-')}"))


def _former_name(snapshot_name: str, restore: str) -> str:
    suffix = f"{restore}{COPY_SUFFIX}"
    name = snapshot_name.rsplit(":", 1)[-1].lower()
    length = IDENTIFIER_LENGTH - len(suffix)
    if len(name) > length:
        name = f"{name[: length - DIGEST_LENGTH - 1].rstrip('-')}-{_digest(name)}"
    return re.sub(r"-{2,}", "-", name.rstrip("-") + suffix)


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


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_LENGTH]
