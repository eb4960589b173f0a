"""What the restored cluster is to be like, and what differs all the same."""

from dataclasses import asdict
from typing import Any

import pytest
from botocore.loaders import create_loader
from botocore.model import ServiceModel

from aurora_restore.shared.cluster.extras import extras, losses, openings
from aurora_restore.shared.cluster.network import ClusterNetwork
from aurora_restore.shared.cluster.settings import (
    drift,
    hand_over_drift,
    instance_tags,
    planned_instances,
    restore_settings,
    restored_tags,
    settings_of,
)
from aurora_restore.shared.cluster.surroundings import Surroundings
from aurora_restore.shared.documents.restore import Instance, ServerlessV2Scaling, Target
from aurora_restore.shared.errors import ConfigurationError

NETWORK = ClusterNetwork(
    db_subnet_group_name="subnets",
    vpc_id="vpc-1",
    subnet_ids=("subnet-1", "subnet-2"),
    security_group_ids=("sg-2", "sg-1"),
    quarantine_group_ids=("sg-quarantine",),
)
CLUSTER: dict[str, Any] = {
    "DBClusterIdentifier": "staging",
    "DbClusterResourceId": "cluster-OLD",
    "DBClusterParameterGroup": "tuned",
    "DBSubnetGroup": "subnets",
    "BackupRetentionPeriod": 5,
    "DeletionProtection": True,
    "IAMDatabaseAuthenticationEnabled": True,
    "EnabledCloudwatchLogsExports": ["postgresql"],
    "PreferredBackupWindow": "01:00-01:30",
    "PreferredMaintenanceWindow": "sun:02:00-sun:02:30",
    "StorageType": "aurora-iopt1",
    "EngineLifecycleSupport": "open-source-rds-extended-support-disabled",
    "ServerlessV2ScalingConfiguration": {"MinCapacity": 0.5, "MaxCapacity": 4.0},
    "AssociatedRoles": [{"RoleArn": "arn:role", "FeatureName": "s3Import", "Status": "ACTIVE"}],
    "VpcSecurityGroups": [{"VpcSecurityGroupId": "sg-1"}, {"VpcSecurityGroupId": "sg-2"}],
    "TagList": [
        {"Key": "team", "Value": "blue"},
        {"Key": "aws:cloudformation:stack-name", "Value": "x"},
        {"Key": "aurora-restore:operation-id", "Value": "op-0"},
    ],
    "DBClusterMembers": [{"DBInstanceIdentifier": "staging-b", "IsClusterWriter": True}],
}
INSTANCES: list[dict[str, Any]] = [
    {"DBInstanceIdentifier": "staging-a", "DBInstanceClass": "db.r6g.large", "PromotionTier": 1},
    {
        "DBInstanceIdentifier": "staging-b",
        "DBInstanceClass": "db.serverless",
        "PromotionTier": 1,
        "DBParameterGroups": [{"DBParameterGroupName": "instance-group"}],
        "PerformanceInsightsEnabled": True,
        "MonitoringInterval": 60,
        "MonitoringRoleArn": "arn:monitoring",
    },
]


def target(**options: Any) -> Target:
    return Target(
        cluster_id="staging",
        db_subnet_group_name="subnets",
        vpc_security_group_ids=("sg-2", "sg-1"),
        **options,
    )


def recorded() -> dict[str, Any]:
    return settings_of(CLUSTER, INSTANCES)  # type: ignore[arg-type]


def test_everything_the_old_cluster_was_is_put_back() -> None:
    assert restore_settings(target(), recorded(), NETWORK) == {
        "DBSubnetGroupName": "subnets",
        "VpcSecurityGroupIds": ["sg-quarantine"],
        "Port": 5432,
        "BackupRetentionPeriod": 5,
        "DBClusterParameterGroupName": "tuned",
        "DeletionProtection": True,
        "EnableCloudwatchLogsExports": ["postgresql"],
        "EnableIAMDatabaseAuthentication": True,
        "EngineLifecycleSupport": "open-source-rds-extended-support-disabled",
        "PreferredBackupWindow": "01:00-01:30",
        "StorageType": "aurora-iopt1",
        "ServerlessV2ScalingConfiguration": {"MinCapacity": 0.5, "MaxCapacity": 4.0},
        "AssociatedRoles": [{"RoleArn": "arn:role", "FeatureName": "s3Import"}],
    }


