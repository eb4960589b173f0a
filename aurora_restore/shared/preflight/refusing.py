"""What a step does about obstacles: it refuses to go on, with an error that lists them."""

from collections.abc import Sequence, Set
from typing import TYPE_CHECKING, Any

from aurora_restore.shared.aws_utils import Clients
from aurora_restore.shared.cluster.network import ClusterNetwork, groups_field
from aurora_restore.shared.errors import (
    Action,
    PreflightError,
    SupersededError,
    UnsuitableInputError,
    ValidationError,
)
from aurora_restore.shared.preflight.obstacles import Obstacle
from aurora_restore.shared.preflight.security_groups import wrong_groups
from aurora_restore.shared.preflight.source import foreign_snapshot
from aurora_restore.shared.request import RestoreRequest

if TYPE_CHECKING:
    from mypy_boto3_rds.type_defs import DBClusterSnapshotTypeDef


def refuse_foreign_snapshot(request: RestoreRequest, snapshot: "DBClusterSnapshotTypeDef") -> None:
    """Raise UnsuitableInputError if a snapshot is not of the configured source."""
    if obstacles := list(foreign_snapshot(request, snapshot)):
        raise refusal(obstacles, request.cluster_id)


def refuse_wrong_groups(request: RestoreRequest, clients: Clients, network: ClusterNetwork) -> None:
    """Raise an error if the cluster cannot have a security group that it is to be handed over with.

    That is ValidationError where the event names it, and otherwise PreflightError.
    """
    found = list(wrong_groups(clients, request.event, network))
    if found and groups_field(request.event) is not None:
        raise ValidationError("; ".join(obstacle.problem for obstacle in found))
    if found:
        raise refusal(found, request.cluster_id)


def refusal(found: Sequence[Obstacle], cluster_id: str) -> PreflightError:
    """Return the error that lists obstacles, of the class whose remedy fits them all."""
    listed = " | ".join(map(str, found))
    count = "1 obstacle" if len(found) == 1 else f"{len(found)} obstacles"
    return _refusing_class({obstacle.action for obstacle in found})(
        f"cluster {cluster_id} is left as it is, {count}: {listed}", obstacles=described(found)
    )


def _refusing_class(actions: Set[Action]) -> type[PreflightError]:
    if Action.NOTHING in actions:
        return SupersededError
    if Action.START_AGAIN in actions:
        return UnsuitableInputError
    return PreflightError


def described(found: Sequence[Obstacle]) -> list[dict[str, Any]]:
    """Return obstacles as an answer lists them."""
    return [obstacle.described() for obstacle in found]
