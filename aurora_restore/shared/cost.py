"""What an operation has cost, approximately, from what it has recorded.

It is an estimate, not a bill: list prices of one Region, no discounts, no free tiers. What is not
known is named, and never taken for nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from aurora_restore.shared.common import parse_timestamp
from aurora_restore.shared.operation_state import OperationState
from aurora_restore.shared.pipeline import get_step
from aurora_restore.shared.sequences import SWITCH

PRICES_OF: Final = "November 2026"
"""As of when the table holds. Prices change rarely, and differ by Region by up to a half."""

PRICES_IN: Final = "us-east-1"

_PRICING: Final = "https://aws.amazon.com"


@dataclass(frozen=True)
class Price:
    """A list price in US dollars."""

    usd: float
    unit: str
    source: str


PRICES: Final[Mapping[str, Price]] = {
    "state transition": Price(
        0.000025, "each, of a standard state machine", f"{_PRICING}/step-functions/pricing/"
    ),
    "call of a function": Price(0.0000002, "each", f"{_PRICING}/lambda/pricing/"),
    "function": Price(0.0000133334, "per GB and second, Arm", f"{_PRICING}/lambda/pricing/"),
    "transfer": Price(0.02, "per GB from one Region to another", f"{_PRICING}/rds/aurora/pricing/"),
    "backup storage": Price(0.021, "per GB and month", f"{_PRICING}/rds/aurora/pricing/"),
    "storage": Price(0.10, "per GB and month, Aurora Standard", f"{_PRICING}/rds/aurora/pricing/"),
    "ACU": Price(0.12, "per ACU and hour, Serverless v2", f"{_PRICING}/rds/aurora/pricing/"),
    "interface endpoint": Price(0.01, "per hour and zone", f"{_PRICING}/privatelink/pricing/"),
    "secret": Price(0.40, "per month", f"{_PRICING}/secrets-manager/pricing/"),
    "KMS key": Price(1.00, "per month", f"{_PRICING}/kms/pricing/"),
    "db.t3": Price(0.164, "per hour of a large instance", f"{_PRICING}/rds/aurora/pricing/"),
    "db.t4g": Price(0.146, "per hour of a large instance", f"{_PRICING}/rds/aurora/pricing/"),
    "db.r5": Price(0.29, "per hour of a large instance", f"{_PRICING}/rds/aurora/pricing/"),
    "db.r6g": Price(0.26, "per hour of a large instance", f"{_PRICING}/rds/aurora/pricing/"),
    "db.r6i": Price(0.29, "per hour of a large instance", f"{_PRICING}/rds/aurora/pricing/"),
    "db.r7g": Price(0.276, "per hour of a large instance", f"{_PRICING}/rds/aurora/pricing/"),
}
"""The prices by what they are of; an instance's by its family, for the size ``large``."""

_LARGES: Final = {"medium": 0.5, "large": 1.0, "xlarge": 2.0}
"""How many large instances one of a size costs; one of ``4xlarge`` as much as four ``xlarge``."""

_CALL_SECONDS: Final = 30.0
"""How long a call runs: most wait inside the function for a while (``benchmarks.waiting``)."""
_CALL_GB: Final = 0.25
_SETUP: Final = "setup-db-users"
_SETUP_GB: Final = 0.5
HOURS_OF_A_MONTH: Final = 730.0


@dataclass(frozen=True)
class CostPart:
    """One thing that is charged for. Its cost is None if a quantity or a price is not known."""

    what: str
    usd: float | None
    basis: str
    """From which quantity, or what is not known."""
    is_monthly: bool = False
    """Whether it is charged for each month, for as long as it is kept."""


@dataclass(frozen=True)
class ApproximateCost:
    """What an operation has cost."""

    parts: tuple[CostPart, ...]

    @property
    def usd(self) -> float:
        """Return the sum of what is known and is charged for once."""
        return sum(part.usd for part in self.parts if part.usd is not None and not part.is_monthly)

    @property
    def is_complete(self) -> bool:
        """Return whether every part is known."""
        return all(part.usd is not None for part in self.parts)

    @property
    def lacking(self) -> tuple[str, ...]:
        """Return the parts that the sum lacks because they are not known."""
        return tuple(part.what for part in self.parts if part.usd is None and not part.is_monthly)


