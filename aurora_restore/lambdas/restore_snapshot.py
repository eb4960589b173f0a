"""Restore the cluster from the snapshot."""

from dataclasses import replace
from typing import TYPE_CHECKING, Final, assert_never

from aurora_restore.shared.awaited import Awaited
from aurora_restore.shared.aws_utils import code_of
from aurora_restore.shared.base_handler import BaseHandler
from aurora_restore.shared.cluster.calls import restore_cluster
from aurora_restore.shared.cluster.capacity import (
    NO_CLASS,
    GiveUp,
    TryClass,
    WaitForCapacity,
    capacity_action,
    capacity_error,
    shortage_facts,
    shortage_of,
    with_capacity,
    with_capacity_wait,
)
from aurora_restore.shared.cluster.expiry import expiry_of_restore
from aurora_restore.shared.cluster.network import (
    NO_SUBNET_GROUP,
    ClusterNetwork,
    describe_subnet_group,
    network_of,
)
from aurora_restore.shared.cluster.quarantine import quarantine_notice
from aurora_restore.shared.cluster.settings import (
    planned_instances,
    restore_settings,
    restored_tags,
)
from aurora_restore.shared.copy_lease import is_being_deleted, take_lease_if_common
from aurora_restore.shared.errors import (
    AuroraRestoreError,
    AwsError,
    ForeignClusterError,
    SnapshotNotAvailableError,
    SnapshotNotFoundError,
    ValidationError,
)
from aurora_restore.shared.job import Answer, Job
from aurora_restore.shared.operation_state import OperationState
from aurora_restore.shared.pipeline import get_step
from aurora_restore.shared.preflight.refusing import refuse_foreign_snapshot, refuse_wrong_groups
from aurora_restore.shared.rds.reads import find_cluster, find_snapshot
from aurora_restore.shared.rds.statuses import AVAILABLE
from aurora_restore.shared.snapshots.path import absent_snapshot
from aurora_restore.shared.target_record import TargetRecord

if TYPE_CHECKING:
    from mypy_boto3_rds.type_defs import DBClusterSnapshotTypeDef, DBClusterTypeDef

ALREADY_EXISTS: Final = "DBClusterAlreadyExistsFault"


