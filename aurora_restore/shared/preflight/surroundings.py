"""What the restored cluster needs around it."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Final

from aurora_restore.shared.aws_utils import call, code_of, get_secret
from aurora_restore.shared.credentials import AppCredentials, MasterCredentials
from aurora_restore.shared.errors import AwsError, ConfigurationError
from aurora_restore.shared.preflight.obstacle import Obstacle, absent
from aurora_restore.shared.settings import DEFAULT_GROUP
from aurora_restore.shared.survey import Findings

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient

NO_GROUP: Final = frozenset({"DBClusterParameterGroupNotFound", "DBParameterGroupNotFound"})
FEWEST_ZONES: Final = 2
"""A DB subnet group must cover two Availability Zones ("Working with a DB cluster in a VPC")."""


def check_secrets(found: Findings) -> Iterator[Obstacle]:
    """Both secrets are there and well-formed, and the master user has the snapshot's name."""
    environment = found.job.environment
    for name, kind in (
        (environment.master_secret, MasterCredentials),
        (environment.app_secret, AppCredentials),
    ):
        try:
            parsed = kind.parse(
                get_secret(name, clients=found.job.clients), source=f"secret {name}"
            )
        except ConfigurationError as error:
            yield Obstacle("secrets", error.message, "give the secret that value")
            continue
        owner = found.snapshot.get("MasterUsername")
        if isinstance(parsed, MasterCredentials) and owner not in (None, parsed.username):
            yield Obstacle(
                "secrets",
                f"secret {name}: username: is not {owner!r}, the snapshot's master user, whom a "
                "restore keeps",
                f"set it to {owner!r}",
            )


def check_network(found: Findings) -> Iterator[Obstacle]:
    """The subnet group covers two zones, and the security groups are in its VPC."""
    event, target = found.job.event, found.job.restore.target
    name = event.db_subnet_group_name or target.db_subnet_group_name
    try:
        groups = call(found.rds.describe_db_subnet_groups, DBSubnetGroupName=name)
    except AwsError as error:
        if code_of(error) != "DBSubnetGroupNotFoundFault":
            raise
        yield absent("network", "target.db_subnet_group_name", "DB subnet group", name)
        return
    group = groups["DBSubnetGroups"][0]
    zones = {
        subnet.get("SubnetAvailabilityZone", {}).get("Name") for subnet in group.get("Subnets", [])
    }
    if len(zones) < FEWEST_ZONES:
        yield Obstacle(
            "network",
            f"DB subnet group {name!r} covers {len(zones)} Availability Zone",
            "give it subnets in two or more",
        )
    wanted = list(
        event.vpc_security_group_ids or event.security_group_ids or target.vpc_security_group_ids
    )
    described = call(
        found.job.clients.ec2.describe_security_groups,
        Filters=[{"Name": "group-id", "Values": wanted}],
    )["SecurityGroups"]
    vpcs = {item["GroupId"]: item.get("VpcId") for item in described}
    for group_id in wanted:
        if group_id not in vpcs:
            yield absent("network", "target.vpc_security_group_ids", "security group", group_id)
        elif vpcs[group_id] != group.get("VpcId"):
            yield Obstacle(
                "network",
                f"security group {group_id} is in {vpcs[group_id]}, DB subnet group {name!r} in "
                f"{group.get('VpcId')}",
                "configure groups of the same VPC",
            )


def check_parameter_groups(found: Findings) -> Iterator[Obstacle]:
    """The parameter groups exist, and are of the family of the snapshot's engine version."""
    target = found.job.restore.target
    old = found.old or {}
    family = f"{found.snapshot['Engine']}{found.snapshot['EngineVersion'].split('.')[0]}"
    cluster_group = target.db_cluster_parameter_group_name or old.get("DBClusterParameterGroup")
    if cluster_group and not cluster_group.startswith(DEFAULT_GROUP):
        yield from _family(
            "target.db_cluster_parameter_group_name",
            cluster_group,
            family,
            partial(_cluster_group_family, found.rds, cluster_group),
        )
    before = [plan.get("db_parameter_group_name") for plan in old.get("Instances", [])]
    configured = [instance.db_parameter_group_name for instance in target.instances]
    for name in sorted({name for name in configured or before if name}):
        yield from _family(
            "target.instances.db_parameter_group_name",
            name,
            family,
            partial(_instance_group_family, found.rds, name),
        )


def _cluster_group_family(rds: "RDSClient", name: str) -> str | None:
    found = call(rds.describe_db_cluster_parameter_groups, DBClusterParameterGroupName=name)
    groups = found["DBClusterParameterGroups"]
    return groups[0]["DBParameterGroupFamily"] if groups else None


def _instance_group_family(rds: "RDSClient", name: str) -> str | None:
    groups = call(rds.describe_db_parameter_groups, DBParameterGroupName=name)["DBParameterGroups"]
    return groups[0]["DBParameterGroupFamily"] if groups else None


def _family(
    field: str, name: str, family: str, look: Callable[[], str | None]
) -> Iterator[Obstacle]:
    try:
        actual = look()
    except AwsError as error:
        if code_of(error) not in NO_GROUP:
            raise
        actual = None
    if actual is None:
        yield absent("parameter groups", field, "parameter group", name)
    elif actual != family:
        yield Obstacle(
            "parameter groups",
            f"parameter group {name!r} is of family {actual}, the snapshot's engine needs {family}",
            f"configure a group of family {family} as {field}",
        )
