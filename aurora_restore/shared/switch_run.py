"""A switch of a target within one call of a step: to its end, or as far as it gets for now."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from aurora_restore.shared.awaited import Awaited
from aurora_restore.shared.aws_utils import get_secret_version
from aurora_restore.shared.cluster.network import quarantine_groups
from aurora_restore.shared.common import parse_timestamp, timestamp, update_metrics
from aurora_restore.shared.errors import (
    NameTakenError,
    NothingToRollBackError,
    PreflightError,
    RestoreFailedError,
    SwitchStuckError,
    SwitchUndoneError,
)
from aurora_restore.shared.hook_call import HookedCluster, hook_due
from aurora_restore.shared.job import Answer, Job
from aurora_restore.shared.operation_state import OperationState
from aurora_restore.shared.recorded_cluster import RecordedCluster
from aurora_restore.shared.sequences import ROLL_BACK
from aurora_restore.shared.state_utils import seconds_since
from aurora_restore.shared.switched_clusters import is_of_another, is_rolled_back_unverified
from aurora_restore.shared.switching.act import TargetSwitch
from aurora_restore.shared.switching.actions import (
    AwaitSides,
    CompleteSwitch,
    GiveUpIncoming,
    NameTaken,
    NothingServes,
    PlanSwitch,
    PublishIncoming,
    RefuseSwitch,
    RenameIncoming,
    RenameOutgoing,
    SwitchAction,
    Undone,
)
from aurora_restore.shared.switching.publication import Publication
from aurora_restore.shared.switching.setting import MasterPassword, SwitchSetting
from aurora_restore.shared.target_record import TargetRecord

LOOK_EVERY_SECONDS: Final = 1
LOOK_EVERY_SECONDS_BY_ENDPOINT: Final = 5
"""Some cluster serves at every moment, and Route 53 takes five calls a second in an account."""


class SwitchRun:
    """What one call does for a switch: look and act, wait a little, look again."""

    def __init__(
        self,
        job: Job,
        record: TargetRecord,
        incoming: RecordedCluster,
        outgoing: RecordedCluster | None,
        began: datetime,
        *,
        is_own: bool = True,
    ) -> None:
        stuck = job.state.switch_stuck_since
        self._job, self._began, self._is_own = job, began, is_own
        self._switch = TargetSwitch(
            setting=_switch_setting(job, record, incoming, outgoing),
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
        to no good end, NothingToRollBackError if what is to serve again is lost, and
        RestoreFailedError if the incoming cluster cannot be restored again.
        """
        job = self._job
        match self.until_over():
            case CompleteSwitch() as action:
                # The state first: a repeated roll-back without it would switch back again.
                job.record(replace(job.state, switched_at=job.state.switched_at or job.now))
                return self._conclude(action)
            case Undone(reason) as action:
                job.record(_unmeasured(job.state))
                if waiting := self._conclude(action):
                    return waiting
                raise SwitchUndoneError(
                    f"the switch of cluster {job.target_cluster_id} is undone, and the target is "
                    f"as it was before: {reason}",
                    target_cluster_id=job.target_cluster_id,
                )
            case waiting:
                return waiting

    def bring_to_an_end(self) -> Answer | None:
        """Finish or undo the switch of another operation; return the answer that waits, or None.

        For a roll-back its being undone is all there is to do: what served before serves again.
        """
        job = self._job
        match self.until_over():
            case Answer() as waiting:
                return waiting
            case Undone() as action if job.sequence is ROLL_BACK:
                job.record(replace(job.state, switched_at=job.now))
                return self._conclude(action)
            case action:
                return self._conclude(action)

    def _conclude(self, action: CompleteSwitch | Undone) -> Answer | None:
        """End the switch; return the answer that waits if AWS refuses that for now."""
        refused = self._switch.perform(action)
        return None if refused is None else self._wait(refused.what)

    def until_over(self) -> Answer | CompleteSwitch | Undone:
        """Look and act; return how the switch is to be ended, or the answer that waits.

        Before each change the lock is proven again. A change that the next look does not show is
        not made again before another look.
        """
        job, switch = self._job, self._switch
        done: SwitchAction | None = None
        while True:
            action = switch.look()
            self._note()
            match action:
                case CompleteSwitch() | Undone():
                    job.prove_lock()
                    return action
                case RefuseSwitch(obstacles):
                    raise self._refusal(obstacles)
                case GiveUpIncoming(reason):
                    return self._give_up(reason)
                case AwaitSides() as waiting:
                    pass
                case _ if action == done:
                    waiting, done = AwaitSides("what RDS has accepted to be shown"), None
                case _ if asked := self._hook(action):
                    return asked
                case _:
                    job.prove_lock()
                    self._begin(action)
                    refused = switch.perform(action)
                    self._raise_stuck(action)
                    if refused is None:
                        done = action
                        continue
                    waiting = refused
            if not job.may_wait_inside(self._began):
                return self._wait(waiting.what)
            job.sleep(self._pause)

    def _refusal(self, obstacles: Sequence[str]) -> PreflightError:
        target = self._job.target_cluster_id
        return PreflightError(
            f"cluster {target} is not switched and serves as before: " + " | ".join(obstacles),
            target_cluster_id=target,
            obstacles=list(obstacles),
        )

    def _raise_stuck(self, action: SwitchAction) -> None:
        """Raise the error of an action after which nothing serves; a re-run waits as long again."""
        job, target = self._job, self._job.target_cluster_id
        match action:
            case NameTaken():
                job.state = replace(job.state, switch_stuck_since=None)
                raise NameTakenError(
                    f"nothing serves under the name {target}: another cluster has it, or RDS does "
                    "not release it",
                    target_cluster_id=target,
                )
            case NothingServes(reason):
                job.state = replace(job.state, switch_stuck_since=None)
                raise SwitchStuckError(
                    f"nothing serves as {target}: {reason}", target_cluster_id=target
                )
            case _:
                return

    def _give_up(self, reason: str) -> Answer:
        """Lead back to a new restore; the cluster that has the target's name serves on."""
        job, name = self._job, self._switch.incoming.cluster_id
        if job.sequence is ROLL_BACK:
            raise NothingToRollBackError(
                f"cluster {name}, which served before, cannot serve again: {reason}",
                **job.target_body,
            )
        message = f"cluster {name} cannot serve as {job.target_cluster_id}: {reason}"
        job.state = replace(job.state, restore_is_dead=True, switch_stuck_since=None)
        return job.start_again(RestoreFailedError(message, **job.target_body))

    def _hook(self, action: SwitchAction) -> Answer | None:
        """Return the answer by which the hook is called before the first change; None if none is.

        Where nothing serves so far, nothing is switched away.
        """
        outgoing = self._switch.outgoing
        if not self._is_own or outgoing is None or not isinstance(action, PlanSwitch):
            return None
        return hook_due(
            self._job,
            HookedCluster(
                cluster_id=outgoing.cluster_id,
                resource_id=outgoing.resource_id,
                endpoint=outgoing.writer_endpoint,
                port=outgoing.port,
            ),
        )

    def _begin(self, action: SwitchAction) -> None:
        """Record the moment from which the clients may be led nowhere."""
        job, switch = self._job, self._switch
        takes_name = switch.outgoing is not None and not switch.outgoing_keeps_name
        first = (RenameOutgoing if takes_name else RenameIncoming, PublishIncoming)
        is_first = isinstance(action, first) and job.state.switch_started_at is None
        if self._is_own and is_first:
            job.record(replace(job.state, switch_started_at=job.now, switch_looked_at=job.now))

    def _note(self) -> None:
        """Keep what this look says of how long nothing has had the target's name."""
        job, switch = self._job, self._switch
        state, since = job.state, switch.stuck_since
        job.state = replace(state, switch_stuck_since=None if since is None else timestamp(since))
        if not self._is_own or state.switch_started_at is None or state.switched_at is not None:
            return
        if switch.view is None or not switch.view.shows_available(switch.incoming):
            job.state = replace(job.state, switch_looked_at=job.now)
            return
        now, looked = job.clock(), state.switch_looked_at or state.switch_started_at
        interruption = round(seconds_since(state.switch_started_at, now), 1)
        job.state = replace(
            job.state,
            switched_at=job.now,
            interruption_seconds=interruption,
            interruption_granularity_seconds=round(seconds_since(looked, now), 1),
        )
        update_metrics(job.operation_id, "Interruption", interruption, "Seconds")

    @property
    def _pause(self) -> int:
        """Return how many seconds pass between two looks."""
        return (
            LOOK_EVERY_SECONDS_BY_ENDPOINT
            if self._switch.publishes_endpoint
            else LOOK_EVERY_SECONDS
        )

    def _wait(self, what: str) -> Answer:
        """Return the answer that waits: in the middle of a switch only until the next look."""
        job, switch = self._job, self._switch
        body = {**job.target_body, "waiting_for": what}
        if switch.planned is not None and not job.state.switched_at:
            body["retry_after"] = self._pause
        return Answer.wait(Awaited.SWITCH, "The switch is still in progress", body)


