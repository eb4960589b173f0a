"""A person who calls a function directly gets the answer that docs/api.md describes."""

from typing import Any

import pytest

from aurora_restore.lambdas.archive_snapshot import ArchiveSnapshotHandler
from aurora_restore.lambdas.check_copy_status import CheckCopyStatusHandler
from aurora_restore.lambdas.copy_snapshot import CopySnapshotHandler
from aurora_restore.lambdas.delete_rds import DeleteRdsHandler
from aurora_restore.lambdas.restore_snapshot import RestoreSnapshotHandler
from aurora_restore.lambdas.snapshot_check import SnapshotCheckHandler
from tests.unit.bench import ACCOUNT, REGION, SOURCE_REGION, Bench
from tests.unit.lambdas.arrange import COPY, LONG_ENOUGH, SOURCE_ARN, call, details
from tests.unit.scene import HOME, SNAPSHOT, TARGET, Scene, make_scene


def errors(answer: dict[str, Any]) -> tuple[int, str]:
    return answer["statusCode"], answer["body"]["error"]


def test_a_body_is_flat_and_has_no_data(scene: Scene) -> None:
    answer = call(scene, SnapshotCheckHandler)

    assert answer["body"]["snapshot_name"] == SNAPSHOT
    assert "data" not in answer["body"]


@pytest.mark.parametrize(
    ("asked", "searched_for"),
    [
        ({"snapshot_id": "by-hand"}, "by-hand"),
        ({"date": "2026-05-01"}, "production of 2026-05-01"),
    ],
)
def test_a_snapshot_that_is_not_found_says_what_was_searched_for(
    scene: Scene, asked: dict[str, str], searched_for: str
) -> None:
    answer = call(scene, SnapshotCheckHandler, **asked)

    assert answer["statusCode"] == 404
    assert answer["body"]["snapshot_name"] == searched_for


def test_a_source_snapshot_that_does_not_exist_is_a_404_of_copy_snapshot(scene: Scene) -> None:
    absent = SOURCE_ARN.replace("05-15", "05-14")

    assert call(scene, CopySnapshotHandler, snapshot_arn=absent)["statusCode"] == 404


@pytest.mark.parametrize("name", ["rds:a-copy", "awsbackup:a-copy", SOURCE_ARN])
def test_a_name_that_no_copy_can_have_is_refused_before_aws_is_asked(
    scene: Scene, name: str
) -> None:
    before = scene.bench.rds.admin.calls()

    answer = call(scene, CopySnapshotHandler, snapshot_arn=SOURCE_ARN, target_snapshot_name=name)

    assert errors(answer) == (
        400,
        f"target_snapshot_name: {name!r} cannot be the name of a copy: it has a colon",
    )
    assert scene.bench.rds.admin.calls() == before


def test_what_needs_no_copy_is_stored_with_every_documented_key(bench: Bench) -> None:
    scene = make_scene(bench, HOME)

    answer = call(
        scene, CheckCopyStatusHandler, target_snapshot_name=SNAPSHOT, source_region=REGION
    )

    assert answer["statusCode"] == 200
    known = details(scene, CheckCopyStatusHandler)
    assert {key: known[key] for key in DOCUMENTED_KEYS} == {
        "source_snapshot": SNAPSHOT,
        "target_snapshot": SNAPSHOT,
        "copy_snapshot_id": SNAPSHOT,
        "copy_status": "available",
        "source_account_id": ACCOUNT,
        "target_account_id": ACCOUNT,
        "source_region": REGION,
        "target_region": REGION,
        "snapshot_arn": HOME.arn("cluster-snapshot", SNAPSHOT),
    }


DOCUMENTED_KEYS = (
    "source_snapshot",
    "target_snapshot",
    "copy_snapshot_id",
    "copy_status",
    "source_account_id",
    "target_account_id",
    "source_region",
    "target_region",
    "snapshot_arn",
)


def test_a_deletion_without_any_proof_of_the_new_data_is_refused(scene: Scene) -> None:
    scene.make_target()
    before = scene.changes()

    status, error = errors(call(scene, DeleteRdsHandler, target_cluster_id=TARGET))

    assert status == 400
    assert error.startswith("target_snapshot_name: is missing")
    assert scene.changes() == before


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"db_subnet_group_name": "no-such-group"}, "db_subnet_group_name"),
        ({"vpc_security_group_ids": ["sg-00000000"]}, "vpc_security_group_ids"),
        ({"security_group_ids": ["sg-00000000"]}, "security_group_ids"),
    ],
)
def test_a_network_of_the_event_that_does_not_exist_is_named_by_its_field(
    bench: Bench, asked: dict[str, Any], field: str
) -> None:
    scene = make_scene(bench, HOME)

    status, error = errors(
        call(scene, RestoreSnapshotHandler, target_snapshot_name=SNAPSHOT, **asked)
    )

    assert status == 400
    assert error.startswith(f"{field}: ")
    assert scene.cluster() is None


def copied_by_hand(scene: Scene) -> None:
    scene.client("rds").copy_db_cluster_snapshot(
        SourceDBClusterSnapshotIdentifier=SOURCE_ARN,
        TargetDBClusterSnapshotIdentifier="by-hand",
        SourceRegion=SOURCE_REGION,
    )
    scene.bench.advance(LONG_ENOUGH)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (COPY, "Snapshot archived successfully"),
        ("by-hand", "No need to archive snapshot, this pipeline did not make it for this restore"),
    ],
)
def test_a_snapshot_that_is_left_alone_says_why(scene: Scene, name: str, message: str) -> None:
    call(scene, CopySnapshotHandler, snapshot_arn=SOURCE_ARN)
    copied_by_hand(scene)

    answer = call(scene, ArchiveSnapshotHandler, target_snapshot_name=name)

    assert (answer["statusCode"], answer["body"]["message"]) == (200, message)


def test_what_was_restored_where_it_is_is_not_archived(bench: Bench) -> None:
    scene = make_scene(bench, HOME)

    answer = call(scene, ArchiveSnapshotHandler, target_snapshot_name=SNAPSHOT)

    assert answer["body"]["message"] == (
        "No need to archive snapshot, it was restored from where it is"
    )
