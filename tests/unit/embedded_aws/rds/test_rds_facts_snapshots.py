"""Taking, sharing, describing and deleting cluster snapshots, as AWS does it."""

from datetime import UTC, datetime

import pytest

from embedded_aws.rds import Rules
from tests.unit.embedded_aws.rds.rds_bench import (
    ENGINE,
    HERE,
    OTHER,
    OWNER,
    THERE,
    TIMINGS,
    VERSION,
    RdsBench,
    refused,
)


def names(found: object) -> list[str]:
    assert isinstance(found, dict)
    return [one["DBClusterSnapshotIdentifier"] for one in found["DBClusterSnapshots"]]


def test_a_snapshot_takes_time_and_shows_its_progress(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    begun = rds_bench.rds().create_db_cluster_snapshot(
        DBClusterSnapshotIdentifier="monday", DBClusterIdentifier="orders"
    )["DBClusterSnapshot"]
    rds_bench.advance(TIMINGS.create_snapshot * 0.3)
    midway = rds_bench.snapshot("monday")
    rds_bench.advance(TIMINGS.create_snapshot * 0.7)
    done = rds_bench.snapshot("monday")

    shown = [(one["Status"], one["PercentProgress"]) for one in (begun, midway, done)]
    assert shown == [("creating", 0), ("creating", 30), ("available", 100)]


def test_a_snapshot_shows_what_a_restore_must_know(rds_bench: RdsBench) -> None:
    key = rds_bench.new_key()
    rds_bench.new_cluster(
        StorageEncrypted=True,
        KmsKeyId=key,
        StorageType="aurora-iopt1",
        Port=5433,
        EnableIAMDatabaseAuthentication=True,
    )
    vpc = rds_bench.ec2().describe_vpcs()["Vpcs"][0]["VpcId"]

    snapshot = rds_bench.new_snapshot("monday")

    assert snapshot["MasterUsername"] == "postgres"
    assert (snapshot["Engine"], snapshot["EngineVersion"]) == (ENGINE, VERSION)
    assert snapshot["StorageEncryptionType"] == "sse-kms"
    assert (snapshot["StorageEncrypted"], snapshot["KmsKeyId"]) == (True, key)
    assert snapshot["StorageType"] == "aurora-iopt1"
    assert (snapshot["Port"], snapshot["VpcId"]) == (5433, vpc)
    assert snapshot["IAMDatabaseAuthenticationEnabled"] is True
    assert "SourceDBClusterSnapshotArn" not in snapshot
    assert snapshot["DbClusterResourceId"] == rds_bench.cluster()["DbClusterResourceId"]


def test_an_automated_snapshot_is_named_after_cluster_and_time(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()

    snapshot = rds_bench.new_automated_snapshot(at="2026-11-19T22:16:00+00:00")

    assert snapshot["DBClusterSnapshotIdentifier"] == "rds:orders-2026-11-19-22-16"
    assert snapshot["SnapshotType"] == "automated"
    assert snapshot["SnapshotCreateTime"] == datetime(2026, 11, 19, 22, 16, tzinfo=UTC)
    assert snapshot["DBClusterSnapshotArn"] == (
        f"arn:aws:rds:{HERE}:{OWNER}:cluster-snapshot:rds:orders-2026-11-19-22-16"
    )


def test_a_snapshot_is_taken_of_an_available_cluster_only(rds_bench: RdsBench) -> None:
    rds = rds_bench.rds()
    rds.create_db_cluster(
        DBClusterIdentifier="orders",
        Engine=ENGINE,
        MasterUsername="postgres",
        MasterUserPassword="first-password",
    )

    with refused("InvalidDBClusterStateFault"):
        rds.create_db_cluster_snapshot(
            DBClusterSnapshotIdentifier="monday", DBClusterIdentifier="orders"
        )
    with refused("DBClusterNotFoundFault"):
        rds.create_db_cluster_snapshot(
            DBClusterSnapshotIdentifier="monday", DBClusterIdentifier="unknown"
        )


def test_a_snapshots_name_must_be_free(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    rds_bench.new_snapshot("monday")

    with refused("DBClusterSnapshotAlreadyExistsFault"):
        rds_bench.new_snapshot("monday")


def test_manual_snapshots_have_a_quota_and_automated_ones_do_not_count(
    rds_bench: RdsBench,
) -> None:
    assert Rules().manual_snapshots == 100
    rds_bench.emulator.backend.rules = Rules(manual_snapshots=1)
    rds_bench.new_cluster()
    rds_bench.new_automated_snapshot()
    rds_bench.new_snapshot("monday")

    with refused("SnapshotQuotaExceeded"):
        rds_bench.new_snapshot("tuesday")


def test_the_clusters_tags_go_to_the_snapshot_if_it_says_so_and_none_are_given(
    rds_bench: RdsBench,
) -> None:
    team = {"Key": "team", "Value": "orders"}
    rds_bench.new_cluster("plain", Tags=[team])
    rds_bench.new_cluster("tagging", Tags=[team], CopyTagsToSnapshot=True)

    assert rds_bench.new_snapshot("a", "plain")["TagList"] == []
    assert rds_bench.new_snapshot("b", "tagging")["TagList"] == [team]
    own = {"Key": "why", "Value": "test"}
    assert rds_bench.new_snapshot("c", "tagging", Tags=[own])["TagList"] == [own]


def test_an_automated_snapshot_cannot_be_shared(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    snapshot = rds_bench.new_automated_snapshot()

    with refused("InvalidDBClusterSnapshotStateFault"):
        rds_bench.share(snapshot["DBClusterSnapshotIdentifier"], OTHER)


def test_an_automated_snapshot_cannot_be_deleted(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    snapshot = rds_bench.new_automated_snapshot()

    with refused("InvalidDBClusterSnapshotStateFault"):
        rds_bench.rds().delete_db_cluster_snapshot(
            DBClusterSnapshotIdentifier=snapshot["DBClusterSnapshotIdentifier"]
        )


def test_sharing_is_shown_and_taken_back(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    rds_bench.new_snapshot("monday")
    rds_bench.share("monday", OTHER)
    rds = rds_bench.rds()

    def accounts() -> list[str]:
        shown = rds.describe_db_cluster_snapshot_attributes(DBClusterSnapshotIdentifier="monday")
        (attribute,) = shown["DBClusterSnapshotAttributesResult"]["DBClusterSnapshotAttributes"]
        assert attribute["AttributeName"] == "restore"
        return attribute["AttributeValues"]

    assert accounts() == [OTHER]
    rds.modify_db_cluster_snapshot_attribute(
        DBClusterSnapshotIdentifier="monday", AttributeName="restore", ValuesToRemove=[OTHER]
    )
    assert accounts() == []


def test_a_snapshot_is_shared_with_at_most_twenty_accounts(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    rds_bench.new_snapshot("monday")
    rds_bench.share("monday", *(f"{number:012}" for number in range(20)))

    with refused("SharedSnapshotQuotaExceeded"):
        rds_bench.share("monday", "999999999999")


def test_an_encrypted_snapshot_cannot_be_made_public(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster(StorageEncrypted=True, KmsKeyId=rds_bench.new_key())
    rds_bench.new_snapshot("monday")

    with refused("InvalidParameterValue"):
        rds_bench.share("monday", "all")


def test_a_snapshot_under_the_default_key_cannot_be_shared(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster(StorageEncrypted=True)
    snapshot = rds_bench.new_snapshot("monday")

    assert snapshot["StorageEncryptionType"] == "sse-kms"
    with refused("InvalidDBClusterSnapshotStateFault"):
        rds_bench.share("monday", OTHER)


def test_a_shared_snapshot_is_listed_only_on_request(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    arn = rds_bench.new_snapshot("monday")["DBClusterSnapshotArn"]
    rds_bench.share("monday", OTHER)
    rds = rds_bench.rds(OTHER)

    assert names(rds.describe_db_cluster_snapshots()) == []
    assert names(rds.describe_db_cluster_snapshots(IncludeShared=True)) == [arn]
    assert names(rds.describe_db_cluster_snapshots(SnapshotType="shared")) == [arn]
    assert names(rds.describe_db_cluster_snapshots(SnapshotType="manual", IncludeShared=True)) == []
    elsewhere = rds_bench.rds(OTHER, THERE)
    assert names(elsewhere.describe_db_cluster_snapshots(SnapshotType="shared")) == []


def test_a_shared_snapshot_is_described_by_its_arn(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    arn = rds_bench.new_snapshot("monday", Tags=[{"Key": "team", "Value": "a"}])[
        "DBClusterSnapshotArn"
    ]

    with refused("DBClusterSnapshotNotFoundFault"):
        rds_bench.snapshot(arn, account=OTHER)
    rds_bench.share("monday", OTHER)
    shown = rds_bench.snapshot(arn, account=OTHER)

    assert (shown["DBClusterSnapshotArn"], shown["SnapshotType"]) == (arn, "shared")
    assert shown["TagList"] == []
    with refused("DBClusterSnapshotNotFoundFault"):
        rds_bench.snapshot("monday", account=OTHER)


def test_a_public_snapshot_is_listed_only_on_request(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    arn = rds_bench.new_snapshot("monday")["DBClusterSnapshotArn"]
    rds_bench.share("monday", "all")
    rds = rds_bench.rds(OTHER)

    assert names(rds.describe_db_cluster_snapshots(IncludeShared=True)) == []
    assert names(rds.describe_db_cluster_snapshots(IncludePublic=True)) == [arn]
    assert names(rds.describe_db_cluster_snapshots(SnapshotType="public")) == [arn]


def test_describing_an_automated_snapshot_by_id_needs_its_type(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    name = rds_bench.new_automated_snapshot()["DBClusterSnapshotIdentifier"]
    rds = rds_bench.rds()

    with refused("DBClusterSnapshotNotFoundFault"):
        rds.describe_db_cluster_snapshots(DBClusterSnapshotIdentifier=name)
    found = rds.describe_db_cluster_snapshots(
        DBClusterSnapshotIdentifier=name, SnapshotType="automated"
    )
    assert names(found) == [name]


def test_snapshots_of_a_cluster_are_found_by_its_id_while_it_exists(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster("orders")
    rds_bench.new_cluster("invoices")
    rds_bench.new_snapshot("monday", "orders")
    rds = rds_bench.rds()

    assert names(rds.describe_db_cluster_snapshots(DBClusterIdentifier="ORDERS")) == ["monday"]
    assert names(rds.describe_db_cluster_snapshots(DBClusterIdentifier="invoices")) == []
    rds.delete_db_cluster(DBClusterIdentifier="orders", SkipFinalSnapshot=True)
    rds_bench.advance(TIMINGS.delete_cluster)
    assert names(rds.describe_db_cluster_snapshots(DBClusterIdentifier="orders")) == []


def test_a_cluster_filter_finds_snapshots_of_deleted_clusters_by_id_or_arn(
    rds_bench: RdsBench,
) -> None:
    arn = rds_bench.new_cluster()["DBClusterArn"]
    rds_bench.new_snapshot("monday")
    rds = rds_bench.rds()
    rds.delete_db_cluster(DBClusterIdentifier="orders", SkipFinalSnapshot=True)
    rds_bench.advance(TIMINGS.delete_cluster)

    for value in ("orders", arn):
        found = rds.describe_db_cluster_snapshots(
            Filters=[{"Name": "db-cluster-id", "Values": [value]}]
        )
        assert names(found) == ["monday"]


def test_cluster_and_snapshot_id_exclude_each_other_when_describing(rds_bench: RdsBench) -> None:
    with refused("InvalidParameterCombination"):
        rds_bench.rds().describe_db_cluster_snapshots(
            DBClusterIdentifier="orders", DBClusterSnapshotIdentifier="monday"
        )


def test_an_unknown_filter_is_refused(rds_bench: RdsBench) -> None:
    rds = rds_bench.rds()
    filters = [{"Name": "colour", "Values": ["blue"]}]

    with refused("InvalidParameterValue"):
        rds.describe_db_cluster_snapshots(Filters=filters)  # type: ignore[arg-type]
    with refused("InvalidParameterValue"):
        rds.describe_db_clusters(Filters=filters)  # type: ignore[arg-type]
    with refused("InvalidParameterValue"):
        rds.describe_db_instances(Filters=filters)  # type: ignore[arg-type]


def test_a_type_without_a_filter_shows_own_manual_and_automated_snapshots(
    rds_bench: RdsBench,
) -> None:
    rds_bench.new_cluster()
    automated = rds_bench.new_automated_snapshot()["DBClusterSnapshotIdentifier"]
    rds_bench.new_snapshot("monday")
    rds = rds_bench.rds()

    assert names(rds.describe_db_cluster_snapshots()) == ["monday", automated]
    assert names(rds.describe_db_cluster_snapshots(SnapshotType="manual")) == ["monday"]
    assert names(rds.describe_db_cluster_snapshots(SnapshotType="automated")) == [automated]
    filtered = rds.describe_db_cluster_snapshots(
        Filters=[{"Name": "snapshot-type", "Values": ["automated"]}]
    )
    assert names(filtered) == [automated]


def test_lists_come_in_pages_of_twenty_to_a_hundred(rds_bench: RdsBench) -> None:
    rds_bench.emulator.backend.rules = Rules(clusters=100)
    rds_bench.new_cluster()
    wanted = [f"snapshot-{number:02}" for number in range(45)]
    for name in wanted:
        rds_bench.rds().create_db_cluster_snapshot(
            DBClusterSnapshotIdentifier=name, DBClusterIdentifier="orders"
        )
        rds_bench.advance(TIMINGS.create_snapshot)
    rds = rds_bench.rds()

    first = rds.describe_db_cluster_snapshots(MaxRecords=20)
    assert len(first["DBClusterSnapshots"]) == 20
    paginator = rds.get_paginator("describe_db_cluster_snapshots")
    pages = list(paginator.paginate(PaginationConfig={"PageSize": 20}))
    assert [len(page["DBClusterSnapshots"]) for page in pages] == [20, 20, 5]
    assert [name for page in pages for name in names(page)] == wanted
    for size in (19, 101):
        with refused("InvalidParameterValue"):
            rds.describe_db_cluster_snapshots(MaxRecords=size)
    with refused("InvalidParameterValue"):
        rds.describe_db_clusters(MaxRecords=5)


def test_a_page_is_neither_lost_nor_repeated_when_the_list_changes(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    rds = rds_bench.rds()
    for number in range(25):
        rds_bench.new_snapshot(f"snapshot-{number:02}")
    first = rds.describe_db_cluster_snapshots(MaxRecords=20)

    rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier="snapshot-03")
    second = rds.describe_db_cluster_snapshots(MaxRecords=20, Marker=first["Marker"])

    assert names(second) == [f"snapshot-{number:02}" for number in range(20, 25)]


def test_a_snapshot_in_creation_cannot_be_deleted_yet(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    rds_bench.rds().create_db_cluster_snapshot(
        DBClusterSnapshotIdentifier="monday", DBClusterIdentifier="orders"
    )

    with refused("InvalidDBClusterSnapshotStateFault"):
        rds_bench.rds().delete_db_cluster_snapshot(DBClusterSnapshotIdentifier="monday")


def test_only_the_owner_deletes_a_snapshot(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    arn = rds_bench.new_snapshot("monday")["DBClusterSnapshotArn"]
    rds_bench.share("monday", OTHER)

    with refused("DBClusterSnapshotNotFoundFault"):
        rds_bench.rds(OTHER).delete_db_cluster_snapshot(DBClusterSnapshotIdentifier=arn)
    assert rds_bench.snapshot("monday")["Status"] == "available"


def test_a_deleted_snapshot_is_gone_immediately(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    rds_bench.new_snapshot("monday")

    deleted = rds_bench.rds().delete_db_cluster_snapshot(DBClusterSnapshotIdentifier="monday")

    assert deleted["DBClusterSnapshot"]["Status"] == "deleted"
    with refused("DBClusterSnapshotNotFoundFault"):
        rds_bench.snapshot("monday")


@pytest.mark.parametrize("value", ["12345", "11112222333x", "everyone"])
def test_sharing_takes_account_ids_or_all(rds_bench: RdsBench, value: str) -> None:
    rds_bench.new_cluster()
    rds_bench.new_snapshot("monday")

    with refused("InvalidParameterValue"):
        rds_bench.share("monday", value)
