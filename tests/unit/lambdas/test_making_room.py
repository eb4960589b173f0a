"""Where the target is switched, delete-rds makes room beside it and never touches it."""

from dataclasses import replace
from typing import Any

import pytest

from aurora_restore.lambdas.check_delete_status import CheckDeleteStatusHandler
from aurora_restore.lambdas.delete_rds import DeleteRdsHandler
from aurora_restore.shared.errors import (
    AwsError,
    PreflightError,
    SupersededError,
    SwitchInProgressError,
)
from aurora_restore.shared.names import TAG_MANAGED_BY, TAG_RESTORE, cluster_beside, retired_cluster
from aurora_restore.shared.recorded_cluster import PlannedSwitch, RecordedCluster
from aurora_restore.shared.target_record import TargetRecord
from tests.unit.bench import Bench
from tests.unit.lambdas.arrange import (
    LONG_ENOUGH,
    call,
    details,
    go,
    manual_snapshots,
    set_status,
    target_status,
)
from tests.unit.lambdas.beside import (
    EARLIER,
    OWN,
    RETIRED,
    TEMPORARY,
    make_beside,
    make_switched,
    names_of_clusters,
    record_live,
    record_retired,
    records,
    until_done,
)
from tests.unit.lambdas.switched import resource_id
from tests.unit.scene import HOME, TARGET, Scene

FINAL = f"{TARGET}-final-"


@pytest.fixture
def scene(bench: Bench) -> Scene:
    """A target that is switched, and the new data beside it."""
    return make_switched(bench)


def final_snapshots(scene: Scene) -> list[str]:
    return [name for name in manual_snapshots(scene) if name.startswith(FINAL)]


def kept(answers: list[tuple[str, dict[str, Any]]]) -> dict[str, str]:
    """Why what stays does so, by the first answer."""
    found: dict[str, str] = answers[0][1]["body"].get("kept", {})
    return found


# Nothing in the way


def test_where_nothing_is_in_the_way_a_404_is_a_normal_answer(scene: Scene) -> None:
    answer = go(scene, DeleteRdsHandler)

    assert answer["statusCode"] == 404
    assert answer["body"]["message"] == "Nothing to delete: nothing is in the way beside the target"
    assert scene.changes() == []


def test_the_settings_that_are_restored_are_written_down_all_the_same(scene: Scene) -> None:
    until_done(scene)

    known = details(scene, CheckDeleteStatusHandler)
    assert known["old_cluster"]["DBClusterIdentifier"] == TARGET
    assert known["old_cluster"]["Instances"][0]["identifier"] == f"{TARGET}-1"
    assert "deleted_cluster_id" not in known


def test_the_next_step_waits_for_nothing_and_leads_on(scene: Scene) -> None:
    (_, first), (step, second) = until_done(scene)

    assert (first["statusCode"], step, second["statusCode"]) == (404, "check-delete-status", 200)
    assert second["body"]["next_step"] == "restore-snapshot"
    assert target_status(scene) == "available"


def test_the_obstacles_of_the_restore_are_found_before_anything_is_deleted(scene: Scene) -> None:
    make_beside(scene, TEMPORARY)
    document = scene.document
    document["target"] |= {"strategy": "switch", "db_subnet_group_name": "missing"}
    scene.bench.configure(document)

    with pytest.raises(PreflightError, match="missing"):
        go(scene, DeleteRdsHandler)

    assert TEMPORARY in names_of_clusters(scene)


# What failed operations have left


def test_the_temporary_cluster_of_a_failed_run_goes(scene: Scene) -> None:
    make_beside(scene, TEMPORARY, instances=2)

    until_done(scene)

    assert names_of_clusters(scene) == {TARGET}
    assert target_status(scene) == "available"
    assert details(scene, CheckDeleteStatusHandler)["deleted_beside"] == {TEMPORARY: "deleted"}


def test_no_snapshot_is_taken_of_data_that_has_never_served(scene: Scene) -> None:
    """It may be production's, unmasked."""
    document = scene.document
    document["target"] |= {"strategy": "switch", "skip_final_snapshot": False}
    scene.bench.configure(document)
    make_beside(scene, TEMPORARY)

    until_done(scene)

    assert names_of_clusters(scene) == {TARGET}
    assert final_snapshots(scene) == []


@pytest.mark.parametrize(
    ("name", "tags"),
    [
        (TEMPORARY, {TAG_RESTORE: "another"}),
        (TEMPORARY, {TAG_MANAGED_BY: "another-environment"}),
        (f"{TARGET}-ar-123", {}),
        (f"{TARGET}-ar-0a1b2c3d-old2", {}),
        (f"{TARGET}-blue", {}),
    ],
)
def test_a_neighbour_is_never_touched(scene: Scene, name: str, tags: dict[str, str]) -> None:
    make_beside(scene, name, tags=tags)

    assert until_done(scene)[0][1]["statusCode"] == 404
    assert names_of_clusters(scene) == {TARGET, name}


