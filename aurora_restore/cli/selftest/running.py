"""The course of a self-test: what is made, what is run, and what is looked at."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import boto3

from aurora_restore.cli.context import Deployment
from aurora_restore.cli.errors import CommandError
from aurora_restore.cli.executions import Execution
from aurora_restore.cli.exit_codes import ExitCode
from aurora_restore.cli.explaining import notice_of
from aurora_restore.cli.following import Following, Look
from aurora_restore.cli.operations import load_operation
from aurora_restore.cli.outsider import Outsider
from aurora_restore.cli.progress import ExecutionProgress
from aurora_restore.cli.selftest.configuration import RESTORE, SCALING, environment_document
from aurora_restore.cli.selftest.deploying import Deployer
from aurora_restore.cli.selftest.evidence import OperationEvidence, collect_evidence, passwords
from aurora_restore.cli.selftest.inventory import secret_names, table_names
from aurora_restore.cli.selftest.measurements import ClusterLook, SelfTestObservations, answers
from aurora_restore.cli.selftest.pauses import pauses
from aurora_restore.cli.selftest.probing import ProbeCalls, ProbeClient
from aurora_restore.cli.selftest.records import RecordFile, ResourceKind
from aurora_restore.cli.selftest.report import ProvenPart, SelfTestReport, checks_of
from aurora_restore.cli.watching import outcome_code, shown
from aurora_restore.proof import naming, shop
from aurora_restore.proof.checks import Check, check_same, check_secrets, check_states
from aurora_restore.proof.client_checks import (
    Data,
    KeptCluster,
    check_certificate,
    check_ended,
    check_interruption,
    check_kept,
    check_served,
    check_strangers,
    check_unmasked,
)
from aurora_restore.proof.safety_checks import (
    check_checks,
    check_outsider,
    check_proof,
    check_quarantine,
)
from aurora_restore.proof.settings import MASTER_USER, SelfTestSettings
from aurora_restore.shared.aws_utils import call
from aurora_restore.shared.common import parse_timestamp
from aurora_restore.shared.names import (
    TAG_KEEP_UNTIL,
    TAG_MANAGED_BY,
    cluster_beside,
    retired_cluster,
)
from aurora_restore.shared.rds.reads import (
    clusters_by_resource_id,
    find_cluster,
    find_snapshot,
    instances_of,
)
from aurora_restore.shared.rds.tags import tag_list, tags_of
from aurora_restore.shared.sequences import REPLACE, SWITCH
from aurora_restore.shared.state_utils import get_operation_id

_PATIENCE_SECONDS: Final = 45 * 60.0
_SWITCHING: Final = "switch-cluster"
_VERIFIED: Final = "verify-switch"
_ENGINE: Final = "aurora-postgresql"
_SLOTS: Final = "replication_slots"
_WORKERS: Final = "max_logical_replication_workers"

Stage = Callable[[str], None]
"""Says what is being done now."""


@dataclass
class SelfTestRun:
    """One run, from the first stack to the last check. It deletes nothing itself."""

    session: boto3.Session
    settings: SelfTestSettings
    file: RecordFile
    deployer: Deployer
    stage: Stage
    deadline: float
    """The reading of ``time.monotonic`` at which it is given up."""
    report: SelfTestReport
    _outputs: Mapping[str, str] = field(default_factory=dict)
    _source: Mapping[str, Any] = field(default_factory=dict)
    """Where the source cluster is reached."""
    _before: Mapping[str, Any] = field(default_factory=dict)
    """What must be the same in the source at the end."""
    _looks: list[ClusterLook] = field(default_factory=list)
    _step_seconds: dict[str, Mapping[str, float]] = field(default_factory=dict)
    _slots_in_copy: list[str] | None = None
    _new: str | None = None
    """The resource id of the cluster that the switch has restored."""

    def run(self) -> None:
        """Make everything, refresh the target twice, and fill in the report."""
        self.prepare()
        self.deploy_environment("replace")
        replaced = self.prove_replace()
        target = naming.target_cluster(self.settings.run)
        self.stage("Marking the target, so that its data differs from the next one's")
        self._probe.ask("mark", target=self._place(target))
        self.take_snapshot(target, naming.target_snapshot_name(self.settings.run))
        self.deploy_environment("switch")
        self.prove_switch(replaced)

    def prepare(self) -> None:
        """Make the network, the source with its data and snapshot, and the first target."""
        source = naming.source_cluster(self.settings.run)
        self._deploy_source()
        self._create_target()
        self._source = self._place(source)
        self.stage("Filling the source cluster, and tying it to itself")
        self._probe.ask("fill", source=self._source)
        self.take_snapshot(source, naming.snapshot_name(self.settings.run))
        self.stage("Bringing the source to rest, and reading it")
        self._before = self._probe.ask("rest", source=self._source)

    @property
    def _probe(self) -> ProbeCalls:
        return ProbeCalls(self.session, self._outputs["ProbeFunction"])

    @property
    def _deployment(self) -> Deployment:
        return Deployment(self.session, naming.prefix_of(self.settings.run))

    @property
    def _rds(self) -> Any:
        return self._deployment.rds

    def _deploy_source(self) -> None:
        run = self.settings.run
        name = naming.source_stack(run)
        self.stage("Deploying the network and the source cluster")
        self.file.expect(ResourceKind.STACK, name)
        self._outputs = self.deployer.deploy_source(name, self.settings)
        self._learn_stack(name)

    def deploy_environment(self, strategy: str) -> None:
        """Deploy the run's environment of the pipeline, or deploy it again."""
        run = self.settings.run
        name, prefix = naming.environment_stack(run), naming.prefix_of(run)
        self.stage(f"Deploying an environment of the pipeline, with the strategy {strategy}")
        if self.file.record.find(ResourceKind.STACK, name) is None:
            self.file.expect(ResourceKind.STACK, name)
            for table in table_names(prefix):
                self.file.expect(ResourceKind.TABLE, table)
            for secret in secret_names(prefix):
                self.file.expect(ResourceKind.SECRET, secret)
        document = environment_document(self.settings, self._outputs, strategy)
        self.deployer.deploy_environment(name, self.settings, document)
        self._learn_stack(name)

    def _learn_stack(self, name: str) -> None:
        formation = self.session.client("cloudformation")
        (stack,) = call(formation.describe_stacks, StackName=name)["Stacks"]
        self.file.learn(ResourceKind.STACK, name, stack["StackId"])

    def _create_target(self) -> None:
        """Create the cluster that the first run replaces, and leave it to itself."""
        run = self.settings.run
        name = naming.target_cluster(run)
        self.stage("Creating the first target cluster")
        tags = tag_list({naming.TAG_SELF_TEST: run, TAG_MANAGED_BY: naming.prefix_of(run)})
        self.file.expect(ResourceKind.CLUSTER, name)
        made = call(
            self._rds.create_db_cluster,
            DBClusterIdentifier=name,
            Engine=_ENGINE,
            EngineVersion=self.settings.engine_version,
            MasterUsername=MASTER_USER,
            # Nobody is ever to log in to it.
            MasterUserPassword=_throwaway_password(self.session),
            DBSubnetGroupName=self._outputs["SubnetGroup"],
            DBClusterParameterGroupName=self._outputs["ParameterGroup"],
            VpcSecurityGroupIds=[self._outputs["DatabaseGroup"]],
            ServerlessV2ScalingConfiguration={
                "MinCapacity": SCALING["min_capacity"],
                "MaxCapacity": SCALING["max_capacity"],
            },
            StorageEncrypted=True,
            BackupRetentionPeriod=1,
            Tags=tags,
        )
        self.file.learn(ResourceKind.CLUSTER, name, made["DBCluster"]["DbClusterResourceId"])
        self._until(f"{name} is available", lambda: self._status_of(name) == "available")
        call(
            self._rds.create_db_instance,
            DBInstanceIdentifier=f"{name}-1",
            DBClusterIdentifier=name,
            DBInstanceClass="db.serverless",
            Engine=_ENGINE,
            PubliclyAccessible=False,
            Tags=tags,
        )

    def _status_of(self, cluster: str) -> str | None:
        return (find_cluster(self._rds, cluster) or {}).get("Status")

    def take_snapshot(self, cluster: str, name: str) -> None:
        """Take a snapshot of a cluster, and wait until it is available."""
        self.stage(f"Taking a snapshot of {cluster}")
        self.file.expect(ResourceKind.SNAPSHOT, name)
        made = call(
            self._rds.create_db_cluster_snapshot,
            DBClusterIdentifier=cluster,
            DBClusterSnapshotIdentifier=name,
            Tags=tag_list({naming.TAG_SELF_TEST: self.settings.run}),
        )
        self.file.learn(
            ResourceKind.SNAPSHOT, name, made["DBClusterSnapshot"]["DbClusterResourceId"]
        )

        def is_available() -> bool:
            found = find_snapshot(self._rds, name)
            return found is not None and found.get("Status") == "available"

        self._until(f"snapshot {name} is available", is_available)

    def _await_available(self, cluster: str) -> None:
        def is_available() -> bool:
            instances = instances_of(self._rds, cluster)
            statuses = {each.get("DBInstanceStatus") for each in instances}
            return self._status_of(cluster) == "available" and statuses == {"available"}

        self.stage(f"Waiting until {cluster} is available")
        self._until(f"{cluster} is available", is_available)

    def _until(self, promise: str, holds: Callable[[], bool]) -> None:
        deadline = min(self.deadline, time.monotonic() + _PATIENCE_SECONDS)
        for pause in pauses():
            if holds():
                return
            if time.monotonic() >= deadline:
                raise CommandError(
                    f"It did not come true in time that {promise}.", ExitCode.UNFINISHED
                )
            time.sleep(pause)

    def _place(self, cluster: str) -> dict[str, Any]:
        """Return where a cluster is reached."""
        found = find_cluster(self._rds, cluster) or {}
        return {"host": found.get("Endpoint"), "port": found.get("Port")}

    def _resource_id(self, cluster: str) -> str:
        return str((find_cluster(self._rds, cluster) or {}).get("DbClusterResourceId"))

    # What is run, and what is looked at.

    def prove_replace(self) -> OperationEvidence:
        """Refresh the target with the strategy replace, and look at what came of it."""
        target = naming.target_cluster(self.settings.run)
        self._await_available(target)
        first = self._resource_id(target)
        self.stage("Refreshing the target with the strategy replace")
        outsider = Outsider(self._rds, target, reaches=self._reaches)
        evidence = self.refresh("replace", outsider.try_to_connect)
        self.stage("Logging in to both clusters, and reading them")
        setup = evidence.details("setup-db-users")
        answer = self._probe.ask(
            "inspect",
            source=self._source,
            target=self._place(target),
            before=self._before,
            # Whether a copy has the slots is one of the questions.
            removed={
                kind: each["names"]
                for kind, each in setup.get("wiring_removed", {}).items()
                if kind != _SLOTS
            },
        )
        tables, logins, checks = checks_of(answer)
        self._slots_in_copy = list(setup.get("wiring_removed", {}).get(_SLOTS, {}).get("names", ()))
        handed_over = evidence.details("hand-over")
        set_up_at = evidence.time_of("setup-db-users")
        cluster = find_cluster(self._rds, target) or {}
        masking = setup.get("masking", {})
        self.report.parts += [
            ProvenPart(title="Replace: what both clusters hold", checks=tuple(tables)),
            ProvenPart(title="Replace: who can log in, each tried over TLS", checks=tuple(logins)),
            ProvenPart(
                title="Replace: production, and what the copy knows of it",
                checks=(
                    *checks,
                    check_proof(masking),
                    check_checks(shop.CHECK_NAME, masking),
                ),
            ),
            ProvenPart(
                title="Replace: the run, and the target",
                checks=(
                    check_quarantine(
                        handed_over.get("quarantine_security_group_ids", ()),
                        evidence.time_of("restore-snapshot"),
                        set_up_at,
                        evidence.moment("hand-over", "hand_over_started_at"),
                        evidence.moment("hand-over", "handed_over_at"),
                    ),
                    check_outsider(outsider.refused, outsider.reached, set_up_at),
                    check_states(evidence.statuses(), REPLACE),
                    Check(
                        promise=f"{target} is another cluster than before",
                        held=cluster.get("DbClusterResourceId") not in (None, first),
                        evidence=str(cluster.get("DbClusterResourceId")),
                        found="it is the old one",
                    ),
                    self._check_secrets(evidence),
                ),
            ),
        ]
        return evidence

    def prove_switch(self, replaced: OperationEvidence) -> None:
        """Refresh the target with the strategy switch, and look at what came of it.

        ``replaced`` is the refresh whose cluster serves until then.
        """
        target = naming.target_cluster(self.settings.run)
        old = str(replaced.details("hand-over").get("cluster_resource_id"))
        self.stage("Refreshing the target with the strategy switch, while a client logs in")
        client = ProbeClient(self._probe, self._source, self._place(target))
        with client.at_work():
            evidence = self.refresh("switch", lambda progress: self._watch(old, progress))
        state = evidence.details(_VERIFIED)
        attempts, began = client.attempts, evidence.moment(_VERIFIED, "switch_started_at")
        self.stage("Looking at what the switch has left")
        verified = bool(self._probe.ask("certificate", target=self._place(target))["verified"])
        strangers = [MASTER_USER, *(each.user for each in shop.LOGINS if not each.kept)]
        self.report.parts += [
            ProvenPart(
                title="Switch: what an application saw",
                checks=(
                    check_served(attempts, Data.OLD, began),
                    check_interruption(attempts, Data.OLD, Data.NEW, state),
                    check_ended(attempts, Data.NEW),
                    check_unmasked(attempts, client.originals),
                    check_strangers(attempts, strangers),
                    check_certificate(verified, state),
                ),
            ),
            ProvenPart(
                title="Switch: the run, and the old cluster",
                checks=(
                    check_kept(
                        "The old cluster",
                        old,
                        self._find_kept(evidence.operation_id),
                        evidence.details("hand-over").get("quarantine_security_group_ids", ()),
                        datetime.now(UTC),
                    ),
                    check_states(evidence.statuses(), SWITCH),
                    check_same(
                        "The cluster that serves is the one that was restored",
                        str(state.get("cluster_resource_id")),
                        self._resource_id(target),
                    ),
                    self._check_secrets(evidence),
                ),
            ),
        ]
        snapshot = find_snapshot(self._rds, naming.target_snapshot_name(self.settings.run))
        self.report.facts = answers(
            SelfTestObservations(
                target=target,
                looks=self._looks,
                old_resource_id=old,
                new_resource_id=str(state.get("cluster_resource_id")),
                attempts=attempts,
                switched=state,
                certificate_of_name=verified,
                snapshot_names=None if snapshot is None else snapshot.get("DBClusterIdentifier"),
                slots_in_copy=self._slots_in_copy,
                worker_parameter=self._find_parameter(),
                step_seconds=self._step_seconds,
            )
        )

    def refresh(
        self, name: str, meanwhile: Callable[[ExecutionProgress], None]
    ) -> OperationEvidence:
        """Run the pipeline from the source's snapshot, and return what it has recorded."""
        deployment = self._deployment
        operation_id = get_operation_id({})
        given = {
            "restore": RESTORE,
            "snapshot_id": naming.snapshot_name(self.settings.run),
            "started_by": deployment.caller_arn,
        }
        self.file.start(operation_id)
        arn = deployment.start(json.dumps(given), operation_id)
        execution = Execution(arn=arn, status="RUNNING", started=datetime.now(UTC), given=given)
        following = Following(deployment, execution)
        with _shown(deployment, execution, meanwhile) as look:
            progress = following.until_end(look, deadline=self.deadline)
        code = outcome_code(progress)
        if code is ExitCode.UNFINISHED:
            raise CommandError(
                f"Operation {operation_id} was still running at the time limit.", code
            )
        if code is not ExitCode.DONE:
            notice = notice_of(deployment, load_operation(deployment, operation_id))
            raise CommandError(f"Operation {operation_id} has failed.\n{notice.text}", code)
        evidence = collect_evidence(deployment, operation_id, progress, following.events)
        self._step_seconds[name] = evidence.step_seconds()
        return evidence

    def _reaches(self, host: str, port: int) -> bool:
        answer = self._probe.ask("reach", target={"host": host, "port": port})
        return bool(answer["reached"])

    def _watch(self, old: str, progress: ExecutionProgress) -> None:
        """Look at both clusters by their resource ids while the name changes hands."""
        current = progress.current
        if current is None or current.name not in (_SWITCHING, _VERIFIED):
            return
        operation = self.file.record.operations[-1].id
        names = {
            naming.target_cluster(self.settings.run),
            cluster_beside(naming.target_cluster(self.settings.run), operation),
        }
        for name in names:
            named = find_cluster(self._rds, name)
            if named is not None and named["DbClusterResourceId"] != old:
                self._new = str(named["DbClusterResourceId"])
        for resource_id in filter(None, (old, self._new)):
            found = clusters_by_resource_id(self._rds, [resource_id])
            described: Mapping[str, Any] = found[0] if found else {}
            self._looks.append(
                ClusterLook(
                    at=datetime.now(UTC),
                    resource_id=resource_id,
                    name=described.get("DBClusterIdentifier"),
                    status=described.get("Status"),
                )
            )

    def _find_kept(self, operation_id: str) -> KeptCluster | None:
        name = retired_cluster(naming.target_cluster(self.settings.run), operation_id)
        cluster = find_cluster(self._rds, name)
        if cluster is None:
            return None
        instances = instances_of(self._rds, name)
        until = tags_of(cluster.get("TagList")).get(TAG_KEEP_UNTIL)
        endpoints = [
            (str(cluster["Endpoint"]), int(cluster["Port"])),
            (str(cluster["ReaderEndpoint"]), int(cluster["Port"])),
        ]
        return KeptCluster(
            name=name,
            resource_id=cluster["DbClusterResourceId"],
            statuses=frozenset(
                {cluster["Status"], *(each["DBInstanceStatus"] for each in instances)}
            ),
            groups=frozenset(each["VpcSecurityGroupId"] for each in cluster["VpcSecurityGroups"]),
            keep_until=parse_timestamp(until) if until else None,
            reached=tuple(
                f"{host}:{port}" for host, port in endpoints if self._reaches(host, port)
            ),
        )

    def _check_secrets(self, evidence: OperationEvidence) -> Check:
        known = passwords(self._deployment, self._outputs["SourceSecret"])
        return check_secrets(known, evidence.texts)

    def _find_parameter(self) -> Mapping[str, Any] | None:
        pages = self._rds.get_paginator("describe_db_cluster_parameters").paginate(
            DBClusterParameterGroupName=self._outputs["ParameterGroup"]
        )
        found = (each for page in pages for each in page["Parameters"])
        parameter: Mapping[str, Any] | None = next(
            (each for each in found if each["ParameterName"] == _WORKERS), None
        )
        return parameter


@contextmanager
def _shown(
    deployment: Deployment, execution: Execution, meanwhile: Callable[[ExecutionProgress], None]
) -> Iterator[Look]:
    """Show an execution as ``watch`` does, and do something at each look."""
    with shown(deployment, execution) as show:

        def look(progress: ExecutionProgress) -> None:
            show(progress)
            meanwhile(progress)

        yield look


def _throwaway_password(session: boto3.Session) -> str:
    client: Any = session.client("secretsmanager")
    answer = call(client.get_random_password, PasswordLength=32, ExcludePunctuation=True)
    return str(answer["RandomPassword"])
