"""switch-cluster renames the old cluster out of the way and the new one to the target."""

from dataclasses import replace
from typing import Any

import pytest

from aurora_restore.lambdas.switch_cluster import SwitchClusterHandler
from aurora_restore.shared.common import parse_timestamp
from aurora_restore.shared.errors import (
    ForeignClusterError,
    NotSetUpError,
    PreflightError,
    SupersededError,
    SwitchUndoneError,
    TargetNotRecordedError,
)
from aurora_restore.shared.names import TAG_KEEP_UNTIL, TAG_MANAGED_BY, TAG_RESTORE
from aurora_restore.shared.switching.guards import STACK_TAG
from aurora_restore.shared.target_record import TargetRecordStore
from embedded_aws.rds.engagements import Engagement
from tests.unit.bench import ACCOUNT, PREFIX, REGION
from tests.unit.lambdas.switched import (
    BESIDE,
    OPERATION,
    RETIRED,
    beside_handed_over,
    configure_switch,
    delete_by_hand,
    groups_of,
    once,
    ready,
    record,
    resource_id,
    roll_back,
    set_status,
    switch,
    tags_at,
)
from tests.unit.scene import HOME, TARGET, Scene


def write_record(scene: Scene, **changes: Any) -> None:
    """Another operation changes the target record."""
    found = record(scene)
    store = TargetRecordStore(scene.bench.store, ACCOUNT, REGION, TARGET)
    store.write(replace(found, **changes), found)


def test_the_target_is_the_new_cluster_and_the_old_one_is_kept(scene: Scene) -> None:
    old, new = ready(scene)

    answer = switch(scene)

    assert answer["statusCode"] == 200
    assert answer["body"]["retired_cluster_id"] == RETIRED
    assert resource_id(scene, TARGET) == new
    assert resource_id(scene, RETIRED) == old
    assert scene.cluster(BESIDE) is None


def test_the_record_says_which_cluster_is_live_and_which_is_retired(scene: Scene) -> None:
    old, new = ready(scene)

    switch(scene)

    found = record(scene)
    assert found.switch is None
    assert found.live is not None
    assert found.retired is not None
    assert (found.live.resource_id, found.live.cluster_id) == (new, TARGET)
    assert found.live.writer_endpoint is not None
    assert found.live.writer_endpoint.startswith(f"{TARGET}.cluster-")
    assert found.live.writer_endpoint == found.writer_endpoint
    assert (found.retired.cluster.resource_id, found.retired.cluster.cluster_id) == (old, RETIRED)
    assert found.retired.cluster.security_group_ids == (scene.security_group,)


def test_the_old_cluster_is_closed_and_says_until_when_it_is_kept(scene: Scene) -> None:
    ready(scene, keep_old_hours=3)

    switch(scene)

    assert groups_of(scene, RETIRED) == {scene.bench.environment.quarantine_security_group}
    assert groups_of(scene, TARGET) == {scene.security_group}
    tags, retired = tags_at(scene, RETIRED), record(scene).retired
    assert retired is not None
    assert tags[TAG_KEEP_UNTIL] == retired.keep_until
    assert tags[TAG_RESTORE] == "staging"
    seconds = (parse_timestamp(retired.keep_until) - scene.bench.clock()).total_seconds()
    assert 3600 < seconds <= 3 * 3600


def test_without_a_quarantine_the_old_cluster_is_marked_and_left_open(scene: Scene) -> None:
    ready(scene, target={"quarantine": "off"})

    switch(scene)

    assert groups_of(scene, RETIRED) == {scene.security_group}
    assert TAG_KEEP_UNTIL in tags_at(scene, RETIRED)


def test_where_there_is_no_target_yet_one_rename_is_enough(scene: Scene) -> None:
    beside_handed_over(scene)
    new = resource_id(scene, BESIDE)

    answer = switch(scene)

    assert answer["body"]["retired_cluster_id"] is None
    assert resource_id(scene, TARGET) == new
    assert record(scene).retired is None


