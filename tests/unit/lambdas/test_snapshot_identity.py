"""Whatever names a snapshot, only one of the configured source is copied and restored.

Names are not unique: here a namesake of the source is in the target's Region, with a snapshot of
the same name, and another cluster is beside the source.
"""

from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from aurora_restore.lambdas.check_copy_status import CheckCopyStatusHandler
from aurora_restore.lambdas.copy_snapshot import CopySnapshotHandler
from aurora_restore.lambdas.delete_rds import DeleteRdsHandler
from aurora_restore.lambdas.restore_snapshot import RestoreSnapshotHandler
from aurora_restore.lambdas.snapshot_check import SnapshotCheckHandler
from aurora_restore.shared.base_handler import BaseHandler
from aurora_restore.shared.errors import AuroraRestoreError, UnsuitableInputError, ValidationError
from aurora_restore.shared.names import TAG_MANAGED_BY, TAG_SOURCE_SNAPSHOT
from tests.unit.bench import ACCOUNT, PREFIX, REGION, SOURCE_REGION, Bench, bench_in_memory
from tests.unit.lambdas.arrange import (
    COPY,
    LONG_ENOUGH,
    SOURCE_ARN,
    call,
    copy_name,
    go,
    manual_snapshots,
    take_manual,
    target_status,
)
from tests.unit.scene import HOME, SNAPSHOT, SNAPSHOT_TIME, SOURCE, VERSION, Scene, make_scene

NEIGHBOUR = "neighbour"
NEIGHBOURS_SNAPSHOT = "by-hand"
NEIGHBOURS_ARN = f"arn:aws:rds:{SOURCE_REGION}:{ACCOUNT}:cluster-snapshot:{NEIGHBOURS_SNAPSHOT}"
ANOTHER_DATABASE = "another"
"""By its name a restored cluster shows that it is of the namesake or the neighbour."""
COPIES_OF_THE_SOURCE = {COPY, "another-copy"}
NAMESAKES_ARN = HOME.arn("cluster-snapshot", SNAPSHOT)


def make_cluster(scene: Scene, name: str, region: str) -> None:
    place = HOME if region == REGION else scene.source_place
    scene.client("rds", place).create_db_cluster(
        DBClusterIdentifier=name,
        Engine="aurora-postgresql",
        EngineVersion=VERSION,
        MasterUsername="postgres",
        MasterUserPassword="another-password",
        DatabaseName=ANOTHER_DATABASE,
    )
    scene.bench.advance(LONG_ENOUGH)


def make_ambiguous(bench: Bench) -> Scene:
    """A source, a namesake of it where the target is, a neighbour of it, and an old target."""
    scene = make_scene(bench)
    make_cluster(scene, SOURCE, REGION)
    bench.rds.admin.take_automated_snapshot(
        SOURCE, account=ACCOUNT, region=REGION, at=SNAPSHOT_TIME
    )
    make_cluster(scene, NEIGHBOUR, SOURCE_REGION)
    take_manual(scene, NEIGHBOURS_SNAPSHOT, cluster=NEIGHBOUR)
    scene.make_target()
    return scene


@pytest.fixture
def ambiguous(bench: Bench) -> Scene:
    return make_ambiguous(bench)


def take_manual_here(scene: Scene, name: str, cluster: str) -> None:
    """A manual snapshot where the target is."""
    scene.client("rds").create_db_cluster_snapshot(
        DBClusterIdentifier=cluster, DBClusterSnapshotIdentifier=name
    )
    scene.bench.advance(LONG_ENOUGH)


def refused(
    scene: Scene, handler: type[BaseHandler], asked: dict[str, Any], *, match: str
) -> AuroraRestoreError:
    """The error with which a step refuses an event in an execution, having changed nothing."""
    before = scene.changes()
    with pytest.raises(AuroraRestoreError, match=match) as caught:
        go(scene, handler, asked)
    assert scene.changes() == before
    return caught.value


# Fields that contradict each other


@pytest.mark.parametrize("handler", [SnapshotCheckHandler, CopySnapshotHandler, DeleteRdsHandler])
@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"snapshot_arn": SOURCE_ARN, "source_region": REGION}, "source_region"),
        ({"snapshot_id": SOURCE_ARN, "source_region": REGION}, "source_region"),
        ({"snapshot_arn": SOURCE_ARN, "snapshot_name": NEIGHBOURS_SNAPSHOT}, "snapshot_name"),
        ({"snapshot_id": SNAPSHOT, "snapshot_name": NEIGHBOURS_SNAPSHOT}, "snapshot_name"),
        ({"snapshot_arn": SOURCE_ARN, "snapshot_id": NAMESAKES_ARN}, "snapshot_id"),
        (
            {"snapshot_arn": SOURCE_ARN, "snapshot_id": SNAPSHOT, "snapshot_name": NAMESAKES_ARN},
            "snapshot_name",
        ),
    ],
)
def test_fields_that_name_two_snapshots_are_refused(
    ambiguous: Scene, handler: type[BaseHandler], asked: dict[str, Any], field: str
) -> None:
    error = refused(ambiguous, handler, asked, match=f"^{field}: ")

    assert isinstance(error, ValidationError)


