"""restore-snapshot: the cluster comes from the copy, and is like the old one."""

from collections.abc import Callable
from typing import Any

import pytest

from aurora_restore.lambdas.restore_snapshot import RestoreSnapshotHandler
from aurora_restore.shared.cluster.capacity import SHORTAGES
from aurora_restore.shared.errors import (
    AwsError,
    AwsThrottledError,
    ConfigurationError,
    ForeignClusterError,
    InsufficientCapacityError,
    SnapshotNotAvailableError,
    SnapshotNotFoundError,
    SnapshotNotVisibleError,
    ValidationError,
)
from aurora_restore.shared.names import TAG_OPERATION
from aurora_restore.shared.target_record import TargetRecord, TargetRecordStore
from embedded_aws.rds.models import Location
from tests.unit.bench import ACCOUNT, REGION, Bench, execution_arn
from tests.unit.lambdas.arrange import COPY, COPY_ARN, LONG_ENOUGH, SOURCE_ARN
from tests.unit.lambdas.midway import (
    OPERATION,
    copied,
    copy_of_the_source,
    dying_after,
    reached,
    restored,
    restoring,
    tags,
)
from tests.unit.scene import HOME, OTHER_ACCOUNT, OWN_TAGS, TARGET, VERSION, Scene, make_scene

ROLE = {"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/import", "FeatureName": "s3Import"}


def restore(scene: Scene, asked: Any = None) -> dict[str, Any]:
    answer: dict[str, Any] = scene.bench.step(RestoreSnapshotHandler, asked)["body"]
    return answer


