"""The target record: what it proves, and when it is written."""

from dataclasses import replace
from typing import Any

import pytest

from aurora_restore.shared.errors import OperationInProgressError, ValidationError
from aurora_restore.shared.pipeline import STEP_NAMES
from aurora_restore.shared.target_record import TargetRecord, TargetRecordStore, declared
from tests.unit.bench import ACCOUNT, REGION, Bench
from tests.unit.scene import TARGET

OWN = TargetRecord(restored_by="op-1", resource_id="cluster-1")


@pytest.fixture
def records(bench: Bench) -> TargetRecordStore:
    return TargetRecordStore(bench.store, ACCOUNT, REGION, TARGET)


@pytest.mark.parametrize(
    ("record", "is_own"),
    [
        (OWN, True),
        (replace(OWN, resource_id=None), True),
        (replace(OWN, resource_id="cluster-2"), False),
        (replace(OWN, restored_by="op-2"), False),
        (TargetRecord(restored_by="op-2"), False),
    ],
    ids=str,
)
def test_a_record_is_of_one_operation_and_one_cluster(record: TargetRecord, is_own: bool) -> None:
    assert record.is_of("op-1", "cluster-1") is is_own


def test_what_is_written_is_what_is_read(records: TargetRecordStore) -> None:
    complete = replace(
        OWN,
        writer_endpoint="writer.example",
        reader_endpoint="reader.example",
        port=5432,
        master_secret_version="version-1",
    )
    assert records.read() is None

    records.write(complete, None)

    assert records.read() == complete
    assert records.key == f"target#{ACCOUNT}/{REGION}/{TARGET}"


def test_an_attribute_that_is_no_longer_known_is_removed(records: TargetRecordStore) -> None:
    first = records.write(replace(OWN, port=5432), None)

    records.write(TargetRecord(restored_by="op-2"), first)

    assert records.read() == TargetRecord(restored_by="op-2")


@pytest.mark.parametrize(
    "instead_of",
    [
        None,
        TargetRecord(restored_by="op-0"),
        TargetRecord(restored_by="op-0", resource_id="cluster-0"),
        replace(OWN, resource_id="cluster-0"),
        replace(OWN, resource_id=None),
    ],
    ids=str,
)
def test_a_record_that_was_changed_meanwhile_is_not_overwritten(
    records: TargetRecordStore, instead_of: TargetRecord | None
) -> None:
    records.write(OWN, None)

    with pytest.raises(OperationInProgressError, match="operation op-1 meanwhile") as caught:
        records.write(TargetRecord(restored_by="op-2"), instead_of)

    assert caught.value.details["holder"] == "op-1"
    assert records.read() == OWN


def test_a_write_whose_answer_was_lost_may_be_repeated(records: TargetRecordStore) -> None:
    records.write(OWN, None)

    assert records.write(OWN, None) == OWN


def test_an_item_that_is_no_record_is_reported(bench: Bench, records: TargetRecordStore) -> None:
    item: dict[str, Any] = {
        "operation_id": {"S": records.key},
        "step": {"S": "target"},
        "restored_by": {"S": "op-1"},
        "port": {"S": "5432"},
    }
    bench.clients.dynamodb.put_item(TableName=bench.environment.state_table, Item=item)

    with pytest.raises(ValidationError, match=f"the target record {records.key}: port"):
        records.read()


def test_every_attribute_names_steps_that_write_it() -> None:
    for attribute in declared().values():
        assert set(attribute.written_by) <= set(STEP_NAMES)
        assert attribute.meaning.endswith(".")
