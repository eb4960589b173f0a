"""Delete the old cluster, once every check has passed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, assert_never

from aurora_restore.shared.aws_utils import code_of, was_repeated
from aurora_restore.shared.base_handler import BaseHandler
from aurora_restore.shared.cluster.calls import deletion
from aurora_restore.shared.cluster.deletion import (
    find_final_snapshot,
    is_snapshot_in_progress,
    sign_of_deletion,
)
from aurora_restore.shared.errors import (
    AuroraRestoreError,
    AwsError,
    ClusterNotFoundError,
    DeletionFailedError,
    SnapshotNotAvailableError,
)
from aurora_restore.shared.job import GRACE_SECONDS, Answer, Job
from aurora_restore.shared.names import final_snapshot_name
from aurora_restore.shared.operation_state import OperationState
from aurora_restore.shared.pipeline import get_step
from aurora_restore.shared.preflight import find_obstacles, refusal
from aurora_restore.shared.preflight.inventory import Inventory, take_inventory
from aurora_restore.shared.preflight.obstacles import Obstacle
from aurora_restore.shared.rds.calls import RdsCall
from aurora_restore.shared.rds.reads import find_cluster, find_instance, find_snapshot
from aurora_restore.shared.rds.statuses import (
    AT_REST,
    AVAILABLE,
    DELETING,
    FINISHED_SNAPSHOT,
)
from aurora_restore.shared.snapshots.calls import mark_final_snapshot
from aurora_restore.shared.snapshots.path import absent_snapshot
from aurora_restore.shared.state_utils import seconds_since

if TYPE_CHECKING:
    from mypy_boto3_rds.type_defs import DBClusterSnapshotTypeDef, DBClusterTypeDef

BEGINNING: Final = frozenset({"creating", "starting"})
"""Statuses of an instance that cannot be deleted yet."""
INVALID_STATE: Final = "InvalidDBClusterStateFault"
"""With it RDS refuses to delete a cluster whose deletion it has accepted already."""


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
    obstacles: Sequence[Obstacle] = ()
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

    obstacles: Sequence[Obstacle]


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
class Delete:
    """Delete the cluster."""

    final_snapshot: str | None
    """The name of the final snapshot that is still to be taken."""
    renames_final_snapshot: bool = False
    """Whether another snapshot has the planned name."""
    keeps_earlier: bool = False
    """Whether a final snapshot of an earlier attempt is marked as the pipeline's, to be pruned."""


DeletionAction = KeepRestored | Refuse | NothingToDelete | AwaitDeletion | AwaitRest | Delete


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


