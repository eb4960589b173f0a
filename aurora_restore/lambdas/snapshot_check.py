"""Find the snapshot to restore, and check everything that a run depends on."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final, assert_never

from aurora_restore.shared.awaited import Awaited
from aurora_restore.shared.base_handler import BaseHandler
from aurora_restore.shared.cluster.extras import losses
from aurora_restore.shared.cluster.settings import InstancePlan
from aurora_restore.shared.common import logger, parse_timestamp, timestamp, update_metrics
from aurora_restore.shared.documents.schema import to_json
from aurora_restore.shared.errors import (
    AuroraRestoreError,
    RetryableError,
    SnapshotFailedError,
    SnapshotNotFoundError,
)
from aurora_restore.shared.job import Answer, Job
from aurora_restore.shared.monitoring.run_record import RunRecordStore, held_back
from aurora_restore.shared.operation_identity import require_same_snapshot
from aurora_restore.shared.pause import PauseStore, is_scheduled_start
from aurora_restore.shared.pipeline import get_step
from aurora_restore.shared.preflight.checks import find_obstacles
from aurora_restore.shared.preflight.inventory import Inventory, take_inventory
from aurora_restore.shared.preflight.obstacles import Obstacle
from aurora_restore.shared.preflight.planned_calls import planned_calls
from aurora_restore.shared.preflight.refusing import described, refusal
from aurora_restore.shared.preflight.warnings import find_warnings
from aurora_restore.shared.protocol import DRY_RUN, PAUSED
from aurora_restore.shared.rds.arns import Place, RdsArn
from aurora_restore.shared.rds.reads import find_snapshot, snapshots_of
from aurora_restore.shared.rds.statuses import AVAILABLE, DEAD_SNAPSHOT
from aurora_restore.shared.snapshots.path import SnapshotPath, SnapshotSource
from aurora_restore.shared.snapshots.routes import needs_manual_copy
from aurora_restore.shared.snapshots.selection import (
    WantedSnapshot,
    available_days,
    bare_name,
    choose_snapshot,
    is_own_copy,
)

if TYPE_CHECKING:
    from mypy_boto3_rds.type_defs import DBClusterSnapshotTypeDef

DATES_SHOWN: Final = 14


class SnapshotVerdict(Enum):
    """What a snapshot's status means for the run."""

    UNUSABLE = auto()
    NOT_READY = auto()
    USABLE = auto()


def judge(status: str) -> SnapshotVerdict:
    """Return what a snapshot's status means; one in an unknown status may still be available."""
    if status in DEAD_SNAPSHOT:
        return SnapshotVerdict.UNUSABLE
    return SnapshotVerdict.USABLE if status == AVAILABLE else SnapshotVerdict.NOT_READY


