"""What the preflight of a first run would find, before anything is deployed.

The checks and their decisions are the preflight's own. They are given a run that has just begun, of
which nothing is recorded, and whatever credentials the command has.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from aurora_restore.cli.errors import EXPECTED, as_command_error
from aurora_restore.cli.findings import Observation, ok, problem, unknown, warning
from aurora_restore.shared.aws_utils import Clients, get_secret
from aurora_restore.shared.cluster.ownership import Ownership
from aurora_restore.shared.common import timestamp
from aurora_restore.shared.documents.environment import Environment
from aurora_restore.shared.documents.event import Event
from aurora_restore.shared.documents.restore import OwnQuarantine, Restore
from aurora_restore.shared.documents.secrets import MasterCredentials
from aurora_restore.shared.errors import ConfigurationError
from aurora_restore.shared.lambda_environment import LambdaEnvironment
from aurora_restore.shared.names import cluster_beside
from aurora_restore.shared.operation_state import OperationState
from aurora_restore.shared.postgres.scram import parse_app_credentials
from aurora_restore.shared.preflight.copies import check_keys, check_quotas
from aurora_restore.shared.preflight.inventory import Inventory
from aurora_restore.shared.preflight.obstacles import Check
from aurora_restore.shared.preflight.other_owners import who_else_owns
from aurora_restore.shared.preflight.prerequisites import (
    check_network,
    check_parameter_groups,
    check_port,
)
from aurora_restore.shared.preflight.security_groups import check_quarantine
from aurora_restore.shared.preflight.source import check_source
from aurora_restore.shared.preflight.target import (
    check_addresses,
    check_instances,
    check_tags,
    check_target,
)
from aurora_restore.shared.rds.access import RdsAccess
from aurora_restore.shared.rds.arns import Place, RdsArn
from aurora_restore.shared.rds.reads import find_cluster, find_snapshot, instances_of, snapshots_of
from aurora_restore.shared.rds.statuses import AVAILABLE
from aurora_restore.shared.request import RestoreRequest
from aurora_restore.shared.snapshots.path import SnapshotPath, SnapshotSource
from aurora_restore.shared.snapshots.routes import needs_manual_copy
from aurora_restore.shared.snapshots.selection import (
    WantedSnapshot,
    available_days,
    choose_snapshot,
    is_own_copy,
)
from aurora_restore.shared.state_utils import StateStore

if TYPE_CHECKING:
    from mypy_boto3_rds.type_defs import DBClusterSnapshotTypeDef

OPERATION: Final = "check"
"""What stands for the id of an operation."""
CHECKS: Final[Mapping[Check, str]] = {
    check_source: "The snapshot is one of the configured source.",
    check_target: "The target may be replaced.",
    check_tags: "The restored cluster and its instances can have their tags.",
    check_network: "The subnet group and the security groups of the target fit together.",
    check_port: "The port is decided.",
    check_parameter_groups: "The parameter groups exist, and are of the snapshot's version.",
    check_instances: "The instance classes are on offer, in the zones of the subnet group.",
    check_addresses: "The subnets have addresses for the instances.",
    check_keys: "The keys can be used.",
    check_quotas: "The quotas leave room.",
}
"""The checks of the preflight that need no deployment, and what it means if they find nothing."""
_DAYS_SHOWN: Final = 5


class _NothingRecorded(StateStore):
    """The state table of an environment that is not deployed."""

    def load(self, operation_id: str, step: str | None = None) -> dict[str, Any] | None:
        """Return None: there is no operation."""
        del operation_id, step
        return None


@dataclass(frozen=True, kw_only=True)
class Rehearsal:
    """One restore of an environment, as a first run of it would see it."""

    environment: Environment
    name: str
    clients: Clients
    now: datetime

    @property
    def restore(self) -> Restore:
        """Return the restore's configuration."""
        return self.environment.restores[self.name]

    @property
    def place(self) -> Place:
        """Return where the target is."""
        return Place(self.environment.account, self.environment.region)

    @property
    def source(self) -> SnapshotSource:
        """Return where the snapshot comes from."""
        source = self.restore.source
        place = Place(source.account_id or self.environment.account, source.region)
        return SnapshotSource.of(place, self.place, source)

    @property
    def access(self) -> RdsAccess:
        """Return RDS where the target and the source are."""
        source = self.source
        return RdsAccess(
            clients=self.clients,
            target=self.place,
            source=source.place,
            role_arn=source.role_arn,
            session_name=OPERATION,
        )

    def request(self) -> RestoreRequest:
        """Return what a run with an empty start event is asked for."""
        environment, target = self.environment, self.restore.target
        secrets = environment.secrets_of(self.name)
        prefix = environment.name_prefix
        return RestoreRequest(
            restore=self.restore,
            event=Event(),
            environment=LambdaEnvironment(
                name_prefix=prefix,
                state_table="",
                audit_table="",
                topic_arn="",
                state_machine_arn="",
                config_path="",
                default_restore="",
                master_secret=secrets.master,
                app_secret=secrets.app,
                state_retention_days=str(environment.state_retention_days),
                access_security_group="",
                quarantine_security_group="",
            ),
            owner=Ownership(name_prefix=prefix, operation_id=OPERATION, restore=self.name),
            target=self.place,
            state=OperationState(operation_started_at=timestamp(self.now)),
            secrets=secrets,
            restored_cluster_id=cluster_beside(target.cluster_id, OPERATION)
            if target.is_switched
            else target.cluster_id,
        )

    def inventory(self, snapshot: "DBClusterSnapshotTypeDef") -> Inventory:
        """Return what exists before a first run with a snapshot."""
        request, access, source = self.request(), self.access, self.source
        cluster = find_cluster(access.at_target, request.cluster_id)
        shared_by_copy = source.role_arn is not None and needs_manual_copy(
            snapshot.get("SnapshotType", ""),
            snapshot.get("KmsKeyId"),
            self.restore.source.kms_key_id,
        )
        path = SnapshotPath.of(
            source,
            RdsArn.parse(snapshot["DBClusterSnapshotArn"]),
            shared_by_copy=shared_by_copy,
            target=self.restore.target,
            own_name=None,
            name_prefix=self.environment.name_prefix,
        )
        return Inventory(
            request=request,
            clients=self.clients,
            access=access,
            store=_NothingRecorded.of(request.environment, self.clients),
            source=source,
            path=path,
            snapshot=snapshot,
            cluster=cluster,
            record=None,
            instances=()
            if cluster is None
            else instances_of(access.at_target, cluster["DBClusterIdentifier"]),
        )


