"""archive-snapshot: the copy is kept, and nothing is deleted but what the pipeline has made."""

from typing import Any

import pytest

from aurora_restore.lambdas.archive_snapshot import ArchiveSnapshotHandler
from aurora_restore.shared.errors import AwsError, SnapshotNotFoundError, SupersededError
from aurora_restore.shared.names import (
    TAG_ARCHIVED_AT,
    TAG_MANAGED_BY,
    TAG_OPERATION,
    TAG_RESTORE,
    source_role_name,
)
from aurora_restore.shared.rds.tags import tag_list
from aurora_restore.shared.target_record import TargetRecord, TargetRecordStore
from embedded_aws.rds.models import Location
from tests.unit.bench import ACCOUNT, PREFIX, REGION, SOURCE_REGION, Bench
from tests.unit.lambdas.arrange import COPY, LONG_ENOUGH, SOURCE_ARN
from tests.unit.lambdas.midway import (
    OPERATION,
    copied,
    copy_of_the_source,
    reached,
    tags,
    usable,
)
from tests.unit.scene import HOME, OTHER_ACCOUNT, SNAPSHOT, TARGET, Scene, make_scene

DAY = 86400.0
ELSEWHERE = Location(OTHER_ACCOUNT, SOURCE_REGION)
NEXT_DOOR = Location(OTHER_ACCOUNT, REGION)
ON_THE_WAY = Location(ACCOUNT, SOURCE_REGION)
EARLIER_SHARED_COPY = "aurora-restore-shared-production-2026-05-14-02-00"
EARLIER_STEP_COPY = f"aurora-restore-step-{REGION}-production-2026-05-14-02-00"
SHARED_COPY = "aurora-restore-shared-production-2026-05-15-02-00"
STEP_COPY = f"aurora-restore-step-{REGION}-production-2026-05-15-02-00"
ABANDONED = tags(**{TAG_OPERATION: "op-0"})
"""What an operation leaves on its copy that has not come to its end."""
ARCHIVED = tags(**{TAG_OPERATION: "op-0", TAG_ARCHIVED_AT: "2026-05-01T03:00:00.000000Z"})


def archive(scene: Scene) -> dict[str, Any]:
    answer: dict[str, Any] = scene.bench.step(ArchiveSnapshotHandler)["body"]
    return answer


def keep(scene: Scene, **archive_settings: Any) -> None:
    """Configure the retention."""
    scene.bench.configure({**scene.document, "archive": archive_settings})


def snapshots(scene: Scene, place: Location = HOME) -> set[str]:
    """The manual snapshots that are left."""
    found = scene.client("rds", place).describe_db_cluster_snapshots(SnapshotType="manual")
    return {item["DBClusterSnapshotIdentifier"] for item in found["DBClusterSnapshots"]}


def tags_of_snapshot(scene: Scene, name: str) -> dict[str, str]:
    arn = HOME.arn("cluster-snapshot", name)
    found = scene.client("rds").list_tags_for_resource(ResourceName=arn)
    return {tag["Key"]: tag["Value"] for tag in found["TagList"]}


def tags_of_the_copy(scene: Scene) -> dict[str, str]:
    return tags_of_snapshot(scene, COPY)


def earlier(scene: Scene, *names: str, marked: dict[str, str] = ARCHIVED) -> None:
    """Copies of earlier days, the oldest first; the last one is a day old in the end."""
    for name in names:
        copy_of_the_source(scene, name, marked=marked)
        scene.bench.advance(DAY - LONG_ENOUGH)


# What is archived


def test_the_documented_answer_says_that_the_copy_was_archived(scene: Scene) -> None:
    copied(scene)

    answer = scene.bench.step(ArchiveSnapshotHandler)

    assert answer == {
        "statusCode": 200,
        "body": {
            "message": "Snapshot archived successfully",
            "operation_id": OPERATION,
            "target_snapshot_name": COPY,
            "target_region": REGION,
            "deleted_snapshots": [],
        },
    }
    state = scene.bench.state("archive-snapshot")
    assert state["status"] == "SUCCESS"
    assert scene.bench.audit_trail() == [("archive-snapshot", "SUCCESS")]