def test_the_configuration_comes_before_the_old_cluster() -> None:
    configured = target(
        deletion_protection=False,
        db_cluster_parameter_group_name="other",
        kms_key_id="key",
        port=5433,
        serverless_v2_scaling=ServerlessV2Scaling(min_capacity=1, max_capacity=2),
    )
    settings = restore_settings(configured, recorded(), NETWORK)
    assert settings["DeletionProtection"] is False
    assert settings["DBClusterParameterGroupName"] == "other"
    assert (settings["KmsKeyId"], settings["Port"]) == ("key", 5433)
    assert settings["ServerlessV2ScalingConfiguration"] == {"MinCapacity": 1, "MaxCapacity": 2}


def test_a_default_parameter_group_is_left_to_the_new_version() -> None:
    old = recorded() | {"DBClusterParameterGroup": "default.aurora-postgresql15"}
    assert "DBClusterParameterGroupName" not in restore_settings(target(), old, NETWORK)


def test_the_instances_come_back_with_their_names_the_writer_first() -> None:
    plans = planned_instances(target(), recorded())
    assert [plan.identifier for plan in plans] == ["staging-b", "staging-a"]
    assert plans[0].options() == {
        "DBParameterGroupName": "instance-group",
        "EnablePerformanceInsights": True,
        "MonitoringInterval": 60,
        "MonitoringRoleArn": "arn:monitoring",
        "PromotionTier": 1,
    }


def test_configured_instances_take_over_the_old_names_first() -> None:
    three = tuple(Instance(instance_class="db.r6g.xlarge") for _ in range(3))
    plans = planned_instances(target(instances=three), recorded())
    assert [plan.identifier for plan in plans] == ["staging-b", "staging-a", "staging-1"]
    assert {plan.instance_class for plan in plans} == {"db.r6g.xlarge"}


def test_without_an_old_cluster_the_instances_must_be_configured() -> None:
    with pytest.raises(ConfigurationError, match=r"target\.instances: is missing"):
        planned_instances(target(), None)


def test_tags_of_aws_and_of_earlier_operations_do_not_come_back() -> None:
    tags = restored_tags(target(tags={"stage": "qa"}), recorded(), {"aurora-restore:x": "y"})
    assert tags == {"team": "blue", "stage": "qa", "aurora-restore:x": "y"}


def test_a_faithful_restore_has_no_drift_and_a_difference_is_named() -> None:
    old = recorded()
    wanted = restore_settings(target(), old, NETWORK)
    plans = planned_instances(target(), old)
    assert drift(target(), old, recorded(), wanted, plans) == []
    changed = settings_of(
        CLUSTER | {"BackupRetentionPeriod": 1, "EnabledCloudwatchLogsExports": []},  # type: ignore[arg-type]
        INSTANCES[:1],  # type: ignore[arg-type]
    )
    found = {item.setting: asdict(item) for item in drift(target(), old, changed, wanted, plans)}
    assert set(found) == {
        "BackupRetentionPeriod",
        "EnabledCloudwatchLogsExports",
        "Instances.staging-b",
    }
    assert (found["BackupRetentionPeriod"]["wanted"], found["BackupRetentionPeriod"]["found"]) == (
        5,
        1,
    )


