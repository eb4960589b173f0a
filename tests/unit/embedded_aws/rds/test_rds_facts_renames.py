"""Facts about renames of clusters: what answers meanwhile, and what moves with the name."""

from typing import Any

import pytest

from embedded_aws.rds.data_plane import ClusterNames
from tests.unit.embedded_aws.rds.rds_bench import TIMINGS, RdsBench, refused

LAG, RENAME = TIMINGS.modification_lag, TIMINGS.rename_cluster


def rename(rds_bench: RdsBench, to: str, name: str = "orders") -> None:
    rds_bench.rds().modify_db_cluster(
        DBClusterIdentifier=name, NewDBClusterIdentifier=to, ApplyImmediately=True
    )


def by_resource_id(rds_bench: RdsBench, resource_id: str) -> list[tuple[str, str]]:
    """The name and the status of what the filter finds."""
    filters: Any = [{"Name": "db-cluster-resource-id", "Values": [resource_id]}]
    found = rds_bench.rds().describe_db_clusters(Filters=filters)["DBClusters"]
    return [(one["DBClusterIdentifier"], one["Status"]) for one in found]


def test_during_a_rename_the_former_name_shows_the_status_before_then_renaming_and_is_then_unknown(
    rds_bench: RdsBench,
) -> None:
    rds_bench.new_cluster()
    rename(rds_bench, "renamed")
    accepted = rds_bench.cluster()
    assert accepted["Status"] == "available"
    assert accepted["PendingModifiedValues"] == {"DBClusterIdentifier": "renamed"}
    with refused("DBClusterNotFoundFault"):
        rds_bench.cluster("renamed")

    rds_bench.advance(LAG)
    assert rds_bench.cluster()["Status"] == "renaming"

    rds_bench.advance(RENAME / 2)
    with refused("DBClusterNotFoundFault"):
        rds_bench.cluster()
    assert rds_bench.cluster("renamed")["Status"] == "renaming"

    rds_bench.advance(RENAME / 2)
    done = rds_bench.cluster("renamed")
    assert (done["Status"], done["PendingModifiedValues"]) == ("available", {})


@pytest.mark.parametrize("found", [True, False])
def test_between_two_names_a_cluster_is_found_by_its_resource_id_or_not_at_all(
    rds_bench: RdsBench,
    found: bool,
) -> None:
    resource_id = rds_bench.new_cluster()["DbClusterResourceId"]
    rds_bench.admin.set_timings(rename_gap=20)
    rds_bench.admin.set_rules(filter_finds_renaming_clusters=found)
    rename(rds_bench, "renamed")
    rds_bench.advance(LAG + (RENAME - 20) / 2)

    for name in ("orders", "renamed"):
        with refused("DBClusterNotFoundFault"):
            rds_bench.cluster(name)
    assert by_resource_id(rds_bench, resource_id) == ([("renamed", "renaming")] if found else [])

    rds_bench.advance(20)
    assert by_resource_id(rds_bench, resource_id) == [("renamed", "renaming")]
    rds_bench.advance((RENAME - 20) / 2)
    assert by_resource_id(rds_bench, resource_id) == [("renamed", "available")]


def test_a_name_that_a_rename_has_promised_is_not_free(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    rds_bench.new_cluster("beside")
    rename(rds_bench, "renamed")

    with refused("DBClusterAlreadyExistsFault"):
        rename(rds_bench, "renamed", "beside")
    with refused("DBClusterAlreadyExistsFault"):
        rds_bench.new_cluster("renamed")


def test_a_former_name_may_stay_taken_for_a_while(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    rds_bench.new_cluster("beside")
    rds_bench.admin.set_timings(rename_release=100)
    rename(rds_bench, "renamed")
    rds_bench.advance(LAG + RENAME)
    assert rds_bench.cluster("renamed")["Status"] == "available"

    with refused("DBClusterAlreadyExistsFault"):
        rename(rds_bench, "orders", "beside")
    rds_bench.advance(100 - RENAME / 2)
    rename(rds_bench, "orders", "beside")


@pytest.mark.parametrize("free", [True, False])
def test_a_cluster_has_its_former_name_back_while_that_is_taken_for_others_or_not(
    rds_bench: RdsBench, free: bool
) -> None:
    rds_bench.new_cluster()
    rds_bench.admin.set_timings(rename_release=3600)
    rds_bench.admin.set_rules(former_name_is_free_for_its_cluster=free)
    rename(rds_bench, "renamed")
    rds_bench.advance(LAG + RENAME)

    with refused("DBClusterAlreadyExistsFault"):
        rds_bench.new_cluster()
    if not free:
        with refused("DBClusterAlreadyExistsFault"):
            rename(rds_bench, "orders", "renamed")
        rds_bench.advance(3600)
    rename(rds_bench, "orders", "renamed")


def test_a_rename_may_fail_and_leave_the_name_as_it_was(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    rds_bench.admin.fail_next("rename-cluster")
    rename(rds_bench, "renamed")
    rds_bench.advance(LAG + RENAME)

    assert rds_bench.cluster()["Status"] == "failed"


def test_a_name_is_the_same_host_whichever_cluster_has_it(rds_bench: RdsBench) -> None:
    first = rds_bench.new_cluster()
    second = rds_bench.new_cluster("beside")
    rename(rds_bench, "retired")
    rds_bench.advance(LAG + RENAME)
    rename(rds_bench, "orders", "beside")
    rds_bench.advance(LAG + RENAME)

    now = rds_bench.cluster("orders")
    assert now["DbClusterResourceId"] == second["DbClusterResourceId"]
    assert (now["Endpoint"], now["ReaderEndpoint"]) == (first["Endpoint"], first["ReaderEndpoint"])
    assert rds_bench.cluster("retired")["Endpoint"] not in (first["Endpoint"], second["Endpoint"])
    assert rds_bench.data_plane.names[now["DbClusterResourceId"]] == ClusterNames(
        first["Endpoint"], first["ReaderEndpoint"]
    )


def test_an_instances_endpoint_outlives_a_rename_of_its_cluster(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    before = rds_bench.new_instance()["Endpoint"]
    rename(rds_bench, "renamed")
    rds_bench.advance(LAG + RENAME)

    assert rds_bench.instance()["Endpoint"] == before
