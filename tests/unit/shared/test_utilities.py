"""The documented utilities refuse bad arguments, before anything is written or started."""

import json
from decimal import Decimal
from typing import Any

import pytest

from aurora_restore import shared
from aurora_restore.shared.common import metrics
from aurora_restore.shared.errors import CorruptStateError, ValidationError
from aurora_restore.shared.names import state_machine_name
from tests.unit.bench import ACCOUNT, PREFIX, REGION, START, Bench, own_client

RIGHT: dict[str, Any] = {"step": "copy-snapshot", "status": "SUCCESS", "details": {"a": 1}}


@pytest.fixture(autouse=True)
def _from_the_environment(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in bench.environment.to_env().items():
        monkeypatch.setenv(name, value)
    for module in ("state_utils", "function_utils"):
        monkeypatch.setattr(
            f"aurora_restore.shared.{module}.default_clients", lambda: bench.clients
        )


def count(bench: Bench) -> int:
    tables = (bench.environment.state_table, bench.environment.audit_table)
    return sum(bench.clients.dynamodb.scan(TableName=table)["Count"] for table in tables)


@pytest.mark.parametrize(
    ("operation_id", "state", "fault"),
    [
        (None, RIGHT, "operation_id: must be a string, not null"),
        ("lock#x", RIGHT, "operation_id: 'lock#x' is not valid"),
        ("op-1", None, "state: must be an object, not null"),
        ("op-1", [], "state: must be an object, not a list"),
        ("op-1", {"status": "SUCCESS"}, "state.step: is missing"),
        ("op-1", {"step": "copy-snapshot"}, "state.status: is missing"),
        ("op-1", {**RIGHT, "step": "lock"}, "state.step: 'lock' is not a step"),
        ("op-1", {**RIGHT, "step": ["copy-snapshot"]}, "is not a step; the steps are snapshot-"),
        ("op-1", {**RIGHT, "status": "DONE"}, "state.status: 'DONE' is not one of 'SUCCESS'"),
        ("op-1", {**RIGHT, "details": None}, "state.details: must be an object, not null"),
        ("op-1", {**RIGHT, "details": {"a": float("nan")}}, "state.details: cannot be stored"),
        ("op-1", {**RIGHT, "details": {"a": object()}}, "state.details: cannot be stored"),
    ],
)
def test_a_wrong_state_is_not_saved(
    bench: Bench, operation_id: Any, state: Any, fault: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        shared.save_state(operation_id, state)

    assert fault in caught.value.message
    assert count(bench) == 0


@pytest.mark.parametrize(
    "arguments",
    [
        (None, "copy-snapshot", "SUCCESS", {}),
        ("op-1", "", "SUCCESS", {}),
        ("op-1", None, "SUCCESS", {}),
        ("op-1", "copy-snapshot", 7, {}),
        ("op-1", "copy-snapshot", "SUCCESS", None),
        ("op-1", "copy-snapshot", "SUCCESS", {"a": Decimal("1")}),
    ],
)
def test_a_wrong_audit_event_is_not_appended(bench: Bench, arguments: Any) -> None:
    with pytest.raises(ValidationError):
        shared.log_audit_event(*arguments)

    assert count(bench) == 0


@pytest.mark.parametrize("arguments", [(None,), ("no id",), ("op-1", "no step"), ("op-1", 7)])
def test_no_state_is_looked_for_under_what_cannot_be_its_key(arguments: Any) -> None:
    with pytest.raises(ValidationError):
        shared.load_state(*arguments)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ((None, "StepFailures", 1), "operation_id"),
        (("op-1", "", 1), "metric_name"),
        (("op-1", "x" * 256, 1), "metric_name"),
        (("op-1", None, 1), "metric_name"),
        (("op-1", "StepFailures", "1"), "value"),
        (("op-1", "StepFailures", True), "value"),
        (("op-1", "StepFailures", None), "value"),
        (("op-1", "StepFailures", float("inf")), "value"),
        (("op-1", "StepFailures", 1, "Sekunden"), "unit"),
        (("op-1", "StepFailures", 1, None), "unit"),
        (("op-1", "StepFailures", 1, ["Count"]), "unit"),
    ],
)
def test_a_wrong_metric_is_not_recorded(arguments: Any, field: str) -> None:
    metrics.clear_metrics()

    with pytest.raises(ValidationError, match=f"^{field}: "):
        shared.update_metrics(*arguments)

    assert metrics.metric_set == {}


