"""Two restores use one copy, and nothing that befalls one of them takes it from the other.

Each has used the copy of the day before as well, which the retention of the second deletes.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any

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
from tests.sweeps.tap import AwsCall, Proceed, Violation
from tests.unit.bench import PREFIX, execution_arn
from tests.unit.lambdas.arrange import copy_name

TODAY, EARLIER = (
    SAME_ACCOUNT.arn("cluster-snapshot", f"rds:{SOURCE}-2026-05-{day}-02-00") for day in (15, 14)
)
TODAYS_COPY, EARLIER_COPY = copy_name(TODAY), copy_name(EARLIER)
TAKEN = ("snapshot-check", "copy-snapshot", "check-copy-status", "restore-snapshot")
STEPS = (*TAKEN, "archive-snapshot")
SWEPT = frozenset(STEPS[1:])
LOOK_SECONDS = 60.0
COPY_SECONDS = 50.0
PAUSE_SECONDS = 600.0
"""For how long a function stands still while the other restore goes on: none can do so for long."""


@dataclass
class SharingRun:
    """An operation of one restore, step by step."""

    stage: SweepStage
    restore: str
    at: int = 0
    """The number of the step that comes next."""
    redrives: int = 0

    @property
    def is_done(self) -> bool:
        return self.at == len(STEPS)

    def step(self) -> bool:
        """Call the next step; return whether it need not be called again."""
        operation = f"{self.restore}-today"
        mark = {
            "id": execution_arn(operation),
            "name": operation,
            "redrive_count": self.redrives,
        }
        event = {"execution": mark, "input": {"restore": self.restore}}
        answer = self.stage._call(STEPS[self.at], event)
        back = answer["body"].get("restart_from")
        if back is not None:
            self.at = STEPS.index(back)
        elif answer["statusCode"] == 200:
            self.at += 1
        return bool(back) or answer["statusCode"] == 200

    def go_on(self, seconds: float, until: int = len(STEPS)) -> None:
        """Go on to the end, or for as long as that, or to a step."""
        waited = 0.0
        while self.at < until and waited <= seconds:
            if not self.step():
                self.stage.bench.advance(LOOK_SECONDS)
                waited += LOOK_SECONDS

    def redriven(self) -> "SharingRun":
        """The run after the function has died."""
        return replace(self, redrives=self.redrives + 1)


@dataclass
class CommonCopySweep:
    """One restore's run, disturbed after each call, beside another one's."""

    stage: SweepStage
    first: SharingRun
    second: SharingRun
    points: int = 0
    broken: list[str] = field(default_factory=list)
    _running: list[SharingRun] = field(default_factory=list)

    def kill_everywhere(self, then: Callable[[SharingRun, SharingRun], None]) -> None:
        """Let the first die after each call; ``then`` brings both to their end from there."""
        self._running = [self.first, self.second]

        def kill_after(call: AwsCall, proceed: Proceed) -> Any:
            try:
                return self._watch(call, proceed)
            finally:
                if call.step in SWEPT:
                    self._try(call, lambda: then(self.first.redriven(), copy(self.second)))

        with self.stage.tap.hooked(kill_after):
            self.first.go_on(3600)
        self.second.go_on(3600)
        self._check_end()

    def pause_everywhere(self, most: int) -> None:
        """Let the first stand still after each call, while the second one goes on."""
        start = self.stage.remember()
        for number in range(most):
            start.restore()
            first, second = copy(self.first), copy(self.second)
            if not self._paused_at(number, first, second):
                break
        start.restore()

    def _paused_at(self, number: int, first: SharingRun, second: SharingRun) -> bool:
        """Return whether the first makes so many calls at all."""
        self._running = [first, second]
        calls = 0
        paused: list[AwsCall] = []

        def pause(call: AwsCall, proceed: Proceed) -> Any:
            nonlocal calls
            try:
                return self._watch(call, proceed)
            finally:
                calls += call.step in SWEPT
                if calls == number + 1 and not paused:
                    paused.append(call)
                    with self.stage.tap.hooked(self._watch):
                        second.go_on(PAUSE_SECONDS)

        self.points += 1
        try:
            with self.stage.tap.hooked(pause):
                first.go_on(3600)
            with self.stage.tap.hooked(self._watch):
                second.go_on(3600)
            self._check_end()
        except Violation as violation:
            self.broken.append(f"{number}, {paused}: {violation}")
        return bool(paused)

    def _try(self, call: AwsCall, go_on: Callable[[], None]) -> None:
        self.points += 1
        before, running = self.stage.remember(), self._running
        try:
            with self.stage.tap.working(None), self.stage.tap.hooked(self._watch):
                go_on()
                self._check_end()
        except Violation as violation:
            self.broken.append(f"{self.points}, after {call}: {violation}")
        finally:
            before.restore()
            self._running = running

    def with_watch(self, *running: SharingRun) -> None:
        """Watch these runs from now on."""
        self._running = list(running)

    def _snapshots(self) -> dict[str, DBClusterSnapshot]:
        return dict(self.stage.site(HOME).snapshots)

    def _watch(self, call: AwsCall, proceed: Proceed) -> Any:
        try:
            return proceed()
        finally:
            self._look()

    def _look(self) -> None:
        """What a restore relies on is there."""
        found = self._snapshots()
        relied_on = [run.restore for run in self._running if run.at >= len(TAKEN) - 1]
        made = found.get(TODAYS_COPY)
        demand(
            not relied_on or (made is not None and made.status == AVAILABLE),
            f"the copy is gone that {relied_on} use",
        )
        before_the_end = [run.restore for run in self._running if run.at < len(STEPS) - 1]
        demand(
            not before_the_end or EARLIER_COPY in found,
            f"the earlier copy is gone, which {before_the_end} keep",
        )

    def _check_end(self) -> None:
        demand(all(run.is_done for run in self._running), "a run has not come to its end")
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
        _make_second_restore(stage)
        _make_earlier_copy(stage)
        first, second = (SharingRun(stage, name) for name in ("staging", "second"))
        for run in (first, second):
            run.go_on(0, until=1)
        yield CommonCopySweep(stage, first, second)


def _make_second_restore(stage: SweepStage) -> None:
    parameter = stage.bench.environment.parameter_name("staging")
    ssm = stage.bench.clients.ssm
    text = ssm.get_parameter(Name=parameter)["Parameter"]["Value"]
    ssm.put_parameter(
        Name=stage.bench.environment.parameter_name("second"),
        Value=text.replace('"my-cluster"', '"my-second"'),
        Type="String",
    )


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

        def other_first(dead: SharingRun, other: SharingRun) -> None:
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

        def in_turns(dead: SharingRun, other: SharingRun) -> None:
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
