"""What the old cluster had beyond the settings of a restore: put back, or announced as lost."""

from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError

from aurora_restore.lambdas.check_restore_status import CheckRestoreStatusHandler
from aurora_restore.lambdas.delete_rds import DeleteRdsHandler
from aurora_restore.lambdas.hand_over import HandOverHandler
from aurora_restore.lambdas.restore_snapshot import RestoreSnapshotHandler
from aurora_restore.lambdas.snapshot_check import SnapshotCheckHandler
from tests.unit.bench import Bench
from tests.unit.lambdas.arrange import LONG_ENOUGH, go, make_key, make_replaceable
from tests.unit.lambdas.midway import databases_set_up, until_done
from tests.unit.scene import HOME, OWN_TAGS, TARGET, Scene

ARN = HOME.arn("cluster", TARGET)
READER = f"{TARGET}-2"
SECRET = "arn:aws:secretsmanager:us-west-2:123456789012:secret:proxy"


@pytest.fixture
def scene(bench: Bench) -> Scene:
    """A target with everything that a restore does not take."""
    scene = make_replaceable(bench)
    scene.configure(instances=[{"instance_class": "db.r6g.large"}] * 2)
    rds = scene.client("rds")
    rds.enable_http_endpoint(ResourceArn=ARN)
    rds.modify_db_cluster(
        DBClusterIdentifier=TARGET,
        DatabaseInsightsMode="advanced",
        EnablePerformanceInsights=True,
        PerformanceInsightsRetentionPeriod=465,
        EnableLocalWriteForwarding=True,
        ApplyImmediately=True,
    )
    rds.create_db_cluster_endpoint(
        DBClusterIdentifier=TARGET,
        DBClusterEndpointIdentifier="reports",
        EndpointType="READER",
        StaticMembers=[READER],
    )
    rds.add_tags_to_resource(
        ResourceName=HOME.arn("db", READER), Tags=[{"Key": "cost-center", "Value": "7"}]
    )
    rds.start_activity_stream(
        ResourceArn=ARN, Mode="async", KmsKeyId=make_key(scene, HOME), ApplyImmediately=True
    )
    make_proxy(scene)
    scene.client("application-autoscaling").register_scalable_target(
        ServiceNamespace="rds",
        ResourceId=f"cluster:{TARGET}",
        ScalableDimension="rds:cluster:ReadReplicaCount",
        MinCapacity=1,
        MaxCapacity=4,
    )
    bench.advance(LONG_ENOUGH)
    return scene


def make_proxy(scene: Scene) -> None:
    rds = scene.client("rds")
    (group,) = rds.describe_db_subnet_groups(DBSubnetGroupName="my-subnet-group")["DBSubnetGroups"]
    rds.create_db_proxy(
        DBProxyName="orders-proxy",
        EngineFamily="POSTGRESQL",
        Auth=[{"AuthScheme": "SECRETS", "SecretArn": SECRET, "IAMAuth": "DISABLED"}],
        RoleArn="arn:aws:iam::123456789012:role/proxy",
        VpcSubnetIds=[each["SubnetIdentifier"] for each in group["Subnets"]],
    )
    rds.register_db_proxy_targets(DBProxyName="orders-proxy", DBClusterIdentifiers=[TARGET])


def replaced(scene: Scene) -> dict[str, Any]:
    """Replace the target and hand it over; the last answer's body of hand-over."""
    go(scene, DeleteRdsHandler)
    scene.bench.advance(LONG_ENOUGH)
    go(scene, RestoreSnapshotHandler)
    scene.bench.advance(LONG_ENOUGH)
    until_done(scene, CheckRestoreStatusHandler)
    databases_set_up(scene)
    body: dict[str, Any] = until_done(scene, HandOverHandler)["body"]
    return body


LOST = [
    "the database activity stream (async)",
    "the auto scaling of readers (1 to 4), with its policies",
]


