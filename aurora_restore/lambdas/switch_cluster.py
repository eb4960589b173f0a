"""Give the target's name to the cluster that was restored beside it, or back to the one before."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from aurora_restore.shared.base_handler import BaseHandler
from aurora_restore.shared.carrying_over import carry_over, remember_belongings
from aurora_restore.shared.cluster.network import (
    attached_groups,
    lasting_groups,
)
from aurora_restore.shared.errors import (
    ClusterNotFoundError,
    ForeignClusterError,
    NothingToRollBackError,
    NotSetUpError,
    TargetNotRecordedError,
)
from aurora_restore.shared.job import Answer, Job
from aurora_restore.shared.names import TAG_OPERATION
from aurora_restore.shared.pipeline import get_step
from aurora_restore.shared.rds.reads import find_cluster, instances_of
from aurora_restore.shared.rds.tags import tags_of
from aurora_restore.shared.recorded_cluster import RecordedCluster
from aurora_restore.shared.sequences import ROLL_BACK
from aurora_restore.shared.state_utils import seconds_since
from aurora_restore.shared.switch_run import (
    LOOK_EVERY_SECONDS,
    SwitchRun,
    settle_pending_switch,
    target_body,
)
from aurora_restore.shared.switching.certificate import (
    AwaitRefresh,
    CertificateFacts,
    LeaveCertificate,
    RefreshCertificate,
    decide_refresh,
    in_order_of_reboot,
    refreshing,
)
from aurora_restore.shared.target_record import TargetRecord, superseded, switched_away


class SwitchClusterHandler(BaseHandler):
    """The step that renames the old cluster out of the way and the new one to the target.

    Everything is checked before the first rename, and the record says what is about to happen, so
    that a later call goes on, or back, from whatever state an earlier one has left. In a roll-back
    the two clusters change places.
    """

    step = get_step("switch-cluster")

    def run(self, job: Job) -> Answer:
        """Do what is next, and return 200 once the switch is over, 202 until then.

        Raises PreflightError while something prevents the switch, NotSetUpError for a cluster that
        has not been handed over, SupersededError if another operation has restored or switched
        since, NothingToRollBackError, SwitchUndoneError once the old cluster has its name back, and
        SwitchStuckError or NameTakenError if neither cluster can have it.
        """
        began = self._clock()
        if waiting := settle_pending_switch(job):
            return waiting
        record = _require_record(job)
        if _is_over(job, record):
            return self._finish(job, record, began)
        incoming, outgoing = _sides(job, record)
        remember_belongings(job, outgoing)
        run = SwitchRun(job, record, incoming, outgoing, began)
        return run.go_on() or self._finish(job, run.record, began)

    def _finish(self, job: Job, record: TargetRecord, began: datetime) -> Answer:
        """Refresh the certificate if that is configured, and return that the switch is over."""
        live, retired = record.live, record.retired
        if live is None:
            raise TargetNotRecordedError(
                f"the target record {job.target_record.key} names no live cluster",
                target_cluster_id=job.target_cluster_id,
            )
        job.state = replace(
            job.state,
            new_cluster_id=job.target_cluster_id,
            cluster_endpoint=live.writer_endpoint,
            cluster_port=live.port,
            retired_cluster_id=None if retired is None else retired.cluster.cluster_id,
            retired_until=None if retired is None else retired.keep_until,
        )
        if waiting := carry_over(job, record, began):
            return waiting
        while True:
            match self._look_at_certificate(job):
                case LeaveCertificate():
                    return self._answer(job, "The target has been switched")
                case AwaitRefresh(what):
                    if not job.may_wait_inside(began):
                        return Answer.wait(
                            "The certificate is being refreshed",
                            {**target_body(job), "waiting_for": what},
                        )
                    job.sleep(LOOK_EVERY_SECONDS)
                case RefreshCertificate(request):
                    job.prove_lock()
                    asked = {**job.state.certificate_refresh, request: job.now}
                    job.record(replace(job.state, certificate_refresh=asked))
                    refreshing(job.target_cluster_id, job.target_region, request).make(
                        job.rds.at_target
                    )

    def _look_at_certificate(
        self, job: Job
    ) -> LeaveCertificate | AwaitRefresh | RefreshCertificate:
        wanted = job.restore.switch.tls_refresh
        if wanted == "none":
            return LeaveCertificate()
        name, rds = job.target_cluster_id, job.rds.at_target
        cluster = find_cluster(rds, name)
        if cluster is None:
            raise ClusterNotFoundError(f"there is no cluster {name} in {job.target_region}")
        statuses = {
            instance["DBInstanceIdentifier"]: instance.get("DBInstanceStatus", "")
            for instance in instances_of(rds, name)
        }
        ordered = in_order_of_reboot(cluster.get("DBClusterMembers", []))
        return decide_refresh(
            CertificateFacts(
                wanted=wanted,
                cluster_status=cluster["Status"],
                instance_statuses={each: statuses.get(each, "") for each in ordered},
                seconds_since={
                    request: seconds_since(moment, self._clock())
                    for request, moment in job.state.certificate_refresh.items()
                },
            )
        )

    def _answer(self, job: Job, message: str) -> Answer:
        state = job.state
        return Answer(
            message,
            {
                **target_body(job),
                "cluster_endpoint": state.cluster_endpoint,
                "cluster_port": state.cluster_port,
                "retired_cluster_id": state.retired_cluster_id,
                "retired_until": state.retired_until,
                "interruption_seconds": state.interruption_seconds,
                "interruption_granularity_seconds": state.interruption_granularity_seconds,
            },
        )


def _require_record(job: Job) -> TargetRecord:
    """Return the target record. Raises an error that says why there is nothing to switch to."""
    record = job.target_record.read()
    if record is not None:
        return record
    raise TargetNotRecordedError(
        f"nothing has been restored to {job.target_cluster_id} by the pipeline: there is no target "
        f"record {job.target_record.key}",
        target_cluster_id=job.target_cluster_id,
    )


def _is_over(job: Job, record: TargetRecord) -> bool:
    """Return whether this operation has switched already.

    Raises SupersededError if another one has switched since.
    """
    if record.switch is not None:
        return False
    if job.sequence is ROLL_BACK:
        return job.state.switched_at is not None and record.switched_by == job.operation_id
    own = job.state.cluster_resource_id
    if record.is_retired(own):
        raise switched_away(record, job.operation_id, job.target_cluster_id)
    return own is not None and record.is_live(own)


def _sides(job: Job, record: TargetRecord) -> tuple[RecordedCluster, RecordedCluster | None]:
    """Return the cluster that is to have the target's name, and the one that is to lose it."""
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
            f"cluster {job.restored_cluster_id} does not get the name {job.target_cluster_id}: "
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
    """Return the cluster that has the target's name; None if there is none.

    Raises ForeignClusterError if the pipeline may not take the name from it.
    """
    cluster = find_cluster(job.rds.at_target, job.target_cluster_id)
    if cluster is None or cluster["DbClusterResourceId"] == incoming.resource_id:
        return None
    if not job.owner.of_environment(cluster) and not job.restore.target.adopt:
        raise ForeignClusterError(
            f"cluster {job.target_cluster_id} was not made by this pipeline (it lacks its tag), "
            "and keeps its name; to have it replaced, set target.adopt in the configuration and "
            "deploy",
            target_cluster_id=job.target_cluster_id,
        )
    resource_id = cluster["DbClusterResourceId"]
    groups = tuple(sorted(lasting_groups(attached_groups(cluster))))
    if record.live is not None and record.is_live(resource_id):
        return replace(record.live, security_group_ids=groups)
    tags: Mapping[str, str] = tags_of(cluster.get("TagList"))
    return RecordedCluster(
        resource_id=resource_id,
        cluster_id=job.target_cluster_id,
        restored_by=tags.get(TAG_OPERATION) if job.owner.of_environment(cluster) else None,
        writer_endpoint=cluster.get("Endpoint"),
        reader_endpoint=cluster.get("ReaderEndpoint"),
        port=cluster.get("Port"),
        security_group_ids=groups,
    )


handler = SwitchClusterHandler()