def test_what_was_switched_off_stays_off_and_what_hung_on_it_is_left_out() -> None:
    switched_off = {
        "DBInstanceIdentifier": "staging-a",
        "DBInstanceClass": "db.r6g.large",
        "AutoMinorVersionUpgrade": False,
        "MonitoringInterval": 0,
        "MonitoringRoleArn": "arn:monitoring",
        "PerformanceInsightsEnabled": False,
        "PerformanceInsightsKMSKeyId": "arn:key",
        "PerformanceInsightsRetentionPeriod": 7,
    }

    (plan,) = planned_instances(target(), settings_of(CLUSTER, [switched_off]))  # type: ignore[arg-type,list-item]

    assert plan.options() == {
        "AutoMinorVersionUpgrade": False,
        "MonitoringInterval": 0,
        "EnablePerformanceInsights": False,
    }


def test_an_option_of_an_instance_that_differs_is_named() -> None:
    old = settings_of(CLUSTER, INSTANCES)  # type: ignore[arg-type]
    changed = [{**instance, "MonitoringInterval": 30} for instance in INSTANCES]
    new = settings_of({**CLUSTER, "DbClusterResourceId": "cluster-NEW"}, changed)  # type: ignore[typeddict-item,arg-type]
    wanted = restore_settings(target(), old, NETWORK)

    found = drift(target(), old, new, wanted, planned_instances(target(), old))

    assert [asdict(difference) for difference in found] == [
        {"setting": "Instances.staging-b.MonitoringInterval", "wanted": 60, "found": 30}
    ]


EXTRA = {
    "NetworkType": "DUAL",
    "DatabaseInsightsMode": "advanced",
    "HttpEndpointEnabled": True,
    "LocalWriteForwardingStatus": "enabled",
    "ActivityStreamStatus": "started",
    "ActivityStreamMode": "async",
    "MasterUserSecret": {"SecretArn": "arn:secret", "SecretStatus": "active"},
}
AROUND = Surroundings(
    custom_endpoints=(
        {
            "DBClusterEndpointIdentifier": "reports",
            "EndpointType": "READER",
            "StaticMembers": ["staging-a", "staging-gone"],
        },
        {
            "DBClusterEndpointIdentifier": "gone",
            "EndpointType": "ANY",
            "StaticMembers": ["staging-gone"],
        },
    ),
    proxies=("orders-proxy",),
    reader_scaling={"MinCapacity": 1, "MaxCapacity": 4},
)


def recorded_with_extras() -> dict[str, Any]:
    return settings_of(CLUSTER | EXTRA, INSTANCES, AROUND)  # type: ignore[arg-type]


def test_the_network_type_comes_back() -> None:
    assert restore_settings(target(), recorded_with_extras(), NETWORK)["NetworkType"] == "DUAL"


def put_back(new: dict[str, Any]) -> dict[str, dict[str, Any]]:
    old = recorded_with_extras()
    plans = planned_instances(target(), old)
    found = [
        *extras("staging", "us-west-2", old, new, plans, {"own": "tag"}),
        *openings("arn:staging", "us-west-2", old, new),
    ]
    return {each.name: {each.call.operation: dict(each.call.parameters)} for each in found}


def test_what_a_restore_does_not_take_is_put_back_by_calls_of_its_own() -> None:
    own = {"DBClusterIdentifier": "staging", "ApplyImmediately": True}

    assert put_back({}) == {
        "HttpEndpointEnabled": {"EnableHttpEndpoint": {"ResourceArn": "arn:staging"}},
        "DatabaseInsightsMode": {
            "ModifyDBCluster": {
                **own,
                "DatabaseInsightsMode": "advanced",
                "EnablePerformanceInsights": True,
                "PerformanceInsightsRetentionPeriod": 465,
            }
        },
        "LocalWriteForwarding": {"ModifyDBCluster": {**own, "EnableLocalWriteForwarding": True}},
        "CustomEndpoints.reports": {
            "CreateDBClusterEndpoint": {
                "DBClusterIdentifier": "staging",
                "DBClusterEndpointIdentifier": "reports",
                "EndpointType": "READER",
                "StaticMembers": ["staging-a"],
                "Tags": [{"Key": "own", "Value": "tag"}],
            }
        },
    }


def test_what_the_new_cluster_has_already_is_not_put_back_again() -> None:
    assert put_back(recorded_with_extras()) == {}


