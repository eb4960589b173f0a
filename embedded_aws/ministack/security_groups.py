"""A patch for CloudFormation: a stack's security groups are made where clusters look for them."""

import functools
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import boto3
from ministack.core.responses import get_account_id, get_region
from ministack.services.cloudformation import provisioners

from embedded_aws.environment import FUNCTION_ENVIRONMENT_FILE, credentials

Properties = Mapping[str, Any]
Provisioned = tuple[str, dict[str, Any]]

_SECURITY_GROUP = "AWS::EC2::SecurityGroup"
_EC2_URL = "AWS_ENDPOINT_URL_EC2"


def make_security_groups_of_stacks_in_ec2() -> None:
    """Let CloudFormation call the EC2 of the embedded AWS for a security group.

    MiniStack keeps the groups of stacks to itself, where neither a cluster nor a request of EC2
    finds them. It goes on doing so where no embedded RDS brings an EC2 along.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-securitygroup.html
    """
    handlers = provisioners._RESOURCE_HANDLERS[_SECURITY_GROUP]
    kept: dict[str, Callable[..., Any]] = dict(handlers)

    def create(logical_id: str, properties: Properties, stack: str) -> Provisioned:
        if _ec2_url() is None:
            created: Provisioned = kept["create"](logical_id, properties, stack)
            return created
        return _create(logical_id, properties, stack)

    def update(
        physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str
    ) -> Provisioned:
        if _ec2_url() is None:
            updated: Provisioned = kept["update"](physical_id, old, new, stack, logical_id)
            return updated
        return _update(physical_id, old, new, stack, logical_id)

    def delete(physical_id: str, properties: Properties) -> None:
        if _ec2_url() is None:
            kept["delete"](physical_id, properties)
        else:
            _ec2().delete_security_group(GroupId=physical_id)

    handlers.update(create=create, update=update, delete=delete)


def _create(logical_id: str, properties: Properties, stack: str) -> Provisioned:
    name, description, vpc = _identity(logical_id, properties, stack)
    in_vpc = {"VpcId": vpc} if vpc else {}
    made = _ec2().create_security_group(GroupName=name, Description=description, **in_vpc)
    group = made["GroupId"]
    _change_tags(group, {}, properties)
    _change_rules(group, {}, properties)
    return group, _attributes(group)


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
    (found,) = _ec2().describe_security_groups(GroupIds=[group])["SecurityGroups"]
    return {"GroupId": group, "VpcId": found["VpcId"]}


def _change_tags(group: str, old: Properties, new: Properties) -> None:
    before, after = list(old.get("Tags") or ()), list(new.get("Tags") or ())
    if gone := [{"Key": tag["Key"]} for tag in before if tag not in after]:
        _ec2().delete_tags(Resources=[group], Tags=gone)
    if added := [tag for tag in after if tag not in before]:
        _ec2().create_tags(Resources=[group], Tags=added)


def _change_rules(group: str, old: Properties, new: Properties) -> None:
    """Take the rules of the old template away and add those of the new one; others stay."""
    ec2 = _ec2()
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


def _ec2_url() -> str | None:
    """Return where EC2 is, as functions see it."""
    variables = json.loads(Path(os.environ[FUNCTION_ENVIRONMENT_FILE]).read_text(encoding="utf-8"))
    url: str | None = variables.get(_EC2_URL)
    return url


def _ec2() -> Any:
    return _client(get_account_id(), get_region(), _ec2_url())


@functools.cache
def _client(account: str, region: str, url: str) -> Any:
    identity = credentials(account)
    return boto3.client(
        "ec2",
        region_name=region,
        endpoint_url=url,
        aws_access_key_id=identity["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=identity["AWS_SECRET_ACCESS_KEY"],
    )
