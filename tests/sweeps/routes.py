"""The ways of a run through the pipeline, each with the stage that it needs."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from aurora_restore.shared.names import (
    TAG_ARCHIVED_AT,
    TAG_MANAGED_BY,
    TAG_OPERATION,
    TAG_RESTORE,
    source_role_name,
)
from aurora_restore.shared.pipeline import HOOKS
from embedded_aws.rds.models import Location
from embedded_aws.vpc import create_network
from tests.support.keys import key_policy
from tests.support.quarantine import create_quarantine
from tests.sweeps.definition import HOOK_FUNCTION
from tests.sweeps.machine import Document
from tests.sweeps.stage import HOME, SweepStage, stage_in_memory
from tests.unit.bench import ACCOUNT, PREFIX, REGION, SOURCE_REGION

SOURCE_ACCOUNT = "999988887777"
SAME_ACCOUNT = Location(ACCOUNT, SOURCE_REGION)
SAME_REGION = Location(SOURCE_ACCOUNT, REGION)
ELSEWHERE = Location(SOURCE_ACCOUNT, SOURCE_REGION)
ON_THE_WAY = Location(ACCOUNT, SOURCE_REGION)
SOURCE = "production"
TARGET = "my-cluster"
RESTORE_NAME = "staging"
SUBNET_GROUP = "my-subnet-group"
SNAPSHOT_TIME = "2026-05-15T02:00:00+00:00"
ENGINE = "aurora-postgresql"
VERSION = "16.4"
EARLIER_COPY = "an-earlier-copy"
SCRIPT = "sql/mask.sql"
PROXY = "orders-proxy"


@dataclass(frozen=True, kw_only=True)
class SweepRoute:
    """What is special about one way."""

    name: str
    source: Location = SAME_ACCOUNT
    copy_route: str = "auto"
    encrypted: bool = False
    """Whether the snapshot, and what is made of it, is under customer keys."""
    shared_by_hand: bool = False
    """Whether the source account shares a manual snapshot itself; else there is an automated one,
    which the pipeline makes a manual copy of through a role there, if the account is another."""
    target: Document = field(default_factory=dict)
    """Fields of ``target`` in the configuration."""
    switch: Document = field(default_factory=dict)
    """Fields of ``switch`` in the configuration."""
    old_cluster: Document | None = field(default_factory=dict)
    """The settings of the cluster that is replaced; None where there is none."""
    deletion_lag: float = 0
    """For how many seconds a cluster keeps its status once its deletion is accepted."""
    polling: Document = field(
        default_factory=lambda: {"floor_seconds": 600, "fraction": 1.0, "cap_seconds": 3600}
    )
    """Seldom, so that no function waits by itself."""
    final_snapshots: int = 0
    copies: int = 1
    """How many copies there are in the end, all where the target is."""
    earlier_copy: bool = False
    """Whether there is an archived copy that the retention deletes."""
    is_adopted: bool = False
    """Whether the old cluster is one that the pipeline did not make."""
    given: Document = field(default_factory=dict)
    """The input of the execution."""
    has_managed_password: bool = False
    """Whether RDS manages the master password of the old cluster, which a proxy leads to."""
    has_hooks: bool = False
    """Whether a function is configured for each hook."""
    swept: frozenset[str] | None = None
    """The steps that are disturbed; None for all."""

    @property
    def publishes(self) -> bool:
        """Whether a switch renames nothing, and the clients are led by what they read."""
        return self.switch.get("by") == "endpoint"

    @contextmanager
    def staged(self) -> Iterator[SweepStage]:
        """A stage on which this way can be gone."""
        with stage_in_memory() as stage:
            network = create_network(stage.client("ec2"), stage.client("rds"), REGION, SUBNET_GROUP)
            security_group = network.security_group_id
            stage.security_group = security_group
            groups = create_quarantine(stage.client("ec2"), network.vpc_id)
            stage.bench.know_groups(access=groups.access, quarantine=groups.quarantine)
            keys = _make_keys(stage, self.source) if self.encrypted else {}
            _make_source(stage, self, keys)
            if self.old_cluster is not None:
                _make_old_cluster(
                    stage, security_group, self.old_cluster, is_adopted=self.is_adopted
                )
            if self.has_managed_password:
                make_managed(stage)
            if self.earlier_copy:
                _make_earlier_copy(stage)
            stage.bench.rds.admin.set_timings(deletion_lag=self.deletion_lag)
            stage.bench.configure(self._document(security_group, keys))
            yield stage

    def _document(self, security_group: str, keys: Mapping[Location, str]) -> Document:
        """The configuration of the restore."""
        source: Document = {
            "cluster_id": SOURCE,
            "region": self.source.region,
            "copy_route": self.copy_route,
        }
        if self.source.account != ACCOUNT:
            source["account_id"] = self.source.account
            if not self.shared_by_hand:
                source["role_arn"] = (
                    f"arn:aws:iam::{self.source.account}:role/{source_role_name(PREFIX)}"
                )
        if self.shared_by_hand:
            source["default_day"] = "latest"
        elif keys:
            source["kms_key_id"] = keys[self.source]
        if keys and self.copy_route == "two-steps":
            source["intermediate_kms_key_id"] = keys[ON_THE_WAY]
        return {
            "source": source,
            "target": {
                "cluster_id": TARGET,
                "db_subnet_group_name": SUBNET_GROUP,
                "vpc_security_group_ids": [security_group],
                "instances": [
                    {"instance_class": "db.r6g.large"},
                    {"instance_class": "db.r6g.large", "promotion_tier": 2},
                ],
                **({"kms_key_id": keys[HOME]} if keys else {}),
                **self.target,
            },
            "switch": self.switch,
            "database": {"scripts": [{"path": SCRIPT}]},
            "archive": {"keep_copies": 1},
            "polling": self.polling,
            "hooks": {hook.field: {"function": HOOK_FUNCTION} for hook in HOOKS}
            if self.has_hooks
            else {},
        }


def _make_keys(stage: SweepStage, source: Location) -> dict[Location, str]:
    """A customer key in each place of the way; that of the source lets the target's account in."""
    policy = key_policy((SOURCE_ACCOUNT, ACCOUNT))
    return {
        place: stage.client("kms", place).create_key(Policy=policy)["KeyMetadata"]["Arn"]
        for place in {source, ON_THE_WAY, HOME}
    }


