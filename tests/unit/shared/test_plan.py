"""What a dry run lists is what a run does."""

from typing import Any

import pytest

from aurora_restore.lambdas.check_copy_status import CheckCopyStatusHandler
from aurora_restore.lambdas.check_delete_status import CheckDeleteStatusHandler
from aurora_restore.lambdas.copy_snapshot import CopySnapshotHandler
from aurora_restore.lambdas.delete_rds import DeleteRdsHandler
from aurora_restore.lambdas.snapshot_check import SnapshotCheckHandler
from aurora_restore.shared.names import final_snapshot_prefix
from tests.unit.bench import ACCOUNT, REGION, SOURCE_REGION, Bench
from tests.unit.lambdas.arrange import (
    ELSEWHERE,
    LONG_ENOUGH,
    NEXT_DOOR,
    ROLE,
    go,
    manual_snapshots,
    shared_with,
    tags,
    take_manual,
)
from tests.unit.lambdas.midway import until_done
from tests.unit.scene import OTHER_ACCOUNT, OWN_TAGS, TARGET, Scene, make_scene

MANUAL = "by-hand-2026-05-15"
COPIES = (SnapshotCheckHandler, CopySnapshotHandler, CheckCopyStatusHandler)
DELETES = (DeleteRdsHandler, CheckDeleteStatusHandler)


def planned(scene: Scene) -> list[dict[str, Any]]:
    """What a dry run of the same operation lists."""
    event = {"dry_run": True, "operation_id": "op-1"}
    body = scene.bench.call(SnapshotCheckHandler, event)["body"]
    assert body["ready"] is True
    calls: list[dict[str, Any]] = body["calls"]
    return calls


def with_a_manual_snapshot(bench: Bench, **settings: Any) -> Scene:
    """A role in the source account may share a manual snapshot as it is."""
    place = NEXT_DOOR if settings.get("copy_route") == "none" else ELSEWHERE
    scene = make_scene(bench, place)
    take_manual(scene, MANUAL)
    scene.configure_source(role_arn=ROLE, snapshot_name="by-hand-{date}", **settings)
    return scene


def test_the_sharing_of_a_snapshot_that_can_be_shared_as_it_is_comes_first(bench: Bench) -> None:
    scene = with_a_manual_snapshot(bench)

    calls = planned(scene)

    reported = [(call["operation"], call["region"], call.get("account")) for call in calls[:2]]
    assert reported == [
        ("ModifyDBClusterSnapshotAttribute", SOURCE_REGION, OTHER_ACCOUNT),
        ("CopyDBClusterSnapshot", REGION, None),
    ]
    assert shared_with(scene, MANUAL) == []
    for handler in COPIES:
        until_done(scene, handler)
    parameters = calls[0]["parameters"]
    assert shared_with(scene, parameters["DBClusterSnapshotIdentifier"]) == [ACCOUNT]
    assert parameters["ValuesToAdd"] == [ACCOUNT]


def test_a_snapshot_that_is_restored_where_it_is_shared_is_planned_to_be_shared(
    bench: Bench,
) -> None:
    calls = planned(with_a_manual_snapshot(bench, copy_route="none"))

    assert [call["operation"] for call in calls[:2]] == [
        "ModifyDBClusterSnapshotAttribute",
        "RestoreDBClusterFromSnapshot",
    ]


@pytest.mark.parametrize(
    ("tags_of_target", "settings"),
    [(OWN_TAGS, {"skip_final_snapshot": False}), ([], {"adopt": True})],
    ids=["configured", "adopted"],
)
def test_the_tagging_of_a_final_snapshot_follows_the_deletion(
    bench: Bench, tags_of_target: list[dict[str, str]], settings: dict[str, Any]
) -> None:
    scene = make_scene(bench)
    scene.make_target(tags=tags_of_target)
    scene.configure(**settings)
    go(scene, SnapshotCheckHandler)

    calls = planned(scene)

    operations = [call["operation"] for call in calls]
    deletion = operations.index("DeleteDBCluster")
    assert operations[deletion + 1 : deletion + 3] == [
        "AddTagsToResource",
        "RestoreDBClusterFromSnapshot",
    ]
    for handler in (*COPIES[1:], *DELETES):
        until_done(scene, handler)
        scene.bench.advance(LONG_ENOUGH)
    made = next(
        snapshot
        for name, snapshot in manual_snapshots(scene).items()
        if name.startswith(final_snapshot_prefix(TARGET))
    )
    parameters = calls[deletion + 1]["parameters"]
    assert parameters["ResourceName"] == made["DBClusterSnapshotArn"]
    assert {tag["Key"]: tag["Value"] for tag in parameters["Tags"]} == tags(made)


def test_without_a_final_snapshot_none_is_tagged(bench: Bench) -> None:
    scene = make_scene(bench)
    scene.make_target()

    calls = planned(scene)

    tagged = [call for call in calls if call["operation"] == "AddTagsToResource"]
    assert [call["reason"] for call in tagged] == ["archive the copy"]
