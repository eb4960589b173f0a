"""Which items are read to know the state of an operation, and that it is always the latest."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest

from aurora_restore.shared.base_handler import BaseHandler
from aurora_restore.shared.errors import CorruptStateError
from aurora_restore.shared.job import Answer, Job
from aurora_restore.shared.latest_state import load_state_of_run
from aurora_restore.shared.operation_state import OperationState
from aurora_restore.shared.pipeline import get_step
from aurora_restore.shared.protocol import CALLED_AFTER
from aurora_restore.shared.sequences import called_before
from aurora_restore.shared.state_utils import StateStore
from aurora_restore.shared.target_lock import TargetLock
from tests.unit.bench import ACCOUNT, REGION, START, Bench, execution_arn

COPY, CHECK = "copy-snapshot", "check-copy-status"
RUN = f"{execution_arn('op-1')}#0"
WAITING = {CHECK: "2026-05-16T03:00:00.000000Z"}


class MakesTheCopy(BaseHandler):
    step = get_step(COPY)

    def run(self, job: Job) -> Answer:
        return Answer("copied", state=replace(job.state, copy_status="available"))


class LooksAtTheCopy(BaseHandler):
    step = get_step(CHECK)

    def run(self, job: Job) -> Answer:
        return Answer("looked", {"copy_status": job.state.copy_status})


def save(
    bench: Bench, step: str, second: int, status: str = "SUCCESS", run: str = RUN, **keys: Any
) -> None:
    """Write the item of a step some seconds after the start."""
    state = OperationState(attempted_in=run, **keys)
    moment = START + timedelta(seconds=second)
    bench.store.save("op-1", step, status, state.to_details(), moment)


def found_by(bench: Bench, *steps: str) -> str | None:
    """The snapshot that the latest state names, read by the keys of steps."""
    found = load_state_of_run(bench.store, "op-1", RUN, steps)
    return None if found is None else found[1].snapshot_name


def call(bench: Bench, handler: type[BaseHandler], *, knows_keys: bool = True) -> dict[str, Any]:
    """Call a function as the deployed state machine does, or as an earlier one did."""
    mark = {
        "id": execution_arn("op-1"),
        "name": "op-1",
        "redrive_count": bench.redrive_count,
        **({CALLED_AFTER: called_before(handler.step.name)} if knows_keys else {}),
    }
    bench.advance(1)
    body: dict[str, Any] = bench.call(handler, {"execution": mark, "input": {}})["body"]
    return body


def test_the_latest_of_the_named_steps_counts(bench: Bench) -> None:
    save(bench, COPY, 2, snapshot_name="later")
    save(bench, CHECK, 1, snapshot_name="earlier")
    assert found_by(bench, CHECK, COPY) == "later"
    assert found_by(bench, COPY, CHECK) == "later"


def test_a_step_that_waits_is_read_alone(bench: Bench) -> None:
    save(bench, COPY, 1)
    save(bench, CHECK, 2, "IN_PROGRESS", snapshot_name="own", waiting_since=WAITING)
    with mock.patch.object(StateStore, "get", autospec=True, side_effect=StateStore.get) as get:
        assert found_by(bench, CHECK, COPY) == "own"
    assert get.call_count == 1


@pytest.mark.parametrize(
    ("status", "waiting"),
    [("IN_PROGRESS", {}), ("FAILED", WAITING), ("SUCCESS", {})],
    ids=["led back", "failed", "done"],
)
def test_a_step_that_does_not_wait_is_not_taken_for_the_latest(
    bench: Bench, status: str, waiting: dict[str, str]
) -> None:
    save(bench, CHECK, 1, status, snapshot_name="own", waiting_since=waiting)
    save(bench, COPY, 2, snapshot_name="the other's")
    assert found_by(bench, CHECK, COPY) == "the other's"


def test_the_wait_of_an_earlier_run_is_not_taken_for_the_latest(bench: Bench) -> None:
    earlier = f"{execution_arn('op-1')}#7"
    save(bench, CHECK, 1, "IN_PROGRESS", run=earlier, waiting_since=WAITING)
    save(bench, COPY, 2, snapshot_name="of this run")
    assert found_by(bench, CHECK, COPY) == "of this run"


def test_nothing_is_proven_by_items_of_other_runs(bench: Bench) -> None:
    earlier = f"{execution_arn('op-1')}#7"
    assert found_by(bench, CHECK, COPY) is None
    save(bench, COPY, 1)
    save(bench, CHECK, 2, run=earlier)
    assert found_by(bench, CHECK, COPY) is None
    assert found_by(bench) is None


def test_an_item_that_cannot_be_read_is_an_error(bench: Bench) -> None:
    save(bench, CHECK, 1)
    bench.store.put({"operation_id": "op-1", "step": COPY, "status": "SUCCESS"})
    with pytest.raises(CorruptStateError, match="timestamp"):
        found_by(bench, CHECK, COPY)


def test_a_run_reads_what_it_has_written_by_its_keys(bench: Bench) -> None:
    call(bench, MakesTheCopy)
    with mock.patch.object(StateStore, "load", side_effect=AssertionError("all items are read")):
        assert call(bench, LooksAtTheCopy)["copy_status"] == "available"


def test_a_state_machine_of_an_earlier_version_names_no_keys(bench: Bench) -> None:
    call(bench, MakesTheCopy, knows_keys=False)
    assert call(bench, LooksAtTheCopy, knows_keys=False)["copy_status"] == "available"


def test_a_redriven_run_reads_what_was_written_meanwhile(bench: Bench) -> None:
    call(bench, MakesTheCopy)
    save(bench, "delete-rds", 100, run="a direct call", copy_status="changed meanwhile")
    bench.redrive_count = 1
    assert call(bench, LooksAtTheCopy)["copy_status"] == "changed meanwhile"


def test_a_run_whose_last_call_died_before_it_wrote_reads_everything(bench: Bench) -> None:
    call(bench, MakesTheCopy)
    save(bench, "delete-rds", 50, run="an older run", copy_status="changed meanwhile")
    bench.advance(100)
    lock = TargetLock(bench.store, bench.clients, ACCOUNT, REGION, "my-cluster")
    lock.take("op-1", execution_arn("op-1"), bench.clock())
    assert call(bench, LooksAtTheCopy)["copy_status"] == "changed meanwhile"


def test_a_run_that_had_lost_the_lock_reads_what_was_written_meanwhile(bench: Bench) -> None:
    call(bench, MakesTheCopy)
    save(bench, "delete-rds", 100, run="a direct call", copy_status="changed meanwhile")
    bench.clients.dynamodb.delete_item(
        TableName=bench.environment.state_table,
        Key={
            "operation_id": {"S": f"lock#{ACCOUNT}/{REGION}/my-cluster"},
            "step": {"S": "lock"},
        },
    )
    assert call(bench, LooksAtTheCopy)["copy_status"] == "changed meanwhile"
