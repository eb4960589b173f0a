"""What a cluster has beside its settings, and what a restore does not bring back."""

from typing import Any

import pytest

from embedded_aws.vpc import create_network
from tests.unit.embedded_aws.rds.rds_bench import HERE, TIMINGS, RdsBench, refused


def test_the_subnet_group_decides_which_network_types_a_cluster_can_have(
    rds_bench: RdsBench,
) -> None:
    rds = rds_bench.rds()
    create_network(rds_bench.ec2(), rds, HERE, "ipv4")
    create_network(rds_bench.ec2(), rds, HERE, "dual", ipv6=True)
    described = rds.describe_db_subnet_groups()["DBSubnetGroups"]
    types = {each["DBSubnetGroupName"]: each["SupportedNetworkTypes"] for each in described}

    assert types["ipv4"] == ["IPV4"]
    assert types["dual"] == ["IPV4", "DUAL"]
    with refused("NetworkTypeNotSupported"):
        rds_bench.new_cluster(DBSubnetGroupName="ipv4", NetworkType="DUAL")
    assert rds_bench.new_cluster(DBSubnetGroupName="dual", NetworkType="DUAL")


def endpoint(rds_bench: RdsBench, name: str = "reports", **settings: Any) -> Any:
    parameters: dict[str, Any] = {
        "DBClusterIdentifier": "orders",
        "DBClusterEndpointIdentifier": name,
        "EndpointType": "READER",
    }
    return rds_bench.rds().create_db_cluster_endpoint(**(parameters | settings))


def custom_endpoints(rds_bench: RdsBench, cluster: str = "orders") -> list[str]:
    found = rds_bench.rds().describe_db_cluster_endpoints(DBClusterIdentifier=cluster)
    return [
        each["DBClusterEndpointIdentifier"]
        for each in found["DBClusterEndpoints"]
        if each["EndpointType"] == "CUSTOM"
    ]


