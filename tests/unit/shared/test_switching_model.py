"""Whatever RDS and death do meanwhile, a switch that is called again comes to a good end."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurora_restore.shared.errors import AuroraRestoreError
from aurora_restore.shared.names import TAG_KEEP_UNTIL, cluster_beside, retired_cluster
from aurora_restore.shared.recorded_cluster import RecordedCluster, RetiredCluster
from aurora_restore.shared.switching.act import TargetSwitch
from aurora_restore.shared.switching.actions import (
    AwaitSides,
    BeginUndo,
    CompleteSwitch,
    GiveUpIncoming,
    NameTaken,
    NothingServes,
    RefuseSwitch,
    SwitchAction,
    Undone,
)
from aurora_restore.shared.switching.facts import MOST_REQUESTS
from aurora_restore.shared.switching.setting import SwitchSetting
from aurora_restore.shared.target_record import TargetRecord
from tests.unit.lambdas.midway import Died
from tests.unit.shared.model_of_rds import (
    Disturbances,
    ModelCluster,
    ModelRds,
    RecordInMemory,
    Snapshot,
)

TARGET = "orders"
OPERATION = "op-1"
NEW, OLD, THIRD = "cluster-NEW", "cluster-OLD", "cluster-THIRD"
BESIDE = cluster_beside(TARGET, OPERATION)
RETIRED = retired_cluster(TARGET, OPERATION)
EARLIER = retired_cluster(TARGET, "op-0")
MOST_RUNS = 12
MOST_LOOKS = 3_000

ENDS = (CompleteSwitch, Undone, NameTaken, NothingServes, RefuseSwitch, GiveUpIncoming)


@dataclass
class Case:
    """A target with its two clusters, and what happens meanwhile."""

    rds: ModelRds
    records: RecordInMemory
    deaths: int
    random: Random
    is_settling: bool = False
    stops_old: bool = False
    begun: list[str] = field(default_factory=list)
    """The actions of the present run."""

    def __post_init__(self) -> None:
        self.rds.before_change = self.rds.after_change = self.records.before_write = self._may_die

    def _may_die(self) -> None:
        if self.deaths and self.random.random() < 0.15:
            self.deaths -= 1
            raise Died

    def setting(self) -> SwitchSetting:
        rds: Any = self.rds
        ram = SimpleNamespace(
            get_resource_share_associations=lambda **_: {"resourceShareAssociations": []}
        )
        clients: Any = SimpleNamespace(ram=ram)
        records: Any = self.records
        return SwitchSetting(
            rds=rds,
            clients=clients,
            records=records,
            operation_id=OPERATION,
            quarantine_group_ids=("closed",),
            retired_tags={},
            keeps_old=timedelta(hours=24),
            stops_old=self.stops_old,
            allows_cloudformation=False,
            method="rename",
            publication=cast(Any, SimpleNamespace(cname=None)),
            password=None,
            clock=self.rds.clock,
        )

    def sides(self) -> tuple[RecordedCluster, RecordedCluster | None]:
        record = self.records.record
        if record.switch is not None:
            return record.switch.incoming, record.switch.outgoing
        if record.retired is not None:
            assert record.live is not None
            return record.retired.cluster, record.live
        incoming = RecordedCluster(resource_id=NEW, cluster_id=BESIDE, security_group_ids=("open",))
        has_outgoing = OLD in self.rds.now or record.live is not None
        return incoming, record.live if has_outgoing else None

    def run(self) -> SwitchAction | None:
        """One run, as the step makes it; None if it died."""
        try:
            return self._run()
        except Died:
            self.rds.advance(self.random.uniform(1, 300))
            return None

    def _run(self) -> SwitchAction:
        if self.is_settling and (planned := self.records.record.switch) and planned.outgoing:
            undone = replace(planned, undo_because=planned.undo_because or "it died")
            self.records.record = replace(self.records.record, switch=undone)
        incoming, outgoing = self.sides()
        switch = TargetSwitch(
            setting=self.setting(), record=self.records.record, incoming=incoming, outgoing=outgoing
        )
        begun, done = len(self.rds.renames), None
        for _ in range(MOST_LOOKS):
            action = switch.look()
            if isinstance(action, ENDS):
                try:
                    self._check_end(action)
                    switch.perform(action)
                finally:
                    accepted = len(self.rds.renames) - begun
                    assert accepted <= 3 * MOST_REQUESTS, self.rds.renames
                return action
            if isinstance(action, AwaitSides) or action == done:
                done = None
                self.rds.advance(self.random.uniform(1, 10))
                continue
            if isinstance(action, BeginUndo):
                assert self.records.record.switch is not None
            try:
                refused = switch.perform(action)
            except AuroraRestoreError:
                return NothingServes("RDS refuses")
            done = action if refused is None else None
            self.rds.advance(1 if refused else 0.1)
        raise AssertionError(f"no end after {MOST_LOOKS} looks: {action}")

    def _check_end(self, action: SwitchAction) -> None:
        holder = self.rds.holder(TARGET)
        match action:
            case CompleteSwitch():
                assert holder == NEW
            case Undone() if OLD in self.rds.now:
                assert holder == OLD
                assert self.rds.now[OLD].groups == ("open",)

    def until_over(self) -> SwitchAction:
        """Run again and again, as after every death and typed error."""
        for _ in range(MOST_RUNS + 20):
            action = self.run()
            self.check_changes()
            if isinstance(action, CompleteSwitch | Undone | GiveUpIncoming | RefuseSwitch):
                return action
            if isinstance(action, NothingServes):
                if self.is_lost():
                    return action
                self._help()
            self.rds.advance(30)
        raise AssertionError("no end")

    def _help(self) -> None:
        """A person does what the error says: what is dead, and has the name, is deleted."""
        holder = self.rds.holder(TARGET)
        if holder is not None and self.rds.now[holder].status == "failed":
            self.rds.remove(holder)

    def is_lost(self) -> bool:
        """Whether neither cluster can ever serve again."""
        alive = [self.rds.now[each] for each in (OLD, NEW) if each in self.rds.now]
        return all(each.status in ("failed", "deleting") for each in alive)

    def check_changes(self) -> None:
        """Nothing that serves was closed, stopped or marked, and nothing renamed by mistake."""
        for kind, cluster, name in self.rds.changes:
            assert kind in ("open", "start", "untag") or name != TARGET, (kind, cluster)
        for cluster, name in self.rds.renames:
            assert name in {OLD: (RETIRED, TARGET), NEW: (TARGET,)}[cluster], self.rds.renames


def clusters(*, is_roll_back: bool = False, has_old: bool = True) -> Snapshot:
    """The clusters before the switch."""
    new = ModelCluster(name=BESIDE)
    if is_roll_back:
        new = ModelCluster(
            name=EARLIER, groups=("closed",), tags={TAG_KEEP_UNTIL: "then"}, status="stopped"
        )
    return {NEW: new, **({OLD: ModelCluster(name=TARGET)} if has_old else {})}


def record_of(*, is_roll_back: bool, has_old: bool) -> TargetRecord:
    """The target record before the switch."""
    old = RecordedCluster(
        resource_id=OLD, cluster_id=TARGET, restored_by="op-0", security_group_ids=("open",)
    )
    new = RecordedCluster(resource_id=NEW, cluster_id=EARLIER, security_group_ids=("open",))
    retired = RetiredCluster(cluster=new, retired_at="", retired_by="op-0", keep_until="then")
    return TargetRecord(
        restored_by=OPERATION,
        live=old if has_old else None,
        retired=retired if is_roll_back else None,
    )


def case_of(
    seed: int,
    *,
    is_roll_back: bool = False,
    has_old: bool = True,
    deaths: int = 0,
    **disturbances: Any,
) -> Case:
    random = Random(seed)  # noqa: S311 - what hypothesis has chosen
    has_old = has_old or is_roll_back
    rds = ModelRds(
        clusters(is_roll_back=is_roll_back, has_old=has_old),
        Disturbances(random=random, **disturbances),
    )
    rds.seconds = 100.0
    records = RecordInMemory(record_of(is_roll_back=is_roll_back, has_old=has_old))
    return Case(rds, records, deaths, random)


def check_stays(case: Case, end: SwitchAction) -> None:
    """What was returned holds for good, and the record says so."""
    holder = case.rds.holder(TARGET)
    case.rds.advance(2_000)
    assert case.rds.holder(TARGET) == holder
    record = case.records.record
    if isinstance(end, CompleteSwitch):
        assert holder == NEW
        assert case.rds.now[NEW].groups == ("open",)
        assert TAG_KEEP_UNTIL not in case.rds.now[NEW].tags
        assert record.live is not None
        assert record.live.resource_id == NEW
        assert record.switch is None
        if record.retired is not None:
            assert record.retired.cluster.resource_id == OLD
            assert record.retired.cluster.cluster_id == RETIRED
            assert case.rds.now[OLD].groups == ("closed",)
    elif isinstance(end, Undone):
        assert record.switch is None
        assert holder == (OLD if OLD in case.rds.now else None) or holder == THIRD


FLAGS = {
    "seed": st.integers(0, 2**32),
    "is_roll_back": st.booleans(),
    "deaths": st.integers(0, 4),
    "is_stale": st.booleans(),
    "failing_renames": st.integers(0, 5),
    "longest_rename": st.sampled_from([1, 60, 300]),
    "longest_hiding": st.sampled_from([0, 60, 900]),
    "longest_release": st.sampled_from([0, 60, 900]),
}
OFTEN = settings(max_examples=60, deadline=None)


@OFTEN
@given(has_old=st.booleans(), stops_old=st.booleans(), **FLAGS)
def test_a_switch_that_is_repeated_ends_with_the_name_at_one_of_the_two(
    has_old: bool, stops_old: bool, **flags: Any
) -> None:
    case = case_of(has_old=has_old, **flags)
    case.stops_old = stops_old

    end = case.until_over()

    check_stays(case, end)
    assert not isinstance(end, GiveUpIncoming | RefuseSwitch)


@OFTEN
@given(**FLAGS)
def test_a_switch_that_another_operation_brings_to_an_end_is_finished_or_undone(
    **flags: Any,
) -> None:
    case = case_of(**flags)
    case.deaths = max(case.deaths, 1)
    end = case.run()
    while end is None and case.deaths:
        end = case.run()
    case.is_settling = True

    if end is None or case.records.record.switch is not None:
        end = case.until_over()

    check_stays(case, end)


@OFTEN
@given(
    dies=st.floats(0, 400),
    which=st.sampled_from([NEW, OLD]),
    how=st.sampled_from(["failed", "gone"]),
    stops_old=st.booleans(),
    **FLAGS,
)
def test_if_one_of_the_two_is_lost_meanwhile_the_other_one_serves(
    dies: float, which: str, how: str, stops_old: bool, **flags: Any
) -> None:
    case = case_of(**flags)
    case.stops_old = stops_old
    rds = case.rds

    def die() -> None:
        if how == "failed":
            rds.change(which, status="failed", is_hidden=False)
        else:
            rds.change(which, status="deleting")
            rds.at(90, lambda: rds.remove(which))

    rds.at(dies, die)

    end = case.until_over()
    rds.advance(1_000)

    holder = rds.holder(TARGET)
    assert holder is None or rds.now[holder].status == "available" or holder == which
    if holder is None:
        assert isinstance(end, GiveUpIncoming | NothingServes | Undone | CompleteSwitch)


@OFTEN
@given(
    takes=st.floats(0, 300),
    leaves=st.floats(1, 3_000),
    **FLAGS,
)
def test_a_third_cluster_that_takes_the_name_only_delays_the_end(
    takes: float, leaves: float, **flags: Any
) -> None:
    case = case_of(**flags)
    rds = case.rds

    def take(tries: int = 600) -> None:
        if rds.create(THIRD, TARGET):
            rds.at(leaves, lambda: rds.remove(THIRD))
        elif tries:
            rds.at(1, lambda: take(tries - 1))

    rds.at(takes, take)

    end = case.until_over()

    assert isinstance(end, CompleteSwitch | Undone | RefuseSwitch | GiveUpIncoming)
    assert rds.holder(TARGET) is not None


@pytest.mark.parametrize("seed", range(20))
def test_an_undisturbed_switch_takes_two_renames(seed: int) -> None:
    case = case_of(seed)

    assert isinstance(case.until_over(), CompleteSwitch)
    assert case.rds.renames == [(OLD, RETIRED), (NEW, TARGET)]
