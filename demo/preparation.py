"""Prepares the demo: the source cluster with its snapshot, the old target, and the deployed app."""

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from aurora_restore.shared.names import TAG_MANAGED_BY
from aurora_restore.shared.postgres.connection import DatabaseLogin, DatabaseServer
from demo.checks import TableReading
from demo.databases import make_logins, read_tables, run_file, server_of
from demo.scenario import PREFIX, DemoCluster, Scenario
from demo.screen import Screen
from embedded_aws.aws import EmbeddedAws
from embedded_aws.environment import repository

SUBNET_GROUP: Final = "databases"
VPC_NETWORK: Final = "10.0.0.0/16"
DATABASE_PORT: Final = 5432
_ZONES: Final = "ab"
_POLL_SECONDS: Final = 0.1
_PATIENCE_SECONDS: Final = 60.0


class PreparationError(RuntimeError):
    """The preparation failed; the message says what to do."""


class _GivenUpError(Exception):
    """Another part of the preparation has failed, or the user has interrupted it."""


@dataclass(frozen=True, kw_only=True)
class DemoNetwork:
    """What clusters and functions need in a Region."""

    vpc_id: str
    subnet_ids: tuple[str, ...]
    availability_zones: tuple[str, ...]
    security_group_id: str
    key_arn: str