def rehearse(rehearsal: Rehearsal) -> Iterator[Observation]:
    """Yield what the preflight of a first run would find."""
    try:
        snapshot = _find_snapshot(rehearsal)
    except EXPECTED as error:
        snapshot = None
        yield _unseen(rehearsal, error)
    else:
        if snapshot is None:
            yield _missing(rehearsal)
        else:
            yield _seen(snapshot)
    if snapshot is None:
        yield unknown(
            "What depends on the snapshot could not be looked at: target, network, parameter "
            "groups, instances, keys and quotas.",
            "Deploy, and then look at it by a dry run: aurora-restore plan",
        )
        yield from _secrets(rehearsal, owner=None)
        return
    yield from _checks(rehearsal, snapshot)
    yield from _secrets(rehearsal, owner=snapshot.get("MasterUsername"))


def _find_snapshot(rehearsal: Rehearsal) -> "DBClusterSnapshotTypeDef | None":
    """Return the snapshot that a run would take if it began now; None if there is none."""
    source, settings = rehearsal.source, rehearsal.restore.source
    wanted = WantedSnapshot.of(Event(), settings, rehearsal.now)
    rds = rehearsal.access.at_source
    if wanted.name is not None and source.is_visible_as_a_whole:
        return find_snapshot(rds, wanted.name)
    return choose_snapshot(_candidates(rehearsal), wanted)


def _candidates(rehearsal: Rehearsal) -> "list[DBClusterSnapshotTypeDef]":
    source = rehearsal.source
    found = snapshots_of(
        rehearsal.access.at_source,
        rehearsal.restore.source.cluster_id,
        account_id=source.place.account,
        shared=not source.is_visible_as_a_whole,
    )
    return [each for each in found if not is_own_copy(each)]


def _unseen(rehearsal: Rehearsal, error: Exception) -> Observation:
    source = rehearsal.source
    sentence = as_command_error(error).sentence
    if source.role_arn is None:
        return unknown(f"The snapshots of {source.place.account} could not be seen: {sentence}")
    return unknown(
        f"The snapshots of {source.place.account} are seen by the role {source.role_arn}, which "
        f"could not be used: {sentence}",
        "The pipeline's functions use it once both stacks are deployed.",
    )


