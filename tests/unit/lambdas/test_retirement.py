"""A retirement deletes what has been kept beside the target for long enough, and is silent."""

from typing import Any

import pytest

from aurora_restore.lambdas.check_delete_status import CheckDeleteStatusHandler
from aurora_restore.lambdas.delete_rds import DeleteRdsHandler
from aurora_restore.lambdas.snapshot_check import SnapshotCheckHandler
from aurora_restore.lambdas.sns_notification import SnsNotificationHandler
from aurora_restore.shared.errors import OperationInProgressError
from aurora_restore.shared.names import TAG_KEEP_UNTIL
from aurora_restore.shared.target_lock import TargetLock
from tests.unit.bench import ACCOUNT, REGION, Bench, execution_arn
from tests.unit.lambdas.arrange import LONG_ENOUGH, go, lock_holder, set_status
from tests.unit.lambdas.beside import (
    RETIRED,
    TEMPORARY,
    Answers,
    kept_until,
    make_beside,
    names_of_clusters,
    record_live,
    record_retired,
    records,
    until_done,
)
from tests.unit.lambdas.midway import dying_after
from tests.unit.lambdas.switched import (
    BESIDE,
    beside_handed_over,
    configure_switch,
    resource_id,
    switch,
)
from tests.unit.scene import HOME, TARGET, Scene, make_scene

RETIREMENT = "retirement-1"
DAY = 24 * 3600


@pytest.fixture
def scene(bench: Bench) -> Scene:
    """A target that has been switched and serves; no operation is at work on it."""
    scene = make_scene(bench, HOME)
    scene.make_target()
    configure_switch(scene)
    record_live(scene)
    return scene


def retire(scene: Scene) -> Answers:
    """The hourly rule starts an execution, which runs to its end."""
    return until_done(scene, {"retire": True}, operation_id=RETIREMENT, last=True)


def first(answers: Answers) -> dict[str, Any]:
    body: dict[str, Any] = answers[0][1]["body"]
    return body


# Nothing is due


def test_where_nothing_is_due_it_ends_quietly(scene: Scene) -> None:
    answers = retire(scene)

    assert [step for step, _ in answers] == [
        "delete-rds",
        "check-delete-status",
        "sns-notification",
    ]
    assert {answer["statusCode"] for _, answer in answers} == {200}
    assert first(answers)["message"] == "Nothing is due"
    assert scene.bench.messages() == []
    assert lock_holder(scene) is None


def test_it_needs_no_snapshot_and_looks_at_nothing_that_only_a_restore_needs(scene: Scene) -> None:
    document = scene.document
    document["target"] |= {"strategy": "switch", "db_subnet_group_name": "missing"}
    scene.bench.configure(document)

    assert first(retire(scene))["message"] == "Nothing is due"


def test_what_is_kept_stays_and_the_answer_says_until_when(scene: Scene) -> None:
    make_beside(scene, RETIRED, tags=kept_until(scene, 10))

    assert "it is kept until 2026-05-16T" in first(retire(scene))["kept"][RETIRED]
    assert names_of_clusters(scene) == {TARGET, RETIRED}


def test_the_temporary_cluster_of_a_failed_run_is_kept_for_its_re_run(scene: Scene) -> None:
    make_beside(scene, TEMPORARY, tags=kept_until(scene, 24))
    scene.bench.advance(DAY - 2 * LONG_ENOUGH - 600)
    young = retire(scene)
    assert TEMPORARY in first(young)["kept"]

    scene.bench.advance(600)
    retire(scene)

    assert names_of_clusters(scene) == {TARGET}


def test_what_does_not_expire_is_never_deleted_and_the_answer_names_it(scene: Scene) -> None:
    """Such is what serves, even if the target record is lost."""
    make_beside(scene, TEMPORARY)
    found = scene.cluster(TEMPORARY)
    assert found is not None
    scene.client("rds").remove_tags_from_resource(
        ResourceName=found["DBClusterArn"], TagKeys=[TAG_KEEP_UNTIL]
    )

    assert "as if it served" in first(retire(scene))["kept"][TEMPORARY]
    assert TEMPORARY in names_of_clusters(scene)


# Something is due


def test_a_retired_cluster_whose_time_has_come_is_deleted(scene: Scene) -> None:
    make_beside(scene, RETIRED, tags=kept_until(scene, 1))
    record_retired(scene)

    retire(scene)

    record = records(scene).read()
    assert names_of_clusters(scene) == {TARGET}
    assert record is not None
    assert record.retired is None
    assert lock_holder(scene) is None


def test_what_was_deleted_is_announced_in_a_sentence(scene: Scene) -> None:
    make_beside(scene, RETIRED, tags=kept_until(scene, 1), operation=None)
    record_retired(scene, restored_by=None)

    retire(scene)

    (message,) = scene.bench.messages()
    (name,) = scene.client("rds").describe_db_cluster_snapshots(SnapshotType="manual")[
        "DBClusterSnapshots"
    ]
    assert message["message"] == "What was kept beside the Aurora cluster has been deleted"
    assert message["status"] == "success"
    assert message["details"]["deleted_beside"] == {RETIRED: name["DBClusterSnapshotIdentifier"]}
    assert message["details"]["target_cluster_id"] == TARGET
    assert "quarantine" not in message["details"]


def test_the_fallback_of_an_unproven_cluster_stays_however_late_it_is(scene: Scene) -> None:
    make_beside(scene, RETIRED, tags=kept_until(scene, 1))
    set_status(scene, HOME.arn("cluster", TARGET), "modifying")

    assert "roll-back" in first(retire(scene))["kept"][RETIRED]
    assert names_of_clusters(scene) == {TARGET, RETIRED}


