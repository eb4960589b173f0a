"""Facts about the security groups of a cluster, as the API shows them."""

from collections.abc import Iterator

import pytest

from embedded_aws.vpc import create_open_group
from tests.unit.embedded_aws.rds.rds_bench import TIMINGS, RdsBench, refused

LITTLE = 1.0


@pytest.fixture
def groups(rds_bench: RdsBench) -> Iterator[list[str]]:
    """Three security groups of the default VPC."""
    ec2 = rds_bench.ec2()
    (vpc,) = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    made = [create_open_group(ec2, vpc["VpcId"], vpc["CidrBlock"], name) for name in "abc"]
    yield made
    for group in made:
        ec2.delete_security_group(GroupId=group)


def shown(rds_bench: RdsBench) -> dict[str, str]:
    """The groups and their statuses, which cluster and instance show alike."""
    both = [
        [(one["VpcSecurityGroupId"], one["Status"]) for one in each["VpcSecurityGroups"]]
        for each in (rds_bench.cluster(), rds_bench.instance())
    ]
    assert both[0] == both[1]
    return dict(both[0])


def attach(rds_bench: RdsBench, *groups: str) -> None:
    rds_bench.rds().modify_db_cluster(DBClusterIdentifier="orders", VpcSecurityGroupIds=groups)


def in_force(rds_bench: RdsBench) -> set[str]:
    found = rds_bench.emulator.backend.regional_backends()
    (cluster,) = [one for _, regional in found for one in regional.clusters.values()]
    return set(cluster.security_groups_in_force)


def test_other_groups_are_shown_as_active_only_once_they_are_in_force(
    rds_bench: RdsBench, groups: list[str]
) -> None:
    first, second, third = groups
    rds_bench.new_cluster(VpcSecurityGroupIds=[first, second])
    rds_bench.new_instance()
    assert shown(rds_bench) == {first: "active", second: "active"}

    attach(rds_bench, second, third)
    changing = {first: "removing", second: "active", third: "adding"}
    assert shown(rds_bench) == changing
    assert rds_bench.cluster()["Status"] == "available"
    rds_bench.advance(TIMINGS.modify_security_groups - LITTLE)
    assert shown(rds_bench) == changing
    assert in_force(rds_bench) == {first, second}

    rds_bench.advance(LITTLE)
    assert shown(rds_bench) == {second: "active", third: "active"}
    assert in_force(rds_bench) == {second, third}

    attach(rds_bench, second, third)
    assert shown(rds_bench) == {second: "active", third: "active"}


def test_a_group_that_does_not_exist_is_not_attached(
    rds_bench: RdsBench, groups: list[str]
) -> None:
    rds_bench.new_cluster(VpcSecurityGroupIds=groups[:1])
    rds_bench.new_instance()

    with refused("InvalidParameterValue"):
        attach(rds_bench, groups[0], "sg-00000000000000000")

    assert shown(rds_bench) == {groups[0]: "active"}