def test_the_copy_is_marked_as_archived_and_by_whom(scene: Scene) -> None:
    copied(scene)
    now = scene.bench.clock()

    archive(scene)

    assert tags_of_the_copy(scene) == tags(
        **{TAG_ARCHIVED_AT: f"{now:%Y-%m-%dT%H:%M:%S.%fZ}", TAG_OPERATION: OPERATION}
    )


def test_a_copy_that_an_earlier_operation_made_becomes_this_ones(scene: Scene) -> None:
    copy_of_the_source(scene, marked=ARCHIVED)
    reached(scene, "setup-db-users", copy_snapshot_id=COPY)

    archive(scene)

    assert tags_of_the_copy(scene)[TAG_OPERATION] == OPERATION
    assert snapshots(scene) == {COPY}


def test_a_direct_call_with_the_documented_input_archives_the_snapshot_it_names(
    scene: Scene,
) -> None:
    copied(scene)

    answer = scene.bench.call(
        ArchiveSnapshotHandler,
        {"operation_id": "op-123456", "target_snapshot_name": COPY, "target_region": REGION},
    )

    assert answer["statusCode"] == 200
    assert answer["body"]["message"] == "Snapshot archived successfully"
    assert TAG_ARCHIVED_AT in tags_of_the_copy(scene)


def test_a_snapshot_that_was_restored_from_where_it_is_stays_as_it_is(bench: Bench) -> None:
    scene = make_scene(bench, HOME)
    reached(
        scene,
        "setup-db-users",
        copy_snapshot_id=SNAPSHOT,
        source_snapshot_arn=SOURCE_ARN.replace(SOURCE_REGION, REGION),
    )

    body = archive(scene)

    assert body["message"] == "No need to archive snapshot, it was restored from where it is"
    assert body["deleted_snapshots"] == []
    found = scene.client("rds").describe_db_cluster_snapshots(SnapshotType="automated")
    assert found["DBClusterSnapshots"][0].get("TagList", []) == []


def test_a_snapshot_made_by_hand_is_neither_tagged_nor_does_it_supersede_copies(
    scene: Scene,
) -> None:
    keep(scene, keep_copies=1)
    earlier(scene, "monday-copy")
    copy_of_the_source(scene, marked={"team": "blue"})
    reached(scene, "setup-db-users", copy_snapshot_id=COPY)

    body = archive(scene)

    assert body["message"].startswith("No need to archive")
    assert tags_of_the_copy(scene) == {"team": "blue"}
    assert snapshots(scene) == {"monday-copy", COPY}


# What is refused


def test_a_copy_that_is_gone_is_not_found(scene: Scene) -> None:
    reached(scene, "setup-db-users", copy_snapshot_id="gone")

    answer = scene.bench.call(ArchiveSnapshotHandler, {"operation_id": OPERATION})

    assert answer["statusCode"] == 404
    assert answer["body"]["error_type"] == "ArchiveNotFoundError"
    assert answer["body"]["resume_at"] == "sns-notification"
    assert answer["body"]["target_snapshot_name"] == "gone"
    assert answer["body"]["target_region"] == REGION


def test_without_the_copy_no_older_one_is_deleted(scene: Scene) -> None:
    keep(scene, keep_copies=1)
    earlier(scene, "monday-copy", "tuesday-copy")
    reached(scene, "setup-db-users", copy_snapshot_id="gone")

    with pytest.raises(SnapshotNotFoundError):
        archive(scene)

    assert snapshots(scene) == {"monday-copy", "tuesday-copy"}


def test_an_operation_without_a_snapshot_must_name_one(scene: Scene) -> None:
    answer = scene.bench.call(ArchiveSnapshotHandler, {})

    assert answer["statusCode"] == 400
    assert "target_snapshot_name: is missing" in answer["body"]["error"]


