"""A fleet of restores on the embedded AWS: made, run together, and looked at afterwards."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from aurora_restore.shared.aws_utils import Clients
from aurora_restore.shared.names import COPY_QUEUE_KEY_PREFIX, LOCK_KEY_PREFIX
from aurora_restore.shared.postgres.connection import DatabaseLogin, DatabaseServer
from aurora_restore.shared.sequences import REPLACE
from aurora_restore.shared.state_utils import SUCCESS, StateStore
from embedded_aws.aws import EmbeddedAws, EmbeddedAwsConfig
from embedded_aws.rds import EmbeddedRds, Rules, Timings
from embedded_aws.vpc import DATABASE_PORT, create_network, give_way_out

ACCOUNT: Final = "222222222222"
SOURCE_REGION: Final = "us-east-1"
REGION: Final = "us-west-2"
ENVIRONMENT: Final = "fleet"
DATABASE: Final = "shop"
MASTER: Final = "postgres"
PASSWORD: Final = "benchmark-source"  # noqa: S105 - of a database on this machine
SUBNET_GROUP: Final = "databases"
SUCCEEDED: Final = "SUCCEEDED"
POLL_SECONDS: Final = 0.5
PATIENCE_SECONDS: Final = 120.0


@dataclass(frozen=True, kw_only=True)
class FleetPlan:
    """How many restores there are, and under which limits they run."""

    restores: int
    sources: int
    """How many production clusters they share."""
    wait_scale: float
    """By how much the waits of Step Functions, and what RDS does, are shortened."""
    copies_in_progress: int = 5
    requests_per_second: float = 20
    """How many requests RDS answers, in this machine's time."""
    burst_of_requests: int = 20
    invocations_at_once: int = 4
    timeout_seconds: float = 1800

    @property
    def names(self) -> list[str]:
        """Return the names of the restores."""
        return [f"restore-{number:03}" for number in range(1, self.restores + 1)]

    def source_of(self, name: str) -> str:
        """Return the cluster that a restore is of."""
        return f"production-{self.names.index(name) % self.sources + 1}"

    @property
    def source_names(self) -> list[str]:
        """Return the names of the production clusters."""
        return list(dict.fromkeys(map(self.source_of, self.names)))


def target_of(name: str) -> str:
    """Return the cluster that a restore refreshes."""
    return f"target-{name}"


@dataclass(frozen=True, kw_only=True)
class FleetOutcome:
    """What a run of the fleet was like."""

    seconds: float
    """How long it took, in this machine's time."""
    statuses: Mapping[str, str]
    """How the execution of each restore has ended."""
    faults: Sequence[str]
    """What is not as it must be, in words."""
    calls: Mapping[str, int]
    """The requests that RDS got, by action; what it refused is among them."""
    throttled: int
    """How many of them RDS refused because of their rate."""
    refused_copies: int
    """How many copies RDS refused because of those in progress."""
    function_calls: int
    repeated: Mapping[str, int]
    """How often the state machine repeated a step, by the error that it had."""
    copies: Sequence[tuple[float, float]]
    """From when to when each copy was in progress: seconds here since the start."""

    def in_flight(self, moment: float) -> int:
        """Return how many copies were in progress at a moment."""
        return sum(start <= moment < end for start, end in self.copies)

    @property
    def most_in_flight(self) -> int:
        """Return how many copies were in progress at the same time at most."""
        return max((self.in_flight(start) for start, _ in self.copies), default=0)


@contextmanager
def running_fleet(plan: FleetPlan, directory: Path | None = None) -> "Iterator[DeployedFleet]":
    """Start the embedded AWS with the sources and their snapshots, and deploy the restores."""
    room = 2 * plan.restores + plan.sources
    rules = Rules(copies_in_progress=plan.copies_in_progress, clusters=room, instances=room)
    config = EmbeddedAwsConfig(
        account=ACCOUNT,
        region=REGION,
        wait_scale=plan.wait_scale,
        directory=directory,
        rds=lambda place, speed: EmbeddedRds(place, speed=speed, rules=rules),
        invocations_at_once=plan.invocations_at_once,
    )
    with EmbeddedAws(config) as aws, ThreadPoolExecutor(max_workers=4) as workers:
        fleet = DeployedFleet(plan, aws)
        networks = {region: fleet.make_network(region) for region in (SOURCE_REGION, REGION)}
        made = [
            workers.submit(fleet.make_source, name, networks[SOURCE_REGION])
            for name in plan.source_names
        ]
        fleet.deploy(networks[REGION])
        for each in made:
            each.result()
        yield fleet