def _make_source(stage: SweepStage, route: SweepRoute, keys: Mapping[Location, str]) -> None:
    """The production cluster with a snapshot."""
    rds = stage.client("rds", route.source)
    encryption = {"StorageEncrypted": True, "KmsKeyId": keys[route.source]} if keys else {}
    rds.create_db_cluster(
        DBClusterIdentifier=SOURCE,
        Engine=ENGINE,
        EngineVersion=VERSION,
        MasterUsername="postgres",
        MasterUserPassword="password-of-the-source",
        **encryption,
    )
    stage.bench.advance(3600)
    if not route.shared_by_hand:
        stage.bench.rds.admin.take_automated_snapshot(
            SOURCE, account=route.source.account, region=route.source.region, at=SNAPSHOT_TIME
        )
        return
    rds.create_db_cluster_snapshot(
        DBClusterIdentifier=SOURCE, DBClusterSnapshotIdentifier="for-the-others"
    )
    stage.bench.advance(3600)
    rds.modify_db_cluster_snapshot_attribute(
        DBClusterSnapshotIdentifier="for-the-others",
        AttributeName="restore",
        ValuesToAdd=[ACCOUNT],
    )


def _make_old_cluster(
    stage: SweepStage, security_group: str, settings: Document, *, is_adopted: bool
) -> None:
    rds = stage.client("rds", HOME)
    tags = [{"Key": "team", "Value": "blue"}]
    if not is_adopted:
        tags.append({"Key": TAG_MANAGED_BY, "Value": PREFIX})
    rds.create_db_cluster(
        DBClusterIdentifier=TARGET,
        Engine=ENGINE,
        EngineVersion=VERSION,
        MasterUsername="postgres",
        MasterUserPassword="password-of-the-old-cluster",
        DBSubnetGroupName=SUBNET_GROUP,
        VpcSecurityGroupIds=[security_group],
        Tags=tags,
        **settings,
    )
    stage.bench.advance(3600)
    for number in (1, 2):
        rds.create_db_instance(
            DBInstanceIdentifier=f"{TARGET}-{number}",
            DBInstanceClass="db.r6g.large",
            Engine=ENGINE,
            DBClusterIdentifier=TARGET,
            Tags=tags,
        )
        stage.bench.advance(3600)


def make_managed(stage: SweepStage) -> None:
    """Let RDS manage the old cluster's password, with which a proxy logs in that leads to it."""
    rds = stage.client("rds", HOME)
    key = stage.client("kms", HOME).create_key()["KeyMetadata"]["Arn"]
    managing = rds.modify_db_cluster(
        DBClusterIdentifier=TARGET,
        ManageMasterUserPassword=True,
        MasterUserSecretKmsKeyId=key,
        ApplyImmediately=True,
    )
    stage.bench.advance(3600)
    secret = managing["DBCluster"]["MasterUserSecret"]["SecretArn"]
    (group,) = rds.describe_db_subnet_groups(DBSubnetGroupName=SUBNET_GROUP)["DBSubnetGroups"]
    rds.create_db_proxy(
        DBProxyName=PROXY,
        EngineFamily="POSTGRESQL",
        Auth=[{"AuthScheme": "SECRETS", "SecretArn": secret, "IAMAuth": "DISABLED"}],
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/proxy",
        VpcSubnetIds=[each["SubnetIdentifier"] for each in group["Subnets"]],
    )
    rds.register_db_proxy_targets(DBProxyName=PROXY, DBClusterIdentifiers=[TARGET])


