"""How long to wait until a running operation is read again."""

import math

from aurora_restore.shared.documents.restore import Polling


def next_poll(polling: Polling, waited: float) -> int:
    """Return the seconds until an operation that has run for ``waited`` seconds is read again.

    A whole number, because that is what a Wait state takes.
    """
    wanted = math.ceil(polling.fraction * waited)
    return max(polling.floor_seconds, min(polling.cap_seconds, wanted))