def approximate_cost(
    state: OperationState,
    calls: Mapping[str, int],
    *,
    setup_seconds: float,
    instance_classes: Sequence[str],
    now: datetime,
) -> ApproximateCost:
    """Return what an operation has cost, without the restored cluster itself.

    ``calls`` says how often each step was called; ``setup_seconds`` is how long the databases took
    to be set up; ``instance_classes`` are those of the restored cluster's instances.
    """
    return ApproximateCost(
        (
            *_of_pipeline(calls, setup_seconds),
            *_of_copy(state),
            *_of_second_cluster(state, instance_classes, now),
        )
    )


def transitions_of(calls: Mapping[str, int]) -> int:
    """Return how many states an execution has entered whose steps were called so often.

    A step that may wait is a Task and a Choice for each call, and a Wait between two calls; any
    other is a Task. Two Choices come before the first step.
    """
    waiting = (3 * count - 1 if get_step(step).waits else count for step, count in calls.items())
    return 2 + sum(waiting)


def hourly_price(instance_class: str) -> float | None:
    """Return what an instance of a class costs in an hour, or None if that is not known."""
    family, _, size = instance_class.rpartition(".")
    price = PRICES.get(family)
    factor = size.removesuffix("xlarge")
    larges = 2.0 * int(factor) if factor.isdecimal() else _LARGES.get(size)
    return None if price is None or larges is None else price.usd * larges


def _of_pipeline(calls: Mapping[str, int], setup_seconds: float) -> Iterator[CostPart]:
    entered, called = transitions_of(calls), sum(calls.values())
    yield CostPart(
        "state transitions", entered * PRICES["state transition"].usd, f"{entered} transitions"
    )
    gb_seconds = called * _CALL_SECONDS * _CALL_GB + setup_seconds * _SETUP_GB
    usd = gb_seconds * PRICES["function"].usd + called * PRICES["call of a function"].usd
    yield CostPart("functions", usd, f"{called} calls")


def _of_copy(state: OperationState) -> Iterator[CostPart]:
    if state.copy_started_at is None:
        return
    gib = state.snapshot_gib
    size = "the size of the snapshot is not known" if gib is None else f"{gib} GiB"
    if state.source_region != state.target_region:
        usd = None if gib is None else gib * PRICES["transfer"].usd
        basis = size if gib is None else f"{size}, less where an earlier copy is there"
        yield CostPart("transfer of the copy to the other Region", usd, basis)
    kept = None if gib is None else gib * PRICES["backup storage"].usd
    yield CostPart("storage of the copy", kept, size, is_monthly=True)


def _of_second_cluster(
    state: OperationState, classes: Sequence[str], now: datetime
) -> Iterator[CostPart]:
    """Yield what the second cluster costs from the restore until the old one's time is over."""
    if state.sequence != SWITCH.name or state.restore_started_at is None:
        return
    end = now if state.retired_until is None else parse_timestamp(state.retired_until)
    hours = max(0.0, (end - parse_timestamp(state.restore_started_at)).total_seconds() / 3600)
    prices = {each: hourly_price(each) for each in classes}
    unknown = sorted(each for each, price in prices.items() if price is None)
    if unknown or not classes:
        lacks = f"the price of {', '.join(unknown)} is not known" if unknown else "no instance"
        yield CostPart("instances of the second cluster", None, f"{hours:.1f} hours; {lacks}")
    else:
        hourly = sum(prices[each] or 0.0 for each in classes)
        count = f"{len(classes)} instance{'s' if len(classes) > 1 else ''}"
        usd = hours * hourly
        yield CostPart("instances of the second cluster", usd, f"{count} for {hours:.1f} hours")
    gib = state.snapshot_gib
    yield CostPart(
        "storage of the second cluster",
        None if gib is None else gib * PRICES["storage"].usd * hours / HOURS_OF_A_MONTH,
        "the size of the snapshot is not known" if gib is None else f"{gib} GiB",
    )
