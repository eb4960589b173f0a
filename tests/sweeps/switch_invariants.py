"""What must hold at every moment in which a target is switched, and in the end."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from moto.route53.models import route53_backends
from moto.ssm.models import ssm_backends

from aurora_restore.shared.common import is_timestamp, parse_timestamp
from aurora_restore.shared.names import (
    TAG_KEEP_UNTIL,
    TAG_MANAGED_BY,
    TAG_OPERATION,
    cluster_beside,
    endpoint_parameter,
    is_beside,
)
from aurora_restore.shared.recorded_cluster import RecordedCluster
from aurora_restore.shared.sequences import RETIRE, ROLL_BACK, SWITCH, StepSequence
from aurora_restore.shared.target_record import TargetRecord, TargetRecordStore
from embedded_aws.rds.models import AVAILABLE, DELETING, DBCluster
from tests.sweeps.invariants import OF_THE_WAY, Watchdog, demand, source_of, without_time
from tests.sweeps.machine import SUCCEEDED, SimulatedExecution
from tests.sweeps.memento import without_times
from tests.sweeps.routes import RESTORE_NAME, SCRIPT, SOURCE, TARGET, SweepRoute
from tests.sweeps.stage import HOME, SweepStage
from tests.unit.bench import ACCOUNT, MASTER_PASSWORD, PREFIX, REGION

STOPPED = frozenset({"stopping", "stopped", "starting"})
MEASURED = frozenset(
    {
        "certificate_refresh",
        "interruption_granularity_seconds",
        "interruption_seconds",
        "retired_sessions_ended",
        "retired_sessions_left",
        "retired_until",
        "switch_stuck_since",
        "unanswered_granularity_seconds",
        "unanswered_seconds",
    }
)
"""Facts of the state about a switch that depend on how it came to its end."""


@dataclass(frozen=True)
class SwitchWatchdog(Watchdog):
    """Keeps who served before the run, and looks who does, or can."""

    record: TargetRecord | None = None
    """The target record before the run."""
    present: frozenset[str] = frozenset()
    """The resource ids of the clusters that there were."""
    contents: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    """What was in those that have served, by resource id."""

    @classmethod
    def of(cls, stage: SweepStage, route: SweepRoute) -> "SwitchWatchdog":
        site, record = stage.site(HOME), read_record(stage)
        old = serving(stage, record)
        instances = frozenset(
            each.resource_id for each in site.instances.values() if each.cluster is old
        )
        return cls(
            stage,
            route,
            None if old is None else old.resource_id,
            instances,
            source_of(stage, route),
            record,
            frozenset(each.resource_id for each in site.clusters.values()),
            {
                each.resource_id: contents_of(stage, each.resource_id)
                for each in site.clusters.values()
            },
        )

    @property
    def sequence(self) -> StepSequence:
        """The steps that the run takes."""
        kinds = (each for each in (ROLL_BACK, RETIRE) if self.route.given.get(str(each.asked_by)))
        return next(kinds, SWITCH)

    # At every moment

    def look(self) -> None:
        """Somebody serves, or is known to the record; nobody is let in to what is not to serve."""
        demand(source_of(self.stage, self.route) == self.source, "the source has been changed")
        record = read_record(self.stage)
        self._check_names()
        self._check_holder(record)
        self._check_old(record)
        self._check_beside(record)

    def _check_names(self) -> None:
        """No two clusters answer under one name."""
        names: dict[str, str] = {}
        for cluster in self.stage.site(HOME).clusters.values():
            published = self.stage.backend.data_plane.names.get(cluster.resource_id)  # type: ignore[attr-defined]
            if published is None:
                continue
            other = names.setdefault(published.writer, cluster.resource_id)
            demand(other == cluster.resource_id, f"two clusters answer as {published.writer}")

    def _check_holder(self, record: TargetRecord | None) -> None:
        """The target's name leads to a cluster that may serve, or the record tells how it will."""
        if self.route.publishes:
            self._check_published()
            return
        holder = self._find(TARGET)
        if holder is None:
            if self.old is None and (record is None or record.live is None):
                return
            planned = None if record is None else record.switch
            demand(planned is not None, "nothing has the name, and no switch is in progress")
            assert planned is not None
            sides = [each for each in (planned.incoming, planned.outgoing) if each is not None]
            found = {each.resource_id for each in self.stage.site(HOME).clusters.values()}
            demand(
                all(each.resource_id in found for each in sides),
                "nothing has the name, and a cluster that the record names is gone",
            )
        elif holder.resource_id not in self.present:
            demand(self._is_set_up(holder), "the name leads to a cluster that is not set up")

    def _check_published(self) -> None:
        """Whatever the clients read leads to a cluster that they can reach, and that is set up."""
        for place, host in published(self.stage).items():
            cluster = at_host(self.stage, host)
            demand(cluster is not None, f"{place} leads to {host}, where nothing answers")
            assert cluster is not None
            groups = set(cluster.settings.security_groups)
            demand(cluster.status != DELETING, f"{place} leads to a cluster that is going")
            demand(
                groups == {self.stage.security_group},
                f"{place} leads to {cluster.identifier}, which is reached by {sorted(groups)}",
            )
            if cluster.resource_id not in self.present:
                demand(self._is_set_up(cluster), f"{place} leads to a cluster that is not set up")
            demand(TAG_KEEP_UNTIL not in cluster.tags, f"{place} leads to a cluster that expires")

    def _is_beside(self, cluster: DBCluster) -> bool:
        """Whether a cluster has a name beside the target; without a rename that may be its own."""
        is_left_there = self.route.publishes and cluster.identifier == TARGET
        return is_left_there or is_beside(TARGET, cluster.identifier)

    def _check_old(self, record: TargetRecord | None) -> None:
        """What served stays whole until another serves, is proven, and its time has come."""
        if self.old is None:
            return
        old = self._by_resource_id(self.old)
        left = {
            each.resource_id
            for each in self.stage.site(HOME).instances.values()
            if each.status != DELETING
        }
        if old is None or old.status == DELETING or not self.old_instances <= left:
            demand(
                any(
                    each.verified_at is not None and each.resource_id != self.old
                    for each in served_of(record)
                ),
                "what served before is going, and nothing else is proven to serve",
            )
            demand(self._may_go(old), "what served before is going before its time")
        elif not self._is_rolled_back_to(old):
            demand(
                contents_of(self.stage, self.old) == self.contents[self.old],
                "what served before has been changed",
            )

    def _may_go(self, old: DBCluster | None) -> bool:
        """Whether its time has come, or a later run makes room."""
        if len([each for each in self.stage.executions if not each.given.get("retire")]) > 1:
            return True
        if old is None:
            return True
        until = old.tags.get(TAG_KEEP_UNTIL)
        return is_timestamp(until) and parse_timestamp(str(until)) <= self._now()

    def _is_rolled_back_to(self, cluster: DBCluster) -> bool:
        return self.sequence is ROLL_BACK and cluster.resource_id != self.old

    def _check_beside(self, record: TargetRecord | None) -> None:
        """Nobody but the functions reaches what was never handed over, or serves no more."""
        environment = self.stage.bench.environment
        for cluster in self.stage.site(HOME).clusters.values():
            if not self._is_beside(cluster):
                continue
            groups = set(cluster.settings.security_groups)
            is_shut = groups == {environment.quarantine_security_group}
            if not self._is_set_up(cluster) and cluster.resource_id not in self.present:
                demand(is_shut, f"{cluster.identifier} is not in quarantine, but in {groups}")
            elif (
                record is not None
                and record.switch is None
                and record.is_retired(cluster.resource_id)
            ):
                demand(
                    is_shut or cluster.status in STOPPED,
                    f"the retired {cluster.identifier} can be reached, in {groups}",
                )

    def _was_verified_by_another(self, operation: str) -> bool:
        """Whether another roll-back was through but for its notice: the next one goes back again.

        It has written the target record, and died before or after its own state.
        """
        others = [each.name for each in self.stage.executions if each.name != operation]
        return any("verify-switch" in self.stage.state(each) for each in others)

    # In the end

    def check_end(self, execution: SimulatedExecution) -> dict[str, Any]:
        """The target is the right cluster, what served is kept, and nothing else is left."""
        demand(
            execution.status == SUCCEEDED,
            f"it did not succeed, but failed at {execution.state!r}: "
            f"{execution.error}: {execution.cause}",
        )
        self.look()
        operation = execution.name
        target = self._check_target(operation)
        self._check_beside_in_the_end(target)
        self._check_run(operation)
        if self.sequence is SWITCH:
            self._check_new(target, operation)
        return self._outcome_of(target, operation)

    def check_served_as_before(self) -> None:
        """A switch has come to nothing, and what has served serves."""
        self.look()
        record = read_record(self.stage)
        target = serving(self.stage, record)
        assert target is not None
        demand(target.resource_id == self.old, "the target is another cluster")
        demand(target.status == AVAILABLE, f"the target is {target.status}")
        groups = set(target.settings.security_groups)
        demand(groups == {self.stage.security_group}, f"the target is reached by {sorted(groups)}")
        demand(record is not None and record.switch is None, "the switch is not over")

    def _check_target(self, operation: str) -> DBCluster:
        target = serving(self.stage, read_record(self.stage))
        assert target is not None
        demand(target.status == AVAILABLE, f"the target is {target.status}")
        demand(TAG_KEEP_UNTIL not in target.tags, "the target expires")
        demand(not target.pending, f"the target has pending values {target.pending}")
        groups = set(target.settings.security_groups)
        demand(groups == {self.stage.security_group}, f"the target is reached by {sorted(groups)}")
        instances = {each.identifier: each.status for each in self._instances_of(target)}
        demand(
            list(instances.values()) == [AVAILABLE] * 2, f"the target's instances are {instances}"
        )
        if self.sequence is SWITCH:
            demand(
                (target.tags.get(TAG_MANAGED_BY), target.tags.get(TAG_OPERATION))
                == (PREFIX, operation),
                f"the target's tags are {target.tags}",
            )
            name = cluster_beside(TARGET, operation)
            demand(set(instances) == {f"{name}-1", f"{name}-2"}, f"its instances are {instances}")
        elif self.sequence is ROLL_BACK:
            assert self.record is not None
            assert self.record.retired is not None
            wanted = {self.record.retired.cluster.resource_id}
            if self._was_verified_by_another(operation) and self.old is not None:
                wanted.add(self.old)
            demand(
                target.resource_id in wanted,
                "the target is not the cluster that was to serve again",
            )
        else:
            demand(target.resource_id == self.old, "the retirement has changed the target")
        return target

    def _check_beside_in_the_end(self, target: DBCluster) -> None:
        """Whatever is beside the target is kept for a reason, and until a time."""
        record = read_record(self.stage)
        site = self.stage.site(HOME)
        demand(record is not None, "there is no target record")
        assert record is not None
        demand(record.switch is None, "the record says that a switch is in progress")
        for cluster in site.clusters.values():
            if cluster is target or cluster.identifier == SOURCE:
                continue
            demand(self._is_beside(cluster), f"there is {cluster.identifier}")
            demand(
                is_timestamp(cluster.tags.get(TAG_KEEP_UNTIL)),
                f"nothing says until when {cluster.identifier} is kept",
            )
        if record.retired is not None:
            retired = self._by_resource_id(record.retired.cluster.resource_id)
            demand(retired is not None, "the record names a retired cluster that is gone")
        if self.sequence is RETIRE:
            demand(record.retired is None, f"{record.retired} has not been retired")
            others = set(site.clusters) - {target.identifier, SOURCE}
            demand(not others, f"there are still {others}")
        orphans = [
            each.identifier
            for each in site.instances.values()
            if each.cluster.identifier not in site.clusters
        ]
        demand(not orphans, f"the instances {orphans} are nobody's")

    def _check_run(self, operation: str) -> None:
        stage, steps = self.stage, set(self.sequence.steps)
        state = stage.state(operation)
        demand(set(state) == steps, f"the state has only {sorted(state)}")
        for step, item in state.items():
            demand(item["status"] == "SUCCESS", f"the state of {step} is {item['status']}")
        done = {
            step
            for name, step, status in stage.audit_trail()
            if (name, status) == (operation, "SUCCESS")
        }
        demand(done == steps, f"the audit trail lacks {steps - done}")
        demand(not stage.locks(), f"there is still a lock: {stage.locks()}")
        # A retirement that finds nothing left to do has nothing to announce.
        demand(
            self.sequence is RETIRE
            or any(
                announcement["operation_id"] == operation and announcement["status"] == "success"
                for announcement in stage.announcements()
            ),
            "the success was not announced",
        )
        if self.sequence is RETIRE:
            return
        record = read_record(stage)
        target = serving(stage, record)
        assert record is not None
        assert target is not None
        live = record.live
        demand(
            live is not None and live.resource_id == target.resource_id,
            f"the record says that {live} serves",
        )
        assert live is not None
        demand(live.verified_at is not None, "the record does not say that it was verified")
        demand(
            live.cluster_id == target.identifier, f"the record calls the target {live.cluster_id}"
        )
        self._check_endpoints(live)
        if self.old is not None and target.resource_id != self.old:
            self._check_retired(record)

    def _check_endpoints(self, live: RecordedCluster) -> None:
        (shown,) = self.stage.client("rds").describe_db_clusters(
            DBClusterIdentifier=live.cluster_id
        )["DBClusters"]
        found = (live.writer_endpoint, live.reader_endpoint, live.port)
        expected = (shown["Endpoint"], shown["ReaderEndpoint"], shown["Port"])
        demand(found == expected, f"the record has the endpoints {found}")
        expected_hosts = {shown["Endpoint"]}
        found_hosts = set(published(self.stage).values())
        demand(found_hosts == expected_hosts, f"the clients are led to {sorted(found_hosts)}")
        if self.route.publishes:
            places = set(published(self.stage))
            demand(places == {"the secret", "the parameter", "the record"}, f"only {places} say so")

    def _check_retired(self, record: TargetRecord) -> None:
        """What has served is kept, or its time has come."""
        assert self.old is not None
        old = self._by_resource_id(self.old)
        if old is None:
            demand(not record.is_retired(self.old), "the record names a cluster that is gone")
            return
        demand(self._is_beside(old), f"what served is called {old.identifier}")
        demand(
            record.is_retired(self.old) or len(self.stage.executions) > 1,
            "the record does not name what served before",
        )

    def _check_new(self, target: DBCluster, operation: str) -> None:
        contents = self.stage.databases.of(target.resource_id)
        demand(contents.scripts == [(operation, SCRIPT)], "the script ran not once")
        passwords = self.stage.backend.data_plane.passwords[target.resource_id]  # type: ignore[attr-defined]
        demand(passwords == {"postgres": MASTER_PASSWORD}, "the password is not the secret's")

    def _outcome_of(self, target: DBCluster, operation: str) -> dict[str, Any]:
        """What there is, without times, invented ids, and what the run is called."""

        def tell(thing: Any) -> str:
            beside = cluster_beside(TARGET, operation)
            return without_times(repr(thing)).replace(beside, "beside").replace(operation, "op")

        details = self.stage.state(operation)[self.sequence.steps[-1]]["details"]
        return {
            "cluster": tell((target.settings, target.tags, target.storage, target.roles)),
            "instances": [
                tell((each.settings, each.tags, each.is_writer))
                for each in sorted(self._instances_of(target), key=lambda each: each.identifier)
            ],
            "state": {
                fact: tell(without_time(value))
                for fact, value in details.items()
                if not fact.endswith("_at") and fact not in OF_THE_WAY | MEASURED
            },
        }

    # What there is

    def _now(self) -> datetime:
        return self.stage.bench.clock()

    def _find(self, name: str) -> DBCluster | None:
        return self.stage.site(HOME).clusters.get(name)

    def _by_resource_id(self, resource_id: str) -> DBCluster | None:
        clusters = self.stage.site(HOME).clusters.values()
        return next((each for each in clusters if each.resource_id == resource_id), None)

    def _instances_of(self, cluster: DBCluster) -> list[Any]:
        instances = self.stage.site(HOME).instances.values()
        return [each for each in instances if each.cluster is cluster]

    def _is_set_up(self, cluster: DBCluster) -> bool:
        return bool(self.stage.databases.of(cluster.resource_id).set_up_by)


