from datetime import timedelta

import pytest

from aurora_restore import shared
from aurora_restore.shared.errors import ValidationError
from tests.unit.bench import START, Bench


@pytest.fixture
def _from_the_environment(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in bench.environment.to_env().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("aurora_restore.shared.state_utils.default_clients", lambda: bench.clients)


@pytest.mark.usefixtures("_from_the_environment")
def test_a_saved_state_is_loaded_as_it_was(bench: Bench) -> None:
    details = {"a": 1, "b": 2.5, "c": [True, None], "d": {"e": "f"}, "empty": ""}
    shared.save_state("op-1", {"step": "copy-snapshot", "status": "SUCCESS", "details": details})
    loaded = shared.load_state("op-1", "copy-snapshot")
    assert loaded is not None
    assert loaded["details"] == details
    assert loaded["timestamp"].endswith("Z")


def test_the_latest_state_is_the_one_written_last(bench: Bench) -> None:
    bench.store.save("op-1", "snapshot-check", "SUCCESS", {"n": 1}, START)
    bench.store.save("op-1", "copy-snapshot", "SUCCESS", {"n": 2}, START + timedelta(seconds=1))
    bench.store.save("op-2", "delete-rds", "SUCCESS", {"n": 3}, START + timedelta(seconds=2))
    latest = bench.store.load("op-1")
    assert latest is not None
    assert latest["details"] == {"n": 2}
    assert bench.store.load("op-3") is None


def test_a_state_item_expires_and_an_audit_event_does_not(bench: Bench) -> None:
    bench.store.save("op-1", "snapshot-check", "SUCCESS", {}, START)
    item = bench.store.load("op-1")
    assert item is not None
    assert item["expires_at"] == int((START + timedelta(days=90)).timestamp())


def test_two_audit_events_of_the_same_instant_both_survive(bench: Bench) -> None:
    for status in ("IN_PROGRESS", "SUCCESS", "FAILED"):
        bench.store.audit("op-1", "copy-snapshot", status, {}, START)
    assert [status for _, status in bench.audit_trail()] == ["IN_PROGRESS", "SUCCESS", "FAILED"]


@pytest.mark.usefixtures("_from_the_environment")
def test_the_documented_audit_function_appends(bench: Bench) -> None:
    shared.log_audit_event("op-1", "copy-snapshot", "SUCCESS", {"a": 1})
    assert bench.audit_trail() == [("copy-snapshot", "SUCCESS")]


def test_the_operation_is_the_events_then_the_executions_then_a_new_one() -> None:
    assert shared.get_operation_id({"operation_id": "op-7"}) == "op-7"
    assert shared.get_operation_id({"execution": {"name": "nightly-1"}}) == "nightly-1"
    assert shared.get_operation_id({}) != shared.get_operation_id({})
    with pytest.raises(ValidationError, match="operation_id"):
        shared.get_operation_id({"operation_id": "x" * 200})
