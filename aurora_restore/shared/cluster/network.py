"""Where a restored cluster stands: its subnet group, its VPC and its security groups."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, assert_never

from aurora_restore.shared.aws_utils import call
from aurora_restore.shared.documents.event import Event
from aurora_restore.shared.documents.restore import OwnQuarantine, Target
from aurora_restore.shared.errors import ValidationError

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_rds.type_defs import (
        DBClusterTypeDef,
        DBInstanceTypeDef,
        DBSubnetGroupTypeDef,
    )

NO_SUBNET_GROUP: Final = "DBSubnetGroupNotFoundFault"


@dataclass(frozen=True, kw_only=True)
class ClusterNetwork:
    """The subnet group, VPC and security groups of a cluster."""

    db_subnet_group_name: str
    vpc_id: str
    subnet_ids: tuple[str, ...]
    security_group_ids: tuple[str, ...]
    """Those with which it is handed over."""
    quarantine_group_ids: tuple[str, ...]
    """The only ones that it has until then; none where there is no quarantine."""

    @property
    def first_group_ids(self) -> tuple[str, ...]:
        """Return the security groups that the cluster is restored with."""
        return self.quarantine_group_ids or self.security_group_ids


def quarantine_groups(target: Target, of_stack: str) -> tuple[str, ...]:
    """Return the security groups of the target's quarantine; none if there is to be none.

    ``of_stack`` is the one that the stack makes.
    """
    match target.quarantine:
        case None:
            return (of_stack,)
        case "off":
            return ()
        case OwnQuarantine(security_group_ids=own):
            return own
        case quarantine:
            assert_never(quarantine)


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


def network_of(
    event: Event, target: Target, group: "DBSubnetGroupTypeDef", *, quarantine_group: str
) -> ClusterNetwork:
    """Return where the restored cluster will be; ``quarantine_group`` is the stack's own.

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
        quarantine_group_ids=quarantine_groups(target, quarantine_group),
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


def lasting_groups(groups: Mapping[str, str]) -> set[str]:
    """Return the security groups that stay, of those with their statuses."""
    return {group for group, status in groups.items() if status != "removing"}


def attached_groups(described: "DBClusterTypeDef | DBInstanceTypeDef") -> dict[str, str]:
    """Return the status of each security group of a cluster or an instance, by id."""
    return {
        group["VpcSecurityGroupId"]: group.get("Status", "")
        for group in described.get("VpcSecurityGroups", [])
    }
