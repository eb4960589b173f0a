"""What an operation has cost, in words."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from aurora_restore.shared.cost import (
    PRICES_IN,
    PRICES_OF,
    ApproximateCost,
    CostPart,
    approximate_cost,
)
from aurora_restore.shared.documents.restore import Instance
from aurora_restore.shared.notices.notice import begun
from aurora_restore.shared.notices.steps import StepTaken, calls_by_step, seconds_of
from aurora_restore.shared.operation_state import OperationState

BASIS_OF_PRICES: Final = (
    f"By list prices of {PRICES_IN} in {PRICES_OF}, without logs, tables, I/O, the network and "
    "taxes: an estimate, not a bill"
)
"""What every sum of costs is said with."""


def operation_cost(
    state: OperationState,
    taken: Sequence[StepTaken],
    instance_classes: Sequence[str],
    now: datetime,
) -> ApproximateCost | None:
    """Return what an operation has cost, or None if it is not known which steps it has taken."""
    if not taken:
        return None
    return approximate_cost(
        state,
        calls_by_step(taken),
        setup_seconds=seconds_of("setup-db-users", taken),
        instance_classes=instance_classes,
        now=now,
    )


def instance_classes(state: OperationState, configured: Sequence[Instance] | None) -> list[str]:
    """Return the classes of the restored cluster's instances: as used, or else as configured."""
    used = list(state.instance_class_used.values())
    return used + [each.instance_class for each in configured or ()][len(used) :]


def cost_in_words(cost: ApproximateCost | None) -> Iterator[str]:
    """Yield each part in a line, and last what the numbers are."""
    if cost is None:
        return
    for part in cost.parts:
        yield f"{begun(part.what)}: {_of_part(part)} ({part.basis})"
    more = "" if cost.is_complete else ", and what is not known"
    yield f"Together: {_dollars(cost.usd)}{more}, without the restored cluster itself"
    yield BASIS_OF_PRICES


def _of_part(part: CostPart) -> str:
    if part.usd is None:
        return "not known"
    return f"{_dollars(part.usd)} a month" if part.is_monthly else _dollars(part.usd)


def _dollars(usd: float) -> str:
    return "less than 0.01 USD" if usd < 0.01 else f"{usd:.2f} USD"
