"""What ``selftest`` may delete. Nothing here reads or changes anything.

A tag alone is never a reason: anybody may copy one. What is deleted has the name that the run's
record says, begins with the run's prefix, carries the run's tag, is not older than the record's
line, and is the one that AWS has given the recorded id to. Only where the record has no id, because
the run ended between its line and the response of AWS, the other four have to be enough.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from aurora_restore.cli.selftest.records import ExpectedResource, ResourceKind, SelfTestRecord
from aurora_restore.proof import naming
from aurora_restore.shared.names import TAG_OPERATION, cluster_beside, retired_cluster

SKEW: Final = timedelta(minutes=5)
"""By how much the clock of the machine may be ahead of that of AWS."""


@dataclass(frozen=True, kw_only=True)
class FoundResource:
    """Something that AWS shows."""

    kind: ResourceKind
    name: str
    resource_id: str
    created: datetime | None
    """None where AWS does not say."""
    tags: Mapping[str, str] = field(default_factory=dict)
    cluster: str | None = None
    """Of an instance: the name of its cluster."""


@dataclass(frozen=True, kw_only=True)
class DeletionVerdict:
    """Whether something may be deleted, and if not, why."""

    found: FoundResource
    deleted: bool
    reason: str = ""

    @property
    def why_left(self) -> str:
        """Return why it is still there after a cleaning."""
        return self.reason or "it was still there when the time was over"


def judge(record: SelfTestRecord, found: Iterable[FoundResource]) -> list[DeletionVerdict]:
    """Return the verdict on everything that was found. An instance goes with its cluster."""
    lines = list(expectations(record))
    things = list(found)
    verdicts = [
        _judge(record, each, lines) for each in things if each.kind is not ResourceKind.INSTANCE
    ]
    deleted = {
        each.found.name: each.found
        for each in verdicts
        if each.deleted and each.found.kind is ResourceKind.CLUSTER
    }
    instances = (each for each in things if each.kind is ResourceKind.INSTANCE)
    return [*verdicts, *(_judge_instance(record, each, deleted) for each in instances)]


def expectations(record: SelfTestRecord) -> Iterator[ExpectedResource]:
    """Yield everything that a run has made: what its record says, and the clusters of operations.

    A cluster is known by its resource id under each name that the pipeline may have given it since.
    While an operation has none, its cluster has a name that is given at the restore.
    """
    yield from record.expected
    target = naming.target_cluster(record.run)
    operations = record.operations
    names = {
        target,
        *(cluster_beside(target, each.id) for each in operations),
        *(retired_cluster(target, each.id) for each in operations),
    }
    first = record.find(ResourceKind.CLUSTER, target)
    if first is not None and first.resource_id is not None:
        for name in names - {target}:
            yield ExpectedResource(
                kind=ResourceKind.CLUSTER,
                name=name,
                since=first.since,
                resource_id=first.resource_id,
            )
    for operation in operations:
        known = operation.cluster
        of_operation = names if known else {target, cluster_beside(target, operation.id)}
        for name in sorted(of_operation):
            yield ExpectedResource(
                kind=ResourceKind.CLUSTER,
                name=name,
                since=operation.since,
                resource_id=known,
                operation=operation.id,
            )


def _judge(
    record: SelfTestRecord, found: FoundResource, expected: Collection[ExpectedResource]
) -> DeletionVerdict:
    if reason := _foreign(record, found):
        return DeletionVerdict(found=found, deleted=False, reason=reason)
    lines = [each for each in expected if (each.kind, each.name) == (found.kind, found.name)]
    if not lines:
        return DeletionVerdict(
            found=found, deleted=False, reason="the run's record does not name it"
        )
    reasons = [_mismatch(found, each) for each in lines]
    if None in reasons:
        return DeletionVerdict(found=found, deleted=True)
    return DeletionVerdict(found=found, deleted=False, reason=str(reasons[-1]))


def _foreign(record: SelfTestRecord, found: FoundResource) -> str | None:
    """Return why something cannot be of a run, whatever its record says; None if it can."""
    begins = (f"{record.prefix}-", naming.environment_stack(record.run))
    if not found.name.startswith(begins):
        return f"its name does not begin with {record.prefix}"
    if found.tags.get(naming.TAG_SELF_TEST) != record.run:
        return f"it lacks the tag {naming.TAG_SELF_TEST}={record.run}"
    if found.created is None:
        return "AWS does not say when it was made"
    if found.created < record.started - SKEW:
        return "it was made before the run"
    return None


def _mismatch(found: FoundResource, expected: ExpectedResource) -> str | None:
    """Return why something is not what the record means; None if it is."""
    if found.created is None or found.created < expected.since - SKEW:
        return "it was made before the run wrote it down"
    if expected.resource_id is not None:
        if found.resource_id != expected.resource_id:
            return f"it is {found.resource_id}, and the run's was {expected.resource_id}"
        return None
    if expected.operation and found.tags.get(TAG_OPERATION) != expected.operation:
        return f"it lacks the tag of the run's operation {expected.operation}"
    return None


def _judge_instance(
    record: SelfTestRecord, found: FoundResource, deleted: Mapping[str, FoundResource]
) -> DeletionVerdict:
    if reason := _foreign(record, found):
        return DeletionVerdict(found=found, deleted=False, reason=reason)
    if found.cluster not in deleted:
        reason = f"its cluster {found.cluster} is not one that the run may delete"
        return DeletionVerdict(found=found, deleted=False, reason=reason)
    return DeletionVerdict(found=found, deleted=True)
