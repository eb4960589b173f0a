"""Everything that can be known before the first change, checked before the first change.

A check yields its obstacles and goes on, so that all of them are told at once. ``snapshot-check``
runs all of them, in a dry run as in a real one; ``delete-rds`` runs them again before it deletes.
"""

from collections.abc import Sequence, Set
from typing import Any, Final

from aurora_restore.shared.errors import (
    Action,
    AuroraRestoreError,
    PreflightError,
    RetryableError,
    SupersededError,
    UnsuitableInputError,
)
from aurora_restore.shared.preflight.copies import check_keys, check_names, check_quotas
from aurora_restore.shared.preflight.inventory import Findings
from aurora_restore.shared.preflight.obstacles import Check, Obstacle
from aurora_restore.shared.preflight.prerequisites import (
    check_network,
    check_parameter_groups,
    check_secrets,
)
from aurora_restore.shared.preflight.target import (
    check_instances,
    check_source,
    check_tags,
    check_target,
)

CHECKS: Final[tuple[Check, ...]] = (
    check_source,
    check_target,
    check_tags,
    check_secrets,
    check_network,
    check_parameter_groups,
    check_instances,
    check_names,
    check_keys,
    check_quotas,
)


def obstacles(found: Findings) -> list[Obstacle]:
    """Every obstacle that any check finds.

    Where AWS refuses a check itself, that is an obstacle, too; only what is worth trying again is
    raised.
    """
    told: list[Obstacle] = []
    for check in CHECKS:
        try:
            told.extend(check(found))
        except RetryableError:
            raise
        except AuroraRestoreError as error:
            told.append(Obstacle(_name(check), error.message, "fix that first"))
    return told


def refuse(found: Sequence[Obstacle], cluster_id: str) -> None:
    """Raise a PreflightError if there is any obstacle: the class whose remedy fits them all."""
    if found:
        listed = " | ".join(map(str, found))
        count = "1 obstacle" if len(found) == 1 else f"{len(found)} obstacles"
        raise refusal({obstacle.action for obstacle in found})(
            f"cluster {cluster_id} is left as it is, {count}: {listed}",
            obstacles=described(found),
        )


def refusal(actions: Set[Action]) -> type[PreflightError]:
    """Return the error whose remedy holds for all obstacles with these actions."""
    if Action.NOTHING in actions:
        return SupersededError
    if Action.START_AGAIN in actions:
        return UnsuitableInputError
    return PreflightError


def described(found: Sequence[Obstacle]) -> list[dict[str, Any]]:
    """Obstacles as an answer tells them."""
    return [obstacle.described() for obstacle in found]


def _name(check: Check) -> str:
    return check.__name__.removeprefix("check_").replace("_", " ")