def _make_earlier_copy(stage: SweepStage) -> None:
    """A copy that an earlier operation has archived."""
    stage.client("rds", HOME).create_db_cluster_snapshot(
        DBClusterIdentifier=TARGET,
        DBClusterSnapshotIdentifier=EARLIER_COPY,
        Tags=[
            {"Key": TAG_MANAGED_BY, "Value": PREFIX},
            {"Key": TAG_RESTORE, "Value": RESTORE_NAME},
            {"Key": TAG_OPERATION, "Value": "op-0"},
            {"Key": TAG_ARCHIVED_AT, "Value": "2026-05-14T03:00:00.000000Z"},
        ],
    )
    stage.bench.advance(3600)


OTHER_REGION = SweepRoute(name="other Region", earlier_copy=True)
"""Disturbed in every step. What another way has in common with it is swept here alone."""

OF_THE_SNAPSHOT = frozenset(
    {
        "snapshot-check",
        "copy-snapshot",
        "check-copy-status",
        "delete-rds",
        "restore-snapshot",
        "archive-snapshot",
    }
)
"""The steps that depend on where the snapshot is, and on how it comes to the target."""
OF_THE_OLD_CLUSTER = frozenset(
    {
        "delete-rds",
        "check-delete-status",
        "restore-snapshot",
        "check-restore-status",
        "archive-snapshot",
    }
)
"""The steps that depend on what is at the target."""

WAITING_INSIDE: Document = {"floor_seconds": 20, "fraction": 1.0, "cap_seconds": 60}
"""Looks that are never so far apart that a function does not wait for the next one by itself."""

ROUTES: tuple[SweepRoute, ...] = (
    OTHER_REGION,
    SweepRoute(
        name="waits inside the functions",
        polling=WAITING_INSIDE,
        swept=frozenset({"check-copy-status", "check-restore-status", "hand-over"}),
    ),
    SweepRoute(
        name="same Region",
        source=HOME,
        copies=0,
        swept=OF_THE_SNAPSHOT,
    ),
    SweepRoute(
        name="no old cluster",
        old_cluster=None,
        swept=OF_THE_OLD_CLUSTER,
    ),
    SweepRoute(
        name="final snapshot",
        target={"skip_final_snapshot": False},
        final_snapshots=1,
        swept=OF_THE_OLD_CLUSTER,
    ),
    SweepRoute(
        name="slow deletion",
        deletion_lag=2 * 3600,
        swept=OF_THE_OLD_CLUSTER,
    ),
    SweepRoute(
        name="slow deletion with a final snapshot",
        target={"skip_final_snapshot": False},
        deletion_lag=2 * 3600,
        final_snapshots=1,
        swept=OF_THE_OLD_CLUSTER,
    ),
    SweepRoute(
        name="protected target",
        target={"replace_protected": True},
        old_cluster={"DeletionProtection": True},
        swept=OF_THE_OLD_CLUSTER,
    ),
    SweepRoute(
        name="other account",
        source=SAME_REGION,
        encrypted=True,
        shared_by_hand=True,
        swept=OF_THE_SNAPSHOT,
    ),
    SweepRoute(
        name="other account, not copied",
        source=SAME_REGION,
        copy_route="none",
        encrypted=True,
        shared_by_hand=True,
        copies=0,
        swept=OF_THE_SNAPSHOT,
    ),
    SweepRoute(
        name="other account's automated snapshot, not copied",
        source=SAME_REGION,
        copy_route="none",
        encrypted=True,
        copies=0,
        swept=OF_THE_SNAPSHOT,
    ),
    SweepRoute(
        name="other account and Region",
        source=ELSEWHERE,
        encrypted=True,
        shared_by_hand=True,
        swept=OF_THE_SNAPSHOT,
    ),
    SweepRoute(
        name="other account and Region, automated snapshot",
        source=ELSEWHERE,
        encrypted=True,
        swept=OF_THE_SNAPSHOT,
    ),
    SweepRoute(
        name="other account and Region in two steps",
        source=ELSEWHERE,
        copy_route="two-steps",
        encrypted=True,
        swept=OF_THE_SNAPSHOT,
    ),
)
