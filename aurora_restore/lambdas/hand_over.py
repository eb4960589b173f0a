"""Lift the quarantine of the restored cluster, once set up, and say where it is reached."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, assert_never

from aurora_restore.shared.app_secret import (
    ApplicationEndpoint,
    FillIn,
    LeaveAlone,
    described,
    fill_app_secret,
)
from aurora_restore.shared.awaited import Awaited
from aurora_restore.shared.base_handler import BaseHandler
from aurora_restore.shared.cluster.calls import lift_quarantine
from aurora_restore.shared.cluster.extras import Extra, openings, put_back
from aurora_restore.shared.cluster.network import (
    attached_groups,
    groups_to_hand_over,
    lasting_groups,
)
from aurora_restore.shared.cluster.quarantine import quarantine_notice
from aurora_restore.shared.cluster.settings import hand_over_drift, settings_of
from aurora_restore.shared.common import update_metrics
from aurora_restore.shared.errors import (
    ClusterNotFoundError,
    ForeignClusterError,
    NotSetUpError,
    RestoreFailedError,
)
from aurora_restore.shared.hook_call import HookedCluster, hook_due
from aurora_restore.shared.job import Answer, Job
from aurora_restore.shared.located_cluster import LocatedCluster, locate
from aurora_restore.shared.pipeline import get_step
from aurora_restore.shared.rds.reads import find_cluster, instances_of, statuses_of
from aurora_restore.shared.rds.statuses import AVAILABLE, why_unusable
from aurora_restore.shared.target_record import TargetRecord

if TYPE_CHECKING:
    from mypy_boto3_rds.type_defs import DBClusterTypeDef, DBInstanceTypeDef


@dataclass(frozen=True, kw_only=True)
class HandOverFacts:
    """What is known of the cluster that is to be handed over."""

    handed_over_at: str | None
    """When that was done already."""
    is_set_up: bool
    """Whether the databases of this very cluster are set up as a whole."""
    cluster_status: str
    instance_statuses: Mapping[str, str]
    """The status of each instance by name."""
    wanted: Sequence[str]
    """The security groups that the cluster is to have."""
    groups: Mapping[str, str]
    """The status of each security group that it has, by id."""
    instance_groups: Mapping[str, Mapping[str, str]]
    """The same for each of its instances, by name."""
    openings: Sequence[Extra] = ()
    """The other ways into the old cluster that have not been put back."""


@dataclass(frozen=True)
class KeepHandedOver:
    """The cluster has been handed over, and is left as it is."""

    since: str


@dataclass(frozen=True)
class RefuseUnfinished:
    """The databases are not set up, so nobody may be let in."""


@dataclass(frozen=True)
class GiveUpCluster:
    """No waiting makes this cluster usable."""

    reason: str


@dataclass(frozen=True)
class AwaitCluster:
    """RDS is not done with something."""

    what: str


@dataclass(frozen=True)
class LiftQuarantine:
    """Attach the wanted security groups in the place of those that the cluster has."""

    groups: Sequence[str]


@dataclass(frozen=True)
class OpenAgain:
    """The old cluster was reached in other ways, too."""

    openings: Sequence[Extra]


@dataclass(frozen=True)
class HandOver:
    """Every instance has exactly the wanted security groups."""


HandOverAction = (
    KeepHandedOver
    | RefuseUnfinished
    | GiveUpCluster
    | AwaitCluster
    | LiftQuarantine
    | OpenAgain
    | HandOver
)


def decide(facts: HandOverFacts) -> HandOverAction:
    """Return the next thing to do with a cluster that is to be handed over."""
    if facts.handed_over_at is not None:
        return KeepHandedOver(facts.handed_over_at)
    if not facts.is_set_up:
        return RefuseUnfinished()
    if reason := why_unusable(facts.cluster_status, facts.instance_statuses):
        return GiveUpCluster(reason)
    if facts.cluster_status != AVAILABLE:
        return AwaitCluster(f"the cluster, which is {facts.cluster_status}")
    if lasting_groups(facts.groups) != set(facts.wanted):
        return LiftQuarantine(facts.wanted)
    held = {"the cluster": facts.groups, **facts.instance_groups}
    wanted = dict.fromkeys(facts.wanted, "active")
    waiting = [name for name, groups in held.items() if dict(groups) != wanted]
    if waiting:
        return AwaitCluster("the security groups of " + ", ".join(waiting))
    if facts.openings:
        return OpenAgain(facts.openings)
    return HandOver()


class HandOverHandler(BaseHandler):
    """The step that lets the application's network reach the cluster, and waits until it does.

    Until then only the functions that log in to the database reach it. The step proves by the
    target record, and by the resource id, that the cluster is this operation's and is set up; what
    it has handed over once, no step changes again.
    """

    step = get_step("hand-over")
    services = ("rds",)

    def run(self, job: Job) -> Answer:
        """Do what is next, and return 200 once the cluster is handed over, 202 until then.

        Raises what ``locate`` raises, NotSetUpError if the databases are not set up,
        ForeignClusterError if another cluster has the target's name, and ClusterNotFoundError or
        RestoreFailedError for a cluster that is gone or unusable, if it may not be restored again.
        """
        located = locate(job)
        body = job.target_body
        name = job.own_cluster_id(located.record)
        cluster = find_cluster(job.rds.at_target, name)
        if cluster is None:
            return job.start_again(
                ClusterNotFoundError(f"there is no cluster {name} in {job.target_region}", **body)
            )
        if cluster.get("DbClusterResourceId") != located.resource_id:
            raise ForeignClusterError(
                f"cluster {name} ({cluster['Status']}) is not the one that "
                f"operation {job.operation_id} restored; it is left alone",
                **body,
            )
        instances = instances_of(job.rds.at_target, name)
        body["status"] = cluster["Status"]
        action = decide(self._look(job, located, cluster, instances))
        opens = isinstance(action, LiftQuarantine | OpenAgain | HandOver)
        if opens and (asked := hook_due(job, _hooked(name, located))) is not None:
            return asked
        match action:
            case KeepHandedOver(since):
                return Answer(
                    "The cluster has been handed over already",
                    {**body, "handed_over_at": since},
                    replace(job.state, handed_over_at=since),
                )
            case RefuseUnfinished():
                raise NotSetUpError(
                    f"cluster {name} is not handed over: its databases are not "
                    f"set up as a whole by operation {job.operation_id}",
                    **body,
                )
            case GiveUpCluster(reason):
                return job.start_again(
                    RestoreFailedError(
                        f"the restored cluster {name} is unusable: {reason}; the "
                        "events of RDS say why",
                        **body,
                    )
                )
            case AwaitCluster(what):
                return self._wait(body, what)
            case LiftQuarantine(groups):
                self._begin(job, located)
                lift_quarantine(name, job.target_region, groups).make(job.rds.at_target)
                return self._wait(body, "the security groups of the cluster")
            case OpenAgain(missing):
                self._begin(job, located)
                done = put_back(job.rds.at_target, missing)
                job.state = replace(job.state, put_back=(*job.state.put_back, *done))
                what = "its " + ", ".join(extra.name for extra in missing)
                return self._wait(body, what, Awaited.SETTINGS)
            case HandOver():
                return self._hand_over(job, located, cluster, instances, body)
            case _:
                assert_never(action)

    def _look(
        self,
        job: Job,
        located: LocatedCluster,
        cluster: "DBClusterTypeDef",
        instances: "Sequence[DBInstanceTypeDef]",
    ) -> HandOverFacts:
        return HandOverFacts(
            handed_over_at=located.record.handed_over_at,
            is_set_up=job.state.has_set_up(located.resource_id),
            cluster_status=cluster["Status"],
            instance_statuses=statuses_of(instances),
            wanted=self._wanted_groups(job),
            groups=attached_groups(cluster),
            instance_groups={
                instance["DBInstanceIdentifier"]: attached_groups(instance)
                for instance in instances
            },
            openings=[]
            if job.request.restores_beside
            else [
                opening
                for opening in openings(
                    cluster["DBClusterArn"],
                    job.target_region,
                    job.state.old_cluster,
                    settings_of(cluster, instances),
                )
                if opening.name not in job.state.put_back
            ],
        )

    def _wanted_groups(self, job: Job) -> tuple[str, ...]:
        return groups_to_hand_over(job.event, job.restore.target, job.state.security_group_ids)

    def _wait(
        self,
        body: Mapping[str, Any],
        what: str,
        awaited: Awaited = Awaited.SECURITY_GROUPS,
    ) -> Answer:
        message = "The hand-over is still in progress"
        return Answer.wait(awaited, message, {**body, "waiting_for": what})

    def _begin(self, job: Job, located: LocatedCluster) -> TargetRecord:
        """Record that the cluster is about to be reached, before it is; return the target record.

        From then on nothing is set up in its databases again.
        """
        since = located.record.hand_over_started_at or job.now
        record = job.target_record.add(
            located.record, job.operation_id, located.resource_id, hand_over_started_at=since
        )
        if job.state.hand_over_started_at != since:
            job.record(replace(job.state, hand_over_started_at=since))
        return record

    def _hand_over(
        self,
        job: Job,
        located: LocatedCluster,
        cluster: "DBClusterTypeDef",
        instances: "Sequence[DBInstanceTypeDef]",
        body: Mapping[str, Any],
    ) -> Answer:
        wanted = self._wanted_groups(job)
        # The Data API of a cluster beside the target comes with the target's name.
        old = None if job.request.restores_beside else job.state.old_cluster
        found = hand_over_drift(old, settings_of(cluster, instances), wanted)
        other = {difference.setting for difference in found}
        differences = (
            *(each for each in job.state.drift or () if each["setting"] not in other),
            *map(asdict, found),
        )
        update_metrics(job.operation_id, "SettingsDrift", len(differences))
        record = self._begin(job, located)
        decision = self._fill_secret(job, located)
        said = None if decision is None else described(job.secrets.app, decision)
        written = {"app_secret_host": located.host} if isinstance(decision, FillIn) else {}
        # Known before the hand-over is over, because nothing of it is found out again then.
        job.record(
            replace(
                job.state,
                security_group_ids=wanted,
                drift=differences,
                app_secret_endpoint=said,
            )
        )
        now = job.now
        job.target_record.add(
            record, job.operation_id, located.resource_id, handed_over_at=now, **written
        )
        state = replace(job.state, handed_over_at=now)
        return Answer(
            "The cluster is handed over",
            {
                **body,
                "security_group_ids": wanted,
                "handed_over_at": now,
                **quarantine_notice(state, job.restored_cluster_id),
                "app_secret_endpoint": state.app_secret_endpoint,
                "drift": differences,
            },
            state,
        )

    def _fill_secret(self, job: Job, located: LocatedCluster) -> FillIn | LeaveAlone | None:
        """Make the application's secret say where the cluster is reached, and return the decision.

        The database's name is from the step that has set it up: this one does not log in. None if
        the cluster is to get the target's name: where it is reached then is not known yet.
        """
        if job.request.restores_beside:
            return None
        endpoint = ApplicationEndpoint(
            host=located.host,
            port=located.port,
            reader_host=located.record.reader_endpoint,
            dbname=job.application_database,
        )
        known_hosts = {located.record.app_secret_host}
        return fill_app_secret(job.request, endpoint, known_hosts=known_hosts, clients=job.clients)


def _hooked(name: str, located: LocatedCluster) -> HookedCluster:
    return HookedCluster(
        cluster_id=name,
        resource_id=located.resource_id,
        endpoint=located.host,
        port=located.port,
    )


handler = HandOverHandler.loaded()