def settle_pending_switch(job: Job) -> Answer | TargetRecord | None:
    """Finish or undo the switch that another operation has begun, and has not finished.

    It is undone unless the new cluster has the name already, or nothing had it before. Returns the
    answer that waits, or the target record, if there is one, once no such switch is left. Raises
    what ``SwitchRun.go_on`` raises, but for its being undone.
    """
    record = job.target_record.read()
    if record is None:
        return None
    planned = record.switch
    if planned is None:
        return _take_over_roll_back(job, record)
    if planned.by == job.operation_id:
        return record
    # From here on the other operation knows that its switch is not its own any more.
    if not is_of_another(job, record, planned):
        return job.target_record.write(replace(record, switched_by=job.operation_id), record)
    reason = f"operation {planned.by} has begun it, and has not finished it"
    undo_because = planned.undo_because or (reason if planned.outgoing else None)
    undoing = replace(planned, undo_because=undo_because)
    # What gives way takes no switch over: the other operation goes on with it when it is run again.
    by = record.switched_by if job.sequence.gives_way else job.operation_id
    record = job.target_record.write(replace(record, switched_by=by, switch=undoing), record)
    run = SwitchRun(job, record, planned.incoming, planned.outgoing, job.clock(), is_own=False)
    return run.bring_to_an_end() or job.target_record.read()