def test_the_interruption_is_measured_with_its_granularity(scene: Scene) -> None:
    ready(scene)

    body = switch(scene)["body"]

    timings = scene.bench.rds.backend.timings
    rename = timings.modification_lag + timings.rename_cluster
    assert rename < body["interruption_seconds"] < 2 * rename + 10
    assert 0 < body["interruption_granularity_seconds"] <= 2


def test_a_second_call_finds_it_done_and_changes_nothing(scene: Scene) -> None:
    ready(scene)
    first = switch(scene)
    before = scene.changes()

    assert switch(scene)["body"] == first["body"]
    assert scene.changes() == before


def test_a_direct_call_makes_a_change_and_waits_outside(scene: Scene) -> None:
    _, new = ready(scene)
    began, calls = scene.bench.clock(), 0
    while True:
        calls += 1
        answer = scene.bench.call(SwitchClusterHandler, {"operation_id": OPERATION})
        assert scene.bench.clock() == began
        if answer["statusCode"] == 200:
            break
        assert answer["statusCode"] == 202
        scene.bench.advance(30)
        began = scene.bench.clock()

    assert calls > 2
    assert resource_id(scene, TARGET) == new


def test_a_direct_call_does_not_ask_again_and_again_for_a_name_that_is_taken(scene: Scene) -> None:
    ready(scene)
    scene.bench.rds.admin.set_timings(rename_release=200)
    answer = {"statusCode": 202}
    calls = 0
    while answer["statusCode"] == 202:
        answer = scene.bench.call(SwitchClusterHandler, {"operation_id": OPERATION})
        scene.bench.advance(20)
        calls += 1

    assert answer["statusCode"] == 200
    assert scene.changes().count("ModifyDBCluster") < 2 * calls + 5


@pytest.mark.usefixtures("_seldom_looks")
def test_a_name_that_is_released_late_is_waited_for(scene: Scene) -> None:
    _, new = ready(scene)
    scene.bench.rds.admin.set_timings(rename_release=200)

    body = switch(scene)["body"]

    assert resource_id(scene, TARGET) == new
    assert body["interruption_seconds"] > 200


@pytest.mark.parametrize("finds", [True, False])
def test_clusters_that_nothing_finds_while_they_are_renamed_are_waited_for(
    scene: Scene, finds: bool
) -> None:
    old, new = ready(scene)
    scene.bench.rds.admin.set_rules(filter_finds_renaming_clusters=finds)
    scene.bench.rds.admin.set_timings(rename_gap=40)

    switch(scene)

    assert (resource_id(scene, TARGET), resource_id(scene, RETIRED)) == (new, old)


@pytest.mark.usefixtures("_seldom_looks")
def test_the_old_cluster_is_stopped_if_that_is_configured(scene: Scene) -> None:
    _, new = ready(scene, stop_old=True)

    switch(scene)
    scene.bench.advance(600)

    retired = scene.cluster(RETIRED)
    assert retired is not None
    assert retired["Status"] == "stopped"
    assert resource_id(scene, TARGET) == new


def test_what_was_not_handed_over_does_not_get_the_name(scene: Scene) -> None:
    ready(scene)
    write_record(scene, handed_over_at=None)

    with pytest.raises(NotSetUpError):
        switch(scene)


def test_nothing_restored_is_nothing_to_switch_to(scene: Scene) -> None:
    configure_switch(scene)

    with pytest.raises(TargetNotRecordedError):
        switch(scene)


def test_an_operation_that_another_one_has_replaced_does_not_switch(scene: Scene) -> None:
    old, _ = ready(scene)
    write_record(scene, restored_by="op-9", resource_id="cluster-OTHER")

    with pytest.raises(SupersededError):
        switch(scene)
    assert resource_id(scene, TARGET) == old


def test_an_operation_whose_cluster_was_rolled_back_does_not_switch_again(scene: Scene) -> None:
    old, _ = ready(scene)
    switch(scene)
    roll_back(scene)

    with pytest.raises(SupersededError):
        switch(scene)
    assert resource_id(scene, TARGET) == old


