"""A copy that AWS refuses because of others in progress waits for its turn."""

from datetime import timedelta
from typing import Any

import pytest

from aurora_restore.lambdas.copy_snapshot import CopySnapshotHandler
from aurora_restore.shared.errors import AwsError, CopiesInProgressError, CorruptStateError
from aurora_restore.shared.names import COPY_QUEUE_KEY_PREFIX
from embedded_aws.rds.models import Location
from tests.unit.bench import ACCOUNT, REGION, Bench
from tests.unit.lambdas.arrange import (
    ELSEWHERE,
    LONG_ENOUGH,
    ROLE,
    SOURCE_ARN,
    details,
    make_encrypted_source,
    make_key,
    manual_snapshots,
)
from tests.unit.scene import HOME, OTHER_ACCOUNT, Scene, make_scene

STEP = CopySnapshotHandler.step.name
QUEUE = f"{COPY_QUEUE_KEY_PREFIX}{ACCOUNT}/{REGION}"
WAITS = 202
FIRST, SECOND, THIRD = "first", "second", "third"


@pytest.fixture
def fleet(scene: Scene) -> Scene:
    """Three restores of one source into targets of their own."""
    for name in (FIRST, SECOND, THIRD):
        configure(scene, name)
    return scene


def configure(scene: Scene, name: str, **source: Any) -> None:
    document = scene.document
    document["target"]["cluster_id"] = f"{name}-cluster"
    document["source"] |= source
    scene.bench.configure(document, name=name)


def copy_for(scene: Scene, restore: str) -> dict[str, Any]:
    """The state machine calls the step for an operation of a restore, a second later.

    The operation wants a copy of its own, which it shares with nobody.
    """
    scene.bench.advance(1)
    asked = {
        "restore": restore,
        "snapshot_arn": SOURCE_ARN,
        "target_snapshot_name": copy_of(restore),
    }
    return scene.bench.step(CopySnapshotHandler, asked, operation_id=f"op-{restore}")


def copy_by_hand(scene: Scene, name: str, place: Location = HOME) -> None:
    """Someone else copies to the same place."""
    scene.client("rds", place).copy_db_cluster_snapshot(
        SourceDBClusterSnapshotIdentifier=SOURCE_ARN, TargetDBClusterSnapshotIdentifier=name
    )


def allow(scene: Scene, copies: int) -> None:
    """Let RDS allow so many copies in progress."""
    scene.bench.rds.admin.set_rules(copies_in_progress=copies)


def tickets(scene: Scene, queue: str = QUEUE) -> set[str]:
    return {item["step"] for item in scene.bench.store.load_all(queue)}


def attempted_copies(scene: Scene) -> int:
    calls = scene.bench.rds.admin.calls()
    return sum(each["action"] == "CopyDBClusterSnapshot" for each in calls)


def copy_of(restore: str) -> str:
    return f"production-2026-05-15-02-00-{restore}-copy"


def state_of(scene: Scene, restore: str) -> dict[str, Any]:
    found: dict[str, Any] = scene.bench.state(STEP, f"op-{restore}")["details"]
    return found


def test_a_refused_copy_waits_and_says_for_what(fleet: Scene) -> None:
    allow(fleet, 1)
    copy_by_hand(fleet, "by-hand")

    answer = copy_for(fleet, FIRST)

    assert answer["statusCode"] == WAITS
    assert answer["body"]["message"] == (
        "Snapshot copy in the target's Region waits for its turn, 720 minutes at most: it is the "
        "next one; in progress: by-hand (0 %)"
    )
    assert answer["body"]["copies_in_progress"] == ["by-hand"]
    assert "attempts" not in state_of(fleet, FIRST)
    assert tickets(fleet) == {copy_of(FIRST)}


def test_it_is_started_once_another_has_ended(fleet: Scene) -> None:
    allow(fleet, 1)
    copy_by_hand(fleet, "by-hand")
    copy_for(fleet, FIRST)
    fleet.bench.advance(LONG_ENOUGH)

    answer = copy_for(fleet, FIRST)

    assert (answer["statusCode"], answer["body"]["copy_status"]) == (200, "copying")
    assert state_of(fleet, FIRST)["attempts"] == {STEP: 1}
    assert tickets(fleet) == set()


def test_who_has_waited_longest_is_first(fleet: Scene) -> None:
    allow(fleet, 1)
    copy_by_hand(fleet, "by-hand")
    copy_for(fleet, FIRST)
    before = copy_for(fleet, SECOND)["body"]
    fleet.bench.rds.admin.set_status(HOME.arn("cluster-snapshot", "by-hand"), "available")
    attempts = attempted_copies(fleet)

    newcomer = copy_for(fleet, THIRD)
    second = copy_for(fleet, SECOND)

    assert before["copies_before"] == 1
    assert newcomer["body"]["copies_before"] == 2
    assert "2 copies are before it; in progress: none that is shown" in newcomer["body"]["message"]
    assert second["statusCode"] == WAITS
    assert attempted_copies(fleet) == attempts
    assert copy_for(fleet, FIRST)["statusCode"] == 200


