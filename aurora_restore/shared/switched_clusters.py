"""Which cluster is to serve as the target, and which does so far, by record and by looking."""

from dataclasses import replace

from aurora_restore.shared.cluster.network import attached_groups, lasting_groups
from aurora_restore.shared.cluster.serving import find_serving
from aurora_restore.shared.errors import (
    ForeignClusterError,
    NothingToRollBackError,
    NotSetUpError,
    SupersededError,
    TargetNotRecordedError,
)
from aurora_restore.shared.job import Job
from aurora_restore.shared.rds.reads import clusters_by_resource_id
from aurora_restore.shared.recorded_cluster import PlannedSwitch, RecordedCluster
from aurora_restore.shared.sequences import ROLL_BACK
from aurora_restore.shared.target_record import TargetRecord, superseded, switched_away


def require_record(job: Job, record: TargetRecord | None) -> TargetRecord:
    """Return the target record. Raises an error that says why there is nothing to switch to."""
    if record is not None:
        return record
    raise TargetNotRecordedError(
        f"nothing has been restored to {job.target_cluster_id} by the pipeline: there is no target "
        f"record {job.target_record.key}",
        target_cluster_id=job.target_cluster_id,
    )


def has_switched(job: Job, record: TargetRecord) -> bool:
    """Return whether this operation has switched already.

    Raises SupersededError if another one has switched since.
    """
    if record.switch is not None:
        return False
    state = job.state
    if job.sequence is ROLL_BACK:
        if record.retired is not None and record.retired.retired_by == job.operation_id:
            return True
        if is_rolled_back_unverified(record):
            return True
        has_begun = state.switched_at is not None or state.switch_started_at is not None
        if has_begun and record.switched_by != job.operation_id:
            raise SupersededError(
                f"operation {record.switched_by} has switched cluster {job.target_cluster_id} "
                f"since operation {job.operation_id} began to",
                target_cluster_id=job.target_cluster_id,
                switched_by=record.switched_by,
            )
        return state.switched_at is not None
    own = state.cluster_resource_id
    if record.is_retired(own):
        raise switched_away(record, job.operation_id, job.target_cluster_id)
    return own is not None and record.is_live(own)


def is_rolled_back_unverified(record: TargetRecord) -> bool:
    """Return whether a roll-back has switched and was not verified, so that another one goes on.

    It would switch back to the rejected cluster otherwise.
    """
    live, retired = record.live, record.retired
    is_rejected = retired is not None and retired.is_rejected
    return is_rejected and live is not None and live.verified_at is None


def is_of_another(job: Job, record: TargetRecord, planned: PlannedSwitch) -> bool:
    """Return whether another operation's switch has to be brought to an end before the own one.

    A roll-back finishes another roll-back that died as its own: it would do the same.
    """
    is_roll_back = record.is_retired(planned.incoming.resource_id)
    return not (is_roll_back and job.sequence is ROLL_BACK)


def choose_sides(job: Job, record: TargetRecord) -> tuple[RecordedCluster, RecordedCluster | None]:
    """Return the cluster that is to have the target's name, and the one that is to lose it.

    Raises NothingToRollBackError, NotSetUpError for a cluster that has not been handed over,
    SupersededError if another operation has restored since, and ForeignClusterError for a cluster
    that the pipeline may not take the name from.
    """
    if record.switch is not None:
        return record.switch.incoming, record.switch.outgoing
    incoming = _retired(job, record) if job.sequence is ROLL_BACK else _restored(job, record)
    return incoming, _outgoing(job, record, incoming)


def _retired(job: Job, record: TargetRecord) -> RecordedCluster:
    if record.retired is None:
        raise NothingToRollBackError(
            f"cluster {job.target_cluster_id} has no predecessor that could serve again",
            target_cluster_id=job.target_cluster_id,
        )
    return record.retired.cluster


def _restored(job: Job, record: TargetRecord) -> RecordedCluster:
    """Return this operation's cluster. Raises an error unless it has been handed over."""
    own = job.state.cluster_resource_id
    if record.restored_by != job.operation_id:
        raise superseded(record, job.operation_id, job.target_cluster_id)
    if own is None or record.resource_id != own or record.handed_over_at is None:
        raise NotSetUpError(
            f"cluster {job.restored_cluster_id} is not to serve as {job.target_cluster_id}: "
            f"operation {job.operation_id} has not handed it over",
            target_cluster_id=job.target_cluster_id,
        )
    return RecordedCluster(
        resource_id=own,
        cluster_id=job.restored_cluster_id,
        restored_by=job.operation_id,
        writer_endpoint=record.writer_endpoint,
        reader_endpoint=record.reader_endpoint,
        port=record.port,
        master_secret_version=record.master_secret_version,
        security_group_ids=job.state.security_group_ids or (),
        handed_over_at=record.handed_over_at,
    )


def _outgoing(job: Job, record: TargetRecord, incoming: RecordedCluster) -> RecordedCluster | None:
    """Return the cluster that serves as the target, or should; None if there is none.

    A look may be older than the last switch. So where it does not show another cluster, what the
    record calls live is looked for, too.
    """
    rds, live = job.rds.at_target, record.live
    cluster = find_serving(rds, job.request, record)
    if cluster is None or cluster["DbClusterResourceId"] == incoming.resource_id:
        if live is None or live.resource_id == incoming.resource_id:
            return None
        found = clusters_by_resource_id(rds, [live.resource_id])
        return live if found else None
    name = cluster["DBClusterIdentifier"]
    if not job.owner.owns(cluster, record) and not job.restore.target.adopt:
        raise ForeignClusterError(
            f"cluster {name} was not made by this pipeline (it lacks its tag, and the target "
            "record does not name it), and serves on; to have it replaced, set target.adopt in "
            "the configuration and deploy",
            target_cluster_id=job.target_cluster_id,
        )
    resource_id = cluster["DbClusterResourceId"]
    groups = tuple(sorted(lasting_groups(attached_groups(cluster))))
    if live is not None and record.is_live(resource_id):
        return replace(live, security_group_ids=groups)
    return RecordedCluster(
        resource_id=resource_id,
        cluster_id=name,
        restored_by=job.owner.operation_of(cluster, record),
        writer_endpoint=cluster.get("Endpoint"),
        reader_endpoint=cluster.get("ReaderEndpoint"),
        port=cluster.get("Port"),
        security_group_ids=groups,
    )