def _take_over_roll_back(job: Job, record: TargetRecord) -> TargetRecord:
    """Go on with a roll-back that another operation has made, and has not verified, as one's own.

    To roll back again would be to switch back to the rejected cluster. Returns the target record.
    """
    is_own = record.switched_by == job.operation_id
    if job.sequence is ROLL_BACK and not is_own and is_rolled_back_unverified(record):
        return job.target_record.write(replace(record, switched_by=job.operation_id), record)
    return record


def _unmeasured(state: OperationState) -> OperationState:
    """Return the state of an operation whose switch has come to nothing."""
    return replace(
        state,
        switch_started_at=None,
        switch_looked_at=None,
        switch_stuck_since=None,
        switched_at=None,
        interruption_seconds=None,
        interruption_granularity_seconds=None,
    )


def _switch_setting(
    job: Job, record: TargetRecord, *sides: RecordedCluster | None
) -> SwitchSetting:
    """Return what a switch of the job's target between two clusters goes by."""
    secret = get_secret_version(job.secrets.master, clients=job.clients)
    master = job.master_credentials(secret)
    return SwitchSetting(
        rds=job.rds.at_target,
        clients=job.clients,
        records=job.target_record,
        operation_id=job.operation_id,
        quarantine_group_ids=quarantine_groups(
            job.restore.target, job.environment.quarantine_security_group
        ),
        retired_tags=job.owner.tags_of_restore,
        keeps_old=job.restore.switch.keeps_old,
        stops_old=job.restore.switch.stop_old,
        allows_cloudformation=job.restore.switch.allow_cloudformation,
        method=job.restore.switch.by,
        publication=Publication(
            request=job.request,
            clients=job.clients,
            hosts=record.hosts | {host for side in sides if side for host in side.hosts},
            database=job.application_database,
        ),
        password=MasterPassword(value=master.password, version=secret.version_id),
        clock=job.clock,
    )
