"""Step 4: delete the old cluster, once everything that can be proven is proven."""

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aurora_restore.shared.aws_utils import call, code_of, get_secret
from aurora_restore.shared.base_handler import Answer, BaseHandler, Job
from aurora_restore.shared.common import timestamp
from aurora_restore.shared.credentials import AppCredentials, MasterCredentials
from aurora_restore.shared.errors import AwsError, ConfigurationError, RefusedError
from aurora_restore.shared.ownership import made_by, managed, restored_by
from aurora_restore.shared.pipeline import get_step
from aurora_restore.shared.rds import (
    AVAILABLE,
    DELETING,
    find_cluster,
    find_snapshot,
    instances_of,
)
from aurora_restore.shared.settings import planned_instances, record

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_rds.type_defs import (
        DBClusterSnapshotTypeDef,
        DBClusterTypeDef,
        DBInstanceTypeDef,
    )

GONE = frozenset({"DBInstanceNotFound", "DBInstanceNotFoundFault"})
BEING_DELETED = frozenset({"InvalidDBInstanceState", "InvalidDBInstanceStateFault"})
# What RDS can delete: DeleteDBCluster refuses a cluster in any other status, and by then its
# instances would be gone.
STOPPED = frozenset({"stopped", "stopping"})


class DeleteRdsHandler(BaseHandler):
    """Deletes the target's instances, readers first, and then the cluster.

    Before the first of these calls it has proof that the new data is there and that the target may
    be replaced, and what the target was like is in the state.
    """

    step = get_step("delete-rds")

    def run(self, job: Job) -> Answer:
        """Raises RefusedError where deleting would lose something, and ConfigurationError where
        the restore afterwards could not succeed."""
        rds = job.clients.rds(job.target_region)
        cluster = find_cluster(rds, job.target_cluster_id)
        body = {
            "target_cluster_id": job.target_cluster_id,
            "target_region": job.target_region,
        }
        if cluster is not None and restored_by(job, cluster):
            return Answer(
                "Nothing to delete: this operation has restored the cluster already",
                {**body, "status": cluster["Status"]},
            )
        snapshot = self._prove_the_new_data(job, rds)
        self._prove_the_restore(job, rds, snapshot)
        if cluster is None:
            planned_instances(job.restore.target, job.state.get("old_cluster"))
            return Answer(
                "Nothing to delete: there is no such cluster",
                body,
                {"deleted_cluster_id": job.state.get("deleted_cluster_id")},
                HTTPStatus.NOT_FOUND,
            )
        instances = instances_of(rds, job.target_cluster_id)
        if cluster["Status"] != DELETING:
            self._prove_the_target(job, cluster)
            self._remember(job, cluster, instances)
            planned_instances(job.restore.target, job.state.get("old_cluster"))
            self._delete(job, rds, cluster, instances)
        return Answer(
            "Cluster deletion initiated",
            {**body, "status": DELETING},
            {
                "deleted_cluster_id": job.target_cluster_id,
                "delete_started_at": timestamp(job.clock()),
                **job.count_attempt(),
            },
        )

    def _prove_the_new_data(self, job: Job, rds: "RDSClient") -> "DBClusterSnapshotTypeDef":
        """The snapshot that will be restored is available at this moment."""
        name = job.event.target_snapshot_name or job.state.get("copy_snapshot_id")
        if name is None:
            raise RefusedError(
                "there is no snapshot to restore from: this operation has not come through "
                "snapshot-check and copy-snapshot; start it there, or name target_snapshot_name"
            )
        snapshot = find_snapshot(rds, str(name))
        status = snapshot["Status"] if snapshot else "missing"
        if snapshot is None or status != AVAILABLE:
            raise RefusedError(
                f"cluster {job.target_cluster_id} is not deleted: the snapshot to restore it from, "
                f"{name}, is {status}",
                target_cluster_id=job.target_cluster_id,
                target_snapshot_name=name,
                snapshot_status=status,
            )
        return snapshot

    def _prove_the_restore(
        self, job: Job, rds: "RDSClient", snapshot: "DBClusterSnapshotTypeDef"
    ) -> None:
        """What the restore needs exists: secrets, groups, and the master user's right name."""
        environment, target = job.environment, job.restore.target
        master = MasterCredentials.parse(
            get_secret(environment.master_secret, clients=job.clients),
            source=f"secret {environment.master_secret}",
        )
        AppCredentials.parse(
            get_secret(environment.app_secret, clients=job.clients),
            source=f"secret {environment.app_secret}",
        )
        owner = snapshot.get("MasterUsername")
        if owner is not None and owner != master.username:
            raise ConfigurationError(
                f"secret {environment.master_secret}: username: is {master.username!r}, but the "
                f"snapshot's master user is {owner!r}, and a restore keeps it; set it to that"
            )
        subnet_group = job.event.db_subnet_group_name or target.db_subnet_group_name
        _must_exist(
            "target.db_subnet_group_name",
            subnet_group,
            lambda: call(rds.describe_db_subnet_groups, DBSubnetGroupName=subnet_group),
        )
        parameter_group = target.db_cluster_parameter_group_name
        if parameter_group is not None:
            _must_exist(
                "target.db_cluster_parameter_group_name",
                parameter_group,
                lambda: call(
                    rds.describe_db_cluster_parameter_groups,
                    DBClusterParameterGroupName=parameter_group,
                ),
            )

    def _prove_the_target(self, job: Job, cluster: "DBClusterTypeDef") -> None:
        """The cluster is the one that may be replaced, and AWS will let it go."""
        name = job.target_cluster_id
        target, source = job.restore.target, job.restore.source
        if (job.region, job.account_id, name) == (
            source.region,
            source.account_id or job.account_id,
            source.cluster_id,
        ):
            raise RefusedError(f"cluster {name} is the source of the restore; it is not deleted")
        if not managed(job, cluster) and not target.adopt:
            raise RefusedError(
                f"cluster {name} was not made by this pipeline (it lacks its tag), so it is not "
                "deleted; to have it replaced, set target.adopt in the configuration and deploy"
            )
        if cluster.get("GlobalWriteForwardingStatus") or cluster.get("GlobalClusterIdentifier"):
            raise RefusedError(
                f"cluster {name} belongs to a global cluster; remove it from there first"
            )
        if cluster.get("ReadReplicaIdentifiers") or cluster.get("ReplicationSourceIdentifier"):
            raise RefusedError(f"cluster {name} takes part in replication; end that first")
        if cluster["Status"] in STOPPED:
            raise RefusedError(
                f"cluster {name} is {cluster['Status']}, and RDS deletes no stopped cluster; start "
                "it and re-run the execution"
            )
        if cluster.get("DeletionProtection") and not target.replace_protected:
            raise RefusedError(
                f"cluster {name} has deletion protection; lift it, or set target.replace_protected "
                "in the configuration and deploy",
                target_cluster_id=name,
            )

    def _remember(
        self, job: Job, cluster: "DBClusterTypeDef", instances: "Sequence[DBInstanceTypeDef]"
    ) -> None:
        """Write what the cluster is like to the state, once, while it is still whole.

        A dead cluster that this operation made is no model for the next one.
        """
        known = job.state.get("old_cluster") or {}
        same = known.get("DbClusterResourceId") == cluster.get("DbClusterResourceId")
        if not made_by(job, cluster) and not (known and same):
            job.record(old_cluster=record(cluster, instances))

    def _delete(
        self,
        job: Job,
        rds: "RDSClient",
        cluster: "DBClusterTypeDef",
        instances: "Sequence[DBInstanceTypeDef]",
    ) -> None:
        if cluster.get("DeletionProtection"):
            call(
                rds.modify_db_cluster,
                DBClusterIdentifier=job.target_cluster_id,
                DeletionProtection=False,
                ApplyImmediately=True,
            )
        writers = {
            member["DBInstanceIdentifier"]
            for member in cluster.get("DBClusterMembers", [])
            if member.get("IsClusterWriter")
        }
        for instance in sorted(instances, key=lambda item: item["DBInstanceIdentifier"] in writers):
            if instance.get("DBInstanceStatus") != DELETING:
                self._delete_instance(rds, instance["DBInstanceIdentifier"])
        call(
            rds.delete_db_cluster,
            DBClusterIdentifier=job.target_cluster_id,
            **self._final_snapshot(job),
        )

    def _delete_instance(self, rds: "RDSClient", identifier: str) -> None:
        try:
            call(rds.delete_db_instance, DBInstanceIdentifier=identifier, SkipFinalSnapshot=True)
        except AwsError as error:
            if code_of(error) not in GONE | BEING_DELETED:
                raise

    def _final_snapshot(self, job: Job) -> dict[str, Any]:
        skip = job.event.skip_final_snapshot
        if skip if skip is not None else job.restore.target.skip_final_snapshot:
            return {"SkipFinalSnapshot": True}
        suffix = f"-final-{job.clock():%Y%m%d%H%M%S}"
        name = job.target_cluster_id[: 63 - len(suffix)].rstrip("-") + suffix
        return {"SkipFinalSnapshot": False, "FinalDBSnapshotIdentifier": name}


def _must_exist(field: str, name: str, look: Callable[[], object]) -> None:
    try:
        look()
    except AwsError as error:
        if code_of(error).endswith(("NotFoundFault", "NotFound")):
            raise ConfigurationError(
                f"{field}: there is no {name!r} in the target's Region"
            ) from error
        raise


handler = DeleteRdsHandler()
