"""check-copy-status waits for the copy, and leads back to the step before if it failed."""

from typing import Any
from unittest import mock

import pytest

from aurora_restore.lambdas.check_copy_status import CheckCopyStatusHandler
from aurora_restore.lambdas.copy_snapshot import CopySnapshotHandler
from aurora_restore.shared.documents.restore import Polling
from aurora_restore.shared.errors import CopyFailedError, SnapshotNotFoundError
from aurora_restore.shared.rds.statuses import DEAD_SNAPSHOT
from aurora_restore.shared.state_utils import StateStore
from tests.unit.bench import REGION, SOURCE_REGION, Bench
from tests.unit.lambdas.arrange import (
    COPY,
    COPY_ARN,
    LONG_ENOUGH,
    NEXT_DOOR,
    SOURCE_ARN,
    call,
    details,
    go,
    manual_snapshots,
    set_status,
    share,
    take_manual,
)
from tests.unit.scene import HOME, SNAPSHOT, Scene, make_scene

STEP = CheckCopyStatusHandler.step.name


@pytest.fixture
def scene(scene: Scene) -> Scene:
    """A copy under way."""
    start_copy(scene)
    return scene


def start_copy(scene: Scene) -> None:
    go(scene, CopySnapshotHandler, {"snapshot_arn": SOURCE_ARN})


def lose_copy(scene: Scene) -> None:
    """A person deletes the copy."""
    scene.client("rds").delete_db_cluster_snapshot(DBClusterSnapshotIdentifier=COPY)


def fail_copy(scene: Scene) -> None:
    set_status(scene, COPY_ARN, "failed")


# What it answers


def test_a_finished_copy_is_returned_as_documented(scene: Scene) -> None:
    scene.bench.advance(LONG_ENOUGH)

    answer = call(scene, CheckCopyStatusHandler)

    assert answer == {
        "statusCode": 200,
        "body": {
            "message": "Snapshot copy is complete",
            "operation_id": "op-1",
            "target_snapshot_name": COPY,
            "region": REGION,
            "status": "available",
        },
    }


def test_a_copy_under_way_is_returned_as_documented(scene: Scene) -> None:
    scene.bench.advance(449)

    answer = call(scene, CheckCopyStatusHandler)

    assert answer == {
        "statusCode": 202,
        "body": {
            "message": "Snapshot copy is still in progress",
            "operation_id": "op-1",
            "target_snapshot_name": COPY,
            "region": REGION,
            "status": "copying",
            "percent_progress": 50,
            "retry_after": 3,
        },
    }


def test_what_is_complete_is_written_down(scene: Scene) -> None:
    go(scene, CheckCopyStatusHandler)
    scene.bench.advance(LONG_ENOUGH)
    go(scene, CheckCopyStatusHandler)

    known = details(scene, CheckCopyStatusHandler)
    assert known["copy_status"] == "available"
    assert known["snapshot_arn"] == COPY_ARN
    assert known["copy_snapshot_id"] == known["target_snapshot"] == COPY
    assert scene.bench.audit_trail()[1:] == [(STEP, "IN_PROGRESS"), (STEP, "SUCCESS")]


def test_running_it_twice_says_the_same(scene: Scene) -> None:
    scene.bench.advance(LONG_ENOUGH)

    assert go(scene, CheckCopyStatusHandler) == go(scene, CheckCopyStatusHandler)


def test_the_longer_a_copy_takes_the_seldomer_it_is_looked_at(scene: Scene) -> None:
    set_status(scene, COPY_ARN, "copying")

    waits = []
    for _ in range(4):
        waits.append(go(scene, CheckCopyStatusHandler)["body"]["retry_after"])
        scene.bench.advance(LONG_ENOUGH)

    assert waits == sorted(set(waits))
    assert waits[0] == Polling().floor_seconds


def test_a_direct_call_needs_no_operation_but_a_name(scene: Scene) -> None:
    scene.bench.advance(LONG_ENOUGH)

    answer = scene.bench.call(CheckCopyStatusHandler, {"target_snapshot_name": COPY})

    assert (answer["statusCode"], answer["body"]["status"]) == (200, "available")


