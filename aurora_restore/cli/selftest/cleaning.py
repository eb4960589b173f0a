"""Deletes what a run has made: look, decide, delete, and look again until nothing is left."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from aurora_restore.cli.selftest.decision import DeletionVerdict, FoundResource, judge
from aurora_restore.cli.selftest.inventory import RunInventory
from aurora_restore.cli.selftest.pauses import pauses
from aurora_restore.cli.selftest.records import RecordFile, ResourceKind
from aurora_restore.proof import naming
from aurora_restore.shared.aws_utils import call, error_code, translate_error

LIMIT_SECONDS: Final = 90 * 60.0
"""A function that was in a VPC keeps its network interfaces for up to twenty minutes or more."""

_LATER: Final = frozenset(
    {
        "InvalidDBClusterStateFault",
        "InvalidDBClusterSnapshotStateFault",
        "InvalidDBInstanceState",
        "ResourceInUseException",
        "InvalidRequestException",
    }
)
"""What AWS says while something is in between: the next look finds it again."""
_GONE: Final = frozenset(
    {
        "DBClusterNotFoundFault",
        "DBClusterSnapshotNotFoundFault",
        "DBInstanceNotFound",
        "ExecutionDoesNotExist",
        "ResourceNotFoundException",
    }
)

Tell = Callable[[str], None]


@dataclass(frozen=True)
class CleaningResult:
    """What is left of a run."""

    left: tuple[DeletionVerdict, ...]
    """What has a name of the run and is not deleted, with the reason; one without a reason was
    still there when the time was over."""

    @property
    def is_clean(self) -> bool:
        """Return whether nothing is left."""
        return not self.left


def stages_of(run: str) -> tuple[Callable[[FoundResource], bool], ...]:
    """Return the order of deletion, as what belongs to each stage.

    A cluster uses groups of both stacks, so those come after it; the source cluster goes with its
    stack, and that is the last: as long as it is there, ``--clean`` works without the record.
    """

    def kinds(*wanted: ResourceKind) -> Callable[[FoundResource], bool]:
        return lambda found: found.kind in wanted

    def stack(name: str) -> Callable[[FoundResource], bool]:
        return lambda found: found.kind is ResourceKind.STACK and found.name == name

    return (
        kinds(ResourceKind.CLUSTER, ResourceKind.INSTANCE, ResourceKind.SNAPSHOT),
        stack(naming.environment_stack(run)),
        kinds(ResourceKind.TABLE, ResourceKind.SECRET),
        stack(naming.source_stack(run)),
    )


def next_deletions(run: str, verdicts: Iterable[DeletionVerdict]) -> list[FoundResource]:
    """Return what is to be deleted next: of the first stage of which anything is there."""
    deletable = [each.found for each in verdicts if each.deleted]
    # A cluster can be deleted once its instances are being deleted.
    deletable.sort(key=lambda each: each.kind is not ResourceKind.INSTANCE)
    for belongs in stages_of(run):
        if chosen := [each for each in deletable if belongs(each)]:
            return chosen
    return []


def clean(
    inventory: RunInventory,
    file: RecordFile,
    tell: Tell,
    *,
    limit: float = LIMIT_SECONDS,
    sleep: Callable[[float], None] = time.sleep,
) -> CleaningResult:
    """Delete what the record of a run names, until a look finds nothing more of it.

    The record is completed first with what the state table says, which is deleted with the rest.
    Raises AuroraRestoreError where AWS refuses a call for another reason than that it is too early.
    """
    deadline = time.monotonic() + limit
    reported: set[str] = set()
    waiting = pauses()
    while True:
        _stop_executions(inventory, file)
        file.replace(inventory.with_clusters(file.record))
        verdicts = judge(file.record, inventory.look())
        chosen = next_deletions(inventory.run, verdicts)
        if not chosen or time.monotonic() >= deadline:
            return CleaningResult(tuple(verdicts))
        for each in chosen:
            if each.name not in reported:
                reported.add(each.name)
                waiting = pauses()
                tell(f"Deleting {each.kind} {each.name}")
            _delete(inventory, each)
        sleep(next(waiting))


def _stop_executions(inventory: RunInventory, file: RecordFile) -> None:
    """Stop what the environment's own state machine is doing, if the record names its stack."""
    name = naming.environment_stack(inventory.run)
    if file.record.find(ResourceKind.STACK, name) is None:
        return
    for arn in inventory.running():
        _tolerant(
            inventory.clients.step_functions.stop_execution,
            executionArn=arn,
            cause="The self-test is being cleaned up",
        )


def _delete(inventory: RunInventory, found: FoundResource) -> None:
    """Delete one thing, or leave it for the next look where it is too early."""
    match found.kind:
        case ResourceKind.STACK:
            _delete_stack(inventory, found)
        case ResourceKind.CLUSTER:
            _tolerant(
                inventory.rds.delete_db_cluster,
                DBClusterIdentifier=found.name,
                SkipFinalSnapshot=True,
            )
        case ResourceKind.INSTANCE:
            _tolerant(
                inventory.rds.delete_db_instance,
                DBInstanceIdentifier=found.name,
                SkipFinalSnapshot=True,
            )
        case ResourceKind.SNAPSHOT:
            _tolerant(
                inventory.rds.delete_db_cluster_snapshot, DBClusterSnapshotIdentifier=found.name
            )
        case ResourceKind.TABLE:
            _tolerant(inventory.tables.delete_table, TableName=found.name)
        case ResourceKind.SECRET:
            _tolerant(
                inventory.secrets.delete_secret,
                SecretId=found.resource_id,
                ForceDeleteWithoutRecovery=True,
            )


def _delete_stack(inventory: RunInventory, found: FoundResource) -> None:
    """Delete a stack by its id, unless CloudFormation is already at it."""
    stack = inventory.stack(found.resource_id)
    if stack is None or stack["StackStatus"] in {"DELETE_IN_PROGRESS", "DELETE_COMPLETE"}:
        return
    call(inventory.formation.delete_stack, StackName=found.resource_id)


def _tolerant(operation: Callable[..., Any], **parameters: Any) -> None:
    """Call AWS; that something is gone, or in between, is no error."""
    try:
        operation(**parameters)
    except ClientError as error:
        code = error_code(error)
        if code not in _GONE and code not in _LATER:
            raise translate_error(error) from error
