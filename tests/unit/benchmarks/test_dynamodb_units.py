"""The units of DynamoDB, by the examples and rules of its documentation."""

import pytest

from benchmarks.dynamodb_units import Meter, Units, read_units, size_of

TABLE = "state"


def item(step: str, size: int) -> dict[str, dict[str, str]]:
    """An item of exactly so many bytes."""
    keys = {"operation_id": {"S": "op-1"}, "step": {"S": step}}
    return {**keys, "x": {"S": "x" * (size - size_of(keys) - 1)}}


@pytest.fixture
def meter() -> Meter:
    return Meter({TABLE: "step"})


def test_a_size_is_that_of_names_and_values() -> None:
    assert size_of({"a": {"S": "été"}}) == 1 + 5
    assert size_of({"n": {"N": "-1200"}}) == 1 + 1 + 1 + 1
    assert size_of({"b": {"BOOL": True}, "nil": {"NULL": True}}) == 2 + 4
    assert size_of({"m": {"M": {"k": {"S": "v"}}}, "l": {"L": [{"S": "v"}]}}) == (4 + 3) + (4 + 2)


def test_a_read_is_rounded_up_once_and_an_eventual_one_is_half() -> None:
    assert read_units([3500], consistent=True) == 1
    assert read_units([10_000], consistent=True) == 3
    assert read_units([1500, 6500], consistent=True) == 2
    assert read_units([], consistent=True) == 1
    assert read_units([3500], consistent=False) == 0.5


def test_a_write_is_charged_for_the_larger_item(meter: Meter) -> None:
    def put(size: int) -> Units:
        parameters = {"TableName": TABLE, "Item": item("copy-snapshot", size)}
        return meter.units("PutItem", parameters, {})

    assert put(1024) == Units(written=1)
    assert put(2500) == Units(written=3)
    assert put(500) == Units(written=3)
    assert put(500) == Units(written=1)


def test_a_refused_write_is_charged_and_writes_nothing(meter: Meter) -> None:
    large = {"TableName": TABLE, "Item": item("lock", 3000)}
    small = {"TableName": TABLE, "Item": item("lock", 100)}
    assert meter.units("PutItem", large, None) == Units(written=3)
    assert meter.units("PutItem", small, {}) == Units(written=1)


def test_reads_and_deletions_are_charged_by_what_they_find(meter: Meter) -> None:
    keys = {"operation_id": {"S": "op-1"}, "step": {"S": "lock"}}
    found = item("lock", 5000)
    consistent = {"TableName": TABLE, "ConsistentRead": True}
    meter.units("PutItem", {"TableName": TABLE, "Item": found}, {})
    assert meter.units("GetItem", consistent, {"Item": found}) == Units(read=2)
    assert meter.units("GetItem", consistent, {}) == Units(read=1)
    assert meter.units("Query", consistent, {"Items": [found, found]}) == Units(read=3)
    assert meter.units("DeleteItem", {"TableName": TABLE, "Key": keys}, {}) == Units(written=5)
