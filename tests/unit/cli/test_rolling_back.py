"""When a target can be switched back, and what is said otherwise."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from aurora_restore.cli.errors import RefusedCommand
from aurora_restore.cli.rolling_back import RollBack, RollBackFacts, decide, decide_again
from aurora_restore.shared.recorded_cluster import PlannedSwitch, RecordedCluster, RetiredCluster
from aurora_restore.shared.target_lock import Holder
from aurora_restore.shared.target_record import TargetRecord

NOW = datetime(2026, 5, 15, 12, tzinfo=UTC)
OLD = RecordedCluster(resource_id="cluster-OLD", cluster_id="shop-ar-12345678-old")
NEW = RecordedCluster(resource_id="cluster-NEW", cluster_id="shop")
RETIRED = RetiredCluster(
    cluster=OLD,
    retired_at="2026-05-15T04:00:00.000000Z",
    retired_by="op-1",
    keep_until="2026-05-16T04:00:00.000000Z",
)
RECORD = TargetRecord(restored_by="op-1", switched_by="op-1", live=NEW, retired=RETIRED)
FACTS = RollBackFacts(
    restore="staging", target="shop", is_switched=True, record=RECORD, retired_exists=True
)
AT_WORK = Holder("op-2", "arn", "2026-05-15T11:00:00Z")


def test_it_says_what_will_serve_and_what_becomes_of_the_data() -> None:
    found = decide(FACTS, NOW)

    assert found == RollBack(
        to="cluster-OLD",
        sentence="shop goes back to shop-ar-12345678-old (cluster-OLD), which is kept until "
        "2026-05-16 04:00:00Z. It served until 2026-05-15 04:00:00Z. Data written to shop since "
        "then stays in shop and is deleted with it.",
        warning=None,
    )


def test_of_a_cluster_that_a_roll_back_has_rejected_it_says_so() -> None:
    rejected = replace(RECORD, retired=replace(RETIRED, is_rejected=True))

    found = decide(replace(FACTS, record=rejected), NOW)

    assert isinstance(found, RollBack)
    assert "A roll-back rejected it at 2026-05-15 04:00:00Z." in found.sentence


def test_it_returns_to_no_other_cluster_than_the_one_that_was_agreed_to() -> None:
    agreed = decide(FACTS, NOW)
    other = replace(RETIRED, cluster=replace(OLD, resource_id="cluster-OTHER"))
    assert isinstance(agreed, RollBack)

    switched = decide_again(agreed, replace(FACTS, record=replace(RECORD, retired=other)), NOW)
    at_work = decide_again(agreed, replace(FACTS, worker=AT_WORK), NOW)

    assert isinstance(switched, RefusedCommand)
    assert "would now go back to cluster-OTHER instead of cluster-OLD" in switched.reason
    assert isinstance(at_work, RefusedCommand)
    assert decide_again(agreed, FACTS, NOW) == agreed


def test_a_schedule_that_goes_on_and_a_time_that_is_over_are_said() -> None:
    found = decide(replace(FACTS, schedule_goes_on=True), datetime(2026, 5, 17, tzinfo=UTC))

    assert isinstance(found, RollBack)
    assert "whose time is over" in found.sentence
    assert found.warning is not None
    assert "next scheduled run" in found.warning


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"is_switched": False}, "staging replaces shop: no earlier cluster is kept"),
        ({"record": None}, "No cluster is left that served as shop"),
        ({"record": replace(RECORD, retired=None)}, "No cluster is left that served as shop"),
        ({"retired_exists": False}, "No cluster is left that served as shop"),
        ({"worker": AT_WORK}, "Operation op-2 is at work on shop. Wait until it is over"),
        (
            {
                "record": replace(
                    RECORD,
                    switch=PlannedSwitch(
                        by="op-3", planned_at="2026-05-15T11:00:00Z", incoming=NEW
                    ),
                )
            },
            "Operation op-3 is in the middle of switching shop. Let it finish",
        ),
    ],
    ids=["replaced", "no record", "none retired", "gone", "at work", "in a switch"],
)
def test_where_nothing_can_be_rolled_back_it_says_why(changes: dict[str, Any], reason: str) -> None:
    found = decide(replace(FACTS, **changes), NOW)

    assert isinstance(found, RefusedCommand)
    assert found.reason.startswith(reason)


def test_a_retirement_at_work_is_no_obstacle() -> None:
    assert isinstance(
        decide(replace(FACTS, worker=replace(AT_WORK, gives_way=True)), NOW), RollBack
    )
