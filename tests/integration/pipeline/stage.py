"""A stage for runs of the deployed pipeline: clusters with rows in them, and the app."""

import hashlib
import json
import shutil
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pg8000.native

from aurora_restore.shared.names import TAG_MANAGED_BY, config_path
from aurora_restore.shared.pipeline import STEPS, PipelineFunction, get_step
from embedded_aws.aws import EmbeddedAws, EmbeddedAwsConfig
from embedded_aws.rds.admin_client import RdsAdminClient
from embedded_aws.rds.process import EmbeddedRds
from embedded_aws.vpc import DatabaseNetwork, create_network

ACCOUNT = "222222222222"
SOURCE_REGION = "us-east-1"
TARGET_REGION = "us-west-2"
PREFIX = "aurora-restore"
SOURCE = "production"
TARGET = "staging"
DATABASE = "shop"
MASTER = "postgres"
SOURCE_PASSWORD = "canary-source-master-1"
ETL_PASSWORD = "canary-source-etl-2"
MASK = "sql/mask.sql"
SQL = Path(__file__).parent / "sql"
PATIENCE_SECONDS = 90.0
SPEED = 2000.0

LEAP_DAY = {"expression": "cron(0 4 29 2 ? *)", "time_zone": "Asia/Tokyo"}
"""A schedule that starts nothing while tests run, unless one sets the clock of schedules."""
BEFORE_LEAP_DAY = datetime(2028, 2, 29, 3, 59, 58, tzinfo=ZoneInfo("Asia/Tokyo"))
"""Two seconds before it starts something."""

ROWS = """
CREATE TABLE customers (id int PRIMARY KEY, email text NOT NULL);
INSERT INTO customers SELECT n, 'person' || n || '@real.example' FROM generate_series(1, 300) n;
CREATE SCHEMA sales;
CREATE TABLE sales.orders (id int PRIMARY KEY, customer int, amount numeric);
INSERT INTO sales.orders SELECT n, n % 300, n * 1.5 FROM generate_series(1, 2000) n;
CREATE ROLE etl LOGIN PASSWORD 'canary-source-etl-2';
GRANT SELECT, INSERT ON customers TO etl;
CREATE ROLE monitoring LOGIN PASSWORD 'canary-source-monitoring-3';
"""


@dataclass(frozen=True)
class Deployed:
    """One environment of the app."""

    region: str
    outputs: Mapping[str, str]
    network: DatabaseNetwork

    @property
    def machine(self) -> str:
        return self.outputs["StateMachineArn"]


@contextmanager
def running_stage(directory: Path) -> Iterator["PipelineStage"]:
    """The embedded AWS with the source cluster and yesterday's snapshot of it."""
    config = EmbeddedAwsConfig(
        account=ACCOUNT,
        region=TARGET_REGION,
        wait_scale=0.005,
        rds=lambda place, _: EmbeddedRds(place, speed=SPEED),
    )
    with EmbeddedAws(config) as aws:
        made = PipelineStage(aws, directory)
        made.make_source()
        yield made


