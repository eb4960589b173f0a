"""Restoring a cluster from a snapshot, as AWS does it."""

import pytest

from tests.unit.embedded_aws.rds.rds_bench import (
    ENGINE,
    HERE,
    KEY_POLICY_FOR_OTHER,
    OTHER,
    PASSWORD,
    THERE,
    TIMINGS,
    VERSION,
    RdsBench,
    refused,
)


@pytest.fixture
def monday(rds_bench: RdsBench) -> str:
    """A snapshot of a cluster whose every setting differs from the defaults."""
    rds_bench.new_cluster(
        DatabaseName="shop",
        Port=5433,
        BackupRetentionPeriod=14,
        PreferredBackupWindow="01:00-02:00",
        EnableIAMDatabaseAuthentication=True,
        EnableCloudwatchLogsExports=["postgresql"],
        DeletionProtection=True,
        CopyTagsToSnapshot=True,
        StorageType="aurora-iopt1",
        ServerlessV2ScalingConfiguration={"MinCapacity": 0.5, "MaxCapacity": 4},
        EngineLifecycleSupport="open-source-rds-extended-support-disabled",
        Tags=[{"Key": "team", "Value": "orders"}],
    )
    return rds_bench.new_snapshot("monday")["DBClusterSnapshotIdentifier"]


def test_a_restore_takes_time(rds_bench: RdsBench, monday: str) -> None:
    assert rds_bench.restore(monday)["Status"] == "creating"
    rds_bench.advance(TIMINGS.restore_cluster - 1)
    assert rds_bench.cluster("restored")["Status"] == "creating"
    rds_bench.advance(1)
    assert rds_bench.cluster("restored")["Status"] == "available"


def test_a_restore_passes_through_the_documented_statuses(rds_bench: RdsBench, monday: str) -> None:
    statuses = ["creating", "migrating", "preparing-data-migration"]
    rds_bench.admin.set_timings(restore_cluster=300, restore_cluster_statuses=statuses)
    rds_bench.restore(monday)

    seen = []
    for _ in range(4):
        seen.append(rds_bench.cluster("restored")["Status"])
        rds_bench.advance(100)

    assert seen == [*statuses, "available"]


def test_a_restore_makes_no_instances(rds_bench: RdsBench, monday: str) -> None:
    rds_bench.restore(monday)
    rds_bench.advance(TIMINGS.restore_cluster)

    assert rds_bench.cluster("restored")["DBClusterMembers"] == []
    assert rds_bench.rds().describe_db_instances()["DBInstances"] == []
    assert not rds_bench.accepts_connections("restored")


def test_a_restored_cluster_keeps_master_user_and_password(
    rds_bench: RdsBench, monday: str
) -> None:
    rds_bench.restore(monday)

    assert rds_bench.cluster("restored")["MasterUsername"] == "postgres"
    assert rds_bench.master_password("restored") == PASSWORD


def test_a_restored_cluster_has_no_managed_secret(rds_bench: RdsBench) -> None:
    rds = rds_bench.rds()
    managed = rds.create_db_cluster(
        DBClusterIdentifier="managed",
        Engine=ENGINE,
        EngineVersion=VERSION,
        MasterUsername="postgres",
        ManageMasterUserPassword=True,
    )["DBCluster"]
    rds_bench.advance(TIMINGS.create_cluster)
    rds_bench.new_snapshot("tuesday", "managed")

    restored = rds_bench.restore("tuesday")

    assert managed["MasterUserSecret"]["SecretArn"].startswith("arn:aws:secretsmanager:")
    assert "MasterUserSecret" not in restored
    assert rds_bench.master_password("restored") == rds_bench.master_password("managed")


