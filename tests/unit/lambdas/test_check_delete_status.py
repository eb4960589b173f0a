"""check-delete-status waits until the target is gone, or leads back if it is not being deleted."""

from typing import Any

import pytest

from aurora_restore.lambdas.check_delete_status import CheckDeleteStatusHandler
from aurora_restore.lambdas.delete_rds import DeleteRdsHandler
from aurora_restore.shared.errors import DeletionFailedError
from aurora_restore.shared.names import (
    TAG_MANAGED_BY,
    TAG_OPERATION,
    TAG_RESTORE,
    TAG_SOURCE_SNAPSHOT,
)
from aurora_restore.shared.rds.statuses import DEAD_CLUSTER
from tests.unit.bench import PREFIX, REGION, Bench
from tests.unit.lambdas.arrange import (
    LONG_ENOUGH,
    call,
    details,
    go,
    make_replaceable,
    manual_snapshots,
    set_status,
    tags,
)
from tests.unit.scene import HOME, OWN_TAGS, SNAPSHOT, TARGET, Scene, make_scene

STEP = CheckDeleteStatusHandler.step.name
PATIENCE = 30 * 60
"""Seconds for which a deletion without any sign is waited for, unless configured."""
MAX_ATTEMPTS = 2
CLUSTER_ARN = HOME.arn("cluster", TARGET)


@pytest.fixture
def scene(bench: Bench) -> Scene:
    """A target, and the new data beside it."""
    return make_replaceable(bench, readers=0)


def delete(scene: Scene) -> None:
    go(scene, DeleteRdsHandler)


def delete_in_vain(scene: Scene) -> None:
    """RDS accepts the deletion, and the cluster stays as it was."""
    scene.bench.rds.admin.next_outcome("delete-cluster", final="available", seconds=1)
    delete(scene)


def look(scene: Scene, *, seconds_after_deletion: float) -> dict[str, Any]:
    """The state machine calls the step so long after the deletion has begun."""
    scene.bench.advance(seconds_after_deletion)
    return scene.bench.step(CheckDeleteStatusHandler)


# What it answers


def test_a_finished_deletion_is_returned_as_documented(scene: Scene) -> None:
    delete(scene)
    scene.bench.advance(LONG_ENOUGH)

    answer = call(scene, CheckDeleteStatusHandler)

    assert answer == {
        "statusCode": 200,
        "body": {
            "message": "Cluster deletion completed",
            "operation_id": "op-1",
            "target_cluster_id": TARGET,
            "target_region": REGION,
        },
    }


def test_a_deletion_under_way_is_returned_as_documented(scene: Scene) -> None:
    delete(scene)

    answer = call(scene, CheckDeleteStatusHandler)

    # A deletion usually takes minutes.
    assert 30 <= answer["body"].pop("retry_after") < 10 * 60
    assert answer == {
        "statusCode": 202,
        "body": {
            "message": "Cluster deletion is still in progress",
            "operation_id": "op-1",
            "target_cluster_id": TARGET,
            "target_region": REGION,
            "status": "deleting",
        },
    }


def test_it_is_reported_in_state_and_audit(scene: Scene) -> None:
    delete(scene)
    go(scene, CheckDeleteStatusHandler)
    scene.bench.advance(LONG_ENOUGH)
    go(scene, CheckDeleteStatusHandler)

    assert scene.bench.state(STEP)["status"] == "SUCCESS"
    assert details(scene, CheckDeleteStatusHandler)["deleted_cluster_id"] == TARGET
    assert scene.bench.audit_trail()[-2:] == [(STEP, "IN_PROGRESS"), (STEP, "SUCCESS")]


def test_where_there_never_was_a_cluster_it_is_gone(bench: Bench) -> None:
    scene = make_scene(bench, HOME)

    assert go(scene, CheckDeleteStatusHandler)["statusCode"] == 200


def test_running_it_twice_says_the_same(scene: Scene) -> None:
    delete(scene)
    scene.bench.advance(LONG_ENOUGH)

    assert go(scene, CheckDeleteStatusHandler) == go(scene, CheckDeleteStatusHandler)


# Which status means what


@pytest.mark.parametrize("status", ["deleting", "backing-up", "modifying", "not-known-yet"])
def test_a_status_that_may_pass_is_waited_for(scene: Scene, status: str) -> None:
    delete(scene)
    set_status(scene, CLUSTER_ARN, status)

    answer = look(scene, seconds_after_deletion=2 * PATIENCE)

    assert (answer["statusCode"], answer["body"]["status"]) == (202, status)
    assert "restart_from" not in answer["body"]


