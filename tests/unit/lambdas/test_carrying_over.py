"""What does not go with the target's name is carried over after a switch, and after a roll-back."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from aurora_restore.lambdas.check_restore_status import CheckRestoreStatusHandler
from aurora_restore.lambdas.delete_rds import DeleteRdsHandler
from aurora_restore.lambdas.hand_over import HandOverHandler
from aurora_restore.lambdas.restore_snapshot import RestoreSnapshotHandler
from aurora_restore.lambdas.snapshot_check import SnapshotCheckHandler
from aurora_restore.shared.names import READER_COUNT
from aurora_restore.shared.state_utils import SUCCESS
from tests.unit.lambdas.arrange import LONG_ENOUGH, go
from tests.unit.lambdas.midway import copied, databases_set_up, until_done
from tests.unit.lambdas.switched import BESIDE, RETIRED, record, switch
from tests.unit.lambdas.test_old_settings import make_proxy
from tests.unit.scene import HOME, OWN_TAGS, TARGET, Scene

SCALED = {
    "ServiceNamespace": "rds",
    "ResourceId": f"cluster:{TARGET}",
    "ScalableDimension": READER_COUNT,
}
ROLL_BACK = {"roll_back": True}
CARRIED = ("CustomEndpoints", "Proxies", "ReaderAutoScaling", "HttpEndpointEnabled")


def make_surroundings(scene: Scene) -> None:
    """A target, with a reader, that has everything that does not go with its name."""
    scene.make_target(readers=1)
    rds = scene.client("rds")
    rds.enable_http_endpoint(ResourceArn=HOME.arn("cluster", TARGET))
    rds.create_db_cluster_endpoint(
        DBClusterIdentifier=TARGET,
        DBClusterEndpointIdentifier="reports",
        EndpointType="READER",
        StaticMembers=[f"{TARGET}-2"],
        Tags=OWN_TAGS,
    )
    make_proxy(scene)
    scene.client("application-autoscaling").register_scalable_target(
        **SCALED, MinCapacity=1, MaxCapacity=4
    )
    scene.bench.advance(LONG_ENOUGH)


def hand_over_beside(scene: Scene, instances: int = 2, **restore: Any) -> dict[str, Any]:
    """Restore beside the target, set up and hand over; the last answer's body."""
    document = {**scene.document, **restore}
    document["target"] |= {
        "strategy": "switch",
        "instances": [{"instance_class": "db.r6g.large"}] * instances,
    }
    scene.bench.configure(document)
    copied(scene)
    go(scene, DeleteRdsHandler)
    go(scene, RestoreSnapshotHandler)
    scene.bench.advance(LONG_ENOUGH)
    until_done(scene, CheckRestoreStatusHandler)
    databases_set_up(scene)
    body: dict[str, Any] = until_done(scene, HandOverHandler)["body"]
    return body


def roll_back(scene: Scene) -> dict[str, Any]:
    """Roll the target back in an operation of its own, which has begun."""
    scene.bench.store.save(
        "op-2", "switch-cluster", SUCCESS, {"sequence": "roll-back"}, scene.bench.clock()
    )
    return switch(scene, ROLL_BACK, operation_id="op-2")


def drift(scene: Scene, operation_id: str = "op-1") -> dict[str, Any]:
    """What the drift says of what is carried over: what was found, by setting."""
    latest = scene.bench.store.load(operation_id)
    assert latest is not None
    return {
        each["setting"]: each["found"]
        for each in latest["details"].get("drift", ())
        if each["setting"].partition(".")[0] in CARRIED
    }


def endpoint(scene: Scene) -> tuple[str, list[str]]:
    """The cluster that has the custom endpoint, and the members of that."""
    (found,) = scene.client("rds").describe_db_cluster_endpoints(
        DBClusterEndpointIdentifier="reports"
    )["DBClusterEndpoints"]
    return found["DBClusterIdentifier"], found["StaticMembers"]


def proxied(scene: Scene) -> list[str]:
    """The cluster and the instances that the proxy leads to."""
    found = scene.client("rds").describe_db_proxy_targets(DBProxyName="orders-proxy")["Targets"]
    return sorted(each["RdsResourceId"] for each in found)


def scaling(scene: Scene) -> list[tuple[int, int]]:
    found = scene.client("application-autoscaling").describe_scalable_targets(
        ServiceNamespace="rds", ResourceIds=[f"cluster:{TARGET}"]
    )["ScalableTargets"]
    return [(each["MinCapacity"], each["MaxCapacity"]) for each in found]


