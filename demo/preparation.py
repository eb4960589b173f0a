"""Prepares the demo: the source cluster with its snapshot, the old target, and the deployed app."""

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from aurora_restore.proof.checks import TableReading
from aurora_restore.proof.originals import find_originals, originals_of
from aurora_restore.proof.reading import read_tables
from aurora_restore.proof.wiring import read_wiring
from aurora_restore.shared.names import TAG_MANAGED_BY
from aurora_restore.shared.postgres.connection import DatabaseLogin, DatabaseServer
from demo.clusters import (
    LOGICAL_REPLICATION,
    ClusterMaker,
    DemoNetwork,
    PreparationError,
)
from demo.configuration import configuration, write_configuration
from demo.databases import make_logins, run_file, server_of
from demo.scenario import PREFIX, DemoCluster, DemoLogin, Scenario
from demo.screen import Screen
from demo.staging_logins import read_first_logins
from demo.wiring import ProductionDatabase, SupplierDatabase
from embedded_aws.aws import EmbeddedAws, EmbeddedAwsConfig
from embedded_aws.environment import repository

_LONGEST_DEMO = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Production:
    """The source cluster as it was when its snapshot was taken."""

    database: ProductionDatabase
    supplier: SupplierDatabase
    tables: Mapping[str, TableReading]
    originals: Mapping[str, int]
    """How many original values there are, by place."""
    wiring: Mapping[str, Sequence[str]]
    """What ties it, and would tie a copy, to other clusters, by kind."""
    slots: Sequence[Sequence[Any]]
    """The slot at the supplier that waits for production, with its position."""
    snapshots: Sequence[str]
    """Yesterday's, and today's where the demo may not end before the day does."""

    @property
    def server(self) -> DatabaseServer:
        """Where it is reached."""
        return self.database.server


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What the execution begins with."""

    outputs: Mapping[str, str]
    """Those of the deployed stack."""
    production: Production
    old_target: Mapping[str, Any]
    """The target cluster, as RDS described it."""
    network: DemoNetwork
    """That of the target."""
    source_network: DemoNetwork


def check_requirements() -> None:
    """Raise PreparationError where something is missing that `make setup` installs."""
    cdk = repository() / "node_modules" / ".bin" / "cdk"
    if not cdk.exists():
        raise PreparationError(
            "The CDK's command line is not installed. Run `make setup`; it needs Node 18 or newer."
        )


def embedded_aws_for(scenario: Scenario) -> EmbeddedAws:
    """Return the embedded AWS of a scenario, which entering it starts."""
    return EmbeddedAws(
        EmbeddedAwsConfig(
            account=scenario.target.account,
            region=scenario.target.region,
            wait_scale=scenario.wait_scale,
        )
    )


def moments_of_snapshots(now: datetime) -> list[datetime]:
    """Return when the daily snapshots were taken that a demo needs: its runs ask for yesterday's.

    Where the demo may not end before the day does, today's will be yesterday's.
    """
    yesterday = now - timedelta(days=1)
    ends_today = (now + _LONGEST_DEMO).date() == now.date()
    return [yesterday] if ends_today else [yesterday, now]


def take_daily_snapshot(aws: EmbeddedAws, source: DemoCluster, at: datetime) -> str:
    """Take an automated snapshot of the source as of a moment, and return its name."""
    return aws.rds.admin.take_automated_snapshot(
        source.name, account=source.account, region=source.region, at=at.isoformat()
    )["identifier"]


def prepare(
    aws: EmbeddedAws, scenario: Scenario, screen: Screen, *, as_restored: bool = False
) -> Prepared:
    """Make the clusters and deploy the app, all at the same time.

    A target that is switched lets in whom the stack's secrets name, as an earlier restore has left
    it; with ``as_restored`` any does.
    """
    maker = ClusterMaker(aws, scenario)
    preparation = _Preparation(aws, scenario, screen, maker)
    with ThreadPoolExecutor(max_workers=3) as workers:
        try:
            networks = workers.map(maker.make_network, (scenario.target, scenario.source))
            network, source_network = networks
            supplier = workers.submit(preparation.make_supplier, source_network)
            production = workers.submit(preparation.make_production, source_network, supplier)
            old_target = workers.submit(preparation.make_old_target, network)
            outputs = deploy(aws, scenario, screen, network, source_network)
            if scenario.is_switched or as_restored:
                preparation.admit_to(old_target.result(), outputs)
            return Prepared(
                outputs=outputs,
                production=production.result(),
                old_target=old_target.result(),
                network=network,
                source_network=source_network,
            )
        except BaseException:
            maker.give_up()
            raise


def deploy(
    aws: EmbeddedAws,
    scenario: Scenario,
    screen: Screen,
    network: DemoNetwork,
    source_network: DemoNetwork,
) -> Mapping[str, str]:
    """Deploy the app as for any environment: from a configuration file, by ``cdk deploy``.

    A source account gets the stack with the pipeline's role; its key gets the policy statements
    that this stack outputs.
    """
    folder = aws.directory / "config"
    document = configuration(scenario, network, source_network, str(aws.rds.ca_bundle))
    write_configuration(folder, scenario, document)
    with screen.activity("Deploying the app by cdk bootstrap and cdk deploy") as activity:
        stacks = aws.deploy(scenario.environment, context={"config_dir": str(folder)})
        name = f"AuroraRestore-{scenario.environment}"
        activity.done(f"Deployed the app by cdk deploy: {name} in {scenario.target.region}")
        for stack in sorted(set(stacks) - {name}):
            _admit_to_the_key(aws, scenario, source_network, stacks[stack]["KeyPolicyStatements"])
            activity.done(f"Deployed {stack}, and let its role use the key")
    return stacks[name]


def _admit_to_the_key(
    aws: EmbeddedAws, scenario: Scenario, network: DemoNetwork, statements: str
) -> None:
    """Let the pipeline use the source's key, beside the account that owns it."""
    source = scenario.source
    owner = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{source.account}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    policy = {"Version": "2012-10-17", "Statement": [owner, *json.loads(statements)]}
    aws.client("kms", account=source.account, region=source.region).put_key_policy(
        KeyId=network.key_arn, PolicyName="default", Policy=json.dumps(policy)
    )