def test_a_copy_that_cannot_be_tagged_lets_no_older_one_go(scene: Scene) -> None:
    keep(scene, keep_copies=1)
    earlier(scene, "monday-copy")
    copied(scene)
    scene.bench.rds.admin.refuse_next("AddTagsToResource", code="AccessDenied")

    with pytest.raises(AwsError, match="the function's role lacks a permission"):
        archive(scene)

    assert snapshots(scene) == {"monday-copy", COPY}
    assert scene.bench.state("archive-snapshot")["status"] == "FAILED"


# The retention


@pytest.mark.parametrize(
    ("kept", "left"),
    [
        (1, {COPY}),
        (2, {COPY, "wednesday-copy"}),
        (3, {COPY, "wednesday-copy", "tuesday-copy"}),
        (4, {COPY, "wednesday-copy", "tuesday-copy", "monday-copy"}),
        (9, {COPY, "wednesday-copy", "tuesday-copy", "monday-copy"}),
    ],
)
def test_so_many_copies_are_kept_counting_the_one_just_used(
    scene: Scene, kept: int, left: set[str]
) -> None:
    keep(scene, keep_copies=kept)
    earlier(scene, "monday-copy", "tuesday-copy", "wednesday-copy")
    copied(scene)

    body = archive(scene)

    assert snapshots(scene) == left
    assert (
        set(body["deleted_snapshots"]) == {"monday-copy", "tuesday-copy", "wednesday-copy"} - left
    )
    stored = scene.bench.state("archive-snapshot")["details"].get("deleted_snapshots", [])
    assert stored == body["deleted_snapshots"]


@pytest.mark.parametrize(
    ("seconds", "left"),
    [(0, {COPY, "wednesday-copy", "tuesday-copy"}), (1, {COPY, "wednesday-copy"})],
)
def test_copies_older_than_so_many_days_go_too(
    scene: Scene, seconds: float, left: set[str]
) -> None:
    keep(scene, keep_days=3)
    earlier(scene, "monday-copy", "tuesday-copy", "wednesday-copy")
    copied(scene)
    tuesday = scene.client("rds").describe_db_cluster_snapshots(
        DBClusterSnapshotIdentifier="tuesday-copy"
    )["DBClusterSnapshots"][0]["SnapshotCreateTime"]
    age = (scene.bench.clock() - tuesday).total_seconds()
    scene.bench.advance(3 * DAY - age + seconds)

    archive(scene)

    assert snapshots(scene) == left


def test_the_copy_just_used_stays_however_old_it_is(scene: Scene) -> None:
    keep(scene, keep_copies=1, keep_days=1)
    copied(scene)
    scene.bench.advance(30 * DAY)

    archive(scene)

    assert snapshots(scene) == {COPY}


@pytest.mark.parametrize(
    "marked",
    [
        {},
        {TAG_ARCHIVED_AT: "2026-05-01T03:00:00.000000Z"},
        {**ARCHIVED, TAG_MANAGED_BY: "another-environment"},
        {**ARCHIVED, TAG_RESTORE: "another-restore"},
    ],
    ids=["untagged", "not managed", "another environment's", "another restore's"],
)
def test_a_snapshot_that_is_not_a_copy_of_this_restore_is_never_deleted(
    scene: Scene, marked: dict[str, str]
) -> None:
    keep(scene, keep_copies=1, keep_days=1)
    earlier(scene, "precious-copy", marked=marked)
    scene.bench.advance(30 * DAY)
    copied(scene)

    body = archive(scene)

    assert snapshots(scene) == {"precious-copy", COPY}
    assert body["deleted_snapshots"] == []


@pytest.mark.parametrize("status", ["copying", "deleting", "of-a-new-kind"])
@pytest.mark.parametrize("marked", [ARCHIVED, ABANDONED], ids=["archived", "abandoned"])
def test_a_copy_that_something_is_going_on_with_is_not_the_retentions_business(
    scene: Scene, marked: dict[str, str], status: str
) -> None:
    keep(scene, keep_copies=1)
    earlier(scene, "monday-copy", marked=marked)
    scene.bench.rds.admin.set_status(HOME.arn("cluster-snapshot", "monday-copy"), status)
    copied(scene)

    archive(scene)

    assert snapshots(scene) == {"monday-copy", COPY}