@pytest.mark.parametrize(
    "asked",
    [
        {"snapshot_id": NEIGHBOURS_SNAPSHOT},
        {"snapshot_arn": NEIGHBOURS_ARN},
        {"snapshot_arn": NAMESAKES_ARN},
        {"source_region": REGION},
    ],
)
def test_an_operation_keeps_its_snapshot(ambiguous: Scene, asked: dict[str, Any]) -> None:
    go(ambiguous, SnapshotCheckHandler)

    refused(ambiguous, CopySnapshotHandler, asked, match="of operation op-1")


def test_an_operation_may_be_given_its_own_snapshot_in_every_form(ambiguous: Scene) -> None:
    go(ambiguous, SnapshotCheckHandler)
    own = {"snapshot_arn": SOURCE_ARN, "snapshot_name": SNAPSHOT, "source_region": SOURCE_REGION}

    assert go(ambiguous, CopySnapshotHandler, own)["statusCode"] == 200


# Snapshots of others


@pytest.mark.parametrize("handler", [SnapshotCheckHandler, CopySnapshotHandler])
@pytest.mark.parametrize(
    ("arn", "problem"),
    [
        (NEIGHBOURS_ARN, "is of cluster neighbour, and not of the configured source, production"),
        (NAMESAKES_ARN, f"comes from account {ACCOUNT} in {REGION}"),
    ],
)
def test_a_snapshot_of_another_cluster_is_refused_before_it_is_copied(
    ambiguous: Scene, handler: type[BaseHandler], arn: str, problem: str
) -> None:
    error = refused(ambiguous, handler, {"snapshot_arn": arn}, match=problem)

    assert isinstance(error, UnsuitableInputError)
    assert list(manual_snapshots(ambiguous)) == []


def test_the_configuration_can_allow_another_clusters_snapshot(ambiguous: Scene) -> None:
    ambiguous.configure_source(allow_foreign_snapshot=True)
    asked = {"snapshot_arn": NEIGHBOURS_ARN}

    assert go(ambiguous, SnapshotCheckHandler, asked)["statusCode"] == 200
    assert go(ambiguous, CopySnapshotHandler, asked)["statusCode"] == 200
    assert list(manual_snapshots(ambiguous)) == [copy_name(NEIGHBOURS_ARN)]


@pytest.mark.parametrize("allowed", [True, False])
def test_a_snapshot_of_another_engine_is_refused_in_any_case(scene: Scene, allowed: bool) -> None:
    scene.configure_source(allow_foreign_snapshot=allowed)
    scene.bench.rds.admin.take_automated_snapshot(
        SOURCE,
        account=ACCOUNT,
        region=SOURCE_REGION,
        at="2026-05-15T09:00:00+00:00",
        engine="aurora-mysql",
    )
    asked = {"snapshot_id": "rds:production-2026-05-15-09-00"}

    refused(scene, SnapshotCheckHandler, asked, match="is of engine aurora-mysql")


@pytest.mark.parametrize("handler", [DeleteRdsHandler, RestoreSnapshotHandler])
def test_only_the_sources_data_replaces_the_target(
    ambiguous: Scene, handler: type[BaseHandler]
) -> None:
    take_manual_here(ambiguous, "of-the-namesake", SOURCE)
    if handler is RestoreSnapshotHandler:
        ambiguous.bench.rds.admin.set_timings(delete_cluster=1, delete_instance=1)
        remove_target(ambiguous)
    before = ambiguous.changes()

    answer = call(ambiguous, handler, target_snapshot_name="of-the-namesake")

    assert answer["statusCode"] == 409
    assert "comes from account" in answer["body"]["error"]
    assert ambiguous.changes() == before


def remove_target(scene: Scene) -> None:
    rds = scene.client("rds")
    rds.delete_db_instance(DBInstanceIdentifier="my-cluster-1")
    rds.delete_db_cluster(DBClusterIdentifier="my-cluster", SkipFinalSnapshot=True)
    scene.bench.advance(LONG_ENOUGH)
    assert target_status(scene) is None


def test_another_days_copy_does_not_replace_the_target_for_this_operation(
    ambiguous: Scene,
) -> None:
    go(ambiguous, SnapshotCheckHandler)
    go(ambiguous, CopySnapshotHandler)
    copy_of_another_day(ambiguous)

    asked = {"target_snapshot_name": "another-day-copy"}
    refused(ambiguous, DeleteRdsHandler, asked, match=f"is no copy of {SOURCE_ARN}")


def copy_of_another_day(scene: Scene) -> None:
    """Beside the operation's own copy: one of the day before."""
    other = scene.bench.rds.admin.take_automated_snapshot(
        SOURCE, account=ACCOUNT, region=SOURCE_REGION, at="2026-05-14T02:00:00+00:00"
    )
    scene.client("rds").copy_db_cluster_snapshot(
        SourceDBClusterSnapshotIdentifier=other["arn"],
        TargetDBClusterSnapshotIdentifier="another-day-copy",
        SourceRegion=SOURCE_REGION,
    )
    scene.bench.advance(LONG_ENOUGH)