def tags_of(shown: dict[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in shown["TagList"]}


def cluster(scene: Scene) -> dict[str, Any]:
    found = scene.cluster()
    assert found is not None, "nothing was restored"
    return found


def old_cluster(**settings: Any) -> dict[str, Any]:
    """What the state says of the cluster that was replaced."""
    return {
        "DBClusterIdentifier": TARGET,
        "Instances": [{"identifier": "first", "instance_class": "db.r6g.large"}],
        "Tags": {},
        **settings,
    }


def parameter_group(scene: Scene, name: str) -> None:
    scene.client("rds").create_db_cluster_parameter_group(
        DBClusterParameterGroupName=name,
        DBParameterGroupFamily="aurora-postgresql16",
        Description="x",
    )


def new_key(scene: Scene) -> str:
    return str(scene.client("kms").create_key()["KeyMetadata"]["Arn"])


def another_group(scene: Scene) -> str:
    """A security group in the VPC of the scene's."""
    ec2 = scene.client("ec2")
    known = ec2.describe_security_groups(GroupIds=[scene.security_group])["SecurityGroups"][0]
    made = ec2.create_security_group(GroupName="x", Description="x", VpcId=known["VpcId"])
    return str(made["GroupId"])


# The restore


def test_the_documented_answer_says_that_the_restore_has_begun(scene: Scene) -> None:
    copied(scene)

    answer = scene.bench.step(RestoreSnapshotHandler)

    assert answer["body"].pop("quarantine").startswith("in force")
    assert answer == {
        "statusCode": 200,
        "body": {
            "message": "Snapshot restore initiated",
            "operation_id": OPERATION,
            "target_snapshot_name": COPY,
            "target_region": REGION,
            "target_cluster_id": TARGET,
            "status": "creating",
        },
    }
    assert scene.bench.audit_trail() == [("restore-snapshot", "SUCCESS")]


def test_the_state_tells_the_next_steps_what_was_restored_and_where(scene: Scene) -> None:
    copied(scene)
    began = scene.bench.clock()

    restore(scene)

    state = scene.bench.state("restore-snapshot")
    details = state["details"]
    assert state["status"] == "SUCCESS"
    assert details["new_cluster_id"] == TARGET
    assert details["restore_status"] == "creating"
    assert details["restore_started_at"] == f"{began:%Y-%m-%dT%H:%M:%S.%fZ}"
    assert details["vpc_id"].startswith("vpc-")
    assert len(details["subnet_ids"]) == 2
    assert details["security_group_ids"] == [scene.security_group]
    assert details["attempts"] == {"restore-snapshot": 1}
    assert not details.keys() & {"master_password_set", "restore_is_dead"}


def test_a_direct_call_with_the_documented_input_restores_the_snapshot_it_names(
    scene: Scene,
) -> None:
    copy_of_the_source(scene)

    answer = scene.bench.call(
        RestoreSnapshotHandler,
        {
            "operation_id": "op-123456",
            "target_snapshot_name": COPY,
            "target_region": REGION,
            "target_cluster_id": TARGET,
            "db_subnet_group_name": "my-subnet-group",
            "vpc_security_group_ids": [scene.security_group],
        },
    )

    assert answer["statusCode"] == 200
    assert answer["body"]["target_snapshot_name"] == COPY
    assert cluster(scene)["Status"] == "creating"
    assert tags_of(cluster(scene))[TAG_OPERATION] == "op-123456"


def test_the_restored_cluster_has_the_snapshots_engine_version_not_the_regions_default(
    scene: Scene,
) -> None:
    scene.bench.rds.admin.set_rules(default_engine_version="17.5")
    copied(scene)

    restore(scene)

    assert cluster(scene)["EngineVersion"] == VERSION


def test_the_restored_cluster_carries_the_tags_that_prove_whose_it_is(scene: Scene) -> None:
    copied(scene)

    restore(scene)

    assert tags_of(cluster(scene)) == tags()


def test_the_restored_cluster_is_not_reachable_by_anybody_until_it_has_instances(
    scene: Scene,
) -> None:
    restoring(scene)

    scene.bench.advance(LONG_ENOUGH)

    assert cluster(scene)["Status"] == "available"
    assert cluster(scene)["DBClusterMembers"] == []


def test_a_snapshot_in_the_targets_own_region_is_restored_without_a_copy(bench: Bench) -> None:
    scene = make_scene(bench, Location(ACCOUNT, REGION))
    name = SOURCE_ARN.partition("cluster-snapshot:")[2]
    reached(scene, "check-delete-status", copy_snapshot_id=name)

    body = restore(scene)

    assert body["target_snapshot_name"] == name
    assert cluster(scene)["Status"] == "creating"


# Its settings


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("BackupRetentionPeriod", 14),
        ("CopyTagsToSnapshot", True),
        ("EnabledCloudwatchLogsExports", ["postgresql"]),
        ("EngineLifecycleSupport", "open-source-rds-extended-support-disabled"),
        ("IAMDatabaseAuthenticationEnabled", True),
        ("PreferredBackupWindow", "01:00-01:30"),
        ("StorageType", "aurora-iopt1"),
        ("ServerlessV2ScalingConfiguration", {"MinCapacity": 1.0, "MaxCapacity": 8.0}),
    ],
)
def test_a_setting_of_the_old_cluster_is_put_back(scene: Scene, setting: str, value: Any) -> None:
    copied(scene, old_cluster=old_cluster(**{setting: value}))

    restore(scene)

    assert cluster(scene)[setting] == value


def test_the_old_clusters_parameter_group_roles_and_tags_are_put_back(scene: Scene) -> None:
    parameter_group(scene, "tuned")
    copied(
        scene,
        old_cluster=old_cluster(
            DBClusterParameterGroup="tuned", AssociatedRoles=[ROLE], Tags={"team": "blue"}
        ),
    )

    restore(scene)

    shown = cluster(scene)
    assert shown["DBClusterParameterGroup"] == "tuned"
    assert [role["RoleArn"] for role in shown["AssociatedRoles"]] == [ROLE["RoleArn"]]
    assert tags_of(shown) == tags(team="blue")


def test_a_default_parameter_group_of_an_older_engine_is_left_to_aws(scene: Scene) -> None:
    copied(scene, old_cluster=old_cluster(DBClusterParameterGroup="default.aurora-postgresql15"))

    restore(scene)

    assert cluster(scene)["DBClusterParameterGroup"] == "default.aurora-postgresql16"


