"""Step 9: keep the copy, and let go of the old ones and of what was made for the way."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from aurora_restore.shared.aws_utils import call
from aurora_restore.shared.base_handler import Answer, BaseHandler, Job
from aurora_restore.shared.cluster.ownership import managed
from aurora_restore.shared.common import timestamp
from aurora_restore.shared.documents.environment import Archive
from aurora_restore.shared.errors import ArchiveNotFoundError, SnapshotNotFoundError
from aurora_restore.shared.names import (
    TAG_ARCHIVED_AT,
    TAG_OPERATION,
    TAG_RESTORE,
    TAG_SOURCE_SNAPSHOT,
    final_snapshot_prefix,
    intermediate_snapshot_prefix,
    shared_snapshot_prefix,
)
from aurora_restore.shared.pipeline import get_step
from aurora_restore.shared.rds.arns import RdsArn
from aurora_restore.shared.rds.calls import tag_resource
from aurora_restore.shared.rds.reads import find_snapshot, snapshots_of
from aurora_restore.shared.rds.statuses import AVAILABLE, DEAD_SNAPSHOT, DELETING
from aurora_restore.shared.rds.tags import tags_of
from aurora_restore.shared.snapshots import calls as snapshot_calls
from aurora_restore.shared.snapshots.path import intermediate, journey, rds_of, restorable
from aurora_restore.shared.snapshots.routes import Place, Route

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_rds.type_defs import DBClusterSnapshotTypeDef

FAILED: Final = DEAD_SNAPSHOT - {DELETING, "deleted"}
"""Statuses of snapshots that are of no use, and are not going by themselves."""


@dataclass(frozen=True)
class Superfluous:
    """A manual snapshot that is to be deleted."""

    place: Place
    name: str


class ArchiveSnapshotHandler(BaseHandler):
    """Tags the copy as archived, and deletes what the retention no longer keeps: older copies of
    this restore, older final snapshots of its target, and copies that were made only for the way.

    What an operation that failed for good has left behind counts like everything else: the target's
    lock says that no other operation of this restore is at work. Only snapshots that carry the
    pipeline's own tags are ever deleted, and never the one just used. RDS has no archive tier for
    cluster snapshots: an archived copy is a manual snapshot, and counts towards the quota of 100 in
    a Region.
    """

    step = get_step("archive-snapshot")

    def run(self, job: Job) -> Answer:
        """Raises ArchiveNotFoundError where the copy is gone."""
        name = restorable(job)
        body = {"target_snapshot_name": name, "target_region": job.target_region}
        rds = job.clients.rds(job.target_region)
        used = find_snapshot(rds, name)
        # What was restored from another account's copy lets go of that copy here: an earlier
        # attempt may have done so.
        let_go = job.state.get("deleted_snapshots", [])
        if used is None and name.rpartition(":")[-1] not in let_go:
            raise ArchiveNotFoundError(
                f"there is no snapshot {name} in {job.target_region}", **body
            )
        archived = used is not None and _is_own(job, used) and job.route.copies
        if used is not None and archived:
            tag_resource(
                used["DBClusterSnapshotArn"],
                job.target_region,
                {TAG_ARCHIVED_AT: timestamp(job.clock()), TAG_OPERATION: job.operation_id},
                "archive the copy",
            ).make(rds)
        going = {
            *self._superseded(job, rds, used if archived else None),
            *self._on_the_way(job),
            *self._abandoned_on_the_way(job),
        }
        deleted = sorted({each.name for each in going} | set(let_go))
        if going:
            job.record(deleted_snapshots=deleted)
        for each in sorted(going, key=lambda item: (item.place.region, item.name)):
            self._delete(job, each)
        return Answer(
            "Snapshot archived successfully"
            if archived
            else "No need to archive snapshot, it was restored from where it is",
            {**body, "deleted_snapshots": deleted},
            {"archived_snapshot": name if archived else None, "deleted_snapshots": deleted},
        )

    def _superseded(
        self, job: Job, rds: "RDSClient", kept: "DBClusterSnapshotTypeDef | None"
    ) -> Iterator[Superfluous]:
        """The final snapshots that are too many; and the copies, where one more was archived."""
        finals: list[DBClusterSnapshotTypeDef] = []
        copies: list[DBClusterSnapshotTypeDef] = []
        failed: list[DBClusterSnapshotTypeDef] = []
        prefix = final_snapshot_prefix(job.target_cluster_id)
        for snapshot in _manual(rds):
            if not _is_own(job, snapshot):
                continue
            status = snapshot["Status"]
            if snapshot["DBClusterSnapshotIdentifier"].startswith(prefix):
                finals += [snapshot] if status == AVAILABLE else []
            elif kept is not None and _is_another_copy(job, snapshot, kept):
                copies += [snapshot] if status == AVAILABLE else []
                failed += [snapshot] if status in FAILED else []
        archive, now = job.restore.archive, job.clock()
        kept_finals = Archive(keep_copies=archive.keep_final_snapshots)
        place = Place(job.account_id, job.target_region)
        for snapshot in (
            *failed,
            *expired(copies, archive, now, kept_already=1),
            *expired(finals, kept_finals, now, kept_already=0),
        ):
            yield Superfluous(place, snapshot["DBClusterSnapshotIdentifier"])

    def _on_the_way(self, job: Job) -> Iterator[Superfluous]:
        """The copies that were made only to get here, in this account and the source's."""
        if "source_snapshot_arn" not in job.state:
            return
        for hop in intermediate(journey(job)):
            existing = find_snapshot(rds_of(job, hop), hop.name)
            if existing is not None and _is_own(job, existing):
                yield Superfluous(hop.place, hop.name)

    def _abandoned_on_the_way(self, job: Job) -> Iterator[Superfluous]:
        """Such copies of this restore's earlier operations, which have not come this far."""
        prefix = job.environment.name_prefix
        account, region = job.source_account_id, job.source_region
        if job.works_in_source_account:
            yield from _left(
                job,
                Place(account, region),
                shared_snapshot_prefix(prefix),
                snapshots_of(
                    job.source_rds,
                    job.restore.source.cluster_id,
                    account_id=account,
                    shared=False,
                ),
            )
        if job.route is Route.TWO_STEPS:
            yield from _left(
                job,
                Place(job.account_id, region),
                intermediate_snapshot_prefix(prefix),
                _manual(job.clients.rds(region)),
            )

    def _delete(self, job: Job, going: Superfluous) -> None:
        own = going.place.account == job.account_id
        rds = job.clients.rds(going.place.region) if own else job.source_rds
        try:
            snapshot_calls.delete_snapshot(
                going.name, going.place.region, "it is no longer needed"
            ).make(rds)
        except SnapshotNotFoundError:
            return


