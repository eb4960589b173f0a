"""Step 6: restore the cluster."""

from typing import TYPE_CHECKING, Any

from aurora_restore.shared.aws_utils import call, code_of
from aurora_restore.shared.base_handler import Answer, BaseHandler, Job
from aurora_restore.shared.common import timestamp
from aurora_restore.shared.errors import (
    AwsError,
    RefusedError,
    SnapshotNotFoundError,
    ValidationError,
)
from aurora_restore.shared.ownership import made_by, own_tags
from aurora_restore.shared.pipeline import get_step
from aurora_restore.shared.rds import AVAILABLE, find_cluster, find_snapshot, tag_list
from aurora_restore.shared.settings import planned_instances, restore_parameters, restored_tags
from aurora_restore.shared.validation import validate_required_params

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_rds.type_defs import DBClusterSnapshotTypeDef, DBClusterTypeDef

ALREADY_EXISTS = "DBClusterAlreadyExistsFault"


class RestoreSnapshotHandler(BaseHandler):
    """Starts RestoreDBClusterFromSnapshot, which makes a cluster without instances.

    A cluster that this operation has restored already is taken as it is.
    """

    step = get_step("restore-snapshot")

    def run(self, job: Job) -> Answer:
        """Raises SnapshotNotFoundError, and RefusedError where the cluster's name is taken."""
        name = job.event.target_snapshot_name or job.state.get("copy_snapshot_id")
        validate_required_params({"target_snapshot_name": name})
        rds = job.clients.rds(job.target_region)
        network = self._network(job, rds)
        existing = find_cluster(rds, job.target_cluster_id)
        if existing is not None:
            self._refuse_a_stranger(job, existing)
            return self._answer(job, str(name), existing["Status"], network)
        snapshot = find_snapshot(rds, str(name))
        if snapshot is None:
            raise SnapshotNotFoundError(
                f"there is no snapshot {name} in {job.target_region}",
                target_snapshot_name=name,
                target_region=job.target_region,
            )
        if snapshot["Status"] != AVAILABLE:
            raise RefusedError(
                f"snapshot {name} in {job.target_region} is {snapshot['Status']!r}; only an "
                "available one can be restored"
            )
        planned_instances(job.restore.target, job.state.get("old_cluster"))
        status = self._restore(job, rds, snapshot, network)
        return self._answer(job, str(name), status, network, job.count_attempt())

    def _network(self, job: Job, rds: "RDSClient") -> dict[str, Any]:
        """Where the cluster will be; what the event says of it must agree with AWS."""
        event, target = job.event, job.restore.target
        group_name = event.db_subnet_group_name or target.db_subnet_group_name
        group = call(rds.describe_db_subnet_groups, DBSubnetGroupName=group_name)["DBSubnetGroups"][
            0
        ]
        subnets = [subnet["SubnetIdentifier"] for subnet in group.get("Subnets", [])]
        if event.vpc_id not in (None, group["VpcId"]):
            raise ValidationError(
                f"vpc_id: {event.vpc_id!r} is not the VPC of subnet group {group_name!r}, which is "
                f"{group['VpcId']!r}"
            )
        foreign = sorted(set(event.subnet_ids or ()) - set(subnets))
        if foreign:
            raise ValidationError(
                f"subnet_ids: {', '.join(foreign)} not in subnet group {group_name!r}, which has "
                + ", ".join(subnets)
            )
        return {
            "db_subnet_group_name": group_name,
            "vpc_id": group["VpcId"],
            "subnet_ids": subnets,
            "security_group_ids": list(
                event.vpc_security_group_ids
                or event.security_group_ids
                or target.vpc_security_group_ids
            ),
        }

    def _restore(
        self,
        job: Job,
        rds: "RDSClient",
        snapshot: "DBClusterSnapshotTypeDef",
        network: dict[str, Any],
    ) -> str:
        old = job.state.get("old_cluster")
        parameters = restore_parameters(job.restore.target, old)
        tags = restored_tags(job.restore.target, old, own_tags(job))
        try:
            restored = call(
                rds.restore_db_cluster_from_snapshot,
                DBClusterIdentifier=job.target_cluster_id,
                SnapshotIdentifier=snapshot["DBClusterSnapshotArn"],
                Engine=snapshot["Engine"],
                EngineVersion=snapshot["EngineVersion"],
                DBSubnetGroupName=network["db_subnet_group_name"],
                VpcSecurityGroupIds=network["security_group_ids"],
                Tags=tag_list(tags),
                **parameters,
            )
        except AwsError as error:
            existing = find_cluster(rds, job.target_cluster_id)
            if code_of(error) != ALREADY_EXISTS or existing is None:
                raise
            self._refuse_a_stranger(job, existing)
            return existing["Status"]
        return restored["DBCluster"]["Status"]

    def _refuse_a_stranger(self, job: Job, existing: "DBClusterTypeDef") -> None:
        if not made_by(job, existing):
            raise RefusedError(
                f"cluster {job.target_cluster_id} exists ({existing['Status']}), and this "
                "operation did not restore it; go on at delete-rds to have it replaced",
                target_cluster_id=job.target_cluster_id,
            )

    def _answer(
        self,
        job: Job,
        snapshot_name: str,
        status: str,
        network: dict[str, Any],
        counted: dict[str, Any] | None = None,
    ) -> Answer:
        started = timestamp(job.clock()) if counted else job.state.get("restore_started_at")
        return Answer(
            "Snapshot restore initiated",
            {
                "target_snapshot_name": snapshot_name,
                "target_region": job.target_region,
                "target_cluster_id": job.target_cluster_id,
                "status": status,
            },
            {
                "new_cluster_id": job.target_cluster_id,
                "restore_status": status,
                "restore_started_at": started or timestamp(job.clock()),
                "master_password_set": False,
                **{key: network[key] for key in ("vpc_id", "subnet_ids", "security_group_ids")},
                **(counted or {}),
            },
        )


handler = RestoreSnapshotHandler()
