"""What an operation knows about itself: declared once, stored as it was, and reset by a re-run."""

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora_restore.shared.errors import ValidationError
from aurora_restore.shared.operation_state import EVERY_STEP, OperationState, declared
from aurora_restore.shared.pipeline import STEP_NAMES

RUN = "arn:aws:states:us-west-2:123456789012:execution:pipeline:nightly#0"
RERUN = RUN.replace("#0", "#1")

# What the specification's example of a state flow shows.
SPECIFIED = {
    "snapshot_name",
    "snapshot_arn",
    "source_account_id",
    "target_account_id",
    "source_region",
    "target_region",
    "source_snapshot",
    "target_snapshot",
    "copy_status",
    "copy_snapshot_id",
    "deleted_cluster_id",
    "new_cluster_id",
    "restore_status",
    "vpc_id",
    "subnet_ids",
    "security_group_ids",
    "cluster_endpoint",
    "cluster_port",
}


def test_every_key_has_a_declaration_with_a_meaning_and_existing_steps() -> None:
    assert list(declared()) == [field.name for field in fields(OperationState)]
    for name, key in declared().items():
        assert key.meaning.endswith("."), name
        assert key.written_by == EVERY_STEP or set(key.steps) <= set(STEP_NAMES), name


def test_the_keys_of_the_specification_are_kept() -> None:
    assert declared().keys() >= SPECIFIED


def test_nothing_is_stored_of_an_operation_that_knows_nothing() -> None:
    assert OperationState().to_details() == {}
    assert OperationState.from_details({}) == OperationState()


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "copy_snapshot_id": st.text(min_size=1),
            "attempts": st.dictionaries(st.text(), st.integers(1, 9), min_size=1),
            "shared_by_copy": st.just(value=True),
            "subnet_ids": st.lists(st.text(), max_size=3),
            "cluster_port": st.integers(),
            "drift": st.lists(st.fixed_dictionaries({"setting": st.text()}), max_size=2),
            "old_cluster": st.dictionaries(st.text(), st.integers() | st.text()),
        },
    )
)
def test_what_is_stored_is_read_back(details: dict[str, Any]) -> None:
    assert OperationState.from_details(details).to_details() == details


def test_keys_that_are_not_declared_are_ignored() -> None:
    stored = {"copy_status": "available", "error": {"type": "AwsError"}, "of_version_0": 1}

    assert OperationState.from_details(stored) == OperationState(copy_status="available")


@pytest.mark.parametrize(
    ("stored", "said"),
    [
        ({"copy_status": 5}, "the operation's state: copy_status: must be a string"),
        ({"subnet_ids": "subnet-1"}, "the operation's state: subnet_ids: must be a list"),
        ({"attempts": {"copy-snapshot": "two"}}, "attempts.copy-snapshot: must be an integer"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_by_its_key(stored: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        OperationState.from_details(stored)


def test_a_rerun_starts_without_what_belongs_to_one_run() -> None:
    state = OperationState(
        attempted_in=RUN,
        attempts={"copy-snapshot": 2},
        waiting_since={"copy": "2026-05-16T03:00:00.000000Z"},
        progress=0.5,
        progress_since="2026-05-16T03:00:00.000000Z",
        shared_at="2026-05-16T03:00:00.000000Z",
        copy_snapshot_id="the-copy",
    )

    assert state.rerun(RUN) is state
    assert state.rerun(RERUN) == OperationState(attempted_in=RERUN, copy_snapshot_id="the-copy")
    assert {name for name, key in declared().items() if key.of_one_run} == {
        "attempts",
        "switch_stuck_since",
        "waiting_since",
        "progress",
        "progress_since",
        "shared_at",
        "no_capacity_since",
        "capacity_waits",
        "put_back",
        "carry_over_started_at",
        "carried_over_at",
    }


def test_the_next_cluster_starts_without_what_was_found_and_done_in_the_one_before() -> None:
    first = OperationState().of_cluster("cluster-1")
    known = replace(
        first,
        users_configured=True,
        handed_over_at="2026-05-16T03:00:00.000000Z",
        restore="staging",
    )

    assert known.of_cluster("cluster-1") == known
    assert known.of_cluster("cluster-2") == OperationState(
        restore="staging", cluster_resource_id="cluster-2"
    )
    assert known.has_set_up("cluster-1")
    assert not known.has_set_up("cluster-2")
    assert not known.of_cluster("cluster-2").has_set_up("cluster-2")
    for name, key in declared().items():
        if set(key.steps) & {"setup-db-users", "hand-over"} and name != "security_group_ids":
            assert key.of_one_cluster, name


def test_a_state_is_changed_by_a_copy() -> None:
    state = OperationState(copy_status="copying")

    changed = replace(state, copy_status="available")

    assert (state.copy_status, changed.copy_status) == ("copying", "available")
