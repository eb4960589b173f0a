"""What must hold at every moment of a run, and what must hold in the end."""

import json
import re
from dataclasses import dataclass, replace
from typing import Any

from aurora_restore.shared.names import (
    TAG_ARCHIVED_AT,
    TAG_MANAGED_BY,
    TAG_OPERATION,
    TAG_RESTORE,
    TARGET_KEY_PREFIX,
)
from aurora_restore.shared.sequences import REPLACE
from aurora_restore.shared.snapshots.leases import CommonCopyStore
from aurora_restore.shared.target_record import TargetRecord, TargetRecordStore
from embedded_aws.rds.models import AVAILABLE, DELETING, DBCluster, DBClusterSnapshot
from tests.sweeps.machine import SUCCEEDED, SimulatedExecution
from tests.sweeps.routes import PROXY, RESTORE_NAME, SCRIPT, SOURCE, TARGET, SweepRoute
from tests.sweeps.stage import HOME, SweepStage
from tests.sweeps.tap import Violation
from tests.unit.bench import (
    ACCOUNT,
    APP_PASSWORD,
    MASTER_PASSWORD,
    PREFIX,
    READONLY_PASSWORD,
    REGION,
)

OF_THE_WAY = frozenset(
    {
        "attempted_in",
        "attempts",
        "capacity_waits",
        "cluster_resource_id",
        "deletion_of",
        "managed_secret_arn",
        "message_id",
        "no_capacity_since",
        "put_back",
        "waiting_since",
    }
)
"""Facts of the state about how the run came to its end, beside the times."""


def demand(holds: bool, otherwise: str) -> None:
    """Raise Violation unless something holds."""
    if not holds:
        raise Violation(otherwise)


