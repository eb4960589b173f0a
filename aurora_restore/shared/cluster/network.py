"""Where a restored cluster stands: its subnet group and security groups."""

from typing import TYPE_CHECKING, Any

from aurora_restore.shared.aws_utils import call
from aurora_restore.shared.base_handler import Job
from aurora_restore.shared.errors import ValidationError

if TYPE_CHECKING:
    from mypy_boto3_rds.type_defs import (
        DBSubnetGroupTypeDef,
    )


def subnet_group(job: Job) -> "DBSubnetGroupTypeDef":
    """The subnet group of the restored cluster. Raises AwsError where there is none."""
    name = job.event.db_subnet_group_name or job.restore.target.db_subnet_group_name
    rds = job.clients.rds(job.target_region)
    return call(rds.describe_db_subnet_groups, DBSubnetGroupName=name)["DBSubnetGroups"][0]


def network(job: Job, group: "DBSubnetGroupTypeDef") -> dict[str, Any]:
    """Where the restored cluster will be. What the event says of it must agree with AWS.

    Raises ValidationError where it does not.
    """
    event, target = job.event, job.restore.target
    name = group["DBSubnetGroupName"]
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