def test_a_foreign_target_keeps_its_name(scene: Scene) -> None:
    scene.make_target(tags=[])
    old = resource_id(scene, TARGET)
    beside_handed_over(scene)

    with pytest.raises(ForeignClusterError):
        switch(scene)
    assert resource_id(scene, TARGET) == old


def test_an_adopted_target_is_retired_as_the_pipelines_own(scene: Scene) -> None:
    scene.make_target(tags=[])
    beside_handed_over(scene, target={"adopt": True})

    switch(scene)

    assert tags_at(scene, RETIRED)[TAG_MANAGED_BY] == PREFIX


@pytest.mark.parametrize("name", [TARGET, BESIDE])
@pytest.mark.parametrize("engagement", list(Engagement))
def test_what_forbids_a_rename_is_found_before_anything_is_changed(
    scene: Scene, engagement: Engagement, name: str
) -> None:
    old, new = ready(scene)
    cluster = scene.cluster(name)
    assert cluster is not None
    scene.bench.rds.admin.engage(cluster["DBClusterArn"], engagement)
    before = scene.changes()

    with pytest.raises(PreflightError, match=name):
        switch(scene)

    assert scene.changes() == before
    assert (resource_id(scene, TARGET), resource_id(scene, BESIDE)) == (old, new)


def test_once_the_obstacle_is_removed_a_redrive_switches(scene: Scene) -> None:
    _, new = ready(scene)
    cluster = scene.cluster(TARGET)
    assert cluster is not None
    scene.bench.rds.admin.engage(cluster["DBClusterArn"], "zero-etl")
    with pytest.raises(PreflightError):
        switch(scene)

    scene.bench.rds.admin.disengage(cluster["DBClusterArn"], "zero-etl")
    scene.bench.redrive_count = 1
    switch(scene)

    assert resource_id(scene, TARGET) == new


def test_pending_changes_forbid_the_switch(scene: Scene) -> None:
    ready(scene)
    scene.client("rds").modify_db_cluster(
        DBClusterIdentifier=TARGET, BackupRetentionPeriod=9, ApplyImmediately=False
    )

    with pytest.raises(PreflightError, match="BackupRetentionPeriod"):
        switch(scene)


def test_a_member_of_a_global_cluster_is_not_renamed(scene: Scene) -> None:
    ready(scene)
    cluster = scene.cluster(TARGET)
    assert cluster is not None
    scene.client("rds").create_global_cluster(
        GlobalClusterIdentifier="everywhere", SourceDBClusterIdentifier=cluster["DBClusterArn"]
    )

    with pytest.raises(PreflightError, match="everywhere"):
        switch(scene)


@pytest.mark.parametrize("allowed", [True, False])
def test_a_cluster_of_cloudformation_is_renamed_only_if_that_is_allowed(
    scene: Scene, allowed: bool
) -> None:
    ready(scene, allow_cloudformation=allowed)
    # CloudFormation alone can put this tag on.
    scene.bench.rds.backend.at(HOME).clusters[TARGET].tags[STACK_TAG] = "the-stack"

    if allowed:
        assert switch(scene)["statusCode"] == 200
    else:
        with pytest.raises(PreflightError, match="the-stack"):
            switch(scene)


@pytest.mark.parametrize("status", ["stopped", "inaccessible-encryption-credentials"])
def test_a_target_that_rds_cannot_rename_is_an_obstacle_and_not_waited_for(
    scene: Scene, status: str
) -> None:
    ready(scene)
    set_status(scene, TARGET, status)

    with pytest.raises(PreflightError, match=status):
        switch(scene)


@pytest.mark.parametrize("status", ["failed", "deleting"])
def test_a_new_cluster_that_is_lost_before_the_switch_leads_back_to_the_restore(
    scene: Scene, status: str
) -> None:
    old, _ = ready(scene)
    set_status(scene, BESIDE, status)

    answer = switch(scene)

    assert answer["body"]["restart_from"] == "delete-rds"
    assert resource_id(scene, TARGET) == old


