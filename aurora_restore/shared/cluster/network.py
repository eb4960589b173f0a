"""Where a restored cluster stands: its subnet group, its VPC and its security groups."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aurora_restore.shared.aws_utils import call
from aurora_restore.shared.documents.event import Event
from aurora_restore.shared.documents.restore import Target
from aurora_restore.shared.errors import ValidationError

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_rds.type_defs import (
        DBClusterTypeDef,
        DBInstanceTypeDef,
        DBSubnetGroupTypeDef,
    )

NO_SUBNET_GROUP: Final = "DBSubnetGroupNotFoundFault"
REFUSED_GROUPS: Final = frozenset({"InvalidParameterValue", "InvalidVPCNetworkStateFault"})


@dataclass(frozen=True, kw_only=True)
class ClusterNetwork:
    """The subnet group, VPC and security groups of a cluster."""

    db_subnet_group_name: str
    vpc_id: str
    subnet_ids: tuple[str, ...]
    security_group_ids: tuple[str, ...]


def describe_subnet_group(rds: "RDSClient", event: Event, target: Target) -> "DBSubnetGroupTypeDef":
    """Return the subnet group of the restored cluster: the event's, or the configured one.

    Raises AwsError if there is none (DBSubnetGroupNotFoundFault).
    """
    name = event.db_subnet_group_name or target.db_subnet_group_name
    return call(rds.describe_db_subnet_groups, DBSubnetGroupName=name)["DBSubnetGroups"][0]


def groups_field(event: Event) -> str | None:
    """Return which field of the event names the security groups; None if none does."""
    if event.vpc_security_group_ids:
        return "vpc_security_group_ids"
    return "security_group_ids" if event.security_group_ids else None


def refused_field(event: Event, code: str) -> str | None:
    """Return the field of the event that RDS refuses with an error code; None if it is none.

    RestoreDBClusterFromSnapshot refuses a security group that does not exist with
    InvalidParameterValue.
    """
    if code == NO_SUBNET_GROUP:
        return None if event.db_subnet_group_name is None else "db_subnet_group_name"
    return groups_field(event) if code in REFUSED_GROUPS else None


def network_of(event: Event, target: Target, group: "DBSubnetGroupTypeDef") -> ClusterNetwork:
    """Return where the restored cluster will be.

    Raises ValidationError if the event names a VPC or subnets that are not the group's.
    """
    name = group["DBSubnetGroupName"]
    subnets = tuple(subnet["SubnetIdentifier"] for subnet in group.get("Subnets", []))
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
    return ClusterNetwork(
        db_subnet_group_name=name,
        vpc_id=group["VpcId"],
        subnet_ids=subnets,
        security_group_ids=wanted_groups(event) or target.vpc_security_group_ids,
    )


def wanted_groups(event: Event) -> tuple[str, ...] | None:
    """Return the security groups that the event names; None if it names none."""
    return event.vpc_security_group_ids or event.security_group_ids


def groups_to_hand_over(
    event: Event, target: Target, recorded: tuple[str, ...] | None
) -> tuple[str, ...]:
    """Return the security groups with which the cluster is handed over.

    ``recorded`` are those that it was restored for.
    """
    return wanted_groups(event) or recorded or target.vpc_security_group_ids


def attached_groups(described: "DBClusterTypeDef | DBInstanceTypeDef") -> dict[str, str]:
    """Return the status of each security group of a cluster or an instance, by id."""
    return {
        group["VpcSecurityGroupId"]: group.get("Status", "")
        for group in described.get("VpcSecurityGroups", [])
    }
