"""A network for clusters: what every test that creates an Aurora cluster needs first."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class DatabaseNetwork:
    """A VPC with a DB subnet group in two Availability Zones and a security group."""

    vpc_id: str
    subnet_ids: list[str]
    availability_zones: list[str]
    security_group_id: str
    subnet_group: str


def create_network(
    ec2: Any, rds: Any, region: str, subnet_group: str, *, ipv6: bool = False
) -> DatabaseNetwork:
    """Create a VPC, a subnet in each of two zones, a security group and a DB subnet group."""
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    zones = [f"{region}{letter}" for letter in "ab"]
    subnets = [
        ec2.create_subnet(
            VpcId=vpc,
            CidrBlock=f"10.0.{number}.0/24",
            AvailabilityZone=zone,
            **({"Ipv6CidrBlock": f"2001:db8:0:{number}::/64"} if ipv6 else {}),
        )["Subnet"]["SubnetId"]
        for number, zone in enumerate(zones)
    ]
    group = ec2.create_security_group(GroupName="db", Description="db", VpcId=vpc)["GroupId"]
    rds.create_db_subnet_group(
        DBSubnetGroupName=subnet_group,
        DBSubnetGroupDescription="databases",
        SubnetIds=subnets,
    )
    return DatabaseNetwork(vpc, subnets, zones, group, subnet_group)
