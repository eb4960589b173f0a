"""Whether the security groups of the restored cluster fit: the final ones and the quarantine's."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from aurora_restore.shared.aws_utils import Clients, call
from aurora_restore.shared.cluster.network import ClusterNetwork, groups_field
from aurora_restore.shared.documents.event import Event
from aurora_restore.shared.documents.schema import shown
from aurora_restore.shared.errors import Action, ValidationError
from aurora_restore.shared.preflight.obstacles import RIGHT_OR_NONE, Obstacle, absent

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import SecurityGroupTypeDef

    from aurora_restore.shared.preflight.inventory import Inventory

Rule = Mapping[str, Any]

NOWHERE: Final = "255.255.255.255/32"
"""CloudFormation allows everything out of a group without outbound rules, so the stack writes one
to this address, which no traffic has."""
EVERYWHERE: Final = frozenset({"0.0.0.0/0", "::/0"})
EVERY_PROTOCOL: Final = "-1"
TCP: Final = frozenset({"tcp", "6", EVERY_PROTOCOL})


def wrong_groups(clients: Clients, event: Event, network: ClusterNetwork) -> Iterator[Obstacle]:
    """Yield an obstacle for every final security group that is not in the subnet group's VPC."""
    field = groups_field(event)
    groups = _describe(clients, network.security_group_ids)
    for group_id in network.security_group_ids:
        group = groups.get(group_id)
        if group is None:
            if field is None:
                yield absent("network", "target.vpc_security_group_ids", "security group", group_id)
            else:
                yield Obstacle(
                    "network",
                    f"{field}: there is no security group {shown(group_id)}",
                    RIGHT_OR_NONE,
                    Action.START_AGAIN,
                )
        elif group.get("VpcId") != network.vpc_id:
            problem = _elsewhere(group, network)
            if field is None and event.db_subnet_group_name is None:
                yield Obstacle("network", problem, "configure groups of the same VPC")
            else:
                named = field or "db_subnet_group_name"
                yield Obstacle("network", f"{named}: {problem}", RIGHT_OR_NONE, Action.START_AGAIN)


def check_quarantine(found: "Inventory") -> Iterator[Obstacle]:
    """Yield an obstacle for everything by which the quarantine would let too much or too little in.

    What is wrong with the network itself is reported by ``check_network``.
    """
    group = found.subnet_group
    if group is None:
        return
    try:
        network = found.network_in(group)
    except ValidationError:
        return
    own = found.request.restore.target.quarantine is not None
    groups = _describe(found.clients, network.quarantine_group_ids)
    for group_id in network.quarantine_group_ids:
        described = groups.get(group_id)
        if described is None:
            yield Obstacle(
                "quarantine",
                f"there is no security group {group_id}",
                "create it, or configure another" if own else "deploy the stack again",
            )
        elif described.get("VpcId") != network.vpc_id:
            yield Obstacle(
                "quarantine",
                _elsewhere(described, network),
                "configure groups of that VPC as target.quarantine.security_group_ids, through "
                "which the functions reach the cluster",
            )
        else:
            yield from _ways_out(described)
            yield from _open_to_all(described) if own else _others_let_in(found, described)
    port = found.request.restore.target.listens_on
    if groups and not any(
        lets_in(rule, port) for each in groups.values() for rule in _inbound(each)
    ):
        yield Obstacle(
            "quarantine",
            f"{_named(network.quarantine_group_ids)} let nobody in on port {port}, not even the "
            "functions that log in",
            "let them in" if own else "deploy the stack again",
        )


def _describe(clients: Clients, group_ids: Sequence[str]) -> "dict[str, SecurityGroupTypeDef]":
    """Return the security groups that exist, by id."""
    if not group_ids:
        return {}
    found = call(
        clients.ec2.describe_security_groups,
        Filters=[{"Name": "group-id", "Values": list(group_ids)}],
    )["SecurityGroups"]
    return {group["GroupId"]: group for group in found}


def _elsewhere(group: "SecurityGroupTypeDef", network: ClusterNetwork) -> str:
    return (
        f"security group {group['GroupId']} is in {group.get('VpcId')}, DB subnet group "
        f"{network.db_subnet_group_name!r} in {network.vpc_id}"
    )


def _ways_out(group: "SecurityGroupTypeDef") -> Iterator[Obstacle]:
    """Yield an obstacle for every outbound rule that traffic can match.

    The rules apply where the cluster acts as a client: with its subscriptions, its foreign servers
    and its extensions, which came with the snapshot.
    """
    for rule in group.get("IpPermissionsEgress", []):
        for destination in other_ends(rule):
            if destination != NOWHERE:
                yield Obstacle(
                    "quarantine",
                    f"security group {group['GroupId']} has an outbound rule to {destination}, so "
                    "that the restored cluster could act on others",
                    f"remove the rule; one to {NOWHERE} may stay",
                )


def _open_to_all(group: "SecurityGroupTypeDef") -> Iterator[Obstacle]:
    """Yield an obstacle if one of the configured groups shuts nobody off."""
    for rule in _inbound(group):
        for source in other_ends(rule):
            if source in EVERYWHERE:
                yield Obstacle(
                    "quarantine",
                    f"security group {group['GroupId']} lets in {source}",
                    "let in the functions alone",
                )


def _others_let_in(found: "Inventory", group: "SecurityGroupTypeDef") -> Iterator[Obstacle]:
    """Yield an obstacle if anything else is let into the stack's own group."""
    access = found.request.environment.access_security_group
    for rule in _inbound(group):
        for source in other_ends(rule):
            if source != access:
                yield Obstacle(
                    "quarantine",
                    f"security group {group['GroupId']} of the stack lets in {source}, and not "
                    f"only {access}, which the functions that log in have",
                    "remove the rule",
                )


def _inbound(group: "SecurityGroupTypeDef") -> Sequence[Rule]:
    rules: Sequence[Any] = group.get("IpPermissions", [])
    return rules


def other_ends(rule: Rule) -> Iterator[str]:
    """Yield the other ends of a rule: addresses, groups and prefix lists."""
    for kind, name in (
        ("IpRanges", "CidrIp"),
        ("Ipv6Ranges", "CidrIpv6"),
        ("PrefixListIds", "PrefixListId"),
        ("UserIdGroupPairs", "GroupId"),
    ):
        yield from (each[name] for each in rule.get(kind, []))


def lets_in(rule: Rule, port: int) -> bool:
    """Return whether a rule lets anything through to a port."""
    if rule["IpProtocol"] not in TCP or not any(other_ends(rule)):
        return False
    return rule["IpProtocol"] == EVERY_PROTOCOL or port in range(
        rule["FromPort"], rule["ToPort"] + 1
    )


def _named(group_ids: Sequence[str]) -> str:
    return "the security groups of the quarantine, " + ", ".join(group_ids) + ","
