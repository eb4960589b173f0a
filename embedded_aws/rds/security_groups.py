"""Security groups: who may connect to a cluster, and whom a cluster may connect to.

Source: Amazon VPC User Guide, *Control traffic to your AWS resources using security groups*: what
no rule of any group allows is not let through, in either direction, and what one rule allows is;
Aurora User Guide, *Controlling access with security groups*: outbound rules apply where a cluster
acts as a client. Groups are stateful, so only the beginning of a connection is judged.

Where everything is:

* A cluster is in the first subnet of its subnet group, with the groups that are in force.
* A function is in the first subnet of its ``VpcConfig``, with the groups named there. One that is
  attached to no VPC reaches no cluster.
* Any other process of this machine is a host in the cluster's subnet that has no groups: rules by
  CIDR let it in, rules by group do not, and it may connect to whatever lets it in.
* All in a subnet have its first free address, and every VPC is connected to every other one.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final

from embedded_aws.attachment import VpcAttachment
from embedded_aws.rds.backend import RdsBackend
from embedded_aws.rds.data_plane.sources import ConnectionSource, Kind
from embedded_aws.rds.models import DBCluster, Location
from embedded_aws.rds.services import GroupRule, SecurityGroup

RESERVED_ADDRESSES: Final = 4
"""Source: Amazon VPC User Guide, *Subnet CIDR blocks*: the first four of a subnet are AWS's."""


@dataclass(frozen=True, kw_only=True)
class Peer:
    """One end of a connection."""

    address: IPv4Address | None
    """None where its subnet is gone."""
    groups: tuple[SecurityGroup, ...] = ()
    has_groups: bool = True
    """False for a host whose connections no group of ours judges."""


def allows(source: Peer, destination: Peer, port: int) -> bool:
    """Return whether groups let a connection out at the one end and in at the other."""
    outbound = [rule for group in source.groups for rule in group.outbound]
    inbound = [rule for group in destination.groups for rule in group.inbound]
    let_out = not source.has_groups or _any_matches(outbound, destination, port)
    return let_out and _any_matches(inbound, source, port)


def _any_matches(rules: list[GroupRule], peer: Peer, port: int) -> bool:
    return any(_matches(rule, peer, port) for rule in rules)


def _matches(rule: GroupRule, peer: Peer, port: int) -> bool:
    if rule.ports is not None and port not in rule.ports:
        return False
    if rule.group is not None:
        return rule.group in {group.identifier for group in peer.groups}
    return rule.network is not None and peer.address is not None and peer.address in rule.network


class SecurityGroups:
    """The policy of the network in front of the clusters.

    It is asked from a thread of the network, without the lock of the backend: a request that holds
    it may be waiting for the network.
    """

    def __init__(self, backend: RdsBackend) -> None:
        self._backend = backend

    def admits(self, source: ConnectionSource, storage: str) -> bool:
        """Return whether the groups allow a connection to the cluster on that storage."""
        cluster = self._cluster(storage)
        if cluster is None:
            return False
        destination = self._of(cluster)
        peer = self._peer(source, destination)
        return peer is not None and allows(peer, destination, cluster.settings.port)

    def _peer(self, source: ConnectionSource, destination: Peer) -> Peer | None:
        """Return where a connection comes from; None if that is in no VPC."""
        match source.kind:
            case Kind.CLIENT:
                return Peer(address=destination.address, has_groups=False)
            case Kind.FUNCTION:
                return self._attached(source.attachment) if source.attachment else None
            case Kind.SERVER:
                client = self._cluster(source.name)
                return self._of(client) if client else None

    def _cluster(self, storage: str) -> DBCluster | None:
        for _, regional in self._backend.regional_backends():
            for cluster in list(regional.clusters.values()):
                if cluster.resource_id == storage:
                    return cluster
        return None

    def _of(self, cluster: DBCluster) -> Peer:
        group = self._backend.services.subnet_group(cluster.location, cluster.settings.subnet_group)
        subnets = group.subnets if group else ()
        return self._at(
            cluster.location,
            tuple(subnet.identifier for subnet in subnets),
            cluster.security_groups_in_force,
        )

    def _attached(self, attachment: VpcAttachment) -> Peer:
        return self._at(
            Location(attachment.account, attachment.region),
            attachment.subnet_ids,
            attachment.security_group_ids,
        )

    def _at(
        self, location: Location, subnets: tuple[str, ...], identifiers: tuple[str, ...]
    ) -> Peer:
        services = self._backend.services
        networks = (services.subnet_network(location, subnet) for subnet in subnets[:1])
        groups = (services.security_group(location, identifier) for identifier in identifiers)
        return Peer(
            address=next((each[RESERVED_ADDRESSES] for each in networks if each), None),
            groups=tuple(group for group in groups if group is not None),
        )