def test_a_direct_call_for_nothing_is_refused(scene: Scene) -> None:
    answer = scene.bench.call(CheckCopyStatusHandler, {})

    assert answer["statusCode"] == 400
    assert "target_snapshot_name: is missing" in answer["body"]["error"]


# Which status means what


@pytest.mark.parametrize("status", ["copying", "creating", "pending", "not-known-yet"])
def test_a_status_that_may_pass_is_waited_for(scene: Scene, status: str) -> None:
    set_status(scene, COPY_ARN, status)

    answer = go(scene, CheckCopyStatusHandler)

    assert (answer["statusCode"], answer["body"]["status"]) == (202, status)
    assert "restart_from" not in answer["body"]
    assert details(scene, CheckCopyStatusHandler)["copy_status"] == status


@pytest.mark.parametrize("status", sorted(DEAD_SNAPSHOT))
def test_a_dead_copy_is_started_again(scene: Scene, status: str) -> None:
    set_status(scene, COPY_ARN, status)

    answer = go(scene, CheckCopyStatusHandler)

    assert answer["statusCode"] == 202
    assert answer["body"]["restart_from"] == CopySnapshotHandler.step.name
    assert answer["body"]["status"] == status
    assert "retry_after" not in answer["body"]


@pytest.mark.parametrize("status", sorted(DEAD_SNAPSHOT))
def test_a_direct_call_learns_of_a_dead_copy(scene: Scene, status: str) -> None:
    set_status(scene, COPY_ARN, status)

    answer = call(scene, CheckCopyStatusHandler)

    assert answer["statusCode"] == 500
    assert answer["body"]["error_type"] == "CopyFailedError"
    assert (answer["body"]["target_snapshot_name"], answer["body"]["status"]) == (COPY, status)


def test_a_copy_that_is_gone_is_started_again(scene: Scene) -> None:
    lose_copy(scene)

    answer = go(scene, CheckCopyStatusHandler)

    assert (answer["statusCode"], answer["body"]["restart_from"]) == (202, "copy-snapshot")


def test_a_direct_call_learns_of_a_missing_copy_as_documented(scene: Scene) -> None:
    lose_copy(scene)

    answer = call(scene, CheckCopyStatusHandler)

    assert answer["statusCode"] == 404
    assert answer["body"]["error_type"] == "TargetSnapshotNotFoundError"
    assert (answer["body"]["target_snapshot_name"], answer["body"]["region"]) == (COPY, REGION)


# How often it is started again


def test_a_failed_copy_is_replaced_by_one_that_is_waited_for(scene: Scene) -> None:
    fail_copy(scene)

    go(scene, CheckCopyStatusHandler)
    start_copy(scene)
    start_copy(scene)
    scene.bench.advance(LONG_ENOUGH)

    assert go(scene, CheckCopyStatusHandler)["statusCode"] == 200
    assert manual_snapshots(scene)[COPY]["Status"] == "available"


def test_the_second_failed_copy_ends_the_execution(scene: Scene) -> None:
    fail_twice(scene)

    with pytest.raises(CopyFailedError, match=f"the copy {COPY} in {REGION} is 'failed'"):
        go(scene, CheckCopyStatusHandler)

    assert scene.bench.state(STEP)["status"] == "FAILED"


def test_the_second_lost_copy_ends_the_execution(scene: Scene) -> None:
    lose_copy(scene)
    start_copy(scene)
    lose_copy(scene)

    with pytest.raises(SnapshotNotFoundError):
        go(scene, CheckCopyStatusHandler)


def test_more_attempts_may_be_configured(scene: Scene) -> None:
    scene.bench.configure({**scene.document, "max_attempts": 3})
    fail_twice(scene)

    assert go(scene, CheckCopyStatusHandler)["body"]["restart_from"] == "copy-snapshot"


