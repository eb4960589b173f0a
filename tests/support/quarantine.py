"""The two security groups of the quarantine, as the stack makes them."""

from dataclasses import dataclass
from typing import Any

from embedded_aws.vpc import DATABASE_PORT


@dataclass(frozen=True)
class QuarantineGroups:
    """Which lets in which."""

    access: str
    quarantine: str


def create_quarantine(ec2: Any, vpc_id: str, *, prefix: str = "") -> QuarantineGroups:
    """Create the access group and the quarantine group in a VPC."""
    access = _without_way_out(ec2, vpc_id, f"{prefix}access")
    quarantine = _without_way_out(ec2, vpc_id, f"{prefix}quarantine")
    ec2.authorize_security_group_ingress(
        GroupId=quarantine, IpPermissions=[on_port(DATABASE_PORT, access)]
    )
    return QuarantineGroups(access, quarantine)


def on_port(port: int, group: str) -> dict[str, Any]:
    """A rule that lets a group in on a port."""
    return {
        "IpProtocol": "tcp",
        "FromPort": port,
        "ToPort": port,
        "UserIdGroupPairs": [{"GroupId": group}],
    }


def _without_way_out(ec2: Any, vpc_id: str, name: str) -> str:
    """A group with the one outbound rule that no traffic matches."""
    group = str(
        ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc_id)["GroupId"]
    )
    everywhere = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    nowhere = {
        "IpProtocol": "icmp",
        "FromPort": 252,
        "ToPort": 86,
        "IpRanges": [{"CidrIp": "255.255.255.255/32"}],
    }
    ec2.revoke_security_group_egress(GroupId=group, IpPermissions=[everywhere])
    ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[nowhere])
    return group