def test_as_many_as_have_ended_may_follow(fleet: Scene) -> None:
    allow(fleet, 2)
    for name in ("one", "another"):
        copy_by_hand(fleet, name)
    for restore in (FIRST, SECOND, THIRD):
        copy_for(fleet, restore)
    for name in ("one", "another"):
        fleet.bench.rds.admin.set_status(HOME.arn("cluster-snapshot", name), "available")

    codes = [copy_for(fleet, each)["statusCode"] for each in (THIRD, SECOND, FIRST)]

    assert codes == [WAITS, 200, 200]


def test_an_operation_that_comes_no_more_holds_nobody_up(fleet: Scene) -> None:
    allow(fleet, 1)
    copy_by_hand(fleet, "by-hand")
    copy_for(fleet, FIRST)
    copy_for(fleet, SECOND)
    fleet.bench.advance(LONG_ENOUGH)

    assert copy_for(fleet, SECOND)["statusCode"] == 200


def test_who_has_started_its_copy_and_died_holds_nobody_up(fleet: Scene) -> None:
    allow(fleet, 2)
    for name in ("one", "another"):
        copy_by_hand(fleet, name)
    copy_for(fleet, FIRST)
    fleet.bench.rds.admin.set_status(HOME.arn("cluster-snapshot", "one"), "available")
    left = fleet.bench.store.load_all(QUEUE)
    copy_for(fleet, FIRST)
    fleet.bench.store.put(left[0])
    fleet.bench.rds.admin.set_status(HOME.arn("cluster-snapshot", "another"), "available")

    assert copy_for(fleet, SECOND)["statusCode"] == 200


def test_who_finds_a_shared_copy_started_by_another_leaves_the_queue(fleet: Scene) -> None:
    def share(restore: str) -> int:
        asked = {"restore": restore, "snapshot_arn": SOURCE_ARN}
        answer = fleet.bench.step(CopySnapshotHandler, asked, operation_id=f"op-{restore}")
        return int(answer["statusCode"])

    allow(fleet, 0)
    assert (share(FIRST), len(tickets(fleet))) == (WAITS, 1)
    allow(fleet, 1)

    assert (share(SECOND), share(FIRST)) == (200, 200)
    assert tickets(fleet) == set()


def test_it_waits_no_longer_than_is_configured_and_a_redrive_waits_again(fleet: Scene) -> None:
    configure(fleet, FIRST, copy_wait_minutes=10)
    allow(fleet, 0)
    copy_for(fleet, FIRST)
    fleet.bench.advance(timedelta(minutes=10).total_seconds())

    with pytest.raises(CopiesInProgressError, match="was not started in 10 minutes") as caught:
        copy_for(fleet, FIRST)

    assert caught.value.details["copy"] == copy_of(FIRST)
    assert tickets(fleet) == set()
    fleet.bench.redrive_count = 1
    assert copy_for(fleet, FIRST)["statusCode"] == WAITS


def test_too_many_snapshots_are_no_matter_of_waiting(fleet: Scene) -> None:
    fleet.bench.rds.admin.set_rules(manual_snapshots=0)

    with pytest.raises(AwsError, match="Cannot create more than 0 manual cluster snapshots"):
        copy_for(fleet, FIRST)

    assert tickets(fleet) == set()


def test_a_copy_in_a_source_account_waits_too(bench: Bench) -> None:
    scene = make_scene(bench, ELSEWHERE)
    make_encrypted_source(scene)
    taken = bench.rds.admin.take_automated_snapshot(
        "encrypted",
        account=OTHER_ACCOUNT,
        region=ELSEWHERE.region,
        at="2026-05-15T02:00:00+00:00",
    )
    scene.configure(kms_key_id=make_key(scene, HOME))
    scene.configure_source(
        cluster_id="encrypted", role_arn=ROLE, kms_key_id=make_key(scene, ELSEWHERE)
    )
    allow(scene, 0)
    bench.store.save("op-1", "snapshot-check", "SUCCESS", {"shared_by_copy": True}, bench.clock())

    answer = bench.step(CopySnapshotHandler, {"snapshot_arn": taken["arn"]})

    assert answer["statusCode"] == WAITS
    assert "in the source account waits for its turn" in answer["body"]["message"]
    queue = f"{COPY_QUEUE_KEY_PREFIX}{OTHER_ACCOUNT}/{ELSEWHERE.region}"
    (ticket,) = tickets(scene, queue)
    assert ticket.startswith("aurora-restore-shared-encrypted-2026-05-15-02-00-")
    assert manual_snapshots(scene, ELSEWHERE) == {}
    assert "attempts" not in details(scene, CopySnapshotHandler)


def test_a_ticket_that_nobody_has_written_so_is_reported(fleet: Scene) -> None:
    fleet.bench.store.put({"operation_id": QUEUE, "step": "x", "asked_at": "?", "limit": 1})

    with pytest.raises(CorruptStateError, match="asked_at: is missing or wrong"):
        copy_for(fleet, FIRST)
