"""What tests of the embedded RDS have in common: accounts, clients, quick ways to a state."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws.rds import ManualClock, Timings
from embedded_aws.rds.admin import RdsAdmin
from embedded_aws.rds.data_plane.none import NoDataPlane
from embedded_aws.rds.in_process import InProcessRds

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_rds.type_defs import (
        DBClusterSnapshotTypeDef,
        DBClusterTypeDef,
        DBInstanceTypeDef,
    )

HERE = "eu-west-1"
THERE = "us-east-1"
OWNER = "111122223333"
OTHER = "444455556666"
PASSWORD = "first-password"
VERSION = "16.4"
ENGINE = "aurora-postgresql"

TIMINGS = Timings(
    create_cluster=60,
    create_instance=400,
    create_snapshot=100,
    copy_snapshot=1000,
    restore_cluster=600,
    modification_lag=5,
    modify_cluster=60,
    modify_security_groups=30,
    rename_cluster=60,
    reset_master_credentials=40,
    stop_cluster=100,
    start_cluster=300,
    promote_cluster=120,
    create_endpoint=60,
    delete_endpoint=60,
    register_proxy_target=60,
    modify_instance=120,
    reboot_instance=60,
    delete_instance=300,
    delete_cluster=90,
)

KEY_POLICY_FOR_OTHER = [
    {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{OTHER}:root"},
        "Action": [
            "kms:CreateGrant",
            "kms:Decrypt",
            "kms:DescribeKey",
            "kms:Encrypt",
            "kms:GenerateDataKey*",
            "kms:ReEncrypt*",
        ],
        "Resource": "*",
    }
]


@dataclass
class RdsBench:
    """An emulator in this process, and one client per account, Region and service."""

    emulator: InProcessRds
    clock: ManualClock
    data_plane: NoDataPlane
    _clients: dict[tuple[str, str, str], Any] = field(default_factory=dict)

    @property
    def admin(self) -> RdsAdmin:
        return self.emulator.admin

    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def rds(self, account: str = OWNER, region: str = HERE) -> "RDSClient":
        client: RDSClient = self._client("rds", account, region)
        return client

    def kms(self, account: str = OWNER, region: str = HERE) -> "KMSClient":
        client: KMSClient = self._client("kms", account, region)
        return client

    def ec2(self, account: str = OWNER, region: str = HERE) -> "EC2Client":
        client: EC2Client = self._client("ec2", account, region)
        return client

    def _client(self, service: str, account: str, region: str) -> Any:
        made = self._clients.get((service, account, region))
        if made is None:
            session: Any = self.emulator.session(account, region)
            made = self._clients[service, account, region] = session.client(service)
        return made

    def new_cluster(
        self, name: str = "orders", *, account: str = OWNER, region: str = HERE, **settings: Any
    ) -> "DBClusterTypeDef":
        """A cluster that is available."""
        rds = self.rds(account, region)
        parameters: dict[str, Any] = {
            "DBClusterIdentifier": name,
            "Engine": ENGINE,
            "EngineVersion": VERSION,
            "MasterUsername": "postgres",
            "MasterUserPassword": PASSWORD,
        }
        rds.create_db_cluster(**(parameters | settings))
        self.advance(TIMINGS.create_cluster)
        return self.cluster(name, account=account, region=region)

    def new_instance(
        self,
        name: str = "orders-1",
        cluster: str = "orders",
        *,
        account: str = OWNER,
        region: str = HERE,
        **settings: Any,
    ) -> "DBInstanceTypeDef":
        """An instance that is available."""
        parameters: dict[str, Any] = {
            "DBInstanceIdentifier": name,
            "DBClusterIdentifier": cluster,
            "DBInstanceClass": "db.r6g.large",
            "Engine": ENGINE,
        }
        self.rds(account, region).create_db_instance(**(parameters | settings))
        self.advance(TIMINGS.create_instance)
        return self.instance(name, account=account, region=region)

    def new_snapshot(
        self,
        name: str = "monday",
        cluster: str = "orders",
        *,
        account: str = OWNER,
        region: str = HERE,
        **settings: Any,
    ) -> "DBClusterSnapshotTypeDef":
        """A manual snapshot that is available."""
        self.rds(account, region).create_db_cluster_snapshot(
            DBClusterSnapshotIdentifier=name, DBClusterIdentifier=cluster, **settings
        )
        self.advance(TIMINGS.create_snapshot)
        return self.snapshot(name, account=account, region=region)

    def new_automated_snapshot(
        self, cluster: str = "orders", *, at: str | None = None
    ) -> "DBClusterSnapshotTypeDef":
        """A daily snapshot, in the first account and Region."""
        taken = self.admin.take_automated_snapshot(cluster, account=OWNER, region=HERE, at=at)
        return self.rds().describe_db_cluster_snapshots(
            DBClusterSnapshotIdentifier=taken["identifier"], SnapshotType="automated"
        )["DBClusterSnapshots"][0]

    def new_key(
        self, *, account: str = OWNER, region: str = HERE, statements: list[Any] | None = None
    ) -> str:
        """A customer managed key, with statements beside the default one; its ARN."""
        default = {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
            "Action": "kms:*",
            "Resource": "*",
        }
        policy = {"Version": "2012-10-17", "Statement": [default, *(statements or [])]}
        made = self.kms(account, region).create_key(Policy=json.dumps(policy))
        return made["KeyMetadata"]["Arn"]

    def share(self, snapshot: str, *accounts: str) -> None:
        """Shares a snapshot of the first account."""
        self.rds().modify_db_cluster_snapshot_attribute(
            DBClusterSnapshotIdentifier=snapshot,
            AttributeName="restore",
            ValuesToAdd=list(accounts),
        )

    def copy(
        self,
        source: str,
        name: str = "copied",
        *,
        account: str = OWNER,
        region: str = THERE,
        **settings: Any,
    ) -> "DBClusterSnapshotTypeDef":
        """Starts a copy."""
        return self.rds(account, region).copy_db_cluster_snapshot(
            SourceDBClusterSnapshotIdentifier=source,
            TargetDBClusterSnapshotIdentifier=name,
            **settings,
        )["DBClusterSnapshot"]

    def restore(
        self,
        snapshot: str,
        name: str = "restored",
        *,
        account: str = OWNER,
        region: str = HERE,
        **settings: Any,
    ) -> "DBClusterTypeDef":
        """Starts a restore."""
        parameters: dict[str, Any] = {"EngineVersion": VERSION, "Engine": ENGINE} | settings
        return self.rds(account, region).restore_db_cluster_from_snapshot(
            DBClusterIdentifier=name, SnapshotIdentifier=snapshot, **parameters
        )["DBCluster"]

    def cluster(
        self, name: str = "orders", *, account: str = OWNER, region: str = HERE
    ) -> "DBClusterTypeDef":
        """What DescribeDBClusters shows."""
        found = self.rds(account, region).describe_db_clusters(DBClusterIdentifier=name)
        return found["DBClusters"][0]

    def instance(
        self, name: str = "orders-1", *, account: str = OWNER, region: str = HERE
    ) -> "DBInstanceTypeDef":
        """What DescribeDBInstances shows."""
        found = self.rds(account, region).describe_db_instances(DBInstanceIdentifier=name)
        return found["DBInstances"][0]

    def snapshot(
        self, name: str = "monday", *, account: str = OWNER, region: str = HERE
    ) -> "DBClusterSnapshotTypeDef":
        """What DescribeDBClusterSnapshots shows."""
        found = self.rds(account, region).describe_db_cluster_snapshots(
            DBClusterSnapshotIdentifier=name
        )
        return found["DBClusterSnapshots"][0]

    def master_password(self, cluster: str, *, account: str = OWNER, region: str = HERE) -> str:
        """The password that really lets the master user in."""
        shown = self.cluster(cluster, account=account, region=region)
        return self.data_plane.passwords[shown["DbClusterResourceId"]][shown["MasterUsername"]]

    def accepts_connections(self, cluster: str = "orders") -> bool:
        """Whether a client would get in."""
        return self.cluster(cluster)["DbClusterResourceId"] in self.data_plane.accepting


@contextmanager
def refused(code: str) -> Iterator[None]:
    """The call inside must be refused with exactly this ``Error.Code``."""
    with pytest.raises(ClientError) as caught:
        yield
    assert caught.value.response["Error"]["Code"] == code