def serving(stage: SweepStage, record: TargetRecord | None) -> DBCluster | None:
    """The cluster that serves as the target, by the record or by its name."""
    clusters = stage.site(HOME).clusters
    live = None if record is None else record.live
    found = (each for each in clusters.values() if live and each.resource_id == live.resource_id)
    return next(found, clusters.get(TARGET))


def published(stage: SweepStage) -> dict[str, str]:
    """The host that clients read in each place that names one."""
    with stage.tap.working(None):
        secret = stage.bench.clients.secrets_manager.get_secret_value(
            SecretId=stage.bench.environment.app_secret
        )
    hosts = {"the secret": json.loads(secret["SecretString"]).get("host")}
    name = endpoint_parameter(PREFIX, RESTORE_NAME)
    for versions in ssm_backends[ACCOUNT][REGION]._parameters.get(name, [])[-1:]:
        hosts["the parameter"] = json.loads(versions.value)["host"]
    for zone in route53_backends[ACCOUNT]["aws"].zones.values():
        for record in zone.rrsets:
            if record.type == "CNAME":
                hosts["the record"] = record.records[0]
    return {place: host for place, host in hosts.items() if host}


def at_host(stage: SweepStage, host: str) -> DBCluster | None:
    """The cluster whose writer answers at a host."""
    names = stage.backend.data_plane.names  # type: ignore[attr-defined]
    return next(
        (
            each
            for each in stage.site(HOME).clusters.values()
            if (known := names.get(each.resource_id)) and known.writer == host
        ),
        None,
    )


def read_record(stage: SweepStage) -> TargetRecord | None:
    """The target record as it is now; the call is the test's own."""
    with stage.tap.working(None):
        return TargetRecordStore(stage.bench.store, ACCOUNT, REGION, TARGET).read()


def contents_of(stage: SweepStage, resource_id: str) -> tuple[Any, ...]:
    """What the operations have left in a cluster's databases, and the passwords there."""
    contents = stage.databases.of(resource_id)
    return (
        tuple(contents.disabled_by),
        tuple(contents.neutralised_by),
        tuple(contents.done),
        dict(contents.logins),
        tuple(sorted(contents.set_up_by)),
    )


def served_of(record: TargetRecord | None) -> list[RecordedCluster]:
    """The clusters that serve, or have served until the last switch, by the record."""
    if record is None:
        return []
    retired = None if record.retired is None else record.retired.cluster
    return [each for each in (record.live, retired) if each is not None]