def test_a_look_at_another_copy_does_not_change_what_is_restored(ambiguous: Scene) -> None:
    go(ambiguous, SnapshotCheckHandler)
    go(ambiguous, CopySnapshotHandler)
    copy_of_another_day(ambiguous)

    answer = call(ambiguous, CheckCopyStatusHandler, target_snapshot_name="another-day-copy")

    assert answer["statusCode"] == 409
    assert f"is no copy of {SOURCE_ARN}" in answer["body"]["error"]
    assert go(ambiguous, CheckCopyStatusHandler)["body"]["target_snapshot_name"] == COPY


def test_where_nothing_is_copied_a_look_at_another_snapshot_is_refused(bench: Bench) -> None:
    scene = make_scene(bench, HOME)
    go(scene, SnapshotCheckHandler)
    go(scene, CopySnapshotHandler)

    answer = call(scene, CheckCopyStatusHandler, target_snapshot_name="another")

    assert answer["statusCode"] == 400
    assert "is not the snapshot of operation op-1" in answer["body"]["error"]


def test_tags_that_a_person_copies_make_no_snapshot_the_sources(ambiguous: Scene) -> None:
    """The namesake's own snapshot, with the tags that a restored cluster hands on."""
    inherited = {TAG_MANAGED_BY: PREFIX, TAG_SOURCE_SNAPSHOT: SOURCE_ARN}
    ambiguous.client("rds").copy_db_cluster_snapshot(
        SourceDBClusterSnapshotIdentifier=NAMESAKES_ARN,
        TargetDBClusterSnapshotIdentifier="with-its-tags-copy",
        Tags=[{"Key": key, "Value": value} for key, value in inherited.items()],
    )
    ambiguous.bench.advance(LONG_ENOUGH)

    asked = {"target_snapshot_name": "with-its-tags-copy"}
    refused(ambiguous, DeleteRdsHandler, asked, match="comes from account")


def test_copies_that_another_tool_keeps_in_the_configured_region_are_the_sources(
    bench: Bench,
) -> None:
    scene = make_scene(bench)
    scene.configure_source(region=REGION)
    scene.client("rds").copy_db_cluster_snapshot(
        SourceDBClusterSnapshotIdentifier=SOURCE_ARN,
        TargetDBClusterSnapshotIdentifier="kept-elsewhere",
        SourceRegion=SOURCE_REGION,
    )
    bench.advance(LONG_ENOUGH)

    answer = go(scene, SnapshotCheckHandler, {"snapshot_id": "kept-elsewhere"})

    assert answer["statusCode"] == 200


# Any combination of fields

ANY_NAMING = st.fixed_dictionaries(
    {},
    optional={
        "snapshot_arn": st.sampled_from([SOURCE_ARN, NAMESAKES_ARN, NEIGHBOURS_ARN]),
        "snapshot_id": st.sampled_from([SNAPSHOT, NEIGHBOURS_SNAPSHOT, SOURCE_ARN, NAMESAKES_ARN]),
        "snapshot_name": st.sampled_from([SNAPSHOT, NEIGHBOURS_SNAPSHOT, NEIGHBOURS_ARN]),
        "source_region": st.sampled_from([SOURCE_REGION, REGION]),
        "date": st.sampled_from(["2026-05-15", "2026-05-14"]),
        "target_snapshot_name": st.sampled_from(
            [*sorted(COPIES_OF_THE_SOURCE), "of-the-namesake", SNAPSHOT, NAMESAKES_ARN]
        ),
    },
)
STEPS = (SnapshotCheckHandler, CopySnapshotHandler, DeleteRdsHandler, RestoreSnapshotHandler)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(naming=ANY_NAMING, entry=st.integers(min_value=0, max_value=len(STEPS) - 1))
@example(naming={}, entry=0)
@example(naming={"snapshot_arn": SOURCE_ARN, "source_region": REGION}, entry=1)
@example(naming={"target_snapshot_name": "of-the-namesake"}, entry=2)
def test_whatever_names_the_snapshot_the_target_gets_the_sources_data_or_stays(
    naming: dict[str, str], entry: int
) -> None:
    with bench_in_memory() as bench:
        scene = make_ambiguous(bench)
        take_manual_here(scene, "of-the-namesake", SOURCE)
        for handler in STEPS[entry:]:
            before = scene.changes()
            try:
                answer = go(scene, handler, naming)
            except AuroraRestoreError:
                assert scene.changes() == before
                break
            assert answer["statusCode"] == 200
            bench.advance(LONG_ENOUGH)

        for copied in manual_snapshots(scene).values():
            assert copied.get("SourceDBClusterSnapshotArn") in (None, SOURCE_ARN)
        target = scene.cluster()
        assert target is None or target.get("DatabaseName") != ANOTHER_DATABASE
        if target is None:
            assert COPIES_OF_THE_SOURCE & manual_snapshots(scene).keys()