def query(scene: Scene) -> None:
    """Use the Data API of the cluster that has the target's name."""
    arn = HOME.arn("cluster", TARGET)
    client = scene.bench.rds.session(HOME.account, HOME.region).client("rds-data")
    client.execute_statement(resourceArn=arn, secretArn=arn, sql="SELECT 1")


follows = pytest.mark.parametrize("by_name", [False, True], ids=["by-cluster", "by-name"])
breaks = pytest.mark.parametrize("broken", [False, True], ids=["data-api-stays", "data-api-lost"])


@follows
@breaks
def test_what_does_not_go_with_the_name_is_the_new_cluster_s(
    scene: Scene, by_name: bool, broken: bool
) -> None:
    scene.bench.rds.admin.set_rules(proxies_follow_the_name=by_name, rename_breaks_data_api=broken)
    make_surroundings(scene)
    hand_over_beside(scene)

    assert switch(scene)["statusCode"] == 200

    assert endpoint(scene) == (TARGET, [f"{BESIDE}-2"])
    assert proxied(scene) == sorted([TARGET, f"{BESIDE}-1", f"{BESIDE}-2"])
    assert scaling(scene) == [(1, 4)]
    query(scene)
    assert drift(scene) == {}


@follows
@breaks
def test_after_a_roll_back_it_is_the_old_one_s_again(
    scene: Scene, by_name: bool, broken: bool
) -> None:
    scene.bench.rds.admin.set_rules(proxies_follow_the_name=by_name, rename_breaks_data_api=broken)
    make_surroundings(scene)
    hand_over_beside(scene)
    switch(scene)
    scene.bench.advance(LONG_ENOUGH)

    assert roll_back(scene)["statusCode"] == 200

    assert endpoint(scene) == (TARGET, [f"{TARGET}-2"])
    assert proxied(scene) == sorted([TARGET, f"{TARGET}-1", f"{TARGET}-2"])
    assert scaling(scene) == [(1, 4)]
    query(scene)
    assert drift(scene, "op-2") == {}


def test_until_the_switch_nothing_of_it_is_touched(scene: Scene) -> None:
    make_surroundings(scene)

    body = hand_over_beside(scene)

    assert endpoint(scene) == (TARGET, [f"{TARGET}-2"])
    assert proxied(scene) == sorted([TARGET, f"{TARGET}-1", f"{TARGET}-2"])
    beside = scene.cluster(BESIDE)
    assert beside is not None
    assert beside["HttpEndpointEnabled"] is False
    assert [each for each in body["drift"] if each["setting"] in CARRIED] == []


@pytest.mark.parametrize(
    ("operation", "setting"),
    [
        ("DeleteDBClusterEndpoint", "CustomEndpoints.reports"),
        ("DeregisterDBProxyTargets", "Proxies.orders-proxy"),
        ("EnableHttpEndpoint", "HttpEndpointEnabled"),
    ],
)
def test_what_aws_refuses_is_left_to_the_drift_and_the_rest_is_carried_over(
    scene: Scene, operation: str, setting: str
) -> None:
    scene.bench.rds.admin.set_rules(proxies_follow_the_name=False)
    make_surroundings(scene)
    hand_over_beside(scene)
    scene.bench.rds.admin.refuse_next(operation, code="AccessDenied", status=403, times=99)

    assert switch(scene)["statusCode"] == 200

    assert set(drift(scene)) == {setting}


def test_what_aws_refuses_for_now_is_tried_again(scene: Scene) -> None:
    make_surroundings(scene)
    hand_over_beside(scene)
    for operation, code in (
        ("DeleteDBClusterEndpoint", "InvalidDBClusterEndpointStateFault"),
        ("CreateDBClusterEndpoint", "DBClusterEndpointAlreadyExistsFault"),
        ("DeregisterDBProxyTargets", "InvalidDBProxyStateFault"),
        ("RegisterDBProxyTargets", "InvalidDBClusterStateFault"),
        ("EnableHttpEndpoint", "InvalidResourceStateFault"),
    ):
        scene.bench.rds.admin.refuse_next(operation, code=code, times=2)

    assert switch(scene)["statusCode"] == 200

    assert endpoint(scene)[0] == TARGET
    assert TARGET in proxied(scene)
    query(scene)
    assert drift(scene) == {}


