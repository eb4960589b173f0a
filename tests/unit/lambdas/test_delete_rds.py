"""delete-rds deletes the target once nothing can be lost, and resumes an interrupted deletion."""

from typing import Any

import pytest

from aurora_restore.lambdas.check_delete_status import CheckDeleteStatusHandler
from aurora_restore.lambdas.delete_rds import DeleteRdsHandler
from aurora_restore.shared.common import timestamp
from aurora_restore.shared.errors import (
    AwsError,
    OperationInProgressError,
    PreflightError,
    SupersededError,
    ValidationError,
)
from aurora_restore.shared.names import TAG_MANAGED_BY, TAG_OPERATION
from aurora_restore.shared.target_lock import DIRECT_CALL, TargetLock
from aurora_restore.shared.target_record import TargetRecord, TargetRecordStore
from tests.unit.bench import ACCOUNT, PREFIX, REGION, Bench
from tests.unit.lambdas.arrange import (
    LONG_ENOUGH,
    bring_the_new_data,
    call,
    details,
    go,
    instance_statuses,
    lock_holder,
    make_replaceable,
    manual_snapshots,
    set_status,
    tags,
    take_manual,
    target_status,
)
from tests.unit.lambdas.midway import dying_after
from tests.unit.scene import HOME, OWN_TAGS, SNAPSHOT, TARGET, Scene, make_scene

STEP = DeleteRdsHandler.step.name
WRITER, READER = f"{TARGET}-1", f"{TARGET}-2"
FINAL_SNAPSHOT = f"{TARGET}-final-"
UNTOUCHED = {WRITER: "available", READER: "available"}
GOING = {WRITER: "deleting", READER: "deleting"}
MADE_BY_THIS_OPERATION = [
    {"Key": TAG_MANAGED_BY, "Value": PREFIX},
    {"Key": TAG_OPERATION, "Value": "op-1"},
]


@pytest.fixture
def scene(bench: Bench) -> Scene:
    """A target of two instances, and the new data beside it."""
    return make_replaceable(bench)


def refuse(scene: Scene, action: str, code: str, *, after_doing: bool = False) -> None:
    """Let AWS refuse the next request of a kind, if need be though it has been carried out."""
    scene.bench.rds.admin.refuse_next(action, code=code, after_doing=after_doing)


def die_at(scene: Scene, action: str) -> None:
    """A run that ends in the middle, at the first request of a kind."""
    refuse(scene, action, "AccessDenied")
    with pytest.raises(AwsError):
        go(scene, DeleteRdsHandler)


def final_snapshots(scene: Scene) -> list[str]:
    return [name for name in manual_snapshots(scene) if name.startswith(FINAL_SNAPSHOT)]


def give_tag(scene: Scene, environment: str | None) -> None:
    """Make the target a cluster of that environment, or of none."""
    rds, arn = scene.client("rds"), HOME.arn("cluster", TARGET)
    rds.remove_tags_from_resource(ResourceName=arn, TagKeys=[TAG_MANAGED_BY])
    if environment is not None:
        rds.add_tags_to_resource(
            ResourceName=arn, Tags=[{"Key": TAG_MANAGED_BY, "Value": environment}]
        )


def old_instances(scene: Scene) -> list[str]:
    """The instances in the record of the old cluster."""
    recorded = details(scene, DeleteRdsHandler)["old_cluster"]["Instances"]
    return [plan["identifier"] for plan in recorded]


# What it answers


def test_a_deletion_is_returned_as_documented(scene: Scene) -> None:
    answer = call(scene, DeleteRdsHandler)

    assert answer == {
        "statusCode": 200,
        "body": {
            "message": "Cluster deletion initiated",
            "operation_id": "op-1",
            "target_cluster_id": TARGET,
            "target_region": REGION,
            "status": "deleting",
        },
    }


def test_the_cluster_and_its_instances_are_deleted(scene: Scene) -> None:
    go(scene, DeleteRdsHandler)

    assert target_status(scene) == "deleting"
    assert instance_statuses(scene) == GOING
    scene.bench.advance(LONG_ENOUGH)
    assert target_status(scene) is None
    assert final_snapshots(scene) == []


