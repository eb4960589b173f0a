"""What is read of an operation beside its own state."""

from dataclasses import replace

from aurora_restore.cli.operations import other_users_now
from aurora_restore.shared.common import timestamp
from aurora_restore.shared.names import COPY_LEASES_KEY
from aurora_restore.shared.operation_state import OperationState
from aurora_restore.shared.snapshots.leases import CommonCopyStore, Lease
from tests.unit.bench import START, Bench

ARN = "arn:aws:rds:us-west-2:123456789012:cluster-snapshot:monday-1a2b3c4d-copy"
STATE = OperationState(copy_snapshot_id="monday-1a2b3c4d-copy", also_used_by=("before",))
LEASE = Lease(
    operation_id="op-1",
    execution="the execution of op-1",
    redrive_count=0,
    since=timestamp(START),
    restarts_before=0,
)


def test_who_uses_the_copy_is_who_uses_it_now(bench: Bench) -> None:
    users = {"own": LEASE, "shop": LEASE, "orders": LEASE}
    CommonCopyStore(bench.store).change(ARN, lambda found: replace(found, users=users))

    assert other_users_now(bench.store, STATE, "own") == ("orders", "shop")
    assert other_users_now(bench.store, replace(STATE, copy_snapshot_id="x"), "own") == ()


def test_an_item_that_cannot_be_read_hides_no_operation(bench: Bench) -> None:
    bench.store.put({"operation_id": COPY_LEASES_KEY, "step": ARN, "users": "nobody"})

    assert other_users_now(bench.store, STATE, "own") == ("before",)
