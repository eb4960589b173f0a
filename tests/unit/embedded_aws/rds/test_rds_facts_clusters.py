"""Creating, changing, stopping and deleting clusters and instances, as AWS does it."""

from typing import Any

import pytest

from embedded_aws.rds import Rules
from tests.unit.embedded_aws.rds.rds_bench import (
    ENGINE,
    OWNER,
    PASSWORD,
    THERE,
    TIMINGS,
    VERSION,
    RdsBench,
    refused,
)

SCALING: Any = {"MinCapacity": 0.5, "MaxCapacity": 2}


def create(rds_bench: RdsBench, **settings: Any) -> Any:
    parameters: dict[str, Any] = {
        "DBClusterIdentifier": "orders",
        "Engine": ENGINE,
        "EngineVersion": VERSION,
        "MasterUsername": "postgres",
        "MasterUserPassword": PASSWORD,
    }
    return rds_bench.rds().create_db_cluster(**(parameters | settings))["DBCluster"]


def modify(rds_bench: RdsBench, **settings: Any) -> Any:
    return rds_bench.rds().modify_db_cluster(DBClusterIdentifier="orders", **settings)["DBCluster"]


def delete(rds_bench: RdsBench, **settings: Any) -> Any:
    parameters: dict[str, Any] = {"DBClusterIdentifier": "orders"}
    if "FinalDBSnapshotIdentifier" not in settings:
        parameters["SkipFinalSnapshot"] = True
    return rds_bench.rds().delete_db_cluster(**(parameters | settings))["DBCluster"]


# creating


def test_a_new_cluster_takes_time_and_has_no_instances(rds_bench: RdsBench) -> None:
    assert create(rds_bench)["Status"] == "creating"
    rds_bench.advance(TIMINGS.create_cluster)

    cluster = rds_bench.cluster()
    assert (cluster["Status"], cluster["DBClusterMembers"]) == ("available", [])


def test_a_cluster_shows_every_setting_it_was_given(rds_bench: RdsBench) -> None:
    cluster = create(
        rds_bench,
        DatabaseName="shop",
        BackupRetentionPeriod=9,
        PreferredBackupWindow="02:00-02:30",
        PreferredMaintenanceWindow="mon:04:00-mon:04:30",
        EnableIAMDatabaseAuthentication=True,
        EnableCloudwatchLogsExports=["postgresql"],
        DeletionProtection=True,
        CopyTagsToSnapshot=True,
        ServerlessV2ScalingConfiguration=SCALING,
        EngineLifecycleSupport="open-source-rds-extended-support-disabled",
        DatabaseInsightsMode="advanced",
        EnablePerformanceInsights=True,
        PerformanceInsightsRetentionPeriod=465,
        Tags=[{"Key": "team", "Value": "orders"}],
        AssociatedRoles=[{"RoleArn": "arn:aws:iam::111122223333:role/r"}],
    )

    assert cluster["DatabaseName"] == "shop"
    assert cluster["BackupRetentionPeriod"] == 9
    assert cluster["PreferredBackupWindow"] == "02:00-02:30"
    assert cluster["PreferredMaintenanceWindow"] == "mon:04:00-mon:04:30"
    assert cluster["IAMDatabaseAuthenticationEnabled"] is True
    assert cluster["EnabledCloudwatchLogsExports"] == ["postgresql"]
    assert cluster["DeletionProtection"] is True
    assert cluster["CopyTagsToSnapshot"] is True
    assert cluster["ServerlessV2ScalingConfiguration"] == SCALING
    assert cluster["EngineLifecycleSupport"] == "open-source-rds-extended-support-disabled"
    assert cluster["DatabaseInsightsMode"] == "advanced"
    assert cluster["PerformanceInsightsRetentionPeriod"] == 465
    assert cluster["TagList"] == [{"Key": "team", "Value": "orders"}]
    assert cluster["AssociatedRoles"][0]["RoleArn"].endswith(":role/r")
    assert cluster["PendingModifiedValues"] == {}


def test_a_clusters_name_must_be_free_and_within_the_quota(rds_bench: RdsBench) -> None:
    rds_bench.emulator.backend.rules = Rules(clusters=1)
    create(rds_bench)

    with refused("DBClusterAlreadyExistsFault"):
        create(rds_bench, DBClusterIdentifier="ORDERS")
    with refused("DBClusterQuotaExceededFault"):
        create(rds_bench, DBClusterIdentifier="second")


@pytest.mark.parametrize(
    "password", ["short12", "x" * 42, 'quo"te-1234', "sla/sh-1234", "a@t-12345"]
)
def test_a_master_password_has_8_to_41_printable_letters_without_slash_quote_at(
    rds_bench: RdsBench, password: str
) -> None:
    with refused("InvalidParameterValue"):
        create(rds_bench, MasterUserPassword=password)
    rds_bench.new_cluster()
    with refused("InvalidParameterValue"):
        modify(rds_bench, MasterUserPassword=password)


@pytest.mark.parametrize("name", ["rdsadmin", "admin", "1st", "with space"])
def test_a_master_username_is_no_reserved_word_and_begins_with_a_letter(
    rds_bench: RdsBench, name: str
) -> None:
    with refused("InvalidParameterValue"):
        create(rds_bench, MasterUsername=name)


def test_storage_without_a_key_is_encrypted_under_the_aws_owned_key(rds_bench: RdsBench) -> None:
    shown = create(rds_bench)

    assert (shown["StorageEncrypted"], shown["StorageEncryptionType"]) == (False, "sse-rds")
    assert "KmsKeyId" not in shown


