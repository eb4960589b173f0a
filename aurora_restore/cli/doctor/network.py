"""Whether the functions in the VPC reach the AWS APIs, and the databases that they log in to."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aurora_restore.cli.doctor.asking import ask_all
from aurora_restore.cli.doctor.site import Site
from aurora_restore.cli.findings import Observation, listed, ok, problem, warning
from aurora_restore.cli.route_tables import route_table_of
from aurora_restore.shared.pipeline import Step
from aurora_restore.shared.preflight.security_groups import lets_in, other_ends

_HTTPS: Final = 443
_EVERYWHERE: Final = "0.0.0.0/0"
_WAYS_OUT: Final = (
    "NatGatewayId",
    "TransitGatewayId",
    "NetworkInterfaceId",
    "InstanceId",
    "VpcPeeringConnectionId",
    "LocalGatewayId",
    "CarrierGatewayId",
    "CoreNetworkArn",
)
"""Targets of a route by which a function gets out. By an internet gateway it does not: it has no
public address (https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc-internet.html)."""
_EVERY_FUNCTION: Final = frozenset({"dynamodb", "ssm"})
_WITHOUT_ENDPOINT: Final = frozenset({"iam", "lambda", "route53"})
"""Of ``iam`` only PassRole is granted, which is no call; Route 53 is global; and Lambda is asked
only to call the hook of a failed run, on which nothing depends."""
CAN_BE_DONE_WITHOUT: Final = frozenset({"application-autoscaling", "ram"})
"""What a run reports as not known where it is not reached."""


@dataclass(frozen=True)
class Attachment:
    """A function in the VPC."""

    step: Step
    subnet_ids: frozenset[str]
    group_ids: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class FunctionNetwork:
    """The network of the functions."""

    ways_out: Mapping[str, bool]
    """Whether a subnet has a route to everywhere, by its id."""
    services: Mapping[str, frozenset[str]]
    """The services that a subnet reaches by endpoints, by its id."""
    outbound: Mapping[str, Sequence[Mapping[str, Any]]]
    """The outbound rules of each security group of the functions, by its id."""
    quarantine: Sequence[Mapping[str, Any]] = ()
    """The inbound rules of the stack's quarantine."""


def examine_network(site: Site) -> Iterator[Observation]:
    """Yield what was found of the functions' network."""
    attachments = [
        Attachment(step, frozenset(vpc["SubnetIds"]), frozenset(vpc.get("SecurityGroupIds", [])))
        for step, found in site.functions.items()
        if (vpc := (found or {}).get("VpcConfig") or {}).get("SubnetIds")
    ]
    if not attachments:
        yield problem("No function is in a VPC.", "Deploy the stack again.")
        return
    environment = site.deployment.environment
    found = _look(site, attachments, environment.quarantine_security_group)
    yield from decide_ways(attachments, found)
    yield from decide_groups(
        attachments,
        found,
        access_group=environment.access_security_group,
        quarantine_group=environment.quarantine_security_group,
        ports={restore.target.listens_on for restore in site.restores.values()},
    )


def _look(site: Site, attachments: Sequence[Attachment], quarantine: str) -> FunctionNetwork:
    ec2 = site.client("ec2")
    subnet_ids = sorted({subnet for each in attachments for subnet in each.subnet_ids})
    group_ids = sorted({group for each in attachments for group in each.group_ids} | {quarantine})
    subnets = list(
        ask_all("ec2:DescribeSubnets", ec2, "describe_subnets", "Subnets", SubnetIds=subnet_ids)
    )
    in_vpc = [{"Name": "vpc-id", "Values": sorted({each["VpcId"] for each in subnets})}]
    tables = list(
        ask_all(
            "ec2:DescribeRouteTables", ec2, "describe_route_tables", "RouteTables", Filters=in_vpc
        )
    )
    endpoints = list(
        ask_all(
            "ec2:DescribeVpcEndpoints",
            ec2,
            "describe_vpc_endpoints",
            "VpcEndpoints",
            Filters=in_vpc,
        )
    )
    groups = {
        each["GroupId"]: each
        for each in ask_all(
            "ec2:DescribeSecurityGroups",
            ec2,
            "describe_security_groups",
            "SecurityGroups",
            Filters=[{"Name": "group-id", "Values": group_ids}],
        )
    }
    routed = {each["SubnetId"]: route_table_of(each, tables) for each in subnets}
    return FunctionNetwork(
        ways_out={subnet: has_way_out(table) for subnet, table in routed.items()},
        services={
            each["SubnetId"]: services_reached(each, routed[each["SubnetId"]], endpoints)
            for each in subnets
        },
        outbound={
            group_id: group.get("IpPermissionsEgress", []) for group_id, group in groups.items()
        },
        quarantine=groups.get(quarantine, {}).get("IpPermissions", []),
    )


def has_way_out(table: Mapping[str, Any]) -> bool:
    """Return whether a route table leads everywhere, for what has no public address."""
    return any(
        route.get("DestinationCidrBlock") == _EVERYWHERE
        and route.get("State", "active") == "active"
        and any(route.get(target) for target in _WAYS_OUT)
        for route in table.get("Routes", [])
    )