def _missing(rehearsal: Rehearsal) -> Observation:
    settings, place = rehearsal.restore.source, rehearsal.source.place
    wanted = WantedSnapshot.of(Event(), settings, rehearsal.now)
    days = available_days(_candidates(rehearsal))[:_DAYS_SHOWN]
    there = f"there are some of {', '.join(days)}" if days else "none of it can be seen"
    return problem(
        f"There is no snapshot of {settings.cluster_id} {wanted}, in {place.region} of account "
        f"{place.account}; {there}.",
        "Correct source, snapshot_name or default_day; or have the snapshot shared.",
    )


def _seen(snapshot: "DBClusterSnapshotTypeDef") -> Observation:
    name, status = snapshot["DBClusterSnapshotIdentifier"], snapshot["Status"]
    version = f"{snapshot['Engine']} {snapshot['EngineVersion']}"
    if status != AVAILABLE:
        return unknown(f"Snapshot {name} of {version} is {status}; a run would wait for it.")
    return ok(f"A run would restore snapshot {name}, of {version}.")


def _checks(rehearsal: Rehearsal, snapshot: "DBClusterSnapshotTypeDef") -> Iterator[Observation]:
    try:
        found = rehearsal.inventory(snapshot)
    except EXPECTED as error:
        yield unknown(f"The target could not be looked at: {as_command_error(error).sentence}")
        return
    yield from (warning(_sentence(each)) for each in who_else_owns(found))
    for check, meaning in CHECKS.items():
        yield from _findings_of(check, meaning, found)
    if isinstance(rehearsal.restore.target.quarantine, OwnQuarantine):
        yield from _findings_of(check_quarantine, "The quarantine lets nothing out.", found)


def _findings_of(check: Check, meaning: str, found: Inventory) -> Iterator[Observation]:
    try:
        obstacles = list(check(found))
    except ConfigurationError as error:
        yield problem(_sentence(error.message), "Correct the configuration.")
        return
    except EXPECTED as error:
        what = check.__name__.removeprefix("check_").replace("_", " ")
        yield unknown(f"The {what} could not be looked at: {as_command_error(error).sentence}")
        return
    for obstacle in obstacles:
        yield problem(_sentence(obstacle.problem), _sentence(obstacle.remedy))
    if not obstacles:
        yield ok(meaning)


def _secrets(rehearsal: Rehearsal, *, owner: str | None) -> Iterator[Observation]:
    """Yield what was found of the secrets that exist already; no value of them is shown."""
    own = rehearsal.restore.secrets.over(rehearsal.environment.secrets)
    if own.master:
        yield from _secret(rehearsal.clients, own.master, owner)
    elif owner not in (None, own.master_username):
        yield problem(
            f"The stack would make the master secret for {own.master_username!r}, and the "
            f"snapshot's master user, whom a restore keeps, is {owner!r}.",
            f"Set master_username to {owner!r} in secrets.",
        )
    if own.app:
        yield from _secret(rehearsal.clients, own.app, None, is_app=True)
    made = [name for name, given in (("master", own.master), ("app", own.app)) if not given]
    if made:
        yield ok(f"The stack makes the secrets: {', '.join(made)}.")


def _secret(
    clients: Clients, name: str, owner: str | None, *, is_app: bool = False
) -> Iterator[Observation]:
    try:
        value = get_secret(name, clients=clients)
    except ConfigurationError as error:
        yield problem(_sentence(error.message), "")
        return
    except EXPECTED as error:
        yield unknown(f"Secret {name} could not be read: {as_command_error(error).sentence}")
        return
    yield from decide_secret(name, value, owner, is_app=is_app)


def decide_secret(
    name: str, value: Mapping[str, Any], owner: str | None, *, is_app: bool
) -> Iterator[Observation]:
    """Yield whether a secret has its form; ``owner`` is the master user that it must name."""
    source = f"secret {name}"
    try:
        if is_app:
            parse_app_credentials(value, source=source)
            username = owner
        else:
            username = MasterCredentials.parse(value, source=source).username
    except ConfigurationError as error:
        yield problem(_sentence(error.message), "Give the secret that value.")
        return
    if owner in (None, username):
        yield ok(f"Secret {name} has the documented form.")
    else:
        yield problem(
            f"Secret {name}: its username is not {owner!r}, the snapshot's master user, whom a "
            "restore keeps.",
            f"Set it to {owner!r}.",
        )


def _sentence(text: str) -> str:
    """Return a phrase as a sentence; a field that it begins with stays as it is written."""
    is_field = text.partition(" ")[0].endswith(":")
    begun = text if is_field else f"{text[:1].upper()}{text[1:]}"
    return begun if begun.endswith(".") else f"{begun}."
