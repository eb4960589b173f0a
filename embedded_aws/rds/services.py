"""What RDS uses of other services: keys, networks, parameter groups, secrets."""

from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Protocol

from embedded_aws.rds.models import Location


@dataclass(frozen=True)
class KmsGrant:
    """A KMS grant: who may use the key for what."""

    grantee: str
    operations: tuple[str, ...]


@dataclass(frozen=True)
class KmsKey:
    """A KMS key, as far as RDS uses it."""

    arn: str
    account: str
    region: str
    usable: bool
    aws_managed: bool
    policy: str
    grants: tuple[KmsGrant, ...]


@dataclass(frozen=True)
class Subnet:
    """A subnet of a DB subnet group."""

    identifier: str
    availability_zone: str


@dataclass(frozen=True)
class SubnetGroup:
    """A DB subnet group."""

    name: str
    description: str
    vpc: str
    arn: str
    subnets: tuple[Subnet, ...]
    network_types: tuple[str, ...] = ("IPV4",)

    @property
    def availability_zones(self) -> tuple[str, ...]:
        """The zones it covers."""
        return tuple(sorted({subnet.availability_zone for subnet in self.subnets}))


@dataclass(frozen=True, kw_only=True)
class GroupRule:
    """A rule of a security group for TCP: to or from a network or the members of a group."""

    ports: range | None = None
    """All of them where it is None."""
    network: IPv4Network | None = None
    group: str | None = None


@dataclass(frozen=True, kw_only=True)
class SecurityGroup:
    """A security group of a VPC."""

    identifier: str
    vpc: str
    inbound: tuple[GroupRule, ...]
    outbound: tuple[GroupRule, ...]


@dataclass(frozen=True)
class ManagedSecret:
    """A secret that RDS manages: where it is, and what it holds."""

    arn: str
    key_arn: str
    password: str


class Services(Protocol):
    """The rest of AWS."""

    def key(self, location: Location, identifier: str) -> KmsKey | None:
        """Return the key that an id, ARN or alias denotes for a caller at ``location``."""
        ...

    def default_key(self, location: Location) -> KmsKey:
        """Return the AWS managed key ``alias/aws/rds``."""
        ...

    def subnet_group(self, location: Location, name: str) -> SubnetGroup | None:
        """Return a DB subnet group; ``default`` is created in the default VPC."""
        ...

    def default_security_group(self, location: Location, vpc: str) -> str:
        """Return the VPC's default security group."""
        ...

    def security_group(self, location: Location, identifier: str) -> SecurityGroup | None:
        """Return a security group, or ``None`` if there is no such group."""
        ...

    def subnet_network(self, location: Location, identifier: str) -> IPv4Network | None:
        """Return the addresses of a subnet, or ``None`` if there is no such subnet."""
        ...

    def has_cluster_parameter_group(self, location: Location, name: str) -> bool:
        """Return whether the cluster parameter group exists."""
        ...

    def cluster_parameter(self, location: Location, group: str, name: str) -> str | None:
        """The value that a cluster parameter group gives a parameter, if it does."""
        ...

    def has_parameter_group(self, location: Location, name: str) -> bool:
        """Return whether the instance parameter group exists."""
        ...

    def create_managed_secret(
        self, location: Location, owner_arn: str, username: str, key: str | None
    ) -> ManagedSecret:
        """Create a secret with a generated password, as ``ManageMasterUserPassword`` does."""
        ...

    def delete_managed_secret(self, location: Location, arn: str) -> None:
        """Delete it for good."""
        ...

    def has_proxy(self, location: Location, name: str) -> bool:
        """Return whether an RDS proxy exists."""
        ...

    def set_proxy_auth(self, location: Location, name: str, auth: list[dict[str, str]]) -> None:
        """Let an RDS proxy log in with other secrets."""
        ...

    def share(self, location: Location, arn: str) -> None:
        """Share a cluster with another account, in AWS Resource Access Manager."""
        ...

    def stop_sharing(self, location: Location, arn: str) -> None:
        """Remove every share that a cluster is in."""
        ...

    def is_shared(self, location: Location, arn: str) -> bool:
        """Return whether a cluster is in a share of its account."""
        ...

    def clear(self) -> None:
        """Remove every share."""
        ...
