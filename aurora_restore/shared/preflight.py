"""Everything that can be known before the first change, checked before the first change.

A check yields its obstacles and goes on, so that all of them are told at once. ``snapshot-check``
runs all of them, in a dry run as in a real one; ``delete-rds`` runs them again before it deletes.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from aurora_restore.shared.aws_utils import call, code_of, get_secret
from aurora_restore.shared.base_handler import Job
from aurora_restore.shared.credentials import AppCredentials, MasterCredentials
from aurora_restore.shared.errors import (
    AuroraRestoreError,
    AwsError,
    ConfigurationError,
    PreflightError,
    RetryableError,
)
from aurora_restore.shared.function_utils import RdsArn
from aurora_restore.shared.ownership import made_by, managed
from aurora_restore.shared.pipeline import TAG_MANAGED_BY, shared_snapshot_prefix
from aurora_restore.shared.rds import DELETING, SSE_KMS, encryption_of, find_snapshot, tags_of
from aurora_restore.shared.routes import Hop, Where
from aurora_restore.shared.settings import DEFAULT_GROUP, SERVERLESS, planned_instances, record

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_rds.type_defs import (
        DBClusterSnapshotTypeDef,
        DBClusterTypeDef,
        DBInstanceTypeDef,
    )

# DeleteDBCluster refuses a cluster in these statuses, and by then its instances would be gone.
STOPPED: Final = frozenset({"stopped", "stopping"})
NO_GROUP: Final = frozenset({"DBClusterParameterGroupNotFound", "DBParameterGroupNotFound"})
SNAPSHOT_QUOTA: Final = "ManualClusterSnapshots"
FEWEST_ZONES: Final = 2
"""A DB subnet group must cover two Availability Zones ("Working with a DB cluster in a VPC")."""


@dataclass(frozen=True)
class Obstacle:
    """Why a restore could not succeed, or must not begin."""

    check: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.problem}; {self.remedy}"


@dataclass(frozen=True)
class Findings:
    """What is there before the first change."""

    job: Job
    rds: "RDSClient"
    snapshot: "DBClusterSnapshotTypeDef"
    """What is to be restored, or what is to be copied first."""
    hops: Sequence[Hop]
    cluster: "DBClusterTypeDef | None"
    instances: "Sequence[DBInstanceTypeDef]"

    @property
    def old(self) -> dict[str, Any] | None:
        """What the old cluster is like, or was before this operation began to delete it."""
        known: dict[str, Any] | None = self.job.state.get("old_cluster")
        if known is None and self.cluster is not None and not made_by(self.job, self.cluster):
            return record(self.cluster, self.instances)
        return known


Check = Callable[[Findings], Iterator[Obstacle]]


def obstacles(found: Findings) -> list[Obstacle]:
    """Every obstacle that any check finds.

    Where AWS refuses a check itself, that is an obstacle, too; only what is worth trying again is
    raised.
    """
    told: list[Obstacle] = []
    for check in CHECKS:
        try:
            told.extend(check(found))
        except RetryableError:
            raise
        except AuroraRestoreError as error:
            told.append(Obstacle(_name(check), error.message, "mend that first"))
    return told


def refuse(found: Sequence[Obstacle], cluster_id: str) -> None:
    """Raise PreflightError if there is any obstacle."""
    if found:
        listed = " | ".join(map(str, found))
        count = "1 obstacle" if len(found) == 1 else f"{len(found)} obstacles"
        raise PreflightError(
            f"cluster {cluster_id} is left as it is, {count}: {listed}",
            obstacles=[asdict(obstacle) for obstacle in found],
        )


def check_source(found: Findings) -> Iterator[Obstacle]:
    """The target is not the source."""
    job = found.job
    source = job.restore.source
    if (job.region, job.account_id, job.target_cluster_id) == (
        source.region,
        source.account_id or job.account_id,
        source.cluster_id,
    ):
        yield Obstacle(
            "source",
            f"the target {job.target_cluster_id} is the source itself",
            "configure another target.cluster_id",
        )
    yield from _what_the_role_may_share(found)


def _what_the_role_may_share(found: Findings) -> Iterator[Obstacle]:
    """The role in the source account is bounded by the names of snapshots."""
    job, source = found.job, found.job.restore.source
    arn = RdsArn.parse(found.snapshot["DBClusterSnapshotArn"])
    made_here = shared_snapshot_prefix(job.environment.name_prefix)
    if not source.role_arn or arn.account == job.account_id or arn.name.startswith(made_here):
        return
    allowed = [names for names in (source.automated_names, source.manual_names) if names]
    if not any(fnmatchcase(arn.name, names) for names in allowed):
        yield Obstacle(
            "source",
            f"the role in account {arn.account} may not use snapshot {arn.name}, only "
            f"{' and '.join(allowed)}",
            "take one of those, or configure source.snapshot_name and deploy both stacks",
        )


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
                f"secret {name}: username: is {parsed.username!r}, but the snapshot's master user "
                f"is {owner!r}, and a restore keeps it",
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
        yield _absent("network", "target.db_subnet_group_name", "DB subnet group", name)
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
            yield _absent("network", "target.vpc_security_group_ids", "security group", group_id)
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
        yield _absent("parameter groups", field, "parameter group", name)
    elif actual != family:
        yield Obstacle(
            "parameter groups",
            f"parameter group {name!r} is of family {actual}, the snapshot's engine needs {family}",
            f"configure a group of family {family} as {field}",
        )


def check_instances(found: Findings) -> Iterator[Obstacle]:
    """There is at least one instance to create, of a class that can be had."""
    target = found.job.restore.target
    plans = planned_instances(target, found.old)
    scaled = target.serverless_v2_scaling or (found.old or {}).get(
        "ServerlessV2ScalingConfiguration"
    )
    for wanted in sorted({plan.instance_class for plan in plans}):
        if wanted == SERVERLESS and not scaled:
            yield Obstacle(
                "instances",
                "db.serverless instances need a capacity range",
                "configure target.serverless_v2_scaling",
            )
        offers = call(
            found.rds.describe_orderable_db_instance_options,
            Engine=found.snapshot["Engine"],
            EngineVersion=found.snapshot["EngineVersion"],
            DBInstanceClass=wanted,
            MaxRecords=20,
        )["OrderableDBInstanceOptions"]
        if not offers:
            yield Obstacle(
                "instances",
                f"class {wanted} cannot be had for {found.snapshot['Engine']} "
                f"{found.snapshot['EngineVersion']} in {found.job.target_region}",
                "configure another class in target.instances",
            )


def check_copies(found: Findings) -> Iterator[Obstacle]:
    """Every copy has the key it needs, a name that is free, and room in the quota."""
    encrypted = encryption_of(found.snapshot) == SSE_KMS
    for hop in found.hops:
        if encrypted and hop.kms_key_id is None:
            yield Obstacle(
                "keys",
                f"{hop.key_field}: is missing; the snapshot is encrypted, and its copy {hop.where} "
                "needs a customer key",
                f"configure {hop.key_field}, a key in {hop.place.region}",
            )
        if hop.where is Where.TARGET:
            yield from _target_copy(found, hop)


def _target_copy(found: Findings, hop: Hop) -> Iterator[Obstacle]:
    existing = find_snapshot(found.rds, hop.name)
    if existing is not None:
        if TAG_MANAGED_BY not in tags_of(existing.get("TagList")):
            yield Obstacle(
                "names",
                f"snapshot {hop.name} exists in {hop.place.region}, and the pipeline did not "
                "make it",
                "rename it, or give another target_snapshot_name",
            )
        return
    for quota in call(found.rds.describe_account_attributes)["AccountQuotas"]:
        if quota.get("AccountQuotaName") == SNAPSHOT_QUOTA and quota["Used"] >= quota["Max"]:
            yield Obstacle(
                "quotas",
                f"{quota['Used']} of {quota['Max']} manual cluster snapshots are used in "
                f"{hop.place.region}",
                "delete some, keep fewer (archive.keep_copies), or have the quota raised",
            )


def check_target_key(found: Findings) -> Iterator[Obstacle]:
    """The target's key exists and is enabled."""
    key = found.job.restore.target.kms_key_id
    if key is None:
        return
    try:
        described = call(found.job.clients.kms.describe_key, KeyId=key)["KeyMetadata"]
    except AwsError as error:
        if code_of(error) != "NotFoundException":
            raise
        yield _absent("keys", "target.kms_key_id", "KMS key", key)
        return
    if described.get("KeyState") != "Enabled":
        yield Obstacle("keys", f"KMS key {key} is {described.get('KeyState')}", "enable it")


