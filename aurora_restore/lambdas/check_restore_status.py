"""Make the restored cluster usable, and wait until it is."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final, assert_never

from aurora_restore.shared.awaited import Awaited
from aurora_restore.shared.aws_utils import SecretVersion, code_of, get_secret_version
from aurora_restore.shared.base_handler import BaseHandler
from aurora_restore.shared.cluster.calls import (
    create_instance,
    finish_cluster,
    quarantine,
    set_master_password,
)
from aurora_restore.shared.cluster.capacity import (
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
from aurora_restore.shared.cluster.extras import Extra, extras, put_back
from aurora_restore.shared.cluster.network import attached_groups, lasting_groups
from aurora_restore.shared.cluster.settings import (
    WITH_THE_NAME,
    InstancePlan,
    drift,
    finishing_touches,
    instance_tags,
    planned_instances,
    settings_of,
)
from aurora_restore.shared.cluster.surroundings import describe_surroundings
from aurora_restore.shared.common import logger, update_metrics
from aurora_restore.shared.errors import (
    AwsError,
    ClusterNotFoundError,
    ForeignClusterError,
    InsufficientCapacityError,
    NameTakenError,
    RestoreFailedError,
)
from aurora_restore.shared.job import Answer, Job
from aurora_restore.shared.pipeline import get_step
from aurora_restore.shared.rds.reads import (
    endpoints_of,
    find_cluster,
    find_instance,
    instances_of,
)
from aurora_restore.shared.rds.statuses import (
    AVAILABLE,
    DEAD_CLUSTER,
    INSUFFICIENT_CAPACITY,
    RESETTING_PASSWORD,
    why_unusable,
)
from aurora_restore.shared.state_utils import seconds_since
from aurora_restore.shared.target_record import TargetRecord

if TYPE_CHECKING:
    from mypy_boto3_rds.type_defs import DBClusterTypeDef, DBInstanceTypeDef

ALREADY_EXISTS: Final = "DBInstanceAlreadyExists"


@dataclass(frozen=True, kw_only=True)
class RestoreFacts:
    """What is known of the restored cluster."""

    cluster_status: str
    is_own: bool
    """Whether this operation has restored it."""
    handed_over_at: str | None = None
    """When it was handed over, if it has been: from then on it is used."""
    may_not_show_tags_yet: bool
    """Whether it has no tags, and was restored so recently that RDS may not show them yet."""
    is_open: bool = False
    """Whether it should be in quarantine, and has other security groups."""
    instance_statuses: Mapping[str, str]
    """The status of each of its instances by name."""
    planned: Sequence[InstancePlan]
    """The instances that it is to have, once it is available."""
    is_master_password_set: bool
    pending: Sequence[str]
    """The names of changes that are not applied yet."""
    extras: Sequence[Extra] = ()
    """What the old cluster had beyond the settings of a restore, and has not been put back."""
    touches: Mapping[str, Any]
    """The settings that are changed once the cluster is good, by parameter."""


@dataclass(frozen=True)
class AwaitTags:
    """The cluster is so new that its tags may not be shown yet."""


@dataclass(frozen=True)
class RefuseForeign:
    """This operation did not make the cluster."""


@dataclass(frozen=True)
class LeaveHandedOver:
    """The cluster has been handed over, and is no longer the pipeline's to change."""

    since: str


@dataclass(frozen=True)
class RestoreAgain:
    """No waiting makes this cluster usable."""

    reason: str
    lacks_capacity: bool = False
    """Whether AWS has accepted an instance, and then had no capacity for it."""


@dataclass(frozen=True)
class Await:
    """RDS is not done with something."""

    what: str
    awaited: Awaited


@dataclass(frozen=True)
class CloseAgain:
    """The cluster was taken out of its quarantine before it is set up."""


@dataclass(frozen=True)
class CreateInstances:
    """Instances are missing: a restored cluster has none."""

    plans: Sequence[InstancePlan]


@dataclass(frozen=True)
class SetMasterPassword:
    """The cluster still has the source's master password."""


@dataclass(frozen=True)
class PutBack:
    """The old cluster had settings that a restore does not take."""

    extras: Sequence[Extra]


@dataclass(frozen=True)
class ApplyLastSettings:
    """The cluster is good and needs its last settings."""

    touches: Mapping[str, Any]


@dataclass(frozen=True)
class Complete:
    """A login can succeed, and nothing is pending."""


RestoreAction = (
    AwaitTags
    | RefuseForeign
    | LeaveHandedOver
    | RestoreAgain
    | Await
    | CloseAgain
    | CreateInstances
    | SetMasterPassword
    | PutBack
    | ApplyLastSettings
    | Complete
)


