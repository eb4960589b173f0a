"""The way of one operation's snapshot, as its configuration and state say it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from aurora_restore.shared.base_handler import SHARED_AT, Job
from aurora_restore.shared.cluster.ownership import own_tags
from aurora_restore.shared.common import timestamp
from aurora_restore.shared.errors import (
    AuroraRestoreError,
    SnapshotNotFoundError,
    SnapshotNotVisibleError,
    TargetSnapshotNotFoundError,
    ValidationError,
)
from aurora_restore.shared.names import TAG_SOURCE_SNAPSHOT
from aurora_restore.shared.rds.arns import RdsArn
from aurora_restore.shared.rds.calls import RdsCall
from aurora_restore.shared.rds.tags import tags_of
from aurora_restore.shared.snapshots import calls as snapshot_calls
from aurora_restore.shared.snapshots.names import copy_name
from aurora_restore.shared.snapshots.routes import Hop, Place, Where, hops
from aurora_restore.shared.validation import validate_required_params

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_rds.type_defs import DBClusterSnapshotTypeDef

SHARED_BY_COPY: Final = "shared_by_copy"
"""State: whether the source's snapshot can be shared only as a manual copy."""


def source_arn(job: Job) -> str:
    """The ARN of the source's snapshot: the event's, or what snapshot-check has found."""
    arn = (
        job.event.snapshot_arn
        or job.state.get("source_snapshot_arn")
        or job.state.get("snapshot_arn")
    )
    validate_required_params({"snapshot_arn": arn})
    return str(arn)


def journey(job: Job) -> Sequence[Hop]:
    """The copies from the source's snapshot to what is restored, in order."""
    return hops(
        route=job.route,
        source=job.restore.source,
        target=job.restore.target,
        source_arn=source_arn(job),
        manual_copy_first=bool(job.state.get(SHARED_BY_COPY)),
        target_place=Place(job.account_id, job.target_region),
        target_name=job.event.target_snapshot_name or _copy_name(job),
        prefix=job.environment.name_prefix,
    )


def is_copy(job: Job, existing: "DBClusterSnapshotTypeDef", hop: Hop) -> bool:
    """Whether a snapshot of a hop's name is the copy that the hop would make."""
    origins = {
        tags_of(existing.get("TagList")).get(TAG_SOURCE_SNAPSHOT),
        existing.get("SourceDBClusterSnapshotArn"),
    }
    return bool(origins & {hop.source_arn, source_arn(job)})


def rds_of(job: Job, hop: Hop) -> "RDSClient":
    """RDS for whoever makes a copy, where it is made."""
    if hop.where is Where.SOURCE_ACCOUNT:
        return job.source_rds
    return job.clients.rds(hop.place.region)


def sharing_of_the_source(job: Job) -> RdsCall | None:
    """What lets this account use a manual snapshot of the source account as it is, if it must."""
    if not job.works_in_source_account or job.state.get(SHARED_BY_COPY):
        return None
    arn = RdsArn.parse(source_arn(job))
    return snapshot_calls.share_snapshot(arn.name, arn.region, arn.account, job.account_id)


def copying(job: Job, hop: Hop, snapshot: "DBClusterSnapshotTypeDef") -> RdsCall:
    """What makes the copy of a hop. Raises ConfigurationError where its key is missing."""
    tags = {**own_tags(job), TAG_SOURCE_SNAPSHOT: source_arn(job)}
    return snapshot_calls.copy_snapshot(hop, snapshot, tags, job.account_id)


def note_sharing(job: Job) -> None:
    """Remember in the state that a snapshot of the source account has been shared."""
    job.state.setdefault(SHARED_AT, timestamp(job.clock()))


def was_shared_just_now(job: Job) -> bool:
    """Whether this account may not see yet what is shared with it."""
    return job.was_just_now(SHARED_AT)


def not_found(job: Job, snapshot: str, region: str, **facts: str) -> AuroraRestoreError:
    """Why a snapshot that should be there is not found: maybe it only cannot be seen yet.

    ``facts`` are the error's details; left out, the snapshot is the one to restore.
    """
    of_the_target = not facts
    facts = facts or {"target_snapshot_name": snapshot, "target_region": region}
    if was_shared_just_now(job):
        return SnapshotNotVisibleError(
            f"snapshot {snapshot} in {region} has been shared, but cannot be seen yet", **facts
        )
    kind = TargetSnapshotNotFoundError if of_the_target else SnapshotNotFoundError
    return kind(
        f"there is no snapshot {snapshot} in {region}, or it is not shared with this account",
        **facts,
    )


def _copy_name(job: Job) -> str:
    """The only restore's copy is called after the snapshot alone."""
    only = job.environment.default_restore == job.restore_name
    return copy_name(RdsArn.parse(source_arn(job)).name, None if only else job.restore_name)


def restorable(job: Job) -> str:
    """What RestoreDBClusterFromSnapshot is given: a name of this account's, or a shared ARN.

    Raises ValidationError where the operation has come to no snapshot yet.
    """
    name = job.event.target_snapshot_name or job.state.get("copy_snapshot_id")
    if name is None:
        raise ValidationError(
            "target_snapshot_name: is missing; this operation has not come through copy-snapshot, "
            "so name the snapshot to restore"
        )
    return str(name)


def intermediate(hops_taken: Sequence[Hop]) -> list[Hop]:
    """The copies that are of no use once the restore is done."""
    return [hop for hop in hops_taken if hop.where is not Where.TARGET]
