"""check-restore-status: from a bare restored cluster to one that lets the master user in."""

from collections.abc import Callable
from typing import Any

import pytest

from aurora_restore.lambdas.check_restore_status import (
    CheckRestoreStatusHandler,
)
from aurora_restore.lambdas.restore_snapshot import RestoreSnapshotHandler
from aurora_restore.shared.awaited import Awaited
from aurora_restore.shared.errors import (
    AwsError,
    ClusterNotFoundError,
    ConfigurationError,
    ForeignClusterError,
    InsufficientCapacityError,
    NameTakenError,
    RestoreFailedError,
)
from aurora_restore.shared.names import TAG_OPERATION
from aurora_restore.shared.rds.reads import GRACE_SECONDS
from aurora_restore.shared.target_record import TargetRecord, TargetRecordStore
from tests.unit.bench import ACCOUNT, MASTER_PASSWORD, REGION
from tests.unit.lambdas.arrange import LONG_ENOUGH
from tests.unit.lambdas.midway import (
    OPERATION,
    reached,
    restored,
    restoring,
    tags,
    until_done,
    usable,
)
from tests.unit.scene import HOME, OWN_TAGS, TARGET, Scene

TWO = [{"instance_class": "db.r6g.large"}, {"instance_class": "db.t4g.medium"}]
OLD: dict[str, Any] = {
    "DBClusterIdentifier": TARGET,
    "PreferredMaintenanceWindow": "tue:01:00-tue:01:30",
    "DeletionProtection": True,
    "Instances": [
        {"identifier": "first", "instance_class": "db.r6g.large", "promotion_tier": 0},
        {
            "identifier": "second",
            "instance_class": "db.t4g.medium",
            "promotion_tier": 5,
            "kept": {"AutoMinorVersionUpgrade": False, "PerformanceInsightsEnabled": False},
        },
    ],
    "Tags": {},
}


def check(scene: Scene, asked: Any = None) -> dict[str, Any]:
    answer: dict[str, Any] = scene.bench.step(CheckRestoreStatusHandler, asked)
    return answer


def directly(scene: Scene) -> dict[str, Any]:
    return scene.bench.call(CheckRestoreStatusHandler, {"operation_id": OPERATION})


def cluster(scene: Scene) -> dict[str, Any]:
    found = scene.cluster()
    assert found is not None, "there is no cluster"
    return found


def instances(scene: Scene) -> dict[str, dict[str, Any]]:
    found = scene.client("rds").describe_db_instances()["DBInstances"]
    return {item["DBInstanceIdentifier"]: item for item in found}


def details(scene: Scene) -> dict[str, Any]:
    found: dict[str, Any] = scene.bench.state("check-restore-status")["details"]
    return found


def passwords(scene: Scene) -> list[str]:
    """What lets the master user in."""
    data_plane: Any = scene.bench.rds.backend.data_plane
    return list(data_plane.passwords[cluster(scene)["DbClusterResourceId"]].values())


def put(scene: Scene, status: str) -> None:
    """Put the restored cluster into a status, where it stays."""
    scene.bench.rds.admin.set_status(cluster(scene)["DBClusterArn"], status)


def put_instance(scene: Scene, status: str, name: str = f"{TARGET}-1") -> None:
    scene.bench.rds.admin.set_status(instances(scene)[name]["DBInstanceArn"], status)


def with_instances(scene: Scene, **facts: Any) -> None:
    """The restored cluster has its instances, and still the source's password."""
    restored(scene, **facts)
    check(scene)
    scene.bench.advance(LONG_ENOUGH)


def finished(scene: Scene, **facts: Any) -> dict[str, Any]:
    """Restored, and waited for to the end; the last answer's body."""
    restored(scene, **facts)
    body: dict[str, Any] = until_done(scene, CheckRestoreStatusHandler)["body"]
    return body


# Progress