def test_the_configuration_outranks_the_old_cluster(scene: Scene) -> None:
    for name in ("tuned", "wanted"):
        parameter_group(scene, name)
    key = new_key(scene)
    scene.configure(
        db_cluster_parameter_group_name="wanted",
        kms_key_id=key,
        port=5433,
        serverless_v2_scaling={"min_capacity": 2, "max_capacity": 16},
        tags={"team": "red"},
    )
    copied(
        scene,
        old_cluster=old_cluster(
            DBClusterParameterGroup="tuned",
            Port=5555,
            ServerlessV2ScalingConfiguration={"MinCapacity": 1, "MaxCapacity": 8},
            Tags={"team": "blue", "cost": "42"},
        ),
    )

    restore(scene)

    shown = cluster(scene)
    assert shown["DBClusterParameterGroup"] == "wanted"
    assert (shown["KmsKeyId"], shown["StorageEncrypted"]) == (key, True)
    assert shown["Port"] == 5433
    assert shown["ServerlessV2ScalingConfiguration"] == {"MinCapacity": 2, "MaxCapacity": 16}
    assert tags_of(shown) == tags(team="red", cost="42")


def test_without_a_configured_key_the_cluster_has_no_customer_key(scene: Scene) -> None:
    copied(scene)

    restore(scene)

    assert "KmsKeyId" not in cluster(scene)
    assert cluster(scene)["StorageEncrypted"] is False


@pytest.mark.parametrize("configured", [None, True])
def test_the_cluster_is_not_protected_before_it_has_proved_good(
    scene: Scene, configured: bool | None
) -> None:
    scene.configure(**({} if configured is None else {"deletion_protection": configured}))
    copied(scene, old_cluster=old_cluster(DeletionProtection=True))

    restore(scene)

    assert cluster(scene)["DeletionProtection"] is False
    settings = scene.bench.state("restore-snapshot")["details"]["restore_settings"]
    assert settings["DeletionProtection"] is True


# Its network


@pytest.mark.parametrize("field", ["vpc_security_group_ids", "security_group_ids"])
def test_security_groups_in_the_input_are_those_to_hand_over_with(scene: Scene, field: str) -> None:
    group = another_group(scene)
    copied(scene)

    restore(scene, {field: [group]})

    assert scene.bench.state("restore-snapshot")["details"]["security_group_ids"] == [group]


def test_a_vpc_and_subnets_that_the_subnet_group_has_are_accepted(scene: Scene) -> None:
    copied(scene)
    group = scene.client("rds").describe_db_subnet_groups()["DBSubnetGroups"][0]
    subnet = group["Subnets"][0]["SubnetIdentifier"]

    body = restore(scene, {"vpc_id": group["VpcId"], "subnet_ids": [subnet]})

    assert body["status"] == "creating"


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ({"vpc_id": "vpc-12345678"}, "vpc_id: 'vpc-12345678' is not the VPC of subnet group"),
        ({"subnet_ids": ["subnet-12345678"]}, "subnet_ids: subnet-12345678 not in subnet group"),
    ],
)
def test_a_network_that_contradicts_the_subnet_group_is_refused(
    scene: Scene, asked: Any, problem: str
) -> None:
    copied(scene)

    with pytest.raises(ValidationError, match=problem):
        restore(scene, asked)

    assert scene.cluster() is None


def test_a_subnet_group_that_is_not_there_fails_the_step(scene: Scene) -> None:
    scene.configure(db_subnet_group_name="missing")
    copied(scene)

    with pytest.raises(AwsError, match="DBSubnetGroupNotFoundFault"):
        restore(scene)

    assert scene.cluster() is None


# Refusals


def test_an_operation_without_a_snapshot_must_name_one(scene: Scene) -> None:
    answer = scene.bench.call(RestoreSnapshotHandler, {})

    assert answer["statusCode"] == 400
    assert answer["body"]["error_type"] == "ValidationError"
    assert "name the snapshot to restore" in answer["body"]["error"]
    assert scene.cluster() is None


def test_a_snapshot_that_is_gone_is_not_found(scene: Scene) -> None:
    reached(scene, "check-delete-status", copy_snapshot_id="gone")

    answer = scene.bench.call(RestoreSnapshotHandler, {"operation_id": OPERATION})

    assert answer["statusCode"] == 404
    assert answer["body"]["error_type"] == "TargetSnapshotNotFoundError"
    assert answer["body"]["resume_at"] == "copy-snapshot"
    assert answer["body"]["target_snapshot_name"] == "gone"
    assert f"there is no snapshot gone in {REGION}" in answer["body"]["error"]