def test_several_clusters_go_one_after_the_other(scene: Scene) -> None:
    another = cluster_beside(TARGET, "op-00")
    record_live(scene)
    for name in (TEMPORARY, another, RETIRED):
        make_beside(scene, name)

    answers = until_done(scene)

    assert names_of_clusters(scene) == {TARGET}
    gone = [body["deleted_cluster_id"] for step, body in bodies(answers) if step == "delete-rds"]
    assert list(dict.fromkeys(gone)) == [*sorted((TEMPORARY, another)), RETIRED]
    assert set(details(scene, CheckDeleteStatusHandler)["deleted_beside"]) == set(gone)


def bodies(answers: list[tuple[str, dict[str, Any]]]) -> list[tuple[str, dict[str, Any]]]:
    return [(step, answer["body"]) for step, answer in answers]


def test_more_clusters_than_attempts_are_no_failure(scene: Scene) -> None:
    for number in range(4):
        make_beside(scene, cluster_beside(TARGET, f"failed-{number}"), instances=0)

    until_done(scene)

    assert names_of_clusters(scene) == {TARGET}


def test_one_whose_deletion_was_cut_short_is_finished_first(scene: Scene) -> None:
    another = cluster_beside(TARGET, "op-00")
    for name in (TEMPORARY, another):
        make_beside(scene, name)
    last = max(TEMPORARY, another)
    deleting = {"deletion_of": resource_id(scene, last), "deleted_cluster_id": last}
    scene.bench.store.save(
        "op-1",
        "delete-rds",
        "IN_PROGRESS",
        scene.bench.state("copy-snapshot")["details"] | deleting,
        scene.bench.clock(),
    )

    answer = go(scene, DeleteRdsHandler)

    assert answer["body"]["deleted_cluster_id"] == last


def test_a_direct_call_says_that_another_is_to_go(scene: Scene) -> None:
    for name in (TEMPORARY, cluster_beside(TARGET, "op-00")):
        make_beside(scene, name)
    call(scene, DeleteRdsHandler)
    scene.bench.advance(LONG_ENOUGH)

    answer = call(scene, CheckDeleteStatusHandler)

    assert answer["statusCode"] == 200
    assert len(answer["body"]["still_to_go"]) == 1


# What this operation has restored itself


def restore_own(scene: Scene, **facts: Any) -> str:
    """This operation has restored a cluster beside the target; its resource id."""
    made = make_beside(scene, OWN, operation="op-1")
    before = records(scene).read()
    records(scene).write(TargetRecord(restored_by="op-1", resource_id=made), before)
    known = scene.bench.state("copy-snapshot")["details"] | {"cluster_resource_id": made}
    scene.bench.store.save(
        "op-1", "check-restore-status", "IN_PROGRESS", known | facts, scene.bench.clock()
    )
    return made


def test_what_the_operation_goes_on_with_stays_and_so_does_everything_else(scene: Scene) -> None:
    restore_own(scene)
    make_beside(scene, TEMPORARY)

    (_, first), (_, second) = until_done(scene)

    assert first["body"]["message"] == (
        "Nothing to delete: this operation has restored the cluster already"
    )
    assert (first["statusCode"], second["statusCode"]) == (200, 200)
    assert names_of_clusters(scene) == {TARGET, OWN, TEMPORARY}


def test_its_own_dead_restore_goes_and_the_target_serves_on(scene: Scene) -> None:
    restore_own(scene, restore_is_dead=True)

    until_done(scene)

    assert names_of_clusters(scene) == {TARGET}
    assert target_status(scene) == "available"


def test_an_unusable_restore_is_dead_even_if_nobody_has_noted_it(scene: Scene) -> None:
    restore_own(scene)
    set_status(scene, HOME.arn("cluster", OWN), "restore-failed")
    scene.bench.rds.admin.set_timings(deletion_lag=1200)

    until_done(scene)

    assert names_of_clusters(scene) == {TARGET}


def test_an_operation_whose_cluster_was_switched_away_makes_no_room(scene: Scene) -> None:
    record_live(scene)
    made = make_beside(scene, RETIRED, operation="op-1")
    record_retired(scene, restored_by="op-1")
    known = scene.bench.state("copy-snapshot")["details"] | {"cluster_resource_id": made}
    scene.bench.store.save("op-1", "archive-snapshot", "FAILED", known, scene.bench.clock())

    with pytest.raises(SupersededError):
        go(scene, DeleteRdsHandler)

    assert RETIRED in names_of_clusters(scene)


# The cluster that served before


