"""What is done about what does not follow a name, decided from facts alone."""

from dataclasses import replace
from typing import Any

import pytest

from aurora_restore.shared.cluster.surroundings import UNKNOWN
from aurora_restore.shared.switching.carry_over import (
    CarryOverFacts,
    ProxyTarget,
    belongings,
    decide,
    differences,
    in_place_of,
    refused,
)

REPORTS = {
    "DBClusterEndpointIdentifier": "reports",
    "EndpointType": "READER",
    "StaticMembers": ["old-2", "old-3"],
}
SCALING = {"MinCapacity": 1, "MaxCapacity": 4}
FACTS = CarryOverFacts(
    was_renamed=True,
    had={
        "CustomEndpoints": [REPORTS],
        "Proxies": ["front"],
        "ReaderAutoScaling": SCALING,
        "HttpEndpointEnabled": True,
    },
    live="orders",
    retired="orders-old",
    region="us-west-2",
    tags={"own": "tag"},
    instances={"old-1": "new-1", "old-2": "new-2"},
    cluster_arn="arn:of:orders",
    members=frozenset({"new-1", "new-2"}),
    has_data_api=True,
    endpoints={"reports": ("orders", "available")},
    proxies={"front": ProxyTarget(cluster_id="orders", instances=frozenset({"new-1", "new-2"}))},
    scaling=SCALING,
)
DONE = ("HttpEndpointEnabled.Off", "HttpEndpointEnabled")


def next_calls(facts: CarryOverFacts, done: tuple[str, ...] = DONE) -> list[str]:
    """The operations that are next; ``wait`` where there is only to look again."""
    return ["wait" if each.call is None else each.call.operation for each in decide(facts, done)]


def settings_of_drift(facts: CarryOverFacts, done: tuple[str, ...] = DONE) -> list[str]:
    return [each.setting for each in differences(facts, done)]


def test_where_everything_is_right_nothing_is_done() -> None:
    assert next_calls(FACTS) == []


@pytest.mark.parametrize(
    ("shown", "operations"),
    [
        ({"reports": ("orders-old", "available")}, ["DeleteDBClusterEndpoint"]),
        ({"reports": ("orders-old", "deleting")}, ["wait"]),
        ({}, ["CreateDBClusterEndpoint"]),
        ({"reports": ("orders", "creating")}, []),
        (UNKNOWN, []),
    ],
)
def test_a_custom_endpoint_is_deleted_waited_for_and_made(shown: Any, operations: Any) -> None:
    assert next_calls(replace(FACTS, endpoints=shown)) == operations


def test_the_members_of_an_endpoint_are_the_successors_of_the_old_ones() -> None:
    (step,) = decide(replace(FACTS, endpoints={}), DONE)

    assert step.call is not None
    assert step.call.parameters == {
        "DBClusterIdentifier": "orders",
        "DBClusterEndpointIdentifier": "reports",
        "EndpointType": "READER",
        "StaticMembers": ["new-2"],
        "Tags": [{"Key": "own", "Value": "tag"}],
    }


def test_members_without_a_successor_are_in_the_drift() -> None:
    assert settings_of_drift(FACTS) == ["CustomEndpoints.reports"]
    complete = replace(FACTS, instances={**FACTS.instances, "old-3": "new-3"})
    assert settings_of_drift(complete) == []


def test_an_endpoint_without_any_successor_is_not_deleted() -> None:
    facts = replace(FACTS, instances={}, endpoints={"reports": ("orders-old", "available")})

    assert next_calls(facts) == []
    assert settings_of_drift(facts) == ["CustomEndpoints.reports"]


def target(cluster_id: str | None, *instances: str) -> ProxyTarget:
    return ProxyTarget(cluster_id=cluster_id, instances=frozenset(instances))


@pytest.mark.parametrize(
    ("shown", "operations"),
    [
        (target("orders-old", "old-1"), ["DeregisterDBProxyTargets"]),
        (target("orders", "old-1"), ["DeregisterDBProxyTargets"]),
        (target("orders", "new-1", "old-1"), ["DeregisterDBProxyTargets"]),
        (target(None), ["RegisterDBProxyTargets"]),
        (target("orders"), ["wait"]),
        (target("payroll", "payroll-1"), []),
        (UNKNOWN, []),
    ],
)
def test_a_proxy_is_registered_again_unless_it_leads_to_the_live_cluster(
    shown: Any, operations: Any
) -> None:
    facts = replace(FACTS, proxies={"front": shown})

    assert next_calls(facts) == operations
    assert "Proxies.front" in settings_of_drift(facts)


