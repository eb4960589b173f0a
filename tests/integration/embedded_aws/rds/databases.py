"""Quick ways to real databases in the embedded RDS."""

import contextlib
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pg8000.native

from embedded_aws.rds import EmbeddedRds
from embedded_aws.vpc import create_open_group_of_default_vpc

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_rds.type_defs import DBClusterTypeDef

HERE = "eu-west-1"
THERE = "us-east-1"
OWNER = "111122223333"
OTHER = "444455556666"
PASSWORD = "first-password-of-the-source"
ENGINE = "aurora-postgresql"
VERSION = "17.4"
PATIENCE = 60.0


@dataclass
class EmbeddedDatabases:
    """The emulator, its clients, and connections to what it serves."""

    embedded: EmbeddedRds
    _clients: dict[tuple[str, str], Any] = field(default_factory=dict)
    _groups: dict[tuple[str, str], str] = field(default_factory=dict)

    def rds(self, account: str = OWNER, region: str = HERE) -> "RDSClient":
        if (account, region) not in self._clients:
            session = self.embedded.admin.session(account, region)
            self._clients[account, region] = session.client(
                "rds", endpoint_url=self.embedded.endpoint_url
            )
        client: RDSClient = self._clients[account, region]
        return client

    def ec2(self, account: str = OWNER, region: str = HERE) -> "EC2Client":
        session = self.embedded.admin.session(account, region)
        client: EC2Client = session.client("ec2", endpoint_url=self.embedded.endpoint_url)
        return client

    def open_group(self, account: str = OWNER, region: str = HERE) -> str:
        """A security group of the default VPC that lets in whatever is there; made once."""
        if (account, region) not in self._groups:
            made = create_open_group_of_default_vpc(self.ec2(account, region))
            self._groups[account, region] = made
        return self._groups[account, region]

    def new_cluster(
        self, name: str = "orders", *, account: str = OWNER, region: str = HERE, **settings: Any
    ) -> "DBClusterTypeDef":
        parameters: dict[str, Any] = {
            "DBClusterIdentifier": name,
            "Engine": ENGINE,
            "EngineVersion": VERSION,
            "MasterUsername": "postgres",
            "MasterUserPassword": PASSWORD,
            "DatabaseName": "shop",
            "VpcSecurityGroupIds": [self.open_group(account, region)],
        }
        self.rds(account, region).create_db_cluster(**(parameters | settings))
        return self.available(name, account=account, region=region)

    def new_instance(
        self, name: str, cluster: str, *, account: str = OWNER, region: str = HERE
    ) -> None:
        client = self.rds(account, region)
        client.create_db_instance(
            DBInstanceIdentifier=name,
            DBClusterIdentifier=cluster,
            DBInstanceClass="db.r6g.large",
            Engine=ENGINE,
        )

        def ready() -> bool:
            found = client.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"]
            return found[0]["DBInstanceStatus"] == "available"

        wait_until(ready)

    def served_cluster(self, name: str = "orders") -> "DBClusterTypeDef":
        """A cluster with an instance."""
        self.new_cluster(name)
        self.new_instance(f"{name}-1", name)
        return self.cluster(name)

    def cluster(
        self, name: str = "orders", *, account: str = OWNER, region: str = HERE
    ) -> "DBClusterTypeDef":
        found = self.rds(account, region).describe_db_clusters(DBClusterIdentifier=name)
        return found["DBClusters"][0]

    def available(
        self, name: str, *, account: str = OWNER, region: str = HERE
    ) -> "DBClusterTypeDef":
        wait_until(
            lambda: self.cluster(name, account=account, region=region)["Status"] == "available"
        )
        return self.cluster(name, account=account, region=region)

    def available_snapshot(self, name: str, *, account: str = OWNER, region: str = HERE) -> str:
        """Waits for a snapshot; its ARN."""
        client = self.rds(account, region)

        def found() -> Any:
            shown = client.describe_db_cluster_snapshots(DBClusterSnapshotIdentifier=name)
            return shown["DBClusterSnapshots"][0]

        wait_until(lambda: found()["Status"] == "available")
        return str(found()["DBClusterSnapshotArn"])

    def new_snapshot(self, name: str, cluster: str) -> str:
        """A manual snapshot; its ARN."""
        self.rds().create_db_cluster_snapshot(
            DBClusterSnapshotIdentifier=name, DBClusterIdentifier=cluster
        )
        return self.available_snapshot(name)

    def restored(
        self,
        snapshot: str,
        name: str,
        *,
        account: str = OWNER,
        region: str = HERE,
        **settings: Any,
    ) -> "DBClusterTypeDef":
        """A cluster restored from a snapshot, with an instance."""
        parameters: dict[str, Any] = {
            "EngineVersion": VERSION,
            "VpcSecurityGroupIds": [self.open_group(account, region)],
        }
        self.rds(account, region).restore_db_cluster_from_snapshot(
            DBClusterIdentifier=name,
            SnapshotIdentifier=snapshot,
            Engine=ENGINE,
            **(parameters | settings),
        )
        self.available(name, account=account, region=region)
        self.new_instance(f"{name}-1", name, account=account, region=region)
        return self.cluster(name, account=account, region=region)

    @contextlib.contextmanager
    def connection(
        self,
        cluster: "DBClusterTypeDef",
        password: str = PASSWORD,
        *,
        user: str = "postgres",
        database: str = "shop",
        tls: ssl.SSLContext | bool = True,
    ) -> Iterator[Any]:
        """A connection with full verification, or as a test wants it."""
        context: Any = tls
        if tls is True:
            context = ssl.create_default_context(cafile=self.embedded.ca_bundle)
        connection = pg8000.native.Connection(
            user,
            host=cluster["Endpoint"],
            port=cluster["Port"],
            password=password,
            database=database,
            ssl_context=context,
            timeout=PATIENCE,
        )
        try:
            yield connection
        finally:
            with contextlib.suppress(pg8000.native.Error, OSError):
                connection.close()

    def rows(self, cluster: "DBClusterTypeDef", statement: str, **login: Any) -> list[Any]:
        with self.connection(cluster, **login) as connection:
            return list(connection.run(statement) or [])


def wait_until(ready: Callable[[], bool]) -> None:
    """Polls; fails after a while."""
    deadline = time.monotonic() + PATIENCE
    while not ready():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
