"""Step 1: find the snapshot to restore."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from aurora_restore.shared.base_handler import Answer, BaseHandler, Job
from aurora_restore.shared.common import logger, parse_timestamp, timestamp, update_metrics
from aurora_restore.shared.errors import (
    AuroraRestoreError,
    RetryableError,
    SnapshotFailedError,
    SnapshotNotFoundError,
    ValidationError,
)
from aurora_restore.shared.names import TAG_MANAGED_BY
from aurora_restore.shared.pipeline import get_step
from aurora_restore.shared.preflight import described, obstacles, refuse
from aurora_restore.shared.preflight.inventory import Findings, survey
from aurora_restore.shared.preflight.obstacles import Obstacle
from aurora_restore.shared.preflight.planned_calls import planned_calls
from aurora_restore.shared.protocol import DRY_RUN
from aurora_restore.shared.rds.arns import RdsArn
from aurora_restore.shared.rds.reads import find_snapshot, snapshots_of
from aurora_restore.shared.rds.statuses import AVAILABLE, DEAD_SNAPSHOT
from aurora_restore.shared.rds.tags import tags_of
from aurora_restore.shared.snapshots.path import SHARED_BY_COPY
from aurora_restore.shared.snapshots.routes import AUTOMATED, needs_manual_copy

if TYPE_CHECKING:
    from mypy_boto3_rds.type_defs import DBClusterSnapshotTypeDef

DATES_SHOWN: Final = 14
LATEST: Final = "latest"
AUTOMATED_DAY: Final = re.compile(r"^rds:.*-(\d{4}-\d{2}-\d{2})-\d{2}-\d{2}$")
NO_DAY: Final = ""
"""The day of a snapshot that has no creation time yet."""


class SnapshotCheckHandler(BaseHandler):
    """Finds the snapshot that is asked for, or the day's, waits until it is available, and checks
    everything that the steps after it depend on.

    Changes nothing in AWS. With ``dry_run`` it answers with the obstacles and with the calls that a
    run would make; without, any obstacle ends the run here.
    """

    step = get_step("snapshot-check")

    def run(self, job: Job) -> Answer:
        """Raises SnapshotNotFoundError with the days that have a snapshot, SnapshotFailedError
        where it never became available, and PreflightError with every obstacle."""
        snapshot = self._find(job)
        name = snapshot["DBClusterSnapshotIdentifier"]
        arn = snapshot["DBClusterSnapshotArn"]
        status = snapshot["Status"]
        body = {
            "snapshot_name": name,
            "snapshot_arn": arn,
            "source_region": job.source_region,
            "target_region": job.target_region,
            "snapshot_status": status,
        }
        if status in DEAD_SNAPSHOT:
            raise SnapshotFailedError(
                f"snapshot {name} in {job.source_region} is {status!r} and cannot be restored; "
                "name another one with snapshot_id or date",
                **body,
            )
        if status != AVAILABLE:
            return Answer.wait(f"Snapshot {name} is not available yet", body)
        created = snapshot["SnapshotCreateTime"]
        age = (job.clock() - created).total_seconds()
        update_metrics(job.operation_id, "SnapshotAge", age, "Seconds")
        facts = {
            "snapshot_name": name,
            "snapshot_arn": arn,
            "source_snapshot_arn": arn,
            "source_account_id": RdsArn.parse(arn).account,
            "target_account_id": job.account_id,
            "source_region": job.source_region,
            "target_region": job.target_region,
            "snapshot_created_at": timestamp(created),
            SHARED_BY_COPY: self._is_shared_by_copy(job, snapshot),
        }
        job.state |= facts
        facts["route"] = str(job.route)
        self._refuse_a_useless_name(job, arn)
        found = survey(job, snapshot)
        told = obstacles(found)
        if job.event.dry_run:
            return self._rehearsed(job, found, told, body)
        refuse(told, job.target_cluster_id)
        return Answer("Snapshot found successfully", {**body, "route": facts["route"]}, facts)

    def _refuse_a_useless_name(self, job: Job, arn: str) -> None:
        """Where nothing is copied, the name of a copy would be taken for what is to be restored."""
        given = job.event.target_snapshot_name
        if not job.route.copies and given not in (None, arn, RdsArn.parse(arn).name):
            raise ValidationError(
                f"target_snapshot_name: nothing is copied, the snapshot is {job.route}; leave it "
                "out, or name the snapshot to restore with snapshot_id"
            )
        if job.route.copies and ":" in (given or ""):
            raise ValidationError(
                f"target_snapshot_name: {given!r} cannot be the name of a copy: it has a colon"
            )

    def _rehearsed(
        self, job: Job, found: Findings, told: Sequence[Obstacle], body: dict[str, Any]
    ) -> Answer:
        """What a dry run says."""
        try:
            planned = [item.described() for item in planned_calls(found)]
        except RetryableError:
            raise
        except AuroraRestoreError as error:
            # The obstacles say why no plan can be made.
            if not told:
                raise
            logger.info("no plan", reason=error.message)
            planned = []
        return Answer(
            "Dry run: a run would succeed as far as can be known"
            if not told
            else f"Dry run: {len(told)} obstacle(s) found",
            {
                **body,
                DRY_RUN: True,
                "ready": not told,
                "route": str(job.route),
                "obstacles": described(told),
                "calls": planned,
            },
        )

    def _is_shared_by_copy(self, job: Job, snapshot: "DBClusterSnapshotTypeDef") -> bool:
        """Whether the source account must make a manual copy, for this account to see it."""
        if not job.works_in_source_account:
            return False
        return needs_manual_copy(
            snapshot.get("SnapshotType", ""),
            snapshot.get("KmsKeyId"),
            job.restore.source.kms_key_id,
        )

    def _find(self, job: Job) -> "DBClusterSnapshotTypeDef":
        event, source = job.event, job.restore.source
        day = self._day(job)
        asked = event.snapshot_arn or event.snapshot_id or event.snapshot_name
        if asked is None and source.snapshot_name is not None and day != LATEST:
            asked = source.snapshot_name.format(date=day)
        rds = job.source_rds
        if asked is not None and (asked.startswith("arn:") or job.sees_source_account):
            found = find_snapshot(rds, _own_name(asked, job))
            if found is not None:
                return found
        candidates = [
            snapshot
            for snapshot in snapshots_of(
                rds,
                source.cluster_id,
                account_id=job.source_account_id,
                shared=not job.sees_source_account,
            )
            if not self._is_a_copy(snapshot) and self._can_be_shared(job, snapshot)
        ]
        if asked is not None:
            chosen = [
                snapshot
                for snapshot in candidates
                if asked in (snapshot["DBClusterSnapshotIdentifier"], _bare_name(snapshot))
            ]
        elif day == LATEST:
            chosen = [snapshot for snapshot in candidates if snapshot["Status"] == AVAILABLE]
        else:
            chosen = [snapshot for snapshot in candidates if _day_of(snapshot) == day]
        if not chosen:
            raise self._not_found(job, asked, day, candidates)
        return max(
            chosen,
            key=lambda item: (
                item["Status"] == AVAILABLE,
                item["Status"] not in DEAD_SNAPSHOT,
                _created(item),
            ),
        )

    def _is_a_copy(self, snapshot: "DBClusterSnapshotTypeDef") -> bool:
        """Whether the pipeline made it. An automated one may have the tags of its cluster."""
        automated = snapshot.get("SnapshotType") == AUTOMATED
        return not automated and TAG_MANAGED_BY in tags_of(snapshot.get("TagList"))

    def _can_be_shared(self, job: Job, snapshot: "DBClusterSnapshotTypeDef") -> bool:
        """Whether the role in another account may share it.

        The role is bounded by names, so that it cannot give away any other snapshot.
        """
        if not job.works_in_source_account:
            return True
        return job.restore.source.lets_use(_bare_name(snapshot))

    def _day(self, job: Job) -> str:
        """The day that is asked for; an operation that began before midnight keeps its day."""
        if job.event.date is not None:
            return _checked_date(job.event.date)
        chosen = job.restore.source.default_day
        if chosen == LATEST:
            return LATEST
        today = parse_timestamp(job.state["operation_started_at"]).date()
        return _iso(today if chosen == "today" else today - timedelta(days=1))

    def _not_found(
        self,
        job: Job,
        asked: str | None,
        day: str,
        candidates: "Iterable[DBClusterSnapshotTypeDef]",
    ) -> SnapshotNotFoundError:
        days = {_day_of(item) for item in candidates if item["Status"] not in DEAD_SNAPSHOT}
        dates = sorted(days - {NO_DAY}, reverse=True)
        summary = f"Snapshot not found in region {job.source_region}"
        wanted = f"called {asked}" if asked else f"of {day}"
        have = (
            "it has snapshots of " + ", ".join(dates[:DATES_SHOWN])
            if dates
            else f"account {job.source_account_id} shows no snapshot of it at all"
        )
        return SnapshotNotFoundError(
            f"{summary}: cluster {job.restore.source.cluster_id} has none {wanted}; {have}",
            summary=summary,
            source_region=job.source_region,
            snapshot_name=asked,
            available_dates=dates,
        )


def _own_name(asked: str, job: Job) -> str:
    """An ARN's name, where the snapshot belongs to the account and Region that are asked."""
    if not asked.startswith("arn:"):
        return asked
    arn = RdsArn.parse(asked)
    own = (arn.account, arn.region) == (job.source_account_id, job.source_region)
    return arn.name if own and job.sees_source_account else asked


def _bare_name(snapshot: "DBClusterSnapshotTypeDef") -> str:
    return RdsArn.parse(snapshot["DBClusterSnapshotArn"]).name


def _created(snapshot: "DBClusterSnapshotTypeDef") -> datetime:
    """A snapshot that is being created has no creation time yet: it is the newest."""
    return snapshot.get("SnapshotCreateTime") or datetime.max.replace(tzinfo=UTC)


def _day_of(snapshot: "DBClusterSnapshotTypeDef") -> str:
    """The day (UTC) of a snapshot; one that has no time yet may have its day in its name."""
    created = snapshot.get("SnapshotCreateTime")
    if created:
        return _iso(created.astimezone(UTC).date())
    named = AUTOMATED_DAY.search(_bare_name(snapshot))
    return named[1] if named else NO_DAY


def _checked_date(text: str) -> str:
    try:
        return _iso(date.fromisoformat(text))
    except ValueError as error:
        raise ValidationError(f"date: {text!r} is no day of the calendar") from error


def _iso(day: date) -> str:
    return day.isoformat()


handler = SnapshotCheckHandler()
