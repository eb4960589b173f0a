"""Which operation has come later to a target than another one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from aurora_restore.shared.common import timestamp
from aurora_restore.shared.later_operation import LaterOperation, find_later_operation
from aurora_restore.shared.recorded_cluster import RecordedCluster
from aurora_restore.shared.target_record import TargetRecord
from tests.unit.bench import Bench

BEGAN = datetime(2026, 5, 15, 2, tzinfo=UTC)
BEFORE, SINCE = "2026-05-15T01:30:00Z", "2026-05-15T04:00:00Z"
SERVING = RecordedCluster(resource_id="cluster-LIVE", cluster_id="my-cluster", restored_by="other")


def save(bench: Bench, name: str, hour: int, *, hours: float = 0.5, **details: Any) -> None:
    """Let there be an operation that began in an hour, and wrote its state last so much later."""
    began = datetime(2026, 5, 15, hour, tzinfo=UTC)
    known = {"operation_started_at": timestamp(began), **details}
    bench.store.save(name, "sns-notification", "SUCCESS", known, began + timedelta(hours=hours))


@pytest.mark.parametrize(
    ("record", "found"),
    [
        (None, None),
        (TargetRecord(restored_by="op-1"), None),
        (TargetRecord(restored_by="earlier"), None),
        (TargetRecord(restored_by="earlier", handed_over_at=BEFORE), None),
        (TargetRecord(restored_by="continued"), None),
        (TargetRecord(restored_by="continued", handed_over_at=SINCE), "continued"),
        (TargetRecord(restored_by="ending", handed_over_at=BEFORE), "ending"),
        (TargetRecord(restored_by="unknown"), None),
        (TargetRecord(restored_by="unknown", handed_over_at=BEFORE), None),
        (TargetRecord(restored_by="unknown", handed_over_at=SINCE), "unknown"),
        (TargetRecord(restored_by="later"), "later"),
        (TargetRecord(restored_by="op-1", switched_by="later"), "later"),
    ],
    ids=[
        "nothing restored",
        "its own",
        "an earlier one",
        "an earlier one that was over",
        "an earlier one that has failed since",
        "an earlier one that was continued",
        "an earlier one that was at its end",
        "expired",
        "expired, and over before",
        "expired, and over since",
        "a later one",
        "switched",
    ],
)
def test_the_record_shows_who_has_refreshed_the_target_since(
    bench: Bench, record: TargetRecord | None, found: str | None
) -> None:
    save(bench, "earlier", 1)
    save(bench, "continued", 1, hours=4)
    save(bench, "ending", 1, hours=1.1)
    save(bench, "later", 3)

    later = find_later_operation(bench.store, "op-1", record, BEGAN)

    assert (later and later.id) == found


def test_a_later_operation_says_when_its_cluster_was_handed_over(bench: Bench) -> None:
    save(bench, "later", 3, sequence="replace")
    record = TargetRecord(restored_by="later")

    assert find_later_operation(bench.store, "op-1", record, BEGAN) == LaterOperation(id="later")
    assert find_later_operation(
        bench.store, "op-1", replace(record, handed_over_at=SINCE), BEGAN
    ) == LaterOperation(id="later", refreshed_at=SINCE)


def test_a_cluster_that_was_only_made_beside_the_target_has_not_changed_it(bench: Bench) -> None:
    save(bench, "beside", 3, sequence="switch")
    save(bench, "switched", 3, sequence="switch", switched_at=SINCE)
    record = TargetRecord(restored_by="beside", handed_over_at=SINCE, live=SERVING)

    beside = find_later_operation(bench.store, "op-1", record, BEGAN)
    switched = find_later_operation(
        bench.store, "op-1", replace(record, switched_by="switched"), BEGAN
    )

    assert beside == LaterOperation(id="beside", has_changed_target=False, refreshed_at=SINCE)
    assert switched == LaterOperation(id="switched", refreshed_at=SINCE)


def test_without_a_state_the_record_says_whether_the_target_was_switched(bench: Bench) -> None:
    record = TargetRecord(restored_by="unknown", handed_over_at=SINCE, live=SERVING)
    serving = replace(SERVING, restored_by="unknown")

    beside = find_later_operation(bench.store, "op-1", record, BEGAN)
    switched = find_later_operation(bench.store, "op-1", replace(record, live=serving), BEGAN)

    assert beside is not None
    assert switched is not None
    assert (beside.has_changed_target, switched.has_changed_target) == (False, True)