# What operations have left that failed for good


@pytest.mark.parametrize(
    ("kept", "left"),
    [
        (1, {COPY}),
        (2, {COPY, "thursday-copy"}),
        (3, {COPY, "thursday-copy", "wednesday-copy"}),
        (9, {COPY, "thursday-copy", "wednesday-copy", "tuesday-copy", "monday-copy"}),
    ],
)
def test_copies_of_abandoned_operations_count_like_archived_ones(
    scene: Scene, kept: int, left: set[str]
) -> None:
    keep(scene, keep_copies=kept)
    earlier(scene, "monday-copy")
    earlier(scene, "tuesday-copy", "wednesday-copy", marked=ABANDONED)
    earlier(scene, "thursday-copy")
    copied(scene)

    body = archive(scene)

    assert snapshots(scene) == left
    gone = {"monday-copy", "tuesday-copy", "wednesday-copy", "thursday-copy"} - left
    assert set(body["deleted_snapshots"]) == gone


def test_copies_of_abandoned_operations_grow_too_old_as_well(scene: Scene) -> None:
    keep(scene, keep_days=3)
    earlier(scene, "monday-copy", marked=ABANDONED)
    scene.bench.advance(3 * DAY)
    earlier(scene, "thursday-copy", marked=ABANDONED)
    copied(scene)

    archive(scene)

    assert snapshots(scene) == {"thursday-copy", COPY}


def test_a_failed_copy_of_an_abandoned_operation_goes_and_takes_no_room(scene: Scene) -> None:
    keep(scene, keep_copies=2)
    earlier(scene, "monday-copy", "tuesday-copy", marked=ABANDONED)
    scene.bench.rds.admin.set_status(HOME.arn("cluster-snapshot", "tuesday-copy"), "failed")
    copied(scene)

    body = archive(scene)

    assert snapshots(scene) == {"monday-copy", COPY}
    assert body["deleted_snapshots"] == ["tuesday-copy"]


def test_a_newer_copy_of_an_abandoned_operation_does_not_supersede_the_one_just_used(
    scene: Scene,
) -> None:
    keep(scene, keep_copies=1)
    copied(scene)
    earlier(scene, "newer-copy", marked=ABANDONED)

    archive(scene)

    assert snapshots(scene) == {COPY}


def test_an_abandoned_copy_by_way_of_another_copy_goes_too(scene: Scene) -> None:
    keep(scene, keep_copies=1)
    copy_of_the_source(scene, STEP_COPY, place=ON_THE_WAY, marked=ABANDONED)
    half_way = ON_THE_WAY.arn("cluster-snapshot", STEP_COPY)
    copy_of_the_source(scene, "monday-copy", source=half_way, marked=ABANDONED)
    copied(scene)

    archive(scene)

    assert snapshots(scene) == {COPY}


def test_a_snapshot_by_hand_that_has_inherited_the_restored_clusters_tags_is_never_deleted(
    scene: Scene,
) -> None:
    keep(scene, keep_copies=1, keep_days=1)
    scene.make_target(tags=tag_list(ABANDONED), CopyTagsToSnapshot=True)
    scene.client("rds").create_db_cluster_snapshot(
        DBClusterIdentifier=TARGET, DBClusterSnapshotIdentifier="precious-copy"
    )
    scene.bench.advance(30 * DAY)
    copied(scene)

    body = archive(scene)

    assert tags_of_snapshot(scene, "precious-copy") == ABANDONED
    assert snapshots(scene) == {"precious-copy", COPY}
    assert body["deleted_snapshots"] == []


