"""copy-snapshot copies the snapshot to the target once, on every route."""

from typing import Any

import pytest

from aurora_restore.lambdas.copy_snapshot import CopySnapshotHandler
from aurora_restore.lambdas.snapshot_check import SnapshotCheckHandler
from aurora_restore.shared.errors import (
    AwsError,
    ConfigurationError,
    CopyFailedError,
    NameTakenError,
    SnapshotNotFoundError,
    ValidationError,
)
from aurora_restore.shared.names import (
    TAG_MANAGED_BY,
    TAG_OPERATION,
    TAG_SOURCE_SNAPSHOT,
)
from aurora_restore.shared.rds.arns import RdsArn
from aurora_restore.shared.rds.statuses import DEAD_SNAPSHOT, DELETING
from tests.unit.bench import ACCOUNT, PREFIX, REGION, SOURCE_REGION, Bench
from tests.unit.lambdas.arrange import (
    COPY,
    COPY_ARN,
    ELSEWHERE,
    LONG_ENOUGH,
    NEXT_DOOR,
    ROLE,
    SOURCE_ARN,
    begin_manual,
    call,
    copy_at_source,
    copy_half_way,
    copy_name,
    details,
    go,
    make_encrypted_source,
    make_key,
    manual_snapshots,
    set_status,
    share,
    shared_with,
    tags,
    take_manual,
)
from tests.unit.scene import HOME, OWN_TAGS, SNAPSHOT, SOURCE_PLACE, TARGET, Scene, make_scene

STEP = CopySnapshotHandler.step.name
THERE = ELSEWHERE.arn("cluster-snapshot", SNAPSHOT)
SHARED_COPY = copy_at_source(THERE)
STEP_COPY = copy_half_way(THERE)
GIVEN = {"snapshot_arn": SOURCE_ARN}
ALREADY_EXISTS = "DBClusterSnapshotAlreadyExistsFault"


def copy(scene: Scene) -> dict[str, Any]:
    """The state machine calls the step for yesterday's snapshot."""
    return go(scene, CopySnapshotHandler, GIVEN)


def copied_from(scene: Scene, name: str = COPY) -> str | None:
    """The ARN of which the target's copy is one; None where there is no copy."""
    made = manual_snapshots(scene).get(name, {})
    return made.get("SourceDBClusterSnapshotArn")


def attempts(scene: Scene) -> dict[str, int]:
    found: dict[str, int] = details(scene, CopySnapshotHandler).get("attempts", {})
    return found


def refuse(scene: Scene, action: str, code: str, *, after_doing: bool = False) -> None:
    """Let AWS refuse the next request of a kind, if need be though it has been carried out."""
    scene.bench.rds.admin.refuse_next(action, code=code, after_doing=after_doing)


# What it answers


def test_a_copy_is_returned_as_documented(scene: Scene) -> None:
    answer = call(
        scene,
        CopySnapshotHandler,
        snapshot_name=SNAPSHOT,
        snapshot_arn=SOURCE_ARN,
        source_region=SOURCE_REGION,
        target_region=REGION,
        target_snapshot_name="my-snapshot-copy",
    )

    assert answer == {
        "statusCode": 200,
        "body": {
            "message": "Snapshot copy initiated",
            "operation_id": "op-1",
            "snapshot_name": SNAPSHOT,
            "source_region": SOURCE_REGION,
            "target_region": REGION,
            "target_snapshot_name": "my-snapshot-copy",
            "copy_status": "copying",
        },
    }
    assert list(manual_snapshots(scene)) == ["my-snapshot-copy"]


def test_the_same_region_is_returned_as_documented(bench: Bench) -> None:
    scene = make_scene(bench, HOME)
    arn = HOME.arn("cluster-snapshot", SNAPSHOT)

    answer = call(scene, CopySnapshotHandler, snapshot_arn=arn)

    assert answer == {
        "statusCode": 200,
        "body": {
            "message": "No need to copy snapshot, regions are the same",
            "operation_id": "op-1",
            "snapshot_name": SNAPSHOT,
            "source_region": REGION,
            "target_region": REGION,
        },
    }
    assert manual_snapshots(scene) == {}
    known = details(scene, CopySnapshotHandler)
    assert (known["copy_snapshot_id"], known["copy_status"]) == (SNAPSHOT, "available")