class _Preparation:
    """One preparation."""

    def __init__(
        self, aws: EmbeddedAws, scenario: Scenario, screen: Screen, maker: ClusterMaker
    ) -> None:
        self._aws = aws
        self._scenario = scenario
        self._screen = screen
        self._maker = maker

    def make_supplier(self, network: DemoNetwork) -> SupplierDatabase:
        """Create the cluster to which production subscribes."""
        scenario, supplier = self._scenario, self._scenario.supplier
        with self._screen.activity(f"Creating {supplier.name}, to which it subscribes") as activity:
            self._maker.make_parameter_group(supplier)
            cluster = self._maker.make(
                supplier, network, DBClusterParameterGroupName=LOGICAL_REPLICATION
            )
            made = SupplierDatabase(
                server=server_of(cluster, self._aws.rds.ca_bundle),
                database=scenario.database,
                master=self._master(supplier),
                feed=_login(scenario.feed),
            )
            with made.session() as session:
                make_logins(session, [scenario.feed])
                run_file(session, scenario.supplier_script)
            made.await_right_to_stream()
            activity.done(f"Created {supplier.name} in {supplier.region}, which publishes prices")
        return made

    def make_production(
        self, network: DemoNetwork, supplier: "Future[SupplierDatabase]"
    ) -> Production:
        """Create the source cluster with all that is in it, and yesterday's automated snapshot."""
        scenario, source = self._scenario, self._scenario.source
        with self._screen.activity(f"Creating the source cluster {source.name}") as activity:
            cluster = self._maker.make(source, network)
            activity.done(
                f"Created source {source.name} in {source.region}, encrypted",
                then="Filling its database over TLS",
            )
            database = ProductionDatabase(
                server=server_of(cluster, self._aws.rds.ca_bundle),
                database=scenario.database,
                master=self._master(source),
                application=_login(scenario.application),
            )
            self._fill(database)
            activity.done(
                f"Filled it over TLS, with {len(scenario.logins)} logins of its own",
                then="Wiring it",
            )
            publisher = supplier.result()
            self._maker.go_on()
            database.subscribe(publisher)
            database.connect_to_itself()
            activity.done(
                f"Subscribed it to {scenario.supplier.name}, and let a job write to itself through "
                "a foreign server",
                then="Taking its daily snapshot",
            )
            snapshots = [
                take_daily_snapshot(self._aws, source, at)
                for at in moments_of_snapshots(datetime.now(UTC))
            ]
            activity.done(
                f"Took its daily snapshot, {' and '.join(snapshots)}", then="Reading all of it"
            )
            wiring = read_wiring(database.server, database.master, scenario.database)
            database.rest(publisher)
            reader = _login(scenario.reader)
            tables = read_tables(database.server, reader, scenario.database, scenario.masked)
            originals = find_originals(
                database.server,
                database.master,
                reader,
                scenario.database,
                originals_of(tables),
            )
            publisher.publish(scenario.news)
            rows = sum(table.rows for table in tables.values())
            activity.done(
                f"Read all of it: {len(tables)} tables, {rows:,} rows; from now on it rests, and "
                "what changes in it the copy has done"
            )
        return Production(
            database=database,
            supplier=publisher,
            tables=tables,
            originals=originals,
            wiring=wiring,
            slots=publisher.slots(),
            snapshots=snapshots,
        )

    def make_old_target(self, network: DemoNetwork) -> Mapping[str, Any]:
        """Create the cluster of an earlier restore, which carries the pipeline's tag."""
        scenario, target = self._scenario, self._scenario.target
        with self._screen.activity(f"Creating the old target cluster {target.name}") as activity:
            cluster = self._maker.make(target, network, tags={TAG_MANAGED_BY: PREFIX})
            with server_of(cluster, self._aws.rds.ca_bundle).session(
                self._master(target), scenario.database
            ) as session:
                run_file(session, scenario.stale_script)
            activity.done(f"Created old target {target.name} in {target.region}, with stale rows")
        return cluster

    def admit_to(self, target: Mapping[str, Any], outputs: Mapping[str, str]) -> None:
        """Let whom both secrets name into the old target, as an earlier restore has."""
        master, app = read_first_logins(self._aws, self._scenario, outputs)
        with server_of(target, self._aws.rds.ca_bundle).session(
            self._master(self._scenario.target), self._scenario.database
        ) as session:
            make_logins(
                session, [DemoLogin(user=app.user, who="the application", password=app.password)]
            )
        self._maker.set_master_password(self._scenario.target, master.password)

    def _fill(self, production: ProductionDatabase) -> None:
        scenario = self._scenario
        with production.session() as session:
            make_logins(session, scenario.logins)
            session.run(f"GRANT CREATE ON DATABASE {scenario.database} TO {scenario.owner.user}")
            run_file(session, scenario.master_script)
        self._maker.go_on()
        with production.server.session(_login(scenario.owner), scenario.database) as session:
            run_file(session, scenario.owner_script)
        self._maker.go_on()

    def _master(self, cluster: DemoCluster) -> DatabaseLogin:
        return DatabaseLogin(self._scenario.master_user, cluster.master_password)


def _login(login: DemoLogin) -> DatabaseLogin:
    return DatabaseLogin(login.user, login.password)
