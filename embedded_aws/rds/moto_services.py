"""The rest of AWS, as moto keeps it."""

import json
import re
import secrets
import string
from ipaddress import IPv4Network
from typing import Any

from moto.ec2.models import ec2_backends
from moto.kms.models import kms_backends
from moto.ram.models import ram_backends
from moto.rds.models import rds_backends
from moto.secretsmanager.models import secretsmanager_backends

from embedded_aws.rds.models import Location
from embedded_aws.rds.names import Arn
from embedded_aws.rds.services import (
    GroupRule,
    KmsGrant,
    KmsKey,
    ManagedSecret,
    SecurityGroup,
    Subnet,
    SubnetGroup,
)
from embedded_aws.rds.settings import ENGINE

DEFAULT_KEY_ALIAS = "alias/aws/rds"
SECRETS_KEY_ALIAS = "alias/aws/secretsmanager"
DEFAULT_GROUP = re.compile(rf"default\.({re.escape(ENGINE)}\d+)")
_DEFAULT_SUBNET_GROUP = "default"
_ANOTHER_ACCOUNT = "999999999999"
_ALL_PROTOCOLS = "-1"
_PROTOCOLS_OF_CONNECTIONS = (_ALL_PROTOCOLS, "tcp")
_PASSWORD_LETTERS = string.ascii_letters + string.digits + "!#$%&()*+,-.:;<=>?[]^_{|}~"


def network_types(group: Any) -> tuple[str, ...]:
    """Return what the clusters of a subnet group can be: with IPv6 if all its subnets have it."""
    has_ipv6 = all(subnet.ipv6_cidr_block_associations for subnet in group._subnets)
    return ("IPV4", "DUAL") if has_ipv6 else ("IPV4",)