@pytest.mark.parametrize("marked", [ARCHIVED, ABANDONED], ids=["archived", "abandoned"])
def test_a_copy_that_somebody_has_made_of_a_copy_is_never_deleted(
    scene: Scene, marked: dict[str, str]
) -> None:
    keep(scene, keep_copies=1)
    earlier(scene, "monday-copy", marked=marked)
    scene.client("rds").copy_db_cluster_snapshot(
        SourceDBClusterSnapshotIdentifier=HOME.arn("cluster-snapshot", "monday-copy"),
        TargetDBClusterSnapshotIdentifier="precious-copy",
        CopyTags=True,
    )
    scene.bench.advance(LONG_ENOUGH)
    copied(scene)

    archive(scene)

    assert tags_of_snapshot(scene, "precious-copy") == marked
    assert snapshots(scene) == {"precious-copy", COPY}


def test_final_snapshots_of_earlier_targets_are_kept_apart_from_the_copies(scene: Scene) -> None:
    keep(scene, keep_copies=1, keep_final_snapshots=2)
    names = [f"{TARGET}-final-2026051{day}030000" for day in (1, 2, 3)]
    earlier(scene, *names, marked=ABANDONED)
    copied(scene)

    body = archive(scene)

    assert snapshots(scene) == {*names[1:], COPY}
    assert body["deleted_snapshots"] == names[:1]


def test_a_final_snapshot_made_by_hand_is_never_deleted(scene: Scene) -> None:
    keep(scene, keep_final_snapshots=1)
    names = [f"{TARGET}-final-2026051{day}030000" for day in (1, 2)]
    earlier(scene, *names, marked={})
    copied(scene)

    archive(scene)

    assert snapshots(scene) == {*names, COPY}


# What was made for the way


def on_the_way(bench: Bench, *, marked: dict[str, str] | None = None) -> Scene:
    """A snapshot has come from another account and Region, by a copy there and one half-way."""
    scene = make_scene(bench, ELSEWHERE)
    scene.configure_source(
        role_arn=f"arn:aws:iam::{OTHER_ACCOUNT}:role/{source_role_name(PREFIX)}",
        copy_route="two-steps",
    )
    source = ELSEWHERE.arn("cluster-snapshot", SNAPSHOT)
    copy_of_the_source(scene, SHARED_COPY, place=ELSEWHERE, source=source, marked=marked)
    share(scene, ELSEWHERE)
    shared = ELSEWHERE.arn("cluster-snapshot", SHARED_COPY)
    copy_of_the_source(scene, STEP_COPY, place=ON_THE_WAY, source=shared, marked=marked)
    copy_of_the_source(scene, source=ON_THE_WAY.arn("cluster-snapshot", STEP_COPY))
    reached(
        scene,
        "setup-db-users",
        source_snapshot_arn=source,
        source_account_id=OTHER_ACCOUNT,
        shared_by_copy=True,
        copy_snapshot_id=COPY,
    )
    return scene


def share(scene: Scene, place: Location) -> None:
    scene.client("rds", place).modify_db_cluster_snapshot_attribute(
        DBClusterSnapshotIdentifier=SHARED_COPY, AttributeName="restore", ValuesToAdd=[ACCOUNT]
    )


def restored_from_a_shared_copy(bench: Bench) -> Scene:
    """The cluster was restored straight from the copy that was made in the source account."""
    scene = make_scene(bench, NEXT_DOOR)
    scene.configure_source(
        role_arn=f"arn:aws:iam::{OTHER_ACCOUNT}:role/{source_role_name(PREFIX)}",
        copy_route="none",
    )
    source = NEXT_DOOR.arn("cluster-snapshot", SNAPSHOT)
    copy_of_the_source(scene, SHARED_COPY, place=NEXT_DOOR, source=source)
    share(scene, NEXT_DOOR)
    reached(
        scene,
        "setup-db-users",
        source_snapshot_arn=source,
        source_account_id=OTHER_ACCOUNT,
        shared_by_copy=True,
        copy_snapshot_id=NEXT_DOOR.arn("cluster-snapshot", SHARED_COPY),
    )
    return scene