def test_a_dry_run_says_what_will_be_put_back_and_what_will_be_lost(scene: Scene) -> None:
    body = go(scene, SnapshotCheckHandler, {"dry_run": True})["body"]

    assert body["ready"] is True
    assert body["will_be_lost"] == LOST
    calls = [each["operation"] for each in body["calls"]]
    assert {"EnableHttpEndpoint", "CreateDBClusterEndpoint"} <= set(calls)


def test_without_anything_beyond_a_dry_run_loses_nothing(bench: Bench) -> None:
    scene = make_replaceable(bench)

    body = go(scene, SnapshotCheckHandler, {"dry_run": True})["body"]

    assert body["will_be_lost"] == []


def test_what_the_api_lets_be_put_back_is_put_back(scene: Scene) -> None:
    replaced(scene)

    rds = scene.client("rds")
    cluster = scene.cluster()
    assert cluster is not None
    assert cluster["DatabaseInsightsMode"] == "advanced"
    assert cluster["HttpEndpointEnabled"] is True
    assert cluster["LocalWriteForwardingStatus"] == "enabled"
    (endpoint,) = [
        each
        for each in rds.describe_db_cluster_endpoints(DBClusterIdentifier=TARGET)[
            "DBClusterEndpoints"
        ]
        if each["EndpointType"] == "CUSTOM"
    ]
    assert (endpoint["DBClusterEndpointIdentifier"], endpoint["CustomEndpointType"]) == (
        "reports",
        "READER",
    )
    assert endpoint["StaticMembers"] == [READER]
    tags = rds.list_tags_for_resource(ResourceName=HOME.arn("db", READER))["TagList"]
    assert {"Key": "cost-center", "Value": "7"} in tags
    assert OWN_TAGS[0] in tags


def test_what_is_lost_is_in_the_drift(scene: Scene) -> None:
    body = replaced(scene)

    assert {each["setting"] for each in body["drift"]} == {"ActivityStream"}


def test_what_aws_refuses_to_put_back_is_drift_and_no_failure(scene: Scene) -> None:
    scene.bench.rds.admin.refuse_next("EnableHttpEndpoint", code="InvalidParameterCombination")
    scene.bench.rds.admin.refuse_next(
        "CreateDBClusterEndpoint", code="DBClusterEndpointQuotaExceededFault"
    )

    body = replaced(scene)

    assert body["message"] == "The cluster is handed over"
    assert {"HttpEndpointEnabled", "CustomEndpoints"} <= {each["setting"] for each in body["drift"]}


@pytest.mark.parametrize("operation", ["DescribeDBProxies", "DescribeDBProxyTargets"])
@pytest.mark.parametrize("code", ["AccessDenied", "InvalidAction"])
def test_a_run_goes_on_if_aws_refuses_to_describe_rds_proxies(
    bench: Bench, operation: str, code: str
) -> None:
    scene = make_replaceable(bench)
    make_proxy(scene)
    bench.rds.admin.refuse_next(operation, code=code, status=403, times=10)

    body = go(scene, SnapshotCheckHandler, {"dry_run": True})["body"]

    assert body["ready"] is True
    assert body["will_be_lost"] == [
        "the registration with RDS Proxy, if there is any: that could not be found out"
    ]
    assert replaced(scene)["drift"] == []


def test_without_a_way_to_application_auto_scaling_a_run_goes_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = make_replaceable(bench)
    client = bench.clients.application_auto_scaling

    def refuse(**_: Any) -> None:
        raise ConnectTimeoutError(endpoint_url="https://application-autoscaling.test")

    monkeypatch.setattr(client, "describe_scalable_targets", refuse)

    body = go(scene, SnapshotCheckHandler, {"dry_run": True})["body"]

    assert body["ready"] is True
    assert body["will_be_lost"] == [
        "the auto scaling of readers, if there is any: that could not be found out"
    ]
    assert replaced(scene)["drift"] == []
