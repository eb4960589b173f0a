"""What a self-test makes, how long it takes and what it costs, before it begins."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from aurora_restore.shared.cost import HOURS_OF_A_MONTH, PRICES, CostPart

EXPECTED_HOURS: Final = 2.0
"""For how long the clusters and the stacks are there, on the average of what AWS needs for each."""
LIMIT_HOURS: Final = 4.0
"""After so long a run is given up, and cleaned up."""
_EXPECTED_ACU: Final = 0.75
MOST_ACU: Final = 2.0
LEAST_ACU: Final = 0.5
_CLUSTERS: Final = ((1.0, "the source"), (0.9, "the target"), (0.4, "the cluster of the switch"))
"""For how much of the time each cluster is there."""
_SECRETS: Final = 3
_ENDPOINTS: Final = 2
_STORED_GB: Final = 3.0
_PIPELINE_TRANSITIONS: Final = 400
_FUNCTION_GB_SECONDS: Final = 4000.0

MADE: Final = (
    "a stack with a VPC that has no way out, two interface endpoints, a source cluster of Aurora "
    "PostgreSQL Serverless v2 with one instance, and a function that logs in to it",
    "a target cluster with one instance, a snapshot of each of them, and the cluster that a switch "
    "restores",
    "an environment of the pipeline: the stack of `cdk deploy`, with its tables, secrets and key",
)


@dataclass(frozen=True)
class SelfTestCost:
    """What a run costs, approximately."""

    expected: tuple[CostPart, ...]
    ceiling: tuple[CostPart, ...]
    """The same if it takes until the time limit, and the clusters work as hard as they may."""

    @property
    def usd(self) -> float:
        """Return the sum of what is expected."""
        return sum(each.usd or 0.0 for each in self.expected)

    @property
    def most_usd(self) -> float:
        """Return the sum that it cannot exceed."""
        return sum(each.usd or 0.0 for each in self.ceiling)


def cost_of_run() -> SelfTestCost:
    """Return what a run costs at list prices, without free tiers, discounts and taxes."""
    return SelfTestCost(
        expected=tuple(_parts(EXPECTED_HOURS, _EXPECTED_ACU)),
        ceiling=tuple(_parts(LIMIT_HOURS, MOST_ACU)),
    )


def _parts(hours: float, acu: float) -> Iterator[CostPart]:
    share = hours / HOURS_OF_A_MONTH
    acu_hours = sum(part for part, _ in _CLUSTERS) * hours * acu
    yield CostPart(
        "capacity of the clusters", acu_hours * PRICES["ACU"].usd, f"{acu_hours:.1f} ACU hours"
    )
    endpoint_hours = _ENDPOINTS * hours
    yield CostPart(
        "interface endpoints",
        endpoint_hours * PRICES["interface endpoint"].usd,
        f"{_ENDPOINTS} for {hours:g} hours",
    )
    yield CostPart(
        "storage of clusters and snapshots",
        _STORED_GB * PRICES["storage"].usd * share,
        f"less than {_STORED_GB:g} GB",
    )
    yield CostPart(
        "secrets and the key of the topic",
        (_SECRETS * PRICES["secret"].usd + PRICES["KMS key"].usd) * share,
        f"{_SECRETS} secrets and 1 key for {hours:g} hours",
    )
    yield CostPart(
        "state transitions",
        _PIPELINE_TRANSITIONS * PRICES["state transition"].usd,
        f"{_PIPELINE_TRANSITIONS} transitions",
    )
    yield CostPart(
        "functions",
        _FUNCTION_GB_SECONDS * PRICES["function"].usd,
        f"{_FUNCTION_GB_SECONDS:,.0f} GB seconds",
    )
