"""Copying cluster snapshots, as AWS does it."""

import pytest

from embedded_aws.rds import Rules
from tests.unit.embedded_aws.rds.rds_bench import (
    HERE,
    KEY_POLICY_FOR_OTHER,
    OTHER,
    OWNER,
    THERE,
    TIMINGS,
    RdsBench,
    refused,
)


def test_at_most_five_copies_are_in_progress_per_destination_region_and_account(
    rds_bench: RdsBench,
) -> None:
    rds_bench.emulator.backend.rules = Rules(queues_copies_beyond_the_limit=True)
    rds_bench.new_cluster()
    source = rds_bench.new_snapshot()["DBClusterSnapshotArn"]
    for number in range(7):
        rds_bench.copy(source, f"copy-{number}")
    rds_bench.copy(source, "elsewhere", region=HERE)

    rds_bench.advance(TIMINGS.copy_snapshot / 2)
    progress = [
        rds_bench.snapshot(f"copy-{number}", region=THERE)["PercentProgress"] for number in range(7)
    ]
    assert progress == [50, 50, 50, 50, 50, 0, 0]
    assert rds_bench.snapshot("elsewhere")["PercentProgress"] == 50

    rds_bench.advance(TIMINGS.copy_snapshot / 2)
    first, last = (rds_bench.snapshot(f"copy-{number}", region=THERE) for number in (0, 6))
    assert (first["Status"], first["PercentProgress"]) == ("available", 100)
    assert (last["Status"], last["PercentProgress"]) == ("copying", 0)

    rds_bench.advance(TIMINGS.copy_snapshot)
    assert rds_bench.snapshot("copy-6", region=THERE)["Status"] == "available"


def test_a_copy_beyond_the_limit_is_refused_with_the_code_of_too_many_snapshots(
    rds_bench: RdsBench,
) -> None:
    rds_bench.new_cluster()
    source = rds_bench.new_snapshot()["DBClusterSnapshotArn"]
    for number in range(5):
        rds_bench.copy(source, f"copy-{number}")
    rds_bench.copy(source, "elsewhere", region=HERE)

    with refused("SnapshotQuotaExceeded"):
        rds_bench.copy(source, "one-too-many")

    rds_bench.advance(TIMINGS.copy_snapshot)
    assert rds_bench.copy(source, "one-too-many")["Status"] == "copying"


def test_a_queued_copy_starts_when_another_ends_even_without_a_request(
    rds_bench: RdsBench,
) -> None:
    rds_bench.emulator.backend.rules = Rules(
        copies_in_progress=1, queues_copies_beyond_the_limit=True
    )
    rds_bench.new_cluster()
    source = rds_bench.new_snapshot()["DBClusterSnapshotArn"]
    rds_bench.copy(source, "first")
    rds_bench.copy(source, "second")

    rds_bench.advance(TIMINGS.copy_snapshot * 1.5)

    assert rds_bench.snapshot("second", region=THERE)["PercentProgress"] == 50


def test_a_failed_copy_frees_its_place_in_the_queue(rds_bench: RdsBench) -> None:
    rds_bench.emulator.backend.rules = Rules(
        copies_in_progress=1, queues_copies_beyond_the_limit=True
    )
    rds_bench.new_cluster()
    source = rds_bench.new_snapshot()["DBClusterSnapshotArn"]
    rds_bench.admin.fail_next("copy-snapshot")
    rds_bench.copy(source, "first")
    rds_bench.copy(source, "second")

    rds_bench.advance(TIMINGS.copy_snapshot)
    assert rds_bench.snapshot("first", region=THERE)["Status"] == "failed"
    rds_bench.advance(TIMINGS.copy_snapshot)
    assert rds_bench.snapshot("second", region=THERE)["Status"] == "available"


