"""Which snapshot is meant: decided from the event, the configuration and a list."""

from datetime import UTC, datetime
from typing import Any

import pytest

from aurora_restore.shared.documents.event import Event
from aurora_restore.shared.documents.restore import Source
from aurora_restore.shared.snapshots.selection import (
    WantedSnapshot,
    available_days,
    choose_snapshot,
    is_own_copy,
)

STARTED = datetime(2026, 5, 16, 3, 0, tzinfo=UTC)


def snapshot(
    name: str, *, created: str | None = None, status: str = "available", tags: Any = ()
) -> Any:
    made: dict[str, Any] = {
        "DBClusterSnapshotIdentifier": name,
        "DBClusterSnapshotArn": f"arn:aws:rds:us-east-1:111111111111:cluster-snapshot:{name}",
        "Status": status,
        "TagList": list(tags),
        "SnapshotType": "automated" if name.startswith("rds:") else "manual",
    }
    if created is not None:
        made["SnapshotCreateTime"] = datetime.fromisoformat(f"{created}+00:00")
    return made


def wanted(*, default_day: Any = "yesterday", named: str | None = None, **event: Any) -> Any:
    source = Source(
        cluster_id="prod", region="us-east-1", default_day=default_day, snapshot_name=named
    )
    return WantedSnapshot.of(Event(**event), source, STARTED)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, WantedSnapshot(name=None, day="2026-05-15")),
        ({"default_day": "today"}, WantedSnapshot(name=None, day="2026-05-16")),
        ({"default_day": "latest"}, WantedSnapshot(name=None, day="latest")),
        ({"date": "2026-05-01"}, WantedSnapshot(name=None, day="2026-05-01")),
        ({"named": "daily-{date}"}, WantedSnapshot(name="daily-2026-05-15", day="2026-05-15")),
        (
            {"named": "daily-{date}", "default_day": "latest"},
            WantedSnapshot(name=None, day="latest"),
        ),
        ({"snapshot_id": "by-hand"}, WantedSnapshot(name="by-hand", day="2026-05-15")),
        (
            {"named": "daily-{date}", "snapshot_name": "by-hand"},
            WantedSnapshot(name="by-hand", day="2026-05-15"),
        ),
    ],
)
def test_the_event_says_what_is_wanted_or_else_the_configuration(
    asked: Any, expected: WantedSnapshot
) -> None:
    assert wanted(**asked) == expected


def test_of_one_day_an_available_snapshot_is_preferred_to_a_newer_one() -> None:
    found = choose_snapshot(
        [
            snapshot("early", created="2026-05-15T02:00:00"),
            snapshot("late", created="2026-05-15T22:00:00", status="creating"),
            snapshot("dead", created="2026-05-15T23:00:00", status="failed"),
        ],
        wanted(),
    )
    assert found is not None
    assert found["DBClusterSnapshotIdentifier"] == "early"


def test_a_snapshot_without_a_creation_time_has_the_day_of_its_name() -> None:
    candidates = [snapshot("rds:prod-2026-05-15-02-00", status="creating"), snapshot("by-hand")]

    found = choose_snapshot(candidates, wanted())

    assert found is candidates[0]
    assert available_days(candidates) == ["2026-05-15"]


def test_the_latest_is_the_newest_available_one() -> None:
    found = choose_snapshot(
        [
            snapshot("monday", created="2026-05-11T02:00:00"),
            snapshot("tuesday", created="2026-05-12T02:00:00"),
            snapshot("wednesday", created="2026-05-13T02:00:00", status="creating"),
        ],
        wanted(default_day="latest"),
    )
    assert found is not None
    assert found["DBClusterSnapshotIdentifier"] == "tuesday"


def test_a_name_is_matched_whole() -> None:
    candidates = [snapshot("by-hand-2", created="2026-05-15T02:00:00")]

    assert choose_snapshot(candidates, wanted(snapshot_id="by-hand")) is None
    assert choose_snapshot(candidates, wanted(snapshot_id="by-hand-2")) is candidates[0]


def test_days_of_dead_snapshots_are_not_offered() -> None:
    days = available_days(
        [
            snapshot("a", created="2026-05-14T02:00:00", status="failed"),
            snapshot("b", created="2026-05-13T02:00:00"),
            snapshot("c", created="2026-05-15T02:00:00"),
        ]
    )
    assert days == ["2026-05-15", "2026-05-13"]


def test_an_automated_snapshot_with_inherited_tags_is_no_copy() -> None:
    tags: Any = [{"Key": "aurora-restore:managed-by", "Value": "aurora-restore"}]

    assert is_own_copy(snapshot("a-copy", tags=tags))
    assert not is_own_copy(snapshot("rds:prod-2026-05-15-02-00", tags=tags))
