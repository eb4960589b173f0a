"""Copy the snapshot to the target."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import TYPE_CHECKING, Final, assert_never

from aurora_restore.shared.awaited import Awaited
from aurora_restore.shared.aws_utils import code_of
from aurora_restore.shared.base_handler import BaseHandler
from aurora_restore.shared.copy_lease import (
    attempts_in_run,
    claim_restart,
    end_restart,
    is_being_deleted,
    take_lease,
    take_lease_if_common,
    with_other_users,
)
from aurora_restore.shared.copy_turn import TurnToCopy
from aurora_restore.shared.errors import (
    AuroraRestoreError,
    AwsError,
    CopyFailedError,
    NameTakenError,
    SnapshotNotFoundError,
    SnapshotNotVisibleError,
)
from aurora_restore.shared.job import Answer, Job
from aurora_restore.shared.operation_state import OperationState
from aurora_restore.shared.pipeline import get_step
from aurora_restore.shared.preflight.refusing import refuse_foreign_snapshot
from aurora_restore.shared.rds.arns import Place, RdsArn
from aurora_restore.shared.rds.reads import find_snapshot
from aurora_restore.shared.rds.statuses import AVAILABLE, DEAD_SNAPSHOT, DELETING
from aurora_restore.shared.snapshots.calls import delete_snapshot, share_snapshot
from aurora_restore.shared.snapshots.leases import CommonCopy
from aurora_restore.shared.snapshots.path import absent_snapshot
from aurora_restore.shared.snapshots.routes import Hop, Route, Where

if TYPE_CHECKING:
    from mypy_boto3_rds.type_defs import DBClusterSnapshotTypeDef

ALREADY_EXISTS: Final = "DBClusterSnapshotAlreadyExistsFault"


class CopyAction(Enum):
    """What to do about one copy on the snapshot's path."""

    START = auto()
    REFUSE_NAME = auto()
    """The name belongs to another snapshot."""
    GIVE_UP = auto()
    DELETE_FAILED = auto()
    AWAIT_DELETION = auto()
    AWAIT_RELEASE = auto()
    """A run of another restore deletes it, and it is made again once that is over."""
    AWAIT = auto()
    """An intermediate copy must be available before the next one can be made of it."""
    USE = auto()


@dataclass(frozen=True, kw_only=True)
class CopyFacts:
    """What is known of one copy."""

    status: str | None
    """The status of the snapshot that has the copy's name; None if there is none."""
    is_copy: bool
    """Whether that snapshot is this copy."""
    is_last: bool
    """Whether it is the copy in the target's Region, which check-copy-status waits for."""
    is_limited: bool
    """Whether this step limits the attempts; otherwise check-copy-status does."""
    attempts: int
    most_attempts: int
    is_claimed: bool = False
    """Whether it is deleted because no restore uses it any more."""
    is_restarting: bool = False
    """Whether its failure is counted already, and it is to be deleted and started again."""
    is_restarted_by_other: bool = False
    """Whether an operation of another restore does that."""


def decide(facts: CopyFacts) -> CopyAction:
    """Return what to do about a copy."""
    if facts.is_claimed:
        return CopyAction.AWAIT_RELEASE
    if facts.status is None:
        is_coming = facts.is_restarted_by_other
        return CopyAction.AWAIT_DELETION if is_coming else CopyAction.START
    if not facts.is_copy:
        return CopyAction.REFUSE_NAME
    if facts.status in DEAD_SNAPSHOT:
        used_up = facts.is_limited and facts.attempts >= facts.most_attempts
        if used_up and not facts.is_restarting:
            return CopyAction.GIVE_UP
        is_going = facts.status == DELETING or facts.is_restarted_by_other
        return CopyAction.AWAIT_DELETION if is_going else CopyAction.DELETE_FAILED
    if facts.is_last or facts.status == AVAILABLE:
        return CopyAction.USE
    return CopyAction.AWAIT


