"""Which of the pipeline's own snapshots are kept, and why others are not: decisions on lists."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from aurora_restore.shared.aws_utils import call
from aurora_restore.shared.documents.restore import Archive
from aurora_restore.shared.names import (
    COPY_SUFFIX,
    TAG_ARCHIVED_AT,
    TAG_SOURCE_SNAPSHOT,
    intermediate_snapshot_prefix,
    shared_snapshot_prefix,
)
from aurora_restore.shared.rds.arns import RdsArn
from aurora_restore.shared.rds.statuses import AVAILABLE, DEAD_SNAPSHOT, DELETING
from aurora_restore.shared.rds.tags import tags_of

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_rds.type_defs import DBClusterSnapshotTypeDef

FAILED: Final = DEAD_SNAPSHOT - {DELETING, "deleted"}
"""Statuses of snapshots that are unusable, and are not being deleted already."""


def manual_snapshots(rds: "RDSClient") -> "Iterator[DBClusterSnapshotTypeDef]":
    """Yield the account's own manual snapshots in a Region."""
    paginator = rds.get_paginator("describe_db_cluster_snapshots")
    for page in call(lambda: list(paginator.paginate(SnapshotType="manual"))):
        yield from page["DBClusterSnapshots"]


def is_settled(snapshot: "DBClusterSnapshotTypeDef") -> bool:
    """Return whether a snapshot is no longer being made, and not being deleted."""
    return snapshot["Status"] == AVAILABLE or snapshot["Status"] in FAILED


def is_copy(snapshot: "DBClusterSnapshotTypeDef", name_prefix: str, target_region: str) -> bool:
    """Return whether a snapshot with a restore's tags is a copy that an operation of it made.

    The tags alone do not prove it: a snapshot of the restored cluster inherits them if
    CopyTagsToSnapshot is set, and so does a copy that a person makes of a copy with CopyTags.
    """
    if not snapshot["DBClusterSnapshotIdentifier"].endswith(COPY_SUFFIX):
        return False
    tags = tags_of(snapshot.get("TagList"))
    origin = snapshot.get("SourceDBClusterSnapshotArn")
    if not origin:
        return TAG_ARCHIVED_AT in tags
    return origin == tags.get(TAG_SOURCE_SNAPSHOT) or RdsArn.parse(origin).name.startswith(
        (
            shared_snapshot_prefix(name_prefix),
            intermediate_snapshot_prefix(name_prefix, target_region),
        )
    )


def retention_of_finals(archive: Archive) -> Archive:
    """Return how final snapshots are kept: by their number alone."""
    return Archive(keep_copies=archive.keep_final_snapshots)


def expired(
    copies: "Sequence[DBClusterSnapshotTypeDef]",
    archive: Archive,
    moment: datetime,
    *,
    kept_already: int,
) -> "list[tuple[DBClusterSnapshotTypeDef, str]]":
    """Return the copies to delete, each with the reason.

    They are beyond the newest ``keep_copies``, or older than ``keep_days``. ``kept_already`` copies
    are kept that are not among ``copies``.
    """
    newest_first = sorted(copies, key=lambda item: item["SnapshotCreateTime"], reverse=True)
    room = max(0, archive.keep_copies - kept_already)
    oldest = moment - timedelta(days=archive.keep_days) if archive.keep_days else None
    found: list[tuple[DBClusterSnapshotTypeDef, str]] = []
    for position, snapshot in enumerate(newest_first):
        if position >= room:
            found.append((snapshot, f"beyond the newest {archive.keep_copies}"))
        elif oldest is not None and snapshot["SnapshotCreateTime"] < oldest:
            found.append((snapshot, f"older than {archive.keep_days} days"))
    return found
