"""Step 1: find the snapshot to restore."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from aurora_restore.shared.base_handler import Answer, BaseHandler, Job
from aurora_restore.shared.common import parse_timestamp, timestamp, update_metrics
from aurora_restore.shared.errors import SnapshotFailedError, SnapshotNotFoundError, ValidationError
from aurora_restore.shared.function_utils import RdsArn
from aurora_restore.shared.pipeline import TAG_MANAGED_BY, get_step
from aurora_restore.shared.rds import (
    AVAILABLE,
    DEAD_SNAPSHOT,
    find_snapshot,
    snapshots_of,
    tags_of,
)

if TYPE_CHECKING:
    from mypy_boto3_rds.type_defs import DBClusterSnapshotTypeDef

DATES_SHOWN: Final = 14
LATEST: Final = "latest"


class SnapshotCheckHandler(BaseHandler):
    """Finds the snapshot that is asked for, or the day's, and waits until it is available.

    Changes nothing in AWS.
    """

    step = get_step("snapshot-check")

    def run(self, job: Job) -> Answer:
        """Raises SnapshotNotFoundError with the days that have a snapshot, and SnapshotFailedError
        where it never became available."""
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
        return Answer(
            "Snapshot found successfully",
            body,
            {
                "snapshot_name": name,
                "snapshot_arn": arn,
                "source_snapshot_arn": arn,
                "source_account_id": RdsArn.parse(arn).account,
                "target_account_id": job.account_id,
                "source_region": job.source_region,
                "target_region": job.target_region,
                "snapshot_created_at": timestamp(created),
            },
        )

    def _find(self, job: Job) -> "DBClusterSnapshotTypeDef":
        event, source = job.event, job.restore.source
        day = self._day(job)
        asked = event.snapshot_arn or event.snapshot_id or event.snapshot_name
        if asked is None and source.snapshot_name is not None and day != LATEST:
            asked = source.snapshot_name.format(date=day)
        of_another_account = job.source_account_id != job.account_id
        rds = job.clients.rds(job.source_region)
        if asked is not None and (asked.startswith("arn:") or not of_another_account):
            found = find_snapshot(rds, asked)
            if found is not None:
                return found
        candidates = [
            snapshot
            for snapshot in snapshots_of(
                rds, source.cluster_id, account_id=job.source_account_id, shared=of_another_account
            )
            if TAG_MANAGED_BY not in tags_of(snapshot.get("TagList"))
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
        dates = sorted(
            {_day_of(item) for item in candidates if item["Status"] not in DEAD_SNAPSHOT},
            reverse=True,
        )
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


def _bare_name(snapshot: "DBClusterSnapshotTypeDef") -> str:
    return RdsArn.parse(snapshot["DBClusterSnapshotArn"]).name


def _created(snapshot: "DBClusterSnapshotTypeDef") -> datetime:
    """A snapshot that is being created has no creation time yet: it is the newest."""
    return snapshot.get("SnapshotCreateTime") or datetime.max.replace(tzinfo=UTC)


def _day_of(snapshot: "DBClusterSnapshotTypeDef") -> str:
    created = snapshot.get("SnapshotCreateTime")
    return _iso(created.astimezone(UTC).date()) if created else ""


def _checked_date(text: str) -> str:
    try:
        return _iso(date.fromisoformat(text))
    except ValueError as error:
        raise ValidationError(f"date: {text!r} is no day of the calendar") from error


def _iso(day: date) -> str:
    return day.isoformat()


handler = SnapshotCheckHandler()
