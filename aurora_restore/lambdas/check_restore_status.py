"""Step 7: make the restored cluster usable, and wait until it is."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from aurora_restore.shared.aws_utils import code_of, get_secret
from aurora_restore.shared.base_handler import Answer, BaseHandler, Job
from aurora_restore.shared.cluster import calls as cluster_calls
from aurora_restore.shared.cluster.ownership import RESTORE_IS_DEAD, made_by, own_tags
from aurora_restore.shared.cluster.settings import (
    InstancePlan,
    drift,
    finishing_touches,
    planned_instances,
    record,
    restored_tags,
)
from aurora_restore.shared.common import update_metrics
from aurora_restore.shared.documents.secrets import MasterCredentials
from aurora_restore.shared.errors import (
    AwsError,
    ClusterNotFoundError,
    ForeignClusterError,
    NameTakenError,
    RestoreFailedError,
)
from aurora_restore.shared.pipeline import get_step
from aurora_restore.shared.rds.reads import find_cluster, find_instance, instances_of
from aurora_restore.shared.rds.statuses import AVAILABLE, DEAD_CLUSTER, DEAD_INSTANCE
from aurora_restore.shared.state_utils import seconds_since

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_rds.type_defs import DBClusterTypeDef, DBInstanceTypeDef

ALREADY_EXISTS: Final = frozenset({"DBInstanceAlreadyExists", "DBInstanceAlreadyExistsFault"})


class CheckRestoreStatusHandler(BaseHandler):
    """Creates the instances, then sets the master password from the secret, then waits for both.

    RestoreDBClusterFromSnapshot makes no instances and keeps the source's password. The password is
    set once the writer is available: on a cluster without instances it may not be applied. In the
    end the cluster is compared with the old one, and what differs is written to the state.
    """

    step = get_step("check-restore-status")

    def run(self, job: Job) -> Answer:
        """Raises ClusterNotFoundError or RestoreFailedError once the restore may not be started
        anew, ForeignClusterError for a cluster that this operation did not restore, and
        NameTakenError where another cluster has an instance of the name of one to be made."""
        rds = job.clients.rds(job.target_region)
        body: dict[str, Any] = {
            "target_cluster_id": job.target_cluster_id,
            "target_region": job.target_region,
        }
        cluster = find_cluster(rds, job.target_cluster_id)
        if cluster is None:
            return job.start_anew(
                ClusterNotFoundError(
                    f"there is no cluster {job.target_cluster_id} in {job.target_region}", **body
                )
            )
        body["status"] = cluster["Status"]
        if self._shows_no_tags_yet(job, cluster):
            return Answer.wait("The restored cluster does not show its tags yet", body)
        if not made_by(job, cluster):
            raise ForeignClusterError(
                f"cluster {job.target_cluster_id} ({cluster['Status']}) was not restored by "
                f"operation {job.operation_id}; it is left alone",
                **body,
            )
        instances = instances_of(rds, job.target_cluster_id)
        dead = self._dead(cluster, instances)
        if dead:
            job.state |= {RESTORE_IS_DEAD: True, "restore_status": cluster["Status"]}
            return job.start_anew(
                RestoreFailedError(
                    f"the restored cluster {job.target_cluster_id} is of no use: {dead}; the "
                    "events of RDS tell why",
                    **body,
                )
            )
        missing = self._what_is_missing(job, rds, cluster, instances)
        if missing is not None:
            return Answer.wait(
                "Cluster restore is still in progress",
                {**body, "waiting_for": missing},
                {"restore_status": cluster["Status"]},
            )
        return self._completed(job, cluster, instances, body)

    def _shows_no_tags_yet(self, job: Job, cluster: "DBClusterTypeDef") -> bool:
        """Whether the cluster has no tags, and this operation's restore is so young that it may
        just not show them."""
        return not cluster.get("TagList") and job.was_just_now("restore_started_at")

    def _completed(
        self,
        job: Job,
        cluster: "DBClusterTypeDef",
        instances: "Sequence[DBInstanceTypeDef]",
        body: dict[str, Any],
    ) -> Answer:
        if "restore_started_at" in job.state:
            duration = seconds_since(job.state["restore_started_at"], job.clock())
            update_metrics(job.operation_id, "RestoreDuration", duration, "Seconds")
        endpoint = {"cluster_endpoint": cluster["Endpoint"], "cluster_port": cluster["Port"]}
        differences = self._differences(job, cluster, instances)
        update_metrics(job.operation_id, "SettingsDrift", len(differences))
        return Answer(
            "Cluster restore completed",
            {**body, **endpoint, "drift": differences},
            {
                "new_cluster_id": job.target_cluster_id,
                "restore_status": cluster["Status"],
                "drift": differences,
                **endpoint,
            },
        )

    def _differences(
        self, job: Job, cluster: "DBClusterTypeDef", instances: "Sequence[DBInstanceTypeDef]"
    ) -> list[dict[str, Any]]:
        wanted = job.state.get("restore_settings")
        if wanted is None:
            return []
        target, old = job.restore.target, job.state.get("old_cluster")
        found = drift(
            target, old, record(cluster, instances), wanted, planned_instances(target, old)
        )
        return [asdict(difference) for difference in found]

    def _dead(
        self, cluster: "DBClusterTypeDef", instances: "Sequence[DBInstanceTypeDef]"
    ) -> str | None:
        """What no waiting mends, in words; None where there is nothing."""
        if cluster["Status"] in DEAD_CLUSTER:
            return f"it is {cluster['Status']!r}"
        dead = [
            f"instance {instance['DBInstanceIdentifier']} is {instance['DBInstanceStatus']!r}"
            for instance in instances
            if instance.get("DBInstanceStatus") in DEAD_INSTANCE
        ]
        return ", ".join(dead) or None

    def _what_is_missing(
        self,
        job: Job,
        rds: "RDSClient",
        cluster: "DBClusterTypeDef",
        instances: "Sequence[DBInstanceTypeDef]",
    ) -> str | None:
        """Do the next thing that is possible, and say what is waited for; None when all is done."""
        if cluster["Status"] != AVAILABLE:
            return f"the cluster, which is {cluster['Status']}"
        statuses = {
            instance["DBInstanceIdentifier"]: instance.get("DBInstanceStatus", "creating")
            for instance in instances
        }
        planned = planned_instances(job.restore.target, job.state.get("old_cluster"))
        absent = [plan for plan in planned if plan.identifier not in statuses]
        for plan in absent:
            self._create_instance(job, rds, cluster, plan)
        if absent:
            return "the instances " + ", ".join(plan.identifier for plan in absent)
        waiting = [f"{name} ({status})" for name, status in statuses.items() if status != AVAILABLE]
        if waiting:
            return "the instances " + ", ".join(waiting)
        if not job.state.get("master_password_set"):
            self._set_master_password(job, rds)
            return "the master password"
        if cluster.get("PendingModifiedValues"):
            return "pending changes: " + ", ".join(sorted(cluster["PendingModifiedValues"]))
        described: Mapping[str, Any] = cluster
        touches = {
            key: value
            for key, value in finishing_touches(
                job.state.get("restore_settings", {}), job.state.get("old_cluster")
            ).items()
            if described.get(key) != value
        }
        if touches:
            cluster_calls.finish_cluster(job.target_cluster_id, job.target_region, touches).make(
                rds
            )
            return "its " + ", ".join(sorted(touches))
        return None

    def _create_instance(
        self, job: Job, rds: "RDSClient", cluster: "DBClusterTypeDef", plan: InstancePlan
    ) -> None:
        tags = restored_tags(job.restore.target, None, own_tags(job))
        try:
            cluster_calls.create_instance(
                job.target_cluster_id, cluster["Engine"], job.target_region, plan, tags
            ).make(rds)
        except AwsError as error:
            if code_of(error) not in ALREADY_EXISTS:
                raise
            taken = find_instance(rds, plan.identifier)
            owner = taken.get("DBClusterIdentifier") if taken else job.target_cluster_id
            if owner != job.target_cluster_id:
                raise NameTakenError(
                    f"instance {plan.identifier} cannot be made: one of that name exists, and is "
                    f"no member of cluster {job.target_cluster_id}",
                    instance_id=plan.identifier,
                ) from error

    def _set_master_password(self, job: Job, rds: "RDSClient") -> None:
        secret = job.environment.master_secret
        master = MasterCredentials.parse(
            get_secret(secret, clients=job.clients), source=f"secret {secret}"
        )
        cluster_calls.set_master_password(
            job.target_cluster_id, job.target_region, master.password
        ).make(rds)
        job.record(master_password_set=True)


handler = CheckRestoreStatusHandler()
