"""Which of a cluster's snapshots is meant: decisions on what RDS lists."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from aurora_restore.shared.documents.event import Event
from aurora_restore.shared.documents.restore import Source
from aurora_restore.shared.names import TAG_MANAGED_BY
from aurora_restore.shared.rds.arns import RdsArn
from aurora_restore.shared.rds.statuses import AVAILABLE, DEAD_SNAPSHOT
from aurora_restore.shared.rds.tags import tags_of
from aurora_restore.shared.snapshots.routes import AUTOMATED

if TYPE_CHECKING:
    from mypy_boto3_rds.type_defs import DBClusterSnapshotTypeDef

LATEST: Final = "latest"
AUTOMATED_DAY: Final = re.compile(r"^rds:.*-(\d{4}-\d{2}-\d{2})-\d{2}-\d{2}$")
NO_DAY: Final = ""
"""The day of a snapshot that has no creation time yet."""


@dataclass(frozen=True, kw_only=True)
class WantedSnapshot:
    """What is asked for: a name or an ARN, or else a day, or else the latest."""

    name: str | None
    """A snapshot's name or ARN."""
    day: str
    """A day as YYYY-MM-DD, or ``LATEST``."""

    @classmethod
    def of(cls, event: Event, source: Source, started: datetime) -> "WantedSnapshot":
        """Return what an event asks for; where it is silent, the configuration decides.

        An operation that was started before midnight keeps its day.
        """
        day = _wanted_day(event, source, started)
        name = event.snapshot_arn or event.snapshot_id or event.snapshot_name
        if name is None and source.snapshot_name is not None and day != LATEST:
            name = source.snapshot_name.format(date=day)
        return cls(name=name, day=day)

    def __str__(self) -> str:
        return f"called {self.name}" if self.name else f"of {self.day}"


def _wanted_day(event: Event, source: Source, started: datetime) -> str:
    if event.date is not None:
        return event.date
    today = started.date()
    match source.default_day:
        case "latest":
            return LATEST
        case "today":
            return today.isoformat()
        case "yesterday":
            return (today - timedelta(days=1)).isoformat()


def choose_snapshot(
    candidates: "Sequence[DBClusterSnapshotTypeDef]", wanted: WantedSnapshot
) -> "DBClusterSnapshotTypeDef | None":
    """Return the snapshot that is meant, or None if there is none.

    Of several, an available one is preferred, then one that may still become available, then the
    newest.
    """
    if wanted.name is not None:
        chosen = [
            snapshot
            for snapshot in candidates
            if wanted.name in (snapshot["DBClusterSnapshotIdentifier"], bare_name(snapshot))
        ]
    elif wanted.day == LATEST:
        chosen = [snapshot for snapshot in candidates if snapshot["Status"] == AVAILABLE]
    else:
        chosen = [snapshot for snapshot in candidates if _day_of(snapshot) == wanted.day]
    return max(
        chosen,
        key=lambda item: (
            item["Status"] == AVAILABLE,
            item["Status"] not in DEAD_SNAPSHOT,
            _created(item),
        ),
        default=None,
    )


def is_own_copy(snapshot: "DBClusterSnapshotTypeDef") -> bool:
    """Return whether the pipeline made it. An automated one may have the tags of its cluster."""
    automated = snapshot.get("SnapshotType") == AUTOMATED
    return not automated and TAG_MANAGED_BY in tags_of(snapshot.get("TagList"))


def available_days(candidates: "Iterable[DBClusterSnapshotTypeDef]") -> list[str]:
    """Return the days that have a usable snapshot, the newest first."""
    days = {_day_of(item) for item in candidates if item["Status"] not in DEAD_SNAPSHOT}
    return sorted(days - {NO_DAY}, reverse=True)


def bare_name(snapshot: "DBClusterSnapshotTypeDef") -> str:
    """Return a snapshot's name, also where its identifier is an ARN, as of a shared one."""
    return RdsArn.parse(snapshot["DBClusterSnapshotArn"]).name


def _created(snapshot: "DBClusterSnapshotTypeDef") -> datetime:
    """Return the creation time; a snapshot that is being created has none yet: it is the newest."""
    return snapshot.get("SnapshotCreateTime") or datetime.max.replace(tzinfo=UTC)


def _day_of(snapshot: "DBClusterSnapshotTypeDef") -> str:
    """Return the day (UTC); a snapshot that has no time yet may have its day in its name."""
    created = snapshot.get("SnapshotCreateTime")
    if created:
        return created.astimezone(UTC).date().isoformat()
    named = AUTOMATED_DAY.search(bare_name(snapshot))
    return named[1] if named else NO_DAY
