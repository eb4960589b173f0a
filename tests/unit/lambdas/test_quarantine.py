"""A restored cluster is shut off until it is handed over, and every message says so."""

from collections.abc import Callable
from typing import Any

import pytest

from aurora_restore.lambdas.archive_snapshot import ArchiveSnapshotHandler
from aurora_restore.lambdas.check_restore_status import CheckRestoreStatusHandler
from aurora_restore.lambdas.hand_over import HandOverHandler
from aurora_restore.lambdas.restore_snapshot import RestoreSnapshotHandler
from aurora_restore.lambdas.setup_db_users import SetupDbUsersHandler
from aurora_restore.lambdas.snapshot_check import SnapshotCheckHandler
from aurora_restore.lambdas.sns_notification import SnsNotificationHandler
from aurora_restore.shared.errors import Action, DatabaseConnectionError, StillInQuarantineError
from embedded_aws.vpc import DATABASE_PORT
from tests.support.database_double import DatabasesDouble
from tests.support.quarantine import create_quarantine, on_port
from tests.unit.bench import Bench
from tests.unit.lambdas.arrange import go
from tests.unit.lambdas.midway import (
    OPERATION,
    copied,
    databases_set_up,
    handed_over,
    restored,
    restoring,
    until_done,
    usable,
)
from tests.unit.lambdas.test_sns_notification import ended, execution, raised
from tests.unit.scene import TARGET, Scene, obstacles_of


def quarantine(scene: Scene) -> str:
    """The stack's group of the quarantine."""
    return scene.bench.environment.quarantine_security_group


def access(scene: Scene) -> str:
    """The stack's group of the functions that log in."""
    return scene.bench.environment.access_security_group


def vpc(scene: Scene) -> str:
    (group,) = scene.client("ec2").describe_security_groups(GroupIds=[scene.security_group])[
        "SecurityGroups"
    ]
    return str(group["VpcId"])


def groups(scene: Scene) -> set[str]:
    """The security groups of the cluster, and of each of its instances."""
    cluster = scene.cluster()
    assert cluster is not None
    instances = [
        each
        for each in scene.client("rds").describe_db_instances()["DBInstances"]
        if each.get("DBClusterIdentifier") == TARGET
    ]
    found = [
        {group["VpcSecurityGroupId"] for group in each["VpcSecurityGroups"]}
        for each in (cluster, *instances)
    ]
    assert all(each == found[0] for each in found)
    return found[0]


def own_groups(scene: Scene) -> str:
    """A group of another owner that lets in the functions alone, and is configured."""
    made = create_quarantine(scene.client("ec2"), vpc(scene), prefix="own-")
    scene.configure(quarantine={"security_group_ids": [made.quarantine]})
    return made.quarantine


# From the beginning


def test_a_cluster_is_restored_in_quarantine(scene: Scene) -> None:
    usable(scene)

    assert groups(scene) == {quarantine(scene)}
    details = scene.bench.state("check-restore-status")["details"]
    assert details["security_group_ids"] == [scene.security_group]
    assert details["quarantine_security_group_ids"] == [quarantine(scene)]
    assert details["drift"] == []


def test_a_direct_restore_is_in_quarantine_too(scene: Scene) -> None:
    copied(scene)

    answer = scene.bench.call(
        RestoreSnapshotHandler,
        {"operation_id": OPERATION, "security_group_ids": [scene.security_group]},
    )

    assert groups(scene) == {quarantine(scene)}
    assert answer["body"]["quarantine"].startswith("in force: if cluster my-cluster is there")


def test_groups_of_ones_own_may_be_the_quarantine(scene: Scene) -> None:
    own = own_groups(scene)

    usable(scene)
    assert groups(scene) == {own}

    databases_set_up(scene)
    until_done(scene, HandOverHandler)
    assert groups(scene) == {scene.security_group}


def test_without_a_quarantine_the_answers_say_so_and_so_does_the_audit_trail(scene: Scene) -> None:
    scene.configure(quarantine="off")

    restored(scene)

    assert groups(scene) == {scene.security_group}
    audited = scene.bench.store._items(scene.bench.environment.audit_table, OPERATION)
    (said,) = {each["details"]["quarantine"] for each in audited if "quarantine" in each["details"]}
    assert said.startswith("off: cluster my-cluster has had its final security groups since")
    body = until_done(scene, CheckRestoreStatusHandler)["body"]
    assert body["drift"] == []