def test_omitted_settings_take_defaults_and_not_the_snapshots(
    rds_bench: RdsBench, monday: str
) -> None:
    restored = rds_bench.restore(monday)

    assert restored["DBClusterParameterGroup"] == "default.aurora-postgresql16"
    assert restored["DBSubnetGroup"] == "default"
    default_group = rds_bench.ec2().describe_security_groups(
        Filters=[{"Name": "group-name", "Values": ["default"]}]
    )["SecurityGroups"][0]["GroupId"]
    assert [one["VpcSecurityGroupId"] for one in restored["VpcSecurityGroups"]] == [default_group]
    assert restored["DeletionProtection"] is False
    assert restored["IAMDatabaseAuthenticationEnabled"] is False
    assert restored["CopyTagsToSnapshot"] is False
    assert restored["EnabledCloudwatchLogsExports"] == []
    assert "StorageType" not in restored
    assert "ServerlessV2ScalingConfiguration" not in restored
    assert restored["EngineLifecycleSupport"] == "open-source-rds-extended-support"
    assert restored["TagList"] == []
    assert restored["AssociatedRoles"] == []


def test_omitted_port_and_backup_settings_are_the_originals(
    rds_bench: RdsBench, monday: str
) -> None:
    restored = rds_bench.restore(monday)

    assert restored["Port"] == 5433
    assert restored["BackupRetentionPeriod"] == 14
    assert restored["PreferredBackupWindow"] == "01:00-02:00"
    assert restored["DatabaseName"] == "shop"


def test_an_omitted_engine_version_is_the_regions_default(rds_bench: RdsBench, monday: str) -> None:
    rds_bench.admin.set_rules(default_engine_version="17.9")

    restored = rds_bench.rds().restore_db_cluster_from_snapshot(
        DBClusterIdentifier="restored", SnapshotIdentifier=monday, Engine=ENGINE
    )["DBCluster"]

    assert restored["EngineVersion"] == "17.9"
    assert restored["DBClusterParameterGroup"] == "default.aurora-postgresql17"


def test_given_settings_are_taken_and_shown(rds_bench: RdsBench, monday: str) -> None:
    rds, ec2 = rds_bench.rds(), rds_bench.ec2()
    subnets = [one["SubnetId"] for one in ec2.describe_subnets()["Subnets"][:2]]
    rds.create_db_subnet_group(
        DBSubnetGroupName="private", DBSubnetGroupDescription="private", SubnetIds=subnets
    )
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    group = ec2.create_security_group(GroupName="db-taken", Description="db", VpcId=vpc)["GroupId"]
    rds.create_db_cluster_parameter_group(
        DBClusterParameterGroupName="tuned",
        DBParameterGroupFamily="aurora-postgresql16",
        Description="tuned",
    )
    role = "arn:aws:iam::111122223333:role/exporter"

    restored = rds_bench.restore(
        monday,
        DBSubnetGroupName="private",
        VpcSecurityGroupIds=[group],
        DBClusterParameterGroupName="tuned",
        DatabaseName="other",
        Port=6000,
        BackupRetentionPeriod=3,
        PreferredBackupWindow="04:00-05:00",
        EnableIAMDatabaseAuthentication=True,
        EnableCloudwatchLogsExports=["postgresql", "instance"],
        DeletionProtection=True,
        CopyTagsToSnapshot=True,
        StorageType="aurora-iopt1",
        ServerlessV2ScalingConfiguration={
            "MinCapacity": 0,
            "MaxCapacity": 8,
            "SecondsUntilAutoPause": 600,
        },
        EngineLifecycleSupport="open-source-rds-extended-support-disabled",
        MonitoringInterval=60,
        MonitoringRoleArn=role,
        EnablePerformanceInsights=True,
        PerformanceInsightsRetentionPeriod=7,
        Tags=[{"Key": "env", "Value": "test"}],
        AssociatedRoles=[{"RoleArn": role, "FeatureName": "s3Export"}],
    )

    assert restored["DBSubnetGroup"] == "private"
    assert restored["VpcSecurityGroups"] == [{"VpcSecurityGroupId": group, "Status": "active"}]
    assert restored["DBClusterParameterGroup"] == "tuned"
    assert (restored["DatabaseName"], restored["Port"]) == ("other", 6000)
    assert restored["BackupRetentionPeriod"] == 3
    assert restored["PreferredBackupWindow"] == "04:00-05:00"
    assert restored["IAMDatabaseAuthenticationEnabled"] is True
    assert restored["EnabledCloudwatchLogsExports"] == ["postgresql", "instance"]
    assert restored["DeletionProtection"] is True
    assert restored["CopyTagsToSnapshot"] is True
    assert restored["StorageType"] == "aurora-iopt1"
    assert restored["ServerlessV2ScalingConfiguration"] == {
        "MinCapacity": 0.0,
        "MaxCapacity": 8.0,
        "SecondsUntilAutoPause": 600,
    }
    assert restored["EngineLifecycleSupport"] == "open-source-rds-extended-support-disabled"
    assert (restored["MonitoringInterval"], restored["MonitoringRoleArn"]) == (60, role)
    assert restored["PerformanceInsightsEnabled"] is True
    assert restored["PerformanceInsightsRetentionPeriod"] == 7
    assert restored["TagList"] == [{"Key": "env", "Value": "test"}]
    assert restored["AssociatedRoles"] == [
        {"RoleArn": role, "Status": "ACTIVE", "FeatureName": "s3Export"}
    ]