@dataclass(frozen=True)
class SeenCopy:
    """One copy as it was looked at."""

    lease: CommonCopy | None
    """What is known of the copy as a common one; None if it is the operation's own."""
    snapshot: "DBClusterSnapshotTypeDef | None"
    """The snapshot that has its name."""

    @property
    def status(self) -> str | None:
        """Return the status of that snapshot; None if there is none."""
        return None if self.snapshot is None else self.snapshot["Status"]


class CopySnapshotHandler(BaseHandler):
    """The step that copies the snapshot to the target: hop by hop, each under its customer key.

    It uses a copy of this snapshot that exists already, and deletes a failed one first. Restores
    that need the same copy share one: the first makes it, and each holds a lease on it before it
    looks at it. A manual copy in the source account is shared with this account once it is
    available.
    """

    step = get_step("copy-snapshot")
    services = ("rds",)

    def run(self, job: Job) -> Answer:
        """Start what is missing, and return 200 once the target's copy is started or not needed.

        Raises ValidationError if target_snapshot_name cannot be the copy's, ConfigurationError if
        an encrypted snapshot has no key to be copied with, NameTakenError if another snapshot has a
        copy's name, CopyFailedError if an intermediate copy keeps failing, CopiesInProgressError if
        a copy has waited too long for its turn, SnapshotNotFoundError if the source's snapshot does
        not exist, and UnsuitableInputError if the event names a snapshot that is not of the
        configured source.
        """
        try:
            return self._copy_to_target(job)
        except SnapshotNotVisibleError as error:
            return Answer.wait(Awaited.SHARED_SNAPSHOT, error.message)

    def _copy_to_target(self, job: Job) -> Answer:
        job.path.require_fitting_name(job.event.target_snapshot_name)
        self._require_proven(job)
        if job.source.route is Route.IN_PLACE:
            return self._finished(
                job, "No need to copy snapshot, regions are the same", restored=self._name(job)
            )
        sharing = job.path.sharing()
        if sharing is not None:
            sharing.make(job.rds.at_source)
            job.state = replace(job.state, shared_at=job.state.shared_at or job.now)
        answer = None
        for hop, seen in self._needed(job):
            answer = self._advance(job, hop, seen)
            if answer is not None and hop.where is not Where.TARGET:
                return answer
        return answer or self._restore_from_shared(job)

    def _needed(self, job: Job) -> Iterator[tuple[Hop, SeenCopy]]:
        """Yield the copies to look after: the last one alone where that has been begun.

        Another restore may have made it, by intermediate copies that are gone since. The one that
        it is still made of must stay, and so it is leased as well.
        """
        before = list(job.path.hops)
        last = before.pop() if before and before[-1].where is Where.TARGET else None
        if last is None:
            yield from ((hop, self._look(job, hop)) for hop in before)
            return
        seen = self._look(job, last)
        if seen.status is None or seen.status in DEAD_SNAPSHOT:
            yield from ((hop, self._look(job, hop)) for hop in before)
        elif before and seen.status != AVAILABLE:
            take_lease_if_common(job, str(last.source))
        yield last, seen

    def _look(self, job: Job, hop: Hop) -> SeenCopy:
        """Take the lease on a hop's copy, and only then look at it."""
        lease = self._lease(job, hop)
        return SeenCopy(lease, find_snapshot(job.rds.at(hop.place), hop.name))

    def _lease(self, job: Job, hop: Hop) -> CommonCopy | None:
        """Take the lease on a hop's copy; None if the copy is the operation's own."""
        if hop.is_common:
            return take_lease(job, str(hop.arn))
        return take_lease_if_common(job, str(hop.arn))

    def _require_proven(self, job: Job) -> None:
        """Raise an error unless the snapshot is one of the configured source.

        snapshot-check has proven what it recorded. What only the event names is looked at here,
        before it is shared or copied.
        """
        if job.state.source_snapshot_arn is None:
            snapshot = self._require_visible(job, job.path.snapshot, job.source.viewing_account)
            refuse_foreign_snapshot(job.request, snapshot)
            job.state = replace(job.state, source_snapshot_arn=str(job.path.snapshot))

    def _advance(self, job: Job, hop: Hop, seen: SeenCopy) -> Answer | None:
        """Do what is next for the copy of a hop; return None once an intermediate one is usable."""
        lease, existing = seen.lease, seen.snapshot
        counter = self._counter(hop)
        counted = job.attempts(counter)
        facts = CopyFacts(
            status=seen.status,
            is_copy=existing is not None and job.path.is_copy(existing, hop),
            is_last=hop.where is Where.TARGET,
            is_limited=hop.where is not Where.TARGET
            or (lease is not None and job.execution is not None),
            attempts=attempts_in_run(job, lease, counter),
            most_attempts=job.restore.max_attempts,
            is_claimed=is_being_deleted(lease, job),
            is_restarting=lease is not None and lease.restarting is not None,
            is_restarted_by_other=lease is not None
            and lease.is_restarted_by_other(job.operation_id, job.clock()),
        )
        # Another restore's attempt counts once, so that all give up together.
        joined = lease is not None and counted == 0 and facts.status != AVAILABLE
        state = job.with_attempt(job.state, counter) if joined else job.state
        turn = TurnToCopy(job, hop)
        if existing is not None:
            turn.end()
        match decide(facts):
            case CopyAction.START:
                if (answer := turn.await_turn()) is not None:
                    return answer
                try:
                    status = self._copy(job, hop)
                except AwsError as error:
                    return turn.refused(error)
                turn.end()
                end_restart(job, lease)
                state = job.with_attempt(job.state, counter)
                if facts.is_last:
                    return self._started(job, hop, status, state, lease)
                return self._progress(hop, status, state)
            case CopyAction.REFUSE_NAME:
                raise _name_is_taken(hop)
            case CopyAction.GIVE_UP:
                raise CopyFailedError(
                    f"the copy {hop.name} {hop.where} is {facts.status!r}",
                    copy_status=facts.status,
                )
            case CopyAction.DELETE_FAILED:
                if lease is None or claim_restart(job, lease, is_first=counted == 0):
                    reason = f"the copy is {facts.status!r}"
                    delete_snapshot(hop.name, hop.place.region, reason).make(job.rds.at(hop.place))
                return self._deleting(hop, facts.status)
            case CopyAction.AWAIT_DELETION:
                return self._deleting(hop, facts.status)
            case CopyAction.AWAIT_RELEASE:
                return Answer.wait(
                    Awaited.RELEASED_COPY,
                    f"The copy {hop.name} is being deleted, because no restore used it; it is made "
                    "again once it is gone",
                    {"copy_status": DELETING},
                )
            case CopyAction.AWAIT:
                percent = None if existing is None else existing.get("PercentProgress")
                return self._progress(hop, str(facts.status), state, percent)
            case CopyAction.USE:
                if facts.is_last:
                    return self._started(job, hop, str(facts.status), state, lease)
                self._share(job, hop)
                return None
            case action:
                assert_never(action)

    def _copy(self, job: Job, hop: Hop) -> str:
        """Start the copy of a hop, and return its status."""
        rds = job.rds.at(hop.place)
        snapshot = self._require_visible(job, hop.source, hop.place.account)
        try:
            made = job.path.copying(hop, snapshot, job.owner).make(rds)
        except SnapshotNotFoundError as error:
            raise self._absent(job, hop.source) from error
        except AwsError as error:
            existing = find_snapshot(rds, hop.name)
            if code_of(error) != ALREADY_EXISTS or existing is None:
                raise
            if not job.path.is_copy(existing, hop):
                raise _name_is_taken(hop) from error
            return existing["Status"]
        if hop.share_with is not None:
            job.state = replace(job.state, shared_at=None)
        return str(made["DBClusterSnapshot"]["Status"])

    def _share(self, job: Job, hop: Hop) -> None:
        """Let this account use a finished copy of the source account."""
        if hop.share_with is not None:
            share_snapshot(hop.name, hop.place.region, hop.place.account, hop.share_with).make(
                job.rds.at(hop.place)
            )
            job.state = replace(job.state, shared_at=job.state.shared_at or job.now)

    def _require_visible(
        self, job: Job, wanted: RdsArn, account: str
    ) -> "DBClusterSnapshotTypeDef":
        """Return a snapshot as ``account`` sees it; raise an error if it does not see it."""
        rds = job.rds.at(Place(account, wanted.region))
        snapshot = find_snapshot(rds, wanted.name if account == wanted.account else str(wanted))
        if snapshot is None:
            raise self._absent(job, wanted)
        return snapshot

    def _absent(self, job: Job, wanted: RdsArn) -> AuroraRestoreError:
        return absent_snapshot(
            str(wanted),
            wanted.region,
            just_shared=job.is_recent(job.state.shared_at),
            snapshot_name=wanted.name,
            source_region=wanted.region,
        )

    def _counter(self, hop: Hop) -> str:
        """Return the name that counts a copy's attempts: for the last copy, the step's."""
        return self.step.name if hop.where is Where.TARGET else hop.name

    def _deleting(self, hop: Hop, status: str | None) -> Answer:
        message = f"The copy {hop.name} is being deleted, and is made again once it is gone"
        return Answer.wait(Awaited.FAILED_COPY, message, {"copy_status": status or DELETING})

    def _progress(
        self, hop: Hop, status: str, state: OperationState, percent: int | None = None
    ) -> Answer:
        return Answer.wait(
            Awaited.INTERMEDIATE_COPY,
            f"Snapshot copy {hop.where} is still in progress",
            {"copy_status": status, "intermediate_snapshot": str(hop.arn)},
            state,
            percent=percent,
        )

    def _restore_from_shared(self, job: Job) -> Answer:
        """Return the answer that the target is restored from the shared snapshot, by its ARN."""
        shared = job.path.restored
        self._require_visible(job, shared, job.account_id)
        return self._finished(
            job, "No need to copy snapshot, it is shared in the same region", restored=str(shared)
        )

    def _started(
        self, job: Job, hop: Hop, status: str, state: OperationState, copy: CommonCopy | None
    ) -> Answer:
        answer = Answer(
            "Snapshot copy initiated",
            {**self._body(job), "target_snapshot_name": hop.name, "copy_status": status},
            replace(
                self._state_with(job, state, hop.name, status),
                copy_started_at=state.copy_started_at or job.now,
            ),
        )
        others = () if copy is None else copy.others(job.restore_name)
        return with_other_users(answer, others, job)

    def _finished(self, job: Job, message: str, *, restored: str) -> Answer:
        state = self._state_with(job, job.state, restored, AVAILABLE)
        return Answer(message, self._body(job), state)

    def _body(self, job: Job) -> dict[str, str]:
        return {
            "snapshot_name": self._name(job),
            "source_region": job.source_place.region,
            "target_region": job.target_region,
        }

    def _name(self, job: Job) -> str:
        return job.event.snapshot_name or job.state.snapshot_name or job.path.snapshot.name

    def _state_with(
        self, job: Job, state: OperationState, target_snapshot: str, status: str
    ) -> OperationState:
        name = self._name(job)
        return replace(
            state,
            snapshot_name=name,
            source_snapshot=name,
            target_snapshot=target_snapshot,
            copy_snapshot_id=target_snapshot,
            copy_status=status,
            source_account_id=job.source_place.account,
            target_account_id=job.account_id,
            source_region=job.source_place.region,
            target_region=job.target_region,
            route=str(job.source.route),
        )


def _name_is_taken(hop: Hop) -> NameTakenError:
    if hop.where is Where.TARGET:
        return NameTakenError(
            f"target_snapshot_name: {hop.name!r} is taken by a snapshot that is not a copy of "
            f"{hop.source}; give another name",
            target_snapshot_name=hop.name,
        )
    return NameTakenError(
        f"the name of the copy {hop.where}, {hop.name!r}, is taken by a snapshot that is not a "
        f"copy of {hop.source}; delete that snapshot",
        intermediate_snapshot=str(hop.arn),
    )


handler = CopySnapshotHandler.loaded()