def test_while_the_cluster_is_being_made_the_documented_answer_says_when_to_call_again(
    scene: Scene,
) -> None:
    restoring(scene)

    answer = check(scene)

    # A cluster usually takes minutes.
    retry_after = answer["body"].pop("retry_after")
    assert 60 <= retry_after < Awaited.CLUSTER.value.usual
    assert answer == {
        "statusCode": 202,
        "body": {
            "message": "Cluster restore is still in progress",
            "operation_id": OPERATION,
            "target_cluster_id": TARGET,
            "target_region": REGION,
            "status": "creating",
            "waiting_for": "the cluster, which is creating",
        },
    }
    assert scene.bench.state("check-restore-status")["status"] == "IN_PROGRESS"


def test_the_longer_it_takes_the_longer_it_waits(scene: Scene) -> None:
    scene.bench.rds.admin.next_outcome("restore-cluster", never_ends=True)
    restoring(scene)
    check(scene)
    scene.bench.advance(3000)
    long = check(scene)["body"]["retry_after"]
    scene.bench.advance(30_000)
    longer = check(scene)["body"]["retry_after"]

    assert 60 < long < 0.06 * 3100
    assert 3 * long < longer < 0.06 * 33_100


@pytest.mark.parametrize(
    "status", ["backing-up", "creating", "migrating", "modifying", "upgrading", "of-a-new-kind"]
)
def test_a_cluster_in_transit_or_in_an_unknown_status_is_waited_for(
    scene: Scene, status: str
) -> None:
    restored(scene)
    put(scene, status)

    answer = check(scene)

    assert answer["statusCode"] == 202
    assert answer["body"]["status"] == status
    assert instances(scene) == {}


def test_once_the_cluster_is_there_it_gets_all_its_instances_together(scene: Scene) -> None:
    scene.configure(instances=TWO)
    restored(scene)

    answer = check(scene)

    assert answer["body"]["waiting_for"] == f"the instances {TARGET}-1, {TARGET}-2"
    classes = {name: item["DBInstanceClass"] for name, item in instances(scene).items()}
    assert classes == {f"{TARGET}-1": "db.r6g.large", f"{TARGET}-2": "db.t4g.medium"}
    assert not any(item["PubliclyAccessible"] for item in instances(scene).values())


def test_an_instance_carries_the_tags_that_let_the_next_run_delete_it(scene: Scene) -> None:
    scene.configure(tags={"team": "red"})
    restored(scene)

    check(scene)

    shown = instances(scene)[f"{TARGET}-1"]["TagList"]
    assert {tag["Key"]: tag["Value"] for tag in shown} == tags(team="red")


def test_without_configured_instances_the_old_ones_come_back_as_they_were(scene: Scene) -> None:
    scene.configure(instances=[])
    restored(scene, old_cluster=OLD | {"Instances": [OLD["Instances"][0]]})
    check(scene)
    scene.bench.advance(LONG_ENOUGH)

    shown = instances(scene)["first"]

    assert shown["DBInstanceClass"] == "db.r6g.large"
    assert shown["PromotionTier"] == 0
    assert shown["DBInstanceStatus"] == "available"


def test_configured_instances_keep_the_old_ones_names_and_what_is_not_configured(
    scene: Scene,
) -> None:
    scene.configure(instances=[*TWO, {"instance_class": "db.r6g.large", "promotion_tier": 9}])
    kept = {"AutoMinorVersionUpgrade": False, "PreferredMaintenanceWindow": "wed:02:00-wed:02:30"}
    old = OLD | {
        "Instances": [
            {"identifier": "first", "instance_class": "db.r6g.xlarge", "kept": kept},
            {"identifier": "second", "instance_class": "db.r6g.xlarge"},
        ]
    }
    restored(scene, old_cluster=old)

    check(scene)

    shown = instances(scene)
    assert list(shown) == ["first", f"{TARGET}-1", "second"]
    assert shown["first"]["DBInstanceClass"] == "db.r6g.large"
    assert shown["first"]["AutoMinorVersionUpgrade"] is False
    assert shown["first"]["PreferredMaintenanceWindow"] == "wed:02:00-wed:02:30"
    assert shown["second"]["DBInstanceClass"] == "db.t4g.medium"
    assert shown[f"{TARGET}-1"]["PromotionTier"] == 9


