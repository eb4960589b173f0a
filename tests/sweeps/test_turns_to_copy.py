"""RDS allows one copy at a time, and nothing that befalls one restore holds another one up."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from aurora_restore.shared.rds.arns import Place
from aurora_restore.shared.snapshots.retention import manual_snapshots
from aurora_restore.shared.snapshots.turns import CopyQueue, turn_of
from embedded_aws.rds.models import AVAILABLE
from tests.sweeps.invariants import demand
from tests.sweeps.report import Record, record_line
from tests.sweeps.routes import SAME_ACCOUNT, SOURCE, SweepRoute
from tests.sweeps.stage import HOME, SweepStage
from tests.sweeps.two_restores import RestoreRun, TwoRestoresSweep, make_restore

SNAPSHOT = SAME_ACCOUNT.arn("cluster-snapshot", f"rds:{SOURCE}-2026-05-15-02-00")
STEPS = ("snapshot-check", "copy-snapshot", "check-copy-status")
SWEPT = frozenset(STEPS[1:])
COPY_SECONDS = 50.0
LOOK_SECONDS = 120.0
"""As seldom as a ticket allows that does not lapse."""
HELD_UP_SECONDS = 600.0
"""How long a copy waits at most for two others to be made and for the ticket of a dead restore to
lapse, each look included."""
BY_HAND = "by-hand"


@dataclass
class TurnSweep(TwoRestoresSweep):
    """Two restores with a copy each."""

    def look(self) -> None:
        """One copy at a time is in progress: the emulator refuses more."""

    def go_on_alone(self, dead: RestoreRun, other: RestoreRun) -> None:
        """The other one comes to its end in good time although the dead one does nothing."""
        self.with_watch(dead, other)
        other.go_on(HELD_UP_SECONDS)
        demand(other.is_done, f"{other.restore} is held up at {STEPS[other.at :][:1]}")
        dead.go_on(3600)

    def check_end(self) -> None:
        demand(all(run.is_done for run in self.running), "a run has not come to its end")
        found = {
            name: each.status
            for name, each in self.stage.site(HOME).snapshots.items()
            if name != BY_HAND
        }
        wanted = {run.given["target_snapshot_name"]: AVAILABLE for run in self.running}
        demand(found == wanted, f"the copies are {found}")
        bench = self.stage.bench
        queue = CopyQueue(bench.store, Place(HOME.account, HOME.region))
        with self.stage.tap.working(None):
            snapshots = list(manual_snapshots(self.stage.client("rds", HOME)))
        before = turn_of("next", queue.tickets(bench.clock()), snapshots).before
        demand(not before, f"{before} hold up who comes next")


@contextmanager
def staged() -> Iterator[TurnSweep]:
    """Two restores that are about to copy, one of them to be disturbed."""
    with SweepRoute(name="two copies", old_cluster=None).staged() as stage:
        bench = stage.bench
        bench.rds.admin.set_timings(copy_snapshot=COPY_SECONDS)
        bench.rds.admin.set_rules(copies_in_progress=1)
        bench.environment = replace(bench.environment, default_restore="")
        make_restore(stage, "second", "my-second")
        first, second = (
            RestoreRun(stage, name, STEPS, {"target_snapshot_name": f"{name}-copy"}, LOOK_SECONDS)
            for name in ("staging", "second")
        )
        for run in (first, second):
            run.go_on(0, until=1)
        yield TurnSweep(stage, first, second, SWEPT)


def copy_by_hand(stage: SweepStage) -> None:
    """Let someone else take the only place."""
    stage.client("rds", HOME).copy_db_cluster_snapshot(
        SourceDBClusterSnapshotIdentifier=SNAPSHOT, TargetDBClusterSnapshotIdentifier=BY_HAND
    )


def test_a_restore_whose_copy_is_refused_may_die_at_any_call(record_property: Record) -> None:
    with staged() as sweep:
        sweep.second.go_on(0, until=2)

        sweep.kill_everywhere(sweep.go_on_alone)

    record_line(record_property, f"a refused copy: {sweep.points} crash points")
    assert sweep.points > 20
    assert not sweep.broken, "\n".join(sweep.broken)


def test_a_restore_may_die_at_any_call_while_another_one_waits(record_property: Record) -> None:
    with staged() as sweep:
        copy_by_hand(sweep.stage)
        for run in (sweep.first, sweep.second):
            run.step()

        sweep.kill_everywhere(sweep.go_on_alone)

    record_line(record_property, f"another one waits: {sweep.points} crash points")
    assert sweep.points > 20
    assert not sweep.broken, "\n".join(sweep.broken)


def test_a_restore_may_stand_still_at_any_call_while_another_one_waits(
    record_property: Record,
) -> None:
    with staged() as sweep:
        copy_by_hand(sweep.stage)
        for run in (sweep.first, sweep.second):
            run.step()

        sweep.pause_everywhere(most=500)

    record_line(record_property, f"another one waits: {sweep.points} pauses")
    assert sweep.points > 20
    assert not sweep.broken, "\n".join(sweep.broken)
