"""What is deleted beside the target: to make room for a restore, or because its time has come."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final

from aurora_restore.shared.cluster.attachments import attachments
from aurora_restore.shared.cluster.deletion import DoomedCluster, skips_final_snapshot
from aurora_restore.shared.cluster.leftovers import Leftover, find_leftovers
from aurora_restore.shared.cluster.own_tags import is_recorded_instance, put_back_tags
from aurora_restore.shared.errors import Action
from aurora_restore.shared.names import (
    TAG_MANAGED_BY,
    final_snapshot_name,
    is_named_after,
)
from aurora_restore.shared.preflight.obstacles import Obstacle
from aurora_restore.shared.rds.reads import instances_of
from aurora_restore.shared.rds.statuses import DEAD_CLUSTER, DELETING
from aurora_restore.shared.request import RestoreRequest
from aurora_restore.shared.target_record import TargetRecord

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_rds.type_defs import DBClusterTypeDef, DBInstanceTypeDef

TARGET: Final = "target"
"""The name of the check that finds what must not, or cannot, be deleted."""


@dataclass(frozen=True, kw_only=True)
class Room:
    """What becomes of the clusters beside a target."""

    doomed: tuple[DoomedCluster, ...]
    """Those to be deleted, in this order."""
    kept: Mapping[str, str] = field(default_factory=dict)
    """Why each of the others stays, by its name."""
    has_restored: bool = False
    """Whether one of them is this operation's, which goes on with it."""


def find_room(
    rds: "RDSClient",
    request: RestoreRequest,
    record: TargetRecord | None,
    live: "DBClusterTypeDef | None",
    *,
    due_by: datetime | None = None,
) -> Room:
    """Return which clusters beside the target are deleted, and why the others stay.

    ``live`` is the cluster that serves as the target. With ``due_by`` only those go that were kept
    long enough, and of these one that cannot be deleted stays; before a restore it is an obstacle.
    """
    found = find_leftovers(rds, request, record, live, due_by=due_by)
    kept = {
        each.cluster["DBClusterIdentifier"]: each.why_kept
        for each in found
        if each.why_kept is not None
    }
    doomed = [_doomed(rds, request, record, each) for each in found if each.why_kept is None]
    if due_by is not None:
        for each in doomed:
            if obstacles := list(obstacles_of_deletion(request, record, each)):
                kept[each.name] = "; ".join(map(str, obstacles))
    return Room(
        doomed=tuple(each for each in doomed if each.name not in kept),
        kept=kept,
        has_restored=any(each.beside.is_kept_restore for each in found),
    )


def _doomed(
    rds: "RDSClient", request: RestoreRequest, record: TargetRecord | None, leftover: Leftover
) -> DoomedCluster:
    """Return a cluster beside the target that is to be deleted.

    A temporary cluster has never served: it holds the source's data, which may not be masked yet,
    so no snapshot of it is taken.
    """
    cluster = leftover.cluster
    name = cluster["DBClusterIdentifier"]
    state = request.state
    final = None
    if (
        leftover.beside.is_retired
        and cluster["Status"] != DELETING
        and not skips_final_snapshot(request, is_own=_was_restored(request, record, cluster))
    ):
        known = state.final_snapshot if state.deleted_cluster_id == name else None
        final = known or final_snapshot_name(request.cluster_id, str(state.operation_started_at))
    instances = instances_of(rds, name)
    return DoomedCluster(
        cluster=cluster,
        instances=instances,
        final_snapshot=final,
        marks=put_back_tags(request, record, cluster, instances),
    )


def _was_restored(
    request: RestoreRequest, record: TargetRecord | None, cluster: "DBClusterTypeDef"
) -> bool:
    """Return whether the pipeline restored a retired cluster, which carries its tag either way."""
    owner = request.owner
    return owner.operation_of(cluster, record) is not None and owner.made(cluster, record)


def obstacles_of_deletion(
    request: RestoreRequest, record: TargetRecord | None, doomed: DoomedCluster
) -> Iterator[Obstacle]:
    """Yield an obstacle for every reason why a cluster beside the target cannot be deleted."""
    if doomed.cluster["Status"] == DELETING:
        return
    yield from undeletable_instances(request, record, doomed.cluster, doomed.instances)
    yield from obstacles_of_attachments(doomed.cluster)
    yield from refused_deletion(request, doomed.cluster, doomed.final_snapshot)


def undeletable_instances(
    request: RestoreRequest,
    record: TargetRecord | None,
    cluster: "DBClusterTypeDef",
    instances: "Sequence[DBInstanceTypeDef]",
) -> Iterator[Obstacle]:
    """Yield an obstacle for every instance that the function's role may not delete.

    The role allows those with the tag, which is put back on those that are recorded, or named after
    an adopted cluster. Any other instance would stop the deletion half-way.
    """
    for instance in instances:
        instance_id = instance["DBInstanceIdentifier"]
        adopted = request.restore.target.adopt and is_named_after(request.cluster_id, instance_id)
        marked = request.owner.of_environment(instance)
        if not (marked or adopted or is_recorded_instance(request, record, cluster, instance)):
            yield Obstacle(
                TARGET,
                f"instance {instance_id} of cluster {cluster['DBClusterIdentifier']} lacks the "
                "pipeline's tag",
                f"tag it {TAG_MANAGED_BY}={request.owner.name_prefix}, or delete it",
            )


def obstacles_of_attachments(cluster: "DBClusterTypeDef") -> Iterator[Obstacle]:
    """Yield an obstacle for everything that ties a cluster to others."""
    for problem, remedy in attachments(cluster):
        yield Obstacle(TARGET, problem, remedy)


def refused_deletion(
    request: RestoreRequest, cluster: "DBClusterTypeDef", final_snapshot: str | None
) -> Iterator[Obstacle]:
    """Yield an obstacle for every reason why RDS would refuse to delete a cluster."""
    name = cluster["DBClusterIdentifier"]
    if cluster["Status"] in DEAD_CLUSTER and final_snapshot:
        yield Obstacle(
            TARGET,
            f"cluster {name} is {cluster['Status']}, and RDS makes no final snapshot of it",
            "start with skip_final_snapshot: true",
            Action.START_AGAIN,
        )
    if cluster.get("DeletionProtection") and not request.restore.target.replace_protected:
        yield Obstacle(
            TARGET,
            f"cluster {name} has deletion protection",
            "lift it, or set target.replace_protected in the configuration and deploy",
        )