@dataclass
class DeployedFleet:
    """The restores of an environment, deployed."""

    plan: FleetPlan
    aws: EmbeddedAws
    outputs: Mapping[str, str] = field(default_factory=dict)

    def make_network(self, region: str) -> dict[str, Any]:
        """Create a VPC, two subnets, a security group and a subnet group."""
        ec2, rds = self.aws.client("ec2", region=region), self.aws.client("rds", region=region)
        made = create_network(ec2, rds, region, SUBNET_GROUP)
        give_way_out(ec2, made.vpc_id)
        return {
            "vpc_id": made.vpc_id,
            "subnet_ids": made.subnet_ids,
            "availability_zones": made.availability_zones,
            "security_group_ids": [made.security_group_id],
        }

    def make_source(self, name: str, network: Mapping[str, Any]) -> None:
        """Create a production cluster that says which one it is, and yesterday's snapshot of it."""
        rds = self.aws.client("rds", region=SOURCE_REGION)
        rds.create_db_cluster(
            DBClusterIdentifier=name,
            Engine="aurora-postgresql",
            MasterUsername=MASTER,
            MasterUserPassword=PASSWORD,
            DatabaseName=DATABASE,
            DBSubnetGroupName=SUBNET_GROUP,
            VpcSecurityGroupIds=network["security_group_ids"],
        )
        until(lambda: self._cluster(rds, name)["Status"] == "available")
        rds.create_db_instance(
            DBInstanceIdentifier=f"{name}-1",
            DBInstanceClass="db.r6g.large",
            Engine="aurora-postgresql",
            DBClusterIdentifier=name,
        )
        until(
            lambda: (
                rds.describe_db_instances(DBInstanceIdentifier=f"{name}-1")["DBInstances"][0][
                    "DBInstanceStatus"
                ]
                == "available"
            )
        )
        server = self._server(self._cluster(rds, name))
        with server.session(DatabaseLogin(MASTER, PASSWORD), DATABASE) as session:
            session.run("CREATE TABLE public.origin (name text)")
            session.run("INSERT INTO public.origin VALUES (:name)", name=name)
        yesterday = datetime.now(UTC) - timedelta(days=1)
        self.aws.rds.admin.take_automated_snapshot(
            name, account=ACCOUNT, region=SOURCE_REGION, at=yesterday.isoformat()
        )

    def deploy(self, network: Mapping[str, Any]) -> None:
        """Deploy the environment by ``cdk deploy``."""
        folder = self.aws.directory / "config"
        folder.mkdir(exist_ok=True)
        document = {
            "account": ACCOUNT,
            "region": REGION,
            "network": network,
            "secrets": {"master_username": MASTER, "master_database": DATABASE},
            "database_ca_bundle": str(self.aws.rds.ca_bundle),
            "restores": {name: self._restore(name, network) for name in self.plan.names},
        }
        (folder / f"{ENVIRONMENT}.json").write_text(json.dumps(document))
        stacks = self.aws.deploy(ENVIRONMENT, context={"config_dir": str(folder)})
        self.outputs = stacks[f"AuroraRestore-{ENVIRONMENT}"]

    def _restore(self, name: str, network: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "source": {"cluster_id": self.plan.source_of(name), "region": SOURCE_REGION},
            "target": {
                "cluster_id": target_of(name),
                "db_subnet_group_name": SUBNET_GROUP,
                "vpc_security_group_ids": network["security_group_ids"],
                "instances": [{"instance_class": "db.r6g.large"}],
                # The clusters here show ports of this machine.
                "port": DATABASE_PORT,
            },
            "database": {"masking": "none"},
            # Here the waits of Step Functions are shortened, and a function's own are not.
            "polling": {"floor_seconds": 21},
        }

    def run(self, names: Sequence[str], *, throttled: bool) -> FleetOutcome:
        """Run these restores together, and look at what they have left.

        RDS answers no more requests than planned meanwhile, if it is ``throttled``.
        """
        admin = self.aws.rds.admin
        seen = len(admin.calls())
        if throttled:
            admin.set_rules(
                requests_per_second=self.plan.requests_per_second,
                burst_of_requests=self.plan.burst_of_requests,
            )
        begun = time.monotonic()
        machine = self.outputs["StateMachineArn"]
        arns = {name: self.aws.start(machine, {"restore": name}) for name in names}
        statuses = self._await(arns)
        seconds = time.monotonic() - begun
        admin.set_rules(requests_per_second=0)
        calls = admin.calls()[seen:]
        events = {name: self.aws.history(arn) for name, arn in arns.items()}
        return FleetOutcome(
            seconds=seconds,
            statuses=statuses,
            faults=[fault for name, arn in arns.items() for fault in self._faults(name, arn)],
            calls=Counter(each["action"] for each in calls),
            throttled=sum(each["error"] == "Throttling" for each in calls),
            refused_copies=sum(each["error"] == "SnapshotQuotaExceeded" for each in calls),
            function_calls=sum(
                each["type"] == "TaskStateEntered" for found in events.values() for each in found
            ),
            repeated=Counter(
                each["taskFailedEventDetails"].get("error", "")
                for found in events.values()
                for each in found
                if each["type"] == "TaskFailed"
            ),
            copies=_copies(calls, Timings().copy_snapshot * self.plan.wait_scale),
        )

    def _await(self, arns: Mapping[str, str]) -> dict[str, str]:
        """Return how each execution has ended. Raises TimeoutError if one does not."""
        states = self.aws.client("stepfunctions")
        deadline = time.monotonic() + self.plan.timeout_seconds
        waiting = set(arns.values())
        while waiting:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(waiting)} executions have not ended: {sorted(waiting)}")
            time.sleep(POLL_SECONDS)
            pages = states.get_paginator("list_executions").paginate(
                stateMachineArn=self.outputs["StateMachineArn"], statusFilter="RUNNING"
            )
            running = {each["executionArn"] for page in pages for each in page["executions"]}
            waiting &= running
        return {
            name: states.describe_execution(executionArn=arn)["status"]
            for name, arn in arns.items()
        }

    def _faults(self, name: str, arn: str) -> Iterator[str]:
        """Yield what an operation has left that is not as it must be."""
        operation, target = arn.rpartition(":")[2], target_of(name)
        ended = self.aws.client("stepfunctions").describe_execution(executionArn=arn)
        if ended["status"] != SUCCEEDED:
            yield f"{name}: {ended['status']}: {ended.get('error')}: {ended.get('cause')}"
        state = {each["step"]: each["status"] for each in self.store.load_all(operation)}
        audited = [
            each["step"] for each in self.store.audit_trail(operation) if each["status"] == SUCCESS
        ]
        for step in REPLACE.steps:
            if state.get(step) != SUCCESS:
                yield f"{name}: the state of {step} is {state.get(step)}"
            if step not in audited:
                yield f"{name}: {step} is not in the audit trail as done"
        if self.store.load_all(f"{LOCK_KEY_PREFIX}{ACCOUNT}/{REGION}/{target}"):
            yield f"{name}: the lock of {target} is still held"
        notices = [each for each in self._published if each.get("operation_id") == operation]
        if len(notices) != 1:
            yield f"{name}: {len(notices)} notices were published"
        yield from self._faults_of_target(name)

    def _faults_of_target(self, name: str) -> Iterator[str]:
        rds, target = self.aws.client("rds"), target_of(name)
        found = rds.describe_db_clusters(Filters=[{"Name": "db-cluster-id", "Values": [target]}])[
            "DBClusters"
        ]
        if [each["Status"] for each in found] != ["available"]:
            yield f"{name}: {target} is not available"
            return
        secret = json.loads(
            self.aws.client("secretsmanager").get_secret_value(
                SecretId=self.outputs["MasterSecret"]
            )["SecretString"]
        )
        login = DatabaseLogin(MASTER, secret["password"])
        with self._server(found[0]).session(login, DATABASE) as session:
            origin = session.scalar("SELECT name FROM public.origin")
        if origin != self.plan.source_of(name):
            yield f"{name}: {target} holds the data of {origin}"

    @property
    def copies_left_waiting(self) -> int:
        """Return how many copies still have a ticket of the queue."""
        return len(self.store.load_all(f"{COPY_QUEUE_KEY_PREFIX}{ACCOUNT}/{REGION}"))

    @cached_property
    def store(self) -> StateStore:
        """Return the two tables of the environment."""
        return StateStore(
            Clients(self.aws.session()),
            self.outputs["StateTable"],
            self.outputs["AuditTable"],
            timedelta(days=90),
        )

    @property
    def _published(self) -> list[dict[str, Any]]:
        messages = self.aws.published(self.outputs["TopicArn"])
        return [json.loads(each.message) for each in messages]

    def _server(self, cluster: Mapping[str, Any]) -> DatabaseServer:
        bundle = self.aws.rds.ca_bundle.read_text(encoding="ascii")
        return DatabaseServer(cluster["Endpoint"], cluster["Port"], bundle)

    def _cluster(self, rds: Any, name: str) -> dict[str, Any]:
        found: dict[str, Any] = rds.describe_db_clusters(DBClusterIdentifier=name)["DBClusters"][0]
        return found


def _copies(calls: Sequence[Mapping[str, Any]], seconds: float) -> list[tuple[float, float]]:
    """Return from when to when each copy was in progress, in seconds since the first call.

    ``seconds`` is how long RDS takes for a copy.
    """
    if not calls:
        return []
    start = datetime.fromisoformat(calls[0]["at"])
    begun = [
        (datetime.fromisoformat(each["at"]) - start).total_seconds()
        for each in calls
        if each["action"] == "CopyDBClusterSnapshot" and each["error"] is None
    ]
    return [(each, each + seconds) for each in begun]


def until(reached: Callable[[], bool]) -> None:
    """Wait until something is so. Raises TimeoutError if it takes too long."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not reached():
        if time.monotonic() > deadline:
            raise TimeoutError("a cluster was not available in time")
        time.sleep(0.1)