@pytest.mark.parametrize(("quarantine", "warned"), [(None, False), ("off", True)])
def test_a_dry_run_warns_of_a_cluster_without_a_quarantine(
    scene: Scene, quarantine: str | None, warned: bool
) -> None:
    if quarantine is not None:
        scene.configure(quarantine=quarantine)

    body = go(scene, SnapshotCheckHandler, {"dry_run": True})["body"]

    assert any("the quarantine is off" in each for each in body["warnings"]) is warned


def test_a_cluster_that_was_taken_out_of_its_quarantine_is_put_back(scene: Scene) -> None:
    restored(scene)
    scene.client("rds").modify_db_cluster(
        DBClusterIdentifier=TARGET, VpcSecurityGroupIds=[scene.security_group]
    )
    scene.bench.advance(3600)

    until_done(scene, CheckRestoreStatusHandler)

    assert groups(scene) == {quarantine(scene)}


def test_a_cluster_that_an_earlier_version_restored_stays_as_it_is(scene: Scene) -> None:
    """It has had its final groups from the beginning, and the operation says nothing of others."""
    scene.configure(quarantine="off")
    restoring(scene)
    latest = scene.bench.store.load(OPERATION)
    assert latest is not None
    latest["details"].pop("quarantine_security_group_ids")
    scene.bench.store.save(
        OPERATION, "restore-snapshot", "SUCCESS", latest["details"], scene.bench.clock()
    )
    scene.configure()
    scene.bench.advance(3600)

    body = until_done(scene, CheckRestoreStatusHandler)["body"]

    assert groups(scene) == {scene.security_group}
    assert body["drift"] == []


# What is looked at before


def rehearse(scene: Scene) -> dict[str, Any]:
    scene.bench.advance(1)
    return scene.bench.step(SnapshotCheckHandler, {"dry_run": True})


def a_way_out(scene: Scene) -> None:
    scene.client("ec2").authorize_security_group_egress(
        GroupId=quarantine(scene),
        IpPermissions=[
            {
                "IpProtocol": "tcp",
                "FromPort": 443,
                "ToPort": 443,
                "IpRanges": [{"CidrIp": "10.0.0.0/8"}],
            }
        ],
    )


def a_way_out_to_a_group(scene: Scene) -> None:
    scene.client("ec2").authorize_security_group_egress(
        GroupId=quarantine(scene), IpPermissions=[on_port(DATABASE_PORT, scene.security_group)]
    )


def somebody_else_let_in(scene: Scene) -> None:
    scene.client("ec2").authorize_security_group_ingress(
        GroupId=quarantine(scene), IpPermissions=[on_port(DATABASE_PORT, scene.security_group)]
    )


def an_address_let_in(scene: Scene) -> None:
    rule = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "10.0.0.7/32"}]}
    scene.client("ec2").authorize_security_group_ingress(
        GroupId=quarantine(scene), IpPermissions=[rule]
    )


def nobody_let_in(scene: Scene) -> None:
    scene.client("ec2").revoke_security_group_ingress(
        GroupId=quarantine(scene), IpPermissions=[on_port(DATABASE_PORT, access(scene))]
    )


def another_port(scene: Scene) -> None:
    scene.configure(port=5433)


def no_group(scene: Scene) -> None:
    scene.bench.know_groups(access=access(scene), quarantine="sg-00000000")


def another_vpc(scene: Scene) -> None:
    elsewhere = scene.client("ec2").create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    made = create_quarantine(scene.client("ec2"), elsewhere, prefix="elsewhere-")
    scene.bench.know_groups(access=made.access, quarantine=made.quarantine)


def own_group_open_to_all(scene: Scene) -> None:
    rule = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    scene.client("ec2").authorize_security_group_ingress(
        GroupId=own_groups(scene), IpPermissions=[rule]
    )


def own_group_with_a_way_out(scene: Scene) -> None:
    rule = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    scene.client("ec2").authorize_security_group_egress(
        GroupId=own_groups(scene), IpPermissions=[rule]
    )


def no_own_group(scene: Scene) -> None:
    scene.configure(quarantine={"security_group_ids": ["sg-00000000"]})