class MotoServices:
    """Reads moto's KMS, EC2 and RDS parameter and subnet groups; writes managed secrets."""

    def key(self, location: Location, identifier: str) -> KmsKey | None:
        """See :class:`~embedded_aws.rds.services.Services`."""
        owner = location
        if identifier.startswith("arn:"):
            parts = identifier.split(":", 5)
            if len(parts) != 6 or parts[2] != "kms":
                return None
            owner = Location(parts[4], parts[3])
        backend = kms_backends[owner.account][owner.region]
        if identifier == DEFAULT_KEY_ALIAS:
            return self.default_key(owner)
        found = backend.keys.get(backend.any_id_to_key_id(identifier))
        return None if found is None else _key(found)

    def default_key(self, location: Location) -> KmsKey:
        """See :class:`~embedded_aws.rds.services.Services`."""
        backend = kms_backends[location.account][location.region]
        return _key(backend.keys[backend.get_key_id_from_alias(DEFAULT_KEY_ALIAS)])

    def subnet_group(self, location: Location, name: str) -> SubnetGroup | None:
        """See :class:`~embedded_aws.rds.services.Services`."""
        backend = rds_backends[location.account][location.region]
        if name == _DEFAULT_SUBNET_GROUP and name not in backend.subnet_groups:
            ec2 = ec2_backends[location.account][location.region]
            backend.create_subnet_group(
                name, "default", list(ec2.get_default_subnets().values()), []
            )
        found = backend.subnet_groups.get(name)
        if found is None:
            return None
        return SubnetGroup(
            name=found.name,
            description=found.description,
            vpc=found.vpc_id,
            arn=found.arn,
            subnets=tuple(
                Subnet(one["SubnetIdentifier"], one["SubnetAvailabilityZone"]["Name"])
                for one in found.subnets
            ),
            network_types=network_types(found),
        )

    def default_security_group(self, location: Location, vpc: str) -> str:
        """See :class:`~embedded_aws.rds.services.Services`."""
        group = ec2_backends[location.account][location.region].get_default_security_group(vpc)
        return str(group.id)

    def security_group(self, location: Location, identifier: str) -> SecurityGroup | None:
        """See :class:`~embedded_aws.rds.services.Services`."""
        ec2 = ec2_backends[location.account][location.region]
        found = ec2.get_security_group_from_id(identifier)
        if found is None:
            return None
        # The rule of a default group that lets its members in, which moto leaves out.
        own = (GroupRule(group=identifier),) if found.is_default else ()
        return SecurityGroup(
            identifier=identifier,
            vpc=str(found.vpc_id),
            inbound=(*_rules(found.ingress_rules), *own),
            outbound=_rules(found.egress_rules),
        )

    def subnet_network(self, location: Location, identifier: str) -> IPv4Network | None:
        """See :class:`~embedded_aws.rds.services.Services`."""
        ec2 = ec2_backends[location.account][location.region]
        for zone in list(ec2.subnets.values()):
            if identifier in zone:
                return IPv4Network(zone[identifier].cidr_block)
        return None

    def has_cluster_parameter_group(self, location: Location, name: str) -> bool:
        """See :class:`~embedded_aws.rds.services.Services`."""
        groups = rds_backends[location.account][location.region].db_cluster_parameter_groups
        return name in groups or DEFAULT_GROUP.fullmatch(name) is not None

    def cluster_parameter(self, location: Location, group: str, name: str) -> str | None:
        """See :class:`~embedded_aws.rds.services.Services`."""
        groups = rds_backends[location.account][location.region].db_cluster_parameter_groups
        found = groups[group].parameters.get(name) if group in groups else None
        return str(found["ParameterValue"]) if found else None

    def has_parameter_group(self, location: Location, name: str) -> bool:
        """See :class:`~embedded_aws.rds.services.Services`."""
        groups = rds_backends[location.account][location.region].db_parameter_groups
        return name in groups or DEFAULT_GROUP.fullmatch(name) is not None

    def create_managed_secret(
        self, location: Location, owner_arn: str, username: str, key: str | None
    ) -> ManagedSecret:
        """See :class:`~embedded_aws.rds.services.Services`."""
        password = "".join(secrets.choice(_PASSWORD_LETTERS) for _ in range(32))
        owner = Arn.parse(owner_arn)
        made = secretsmanager_backends[location.account][location.region].create_managed_secret(
            service_name="rds",
            secret_id=f"rds!cluster-{secrets.token_hex(16)}",
            secret_string=json.dumps({"username": username, "password": password}),
            description=f"The secret associated with the DB cluster {owner and owner.name}",
            kms_key_id=key,
            tags=[
                {"Key": "aws:rds:primaryDBClusterArn", "Value": owner_arn},
                {"Key": "aws:secretsmanager:owningService", "Value": "rds"},
            ],
        )
        found = self.key(location, key) if key else None
        key_arn = _secrets_key(location) if found is None else found.arn
        return ManagedSecret(made.arn, key_arn, password)

    def delete_managed_secret(self, location: Location, arn: str) -> None:
        """See :class:`~embedded_aws.rds.services.Services`."""
        secretsmanager_backends[location.account][location.region].delete_secret(
            arn, recovery_window_in_days=None, force_delete_without_recovery=True
        )

    def has_proxy(self, location: Location, name: str) -> bool:
        """See :class:`~embedded_aws.rds.services.Services`."""
        return name in rds_backends[location.account][location.region].db_proxies

    def set_proxy_auth(self, location: Location, name: str, auth: list[dict[str, str]]) -> None:
        """See :class:`~embedded_aws.rds.services.Services`."""
        rds_backends[location.account][location.region].db_proxies[name].auth = auth

    def share(self, location: Location, arn: str) -> None:
        """See :class:`~embedded_aws.rds.services.Services`."""
        ram_backends[location.account][location.region].create_resource_share(
            name="embedded-rds", resourceArns=[arn], principals=[_ANOTHER_ACCOUNT]
        )

    def stop_sharing(self, location: Location, arn: str) -> None:
        """See :class:`~embedded_aws.rds.services.Services`."""
        backend = ram_backends[location.account][location.region]
        backend.resource_shares = [
            share for share in backend.resource_shares if arn not in share.resource_arns
        ]

    def is_shared(self, location: Location, arn: str) -> bool:
        """See :class:`~embedded_aws.rds.services.Services`."""
        shares = ram_backends[location.account][location.region].resource_shares
        return any(share.status == "ACTIVE" and arn in share.resource_arns for share in shares)

    def clear(self) -> None:
        """See :class:`~embedded_aws.rds.services.Services`."""
        for account in list(ram_backends.values()):
            for backend in list(account.values()):
                backend.resource_shares.clear()


def _rules(found: Any) -> tuple[GroupRule, ...]:
    """Return the rules that can allow a connection by TCP."""
    return tuple(
        GroupRule(
            ports=None
            if rule.ip_protocol == _ALL_PROTOCOLS
            else range(rule.from_port, rule.to_port + 1),
            network=IPv4Network(rule.cidr_ipv4) if rule.cidr_ipv4 else None,
            group=rule.source_group.get("GroupId"),
        )
        for rule in list(found)
        if rule.ip_protocol in _PROTOCOLS_OF_CONNECTIONS
    )


def _secrets_key(location: Location) -> str:
    """Return the ARN of the AWS managed key of Secrets Manager, as which moto does not know it."""
    backend = kms_backends[location.account][location.region]
    key = backend.keys[backend.get_key_id_from_alias(SECRETS_KEY_ALIAS)]
    key.key_manager = "AWS"
    return str(key.arn)


def _key(found: Any) -> KmsKey:
    return KmsKey(
        arn=found.arn,
        account=found.account_id,
        region=found.region,
        usable=found.enabled
        and found.key_state == "Enabled"
        and found.key_spec == "SYMMETRIC_DEFAULT",
        aws_managed=DEFAULT_KEY_ALIAS in found.aliases,
        policy=found.policy,
        grants=tuple(
            KmsGrant(grant.grantee_principal, tuple(grant.operations))
            for grant in found.grants.values()
        ),
    )