def test_what_is_deleted_is_written_down(scene: Scene) -> None:
    go(scene, DeleteRdsHandler)

    known = details(scene, DeleteRdsHandler)
    assert known["deleted_cluster_id"] == TARGET
    assert known["delete_started_at"] == "2026-05-16T07:00:02.000000Z"
    assert known["old_cluster"]["DBClusterIdentifier"] == TARGET
    assert known["attempts"][STEP] == 1
    assert scene.bench.audit_trail()[-1] == (STEP, "SUCCESS")


def test_where_there_is_no_cluster_a_404_is_a_normal_answer(bench: Bench) -> None:
    scene = make_scene(bench, HOME)
    bring_the_new_data(scene)

    answer = go(scene, DeleteRdsHandler)

    assert answer == {
        "statusCode": 404,
        "body": {
            "message": "Nothing to delete: there is no such cluster",
            "operation_id": "op-1",
            "target_cluster_id": TARGET,
            "target_region": REGION,
        },
    }
    assert scene.bench.state(STEP)["status"] == "SUCCESS"
    assert details(scene, DeleteRdsHandler).get("deleted_cluster_id") is None
    assert "attempts" not in details(scene, DeleteRdsHandler)


def test_an_obstacle_is_reported_to_a_direct_call_with_409(scene: Scene) -> None:
    scene.configure(db_subnet_group_name="missing")

    answer = call(scene, DeleteRdsHandler)

    assert answer["statusCode"] == 409
    assert answer["body"]["error_type"] == "PreflightError"
    assert [item["check"] for item in answer["body"]["obstacles"]] == ["network"]
    assert instance_statuses(scene) == UNTOUCHED


def test_an_obstacle_counts_even_if_there_is_nothing_to_delete(bench: Bench) -> None:
    scene = make_scene(bench, HOME)
    bring_the_new_data(scene)
    scene.configure(db_subnet_group_name="missing")

    with pytest.raises(PreflightError):
        go(scene, DeleteRdsHandler)


# The new data is there


@pytest.mark.parametrize("status", ["copying", "not-known-yet", "failed", "deleting"])
def test_nothing_is_deleted_while_the_new_data_is_not_available(scene: Scene, status: str) -> None:
    set_status(scene, HOME.arn("cluster-snapshot", SNAPSHOT), status)

    answer = call(scene, DeleteRdsHandler)

    assert answer["statusCode"] == 409
    assert answer["body"]["error_type"] == "SnapshotNotAvailableError"
    assert answer["body"]["resume_at"] == "copy-snapshot"
    assert answer["body"]["snapshot_status"] == status
    assert answer["body"]["target_snapshot_name"] == SNAPSHOT
    assert (target_status(scene), instance_statuses(scene)) == ("available", UNTOUCHED)


def test_nothing_is_deleted_before_the_operation_has_a_snapshot(scene: Scene) -> None:
    answer = scene.bench.call(DeleteRdsHandler, {"operation_id": "op-2"})

    assert answer["statusCode"] == 400
    assert instance_statuses(scene) == UNTOUCHED


