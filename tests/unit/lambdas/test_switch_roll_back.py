"""A roll-back gives the target's name to the cluster that served before, and back and forth."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from aurora_restore.shared.errors import (
    NothingToRollBackError,
    PreflightError,
    SwitchUndoneError,
    TargetNotRecordedError,
)
from tests.unit.bench import MASTER_PASSWORD, REGION
from tests.unit.lambdas.switched import (
    RETIRED,
    RETIRED_AGAIN,
    ROLL_BACK,
    configure_switch,
    delete_by_hand,
    die_between,
    dying_after_write,
    dying_at,
    groups_of,
    once,
    ready,
    record,
    resource_id,
    roll_back,
    set_status,
    switch,
    verified,
)
from tests.unit.scene import TARGET, Scene

pytestmark = pytest.mark.usefixtures("_seldom_looks")


def switched(scene: Scene, **settings: Any) -> tuple[str, str]:
    """The target has been switched: the resource ids of what served before, and of what serves."""
    ids = ready(scene, **settings)
    switch(scene)
    scene.bench.advance(3600)
    return ids


def rotate_master_password(scene: Scene) -> None:
    """The master secret gets another password."""
    secret = {"username": "postgres", "password": MASTER_PASSWORD + "-next", "database": "app"}
    scene.bench.clients.secrets_manager.put_secret_value(
        SecretId=scene.bench.environment.master_secret, SecretString=json.dumps(secret)
    )


@contextmanager
def counting_passwords(scene: Scene) -> Iterator[list[str]]:
    """The names of the clusters whose master password is set meanwhile."""
    found: list[str] = []

    def note(params: Any, **_: Any) -> None:
        if "MasterUserPassword" in params:
            found.append(params["DBClusterIdentifier"])

    events = scene.bench.clients.rds(REGION).meta.events
    events.register("provide-client-params.rds.ModifyDBCluster", note)
    try:
        yield found
    finally:
        events.unregister("provide-client-params.rds.ModifyDBCluster", note)


def test_the_cluster_that_served_before_serves_again_and_the_other_is_retired(
    scene: Scene,
) -> None:
    old, new = switched(scene)

    answer = roll_back(scene)

    assert answer["body"]["retired_cluster_id"] == RETIRED_AGAIN
    assert (resource_id(scene, TARGET), resource_id(scene, RETIRED_AGAIN)) == (old, new)
    assert groups_of(scene, TARGET) == {scene.security_group}
    assert groups_of(scene, RETIRED_AGAIN) == {scene.bench.environment.quarantine_security_group}
    found = record(scene)
    assert found.live is not None
    assert found.retired is not None
    assert (found.live.resource_id, found.retired.cluster.resource_id) == (old, new)


def test_a_roll_back_can_be_rolled_back(scene: Scene) -> None:
    old, new = switched(scene)

    roll_back(scene)
    assert resource_id(scene, TARGET) == old
    verified(scene)
    scene.bench.advance(60)
    roll_back(scene, operation_id="op-3")

    assert resource_id(scene, TARGET) == new
    assert groups_of(scene, TARGET) == {scene.security_group}


def test_another_roll_back_goes_on_with_one_that_was_not_verified(scene: Scene) -> None:
    old, _ = switched(scene)
    roll_back(scene)

    answer = roll_back(scene, operation_id="op-3")

    assert answer["statusCode"] == 200
    assert resource_id(scene, TARGET) == old


def test_a_roll_back_right_after_the_switch_finds_what_serves(scene: Scene) -> None:
    old, new = ready(scene)
    switch(scene)

    roll_back(scene)

    assert (resource_id(scene, TARGET), resource_id(scene, RETIRED_AGAIN)) == (old, new)


def test_a_second_call_of_a_roll_back_does_not_switch_back(scene: Scene) -> None:
    old, _ = switched(scene)
    roll_back(scene)

    assert roll_back(scene)["statusCode"] == 200
    assert resource_id(scene, TARGET) == old


def test_a_roll_back_that_died_after_its_last_write_does_not_switch_back(scene: Scene) -> None:
    old, _ = switched(scene)

    def is_over() -> bool:
        found = record(scene)
        return found.switched_by == ROLL_BACK and found.switch is None

    with dying_after_write(scene, is_over):
        roll_back(scene)
    assert resource_id(scene, TARGET) == old

    scene.bench.redrive_count = 1
    roll_back(scene)

    assert resource_id(scene, TARGET) == old


def test_a_stopped_cluster_is_started_first(scene: Scene) -> None:
    old, _ = switched(scene, stop_old=True)
    configure_switch(scene)
    retired = scene.cluster(RETIRED)
    assert retired is not None
    assert retired["Status"] == "stopped"

    body = roll_back(scene)["body"]

    assert resource_id(scene, TARGET) == old
    assert body["interruption_seconds"] < scene.bench.rds.backend.timings.start_cluster


def test_a_password_that_was_rotated_since_is_set_before_the_switch(scene: Scene) -> None:
    old, _ = switched(scene)
    roll_back(scene)
    verified(scene)
    rotate_master_password(scene)

    with counting_passwords(scene) as found:
        roll_back(scene, operation_id="op-3")

    assert found == [RETIRED_AGAIN]
    live = record(scene).live
    assert live is not None
    assert live.resource_id != old
    version = scene.bench.clients.secrets_manager.get_secret_value(
        SecretId=scene.bench.environment.master_secret
    )["VersionId"]
    assert live.master_secret_version == version


def test_a_password_that_is_still_the_secrets_is_not_set(scene: Scene) -> None:
    switched(scene)
    roll_back(scene)
    verified(scene)

    with counting_passwords(scene) as found:
        roll_back(scene, operation_id="op-3")

    assert found == []


def test_without_a_predecessor_there_is_nothing_to_roll_back(scene: Scene) -> None:
    ready(scene)

    with pytest.raises(NothingToRollBackError):
        roll_back(scene)


def test_without_any_restore_there_is_nothing_to_roll_back(scene: Scene) -> None:
    scene.make_target()
    configure_switch(scene)

    with pytest.raises(TargetNotRecordedError):
        roll_back(scene)


@pytest.mark.parametrize("is_gone", [True, False])
def test_a_predecessor_that_is_lost_is_nothing_to_roll_back_to(scene: Scene, is_gone: bool) -> None:
    _, new = switched(scene)
    if is_gone:
        delete_by_hand(scene, RETIRED)
        scene.bench.advance(3600)
    else:
        set_status(scene, RETIRED, "failed")

    with pytest.raises(NothingToRollBackError):
        roll_back(scene)
    assert resource_id(scene, TARGET) == new


def test_a_roll_back_that_cannot_begin_leaves_what_serves(scene: Scene) -> None:
    _, new = switched(scene)
    live = scene.cluster(TARGET)
    assert live is not None
    scene.bench.rds.admin.engage(live["DBClusterArn"], "zero-etl")

    with pytest.raises(PreflightError):
        roll_back(scene)
    assert resource_id(scene, TARGET) == new


def test_a_roll_back_that_is_undone_leaves_the_retired_cluster_out_of_reach(scene: Scene) -> None:
    _, new = switched(scene)

    def is_gone() -> bool:
        return scene.cluster(TARGET) is None

    def take_the_name() -> None:
        scene.client("rds").create_db_cluster(
            DBClusterIdentifier=TARGET,
            Engine="aurora-postgresql",
            MasterUsername="postgres",
            MasterUserPassword="third-password",
        )

    def leave() -> None:
        scene.client("rds").delete_db_cluster(DBClusterIdentifier=TARGET, SkipFinalSnapshot=True)

    def is_undone() -> bool:
        planned = record(scene).switch
        return planned is not None and planned.undo_because is not None

    with (
        once(scene, is_gone, take_the_name),
        once(scene, is_undone, leave),
        pytest.raises(SwitchUndoneError),
    ):
        roll_back(scene)

    quarantine = {scene.bench.environment.quarantine_security_group}
    assert resource_id(scene, TARGET) == new
    assert groups_of(scene, TARGET) == {scene.security_group}
    assert groups_of(scene, RETIRED) == quarantine


def test_a_switch_that_died_is_undone_by_a_roll_back_and_that_is_all(scene: Scene) -> None:
    old, new = ready(scene)
    die_between(scene)

    answer = roll_back(scene)

    assert answer["statusCode"] == 200
    assert resource_id(scene, TARGET) == old
    assert groups_of(scene, TARGET) == {scene.security_group}
    assert new in {each["DbClusterResourceId"] for each in clusters(scene)}
    assert roll_back(scene)["statusCode"] == 200
    assert resource_id(scene, TARGET) == old


def test_what_was_undone_is_what_the_record_calls_live(scene: Scene) -> None:
    old, _ = ready(scene)
    die_between(scene)

    body = roll_back(scene)["body"]

    live = record(scene).live
    assert live is not None
    assert live.resource_id == old
    assert body["cluster_endpoint"] == live.writer_endpoint is not None


def test_a_roll_back_that_died_is_finished_by_another_one(scene: Scene) -> None:
    old, new = switched(scene)
    with dying_at(scene, 1):
        roll_back(scene)

    roll_back(scene, operation_id="op-3")

    assert resource_id(scene, TARGET) == old
    assert roll_back(scene)["statusCode"] == 200
    assert resource_id(scene, TARGET) == old
    assert new in {each["DbClusterResourceId"] for each in clusters(scene)}


def clusters(scene: Scene) -> list[Any]:
    """Every cluster where the target is."""
    found: list[Any] = scene.client("rds").describe_db_clusters()["DBClusters"]
    return found
