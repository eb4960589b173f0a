"""Step 9: keep the copy, and let go of the old ones."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from aurora_restore.shared.aws_utils import call
from aurora_restore.shared.base_handler import Answer, BaseHandler, Job
from aurora_restore.shared.common import timestamp
from aurora_restore.shared.errors import SnapshotNotFoundError
from aurora_restore.shared.models import Archive
from aurora_restore.shared.pipeline import (
    TAG_ARCHIVED_AT,
    TAG_MANAGED_BY,
    TAG_OPERATION,
    TAG_RESTORE,
    get_step,
)
from aurora_restore.shared.rds import AVAILABLE, find_snapshot, tag_list, tags_of
from aurora_restore.shared.validation import validate_required_params

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_rds.type_defs import DBClusterSnapshotTypeDef


class ArchiveSnapshotHandler(BaseHandler):
    """Tags the copy as archived, and deletes this restore's copies beyond the retention.

    Only snapshots that carry the pipeline's own tag are ever deleted, and never the one just used.
    RDS has no archive tier for cluster snapshots: an archived copy is a manual snapshot, and counts
    towards the quota of 100 in a Region.
    """

    step = get_step("archive-snapshot")

    def run(self, job: Job) -> Answer:
        """Raises SnapshotNotFoundError where the copy is gone."""
        name = job.event.target_snapshot_name or job.state.get("copy_snapshot_id")
        validate_required_params({"target_snapshot_name": name})
        body = {"target_snapshot_name": name, "target_region": job.target_region}
        rds = job.clients.rds(job.target_region)
        used = find_snapshot(rds, str(name))
        if used is None:
            raise SnapshotNotFoundError(
                f"there is no snapshot {name} in {job.target_region}", **body
            )
        if not _is_own(job, used):
            return Answer(
                "No need to archive snapshot, it was restored from where it is",
                {**body, "deleted_snapshots": []},
            )
        call(
            rds.add_tags_to_resource,
            ResourceName=used["DBClusterSnapshotArn"],
            Tags=tag_list(
                {TAG_ARCHIVED_AT: timestamp(job.clock()), TAG_OPERATION: job.operation_id}
            ),
        )
        superseded = expired(
            self._archived(job, rds, used), job.restore.archive, job.clock(), kept_already=1
        )
        for snapshot in superseded:
            self._delete(rds, snapshot["DBClusterSnapshotIdentifier"])
        deleted = [snapshot["DBClusterSnapshotIdentifier"] for snapshot in superseded]
        return Answer(
            "Snapshot archived successfully",
            {**body, "deleted_snapshots": deleted},
            {"archived_snapshot": name, "deleted_snapshots": deleted},
        )

    def _archived(
        self, job: Job, rds: "RDSClient", used: "DBClusterSnapshotTypeDef"
    ) -> "list[DBClusterSnapshotTypeDef]":
        """This restore's other archived copies.

        Without the archive's tag a copy may still be in use by another operation.
        """
        paginator = rds.get_paginator("describe_db_cluster_snapshots")
        pages = call(lambda: list(paginator.paginate(SnapshotType="manual")))
        return [
            snapshot
            for page in pages
            for snapshot in page["DBClusterSnapshots"]
            if _is_own(job, snapshot)
            and TAG_ARCHIVED_AT in tags_of(snapshot.get("TagList"))
            and snapshot["Status"] == AVAILABLE
            and snapshot["DBClusterSnapshotArn"] != used["DBClusterSnapshotArn"]
        ]

    def _delete(self, rds: "RDSClient", name: str) -> None:
        try:
            call(rds.delete_db_cluster_snapshot, DBClusterSnapshotIdentifier=name)
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
