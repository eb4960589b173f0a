"""What an existing target and its source are, as AWS describes them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from aurora_restore.cli.errors import usage
from aurora_restore.cli.route_tables import route_table_of
from aurora_restore.shared.aws_utils import Clients, call, error_code
from aurora_restore.shared.rds.arns import RdsArn
from aurora_restore.shared.rds.reads import find_cluster, instances_of, snapshots_of

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import FilterTypeDef
    from mypy_boto3_rds.type_defs import DBClusterTypeDef

ENGINE: Final = "aurora-postgresql"
ANYWHERE: Final = "0.0.0.0/0"


@dataclass(frozen=True, kw_only=True)
class VpcSubnet:
    """A subnet of the target's VPC."""

    subnet_id: str
    zone: str
    leads_out: str | None = None
    """What its route to the internet leads to (`nat-…`, `igw-…`); None where it has none."""

    @property
    def is_public(self) -> bool:
        """Return whether it leads out through an internet gateway, which a function cannot use."""
        return (self.leads_out or "").startswith("igw-")


@dataclass(frozen=True, kw_only=True)
class TargetFacts:
    """The target and what it stands in."""

    cluster: Mapping[str, Any]
    instances: Sequence[Mapping[str, Any]]
    vpc_id: str
    group_subnets: frozenset[str]
    """The subnets of its DB subnet group."""
    subnets: Sequence[VpcSubnet]
    """Every subnet of its VPC."""
    security_groups: Sequence[Mapping[str, Any]]
    key_manager: str | None
    """``CUSTOMER`` or ``AWS``, whose key it is encrypted with; None where that is not known."""

    @property
    def arn(self) -> RdsArn:
        """Return the target's ARN."""
        return RdsArn.parse(self.cluster["DBClusterArn"])


@dataclass(frozen=True, kw_only=True)
class SeenSnapshot:
    """A snapshot of the source that this account may use."""

    name: str
    kind: str
    created: datetime
    master_username: str | None


@dataclass(frozen=True, kw_only=True)
class SourceFacts:
    """The source, as far as this account sees it."""

    arn: RdsArn
    cluster: Mapping[str, Any] | None
    """None for one of another account."""
    snapshots: Sequence[SeenSnapshot]
    """The newest first."""


def read_target(clients: Clients, cluster_id: str) -> TargetFacts:
    """Return the facts of a target. Raises CommandError if there is no such Aurora cluster."""
    rds = clients.rds(clients.region)
    cluster = find_cluster(rds, cluster_id)
    if cluster is None:
        raise usage(
            f"There is no cluster {cluster_id} in {clients.region}. Name the target's Region with "
            "--region."
        )
    if cluster["Engine"] != ENGINE:
        raise usage(f"Cluster {cluster_id} is of {cluster['Engine']}, and not Aurora PostgreSQL.")
    (group,) = call(rds.describe_db_subnet_groups, DBSubnetGroupName=cluster["DBSubnetGroup"])[
        "DBSubnetGroups"
    ]
    ids = [each["VpcSecurityGroupId"] for each in cluster.get("VpcSecurityGroups", [])]
    return TargetFacts(
        cluster=cluster,
        instances=instances_of(rds, cluster["DBClusterIdentifier"]),
        vpc_id=group["VpcId"],
        group_subnets=frozenset(each["SubnetIdentifier"] for each in group.get("Subnets", [])),
        subnets=_subnets(clients.ec2, group["VpcId"]),
        security_groups=call(
            clients.ec2.describe_security_groups, Filters=[{"Name": "group-id", "Values": ids}]
        )["SecurityGroups"],
        key_manager=_key_manager(clients, cluster),
    )


def _subnets(ec2: "EC2Client", vpc_id: str) -> list[VpcSubnet]:
    of_vpc: list[FilterTypeDef] = [{"Name": "vpc-id", "Values": [vpc_id]}]
    subnets = call(ec2.describe_subnets, Filters=of_vpc)["Subnets"]
    tables = call(ec2.describe_route_tables, Filters=of_vpc)["RouteTables"]
    found = (
        VpcSubnet(
            subnet_id=each["SubnetId"],
            zone=each["AvailabilityZone"],
            leads_out=_way_out(route_table_of(each, tables)),
        )
        for each in subnets
    )
    return sorted(found, key=lambda each: (each.zone, each.subnet_id))


def _way_out(table: Mapping[str, Any]) -> str | None:
    """Return what the route to the internet leads to, if there is one that works."""
    for route in table.get("Routes", []):
        if route.get("DestinationCidrBlock") == ANYWHERE and route.get("State") != "blackhole":
            ends = (value for key, value in route.items() if key.endswith("Id"))
            return next((str(end) for end in ends), None)
    return None


def _key_manager(clients: Clients, cluster: "DBClusterTypeDef") -> str | None:
    key = cluster.get("KmsKeyId")
    if not key:
        return None
    try:
        described = clients.kms(clients.region).describe_key(KeyId=key)
    except ClientError as error:
        if error_code(error) in ("AccessDeniedException", "NotFoundException"):
            return None
        raise
    return described["KeyMetadata"].get("KeyManager")


def read_source(clients: Clients, source: str, target: RdsArn) -> SourceFacts:
    """Return the facts of a source, which is named by its ARN or, beside the target, its name.

    Raises CommandError if it is not the ARN of a cluster, or there is no such cluster in this
    account.
    """
    arn = _arn_of(source, target)
    rds = clients.rds(arn.region)
    is_own = arn.account == target.account
    cluster = find_cluster(rds, arn.name) if is_own else None
    if is_own and cluster is None:
        raise usage(
            f"There is no cluster {arn.name} in {arn.region}. Name a source in another Region or "
            "account by its ARN: arn:aws:rds:<region>:<account>:cluster:<name>."
        )
    found = snapshots_of(rds, arn.name, account_id=arn.account, shared=not is_own)
    seen = (
        SeenSnapshot(
            name=each["DBClusterSnapshotIdentifier"].rpartition(":cluster-snapshot:")[2],
            kind=each["SnapshotType"],
            created=each["SnapshotCreateTime"],
            master_username=each.get("MasterUsername"),
        )
        for each in found
        if "SnapshotCreateTime" in each
    )
    newest_first = sorted(seen, key=lambda each: each.created, reverse=True)
    return SourceFacts(arn=arn, cluster=cluster, snapshots=newest_first)


def _arn_of(source: str, target: RdsArn) -> RdsArn:
    if not source.startswith("arn:"):
        return replace(target, name=source.lower())
    arn = RdsArn.parse(source)
    if arn.kind != "cluster":
        raise usage(f"{source} is not the ARN of a cluster: arn:aws:rds:…:cluster:<name>.")
    return arn
