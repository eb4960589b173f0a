"""Step 2: bring the snapshot to the target."""

from typing import TYPE_CHECKING, Any, Final

from aurora_restore.shared.aws_utils import code_of
from aurora_restore.shared.base_handler import ATTEMPTS, SHARED_AT, Answer, BaseHandler, Job
from aurora_restore.shared.common import timestamp
from aurora_restore.shared.errors import (
    AuroraRestoreError,
    AwsError,
    CopyFailedError,
    NameTakenError,
    SnapshotNotFoundError,
    SnapshotNotVisibleError,
)
from aurora_restore.shared.pipeline import get_step
from aurora_restore.shared.rds.arns import RdsArn
from aurora_restore.shared.rds.reads import find_snapshot
from aurora_restore.shared.rds.statuses import AVAILABLE, DEAD_SNAPSHOT, DELETING
from aurora_restore.shared.snapshots import calls as snapshot_calls
from aurora_restore.shared.snapshots.path import (
    copying,
    is_copy,
    journey,
    not_found,
    note_sharing,
    rds_of,
    sharing_of_the_source,
    source_arn,
)
from aurora_restore.shared.snapshots.routes import Hop, Route, Where

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_rds.type_defs import DBClusterSnapshotTypeDef

ALREADY_EXISTS: Final = "DBClusterSnapshotAlreadyExistsFault"