def decide(facts: RestoreFacts) -> RestoreAction:
    """Return the next thing to do with a restored cluster.

    The password is set once the writer is available: on a cluster without instances it may not be
    applied.
    """
    if facts.may_not_show_tags_yet:
        return AwaitTags()
    if not facts.is_own:
        return RefuseForeign()
    if facts.handed_over_at is not None:
        return LeaveHandedOver(facts.handed_over_at)
    statuses = facts.instance_statuses
    if reason := why_unusable(facts.cluster_status, statuses):
        return RestoreAgain(
            reason,
            lacks_capacity=facts.cluster_status not in DEAD_CLUSTER
            and INSUFFICIENT_CAPACITY in statuses.values(),
        )
    if facts.cluster_status != AVAILABLE:
        return _await_cluster(facts)
    if facts.is_open:
        return CloseAgain()
    absent = [plan for plan in facts.planned if plan.identifier not in statuses]
    if absent:
        return CreateInstances(absent)
    waiting = [f"{name} ({status})" for name, status in statuses.items() if status != AVAILABLE]
    if waiting:
        later = Awaited.SETTINGS if facts.is_master_password_set else Awaited.INSTANCES
        return Await("the instances " + ", ".join(waiting), later)
    if not facts.is_master_password_set:
        return SetMasterPassword()
    if facts.pending:
        is_password = "MasterUserPassword" in facts.pending
        awaited = Awaited.PASSWORD if is_password else Awaited.SETTINGS
        return Await("pending changes: " + ", ".join(facts.pending), awaited)
    if facts.extras:
        return PutBack(facts.extras)
    if facts.touches:
        return ApplyLastSettings(facts.touches)
    return Complete()


def _await_cluster(facts: RestoreFacts) -> Await:
    """Return what a cluster is at that is not available: the restore, or a change after it."""
    if not facts.instance_statuses:
        awaited = Awaited.CLUSTER
    elif facts.cluster_status == RESETTING_PASSWORD:
        awaited = Awaited.PASSWORD
    else:
        awaited = Awaited.SETTINGS
    return Await(f"the cluster, which is {facts.cluster_status}", awaited)


