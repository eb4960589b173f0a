"""What is next in the deletion of a cluster, decided from facts alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aurora_restore.shared.rds.reads import GRACE_SECONDS
from aurora_restore.shared.rds.statuses import (
    AT_REST,
    AVAILABLE,
    DELETING,
    FINISHED_SNAPSHOT,
    STOPPED,
)

if TYPE_CHECKING:
    from aurora_restore.shared.preflight.obstacles import Obstacle

BEGINNING: Final = frozenset({"creating", "starting"})
"""Statuses of an instance that cannot be deleted yet."""


@dataclass(frozen=True, kw_only=True)
class EarlierFinalSnapshot:
    """A snapshot that has the final snapshot's name already."""

    status: str
    is_of_this_cluster: bool
    """Whether an earlier attempt has begun it, from this same cluster."""
    age_seconds: float | None
    """None until it has a creation time."""


@dataclass(frozen=True, kw_only=True)
class RequestedDeletion:
    """A deletion of this very cluster that the operation has asked RDS for already."""

    is_accepted: bool
    """Whether RDS is known to have accepted it. Otherwise the function died, or the response was
    lost."""
    sign: str | None = None
    """What shows that it is in progress."""
    seconds_without_sign: float = 0.0
    """Since it was accepted, or a sign was last seen."""


@dataclass(frozen=True, kw_only=True)
class DeletionFacts:
    """What is known of the cluster that is to be deleted."""

    cluster_id: str
    cluster_status: str | None
    """None if there is no cluster."""
    is_finished_restore: bool
    """Whether this operation has restored the cluster already."""
    instance_statuses: Sequence[tuple[str, str]] = ()
    """Name and status of each instance."""
    obstacles: "Sequence[Obstacle]" = ()
    final_snapshot: str | None = None
    """The name of the final snapshot that is to be taken, if any."""
    earlier: EarlierFinalSnapshot | None = None
    requested: RequestedDeletion | None = None
    patience_seconds: float = 0.0
    """For how long an accepted deletion without any sign is waited for."""


@dataclass(frozen=True)
class KeepRestored:
    """This operation has restored the cluster: there is nothing to delete."""


@dataclass(frozen=True)
class Refuse:
    """A check has found obstacles."""

    obstacles: "Sequence[Obstacle]"


@dataclass(frozen=True)
class NothingToDelete:
    """There is no cluster."""


@dataclass(frozen=True)
class AwaitDeletion:
    """The cluster is being deleted already."""


@dataclass(frozen=True)
class AwaitRest:
    """RDS would refuse to delete a part of the cluster now, so the other parts stay as well."""

    reason: str


@dataclass(frozen=True)
class Start:
    """RDS deletes no stopped cluster, so it is started first."""


@dataclass(frozen=True)
class Delete:
    """Delete the cluster."""

    final_snapshot: str | None
    """The name of the final snapshot that is still to be taken."""
    renames_final_snapshot: bool = False
    """Whether another snapshot has the planned name."""
    keeps_earlier: bool = False
    """Whether a final snapshot of an earlier attempt is marked as the pipeline's, to be pruned."""


DeletionAction = (
    KeepRestored | Refuse | NothingToDelete | AwaitDeletion | AwaitRest | Start | Delete
)


def decide(facts: DeletionFacts, *, another_name: str) -> DeletionAction:
    """Return what to do. ``another_name`` names a final snapshot if the planned name is taken.

    A cluster may keep its status for long after its deletion was accepted. It is asked for again
    if nothing has shown for long that it is in progress, or if its acceptance is not known: RDS
    refuses the second call if the first one is being carried out.

    A final snapshot that an earlier attempt took is enough while that deletion may be in progress.
    If that deletion failed, the cluster may have been used since, and gets another one.
    """
    if facts.is_finished_restore:
        return KeepRestored()
    if facts.obstacles:
        return Refuse(facts.obstacles)
    if facts.cluster_status is None:
        return NothingToDelete()
    if facts.cluster_status == DELETING:
        return AwaitDeletion()
    if facts.requested is not None and _is_in_progress(facts, facts.requested):
        return AwaitDeletion()
    if facts.cluster_status == STOPPED:
        return Start()
    if facts.cluster_status not in AT_REST:
        return AwaitRest(f"cluster {facts.cluster_id}, which is {facts.cluster_status}")
    for name, status in facts.instance_statuses:
        if status in BEGINNING:
            return AwaitRest(f"instance {name}, which is {status}")
    earlier = facts.earlier
    if earlier is None:
        return Delete(facts.final_snapshot)
    if earlier.is_of_this_cluster and earlier.status not in FINISHED_SNAPSHOT:
        return AwaitRest(f"its final snapshot, which is {earlier.status}")
    if earlier.is_of_this_cluster and earlier.status == AVAILABLE:
        if earlier.age_seconds is None or earlier.age_seconds < GRACE_SECONDS:
            return Delete(None)
        return Delete(another_name, renames_final_snapshot=True, keeps_earlier=True)
    return Delete(another_name, renames_final_snapshot=True)


def _is_in_progress(facts: DeletionFacts, requested: RequestedDeletion) -> bool:
    """Return whether an accepted deletion is in progress, or may be."""
    if not requested.is_accepted:
        return False
    if requested.sign is not None or facts.cluster_status not in AT_REST:
        return True
    return requested.seconds_without_sign < facts.patience_seconds