def test_a_rerun_may_start_it_once_more(scene: Scene) -> None:
    fail_twice(scene)
    with pytest.raises(CopyFailedError):
        go(scene, CheckCopyStatusHandler)

    scene.bench.redrive_count = 1

    assert go(scene, CheckCopyStatusHandler)["body"]["restart_from"] == "copy-snapshot"


def test_a_direct_call_does_not_use_up_an_attempt(scene: Scene) -> None:
    fail_copy(scene)
    call(scene, CheckCopyStatusHandler)

    assert go(scene, CheckCopyStatusHandler)["body"]["restart_from"] == "copy-snapshot"


def fail_twice(scene: Scene) -> None:
    """The first copy has failed and been replaced, and the second one fails, too."""
    fail_copy(scene)
    start_copy(scene)
    start_copy(scene)
    fail_copy(scene)


# Where there is no copy


def restored_in_place(bench: Bench) -> tuple[Scene, str]:
    return make_scene(bench, HOME), HOME.arn("cluster-snapshot", SNAPSHOT)


def restored_from_the_neighbours(bench: Bench) -> tuple[Scene, str]:
    scene = make_scene(bench, NEXT_DOOR)
    arn = take_manual(scene, "for-the-others")
    share(scene, "for-the-others")
    scene.configure_source(copy_route="none")
    return scene, arn


def test_in_the_same_region_there_is_nothing_to_wait_for_as_documented(bench: Bench) -> None:
    scene, arn = restored_in_place(bench)
    go(scene, CopySnapshotHandler, {"snapshot_arn": arn})

    answer = go(scene, CheckCopyStatusHandler)

    assert answer == {
        "statusCode": 200,
        "body": {
            "message": "No need to check copy status, source and target regions are the same",
            "operation_id": "op-1",
            "target_snapshot_name": SNAPSHOT,
            "region": REGION,
            "status": "available",
        },
    }
    assert details(scene, CheckCopyStatusHandler)["copy_snapshot_id"] == SNAPSHOT


def test_what_another_account_shares_in_the_same_region_is_not_waited_for(bench: Bench) -> None:
    scene, arn = restored_from_the_neighbours(bench)
    go(scene, CopySnapshotHandler, {"snapshot_arn": arn})

    answer = go(scene, CheckCopyStatusHandler)

    assert (answer["statusCode"], answer["body"]["target_snapshot_name"]) == (200, arn)


@pytest.mark.parametrize("event", [{"snapshot_name": SNAPSHOT}, {"target_snapshot_name": "named"}])
def test_a_direct_call_in_the_same_region_names_the_snapshot(
    bench: Bench, event: dict[str, Any]
) -> None:
    scene, _ = restored_in_place(bench)

    answer = scene.bench.call(CheckCopyStatusHandler, event)

    assert answer["statusCode"] == 200
    assert [answer["body"]["target_snapshot_name"]] == list(event.values())


def test_the_source_region_of_the_event_decides_whether_there_is_a_copy(scene: Scene) -> None:
    event = {"target_snapshot_name": COPY, "target_region": REGION}

    there = scene.bench.call(CheckCopyStatusHandler, {**event, "source_region": SOURCE_REGION})
    here = scene.bench.call(CheckCopyStatusHandler, {**event, "source_region": REGION})

    assert (there["statusCode"], here["statusCode"]) == (202, 200)


def test_who_looks_on_while_an_execution_works_takes_nothing_from_its_state(scene: Scene) -> None:
    store, load = scene.bench.store, StateStore.load

    def load_and_be_overtaken(self: StateStore, operation_id: str, *rest: Any) -> Any:
        found = load(self, operation_id, *rest)
        known = {"restore": "staging", "old_cluster": {"Port": 5432}}
        store.save(operation_id, "delete-rds", "SUCCESS", known, scene.bench.clock())
        scene.bench.advance(1)
        return found

    with mock.patch.object(StateStore, "load", load_and_be_overtaken):
        call(scene, CheckCopyStatusHandler)

    latest = store.load("op-1")
    assert latest is not None
    assert latest["details"]["old_cluster"] == {"Port": 5432}