def check_target(found: Findings) -> Iterator[Obstacle]:
    """The old cluster is one that may be replaced, and that AWS will let go."""
    job, cluster = found.job, found.cluster
    if cluster is None or cluster["Status"] == DELETING or made_by(job, cluster):
        return
    name, target = job.target_cluster_id, job.restore.target
    if managed(job, cluster) or target.adopt:
        yield from _instances_that_may_go(found)
    else:
        yield Obstacle(
            "target",
            f"cluster {name} was not made by this pipeline (it lacks its tag)",
            "to have it replaced, set target.adopt in the configuration and deploy",
        )
    if cluster.get("GlobalClusterIdentifier"):
        yield Obstacle(
            "target",
            f"cluster {name} belongs to global cluster {cluster['GlobalClusterIdentifier']}",
            "remove it from there",
        )
    if cluster.get("ReadReplicaIdentifiers") or cluster.get("ReplicationSourceIdentifier"):
        yield Obstacle("target", f"cluster {name} takes part in replication", "end that")
    if cluster["Status"] in STOPPED:
        yield Obstacle(
            "target",
            f"cluster {name} is {cluster['Status']}, and RDS deletes no stopped cluster",
            "start it",
        )
    if cluster.get("DeletionProtection") and not target.replace_protected:
        yield Obstacle(
            "target",
            f"cluster {name} has deletion protection",
            "lift it, or set target.replace_protected in the configuration and deploy",
        )


def _instances_that_may_go(found: Findings) -> Iterator[Obstacle]:
    """The function's role lets it delete instances with the tag, or of an adopted cluster's name.

    An instance that was added by hand would stop the deletion half-way.
    """
    job = found.job
    for instance in found.instances:
        name = instance["DBInstanceIdentifier"]
        own = tags_of(instance.get("TagList")).get(TAG_MANAGED_BY) == job.environment.name_prefix
        adopted = job.restore.target.adopt and name.startswith(job.target_cluster_id)
        if not own and not adopted:
            yield Obstacle(
                "target",
                f"instance {name} of cluster {job.target_cluster_id} lacks the pipeline's tag",
                f"tag it {TAG_MANAGED_BY}={job.environment.name_prefix}, or delete it",
            )


def _absent(check: str, field: str, what: str, name: str) -> Obstacle:
    return Obstacle(check, f"{field}: there is no {what} {name!r}", "make it, or configure another")


def _name(check: Check) -> str:
    return check.__name__.removeprefix("check_").replace("_", " ")


CHECKS: Final[tuple[Check, ...]] = (
    check_source,
    check_target,
    check_secrets,
    check_network,
    check_parameter_groups,
    check_instances,
    check_copies,
    check_target_key,
)


def described(found: Sequence[Obstacle]) -> list[dict[str, Any]]:
    """Obstacles as an answer tells them."""
    return [asdict(obstacle) for obstacle in found]
