"""hand-over: the wanted security groups, once the databases are set up, and never before."""

from dataclasses import replace
from typing import Any

import pytest

from aurora_restore.lambdas.check_restore_status import CheckRestoreStatusHandler
from aurora_restore.lambdas.hand_over import (
    AwaitCluster,
    GiveUpCluster,
    HandOver,
    HandOverAction,
    HandOverFacts,
    HandOverHandler,
    KeepHandedOver,
    LiftQuarantine,
    OpenAgain,
    RefuseUnfinished,
    decide,
)
from aurora_restore.lambdas.restore_snapshot import RestoreSnapshotHandler
from aurora_restore.lambdas.setup_db_users import SetupDbUsersHandler
from aurora_restore.shared.cluster.extras import Extra
from aurora_restore.shared.errors import (
    Action,
    AwsError,
    ClusterNotFoundError,
    ForeignClusterError,
    NotSetUpError,
    RestoreFailedError,
    SupersededError,
    TargetNotRecordedError,
    ValidationError,
)
from aurora_restore.shared.rds.calls import RdsCall
from aurora_restore.shared.target_record import TargetRecord, TargetRecordStore
from tests.support.database_double import DatabasesDouble
from tests.unit.bench import ACCOUNT, REGION, Bench
from tests.unit.lambdas.midway import (
    OPERATION,
    databases_set_up,
    dying_after,
    handed_over,
    reached,
    until_done,
    usable,
)
from tests.unit.scene import HOME, TARGET, Scene

CHANGES = ("ModifyDBCluster", "EnableHttpEndpoint")


def hand_over(scene: Scene, **asked: Any) -> dict[str, Any]:
    scene.bench.advance(1)
    return scene.bench.step(HandOverHandler, asked)


def state(scene: Scene) -> dict[str, Any]:
    """What the step has left in the state."""
    found: dict[str, Any] = scene.bench.state("hand-over")["details"]
    return found


def records(scene: Scene) -> TargetRecordStore:
    return TargetRecordStore(scene.bench.store, ACCOUNT, REGION, TARGET)


def record(scene: Scene) -> TargetRecord:
    found = records(scene).read()
    assert found is not None
    return found


def groups(scene: Scene) -> dict[str, set[str]]:
    """The security groups of the cluster and of each instance."""
    rds = scene.client("rds")
    cluster = scene.cluster()
    assert cluster is not None
    described = {TARGET: cluster} | {
        each["DBInstanceIdentifier"]: each for each in rds.describe_db_instances()["DBInstances"]
    }
    return {
        name: {group["VpcSecurityGroupId"] for group in each["VpcSecurityGroups"]}
        for name, each in described.items()
    }


def changes(scene: Scene) -> list[str]:
    return [each for each in scene.changes() if each in CHANGES]


# What it decides


OPENING = Extra("HttpEndpointEnabled", RdsCall("EnableHttpEndpoint", REGION, {}, "it was on"))
ACTIVE = {"sg-app": "active"}
READY = HandOverFacts(
    handed_over_at=None,
    is_set_up=True,
    cluster_status="available",
    instance_statuses={"a": "available"},
    wanted=("sg-app",),
    groups=ACTIVE,
    instance_groups={"a": ACTIVE},
)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, HandOver()),
        ({"handed_over_at": "noon", "groups": {}}, KeepHandedOver("noon")),
        ({"handed_over_at": "noon", "cluster_status": "failed"}, KeepHandedOver("noon")),
        ({"is_set_up": False}, RefuseUnfinished()),
        ({"is_set_up": False, "groups": {"sg-quarantine": "active"}}, RefuseUnfinished()),
        ({"cluster_status": "failed"}, GiveUpCluster("it is 'failed'")),
        (
            {"instance_statuses": {"a": "incompatible-network"}},
            GiveUpCluster("instance a is 'incompatible-network'"),
        ),
        ({"cluster_status": "modifying"}, AwaitCluster("the cluster, which is modifying")),
        ({"groups": {"sg-quarantine": "active"}}, LiftQuarantine(("sg-app",))),
        ({"groups": {**ACTIVE, "sg-quarantine": "active"}}, LiftQuarantine(("sg-app",))),
        (
            {"groups": {"sg-app": "adding", "sg-quarantine": "removing"}},
            AwaitCluster("the security groups of the cluster"),
        ),
        ({"groups": {"sg-app": "adding"}}, AwaitCluster("the security groups of the cluster")),
        (
            {"instance_groups": {"a": {"sg-app": "adding"}, "b": ACTIVE}},
            AwaitCluster("the security groups of a"),
        ),
        (
            {"instance_groups": {"a": ACTIVE, "b": {**ACTIVE, "sg-quarantine": "removing"}}},
            AwaitCluster("the security groups of b"),
        ),
        ({"openings": [OPENING]}, OpenAgain([OPENING])),
        (
            {"openings": [OPENING], "groups": {"sg-quarantine": "active"}},
            LiftQuarantine(("sg-app",)),
        ),
    ],
)
def test_it_opens_the_cluster_only_when_it_is_set_up_and_is_done_when_every_instance_is_open(
    facts: dict[str, Any], expected: HandOverAction
) -> None:
    assert decide(replace(READY, **facts)) == expected