@dataclass
class PipelineStage:
    """The embedded AWS, with what every test needs."""

    aws: EmbeddedAws
    directory: Path
    _networks: dict[str, DatabaseNetwork] = field(default_factory=dict)

    @property
    def admin(self) -> RdsAdminClient:
        return self.aws.rds.admin

    @property
    def ca_bundle(self) -> Path:
        return self.aws.rds.ca_bundle

    def rds(self, region: str) -> Any:
        return self.aws.client("rds", region=region)

    def network(self, region: str) -> DatabaseNetwork:
        """A VPC with subnets in two zones, a security group and a subnet group."""
        if region not in self._networks:
            ec2 = self.aws.client("ec2", region=region)
            self._networks[region] = create_network(ec2, self.rds(region), region, "databases")
        return self._networks[region]

    def restore_document(self, region: str, **changes: Any) -> dict[str, Any]:
        """A restore of the source into a target in ``region``; ``changes`` go into its target."""
        network = self.network(region)
        return {
            "source": {"cluster_id": SOURCE, "region": SOURCE_REGION},
            "target": {
                "cluster_id": TARGET,
                "db_subnet_group_name": network.subnet_group,
                "vpc_security_group_ids": [network.security_group_id],
                "instances": [{"instance_class": "db.r6g.large"}],
                # The clusters here show ports of this machine.
                "port": 5432,
                **changes,
            },
            "database": {"keep_logins": ["monitoring"]},
            # Here the waits of Step Functions are shortened, and a function's own are not.
            "polling": {"floor_seconds": 21},
        }

    def deploy(
        self,
        region: str,
        *,
        scripts: Sequence[str] = (),
        source: Mapping[str, Any] | None = None,
        schedule: Mapping[str, Any] | None = None,
        **target: Any,
    ) -> Deployed:
        """Deploy an environment with one restore, called ``staging``, by ``cdk deploy``."""
        document = self.restore_document(region, **target)
        if schedule is not None:
            document["schedule"] = schedule
        document["source"] = source or document["source"]
        document["database"]["scripts"] = [{"path": path} for path in scripts]
        return self.deploy_restores(region, {"staging": document})

    def environment_document(self, region: str, restores: Mapping[str, Any]) -> dict[str, Any]:
        """The file of an environment with these restores."""
        network = self.network(region)
        return {
            "account": ACCOUNT,
            "region": region,
            "network": {
                "vpc_id": network.vpc_id,
                "subnet_ids": network.subnet_ids,
                "availability_zones": network.availability_zones,
                "security_group_ids": [network.security_group_id],
            },
            "secrets": {"master_username": MASTER, "master_database": DATABASE},
            "database_ca_bundle": str(self.ca_bundle),
            "restores": restores,
        }

    def deploy_restores(self, region: str, restores: Mapping[str, Any]) -> Deployed:
        """Deploy an environment with these restores by ``cdk deploy``."""
        config = self.directory / f"config-{region}"
        config.mkdir()
        shutil.copytree(SQL, config / SQL.name)
        environment = {
            **self.environment_document(region, restores),
            "chat_topic_arn": self.chat_topic(region),
        }
        (config / "test.json").write_text(json.dumps(environment))
        outputs = self.aws.deploy("test", context={"config_dir": str(config)})
        return Deployed(region, outputs["AuroraRestore-test"], self.network(region))

    @contextmanager
    def schedules_at(self, moment: datetime) -> Iterator[None]:
        """Let it be a moment for schedules, and afterwards what it is for everything."""
        self.aws.set_schedule_clock(moment)
        try:
            yield
        finally:
            self.aws.set_schedule_clock(datetime.now(UTC))

    def executions(self, app: Deployed) -> set[str]:
        """The ARNs of all executions."""
        client = self.aws.client("stepfunctions", region=app.region)
        pages = client.get_paginator("list_executions").paginate(stateMachineArn=app.machine)
        return {each["executionArn"] for page in pages for each in page["executions"]}

    def chat_topic(self, region: str) -> str:
        """The topic of a chat channel, which no stack has made."""
        sns = self.aws.client("sns", region=region)
        topic: str = sns.create_topic(Name="chat")["TopicArn"]
        return topic

    def configuration(self, app: Deployed) -> dict[str, Any]:
        """The deployed configuration of the restore."""
        ssm = self.aws.client("ssm", region=app.region)
        document: dict[str, Any] = json.loads(
            ssm.get_parameter(Name=f"{config_path(PREFIX)}/staging")["Parameter"]["Value"]
        )
        return document

    def configure(self, app: Deployed, document: Mapping[str, Any]) -> None:
        """Change the deployed configuration of the restore."""
        self.aws.client("ssm", region=app.region).put_parameter(
            Name=f"{config_path(PREFIX)}/staging",
            Value=json.dumps(document),
            Type="String",
            Overwrite=True,
        )

    def make_source(self) -> None:
        """The production cluster with its rows, its roles, and a snapshot of yesterday."""
        self.make_cluster(SOURCE_REGION, SOURCE, SOURCE_PASSWORD)
        with self.connected(SOURCE_REGION, SOURCE, MASTER, SOURCE_PASSWORD) as connection:
            connection.run(ROWS)
        yesterday = datetime.now(UTC) - timedelta(days=1)
        self.admin.take_automated_snapshot(
            SOURCE, account=ACCOUNT, region=SOURCE_REGION, at=yesterday.isoformat()
        )

    def make_cluster(
        self,
        region: str,
        name: str,
        password: str,
        *,
        ours: bool = True,
        master: str = MASTER,
        **options: Any,
    ) -> None:
        """A cluster with one instance; ``ours`` gives it the pipeline's tag."""
        network = self.network(region)
        rds = self.rds(region)
        tags = [{"Key": TAG_MANAGED_BY, "Value": PREFIX}] if ours else []
        rds.create_db_cluster(
            DBClusterIdentifier=name,
            Engine="aurora-postgresql",
            MasterUsername=master,
            MasterUserPassword=password,
            DatabaseName=DATABASE,
            DBSubnetGroupName=network.subnet_group,
            VpcSecurityGroupIds=[network.security_group_id],
            Tags=tags,
            **options,
        )
        self.eventually(lambda: self.cluster(region, name)["Status"] == "available")
        rds.create_db_instance(
            DBInstanceIdentifier=f"{name}-a",
            DBInstanceClass="db.r6g.large",
            Engine="aurora-postgresql",
            DBClusterIdentifier=name,
            Tags=tags,
        )
        self.eventually(lambda: self.instances(region, name) == {f"{name}-a": "available"})

    def remove_target(self, region: str) -> None:
        """No target cluster, and no copy of a snapshot."""
        rds = self.rds(region)
        for instance in self.instances(region, TARGET):
            rds.delete_db_instance(DBInstanceIdentifier=instance, SkipFinalSnapshot=True)
        cluster = self.find_cluster(region, TARGET)
        if cluster is not None:
            if cluster["DeletionProtection"]:
                rds.modify_db_cluster(
                    DBClusterIdentifier=TARGET, DeletionProtection=False, ApplyImmediately=True
                )
            rds.delete_db_cluster(DBClusterIdentifier=TARGET, SkipFinalSnapshot=True)
        self.eventually(lambda: self.find_cluster(region, TARGET) is None)
        for snapshot in self.snapshots(region):
            rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier=snapshot)

    def cluster(self, region: str, name: str) -> dict[str, Any]:
        found = self.find_cluster(region, name)
        assert found is not None, f"there is no cluster {name} in {region}"
        return found

    def find_cluster(self, region: str, name: str) -> dict[str, Any] | None:
        clusters: list[dict[str, Any]] = self.rds(region).describe_db_clusters()["DBClusters"]
        return next((item for item in clusters if item["DBClusterIdentifier"] == name), None)

    def instances(self, region: str, cluster: str) -> dict[str, str]:
        """Name and status of a cluster's instances."""
        return {
            instance["DBInstanceIdentifier"]: instance["DBInstanceStatus"]
            for instance in self.rds(region).describe_db_instances()["DBInstances"]
            if instance.get("DBClusterIdentifier") == cluster
        }

    def snapshots(self, region: str) -> list[str]:
        """The manual snapshots in a Region."""
        found = self.rds(region).describe_db_cluster_snapshots(SnapshotType="manual")
        return [item["DBClusterSnapshotIdentifier"] for item in found["DBClusterSnapshots"]]

    @contextmanager
    def connected(
        self, region: str, cluster: str, user: str, password: str, database: str = DATABASE
    ) -> Iterator[pg8000.native.Connection]:
        with self.connection(self.cluster(region, cluster), user, password, database) as connection:
            yield connection

    @contextmanager
    def connection(
        self, endpoint: Mapping[str, Any], user: str, password: str, database: str = DATABASE
    ) -> Iterator[pg8000.native.Connection]:
        """A connection to a cluster as DescribeDBClusters shows it."""
        connection = pg8000.native.Connection(
            user,
            host=endpoint["Endpoint"],
            port=endpoint["Port"],
            database=database,
            password=password,
            ssl_context=ssl.create_default_context(cafile=str(self.ca_bundle)),
        )
        try:
            yield connection
        finally:
            connection.close()

    def can_log_in(self, region: str, cluster: str, user: str, password: str) -> bool:
        try:
            with self.connected(region, cluster, user, password):
                return True
        except pg8000.exceptions.DatabaseError:
            return False

    def secret(self, app: Deployed, output: str) -> dict[str, str]:
        """What a secret of the app holds."""
        client = self.aws.client("secretsmanager", region=app.region)
        value = client.get_secret_value(SecretId=app.outputs[output])["SecretString"]
        parsed: dict[str, str] = json.loads(value)
        return parsed

    def put_secret(self, app: Deployed, output: str, value: str) -> None:
        """Give a secret of the app another value."""
        client = self.aws.client("secretsmanager", region=app.region)
        client.put_secret_value(SecretId=app.outputs[output], SecretString=value)

    def checksum(self, region: str, cluster: str, password: str, table: str) -> tuple[int, str]:
        """Number and digest of a table's rows, read as the master user."""
        with self.connected(region, cluster, MASTER, password) as connection:
            rows = connection.run(f"SELECT t::text FROM {table} t ORDER BY 1")  # noqa: S608
        digest = hashlib.sha256("\n".join(row[0] for row in rows).encode()).hexdigest()
        return len(rows), digest

    def run(self, app: Deployed, asked: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Start an execution and wait for its end."""
        arn = self.aws.start(app.machine, asked or {})
        return dict(self.aws.wait(arn, timeout=PATIENCE_SECONDS))

    def invoke(self, app: Deployed, step: str, event: Any) -> dict[str, Any]:
        """Call the function of a step directly."""
        body: dict[str, Any] = self.call(app, get_step(step), event)
        return body

    def call(self, app: Deployed, function: PipelineFunction, event: Any) -> Any:
        """Call a function directly, which may be none of a step."""
        client = self.aws.client("lambda", region=app.region)
        answer = client.invoke(
            FunctionName=function.function_name(PREFIX), Payload=json.dumps(event).encode()
        )
        body = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, body
        return body

    def steps_entered(self, execution_arn: str) -> list[str]:
        """The steps that an execution has called, in order, each call once."""
        names = {step.state_name: step.name for step in STEPS}
        return [
            names[event["stateEnteredEventDetails"]["name"]]
            for event in self.aws.history(execution_arn)
            if event["type"] == "TaskStateEntered"
        ]

    def state(self, app: Deployed, operation_id: str) -> dict[str, dict[str, Any]]:
        """The state items of an operation by step."""
        return {item["step"]: item for item in self._items(app, "StateTable", operation_id)}

    def audit(self, app: Deployed, operation_id: str) -> list[tuple[str, str]]:
        """Step and status of an operation's audit events, in order."""
        return [(item["step"], item["status"]) for item in self.audit_events(app, operation_id)]

    def audit_events(self, app: Deployed, operation_id: str) -> list[dict[str, Any]]:
        """An operation's audit events, whole and in order."""
        return self._items(app, "AuditTable", operation_id)

    def lock_holder(self, app: Deployed) -> str | None:
        """The operation that holds the target's lock."""
        items = self._items(app, "StateTable", f"lock#{ACCOUNT}/{app.region}/{TARGET}")
        return items[0]["holder"] if items else None

    def _items(self, app: Deployed, table: str, operation_id: str) -> list[dict[str, Any]]:
        resource: Any = self.aws.session(region=app.region).resource("dynamodb")
        found = resource.Table(app.outputs[table]).query(
            KeyConditionExpression="operation_id = :id",
            ExpressionAttributeValues={":id": operation_id},
        )
        items: list[dict[str, Any]] = found["Items"]
        return items

    def announcements(self, app: Deployed, operation_id: str) -> list[dict[str, Any]]:
        """What the pipeline has published about an operation."""
        published = self.aws.published(app.outputs["TopicArn"])
        messages = [json.loads(item.message) for item in published]
        return [message for message in messages if message.get("operation_id") == operation_id]

    def shown_in_chat(self, app: Deployed, operation_id: str) -> list[dict[str, Any]]:
        """What a chat channel has been given about an operation."""
        published = self.aws.published(self.chat_topic(app.region))
        messages = [json.loads(item.message) for item in published]
        return [each for each in messages if each["metadata"]["threadId"] == operation_id]

    def changes(self) -> list[str]:
        """Every call of RDS so far that was to change something."""
        actions = [item["action"] for item in self.admin.calls()]
        return [item for item in actions if not item.startswith(("Describe", "List"))]

    def postgres_log(self, server: Mapping[str, Any]) -> str:
        """What a cluster's PostgreSQL has logged; it logs every statement."""
        return Path(server["log"]).read_text() if server["log"] else ""

    @staticmethod
    def eventually(condition: Callable[[], bool], *, seconds: float = 30.0) -> None:
        """Wait until a condition holds."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "it did not come true in time"
            time.sleep(0.05)