def test_a_copy_is_made_in_the_region_that_is_called(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    source = rds_bench.new_snapshot()["DBClusterSnapshotArn"]

    copied = rds_bench.copy(source, region=THERE)

    assert copied["DBClusterSnapshotArn"] == f"arn:aws:rds:{THERE}:{OWNER}:cluster-snapshot:copied"
    assert copied["Status"] == "copying"
    assert copied["SourceDBClusterSnapshotArn"] == source
    with refused("DBClusterSnapshotNotFoundFault"):
        rds_bench.snapshot("copied", region=HERE)


def test_another_regions_snapshot_is_named_by_arn(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    rds_bench.new_snapshot("monday")

    with refused("DBClusterSnapshotNotFoundFault"):
        rds_bench.copy("monday", region=THERE)


def test_a_shared_snapshot_is_copied_across_accounts_and_regions_in_one_step(
    rds_bench: RdsBench,
) -> None:
    rds_bench.new_cluster()
    source = rds_bench.new_snapshot()["DBClusterSnapshotArn"]
    rds_bench.share("monday", OTHER)

    rds_bench.copy(source, account=OTHER, region=THERE)
    rds_bench.advance(TIMINGS.copy_snapshot)

    copied = rds_bench.snapshot("copied", account=OTHER, region=THERE)
    assert copied["Status"] == "available"
    assert copied["DBClusterSnapshotArn"].startswith(f"arn:aws:rds:{THERE}:{OTHER}:")


def test_a_snapshot_of_another_account_that_is_not_shared_is_not_found(
    rds_bench: RdsBench,
) -> None:
    rds_bench.new_cluster()
    source = rds_bench.new_snapshot()["DBClusterSnapshotArn"]

    with refused("DBClusterSnapshotNotFoundFault"):
        rds_bench.copy(source, account=OTHER, region=HERE)


def test_a_public_snapshot_is_copied_by_anyone(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    source = rds_bench.new_snapshot()["DBClusterSnapshotArn"]
    rds_bench.share("monday", "all")

    assert rds_bench.copy(source, account=OTHER, region=HERE)["Status"] == "copying"


def test_only_an_available_snapshot_is_copied(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    rds_bench.rds().create_db_cluster_snapshot(
        DBClusterSnapshotIdentifier="monday", DBClusterIdentifier="orders"
    )

    with refused("InvalidDBClusterSnapshotStateFault"):
        rds_bench.copy("monday", region=HERE)


def test_an_automated_snapshot_is_copied_to_a_manual_one(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    automated = rds_bench.new_automated_snapshot()

    copied = rds_bench.copy(automated["DBClusterSnapshotArn"], region=HERE)

    assert copied["SnapshotType"] == "manual"


@pytest.mark.parametrize(
    "name",
    [
        "rds:orders-2026-11-20-06-00",
        "1st",
        "-first",
        "ends-",
        "two--hyphens",
        "under_score",
        "x" * 64,
    ],
)
def test_a_copys_name_begins_with_a_letter_and_has_single_hyphens_only(
    rds_bench: RdsBench, name: str
) -> None:
    rds_bench.new_cluster()
    rds_bench.new_snapshot("monday")

    with refused("InvalidParameterValue"):
        rds_bench.copy("monday", name, region=HERE)


def test_a_copys_name_is_stored_in_lower_case_and_must_be_free(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    rds_bench.new_snapshot("monday")

    copied = rds_bench.copy("monday", "Copied-1", region=HERE)

    assert copied["DBClusterSnapshotIdentifier"] == "copied-1"
    with refused("DBClusterSnapshotAlreadyExistsFault"):
        rds_bench.copy("monday", "COPIED-1", region=HERE)


def test_tags_are_copied_only_if_asked_for(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    rds_bench.new_snapshot("monday", Tags=[{"Key": "team", "Value": "orders"}])

    plain = rds_bench.copy("monday", "plain", region=HERE)
    tagged = rds_bench.copy("monday", "tagged", region=HERE, CopyTags=True)
    own = rds_bench.copy(
        "monday", "own", region=HERE, CopyTags=True, Tags=[{"Key": "why", "Value": "test"}]
    )

    assert plain["TagList"] == []
    assert tagged["TagList"] == [{"Key": "team", "Value": "orders"}]
    assert own["TagList"] == [{"Key": "why", "Value": "test"}]


def test_an_encrypted_snapshot_keeps_its_key_within_account_and_region(
    rds_bench: RdsBench,
) -> None:
    key = rds_bench.new_key()
    rds_bench.new_cluster(StorageEncrypted=True, KmsKeyId=key)
    rds_bench.new_snapshot("monday")

    copied = rds_bench.copy("monday", region=HERE)

    assert copied["KmsKeyId"] == key
    assert copied["StorageEncryptionType"] == "sse-kms"


def test_an_encrypted_copy_to_another_region_needs_a_key_of_that_region(
    rds_bench: RdsBench,
) -> None:
    rds_bench.new_cluster(StorageEncrypted=True, KmsKeyId=rds_bench.new_key())
    source = rds_bench.new_snapshot()["DBClusterSnapshotArn"]
    key_here, key_there = rds_bench.new_key(), rds_bench.new_key(region=THERE)

    with refused("InvalidParameterCombination"):
        rds_bench.copy(source)
    with refused("KMSKeyNotAccessibleFault"):
        rds_bench.copy(source, KmsKeyId=key_here)
    assert rds_bench.copy(source, KmsKeyId=key_there)["KmsKeyId"] == key_there


def test_an_encrypted_copy_of_a_shared_snapshot_needs_a_key(rds_bench: RdsBench) -> None:
    shared_key = rds_bench.new_key(statements=KEY_POLICY_FOR_OTHER)
    rds_bench.new_cluster(StorageEncrypted=True, KmsKeyId=shared_key)
    source = rds_bench.new_snapshot()["DBClusterSnapshotArn"]
    rds_bench.share("monday", OTHER)
    own_key = rds_bench.new_key(account=OTHER)

    with refused("InvalidParameterCombination"):
        rds_bench.copy(source, account=OTHER, region=HERE)
    copied = rds_bench.copy(source, account=OTHER, region=HERE, KmsKeyId=own_key)
    assert copied["KmsKeyId"] == own_key


def test_an_unencrypted_snapshot_is_not_copied_with_a_key(rds_bench: RdsBench) -> None:
    rds_bench.admin.set_rules(default_encryption="none")
    rds_bench.new_cluster()
    snapshot = rds_bench.new_snapshot("monday")
    key = rds_bench.new_key()

    assert snapshot["StorageEncryptionType"] == "none"
    with refused("InvalidParameterCombination"):
        rds_bench.copy("monday", region=HERE, KmsKeyId=key)


def test_a_snapshot_under_the_aws_owned_key_counts_as_unencrypted(rds_bench: RdsBench) -> None:
    cluster = rds_bench.new_cluster()
    snapshot = rds_bench.new_snapshot("monday")
    key = rds_bench.new_key()

    assert (cluster["StorageEncrypted"], cluster.get("StorageEncryptionType")) == (
        False,
        "sse-rds",
    )
    assert (snapshot["StorageEncrypted"], snapshot["StorageEncryptionType"]) == (False, "sse-rds")
    with refused("InvalidParameterCombination"):
        rds_bench.copy("monday", region=HERE, KmsKeyId=key)


@pytest.mark.parametrize("how", ["missing", "disabled", "deleted"])
def test_a_copys_key_must_exist_and_be_enabled(rds_bench: RdsBench, how: str) -> None:
    rds_bench.new_cluster(StorageEncrypted=True, KmsKeyId=rds_bench.new_key())
    source = rds_bench.new_snapshot()["DBClusterSnapshotArn"]
    key = rds_bench.new_key(region=THERE)
    kms = rds_bench.kms(region=THERE)
    match how:
        case "disabled":
            kms.disable_key(KeyId=key.rpartition("/")[2])
        case "deleted":
            kms.schedule_key_deletion(KeyId=key.rpartition("/")[2], PendingWindowInDays=7)
        case _:
            key = key[:-12] + "000000000000"

    with refused("KMSKeyNotAccessibleFault"):
        rds_bench.copy(source, KmsKeyId=key)


def test_a_key_is_named_by_id_arn_or_alias(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster(StorageEncrypted=True, KmsKeyId=rds_bench.new_key())
    source = rds_bench.new_snapshot()["DBClusterSnapshotArn"]
    key = rds_bench.new_key(region=THERE)
    rds_bench.kms(region=THERE).create_alias(AliasName="alias/copies", TargetKeyId=key)
    names = [
        key.rpartition("/")[2],
        "alias/copies",
        f"arn:aws:kms:{THERE}:{OWNER}:alias/copies",
        key,
    ]

    copied = [
        rds_bench.copy(source, f"copy-{number}", KmsKeyId=name)["KmsKeyId"]
        for number, name in enumerate(names)
    ]

    assert copied == [key] * 4


def test_the_source_key_must_let_the_copying_account_use_it(rds_bench: RdsBench) -> None:
    closed = rds_bench.new_key()
    rds_bench.new_cluster(StorageEncrypted=True, KmsKeyId=closed)
    source = rds_bench.new_snapshot()["DBClusterSnapshotArn"]
    rds_bench.share("monday", OTHER)
    own_key = rds_bench.new_key(account=OTHER)

    with refused("KMSKeyNotAccessibleFault"):
        rds_bench.copy(source, account=OTHER, region=HERE, KmsKeyId=own_key)


def test_a_grant_lets_another_account_use_the_source_key(rds_bench: RdsBench) -> None:
    key = rds_bench.new_key()
    rds_bench.new_cluster(StorageEncrypted=True, KmsKeyId=key)
    source = rds_bench.new_snapshot()["DBClusterSnapshotArn"]
    rds_bench.share("monday", OTHER)
    own_key = rds_bench.new_key(account=OTHER)
    rds_bench.kms().create_grant(
        KeyId=key,
        GranteePrincipal=f"arn:aws:iam::{OTHER}:role/copier",
        Operations=[
            "CreateGrant",
            "Decrypt",
            "DescribeKey",
            "Encrypt",
            "GenerateDataKey",
            "ReEncryptFrom",
            "ReEncryptTo",
        ],
    )

    copied = rds_bench.copy(source, account=OTHER, region=HERE, KmsKeyId=own_key)

    assert copied["Status"] == "copying"


def test_a_copy_in_progress_is_cancelled_by_deleting_it(rds_bench: RdsBench) -> None:
    rds_bench.emulator.backend.rules = Rules(
        copies_in_progress=1, queues_copies_beyond_the_limit=True
    )
    rds_bench.new_cluster()
    source = rds_bench.new_snapshot()["DBClusterSnapshotArn"]
    rds_bench.copy(source, "first")
    rds_bench.copy(source, "second")

    rds_bench.rds(region=THERE).delete_db_cluster_snapshot(DBClusterSnapshotIdentifier="first")
    rds_bench.advance(TIMINGS.copy_snapshot)

    with refused("DBClusterSnapshotNotFoundFault"):
        rds_bench.snapshot("first", region=THERE)
    assert rds_bench.snapshot("second", region=THERE)["Status"] == "available"


def test_a_finished_copy_does_not_need_its_source_any_more(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    source = rds_bench.new_snapshot("monday")["DBClusterSnapshotArn"]
    rds_bench.copy(source)
    rds_bench.advance(TIMINGS.copy_snapshot)

    rds_bench.rds().delete_db_cluster_snapshot(DBClusterSnapshotIdentifier="monday")

    assert rds_bench.restore("copied", region=THERE)["Status"] == "creating"


def test_copies_count_against_the_quota_of_manual_snapshots(rds_bench: RdsBench) -> None:
    rds_bench.emulator.backend.rules = Rules(manual_snapshots=2)
    rds_bench.new_cluster()
    rds_bench.new_automated_snapshot()
    rds_bench.new_snapshot("monday")
    rds_bench.copy("monday", "copied", region=HERE)

    with refused("SnapshotQuotaExceeded"):
        rds_bench.copy("monday", "one-too-many", region=HERE)
    with refused("SnapshotQuotaExceeded"):
        rds_bench.rds().create_db_cluster_snapshot(
            DBClusterSnapshotIdentifier="tuesday", DBClusterIdentifier="orders"
        )


def test_a_copy_can_fail_and_keeps_the_progress_it_had(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    source = rds_bench.new_snapshot()["DBClusterSnapshotArn"]
    rds_bench.admin.fail_next("copy-snapshot")
    rds_bench.copy(source)

    rds_bench.advance(TIMINGS.copy_snapshot)

    copied = rds_bench.snapshot("copied", region=THERE)
    assert copied["Status"] == "failed"
    assert copied["PercentProgress"] < 100
    with refused("InvalidDBClusterSnapshotStateFault"):
        rds_bench.restore("copied", region=THERE)