# What it does


def test_a_cluster_that_is_set_up_is_handed_over(scene: Scene) -> None:
    usable(scene)
    databases_set_up(scene)

    answer = until_done(scene, HandOverHandler)

    assert answer["statusCode"] == 200
    body = answer["body"]
    assert body["message"] == "The cluster is handed over"
    assert body["security_group_ids"] == [scene.security_group]
    assert set().union(*groups(scene).values()) == {scene.security_group}
    assert body["handed_over_at"] == state(scene)["handed_over_at"]
    assert record(scene).handed_over_at == body["handed_over_at"]


def test_a_cluster_that_is_not_set_up_is_not_handed_over(scene: Scene) -> None:
    usable(scene)
    before = changes(scene)

    with pytest.raises(NotSetUpError, match="are not set up as a whole") as raised:
        hand_over(scene)

    assert raised.value.remedy.action is Action.RESUME
    assert raised.value.remedy.step == "setup-db-users"
    assert changes(scene) == before
    assert record(scene).hand_over_started_at is None


def test_the_setup_of_an_earlier_cluster_counts_for_no_other(scene: Scene) -> None:
    """The operation restores a second cluster, after the first one became unusable."""
    usable(scene)
    databases_set_up(scene)
    first = record(scene).resource_id
    replace_cluster(scene)
    scene.bench.step(RestoreSnapshotHandler)
    scene.bench.advance(3600)
    until_done(scene, CheckRestoreStatusHandler)
    assert record(scene).resource_id != first

    with pytest.raises(NotSetUpError):
        hand_over(scene)


def replace_cluster(scene: Scene) -> None:
    """Delete the target; RDS lets another one take its name then."""
    rds = scene.client("rds")
    for each in rds.describe_db_instances()["DBInstances"]:
        if each.get("DBClusterIdentifier") == TARGET:
            rds.delete_db_instance(
                DBInstanceIdentifier=each["DBInstanceIdentifier"], SkipFinalSnapshot=True
            )
    rds.delete_db_cluster(DBClusterIdentifier=TARGET, SkipFinalSnapshot=True)
    scene.bench.advance(7200)
    assert scene.cluster() is None


def test_another_cluster_of_the_name_is_left_alone(scene: Scene) -> None:
    usable(scene)
    databases_set_up(scene)
    replace_cluster(scene)
    scene.make_target()
    before = changes(scene)

    with pytest.raises(ForeignClusterError, match="is not the one that operation op-1 restored"):
        hand_over(scene)

    assert changes(scene) == before


def test_an_operation_whose_cluster_was_replaced_hands_nothing_over(scene: Scene) -> None:
    usable(scene)
    databases_set_up(scene)
    found = record(scene)
    records(scene).write(TargetRecord(restored_by="op-2", resource_id="cluster-NEW"), found)

    with pytest.raises(SupersededError):
        hand_over(scene)


def test_an_operation_without_a_record_goes_back_to_where_it_is_written(scene: Scene) -> None:
    usable(scene)
    databases_set_up(scene)
    scene.bench.clients.dynamodb.delete_item(
        TableName=scene.bench.environment.state_table,
        Key={"operation_id": {"S": records(scene).key}, "step": {"S": "target"}},
    )

    with pytest.raises(TargetNotRecordedError):
        hand_over(scene)


def test_an_operation_that_has_restored_nothing_is_refused(scene: Scene) -> None:
    with pytest.raises(ValidationError, match="has not restored cluster my-cluster"):
        hand_over(scene)


def test_a_cluster_that_is_gone_is_restored_again(scene: Scene) -> None:
    usable(scene)
    databases_set_up(scene)
    replace_cluster(scene)

    answer = hand_over(scene)

    assert answer["statusCode"] == 202
    assert answer["body"]["restart_from"] == "check-restore-status"
    scene.bench.configure({**scene.document, "max_attempts": 1})
    with pytest.raises(ClusterNotFoundError):
        hand_over(scene)


def test_a_cluster_that_is_unusable_is_restored_again(scene: Scene) -> None:
    usable(scene)
    databases_set_up(scene)
    scene.bench.rds.admin.set_status(HOME.arn("cluster", TARGET), "failed")

    answer = hand_over(scene)

    assert answer["body"]["restart_from"] == "check-restore-status"
    called = scene.bench.call(HandOverHandler, {"operation_id": OPERATION})
    assert called["body"]["error_type"] == RestoreFailedError.__name__


# Once it is handed over


@pytest.fixture
def databases(bench: Bench) -> DatabasesDouble:
    made = DatabasesDouble(bench.rds.backend)
    bench.inject = made.injected
    return made


def test_a_cluster_is_handed_over_once(scene: Scene) -> None:
    first = handed_over(scene)["body"]
    before = scene.changes()

    again = hand_over(scene)

    assert again["statusCode"] == 200
    assert again["body"]["message"] == "The cluster has been handed over already"
    assert again["body"]["handed_over_at"] == first["handed_over_at"]
    assert scene.changes() == before