def test_a_call_that_names_no_snapshot_is_refused(scene: Scene) -> None:
    answer = scene.bench.call(CopySnapshotHandler, {})

    assert answer["statusCode"] == 400
    assert "snapshot_arn: is missing" in answer["body"]["error"]


def test_what_snapshot_check_has_found_is_copied_and_marked(scene: Scene) -> None:
    go(scene, SnapshotCheckHandler)
    go(scene, CopySnapshotHandler)

    assert copied_from(scene) == SOURCE_ARN
    assert tags(manual_snapshots(scene)[COPY]) == {
        TAG_MANAGED_BY: PREFIX,
        TAG_OPERATION: "op-1",
        TAG_SOURCE_SNAPSHOT: SOURCE_ARN,
    }


def test_the_copy_is_written_down(scene: Scene) -> None:
    copy(scene)

    known = details(scene, CopySnapshotHandler)
    assert known["copy_snapshot_id"] == known["target_snapshot"] == COPY
    assert known["source_snapshot"] == known["snapshot_name"] == SNAPSHOT
    assert known["copy_status"] == "copying"
    assert known["copy_started_at"] == "2026-05-16T04:00:01.000000Z"
    assert known["attempts"] == {STEP: 1}
    assert scene.bench.audit_trail() == [(STEP, "SUCCESS")]


# Running it again


@pytest.mark.parametrize(("pause", "status"), [(0, "copying"), (LONG_ENOUGH, "available")])
def test_a_copy_that_is_there_is_taken(scene: Scene, pause: int, status: str) -> None:
    copy(scene)
    scene.bench.advance(pause)

    answer = copy(scene)

    assert (answer["statusCode"], answer["body"]["copy_status"]) == (200, status)
    assert list(manual_snapshots(scene)) == [COPY]
    known = details(scene, CopySnapshotHandler)
    assert known["attempts"] == {STEP: 1}
    assert known["copy_started_at"] == "2026-05-16T04:00:01.000000Z"


def test_a_copy_that_was_begun_and_not_heard_of_is_taken(scene: Scene) -> None:
    refuse(scene, "CopyDBClusterSnapshot", "AccessDenied", after_doing=True)
    with pytest.raises(AwsError):
        copy(scene)

    assert copy(scene)["body"]["copy_status"] == "copying"
    assert list(manual_snapshots(scene)) == [COPY]


def test_a_copy_that_another_operation_has_made_of_the_same_snapshot_is_taken(
    scene: Scene,
) -> None:
    scene.bench.step(CopySnapshotHandler, GIVEN, operation_id="op-0")

    copy(scene)

    assert tags(manual_snapshots(scene)[COPY])[TAG_OPERATION] == "op-0"


def test_a_copy_that_does_not_show_yet_is_taken(scene: Scene) -> None:
    copy(scene)
    refuse(scene, "DescribeDBClusterSnapshots", "DBClusterSnapshotNotFoundFault")

    answer = copy(scene)

    assert (answer["statusCode"], answer["body"]["copy_status"]) == (200, "copying")
    assert list(manual_snapshots(scene)) == [COPY]


def test_a_stranger_that_does_not_show_yet_is_left_alone(scene: Scene) -> None:
    go(scene, SnapshotCheckHandler)
    make_stranger(scene)
    refuse(scene, "DescribeDBClusterSnapshots", "DBClusterSnapshotNotFoundFault")

    with pytest.raises(NameTakenError, match="is taken by a snapshot that is not a copy"):
        copy(scene)


@pytest.mark.parametrize("code", [ALREADY_EXISTS, "AccessDenied"])
def test_a_refused_copy_is_a_failure_and_no_attempt(scene: Scene, code: str) -> None:
    refuse(scene, "CopyDBClusterSnapshot", code)

    with pytest.raises(AwsError, match=code):
        copy(scene)

    assert copied_from(scene) is None
    assert attempts(scene) == {}