@dataclass(frozen=True)
class Watchdog:
    """Keeps what there was before the run, and compares."""

    stage: SweepStage
    route: SweepRoute
    old: str | None
    """The resource id of the old cluster."""
    old_instances: frozenset[str]
    source: dict[str, Any]

    @classmethod
    def of(cls, stage: SweepStage, route: SweepRoute) -> "Watchdog":
        """Before anything has run."""
        site = stage.site(HOME)
        old = site.clusters.get(TARGET)
        instances = frozenset(
            each.resource_id for each in site.instances.values() if each.cluster is old
        )
        return cls(
            stage, route, old.resource_id if old else None, instances, source_of(stage, route)
        )

    def look(self) -> None:
        """At any moment: once the old cluster is touched, the new data is there, and usable.

        And the source is as it ever was.
        """
        if self._old_cluster_is_touched():
            demand(
                any(self._is_new_data(each) for each in self._snapshots()) or self._is_restored(),
                "the old cluster is gone or going, and there is no available copy of the new data",
            )
        demand(source_of(self.stage, self.route) == self.source, "the source has been changed")
        self._check_quarantine()

    def _check_quarantine(self) -> None:
        """Until it is set up and about to be handed over, a restored cluster is shut off."""
        cluster = self.stage.site(HOME).clusters.get(TARGET)
        if cluster is None or cluster.resource_id == self.old:
            return
        groups = set(cluster.settings.security_groups)
        environment = self.stage.bench.environment
        if not self._hand_over_has_begun():
            demand(
                groups == {environment.quarantine_security_group},
                f"the restored cluster is not in quarantine, but in {sorted(groups)}",
            )
        else:
            logins = self.stage.databases.of(cluster.resource_id).logins
            demand(bool(logins), "the restored cluster is being handed over before it is set up")

    def _hand_over_has_begun(self) -> bool:
        """Whether the target record says so."""
        return any(
            "hand_over_started_at" in item.attrs
            for item in self.stage.stored(self.stage.bench.environment.state_table)
            if item.hash_key.value.startswith(TARGET_KEY_PREFIX)
        )

    def _old_cluster_is_touched(self) -> bool:
        if self.old is None:
            return False
        site = self.stage.site(HOME)
        cluster = site.clusters.get(TARGET)
        if cluster is None or cluster.resource_id != self.old or cluster.status == DELETING:
            return True
        left = {each.resource_id for each in site.instances.values() if each.status != DELETING}
        return not self.old_instances <= left

    def _snapshots(self) -> list[DBClusterSnapshot]:
        """What the target could be restored from."""
        if self.route.copies:
            return list(self.stage.site(HOME).snapshots.values())
        return [
            each
            for each in self.stage.site(self.route.source).snapshots.values()
            if self.route.source.account == HOME.account or HOME.account in each.shared_with
        ]

    def _is_restored(self) -> bool:
        """Whether the new cluster is there, with all its instances and the right password."""
        site = self.stage.site(HOME)
        cluster = site.clusters.get(TARGET)
        if cluster is None or cluster.resource_id == self.old:
            return False
        statuses = {cluster.status, *(each.status for each in site.instances.values())}
        passwords = self.stage.backend.data_plane.passwords  # type: ignore[attr-defined]
        return (
            statuses == {AVAILABLE}
            and len(site.instances) == len(self.old_instances)
            and passwords[cluster.resource_id] == {"postgres": MASTER_PASSWORD}
        )

    def _is_new_data(self, snapshot: DBClusterSnapshot) -> bool:
        return snapshot.status == AVAILABLE and snapshot.origin.cluster_identifier == SOURCE

    def check_end(self, execution: SimulatedExecution) -> dict[str, Any]:
        """In the end there is exactly one restored cluster, and nothing that should not be there.

        Answers what there is, so that it can be compared with the end of another run.
        """
        demand(
            execution.status == SUCCEEDED,
            f"it did not succeed, but failed at {execution.state!r}: "
            f"{execution.error}: {execution.cause}",
        )
        self.look()
        operation = execution.name
        self._check_cluster(operation)
        self._check_snapshots(operation)
        self._check_records(operation)
        self._check_target_record(operation)
        self._check_groups()
        self._check_app_secret()
        self._check_database(operation)
        return self._outcome(operation)

    def _check_cluster(self, operation: str) -> None:
        stage = self.stage
        site = stage.site(HOME)
        expected = {TARGET, SOURCE} if self.route.source == HOME else {TARGET}
        demand(set(site.clusters) == expected, f"the clusters are {sorted(site.clusters)}")
        cluster = site.clusters[TARGET]
        demand(cluster.status == AVAILABLE, f"the cluster is {cluster.status}")
        demand(cluster.resource_id != self.old, "the old cluster is still there")
        demand(not cluster.pending, f"the cluster has pending values {cluster.pending}")
        demand(
            (cluster.tags.get(TAG_MANAGED_BY), cluster.tags.get(TAG_OPERATION))
            == (PREFIX, operation),
            f"the cluster's tags are {cluster.tags}",
        )
        instances = {name: each.status for name, each in site.instances.items()}
        demand(
            instances == {f"{TARGET}-1": AVAILABLE, f"{TARGET}-2": AVAILABLE},
            f"the instances are {instances}",
        )
        passwords = stage.backend.data_plane.passwords[cluster.resource_id]  # type: ignore[attr-defined]
        if self.route.has_managed_password:
            self._check_managed(cluster, passwords)
        else:
            demand(passwords == {"postgres": MASTER_PASSWORD}, "the password is not the secret's")

    def _check_managed(self, cluster: DBCluster, passwords: dict[str, str]) -> None:
        """RDS manages the password, in one secret, and the proxy leads to the new cluster by it."""
        secret, clients = cluster.managed_secret, self.stage.bench.clients
        demand(secret is not None, "RDS does not manage the master password")
        arn = "" if secret is None else secret["SecretArn"]
        stored = clients.secrets_manager.get_secret_value(SecretId=arn)["SecretString"]
        demand(json.loads(stored)["password"] == passwords["postgres"], "the secret is wrong")
        others = [
            each["ARN"]
            for each in clients.secrets_manager.list_secrets()["SecretList"]
            if each["Name"].startswith("rds!") and each["ARN"] != arn
        ]
        demand(not others, f"there are other managed secrets: {others}")
        rds = self.stage.client("rds")
        targets = rds.describe_db_proxy_targets(DBProxyName=PROXY)["Targets"]
        led_to = sorted(each["RdsResourceId"] for each in targets)
        demand(led_to == [TARGET, f"{TARGET}-1", f"{TARGET}-2"], f"the proxy leads to {led_to}")
        (proxy,) = rds.describe_db_proxies(DBProxyName=PROXY)["DBProxies"]
        used = [each["SecretArn"] for each in proxy["Auth"]]
        demand(used == [arn], f"the proxy logs in with {used}")

    def _check_snapshots(self, operation: str) -> None:
        own = [
            each
            for place, site in self.stage.backend.regional_backends()
            for each in site.snapshots.values()
            if each.kind == "manual"
        ]
        final = [each for each in own if each.origin.cluster_identifier == TARGET]
        copies = [each for each in own if each.source_arn is not None]
        demand(
            len(final) == self.route.final_snapshots,
            f"the final snapshots are {[each.identifier for each in final]}",
        )
        demand(len(copies) == self.route.copies, f"the copies are {[each.arn for each in copies]}")
        for each in final:
            demand(
                (each.tags.get(TAG_MANAGED_BY), each.tags.get(TAG_RESTORE))
                == (PREFIX, RESTORE_NAME),
                f"{each.identifier} lacks the tags without which it is kept for ever: {each.tags}",
            )
        for each in copies:
            demand(each.location == HOME, f"{each.arn} is not where the target is")
            demand(
                each.tags.get(TAG_MANAGED_BY) == PREFIX
                and TAG_RESTORE not in each.tags
                and each.tags.get(TAG_OPERATION) == operation
                and TAG_ARCHIVED_AT in each.tags,
                f"{each.identifier} is not archived: {each.tags}",
            )

        leases = {
            each.arn: (set(each.users), each.deleting)
            for each in CommonCopyStore(self.stage.bench.store).all()
        }
        demand(
            leases == {each.arn: ({RESTORE_NAME}, None) for each in copies},
            f"the leases are {leases}",
        )

    def _check_records(self, operation: str) -> None:
        state = self.stage.state(operation)
        demand(set(state) == set(REPLACE.steps), f"the state has only {sorted(state)}")
        for step, item in state.items():
            demand(item["status"] == "SUCCESS", f"the state of {step} is {item['status']}")
            demand("error" not in item["details"], f"the state of {step} holds an old error")
        done = {
            step
            for name, step, status in self.stage.audit_trail()
            if (name, status) == (operation, "SUCCESS")
        }
        demand(done == set(REPLACE.steps), f"the audit trail lacks {set(REPLACE.steps) - done}")
        demand(not self.stage.locks(), f"there is still a lock: {self.stage.locks()}")
        outcomes = self.stage.outcomes().get(operation, [])
        demand(outcomes.count("succeeded") == 1, f"the records of the run say {outcomes}")
        demand(
            any(
                announcement["operation_id"] == operation and announcement["status"] == "success"
                for announcement in self.stage.announcements()
            ),
            "the success was not announced",
        )

    def _check_target_record(self, operation: str) -> None:
        """The record is about the cluster that is there, and about nothing else."""
        shown = self.stage.client("rds").describe_db_clusters(DBClusterIdentifier=TARGET)
        (cluster,) = shown["DBClusters"]
        instances = self.stage.client("rds").describe_db_instances(
            Filters=[{"Name": "db-cluster-id", "Values": [TARGET]}]
        )["DBInstances"]
        endpoints = [each["Endpoint"] for each in instances]
        secret = self.stage.bench.clients.secrets_manager.get_secret_value(
            SecretId=self.stage.bench.environment.master_secret
        )
        store = TargetRecordStore(self.stage.bench.store, ACCOUNT, REGION, TARGET)
        found = store.read()
        expected = TargetRecord(
            restored_by=operation,
            resource_id=cluster["DbClusterResourceId"],
            writer_endpoint=cluster["Endpoint"],
            reader_endpoint=cluster["ReaderEndpoint"],
            port=cluster["Port"],
            instance_endpoints=tuple(f"{each['Address']}:{each['Port']}" for each in endpoints),
            master_secret_version=secret["VersionId"],
            app_secret_host=cluster["Endpoint"],
        )
        demand(
            found is not None
            and found.hand_over_started_at is not None
            and found.handed_over_at is not None,
            f"the target record {found} does not say that the cluster is handed over",
        )
        found = found and replace(found, hand_over_started_at=None, handed_over_at=None)
        demand(found == expected, f"the target record is {found}, and should be {expected}")
        known = self.stage.state(operation)[REPLACE.steps[-1]]["details"]["cluster_resource_id"]
        demand(known == expected.resource_id, "the state knows another cluster than the record")

    def _check_groups(self) -> None:
        """It is reached by what the configuration says, and by nothing else."""
        found = self.stage.client("rds").describe_db_clusters(DBClusterIdentifier=TARGET)
        (cluster,) = found["DBClusters"]
        groups = {each["VpcSecurityGroupId"] for each in cluster["VpcSecurityGroups"]}
        demand(groups == {self.stage.security_group}, f"it is left with {sorted(groups)}")

    def _check_app_secret(self) -> None:
        """It says where the cluster is reached, and has kept what it held."""
        shown = self.stage.client("rds").describe_db_clusters(DBClusterIdentifier=TARGET)
        (cluster,) = shown["DBClusters"]
        stored = self.stage.bench.clients.secrets_manager.get_secret_value(
            SecretId=self.stage.bench.environment.app_secret
        )
        found = json.loads(stored["SecretString"])
        expected = {
            "app_username": "app_user",
            "app_password": APP_PASSWORD,
            "readonly_username": "readonly_user",
            "readonly_password": READONLY_PASSWORD,
            "engine": "postgres",
            "host": cluster["Endpoint"],
            "reader_host": cluster["ReaderEndpoint"],
            "port": cluster["Port"],
            "dbname": "app",
            "username": "app_user",
            "password": APP_PASSWORD,
        }
        demand(found == expected, f"the application's secret is {found}, not {expected}")

    def _check_database(self, operation: str) -> None:
        cluster = self.stage.site(HOME).clusters[TARGET]
        contents = self.stage.databases.of(cluster.resource_id)
        demand(contents.disabled_by == [operation], "inherited logins are not disabled once")
        demand(contents.scripts == [(operation, SCRIPT)], "the script ran not once")
        demand(
            contents.logins == {"app_user": APP_PASSWORD, "readonly_user": READONLY_PASSWORD},
            "the application cannot log in",
        )

    def _outcome(self, operation: str) -> dict[str, Any]:
        """What there is, without times and invented ids."""
        site = self.stage.site(HOME)
        cluster = site.clusters[TARGET]
        return {
            "cluster": (cluster.settings, cluster.tags, cluster.storage, tuple(cluster.roles)),
            "instances": {
                name: (each.settings, each.tags, each.is_writer)
                for name, each in sorted(site.instances.items())
            },
            "state": {
                fact: without_time(value)
                for fact, value in self.stage.state(operation)[REPLACE.steps[-1]]["details"].items()
                if not fact.endswith("_at") and fact not in OF_THE_WAY
            },
        }


def without_time(value: Any) -> Any:
    """A value without the time that a name was made up from, or the number of a redrive."""
    if isinstance(value, dict):
        return {name: without_time(each) for name, each in value.items()}
    return re.sub(r"(\d{14}|#\d+)$", "", value) if isinstance(value, str) else value


def source_of(stage: SweepStage, route: SweepRoute) -> dict[str, Any]:
    """The source cluster and its own snapshots, as they matter."""
    site = stage.site(route.source)
    cluster: DBCluster = site.clusters[SOURCE]
    return {
        "cluster": (cluster.resource_id, cluster.status, cluster.settings, dict(cluster.tags)),
        "snapshots": {
            each.arn: (each.status, dict(each.tags), tuple(each.shared_with))
            for each in site.snapshots.values()
            if each.source_arn is None and each.origin.cluster_identifier == SOURCE
        },
    }
