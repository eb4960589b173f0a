"""Makes what the demo's clusters are in, and the clusters themselves."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from demo.scenario import DemoCluster, Scenario
from embedded_aws.aws import EmbeddedAws
from embedded_aws.vpc import create_network, give_way_out

SUBNET_GROUP: Final = "databases"
LOGICAL_REPLICATION: Final = "publishing"
"""The cluster parameter group of a cluster that publishes."""
_FAMILY: Final = "aurora-postgresql17"
_POLL_SECONDS: Final = 0.25
_PATIENCE_SECONDS: Final = 60.0


class PreparationError(RuntimeError):
    """The preparation failed; the message says what to do."""


class GivenUpError(Exception):
    """Another part of the preparation has failed, or the user has interrupted it."""


@dataclass(frozen=True, kw_only=True)
class DemoNetwork:
    """What clusters and functions need in a Region."""

    vpc_id: str
    subnet_ids: tuple[str, ...]
    availability_zones: tuple[str, ...]
    security_group_id: str
    key_arn: str


class ClusterMaker:
    """Makes networks and clusters, from any number of threads, until ``give_up`` is called."""

    def __init__(self, aws: EmbeddedAws, scenario: Scenario) -> None:
        self._aws = aws
        self._scenario = scenario
        self._given_up = threading.Event()

    def give_up(self) -> None:
        """Let every thread that waits for a cluster raise GivenUpError."""
        self._given_up.set()

    def go_on(self) -> None:
        """Raise GivenUpError if there is no sense in going on."""
        if self._given_up.is_set():
            raise GivenUpError

    def make_network(self, cluster: DemoCluster) -> DemoNetwork:
        """Create a VPC with subnets in two zones, a security group, a subnet group and a key.

        The security group lets whatever is in the VPC reach the databases.
        """
        place = {"account": cluster.account, "region": cluster.region}
        ec2, rds = self._aws.client("ec2", **place), self._aws.client("rds", **place)
        network = create_network(ec2, rds, cluster.region, SUBNET_GROUP)
        give_way_out(ec2, network.vpc_id)
        key = self._aws.client("kms", **place).create_key(Description=cluster.name)
        return DemoNetwork(
            vpc_id=network.vpc_id,
            subnet_ids=tuple(network.subnet_ids),
            availability_zones=tuple(network.availability_zones),
            security_group_id=network.security_group_id,
            key_arn=key["KeyMetadata"]["Arn"],
        )

    def make_parameter_group(self, cluster: DemoCluster) -> None:
        """Create the cluster parameter group that turns logical replication on."""
        rds = self._aws.client("rds", account=cluster.account, region=cluster.region)
        rds.create_db_cluster_parameter_group(
            DBClusterParameterGroupName=LOGICAL_REPLICATION,
            DBParameterGroupFamily=_FAMILY,
            Description="Lets others subscribe",
        )
        rds.modify_db_cluster_parameter_group(
            DBClusterParameterGroupName=LOGICAL_REPLICATION,
            Parameters=[
                {
                    "ParameterName": "rds.logical_replication",
                    "ParameterValue": "1",
                    "ApplyMethod": "pending-reboot",
                }
            ],
        )

    def make(
        self,
        cluster: DemoCluster,
        network: DemoNetwork,
        *,
        tags: Mapping[str, str] | None = None,
        **settings: Any,
    ) -> Mapping[str, Any]:
        """Create a cluster with an instance, and return it as RDS describes it."""
        rds = self._aws.client("rds", account=cluster.account, region=cluster.region)
        tag_list = [{"Key": key, "Value": value} for key, value in (tags or {}).items()]
        rds.create_db_cluster(
            DBClusterIdentifier=cluster.name,
            Engine="aurora-postgresql",
            MasterUsername=self._scenario.master_user,
            MasterUserPassword=cluster.master_password,
            DatabaseName=self._scenario.database,
            DBSubnetGroupName=SUBNET_GROUP,
            VpcSecurityGroupIds=[network.security_group_id],
            StorageEncrypted=True,
            KmsKeyId=network.key_arn,
            Tags=tag_list,
            **settings,
        )
        self._until(lambda: _described(rds, cluster)["Status"] == "available")
        rds.create_db_instance(
            DBInstanceIdentifier=f"{cluster.name}-1",
            DBInstanceClass=cluster.instance_class,
            Engine="aurora-postgresql",
            DBClusterIdentifier=cluster.name,
            Tags=tag_list,
        )
        self._until(lambda: set(instance_statuses(rds, cluster.name)) == {"available"})
        return _described(rds, cluster)

    def set_master_password(self, cluster: DemoCluster, password: str) -> None:
        """Give a cluster another master password, and wait until it has it."""
        rds = self._aws.client("rds", account=cluster.account, region=cluster.region)
        rds.modify_db_cluster(
            DBClusterIdentifier=cluster.name, MasterUserPassword=password, ApplyImmediately=True
        )
        self._until(lambda: _is_settled(_described(rds, cluster)))

    def _until(self, reached: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not reached():
            self.go_on()
            if time.monotonic() >= deadline:
                raise PreparationError(
                    f"A cluster was not available after {_PATIENCE_SECONDS:g} s."
                )
            time.sleep(_POLL_SECONDS)


def _described(rds: Any, cluster: DemoCluster) -> Mapping[str, Any]:
    (described,) = rds.describe_db_clusters(DBClusterIdentifier=cluster.name)["DBClusters"]
    found: Mapping[str, Any] = described
    return found


def _is_settled(cluster: Mapping[str, Any]) -> bool:
    return cluster["Status"] == "available" and not cluster.get("PendingModifiedValues")


def instance_statuses(rds: Any, cluster: str) -> Sequence[str]:
    """Return the statuses of a cluster's instances."""
    found = rds.describe_db_instances(Filters=[{"Name": "db-cluster-id", "Values": [cluster]}])[
        "DBInstances"
    ]
    return [instance["DBInstanceStatus"] for instance in found]
