"""The ways of a run through the pipeline, each with the stage that it needs."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from aurora_restore.local.rds.model import Place
from aurora_restore.shared.pipeline import (
    TAG_ARCHIVED_AT,
    TAG_MANAGED_BY,
    TAG_OPERATION,
    TAG_RESTORE,
)
from tests.sweeps.machine import Document
from tests.sweeps.stage import HOME, Stage, stage_in_memory
from tests.unit.bench import ACCOUNT, PREFIX, SOURCE_REGION

ELSEWHERE = Place(ACCOUNT, SOURCE_REGION)
SOURCE = "production"
TARGET = "my-cluster"
RESTORE_NAME = "staging"
SUBNET_GROUP = "my-subnet-group"
SNAPSHOT_TIME = "2026-05-15T02:00:00+00:00"
ENGINE = "aurora-postgresql"
VERSION = "16.4"
EARLIER_COPY = "an-earlier-copy"


@dataclass(frozen=True, kw_only=True)
class Route:
    """What is special about one way."""

    name: str
    source: Place = ELSEWHERE
    source_settings: Document = field(default_factory=dict)
    """Of the source cluster."""
    from_source: Document = field(default_factory=dict)
    """Fields of ``source`` in the configuration."""
    target: Document = field(default_factory=dict)
    """Fields of ``target`` in the configuration."""
    old_cluster: Document | None = field(default_factory=dict)
    """The settings of the cluster that is replaced; None where there is none."""
    final_snapshots: int = 0
    copies: int = 1
    """How many snapshots of the pipeline's own are there in the end."""
    earlier_copy: bool = False
    """Whether there is an archived copy that the retention deletes."""

    @property
    def place(self) -> Place:
        """Where the target is."""
        return HOME

    @contextmanager
    def staged(self) -> Iterator[Stage]:
        """A stage on which this way can be gone."""
        with stage_in_memory() as stage:
            network = _make_network(stage, self.place)
            _make_source(stage, self)
            if self.old_cluster is not None:
                _make_old_cluster(stage, network, self.old_cluster)
            if self.earlier_copy:
                _make_earlier_copy(stage)
            stage.bench.configure(self.document(network))
            yield stage

    def document(self, security_group: str) -> Document:
        """The configuration of the restore."""
        source: Document = {"cluster_id": SOURCE, "region": self.source.region}
        if self.source.account != ACCOUNT:
            source["account_id"] = self.source.account
        return {
            "source": source | self.from_source,
            "target": {
                "cluster_id": TARGET,
                "db_subnet_group_name": SUBNET_GROUP,
                "vpc_security_group_ids": [security_group],
                "instances": [
                    {"instance_class": "db.r6g.large"},
                    {"instance_class": "db.r6g.large", "promotion_tier": 2},
                ],
                **self.target,
            },
            "database": {"scripts": [{"path": "sql/mask.sql"}]},
            "archive": {"keep_copies": 1},
            "polling": {"floor_seconds": 600, "fraction": 1.0, "cap_seconds": 3600},
        }


def _make_network(stage: Stage, place: Place) -> str:
    """A subnet group in two zones; answers a security group of its VPC."""
    ec2 = stage.client("ec2", place)
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(
            VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"{place.region}{zone}"
        )["Subnet"]["SubnetId"]
        for number, zone in enumerate("ab")
    ]
    group = ec2.create_security_group(GroupName="db", Description="db", VpcId=vpc)["GroupId"]
    stage.client("rds", place).create_db_subnet_group(
        DBSubnetGroupName=SUBNET_GROUP, DBSubnetGroupDescription="test", SubnetIds=subnets
    )
    return str(group)


def _make_source(stage: Stage, route: Route) -> None:
    """The production cluster with yesterday's automated snapshot."""
    stage.client("rds", route.source).create_db_cluster(
        DBClusterIdentifier=SOURCE,
        Engine=ENGINE,
        EngineVersion=VERSION,
        MasterUsername="postgres",
        MasterUserPassword="password-of-the-source",
        **route.source_settings,
    )
    stage.bench.advance(3600)
    stage.bench.rds.control.take_automated_snapshot(
        SOURCE, account=route.source.account, region=route.source.region, at=SNAPSHOT_TIME
    )


def _make_old_cluster(stage: Stage, security_group: str, settings: Document) -> None:
    rds = stage.client("rds", HOME)
    tags = [{"Key": TAG_MANAGED_BY, "Value": PREFIX}, {"Key": "team", "Value": "blue"}]
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


def _make_earlier_copy(stage: Stage) -> None:
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


OTHER_REGION = Route(name="other Region", earlier_copy=True)

ROUTES: tuple[Route, ...] = (
    OTHER_REGION,
    Route(name="same Region", source=HOME, copies=0),
    Route(name="no old cluster", old_cluster=None),
    Route(
        name="final snapshot",
        target={"skip_final_snapshot": False},
        final_snapshots=1,
    ),
    Route(
        name="protected target",
        target={"replace_protected": True},
        old_cluster={"DeletionProtection": True},
    ),
)