# A stranger of that name


def make_stranger(scene: Scene, **more: Any) -> None:
    """A snapshot of the target that has the copy's name."""
    scene.make_target()
    scene.client("rds").create_db_cluster_snapshot(
        DBClusterIdentifier=TARGET, DBClusterSnapshotIdentifier=COPY, **more
    )
    scene.bench.advance(LONG_ENOUGH)


@pytest.mark.parametrize(
    "marks",
    [[], [*OWN_TAGS, {"Key": TAG_SOURCE_SNAPSHOT, "Value": SOURCE_ARN.replace("15", "14")}]],
    ids=["nobody's", "the pipeline's copy of another snapshot"],
)
@pytest.mark.parametrize("status", ["available", "failed"])
def test_a_snapshot_that_is_no_copy_of_this_one_is_left_alone(
    scene: Scene, marks: list[dict[str, str]], status: str
) -> None:
    make_stranger(scene, Tags=marks)
    set_status(scene, COPY_ARN, status)

    answer = call(scene, CopySnapshotHandler, snapshot_arn=SOURCE_ARN)

    assert answer["statusCode"] == 409
    assert answer["body"]["error_type"] == "NameTakenError"
    assert answer["body"]["target_snapshot_name"] == COPY
    assert "give another name" in answer["body"]["error"]
    assert manual_snapshots(scene)[COPY]["Status"] == status


def test_another_name_goes_round_a_stranger(scene: Scene) -> None:
    make_stranger(scene)

    go(scene, CopySnapshotHandler, {**GIVEN, "target_snapshot_name": "another-copy"})

    assert set(manual_snapshots(scene)) == {COPY, "another-copy"}


def test_a_name_that_no_copy_can_have_is_refused_before_any_call(scene: Scene) -> None:
    """The role may make and mark copies under such names only."""
    for name in ("before-the-migration", "rds:daily-copy"):
        with pytest.raises(ValidationError, match="cannot be the name of a copy"):
            go(scene, CopySnapshotHandler, {**GIVEN, "target_snapshot_name": name})

    assert manual_snapshots(scene) == {}


def test_a_copy_that_somebody_has_made_of_the_same_snapshot_is_taken(scene: Scene) -> None:
    scene.client("rds").copy_db_cluster_snapshot(
        SourceDBClusterSnapshotIdentifier=SOURCE_ARN, TargetDBClusterSnapshotIdentifier=COPY
    )

    assert copy(scene)["statusCode"] == 200


# A copy that has failed


@pytest.mark.parametrize("status", sorted(DEAD_SNAPSHOT - {DELETING}))
def test_a_failed_copy_is_deleted_and_started_again(scene: Scene, status: str) -> None:
    copy(scene)
    set_status(scene, COPY_ARN, status)

    waiting = copy(scene)
    while_waiting = manual_snapshots(scene)
    again = copy(scene)

    assert waiting["statusCode"] == 202
    assert waiting["body"]["message"] == (
        f"The copy {COPY} is being deleted, and is made again once it is gone"
    )
    assert waiting["body"]["copy_status"] == status
    assert waiting["body"]["retry_after"] == 3
    assert while_waiting == {}
    assert (again["statusCode"], again["body"]["copy_status"]) == (200, "copying")
    assert attempts(scene) == {STEP: 2}


def test_a_copy_that_is_being_deleted_is_waited_for(scene: Scene) -> None:
    copy(scene)
    set_status(scene, COPY_ARN, "deleting")

    answer = copy(scene)

    assert (answer["statusCode"], answer["body"]["copy_status"]) == (202, "deleting")
    assert manual_snapshots(scene)[COPY]["Status"] == "deleting"


def test_a_direct_call_replaces_a_failed_copy_as_well(scene: Scene) -> None:
    copy(scene)
    set_status(scene, COPY_ARN, "failed")

    codes = [
        call(scene, CopySnapshotHandler, snapshot_arn=SOURCE_ARN)["statusCode"] for _ in range(2)
    ]

    assert codes == [202, 200]
    assert manual_snapshots(scene)[COPY]["Status"] == "copying"


