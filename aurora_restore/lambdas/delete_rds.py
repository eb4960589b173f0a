"""Delete the old cluster, or what is beside the target, once every check has passed."""

from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aurora_restore.shared.base_handler import BaseHandler
from aurora_restore.shared.cluster.deletion import DoomedCluster
from aurora_restore.shared.cluster_deletion import ClusterDeletion, room_of
from aurora_restore.shared.common import parse_timestamp
from aurora_restore.shared.copy_lease import is_being_deleted, take_lease_if_common
from aurora_restore.shared.errors import SnapshotNotAvailableError
from aurora_restore.shared.job import Answer, Job
from aurora_restore.shared.operation_state import OperationState
from aurora_restore.shared.pipeline import get_step
from aurora_restore.shared.preflight.checks import find_obstacles
from aurora_restore.shared.preflight.inventory import Inventory, take_inventory
from aurora_restore.shared.preflight.refusing import refusal
from aurora_restore.shared.preflight.room import Room
from aurora_restore.shared.rds.reads import (
    clusters_by_resource_id,
    find_snapshot,
)
from aurora_restore.shared.rds.statuses import AVAILABLE, DELETING
from aurora_restore.shared.sequences import RETIRE, SWITCH
from aurora_restore.shared.snapshots.path import absent_snapshot
from aurora_restore.shared.switch_run import settle_pending_switch
from aurora_restore.shared.target_record import TargetRecord, switch_in_progress

if TYPE_CHECKING:
    from mypy_boto3_rds.type_defs import DBClusterSnapshotTypeDef


class DeleteRdsHandler(BaseHandler):
    """The step that deletes a cluster: its instances, readers first, and then itself.

    That is the target, where it is replaced. Before the first call that deletes, it has checked
    that the new data is available, that the restore can succeed and that the target may be
    replaced, and has written the target's settings to the state. Where the target is switched, it
    never deletes the target: it makes the same checks, and room beside it. In a retirement it
    deletes what has been kept beside the target for long enough.
    """

    step = get_step("delete-rds")
    services = ("rds", "ec2", "kms", "secretsmanager")

    def run(self, job: Job) -> Answer:
        """Start a deletion and return 200, 404 if there is nothing to delete, 202 while it waits.

        Raises SnapshotNotAvailableError if the snapshot to restore is not available,
        SnapshotNotVisibleError if it may not be visible yet, PreflightError with every other
        obstacle, and SwitchInProgressError if the operation has begun to switch. What another one
        has begun to switch is finished or undone first.
        """
        settled = settle_pending_switch(job)
        if isinstance(settled, Answer):
            return settled
        _refuse_own_switch(job, settled)
        if job.sequence is SWITCH:
            return self._make_room(job)
        if job.sequence is RETIRE:
            return self._retire(job)
        return self._replace(job)

    def _replace(self, job: Job) -> Answer:
        """Delete the cluster that has the target's name, unless this operation has restored it."""
        found = self._take_inventory(job)
        cluster = found.cluster
        (doomed,) = found.doomed or (None,)
        is_finished = cluster is not None and job.owner.is_finished_restore(
            cluster, found.record, restore_is_dead=job.state.restore_is_dead
        )
        noted = job.state
        if not found.is_own:
            noted = replace(
                noted,
                old_cluster=found.old,
                deleted_cluster_id=job.target_cluster_id,
                final_snapshot=found.final_snapshot,
            )
        return ClusterDeletion(
            job=job,
            cluster_id=job.target_cluster_id,
            doomed=doomed,
            noted=noted,
            is_finished_restore=is_finished,
            obstacles=() if is_finished else find_obstacles(found),
        ).go_on(job.target_body)

    def _make_room(self, job: Job) -> Answer:
        """Delete what earlier operations have left beside the target, one cluster at a time."""
        found = self._take_inventory(job)
        # Raises an error if the operation's cluster has been switched away since.
        job.own_cluster_id(found.record)
        if found.is_own or found.room.has_restored:
            return Answer(
                "Nothing to delete: this operation has restored the cluster already",
                job.target_body,
            )
        if obstacles := find_obstacles(found):
            raise refusal(obstacles, job.target_cluster_id)
        for each in found.marks:
            each.make(job.rds.at_target)
        state = replace(job.state, old_cluster=found.old)
        if not found.room.doomed:
            return Answer(
                "Nothing to delete: nothing is in the way beside the target",
                {**job.target_body, **_kept(found.room)},
                state,
                HTTPStatus.NOT_FOUND,
            )
        return self._delete_next(job, found.room, state)

    def _retire(self, job: Job) -> Answer:
        """Delete what has been kept beside the target for long enough, one cluster at a time."""
        room = room_of(job)
        if not room.doomed:
            self._forget_what_is_gone(job)
            return Answer("Nothing is due", {**job.target_body, **_kept(room)})
        return self._delete_next(job, room, job.state)

    def _forget_what_is_gone(self, job: Job) -> None:
        """Let the target record name no retired cluster that an earlier retirement has deleted."""
        record = job.target_record.read()
        retired = None if record is None else record.retired
        if record is None or retired is None or parse_timestamp(retired.keep_until) > job.clock():
            return
        if not clusters_by_resource_id(job.rds.at_target, [retired.cluster.resource_id]):
            job.target_record.write(replace(record, retired=None), record)

    def _delete_next(self, job: Job, room: Room, state: OperationState) -> Answer:
        """Delete the cluster whose deletion has begun, or else the first of those that go."""
        doomed = _next_of(room, state.deletion_of)
        noted = replace(state, deleted_cluster_id=doomed.name, final_snapshot=doomed.final_snapshot)
        return ClusterDeletion(job=job, cluster_id=doomed.name, doomed=doomed, noted=noted).go_on(
            {**job.target_body, "deleted_cluster_id": doomed.name, **_kept(room)}
        )

    def _take_inventory(self, job: Job) -> Inventory:
        return take_inventory(
            job.request,
            self._find_new_data(job),
            job.source,
            None,
            access=job.rds,
            clients=job.clients,
            store=job.store,
        )

    def _find_new_data(self, job: Job) -> "DBClusterSnapshotTypeDef":
        """Return the snapshot that will be restored; raise an error unless it is available."""
        name = job.snapshot_to_restore
        copy = take_lease_if_common(job, name)
        snapshot = find_snapshot(job.rds.at_target, name)
        if snapshot is None and job.is_recent(job.state.shared_at):
            raise absent_snapshot(name, job.target_region, just_shared=True)
        status = snapshot["Status"] if snapshot else "missing"
        if is_being_deleted(copy, job):
            status = DELETING
        if snapshot is None or status != AVAILABLE:
            raise SnapshotNotAvailableError(
                f"cluster {job.target_cluster_id} is not deleted: the snapshot to restore it from, "
                f"{name}, is {status}",
                target_cluster_id=job.target_cluster_id,
                target_snapshot_name=name,
                snapshot_status=status,
            )
        return snapshot


def _refuse_own_switch(job: Job, record: TargetRecord | None) -> None:
    """Raise SwitchInProgressError while this very operation is in the middle of its switch.

    Until that is finished or undone, a name does not tell which cluster serves.
    """
    if record is not None and record.switch is not None:
        raise switch_in_progress(record.switch, job.target_cluster_id)


def _next_of(room: Room, begun: str | None) -> DoomedCluster:
    return next((each for each in room.doomed if each.resource_id == begun), room.doomed[0])


def _kept(room: Room) -> Mapping[str, Any]:
    """Return what the answer says of the clusters beside the target that stay."""
    return {"kept": dict(room.kept)} if room.kept else {}


handler = DeleteRdsHandler.loaded()
