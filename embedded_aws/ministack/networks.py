"""Patches for CloudFormation: a stack's network is made where clusters and functions look."""

from typing import Any

from embedded_aws.ministack.outsourcing import Properties, Provisioned, client, outsource

_KINDS = {
    "VPC": "vpc",
    "Subnet": "subnet",
    "RouteTable": "route-table",
    "VPCEndpoint": "vpc-endpoint",
}


class UnsupportedUpdateError(NotImplementedError):
    """A stack changes what the embedded AWS can only make and delete."""


def make_networks_of_stacks_in_ec2() -> None:
    """Let CloudFormation call the EC2 of the embedded AWS for a VPC and what is in it.

    They can be made and deleted, and not be changed.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_EC2.html
    """
    for name, create, delete in (
        ("VPC", _create_vpc, _delete_vpc),
        ("Subnet", _create_subnet, _delete_subnet),
        ("RouteTable", _create_route_table, _delete_route_table),
        ("SubnetRouteTableAssociation", _associate, _disassociate),
        ("VPCEndpoint", _create_endpoint, _delete_endpoint),
    ):
        outsource(f"AWS::EC2::{name}", create=create, update=refuse_update, delete=delete)


def refuse_update(
    physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str
) -> Provisioned:
    """Raise UnsupportedUpdateError unless nothing differs."""
    if old != new:
        raise UnsupportedUpdateError(f"{logical_id} of {stack} cannot be changed here")
    return physical_id, {}


def _create_vpc(logical_id: str, properties: Properties, stack: str) -> Provisioned:
    del logical_id, stack
    ec2 = client("ec2")
    made = ec2.create_vpc(CidrBlock=properties["CidrBlock"], **_tags("VPC", properties))["Vpc"]
    vpc = made["VpcId"]
    for name in ("EnableDnsSupport", "EnableDnsHostnames"):
        if name in properties:
            ec2.modify_vpc_attribute(VpcId=vpc, **{name: {"Value": _true(properties[name])}})
    return vpc, {"VpcId": vpc, "CidrBlock": properties["CidrBlock"]}


def _delete_vpc(physical_id: str, properties: Properties) -> None:
    del properties
    client("ec2").delete_vpc(VpcId=physical_id)


def _create_subnet(logical_id: str, properties: Properties, stack: str) -> Provisioned:
    del logical_id, stack
    named = {key: properties[key] for key in ("VpcId", "CidrBlock", "AvailabilityZone")}
    made = client("ec2").create_subnet(**named, **_tags("Subnet", properties))["Subnet"]
    return made["SubnetId"], {**named, "SubnetId": made["SubnetId"]}


def _delete_subnet(physical_id: str, properties: Properties) -> None:
    del properties
    client("ec2").delete_subnet(SubnetId=physical_id)


def _create_route_table(logical_id: str, properties: Properties, stack: str) -> Provisioned:
    del logical_id, stack
    vpc = properties["VpcId"]
    made = client("ec2").create_route_table(VpcId=vpc, **_tags("RouteTable", properties))
    table = made["RouteTable"]["RouteTableId"]
    return table, {"RouteTableId": table}


def _delete_route_table(physical_id: str, properties: Properties) -> None:
    del properties
    client("ec2").delete_route_table(RouteTableId=physical_id)


def _associate(logical_id: str, properties: Properties, stack: str) -> Provisioned:
    del logical_id, stack
    made = client("ec2").associate_route_table(
        SubnetId=properties["SubnetId"], RouteTableId=properties["RouteTableId"]
    )
    return made["AssociationId"], {"Id": made["AssociationId"]}


def _disassociate(physical_id: str, properties: Properties) -> None:
    del properties
    client("ec2").disassociate_route_table(AssociationId=physical_id)


def _create_endpoint(logical_id: str, properties: Properties, stack: str) -> Provisioned:
    del logical_id, stack
    named = {
        key: properties[key]
        for key in (
            *("VpcEndpointType", "ServiceName", "VpcId", "SubnetIds", "SecurityGroupIds"),
            "RouteTableIds",
        )
        if key in properties
    }
    if "PrivateDnsEnabled" in properties:
        named["PrivateDnsEnabled"] = _true(properties["PrivateDnsEnabled"])
    made = client("ec2").create_vpc_endpoint(**named, **_tags("VPCEndpoint", properties))
    endpoint = made["VpcEndpoint"]["VpcEndpointId"]
    return endpoint, {"Id": endpoint}


def _delete_endpoint(physical_id: str, properties: Properties) -> None:
    del properties
    client("ec2").delete_vpc_endpoints(VpcEndpointIds=[physical_id])


def _tags(name: str, properties: Properties) -> dict[str, Any]:
    tags = list(properties.get("Tags") or ())
    return {"TagSpecifications": [{"ResourceType": _KINDS[name], "Tags": tags}]} if tags else {}


def _true(value: Any) -> bool:
    """Return what a template means, which may say it in words."""
    return str(value).lower() == "true"
