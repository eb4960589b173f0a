"""A switch of a target within one call of a step: to its end, or as far as it gets for now."""

from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from aurora_restore.shared.aws_utils import get_secret_version
from aurora_restore.shared.cluster.network import quarantine_groups
from aurora_restore.shared.common import parse_timestamp, timestamp, update_metrics
from aurora_restore.shared.documents.secrets import MasterCredentials
from aurora_restore.shared.errors import (
    NameTakenError,
    PreflightError,
    RestoreFailedError,
    SwitchStuckError,
    SwitchUndoneError,
)
from aurora_restore.shared.job import Answer, Job
from aurora_restore.shared.names import TAG_MANAGED_BY, TAG_RESTORE
from aurora_restore.shared.recorded_cluster import RecordedCluster
from aurora_restore.shared.sequences import ROLL_BACK
from aurora_restore.shared.state_utils import seconds_since
from aurora_restore.shared.switching.act import MasterPassword, SwitchSetting, TargetSwitch
from aurora_restore.shared.switching.decision import (
    AwaitSides,
    BothMissing,
    CompleteSwitch,
    GiveUpIncoming,
    NameTaken,
    RefuseSwitch,
    RenameIncoming,
    RenameOutgoing,
    SwitchAction,
    Undone,
)
from aurora_restore.shared.target_record import TargetRecord

LOOK_EVERY_SECONDS: Final = 1


class SwitchRun:
    """What one call does for a switch: look and act, wait a little, look again."""

    def __init__(
        self,
        job: Job,
        record: TargetRecord,
        incoming: RecordedCluster,
        outgoing: RecordedCluster | None,
        began: datetime,
    ) -> None:
        stuck = job.state.switch_stuck_since
        self._job, self._began = job, began
        self._switch = TargetSwitch(
            setting=_switch_setting(job),
            record=record,
            incoming=incoming,
            outgoing=outgoing,
            stuck_since=None if stuck is None else parse_timestamp(stuck),
        )

    @property
    def record(self) -> TargetRecord:
        """Return the target record as it is now."""
        return self._switch.record

    def go_on(self) -> Answer | None:
        """Look and act until the switch is over; return the answer that waits, or None then.

        Raises PreflightError, NameTakenError, SwitchStuckError or SwitchUndoneError where it comes
        to no good end, and RestoreFailedError if the incoming cluster cannot be restored again.
        """
        job, switch = self._job, self._switch
        while True:
            action = switch.look()
            self._note()
            match action:
                case CompleteSwitch():
                    # Known before the record says that it is over: nothing is measured after that.
                    job.record(job.state)
                    switch.perform(action)
                    return None
                case AwaitSides(what):
                    if not job.may_wait_inside(self._began):
                        return self._wait(what)
                    job.sleep(LOOK_EVERY_SECONDS)
                case _:
                    self._refuse(action)
                    if isinstance(action, GiveUpIncoming):
                        return self._give_up(action.reason)
                    job.prove_lock()
                    self._begin(action)
                    switch.perform(action)

    def _refuse(self, action: SwitchAction) -> None:
        """Raise the error of an action that ends the step."""
        job, switch = self._job, self._switch
        target = job.target_cluster_id
        match action:
            case RefuseSwitch(obstacles):
                raise PreflightError(
                    f"cluster {target} is not switched and serves as before: "
                    + " | ".join(obstacles),
                    target_cluster_id=target,
                    obstacles=list(obstacles),
                )
            case NameTaken():
                raise NameTakenError(
                    f"nothing serves under the name {target}: another cluster has it, or RDS does "
                    "not release it",
                    target_cluster_id=target,
                )
            case BothMissing():
                raise SwitchStuckError(
                    f"nothing serves under the name {target}: neither the cluster that had it nor "
                    "the one that was to get it is seen",
                    target_cluster_id=target,
                )
            case Undone(reason):
                job.prove_lock()
                switch.perform(action)
                job.state = replace(job.state, switch_started_at=None, switch_looked_at=None)
                raise SwitchUndoneError(
                    f"the switch of cluster {target} is undone, and it serves as before: {reason}",
                    target_cluster_id=target,
                )
            case _:
                return

    def _give_up(self, reason: str) -> Answer:
        """Lead back to a new restore; the cluster that has the target's name serves on."""
        job, name = self._job, self._switch.incoming.cluster_id
        job.state = replace(job.state, restore_is_dead=True)
        return job.start_again(
            RestoreFailedError(
                f"cluster {name} cannot have the name {job.target_cluster_id}: {reason}",
                **target_body(job),
            )
        )

    def _begin(self, action: SwitchAction) -> None:
        """Record the moment from which the target's name may be gone."""
        job, switch = self._job, self._switch
        first = RenameOutgoing if switch.outgoing is not None else RenameIncoming
        if isinstance(action, first) and job.state.switch_started_at is None:
            job.record(replace(job.state, switch_started_at=job.now, switch_looked_at=job.now))

    def _note(self) -> None:
        """Keep what this look says of how long nothing has had the target's name."""
        job, switch = self._job, self._switch
        state, view = job.state, switch.view
        since = switch.stuck_since
        state = replace(state, switch_stuck_since=None if since is None else timestamp(since))
        if state.switch_started_at is not None and state.switched_at is None:
            now = job.clock()
            if view is not None and view.shows_available(switch.incoming):
                looked = state.switch_looked_at or state.switch_started_at
                state = replace(
                    state,
                    switched_at=job.now,
                    interruption_seconds=round(seconds_since(state.switch_started_at, now), 1),
                    interruption_granularity_seconds=round(seconds_since(looked, now), 1),
                )
                update_metrics(
                    job.operation_id, "Interruption", state.interruption_seconds or 0.0, "Seconds"
                )
            else:
                state = replace(state, switch_looked_at=job.now)
        job.state = state

    def _wait(self, what: str) -> Answer:
        """Return the answer that waits: for a second while nothing has the name."""
        job, switch = self._job, self._switch
        body = {**target_body(job), "waiting_for": what}
        if switch.planned is not None and not job.state.switched_at:
            body["retry_after"] = LOOK_EVERY_SECONDS
        return Answer.wait("The switch is still in progress", body)