class SnapshotCheckHandler(BaseHandler):
    """The step that finds the snapshot, waits for it, and checks what the later steps depend on.

    Changes nothing in AWS. With ``dry_run`` it returns the obstacles and the calls that a run would
    make; without, any obstacle ends the run here. So does, before anything is looked at, a pause of
    the schedule that has started it.
    """

    step = get_step("snapshot-check")
    services = ("rds", "ec2", "kms", "secretsmanager")

    def hold_back(self, job: Job, *, is_new: bool) -> Answer | None:
        """Return 200 for a scheduled start of a restore whose schedule is paused.

        It is recorded, so that nothing is expected of this start once the pause is over.
        """
        is_redriven = job.execution is not None and job.execution.redrive_count > 0
        if not is_scheduled_start(job.event, is_new=is_new, is_redriven=is_redriven):
            return None
        now = job.clock()
        pause = PauseStore(job.store, job.restore_name).in_force(now)
        if pause is None:
            return None
        RunRecordStore(job.store, job.restore_name).write(
            held_back(job.restore_name, job.operation_id, now, job.restore.schedule)
        )
        return Answer(
            f"Nothing done. {pause}", {PAUSED: True, "pause": to_json(pause)}, only_looked=True
        )

    def run(self, job: Job) -> Answer:
        """Return 200 with the snapshot, or 202 until it is available.

        Raises SnapshotNotFoundError with the days that have a snapshot, SnapshotFailedError if it
        has failed or is being deleted, OperationIdReusedError if the operation has begun to restore
        another one, and PreflightError with every obstacle.
        """
        snapshot = self._find(job)
        name, status = snapshot["DBClusterSnapshotIdentifier"], snapshot["Status"]
        body = {
            "snapshot_name": name,
            "snapshot_arn": snapshot["DBClusterSnapshotArn"],
            "source_region": job.source_place.region,
            "target_region": job.target_region,
            "snapshot_status": status,
        }
        match judge(status):
            case SnapshotVerdict.UNUSABLE:
                raise SnapshotFailedError(
                    f"snapshot {name} in {job.source_place.region} is {status!r} and cannot be "
                    "restored; name another one with snapshot_id or date",
                    **body,
                )
            case SnapshotVerdict.NOT_READY:
                message = f"Snapshot {name} is not available yet"
                return Answer.wait(Awaited.SNAPSHOT, message, body)
            case SnapshotVerdict.USABLE:
                return self._check(job, snapshot, body)
            case verdict:
                assert_never(verdict)

    def _check(
        self, job: Job, snapshot: "DBClusterSnapshotTypeDef", body: dict[str, Any]
    ) -> Answer:
        created = snapshot["SnapshotCreateTime"]
        age = (job.clock() - created).total_seconds()
        update_metrics(job.operation_id, "SnapshotAge", age, "Seconds")
        arn = RdsArn.parse(snapshot["DBClusterSnapshotArn"])
        require_same_snapshot(job.operation_id, str(arn), job.state)
        place = Place(arn.account, job.source_place.region)
        source = (
            job.source
            if place == job.source_place
            else SnapshotSource.of(place, job.place, job.restore.source)
        )
        shared_by_copy = source.role_arn is not None and needs_manual_copy(
            snapshot.get("SnapshotType", ""),
            snapshot.get("KmsKeyId"),
            job.restore.source.kms_key_id,
        )
        path = job.path_of(source, arn, shared_by_copy=shared_by_copy)
        path.require_fitting_name(job.event.target_snapshot_name)
        job.state = replace(
            job.state,
            snapshot_name=snapshot["DBClusterSnapshotIdentifier"],
            snapshot_arn=str(arn),
            source_snapshot_arn=str(arn),
            source_account_id=place.account,
            target_account_id=job.account_id,
            source_region=place.region,
            target_region=job.target_region,
            snapshot_created_at=timestamp(created),
            snapshot_gib=_size_of(snapshot),
            shared_by_copy=shared_by_copy,
            route=str(source.route),
        )
        found = take_inventory(
            job.request,
            snapshot,
            source,
            path,
            access=job.rds,
            clients=job.clients,
            store=job.store,
        )
        obstacles = find_obstacles(found)
        if job.event.dry_run:
            return self._rehearse(job, found, path, obstacles, body)
        if obstacles:
            raise refusal(obstacles, job.target_cluster_id)
        return Answer("Snapshot found successfully", {**body, "route": str(source.route)})

    def _rehearse(
        self,
        job: Job,
        found: Inventory,
        path: SnapshotPath,
        obstacles: Sequence[Obstacle],
        body: dict[str, Any],
    ) -> Answer:
        """Return what a dry run reports."""
        try:
            planned = [item.described() for item in planned_calls(found, path, job.now)]
            lost = _lost(found, found.planned_instances)
        except RetryableError:
            raise
        except AuroraRestoreError as error:
            # The obstacles say why no plan can be made.
            if not obstacles:
                raise
            logger.info("no plan", reason=error.message)
            planned, lost = [], _lost(found, [])
        return Answer(
            "Dry run: a run would succeed as far as can be known"
            if not obstacles
            else f"Dry run: {len(obstacles)} obstacle(s) found",
            {
                **body,
                DRY_RUN: True,
                "ready": not obstacles,
                "route": str(path.source.route),
                "obstacles": described(obstacles),
                "calls": planned,
                "will_be_lost": lost,
                "neutralise": job.restore.database.neutralise.plan(),
                "warnings": [*find_warnings(found), *_pause_of(job)],
            },
        )

    def _find(self, job: Job) -> "DBClusterSnapshotTypeDef":
        source = job.restore.source
        wanted = WantedSnapshot.of(job.event, source, parse_timestamp(job.started_at))
        sees_all = job.source.is_visible_as_a_whole
        rds = job.rds.at_source
        if wanted.name is not None and (wanted.name.startswith("arn:") or sees_all):
            found = find_snapshot(rds, _own_name(wanted.name, job))
            if found is not None:
                return found
        candidates = [
            snapshot
            for snapshot in snapshots_of(
                rds,
                source.cluster_id,
                account_id=job.source_place.account,
                shared=not sees_all,
            )
            if not is_own_copy(snapshot) and _may_be_shared(job, snapshot)
        ]
        chosen = choose_snapshot(candidates, wanted)
        if chosen is None:
            raise _not_found(job, wanted, available_days(candidates))
        return chosen


def _pause_of(job: Job) -> Iterator[str]:
    """Yield that the schedule is paused, if it is: a run by hand is not held back by that."""
    if warning := PauseStore(job.store, job.restore_name).warning(job.clock()):
        yield warning


def _lost(found: Inventory, plans: Sequence[InstancePlan]) -> list[str]:
    """Return what goes with the old cluster; a switch keeps that, and carries over what it can."""
    return [] if found.request.restores_beside else losses(found.old, plans)


def _may_be_shared(job: Job, snapshot: "DBClusterSnapshotTypeDef") -> bool:
    """Return whether the role in another account may share a snapshot.

    The role is limited by names, so that it cannot share any other snapshot.
    """
    return job.source.role_arn is None or job.restore.source.lets_use(bare_name(snapshot))


def _size_of(snapshot: "DBClusterSnapshotTypeDef") -> int | None:
    """Return the size of a snapshot in GiB; RDS shows 1 where it does not know it yet."""
    size = snapshot.get("AllocatedStorage", 0)
    return size if size > 1 else None


def _own_name(wanted: str, job: Job) -> str:
    """Return the snapshot's name if an ARN is of the source's account and Region."""
    if not wanted.startswith("arn:"):
        return wanted
    arn = RdsArn.parse(wanted)
    own = Place(arn.account, arn.region) == job.source_place
    return arn.name if own and job.source.is_visible_as_a_whole else wanted


def _not_found(job: Job, wanted: WantedSnapshot, days: Sequence[str]) -> SnapshotNotFoundError:
    source = job.source_place
    summary = f"Snapshot not found in region {source.region}"
    have = (
        "it has snapshots of " + ", ".join(days[:DATES_SHOWN])
        if days
        else f"account {source.account} shows no snapshot of it at all"
    )
    return SnapshotNotFoundError(
        f"{summary}: cluster {job.restore.source.cluster_id} has none {wanted}; {have}",
        summary=summary,
        source_region=source.region,
        snapshot_name=wanted.name or f"{job.restore.source.cluster_id} {wanted}",
        available_dates=days,
    )


handler = SnapshotCheckHandler.loaded()