def test_one_that_cannot_be_deleted_stays_without_an_alarm_every_hour(scene: Scene) -> None:
    make_beside(scene, RETIRED, tags=kept_until(scene, 1), DeletionProtection=True)

    answers = retire(scene)

    assert "has deletion protection" in first(answers)["kept"][RETIRED]
    assert answers[-1][1]["statusCode"] == 200
    assert scene.bench.messages() == []


def test_an_earlier_retirement_that_died_is_finished_by_the_next(scene: Scene) -> None:
    make_beside(scene, RETIRED, tags=kept_until(scene, 1))
    scene.client("rds").delete_db_instance(
        DBInstanceIdentifier=f"{RETIRED}-1", SkipFinalSnapshot=True
    )

    retire(scene)

    assert names_of_clusters(scene) == {TARGET}


# Beside other operations


def hold(scene: Scene, operation: str, *, gives_way: bool = False) -> None:
    """Another execution is at work on the target."""
    bench = scene.bench
    machine = bench.environment.state_machine_arn
    bench.clients.step_functions.create_state_machine(
        name=machine.rpartition(":")[-1],
        definition='{"StartAt": "a", "States": {"a": {"Type": "Wait", "Seconds": 9, "End": true}}}',
        roleArn=f"arn:aws:iam::{ACCOUNT}:role/any",
    )
    bench.clients.step_functions.start_execution(stateMachineArn=machine, name=operation)
    TargetLock(bench.store, bench.clients, ACCOUNT, REGION, TARGET).take(
        operation, execution_arn(operation), bench.clock(), gives_way=gives_way
    )


def release(scene: Scene, operation: str) -> None:
    TargetLock(scene.bench.store, scene.bench.clients, ACCOUNT, REGION, TARGET).release(
        operation, execution_arn(operation)
    )


def assert_held_by_what_gives_way(scene: Scene) -> None:
    holder = TargetLock(scene.bench.store, scene.bench.clients, ACCOUNT, REGION, TARGET).holder()
    assert holder is not None
    assert (holder.operation_id, holder.gives_way) == (RETIREMENT, True)


def test_it_gives_way_to_a_refresh_and_is_no_failure(scene: Scene) -> None:
    make_beside(scene, RETIRED, tags=kept_until(scene, 1))
    hold(scene, "refresh")

    answers = retire(scene)

    assert {answer["statusCode"] for _, answer in answers} == {200}
    assert first(answers)["message"] == "Nothing done: the target is taken"
    assert names_of_clusters(scene) == {TARGET, RETIRED}
    assert lock_holder(scene) == "refresh"
    assert scene.bench.messages() == []
    assert scene.bench.store.load(RETIREMENT) is None or not scene.changes()


def test_a_refresh_waits_for_a_retirement_instead_of_failing(scene: Scene) -> None:
    hold(scene, RETIREMENT, gives_way=True)

    waiting = go(scene, SnapshotCheckHandler)
    release(scene, RETIREMENT)
    then = go(scene, SnapshotCheckHandler)

    assert waiting["statusCode"] == 202
    assert RETIREMENT in waiting["body"]["reason"]
    assert then["statusCode"] == 200


def test_a_refresh_still_fails_where_another_refresh_is_at_work(scene: Scene) -> None:
    hold(scene, "refresh")

    with pytest.raises(OperationInProgressError):
        go(scene, SnapshotCheckHandler)


def test_a_person_who_calls_a_step_is_refused_as_ever(scene: Scene) -> None:
    hold(scene, "refresh")

    answer = scene.bench.call(
        DeleteRdsHandler, {"operation_id": RETIREMENT, "restore": "staging", "retire": True}
    )

    assert answer["body"]["error_type"] == "OperationInProgressError"


def test_a_retirement_holds_the_target_while_it_deletes(scene: Scene) -> None:
    make_beside(scene, RETIRED, tags=kept_until(scene, 1))
    scene.bench.step(DeleteRdsHandler, {"retire": True}, operation_id=RETIREMENT)

    assert_held_by_what_gives_way(scene)


@pytest.mark.parametrize("handler", [CheckDeleteStatusHandler, SnsNotificationHandler])
def test_a_retirement_says_which_step_comes_next(scene: Scene, handler: Any) -> None:
    answer = scene.bench.step(handler, {"retire": True}, operation_id=RETIREMENT)

    assert answer["statusCode"] == 200
    if handler is CheckDeleteStatusHandler:
        assert answer["body"]["next_step"] == "sns-notification"


# A switch that died


def test_a_switch_that_died_between_its_renames_is_settled_before_anything_is_deleted(
    bench: Bench,
) -> None:
    scene = make_scene(bench)
    scene.make_target()
    beside_handed_over(scene)
    old, new = resource_id(scene, TARGET), resource_id(scene, BESIDE)
    with dying_after(scene, "ModifyDBCluster"):
        switch(scene)
    release(scene, "op-1")

    retire(scene)

    record = records(scene).read()
    assert record is not None
    assert record.switch is None
    assert resource_id(scene, TARGET) == old
    assert resource_id(scene, BESIDE) == new


def test_a_refresh_waits_as_well_while_a_retirement_settles_a_switch(bench: Bench) -> None:
    scene = make_scene(bench)
    scene.make_target()
    beside_handed_over(scene)
    with dying_after(scene, "ModifyDBCluster"):
        switch(scene)
    release(scene, "op-1")

    statuses = []
    while 200 not in statuses:
        scene.bench.advance(1)
        answer = scene.bench.step(DeleteRdsHandler, {"retire": True}, operation_id=RETIREMENT)
        assert_held_by_what_gives_way(scene)
        statuses.append(answer["statusCode"])

    assert 202 in statuses