@dataclass(frozen=True, kw_only=True)
class Production:
    """The source cluster as it was when its snapshot was taken."""

    server: DatabaseServer
    tables: Mapping[str, TableReading]
    snapshot: str


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What the execution begins with."""

    outputs: Mapping[str, str]
    """Those of the deployed stack."""
    production: Production
    old_target: Mapping[str, Any]
    """The target cluster, as RDS described it."""
    target_key_arn: str


def check_requirements() -> None:
    """Raise PreparationError where something is missing that `make setup` installs."""
    cdk = repository() / "node_modules" / ".bin" / "cdk"
    if not cdk.exists():
        raise PreparationError(
            "The CDK's command line is not installed. Run `make setup`; it needs Node 18 or newer."
        )


def prepare(aws: EmbeddedAws, scenario: Scenario, screen: Screen) -> Prepared:
    """Make both clusters and deploy the app, all at the same time."""
    preparation = _Preparation(aws, scenario, screen)
    with ThreadPoolExecutor(max_workers=2) as workers:
        try:
            network = preparation.network(scenario.target)
            source_network = preparation.network(scenario.source)
            production = workers.submit(preparation.make_production, source_network)
            old_target = workers.submit(preparation.make_old_target, network)
            outputs = preparation.deploy(network, source_network)
            return Prepared(
                outputs=outputs,
                production=production.result(),
                old_target=old_target.result(),
                target_key_arn=network.key_arn,
            )
        except BaseException:
            preparation.given_up.set()
            raise


class _Preparation:
    """One preparation."""

    def __init__(self, aws: EmbeddedAws, scenario: Scenario, screen: Screen) -> None:
        self._aws = aws
        self._scenario = scenario
        self._screen = screen
        self.given_up = threading.Event()

    def network(self, cluster: DemoCluster) -> DemoNetwork:
        """Create a VPC with subnets in two zones, a security group, a subnet group and a key.

        The security group lets in whatever is in the VPC.
        """
        place = {"account": cluster.account, "region": cluster.region}
        ec2 = self._aws.client("ec2", **place)
        vpc_id = ec2.create_vpc(CidrBlock=VPC_NETWORK)["Vpc"]["VpcId"]
        zones = tuple(f"{cluster.region}{letter}" for letter in _ZONES)
        subnets = tuple(
            ec2.create_subnet(VpcId=vpc_id, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=zone)[
                "Subnet"
            ]["SubnetId"]
            for number, zone in enumerate(zones)
        )
        group = ec2.create_security_group(
            GroupName=SUBNET_GROUP, Description="Databases", VpcId=vpc_id
        )["GroupId"]
        ec2.authorize_security_group_ingress(
            GroupId=group,
            IpPermissions=[
                {
                    "IpProtocol": "tcp",
                    "FromPort": DATABASE_PORT,
                    "ToPort": DATABASE_PORT,
                    "IpRanges": [{"CidrIp": VPC_NETWORK}],
                }
            ],
        )
        self._aws.client("rds", **place).create_db_subnet_group(
            DBSubnetGroupName=SUBNET_GROUP,
            DBSubnetGroupDescription="Databases",
            SubnetIds=list(subnets),
        )
        key = self._aws.client("kms", **place).create_key(Description=cluster.name)
        return DemoNetwork(
            vpc_id=vpc_id,
            subnet_ids=subnets,
            availability_zones=zones,
            security_group_id=group,
            key_arn=key["KeyMetadata"]["Arn"],
        )

    def make_production(self, network: DemoNetwork) -> Production:
        """Create the source cluster with rows and logins, and yesterday's automated snapshot."""
        scenario, source = self._scenario, self._scenario.source
        with self._screen.activity(f"Creating the source cluster {source.name}") as activity:
            cluster = self._make_cluster(source, network, tags={})
            activity.done(
                f"Created source {source.name} in {source.region}, encrypted",
                then="Filling its database over TLS",
            )
            server = server_of(cluster, self._aws.rds.ca_bundle)
            tables = self._fill_production(server)
            rows = sum(table.rows for table in tables.values())
            activity.done(
                f"Filled it over TLS: {len(tables)} tables, {rows:,} rows, "
                f"{len(scenario.logins)} logins of its own",
                then="Taking its daily snapshot",
            )
            yesterday = datetime.now(UTC) - timedelta(days=1)
            snapshot = self._aws.rds.admin.take_automated_snapshot(
                source.name,
                account=source.account,
                region=source.region,
                at=yesterday.isoformat(),
            )["identifier"]
            activity.done(f"Took its daily snapshot, {snapshot}")
        return Production(server=server, tables=tables, snapshot=snapshot)

    def make_old_target(self, network: DemoNetwork) -> Mapping[str, Any]:
        """Create the cluster of an earlier restore, which carries the pipeline's tag."""
        scenario, target = self._scenario, self._scenario.target
        with self._screen.activity(f"Creating the old target cluster {target.name}") as activity:
            cluster = self._make_cluster(target, network, tags={TAG_MANAGED_BY: PREFIX})
            with server_of(cluster, self._aws.rds.ca_bundle).session(
                self._master(target), scenario.database
            ) as session:
                run_file(session, scenario.stale_script)
            activity.done(f"Created old target {target.name} in {target.region}, with stale rows")
        return cluster

    def deploy(self, network: DemoNetwork, source_network: DemoNetwork) -> Mapping[str, str]:
        """Deploy the app as for any environment: from a configuration file, by ``cdk deploy``.

        A source account gets the stack with the pipeline's role; its key gets the policy statements
        that this stack outputs.
        """
        folder = self._aws.directory / "config"
        folder.mkdir()
        document = configuration(
            self._scenario, network, source_network, str(self._aws.rds.ca_bundle)
        )
        (folder / f"{self._scenario.environment}.json").write_text(json.dumps(document, indent=2))
        with self._screen.activity("Deploying the app by cdk bootstrap and cdk deploy") as activity:
            stacks = self._aws.deploy(
                self._scenario.environment, context={"config_dir": str(folder)}
            )
            name = f"AuroraRestore-{self._scenario.environment}"
            activity.done(
                f"Deployed the app by cdk deploy: {name} in {self._scenario.target.region}"
            )
            for stack in sorted(set(stacks) - {name}):
                self._admit_to_the_key(source_network, stacks[stack]["KeyPolicyStatements"])
                activity.done(f"Deployed {stack}, and let its role use the key")
        return stacks[name]

    def _admit_to_the_key(self, network: DemoNetwork, statements: str) -> None:
        """Let the pipeline use the source's key, beside the account that owns it."""
        source = self._scenario.source
        owner = {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{source.account}:root"},
            "Action": "kms:*",
            "Resource": "*",
        }
        policy = {"Version": "2012-10-17", "Statement": [owner, *json.loads(statements)]}
        self._aws.client("kms", account=source.account, region=source.region).put_key_policy(
            KeyId=network.key_arn, PolicyName="default", Policy=json.dumps(policy)
        )

    def _fill_production(self, server: DatabaseServer) -> Mapping[str, TableReading]:
        scenario = self._scenario
        master = self._master(scenario.source)
        with server.session(master, scenario.database) as session:
            make_logins(session, scenario.logins)
            session.run(f"GRANT CREATE ON DATABASE {scenario.database} TO {scenario.owner.user}")
            run_file(session, scenario.master_script)
        self._go_on()
        owner = DatabaseLogin(scenario.owner.user, scenario.owner.password)
        with server.session(owner, scenario.database) as session:
            run_file(session, scenario.owner_script)
        self._go_on()
        reader = DatabaseLogin(scenario.reader.user, scenario.reader.password)
        return read_tables(server, reader, scenario.database, scenario.masked)

    def _master(self, cluster: DemoCluster) -> DatabaseLogin:
        return DatabaseLogin(self._scenario.master_user, cluster.master_password)

    def _make_cluster(
        self, cluster: DemoCluster, network: DemoNetwork, *, tags: Mapping[str, str]
    ) -> Mapping[str, Any]:
        rds = self._aws.client("rds", account=cluster.account, region=cluster.region)
        tag_list = [{"Key": key, "Value": value} for key, value in tags.items()]
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
        )
        self._until(lambda: self._described(rds, cluster)["Status"] == "available")
        rds.create_db_instance(
            DBInstanceIdentifier=f"{cluster.name}-1",
            DBInstanceClass=cluster.instance_class,
            Engine="aurora-postgresql",
            DBClusterIdentifier=cluster.name,
            Tags=tag_list,
        )
        self._until(lambda: set(instance_statuses(rds, cluster.name)) == {"available"})
        return self._described(rds, cluster)

    def _described(self, rds: Any, cluster: DemoCluster) -> Mapping[str, Any]:
        (described,) = rds.describe_db_clusters(DBClusterIdentifier=cluster.name)["DBClusters"]
        found: Mapping[str, Any] = described
        return found

    def _until(self, reached: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not reached():
            self._go_on()
            if time.monotonic() >= deadline:
                raise PreparationError(
                    f"A cluster was not available after {_PATIENCE_SECONDS:g} s."
                )
            time.sleep(_POLL_SECONDS)

    def _go_on(self) -> None:
        if self.given_up.is_set():
            raise _GivenUpError


def instance_statuses(rds: Any, cluster: str) -> Sequence[str]:
    """Return the statuses of a cluster's instances."""
    found = rds.describe_db_instances(Filters=[{"Name": "db-cluster-id", "Values": [cluster]}])[
        "DBInstances"
    ]
    return [instance["DBInstanceStatus"] for instance in found]


def configuration(
    scenario: Scenario, network: DemoNetwork, source_network: DemoNetwork, ca_bundle: str
) -> dict[str, Any]:
    """Return the environment file that the app is deployed from."""
    source, target = scenario.source, scenario.target
    crossing = (
        {}
        if scenario.source_role is None
        else {"role_arn": scenario.source_role, "kms_key_id": source_network.key_arn}
    )
    return {
        "account": target.account,
        "region": target.region,
        "network": {
            "vpc_id": network.vpc_id,
            "subnet_ids": list(network.subnet_ids),
            "availability_zones": list(network.availability_zones),
            "security_group_ids": [network.security_group_id],
        },
        "secrets": {
            "master_username": scenario.master_user,
            "master_database": scenario.database,
        },
        "database_ca_bundle": ca_bundle,
        "restores": {
            scenario.restore: {
                "source": {
                    "cluster_id": source.name,
                    "region": source.region,
                    "account_id": source.account,
                    **crossing,
                },
                "target": {
                    "cluster_id": target.name,
                    "db_subnet_group_name": SUBNET_GROUP,
                    "vpc_security_group_ids": [network.security_group_id],
                    "instances": [{"instance_class": target.instance_class}],
                    "kms_key_id": network.key_arn,
                    # The clusters here show ports of this machine.
                    "port": DATABASE_PORT,
                },
                "database": {
                    "keep_logins": [login.user for login in scenario.logins if login.kept],
                    "scripts": [{"path": scenario.masking_script}],
                },
            }
        },
    }
