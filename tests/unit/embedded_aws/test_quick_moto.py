"""What is made quick in moto answers as moto does."""

from collections.abc import Iterator
from contextlib import nullcontext
from decimal import Decimal
from typing import Any

import boto3
import pytest
from boto3.dynamodb.conditions import Key
from moto import mock_aws

from embedded_aws.rds.quick_moto import quick_moto

STEPS = ("restore-snapshot", "archive-snapshot", "copy-snapshot")


@pytest.fixture
def _account(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")


def _table(name: str, keys: list[tuple[str, str]]) -> Any:
    kinds = ("HASH", "RANGE")
    dynamodb: Any = boto3.resource("dynamodb", "eu-west-1")
    return dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": kind} for key, kind in keys],
        KeySchema=[
            {"AttributeName": key, "KeyType": kind}
            for (key, _), kind in zip(keys, kinds, strict=False)
        ],
    )


def _found() -> Iterator[Any]:
    """What queries and scans return: of names, of numbers, and of items with one key."""
    named = _table("named", [("operation", "S"), ("step", "S")])
    numbered = _table("numbered", [("operation", "S"), ("number", "N")])
    single = _table("single", [("name", "S")])
    for operation in ("b", "a"):
        for number, step in zip((10, 9, Decimal("-2.5")), STEPS, strict=True):
            named.put_item(Item={"operation": operation, "step": step, "is": {"done": [True]}})
            numbered.put_item(Item={"operation": operation, "number": number, "none": None})
            single.put_item(Item={"name": f"{operation}/{step}", "size": {1, 2}})
    for table in (named, numbered):
        for forward in (True, False):
            condition = Key("operation").eq("a")
            yield table.query(KeyConditionExpression=condition, ScanIndexForward=forward)["Items"]
    for table in (named, numbered, single):
        yield table.scan()["Items"]
        yield table.scan(Limit=2)["LastEvaluatedKey"]


@pytest.mark.usefixtures("_account")
def test_tables_are_read_as_in_moto_alone() -> None:
    answers = []
    for quickness in (nullcontext(), quick_moto()):
        with mock_aws(), quickness:
            answers.append(list(_found()))
    alone, quick = answers
    assert quick == alone
    assert [each["number"] for each in quick[2]] == [Decimal("-2.5"), 9, 10]
