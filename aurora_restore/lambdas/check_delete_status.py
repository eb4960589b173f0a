"""Wait until a cluster that is deleted is gone."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, assert_never

from aurora_restore.shared.awaited import Awaited
from aurora_restore.shared.base_handler import BaseHandler
from aurora_restore.shared.cluster.deletion import find_final_snapshot, sign_of_deletion
from aurora_restore.shared.cluster_deletion import room_of
from aurora_restore.shared.common import update_metrics
from aurora_restore.shared.errors import DeletionFailedError
from aurora_restore.shared.job import Answer, Job
from aurora_restore.shared.operation_state import OperationState
from aurora_restore.shared.pipeline import get_step
from aurora_restore.shared.protocol import RESTART_FROM
from aurora_restore.shared.rds.reads import find_cluster, instances_of
from aurora_restore.shared.rds.statuses import AT_REST, DELETING
from aurora_restore.shared.sequences import REPLACE
from aurora_restore.shared.snapshots.calls import mark_final_snapshot
from aurora_restore.shared.state_utils import seconds_since

if TYPE_CHECKING:
    from mypy_boto3_rds.type_defs import DBClusterTypeDef


@dataclass(frozen=True, kw_only=True)
class DeletionProgress:
    """What is known of a cluster that is to be gone."""

    cluster_status: str | None
    """None if there is no cluster."""
    is_finished_restore: bool
    """Whether this operation has restored the cluster already."""
    is_another: bool = False
    """Whether it is not the cluster that was deleted, but one that was made since."""
    sign: str | None = None
    """What shows that the deletion is in progress."""
    seconds_without_sign: float | None = None
    """Since the deletion was accepted, or a sign was last seen; None if none was asked for."""
    patience_seconds: float
    """For how long a deletion without any sign is waited for."""


@dataclass(frozen=True)
class Gone:
    """The old cluster is gone."""


@dataclass(frozen=True)
class AwaitEnd:
    """The cluster is being deleted, or may be."""


@dataclass(frozen=True)
class DeleteAgain:
    """Nothing shows that the cluster is being deleted, so RDS is asked again."""


ProgressAction = Gone | AwaitEnd | DeleteAgain


def decide(facts: DeletionProgress) -> ProgressAction:
    """Return whether the cluster is gone, is waited for, or is to be deleted again.

    A cluster may keep its status for long after its deletion was accepted, so the status alone
    does not say that it stays.
    """
    if facts.cluster_status is None or facts.is_finished_restore:
        return Gone()
    if facts.is_another:
        return DeleteAgain()
    if facts.sign is not None:
        return AwaitEnd()
    if facts.cluster_status not in AT_REST:
        return AwaitEnd()
    if facts.seconds_without_sign is None:
        return DeleteAgain()
    if facts.seconds_without_sign < facts.patience_seconds:
        return AwaitEnd()
    return DeleteAgain()


class CheckDeleteStatusHandler(BaseHandler):
    """The step that waits until a cluster is gone, and then tags its final snapshot.

    Only DBClusterNotFoundFault means deleted: after an accepted DeleteDBCluster the cluster may
    still show the status that it had. Beside the target several clusters go, one after the other.
    """

    step = get_step("check-delete-status")
    services = ("rds",)

    def run(self, job: Job) -> Answer:
        """Return 200 once the cluster is gone, 202 until then.

        Raises DeletionFailedError on a direct call if the cluster is not being deleted; in an
        execution that leads back to delete-rds, as another cluster does that is still to go.
        """
        body = job.target_body
        name = _awaited(job)
        if name is None:
            return self._continue(job, body, job.state)
        cluster = find_cluster(job.rds.at_target, name)
        facts = self._look(job, name, cluster)
        if name != job.target_cluster_id:
            body["deleted_cluster_id"] = name
        match decide(facts):
            case Gone():
                if job.state.delete_started_at is not None:
                    duration = seconds_since(job.state.delete_started_at, job.clock())
                    update_metrics(job.operation_id, "DeleteDuration", duration, "Seconds")
                self._tag_final_snapshot(job)
                if job.sequence is REPLACE:
                    return Answer("Cluster deletion completed", body)
                return self._continue(job, body, self._note_gone(job, name))
            case AwaitEnd():
                body["status"] = str(facts.cluster_status)
                state = job.state
                if facts.sign is not None:
                    if facts.cluster_status != DELETING:
                        body["waiting_for"] = facts.sign
                    state = replace(state, deletion_seen_at=job.now)
                message = "Cluster deletion is still in progress"
                return Answer.wait(Awaited.DELETION, message, body, state)
            case DeleteAgain():
                body["status"] = str(facts.cluster_status)
                return job.start_again(
                    DeletionFailedError(
                        f"cluster {name} in {job.target_region} is {facts.cluster_status!r}, and "
                        "nothing shows that it is being deleted",
                        **body,
                    ),
                    limited=False,
                )
            case action:
                assert_never(action)

    def _look(self, job: Job, name: str, cluster: "DBClusterTypeDef | None") -> DeletionProgress:
        state = job.state
        patience = 60.0 * job.restore.repeat_deletion_after_minutes
        # Beside the target, what was to be deleted is never what the operation goes on with.
        finished = (
            job.sequence is REPLACE
            and cluster is not None
            and job.owner.is_finished_restore(
                cluster, job.target_record.read(), restore_is_dead=state.restore_is_dead
            )
        )
        if cluster is None or finished:
            return DeletionProgress(
                cluster_status=None if cluster is None else cluster["Status"],
                is_finished_restore=finished,
                patience_seconds=patience,
            )
        rds, seen = job.rds.at_target, state.deletion_seen_at or state.delete_started_at
        final = find_final_snapshot(rds, state)
        deleted = state.deletion_of
        return DeletionProgress(
            cluster_status=cluster["Status"],
            is_finished_restore=False,
            is_another=deleted is not None and deleted != cluster.get("DbClusterResourceId"),
            sign=sign_of_deletion(cluster, instances_of(rds, name), final),
            seconds_without_sign=None if seen is None else seconds_since(seen, job.clock()),
            patience_seconds=patience,
        )

    def _tag_final_snapshot(self, job: Job) -> None:
        snapshot = find_final_snapshot(job.rds.at_target, job.state)
        if snapshot is not None:
            mark_final_snapshot(
                snapshot["DBClusterSnapshotArn"], job.target_region, job.owner.tags
            ).make(job.rds.at_target)

    def _note_gone(self, job: Job, name: str) -> OperationState:
        """Let the target record know that a cluster is gone, and return the state without it."""
        state, record = job.state, job.target_record.read()
        if record is not None and record.is_retired(state.deletion_of):
            job.target_record.write(replace(record, retired=None), instead_of=record)
        return replace(
            state,
            deleted_beside={**state.deleted_beside, name: state.final_snapshot or "deleted"},
            deletion_of=None,
            delete_started_at=None,
            deletion_seen_at=None,
            final_snapshot=None,
        )

    def _continue(self, job: Job, body: Mapping[str, Any], state: OperationState) -> Answer:
        """Return the answer that leads back to delete-rds if another cluster is still to go."""
        job.state = state
        names = [each.name for each in room_of(job).doomed]
        back = job.sequence.lead_back_of(self.step.name)
        if not names or back is None:
            return Answer("Cluster deletion completed", body, state)
        body = {**body, "still_to_go": names}
        message = f"Cluster deletion completed; {len(names)} more beside the target"
        if job.execution is None:
            return Answer(message, body, state)
        return Answer(message, {**body, RESTART_FROM: back.to}, state, HTTPStatus.ACCEPTED)


def _awaited(job: Job) -> str | None:
    """Return the name of the cluster that is to be gone; None if no deletion was begun."""
    if job.sequence is REPLACE:
        return job.target_cluster_id
    return job.state.deleted_cluster_id if job.state.deletion_of is not None else None


handler = CheckDeleteStatusHandler.loaded()