@pytest.mark.parametrize("status", ["available", *sorted(DEAD_CLUSTER)])
def test_a_cluster_that_is_not_going_is_deleted_again(scene: Scene, status: str) -> None:
    delete(scene)
    set_status(scene, CLUSTER_ARN, status)

    answer = look(scene, seconds_after_deletion=PATIENCE)

    assert (answer["statusCode"], answer["body"]["status"]) == (202, status)
    assert answer["body"]["restart_from"] == DeleteRdsHandler.step.name
    assert "retry_after" not in answer["body"]


@pytest.mark.parametrize("status", ["available", "restore-failed"])
def test_a_deletion_that_was_just_accepted_may_not_show_yet(scene: Scene, status: str) -> None:
    delete(scene)
    set_status(scene, CLUSTER_ARN, status)

    answer = look(scene, seconds_after_deletion=PATIENCE - 1)

    assert (answer["statusCode"], answer["body"]["status"]) == (202, status)
    assert "restart_from" not in answer["body"]


@pytest.mark.parametrize("status", ["available", "restore-failed"])
def test_a_direct_call_is_reported_that_the_cluster_is_not_going(scene: Scene, status: str) -> None:
    set_status(scene, CLUSTER_ARN, status)

    answer = call(scene, CheckDeleteStatusHandler)

    assert answer["statusCode"] == 500
    assert answer["body"]["error_type"] == "DeletionFailedError"
    assert answer["body"]["status"] == status
    assert answer["body"]["error"].endswith("nothing shows that it is being deleted")


# A deletion that its status does not show


def show_late(scene: Scene, **timings: float) -> None:
    """RDS takes its time, in which a cluster that is being deleted keeps its status."""
    scene.bench.rds.admin.set_timings(deletion_lag=4 * PATIENCE, **timings)


def test_a_final_snapshot_being_taken_shows_that_the_deletion_goes_on(scene: Scene) -> None:
    scene.configure(skip_final_snapshot=False)
    show_late(scene, create_snapshot=2 * PATIENCE)
    delete(scene)

    answer = look(scene, seconds_after_deletion=PATIENCE + 1)

    assert (answer["statusCode"], answer["body"]["status"]) == (202, "available")
    assert answer["body"]["waiting_for"] == "its final snapshot is being taken"
    assert "restart_from" not in answer["body"]


def test_an_instance_that_goes_shows_that_the_deletion_goes_on(scene: Scene) -> None:
    show_late(scene, delete_instance=2 * PATIENCE)
    delete(scene)

    answer = look(scene, seconds_after_deletion=PATIENCE + 1)

    assert answer["body"]["waiting_for"] == f"its instances are deleting: {TARGET}-1"
    assert "restart_from" not in answer["body"]


def test_without_a_sign_the_wait_begins_when_the_last_one_was_seen(scene: Scene) -> None:
    show_late(scene, delete_instance=PATIENCE)
    delete(scene)
    look(scene, seconds_after_deletion=PATIENCE - 1)

    early = look(scene, seconds_after_deletion=PATIENCE - 1)
    late = look(scene, seconds_after_deletion=1)

    assert "restart_from" not in early["body"]
    assert late["body"]["restart_from"] == "delete-rds"


def test_the_wait_without_a_sign_is_configured(scene: Scene) -> None:
    document = scene.document
    scene.bench.configure({**document, "repeat_deletion_after_minutes": 5})
    show_late(scene)
    delete(scene)

    early = look(scene, seconds_after_deletion=299)
    late = look(scene, seconds_after_deletion=301)

    assert "restart_from" not in early["body"]
    assert late["body"]["restart_from"] == "delete-rds"


def test_a_refused_repetition_proves_that_it_goes_on_and_costs_no_attempt(scene: Scene) -> None:
    show_late(scene)
    delete(scene)
    before = details(scene, DeleteRdsHandler)

    for _ in range(3):
        assert look(scene, seconds_after_deletion=PATIENCE)["body"]["restart_from"] == "delete-rds"
        assert go(scene, DeleteRdsHandler)["statusCode"] == 200
        assert "restart_from" not in look(scene, seconds_after_deletion=1)["body"]
    scene.bench.advance(2 * PATIENCE)

    after = details(scene, DeleteRdsHandler)
    assert go(scene, CheckDeleteStatusHandler)["statusCode"] == 200
    assert after["attempts"] == before["attempts"]
    assert after["delete_started_at"] == before["delete_started_at"]


def test_a_slow_deletion_makes_one_final_snapshot(scene: Scene) -> None:
    scene.configure(skip_final_snapshot=False)
    show_late(scene)
    delete(scene)

    while (answer := look(scene, seconds_after_deletion=PATIENCE / 2))["statusCode"] != 200:
        if answer["body"].get("restart_from"):
            delete(scene)

    assert tags(final_snapshot_of(scene))[TAG_MANAGED_BY] == PREFIX
    name = final_snapshot_of(scene)["DBClusterSnapshotIdentifier"]
    assert details(scene, CheckDeleteStatusHandler)["final_snapshot"] == name


