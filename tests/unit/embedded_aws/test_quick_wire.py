"""Requests that reach the emulator as values come to the same as those that are written as XML."""

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from unittest import mock

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from embedded_aws.rds import ManualClock, models
from embedded_aws.rds.in_process import InProcessRds, in_process
from embedded_aws.vpc import create_network

ACCOUNT, REGION, OTHER_REGION = "123456789012", "us-west-2", "us-east-1"
ENGINE = {"Engine": "aurora-postgresql"}
TAGS = [{"Key": "purpose", "Value": "a test + more"}, {"Key": "empty", "Value": ""}]
CLUSTER = {
    **ENGINE,
    "DBClusterIdentifier": "one",
    "EngineVersion": "16.4",
    "MasterUsername": "postgres",
    "MasterUserPassword": "a-password",
    "DatabaseName": "app",
    "DBSubnetGroupName": "group",
    "ServerlessV2ScalingConfiguration": {"MinCapacity": 0.5, "MaxCapacity": 8},
    "EnableCloudwatchLogsExports": ["postgresql"],
    "Tags": TAGS,
}
COPY = {
    "SourceDBClusterSnapshotIdentifier": "taken",
    "TargetDBClusterSnapshotIdentifier": "copied",
    "CopyTags": True,
}
FILTER = [{"Name": "db-cluster-id", "Values": ["one"]}]
CALLS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("describe_db_clusters", {}),
    ("create_db_cluster", CLUSTER),
    ("create_db_cluster", CLUSTER),
    ("create_db_cluster", {**CLUSTER, "DBClusterIdentifier": "two", "DBSubnetGroupName": "none"}),
    *(
        (
            "create_db_instance",
            {
                **ENGINE,
                "DBInstanceIdentifier": f"one-{number}",
                "DBInstanceClass": "db.r6g.large",
                "DBClusterIdentifier": "one",
                "PromotionTier": number,
            },
        )
        for number in (1, 2)
    ),
    ("describe_db_clusters", {"DBClusterIdentifier": "one"}),
    ("describe_db_instances", {"Filters": FILTER, "MaxRecords": 20}),
    (
        "create_db_cluster_snapshot",
        {"DBClusterSnapshotIdentifier": "taken", "Tags": []} | {"DBClusterIdentifier": "one"},
    ),
    ("copy_db_cluster_snapshot", COPY),
    ("describe_db_cluster_snapshots", {"SnapshotType": "manual"}),
    (
        "modify_db_cluster_snapshot_attribute",
        {
            "DBClusterSnapshotIdentifier": "taken",
            "AttributeName": "restore",
            "ValuesToAdd": ["999988887777", "111122223333"],
        },
    ),
    ("describe_db_cluster_snapshot_attributes", {"DBClusterSnapshotIdentifier": "taken"}),
    ("describe_db_cluster_snapshot_attributes", {"DBClusterSnapshotIdentifier": "copied"}),
    (
        "restore_db_cluster_from_snapshot",
        {
            **ENGINE,
            "DBClusterIdentifier": "back",
            "SnapshotIdentifier": "copied",
            "DBSubnetGroupName": "group",
            "Tags": TAGS,
        },
    ),
    (
        "modify_db_cluster",
        {
            "DBClusterIdentifier": "one",
            "DeletionProtection": True,
            "ApplyImmediately": True,
            "BackupRetentionPeriod": 7,
            "MasterUserPassword": "another-password",
        },
    ),
    ("describe_db_clusters", {}),
    ("delete_db_cluster", {"DBClusterIdentifier": "one", "SkipFinalSnapshot": True}),
    ("delete_db_instance", {"DBInstanceIdentifier": "one-2"}),
    ("describe_db_instances", {}),
    ("describe_db_clusters", {"DBClusterIdentifier": "no&<where>"}),
    ("describe_account_attributes", {}),
    ("describe_orderable_db_instance_options", ENGINE),
    ("describe_db_subnet_groups", {"DBSubnetGroupName": "group"}),
    ("describe_global_clusters", {}),
    (
        "add_tags_to_resource",
        {
            "ResourceName": f"arn:aws:rds:{REGION}:{ACCOUNT}:cluster:one",
            "Tags": [{"Key": "more", "Value": "für später"}],
        },
    ),
    ("list_tags_for_resource", {"ResourceName": f"arn:aws:rds:{REGION}:{ACCOUNT}:cluster:one"}),
    ("list_tags_for_resource", {"ResourceName": f"arn:aws:rds:{REGION}:{ACCOUNT}:subgrp:group"}),
)