def _manual(rds: "RDSClient") -> "Iterator[DBClusterSnapshotTypeDef]":
    """The account's own manual snapshots in a Region."""
    paginator = rds.get_paginator("describe_db_cluster_snapshots")
    for page in call(lambda: list(paginator.paginate(SnapshotType="manual"))):
        yield from page["DBClusterSnapshots"]


def _left(
    job: Job,
    place: Place,
    prefix: str,
    found: "Iterator[DBClusterSnapshotTypeDef]",
) -> Iterator[Superfluous]:
    """Which snapshots are this restore's copies on the way, no longer being made."""
    for snapshot in found:
        name = snapshot["DBClusterSnapshotIdentifier"]
        settled = snapshot["Status"] == AVAILABLE or snapshot["Status"] in FAILED
        if name.startswith(prefix) and settled and _is_own(job, snapshot):
            yield Superfluous(place, name)


def expired(
    copies: "Sequence[DBClusterSnapshotTypeDef]",
    archive: Archive,
    moment: datetime,
    *,
    kept_already: int,
) -> "list[DBClusterSnapshotTypeDef]":
    """Which copies go: all beyond the newest ``keep_copies``, and all older than ``keep_days``."""
    newest_first = sorted(copies, key=lambda item: item["SnapshotCreateTime"], reverse=True)
    room = max(0, archive.keep_copies - kept_already)
    oldest = moment - timedelta(days=archive.keep_days) if archive.keep_days else None
    return [
        snapshot
        for position, snapshot in enumerate(newest_first)
        if position >= room or (oldest is not None and snapshot["SnapshotCreateTime"] < oldest)
    ]


def _is_own(job: Job, snapshot: "DBClusterSnapshotTypeDef") -> bool:
    restore = tags_of(snapshot.get("TagList")).get(TAG_RESTORE)
    return managed(job, snapshot) and restore == job.restore_name


def _is_another_copy(
    job: Job, snapshot: "DBClusterSnapshotTypeDef", kept: "DBClusterSnapshotTypeDef"
) -> bool:
    """Whether one of this restore's operations has copied it, and it is not the one to keep.

    The tags alone do not say so: a snapshot of the restored cluster inherits them where
    CopyTagsToSnapshot is set, and so does a copy that somebody makes of a copy with CopyTags.
    """
    if snapshot["DBClusterSnapshotArn"] == kept["DBClusterSnapshotArn"]:
        return False
    tags = tags_of(snapshot.get("TagList"))
    origin = snapshot.get("SourceDBClusterSnapshotArn")
    if not origin:
        return TAG_ARCHIVED_AT in tags
    prefix = job.environment.name_prefix
    return origin == tags.get(TAG_SOURCE_SNAPSHOT) or RdsArn.parse(origin).name.startswith(
        (shared_snapshot_prefix(prefix), intermediate_snapshot_prefix(prefix))
    )


handler = ArchiveSnapshotHandler()
