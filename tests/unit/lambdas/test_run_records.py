"""How each run has ended is remembered: the success of a run for good, its failures until then."""

from datetime import timedelta
from typing import Any

import pytest

from aurora_restore.lambdas.snapshot_check import SnapshotCheckHandler
from aurora_restore.lambdas.sns_notification import SnsNotificationHandler
from aurora_restore.shared.common import timestamp
from aurora_restore.shared.errors import CorruptStateError
from aurora_restore.shared.monitoring.run_record import RunRecord, RunRecordStore
from aurora_restore.shared.pause import Pause, PauseStore
from tests.unit.bench import RESTORE, Bench, execution_arn
from tests.unit.lambdas.midway import OPERATION
from tests.unit.lambdas.test_sns_notification import (
    FACTS,
    LOCKED,
    came_to,
    ended,
    execution,
    has_restored,
    raised,
)

SCHEDULE = {"expression": "cron(0 4 ? * MON-FRI *)", "time_zone": "Europe/Berlin"}
STARTED: dict[str, Any] = {
    "operation_started_at": "2026-05-16T01:00:00.000000Z",
    "attempted_in": f"{execution_arn(OPERATION)}#0",
    "sequence": "replace",
}


def records(bench: Bench) -> tuple[RunRecord, ...]:
    return RunRecordStore(bench.store, "staging").read()


def record(bench: Bench) -> RunRecord:
    (found,) = records(bench)
    return found


def fail(bench: Bench, given: Any = None, **facts: Any) -> str:
    """Let an execution fail while it copies, and be announced; return its ARN."""
    came_to(bench, "snapshot-check", **STARTED, **LOCKED, **facts)
    arn = execution(
        bench,
        entered=["snapshot-check", "copy-snapshot"],
        given=given,
        **raised("SnapshotFailedError", "it failed"),
    )
    ended(bench, arn)
    return arn


def test_a_success_is_remembered_with_what_the_table_says_of_it(bench: Bench) -> None:
    bench.configure({**RESTORE, "schedule": SCHEDULE})
    came_to(
        bench,
        "archive-snapshot",
        delete_started_at="2026-05-16T01:10:00.000000Z",
        handed_over_at="2026-05-16T02:30:00.000000Z",
        old_cluster={"Tags": {}},
        **STARTED,
        **LOCKED,
        **FACTS,
    )
    now = bench.clock()

    bench.step(SnsNotificationHandler)

    assert record(bench) == RunRecord(
        restore="staging",
        operation=OPERATION,
        outcome="succeeded",
        started_at=STARTED["operation_started_at"],
        ended_at=timestamp(now),
        schedule="cron(0 4 ? * MON-FRI *) in Europe/Berlin",
        target="serves the new data",
        snapshot_created_at=FACTS["snapshot_created_at"],
        gone_since_at="2026-05-16T01:10:00.000000Z",
        handed_over_at="2026-05-16T02:30:00.000000Z",
        drift=1,
    )


def test_a_failure_is_remembered_with_its_step_and_its_error(bench: Bench) -> None:
    fail(bench)

    found = record(bench)

    assert (found.outcome, found.failed_at) == ("failed", "copy-snapshot")
    assert found.error_type == "SnapshotFailedError"
    assert found.started_at == STARTED["operation_started_at"]
    assert found.target == "target unchanged"


def test_a_run_that_is_continued_is_one_run_and_its_success_stays(bench: Bench) -> None:
    arn = fail(bench)
    came_to(bench, "archive-snapshot", **STARTED, **LOCKED, **FACTS)
    bench.redrive_count = 1
    bench.step(SnsNotificationHandler)
    assert record(bench).outcome == "succeeded"

    ended(bench, arn)

    assert record(bench).outcome == "succeeded"


@pytest.mark.parametrize("asked", ["dry_run", "retire", "roll_back"])
def test_what_refreshes_nothing_is_no_run(bench: Bench, asked: str) -> None:
    fail(bench, {asked: True})

    assert records(bench) == ()


def test_an_operation_of_another_sequence_is_no_run(bench: Bench) -> None:
    came_to(bench, "verify-switch", **{**STARTED, **LOCKED, "sequence": "roll-back"})
    ended(bench, execution(bench, entered=["verify-switch"], **raised("AwsError", "it failed")))

    assert records(bench) == ()


def test_an_announcement_by_hand_is_no_run(bench: Bench) -> None:
    has_restored(bench)

    bench.call(SnsNotificationHandler, {"operation_id": OPERATION, "status": "success"})

    assert records(bench) == ()


def test_a_start_that_a_pause_has_held_back_is_remembered(bench: Bench) -> None:
    made = Pause(restore="staging", by="jane", since="2026-05-15T02:00:00Z")
    PauseStore(bench.store, "staging").write(made)

    bench.step(SnapshotCheckHandler, {"started_by": "schedule"})

    found = record(bench)
    assert (found.outcome, found.started_at) == ("held back", timestamp(bench.clock()))


def test_a_record_expires_with_the_state_of_operations(bench: Bench) -> None:
    fail(bench)

    (item,) = bench.store.load_all("runs#staging")

    ends = record(bench).ended + timedelta(days=90)
    assert item["expires_at"] == int(ends.timestamp())


def test_an_item_that_is_no_record_is_reported(bench: Bench) -> None:
    bench.store.put({"operation_id": "runs#staging", "step": "2026", "outcome": "fine"})

    with pytest.raises(CorruptStateError, match="runs#staging"):
        records(bench)