def test_an_older_retired_cluster_goes_and_the_record_forgets_it(scene: Scene) -> None:
    record_live(scene)
    make_beside(scene, RETIRED)
    record_retired(scene)

    until_done(scene)

    record = records(scene).read()
    assert names_of_clusters(scene) == {TARGET}
    assert record is not None
    assert record.retired is None
    assert record.live is not None


@pytest.mark.parametrize("live", ["no record", "not verified", "another", "not available"])
def test_the_only_fallback_of_an_unproven_cluster_stays_and_the_run_goes_on(
    scene: Scene, live: str
) -> None:
    make_beside(scene, RETIRED)
    if live != "no record":
        record = record_live(scene, verified=live != "not verified")
        assert record.live is not None
        if live == "another":
            other = replace(record.live, resource_id="cluster-OTHER")
            records(scene).write(replace(record, live=other), record)
    if live == "not available":
        set_status(scene, HOME.arn("cluster", TARGET), "modifying")

    answers = until_done(scene)

    assert answers[0][1]["statusCode"] == 404
    assert "what a roll-back returns to" in kept(answers)[RETIRED]
    assert names_of_clusters(scene) == {TARGET, RETIRED}


@pytest.mark.parametrize(
    ("restored_by", "operation", "made"), [(EARLIER, EARLIER, 0), (None, None, 1)]
)
def test_only_a_retired_cluster_of_others_gets_a_final_snapshot(
    scene: Scene, restored_by: str | None, operation: str | None, made: int
) -> None:
    record_live(scene)
    make_beside(scene, RETIRED, operation=operation)
    record_retired(scene, restored_by=restored_by)

    until_done(scene)

    names = final_snapshots(scene)
    assert len(names) == made
    assert names_of_clusters(scene) == {TARGET}
    noted = details(scene, CheckDeleteStatusHandler)["deleted_beside"]
    assert noted == {RETIRED: names[0] if made else "deleted"}


def test_two_retired_clusters_of_others_get_a_final_snapshot_each(scene: Scene) -> None:
    record_live(scene)
    for name in (RETIRED, retired_cluster(TARGET, "op-00")):
        make_beside(scene, name, operation=None)

    until_done(scene)

    assert len(final_snapshots(scene)) == 2
    assert names_of_clusters(scene) == {TARGET}


def test_a_stopped_cluster_is_started_so_that_it_can_be_deleted(scene: Scene) -> None:
    record_live(scene)
    make_beside(scene, RETIRED)
    scene.client("rds").stop_db_cluster(DBClusterIdentifier=RETIRED)
    scene.bench.advance(LONG_ENOUGH)

    answers = until_done(scene)

    assert "started first" in answers[0][1]["body"]["message"]
    assert names_of_clusters(scene) == {TARGET}


def test_a_start_whose_answer_was_lost_is_no_failure(scene: Scene) -> None:
    record_live(scene)
    make_beside(scene, RETIRED)
    scene.client("rds").stop_db_cluster(DBClusterIdentifier=RETIRED)
    scene.bench.advance(LONG_ENOUGH)
    scene.bench.rds.admin.refuse_next(
        "StartDBCluster", code="InvalidDBClusterStateFault", after_doing=True
    )

    assert go(scene, DeleteRdsHandler)["statusCode"] == 202


def test_a_refused_start_is_a_failure(scene: Scene) -> None:
    record_live(scene)
    make_beside(scene, RETIRED)
    scene.client("rds").stop_db_cluster(DBClusterIdentifier=RETIRED)
    scene.bench.advance(LONG_ENOUGH)
    scene.bench.rds.admin.refuse_next("StartDBCluster", code="InvalidDBClusterStateFault")

    with pytest.raises(AwsError, match="InvalidDBClusterStateFault"):
        go(scene, DeleteRdsHandler)


def test_a_protected_retired_cluster_is_an_obstacle(scene: Scene) -> None:
    record_live(scene)
    make_beside(scene, RETIRED, DeletionProtection=True)

    with pytest.raises(PreflightError, match=f"cluster {RETIRED} has deletion protection"):
        go(scene, DeleteRdsHandler)

    document = scene.document
    document["target"] |= {"strategy": "switch", "replace_protected": True}
    scene.bench.configure(document)
    until_done(scene)
    assert names_of_clusters(scene) == {TARGET}


# A switch that is in progress


def test_nothing_is_deleted_while_the_operation_itself_is_switching(scene: Scene) -> None:
    made = make_beside(scene, TEMPORARY)
    incoming = RecordedCluster(resource_id=made, cluster_id=TEMPORARY, restored_by="op-1")
    record_live(scene, switch=PlannedSwitch(by="op-1", planned_at="then", incoming=incoming))

    with pytest.raises(SwitchInProgressError):
        go(scene, DeleteRdsHandler)

    assert names_of_clusters(scene) == {TARGET, TEMPORARY}