@pytest.mark.usefixtures("_seldom_looks")
def test_a_new_cluster_that_is_gone_leads_back_to_the_restore(scene: Scene) -> None:
    ready(scene)
    delete_by_hand(scene, BESIDE)
    scene.bench.advance(3600)

    assert switch(scene)["body"]["restart_from"] == "delete-rds"


@pytest.mark.usefixtures("_seldom_looks")
def test_a_target_that_is_deleted_meanwhile_is_replaced_by_one_rename(scene: Scene) -> None:
    _, new = ready(scene)
    delete_by_hand(scene, TARGET)

    switch(scene)

    assert resource_id(scene, TARGET) == new


def test_a_call_that_rds_refuses_leaves_the_target_as_it_is(scene: Scene) -> None:
    old, new = ready(scene)
    scene.bench.rds.admin.refuse_next("ModifyDBCluster", code="AccessDenied")

    with pytest.raises(SwitchUndoneError, match="as the test asked"):
        switch(scene)

    assert record(scene).switch is None
    assert resource_id(scene, TARGET) == old

    scene.bench.redrive_count = 1
    switch(scene)
    assert resource_id(scene, TARGET) == new


@pytest.mark.usefixtures("_seldom_looks")
def test_a_rename_that_rds_refuses_for_ever_is_given_up(scene: Scene) -> None:
    old, _ = ready(scene)
    scene.bench.rds.admin.refuse_next(
        "ModifyDBCluster", code="InvalidDBClusterStateFault", times=10_000
    )

    with pytest.raises(SwitchUndoneError):
        switch(scene)
    assert resource_id(scene, TARGET) == old


@pytest.mark.usefixtures("_seldom_looks")
def test_an_obstacle_that_comes_up_while_the_new_cluster_is_opened_undoes_the_switch(
    scene: Scene,
) -> None:
    old, _ = ready(scene)
    scene.client("rds").modify_db_cluster(
        DBClusterIdentifier=BESIDE,
        VpcSecurityGroupIds=[scene.bench.environment.quarantine_security_group],
    )
    cluster = scene.cluster(TARGET)
    assert cluster is not None
    arn = cluster["DBClusterArn"]

    def is_opened() -> bool:
        return groups_of(scene, BESIDE) == {scene.security_group}

    def engage() -> None:
        scene.bench.rds.admin.engage(arn, "zero-etl")

    with once(scene, is_opened, engage), pytest.raises(SwitchUndoneError):
        switch(scene)
    assert resource_id(scene, TARGET) == old
    assert record(scene).switch is None


def test_a_look_that_is_too_old_for_the_record_is_not_believed(scene: Scene) -> None:
    """The live cluster is being renamed by hand: the target is neither gone nor free."""
    ready(scene)
    switch(scene)
    live = record(scene).live
    assert live is not None
    scene.client("rds").modify_db_cluster(
        DBClusterIdentifier=TARGET, NewDBClusterIdentifier="by-hand", ApplyImmediately=True
    )
    scene.bench.advance(60)
    assert scene.cluster(TARGET) is None

    answer = scene.bench.step(SwitchClusterHandler, {"roll_back": True}, operation_id="op-2")

    assert answer["statusCode"] == 202
    assert record(scene).switch is None


def test_every_look_of_a_wait_is_a_second_apart_while_nothing_serves(scene: Scene) -> None:
    ready(scene)
    scene.bench.rds.admin.set_timings(rename_cluster=100)
    waits = []
    while (answer := scene.bench.step(SwitchClusterHandler))["statusCode"] == 202:
        if scene.cluster(TARGET) is None:
            waits.append(answer["body"]["retry_after"])
        scene.bench.advance(answer["body"]["retry_after"])

    assert waits
    assert set(waits) == {1}
