"""The deletion of one cluster by one operation, from whatever state an earlier call has left."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, assert_never

from aurora_restore.shared.awaited import Awaited
from aurora_restore.shared.aws_utils import code_of, was_repeated
from aurora_restore.shared.cluster.calls import deletion, start_cluster
from aurora_restore.shared.cluster.deletion import (
    DoomedCluster,
    find_final_snapshot,
    is_snapshot_in_progress,
    sign_of_deletion,
)
from aurora_restore.shared.cluster.deletion_decision import (
    AwaitDeletion,
    AwaitRest,
    Delete,
    DeletionFacts,
    EarlierFinalSnapshot,
    KeepRestored,
    NothingToDelete,
    Refuse,
    RequestedDeletion,
    Start,
    decide,
)
from aurora_restore.shared.cluster.serving import find_serving
from aurora_restore.shared.errors import (
    AuroraRestoreError,
    AwsError,
    ClusterNotFoundError,
    DeletionFailedError,
)
from aurora_restore.shared.hook_call import HookedCluster, hook_due
from aurora_restore.shared.job import Answer, Job
from aurora_restore.shared.names import final_snapshot_name
from aurora_restore.shared.operation_state import OperationState
from aurora_restore.shared.preflight.obstacles import Obstacle
from aurora_restore.shared.preflight.refusing import refusal
from aurora_restore.shared.preflight.room import Room, find_room
from aurora_restore.shared.rds.calls import RdsCall
from aurora_restore.shared.rds.reads import find_cluster, find_instance, find_snapshot
from aurora_restore.shared.rds.statuses import DELETING, STOPPED
from aurora_restore.shared.sequences import RETIRE
from aurora_restore.shared.snapshots.calls import mark_final_snapshot
from aurora_restore.shared.state_utils import seconds_since

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_rds.type_defs import DBClusterSnapshotTypeDef, DBClusterTypeDef

INVALID_STATE: Final = "InvalidDBClusterStateFault"
"""With it RDS refuses to delete a cluster whose deletion it has accepted already."""


def room_of(job: Job) -> Room:
    """Return which clusters beside the target a job deletes; a retirement only what is due."""
    rds, record = job.rds.at_target, job.target_record.read()
    return find_room(
        rds,
        job.request,
        record,
        find_serving(rds, job.request, record),
        due_by=job.clock() if job.sequence is RETIRE else None,
    )


@dataclass(frozen=True, kw_only=True)
class ClusterDeletion:
    """One cluster that is to be gone, or that has never been there."""

    job: Job
    cluster_id: str
    doomed: DoomedCluster | None
    """None if there is no cluster of that name."""
    noted: OperationState
    """The state with what is to be known of the cluster before it loses anything."""
    is_finished_restore: bool = False
    """Whether this operation has restored the cluster, and goes on with it."""
    obstacles: Sequence[Obstacle] = ()

    @property
    def rds(self) -> "RDSClient":
        """Return RDS where the cluster is."""
        return self.job.rds.at_target

    @cached_property
    def named_as_final(self) -> "DBClusterSnapshotTypeDef | None":
        """Return the snapshot that has the final snapshot's name already."""
        name = None if self.doomed is None else self.doomed.final_snapshot
        return None if name is None else find_snapshot(self.rds, name)

    def go_on(self, body: dict[str, Any]) -> Answer:
        """Do what is next, and return the answer with ``body``.

        That is 200 once the deletion is in progress or nothing is to be deleted, 404 if there is no
        cluster, and 202 while it must wait. Raises PreflightError with every obstacle.
        """
        job = self.job
        another_name = final_snapshot_name(job.target_cluster_id, job.now)
        facts = self._look()
        match decide(facts, another_name=another_name):
            case KeepRestored():
                return Answer(
                    "Nothing to delete: this operation has restored the cluster already",
                    {**body, "status": facts.cluster_status},
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
                return self._initiated(self._joined(facts), body)
            case AwaitRest(reason):
                return Answer.wait(Awaited.REST, f"The deletion waits for {reason}", body)
            case Start():
                self._start()
                return Answer.wait(
                    Awaited.REST,
                    f"The deletion waits for cluster {self.cluster_id}, which is started first",
                    body,
                )
            case Delete() as action:
                if asked := self._hook():
                    return asked
                return self._initiated(self._delete(facts, action), body)
            case action:
                assert_never(action)

    def _hook(self) -> Answer | None:
        """Return the answer by which the hook is called first; None if none is due.

        What the operation has restored itself is not the old cluster.
        """
        doomed = self._require()
        if doomed.resource_id == self.job.state.cluster_resource_id:
            return None
        return hook_due(
            self.job,
            HookedCluster(
                cluster_id=doomed.name,
                resource_id=doomed.resource_id,
                endpoint=doomed.cluster.get("Endpoint"),
                port=doomed.cluster.get("Port"),
            ),
        )

    def _look(self) -> DeletionFacts:
        doomed = self.doomed
        facts = DeletionFacts(
            cluster_id=self.cluster_id,
            cluster_status=None if doomed is None else doomed.cluster["Status"],
            is_finished_restore=self.is_finished_restore,
            obstacles=self.obstacles,
        )
        if doomed is None or self.is_finished_restore:
            return facts
        return replace(
            facts,
            instance_statuses=[
                (instance["DBInstanceIdentifier"], instance.get("DBInstanceStatus", ""))
                for instance in doomed.instances
            ],
            final_snapshot=doomed.final_snapshot,
            earlier=self._look_at_earlier(doomed),
            requested=self._look_at_request(doomed),
            patience_seconds=60.0 * self.job.restore.repeat_deletion_after_minutes,
        )

    def _look_at_request(self, doomed: DoomedCluster) -> RequestedDeletion | None:
        state = self.job.state
        if state.deletion_of is None or state.deletion_of != doomed.resource_id:
            return None
        final = find_final_snapshot(self.rds, state)
        seen = state.deletion_seen_at or state.delete_started_at
        return RequestedDeletion(
            is_accepted=state.delete_started_at is not None
            or is_snapshot_in_progress(doomed.cluster, final),
            sign=sign_of_deletion(doomed.cluster, doomed.instances, final),
            seconds_without_sign=0.0 if seen is None else seconds_since(seen, self.job.clock()),
        )

    def _look_at_earlier(self, doomed: DoomedCluster) -> EarlierFinalSnapshot | None:
        snapshot = self.named_as_final
        if snapshot is None:
            return None
        created = snapshot.get("SnapshotCreateTime")
        return EarlierFinalSnapshot(
            status=snapshot["Status"],
            is_of_this_cluster=snapshot.get("DbClusterResourceId") == doomed.resource_id,
            age_seconds=None if created is None else (self.job.clock() - created).total_seconds(),
        )

    def _require(self) -> DoomedCluster:
        """Return the cluster. Raises ClusterNotFoundError if it does not exist."""
        if self.doomed is None:
            raise ClusterNotFoundError(f"there is no cluster {self.cluster_id}")
        return self.doomed

    def _start(self) -> None:
        """Start the cluster; do nothing if it is no longer stopped."""
        try:
            start_cluster(self.cluster_id, self.job.target_region).make(self.rds)
        except AwsError as error:
            cluster = find_cluster(self.rds, self.cluster_id)
            if code_of(error) != INVALID_STATE or (cluster and cluster["Status"] == STOPPED):
                raise

    def _joined(self, facts: DeletionFacts) -> OperationState:
        """Return the state with a deletion that is in progress already.

        It is an attempt only if the operation did not know of it.
        """
        job = self.job
        known = facts.requested is not None and job.state.delete_started_at is not None
        state = job.state if known else self._started(self._require())
        is_seen = facts.requested is None or facts.requested.sign is not None
        return replace(state, deletion_seen_at=job.now) if is_seen else state

    def _started(self, doomed: DoomedCluster) -> OperationState:
        """Return the state with a deletion that begins now."""
        job = self.job
        return replace(
            job.with_attempt(job.state),
            deletion_of=doomed.resource_id,
            delete_started_at=job.now,
            deletion_seen_at=job.now,
        )

    def _delete(self, facts: DeletionFacts, action: Delete) -> OperationState:
        """Record the cluster while it is complete, and make the calls that delete it.

        Returns the state from then on. Raises DeletionFailedError if RDS has accepted the deletion
        of this cluster more often than is configured.
        """
        job, doomed = self.job, self._require()
        if self.noted != job.state:
            job.record(self.noted)
        before = job.state.final_snapshot
        if action.keeps_earlier and self.named_as_final is not None:
            mark_final_snapshot(
                self.named_as_final["DBClusterSnapshotArn"], job.target_region, job.owner.tags
            ).make(self.rds)
        if action.renames_final_snapshot:
            job.record(replace(job.state, final_snapshot=action.final_snapshot))
        for each in doomed.marks:
            each.make(self.rds)
        living = [
            instance
            for instance in doomed.instances
            if instance.get("DBInstanceStatus") != DELETING
        ]
        *of_parts, of_cluster = deletion(
            doomed.cluster, living, job.target_region, action.final_snapshot
        )
        for each in of_parts:
            try:
                each.make(self.rds)
            except AwsError:
                if not self._is_instance_going(each):
                    raise
        if self._delete_cluster(doomed, facts, of_cluster):
            return self._accepted(doomed)
        is_known = facts.requested is not None and facts.requested.is_accepted
        state = job.state if is_known else self._started(doomed)
        if facts.requested is not None:
            state = replace(state, final_snapshot=before)
        return replace(state, deletion_seen_at=job.now)

    def _delete_cluster(
        self, doomed: DoomedCluster, facts: DeletionFacts, of_cluster: RdsCall
    ) -> bool:
        """Delete the cluster, and return whether RDS accepts that; False if it was at it before.

        That it asks is written down first, so that a later call knows of it, however this one ends.
        """
        job = self.job
        known = job.state
        if facts.requested is None:
            job.record(
                replace(
                    known,
                    deletion_of=doomed.resource_id,
                    delete_started_at=None,
                    deletion_seen_at=None,
                )
            )
        try:
            of_cluster.make(self.rds)
        except (AwsError, ClusterNotFoundError) as error:
            repeated = facts.requested is not None or was_repeated(error)
            if self._is_cluster_going(refused=error, repeated=repeated):
                return False
            job.state = known
            raise
        return True

    def _accepted(self, doomed: DoomedCluster) -> OperationState:
        """Return the state after an accepted deletion; raise if it has failed too often.

        RDS accepts the deletion of a cluster again only if the one before has come to nothing.
        """
        job, name, status = self.job, doomed.resource_id, doomed.cluster["Status"]
        state = job.with_attempt(self._started(doomed), name)
        if job.execution and state.attempts[name] > job.restore.max_attempts:
            job.state = state
            raise DeletionFailedError(
                f"RDS has accepted the deletion of cluster {self.cluster_id} in "
                f"{job.target_region} {state.attempts[name]} times, and each time but the last, "
                f"which goes on, the cluster stayed {status!r}",
                target_cluster_id=job.target_cluster_id,
                status=status,
            )
        return state

    def _is_instance_going(self, of_instance: RdsCall) -> bool:
        """Return whether what a call was to delete is being deleted, or gone.

        boto3 repeats a deletion whose response was lost, and RDS refuses the second one.
        """
        if of_instance.operation != "DeleteDBInstance":
            return False
        instance = find_instance(self.rds, of_instance.parameters["DBInstanceIdentifier"])
        return instance is None or instance.get("DBInstanceStatus") == DELETING

    def _is_cluster_going(self, *, refused: AuroraRestoreError, repeated: bool) -> bool:
        """Return whether RDS refused to delete the cluster because it is at it, or has done it.

        Nothing else was against the deletion when it was first asked for, so the state of the
        cluster as the reason (InvalidDBClusterStateFault) proves it, whatever status is shown.
        """
        cluster: DBClusterTypeDef | None = find_cluster(self.rds, self.cluster_id)
        if cluster is None or cluster["Status"] == DELETING:
            return True
        if repeated and code_of(refused) == INVALID_STATE:
            return True
        name = self.job.state.final_snapshot
        final = None if name is None else find_snapshot(self.rds, name)
        return is_snapshot_in_progress(cluster, final)

    def _initiated(self, state: OperationState, body: dict[str, Any]) -> Answer:
        return Answer(
            "Cluster deletion initiated",
            {**body, "status": DELETING},
            replace(state, deleted_cluster_id=self.cluster_id),
        )