class CopySnapshotHandler(BaseHandler):
    """Copies the snapshot on its way to the target: hop by hop, each under its customer key.

    A copy of this snapshot that is there already is taken; a failed one is deleted first. A manual
    copy in the source account is shared with this account once it is available.
    """

    step = get_step("copy-snapshot")

    def run(self, job: Job) -> Answer:
        """Raises ConfigurationError where an encrypted snapshot has no key to be copied with,
        NameTakenError where something else has a copy's name, CopyFailedError where a copy on the
        way keeps failing, and SnapshotNotFoundError where the source's snapshot is gone."""
        try:
            return self._bring(job)
        except SnapshotNotVisibleError as error:
            return Answer.wait(error.message)

    def _bring(self, job: Job) -> Answer:
        if job.route is Route.IN_PLACE:
            return self._not_needed(job)
        sharing = sharing_of_the_source(job)
        if sharing is not None:
            sharing.make(job.source_rds)
            note_sharing(job)
        answer = None
        for hop in journey(job):
            answer = self._take(job, hop)
            if answer is not None and hop.where is not Where.TARGET:
                return answer
        return answer or self._restored_from_shared(job)

    def _take(self, job: Job, hop: Hop) -> Answer | None:
        """Start the copy of a hop, or look at it; None once one on the way can be used."""
        rds = rds_of(job, hop)
        existing = find_snapshot(rds, hop.name)
        if existing is None:
            status = self._copy(job, rds, hop)
            counted = self._counted(job, hop)
        else:
            status, counted = existing["Status"], {}
            self._refuse_a_stranger(job, existing, hop)
            if status in DEAD_SNAPSHOT:
                return self._replace(job, rds, hop, status)
        if hop.where is Where.TARGET:
            return self._started(job, hop, status, counted)
        if status != AVAILABLE:
            return Answer.wait(
                f"Snapshot copy {hop.where} is still in progress",
                {"copy_status": status, "intermediate_snapshot": hop.arn},
                counted,
            )
        if hop.share_with is not None:
            snapshot_calls.share_snapshot(
                hop.name, hop.place.region, hop.place.account, hop.share_with
            ).make(rds)
            note_sharing(job)
        return None

    def _copy(self, job: Job, rds: "RDSClient", hop: Hop) -> str:
        snapshot = self._seen(job, hop.source_arn, hop.place.account)
        try:
            made = copying(job, hop, snapshot).make(rds)
        except SnapshotNotFoundError as error:
            raise self._not_found(job, hop.source_arn) from error
        except AwsError as error:
            existing = find_snapshot(rds, hop.name)
            if code_of(error) != ALREADY_EXISTS or existing is None:
                raise
            self._refuse_a_stranger(job, existing, hop)
            return existing["Status"]
        if hop.share_with is not None:
            job.state.pop(SHARED_AT, None)
        return str(made["DBClusterSnapshot"]["Status"])

    def _seen(self, job: Job, wanted: str, account: str) -> "DBClusterSnapshotTypeDef":
        """A snapshot as ``account`` sees it."""
        arn = RdsArn.parse(wanted)
        rds = job.clients.rds(arn.region) if account == job.account_id else job.source_rds
        snapshot = find_snapshot(rds, arn.name if account == arn.account else wanted)
        if snapshot is None:
            raise self._not_found(job, wanted)
        return snapshot

    def _not_found(self, job: Job, wanted: str) -> AuroraRestoreError:
        arn = RdsArn.parse(wanted)
        return not_found(job, wanted, arn.region, snapshot_name=arn.name, source_region=arn.region)

    def _replace(self, job: Job, rds: "RDSClient", hop: Hop, status: str) -> Answer:
        """Delete a failed copy; the next call finds it gone and starts anew."""
        if (
            hop.where is not Where.TARGET
            and job.attempts(self._counter(hop)) >= job.restore.max_attempts
        ):
            raise CopyFailedError(
                f"the copy {hop.name} {hop.where} is {status!r}", copy_status=status
            )
        if status != DELETING:
            reason = f"the copy is {status!r}"
            snapshot_calls.delete_snapshot(hop.name, hop.place.region, reason).make(rds)
        return Answer.wait(f"The failed copy {hop.name} is being deleted", {"copy_status": status})

    def _counter(self, hop: Hop) -> str:
        """Under what name a hop's attempts are counted: the last one's are the step's."""
        return self.step.name if hop.where is Where.TARGET else hop.name

    def _counted(self, job: Job, hop: Hop) -> dict[str, Any]:
        counter = self._counter(hop)
        return {ATTEMPTS: {**job.state.get(ATTEMPTS, {}), counter: job.attempts(counter) + 1}}

    def _refuse_a_stranger(self, job: Job, existing: "DBClusterSnapshotTypeDef", hop: Hop) -> None:
        if not is_copy(job, existing, hop):
            raise NameTakenError(
                f"target_snapshot_name: {hop.name!r} is taken by a snapshot that is not a copy of "
                f"{hop.source_arn}; give another name",
                target_snapshot_name=hop.name,
            )

    def _not_needed(self, job: Job) -> Answer:
        name = self._name(job)
        return Answer(
            "No need to copy snapshot, regions are the same",
            {
                "snapshot_name": name,
                "source_region": job.source_region,
                "target_region": job.target_region,
            },
            self._facts(job, name, AVAILABLE),
        )

    def _restored_from_shared(self, job: Job) -> Answer:
        """No copy of this account's own: what is restored is the source account's, by its ARN."""
        taken = journey(job)
        arn = taken[-1].arn if taken else source_arn(job)
        self._seen(job, arn, job.account_id)
        return Answer(
            "No need to copy snapshot, it is shared in the same region",
            {
                "snapshot_name": self._name(job),
                "source_region": job.source_region,
                "target_region": job.target_region,
            },
            self._facts(job, arn, AVAILABLE),
        )

    def _started(self, job: Job, hop: Hop, status: str, counted: dict[str, Any]) -> Answer:
        return Answer(
            "Snapshot copy initiated",
            {
                "snapshot_name": self._name(job),
                "source_region": job.source_region,
                "target_region": job.target_region,
                "target_snapshot_name": hop.name,
                "copy_status": status,
            },
            {
                **self._facts(job, hop.name, status),
                "copy_started_at": job.state.get("copy_started_at", timestamp(job.clock())),
                **counted,
            },
        )

    def _name(self, job: Job) -> str:
        name = job.event.snapshot_name or job.state.get("snapshot_name")
        return str(name or RdsArn.parse(source_arn(job)).name)

    def _facts(self, job: Job, target_snapshot: str, status: str) -> dict[str, Any]:
        name = self._name(job)
        return {
            "snapshot_name": name,
            "source_snapshot": name,
            "target_snapshot": target_snapshot,
            "copy_snapshot_id": target_snapshot,
            "copy_status": status,
            "source_account_id": job.source_account_id,
            "target_account_id": job.account_id,
            "source_region": job.source_region,
            "target_region": job.target_region,
            "route": str(job.route),
        }


handler = CopySnapshotHandler()