def test_copies_that_were_made_only_for_the_way_are_deleted(bench: Bench) -> None:
    scene = on_the_way(bench)

    body = archive(scene)

    assert snapshots(scene, ELSEWHERE) == set()
    assert snapshots(scene, ON_THE_WAY) == set()
    assert snapshots(scene) == {COPY}
    assert body["deleted_snapshots"] == [SHARED_COPY, STEP_COPY]


def abandoned_on_the_way(scene: Scene, marked: dict[str, str]) -> None:
    """An operation of the day before has come half-way, and no further."""
    source = ELSEWHERE.arn("cluster-snapshot", SNAPSHOT)
    for name, place in ((EARLIER_SHARED_COPY, ELSEWHERE), (EARLIER_STEP_COPY, ON_THE_WAY)):
        origin = source if place == ELSEWHERE else ELSEWHERE.arn("cluster-snapshot", SHARED_COPY)
        copy_of_the_source(scene, name, place=place, source=origin, marked=marked)


@pytest.mark.parametrize("status", ["available", "failed"])
def test_copies_on_the_way_of_abandoned_operations_are_deleted_too(
    bench: Bench, status: str
) -> None:
    scene = on_the_way(bench)
    abandoned_on_the_way(scene, ABANDONED)
    arn = ELSEWHERE.arn("cluster-snapshot", EARLIER_SHARED_COPY)
    scene.bench.rds.admin.set_status(arn, status)

    body = archive(scene)

    assert snapshots(scene, ELSEWHERE) == set()
    assert snapshots(scene, ON_THE_WAY) == set()
    assert snapshots(scene) == {COPY}
    assert body["deleted_snapshots"] == sorted(
        [EARLIER_SHARED_COPY, SHARED_COPY, EARLIER_STEP_COPY, STEP_COPY]
    )
    stored = scene.bench.state("archive-snapshot")["details"].get("deleted_snapshots", [])
    assert stored == body["deleted_snapshots"]


@pytest.mark.parametrize(
    "marked",
    [
        {},
        {**ABANDONED, TAG_MANAGED_BY: "another-environment"},
        {**ABANDONED, TAG_RESTORE: "another-restore"},
    ],
    ids=["untagged", "another environment's", "another restore's"],
)
def test_copies_on_the_way_that_are_not_this_restores_stay(
    bench: Bench, marked: dict[str, str]
) -> None:
    scene = on_the_way(bench)
    abandoned_on_the_way(scene, marked)

    archive(scene)

    assert snapshots(scene, ELSEWHERE) == {EARLIER_SHARED_COPY}
    assert snapshots(scene, ON_THE_WAY) == {EARLIER_STEP_COPY}


def test_a_copy_on_the_way_that_is_still_being_made_stays(bench: Bench) -> None:
    scene = on_the_way(bench)
    abandoned_on_the_way(scene, ABANDONED)
    arn = ON_THE_WAY.arn("cluster-snapshot", EARLIER_STEP_COPY)
    scene.bench.rds.admin.set_status(arn, "copying")

    archive(scene)

    assert snapshots(scene, ON_THE_WAY) == {EARLIER_STEP_COPY}


def test_a_snapshot_of_another_name_in_the_source_account_stays_whatever_its_tags(
    bench: Bench,
) -> None:
    scene = on_the_way(bench)
    source = ELSEWHERE.arn("cluster-snapshot", SNAPSHOT)
    copy_of_the_source(scene, "precious-copy", place=ELSEWHERE, source=source, marked=ABANDONED)

    archive(scene)

    assert snapshots(scene, ELSEWHERE) == {"precious-copy"}


def test_a_call_after_one_that_died_tells_of_what_went_on_the_way_as_well(bench: Bench) -> None:
    scene = on_the_way(bench)
    abandoned_on_the_way(scene, ABANDONED)
    scene.bench.rds.admin.refuse_next(
        "DeleteDBClusterSnapshot", code="InvalidDBClusterSnapshotStateFault", after_doing=True
    )
    with pytest.raises(AwsError):
        archive(scene)
    scene.bench.advance(1)

    body = archive(scene)

    assert snapshots(scene, ELSEWHERE) | snapshots(scene, ON_THE_WAY) == set()
    assert body["deleted_snapshots"] == sorted(
        [EARLIER_SHARED_COPY, SHARED_COPY, EARLIER_STEP_COPY, STEP_COPY]
    )


