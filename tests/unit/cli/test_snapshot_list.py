"""Which snapshots the next successful run deletes, and why."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from aurora_restore.cli import snapshot_list
from aurora_restore.cli.snapshot_list import FoundSnapshot, SnapshotKind, judge
from aurora_restore.shared.documents.restore import Restore
from aurora_restore.shared.documents.schema import parse
from aurora_restore.shared.errors import AwsError
from aurora_restore.shared.rds.arns import Place
from aurora_restore.shared.snapshots.leases import CommonCopy, Lease

NOW = datetime(2026, 5, 15, tzinfo=UTC)
HERE = Place("222222222222", "us-west-2")
DOCUMENT: dict[str, Any] = {
    "source": {"cluster_id": "production", "region": "us-east-1"},
    "target": {
        "cluster_id": "staging-cluster",
        "db_subnet_group_name": "databases",
        "vpc_security_group_ids": ["sg-12345678"],
        "instances": [{"instance_class": "db.r6g.large"}],
    },
}


def restore(*, target: dict[str, Any] | None = None, **archive: int) -> Restore:
    changed = {**DOCUMENT["target"], **(target or {})}
    return parse(Restore, {**DOCUMENT, "target": changed, "archive": archive})


def snapshot(
    name: str, days: int, kind: SnapshotKind = SnapshotKind.COPY, status: str = "available"
) -> FoundSnapshot:
    described: Any = {
        "DBClusterSnapshotIdentifier": name,
        "DBClusterSnapshotArn": f"arn:aws:rds:us-west-2:222222222222:cluster-snapshot:{name}",
        "Status": status,
        "SnapshotCreateTime": NOW - timedelta(days=days),
        "AllocatedStorage": 100,
    }
    return FoundSnapshot(place=HERE, kind=kind, described=described)


def reasons(
    configured: Restore, *found: FoundSnapshot, makes_copies: bool = True
) -> dict[str, str | None]:
    listed = judge("staging", configured, found, NOW, makes_copies=makes_copies)
    return {each.name: each.goes for each in listed}


def test_what_may_not_be_read_is_said_beside_what_was_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deployment: Any = SimpleNamespace(
        account_id=HERE.account, region=HERE.region, rds=None, name_prefix="aurora-restore"
    )

    def refuse(*_: object) -> None:
        raise AwsError("AccessDenied")

    monkeypatch.setattr(snapshot_list, "manual_snapshots", lambda _: [])
    monkeypatch.setattr(snapshot_list, "_in_the_source", refuse)

    assert snapshot_list.look(deployment, "staging", restore(), {}) == (
        [],
        ["The copies of staging in account 222222222222 in us-east-1 were not read: AccessDenied"],
    )


def test_the_next_copy_takes_the_place_of_the_oldest() -> None:
    found = reasons(restore(keep_copies=2), snapshot("a", 1), snapshot("b", 2), snapshot("c", 3))

    gone = "beyond the newest 2, with the next run's own"
    assert list(found.items()) == [("a", None), ("b", gone), ("c", gone)]


def test_a_copy_may_also_be_too_old() -> None:
    found = reasons(restore(keep_days=7), snapshot("a", 1), snapshot("b", 8))

    assert found == {"a": None, "b": "older than 7 days, with the next run's own"}


def test_where_a_run_makes_no_copy_it_deletes_none() -> None:
    assert reasons(restore(keep_copies=1), snapshot("a", 1), makes_copies=False) == {"a": None}


def test_what_is_unusable_or_only_on_the_way_goes_and_what_others_made_stays() -> None:
    found = reasons(
        restore(),
        snapshot("failed", 1, status="failed"),
        snapshot("made now", 0, status="creating"),
        snapshot("on the way", 1, SnapshotKind.INTERMEDIATE),
        snapshot("on its way", 1, SnapshotKind.INTERMEDIATE, "copying"),
        snapshot("foreign", 900, SnapshotKind.OTHER),
    )

    assert found == {
        "failed": "it has failed",
        "made now": None,
        "on the way": "a successful run no longer needs it",
        "on its way": None,
        "foreign": None,
    }


@pytest.mark.parametrize(
    ("target", "gone"),
    [
        ({}, []),
        ({"skip_final_snapshot": False}, ["b"]),
        ({"skip_final_snapshot": False, "strategy": "switch"}, []),
    ],
    ids=["may take none", "takes one", "switched"],
)
def test_final_snapshots_count_on_their_own(target: dict[str, Any], gone: list[str]) -> None:
    configured = restore(target=target, keep_final_snapshots=2, keep_copies=1)

    found = reasons(
        configured, snapshot("a", 1, SnapshotKind.FINAL), snapshot("b", 2, SnapshotKind.FINAL)
    )

    assert [name for name, why in found.items() if why] == gone


def test_a_copy_that_another_restore_uses_stays() -> None:
    shared = replace(snapshot("b", 2), others=("other",))

    listed = judge("staging", restore(keep_copies=1), [shared], NOW, makes_copies=True)

    assert [(each.goes, each.others) for each in listed] == [(None, ("other",))]
    assert listed[0].as_json()["also_used_by"] == ["other"]


def test_a_shared_copy_is_listed_for_each_restore_with_a_lease(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    described = snapshot("shared-copy", 1).described
    deployment: Any = SimpleNamespace(
        account_id=HERE.account, region=HERE.region, rds=None, name_prefix="aurora-restore"
    )
    lease = Lease(
        operation_id="op-1",
        execution="an execution",
        redrive_count=0,
        since="2026-05-15T02:00:00Z",
        restarts_before=0,
    )
    arn = described["DBClusterSnapshotArn"]
    shared = {arn: CommonCopy(arn=arn, users={"staging": lease, "other": lease})}
    monkeypatch.setattr(snapshot_list, "manual_snapshots", lambda _: [described])

    def found_for(name: str) -> list[tuple[SnapshotKind, tuple[str, ...]]]:
        found, _ = snapshot_list.look(deployment, name, restore(), shared)
        return [(each.kind, each.others) for each in found]

    assert found_for("staging") == [(SnapshotKind.COPY, ("other",))]
    assert found_for("third") == []
