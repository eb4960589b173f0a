"""Facts about what follows a renamed cluster, and what follows its name."""

from typing import TYPE_CHECKING, Any

import pytest

from embedded_aws.vpc import create_network
from tests.unit.embedded_aws.rds.rds_bench import HERE, OWNER, TIMINGS, RdsBench, refused

if TYPE_CHECKING:
    from mypy_boto3_rds.type_defs import DBProxyTargetTypeDef


@pytest.fixture
def bench(rds_bench: RdsBench) -> RdsBench:
    """An emulator with a cluster, and an RDS proxy without a target."""
    rds_bench.new_cluster()
    rds_bench.new_instance("orders-1")
    create_network(rds_bench.ec2(), rds_bench.rds(), HERE, "proxied")
    subnets = rds_bench.rds().describe_db_subnet_groups()["DBSubnetGroups"][0]["Subnets"]
    if not rds_bench.rds().describe_db_proxies()["DBProxies"]:
        rds_bench.rds().create_db_proxy(
            DBProxyName="front",
            EngineFamily="POSTGRESQL",
            Auth=[{"AuthScheme": "SECRETS", "SecretArn": "arn:aws:secretsmanager:::secret:s"}],
            RoleArn=f"arn:aws:iam::{OWNER}:role/proxy",
            VpcSubnetIds=[each["SubnetIdentifier"] for each in subnets],
        )
    return rds_bench


def rename(bench: RdsBench, to: str, name: str = "orders") -> None:
    bench.rds().modify_db_cluster(
        DBClusterIdentifier=name, NewDBClusterIdentifier=to, ApplyImmediately=True
    )
    bench.advance(TIMINGS.modification_lag + TIMINGS.rename_cluster)


def swap(bench: RdsBench) -> None:
    """Another cluster, with an instance, gets the name of the first."""
    bench.new_cluster("beside")
    bench.new_instance("beside-1", "beside")
    rename(bench, "retired")
    rename(bench, "orders", "beside")


def register(bench: RdsBench, cluster: str = "orders", proxy: str = "front") -> None:
    bench.rds().register_db_proxy_targets(DBProxyName=proxy, DBClusterIdentifiers=[cluster])


def deregister(bench: RdsBench, cluster: str = "orders") -> None:
    bench.rds().deregister_db_proxy_targets(DBProxyName="front", DBClusterIdentifiers=[cluster])


def targets(bench: RdsBench) -> list["DBProxyTargetTypeDef"]:
    return bench.rds().describe_db_proxy_targets(DBProxyName="front")["Targets"]


def led_to(bench: RdsBench) -> list[str]:
    """The cluster and the instances that the proxy leads to."""
    return sorted(target["RdsResourceId"] for target in targets(bench))


def health(bench: RdsBench) -> set[str]:
    return {target["TargetHealth"]["State"] for target in targets(bench)}


def query(bench: RdsBench, arn: str) -> None:
    client = bench.emulator.session(OWNER, HERE).client("rds-data")
    client.execute_statement(resourceArn=arn, secretArn=arn, sql="SELECT 1")


def test_a_proxy_tracks_one_cluster_and_its_instances(bench: RdsBench) -> None:
    assert targets(bench) == []
    with refused("DBClusterNotFoundFault"):
        register(bench, "unknown")
    with refused("DBProxyNotFoundFault"):
        register(bench, proxy="unknown")
    register(bench)

    assert [target["Type"] for target in targets(bench)] == ["RDS_INSTANCE", "TRACKED_CLUSTER"]
    assert led_to(bench) == ["orders", "orders-1"]
    with refused("DBProxyTargetAlreadyRegisteredFault"):
        register(bench)


def test_a_proxys_target_is_registering_for_a_while_and_available_while_it_accepts_clients(
    bench: RdsBench,
) -> None:
    register(bench)
    assert health(bench) == {"REGISTERING"}
    bench.advance(TIMINGS.register_proxy_target)
    assert health(bench) == {"AVAILABLE"}

    bench.rds().stop_db_cluster(DBClusterIdentifier="orders")
    assert health(bench) == {"UNAVAILABLE"}


def test_another_cluster_is_registered_with_a_proxy_once_the_former_one_is_deregistered(
    bench: RdsBench,
) -> None:
    bench.new_cluster("beside")
    register(bench)
    with refused("DBProxyTargetAlreadyRegisteredFault"):
        register(bench, "beside")
    with refused("DBProxyTargetNotFoundFault"):
        deregister(bench, "beside")

    deregister(bench)
    assert targets(bench) == []
    with refused("DBProxyTargetNotFoundFault"):
        deregister(bench)
    register(bench, "beside")
    assert led_to(bench) == ["beside"]


@pytest.mark.parametrize("by_name", [False, True])
def test_a_proxy_follows_the_renamed_cluster_or_the_name_that_was_registered(
    bench: RdsBench, by_name: bool
) -> None:
    bench.admin.set_rules(proxies_follow_the_name=by_name)
    register(bench)
    bench.advance(TIMINGS.register_proxy_target)
    rename(bench, "away")
    assert led_to(bench) == (["orders"] if by_name else ["away", "orders-1"])
    assert health(bench) == ({"UNAVAILABLE"} if by_name else {"AVAILABLE"})
    rename(bench, "orders", "away")

    swap(bench)

    assert led_to(bench) == (["beside-1", "orders"] if by_name else ["orders-1", "retired"])
    deregister(bench, "orders" if by_name else "retired")