def test_a_restore_needs_a_free_name(rds_bench: RdsBench, monday: str) -> None:
    with refused("DBClusterAlreadyExistsFault"):
        rds_bench.restore(monday, "orders")
    rds_bench.restore(monday, "restored")
    with refused("DBClusterAlreadyExistsFault"):
        rds_bench.restore(monday, "Restored")


def test_a_restore_needs_an_available_snapshot(rds_bench: RdsBench, monday: str) -> None:
    rds_bench.copy(monday, "copied", region=HERE)

    with refused("InvalidDBClusterSnapshotStateFault"):
        rds_bench.restore("copied")
    with refused("DBClusterSnapshotNotFoundFault"):
        rds_bench.restore("unknown")


def test_a_restore_reads_a_snapshot_of_its_own_region_only(
    rds_bench: RdsBench, monday: str
) -> None:
    arn = rds_bench.snapshot(monday)["DBClusterSnapshotArn"]

    with refused("DBClusterSnapshotNotFoundFault"):
        rds_bench.restore(arn, region=THERE)


def test_a_restore_refers_to_existing_groups_only(rds_bench: RdsBench, monday: str) -> None:
    with refused("DBSubnetGroupNotFoundFault"):
        rds_bench.restore(monday, DBSubnetGroupName="unknown")
    with refused("DBClusterParameterGroupNotFound"):
        rds_bench.restore(monday, DBClusterParameterGroupName="unknown")
    with refused("InvalidParameterValue"):
        rds_bench.restore(monday, VpcSecurityGroupIds=["sg-00000000000000000"])


def test_a_security_group_must_be_in_the_subnet_groups_vpc(
    rds_bench: RdsBench, monday: str
) -> None:
    vpc = rds_bench.ec2().create_vpc(CidrBlock="10.99.0.0/16")["Vpc"]["VpcId"]
    group = rds_bench.ec2().create_security_group(GroupName="db", Description="d", VpcId=vpc)

    with refused("InvalidVPCNetworkStateFault"):
        rds_bench.restore(monday, VpcSecurityGroupIds=[group["GroupId"]])


def test_a_refused_restore_leaves_nothing_behind(rds_bench: RdsBench, monday: str) -> None:
    with refused("InvalidParameterValue"):
        rds_bench.restore(monday, Tags=[{"Key": "aws:team", "Value": "x"}])

    with refused("DBClusterNotFoundFault"):
        rds_bench.cluster("restored")


def test_an_encrypted_snapshot_restores_under_its_own_key_or_another(
    rds_bench: RdsBench,
) -> None:
    own, other = rds_bench.new_key(), rds_bench.new_key()
    rds_bench.new_cluster(StorageEncrypted=True, KmsKeyId=own)
    rds_bench.new_snapshot("monday")

    assert rds_bench.restore("monday", "same")["KmsKeyId"] == own
    assert rds_bench.restore("monday", "changed", KmsKeyId=other)["KmsKeyId"] == other


