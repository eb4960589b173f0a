"""How long a server did not answer, as seen from here: attempts until one succeeds."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from aurora_restore.shared.errors import DatabaseConnectionError

PAUSE_SECONDS: Final = 1.0
"""Between two attempts: shorter than the names of Aurora's endpoints are cached."""

Found = TypeVar("Found")


@dataclass(frozen=True, kw_only=True)
class FirstAnswer(Generic[Found]):
    """The first attempt that succeeded, and what came before."""

    found: Found
    """What it returned."""
    attempts: int
    waited_seconds: float
    """From the first attempt to the end of the one that succeeded."""
    granularity_seconds: float | None
    """By how much earlier it may have answered: the time since the last failure began.

    None if the first attempt succeeded, so that nothing is known of the time before.
    """


def await_first_answer(
    attempt: Callable[[], Found],
    patience_seconds: float,
    *,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> FirstAnswer[Found]:
    """Attempt until it succeeds, and begin no attempt after ``patience_seconds``.

    There is always one. Raises the DatabaseConnectionError of the last attempt.
    """
    begun = monotonic()
    failed_at: float | None = None
    attempts = 0
    while True:
        attempts += 1
        this = monotonic()
        try:
            found = attempt()
        except DatabaseConnectionError:
            failed_at = this
            if monotonic() + PAUSE_SECONDS - begun > patience_seconds:
                raise
            sleep(PAUSE_SECONDS)
            continue
        end = monotonic()
        return FirstAnswer(
            found=found,
            attempts=attempts,
            waited_seconds=end - begun,
            granularity_seconds=None if failed_at is None else end - failed_at,
        )
