"""What a VPC of the embedded AWS needs beside its subnets, to look as one must in AWS."""

from typing import Any


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
