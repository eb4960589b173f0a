"""A patch for CloudFormation: a stack's security groups are made where clusters look for them."""

from typing import Any

from ministack.services.cloudformation import provisioners

from embedded_aws.ministack.outsourcing import Properties, Provisioned, client, outsource


def make_security_groups_of_stacks_in_ec2() -> None:
    """Let CloudFormation call the EC2 of the embedded AWS for a security group.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-securitygroup.html
    """
    outsource("AWS::EC2::SecurityGroup", create=_create, update=_update, delete=_delete)


def _create(logical_id: str, properties: Properties, stack: str) -> Provisioned:
    name, description, vpc = _identity(logical_id, properties, stack)
    in_vpc = {"VpcId": vpc} if vpc else {}
    made = client("ec2").create_security_group(GroupName=name, Description=description, **in_vpc)
    group = made["GroupId"]
    _change_tags(group, {}, properties)
    _change_rules(group, {}, properties)
    return group, _attributes(group)


def _delete(physical_id: str, properties: Properties) -> None:
    del properties
    client("ec2").delete_security_group(GroupId=physical_id)


def _update(
    physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str
) -> Provisioned:
    """Change the tags and rules, or make another group, whose predecessor the engine deletes."""
    if _identity(logical_id, old, stack) != _identity(logical_id, new, stack):
        return _create(logical_id, new, stack)
    _change_tags(physical_id, old, new)
    _change_rules(physical_id, old, new)
    return physical_id, _attributes(physical_id)


def _identity(logical_id: str, properties: Properties, stack: str) -> tuple[str, str, str | None]:
    name = properties.get("GroupName", f"{stack}-{logical_id}")
    return name, properties["GroupDescription"], properties.get("VpcId")


def _attributes(group: str) -> dict[str, Any]:
    (found,) = client("ec2").describe_security_groups(GroupIds=[group])["SecurityGroups"]
    return {"GroupId": group, "VpcId": found["VpcId"]}


def _change_tags(group: str, old: Properties, new: Properties) -> None:
    before, after = list(old.get("Tags") or ()), list(new.get("Tags") or ())
    if gone := [{"Key": tag["Key"]} for tag in before if tag not in after]:
        client("ec2").delete_tags(Resources=[group], Tags=gone)
    if added := [tag for tag in after if tag not in before]:
        client("ec2").create_tags(Resources=[group], Tags=added)


def _change_rules(group: str, old: Properties, new: Properties) -> None:
    """Take the rules of the old template away and add those of the new one; others stay."""
    ec2 = client("ec2")
    inbound = tuple(
        provisioners._ec2_sg_permissions(each.get("SecurityGroupIngress")) for each in (old, new)
    )
    outbound = tuple(
        provisioners._ec2_sg_egress_permissions(each.get("SecurityGroupEgress"))
        for each in (old, new)
    )
    for (before, after), revoke, authorize in (
        (inbound, ec2.revoke_security_group_ingress, ec2.authorize_security_group_ingress),
        (outbound, ec2.revoke_security_group_egress, ec2.authorize_security_group_egress),
    ):
        if gone := [each for each in before if each not in after]:
            revoke(GroupId=group, IpPermissions=gone)
        if added := [each for each in after if each not in before]:
            authorize(GroupId=group, IpPermissions=added)
