"""What the doctor concludes from the functions' network."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest

from aurora_restore.cli.doctor.network import (
    CAN_BE_DONE_WITHOUT,
    Attachment,
    FunctionNetwork,
    decide_groups,
    decide_ways,
    has_way_out,
    services_of,
    services_reached,
)
from aurora_restore.cli.findings import Level, Observation
from aurora_restore.cli.route_tables import route_table_of
from aurora_restore.reference.repository import REPOSITORY
from aurora_restore.shared.pipeline import STEPS, get_step

SUBNET = {"SubnetId": "subnet-1", "VpcId": "vpc-1"}
LOG_IN = get_step("setup-db-users")
EVERYTHING_OUT = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
ACCESS, QUARANTINE = "sg-access", "sg-quarantine"
LET_IN = {
    "IpProtocol": "tcp",
    "FromPort": 5432,
    "ToPort": 5432,
    "UserIdGroupPairs": [{"GroupId": ACCESS}],
}


def network(
    *,
    way_out: bool = False,
    services: Iterable[str] = (),
    outbound: Sequence[Mapping[str, Any]] = (EVERYTHING_OUT,),
    quarantine: Sequence[Mapping[str, Any]] = (LET_IN,),
) -> FunctionNetwork:
    """The network of functions in one subnet."""
    return FunctionNetwork(
        ways_out={"subnet-1": way_out},
        services={"subnet-1": frozenset(services)},
        outbound={"sg-own": outbound},
        quarantine=quarantine,
    )


def attached(*groups: str) -> Attachment:
    """The function that logs in, with security groups."""
    return Attachment(LOG_IN, frozenset({"subnet-1"}), frozenset(groups))


def ways(found: FunctionNetwork) -> list[Observation]:
    """What is found of the ways out of all functions."""
    return list(
        decide_ways(
            [Attachment(step, frozenset({"subnet-1"}), frozenset()) for step in STEPS], found
        )
    )


def groups(found: FunctionNetwork, *own: str) -> list[Observation]:
    """What is found of the security groups of the function that logs in."""
    return list(
        decide_groups(
            [attached(*own)],
            found,
            access_group=ACCESS,
            quarantine_group=QUARANTINE,
            ports={5432},
        )
    )


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        ({"NatGatewayId": "nat-1"}, True),
        ({"TransitGatewayId": "tgw-1", "State": "active"}, True),
        ({"NatGatewayId": "nat-1", "State": "blackhole"}, False),
        ({"GatewayId": "igw-1"}, False),
        ({"NatGatewayId": "nat-1", "DestinationCidrBlock": "10.0.0.0/8"}, False),
    ],
    ids=["nat", "transit gateway", "black hole", "internet gateway", "elsewhere"],
)
def test_a_function_gets_out_by_what_lends_it_an_address(
    route: dict[str, str], expected: bool
) -> None:
    assert has_way_out({"Routes": [{"DestinationCidrBlock": "0.0.0.0/0", **route}]}) is expected


def test_a_subnet_has_its_own_route_table_or_the_main_one_of_its_vpc() -> None:
    main = {"VpcId": "vpc-1", "RouteTableId": "main", "Associations": [{"Main": True}]}
    own = {"VpcId": "vpc-1", "RouteTableId": "own", "Associations": [{"SubnetId": "subnet-1"}]}
    other = {"VpcId": "vpc-2", "RouteTableId": "other", "Associations": [{"Main": True}]}

    assert route_table_of(SUBNET, [other, main]) == main
    assert route_table_of(SUBNET, [main, own, other]) == own


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ({"VpcEndpointType": "Interface", "PrivateDnsEnabled": True}, {"ssm"}),
        ({"VpcEndpointType": "Interface", "PrivateDnsEnabled": False}, set()),
        ({"VpcEndpointType": "Gateway", "RouteTableIds": ["main"]}, {"ssm"}),
        ({"VpcEndpointType": "Gateway", "RouteTableIds": ["other"]}, set()),
        ({"VpcEndpointType": "Interface", "PrivateDnsEnabled": True, "State": "deleting"}, set()),
        ({"VpcEndpointType": "Interface", "PrivateDnsEnabled": True, "VpcId": "vpc-2"}, set()),
    ],
    ids=["interface", "no private DNS", "gateway", "another table", "deleting", "another VPC"],
)
def test_an_endpoint_serves_where_its_name_or_route_leads(
    endpoint: dict[str, Any], expected: set[str]
) -> None:
    found = {"ServiceName": "com.amazonaws.eu-central-1.ssm", "VpcId": "vpc-1", **endpoint}

    assert services_reached(SUBNET, {"RouteTableId": "main"}, [found]) == expected


def test_functions_reach_services_by_a_way_out_or_by_endpoints() -> None:
    needed = frozenset().union(*map(services_of, STEPS))

    assert [each.level for each in ways(network(way_out=True))] == [Level.OK]
    assert [each.level for each in ways(network(services=needed))] == [Level.OK]
    (missing,) = ways(network(services=needed - {"kms"}))
    assert (missing.level, "do not reach kms:" in missing.text) == (Level.PROBLEM, True)
    without = ways(network(services=needed - CAN_BE_DONE_WITHOUT))
    assert [each.level for each in without] == [Level.WARNING, Level.OK]


def test_a_subnet_that_is_gone_is_a_problem() -> None:
    gone = FunctionNetwork(ways_out={}, services={}, outbound={})

    assert [each.level for each in ways(gone)] == [Level.PROBLEM]


def test_the_services_are_those_that_the_deployment_guide_names() -> None:
    guide = (REPOSITORY / "docs/deploy.md").read_text(encoding="utf-8")

    def named(lambda_vpc: str) -> set[str]:
        (row,) = re.findall(rf'^ *\| `"{lambda_vpc}"` \|(.*)$', guide, re.MULTILINE)
        return set(re.findall(r"`([a-z0-9-]+)`", row))

    in_database = (services_of(step) for step in STEPS if step.reaches_database)
    # Those of the steps, what publishes events, and what calls the hook of a failed run.
    assert named("all") == frozenset({"events", "lambda"}).union(*map(services_of, STEPS))
    assert named("database-only") == frozenset().union(*in_database)


def test_security_groups_that_let_the_function_through_are_right() -> None:
    assert [each.level for each in groups(network(), "sg-own", ACCESS)] == [Level.OK]


@pytest.mark.parametrize(
    ("found", "own", "text"),
    [
        (network(outbound=()), ("sg-own", ACCESS), "let nothing out to port 5432"),
        (network(), ("sg-own",), f"does not have security group {ACCESS}"),
        (network(quarantine=()), ("sg-own", ACCESS), f"does not let in {ACCESS} on port 5432"),
        (
            network(quarantine=[{**LET_IN, "UserIdGroupPairs": [{"GroupId": "sg-other"}]}]),
            ("sg-own", ACCESS),
            f"does not let in {ACCESS} on port 5432",
        ),
    ],
    ids=["nothing out", "no access group", "nothing in", "another group in"],
)
def test_a_group_that_is_closed_is_named(
    found: FunctionNetwork, own: tuple[str, ...], text: str
) -> None:
    problems = groups(found, *own)

    assert any(text in each.text for each in problems)
    assert {each.level for each in problems} == {Level.PROBLEM}