def services_reached(
    subnet: Mapping[str, Any],
    table: Mapping[str, Any],
    endpoints: Sequence[Mapping[str, Any]],
) -> frozenset[str]:
    """Return the services that are reached from a subnet by the endpoints of its VPC.

    A gateway endpoint is reached by its route tables. An interface endpoint is reached from the
    whole VPC, under the service's usual name only with private DNS.
    """
    return frozenset(
        endpoint["ServiceName"].rpartition(".")[2]
        for endpoint in endpoints
        if endpoint["VpcId"] == subnet["VpcId"]
        and str(endpoint.get("State", "available")).lower() == "available"
        and (
            table.get("RouteTableId") in endpoint.get("RouteTableIds", [])
            if endpoint.get("VpcEndpointType") == "Gateway"
            else endpoint.get("PrivateDnsEnabled", False)
        )
    )


def services_of(step: Step) -> frozenset[str]:
    """Return the services that a step's function calls."""
    granted = {action.partition(":")[0] for grant in step.grants for action in grant.actions}
    secrets = {"secretsmanager"} if step.reads_secrets or step.writes_secrets else set()
    topics = {"sns"} if step.publishes else set()
    return _EVERY_FUNCTION | (granted - _WITHOUT_ENDPOINT) | secrets | topics


def decide_ways(attachments: Sequence[Attachment], found: FunctionNetwork) -> Iterator[Observation]:
    """Yield whether the functions reach the services that they call."""
    needed = frozenset().union(*(services_of(each.step) for each in attachments))
    subnets = sorted({subnet for each in attachments for subnet in each.subnet_ids})
    absent = [subnet for subnet in subnets if subnet not in found.ways_out]
    if absent:
        yield problem(
            f"There is no subnet {listed(absent)}, in which functions are to run.",
            "Correct network.subnet_ids and deploy.",
        )
    shut: dict[frozenset[str], list[str]] = {}
    for subnet in subnets:
        if not found.ways_out.get(subnet, True):
            shut.setdefault(needed - found.services[subnet], []).append(subnet)
    for missing, where in shut.items():
        yield from _unreached(missing, where)
    if not absent and not any(missing - CAN_BE_DONE_WITHOUT for missing in shut):
        yield ok(f"The {len(attachments)} functions in the VPC reach the services that they call.")


def _unreached(missing: frozenset[str], subnets: Sequence[str]) -> Iterator[Observation]:
    if essential := missing - CAN_BE_DONE_WITHOUT:
        yield problem(
            f"From {listed(subnets)} the functions do not reach {listed(essential)}: there is "
            "neither a route to a NAT gateway nor an endpoint.",
            "Give the route tables a route to a NAT gateway, or the VPC the endpoints.",
        )
    elif missing:
        yield warning(
            f"From {listed(subnets)} the functions do not reach {listed(missing)}; a run reports "
            "as not known what it would learn there.",
            "Add the endpoints, if you want to know it.",
        )


def decide_groups(
    attachments: Sequence[Attachment],
    found: FunctionNetwork,
    *,
    access_group: str,
    quarantine_group: str,
    ports: Collection[int],
) -> Iterator[Observation]:
    """Yield whether security groups let the functions out, and in to a restored cluster."""
    faults = [
        *_closed_outwards(attachments, found, ports),
        *_closed_inwards(attachments, found, access_group, quarantine_group, ports),
    ]
    yield from faults
    if not faults:
        ways = listed(map(str, ports))
        yield ok(f"Security groups let the functions that log in through to port {ways}.")


def _closed_outwards(
    attachments: Sequence[Attachment], found: FunctionNetwork, ports: Collection[int]
) -> Iterator[Observation]:
    closed: dict[tuple[int, frozenset[str]], list[str]] = {}
    for each in attachments:
        needed = {_HTTPS, *(ports if each.step.reaches_database else ())}
        rules = [rule for group in each.group_ids for rule in found.outbound.get(group, [])]
        for port in needed:
            if not any(lets_in(rule, port) for rule in rules):
                closed.setdefault((port, each.group_ids), []).append(each.step.name)
    for (port, groups), steps in closed.items():
        yield problem(
            f"The security groups of {listed(steps)}, {listed(groups)}, let nothing out to port "
            f"{port}.",
            f"Add an outbound rule for TCP {port} to one of network.security_group_ids.",
        )


def _closed_inwards(
    attachments: Sequence[Attachment],
    found: FunctionNetwork,
    access_group: str,
    quarantine_group: str,
    ports: Collection[int],
) -> Iterator[Observation]:
    """Yield what keeps the functions that log in from a cluster in the stack's quarantine."""
    for each in attachments:
        if each.step.reaches_database and access_group not in each.group_ids:
            yield problem(
                f"The function of {each.step.name} does not have security group {access_group}, "
                "by which a restored cluster lets it in.",
                "Deploy the stack again.",
            )
    for port in sorted(ports):
        if not any(
            lets_in(rule, port) and access_group in other_ends(rule) for rule in found.quarantine
        ):
            yield problem(
                f"Security group {quarantine_group}, which a restored cluster has first, does not "
                f"let in {access_group} on port {port}.",
                "Deploy the stack again.",
            )