def test_the_state_machine_is_given_the_error_and_the_state_keeps_it(scene: Scene) -> None:
    reached(scene, "check-delete-status", copy_snapshot_id="gone", old_cluster=old_cluster())

    with pytest.raises(SnapshotNotFoundError, match="there is no snapshot gone"):
        restore(scene)

    state = scene.bench.state("restore-snapshot")
    assert state["status"] == "FAILED"
    assert state["details"]["error"]["type"] == "TargetSnapshotNotFoundError"
    assert state["details"]["old_cluster"] == old_cluster()
    assert scene.bench.audit_trail() == [("restore-snapshot", "FAILED")]


@pytest.mark.parametrize(
    ("seconds", "error"), [(299, SnapshotNotVisibleError), (300, SnapshotNotFoundError)]
)
def test_a_snapshot_that_was_shared_a_moment_ago_is_worth_trying_again(
    scene: Scene, seconds: float, error: type[Exception]
) -> None:
    shared = scene.bench.clock()
    reached(
        scene,
        "check-delete-status",
        copy_snapshot_id=Location(OTHER_ACCOUNT, REGION).arn("cluster-snapshot", "shared"),
        shared_at=f"{shared:%Y-%m-%dT%H:%M:%S.%fZ}",
        attempted_in=f"{execution_arn(OPERATION)}#0",
    )
    passed = (scene.bench.clock() - shared).total_seconds()
    scene.bench.advance(seconds - passed)

    with pytest.raises(error):
        restore(scene)

    assert scene.cluster() is None


@pytest.mark.parametrize("status", ["copying", "creating", "failed", "of-a-new-kind"])
def test_only_an_available_snapshot_is_restored(scene: Scene, status: str) -> None:
    copied(scene)
    scene.bench.rds.admin.set_status(COPY_ARN, status)

    with pytest.raises(SnapshotNotAvailableError, match=f"is '{status}'; only an available one"):
        restore(scene)

    assert scene.cluster() is None


def test_nothing_is_restored_that_would_have_no_instances(scene: Scene) -> None:
    scene.configure(instances=[])
    copied(scene)

    with pytest.raises(ConfigurationError, match="configure at least one"):
        restore(scene)

    assert scene.cluster() is None


def a_cluster_made_by_hand(scene: Scene) -> None:
    scene.make_target(tags=[])


def the_cluster_of_an_earlier_operation(scene: Scene) -> None:
    scene.make_target(tags=[*OWN_TAGS, {"Key": TAG_OPERATION, "Value": "op-0"}])


def the_cluster_of_another_environment(scene: Scene) -> None:
    scene.make_target(
        tags=[
            {"Key": "aurora-restore:managed-by", "Value": "another"},
            {"Key": TAG_OPERATION, "Value": OPERATION},
        ]
    )


@pytest.mark.parametrize(
    "arrange",
    [
        a_cluster_made_by_hand,
        the_cluster_of_an_earlier_operation,
        the_cluster_of_another_environment,
    ],
)
def test_a_cluster_of_that_name_that_this_operation_did_not_restore_is_left_alone(
    scene: Scene, arrange: Callable[[Scene], None]
) -> None:
    arrange(scene)
    copied(scene)
    before = cluster(scene)

    answer = scene.bench.call(RestoreSnapshotHandler, {"operation_id": OPERATION})

    assert answer["statusCode"] == 409
    assert answer["body"]["error_type"] == "ForeignClusterError"
    assert answer["body"]["resume_at"] == "delete-rds"
    assert "enter at delete-rds" in answer["body"]["error"]
    assert cluster(scene)["DbClusterResourceId"] == before["DbClusterResourceId"]
    assert cluster(scene)["TagList"] == before["TagList"]


def test_a_cluster_that_somebody_has_made_in_between_is_left_alone(scene: Scene) -> None:
    a_cluster_made_by_hand(scene)
    copied(scene)
    scene.bench.rds.admin.refuse_next("DescribeDBClusters", code="DBClusterNotFoundFault")

    with pytest.raises(ForeignClusterError, match="this operation did not restore it"):
        restore(scene)

    assert cluster(scene)["TagList"] == []


# Errors of AWS


def test_a_key_that_cannot_be_used_fails_the_restore(scene: Scene) -> None:
    key = new_key(scene)
    scene.client("kms").disable_key(KeyId=key.rpartition("/")[2])
    scene.configure(kms_key_id=key)
    copied(scene)

    with pytest.raises(AwsError, match="KMSKeyNotAccessibleFault"):
        restore(scene)

    assert scene.cluster() is None
    assert scene.bench.state("restore-snapshot")["status"] == "FAILED"


