"""What may stand in the way of an encrypted snapshot from another account or Region."""

from typing import Any

import pytest

from aurora_restore.lambdas.snapshot_check import SnapshotCheckHandler
from embedded_aws.rds.models import Location
from tests.unit.bench import ACCOUNT, SOURCE_REGION, Bench
from tests.unit.lambdas.arrange import (
    ELSEWHERE,
    NEXT_DOOR,
    ROLE,
    copy_at_source,
    make_encrypted_source,
    make_key,
    take_manual,
)
from tests.unit.scene import HOME, OTHER_ACCOUNT, SNAPSHOT_TIME, Scene, make_scene, obstacles_of

ENCRYPTED = "encrypted"
NAME = f"{ENCRYPTED}-2026-05-15-02-00"


def make_daily_encrypted_source(scene: Scene) -> str:
    """A source that only its own account may decrypt, with a snapshot of yesterday; its key."""
    place = scene.source_place
    key = make_encrypted_source(scene, ENCRYPTED, [place.account])
    scene.bench.rds.admin.take_automated_snapshot(
        ENCRYPTED, account=place.account, region=place.region, at=SNAPSHOT_TIME
    )
    return key


def rehearsed(scene: Scene) -> list[tuple[str, str]]:
    answer = scene.bench.call(SnapshotCheckHandler, {"dry_run": True})
    return obstacles_of(answer)


@pytest.fixture
def near(bench: Bench) -> Scene:
    """The source is in another Region of the target's account."""
    return make_scene(bench)


@pytest.fixture
def far(bench: Bench) -> Scene:
    """The source is in another account and Region, and there is a role in it."""
    return make_scene(bench, ELSEWHERE)


def configure(scene: Scene, target_key: str | None, **source: Any) -> None:
    document = scene.document
    document["source"] |= {"cluster_id": ENCRYPTED, **source}
    if target_key:
        document["target"]["kms_key_id"] = target_key
    scene.bench.configure(document)


def test_a_copy_in_another_region_needs_a_key(near: Scene) -> None:
    make_daily_encrypted_source(near)
    configure(near, None)

    assert rehearsed(near) == [
        (
            "keys",
            "target.kms_key_id: is missing; the snapshot is encrypted, and its copy needs a "
            "customer key",
        )
    ]


def test_the_snapshots_own_key_must_be_enabled(near: Scene) -> None:
    key = make_daily_encrypted_source(near)
    configure(near, make_key(near, HOME))
    assert rehearsed(near) == []

    near.client("kms", near.source_place).disable_key(KeyId=key.rpartition("/")[2])

    assert rehearsed(near) == [("keys", f"the snapshot's key: KMS key {key} is Disabled")]


@pytest.mark.parametrize(("route", "is_reported"), [("none", True), ("auto", False)])
def test_a_key_that_cannot_be_described_is_reported_where_no_copy_proves_it(
    bench: Bench, route: str, is_reported: bool
) -> None:
    beside = make_scene(bench, NEXT_DOOR)
    make_daily_encrypted_source(beside)
    closed = make_key(beside, NEXT_DOOR, [OTHER_ACCOUNT])
    settings = {"role_arn": ROLE, "copy_route": route}
    configure(beside, make_key(beside, HOME), kms_key_id=closed, **settings)

    reported = rehearsed(beside)

    assert [check for check, _ in reported] == (["keys"] if is_reported else [])
    assert all(f"KMS key {closed} cannot be described: " in problem for _, problem in reported)
    opened = make_key(beside, NEXT_DOOR)
    configure(beside, make_key(beside, HOME), kms_key_id=opened, **settings)
    assert rehearsed(beside) == []


def test_every_copy_of_two_steps_needs_a_key(far: Scene) -> None:
    make_daily_encrypted_source(far)
    shared = make_key(far, far.source_place)
    settings = {"role_arn": ROLE, "kms_key_id": shared, "copy_route": "two-steps"}
    configure(far, make_key(far, HOME), **settings)
    missing = "is missing; the snapshot is encrypted, and its copy needs a customer key"
    assert rehearsed(far) == [("keys", f"source.intermediate_kms_key_id: {missing}")]

    intermediate = make_key(far, Location(ACCOUNT, SOURCE_REGION))
    configure(
        far,
        make_key(far, HOME),
        **settings,
        intermediate_kms_key_id=intermediate,
    )
    assert rehearsed(far) == []


def test_a_strangers_snapshot_under_the_name_of_a_copy_on_the_way_is_reported(far: Scene) -> None:
    make_daily_encrypted_source(far)
    shared = make_key(far, far.source_place)
    configure(far, make_key(far, HOME), role_arn=ROLE, kms_key_id=shared)
    source = ELSEWHERE.arn("cluster-snapshot", f"rds:{NAME}")
    name = copy_at_source(source, shared)

    take_manual(far, name, cluster=ENCRYPTED)

    assert rehearsed(far) == [
        (
            "names",
            f"snapshot {name} exists in the source account, and is no copy of {source}",
        )
    ]


def test_a_full_quota_in_the_source_account_is_reported(far: Scene) -> None:
    make_daily_encrypted_source(far)
    shared = make_key(far, far.source_place)
    configure(far, make_key(far, HOME), role_arn=ROLE, kms_key_id=shared)

    far.bench.rds.admin.set_rules(manual_snapshots=0)

    quota = "ManualClusterSnapshots: 0 of 0 are used"
    assert rehearsed(far) == [
        ("quotas", f"{quota} in the source account, and 1 more would be made"),
        ("quotas", f"{quota} in the target's Region, and 1 more would be made"),
    ]