class RestoreSnapshotHandler(BaseHandler):
    """The step that starts RestoreDBClusterFromSnapshot, which makes a cluster without instances.

    It keeps a cluster that this operation has restored already.
    """

    step = get_step("restore-snapshot")
    services = ("rds", "ec2")

    def run(self, job: Job) -> Answer:
        """Start the restore and return 200, or 202 while AWS has no capacity for it.

        Raises TargetSnapshotNotFoundError if there is no such snapshot, SnapshotNotVisibleError if
        it was shared and is not visible yet, SnapshotNotAvailableError if it is not available,
        UnsuitableInputError if it is not of the configured source, ForeignClusterError if another
        cluster has the target's name, and InsufficientCapacityError if AWS has had no capacity for
        the configured time. Raises PreflightError for security groups that the cluster cannot have,
        and ValidationError where the event names them, or a subnet group that does not exist.
        """
        try:
            return self._start(job)
        except AwsError as error:
            named = job.event.db_subnet_group_name
            if named is None or code_of(error) != NO_SUBNET_GROUP or job.execution:
                raise
            raise ValidationError(
                f"db_subnet_group_name: RDS refuses {named!r}: {error.message}"
            ) from error

    def _start(self, job: Job) -> Answer:
        name = job.snapshot_to_restore
        rds, target = job.rds.at_target, job.restore.target
        group = describe_subnet_group(rds, job.event, target)
        network = network_of(
            job.event,
            target,
            group,
            quarantine_group=job.environment.quarantine_security_group,
        )
        before = job.target_record.read()
        existing = find_cluster(rds, job.own_cluster_id(before))
        if existing is not None:
            record = self._require_own_cluster(job, existing, before)
            return self._answer(job, name, existing["Status"], network, record, job.state)
        copy = take_lease_if_common(job, name)
        snapshot = find_snapshot(rds, name)
        if is_being_deleted(copy, job):
            raise SnapshotNotAvailableError(
                f"snapshot {name} in {job.target_region} is being deleted, because no restore used "
                "it; enter at copy-snapshot to have it made again"
            )
        if snapshot is None:
            raise self._absent(job, name)
        if snapshot["Status"] != AVAILABLE:
            raise SnapshotNotAvailableError(
                f"snapshot {name} in {job.target_region} is {snapshot['Status']!r}; only an "
                "available one can be restored"
            )
        refuse_foreign_snapshot(job.request, snapshot)
        # RDS sees them only at the hand-over.
        refuse_wrong_groups(job.request, job.clients, network)
        # Raises an error before the restore if no instances could be made after it.
        planned_instances(target, job.state.old_cluster, job.restored_cluster_id)
        try:
            status, record = self._restore(job, snapshot, network, before)
        except AwsError as error:
            return self._wait_for_capacity(job, error)
        started = replace(job.with_attempt(job.state), restore_started_at=job.now)
        return self._answer(job, name, status, network, record, started)

    def _restore(
        self,
        job: Job,
        snapshot: "DBClusterSnapshotTypeDef",
        network: ClusterNetwork,
        before: TargetRecord | None,
    ) -> tuple[str, TargetRecord]:
        """Start the restore; return the cluster's status, and the target record.

        The record names the operation before there is a cluster: from then on no earlier operation
        takes what is at the target for its own.
        """
        rds, target, old = job.rds.at_target, job.restore.target, job.state.old_cluster
        settings = restore_settings(target, old, network)
        tags = restored_tags(target, old, job.owner.tags)
        if job.request.restores_beside:
            tags |= expiry_of_restore(job.clock())
        job.record(
            replace(
                job.state.of_cluster(None),
                restore_settings=settings,
                quarantine_security_group_ids=network.quarantine_group_ids,
            )
        )
        record = job.target_record.write(
            TargetRecord.of_next(job.operation_id, before), instead_of=before
        )
        try:
            restored = restore_cluster(
                job.restored_cluster_id,
                job.target_region,
                snapshot,
                snapshot["DBClusterSnapshotArn"],
                settings,
                tags,
            ).make(rds)
        except AwsError as error:
            existing = find_cluster(rds, job.restored_cluster_id)
            if code_of(error) != ALREADY_EXISTS or existing is None:
                raise
            return existing["Status"], self._require_own_cluster(job, existing, record)
        except SnapshotNotFoundError as error:
            raise self._absent(job, snapshot["DBClusterSnapshotIdentifier"]) from error
        cluster: DBClusterTypeDef = restored["DBCluster"]
        return cluster["Status"], job.target_record.add(
            record, job.operation_id, cluster.get("DbClusterResourceId")
        )

    def _wait_for_capacity(self, job: Job, error: AwsError) -> Answer:
        """Return the answer that waits for capacity. Raises an error if that is not the reason.

        Raises InsufficientCapacityError once the configured time is over.
        """
        shortage = shortage_of(error)
        if shortage is None:
            raise error
        body = {**job.target_body, "waiting_for": shortage.describe(NO_CLASS)}
        now, target = job.clock(), job.restore.target
        match capacity_action(shortage_facts(job.state, target, shortage, NO_CLASS, now=now)):
            case WaitForCapacity():
                return Answer.wait(
                    Awaited.CAPACITY,
                    "The restore waits for capacity",
                    body,
                    with_capacity_wait(job.state, NO_CLASS, now),
                )
            case GiveUp() | TryClass():
                raise capacity_error(error, shortage, [NO_CLASS], target) from error
            case action:
                assert_never(action)

    def _absent(self, job: Job, snapshot: str) -> AuroraRestoreError:
        just_shared = job.is_recent(job.state.shared_at)
        return absent_snapshot(snapshot, job.target_region, just_shared=just_shared)

    def _require_own_cluster(
        self, job: Job, existing: "DBClusterTypeDef", record: TargetRecord | None
    ) -> TargetRecord:
        """Write the target record of a cluster that this operation restored, and return it.

        Raises ForeignClusterError for any other cluster.
        """
        if not job.owner.has_restored(existing, record):
            raise ForeignClusterError(
                f"cluster {existing['DBClusterIdentifier']} exists ({existing['Status']}), and "
                "this operation did not restore it; enter at delete-rds to have it replaced",
                target_cluster_id=job.target_cluster_id,
            )
        return job.target_record.add(record, job.operation_id, existing.get("DbClusterResourceId"))

    def _answer(
        self,
        job: Job,
        snapshot_name: str,
        status: str,
        network: ClusterNetwork,
        record: TargetRecord,
        state: OperationState,
    ) -> Answer:
        started = replace(
            with_capacity(state.of_cluster(record.resource_id), NO_CLASS),
            new_cluster_id=job.restored_cluster_id,
            restore_status=status,
            restore_started_at=state.restore_started_at or job.now,
            restore_is_dead=False,
            vpc_id=network.vpc_id,
            subnet_ids=network.subnet_ids,
            security_group_ids=network.security_group_ids,
        )
        return Answer(
            "Snapshot restore initiated",
            {
                "target_snapshot_name": snapshot_name,
                "target_region": job.target_region,
                "target_cluster_id": job.target_cluster_id,
                "status": status,
                **quarantine_notice(started, job.restored_cluster_id),
            },
            started,
        )


handler = RestoreSnapshotHandler.loaded()