def settle_pending_switch(job: Job) -> Answer | None:
    """Finish or undo the switch that another operation has begun, and has not finished.

    It is undone unless the new cluster has the name already. Returns the answer that waits, or None
    once no such switch is left. Raises what ``SwitchRun.go_on`` raises, but for its being undone.
    """
    record = job.target_record.read()
    planned = None if record is None else record.switch
    if record is None or planned is None or planned.by == job.operation_id:
        return None
    reason = f"operation {planned.by} has begun it, and has not finished it"
    undoing = replace(planned, undo_because=planned.undo_because or reason)
    record = job.target_record.write(
        replace(record, switched_by=job.operation_id, switch=undoing), record
    )
    run = SwitchRun(job, record, planned.incoming, planned.outgoing, job.clock())
    try:
        return run.go_on()
    except SwitchUndoneError:
        if job.sequence is ROLL_BACK:
            job.state = replace(job.state, switched_at=job.now)
        return None


def target_body(job: Job) -> dict[str, Any]:
    """Return the part of an answer that names the target."""
    return {
        "target_cluster_id": job.target_cluster_id,
        "target_region": job.target_region,
    }


def _switch_setting(job: Job) -> SwitchSetting:
    """Return what a switch of the job's target goes by."""
    secret = get_secret_version(job.secrets.master, clients=job.clients)
    master = MasterCredentials.parse(secret.value, source=f"secret {job.secrets.master}")
    return SwitchSetting(
        rds=job.rds.at_target,
        clients=job.clients,
        records=job.target_record,
        operation_id=job.operation_id,
        quarantine_group_ids=quarantine_groups(
            job.restore.target, job.environment.quarantine_security_group
        ),
        retired_tags={
            TAG_MANAGED_BY: job.environment.name_prefix,
            TAG_RESTORE: job.restore_name,
        },
        keeps_old=job.restore.switch.keeps_old,
        stops_old=job.restore.switch.stop_old,
        allows_cloudformation=job.restore.switch.allow_cloudformation,
        password=MasterPassword(value=master.password, version=secret.version_id),
        clock=job.clock,
    )
