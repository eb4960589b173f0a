"""Whether the snapshot may be restored to the target, and the role may use it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from aurora_restore.shared.errors import Action
from aurora_restore.shared.names import shared_snapshot_prefix
from aurora_restore.shared.preflight.obstacles import Obstacle
from aurora_restore.shared.rds.arns import Place
from aurora_restore.shared.request import RestoreRequest
from aurora_restore.shared.snapshots.identity import foreign_traits, origin
from aurora_restore.shared.snapshots.routes import AUTOMATED

if TYPE_CHECKING:
    from mypy_boto3_rds.type_defs import DBClusterSnapshotTypeDef

    from aurora_restore.shared.preflight.inventory import Inventory


def check_source(found: "Inventory") -> Iterator[Obstacle]:
    """Yield an obstacle if the target is the source, or the snapshot cannot be used for it."""
    request = found.request
    source, target = request.restore.source, request.target
    if (target.region, target.account, request.cluster_id) == (
        source.region,
        source.account_id or target.account,
        source.cluster_id,
    ):
        yield Obstacle(
            "source",
            f"the target {request.cluster_id} is the source itself",
            "configure another target.cluster_id",
        )
    yield from foreign_snapshot(request, found.snapshot)
    yield from _deleted_with_the_target(found)
    yield from _unusable_by_the_role(found)


def foreign_snapshot(
    request: RestoreRequest, snapshot: "DBClusterSnapshotTypeDef"
) -> Iterator[Obstacle]:
    """Yield an obstacle for everything that shows that a snapshot is not the one to restore.

    What copy-snapshot has recorded as the copy of the operation's snapshot was proven there.
    """
    source, state = request.restore.source, request.state
    name, arn = snapshot["DBClusterSnapshotIdentifier"], snapshot["DBClusterSnapshotArn"]
    prefix = request.owner.name_prefix
    for trait in foreign_traits(snapshot, source, request.target, name_prefix=prefix):
        yield Obstacle(
            "source", f"snapshot {name} {trait.problem}", trait.remedy, Action.START_AGAIN
        )
    recorded = state.source_snapshot_arn
    if recorded in (None, arn, str(origin(snapshot, prefix, request.target.region))):
        return
    if state.copy_snapshot_id not in (name, arn):
        yield Obstacle(
            "source",
            f"snapshot {name} is no copy of {recorded}, which operation "
            f"{request.owner.operation_id} restores",
            "leave target_snapshot_name out, or start a new operation",
            Action.START_AGAIN,
        )


def _deleted_with_the_target(found: "Inventory") -> Iterator[Obstacle]:
    """Yield an obstacle if the snapshot is an automated one of the target.

    DeleteDBCluster deletes the cluster's automated snapshots with it.
    """
    request, snapshot = found.request, found.snapshot
    arn = found.snapshot_arn
    if (
        snapshot.get("SnapshotType") == AUTOMATED
        and snapshot["DBClusterIdentifier"] == request.cluster_id
        and Place(arn.account, arn.region) == request.target
    ):
        yield Obstacle(
            "source",
            f"snapshot {arn.name} is an automated one of the target itself, and would be deleted "
            "with it",
            "copy it to a manual snapshot, and name that",
            Action.START_AGAIN,
        )


def _unusable_by_the_role(found: "Inventory") -> Iterator[Obstacle]:
    """Yield an obstacle if the role in the source account may not use the snapshot's name."""
    request, source = found.request, found.request.restore.source
    arn = found.snapshot_arn
    made_here = shared_snapshot_prefix(request.owner.name_prefix)
    if not source.role_arn or arn.account == request.target.account:
        return
    if arn.name.startswith(made_here):
        return
    if not source.lets_use(arn.name):
        yield Obstacle(
            "source",
            f"the role in account {arn.account} may not use snapshot {arn.name}, only "
            f"{' and '.join(source.names_to_use)}",
            "take one of those, or configure source.snapshot_name and deploy both stacks",
        )
