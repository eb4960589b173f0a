"""What an operation has cost: an estimate, in which what is not known is named."""

from typing import Any

import pytest

from aurora_restore.reference.transitions import transitions
from aurora_restore.shared.cost import (
    PRICES,
    ApproximateCost,
    approximate_cost,
    hourly_price,
    transitions_of,
)
from aurora_restore.shared.documents.restore import Polling
from aurora_restore.shared.operation_state import OperationState
from aurora_restore.shared.sequences import REPLACE
from tests.unit.shared.notices import BEGUN, HANDED_OVER, NOW, section, success_of
from tests.unit.shared.test_notice_of_success import AUDIT

CALLS = {"snapshot-check": 1, "copy-snapshot": 1, "check-copy-status": 9, "setup-db-users": 3}
COPIED = {
    **BEGUN,
    "source_region": "us-east-1",
    "target_region": "us-west-2",
    "copy_started_at": "2026-05-16T03:01:00.000000Z",
    "snapshot_gib": 500,
}
SWITCHED = {
    **HANDED_OVER,
    "sequence": "switch",
    "snapshot_gib": 500,
    "retired_until": "2026-05-17T05:20:00.000000Z",
}


def cost_of(facts: dict[str, Any], *classes: str) -> ApproximateCost:
    state = OperationState.from_details(facts)
    return approximate_cost(state, CALLS, setup_seconds=3600, instance_classes=classes, now=NOW)


def amounts(cost: ApproximateCost) -> dict[str, float | None]:
    return {
        part.what: None if part.usd is None else round(part.usd, 2)
        for part in cost.parts
        if "cluster" in part.what or "copy" in part.what
    }


def test_the_transitions_are_those_of_the_reference_where_nothing_has_to_wait() -> None:
    once = dict.fromkeys(REPLACE.path_from(REPLACE.first), 1)

    assert transitions_of(once) == transitions(Polling(), {})


def test_an_operation_in_one_region_costs_cents() -> None:
    cost = cost_of(BEGUN)

    assert [part.what for part in cost.parts] == ["state transitions", "functions"]
    assert 0 < cost.usd < 0.10
    assert cost.is_complete


def test_a_copy_to_another_region_costs_its_transfer_and_its_storage() -> None:
    cost = cost_of(COPIED)

    assert amounts(cost) == {
        "transfer of the copy to the other Region": 10.0,
        "storage of the copy": 10.5,
    }
    assert 10.0 < cost.usd < 10.1


def test_a_copy_in_its_region_is_not_transferred() -> None:
    assert amounts(cost_of({**COPIED, "source_region": "us-west-2"})) == {
        "storage of the copy": 10.5
    }


def test_a_size_that_rds_does_not_show_is_named_and_not_guessed() -> None:
    cost = cost_of({**COPIED, "snapshot_gib": None})

    assert set(amounts(cost).values()) == {None}
    assert not cost.is_complete
    assert {part.basis for part in cost.parts if part.usd is None} == {
        "the size of the snapshot is not known"
    }


def test_a_switch_costs_a_second_cluster_until_the_old_one_is_deleted() -> None:
    cost = cost_of(SWITCHED, "db.r6g.large", "db.r6g.2xlarge")

    assert amounts(cost) == {
        "instances of the second cluster": round(26 * 5 * 0.26, 2),
        "storage of the second cluster": round(500 * 0.10 * 26 / 730, 2),
    }


@pytest.mark.parametrize("classes", [("db.x9z.large",), ("db.r6g.large", "db.serverless"), ()])
def test_a_class_without_a_known_price_leaves_the_cost_open(classes: tuple[str, ...]) -> None:
    cost = cost_of(SWITCHED, *classes)

    assert amounts(cost)["instances of the second cluster"] is None
    assert not cost.is_complete
    assert cost.lacking == ("instances of the second cluster",)


@pytest.mark.parametrize(
    ("instance_class", "larges"),
    [("db.r6g.large", 1), ("db.r6g.xlarge", 2), ("db.r6g.4xlarge", 8), ("db.r6g.24xlarge", 48)],
)
def test_a_price_grows_with_the_size(instance_class: str, larges: int) -> None:
    assert hourly_price(instance_class) == pytest.approx(PRICES["db.r6g"].usd * larges)


def test_the_notice_says_what_it_was_and_that_it_is_approximate() -> None:
    notice = success_of({**COPIED, **HANDED_OVER, "snapshot_gib": None}, audit=AUDIT)

    said = section(notice, "Approximate cost")
    assert said.startswith("- State transitions: less than 0.01 USD (14 transitions)")
    assert "not known (the size of the snapshot is not known)" in said
    assert "an estimate, not a bill" in said
    assert notice.document["details"]["approximate_cost"] == {"usd": 0.0, "is_complete": False}