def test_a_custom_endpoint_leads_to_members_of_its_cluster(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    rds_bench.new_instance("orders-1")

    made = endpoint(rds_bench, StaticMembers=["orders-1"])

    assert (made["CustomEndpointType"], made["StaticMembers"]) == ("READER", ["orders-1"])
    with refused("DBInstanceNotFound"):
        endpoint(rds_bench, "other", ExcludedMembers=["orders-2"])
    with refused("InvalidParameterCombination"):
        endpoint(rds_bench, "other", StaticMembers=["orders-1"], ExcludedMembers=["orders-1"])
    with refused("InvalidParameterValue"):
        endpoint(rds_bench, "other", EndpointType="ALL")


def test_the_name_of_a_custom_endpoint_is_free_only_once_that_is_gone(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    rds_bench.new_cluster("beside")
    rds = rds_bench.rds()
    assert endpoint(rds_bench)["Status"] == "creating"
    with refused("InvalidDBClusterEndpointStateFault"):
        rds.delete_db_cluster_endpoint(DBClusterEndpointIdentifier="reports")
    rds_bench.advance(TIMINGS.create_endpoint)

    shown = rds.delete_db_cluster_endpoint(DBClusterEndpointIdentifier="reports")
    assert shown["Status"] == "deleting"
    with refused("DBClusterEndpointAlreadyExistsFault"):
        endpoint(rds_bench, DBClusterIdentifier="beside")
    rds_bench.advance(TIMINGS.delete_endpoint)
    assert custom_endpoints(rds_bench) == []
    with refused("DBClusterEndpointNotFoundFault"):
        rds.delete_db_cluster_endpoint(DBClusterEndpointIdentifier="reports")
    again = endpoint(rds_bench, DBClusterIdentifier="beside")
    assert again["Endpoint"] == shown["Endpoint"]


def test_a_cluster_has_at_most_five_custom_endpoints(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    for number in range(5):
        endpoint(rds_bench, f"reports-{number}")

    with refused("DBClusterEndpointQuotaExceededFault"):
        endpoint(rds_bench, "one-too-many")


def test_custom_endpoints_are_found_by_their_own_name_type_and_status(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    rds_bench.new_cluster("beside")
    endpoint(rds_bench)
    rds_bench.advance(TIMINGS.create_endpoint)
    endpoint(rds_bench, "writes", DBClusterIdentifier="beside", EndpointType="ANY")
    rds = rds_bench.rds()

    (one,) = rds.describe_db_cluster_endpoints(DBClusterEndpointIdentifier="writes")[
        "DBClusterEndpoints"
    ]
    assert (one["DBClusterIdentifier"], one["Status"]) == ("beside", "creating")
    for name, value, count in (
        ("type", "custom", 2),
        ("type", "writer", 2),
        ("custom-type", "any", 1),
        ("status", "creating", 1),
        ("id", "reports", 1),
    ):
        filters: Any = [{"Name": f"db-cluster-endpoint-{name}", "Values": [value]}]
        found = rds.describe_db_cluster_endpoints(Filters=filters)["DBClusterEndpoints"]
        assert len(found) == count, name


def test_custom_endpoints_go_with_their_cluster(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    endpoint(rds_bench)
    rds_bench.rds().delete_db_cluster(DBClusterIdentifier="orders", SkipFinalSnapshot=True)
    rds_bench.advance(TIMINGS.delete_cluster)
    with refused("DBClusterNotFoundFault"):
        custom_endpoints(rds_bench)

    rds_bench.new_cluster()

    assert custom_endpoints(rds_bench) == []


def test_the_data_api_of_a_provisioned_cluster_has_operations_of_its_own(
    rds_bench: RdsBench,
) -> None:
    arn = rds_bench.new_cluster()["DBClusterArn"]
    rds = rds_bench.rds()

    assert rds.enable_http_endpoint(ResourceArn=arn)["HttpEndpointEnabled"] is True
    assert rds_bench.cluster()["HttpEndpointEnabled"] is True
    assert rds.disable_http_endpoint(ResourceArn=arn)["HttpEndpointEnabled"] is False
    with refused("InvalidParameterValue"):
        rds.modify_db_cluster(DBClusterIdentifier="orders", EnableHttpEndpoint=True)
    rds_bench.admin.set_status(arn, "modifying")
    with refused("InvalidResourceStateFault"):
        rds.enable_http_endpoint(ResourceArn=arn)


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_an_activity_stream_belongs_to_a_cluster(rds_bench: RdsBench, mode: Any) -> None:
    arn = rds_bench.new_cluster()["DBClusterArn"]
    rds = rds_bench.rds()

    rds.start_activity_stream(ResourceArn=arn, Mode=mode, KmsKeyId="key", ApplyImmediately=True)

    cluster = rds_bench.cluster()
    assert (cluster["ActivityStreamStatus"], cluster["ActivityStreamMode"]) == ("started", mode)
    rds.stop_activity_stream(ResourceArn=arn)
    assert rds_bench.cluster()["ActivityStreamStatus"] == "stopped"


def test_a_restore_brings_nothing_that_was_beside_the_cluster(rds_bench: RdsBench) -> None:
    arn = rds_bench.new_cluster()["DBClusterArn"]
    rds = rds_bench.rds()
    endpoint(rds_bench)
    rds.enable_http_endpoint(ResourceArn=arn)
    rds.start_activity_stream(ResourceArn=arn, Mode="sync", KmsKeyId="k", ApplyImmediately=True)
    rds.modify_db_cluster(
        DBClusterIdentifier="orders",
        DatabaseInsightsMode="advanced",
        EnableLocalWriteForwarding=True,
        ApplyImmediately=True,
    )
    rds_bench.new_snapshot("monday")
    rds_bench.restore("monday", "restored")
    rds_bench.advance(TIMINGS.restore_cluster)

    restored = rds_bench.cluster("restored")
    assert restored["HttpEndpointEnabled"] is False
    assert restored["ActivityStreamStatus"] == "stopped"
    assert restored["LocalWriteForwardingStatus"] == "disabled"
    assert restored.get("DatabaseInsightsMode") is None
    assert custom_endpoints(rds_bench, "restored") == []
