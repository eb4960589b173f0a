"""Let the cluster that was restored beside the target serve in its place, or the one before."""

from dataclasses import replace
from datetime import datetime

from aurora_restore.shared import switch_run
from aurora_restore.shared.awaited import Awaited
from aurora_restore.shared.aws_utils import code_of
from aurora_restore.shared.base_handler import BaseHandler
from aurora_restore.shared.carrying_over import carry_over, remember_belongings
from aurora_restore.shared.errors import AwsError
from aurora_restore.shared.job import Answer, Job
from aurora_restore.shared.pipeline import get_step
from aurora_restore.shared.switch_run import SwitchRun, settle_pending_switch
from aurora_restore.shared.switched_clusters import choose_sides, has_switched, require_record
from aurora_restore.shared.switching.act import NOT_NOW
from aurora_restore.shared.switching.certificate import (
    AwaitRefresh,
    LeaveCertificate,
    RefreshCertificate,
    look_at_certificate,
    refreshing,
)
from aurora_restore.shared.target_record import TargetRecord


class SwitchClusterHandler(BaseHandler):
    """The step that lets the cluster that was restored beside the target serve in its place.

    Either it renames the old cluster out of the way and the new one to the target, or it renames
    nothing and writes the new cluster's endpoint where the clients read it. Everything is checked
    before the first change, and the record says what is about to happen, so that a later call goes
    on, or back, from whatever state an earlier one has left. In a roll-back the two clusters change
    places.
    """

    step = get_step("switch-cluster")
    services = ("rds", "secretsmanager")

    def run(self, job: Job) -> Answer:
        """Do what is next, and return 200 once the switch is over, 202 until then.

        Raises PreflightError while something prevents the switch, NotSetUpError for a cluster that
        has not been handed over, SupersededError if another operation has restored or switched
        since, NothingToRollBackError, SwitchUndoneError once the old cluster has its name back, and
        SwitchStuckError or NameTakenError if neither cluster can have it.
        """
        began = self._clock()
        settled = settle_pending_switch(job)
        if isinstance(settled, Answer):
            return settled
        record = require_record(job, settled)
        if has_switched(job, record):
            return self._finish(job, record, began)
        incoming, outgoing = choose_sides(job, record)
        remember_belongings(job, outgoing)
        run = SwitchRun(job, record, incoming, outgoing, began)
        return run.go_on() or self._finish(job, run.record, began)

    def _finish(self, job: Job, record: TargetRecord, began: datetime) -> Answer:
        """Refresh the certificate if that is configured, and return that the switch is over."""
        live, retired = record.live, record.retired
        job.state = replace(
            job.state,
            new_cluster_id=job.target_cluster_id if live is None else live.cluster_id,
            # A retirement may have finished the switch meanwhile.
            switched_at=job.state.switched_at or job.now,
            cluster_endpoint=None if live is None else live.writer_endpoint,
            cluster_port=None if live is None else live.port,
            retired_cluster_id=None if retired is None else retired.cluster.cluster_id,
            retired_until=None if retired is None else retired.keep_until,
        )
        if live is not None and (carrying := carry_over(job, live, retired, began)):
            return carrying
        if live is not None and not live.was_renamed:
            # Its certificate is as it was.
            return _over(job)
        while True:
            action = look_at_certificate(
                job.rds.at_target,
                job.target_cluster_id,
                job.restore.switch.tls_refresh,
                job.state.certificate_refresh,
                self._clock(),
            )
            match action:
                case LeaveCertificate():
                    return _over(job)
                case RefreshCertificate(request):
                    waiting = self._refresh(job, request)
                case AwaitRefresh():
                    waiting = action
            if waiting is None:
                continue
            if not job.may_wait_inside(began):
                return Answer.wait(
                    Awaited.CERTIFICATE,
                    "The certificate is being refreshed",
                    {**job.target_body, "waiting_for": waiting.what},
                )
            job.sleep(switch_run.LOOK_EVERY_SECONDS)

    def _refresh(self, job: Job, request: str) -> AwaitRefresh | None:
        """Ask RDS for one thing; return what has to be waited for if it refuses that for now.

        That it was asked for is recorded afterwards: a reboot that may not have been is repeated.
        """
        job.prove_lock()
        call = refreshing(job.target_cluster_id, job.target_region, request)
        try:
            call.make(job.rds.at_target)
        except AwsError as error:
            if code_of(error) not in NOT_NOW:
                raise
            return AwaitRefresh(error.message)
        asked = {**job.state.certificate_refresh, request: job.now}
        job.record(replace(job.state, certificate_refresh=asked))
        return None


def _over(job: Job) -> Answer:
    state = job.state
    return Answer(
        "The target has been switched",
        {
            **job.target_body,
            "cluster_endpoint": state.cluster_endpoint,
            "cluster_port": state.cluster_port,
            "retired_cluster_id": state.retired_cluster_id,
            "retired_until": state.retired_until,
            "interruption_seconds": state.interruption_seconds,
            "interruption_granularity_seconds": state.interruption_granularity_seconds,
        },
    )


handler = SwitchClusterHandler.loaded()