class DeleteRdsHandler(BaseHandler):
    """The step that deletes the target's instances, readers first, and then the cluster.

    Before the first of these calls it has checked that the new data is available, that the restore
    can succeed and that the target may be replaced, and has written the target's settings to the
    state.
    """

    step = get_step("delete-rds")

    def run(self, job: Job) -> Answer:
        """Start the deletion and return 200, 404 if there is no cluster, 202 while it must wait.

        Raises SnapshotNotAvailableError if the snapshot to restore is not available,
        SnapshotNotVisibleError if it may not be visible yet, and PreflightError with every other
        obstacle.
        """
        found = take_inventory(
            job.request,
            self._find_new_data(job),
            job.source,
            None,
            access=job.rds,
            clients=job.clients,
            store=job.store,
        )
        body = {
            "target_cluster_id": job.target_cluster_id,
            "target_region": job.target_region,
        }
        another_name = final_snapshot_name(job.target_cluster_id, job.now)
        facts = self._look(job, found)
        match decide(facts, another_name=another_name):
            case KeepRestored():
                return Answer(
                    "Nothing to delete: this operation has restored the cluster already",
                    {**body, "status": found.cluster and found.cluster["Status"]},
                )
            case Refuse(obstacles):
                raise refusal(obstacles, job.target_cluster_id)
            case NothingToDelete():
                return Answer(
                    "Nothing to delete: there is no such cluster",
                    body,
                    status=HTTPStatus.NOT_FOUND,
                )
            case AwaitDeletion():
                return self._initiated(self._joined(job, found, facts), body)
            case AwaitRest(reason):
                return Answer.wait(f"The deletion waits for {reason}", body)
            case Delete() as action:
                return self._initiated(self._delete(job, found, facts, action), body)
            case action:
                assert_never(action)

    def _find_new_data(self, job: Job) -> "DBClusterSnapshotTypeDef":
        """Return the snapshot that will be restored; raise an error unless it is available."""
        name = job.snapshot_to_restore
        snapshot = find_snapshot(job.rds.at_target, name)
        if snapshot is None and job.is_recent(job.state.shared_at):
            raise absent_snapshot(name, job.target_region, just_shared=True)
        status = snapshot["Status"] if snapshot else "missing"
        if snapshot is None or status != AVAILABLE:
            raise SnapshotNotAvailableError(
                f"cluster {job.target_cluster_id} is not deleted: the snapshot to restore it from, "
                f"{name}, is {status}",
                target_cluster_id=job.target_cluster_id,
                target_snapshot_name=name,
                snapshot_status=status,
            )
        return snapshot

    def _look(self, job: Job, found: Inventory) -> DeletionFacts:
        cluster = found.cluster
        if cluster is not None and job.owner.is_finished_restore(
            cluster, found.record, restore_is_dead=job.state.restore_is_dead
        ):
            return DeletionFacts(
                cluster_id=job.target_cluster_id,
                cluster_status=cluster["Status"],
                is_finished_restore=True,
            )
        return DeletionFacts(
            cluster_id=job.target_cluster_id,
            cluster_status=None if cluster is None else cluster["Status"],
            is_finished_restore=False,
            instance_statuses=[
                (instance["DBInstanceIdentifier"], instance.get("DBInstanceStatus", ""))
                for instance in found.instances
            ],
            obstacles=find_obstacles(found),
            final_snapshot=found.final_snapshot,
            earlier=None if cluster is None else self._look_at_earlier(job, found, cluster),
            requested=None if cluster is None else self._look_at_request(job, found, cluster),
            patience_seconds=60.0 * job.restore.repeat_deletion_after_minutes,
        )

    def _look_at_request(
        self, job: Job, found: Inventory, cluster: "DBClusterTypeDef"
    ) -> RequestedDeletion | None:
        state = job.state
        if state.deletion_of is None or state.deletion_of != cluster.get("DbClusterResourceId"):
            return None
        final = find_final_snapshot(found.rds, state)
        seen = state.deletion_seen_at or state.delete_started_at
        return RequestedDeletion(
            is_accepted=state.delete_started_at is not None
            or is_snapshot_in_progress(cluster, final),
            sign=sign_of_deletion(cluster, found.instances, final),
            seconds_without_sign=0.0 if seen is None else seconds_since(seen, job.clock()),
        )

    def _look_at_earlier(
        self, job: Job, found: Inventory, cluster: "DBClusterTypeDef"
    ) -> EarlierFinalSnapshot | None:
        snapshot = found.named_as_final
        if snapshot is None:
            return None
        created = snapshot.get("SnapshotCreateTime")
        same = snapshot.get("DbClusterResourceId") == cluster.get("DbClusterResourceId")
        return EarlierFinalSnapshot(
            status=snapshot["Status"],
            is_of_this_cluster=same,
            age_seconds=None if created is None else (job.clock() - created).total_seconds(),
        )

    def _joined(self, job: Job, found: Inventory, facts: DeletionFacts) -> OperationState:
        """Return the state with a deletion that is in progress already.

        It is an attempt only if the operation did not know of it.
        """
        known = facts.requested is not None and job.state.delete_started_at is not None
        state = job.state if known else self._started(job, found.require_cluster())
        is_seen = facts.requested is None or facts.requested.sign is not None
        return replace(state, deletion_seen_at=job.now) if is_seen else state

    def _started(self, job: Job, cluster: "DBClusterTypeDef") -> OperationState:
        """Return the state with a deletion that begins now."""
        return replace(
            job.with_attempt(job.state),
            deletion_of=cluster["DbClusterResourceId"],
            delete_started_at=job.now,
            deletion_seen_at=job.now,
        )

    def _delete(
        self, job: Job, found: Inventory, facts: DeletionFacts, action: Delete
    ) -> OperationState:
        """Record the cluster while it is complete, and make the calls that delete it.

        Returns the state from then on. Raises DeletionFailedError if RDS has accepted the deletion
        of this cluster more often than is configured.
        """
        cluster = found.require_cluster()
        if not found.is_own:
            job.record(
                replace(
                    job.state,
                    old_cluster=found.old,
                    deleted_cluster_id=job.target_cluster_id,
                    final_snapshot=found.final_snapshot,
                )
            )
        before = job.state.final_snapshot
        if action.keeps_earlier and found.named_as_final is not None:
            mark_final_snapshot(
                found.named_as_final["DBClusterSnapshotArn"], job.target_region, job.owner.tags
            ).make(found.rds)
        if action.renames_final_snapshot:
            job.record(replace(job.state, final_snapshot=action.final_snapshot))
        living = [
            instance for instance in found.instances if instance.get("DBInstanceStatus") != DELETING
        ]
        *of_parts, of_cluster = deletion(cluster, living, job.target_region, action.final_snapshot)
        for each in of_parts:
            try:
                each.make(found.rds)
            except AwsError:
                if not self._is_instance_going(found, each):
                    raise
        if self._delete_cluster(job, found, facts, of_cluster):
            return self._accepted(job, cluster)
        is_known = facts.requested is not None and facts.requested.is_accepted
        state = job.state if is_known else self._started(job, cluster)
        if facts.requested is not None:
            state = replace(state, final_snapshot=before)
        return replace(state, deletion_seen_at=job.now)

    def _delete_cluster(
        self, job: Job, found: Inventory, facts: DeletionFacts, of_cluster: RdsCall
    ) -> bool:
        """Delete the cluster, and return whether RDS accepts that; False if it was at it before.

        That it asks is written down first, so that a later call knows of it, however this one ends.
        """
        cluster = found.require_cluster()
        known = job.state
        if facts.requested is None:
            job.record(
                replace(
                    known,
                    deletion_of=cluster["DbClusterResourceId"],
                    delete_started_at=None,
                    deletion_seen_at=None,
                )
            )
        try:
            of_cluster.make(found.rds)
        except (AwsError, ClusterNotFoundError) as error:
            repeated = facts.requested is not None or was_repeated(error)
            if self._is_cluster_going(job, found, refused=error, repeated=repeated):
                return False
            job.state = known
            raise
        return True

    def _accepted(self, job: Job, cluster: "DBClusterTypeDef") -> OperationState:
        """Return the state after an accepted deletion; raise if it has failed too often.

        RDS accepts the deletion of a cluster again only if the one before has come to nothing.
        """
        name = cluster["DbClusterResourceId"]
        state = job.with_attempt(self._started(job, cluster), name)
        if job.execution and state.attempts[name] > job.restore.max_attempts:
            job.state = state
            raise DeletionFailedError(
                f"RDS has accepted the deletion of cluster {job.target_cluster_id} in "
                f"{job.target_region} {state.attempts[name]} times, and each time but the last, "
                f"which goes on, the cluster stayed {cluster['Status']!r}",
                target_cluster_id=job.target_cluster_id,
                status=cluster["Status"],
            )
        return state

    def _is_instance_going(self, found: Inventory, of_instance: RdsCall) -> bool:
        """Return whether what a call was to delete is being deleted, or gone.

        boto3 repeats a deletion whose response was lost, and RDS refuses the second one.
        """
        if of_instance.operation != "DeleteDBInstance":
            return False
        instance = find_instance(found.rds, of_instance.parameters["DBInstanceIdentifier"])
        return instance is None or instance.get("DBInstanceStatus") == DELETING

    def _is_cluster_going(
        self, job: Job, found: Inventory, *, refused: AuroraRestoreError, repeated: bool
    ) -> bool:
        """Return whether RDS refused to delete the cluster because it is at it, or has done it.

        Nothing else was against the deletion when it was first asked for, so the state of the
        cluster as the reason (InvalidDBClusterStateFault) proves it, whatever status is shown.
        """
        cluster = find_cluster(found.rds, found.request.cluster_id)
        if cluster is None or cluster["Status"] == DELETING:
            return True
        if repeated and code_of(refused) == INVALID_STATE:
            return True
        name = job.state.final_snapshot
        final = None if name is None else find_snapshot(found.rds, name)
        return is_snapshot_in_progress(cluster, final)

    def _initiated(self, state: OperationState, body: dict[str, str]) -> Answer:
        return Answer(
            "Cluster deletion initiated",
            {**body, "status": DELETING},
            replace(state, deleted_cluster_id=body["target_cluster_id"]),
        )


handler = DeleteRdsHandler()