def test_what_a_proxy_is_deregistered_from_is_the_name_that_it_shows() -> None:
    (step,) = decide(replace(FACTS, proxies={"front": target("orders-old", "old-1")}), DONE)

    assert step.call is not None
    assert step.call.parameters == {
        "DBProxyName": "front",
        "DBClusterIdentifiers": ["orders-old"],
    }


@pytest.mark.parametrize("shown", [None, {"MinCapacity": 2, "MaxCapacity": 4}])
def test_auto_scaling_that_is_not_as_it_was_is_registered_again(shown: Any) -> None:
    (step,) = decide(replace(FACTS, scaling=shown), DONE)

    assert step.call is not None
    assert step.call.service == "application-autoscaling"
    assert step.call.parameters["ResourceId"] == "cluster:orders"
    assert (step.call.parameters["MinCapacity"], step.call.parameters["MaxCapacity"]) == (1, 4)


def test_auto_scaling_that_was_registered_again_may_lack_its_policies() -> None:
    assert "ReaderAutoScaling.Policies" in settings_of_drift(FACTS, (*DONE, "ReaderAutoScaling"))


def test_auto_scaling_that_cannot_be_seen_is_left_alone_and_named() -> None:
    facts = replace(FACTS, scaling=UNKNOWN)

    assert next_calls(facts) == []
    assert "ReaderAutoScaling" in settings_of_drift(facts)


@pytest.mark.parametrize(
    ("is_on", "done", "operations"),
    [
        (False, (), ["EnableHttpEndpoint"]),
        (True, (), ["DisableHttpEndpoint"]),
        (True, DONE[:1], ["wait"]),
        (False, DONE[:1], ["EnableHttpEndpoint"]),
        (True, DONE, []),
    ],
)
def test_the_data_api_is_on_in_the_end_and_was_off_since_the_rename(
    is_on: bool, done: Any, operations: Any
) -> None:
    assert next_calls(replace(FACTS, has_data_api=is_on), done) == operations


def test_a_data_api_that_was_not_off_since_the_rename_is_in_the_drift() -> None:
    assert "HttpEndpointEnabled" in settings_of_drift(FACTS, (refused("HttpEndpointEnabled"),))


def test_what_aws_refuses_is_not_tried_again() -> None:
    facts = replace(FACTS, endpoints={}, scaling=None)

    assert next_calls(facts, (*DONE, refused("CustomEndpoints.reports"))) == [
        "RegisterScalableTarget"
    ]


def test_what_a_cluster_did_not_have_it_does_not_get() -> None:
    facts = replace(FACTS, had={}, endpoints={}, scaling=None, proxies={}, has_data_api=False)

    assert next_calls(facts, ()) == []
    assert settings_of_drift(facts, ()) == []


def test_what_belongs_to_a_cluster_is_taken_from_its_settings_before_and_now() -> None:
    plans = [{"identifier": "old-1"}, {"identifier": "old-2"}]
    before = {"CustomEndpoints": [REPORTS], "Instances": plans, "HttpEndpointEnabled": True}
    other = {**REPORTS, "DBClusterEndpointIdentifier": "analysts"}
    now = {
        "CustomEndpoints": [other],
        "Proxies": ["front"],
        "ReaderAutoScaling": UNKNOWN,
        "Instances": [*plans, {"identifier": "application-autoscaling-1"}],
    }

    assert belongings(now, before) == {
        "CustomEndpoints": [other, REPORTS],
        "Proxies": ["front"],
        "HttpEndpointEnabled": True,
        "Instances": ["old-1", "old-2"],
    }


def test_instances_take_the_places_of_others_in_the_order_of_the_plan() -> None:
    assert in_place_of(["a", "b", "c"], ["x", "y"]) == {"a": "x", "b": "y"}
