"""Two restores use one copy, and nothing that befalls one of them takes it from the other.

Each has used the copy of the day before as well, which the retention of the second deletes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pytest

from aurora_restore.shared.common import timestamp
from aurora_restore.shared.names import (
    TAG_ARCHIVED_AT,
    TAG_MANAGED_BY,
    TAG_RESTORE,
    TAG_SOURCE_SNAPSHOT,
)
from aurora_restore.shared.snapshots.leases import CommonCopyStore, Lease
from embedded_aws.rds.models import AVAILABLE, DBClusterSnapshot
from tests.sweeps.invariants import demand
from tests.sweeps.report import Record, record_line
from tests.sweeps.routes import SAME_ACCOUNT, SOURCE, SweepRoute
from tests.sweeps.stage import HOME, SweepStage
from tests.sweeps.two_restores import RestoreRun, TwoRestoresSweep, make_restore
from tests.unit.bench import PREFIX, execution_arn
from tests.unit.lambdas.arrange import copy_name

TODAY, EARLIER = (
    SAME_ACCOUNT.arn("cluster-snapshot", f"rds:{SOURCE}-2026-05-{day}-02-00") for day in (15, 14)
)
TODAYS_COPY, EARLIER_COPY = copy_name(TODAY), copy_name(EARLIER)
TAKEN = ("snapshot-check", "copy-snapshot", "check-copy-status", "restore-snapshot")
STEPS = (*TAKEN, "archive-snapshot")
SWEPT = frozenset(STEPS[1:])
COPY_SECONDS = 50.0


@dataclass
class CommonCopySweep(TwoRestoresSweep):
    """Two restores that use one copy."""

    def _snapshots(self) -> dict[str, DBClusterSnapshot]:
        return dict(self.stage.site(HOME).snapshots)

    def look(self) -> None:
        """What a restore relies on is there."""
        found = self._snapshots()
        relied_on = [run.restore for run in self.running if run.at >= len(TAKEN) - 1]
        made = found.get(TODAYS_COPY)
        demand(
            not relied_on or (made is not None and made.status == AVAILABLE),
            f"the copy is gone that {relied_on} use",
        )
        before_the_end = [run.restore for run in self.running if run.at < len(STEPS) - 1]
        demand(
            not before_the_end or EARLIER_COPY in found,
            f"the earlier copy is gone, which {before_the_end} keep",
        )

    def check_end(self) -> None:
        demand(all(run.is_done for run in self.running), "a run has not come to its end")
        found = self._snapshots()
        demand(set(found) == {TODAYS_COPY}, f"the copies are {sorted(found)}")
        tags = found[TODAYS_COPY].tags
        demand(
            tags.get(TAG_MANAGED_BY) == PREFIX and TAG_RESTORE not in tags,
            f"the copy's tags are {tags}",
        )
        demand(TAG_ARCHIVED_AT in tags, "the copy is not archived")
        kept = CommonCopyStore(self.stage.bench.store).all()
        users = {each.arn.rpartition(":")[2]: sorted(each.users) for each in kept}
        demand(users == {TODAYS_COPY: ["second", "staging"]}, f"the leases are {users}")
        demand(kept[0].deleting is None, "the copy is marked as being deleted")


@contextmanager
def staged() -> Iterator[CommonCopySweep]:
    """Two restores that share an earlier copy, and have found today's snapshot."""
    with SweepRoute(name="two restores", old_cluster=None).staged() as stage:
        bench = stage.bench
        bench.rds.admin.set_timings(copy_snapshot=COPY_SECONDS)
        bench.environment = replace(bench.environment, default_restore="")
        make_restore(stage, "second", "my-second")
        _make_earlier_copy(stage)
        first, second = (RestoreRun(stage, name, STEPS) for name in ("staging", "second"))
        for run in (first, second):
            run.go_on(0, until=1)
        yield CommonCopySweep(stage, first, second, SWEPT)


def _make_earlier_copy(stage: SweepStage) -> None:
    """Both restores have used the copy of the day before."""
    bench = stage.bench
    bench.rds.admin.take_automated_snapshot(
        SOURCE,
        account=SAME_ACCOUNT.account,
        region=SAME_ACCOUNT.region,
        at="2026-05-14T02:00:00+00:00",
    )
    stage.client("rds", HOME).copy_db_cluster_snapshot(
        SourceDBClusterSnapshotIdentifier=EARLIER,
        TargetDBClusterSnapshotIdentifier=EARLIER_COPY,
        Tags=[
            {"Key": TAG_MANAGED_BY, "Value": PREFIX},
            {"Key": TAG_SOURCE_SNAPSHOT, "Value": EARLIER},
        ],
    )
    bench.advance(3600)
    store, arn = CommonCopyStore(bench.store), HOME.arn("cluster-snapshot", EARLIER_COPY)
    users = {
        name: Lease(
            operation_id=f"{name}-earlier",
            execution=execution_arn(f"{name}-earlier"),
            redrive_count=0,
            since=timestamp(bench.clock()),
            restarts_before=0,
        )
        for name in ("staging", "second")
    }
    store.change(arn, lambda found: replace(found, users=users))


def test_a_restore_that_dies_at_any_call_takes_the_copy_from_nobody(
    record_property: Record,
) -> None:
    with staged() as sweep:

        def other_first(dead: RestoreRun, other: RestoreRun) -> None:
            sweep.with_watch(dead, other)
            other.go_on(3600)
            dead.go_on(3600)

        sweep.kill_everywhere(other_first)
    record_line(record_property, f"two restores of one copy: {sweep.points} crash points")
    assert not sweep.broken, "\n".join(sweep.broken)


def test_a_restore_that_dies_while_the_other_waits_for_the_same_copy(
    record_property: Record,
) -> None:
    with staged() as sweep:
        sweep.second.go_on(0, until=2)

        def in_turns(dead: RestoreRun, other: RestoreRun) -> None:
            sweep.with_watch(dead, other)
            dead.go_on(3600, until=4)
            other.go_on(3600)
            dead.go_on(3600)

        sweep.kill_everywhere(in_turns)
    record_line(record_property, f"the other one half-way: {sweep.points} crash points")
    assert not sweep.broken, "\n".join(sweep.broken)


@pytest.mark.parametrize("ahead", [1, 4], ids=["not begun", "restored"])
def test_a_restore_that_stands_still_at_any_call_takes_the_copy_from_nobody(
    ahead: int, record_property: Record
) -> None:
    """The other one goes on meanwhile, to its end and its retention."""
    with staged() as sweep:
        sweep.second.go_on(600, until=ahead)
        sweep.pause_everywhere(most=500)
    record_line(record_property, f"the other one {ahead} steps ahead: {sweep.points} pauses")
    assert sweep.points > 20
    assert not sweep.broken, "\n".join(sweep.broken)


def test_a_failed_copy_is_made_again_once_however_two_restores_meet(
    record_property: Record,
) -> None:
    with staged() as sweep:
        for run in (sweep.first, sweep.second):
            run.go_on(0, until=2)
        stage = sweep.stage
        stage.bench.rds.admin.set_status(HOME.arn("cluster-snapshot", TODAYS_COPY), "failed")
        for run in (sweep.first, sweep.second):
            run.step()
        sweep.pause_everywhere(most=500)
    record_line(record_property, f"a failed copy: {sweep.points} pauses")
    assert sweep.points > 20
    assert not sweep.broken, "\n".join(sweep.broken)
