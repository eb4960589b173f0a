"""A switch that renames nothing never leads the clients to a cluster that cannot serve them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurora_restore.shared.app_secret import ApplicationEndpoint
from aurora_restore.shared.errors import AuroraRestoreError, AwsError
from aurora_restore.shared.names import TAG_KEEP_UNTIL, cluster_beside
from aurora_restore.shared.recorded_cluster import RecordedCluster, RetiredCluster
from aurora_restore.shared.switching.act import TargetSwitch
from aurora_restore.shared.switching.actions import (
    AwaitSides,
    BeginUndo,
    CloseIncoming,
    CloseOutgoing,
    CompleteSwitch,
    GiveUpIncoming,
    MarkOutgoing,
    NothingServes,
    OpenIncoming,
    OpenOutgoing,
    PlanSwitch,
    PublishIncoming,
    PublishOutgoing,
    RefuseSwitch,
    SetPasswordOfIncoming,
    StartIncoming,
    StartOutgoing,
    StopOutgoing,
    SwitchAction,
    Undone,
)
from aurora_restore.shared.switching.decision import decide
from aurora_restore.shared.switching.facts import PATIENCE_SECONDS, Progress, Side, SwitchFacts
from aurora_restore.shared.switching.setting import SwitchSetting
from aurora_restore.shared.target_record import TargetRecord
from tests.unit.lambdas.midway import Died
from tests.unit.shared.model_of_rds import Disturbances, ModelCluster, ModelRds, RecordInMemory

TARGET = "orders"
OPERATION = "op-1"
NEW, OLD = "cluster-NEW", "cluster-OLD"
BESIDE, BEFORE = cluster_beside(TARGET, OPERATION), cluster_beside(TARGET, "op-0")

INCOMING = Side(name=BESIDE, status="available")
OUTGOING = Side(name=TARGET, status="available")
SHUT = replace(OUTGOING, is_closed=True, has_wanted_groups=False)
PLANNED = Progress(has_outgoing=True)
GIVEN = replace(PLANNED, last="give")
UNDOING = replace(GIVEN, undo_because="it died")
RETURNED = replace(UNDOING, last="return")
FIRST = Progress(has_outgoing=False)


def facts(**changes: Any) -> SwitchFacts:
    """The facts before a switch, with changes."""
    before = SwitchFacts(
        target=TARGET,
        incoming_name=BESIDE,
        retired_name=TARGET,
        incoming=INCOMING,
        outgoing=OUTGOING,
        publishes_endpoint=True,
        outgoing_keeps_name=True,
    )
    return replace(before, **changes)


def after(**changes: Any) -> SwitchFacts:
    """The facts once the clients are led to the new cluster."""
    known = {"incoming": INCOMING, "holder": "incoming", "progress": GIVEN, **changes}
    return facts(**known)


def undoing(**changes: Any) -> SwitchFacts:
    """The facts while the clients are led back."""
    known = {"outgoing": SHUT, "progress": UNDOING, "leads_to_incoming": True, **changes}
    return facts(**known)


def with_status(side: Side, status: str) -> Side:
    return replace(side, status=status)


SITUATIONS: list[tuple[str, SwitchFacts, SwitchAction | type[SwitchAction]]] = [
    ("all is well: it is planned first", facts(), PlanSwitch()),
    ("nothing is published yet, or something is", facts(holder="outgoing"), PlanSwitch()),
    ("an obstacle refuses it", facts(obstacles=("a",)), RefuseSwitch(("a",))),
    ("the new one is stopped", facts(incoming=with_status(INCOMING, "stopped")), StartIncoming()),
    (
        "its password is old",
        facts(incoming=replace(INCOMING, has_current_password=False)),
        SetPasswordOfIncoming(),
    ),
    ("the new one is dead", facts(incoming=with_status(INCOMING, "failed")), GiveUpIncoming),
    ("the old one is stopped", facts(outgoing=with_status(OUTGOING, "stopped")), PlanSwitch()),
    ("the old one is dead", facts(outgoing=with_status(OUTGOING, "failed")), PlanSwitch()),
    (
        "planned: the new one is opened first",
        facts(incoming=replace(INCOMING, has_wanted_groups=False), progress=PLANNED),
        OpenIncoming(),
    ),
    (
        "its groups are not in force yet",
        facts(incoming=replace(INCOMING, groups_settled=False), progress=PLANNED),
        AwaitSides,
    ),
    ("it is published", facts(incoming=INCOMING, progress=PLANNED), PublishIncoming()),
    (
        "an older look says that it is published: it is written all the same",
        facts(incoming=INCOMING, holder="incoming", progress=PLANNED),
        PublishIncoming(),
    ),
    (
        "something of it is written",
        facts(incoming=INCOMING, holder=None, progress=GIVEN),
        PublishIncoming(),
    ),
    (
        "it is busy for now",
        facts(incoming=with_status(INCOMING, "backing-up"), progress=PLANNED),
        AwaitSides,
    ),
    (
        "it is busy for too long",
        facts(
            incoming=with_status(INCOMING, "backing-up"),
            progress=PLANNED,
            stuck_seconds=PATIENCE_SECONDS,
        ),
        BeginUndo,
    ),
    ("it has failed", facts(incoming=with_status(INCOMING, "failed"), progress=GIVEN), BeginUndo),
    ("it is gone for now", facts(incoming=None, progress=GIVEN), AwaitSides),
    ("not every name server has it", after(is_in_force=False), AwaitSides),
    ("the old one is closed", after(), CloseOutgoing()),
    (
        "the old one cannot be closed, but is not marked any longer",
        after(outgoing=replace(with_status(OUTGOING, "stopped"), expires=False)),
        MarkOutgoing(),
    ),
    (
        "the old one is stopped in the end",
        after(outgoing=SHUT, stops_outgoing=True),
        StopOutgoing(),
    ),
    ("all is done", after(outgoing=SHUT), CompleteSwitch()),
    (
        "there was no old one",
        after(outgoing=None, progress=replace(FIRST, last="give")),
        CompleteSwitch(),
    ),
    (
        "the new one fails once it is published",
        after(incoming=with_status(INCOMING, "failed")),
        BeginUndo,
    ),
    (
        "it fails, and there is no other",
        after(
            incoming=with_status(INCOMING, "failed"),
            outgoing=None,
            progress=replace(FIRST, last="give"),
        ),
        NothingServes,
    ),
    ("the old one is opened first", undoing(), OpenOutgoing()),
    (
        "then it is published",
        undoing(outgoing=OUTGOING),
        PublishOutgoing(),
    ),
    (
        "what was lost does not keep the clients",
        undoing(holder="incoming", incoming=with_status(INCOMING, "failed"), outgoing=OUTGOING),
        PublishOutgoing(),
    ),
    ("it was stopped", undoing(outgoing=with_status(SHUT, "stopped")), StartOutgoing()),
    ("it is busy", undoing(outgoing=with_status(SHUT, "starting")), AwaitSides),
    (
        "it is busy for too long: the new one serves after all",
        undoing(outgoing=with_status(SHUT, "starting"), stuck_seconds=PATIENCE_SECONDS),
        PublishIncoming(),
    ),
    (
        "it is lost: the new one serves after all",
        undoing(outgoing=with_status(SHUT, "failed")),
        PublishIncoming(),
    ),
    (
        "both are lost",
        undoing(incoming=with_status(INCOMING, "failed"), outgoing=with_status(SHUT, "failed")),
        NothingServes,
    ),
    (
        "a retired cluster is closed again",
        undoing(
            incoming=INCOMING,
            outgoing=OUTGOING,
            leads_to_incoming=False,
            progress=RETURNED,
            incoming_is_retired=True,
        ),
        CloseIncoming(),
    ),
    (
        "it is undone",
        undoing(incoming=INCOMING, outgoing=OUTGOING, leads_to_incoming=False, progress=RETURNED),
        Undone,
    ),
    (
        "nothing was published yet: nothing is published in the undoing",
        undoing(
            outgoing=OUTGOING,
            leads_to_incoming=False,
            progress=replace(PLANNED, undo_because="a"),
        ),
        Undone,
    ),
    (
        "the records are not in force everywhere",
        undoing(outgoing=OUTGOING, leads_to_incoming=False, is_in_force=False),
        AwaitSides,
    ),
    (
        "it was stopped by hand: it is started",
        after(incoming=with_status(INCOMING, "stopped")),
        StartIncoming(),
    ),
    (
        "it was closed by hand: it is opened",
        after(incoming=replace(INCOMING, has_wanted_groups=False)),
        OpenIncoming(),
    ),
    (
        "some are led to the only one there is: they are not left there half-way",
        facts(
            outgoing=None,
            leads_to_incoming=True,
            progress=replace(FIRST, last="give", undo_because="it died"),
        ),
        PublishIncoming(),
    ),
    (
        "there was no other to lead the clients to",
        facts(outgoing=None, progress=replace(FIRST, undo_because="it died")),
        Undone,
    ),
]


@pytest.mark.parametrize(
    ("known", "expected"),
    [pytest.param(known, expected, id=name) for name, known, expected in SITUATIONS],
)
def test_what_is_next(known: SwitchFacts, expected: SwitchAction | type[SwitchAction]) -> None:
    found = decide(known)

    if isinstance(expected, type):
        assert isinstance(found, expected)
    else:
        assert found == expected


@dataclass
class ModelPublication:
    """Two places where clients read a host. Only the tests know which cluster that is."""

    hosts: dict[str, str | None] = field(
        default_factory=lambda: dict.fromkeys(("secret", "parameter"), f"{TARGET}.example")
    )
    before_write: Any = lambda: None
    denials: int = 0
    """How many of the next writes are denied."""

    def endpoint_at(self, host: str, reader: str | None, port: int) -> ApplicationEndpoint:
        return ApplicationEndpoint(host=host, reader_host=reader, port=port)

    def read(self) -> Mapping[str, str | None]:
        return dict(self.hosts)

    def is_of(self, published: Mapping[str, str | None], endpoint: ApplicationEndpoint) -> bool:
        return set(published.values()) == {endpoint.host}

    def leads_to(self, published: Mapping[str, str | None], hosts: frozenset[str]) -> bool:
        return bool(hosts & set(published.values()))

    def records_to_change(self, *_: Any, **__: Any) -> dict[str, Any]:
        return {}

    def write(
        self, published: Any, endpoint: ApplicationEndpoint, *, instead_of: Any = None
    ) -> None:
        for place, host in self.hosts.items():
            if instead_of is not None and host not in instead_of:
                continue
            self.before_write()
            if self.denials:
                self.denials -= 1
                raise AwsError("denied", aws_error_code="AccessDeniedException")
            self.hosts[place] = endpoint.host

    def obstacles(self) -> tuple[()]:
        return ()

    cname = None


class PublishedCase:
    """A target whose clusters keep their names, and what happens meanwhile."""

    def __init__(
        self,
        seed: int,
        *,
        old_name: str | None,
        is_roll_back: bool = False,
        deaths: int = 0,
        denials: int = 0,
        stops_old: bool = False,
        is_stale: bool = False,
    ) -> None:
        self.random = Random(seed)  # noqa: S311 - what hypothesis has chosen
        self.deaths, self.stops_old = deaths, stops_old
        new = ModelCluster(name=BESIDE, tags={TAG_KEEP_UNTIL: "then"})
        if is_roll_back:
            new = replace(new, groups=("closed",), status="stopped")
        clusters = {NEW: new}
        if old_name is not None:
            clusters[OLD] = ModelCluster(name=old_name)
        self.rds = ModelRds(clusters, Disturbances(random=self.random, is_stale=is_stale))
        self.rds.seconds = 100.0
        self.publication = ModelPublication(denials=denials)
        if old_name is not None:
            self.publication.hosts = dict.fromkeys(self.publication.hosts, f"{old_name}.example")
        old = RecordedCluster(
            resource_id=OLD,
            cluster_id=str(old_name),
            restored_by="op-0",
            security_group_ids=("open",),
        )
        self.incoming = RecordedCluster(
            resource_id=NEW, cluster_id=BESIDE, security_group_ids=("open",)
        )
        self.outgoing = None if old_name is None else old
        retired = RetiredCluster(
            cluster=self.incoming, retired_at="", retired_by="op-0", keep_until="then"
        )
        self.records = RecordInMemory(
            TargetRecord(
                restored_by=OPERATION,
                live=self.outgoing,
                retired=retired if is_roll_back else None,
            )
        )
        self.rds.before_change = self.rds.after_change = self._disturb
        self.publication.before_write = self.records.before_write = self._disturb

    def _disturb(self) -> None:
        self.check()
        if self.deaths and self.random.random() < 0.2:
            self.deaths -= 1
            raise Died

    def check(self) -> None:
        """What a client reads leads to a cluster that it can reach, and that nothing deletes."""
        by_host = {f"{each.name}.example": each for each in self.rds.now.values()}
        for host in self.publication.hosts.values():
            cluster = by_host.get(str(host))
            if cluster is not None and cluster.status not in ("failed", "deleting"):
                assert TAG_KEEP_UNTIL not in cluster.tags, cluster
                assert cluster.groups == ("open",), cluster

    def setting(self) -> SwitchSetting:
        rds, records, publication = self.rds, self.records, self.publication
        anything: Any = None
        return SwitchSetting(
            rds=rds,  # type: ignore[arg-type]
            clients=anything,
            records=records,  # type: ignore[arg-type]
            operation_id=OPERATION,
            quarantine_group_ids=("closed",),
            retired_tags={},
            keeps_old=timedelta(hours=24),
            stops_old=self.stops_old,
            allows_cloudformation=False,
            method="endpoint",
            publication=publication,  # type: ignore[arg-type]
            password=None,
            clock=self.rds.clock,
        )

    def run(self) -> SwitchAction | None:
        """One run, as the step makes it; None if it died."""
        try:
            return self._run()
        except Died:
            self.rds.advance(self.random.uniform(1, 300))
            return None

    def _run(self) -> SwitchAction:
        planned = self.records.record.switch
        switch = TargetSwitch(
            setting=self.setting(),
            record=self.records.record,
            incoming=planned.incoming if planned else self.incoming,
            outgoing=planned.outgoing if planned else self.outgoing,
        )
        for _ in range(3_000):
            action = switch.look()
            self.check()
            if isinstance(action, CompleteSwitch | Undone | GiveUpIncoming | RefuseSwitch):
                switch.perform(action)
                return action
            if isinstance(action, NothingServes):
                switch.perform(action)
                return action
            if not isinstance(action, AwaitSides):
                try:
                    switch.perform(action)
                except AuroraRestoreError as error:
                    return NothingServes(error.message)
            self.rds.advance(self.random.uniform(1, 10))
        raise AssertionError(action)

    def until_over(self) -> SwitchAction:
        """Run again and again, as after every death and typed error."""
        for _ in range(40):
            action = self.run()
            if isinstance(action, CompleteSwitch | Undone | GiveUpIncoming | RefuseSwitch):
                return action
            if isinstance(action, NothingServes) and self.is_lost():
                return action
            self.rds.advance(30)
        raise AssertionError("no end")

    def is_lost(self) -> bool:
        """Whether neither cluster can serve."""
        return all(each.status in ("failed", "deleting") for each in self.rds.now.values())

    def check_end(self, end: SwitchAction) -> None:
        """What was returned holds, and nobody is led to a cluster that is out of reach."""
        record, hosts = self.records.record, set(self.publication.hosts.values())
        assert not self.rds.renames
        if isinstance(end, CompleteSwitch):
            assert hosts == {f"{BESIDE}.example"}
            assert self.rds.now[NEW].groups == ("open",)
            assert TAG_KEEP_UNTIL not in self.rds.now[NEW].tags
            assert record.live is not None
            assert record.live.resource_id == NEW
            if OLD in self.rds.now:
                assert TAG_KEEP_UNTIL in self.rds.now[OLD].tags
        if isinstance(end, Undone) and self.outgoing is not None:
            assert hosts == {f"{self.outgoing.cluster_id}.example"}
            assert self.rds.now[OLD].groups == ("open",)
            assert TAG_KEEP_UNTIL not in self.rds.now[OLD].tags
            assert NEW not in self.rds.now or TAG_KEEP_UNTIL in self.rds.now[NEW].tags
        if isinstance(end, CompleteSwitch | Undone):
            assert record.switch is None


OFTEN = settings(max_examples=80, deadline=None)
FLAGS = {
    "seed": st.integers(0, 2**32),
    "old_name": st.sampled_from([TARGET, BEFORE]),
    "is_roll_back": st.booleans(),
    "deaths": st.integers(0, 4),
    "stops_old": st.booleans(),
}


@OFTEN
@given(is_stale=st.booleans(), denials=st.integers(0, 3), **FLAGS)
def test_however_often_it_dies_or_is_denied_the_clients_are_led_to_a_cluster_that_serves(
    **flags: Any,
) -> None:
    case = PublishedCase(**flags)

    end = case.until_over()

    case.check_end(end)
    assert isinstance(end, CompleteSwitch | Undone)


@OFTEN
@given(
    dies=st.floats(0, 60),
    which=st.sampled_from([NEW, OLD]),
    how=st.sampled_from(["failed", "gone"]),
    **FLAGS,
)
def test_if_one_of_the_two_is_lost_meanwhile_the_clients_are_led_to_the_other(
    dies: float, which: str, how: str, **flags: Any
) -> None:
    case = PublishedCase(**flags)
    rds = case.rds

    def die() -> None:
        if how == "failed":
            rds.change(which, status="failed")
        else:
            rds.change(which, status="deleting")
            rds.at(90, lambda: rds.remove(which))

    rds.at(dies, die)

    end = case.until_over()
    case.check_end(end)


@pytest.mark.parametrize("old_name", [TARGET, BEFORE, None])
def test_an_undisturbed_switch_renames_nothing(old_name: str | None) -> None:
    case = PublishedCase(1, old_name=old_name)

    end = case.until_over()

    assert isinstance(end, CompleteSwitch)
    case.check_end(end)