# A source that cannot be copied


def test_a_snapshot_that_is_gone_is_reported(scene: Scene) -> None:
    gone = SOURCE_PLACE.arn("cluster-snapshot", "gone")

    answer = call(scene, CopySnapshotHandler, snapshot_arn=gone)

    assert answer["statusCode"] == 404
    assert answer["body"]["error_type"] == "SnapshotNotFoundError"
    assert gone in answer["body"]["error"]


def test_a_snapshot_that_was_never_shared_is_reported(bench: Bench) -> None:
    scene = make_scene(bench, ELSEWHERE)
    arn = take_manual(scene, "not-for-others")

    with pytest.raises(SnapshotNotFoundError, match="not shared with this account"):
        go(scene, CopySnapshotHandler, {"snapshot_arn": arn})


def test_a_snapshot_that_is_still_being_created_is_not_copied(scene: Scene) -> None:
    arn = begin_manual(scene, "not-yet")

    answer = call(scene, CopySnapshotHandler, snapshot_arn=arn)

    assert answer["statusCode"] == 500
    assert answer["body"]["aws_error_code"] == "InvalidDBClusterSnapshotStateFault"
    assert manual_snapshots(scene) == {}


# Encryption


def encrypted(scene: Scene) -> str:
    """A snapshot under a customer key; its ARN."""
    make_encrypted_source(scene)
    scene.configure_source(cluster_id="encrypted")
    return take_manual(scene, "secret", cluster="encrypted")


def test_the_copy_of_an_encrypted_snapshot_is_under_the_targets_key(scene: Scene) -> None:
    arn = encrypted(scene)
    key = make_key(scene, HOME)
    document = scene.document
    document["source"]["cluster_id"] = "encrypted"
    document["target"]["kms_key_id"] = key
    scene.bench.configure(document)

    go(scene, CopySnapshotHandler, {"snapshot_arn": arn})

    assert manual_snapshots(scene)[copy_name(arn, key)]["KmsKeyId"] == key


def test_without_a_key_an_encrypted_snapshot_is_not_copied(scene: Scene) -> None:
    arn = encrypted(scene)

    with pytest.raises(ConfigurationError, match=r"target\.kms_key_id: is missing"):
        go(scene, CopySnapshotHandler, {"snapshot_arn": arn})

    assert manual_snapshots(scene) == {}


def test_what_is_not_encrypted_with_kms_is_copied_without_the_targets_key(scene: Scene) -> None:
    key = make_key(scene, HOME)
    scene.configure(kms_key_id=key)

    copy(scene)

    name = copy_name(key=key)
    assert manual_snapshots(scene)[name]["StorageEncryptionType"] == "sse-rds"


# Another account, by sharing


def test_a_shared_snapshot_is_copied_in_one_step(bench: Bench) -> None:
    scene = make_scene(bench, ELSEWHERE)
    arn = take_manual(scene, "for-the-others")
    share(scene, "for-the-others")

    answer = go(scene, CopySnapshotHandler, {"snapshot_arn": arn})

    made = manual_snapshots(scene)[copy_name(arn)]
    assert answer["body"]["target_snapshot_name"] == copy_name(arn)
    assert made["SourceDBClusterSnapshotArn"] == arn
    assert manual_snapshots(scene, SOURCE_PLACE) == {}


def test_a_shared_snapshot_in_the_same_region_may_be_restored_from_where_it_is(
    bench: Bench,
) -> None:
    scene = make_scene(bench, NEXT_DOOR)
    arn = take_manual(scene, "for-the-others")
    share(scene, "for-the-others")
    scene.configure_source(copy_route="none")

    answer = go(scene, CopySnapshotHandler, {"snapshot_arn": arn})

    assert answer == {
        "statusCode": 200,
        "body": {
            "message": "No need to copy snapshot, it is shared in the same region",
            "operation_id": "op-1",
            "snapshot_name": "for-the-others",
            "source_region": REGION,
            "target_region": REGION,
        },
    }
    assert details(scene, CopySnapshotHandler)["copy_snapshot_id"] == arn
    assert manual_snapshots(scene) == {}


