"""A network for clusters: what all who create an Aurora cluster in the embedded AWS need first."""

from dataclasses import dataclass
from typing import Any

VPC_NETWORK = "10.0.0.0/16"
DATABASE_PORT = 5432


@dataclass(frozen=True)
class DatabaseNetwork:
    """A VPC with a DB subnet group in two Availability Zones and a security group.

    The group lets in whatever is in the VPC, and out everything.
    """

    vpc_id: str
    subnet_ids: list[str]
    availability_zones: list[str]
    security_group_id: str
    subnet_group: str


def create_network(
    ec2: Any, rds: Any, region: str, subnet_group: str, *, ipv6: bool = False
) -> DatabaseNetwork:
    """Create a VPC, a subnet in each of two zones, a security group and a DB subnet group."""
    vpc = ec2.create_vpc(CidrBlock=VPC_NETWORK)["Vpc"]["VpcId"]
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
    group = create_open_group(ec2, vpc, VPC_NETWORK)
    rds.create_db_subnet_group(
        DBSubnetGroupName=subnet_group,
        DBSubnetGroupDescription="databases",
        SubnetIds=subnets,
    )
    return DatabaseNetwork(vpc, subnets, zones, group, subnet_group)


def create_open_group_of_default_vpc(ec2: Any) -> str:
    """Create such a group in the default VPC, which the default subnet group is of."""
    (vpc,) = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    return create_open_group(ec2, vpc["VpcId"], vpc["CidrBlock"])


def create_open_group(ec2: Any, vpc: str, network: str, name: str = "db") -> str:
    """Create a security group that lets a network reach a database, and the database everything."""
    group: str = ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[to_the_database(network)])
    return group


def to_the_database(network: str) -> dict[str, Any]:
    """A rule for the database's port, by network."""
    return {
        "IpProtocol": "tcp",
        "FromPort": DATABASE_PORT,
        "ToPort": DATABASE_PORT,
        "IpRanges": [{"CidrIp": network}],
    }


def give_way_out(ec2: Any, vpc_id: str) -> None:
    """Route what leaves a VPC to a transit gateway, as where a network of its own has the NAT.

    Nothing here depends on the route: the functions reach what they call by way of this machine.
    """
    gateway = ec2.create_transit_gateway(Description=vpc_id)["TransitGateway"]["TransitGatewayId"]
    (main,) = ec2.describe_route_tables(
        Filters=[
            {"Name": "vpc-id", "Values": [vpc_id]},
            {"Name": "association.main", "Values": ["true"]},
        ]
    )["RouteTables"]
    ec2.create_route(
        RouteTableId=main["RouteTableId"],
        DestinationCidrBlock="0.0.0.0/0",
        TransitGatewayId=gateway,
    )