def test_only_the_instances_that_are_missing_are_made(scene: Scene) -> None:
    scene.configure(instances=TWO)
    with_instances(scene)
    first = instances(scene)[f"{TARGET}-1"]["DbiResourceId"]
    scene.client("rds").delete_db_instance(DBInstanceIdentifier=f"{TARGET}-2")
    scene.bench.advance(LONG_ENOUGH)

    answer = check(scene)

    assert answer["body"]["waiting_for"] == f"the instances {TARGET}-2"
    assert set(instances(scene)) == {f"{TARGET}-1", f"{TARGET}-2"}
    assert instances(scene)[f"{TARGET}-1"]["DbiResourceId"] == first


def test_an_instance_whose_creation_was_answered_late_is_no_error(scene: Scene) -> None:
    restored(scene)
    scene.bench.rds.admin.refuse_next(
        "CreateDBInstance", code="DBInstanceAlreadyExists", after_doing=True
    )

    answer = check(scene)

    assert answer["statusCode"] == 202
    assert set(instances(scene)) == {f"{TARGET}-1"}


def test_an_instance_of_that_name_in_another_cluster_is_left_alone(scene: Scene) -> None:
    restored(scene)
    rds = scene.client("rds")
    rds.create_db_cluster(
        DBClusterIdentifier="another",
        Engine="aurora-postgresql",
        MasterUsername="postgres",
        MasterUserPassword="another-password",
        DBSubnetGroupName="my-subnet-group",
    )
    scene.bench.advance(LONG_ENOUGH)
    rds.create_db_instance(
        DBInstanceIdentifier=f"{TARGET}-1",
        DBInstanceClass="db.r6g.large",
        Engine="aurora-postgresql",
        DBClusterIdentifier="another",
    )

    with pytest.raises(NameTakenError, match="is no member of cluster my-cluster") as caught:
        check(scene)

    assert caught.value.details["instance_id"] == f"{TARGET}-1"
    assert instances(scene)[f"{TARGET}-1"]["DBClusterIdentifier"] == "another"


def test_an_instance_that_aws_refuses_fails_the_step(scene: Scene) -> None:
    restored(scene)
    scene.bench.rds.admin.refuse_next("CreateDBInstance", code="InstanceQuotaExceeded")

    with pytest.raises(AwsError, match="InstanceQuotaExceeded"):
        check(scene)

    assert scene.bench.state("check-restore-status")["status"] == "FAILED"


# No capacity


HOUR = 3600


def without_capacity(
    scene: Scene, *, code: str = "InsufficientDBInstanceCapacity", times: int = 1
) -> None:
    scene.bench.rds.admin.refuse_next("CreateDBInstance", code=code, times=times)


def test_an_instance_without_capacity_is_waited_for_before_the_next_is_made(scene: Scene) -> None:
    scene.configure(instances=TWO)
    restored(scene)
    without_capacity(scene, times=2)

    first = check(scene)
    scene.bench.advance(HOUR - 1)
    second = check(scene)
    before = instances(scene)
    third = check(scene)

    assert [each["statusCode"] for each in (first, second, third)] == [202, 202, 202]
    assert first["body"]["waiting_for"] == (
        f"an instance of class db.r6g.large, for instance {TARGET}-1"
    )
    assert before == {}
    assert set(instances(scene)) == {f"{TARGET}-1", f"{TARGET}-2"}
    assert details(scene)["capacity_waits"] == 2
    assert "instance_class_used" not in details(scene)


def test_after_the_configured_time_other_classes_are_tried_in_their_order(scene: Scene) -> None:
    scene.configure(
        capacity_wait_minutes=60, fallback_instance_classes=["db.r6g.xlarge", "db.r7g.large"]
    )
    restored(scene)
    without_capacity(scene)
    check(scene)
    scene.bench.advance(HOUR)
    without_capacity(scene, times=2)

    check(scene)

    made = instances(scene)[f"{TARGET}-1"]
    assert made["DBInstanceClass"] == "db.r7g.large"
    assert details(scene)["instance_class_used"] == {f"{TARGET}-1": "db.r7g.large"}
    body = until_done(scene, CheckRestoreStatusHandler)["body"]
    assert {
        "setting": f"Instances.{TARGET}-1",
        "wanted": "db.r6g.large",
        "found": "db.r7g.large",
    } in body["drift"]