def test_what_was_asked_for_is_known_even_if_the_restore_is_refused(scene: Scene) -> None:
    copied(scene)
    scene.bench.rds.admin.refuse_next("RestoreDBClusterFromSnapshot", code="InvalidRestoreFault")

    with pytest.raises(AwsError, match="InvalidRestoreFault"):
        restore(scene)

    details = scene.bench.state("restore-snapshot")["details"]
    assert details["restore_settings"]["DBSubnetGroupName"] == "my-subnet-group"
    assert "attempts" not in details


def without_capacity(scene: Scene, code: str, *, times: int = 1) -> None:
    scene.bench.rds.admin.refuse_next("RestoreDBClusterFromSnapshot", code=code, times=times)


@pytest.mark.parametrize("code", list(SHORTAGES))
def test_a_restore_without_capacity_waits_and_is_tried_again(scene: Scene, code: str) -> None:
    copied(scene)
    without_capacity(scene, code, times=2)

    first = scene.bench.step(RestoreSnapshotHandler)
    scene.bench.advance(59 * 60)
    second = scene.bench.step(RestoreSnapshotHandler)
    waited = scene.bench.state("restore-snapshot")["details"]
    scene.bench.advance(60)
    third = scene.bench.step(RestoreSnapshotHandler)

    assert [each["statusCode"] for each in (first, second, third)] == [202, 202, 200]
    assert first["body"]["waiting_for"]
    assert first["body"]["retry_after"] == 15
    assert (waited["capacity_waits"], list(waited["no_capacity_since"])) == (2, ["cluster"])
    assert cluster(scene)["Status"] == "creating"
    started = scene.bench.state("restore-snapshot")["details"]
    assert started["attempts"]["restore-snapshot"] == 1
    assert "no_capacity_since" not in started


def test_in_an_execution_a_lack_of_addresses_is_no_fault_of_the_input(scene: Scene) -> None:
    asked = {"vpc_security_group_ids": [another_group(scene)]}
    copied(scene)
    without_capacity(scene, "InvalidVPCNetworkStateFault")

    first = scene.bench.step(RestoreSnapshotHandler, asked)
    second = scene.bench.step(RestoreSnapshotHandler, asked)

    assert (first["statusCode"], second["statusCode"]) == (202, 200)
    assert first["body"]["waiting_for"] == "a free address in the subnets"


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ("RestoreDBClusterFromSnapshot", "InvalidParameterValue"),
        ("DescribeDBSubnetGroups", "DBSubnetGroupNotFoundFault"),
    ],
)
def test_in_an_execution_what_rds_refuses_is_no_fault_of_the_input(
    scene: Scene, operation: str, code: str
) -> None:
    asked = {
        "db_subnet_group_name": "my-subnet-group",
        "vpc_security_group_ids": [another_group(scene)],
    }
    copied(scene)
    scene.bench.rds.admin.refuse_next(operation, code=code)

    with pytest.raises(AwsError, match=code):
        restore(scene, asked)


def test_a_restore_without_capacity_fails_once_the_configured_time_is_over(scene: Scene) -> None:
    copied(scene)
    scene.configure(capacity_wait_minutes=10, fallback_instance_classes=["db.r6g.xlarge"])
    without_capacity(scene, "InsufficientDBInstanceCapacity", times=3)
    restore(scene)
    scene.bench.advance(600)

    with pytest.raises(InsufficientCapacityError, match="for 10 minutes") as caught:
        restore(scene)

    assert "wait until aws has capacity" in caught.value.remedy.what_to_do({}).lower()
    scene.bench.redrive_count = 1
    assert scene.bench.step(RestoreSnapshotHandler)["statusCode"] == 202
    assert scene.bench.step(RestoreSnapshotHandler)["statusCode"] == 200


def test_a_throttled_restore_is_raised_as_worth_trying_again(scene: Scene) -> None:
    copied(scene)
    scene.bench.rds.admin.refuse_next("RestoreDBClusterFromSnapshot", code="KMSThrottling")

    with pytest.raises(AwsThrottledError):
        restore(scene)

    assert scene.cluster() is None
    assert restore(scene)["status"] == "creating"