def test_the_secrets_that_a_proxy_logs_in_with_are_replaced_as_a_whole(bench: RdsBench) -> None:
    arn = "arn:aws:secretsmanager:::secret:another"
    with refused("DBProxyNotFoundFault"):
        bench.rds().modify_db_proxy(DBProxyName="unknown", Auth=[])

    bench.rds().modify_db_proxy(
        DBProxyName="front", Auth=[{"AuthScheme": "SECRETS", "SecretArn": arn}]
    )

    (proxy,) = bench.rds().describe_db_proxies(DBProxyName="front")["DBProxies"]
    assert [each.get("SecretArn") for each in proxy["Auth"]] == [arn]


def test_a_deleted_cluster_is_no_target_of_a_proxy_any_more(bench: RdsBench) -> None:
    register(bench)
    bench.rds().delete_db_instance(DBInstanceIdentifier="orders-1")
    bench.rds().delete_db_cluster(DBClusterIdentifier="orders", SkipFinalSnapshot=True)
    bench.advance(TIMINGS.delete_instance)

    assert targets(bench) == []


def test_a_custom_endpoint_stays_with_its_cluster_through_renames(bench: RdsBench) -> None:
    rds = bench.rds()
    made = rds.create_db_cluster_endpoint(
        DBClusterIdentifier="orders", DBClusterEndpointIdentifier="reports", EndpointType="ANY"
    )
    swap(bench)

    (shown,) = rds.describe_db_cluster_endpoints(DBClusterEndpointIdentifier="reports")[
        "DBClusterEndpoints"
    ]
    assert shown["DBClusterIdentifier"] == "retired"
    assert shown["Endpoint"] == made["Endpoint"]


def test_the_auto_scaling_of_readers_is_that_of_a_name(bench: RdsBench) -> None:
    client: Any = bench.emulator.session(OWNER, HERE).client("application-autoscaling")
    target = {
        "ServiceNamespace": "rds",
        "ResourceId": "cluster:orders",
        "ScalableDimension": "rds:cluster:ReadReplicaCount",
    }
    client.register_scalable_target(**target, MinCapacity=1, MaxCapacity=4)
    rename(bench, "retired")

    for name, count in (("orders", 1), ("retired", 0)):
        found = client.describe_scalable_targets(
            ServiceNamespace="rds", ResourceIds=[f"cluster:{name}"]
        )
        assert len(found["ScalableTargets"]) == count
    client.deregister_scalable_target(**target)


def test_the_data_api_answers_for_an_available_cluster_that_has_it_turned_on(
    bench: RdsBench,
) -> None:
    arn = bench.cluster()["DBClusterArn"]
    with refused("HttpEndpointNotEnabledException"):
        query(bench, arn)
    with refused("BadRequestException"):
        query(bench, f"{arn}-unknown")

    bench.rds().enable_http_endpoint(ResourceArn=arn)
    query(bench, arn)
    bench.rds().reboot_db_instance(DBInstanceIdentifier="orders-1")
    with refused("DatabaseUnavailableException"):
        query(bench, arn)


def test_the_data_api_of_a_renamed_cluster_is_shown_and_answers_once_it_was_off_and_on(
    bench: RdsBench,
) -> None:
    rds = bench.rds()
    rds.enable_http_endpoint(ResourceArn=bench.cluster()["DBClusterArn"])
    rename(bench, "renamed")
    cluster = bench.cluster("renamed")
    arn = cluster["DBClusterArn"]
    assert cluster["HttpEndpointEnabled"] is True
    with refused("HttpEndpointNotEnabledException"):
        query(bench, arn)
    rds.enable_http_endpoint(ResourceArn=arn)
    with refused("HttpEndpointNotEnabledException"):
        query(bench, arn)

    rds.disable_http_endpoint(ResourceArn=arn)
    rds.enable_http_endpoint(ResourceArn=arn)
    query(bench, arn)

    bench.admin.set_rules(rename_breaks_data_api=False)
    rename(bench, "orders", "renamed")
    query(bench, bench.cluster()["DBClusterArn"])


@pytest.mark.parametrize("rewritten", [False, True])
def test_the_snapshots_of_a_renamed_cluster_keep_its_former_name_or_show_the_new_one(
    bench: RdsBench, rewritten: bool
) -> None:
    bench.admin.set_rules(rename_rewrites_snapshots=rewritten)
    taken = bench.new_snapshot("monday")
    rename(bench, "renamed")

    shown = bench.snapshot("monday")
    assert shown["DBClusterIdentifier"] == ("renamed" if rewritten else "orders")
    assert shown["DbClusterResourceId"] == taken["DbClusterResourceId"]
    found = bench.rds().describe_db_cluster_snapshots(
        DbClusterResourceId=taken["DbClusterResourceId"]
    )["DBClusterSnapshots"]
    assert [each["DBClusterSnapshotIdentifier"] for each in found] == ["monday"]
