"""Which cluster an operation has restored, and where it is reached, by the target record alone."""

from dataclasses import dataclass

from aurora_restore.shared.documents.schema import shown
from aurora_restore.shared.errors import TargetNotRecordedError, ValidationError
from aurora_restore.shared.job import Job
from aurora_restore.shared.recorded_cluster import hosts_and_ports
from aurora_restore.shared.target_record import TargetRecord, superseded


@dataclass(frozen=True, kw_only=True)
class LocatedCluster:
    """The operation's own cluster, as the target record shows it."""

    record: TargetRecord
    resource_id: str
    host: str
    port: int

    @property
    def instances(self) -> tuple[tuple[str, int], ...]:
        """Return host and port of each instance that is not at the cluster's own endpoint."""
        found = hosts_and_ports(self.record.instance_endpoints)
        return tuple(each for each in found if each != (self.host, self.port))


def locate(job: Job) -> LocatedCluster:
    """Return where the cluster of a job's operation is reached, by the target record alone.

    Raises SupersededError if another operation has restored the target since, ValidationError if
    this operation has restored nothing or the event names another endpoint, and
    TargetNotRecordedError if the record does not show this operation's cluster.
    """
    name, state, record = job.target_cluster_id, job.state, job.target_record.read()
    if record is None or record.restored_by != job.operation_id:
        if state.new_cluster_id is None:
            restored_by = "is missing" if record is None else f"names {record.restored_by!r}"
            raise ValidationError(
                f"operation_id: {job.operation_id!r} has not restored cluster {name}: the target "
                f"record {job.target_record.key} {restored_by}",
                faults=["operation_id"],
            )
        if record is not None:
            raise superseded(record, job.operation_id, name)
    if (
        record is None
        or record.resource_id is None
        or record.resource_id != state.cluster_resource_id
        or record.writer_endpoint is None
        or record.port is None
    ):
        raise TargetNotRecordedError(
            f"the target record {job.target_record.key} does not show where the cluster is "
            f"reached that operation {job.operation_id} restored",
            target_cluster_id=name,
        )
    cluster = LocatedCluster(
        record=record,
        resource_id=record.resource_id,
        host=record.writer_endpoint,
        port=record.port,
    )
    _require_same_endpoint(job, cluster)
    return cluster


def _require_same_endpoint(job: Job, cluster: LocatedCluster) -> None:
    """Raise ValidationError if the event names another endpoint than the recorded one."""
    for field, given, recorded in (
        ("cluster_endpoint", job.event.cluster_endpoint, cluster.host),
        ("cluster_port", job.event.cluster_port, cluster.port),
    ):
        if given not in (None, recorded):
            raise ValidationError(
                f"{field}: {shown(given)} is not where cluster {job.target_cluster_id} is reached; "
                f"the target record says {recorded!r}, so leave {field} out",
                faults=[field],
            )