def test_a_cluster_made_in_its_place_is_looked_at_immediately(scene: Scene) -> None:
    delete(scene)
    scene.bench.advance(900)
    scene.client("rds").create_db_cluster(
        DBClusterIdentifier=TARGET,
        Engine="aurora-postgresql",
        MasterUsername="postgres",
        MasterUserPassword="somebodys-own",
    )

    assert go(scene, CheckDeleteStatusHandler)["body"]["restart_from"] == "delete-rds"


# How often it is deleted again


def test_a_deletion_that_is_begun_again_is_waited_for(scene: Scene) -> None:
    delete_in_vain(scene)
    again = look(scene, seconds_after_deletion=PATIENCE)
    delete(scene)

    under_way = look(scene, seconds_after_deletion=1)
    over = look(scene, seconds_after_deletion=LONG_ENOUGH)

    assert again["body"]["restart_from"] == "delete-rds"
    assert under_way["body"]["status"] == "deleting"
    assert over["statusCode"] == 200


def test_the_last_deletion_in_vain_ends_the_execution(scene: Scene) -> None:
    delete_in_vain(scene)
    for _ in range(1, MAX_ATTEMPTS):
        look(scene, seconds_after_deletion=PATIENCE)
        delete_in_vain(scene)

    answer = look(scene, seconds_after_deletion=PATIENCE)
    with pytest.raises(DeletionFailedError, match=r"accepted the deletion of cluster .* 3 times"):
        delete_in_vain(scene)

    assert answer["body"]["restart_from"] == "delete-rds"
    assert scene.bench.state("delete-rds")["status"] == "FAILED"


def test_a_rerun_goes_on_with_what_the_last_one_began(scene: Scene) -> None:
    delete_in_vain(scene)
    for _ in range(1, MAX_ATTEMPTS):
        scene.bench.advance(PATIENCE)
        delete_in_vain(scene)
    scene.bench.advance(PATIENCE)
    with pytest.raises(DeletionFailedError):
        delete(scene)

    scene.bench.redrive_count = 1
    delete(scene)

    assert look(scene, seconds_after_deletion=LONG_ENOUGH)["statusCode"] == 200


def max_attempts(scene: Scene) -> int:
    return 2


# What is there instead


def test_what_this_operation_has_restored_already_counts_as_gone(scene: Scene) -> None:
    delete(scene)
    scene.bench.advance(LONG_ENOUGH)
    scene.make_target(tags=[*OWN_TAGS, {"Key": TAG_OPERATION, "Value": "op-1"}])

    assert go(scene, CheckDeleteStatusHandler)["body"]["message"] == "Cluster deletion completed"


def test_what_somebody_has_made_meanwhile_does_not(scene: Scene) -> None:
    delete(scene)
    scene.bench.advance(LONG_ENOUGH)
    scene.make_target(tags=[])

    assert go(scene, CheckDeleteStatusHandler)["body"]["restart_from"] == "delete-rds"


# The final snapshot


def final_snapshot_of(scene: Scene) -> dict[str, Any]:
    (found,) = manual_snapshots(scene).values()
    return found


def test_the_final_snapshot_is_marked_as_the_pipelines_once_the_cluster_is_gone(
    scene: Scene,
) -> None:
    scene.configure(skip_final_snapshot=False)
    delete(scene)
    go(scene, CheckDeleteStatusHandler)
    while_it_goes = tags(final_snapshot_of(scene))
    scene.bench.advance(LONG_ENOUGH)

    go(scene, CheckDeleteStatusHandler)

    assert while_it_goes == {}
    assert tags(final_snapshot_of(scene)) == {
        TAG_MANAGED_BY: PREFIX,
        TAG_OPERATION: "op-1",
        TAG_RESTORE: "staging",
        TAG_SOURCE_SNAPSHOT: HOME.arn("cluster-snapshot", SNAPSHOT),
    }


def test_a_final_snapshot_that_is_gone_is_not_missed(scene: Scene) -> None:
    scene.configure(skip_final_snapshot=False)
    delete(scene)
    scene.bench.advance(LONG_ENOUGH)
    name = final_snapshot_of(scene)["DBClusterSnapshotIdentifier"]
    scene.client("rds").delete_db_cluster_snapshot(DBClusterSnapshotIdentifier=name)

    assert go(scene, CheckDeleteStatusHandler)["statusCode"] == 200


def test_without_a_final_snapshot_none_is_marked(scene: Scene) -> None:
    delete(scene)
    scene.bench.advance(LONG_ENOUGH)

    go(scene, CheckDeleteStatusHandler)

    assert manual_snapshots(scene) == {}