def test_polling_that_is_seldom_leaves_time_to_carry_over(scene: Scene) -> None:
    make_surroundings(scene)
    hand_over_beside(scene, polling={"floor_seconds": 3600, "cap_seconds": 3600})

    assert switch(scene)["statusCode"] == 200

    assert endpoint(scene)[0] == TARGET
    assert drift(scene) == {}


def test_what_aws_never_does_is_given_up(scene: Scene) -> None:
    make_surroundings(scene)
    hand_over_beside(scene)
    scene.bench.rds.admin.refuse_next(
        "DeleteDBClusterEndpoint", code="InvalidDBClusterEndpointStateFault", times=9999
    )

    assert switch(scene)["statusCode"] == 200

    assert drift(scene) == {"CustomEndpoints.reports": RETIRED}


def test_auto_scaling_that_was_lost_is_registered_again_and_its_policies_are_named(
    scene: Scene,
) -> None:
    make_surroundings(scene)
    hand_over_beside(scene)
    client = scene.bench.clients.application_auto_scaling
    original = client.describe_scalable_targets
    state = {"lost": False}

    def lose(**parameters: Any) -> Any:
        if record(scene).live is not None and not state["lost"]:
            state["lost"] = True
            client.deregister_scalable_target(**SCALED)
        return original(**parameters)

    client.describe_scalable_targets = lose
    try:
        switch(scene)
    finally:
        client.describe_scalable_targets = original

    assert state["lost"]
    assert scaling(scene) == [(1, 4)]
    assert set(drift(scene)) == {"ReaderAutoScaling.Policies"}


def test_an_endpoint_none_of_whose_instances_has_a_successor_stays_where_it_is(
    scene: Scene,
) -> None:
    make_surroundings(scene)
    hand_over_beside(scene, instances=1)

    switch(scene)

    assert endpoint(scene) == (RETIRED, [f"{TARGET}-2"])
    assert drift(scene) == {"CustomEndpoints.reports": RETIRED}


def test_another_call_of_a_finished_switch_changes_nothing(scene: Scene) -> None:
    make_surroundings(scene)
    hand_over_beside(scene)
    switch(scene)
    scene.bench.advance(LONG_ENOUGH)
    before = len(scene.changes())

    assert switch(scene)["statusCode"] == 200

    assert len(scene.changes()) == before
    with pytest.raises(ClientError):
        scene.client("rds").create_db_cluster_endpoint(
            DBClusterIdentifier=TARGET, DBClusterEndpointIdentifier="reports", EndpointType="ANY"
        )


def test_a_dry_run_says_what_does_not_follow_the_name_and_lists_the_calls_of_the_switch(
    scene: Scene,
) -> None:
    make_surroundings(scene)
    document = scene.document
    document["target"] |= {
        "strategy": "switch",
        "instances": [{"instance_class": "db.r6g.large"}] * 2,
    }
    scene.bench.configure(document)

    body = go(scene, SnapshotCheckHandler, {"dry_run": True})["body"]

    assert body["ready"] is True
    assert body["will_be_lost"] == []
    lines = " | ".join(body["warnings"])
    for subject in (
        "the custom endpoint reports: carried over",
        "the registration with RDS Proxy orders-proxy: carried over",
        "the auto scaling of readers (1 to 4): carried over",
        "the Data API: carried over",
        f"CloudWatch alarms on instances ({TARGET}-1, {TARGET}-2)",
    ):
        assert subject in lines
    calls = [each["operation"] for each in body["calls"]]
    switching = calls[calls.index("RestoreDBClusterFromSnapshot") :]
    renames = [
        (each["parameters"]["DBClusterIdentifier"], each["parameters"]["NewDBClusterIdentifier"])
        for each in body["calls"]
        if "NewDBClusterIdentifier" in each["parameters"]
    ]
    assert renames == [(TARGET, RETIRED), (BESIDE, TARGET)]
    assert switching[-6:] == [
        "AddTagsToResource",
        "RemoveTagsFromResource",
        "DeleteDBClusterEndpoint",
        "EnableHttpEndpoint",
        "CreateDBClusterEndpoint",
        "AddTagsToResource",
    ]
    assert "DeleteDBCluster" not in calls


def test_a_dry_run_of_a_replacement_says_nothing_of_it(scene: Scene) -> None:
    make_surroundings(scene)

    body = go(scene, SnapshotCheckHandler, {"dry_run": True})["body"]

    assert not any("carried over" in line for line in body["warnings"])