@pytest.mark.parametrize(
    ("arrange", "problem"),
    [
        (a_way_out, "has an outbound rule to 10.0.0.0/8"),
        (a_way_out_to_a_group, "has an outbound rule to sg-"),
        (somebody_else_let_in, "of the stack lets in sg-"),
        (an_address_let_in, "of the stack lets in 10.0.0.7/32"),
        (nobody_let_in, "let nobody in on port 5432"),
        (another_port, "let nobody in on port 5433"),
        (no_group, "there is no security group sg-00000000"),
        (another_vpc, "DB subnet group 'my-subnet-group' in vpc-"),
        (own_group_open_to_all, "lets in 0.0.0.0/0"),
        (own_group_with_a_way_out, "has an outbound rule to 0.0.0.0/0"),
        (no_own_group, "there is no security group sg-00000000"),
    ],
)
def test_a_quarantine_that_is_none_is_an_obstacle_before_anything_is_deleted(
    scene: Scene, arrange: Callable[[Scene], None], problem: str
) -> None:
    scene.make_target()
    arrange(scene)

    found = obstacles_of(rehearse(scene))

    assert found, "there is no obstacle"
    assert {check for check, _ in found} == {"quarantine"}
    assert any(problem in each for _, each in found)


def test_the_quarantine_of_the_stack_is_no_obstacle_and_neither_is_one_of_ones_own(
    scene: Scene,
) -> None:
    scene.make_target()
    assert rehearse(scene)["body"]["ready"] is True

    own_groups(scene)
    assert rehearse(scene)["body"]["ready"] is True


@pytest.mark.parametrize(
    ("old_port", "configured", "expected"),
    [
        (5432, None, []),
        (5433, None, ["cluster my-cluster listens on port 5433"]),
        (5433, 5432, []),
    ],
)
def test_a_port_that_would_change_unasked_is_an_obstacle(
    scene: Scene, old_port: int, configured: int | None, expected: list[str]
) -> None:
    scene.make_target(Port=old_port)
    scene.configure(**({"port": configured} if configured else {}))

    found = obstacles_of(rehearse(scene))

    assert [problem.split(", and the restored")[0] for _, problem in found] == expected


def test_a_dry_run_lists_the_end_of_the_quarantine(scene: Scene) -> None:
    scene.make_target()

    calls = rehearse(scene)["body"]["calls"]

    (restore,) = (each for each in calls if each["operation"] == "RestoreDBClusterFromSnapshot")
    assert restore["parameters"]["VpcSecurityGroupIds"] == [quarantine(scene)]
    last = [each for each in calls if each["operation"] == "ModifyDBCluster"][-1]
    assert last["parameters"]["VpcSecurityGroupIds"] == [scene.security_group]
    assert last["reason"].startswith("lift the quarantine")


# What the messages say


@pytest.fixture
def databases(bench: Bench) -> DatabasesDouble:
    made = DatabasesDouble(bench.rds.backend)
    bench.inject = made.injected
    return made


def test_a_failed_step_says_that_the_cluster_is_in_quarantine(
    scene: Scene, databases: DatabasesDouble
) -> None:
    usable(scene)
    databases.refusals.append(DatabaseConnectionError("it could not be reached"))

    answer = scene.bench.call(SetupDbUsersHandler, {"operation_id": OPERATION})

    said = answer["body"]["quarantine"]
    assert said.startswith(
        "in force: if cluster my-cluster is there, only the pipeline's functions"
    )
    assert scene.bench.state("setup-db-users")["details"]["error"]["quarantine"] == said


def test_a_refused_call_says_nothing_of_an_operation_that_is_none_of_its(scene: Scene) -> None:
    usable(scene)

    answer = scene.bench.call(
        SetupDbUsersHandler, {"operation_id": OPERATION, "target_cluster_id": "another"}
    )

    assert answer["statusCode"] == 400
    assert "quarantine" not in answer["body"]


def test_the_notice_of_a_failure_says_that_the_cluster_is_in_quarantine(scene: Scene) -> None:
    usable(scene)
    ended(scene.bench, execution(scene.bench, **raised("DatabaseError", "why")))

    (message,) = scene.bench.messages()

    assert message["details"]["quarantine"].startswith("in force: if cluster my-cluster is there")


def test_the_notice_of_a_success_says_when_the_quarantine_was_lifted(scene: Scene) -> None:
    at = handed_over(scene)["body"]["handed_over_at"]
    scene.bench.step(SnsNotificationHandler)

    (message,) = scene.bench.messages()

    assert message["details"]["quarantine"] == f"lifted at {at}"
    assert message["details"]["handed_over_at"] == at


def test_no_success_is_announced_of_a_cluster_that_is_still_in_quarantine(scene: Scene) -> None:
    """As an execution does that began with a definition of the state machine without hand-over."""
    usable(scene)
    scene.bench.step(ArchiveSnapshotHandler)

    with pytest.raises(StillInQuarantineError, match="has not handed it over") as caught:
        scene.bench.step(SnsNotificationHandler)

    assert caught.value.remedy.action is Action.RESUME
    assert caught.value.remedy.step == "hand-over"
    assert scene.bench.messages() == []
