"""Keep the copy, and delete old copies and intermediate ones."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from aurora_restore.shared.base_handler import BaseHandler
from aurora_restore.shared.cluster.ownership import Ownership
from aurora_restore.shared.copy_lease import with_other_users
from aurora_restore.shared.copy_release import CopyRelease
from aurora_restore.shared.errors import ArchiveNotFoundError, SnapshotNotFoundError
from aurora_restore.shared.job import Answer, Job
from aurora_restore.shared.names import (
    COPY_SUFFIX,
    TAG_ARCHIVED_AT,
    TAG_OPERATION,
    final_snapshot_prefix,
    intermediate_snapshot_prefix,
    shared_snapshot_prefix,
)
from aurora_restore.shared.pipeline import get_step
from aurora_restore.shared.rds.arns import Place, RdsArn
from aurora_restore.shared.rds.calls import tag_resource
from aurora_restore.shared.rds.reads import find_snapshot, snapshots_of
from aurora_restore.shared.rds.statuses import AVAILABLE
from aurora_restore.shared.snapshots.calls import delete_snapshot
from aurora_restore.shared.snapshots.retention import (
    FAILED,
    expired,
    is_copy,
    is_settled,
    manual_snapshots,
    retention_of_finals,
)
from aurora_restore.shared.snapshots.routes import Route
from aurora_restore.shared.target_record import superseded

if TYPE_CHECKING:
    from mypy_boto3_rds.type_defs import DBClusterSnapshotTypeDef


@dataclass(frozen=True)
class UnneededSnapshot:
    """A manual snapshot that is to be deleted."""

    place: Place
    name: str


class ArchiveSnapshotHandler(BaseHandler):
    """The step that tags the copy as archived and deletes what the retention no longer keeps.

    It gives up this restore's leases on older copies and on intermediate ones, and deletes those
    that no other restore has a lease on; and it deletes older final snapshots of its target.
    Snapshots of operations that failed count, too: the target's lock guarantees that no other
    operation of this restore is in progress. Only snapshots that carry the pipeline's own tags are
    ever deleted, and never the one just used. RDS has no archive tier for cluster
    snapshots: an archived copy is a manual snapshot, and counts towards the quota of 100 in a
    Region.
    """

    step = get_step("archive-snapshot")
    services = ("rds",)

    def run(self, job: Job) -> Answer:
        """Archive the copy, delete what is no longer kept, and return 200.

        Raises ArchiveNotFoundError if the restored snapshot does not exist any more, and
        SupersededError if a later operation has restored the target: its copy is not to be deleted.
        """
        record = job.target_record.read()
        if job.state.new_cluster_id and record and record.restored_by != job.operation_id:
            raise superseded(record, job.operation_id, job.target_cluster_id)
        name = job.snapshot_to_restore
        body: dict[str, Any] = {
            "target_snapshot_name": name,
            "target_region": job.target_region,
        }
        rds = job.rds.at_target
        used = find_snapshot(rds, name)
        release = CopyRelease(job)
        if used is None and not _was_given_up(job, name, release):
            raise ArchiveNotFoundError(
                f"there is no snapshot {name} in {job.target_region}", **body
            )
        archived = used is not None and _is_kept(job, used, release)
        if used is not None and archived:
            tag_resource(
                used["DBClusterSnapshotArn"],
                job.target_region,
                {TAG_ARCHIVED_AT: job.now, TAG_OPERATION: job.operation_id},
                "archive the copy",
            ).make(rds)
        superseded_arns = self._superseded(job, used if archived else None, release)
        releases = release.releases({*superseded_arns, *release.intermediate})
        unneeded = {
            *(
                UnneededSnapshot(job.place, RdsArn.parse(arn).name)
                for arn in superseded_arns - release.held
            ),
            *self._abandoned(job),
        }
        going = {each.name for each in unneeded} | set(release.deleted_by(releases))
        deleted = tuple(sorted(going | set(job.state.deleted_snapshots)))
        if going:
            job.record(replace(job.state, deleted_snapshots=deleted))
        for each in sorted(unneeded, key=lambda item: (item.place.region, item.name)):
            self._delete(job, each)
        release.make(releases)
        answer = Answer(
            "Snapshot archived successfully" if archived else _why_not_archived(job, used),
            {**body, "deleted_snapshots": deleted},
            replace(job.state, deleted_snapshots=deleted),
        )
        kept = used["DBClusterSnapshotArn"] if used is not None and archived else ""
        return with_other_users(answer, release.other_users(kept, releases), job)

    def _superseded(
        self, job: Job, kept: "DBClusterSnapshotTypeDef | None", release: CopyRelease
    ) -> set[str]:
        """Return the ARNs of what the retention does not keep.

        That is final snapshots and, if a copy was archived, copies: those that this restore has
        made for itself alone, and shared ones that it has a lease on.
        """
        finals: list[DBClusterSnapshotTypeDef] = []
        copies: list[DBClusterSnapshotTypeDef] = []
        failed: list[DBClusterSnapshotTypeDef] = []
        prefix, listed = final_snapshot_prefix(job.target_cluster_id), set()
        for snapshot in manual_snapshots(job.rds.at_target):
            status, arn = snapshot["Status"], snapshot["DBClusterSnapshotArn"]
            listed.add(arn)
            is_own = job.owner.of_restore(snapshot)
            if is_own and snapshot["DBClusterSnapshotIdentifier"].startswith(prefix):
                finals += [snapshot] if status == AVAILABLE else []
            elif kept is None or arn == kept["DBClusterSnapshotArn"]:
                continue
            elif arn in release.held or (is_own and _is_copy(job, snapshot)):
                copies += [snapshot] if status == AVAILABLE else []
                failed += [snapshot] if status in FAILED else []
        archive, now = job.restore.archive, job.clock()
        kept_finals = retention_of_finals(archive)
        found = {
            each["DBClusterSnapshotArn"]
            for each in (
                *failed,
                *(each for each, _ in expired(copies, archive, now, kept_already=1)),
                *(each for each, _ in expired(finals, kept_finals, now, kept_already=0)),
            )
        }
        if kept is None:
            return found
        unlisted = release.held - release.intermediate - listed
        return found | {arn for arn in unlisted if _is_gone(job, RdsArn.parse(arn).name)}

    def _abandoned(self, job: Job) -> Iterator[UnneededSnapshot]:
        """Yield the intermediate copies that an earlier version has made for this restore alone."""
        prefix = job.environment.name_prefix
        place = job.source_place
        if job.source.role_arn is not None:
            yield from _abandoned_copies(
                job.owner,
                place,
                shared_snapshot_prefix(prefix),
                snapshots_of(
                    job.rds.at_source,
                    job.restore.source.cluster_id,
                    account_id=place.account,
                    shared=False,
                ),
            )
        if job.source.route is Route.TWO_STEPS:
            yield from _abandoned_copies(
                job.owner,
                Place(job.account_id, place.region),
                intermediate_snapshot_prefix(prefix, job.target_region),
                manual_snapshots(job.clients.rds(place.region)),
            )

    def _delete(self, job: Job, snapshot: UnneededSnapshot) -> None:
        try:
            delete_snapshot(snapshot.name, snapshot.place.region, "it is no longer needed").make(
                job.rds.at(snapshot.place)
            )
        except SnapshotNotFoundError:
            return


def _was_given_up(job: Job, name: str, release: CopyRelease) -> bool:
    """Return whether an earlier attempt of this step has given up the snapshot that was restored.

    It gives up a copy in the source account even if the cluster was restored from it.
    """
    if name.rpartition(":")[-1] in job.state.deleted_snapshots:
        return True
    if job.state.source_snapshot_arn is None or name in release.held:
        return False
    return any(hop.is_common and str(hop.arn) == name for hop in job.path.intermediate_copies)


def _is_kept(job: Job, used: "DBClusterSnapshotTypeDef", release: CopyRelease) -> bool:
    """Return whether the snapshot that was restored is a copy to archive."""
    is_leased = used["DBClusterSnapshotArn"] in release.held and job.owner.of_environment(used)
    is_copy_here = used["DBClusterSnapshotIdentifier"].endswith(COPY_SUFFIX)
    return job.source.route.copies and is_copy_here and (is_leased or job.owner.of_restore(used))


def _why_not_archived(job: Job, used: "DBClusterSnapshotTypeDef | None") -> str:
    """Return why the snapshot that was restored is left as it is."""
    if used is None:
        return "No need to archive snapshot, it is deleted already"
    if not job.source.route.copies:
        return "No need to archive snapshot, it was restored from where it is"
    return "No need to archive snapshot, this pipeline did not make it for this restore"


def _is_gone(job: Job, name: str) -> bool:
    """Return whether a copy that a list does not show is gone.

    Another restore may have deleted one while the list was read, page by page.
    """
    return find_snapshot(job.rds.at_target, name) is None


def _is_copy(job: Job, snapshot: "DBClusterSnapshotTypeDef") -> bool:
    """Return whether an operation of this restore made this copy."""
    return is_copy(snapshot, job.environment.name_prefix, job.target_region)


def _abandoned_copies(
    owner: Ownership,
    place: Place,
    prefix: str,
    found: "Iterator[DBClusterSnapshotTypeDef]",
) -> Iterator[UnneededSnapshot]:
    """Yield this restore's intermediate copies among ``found`` that are no longer being made."""
    for snapshot in found:
        name = snapshot["DBClusterSnapshotIdentifier"]
        if name.startswith(prefix) and is_settled(snapshot) and owner.of_restore(snapshot):
            yield UnneededSnapshot(place, name)


handler = ArchiveSnapshotHandler.loaded()
