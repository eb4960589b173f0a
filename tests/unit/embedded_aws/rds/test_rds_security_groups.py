"""Which connections security groups allow."""

from ipaddress import IPv4Address, IPv4Network

import pytest

from embedded_aws.rds.models import Location
from embedded_aws.rds.security_groups import Peer, allows
from embedded_aws.rds.services import GroupRule, SecurityGroup
from tests.unit.embedded_aws.rds.rds_bench import HERE, OWNER, RdsBench

PORT = 5432
EVERYTHING = GroupRule(network=IPv4Network("0.0.0.0/0"))
NOTHING = GroupRule(network=IPv4Network("255.255.255.255/32"))
VPC = GroupRule(network=IPv4Network("10.0.0.0/16"))


def group(
    name: str,
    *,
    inbound: tuple[GroupRule, ...] = (),
    outbound: tuple[GroupRule, ...] = (EVERYTHING,),
) -> SecurityGroup:
    return SecurityGroup(identifier=name, vpc="vpc-1", inbound=inbound, outbound=outbound)


def peer(*groups: SecurityGroup, address: str = "10.0.0.4", has_groups: bool = True) -> Peer:
    return Peer(address=IPv4Address(address), groups=groups, has_groups=has_groups)


def on(port: int, rule: GroupRule) -> GroupRule:
    return GroupRule(ports=range(port, port + 1), network=rule.network, group=rule.group)


ACCESS = group("access")
HOST = peer(has_groups=False)


@pytest.mark.parametrize(
    ("source", "inbound", "allowed"),
    [
        (peer(ACCESS), GroupRule(group="access"), True),
        (peer(group("other"), ACCESS), on(PORT, GroupRule(group="access")), True),
        (peer(group("other")), GroupRule(group="access"), False),
        (peer(), VPC, False),
        (peer(ACCESS), VPC, True),
        (peer(ACCESS, address="10.1.0.4"), VPC, False),
        (peer(ACCESS), on(PORT + 1, VPC), False),
        (peer(group("mute", outbound=())), VPC, False),
        (peer(group("mute", outbound=(NOTHING,)), ACCESS), VPC, True),
        (peer(group("to", outbound=(on(PORT, GroupRule(group="database")),))), VPC, True),
        (peer(group("to", outbound=(GroupRule(group="elsewhere"),))), VPC, False),
        (HOST, VPC, True),
        (HOST, GroupRule(group="access"), False),
        (HOST, GroupRule(), False),
        (Peer(address=None, groups=(ACCESS,)), EVERYTHING, False),
        (Peer(address=None, groups=(ACCESS,)), GroupRule(group="access"), True),
    ],
)
def test_a_connection_needs_a_rule_at_both_ends(
    source: Peer, inbound: GroupRule, allowed: bool
) -> None:
    database = peer(group("database", inbound=(inbound,), outbound=()), address="10.0.0.5")

    assert allows(source, database, PORT) is allowed


def test_without_a_group_nothing_is_let_in() -> None:
    assert not allows(HOST, peer(), PORT)


def test_a_quarantined_cluster_reaches_none_and_one_with_an_outbound_rule_does() -> None:
    database = peer(group("database", inbound=(VPC,)))

    assert not allows(peer(group("quarantine", outbound=(NOTHING,))), database, PORT)
    assert allows(peer(group("wanted")), database, PORT)


def test_the_rules_of_ec2_are_read_with_their_ports_networks_and_groups(
    rds_bench: RdsBench,
) -> None:
    ec2 = rds_bench.ec2()
    (vpc,) = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    made = ec2.create_security_group(GroupName="read", Description="d", VpcId=vpc["VpcId"])
    name = made["GroupId"]
    for protocol, first, last, source in (
        ("tcp", 5000, 6000, {"IpRanges": [{"CidrIp": "10.1.0.0/16"}]}),
        ("tcp", PORT, PORT, {"UserIdGroupPairs": [{"GroupId": name}]}),
        ("udp", PORT, PORT, {"IpRanges": [{"CidrIp": "10.2.0.0/16"}]}),
    ):
        rule = {"IpProtocol": protocol, "FromPort": first, "ToPort": last, **source}
        ec2.authorize_security_group_ingress(GroupId=name, IpPermissions=[rule])  # type: ignore[list-item]
    location = Location(OWNER, HERE)

    found = rds_bench.emulator.backend.services.security_group(location, name)

    assert found is not None
    assert found.inbound == (
        GroupRule(ports=range(5000, 6001), network=IPv4Network("10.1.0.0/16")),
        GroupRule(ports=range(PORT, PORT + 1), group=name),
    )
    assert found.outbound == (EVERYTHING,)
    default = rds_bench.emulator.backend.services.default_security_group(location, vpc["VpcId"])
    members = rds_bench.emulator.backend.services.security_group(location, default)
    assert members is not None
    assert GroupRule(group=default) in members.inbound