class CheckRestoreStatusHandler(BaseHandler):
    """The step that creates the instances, sets the master password, and waits for both.

    RestoreDBClusterFromSnapshot makes no instances and keeps the source's password. In the end the
    step compares the cluster with the old one, and writes what differs to the state.
    """

    step = get_step("check-restore-status")
    services = ("rds", "secretsmanager")

    def run(self, job: Job) -> Answer:
        """Do what is next, and return 200 once a login can succeed, 202 until then.

        A direct call only looks at a cluster that this operation did not restore, and says so.
        Raises ClusterNotFoundError or RestoreFailedError if the restore may not be started again,
        ForeignClusterError for such a cluster in an execution, NameTakenError if another cluster
        has an instance of the name of one to be made, and InsufficientCapacityError if AWS has had
        no capacity for an instance for the configured time, or shows one as without capacity after
        the last attempt.
        """
        body = job.target_body
        record = job.target_record.read()
        name = job.own_cluster_id(record)
        cluster = find_cluster(job.rds.at_target, name)
        if cluster is None:
            return job.start_again(
                ClusterNotFoundError(f"there is no cluster {name} in {job.target_region}", **body)
            )
        instances = instances_of(job.rds.at_target, name)
        body["status"] = cluster["Status"]
        match decide(self._look(job, cluster, record, instances)):
            case AwaitTags():
                message = "The restored cluster does not show its tags yet"
                return Answer.wait(Awaited.TAGS, message, body)
            case RefuseForeign():
                if job.execution is None:
                    return _describe_foreign(cluster, body)
                raise ForeignClusterError(
                    f"cluster {name} ({cluster['Status']}) was not restored by "
                    f"operation {job.operation_id}; it is left alone",
                    **body,
                )
            case LeaveHandedOver(since):
                return Answer(
                    "The cluster has been handed over, and is left as it is",
                    {
                        **body,
                        "cluster_endpoint": cluster["Endpoint"],
                        "cluster_port": cluster["Port"],
                        "handed_over_at": since,
                    },
                )
            case RestoreAgain(reason, lacks_capacity):
                job.state = replace(
                    job.state, restore_is_dead=True, restore_status=cluster["Status"]
                )
                failure = InsufficientCapacityError if lacks_capacity else RestoreFailedError
                return job.start_again(
                    failure(
                        f"the restored cluster {name} is unusable: {reason}; the "
                        "events of RDS say why",
                        **body,
                    )
                )
            case Await(what, awaited):
                return self._wait(job, body, what, awaited)
            case CloseAgain():
                groups = job.state.quarantine_security_group_ids or ()
                logger.warning("the cluster was not in quarantine any more")
                quarantine(name, job.target_region, groups).make(job.rds.at_target)
                return self._wait(job, body, "its quarantine", Awaited.SECURITY_GROUPS)
            case CreateInstances(plans):
                what, awaited = self._create_instances(job, cluster, plans)
                return self._wait(job, body, what, awaited)
            case SetMasterPassword():
                self._set_master_password(job, cluster, record)
                return self._wait(job, body, "the master password", Awaited.PASSWORD)
            case PutBack(missing):
                return self._wait(job, body, self._put_back(job, missing), Awaited.SETTINGS)
            case ApplyLastSettings(touches):
                finish_cluster(name, job.target_region, touches).make(job.rds.at_target)
                what = "its " + ", ".join(sorted(touches))
                return self._wait(job, body, what, Awaited.SETTINGS)
            case Complete():
                return self._complete(job, cluster, record, instances, body)
            case action:
                assert_never(action)

    def _look(
        self,
        job: Job,
        cluster: "DBClusterTypeDef",
        record: TargetRecord | None,
        instances: "Sequence[DBInstanceTypeDef]",
    ) -> RestoreFacts:
        state, described = job.state, dict(cluster)
        touches = finishing_touches(state.restore_settings or {}, state.old_cluster)
        is_own = job.owner.has_restored(cluster, record)
        can_have_instances = is_own and cluster["Status"] == AVAILABLE
        plans = (
            planned_instances(job.restore.target, state.old_cluster, job.restored_cluster_id)
            if can_have_instances
            else []
        )
        return RestoreFacts(
            cluster_status=cluster["Status"],
            is_own=is_own,
            handed_over_at=None if record is None else record.handed_over_at,
            is_open=state.is_in_quarantine
            and (record is None or record.hand_over_started_at is None)
            and lasting_groups(attached_groups(cluster))
            != set(state.quarantine_security_group_ids or ()),
            may_not_show_tags_yet=not cluster.get("TagList")
            and job.is_recent(state.restore_started_at),
            instance_statuses={
                instance["DBInstanceIdentifier"]: instance.get("DBInstanceStatus", "creating")
                for instance in instances
            },
            planned=plans,
            is_master_password_set=state.master_password_set
            and record is not None
            and record.master_secret_version == self._current_master_secret(job).version_id,
            pending=sorted(cluster.get("PendingModifiedValues") or {}),
            extras=[
                extra
                for extra in extras(
                    job.restored_cluster_id,
                    job.target_region,
                    state.old_cluster,
                    settings_of(cluster, instances),
                    plans,
                    job.owner.tags,
                    beside=job.request.restores_beside,
                )
                if extra.name not in state.put_back
            ],
            touches={key: value for key, value in touches.items() if described.get(key) != value},
        )

    def _wait(self, job: Job, body: Mapping[str, Any], what: str, awaited: Awaited) -> Answer:
        return Answer.wait(
            awaited,
            "Cluster restore is still in progress",
            {**body, "waiting_for": what},
            replace(job.state, restore_status=body["status"]),
        )

    def _complete(
        self,
        job: Job,
        cluster: "DBClusterTypeDef",
        record: TargetRecord | None,
        instances: "Sequence[DBInstanceTypeDef]",
        body: dict[str, Any],
    ) -> Answer:
        if job.state.restore_started_at is not None:
            duration = seconds_since(job.state.restore_started_at, job.clock())
            update_metrics(job.operation_id, "RestoreDuration", duration, "Seconds")
        differences = self._compare(job, cluster, instances)
        endpoint, port = cluster["Endpoint"], cluster["Port"]
        recorded = job.target_record.add(
            record,
            job.operation_id,
            cluster["DbClusterResourceId"],
            writer_endpoint=endpoint,
            reader_endpoint=cluster.get("ReaderEndpoint"),
            port=port,
            instance_endpoints=endpoints_of(instances),
        )
        return Answer(
            "Cluster restore completed",
            {**body, "cluster_endpoint": endpoint, "cluster_port": port, "drift": differences},
            replace(
                job.state.of_cluster(recorded.resource_id),
                new_cluster_id=job.restored_cluster_id,
                restore_status=cluster["Status"],
                drift=differences,
                cluster_endpoint=endpoint,
                cluster_port=port,
            ),
        )

    def _compare(
        self, job: Job, cluster: "DBClusterTypeDef", instances: "Sequence[DBInstanceTypeDef]"
    ) -> tuple[Mapping[str, Any], ...]:
        """Return what differs from the old cluster and the configuration."""
        wanted = job.state.restore_settings
        if wanted is None:
            return ()
        target, old = job.restore.target, job.state.old_cluster
        name = job.restored_cluster_id
        around = describe_surroundings(job.rds.at_target, job.clients, name)
        new = settings_of(cluster, instances, around)
        found = drift(target, old, new, wanted, planned_instances(target, old, name))
        beside = job.request.restores_beside
        return tuple(
            asdict(each) for each in found if not (beside and each.setting in WITH_THE_NAME)
        )

    def _create_instances(
        self, job: Job, cluster: "DBClusterTypeDef", plans: Sequence[InstancePlan]
    ) -> tuple[str, Awaited]:
        """Create missing instances in their order, and return what is waited for from then on.

        One that AWS has no capacity for is waited for before the next is made: the first of them
        becomes the writer.
        """
        for plan in plans:
            shortage = self._create_with_some_class(job, cluster["Engine"], plan)
            if shortage is not None:
                return f"{shortage}, for instance {plan.identifier}", Awaited.CAPACITY
        names = ", ".join(plan.identifier for plan in plans)
        return f"the instances {names}", Awaited.INSTANCES

    def _create_with_some_class(self, job: Job, engine: str, plan: InstancePlan) -> str | None:
        """Create an instance, if need be with a fallback class; return what AWS lacks for now.

        Raises InsufficientCapacityError if waiting has not helped, and no class is left.
        """
        target, now, tried = job.restore.target, job.clock(), list[str]()
        instance_class = plan.instance_class
        while True:
            try:
                self._create_instance(job, engine, replace(plan, instance_class=instance_class))
            except AwsError as error:
                shortage = shortage_of(error)
                if shortage is None:
                    raise
                facts = shortage_facts(
                    job.state, target, shortage, instance_class, now=now, tried=tried
                )
                tried.append(instance_class)
                match capacity_action(facts):
                    case WaitForCapacity():
                        job.state = with_capacity_wait(job.state, instance_class, now)
                        return shortage.describe(instance_class)
                    case TryClass(another):
                        instance_class = another
                    case GiveUp():
                        raise capacity_error(error, shortage, tried, target) from error
                    case action:
                        assert_never(action)
            else:
                job.state = with_capacity(job.state, instance_class)
                if tried:
                    used = {**job.state.instance_class_used, plan.identifier: instance_class}
                    job.state = replace(job.state, instance_class_used=used)
                return None

    def _create_instance(self, job: Job, engine: str, plan: InstancePlan) -> None:
        tags = instance_tags(job.restore.target, plan, job.owner.tags)
        try:
            create_instance(job.restored_cluster_id, engine, job.target_region, plan, tags).make(
                job.rds.at_target
            )
        except AwsError as error:
            if code_of(error) != ALREADY_EXISTS:
                raise
            taken = find_instance(job.rds.at_target, plan.identifier)
            owner = taken.get("DBClusterIdentifier") if taken else job.restored_cluster_id
            if owner != job.restored_cluster_id:
                raise NameTakenError(
                    f"instance {plan.identifier} cannot be made: one of that name exists, and is "
                    f"no member of cluster {job.restored_cluster_id}",
                    instance_id=plan.identifier,
                ) from error

    def _put_back(self, job: Job, missing: Sequence[Extra]) -> str:
        """Put settings back that the restore did not take; return what is waited for then."""
        done = put_back(job.rds.at_target, missing)
        job.state = replace(job.state, put_back=(*job.state.put_back, *done))
        return "its " + ", ".join(extra.name for extra in missing)

    def _set_master_password(
        self, job: Job, cluster: "DBClusterTypeDef", record: TargetRecord | None
    ) -> None:
        """Set the password, then record which version of the secret it is from."""
        secret = self._current_master_secret(job)
        master = job.master_credentials(secret)
        set_master_password(job.restored_cluster_id, job.target_region, master.password).make(
            job.rds.at_target
        )
        job.target_record.add(
            record,
            job.operation_id,
            cluster["DbClusterResourceId"],
            master_secret_version=secret.version_id,
        )
        job.record(replace(job.with_attempt(job.state), master_password_set=True))

    def _current_master_secret(self, job: Job) -> SecretVersion:
        return get_secret_version(job.secrets.master, clients=job.clients)


def _describe_foreign(cluster: "DBClusterTypeDef", body: Mapping[str, Any]) -> Answer:
    """Return what a direct call finds of a cluster that this operation did not restore."""
    found = {**body, "restored_by_this_operation": False}
    if cluster["Status"] != AVAILABLE:
        message = f"The cluster is {cluster['Status']}"
        return replace(Answer.wait(Awaited.CLUSTER, message, found), only_looked=True)
    return Answer(
        "Cluster restore completed",
        {**found, "cluster_endpoint": cluster["Endpoint"], "cluster_port": cluster["Port"]},
        only_looked=True,
    )


handler = CheckRestoreStatusHandler.loaded()
