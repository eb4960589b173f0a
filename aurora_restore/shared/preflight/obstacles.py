"""What prevents a restore, and how to remove it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aurora_restore.shared.errors import Action

if TYPE_CHECKING:
    from aurora_restore.shared.preflight.inventory import Inventory

RIGHT_OR_NONE: Final = "start with the right one, or leave it out"
"""What to do about a field of the event."""


@dataclass(frozen=True)
class Obstacle:
    """Why a restore could not succeed, or must not begin."""

    check: str
    problem: str
    remedy: str
    action: Action = Action.REDRIVE
    """How the run continues once the remedy is done; ``NOTHING`` if it must not."""

    def described(self) -> dict[str, str]:
        """Return the obstacle as the state and an answer hold it."""
        return {"check": self.check, "problem": self.problem, "remedy": self.remedy}

    def __str__(self) -> str:
        return f"{self.problem}; {self.remedy}"


Check = Callable[["Inventory"], Iterator[Obstacle]]


def absent(check: str, field: str, what: str, name: str) -> Obstacle:
    """Return the obstacle that what a field of the configuration names does not exist."""
    return Obstacle(
        check, f"{field}: there is no {what} {name!r}", "create it, or configure another"
    )
