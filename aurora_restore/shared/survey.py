"""Looking at everything that a run depends on, before it changes anything."""

from typing import TYPE_CHECKING, Any

from aurora_restore.shared.aws_utils import call
from aurora_restore.shared.base_handler import Job
from aurora_restore.shared.errors import ValidationError
from aurora_restore.shared.journey import journey
from aurora_restore.shared.preflight import Findings
from aurora_restore.shared.rds import find_cluster, instances_of

if TYPE_CHECKING:
    from mypy_boto3_rds.type_defs import DBClusterSnapshotTypeDef


def survey(job: Job, snapshot: "DBClusterSnapshotTypeDef", *, copied: bool = False) -> Findings:
    """What there is; ``copied`` once the snapshot is where it is restored from."""
    rds = job.clients.rds(job.target_region)
    cluster = find_cluster(rds, job.target_cluster_id)
    return Findings(
        job=job,
        rds=rds,
        snapshot=snapshot,
        hops=() if copied else journey(job),
        cluster=cluster,
        instances=() if cluster is None else instances_of(rds, job.target_cluster_id),
    )


def network(job: Job) -> dict[str, Any]:
    """Where the restored cluster will be. What the event says of it must agree with AWS.

    Raises ValidationError where it does not, and AwsError where there is no such subnet group.
    """
    event, target = job.event, job.restore.target
    name = event.db_subnet_group_name or target.db_subnet_group_name
    rds = job.clients.rds(job.target_region)
    group = call(rds.describe_db_subnet_groups, DBSubnetGroupName=name)["DBSubnetGroups"][0]
    subnets = [subnet["SubnetIdentifier"] for subnet in group.get("Subnets", [])]
    if event.vpc_id not in (None, group["VpcId"]):
        raise ValidationError(
            f"vpc_id: {event.vpc_id!r} is not the VPC of subnet group {name!r}, which is "
            f"{group['VpcId']!r}"
        )
    foreign = sorted(set(event.subnet_ids or ()) - set(subnets))
    if foreign:
        raise ValidationError(
            f"subnet_ids: {', '.join(foreign)} not in subnet group {name!r}, which has "
            + ", ".join(subnets)
        )
    return {
        "db_subnet_group_name": name,
        "vpc_id": group["VpcId"],
        "subnet_ids": subnets,
        "security_group_ids": list(
            event.vpc_security_group_ids
            or event.security_group_ids
            or target.vpc_security_group_ids
        ),
    }