# Another account, by a role there


def by_a_role(bench: Bench, **source: Any) -> Scene:
    """Another account's automated snapshot, which has been found."""
    scene = make_scene(bench, NEXT_DOOR if source.get("copy_route") == "none" else ELSEWHERE)
    scene.configure_source(role_arn=ROLE, **source)
    go(scene, SnapshotCheckHandler)
    return scene


def copy_next(scene: Scene) -> dict[str, Any]:
    """The step is called again once a copy on the way is through."""
    scene.bench.advance(LONG_ENOUGH)
    return go(scene, CopySnapshotHandler)


def shared_copy_arn(scene: Scene) -> str:
    source = scene.source_place.arn("cluster-snapshot", SNAPSHOT)
    return scene.source_place.arn("cluster-snapshot", copy_at_source(source))


def test_an_automated_snapshot_is_first_copied_where_it_is(bench: Bench) -> None:
    scene = by_a_role(bench)

    answer = go(scene, CopySnapshotHandler)

    assert answer["statusCode"] == 202
    assert answer["body"] == {
        "message": "Snapshot copy in the source account is still in progress",
        "operation_id": "op-1",
        "copy_status": "copying",
        "intermediate_snapshot": shared_copy_arn(scene),
        "retry_after": 3,
    }
    assert tags(manual_snapshots(scene, ELSEWHERE)[SHARED_COPY])[TAG_MANAGED_BY] == PREFIX
    assert manual_snapshots(scene) == {}
    assert attempts(scene) == {SHARED_COPY: 1}


def test_the_copy_there_is_shared_with_nobody_else_and_copied_here(bench: Bench) -> None:
    scene = by_a_role(bench)
    go(scene, CopySnapshotHandler)

    answer = copy_next(scene)

    assert (answer["statusCode"], answer["body"]["target_snapshot_name"]) == (200, copy_name(THERE))
    assert shared_with(scene, SHARED_COPY) == [ACCOUNT]
    assert copied_from(scene, copy_name(THERE)) == shared_copy_arn(scene)
    assert attempts(scene) == {SHARED_COPY: 1, STEP: 1}


def test_a_copy_on_the_way_that_is_under_way_is_waited_for(bench: Bench) -> None:
    scene = by_a_role(bench)

    answers = [go(scene, CopySnapshotHandler) for _ in range(3)]

    assert [answer["statusCode"] for answer in answers] == [202, 202, 202]
    assert list(manual_snapshots(scene, ELSEWHERE)) == [SHARED_COPY]
    assert attempts(scene) == {SHARED_COPY: 1}


def test_a_shared_copy_may_be_restored_from_where_it_is(bench: Bench) -> None:
    scene = by_a_role(bench, copy_route="none")
    go(scene, CopySnapshotHandler)

    answer = copy_next(scene)

    assert answer["body"]["message"] == "No need to copy snapshot, it is shared in the same region"
    assert details(scene, CopySnapshotHandler)["copy_snapshot_id"] == shared_copy_arn(scene)
    assert shared_with(scene, RdsArn.parse(shared_copy_arn(scene)).name) == [ACCOUNT]
    assert manual_snapshots(scene) == {}


def test_a_manual_snapshot_of_the_configured_name_is_shared_as_it_is(bench: Bench) -> None:
    scene = make_scene(bench, ELSEWHERE)
    scene.configure_source(role_arn=ROLE, snapshot_name="daily-{date}")
    arn = take_manual(scene, "daily-2026-05-15")

    go(scene, CopySnapshotHandler, {"snapshot_arn": arn})

    assert shared_with(scene, "daily-2026-05-15") == [ACCOUNT]
    made = manual_snapshots(scene)[copy_name(arn)]
    assert made["SourceDBClusterSnapshotArn"] == arn