# trigger_next_step


@pytest.fixture
def machine(bench: Bench) -> str:
    made = own_client("stepfunctions", REGION).create_state_machine(
        name=state_machine_name(PREFIX),
        definition="{}",
        roleArn=f"arn:aws:iam::{ACCOUNT}:role/state-machine",
    )
    return str(made["stateMachineArn"])


def executions(machine: str) -> list[Any]:
    client = own_client("stepfunctions", REGION)
    found = client.list_executions(stateMachineArn=machine)["executions"]
    return [
        json.loads(client.describe_execution(executionArn=each["executionArn"])["input"])
        for each in found
    ]


def test_an_operation_is_resumed_from_code_at_a_step(machine: str) -> None:
    arn = shared.trigger_next_step(
        "op-1", "restore-snapshot", {"db_subnet_group_name": "another"}, delay_seconds=60
    )

    assert arn.startswith(machine.replace(":stateMachine:", ":execution:"))
    assert executions(machine) == [
        {
            "operation_id": "op-1",
            "start_at": "restore-snapshot",
            "delay_seconds": 60,
            "db_subnet_group_name": "another",
        }
    ]


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ((None, "restore-snapshot", {}), "operation_id: must be given, not null"),
        (("no id", "restore-snapshot", {}), "operation_id: 'no id' is not valid"),
        (("op-1", None, {}), "start_at: must be given, not null"),
        (("op-1", "restore", {}), "start_at: 'restore' is not one of"),
        (("op-1", "restore-snapshot", None), "event_data: must be an object, not null"),
        (("op-1", "restore-snapshot", []), "event_data: must be an object, not a list"),
        (("op-1", "restore-snapshot", {"dat": "x"}), "dat: is not a known field"),
        (("op-1", "restore-snapshot", {}, None), "delay_seconds: must be given, not null"),
        (("op-1", "restore-snapshot", {}, -1), "-1 is too small"),
        (("op-1", "restore-snapshot", {}, "60"), "delay_seconds: must be an integer"),
        (
            ("op-1", "restore-snapshot", {"operation_id": "op-2"}),
            "event_data.operation_id: 'op-2' is not the argument, 'op-1'",
        ),
        (
            ("op-1", "snapshot-check", {"date": "2026-05-15", "snapshot_id": "by-hand"}),
            "date: contradicts snapshot_id",
        ),
        (("op-1", "snapshot-check", {"source_region": "us-eats-1"}), "source_region: 'us-eats-1'"),
    ],
)
def test_nothing_is_started_with_wrong_arguments(machine: str, arguments: Any, fault: str) -> None:
    with pytest.raises(ValidationError) as caught:
        shared.trigger_next_step(*arguments)

    assert fault in caught.value.message
    assert executions(machine) == []


# A state item that nobody wrote


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"details": None}, "details: is missing or wrong"),
        ({"details": {"S": "text"}}, "details: is missing or wrong"),
        ({"timestamp": None}, "timestamp: is missing or wrong"),
        ({"timestamp": {"S": "yesterday"}}, "timestamp: is missing or wrong"),
        ({"timestamp": {"N": "7"}}, "timestamp: is missing or wrong"),
        ({"status": {"NULL": True}}, "status: is missing or wrong"),
    ],
)
def test_a_corrupt_item_is_reported_as_such(
    bench: Bench, changed: dict[str, Any], fault: str
) -> None:
    bench.store.save("op-1", "copy-snapshot", "SUCCESS", {}, START)
    (item,) = bench.clients.dynamodb.scan(TableName=bench.environment.state_table)["Items"]
    item = {name: value for name, value in {**item, **changed}.items() if value is not None}
    bench.clients.dynamodb.put_item(TableName=bench.environment.state_table, Item=item)

    with pytest.raises(CorruptStateError) as caught:
        shared.load_state("op-1")

    assert "the item of operation op-1 and step copy-snapshot in table" in caught.value.message
    assert fault in caught.value.message
