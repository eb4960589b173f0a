"""What is done while AWS has no capacity for the restored cluster or one of its instances.

The old cluster is gone by then, so a refused call is not the end: it is made again for a configured
time, and then with another class.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Final

from aurora_restore.shared.aws_utils import code_of
from aurora_restore.shared.common import timestamp
from aurora_restore.shared.documents.restore import Target
from aurora_restore.shared.errors import AuroraRestoreError, InsufficientCapacityError
from aurora_restore.shared.operation_state import OperationState
from aurora_restore.shared.state_utils import seconds_since


class Shortage(Enum):
    """What AWS lacks, in words."""

    INSTANCE = "an instance of class {instance_class}"
    CLUSTER = "capacity for the cluster"
    STORAGE = "storage in the zones of the subnet group"
    NETWORK = "a free address in the subnets"
    """The preflight has found the subnets and security groups in order, so what is left is a
    subnet without a free address, or a change since."""

    def describe(self, instance_class: str) -> str:
        """Return what AWS lacks, with the class for which the call was made."""
        return self.value.format(instance_class=instance_class)


SHORTAGES: Final[Mapping[str, Shortage]] = {
    "InsufficientDBClusterCapacityFault": Shortage.CLUSTER,
    "InsufficientDBInstanceCapacity": Shortage.INSTANCE,
    "InsufficientStorageClusterCapacity": Shortage.STORAGE,
    "InvalidVPCNetworkStateFault": Shortage.NETWORK,
}
"""What AWS lacks, by the code of its refusal."""

NO_CLASS: Final = "cluster"
"""Stands for the class where the cluster itself is restored."""


def shortage_of(error: AuroraRestoreError) -> Shortage | None:
    """Return what AWS lacks, or None if it refuses a call for another reason."""
    return SHORTAGES.get(code_of(error))


@dataclass(frozen=True, kw_only=True)
class ShortageFacts:
    """What is known of a call that was refused for lack of capacity."""

    shortage: Shortage
    seconds_waited: float
    """Since the first refusal for this class."""
    limit_seconds: float
    """For how long the call is made again."""
    other_classes: Sequence[str] = ()
    """The classes that may be taken instead, and have not been tried."""


@dataclass(frozen=True)
class WaitForCapacity:
    """Make the same call again later."""


@dataclass(frozen=True)
class TryClass:
    """Make the call with another class."""

    instance_class: str


@dataclass(frozen=True)
class GiveUp:
    """Waiting has not helped, and no other class is left."""


CapacityAction = WaitForCapacity | TryClass | GiveUp


def capacity_action(facts: ShortageFacts) -> CapacityAction:
    """Return what to do about a refused call. Another class helps only against a lack of it."""
    if facts.seconds_waited < facts.limit_seconds:
        return WaitForCapacity()
    if facts.shortage is Shortage.INSTANCE and facts.other_classes:
        return TryClass(facts.other_classes[0])
    return GiveUp()


def shortage_facts(
    state: OperationState,
    target: Target,
    shortage: Shortage,
    instance_class: str,
    *,
    now: datetime,
    tried: Sequence[str] = (),
) -> ShortageFacts:
    """Return what is known of a call that was just refused for ``instance_class``.

    ``tried`` are the classes that were refused before it.
    """
    since = state.no_capacity_since.get(instance_class)
    waited = 0.0 if since is None else seconds_since(since, now)
    refused = {instance_class, *tried}
    return ShortageFacts(
        shortage=shortage,
        # A fallback class is tried when the waiting is over, and not waited for itself.
        seconds_waited=math.inf if tried else waited,
        limit_seconds=60.0 * target.capacity_wait_minutes,
        other_classes=[each for each in target.fallback_instance_classes if each not in refused],
    )


def with_capacity_wait(state: OperationState, instance_class: str, now: datetime) -> OperationState:
    """Return the state of an operation that waits for capacity from ``now`` on, or still does."""
    since = {instance_class: timestamp(now), **state.no_capacity_since}
    return replace(state, no_capacity_since=since, capacity_waits=state.capacity_waits + 1)


def with_capacity(state: OperationState, instance_class: str) -> OperationState:
    """Return the state of an operation once AWS has had capacity for ``instance_class``.

    A later shortage is waited for from its own first refusal on.
    """
    since = {each: at for each, at in state.no_capacity_since.items() if each != instance_class}
    return replace(state, no_capacity_since=since)


def capacity_error(
    error: AuroraRestoreError, shortage: Shortage, tried: Sequence[str], target: Target
) -> InsufficientCapacityError:
    """Return the error of an operation that has waited for capacity long enough."""
    lacking = ", ".join(dict.fromkeys(shortage.describe(each) for each in tried))
    minutes = target.capacity_wait_minutes
    since = f" for {minutes} minutes" if minutes else ""
    return InsufficientCapacityError(
        f"AWS has not had {lacking}{since}: {error.message}", **error.details
    )