def test_two_steps_lead_through_this_account_in_the_sources_region(bench: Bench) -> None:
    scene = by_a_role(bench, copy_route="two-steps")
    go(scene, CopySnapshotHandler)
    half_way = copy_next(scene)
    there = manual_snapshots(scene, SOURCE_PLACE)[STEP_COPY]

    answer = copy_next(scene)

    assert half_way["body"]["message"] == (
        "Snapshot copy in this account, in the source's Region is still in progress"
    )
    assert there["SourceDBClusterSnapshotArn"] == shared_copy_arn(scene)
    assert answer["statusCode"] == 200
    assert copied_from(scene, copy_name(THERE)) == SOURCE_PLACE.arn("cluster-snapshot", STEP_COPY)
    assert attempts(scene) == {SHARED_COPY: 1, STEP_COPY: 1, STEP: 1}


def test_a_stranger_on_the_way_is_left_alone(bench: Bench) -> None:
    scene = by_a_role(bench)
    take_manual(scene, SHARED_COPY)

    with pytest.raises(NameTakenError, match=f"'{SHARED_COPY}', is taken") as raised:
        go(scene, CopySnapshotHandler)

    # No field of the event names an intermediate copy.
    assert "target_snapshot_name" not in str(raised.value)
    assert shared_with(scene, SHARED_COPY) == []


# A copy on the way that fails


def fail_on_the_way(scene: Scene) -> dict[str, Any]:
    """The copy in the source account is started, and has failed when it is looked at."""
    go(scene, CopySnapshotHandler)
    set_status(scene, shared_copy_arn(scene), "failed")
    return go(scene, CopySnapshotHandler)


def test_a_failed_copy_on_the_way_is_deleted_and_started_again(bench: Bench) -> None:
    scene = by_a_role(bench)

    answer = fail_on_the_way(scene)
    while_waiting = manual_snapshots(scene, ELSEWHERE)
    go(scene, CopySnapshotHandler)

    assert (answer["statusCode"], answer["body"]["copy_status"]) == (202, "failed")
    assert while_waiting == {}
    assert manual_snapshots(scene, ELSEWHERE)[SHARED_COPY]["Status"] == "copying"
    assert attempts(scene) == {SHARED_COPY: 2}


def test_a_copy_on_the_way_that_keeps_failing_ends_the_execution(bench: Bench) -> None:
    scene = by_a_role(bench)
    fail_on_the_way(scene)

    with pytest.raises(CopyFailedError, match=f"{SHARED_COPY} in the source account is 'failed'"):
        fail_on_the_way(scene)

    assert manual_snapshots(scene, ELSEWHERE)[SHARED_COPY]["Status"] == "failed"


def test_a_rerun_may_start_it_once_more(bench: Bench) -> None:
    scene = by_a_role(bench)
    fail_on_the_way(scene)
    with pytest.raises(CopyFailedError):
        fail_on_the_way(scene)

    scene.bench.redrive_count = 1
    cleared = go(scene, CopySnapshotHandler)
    again = go(scene, CopySnapshotHandler)

    assert (cleared["statusCode"], again["body"]["copy_status"]) == (202, "copying")
    assert attempts(scene) == {SHARED_COPY: 1}


# Sharing takes a moment


def test_a_snapshot_that_was_shared_a_moment_ago_is_waited_for(bench: Bench) -> None:
    scene = make_scene(bench, ELSEWHERE)
    scene.configure_source(role_arn=ROLE, snapshot_name="by-hand-{date}")
    arn = take_manual(scene, "by-hand-2026-05-15")
    unseen = "DBClusterSnapshotNotFoundFault"
    scene.bench.rds.admin.refuse_next("CopyDBClusterSnapshot", code=unseen, times=2)

    waiting = go(scene, CopySnapshotHandler, {"snapshot_arn": arn})
    scene.bench.advance(300)
    with pytest.raises(SnapshotNotFoundError):
        go(scene, CopySnapshotHandler, {"snapshot_arn": arn})
    scene.bench.redrive_count = 1
    answer = go(scene, CopySnapshotHandler, {"snapshot_arn": arn})

    assert waiting["statusCode"] == 202
    assert "has been shared, but cannot be seen yet" in waiting["body"]["message"]
    assert answer["body"]["message"] == "Snapshot copy initiated"
    assert list(manual_snapshots(scene)) == [copy_name(arn)]