def test_storage_encrypted_without_a_key_uses_the_default_key(rds_bench: RdsBench) -> None:
    shown = create(rds_bench, StorageEncrypted=True)

    aliases = rds_bench.kms().list_aliases(KeyId=shown["KmsKeyId"].rpartition("/")[2])["Aliases"]
    assert [one["AliasName"] for one in aliases] == ["alias/aws/rds"]


def test_a_parameter_that_is_not_modelled_is_refused(rds_bench: RdsBench) -> None:
    with refused("InvalidParameterValue"):
        create(rds_bench, Domain="d-1234567890")
    with refused("InvalidParameterValue"):
        create(rds_bench, Engine="aurora-mysql")
    with refused("InternalFailure"):
        create(rds_bench, MasterUserSecretKmsKeyId="alias/aws/secretsmanager")
    with refused("InvalidAction"):
        rds_bench.rds().describe_db_engine_versions()


# instances


def test_an_instance_is_refused_until_the_cluster_is_available(rds_bench: RdsBench) -> None:
    create(rds_bench)

    with refused("InvalidDBClusterStateFault"):
        rds_bench.new_instance()
    rds_bench.advance(TIMINGS.create_cluster)
    assert rds_bench.new_instance()["DBInstanceStatus"] == "available"


def test_an_instance_takes_time_and_has_an_endpoint_only_then(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    rds_bench.admin.set_timings(
        create_instance=300,
        create_instance_statuses=["creating", "configuring-enhanced-monitoring", "backing-up"],
    )
    rds_bench.rds().create_db_instance(
        DBInstanceIdentifier="orders-1",
        DBClusterIdentifier="orders",
        DBInstanceClass="db.r6g.large",
        Engine=ENGINE,
    )

    seen = []
    for _ in range(4):
        shown = rds_bench.instance()
        seen.append((shown["DBInstanceStatus"], "Endpoint" in shown))
        rds_bench.advance(100)

    assert seen == [
        ("creating", False),
        ("configuring-enhanced-monitoring", False),
        ("backing-up", False),
        ("available", True),
    ]


def test_a_cluster_accepts_connections_only_with_an_available_instance(
    rds_bench: RdsBench,
) -> None:
    rds_bench.new_cluster()
    assert not rds_bench.accepts_connections()
    rds_bench.new_instance("orders-1")
    rds_bench.new_instance("orders-2")
    assert rds_bench.accepts_connections()

    rds = rds_bench.rds()
    rds.delete_db_instance(DBInstanceIdentifier="orders-1", SkipFinalSnapshot=True)
    assert rds_bench.accepts_connections()
    rds.delete_db_instance(DBInstanceIdentifier="orders-2", SkipFinalSnapshot=True)
    assert not rds_bench.accepts_connections()


def test_the_first_instance_is_the_writer_and_promotion_tiers_choose_the_next(
    rds_bench: RdsBench,
) -> None:
    rds_bench.new_cluster()
    rds_bench.new_instance("orders-1", PromotionTier=0)
    rds_bench.new_instance("orders-2", PromotionTier=5)
    rds_bench.new_instance("orders-3", PromotionTier=2)

    def members() -> dict[str, tuple[bool, int]]:
        return {
            one["DBInstanceIdentifier"]: (one["IsClusterWriter"], one["PromotionTier"])
            for one in rds_bench.cluster()["DBClusterMembers"]
        }

    assert members() == {
        "orders-1": (True, 0),
        "orders-2": (False, 5),
        "orders-3": (False, 2),
    }
    rds_bench.rds().delete_db_instance(DBInstanceIdentifier="orders-1", SkipFinalSnapshot=True)
    assert members()["orders-3"] == (True, 2)
    rds_bench.rds().failover_db_cluster(
        DBClusterIdentifier="orders", TargetDBInstanceIdentifier="orders-2"
    )
    assert members()["orders-2"] == (True, 5)
    assert members()["orders-3"] == (False, 2)


def test_a_serverless_instance_needs_the_clusters_scaling_configuration(
    rds_bench: RdsBench,
) -> None:
    rds_bench.new_cluster()
    with refused("InvalidDBClusterStateFault"):
        rds_bench.new_instance(DBInstanceClass="db.serverless")

    modify(rds_bench, ServerlessV2ScalingConfiguration=SCALING, ApplyImmediately=True)

    assert rds_bench.new_instance(DBInstanceClass="db.serverless")["DBInstanceClass"] == (
        "db.serverless"
    )


def test_an_instance_does_not_take_the_clusters_settings(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    settings: list[dict[str, Any]] = [
        {"MasterUserPassword": PASSWORD},
        {"BackupRetentionPeriod": 3},
        {"VpcSecurityGroupIds": ["sg-1"]},
        {"DeletionProtection": True},
        {"KmsKeyId": "alias/aws/rds"},
    ]

    for setting in settings:
        with refused("InvalidParameterCombination"):
            rds_bench.new_instance(**setting)


def test_an_instance_shows_every_setting_it_was_given(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    role = "arn:aws:iam::111122223333:role/monitor"

    shown = rds_bench.new_instance(
        AvailabilityZone="eu-west-1b",
        PubliclyAccessible=True,
        CACertificateIdentifier="rds-ca-ecc384-g1",
        MonitoringInterval=30,
        MonitoringRoleArn=role,
        EnablePerformanceInsights=True,
        PerformanceInsightsRetentionPeriod=7,
        PromotionTier=3,
        CopyTagsToSnapshot=True,
        PreferredMaintenanceWindow="tue:04:00-tue:04:30",
        AutoMinorVersionUpgrade=False,
        Tags=[{"Key": "team", "Value": "orders"}],
    )

    assert shown["AvailabilityZone"] == "eu-west-1b"
    assert shown["PubliclyAccessible"] is True
    assert shown["CACertificateIdentifier"] == "rds-ca-ecc384-g1"
    assert (shown["MonitoringInterval"], shown["MonitoringRoleArn"]) == (30, role)
    assert shown["PerformanceInsightsEnabled"] is True
    assert shown["PerformanceInsightsRetentionPeriod"] == 7
    assert shown["PromotionTier"] == 3
    assert shown["CopyTagsToSnapshot"] is True
    assert shown["PreferredMaintenanceWindow"] == "tue:04:00-tue:04:30"
    assert shown["AutoMinorVersionUpgrade"] is False
    assert shown["TagList"] == [{"Key": "team", "Value": "orders"}]
    assert shown["DBClusterIdentifier"] == "orders"
    assert shown["DBParameterGroups"][0]["DBParameterGroupName"] == "default.aurora-postgresql16"


def test_an_instance_agrees_with_its_cluster(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()

    for setting in ({"EngineVersion": "15.8"}, {"DBSubnetGroupName": "other"}):
        with refused("InvalidParameterCombination"):
            rds_bench.new_instance(**setting)
    shown = rds_bench.new_instance(EngineVersion=VERSION, DBSubnetGroupName="default")
    assert shown["EngineVersion"] == VERSION


def test_an_instance_needs_an_existing_cluster_group_and_a_free_name(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    rds_bench.new_instance("orders-1")

    with refused("DBInstanceAlreadyExists"):
        rds_bench.new_instance("ORDERS-1")
    with refused("DBClusterNotFoundFault"):
        rds_bench.new_instance("other-1", "other")
    with refused("DBParameterGroupNotFound"):
        rds_bench.new_instance("orders-2", DBParameterGroupName="unknown")
    with refused("DBInstanceNotFound"):
        rds_bench.instance("unknown")


def test_the_key_of_performance_insights_must_be_usable(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    kms = rds_bench.kms()
    disabled, asymmetric = (
        rds_bench.new_key(),
        kms.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"],
    )
    kms.disable_key(KeyId=disabled.rpartition("/")[2])
    missing = disabled[:-12] + "000000000000"

    for key in (disabled, asymmetric, missing):
        with refused("KMSKeyNotAccessibleFault"):
            rds_bench.new_instance(
                "orders-1", EnablePerformanceInsights=True, PerformanceInsightsKMSKeyId=key
            )
    usable = rds_bench.new_key()
    made = rds_bench.new_instance(
        "orders-1", EnablePerformanceInsights=True, PerformanceInsightsKMSKeyId=usable
    )
    assert made["PerformanceInsightsKMSKeyId"] == usable


def test_performance_insights_use_the_default_key_if_none_is_named(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    made = rds_bench.new_instance("orders-1", EnablePerformanceInsights=True)
    key = rds_bench.kms().describe_key(KeyId=made["PerformanceInsightsKMSKeyId"])["KeyMetadata"]

    aliases = rds_bench.kms().list_aliases(KeyId=key["KeyId"])["Aliases"]
    assert [alias["AliasName"] for alias in aliases] == ["alias/aws/rds"]
    assert "PerformanceInsightsKMSKeyId" not in rds_bench.new_instance("orders-2")


def test_instances_have_a_quota(rds_bench: RdsBench) -> None:
    rds_bench.emulator.backend.rules = Rules(instances=1)
    rds_bench.new_cluster()
    rds_bench.new_instance("orders-1")

    with refused("InstanceQuotaExceeded"):
        rds_bench.new_instance("orders-2")


def test_a_class_on_offer_may_have_no_capacity_at_the_moment(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    rds_bench.admin.set_rules(classes_without_capacity=["db.r6g.large"])

    with refused("InsufficientDBInstanceCapacity"):
        rds_bench.new_instance()
    assert rds_bench.rds().describe_db_instances()["DBInstances"] == []
    rds_bench.admin.set_rules(classes_without_capacity=[])
    rds_bench.new_instance()


def test_an_instance_can_end_in_a_terminal_status(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    rds_bench.admin.fail_next("create-instance", status="incompatible-network")

    assert rds_bench.new_instance()["DBInstanceStatus"] == "incompatible-network"
    assert not rds_bench.accepts_connections()


def test_a_class_change_waits_for_the_window_unless_immediate(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    arn = rds_bench.new_instance()["DBInstanceArn"]
    rds = rds_bench.rds()

    waiting = rds.modify_db_instance(
        DBInstanceIdentifier="orders-1", DBInstanceClass="db.r6g.xlarge"
    )["DBInstance"]
    assert waiting["PendingModifiedValues"] == {"DBInstanceClass": "db.r6g.xlarge"}
    rds_bench.advance(10 * TIMINGS.modify_instance)
    assert rds_bench.instance()["DBInstanceClass"] == "db.r6g.large"

    rds_bench.admin.run_maintenance_window(arn)
    assert rds_bench.instance()["DBInstanceStatus"] == "modifying"
    rds_bench.advance(TIMINGS.modify_instance)
    assert rds_bench.instance()["DBInstanceClass"] == "db.r6g.xlarge"


def test_a_reboot_interrupts_connections(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    rds_bench.new_instance()

    rds_bench.rds().reboot_db_instance(DBInstanceIdentifier="orders-1")
    assert rds_bench.instance()["DBInstanceStatus"] == "rebooting"
    assert not rds_bench.accepts_connections()
    rds_bench.advance(TIMINGS.reboot_instance)
    assert rds_bench.instance()["DBInstanceStatus"] == "available"
    assert rds_bench.accepts_connections()


# deleting


def test_an_instance_is_deleting_for_a_while_and_then_not_found(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    rds_bench.new_instance()
    rds = rds_bench.rds()

    deleted = rds.delete_db_instance(DBInstanceIdentifier="orders-1")["DBInstance"]
    assert deleted["DBInstanceStatus"] == "deleting"
    with refused("InvalidDBInstanceState"):
        rds.delete_db_instance(DBInstanceIdentifier="orders-1")
    rds_bench.advance(TIMINGS.delete_instance)
    with refused("DBInstanceNotFound"):
        rds_bench.instance()


def test_a_cluster_instance_has_no_final_snapshot(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    rds_bench.new_instance()

    with refused("InvalidParameterCombination"):
        rds_bench.rds().delete_db_instance(
            DBInstanceIdentifier="orders-1", FinalDBSnapshotIdentifier="last"
        )


def test_deletion_protection_guards_the_cluster_but_not_its_instances(
    rds_bench: RdsBench,
) -> None:
    rds_bench.new_cluster(DeletionProtection=True)
    rds_bench.new_instance()

    rds_bench.rds().delete_db_instance(DBInstanceIdentifier="orders-1")
    with refused("InvalidParameterCombination"):
        delete(rds_bench)
    modify(rds_bench, DeletionProtection=False)
    assert delete(rds_bench)["Status"] == "available"


def test_a_cluster_is_not_deleted_while_an_instance_is_not_at_least_deleting(
    rds_bench: RdsBench,
) -> None:
    rds_bench.new_cluster()
    rds_bench.new_instance("orders-1")
    rds_bench.new_instance("orders-2")
    rds = rds_bench.rds()
    rds.delete_db_instance(DBInstanceIdentifier="orders-1")

    with refused("InvalidDBClusterStateFault"):
        delete(rds_bench)
    rds.delete_db_instance(DBInstanceIdentifier="orders-2")
    delete(rds_bench)

    assert rds_bench.cluster()["Status"] == "deleting"


def test_the_accepted_deletion_still_shows_available(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()

    assert delete(rds_bench)["Status"] == "available"
    assert rds_bench.cluster()["Status"] == "deleting"
    with refused("InvalidDBClusterStateFault"):
        delete(rds_bench)


@pytest.mark.parametrize("final", [{}, {"FinalDBSnapshotIdentifier": "last"}])
def test_a_cluster_that_is_being_deleted_may_stay_available_for_long(
    rds_bench: RdsBench, final: dict[str, str]
) -> None:
    rds_bench.new_cluster()
    rds_bench.admin.set_timings(deletion_lag=1800)
    delete(rds_bench, **final)

    rds_bench.advance(1799)
    assert rds_bench.cluster()["Status"] == "available"
    with refused("InvalidDBClusterStateFault"):
        delete(rds_bench, **final)
    with refused("InvalidDBClusterStateFault"):
        delete(rds_bench, FinalDBSnapshotIdentifier="another")
    rds_bench.advance(1)
    assert rds_bench.cluster()["Status"] == "deleting"
    rds_bench.advance(TIMINGS.create_snapshot + TIMINGS.delete_cluster)
    with refused("DBClusterNotFoundFault"):
        rds_bench.cluster()
    made = rds_bench.rds().describe_db_cluster_snapshots()["DBClusterSnapshots"]
    assert [one["DBClusterSnapshotIdentifier"] for one in made] == [*final.values()]


def test_a_cluster_is_gone_only_after_its_last_instance(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    rds_bench.new_instance()
    rds_bench.rds().delete_db_instance(DBInstanceIdentifier="orders-1")
    delete(rds_bench)

    rds_bench.advance(TIMINGS.delete_cluster)
    assert rds_bench.cluster()["Status"] == "deleting"
    rds_bench.advance(TIMINGS.delete_instance - TIMINGS.delete_cluster)
    with refused("DBClusterNotFoundFault"):
        rds_bench.cluster()
    assert rds_bench.data_plane.passwords == {}


def test_a_final_snapshot_is_required_unless_it_is_skipped(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    rds = rds_bench.rds()

    with refused("InvalidParameterCombination"):
        rds.delete_db_cluster(DBClusterIdentifier="orders")
    with refused("InvalidParameterCombination"):
        rds.delete_db_cluster(
            DBClusterIdentifier="orders", SkipFinalSnapshot=True, FinalDBSnapshotIdentifier="last"
        )
    assert rds_bench.cluster()["Status"] == "available"


def test_a_final_snapshot_is_made_and_can_be_restored(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    delete(rds_bench, FinalDBSnapshotIdentifier="last")
    rds_bench.advance(TIMINGS.create_snapshot + TIMINGS.delete_cluster)

    with refused("DBClusterNotFoundFault"):
        rds_bench.cluster()
    last = rds_bench.snapshot("last")
    assert (last["Status"], last["SnapshotType"]) == ("available", "manual")
    rds_bench.restore("last", "orders")
    assert rds_bench.master_password("orders") == PASSWORD


def test_a_final_snapshots_name_must_be_free_and_within_the_quota(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    rds_bench.new_snapshot("monday")

    with refused("DBClusterSnapshotAlreadyExistsFault"):
        delete(rds_bench, FinalDBSnapshotIdentifier="monday")
    rds_bench.emulator.backend.rules = Rules(manual_snapshots=1)
    with refused("SnapshotQuotaExceeded"):
        delete(rds_bench, FinalDBSnapshotIdentifier="last")
    assert rds_bench.cluster()["Status"] == "available"


def test_automated_backups_go_with_the_cluster_unless_they_are_kept(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    rds_bench.new_automated_snapshot()
    rds_bench.new_snapshot("monday")
    delete(rds_bench)
    rds_bench.advance(TIMINGS.delete_cluster)

    left = rds_bench.rds().describe_db_cluster_snapshots()["DBClusterSnapshots"]
    assert [one["DBClusterSnapshotIdentifier"] for one in left] == ["monday"]

    rds_bench.new_cluster()
    kept = rds_bench.new_automated_snapshot()["DBClusterSnapshotIdentifier"]
    delete(rds_bench, DeleteAutomatedBackups=False)
    rds_bench.advance(TIMINGS.delete_cluster)
    left = rds_bench.rds().describe_db_cluster_snapshots()["DBClusterSnapshots"]
    assert [one["DBClusterSnapshotIdentifier"] for one in left] == ["monday", kept]


def test_the_same_name_can_be_used_again_once_the_cluster_is_gone(rds_bench: RdsBench) -> None:
    first = rds_bench.new_cluster()
    delete(rds_bench)
    with refused("DBClusterAlreadyExistsFault"):
        create(rds_bench)
    rds_bench.advance(TIMINGS.delete_cluster)

    assert create(rds_bench)["DbClusterResourceId"] != first["DbClusterResourceId"]


def test_a_stopped_cluster_must_be_started_before_it_is_deleted(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    rds_bench.new_instance()
    rds = rds_bench.rds()

    rds.stop_db_cluster(DBClusterIdentifier="orders")
    assert not rds_bench.accepts_connections()
    rds_bench.advance(TIMINGS.stop_cluster)
    assert rds_bench.cluster()["Status"] == "stopped"
    assert rds_bench.instance()["DBInstanceStatus"] == "stopped"
    with refused("InvalidDBClusterStateFault"):
        delete(rds_bench)
    rds.start_db_cluster(DBClusterIdentifier="orders")
    rds_bench.advance(TIMINGS.start_cluster)
    assert rds_bench.cluster()["Status"] == "available"
    assert rds_bench.accepts_connections()


def test_a_managed_secret_is_deleted_with_its_cluster(rds_bench: RdsBench) -> None:
    rds = rds_bench.rds()
    secret = rds.create_db_cluster(
        DBClusterIdentifier="orders",
        Engine=ENGINE,
        MasterUsername="postgres",
        ManageMasterUserPassword=True,
    )["DBCluster"]["MasterUserSecret"]["SecretArn"]
    secrets: Any = rds_bench.emulator.session(OWNER, "eu-west-1").client("secretsmanager")
    assert (
        rds_bench.master_password("orders")
        in (secrets.get_secret_value(SecretId=secret)["SecretString"])
    )
    rds_bench.advance(TIMINGS.create_cluster)
    delete(rds_bench)
    rds_bench.advance(TIMINGS.delete_cluster)
    rds_bench.rds().describe_db_clusters()

    with refused("ResourceNotFoundException"):
        secrets.get_secret_value(SecretId=secret)


# relations


def test_a_member_of_a_global_cluster_is_not_deleted_before_it_is_removed(
    rds_bench: RdsBench,
) -> None:
    arn = rds_bench.new_cluster()["DBClusterArn"]
    rds = rds_bench.rds()
    rds.create_global_cluster(GlobalClusterIdentifier="world", SourceDBClusterIdentifier=arn)
    assert rds_bench.cluster()["GlobalClusterIdentifier"] == "world"
    with refused("InvalidDBClusterStateFault"):
        delete(rds_bench)
    with refused("InvalidParameterValue"):
        rds.remove_from_global_cluster(
            GlobalClusterIdentifier="world", DbClusterIdentifier="orders"
        )

    rds.remove_from_global_cluster(GlobalClusterIdentifier="world", DbClusterIdentifier=arn)
    assert rds_bench.cluster()["Status"] == "promoting"
    with refused("InvalidDBClusterStateFault"):
        delete(rds_bench)
    rds_bench.advance(TIMINGS.promote_cluster)
    delete(rds_bench)
    assert rds_bench.cluster()["Status"] == "deleting"


def test_the_primary_leaves_a_global_cluster_last(rds_bench: RdsBench) -> None:
    arn = rds_bench.new_cluster()["DBClusterArn"]
    rds, there = rds_bench.rds(), rds_bench.rds(OWNER, THERE)
    rds.create_global_cluster(GlobalClusterIdentifier="world", SourceDBClusterIdentifier=arn)
    secondary = there.create_db_cluster(
        DBClusterIdentifier="orders-us", Engine=ENGINE, GlobalClusterIdentifier="world"
    )["DBCluster"]["DBClusterArn"]
    rds_bench.advance(TIMINGS.create_cluster)
    (shown,) = rds.describe_global_clusters()["GlobalClusters"]
    assert [(one["DBClusterArn"], one["IsWriter"]) for one in shown["GlobalClusterMembers"]] == [
        (arn, True),
        (secondary, False),
    ]

    with refused("InvalidGlobalClusterStateFault"):
        rds.remove_from_global_cluster(GlobalClusterIdentifier="world", DbClusterIdentifier=arn)
    with refused("InvalidGlobalClusterStateFault"):
        rds.delete_global_cluster(GlobalClusterIdentifier="world")
    for member in (secondary, arn):
        rds.remove_from_global_cluster(GlobalClusterIdentifier="world", DbClusterIdentifier=member)
        rds_bench.advance(TIMINGS.promote_cluster)
        rds.describe_global_clusters()
    rds.delete_global_cluster(GlobalClusterIdentifier="world")
    with refused("GlobalClusterNotFoundFault"):
        rds.describe_global_clusters(GlobalClusterIdentifier="world")


def test_a_read_replicas_last_instance_is_not_deleted_before_promotion(
    rds_bench: RdsBench,
) -> None:
    arn = rds_bench.new_cluster("source")["DBClusterArn"]
    rds = rds_bench.rds()
    rds.create_db_cluster(
        DBClusterIdentifier="orders", Engine=ENGINE, ReplicationSourceIdentifier=arn
    )
    rds_bench.advance(TIMINGS.create_cluster)
    rds_bench.new_instance()
    assert rds_bench.cluster()["ReplicationSourceIdentifier"] == arn
    with refused("InvalidDBClusterStateFault"):
        rds.delete_db_instance(DBInstanceIdentifier="orders-1")
    with refused("InvalidDBClusterStateFault"):
        rds.delete_db_cluster(DBClusterIdentifier="source", SkipFinalSnapshot=True)

    rds.promote_read_replica_db_cluster(DBClusterIdentifier="orders")
    rds_bench.advance(TIMINGS.promote_cluster)
    rds.delete_db_instance(DBInstanceIdentifier="orders-1")
    rds.delete_db_cluster(DBClusterIdentifier="source", SkipFinalSnapshot=True)
    assert rds_bench.cluster("source")["Status"] == "deleting"


def test_a_cluster_whose_key_is_disabled_becomes_inaccessible_until_it_is_started(
    rds_bench: RdsBench,
) -> None:
    key = rds_bench.new_key()
    rds_bench.new_cluster(StorageEncrypted=True, KmsKeyId=key)
    rds_bench.new_instance()
    kms, key_id = rds_bench.kms(), key.rpartition("/")[2]

    kms.disable_key(KeyId=key_id)
    assert rds_bench.cluster()["Status"] == "inaccessible-encryption-credentials-recoverable"
    assert not rds_bench.accepts_connections()
    kms.enable_key(KeyId=key_id)
    rds_bench.rds().start_db_cluster(DBClusterIdentifier="orders")
    rds_bench.advance(TIMINGS.start_cluster)
    assert rds_bench.cluster()["Status"] == "available"
    assert rds_bench.accepts_connections()


# roles and tags


def test_roles_are_associated_and_removed(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    rds, role = rds_bench.rds(), "arn:aws:iam::111122223333:role/exporter"
    rds.add_role_to_db_cluster(DBClusterIdentifier="orders", RoleArn=role, FeatureName="s3Export")

    assert rds_bench.cluster()["AssociatedRoles"] == [
        {"RoleArn": role, "Status": "ACTIVE", "FeatureName": "s3Export"}
    ]
    with refused("DBClusterRoleAlreadyExists"):
        rds.add_role_to_db_cluster(DBClusterIdentifier="orders", RoleArn=role)
    rds.remove_role_from_db_cluster(DBClusterIdentifier="orders", RoleArn=role)
    assert rds_bench.cluster()["AssociatedRoles"] == []
    with refused("DBClusterRoleNotFound"):
        rds.remove_role_from_db_cluster(DBClusterIdentifier="orders", RoleArn=role)


def test_a_cluster_has_at_most_five_roles(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    rds = rds_bench.rds()
    for number in range(5):
        rds.add_role_to_db_cluster(
            DBClusterIdentifier="orders", RoleArn=f"arn:aws:iam::111122223333:role/r{number}"
        )

    with refused("DBClusterRoleQuotaExceeded"):
        rds.add_role_to_db_cluster(
            DBClusterIdentifier="orders", RoleArn="arn:aws:iam::111122223333:role/r5"
        )


def test_clusters_instances_and_snapshots_are_tagged_by_arn(rds_bench: RdsBench) -> None:
    cluster = rds_bench.new_cluster(Tags=[{"Key": "a", "Value": "1"}])["DBClusterArn"]
    instance = rds_bench.new_instance()["DBInstanceArn"]
    snapshot = rds_bench.new_snapshot("monday")["DBClusterSnapshotArn"]
    rds = rds_bench.rds()

    for arn in (cluster, instance, snapshot):
        rds.add_tags_to_resource(ResourceName=arn, Tags=[{"Key": "b", "Value": "2"}])
        rds.add_tags_to_resource(ResourceName=arn, Tags=[{"Key": "b", "Value": "3"}])
    rds.remove_tags_from_resource(ResourceName=cluster, TagKeys=["a"])

    expected = [{"Key": "b", "Value": "3"}]
    assert rds_bench.cluster()["TagList"] == expected
    assert rds_bench.instance()["TagList"] == expected
    assert rds_bench.snapshot("monday")["TagList"] == expected
    for arn in (cluster, instance, snapshot):
        assert rds.list_tags_for_resource(ResourceName=arn)["TagList"] == expected


def test_tags_are_not_set_by_name_nor_under_the_prefix_aws(rds_bench: RdsBench) -> None:
    arn = rds_bench.new_cluster()["DBClusterArn"]
    rds = rds_bench.rds()

    with refused("InvalidParameterValue"):
        rds.add_tags_to_resource(ResourceName="orders", Tags=[{"Key": "a", "Value": "1"}])
    with refused("InvalidParameterValue"):
        rds.add_tags_to_resource(ResourceName=arn, Tags=[{"Key": "aws:x", "Value": "1"}])
    with refused("InvalidParameterValue"):
        rds.add_tags_to_resource(
            ResourceName=arn, Tags=[{"Key": f"k{n}", "Value": "1"} for n in range(51)]
        )


@pytest.mark.parametrize("value", ["refresh(1)", "now!", "o'clock", "a#b", "🚀", "x" * 257])
def test_a_tag_has_only_letters_digits_spaces_and_few_signs(
    rds_bench: RdsBench, value: str
) -> None:
    arn = rds_bench.new_cluster()["DBClusterArn"]
    rds = rds_bench.rds()

    with refused("InvalidParameterValue"):
        rds.add_tags_to_resource(ResourceName=arn, Tags=[{"Key": "a", "Value": value}])

    rds.add_tags_to_resource(ResourceName=arn, Tags=[{"Key": "a", "Value": "März 1_.:/=+-@日"}])


# changing


def test_a_new_master_password_is_pending_then_reset_and_then_true(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    rds_bench.new_instance()

    accepted = modify(rds_bench, MasterUserPassword="second-password", ApplyImmediately=True)
    assert accepted["Status"] == "available"
    assert accepted["PendingModifiedValues"] == {"MasterUserPassword": "****"}
    assert rds_bench.master_password("orders") == PASSWORD

    rds_bench.advance(TIMINGS.modification_lag)
    assert rds_bench.cluster()["Status"] == "resetting-master-credentials"
    rds_bench.advance(TIMINGS.reset_master_credentials)
    done = rds_bench.cluster()
    assert (done["Status"], done["PendingModifiedValues"]) == ("available", {})
    assert rds_bench.master_password("orders") == "second-password"


def test_a_new_master_password_does_not_wait_for_the_maintenance_window(
    rds_bench: RdsBench,
) -> None:
    rds_bench.new_cluster()
    rds_bench.new_instance()

    modify(rds_bench, MasterUserPassword="second-password", ApplyImmediately=False)
    rds_bench.advance(TIMINGS.modification_lag)
    assert rds_bench.cluster()["Status"] == "resetting-master-credentials"
    rds_bench.advance(TIMINGS.reset_master_credentials)

    rds_bench.cluster()
    assert rds_bench.master_password("orders") == "second-password"


def test_a_managed_secret_is_being_created_until_its_password_is_set(rds_bench: RdsBench) -> None:
    cluster = rds_bench.new_cluster()
    rds_bench.new_instance()
    managing: Any = {"DBClusterIdentifier": "orders", "ManageMasterUserPassword": True}

    shown = rds_bench.rds().modify_db_cluster(**managing)["DBCluster"]

    secret = shown["MasterUserSecret"]
    assert secret["SecretStatus"] == "creating"
    rds_bench.advance(TIMINGS.modification_lag + TIMINGS.reset_master_credentials)
    assert rds_bench.cluster()["MasterUserSecret"] == {**secret, "SecretStatus": "active"}
    secrets: Any = rds_bench.emulator.session(OWNER, "eu-west-1").client("secretsmanager")
    found = secrets.describe_secret(SecretId=secret["SecretArn"])
    assert found["Name"].startswith("rds!cluster-")
    assert {"Key": "aws:rds:primaryDBClusterArn", "Value": cluster["DBClusterArn"]} in found["Tags"]
    assert rds_bench.rds().modify_db_cluster(**managing)["DBCluster"]["MasterUserSecret"] == {
        **secret,
        "SecretStatus": "active",
    }


def test_a_managed_secret_has_the_key_that_was_asked_for_or_secrets_managers_own_and_keeps_it(
    rds_bench: RdsBench,
) -> None:
    rds_bench.new_cluster()
    rds_bench.new_instance()
    key = rds_bench.kms().create_key()["KeyMetadata"]["Arn"]
    rds = rds_bench.rds()

    with refused("InvalidParameterCombination"):
        rds.modify_db_cluster(DBClusterIdentifier="orders", MasterUserSecretKmsKeyId=key)
    managing: Any = {"DBClusterIdentifier": "orders", "ManageMasterUserPassword": True}
    with refused("KMSKeyNotAccessibleFault"):
        rds.modify_db_cluster(**managing, MasterUserSecretKmsKeyId=f"{key}0")
    shown = rds.modify_db_cluster(**managing, MasterUserSecretKmsKeyId=key)["DBCluster"]

    assert shown["MasterUserSecret"]["KmsKeyId"] == key
    rds_bench.advance(TIMINGS.modification_lag + TIMINGS.reset_master_credentials)
    another = rds_bench.kms().create_key()["KeyMetadata"]["Arn"]
    with refused("InvalidParameterCombination"):
        rds.modify_db_cluster(**managing, MasterUserSecretKmsKeyId=another)
    created = rds.create_db_cluster(
        DBClusterIdentifier="invoices",
        Engine=ENGINE,
        MasterUsername="postgres",
        ManageMasterUserPassword=True,
    )["DBCluster"]
    own = rds_bench.kms().describe_key(KeyId=created["MasterUserSecret"]["KmsKeyId"])
    assert own["KeyMetadata"]["KeyManager"] == "AWS"


def test_without_an_instance_a_new_master_password_stays_pending(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    modify(rds_bench, MasterUserPassword="second-password", ApplyImmediately=True)
    rds_bench.advance(10 * TIMINGS.reset_master_credentials)

    waiting = rds_bench.cluster()
    assert waiting["PendingModifiedValues"] == {"MasterUserPassword": "****"}
    assert rds_bench.master_password("orders") == PASSWORD

    rds_bench.new_instance()
    rds_bench.advance(TIMINGS.modification_lag + TIMINGS.reset_master_credentials)
    assert rds_bench.cluster()["PendingModifiedValues"] == {}
    assert rds_bench.master_password("orders") == "second-password"


def test_a_change_is_refused_unless_the_cluster_is_available(rds_bench: RdsBench) -> None:
    create(rds_bench)

    with refused("InvalidDBClusterStateFault"):
        modify(rds_bench, MasterUserPassword="second-password")


def test_without_apply_immediately_changes_wait_for_the_maintenance_window(
    rds_bench: RdsBench,
) -> None:
    arn = rds_bench.new_cluster()["DBClusterArn"]
    modify(
        rds_bench,
        EnableIAMDatabaseAuthentication=True,
        BackupRetentionPeriod=5,
        StorageType="aurora-iopt1",
        EngineVersion="16.6",
        NewDBClusterIdentifier="renamed",
        CloudwatchLogsExportConfiguration={"EnableLogTypes": ["postgresql"]},
    )
    rds_bench.advance(10_000)

    waiting = rds_bench.cluster()
    assert waiting["Status"] == "available"
    assert waiting["PendingModifiedValues"] == {
        "IAMDatabaseAuthenticationEnabled": True,
        "BackupRetentionPeriod": 5,
        "StorageType": "aurora-iopt1",
        "EngineVersion": "16.6",
        "DBClusterIdentifier": "renamed",
        "PendingCloudwatchLogsExports": {
            "LogTypesToEnable": ["postgresql"],
            "LogTypesToDisable": [],
        },
    }
    assert waiting["IAMDatabaseAuthenticationEnabled"] is False
    assert waiting["EngineVersion"] == VERSION

    rds_bench.admin.run_maintenance_window(arn)
    rds_bench.advance(10_000)
    done = rds_bench.cluster("renamed")
    assert done["PendingModifiedValues"] == {}
    assert done["IAMDatabaseAuthenticationEnabled"] is True
    assert (done["BackupRetentionPeriod"], done["StorageType"]) == (5, "aurora-iopt1")
    assert done["EngineVersion"] == "16.6"
    assert done["EnabledCloudwatchLogsExports"] == ["postgresql"]


def test_what_cannot_be_pending_is_changed_immediately(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()

    shown = modify(
        rds_bench,
        DeletionProtection=True,
        CopyTagsToSnapshot=True,
        PreferredBackupWindow="07:00-07:30",
        ServerlessV2ScalingConfiguration=SCALING,
    )

    assert (shown["DeletionProtection"], shown["CopyTagsToSnapshot"]) == (True, True)
    assert shown["PreferredBackupWindow"] == "07:00-07:30"
    assert shown["ServerlessV2ScalingConfiguration"] == SCALING
    assert shown["PendingModifiedValues"] == {}


def test_a_rename_changes_name_arn_and_endpoint_after_a_while(rds_bench: RdsBench) -> None:
    before = rds_bench.new_cluster()
    rds_bench.new_instance()
    modify(rds_bench, NewDBClusterIdentifier="Renamed", ApplyImmediately=True)
    rds_bench.advance(TIMINGS.modification_lag)
    assert rds_bench.cluster()["Status"] == "renaming"
    rds_bench.advance(TIMINGS.rename_cluster)

    after = rds_bench.cluster("renamed")
    with refused("DBClusterNotFoundFault"):
        rds_bench.cluster("orders")
    assert after["DBClusterArn"].endswith(":cluster:renamed")
    assert after["Endpoint"] != before["Endpoint"]
    assert after["DbClusterResourceId"] == before["DbClusterResourceId"]
    assert rds_bench.instance()["DBClusterIdentifier"] == "renamed"


def test_a_rename_needs_a_free_name(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster("orders")
    rds_bench.new_cluster("taken")

    with refused("DBClusterAlreadyExistsFault"):
        modify(rds_bench, NewDBClusterIdentifier="taken", ApplyImmediately=True)


def test_a_major_upgrade_must_be_allowed(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()

    with refused("InvalidParameterCombination"):
        modify(rds_bench, EngineVersion="17.5")


def test_a_change_during_another_follows_it(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    rds_bench.new_instance()
    modify(rds_bench, MasterUserPassword="second-password")
    modify(rds_bench, EnableIAMDatabaseAuthentication=True, ApplyImmediately=True)
    rds_bench.advance(TIMINGS.modification_lag)
    assert rds_bench.cluster()["Status"] == "resetting-master-credentials"
    rds_bench.advance(TIMINGS.reset_master_credentials)
    assert rds_bench.cluster()["Status"] == "configuring-iam-database-auth"
    rds_bench.advance(TIMINGS.modify_cluster)
    assert rds_bench.cluster()["Status"] == "available"