TABLE = {
    "TableName": "items",
    "BillingMode": "PAY_PER_REQUEST",
    "KeySchema": [
        {"AttributeName": "of", "KeyType": "HASH"},
        {"AttributeName": "step", "KeyType": "RANGE"},
    ],
    "AttributeDefinitions": [
        {"AttributeName": "of", "AttributeType": "S"},
        {"AttributeName": "step", "AttributeType": "S"},
    ],
}
KEY = {"of": {"S": "op-1"}, "step": {"S": "copy"}}
ITEM = {
    **KEY,
    "number": {"N": "-1.50"},
    "data": {"B": b"\x00\xff"},
    "absent": {"NULL": True},
    "words": {"SS": ["b", "a"]},
    "details": {
        "M": {
            "empty": {"M": {}},
            "list": {"L": [{"S": ""}, {"BOOL": False}, {"M": {"für": {"S": "später"}}}]},
        }
    },
}
UNLESS_THERE = {"ConditionExpression": "attribute_not_exists(step)"}
CALLS_OF_ITEMS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("get_item", {"TableName": "items", "Key": KEY}),
    ("put_item", {"TableName": "items", "Item": ITEM, **UNLESS_THERE}),
    ("put_item", {"TableName": "items", "Item": ITEM, **UNLESS_THERE}),
    ("put_item", {"TableName": "nowhere", "Item": ITEM}),
    ("put_item", {"TableName": "items", "Item": {**ITEM, "much": {"S": "x" * 410_000}}}),
    ("put_item", {"TableName": "items", "Item": {**KEY, "step": {"S": "another"}}}),
    (
        "get_item",
        {
            "TableName": "items",
            "Key": KEY,
            "ConsistentRead": True,
            "ReturnConsumedCapacity": "TOTAL",
        },
    ),
    (
        "query",
        {
            "TableName": "items",
            "KeyConditionExpression": "#of = :of",
            "ExpressionAttributeNames": {"#of": "of"},
            "ExpressionAttributeValues": {":of": {"S": "op-1"}},
        },
    ),
    (
        "update_item",
        {
            "TableName": "items",
            "Key": KEY,
            "UpdateExpression": "SET #n = #n + :n REMOVE words",
            "ExpressionAttributeNames": {"#n": "number"},
            "ExpressionAttributeValues": {":n": {"N": "2"}},
            "ReturnValues": "ALL_NEW",
        },
    ),
    (
        "transact_write_items",
        {
            "TransactItems": [
                {"Put": {"TableName": "items", "Item": ITEM, **UNLESS_THERE}},
                {"Delete": {"TableName": "items", "Key": {**KEY, "step": {"S": "another"}}}},
            ]
        },
    ),
    ("scan", {"TableName": "items", "FilterExpression": "attribute_exists(details)"}),
    ("delete_item", {"TableName": "items", "Key": KEY, "ReturnValues": "ALL_OLD"}),
    ("describe_table", {"TableName": "nowhere"}),
)


class _RepeatedChoices:
    """Stands in for ``secrets``: the same resources, the same ids."""

    def __init__(self) -> None:
        self._numbers = itertools.count()

    def choice(self, letters: str) -> str:
        return letters[next(self._numbers) * 7 % len(letters)]


def _responses(*, is_quick: bool) -> Iterator[Any]:
    """What boto3 returns or raises for each call, but for what differs each time."""
    clock = ManualClock()
    with (
        mock.patch.object(models, "secrets", _RepeatedChoices()),
        mock.patch("moto.ec2.utils.random_id", _numbered()),
        in_process(clock=clock, is_quick=is_quick) as emulator,
    ):
        session: Any = emulator.session(ACCOUNT, REGION)
        create_network(session.client("ec2"), session.client("rds"), REGION, "group")
        quickly_again = Config(retries={"total_max_attempts": 3, "mode": "standard"})
        rds = session.client("rds", config=quickly_again)
        for number, (name, parameters) in enumerate(CALLS):
            yield name, _made(partial(getattr(rds, name), **parameters))
            clock.advance(600.25 * (number + 1))
        _refuse(emulator)
        yield "refused", _made(rds.describe_db_clusters)
        yield "elsewhere", _made(session.client("rds", OTHER_REGION).describe_db_clusters)
        other: Any = emulator.session("999988887777", REGION)
        shared = other.client("rds").describe_db_cluster_snapshots
        yield "another account", _made(partial(shared, IncludeShared=True))
        yield "calls", emulator.admin.calls()


def _responses_about_items(*, is_quick: bool) -> Iterator[Any]:
    with in_process(is_quick=is_quick) as emulator:
        for account in (ACCOUNT, "999988887777"):
            session: Any = emulator.session(account, REGION)
            dynamodb = session.client("dynamodb")
            dynamodb.create_table(**TABLE)
            for name, parameters in CALLS_OF_ITEMS:
                yield name, _made(partial(getattr(dynamodb, name), **parameters))


def _numbered() -> Callable[..., str]:
    numbers = itertools.count(1)
    return lambda prefix="", size=8: f"{prefix}-{next(numbers):0{size}x}"


def _refuse(emulator: InProcessRds) -> None:
    emulator.admin.refuse_next("DescribeDBClusters", code="InternalFailure", status=500)


def _made(call: Callable[[], Any]) -> Any:
    try:
        response = call()
    except ClientError as error:
        response = {**error.response, "raised": type(error).__name__, "text": str(error)}
    metadata = response.pop("ResponseMetadata")
    assert metadata.pop("RequestId")
    assert metadata.pop("HTTPHeaders")["content-type"].startswith(("text/xml", "application/"))
    return response, metadata


@pytest.fixture(scope="module")
def written() -> list[Any]:
    return list(_responses(is_quick=False))


@pytest.fixture(scope="module")
def quick() -> list[Any]:
    return list(_responses(is_quick=True))


def test_each_call_returns_or_raises_the_same(written: list[Any], quick: list[Any]) -> None:
    for expected, found in zip(written, quick, strict=True):
        assert found == expected


def test_what_is_compared_has_results_errors_and_a_retry(quick: list[Any]) -> None:
    made = dict(quick)
    assert made["describe_db_instances"][0]["DBInstances"]
    assert made["refused"][1]["RetryAttempts"] == 1
    raised = {result["raised"] for _, (result, *_) in quick[:-1] if "raised" in result}
    assert {"DBClusterAlreadyExistsFault", "DBClusterNotFoundFault"} <= raised


def test_each_call_about_an_item_returns_or_raises_the_same() -> None:
    written, quick = (list(_responses_about_items(is_quick=each)) for each in (False, True))
    assert quick == written
    raised = [result["raised"] for _, (result, *_) in quick if "raised" in result]
    assert len(raised) == 2 * 5
    assert {"ConditionalCheckFailedException", "TransactionCanceledException"} <= set(raised)