@pytest.mark.parametrize("event", [{"target_cluster_id": "other"}, {"target_region": "eu-west-1"}])
def test_no_other_cluster_is_deleted(scene: Scene, event: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        go(scene, DeleteRdsHandler, event)

    assert instance_statuses(scene) == UNTOUCHED


# Running it again


def test_running_it_twice_does_no_harm(scene: Scene) -> None:
    first = go(scene, DeleteRdsHandler)

    assert go(scene, DeleteRdsHandler) == first
    assert target_status(scene) == "deleting"
    assert old_instances(scene) == [WRITER, READER]


def test_once_the_cluster_is_gone_what_it_was_like_is_still_known(scene: Scene) -> None:
    go(scene, DeleteRdsHandler)
    scene.bench.advance(LONG_ENOUGH)

    answer = go(scene, DeleteRdsHandler)

    assert answer["statusCode"] == 404
    assert details(scene, DeleteRdsHandler)["deleted_cluster_id"] == TARGET
    assert old_instances(scene) == [WRITER, READER]


@pytest.mark.parametrize("action", ["DeleteDBInstance", "DeleteDBCluster"])
def test_the_old_cluster_is_recorded_before_the_first_deletion(scene: Scene, action: str) -> None:
    die_at(scene, action)

    assert old_instances(scene) == [WRITER, READER]
    assert details(scene, DeleteRdsHandler)["deleted_cluster_id"] == TARGET


@pytest.mark.parametrize("pause", [0, LONG_ENOUGH])
def test_a_deletion_that_was_cut_short_is_gone_on_with(scene: Scene, pause: int) -> None:
    die_at(scene, "DeleteDBCluster")
    scene.bench.advance(pause)

    go(scene, DeleteRdsHandler)

    assert target_status(scene) in ("deleting", None)
    assert old_instances(scene) == [WRITER, READER]
    scene.bench.advance(LONG_ENOUGH)
    assert target_status(scene) is None


def test_a_deletion_that_somebody_else_began_is_joined(scene: Scene) -> None:
    rds = scene.client("rds")
    rds.delete_db_instance(DBInstanceIdentifier=READER, SkipFinalSnapshot=True)

    go(scene, DeleteRdsHandler)

    assert instance_statuses(scene) == GOING
    assert target_status(scene) == "deleting"


def test_a_cluster_that_goes_already_is_left_to_go(scene: Scene) -> None:
    rds = scene.client("rds")
    for name in (READER, WRITER):
        rds.delete_db_instance(DBInstanceIdentifier=name, SkipFinalSnapshot=True)
    rds.delete_db_cluster(DBClusterIdentifier=TARGET, SkipFinalSnapshot=True)

    answer = go(scene, DeleteRdsHandler)

    assert (answer["statusCode"], answer["body"]["status"]) == (200, "deleting")
    assert "old_cluster" not in details(scene, DeleteRdsHandler)


def test_a_cluster_that_was_made_again_since_is_recorded_again(scene: Scene) -> None:
    go(scene, DeleteRdsHandler)
    scene.bench.advance(LONG_ENOUGH)
    scene.make_target(tags=[*OWN_TAGS, {"Key": "team", "Value": "blue"}])

    go(scene, DeleteRdsHandler)

    assert old_instances(scene) == [WRITER]
    assert details(scene, DeleteRdsHandler)["old_cluster"]["Tags"] == {"team": "blue"}


# Answers that were lost


@pytest.mark.parametrize("code", ["DBInstanceNotFound", "InvalidDBInstanceState"])
def test_an_instance_that_went_meanwhile_is_no_failure(scene: Scene, code: str) -> None:
    refuse(scene, "DeleteDBInstance", code, after_doing=True)

    assert go(scene, DeleteRdsHandler)["statusCode"] == 200
    assert target_status(scene) == "deleting"


@pytest.mark.parametrize("code", ["InvalidDBClusterStateFault", "DBClusterNotFoundFault"])
def test_a_cluster_that_went_meanwhile_is_no_failure(scene: Scene, code: str) -> None:
    refuse(scene, "DeleteDBCluster", code, after_doing=True)

    assert go(scene, DeleteRdsHandler)["statusCode"] == 200
    assert target_status(scene) == "deleting"


def test_a_cluster_that_is_gone_meanwhile_is_no_failure(scene: Scene) -> None:
    die_at(scene, "DeleteDBCluster")
    scene.bench.advance(LONG_ENOUGH)
    scene.bench.rds.admin.set_timings(delete_cluster=0)
    refuse(scene, "DeleteDBCluster", "DBClusterNotFoundFault", after_doing=True)

    assert go(scene, DeleteRdsHandler)["statusCode"] == 200
    assert target_status(scene) is None


@pytest.mark.parametrize("code", ["InvalidDBClusterStateFault", "AccessDenied"])
def test_a_refused_deletion_is_a_failure(scene: Scene, code: str) -> None:
    refuse(scene, "DeleteDBCluster", code)

    with pytest.raises(AwsError, match=code):
        go(scene, DeleteRdsHandler)

    assert target_status(scene) == "available"
    assert "attempts" not in details(scene, DeleteRdsHandler)


# Protection


def test_protection_is_lifted_where_that_is_configured(bench: Bench) -> None:
    scene = make_replaceable(bench, DeletionProtection=True)
    scene.configure(replace_protected=True)

    go(scene, DeleteRdsHandler)

    assert target_status(scene) == "deleting"
    assert details(scene, DeleteRdsHandler)["old_cluster"]["DeletionProtection"] is True


def test_a_protected_cluster_loses_no_instance(bench: Bench) -> None:
    scene = make_replaceable(bench, DeletionProtection=True)

    with pytest.raises(PreflightError, match="deletion protection"):
        go(scene, DeleteRdsHandler)

    assert instance_statuses(scene) == UNTOUCHED


def test_protection_is_remembered_where_the_deletion_was_cut_short(bench: Bench) -> None:
    scene = make_replaceable(bench, DeletionProtection=True)
    scene.configure(replace_protected=True)
    die_at(scene, "DeleteDBInstance")

    go(scene, DeleteRdsHandler)

    assert target_status(scene) == "deleting"
    assert details(scene, DeleteRdsHandler)["old_cluster"]["DeletionProtection"] is True


# The final snapshot


@pytest.mark.parametrize(
    ("configured", "asked", "made"),
    [
        (True, None, 0),
        (False, None, 1),
        (True, {"skip_final_snapshot": False}, 1),
        (False, {"skip_final_snapshot": True}, 0),
    ],
)
def test_a_final_snapshot_is_made_if_the_start_says_so_or_else_the_configuration(
    scene: Scene, configured: bool, asked: dict[str, Any] | None, made: int
) -> None:
    scene.configure(skip_final_snapshot=configured)

    go(scene, DeleteRdsHandler, asked)

    names = final_snapshots(scene)
    assert len(names) == made
    assert details(scene, DeleteRdsHandler).get("final_snapshot") == (names[0] if made else None)


@pytest.mark.parametrize(
    ("tag", "configured", "asked", "made"),
    [
        (None, {}, None, 1),
        ("another-environment", {}, None, 1),
        (PREFIX, {}, None, 0),
        (None, {"skip_final_snapshot": True}, None, 0),
        (None, {}, {"skip_final_snapshot": True}, 0),
        (None, {"skip_final_snapshot": True}, {"skip_final_snapshot": False}, 1),
    ],
    ids=[
        "not the pipeline's",
        "another environment's",
        "its own",
        "configured otherwise",
        "started otherwise",
        "the start comes before the configuration",
    ],
)
def test_where_nothing_is_said_only_a_cluster_of_others_gets_a_final_snapshot(
    scene: Scene,
    tag: str | None,
    configured: dict[str, Any],
    asked: dict[str, Any] | None,
    made: int,
) -> None:
    give_tag(scene, tag)
    scene.configure(adopt=True, **configured)

    go(scene, DeleteRdsHandler, asked)

    names = final_snapshots(scene)
    assert len(names) == made
    assert details(scene, DeleteRdsHandler).get("final_snapshot") == (names[0] if made else None)


def test_a_cluster_that_a_person_made_after_the_deletion_gets_a_final_snapshot(
    scene: Scene,
) -> None:
    scene.configure(adopt=True)
    go(scene, DeleteRdsHandler)
    scene.bench.advance(LONG_ENOUGH)
    assert target_status(scene) is None
    assert final_snapshots(scene) == []

    scene.make_target(tags=[])
    go(scene, DeleteRdsHandler)

    (name,) = final_snapshots(scene)
    assert details(scene, DeleteRdsHandler)["final_snapshot"] == name


def test_a_deletion_that_is_taken_up_again_still_takes_the_final_snapshot(scene: Scene) -> None:
    give_tag(scene, None)
    scene.configure(adopt=True)
    die_at(scene, "DeleteDBCluster")

    go(scene, DeleteRdsHandler)

    assert len(final_snapshots(scene)) == 1


def test_there_is_one_final_snapshot_however_often_it_is_run(scene: Scene) -> None:
    scene.configure(skip_final_snapshot=False)
    die_at(scene, "DeleteDBInstance")
    for _ in range(2):
        go(scene, DeleteRdsHandler)
    scene.bench.advance(LONG_ENOUGH)
    go(scene, DeleteRdsHandler)

    (name,) = final_snapshots(scene)
    assert details(scene, DeleteRdsHandler)["final_snapshot"] == name
    assert manual_snapshots(scene)[name]["Status"] == "available"


def test_a_cluster_that_was_used_after_its_final_snapshot_gets_another(scene: Scene) -> None:
    scene.configure(skip_final_snapshot=False)
    make_deletion_stick(scene)
    (before,) = final_snapshots(scene)

    go(scene, DeleteRdsHandler)
    go(scene, DeleteRdsHandler)

    (after,) = set(final_snapshots(scene)) - {before}
    assert details(scene, DeleteRdsHandler)["final_snapshot"] == after
    assert target_status(scene) == "deleting"


def test_a_final_snapshot_that_has_failed_is_none(scene: Scene) -> None:
    scene.configure(skip_final_snapshot=False)
    go(scene, DeleteRdsHandler)
    (failed,) = final_snapshots(scene)
    set_status(scene, HOME.arn("cluster-snapshot", failed), "failed")
    set_status(scene, HOME.arn("cluster", TARGET), "available")
    scene.bench.advance(LONG_ENOUGH)

    go(scene, DeleteRdsHandler)

    assert set(final_snapshots(scene)) - {failed}
    assert target_status(scene) == "deleting"


def make_deletion_stick(scene: Scene) -> None:
    """A first deletion has made the final snapshot and got no further."""
    scene.bench.rds.admin.next_outcome("delete-cluster", final="available")
    go(scene, DeleteRdsHandler)
    scene.bench.advance(LONG_ENOUGH)
    assert target_status(scene) == "available"


# What this operation has made itself


def restored_cluster(bench: Bench, *, dead: bool) -> Scene:
    """The target is what the operation has restored, after it had deleted the old one."""
    scene = make_replaceable(bench)
    scene.configure(skip_final_snapshot=False)
    go(scene, DeleteRdsHandler)
    scene.bench.advance(LONG_ENOUGH)
    scene.make_target(tags=MADE_BY_THIS_OPERATION)
    if dead:
        known = details(scene, DeleteRdsHandler) | {"restore_is_dead": True}
        bench.store.save("op-1", "check-restore-status", "IN_PROGRESS", known, bench.clock())
        set_status(scene, HOME.arn("cluster", TARGET), "restore-failed")
    return scene


def test_what_this_operation_has_restored_is_not_deleted(bench: Bench) -> None:
    scene = restored_cluster(bench, dead=False)

    answer = go(scene, DeleteRdsHandler)

    assert answer["statusCode"] == 200
    assert answer["body"]["message"] == (
        "Nothing to delete: this operation has restored the cluster already"
    )
    assert answer["body"]["status"] == "available"
    assert instance_statuses(scene) == {WRITER: "available"}


def test_a_cluster_that_has_only_inherited_the_operations_tags_is_protected_as_any_other(
    bench: Bench,
) -> None:
    """A person has restored it from a snapshot, which had the tags."""
    scene = restored_cluster(bench, dead=False)
    own = TargetRecord(restored_by="op-1", resource_id="cluster-OF-THE-OPERATION")
    TargetRecordStore(bench.store, ACCOUNT, REGION, TARGET).write(own, None)
    scene.client("rds").modify_db_cluster(
        DBClusterIdentifier=TARGET, DeletionProtection=True, ApplyImmediately=True
    )

    with pytest.raises(PreflightError, match="has deletion protection"):
        go(scene, DeleteRdsHandler)

    assert instance_statuses(scene) == {WRITER: "available"}


def test_what_another_operation_has_restored_is_deleted(bench: Bench) -> None:
    scene = make_scene(bench, HOME)
    scene.make_target(tags=[OWN_TAGS[0], {"Key": TAG_OPERATION, "Value": "op-0"}])
    bring_the_new_data(scene)

    go(scene, DeleteRdsHandler)

    assert target_status(scene) == "deleting"


def test_a_dead_restore_is_deleted_and_the_old_cluster_not_forgotten(bench: Bench) -> None:
    scene = restored_cluster(bench, dead=True)
    of_the_old_cluster = final_snapshots(scene)

    go(scene, DeleteRdsHandler)

    assert target_status(scene) == "deleting"
    assert old_instances(scene) == [WRITER, READER]
    assert final_snapshots(scene) == of_the_old_cluster
    assert [details(scene, DeleteRdsHandler)["final_snapshot"]] == of_the_old_cluster


def test_each_deletion_counts_as_an_attempt(bench: Bench) -> None:
    scene = restored_cluster(bench, dead=True)

    go(scene, DeleteRdsHandler)

    assert details(scene, DeleteRdsHandler)["attempts"][STEP] == 2


# Alone on the target


def lock(scene: Scene, operation_id: str) -> None:
    """A person has called a step directly, and the call still runs."""
    bench = scene.bench
    TargetLock(bench.store, bench.clients, ACCOUNT, REGION, TARGET).take(
        operation_id, DIRECT_CALL, bench.clock()
    )


@pytest.mark.parametrize("caller", [go, call])
def test_nothing_is_deleted_while_another_operation_is_at_work(scene: Scene, caller: Any) -> None:
    scene.bench.advance(LONG_ENOUGH)
    lock(scene, "op-0")

    try:
        message = caller(scene, DeleteRdsHandler)["body"]["error"]
    except OperationInProgressError as error:
        message = error.message

    assert message.startswith(f"operation op-0 is at work on cluster {TARGET}")
    assert instance_statuses(scene) == UNTOUCHED


def test_a_direct_call_lets_go_of_the_target_and_an_execution_keeps_it(scene: Scene) -> None:
    scene.bench.call(DeleteRdsHandler, {"operation_id": "op-2", "target_snapshot_name": "no"})
    after_the_call = lock_holder(scene)
    go(scene, DeleteRdsHandler)

    assert (after_the_call, lock_holder(scene)) == (None, "op-1")


def test_the_next_step_sees_the_end_of_the_deletion(scene: Scene) -> None:
    go(scene, DeleteRdsHandler)

    under_way = go(scene, CheckDeleteStatusHandler)
    scene.bench.advance(LONG_ENOUGH)
    over = go(scene, CheckDeleteStatusHandler)

    assert (under_way["statusCode"], over["statusCode"]) == (202, 200)


# What cannot be deleted yet


@pytest.mark.parametrize("status", ["starting", "backing-up", "upgrading", "of-a-new-kind"])
def test_a_cluster_in_transit_keeps_its_instances_until_it_is_at_rest(
    scene: Scene, status: str
) -> None:
    set_status(scene, HOME.arn("cluster", TARGET), status)

    waiting = go(scene, DeleteRdsHandler)
    untouched = instance_statuses(scene)
    set_status(scene, HOME.arn("cluster", TARGET), "available")
    go(scene, DeleteRdsHandler)

    assert waiting["statusCode"] == 202
    assert f"cluster {TARGET}, which is {status}" in waiting["body"]["message"]
    assert set(untouched.values()) == {"available"}
    assert target_status(scene) == "deleting"


@pytest.mark.parametrize("status", ["creating", "starting"])
def test_an_instance_that_is_only_beginning_keeps_the_others(scene: Scene, status: str) -> None:
    set_status(scene, HOME.arn("db", READER), status)

    waiting = go(scene, DeleteRdsHandler)

    assert waiting["statusCode"] == 202
    assert instance_statuses(scene) == {WRITER: "available", READER: status}


def test_a_final_snapshot_in_the_making_belongs_to_a_deletion_in_progress(scene: Scene) -> None:
    scene.configure(skip_final_snapshot=False)
    scene.bench.rds.admin.set_timings(deletion_lag=LONG_ENOUGH, create_snapshot=LONG_ENOUGH)
    go(scene, DeleteRdsHandler)
    attempts = details(scene, DeleteRdsHandler)["attempts"]
    scene.bench.advance(LONG_ENOUGH / 2 + 300)
    deletions = scene.changes().count("DeleteDBCluster")

    again = go(scene, DeleteRdsHandler)

    assert again["statusCode"] == 200
    assert details(scene, DeleteRdsHandler)["attempts"] == attempts
    assert scene.changes().count("DeleteDBCluster") == deletions
    assert len(final_snapshots(scene)) == 1


@pytest.mark.parametrize("final", [True, False])
def test_a_deletion_whose_acceptance_was_not_noticed_is_taken_for_accepted(
    scene: Scene, final: bool
) -> None:
    scene.configure(skip_final_snapshot=not final)
    scene.bench.rds.admin.set_timings(deletion_lag=600)
    with dying_after(scene, "DeleteDBCluster"):
        go(scene, DeleteRdsHandler)
    assert target_status(scene) == "available"

    answer = go(scene, DeleteRdsHandler)

    assert answer["statusCode"] == 200
    assert details(scene, DeleteRdsHandler)["attempts"][STEP] == 1
    scene.bench.advance(LONG_ENOUGH)
    assert go(scene, CheckDeleteStatusHandler)["statusCode"] == 200
    assert len(final_snapshots(scene)) == final


def test_a_deletion_that_boto3_repeats_is_taken_for_accepted(scene: Scene) -> None:
    scene.bench.rds.admin.set_timings(deletion_lag=600)
    scene.bench.rds.admin.refuse_next(
        "DeleteDBCluster", code="InternalFailure", status=500, after_doing=True
    )

    assert go(scene, DeleteRdsHandler)["statusCode"] == 200
    assert scene.changes().count("DeleteDBCluster") == 2
    scene.bench.advance(LONG_ENOUGH)
    assert target_status(scene) is None


def test_another_clusters_snapshot_of_that_name_is_no_final_snapshot(scene: Scene) -> None:
    scene.configure(skip_final_snapshot=False)
    die_at(scene, "DeleteDBInstance")
    name = scene.bench.state("delete-rds")["details"]["final_snapshot"]
    take_manual(scene, name)

    go(scene, DeleteRdsHandler)
    scene.bench.advance(LONG_ENOUGH)

    made = manual_snapshots(scene)
    (own,) = set(final_snapshots(scene)) - {name}
    assert made[own]["DBClusterIdentifier"] == TARGET
    assert details(scene, DeleteRdsHandler)["final_snapshot"] == own


def test_a_superseded_final_snapshot_can_be_pruned(scene: Scene) -> None:
    scene.configure(skip_final_snapshot=False)
    make_deletion_stick(scene)
    (before,) = final_snapshots(scene)

    go(scene, DeleteRdsHandler)

    assert tags(manual_snapshots(scene)[before])[TAG_MANAGED_BY] == PREFIX


def test_a_full_quota_does_not_stop_a_deletion_whose_final_snapshot_is_there(scene: Scene) -> None:
    scene.configure(skip_final_snapshot=False)
    with dying_after(scene, "DeleteDBCluster"):
        go(scene, DeleteRdsHandler)
    set_status(scene, HOME.arn("cluster", TARGET), "available")
    scene.bench.rds.admin.set_rules(manual_snapshots=1)
    (name,) = final_snapshots(scene)
    set_status(scene, HOME.arn("cluster-snapshot", name), "available")

    go(scene, DeleteRdsHandler)

    assert target_status(scene) == "deleting"


# What it is restored like


def test_a_cluster_made_in_its_place_since_is_checked_as_what_is_put_back(scene: Scene) -> None:
    go(scene, DeleteRdsHandler)
    scene.bench.advance(LONG_ENOUGH)
    rds = scene.client("rds")
    rds.create_db_cluster_parameter_group(
        DBClusterParameterGroupName="old",
        DBParameterGroupFamily="aurora-postgresql15",
        Description="x",
    )
    scene.make_target(DBClusterParameterGroupName="old")

    with pytest.raises(PreflightError, match="is of family aurora-postgresql15"):
        go(scene, DeleteRdsHandler)

    assert set(instance_statuses(scene).values()) == {"available"}


def test_an_older_operation_leaves_what_a_later_one_has_restored(scene: Scene) -> None:
    go(scene, DeleteRdsHandler)
    scene.bench.advance(LONG_ENOUGH)
    later = {"operation_started_at": timestamp(scene.bench.clock())}
    scene.bench.store.save("op-2", "archive-snapshot", "SUCCESS", later, scene.bench.clock())
    scene.make_target(tags=[OWN_TAGS[0], {"Key": TAG_OPERATION, "Value": "op-2"}])

    with pytest.raises(SupersededError, match="restored by operation op-2, which began later"):
        go(scene, DeleteRdsHandler)

    assert target_status(scene) == "available"