def test_an_unencrypted_snapshot_restores_under_the_aws_owned_key_or_a_given_one(
    rds_bench: RdsBench,
) -> None:
    rds_bench.admin.set_rules(default_encryption="none")
    rds_bench.new_cluster()
    rds_bench.new_snapshot("monday")
    key = rds_bench.new_key()

    plain = rds_bench.restore("monday", "plain")
    encrypted = rds_bench.restore("monday", "encrypted", KmsKeyId=key)

    assert plain.get("StorageEncryptionType") == "sse-rds"
    assert (encrypted["KmsKeyId"], encrypted["StorageEncrypted"]) == (key, True)


def test_a_restores_key_must_be_of_the_region_and_enabled(rds_bench: RdsBench, monday: str) -> None:
    disabled = rds_bench.new_key()
    rds_bench.kms().disable_key(KeyId=disabled.rpartition("/")[2])

    for key in (disabled, rds_bench.new_key(region=THERE)):
        with refused("KMSKeyNotAccessibleFault"):
            rds_bench.restore(monday, KmsKeyId=key)


def test_a_restore_needs_the_snapshots_key_to_be_enabled(rds_bench: RdsBench) -> None:
    key = rds_bench.new_key()
    rds_bench.new_cluster(StorageEncrypted=True, KmsKeyId=key)
    rds_bench.new_snapshot("monday")
    rds_bench.kms().disable_key(KeyId=key.rpartition("/")[2])

    with refused("KMSKeyNotAccessibleFault"):
        rds_bench.restore("monday", KmsKeyId=rds_bench.new_key())


def test_a_shared_snapshot_is_restored_directly_under_the_source_accounts_key(
    rds_bench: RdsBench,
) -> None:
    key = rds_bench.new_key(statements=KEY_POLICY_FOR_OTHER)
    rds_bench.new_cluster(StorageEncrypted=True, KmsKeyId=key)
    arn = rds_bench.new_snapshot("monday")["DBClusterSnapshotArn"]
    rds_bench.share("monday", OTHER)

    restored = rds_bench.restore(arn, account=OTHER)

    assert restored["KmsKeyId"] == key


def test_a_restore_can_fail_and_its_cluster_can_then_be_deleted(
    rds_bench: RdsBench, monday: str
) -> None:
    rds_bench.admin.fail_next("restore-cluster")
    rds_bench.restore(monday)
    rds_bench.advance(TIMINGS.restore_cluster)

    assert rds_bench.cluster("restored")["Status"] == "restore-failed"
    rds_bench.rds().delete_db_cluster(DBClusterIdentifier="restored", SkipFinalSnapshot=True)
    rds_bench.advance(TIMINGS.delete_cluster)
    with refused("DBClusterNotFoundFault"):
        rds_bench.cluster("restored")


def test_a_restore_does_not_go_back_in_major_versions(rds_bench: RdsBench, monday: str) -> None:
    with refused("InvalidParameterCombination"):
        rds_bench.restore(monday, EngineVersion="15.8")


def test_a_restore_survives_the_deletion_of_its_snapshot(rds_bench: RdsBench, monday: str) -> None:
    rds_bench.restore(monday)
    rds_bench.rds().delete_db_cluster_snapshot(DBClusterSnapshotIdentifier=monday)
    rds_bench.advance(TIMINGS.restore_cluster)

    assert rds_bench.master_password("restored") == PASSWORD


def test_serverless_capacity_goes_in_halves_from_0_to_256(rds_bench: RdsBench, monday: str) -> None:
    for lowest, highest in ((0.3, 4), (0, 0.5), (4, 2), (1, 257)):
        with refused("InvalidParameterValue"):
            rds_bench.restore(
                monday,
                ServerlessV2ScalingConfiguration={"MinCapacity": lowest, "MaxCapacity": highest},
            )
