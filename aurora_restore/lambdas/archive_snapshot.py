"""Step 9: keep the copy, and let go of the old ones and of what was made for the way."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from aurora_restore.shared import calls
from aurora_restore.shared.aws_utils import call
from aurora_restore.shared.base_handler import Answer, BaseHandler, Job
from aurora_restore.shared.common import timestamp
from aurora_restore.shared.errors import SnapshotNotFoundError
from aurora_restore.shared.journey import intermediate, journey, restorable
from aurora_restore.shared.models import Archive
from aurora_restore.shared.pipeline import (
    TAG_ARCHIVED_AT,
    TAG_MANAGED_BY,
    TAG_OPERATION,
    TAG_RESTORE,
    final_snapshot_prefix,
    get_step,
)
from aurora_restore.shared.rds import AVAILABLE, find_snapshot, tags_of
from aurora_restore.shared.routes import Hop, Where

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_rds.type_defs import DBClusterSnapshotTypeDef


class ArchiveSnapshotHandler(BaseHandler):
    """Tags the copy as archived, and deletes what the retention no longer keeps: older copies of
    this restore, older final snapshots of its target, and copies that were made only for the way.

    Only snapshots that carry the pipeline's own tag are ever deleted, and never the one just used.
    RDS has no archive tier for cluster snapshots: an archived copy is a manual snapshot, and counts
    towards the quota of 100 in a Region.
    """

    step = get_step("archive-snapshot")

    def run(self, job: Job) -> Answer:
        """Raises SnapshotNotFoundError where the copy is gone."""
        name = restorable(job)
        body = {"target_snapshot_name": name, "target_region": job.target_region}
        rds = job.clients.rds(job.target_region)
        used = find_snapshot(rds, name)
        # What was restored from another account's copy lets go of that copy here: an earlier
        # attempt may have done so.
        let_go = job.state.get("deleted_snapshots", [])
        if used is None and name.rpartition(":")[-1] not in let_go:
            raise SnapshotNotFoundError(
                f"there is no snapshot {name} in {job.target_region}", **body
            )
        archived = used is not None and _is_own(job, used) and job.route.copies
        superseded = self._final_snapshots(job, rds)
        if used is not None and archived:
            calls.tag_resource(
                used["DBClusterSnapshotArn"],
                job.target_region,
                {TAG_ARCHIVED_AT: timestamp(job.clock()), TAG_OPERATION: job.operation_id},
                "archive the copy",
            ).make(rds)
            superseded += expired(
                self._archived(job, rds, used), job.restore.archive, job.clock(), kept_already=1
            )
        names = [snapshot["DBClusterSnapshotIdentifier"] for snapshot in superseded]
        on_the_way = self._on_the_way(job)
        going = {*names, *(hop.name for hop in on_the_way)}
        deleted = sorted(going | set(let_go))
        if going:
            job.record(deleted_snapshots=deleted)
        for snapshot_name in names:
            self._delete(rds, snapshot_name, job.target_region)
        for hop in on_the_way:
            self._delete(self._rds_of(job, hop), hop.name, hop.place.region)
        return Answer(
            "Snapshot archived successfully"
            if archived
            else "No need to archive snapshot, it was restored from where it is",
            {**body, "deleted_snapshots": deleted},
            {"archived_snapshot": name if archived else None, "deleted_snapshots": deleted},
        )

    def _archived(
        self, job: Job, rds: "RDSClient", used: "DBClusterSnapshotTypeDef"
    ) -> "list[DBClusterSnapshotTypeDef]":
        """This restore's other archived copies.

        Without the archive's tag a copy may still be in use by another operation.
        """
        return [
            snapshot
            for snapshot in self._own(job, rds)
            if TAG_ARCHIVED_AT in tags_of(snapshot.get("TagList"))
            and snapshot["DBClusterSnapshotArn"] != used["DBClusterSnapshotArn"]
        ]

    def _final_snapshots(self, job: Job, rds: "RDSClient") -> "list[DBClusterSnapshotTypeDef]":
        """The final snapshots of earlier targets that are too many."""
        prefix = final_snapshot_prefix(job.target_cluster_id)
        kept = Archive(keep_copies=job.restore.archive.keep_final_snapshots)
        finals = [
            snapshot
            for snapshot in self._own(job, rds)
            if snapshot["DBClusterSnapshotIdentifier"].startswith(prefix)
        ]
        return expired(finals, kept, job.clock(), kept_already=0)

    def _own(self, job: Job, rds: "RDSClient") -> "list[DBClusterSnapshotTypeDef]":
        """The available manual snapshots that this restore has made."""
        paginator = rds.get_paginator("describe_db_cluster_snapshots")
        pages = call(lambda: list(paginator.paginate(SnapshotType="manual")))
        return [
            snapshot
            for page in pages
            for snapshot in page["DBClusterSnapshots"]
            if _is_own(job, snapshot) and snapshot["Status"] == AVAILABLE
        ]

    def _on_the_way(self, job: Job) -> list[Hop]:
        """The copies that were made only to get here, in this account and the source's."""
        if "source_snapshot_arn" not in job.state:
            return []
        hops = []
        for hop in intermediate(journey(job)):
            existing = find_snapshot(self._rds_of(job, hop), hop.name)
            if existing is not None and _is_own(job, existing):
                hops.append(hop)
        return hops

    def _rds_of(self, job: Job, hop: Hop) -> "RDSClient":
        if hop.where is Where.SOURCE_ACCOUNT:
            return job.source_rds
        return job.clients.rds(hop.place.region)

    def _delete(self, rds: "RDSClient", name: str, region: str) -> None:
        try:
            calls.delete_snapshot(name, region, "it is no longer needed").make(rds)
        except SnapshotNotFoundError:
            return


def expired(
    archived: "Sequence[DBClusterSnapshotTypeDef]",
    archive: Archive,
    moment: datetime,
    *,
    kept_already: int,
) -> "list[DBClusterSnapshotTypeDef]":
    """Which copies go: all beyond the newest ``keep_copies``, and all older than ``keep_days``."""
    newest_first = sorted(archived, key=lambda item: item["SnapshotCreateTime"], reverse=True)
    room = max(0, archive.keep_copies - kept_already)
    oldest = moment - timedelta(days=archive.keep_days) if archive.keep_days else None
    return [
        snapshot
        for position, snapshot in enumerate(newest_first)
        if position >= room or (oldest is not None and snapshot["SnapshotCreateTime"] < oldest)
    ]


def _is_own(job: Job, snapshot: "DBClusterSnapshotTypeDef") -> bool:
    tags = tags_of(snapshot.get("TagList"))
    return (
        tags.get(TAG_MANAGED_BY) == job.environment.name_prefix
        and tags.get(TAG_RESTORE) == job.restore_name
    )


handler = ArchiveSnapshotHandler()