def test_every_call_that_puts_something_back_is_one_of_the_api() -> None:
    model = ServiceModel(create_loader().load_service_model("rds", "service-2"))
    old = recorded_with_extras()

    for extra in (
        *extras("staging", "us-west-2", old, {}, planned_instances(target(), old), {}),
        *openings("arn:staging", "us-west-2", old, {}),
    ):
        shape = model.operation_model(extra.call.operation).input_shape
        assert shape is not None
        assert set(extra.call.parameters) <= set(shape.members)


def test_what_will_be_lost_is_named() -> None:
    old = recorded_with_extras()

    assert losses(old, planned_instances(target(), old)) == [
        "the database activity stream (async)",
        "the auto scaling of readers (1 to 4), with its policies",
        "members of the custom endpoint reports: staging-gone",
        "the custom endpoint gone: none of its instances will exist",
    ]
    assert losses(recorded(), planned_instances(target(), recorded())) == []
    assert losses(None, []) == []


def test_what_is_lost_is_in_the_drift() -> None:
    old = recorded_with_extras()
    wanted = restore_settings(target(), old, NETWORK)

    found = [
        *drift(target(), old, recorded(), wanted, planned_instances(target(), old)),
        *hand_over_drift(old, recorded(), NETWORK.security_group_ids),
    ]

    assert {item.setting for item in found} == {
        "ActivityStream",
        "CustomEndpoints",
        "DatabaseInsightsMode",
        "HttpEndpointEnabled",
        "LocalWriteForwarding",
        "NetworkType",
        "ReaderAutoScaling",
    }


def test_the_tags_of_an_instance_come_back_with_its_name() -> None:
    tagged = [
        {
            **each,
            "TagList": [
                {"Key": "cost-center", "Value": "7"},
                {"Key": "aurora-restore:operation-id", "Value": "op-0"},
                {"Key": "aws:cloudformation:stack-name", "Value": "x"},
            ],
        }
        for each in INSTANCES
    ]
    old = settings_of(CLUSTER, tagged)  # type: ignore[arg-type]
    configured = target(tags={"stage": "qa"})
    (plan, _) = planned_instances(configured, old)

    assert instance_tags(configured, plan, {"own": "tag"}) == {
        "cost-center": "7",
        "stage": "qa",
        "own": "tag",
    }
    wanted = restore_settings(configured, old, NETWORK)
    found = drift(configured, old, recorded(), wanted, planned_instances(configured, old))
    assert {"Instances.staging-a.Tags", "Instances.staging-b.Tags"} <= {
        item.setting for item in found
    }


@pytest.mark.parametrize(
    ("configured", "expected"),
    [
        (None, {"MinCapacity": 0.0, "MaxCapacity": 4.0, "SecondsUntilAutoPause": 900}),
        (
            ServerlessV2Scaling(min_capacity=0, max_capacity=2),
            {"MinCapacity": 0, "MaxCapacity": 2, "SecondsUntilAutoPause": 900},
        ),
        (
            ServerlessV2Scaling(min_capacity=0, max_capacity=2, seconds_until_auto_pause=300),
            {"MinCapacity": 0, "MaxCapacity": 2, "SecondsUntilAutoPause": 300},
        ),
        (
            ServerlessV2Scaling(min_capacity=1, max_capacity=2),
            {"MinCapacity": 1, "MaxCapacity": 2},
        ),
    ],
)
def test_the_time_until_a_serverless_instance_pauses_stays(
    configured: ServerlessV2Scaling | None, expected: dict[str, Any]
) -> None:
    scaling = {"MinCapacity": 0.0, "MaxCapacity": 4.0, "SecondsUntilAutoPause": 900}
    old = settings_of(CLUSTER | {"ServerlessV2ScalingConfiguration": scaling}, INSTANCES)  # type: ignore[arg-type]

    settings = restore_settings(target(serverless_v2_scaling=configured), old, NETWORK)

    assert settings["ServerlessV2ScalingConfiguration"] == expected
