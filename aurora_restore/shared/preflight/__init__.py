"""Everything that can be known before the first change, checked before the first change.

A check yields its obstacles and goes on, so that all of them are reported together.
``snapshot-check`` runs all of them, in a dry run as in a real one; ``delete-rds`` runs them again
before it deletes.
"""

from collections.abc import Sequence, Set
from typing import TYPE_CHECKING, Any, Final

from aurora_restore.shared.aws_utils import Clients
from aurora_restore.shared.cluster.network import ClusterNetwork, groups_field
from aurora_restore.shared.errors import (
    Action,
    AuroraRestoreError,
    PreflightError,
    RetryableError,
    SupersededError,
    UnsuitableInputError,
    ValidationError,
)
from aurora_restore.shared.preflight.copies import check_keys, check_names, check_quotas
from aurora_restore.shared.preflight.inventory import Inventory
from aurora_restore.shared.preflight.obstacles import Check, Obstacle
from aurora_restore.shared.preflight.prerequisites import (
    check_masking,
    check_network,
    check_parameter_groups,
    check_port,
    check_secrets,
)
from aurora_restore.shared.preflight.security_groups import check_quarantine, wrong_groups
from aurora_restore.shared.preflight.source import check_source, foreign_snapshot
from aurora_restore.shared.preflight.target import (
    check_addresses,
    check_instances,
    check_room,
    check_switch,
    check_tags,
    check_target,
)
from aurora_restore.shared.request import RestoreRequest

if TYPE_CHECKING:
    from mypy_boto3_rds.type_defs import DBClusterSnapshotTypeDef

CHECKS: Final[tuple[Check, ...]] = (
    check_source,
    check_target,
    check_switch,
    check_room,
    check_tags,
    check_masking,
    check_secrets,
    check_network,
    check_quarantine,
    check_port,
    check_parameter_groups,
    check_instances,
    check_addresses,
    check_names,
    check_keys,
    check_quotas,
)


def find_obstacles(found: Inventory) -> list[Obstacle]:
    """Return every obstacle that any check finds.

    If AWS refuses a call of a check, that is an obstacle, too. Raises RetryableError if AWS is not
    available now.
    """
    found_so_far: list[Obstacle] = []
    for check in CHECKS:
        try:
            found_so_far.extend(check(found))
        except RetryableError:
            raise
        except AuroraRestoreError as error:
            found_so_far.append(Obstacle(_name(check), error.message, "fix that first"))
    return found_so_far


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


def _name(check: Check) -> str:
    return check.__name__.removeprefix("check_").replace("_", " ")