def test_a_restore_whose_answer_was_lost_is_taken_as_this_operations_own(scene: Scene) -> None:
    copied(scene)
    scene.bench.rds.admin.refuse_next(
        "RestoreDBClusterFromSnapshot", code="DBClusterAlreadyExistsFault", after_doing=True
    )

    body = restore(scene)

    assert body["status"] == "creating"
    assert tags_of(cluster(scene)) == tags()
    assert scene.bench.state("restore-snapshot")["details"]["attempts"] == {"restore-snapshot": 1}


# Again


def test_a_second_call_takes_the_cluster_as_it_is(scene: Scene) -> None:
    restoring(scene)
    first = cluster(scene)["DbClusterResourceId"]
    began = scene.bench.state("restore-snapshot")["details"]["restore_started_at"]
    scene.bench.advance(LONG_ENOUGH)

    body = restore(scene)

    details = scene.bench.state("restore-snapshot")["details"]
    assert body["status"] == "available"
    assert cluster(scene)["DbClusterResourceId"] == first
    assert details["restore_started_at"] == began
    assert details["attempts"] == {"restore-snapshot": 1}


def test_a_second_call_goes_on_where_the_first_died_after_the_restore(scene: Scene) -> None:
    copied(scene, old_cluster=old_cluster(DeletionProtection=True))
    with dying_after(scene, "RestoreDBClusterFromSnapshot"):
        restore(scene)

    body = restore(scene)

    details = scene.bench.state("restore-snapshot")["details"]
    assert body["status"] == "creating"
    assert "restore_started_at" in details
    assert details["restore_settings"]["DeletionProtection"] is True


def test_a_restore_that_is_started_again_counts_as_one_more_attempt(scene: Scene) -> None:
    restoring(scene, attempts={"delete-rds": 1})
    scene.bench.advance(LONG_ENOUGH)
    scene.client("rds").delete_db_cluster(DBClusterIdentifier=TARGET, SkipFinalSnapshot=True)
    scene.bench.advance(LONG_ENOUGH)

    restore(scene)

    details = scene.bench.state("restore-snapshot")["details"]
    assert details["attempts"]["restore-snapshot"] == 2
    assert "restore_is_dead" not in details


# The target record


def target_record(scene: Scene) -> TargetRecord | None:
    return TargetRecordStore(scene.bench.store, ACCOUNT, REGION, TARGET).read()


def test_the_record_names_the_operation_and_its_cluster(scene: Scene) -> None:
    restoring(scene)

    resource_id = cluster(scene)["DbClusterResourceId"]
    assert target_record(scene) == TargetRecord(restored_by=OPERATION, resource_id=resource_id)
    assert scene.bench.state("restore-snapshot")["details"]["cluster_resource_id"] == resource_id


def test_the_record_names_the_operation_before_there_is_a_cluster(scene: Scene) -> None:
    copied(scene)
    known = TargetRecord(restored_by="op-0", resource_id="cluster-OLD", port=5432)
    TargetRecordStore(scene.bench.store, ACCOUNT, REGION, TARGET).write(known, None)
    scene.bench.rds.admin.refuse_next("RestoreDBClusterFromSnapshot", code="AccessDenied")

    with pytest.raises(AwsError):
        scene.bench.step(RestoreSnapshotHandler)

    assert target_record(scene) == TargetRecord(restored_by=OPERATION)


def test_a_restore_whose_function_died_is_recorded_by_the_next_call(scene: Scene) -> None:
    copied(scene)
    with dying_after(scene, "RestoreDBClusterFromSnapshot"):
        scene.bench.step(RestoreSnapshotHandler)
    before = target_record(scene)

    scene.bench.step(RestoreSnapshotHandler)

    resource_id = cluster(scene)["DbClusterResourceId"]
    assert before == TargetRecord(restored_by=OPERATION)
    assert target_record(scene) == TargetRecord(restored_by=OPERATION, resource_id=resource_id)


def test_a_cluster_with_the_operations_tags_and_another_resource_id_is_not_its_own(
    scene: Scene,
) -> None:
    restored(scene)
    scene.bench.rds.backend.at(HOME).clusters[TARGET].resource_id = "cluster-BY-HAND"

    with pytest.raises(ForeignClusterError):
        scene.bench.step(RestoreSnapshotHandler)