def test_copies_of_such_names_that_the_pipeline_did_not_make_stay(bench: Bench) -> None:
    scene = on_the_way(bench, marked={})

    body = archive(scene)

    assert snapshots(scene, ELSEWHERE) == {SHARED_COPY}
    assert snapshots(scene, ON_THE_WAY) == {STEP_COPY}
    assert body["deleted_snapshots"] == []


def test_the_source_accounts_own_snapshot_is_never_touched(bench: Bench) -> None:
    scene = on_the_way(bench)

    archive(scene)

    found = scene.client("rds", ELSEWHERE).describe_db_cluster_snapshots()["DBClusterSnapshots"]
    assert [item["DBClusterSnapshotIdentifier"] for item in found] == [SNAPSHOT]


def test_a_copy_in_the_source_account_is_let_go_once_the_cluster_was_restored_from_it(
    bench: Bench,
) -> None:
    scene = restored_from_a_shared_copy(bench)

    body = archive(scene)

    assert snapshots(scene, NEXT_DOOR) == set()
    assert body["deleted_snapshots"] == [SHARED_COPY]
    assert body["message"].startswith("No need to archive")


def test_a_second_call_does_not_miss_the_copy_that_the_first_let_go(bench: Bench) -> None:
    scene = restored_from_a_shared_copy(bench)
    archive(scene)
    scene.bench.advance(1)

    body = archive(scene)

    assert body["deleted_snapshots"] == [SHARED_COPY]


# Again


def test_a_second_call_deletes_nothing_more(scene: Scene) -> None:
    keep(scene, keep_copies=2)
    earlier(scene, "monday-copy", "tuesday-copy")
    copied(scene)
    first = archive(scene)
    scene.bench.advance(1)

    second = archive(scene)

    assert second == first
    assert second["deleted_snapshots"] == ["monday-copy"]
    assert snapshots(scene) == {"tuesday-copy", COPY}


def test_a_call_after_one_that_died_in_the_middle_tells_of_all_that_went(scene: Scene) -> None:
    keep(scene, keep_copies=1)
    earlier(scene, "monday-copy", "tuesday-copy")
    copied(scene)
    scene.bench.rds.admin.refuse_next(
        "DeleteDBClusterSnapshot", code="InvalidDBClusterSnapshotStateFault", after_doing=True
    )
    with pytest.raises(AwsError):
        archive(scene)
    scene.bench.advance(1)

    body = archive(scene)

    assert snapshots(scene) == {COPY}
    assert body["deleted_snapshots"] == ["monday-copy", "tuesday-copy"]


def test_a_copy_that_somebody_else_has_deleted_meanwhile_is_no_error(scene: Scene) -> None:
    keep(scene, keep_copies=1)
    earlier(scene, "monday-copy", "tuesday-copy")
    copied(scene)
    scene.bench.rds.admin.refuse_next(
        "DeleteDBClusterSnapshot", code="DBClusterSnapshotNotFoundFault", after_doing=True
    )

    body = archive(scene)

    assert snapshots(scene) == {COPY}
    assert body["deleted_snapshots"] == ["monday-copy", "tuesday-copy"]


# Whose cluster it is


def test_an_old_operation_deletes_no_copy_of_a_newer_one(scene: Scene) -> None:
    keep(scene, keep_copies=1)
    usable(scene)
    copy_of_the_source(scene, "newer-copy", marked=tags(**{TAG_OPERATION: "op-2"}))
    store = TargetRecordStore(scene.bench.store, ACCOUNT, REGION, TARGET)
    store.write(TargetRecord(restored_by="op-2", resource_id="cluster-NEWER"), store.read())

    with pytest.raises(SupersededError, match="operation op-2 has replaced it since"):
        scene.bench.step(ArchiveSnapshotHandler)

    assert "newer-copy" in snapshots(scene)
