"""Step 7: make the restored cluster usable, and wait until it is."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aurora_restore.shared.aws_utils import call, code_of, get_secret
from aurora_restore.shared.base_handler import Answer, BaseHandler, Job
from aurora_restore.shared.common import update_metrics
from aurora_restore.shared.credentials import MasterCredentials
from aurora_restore.shared.errors import (
    AwsError,
    ClusterNotFoundError,
    RefusedError,
    RestoreFailedError,
)
from aurora_restore.shared.ownership import made_by, own_tags
from aurora_restore.shared.pipeline import get_step
from aurora_restore.shared.rds import (
    AVAILABLE,
    DEAD_CLUSTER,
    DEAD_INSTANCE,
    find_cluster,
    instances_of,
    tag_list,
)
from aurora_restore.shared.settings import InstancePlan, planned_instances, restored_tags
from aurora_restore.shared.state_utils import seconds_since

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_rds.type_defs import DBClusterTypeDef

ALREADY_EXISTS = frozenset({"DBInstanceAlreadyExists", "DBInstanceAlreadyExistsFault"})


class CheckRestoreStatusHandler(BaseHandler):
    """Creates the instances, then sets the master password from the secret, then waits for both.

    RestoreDBClusterFromSnapshot makes no instances and keeps the source's password. The password is
    set once the writer is available: on a cluster without instances it may not be applied.
    """

    step = get_step("check-restore-status")

    def run(self, job: Job) -> Answer:
        """Raises ClusterNotFoundError or RestoreFailedError once the restore may not be started
        anew, and RefusedError for a cluster that this operation did not restore."""
        rds = job.clients.rds(job.target_region)
        body = {
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
        status = cluster["Status"]
        if not made_by(job, cluster):
            raise RefusedError(
                f"cluster {job.target_cluster_id} ({status}) was not restored by operation "
                f"{job.operation_id}; it is left alone",
                **body,
            )
        if status in DEAD_CLUSTER:
            return job.start_anew(
                RestoreFailedError(
                    f"cluster {job.target_cluster_id} is {status!r}", **body, status=status
                )
            )
        body["status"] = status
        missing = self._what_is_missing(job, rds, cluster)
        if missing is not None:
            return Answer.wait(
                "Cluster restore is still in progress",
                {**body, "waiting_for": missing},
                {"restore_status": status},
            )
        if "restore_started_at" in job.state:
            duration = seconds_since(job.state["restore_started_at"], job.clock())
            update_metrics(job.operation_id, "RestoreDuration", duration, "Seconds")
        endpoint = {"cluster_endpoint": cluster["Endpoint"], "cluster_port": cluster["Port"]}
        return Answer(
            "Cluster restore completed",
            {**body, **endpoint},
            {
                "new_cluster_id": job.target_cluster_id,
                "restore_status": status,
                **endpoint,
            },
        )

    def _what_is_missing(
        self, job: Job, rds: "RDSClient", cluster: "DBClusterTypeDef"
    ) -> str | None:
        """Do the next thing that is possible, and say what is waited for; None when all is done."""
        if cluster["Status"] != AVAILABLE:
            return f"the cluster, which is {cluster['Status']}"
        statuses = {
            instance["DBInstanceIdentifier"]: instance.get("DBInstanceStatus", "creating")
            for instance in instances_of(rds, job.target_cluster_id)
        }
        planned = planned_instances(job.restore.target, job.state.get("old_cluster"))
        absent = [plan for plan in planned if plan.identifier not in statuses]
        for plan in absent:
            self._create_instance(job, rds, cluster, plan)
        self._refuse_the_dead(job, statuses)
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
        return None

    def _refuse_the_dead(self, job: Job, statuses: Mapping[str, str]) -> None:
        dead = {name: status for name, status in statuses.items() if status in DEAD_INSTANCE}
        if dead:
            listed = ", ".join(f"{name} is {status!r}" for name, status in dead.items())
            raise RestoreFailedError(
                f"the instances of cluster {job.target_cluster_id} cannot be used: {listed}; see "
                "the events of RDS for the reason, delete them, and re-run the execution",
                instances=dead,
            )

    def _create_instance(
        self, job: Job, rds: "RDSClient", cluster: "DBClusterTypeDef", plan: InstancePlan
    ) -> None:
        optional: dict[str, Any] = {
            "PromotionTier": plan.promotion_tier,
            "DBParameterGroupName": plan.db_parameter_group_name,
        }
        tags = restored_tags(job.restore.target, None, own_tags(job))
        try:
            call(
                rds.create_db_instance,
                DBInstanceIdentifier=plan.identifier,
                DBInstanceClass=plan.instance_class,
                Engine=cluster["Engine"],
                DBClusterIdentifier=job.target_cluster_id,
                PubliclyAccessible=False,
                Tags=tag_list(tags),
                **{key: value for key, value in optional.items() if value is not None},
            )
        except AwsError as error:
            if code_of(error) not in ALREADY_EXISTS:
                raise

    def _set_master_password(self, job: Job, rds: "RDSClient") -> None:
        secret = job.environment.master_secret
        master = MasterCredentials.parse(
            get_secret(secret, clients=job.clients), source=f"secret {secret}"
        )
        call(
            rds.modify_db_cluster,
            DBClusterIdentifier=job.target_cluster_id,
            MasterUserPassword=master.password,
            ApplyImmediately=True,
        )
        job.record(master_password_set=True)


handler = CheckRestoreStatusHandler()