def test_a_cluster_that_is_handed_over_is_not_set_up_again(
    scene: Scene, databases: DatabasesDouble
) -> None:
    handed_over(scene)
    before = databases.contents.copy()

    scene.bench.advance(1)
    answer = scene.bench.step(SetupDbUsersHandler)

    assert answer["statusCode"] == 200
    assert answer["body"]["message"].startswith("The cluster has been handed over")
    assert databases.contents == before
    assert scene.bench.state("setup-db-users")["details"]["users_configured"] is True


def test_a_hand_over_that_has_only_begun_lets_no_setup_run_again(
    scene: Scene, databases: DatabasesDouble
) -> None:
    usable(scene)
    databases_set_up(scene)
    begin(scene)

    scene.bench.advance(1)
    answer = scene.bench.step(SetupDbUsersHandler)

    assert answer["statusCode"] == 200
    assert answer["body"]["hand_over_started_at"] == record(scene).hand_over_started_at
    assert databases.contents == {}


def begin(scene: Scene) -> None:
    """The target record says that the quarantine is about to be lifted."""
    found = record(scene)
    records(scene).write(
        replace(found, hand_over_started_at=scene.bench.clock().isoformat()), found
    )


@pytest.mark.parametrize("status", ["available", "failed", "modifying"])
def test_a_cluster_that_is_handed_over_is_left_alone_by_the_steps_before(
    scene: Scene, status: str
) -> None:
    """Its users may have changed it: whatever they have done, nothing is done about it."""
    handed_over(scene)
    scene.client("rds").modify_db_cluster(
        DBClusterIdentifier=TARGET, MasterUserPassword="of-the-users", ApplyImmediately=True
    )
    scene.bench.advance(3600)
    scene.bench.rds.admin.set_status(HOME.arn("cluster", TARGET), status)
    scene.bench.clients.secrets_manager.put_secret_value(
        SecretId=scene.bench.environment.master_secret, SecretString='{"username": "rotated"}'
    )
    before = scene.changes()

    for handler in (RestoreSnapshotHandler, CheckRestoreStatusHandler, HandOverHandler):
        scene.bench.advance(1)
        answer = scene.bench.step(handler)
        assert answer["statusCode"] == 200, answer

    assert scene.changes() == before
    assert scene.bench.rds.backend.data_plane.passwords  # type: ignore[attr-defined]


def test_the_next_cluster_of_the_operation_starts_without_what_belongs_to_the_one_before(
    scene: Scene,
) -> None:
    handed_over(scene)
    replace_cluster(scene)

    scene.bench.step(RestoreSnapshotHandler)

    details = scene.bench.state("restore-snapshot")["details"]
    assert not {"users_configured", "handed_over_at", "hand_over_started_at"} & set(details)
    assert record(scene).handed_over_at is None
    assert record(scene).hand_over_started_at is None


# Whatever happens meanwhile


def test_what_aws_refuses_to_put_back_is_in_the_drift(scene: Scene) -> None:
    usable(scene, old_cluster={"HttpEndpointEnabled": True})
    databases_set_up(scene)
    scene.bench.rds.admin.refuse_next("EnableHttpEndpoint", code="InvalidParameterCombination")

    body = until_done(scene, HandOverHandler)["body"]

    assert body["drift"] == [{"setting": "HttpEndpointEnabled", "wanted": True, "found": None}]
    assert state(scene)["drift"] == body["drift"]


def test_the_data_api_is_put_back_only_now(scene: Scene) -> None:
    usable(scene, old_cluster={"HttpEndpointEnabled": True})
    assert "EnableHttpEndpoint" not in scene.changes()
    databases_set_up(scene)

    with dying_after(scene, "EnableHttpEndpoint"):
        until_done(scene, HandOverHandler)

    assert record(scene).hand_over_started_at is not None
    assert until_done(scene, HandOverHandler)["body"]["drift"] == []
    assert (scene.cluster() or {})["HttpEndpointEnabled"] is True
    assert changes(scene).count("EnableHttpEndpoint") == 1


def test_the_drift_is_measured(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    handed_over(scene)

    assert '"SettingsDrift"' in capsys.readouterr().out


def test_an_operation_that_an_earlier_version_set_up_is_handed_over(scene: Scene) -> None:
    """Its cluster has had the wanted groups from the beginning."""
    scene.configure(quarantine="off")
    usable(scene)
    latest = scene.bench.store.load(OPERATION)
    assert latest is not None
    reached(
        scene,
        "setup-db-users",
        **{
            **latest["details"],
            "users_configured": True,
            "security_group_ids": None,
            "quarantine_security_group_ids": None,
        },
    )
    before = changes(scene)

    answer = hand_over(scene)

    assert answer["statusCode"] == 200
    assert changes(scene) == before


def test_what_aws_refuses_is_in_the_error(scene: Scene) -> None:
    usable(scene)
    databases_set_up(scene)

    with pytest.raises(AwsError, match="InvalidParameterValue"):
        hand_over(scene, vpc_security_group_ids=["sg-00000000000000000"])
