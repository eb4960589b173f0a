"""The variations of renames: complete, different, and possible to live with."""

from dataclasses import fields
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws.rds import Rules, Timings
from embedded_aws.rds.variations import RENAME_VARIATIONS, Variation
from tests.unit.embedded_aws.rds.rds_bench import RdsBench

LOOKS = 400
SECONDS_BETWEEN = 10
OPEN_QUESTIONS = {
    "filter_finds_renaming_clusters",
    "former_name_is_free_for_its_cluster",
    "proxies_follow_the_name",
    "reboot_renews_certificate",
}

each_variation = pytest.mark.parametrize(
    "variation", RENAME_VARIATIONS, ids=[each.name for each in RENAME_VARIATIONS]
)


def test_every_rule_and_duration_of_a_rename_is_varied_to_what_is_not_the_default() -> None:
    rules = {one.name for one in fields(Rules) if one.name.startswith("rename_")} | OPEN_QUESTIONS
    timings = {one.name for one in fields(Timings) if one.name.startswith("rename_")}
    varied_rules = {
        name
        for each in RENAME_VARIATIONS
        for name, value in each.rules.items()
        if value != getattr(Rules(), name)
    }
    varied_timings = {
        name
        for each in RENAME_VARIATIONS
        for name, value in each.timings.items()
        if value != getattr(Timings(), name)
    }

    assert varied_rules == rules
    assert varied_timings == timings | {"modification_lag"}


def test_no_two_variations_have_a_name_or_everything_else_in_common() -> None:
    assert len({each.name for each in RENAME_VARIATIONS}) == len(RENAME_VARIATIONS)
    arranged = [(dict(each.rules), dict(each.timings)) for each in RENAME_VARIATIONS]
    assert all(arranged.count(each) == 1 for each in arranged)


@each_variation
def test_two_clusters_swap_their_names_whatever_a_rename_is_like(
    rds_bench: RdsBench, variation: Variation
) -> None:
    """By a client that knows them by their resource ids, and is patient."""
    old = rds_bench.new_cluster("orders")["DbClusterResourceId"]
    new = rds_bench.new_cluster("beside")["DbClusterResourceId"]
    variation.arrange(rds_bench.admin)

    rename(rds_bench, old, "retired")
    rename(rds_bench, new, "orders")

    assert name_of(rds_bench, old) == "retired"
    assert name_of(rds_bench, new) == "orders"


@each_variation
def test_a_rename_is_undone_whatever_it_is_like(rds_bench: RdsBench, variation: Variation) -> None:
    only = rds_bench.new_cluster("orders")["DbClusterResourceId"]
    variation.arrange(rds_bench.admin)

    rename(rds_bench, only, "retired")
    rename(rds_bench, only, "orders")

    assert name_of(rds_bench, only) == "orders"


def name_of(rds_bench: RdsBench, resource_id: str) -> str | None:
    """The name of a cluster that is available, or None if it is not, or is not found."""
    filters: Any = [{"Name": "db-cluster-resource-id", "Values": [resource_id]}]
    found = rds_bench.rds().describe_db_clusters(Filters=filters)["DBClusters"]
    if not found or found[0]["Status"] != "available":
        return None
    return found[0]["DBClusterIdentifier"]


def rename(rds_bench: RdsBench, resource_id: str, to: str) -> None:
    """Looks, asks, and looks again, until the cluster has the name and is available."""
    for _ in range(LOOKS):
        name = name_of(rds_bench, resource_id)
        if name == to:
            return
        if name is not None:
            ask_for(rds_bench, name, to)
        rds_bench.advance(SECONDS_BETWEEN)
    raise AssertionError(f"{resource_id} was not renamed to {to}")


def ask_for(rds_bench: RdsBench, name: str, to: str) -> None:
    """Asks for a rename; one that is pending, or a name that is still taken, is no error."""
    try:
        rds_bench.rds().modify_db_cluster(
            DBClusterIdentifier=name, NewDBClusterIdentifier=to, ApplyImmediately=True
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "DBClusterAlreadyExistsFault":
            raise