def test_a_class_that_had_capacity_again_is_waited_for_from_its_next_refusal(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.configure(instances=[TWO[0], TWO[0]])
    restored(scene)
    without_capacity(scene)
    check(scene)
    scene.bench.advance(HOUR + 60)
    rds = scene.bench.clients.rds(REGION)
    create = rds.create_db_instance

    def create_the_last(**parameters: Any) -> Any:
        made = create(**parameters)
        scene.bench.rds.admin.set_rules(classes_without_capacity=["db.r6g.large"])
        return made

    monkeypatch.setattr(rds, "create_db_instance", create_the_last)

    answer = check(scene)

    assert answer["body"]["waiting_for"].endswith(f"for instance {TARGET}-2")
    assert set(instances(scene)) == {f"{TARGET}-1"}
    scene.bench.rds.admin.set_rules(classes_without_capacity=[])
    check(scene)
    assert "no_capacity_since" not in details(scene)


def test_an_instance_of_a_class_that_was_waited_for_is_not_waited_for_again(scene: Scene) -> None:
    scene.configure(instances=[TWO[0], TWO[0]], fallback_instance_classes=["db.r6g.xlarge"])
    restored(scene)
    without_capacity(scene)
    check(scene)
    scene.bench.advance(HOUR)
    scene.bench.rds.admin.set_rules(classes_without_capacity=["db.r6g.large"])

    check(scene)

    assert {each["DBInstanceClass"] for each in instances(scene).values()} == {"db.r6g.xlarge"}
    assert len(instances(scene)) == 2


@pytest.mark.parametrize(
    ("code", "fallbacks"),
    [
        ("InsufficientDBInstanceCapacity", []),
        ("InsufficientDBInstanceCapacity", ["db.r6g.xlarge"]),
        ("InvalidVPCNetworkStateFault", ["db.r6g.xlarge"]),
    ],
)
def test_when_neither_waiting_nor_another_class_has_helped_the_step_fails(
    scene: Scene, code: str, fallbacks: list[str]
) -> None:
    scene.configure(capacity_wait_minutes=1, fallback_instance_classes=fallbacks)
    restored(scene)
    without_capacity(scene, code=code, times=5)
    check(scene)
    scene.bench.advance(60)

    with pytest.raises(InsufficientCapacityError, match=code) as caught:
        check(scene)

    assert "target.fallback_instance_classes" in caught.value.remedy.what_to_do({})
    assert instances(scene) == {}
    scene.bench.redrive_count = 1
    assert check(scene)["statusCode"] == 202


@pytest.mark.parametrize("status", ["creating", "configuring-log-exports", "of-a-new-kind"])
def test_an_instance_in_transit_or_in_an_unknown_status_is_waited_for(
    scene: Scene, status: str
) -> None:
    with_instances(scene)
    put_instance(scene, status)

    answer = check(scene)

    assert answer["statusCode"] == 202
    assert answer["body"]["waiting_for"] == f"the instances {TARGET}-1 ({status})"
    assert passwords(scene) == ["source-password"]


# The master password


def test_the_password_of_the_secret_replaces_the_sources(scene: Scene) -> None:
    with_instances(scene)
    before = passwords(scene)

    answer = check(scene)

    scene.bench.advance(LONG_ENOUGH)
    assert answer["body"]["waiting_for"] == "the master password"
    assert (before, passwords(scene)) == (["source-password"], [MASTER_PASSWORD])
    assert details(scene)["master_password_set"] is True


def test_the_step_is_not_done_while_the_password_is_pending(scene: Scene) -> None:
    scene.bench.rds.admin.next_outcome("reset-master-credentials", never_ends=True)
    with_instances(scene)
    check(scene)

    pending = check(scene)["body"]
    scene.bench.advance(60)
    resetting = check(scene)["body"]

    assert pending["waiting_for"] == "pending changes: MasterUserPassword"
    assert resetting["waiting_for"] == "the cluster, which is resetting-master-credentials"


def test_the_password_is_set_once(scene: Scene) -> None:
    usable(scene)
    rds = scene.client("rds")
    rds.modify_db_cluster(
        DBClusterIdentifier=TARGET, MasterUserPassword="set-by-hand", ApplyImmediately=True
    )
    scene.bench.advance(LONG_ENOUGH)

    answer = check(scene)

    assert answer["statusCode"] == 200
    assert passwords(scene) == ["set-by-hand"]


def test_a_cluster_that_was_restored_again_gets_the_password_again(scene: Scene) -> None:
    usable(scene)
    rds = scene.client("rds")
    rds.delete_db_instance(DBInstanceIdentifier=f"{TARGET}-1")
    rds.delete_db_cluster(DBClusterIdentifier=TARGET, SkipFinalSnapshot=True)
    scene.bench.advance(LONG_ENOUGH)
    scene.bench.step(RestoreSnapshotHandler)
    scene.bench.advance(LONG_ENOUGH)

    until_done(scene, CheckRestoreStatusHandler)

    assert passwords(scene) == [MASTER_PASSWORD]


@pytest.mark.parametrize("value", ["not JSON", '{"username": "postgres", "database": "app"}'])
def test_a_master_secret_that_is_wrong_fails_the_step_without_telling_it(
    scene: Scene, value: str
) -> None:
    with_instances(scene)
    name = scene.bench.environment.master_secret
    scene.bench.clients.secrets_manager.put_secret_value(SecretId=name, SecretString=value)

    with pytest.raises(ConfigurationError, match=f"secret {name}") as caught:
        check(scene)

    assert value not in caught.value.message
    assert passwords(scene) == ["source-password"]


def test_the_password_appears_in_no_answer_no_state_and_no_audit(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    finished(scene)

    dynamodb = scene.bench.clients.dynamodb
    tables = (scene.bench.environment.state_table, scene.bench.environment.audit_table)
    stored = [dynamodb.scan(TableName=table)["Items"] for table in tables]
    assert MASTER_PASSWORD not in str(stored) + capsys.readouterr().out


# The finishing touches, and the end


def test_the_documented_answer_says_where_the_cluster_is_reached(scene: Scene) -> None:
    body = finished(scene)

    shown = cluster(scene)
    assert body == {
        "message": "Cluster restore completed",
        "operation_id": OPERATION,
        "target_cluster_id": TARGET,
        "target_region": REGION,
        "status": "available",
        "cluster_endpoint": shown["Endpoint"],
        "cluster_port": 5432,
        "drift": [],
    }
    state = scene.bench.state("check-restore-status")
    assert state["status"] == "SUCCESS"
    assert state["details"]["cluster_endpoint"] == shown["Endpoint"]
    assert state["details"]["cluster_port"] == 5432
    assert state["details"]["new_cluster_id"] == TARGET
    assert scene.bench.audit_trail()[-1] == ("check-restore-status", "SUCCESS")


def test_the_maintenance_window_and_the_protection_come_last(scene: Scene) -> None:
    body = finished(scene, old_cluster=OLD)

    shown = cluster(scene)
    assert shown["PreferredMaintenanceWindow"] == "tue:01:00-tue:01:30"
    assert shown["DeletionProtection"] is True
    assert body["drift"] == []


def test_a_protection_that_is_configured_away_is_not_put_back(scene: Scene) -> None:
    scene.configure(deletion_protection=False)

    body = finished(scene, old_cluster=OLD)

    assert cluster(scene)["DeletionProtection"] is False
    assert body["drift"] == []


@pytest.mark.parametrize(
    ("change", "setting"),
    [
        ({"PreferredBackupWindow": "07:00-07:30"}, "PreferredBackupWindow"),
        ({"BackupRetentionPeriod": 3}, "BackupRetentionPeriod"),
    ],
)
def test_what_differs_from_the_old_cluster_is_reported_but_fails_nothing(
    scene: Scene, change: dict[str, Any], setting: str
) -> None:
    usable(scene, old_cluster=OLD | {"PreferredBackupWindow": "01:00-01:30"})
    kept = {"BackupRetentionPeriod": 1, "PreferredBackupWindow": "01:00-01:30"}
    scene.client("rds").modify_db_cluster(
        DBClusterIdentifier=TARGET, ApplyImmediately=True, **change
    )
    scene.bench.advance(LONG_ENOUGH)
    wanted = details(scene)["restore_settings"] | kept
    reached(scene, "check-restore-status", **details(scene) | {"restore_settings": wanted})

    answer = check(scene)

    assert answer["statusCode"] == 200
    (found,) = answer["body"]["drift"]
    assert found == {"setting": setting, "wanted": kept[setting], "found": change[setting]}
    assert details(scene)["drift"] == [found]


def test_an_instance_of_another_class_is_a_difference(scene: Scene) -> None:
    usable(scene)
    scene.client("rds").modify_db_instance(
        DBInstanceIdentifier=f"{TARGET}-1", DBInstanceClass="db.r6g.xlarge", ApplyImmediately=True
    )
    scene.bench.advance(LONG_ENOUGH)

    body = check(scene)["body"]

    assert body["drift"] == [
        {
            "setting": f"Instances.{TARGET}-1",
            "wanted": "db.r6g.large",
            "found": "db.r6g.xlarge",
        }
    ]


def test_the_time_that_the_restore_took_is_measured(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    finished(scene)

    assert '"RestoreDuration"' in capsys.readouterr().out


def test_once_done_the_step_can_be_repeated_and_changes_nothing(scene: Scene) -> None:
    first = finished(scene)
    before = scene.changes()

    again = check(scene)

    assert again == {"statusCode": 200, "body": first}
    assert scene.changes() == before


def test_a_cluster_restored_by_this_operation_is_completed_even_if_the_state_is_lost(
    scene: Scene,
) -> None:
    restored(scene)
    for step in ("check-delete-status", "restore-snapshot"):
        scene.bench.clients.dynamodb.delete_item(
            TableName=scene.bench.environment.state_table,
            Key={"operation_id": {"S": OPERATION}, "step": {"S": step}},
        )

    body = until_done(scene, CheckRestoreStatusHandler)["body"]

    assert passwords(scene) == [MASTER_PASSWORD]
    assert body["drift"] == []


# A direct call


def test_a_direct_call_goes_on_with_the_operation(scene: Scene) -> None:
    restored(scene)

    answer = directly(scene)

    assert answer["statusCode"] == 202
    assert set(instances(scene)) == {f"{TARGET}-1"}


def test_a_direct_call_for_a_cluster_that_is_not_there_is_not_found(scene: Scene) -> None:
    answer = directly(scene)

    assert answer["statusCode"] == 404
    assert answer["body"]["error_type"] == "ClusterNotFoundError"
    assert answer["body"]["target_cluster_id"] == TARGET
    assert answer["body"]["target_region"] == REGION


def test_a_direct_call_starts_nothing_again(scene: Scene) -> None:
    restored(scene)
    put(scene, "restore-failed")

    answer = directly(scene)

    assert answer["statusCode"] == 500
    assert answer["body"]["error_type"] == "RestoreFailedError"
    assert answer["body"]["status"] == "restore-failed"
    assert "restart_from" not in answer["body"]


def test_a_direct_call_for_another_cluster_is_refused(scene: Scene) -> None:
    answer = scene.bench.call(CheckRestoreStatusHandler, {"target_cluster_id": "another"})

    assert answer["statusCode"] == 400
    assert "is not the target of restore 'staging'" in answer["body"]["error"]


# Restores that failed


@pytest.mark.parametrize(
    "status",
    [
        "inaccessible-encryption-credentials",
        "inaccessible-encryption-credentials-recoverable",
        "incompatible-network",
        "incompatible-parameters",
        "incompatible-restore",
        "migration-failed",
        "restore-failed",
    ],
)
def test_a_dead_cluster_is_deleted_and_restored_again(scene: Scene, status: str) -> None:
    restored(scene)
    put(scene, status)

    answer = check(scene)

    assert answer["statusCode"] == 202
    assert answer["body"]["restart_from"] == "delete-rds"
    assert "retry_after" not in answer["body"]
    assert f"is unusable: it is '{status}'" in answer["body"]["message"]
    assert (details(scene)["restore_is_dead"], details(scene)["restore_status"]) == (True, status)


@pytest.mark.parametrize(
    "status",
    [
        "failed",
        "incompatible-create",
        "insufficient-capacity",
        "restore-error",
        "restore-failed",
        "storage-full",
    ],
)
def test_a_dead_instance_makes_the_whole_restore_start_again(scene: Scene, status: str) -> None:
    with_instances(scene)
    put_instance(scene, status)

    answer = check(scene)

    assert answer["body"]["restart_from"] == "delete-rds"
    assert f"instance {TARGET}-1 is '{status}'" in answer["body"]["message"]
    assert details(scene)["restore_is_dead"] is True


def gone(scene: Scene) -> None:
    scene.client("rds").delete_db_cluster(DBClusterIdentifier=TARGET, SkipFinalSnapshot=True)
    scene.bench.advance(LONG_ENOUGH)


def dead(scene: Scene) -> None:
    put(scene, "restore-failed")


def accepted_without_capacity(scene: Scene) -> None:
    check(scene)
    put_instance(scene, "insufficient-capacity")


BAD_ENDS = pytest.mark.parametrize(
    ("end_badly", "error"),
    [
        (gone, ClusterNotFoundError),
        (dead, RestoreFailedError),
        (accepted_without_capacity, InsufficientCapacityError),
    ],
)


@BAD_ENDS
def test_it_is_started_again_only_as_often_as_configured(
    scene: Scene, end_badly: Callable[[Scene], None], error: type[Exception]
) -> None:
    restored(scene)
    end_badly(scene)
    state = scene.bench.state("restore-snapshot")["details"]
    reached(scene, "restore-snapshot", **state | {"attempts": {"restore-snapshot": 1}})
    first = check(scene)
    reached(scene, "restore-snapshot", **state | {"attempts": {"restore-snapshot": 2}})

    with pytest.raises(error):
        check(scene)

    assert first["body"]["restart_from"] == "delete-rds"
    assert scene.bench.state("check-restore-status")["status"] == "FAILED"


@BAD_ENDS
def test_a_redrive_may_start_it_again(
    scene: Scene, end_badly: Callable[[Scene], None], error: type[Exception]
) -> None:
    restored(scene)
    end_badly(scene)
    state = scene.bench.state("restore-snapshot")["details"]
    reached(scene, "restore-snapshot", **state | {"attempts": {"restore-snapshot": 2}})
    with pytest.raises(error):
        check(scene)
    scene.bench.redrive_count = 1

    answer = check(scene)

    assert answer["body"]["restart_from"] == "delete-rds"


# Which operation made the cluster


def test_a_young_cluster_that_does_not_show_its_tags_yet_is_waited_for(scene: Scene) -> None:
    restoring(scene)
    shown = scene.bench.rds.backend.at(HOME).clusters[TARGET]
    hidden, shown.tags = shown.tags, {}
    scene.bench.advance(GRACE_SECONDS - 2)

    answer = check(scene)

    shown.tags = hidden
    assert answer["statusCode"] == 202
    assert answer["body"]["message"] == "The restored cluster does not show its tags yet"
    assert until_done(scene, CheckRestoreStatusHandler)["statusCode"] == 200


def test_a_cluster_that_never_shows_its_tags_is_known_by_the_target_record(scene: Scene) -> None:
    restoring(scene)
    scene.bench.rds.backend.at(HOME).clusters[TARGET].tags = {}
    scene.bench.advance(GRACE_SECONDS - 1)

    assert check(scene)["statusCode"] == 202
    assert until_done(scene, CheckRestoreStatusHandler)["statusCode"] == 200


def test_a_cluster_without_tags_that_the_target_record_does_not_name_is_a_strangers(
    scene: Scene,
) -> None:
    restoring(scene)
    cluster = scene.bench.rds.backend.at(HOME).clusters[TARGET]
    cluster.tags, cluster.resource_id = {}, "cluster-ANOTHER"
    scene.bench.advance(GRACE_SECONDS - 1)

    with pytest.raises(ForeignClusterError, match="was not restored by operation op-1"):
        check(scene)


def by_hand(scene: Scene) -> None:
    scene.make_target(tags=[{"Key": "team", "Value": "blue"}])


def by_an_earlier_operation(scene: Scene) -> None:
    scene.make_target(tags=[*OWN_TAGS, {"Key": TAG_OPERATION, "Value": "op-0"}])


def from_a_snapshot_that_kept_the_tags(scene: Scene) -> None:
    """A person restores the cluster of this operation from its snapshot, which has its tags."""
    usable(scene)
    rds = scene.client("rds")
    rds.delete_db_instance(DBInstanceIdentifier=f"{TARGET}-1")
    rds.delete_db_cluster(DBClusterIdentifier=TARGET, SkipFinalSnapshot=True)
    scene.bench.advance(LONG_ENOUGH)
    by_hand(scene)
    scene.bench.rds.backend.at(HOME).clusters[TARGET].tags = tags()


STRANGERS = pytest.mark.parametrize(
    "made", [by_hand, by_an_earlier_operation, from_a_snapshot_that_kept_the_tags]
)


def shown(scene: Scene) -> Any:
    """What may not change of a cluster that is left alone."""
    return (passwords(scene), set(instances(scene)), cluster(scene)["TagList"])


@STRANGERS
def test_a_strangers_cluster_of_that_name_is_left_alone(
    scene: Scene, made: Callable[[Scene], None]
) -> None:
    made(scene)
    before = shown(scene)

    with pytest.raises(ForeignClusterError) as caught:
        check(scene)

    assert caught.value.remedy.step == "delete-rds"
    assert shown(scene) == before


@STRANGERS
def test_a_direct_call_only_looks_at_a_strangers_cluster(
    scene: Scene, made: Callable[[Scene], None]
) -> None:
    made(scene)
    before, known = shown(scene), scene.bench.store.load_all(OPERATION)

    answer = directly(scene)

    assert answer == {
        "statusCode": 200,
        "body": {
            "message": "Cluster restore completed",
            "operation_id": OPERATION,
            "target_cluster_id": TARGET,
            "target_region": REGION,
            "status": "available",
            "cluster_endpoint": cluster(scene)["Endpoint"],
            "cluster_port": 5432,
            "restored_by_this_operation": False,
        },
    }
    assert shown(scene) == before
    assert scene.bench.store.load_all(OPERATION) == known


def test_a_direct_call_waits_for_a_strangers_cluster_in_transit(scene: Scene) -> None:
    by_hand(scene)
    put(scene, "modifying")

    answer = directly(scene)

    assert answer["statusCode"] == 202
    assert answer["body"]["restored_by_this_operation"] is False
    assert 3 <= answer["body"]["retry_after"] < Awaited.CLUSTER.value.usual


# The target record


def records(scene: Scene) -> TargetRecordStore:
    return TargetRecordStore(scene.bench.store, ACCOUNT, REGION, TARGET)


def test_the_record_says_where_the_cluster_is_reached_and_which_secret_was_set(
    scene: Scene,
) -> None:
    finished(scene)

    secret = scene.bench.clients.secrets_manager.get_secret_value(
        SecretId=scene.bench.environment.master_secret
    )
    made = cluster(scene)
    assert records(scene).read() == TargetRecord(
        restored_by=OPERATION,
        resource_id=made["DbClusterResourceId"],
        writer_endpoint=made["Endpoint"],
        reader_endpoint=made["ReaderEndpoint"],
        port=5432,
        master_secret_version=secret["VersionId"],
        instance_endpoints=tuple(
            f"{instance['Endpoint']['Address']}:5432"
            for instance in scene.client("rds").describe_db_instances()["DBInstances"]
        ),
    )
    assert details(scene)["cluster_resource_id"] == made["DbClusterResourceId"]


def test_a_restore_that_an_earlier_version_began_gets_its_record(scene: Scene) -> None:
    usable(scene)
    before = records(scene).read()
    scene.bench.clients.dynamodb.delete_item(
        TableName=scene.bench.environment.state_table,
        Key={"operation_id": {"S": records(scene).key}, "step": {"S": "target"}},
    )

    until_done(scene, CheckRestoreStatusHandler)

    assert records(scene).read() == before


def test_a_secret_that_is_rotated_while_the_cluster_is_made_is_the_one_that_is_set(
    scene: Scene,
) -> None:
    with_instances(scene)
    check(scene)
    scene.bench.clients.secrets_manager.put_secret_value(
        SecretId=scene.bench.environment.master_secret,
        SecretString='{"username": "postgres", "password": "rotated-77", "database": "app"}',
    )
    scene.bench.advance(LONG_ENOUGH)

    until_done(scene, CheckRestoreStatusHandler)

    assert passwords(scene) == ["rotated-77"]
