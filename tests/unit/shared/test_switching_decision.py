"""What is next in a switch, situation by situation."""

from dataclasses import replace
from typing import Any

import pytest

from aurora_restore.shared.switching.actions import (
    AwaitSides,
    BeginUndo,
    CloseIncoming,
    CloseOutgoing,
    CompleteSwitch,
    GiveNameBack,
    GiveUpIncoming,
    NameTaken,
    NothingServes,
    OpenIncoming,
    OpenOutgoing,
    PlanSwitch,
    RefuseSwitch,
    RenameIncoming,
    RenameOutgoing,
    SetPasswordOfIncoming,
    StartIncoming,
    StartOutgoing,
    StopOutgoing,
    SwitchAction,
    Undone,
)
from aurora_restore.shared.switching.certificate import (
    AwaitRefresh,
    CertificateAction,
    CertificateFacts,
    LeaveCertificate,
    RefreshCertificate,
    decide_refresh,
)
from aurora_restore.shared.switching.decision import decide
from aurora_restore.shared.switching.facts import (
    MOST_REQUESTS,
    PATIENCE_SECONDS,
    Progress,
    Side,
    SwitchFacts,
)

TARGET, BESIDE, RETIRED = "orders", "orders-ar-0", "orders-ar-0-old"
NEW = Side(name=BESIDE, status="available")
OLD = Side(name=TARGET, status="available")
OUT = replace(OLD, name=RETIRED)
"""The old cluster under its new name, which anybody can still reach."""
SHUT = replace(OUT, is_closed=True, has_wanted_groups=False)
LIVE = replace(NEW, name=TARGET)
"""The new cluster under the target's name."""
PLANNED = Progress(has_outgoing=True)
TAKEN = replace(PLANNED, last="take", requests=1)
GIVEN = replace(PLANNED, last="give", requests=1)
UNDOING = replace(TAKEN, undo_because="it died")
RETURNED = replace(UNDOING, last="return")


def facts(**changes: Any) -> SwitchFacts:
    """The facts before a switch, with changes."""
    before = SwitchFacts(
        target=TARGET,
        incoming_name=BESIDE,
        retired_name=RETIRED,
        incoming=NEW,
        outgoing=OLD,
        holder="outgoing",
    )
    return replace(before, **changes)


def between(**changes: Any) -> SwitchFacts:
    """The facts while nothing has the name."""
    known = {"outgoing": OUT, "holder": None, "progress": TAKEN, **changes}
    return facts(**known)


def after(**changes: Any) -> SwitchFacts:
    """The facts when the new cluster has the name."""
    known = {"incoming": LIVE, "outgoing": OUT, "holder": "incoming", "progress": GIVEN, **changes}
    return facts(**known)


def with_status(side: Side, status: str) -> Side:
    return replace(side, status=status)


IMPATIENT = PATIENCE_SECONDS

BEFORE: list[tuple[str, SwitchFacts, SwitchAction | type[SwitchAction]]] = [
    ("all is well: it is planned first", facts(), PlanSwitch()),
    ("an obstacle refuses it", facts(obstacles=("a",)), RefuseSwitch(("a",))),
    ("no old cluster: it is planned", facts(outgoing=None, holder=None), PlanSwitch()),
    ("the new one is stopped", facts(incoming=with_status(NEW, "stopped")), StartIncoming()),
    (
        "the new one is closed: it is planned before it is opened",
        facts(incoming=replace(NEW, has_wanted_groups=False)),
        PlanSwitch(),
    ),
    (
        "its password is old",
        facts(incoming=replace(NEW, has_current_password=False)),
        SetPasswordOfIncoming(),
    ),
    ("the new one is busy", facts(incoming=with_status(NEW, "backing-up")), AwaitSides),
    ("the old one is busy", facts(outgoing=with_status(OLD, "backing-up")), AwaitSides),
    ("the old one is stopped", facts(outgoing=with_status(OLD, "stopped")), RefuseSwitch),
    ("the old one is dead", facts(outgoing=with_status(OLD, "failed")), RefuseSwitch),
    ("the new one is dead", facts(incoming=with_status(NEW, "failed")), GiveUpIncoming),
    ("the new one is going", facts(incoming=with_status(NEW, "deleting")), GiveUpIncoming),
    ("the new one is not seen for now", facts(incoming=None), AwaitSides),
    ("it is not seen for long", facts(incoming=None, stuck_seconds=IMPATIENT), GiveUpIncoming),
    ("the name is not where the record says", facts(outgoing=OUT, holder=None), AwaitSides),
    (
        "it is not there for long",
        facts(outgoing=OUT, holder=None, stuck_seconds=IMPATIENT),
        PlanSwitch(),
    ),
    ("two looks disagree", facts(outgoing=OUT), AwaitSides),
]

BETWEEN: list[tuple[str, SwitchFacts, SwitchAction | type[SwitchAction]]] = [
    ("planned: the old one loses the name", facts(progress=PLANNED), RenameOutgoing()),
    (
        "just asked for: a look may be old",
        facts(progress=replace(TAKEN, is_recent=True)),
        AwaitSides,
    ),
    (
        "a look is older than the second rename",
        facts(progress=replace(GIVEN, is_recent=True)),
        AwaitSides,
    ),
    (
        "the new one is closed: it is opened before the old one loses the name",
        facts(incoming=replace(NEW, has_wanted_groups=False), progress=PLANNED),
        OpenIncoming(),
    ),
    (
        "its groups take a while",
        facts(incoming=replace(NEW, groups_settled=False), progress=PLANNED),
        AwaitSides,
    ),
    (
        "nothing waits for them while nothing has the name",
        between(incoming=replace(NEW, has_wanted_groups=False)),
        RenameIncoming(),
    ),
    (
        "no old cluster: the new one is opened before it gets the name",
        between(
            outgoing=None,
            incoming=replace(NEW, has_wanted_groups=False),
            progress=Progress(has_outgoing=False),
        ),
        OpenIncoming(),
    ),
    ("it was not carried out: again", facts(progress=TAKEN), RenameOutgoing()),
    ("it never is", facts(progress=replace(TAKEN, requests=MOST_REQUESTS)), BeginUndo),
    ("RDS refuses for long", facts(progress=PLANNED, stuck_seconds=IMPATIENT), BeginUndo),
    (
        "the old one is being renamed",
        facts(outgoing=with_status(OLD, "renaming"), progress=TAKEN),
        AwaitSides,
    ),
    ("the old one has died", facts(outgoing=with_status(OLD, "failed"), progress=TAKEN), BeginUndo),
    (
        "the new one has died before",
        facts(incoming=with_status(NEW, "failed"), progress=PLANNED),
        BeginUndo,
    ),
    (
        "the new one is busy before",
        facts(incoming=with_status(NEW, "backing-up"), progress=PLANNED),
        AwaitSides,
    ),
    ("the name is free", between(), RenameIncoming()),
    (
        "the name is free, the old one still busy",
        between(outgoing=with_status(OUT, "renaming")),
        RenameIncoming(),
    ),
    ("the name is free, the old one not seen", between(outgoing=None), RenameIncoming()),
    (
        "the new one is being renamed: the old one is closed",
        between(progress=replace(GIVEN, is_recent=True)),
        CloseOutgoing(),
    ),
    (
        "all is done that can be",
        between(outgoing=SHUT, progress=replace(GIVEN, is_recent=True)),
        AwaitSides,
    ),
    ("the second rename was not carried out: again", between(progress=GIVEN), RenameIncoming()),
    ("it never is", between(progress=replace(GIVEN, requests=MOST_REQUESTS)), BeginUndo),
    ("the new one has died between", between(incoming=with_status(NEW, "failed")), BeginUndo),
    ("the new one is deleted between", between(incoming=with_status(NEW, "deleting")), BeginUndo),
    ("another one has the name for now", between(holder="another"), AwaitSides),
    ("for long", between(holder="another", stuck_seconds=IMPATIENT), BeginUndo),
    ("the new one is not seen", between(incoming=None), AwaitSides),
]

AFTER: list[tuple[str, SwitchFacts, SwitchAction | type[SwitchAction]]] = [
    (
        "the new one has the name, not at rest",
        after(incoming=with_status(LIVE, "renaming")),
        AwaitSides,
    ),
    ("the old one is open", after(), CloseOutgoing()),
    ("the old one is closed", after(outgoing=SHUT), CompleteSwitch()),
    ("it is to be stopped", after(outgoing=SHUT, stops_outgoing=True), StopOutgoing()),
    (
        "it is stopped",
        after(outgoing=with_status(SHUT, "stopped"), stops_outgoing=True),
        CompleteSwitch(),
    ),
    ("an older look shows the old one with the name", after(outgoing=OLD), AwaitSides),
    ("the old one is not seen", after(outgoing=None), AwaitSides),
    ("the old one is gone", after(outgoing=None, stuck_seconds=IMPATIENT), CompleteSwitch()),
    (
        "there was none",
        after(outgoing=None, progress=replace(GIVEN, has_outgoing=False)),
        CompleteSwitch(),
    ),
    (
        "it was to be undone, and has the name",
        after(outgoing=SHUT, progress=UNDOING),
        CompleteSwitch(),
    ),
    ("what has the name has died", after(incoming=with_status(LIVE, "failed")), NothingServes),
]

UNDO: list[tuple[str, SwitchFacts, SwitchAction | type[SwitchAction]]] = [
    ("the name goes back", between(progress=UNDOING), GiveNameBack()),
    ("it was just taken", between(progress=replace(UNDOING, is_recent=True)), AwaitSides),
    (
        "it was just given",
        between(progress=replace(UNDOING, last="give", is_recent=True)),
        AwaitSides,
    ),
    (
        "the new one is being renamed",
        between(incoming=with_status(NEW, "renaming"), progress=UNDOING),
        AwaitSides,
    ),
    ("it was just returned", between(progress=replace(RETURNED, is_recent=True)), AwaitSides),
    ("it never is", between(progress=replace(RETURNED, requests=MOST_REQUESTS)), NameTaken()),
    ("another one has it for now", between(holder="another", progress=UNDOING), AwaitSides),
    ("for long", between(holder="another", progress=UNDOING, stuck_seconds=IMPATIENT), NameTaken()),
    (
        "the old one is stopped",
        between(outgoing=with_status(SHUT, "stopped"), progress=UNDOING),
        StartOutgoing(),
    ),
    (
        "the old one has it and is closed",
        facts(outgoing=replace(OLD, has_wanted_groups=False), progress=RETURNED),
        OpenOutgoing(),
    ),
    (
        "its groups take a while",
        facts(outgoing=replace(OLD, groups_settled=False), progress=RETURNED),
        AwaitSides,
    ),
    (
        "a look may be older than the return",
        facts(progress=replace(RETURNED, is_recent=True)),
        AwaitSides,
    ),
    (
        "the rejected one is open",
        facts(progress=RETURNED, incoming_is_retired=True),
        CloseIncoming(),
    ),
    ("all is as before", facts(progress=RETURNED), Undone("it died")),
    (
        "the old one is lost: the new one gets it",
        between(outgoing=None, progress=UNDOING, stuck_seconds=IMPATIENT),
        RenameIncoming(),
    ),
    (
        "the old one is dead: the new one gets it",
        between(outgoing=with_status(SHUT, "failed"), progress=UNDOING),
        RenameIncoming(),
    ),
    ("the old one is not seen for now", between(outgoing=None, progress=UNDOING), AwaitSides),
    (
        "both are lost",
        between(incoming=None, outgoing=None, progress=UNDOING, stuck_seconds=IMPATIENT),
        NothingServes,
    ),
    (
        "nothing had the name",
        facts(outgoing=None, holder=None, progress=replace(UNDOING, has_outgoing=False)),
        Undone("it died"),
    ),
    (
        "nothing had it, and it was just given",
        facts(
            outgoing=None,
            holder=None,
            progress=replace(UNDOING, has_outgoing=False, last="give", is_recent=True),
        ),
        AwaitSides,
    ),
]


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        pytest.param(known, expected, id=f"{name}: {what}")
        for name, cases in (
            ("before", BEFORE),
            ("between", BETWEEN),
            ("after", AFTER),
            ("undo", UNDO),
        )
        for what, known, expected in cases
    ],
)
def test_what_is_next(known: SwitchFacts, expected: SwitchAction | type[SwitchAction]) -> None:
    found = decide(known)

    if isinstance(expected, type):
        assert isinstance(found, expected), found
    else:
        assert found == expected


@pytest.mark.parametrize("status", ["backing-up", "modifying", "upgrading"])
def test_a_cluster_that_is_busy_while_nothing_serves_is_waited_for_only_so_long(
    status: str,
) -> None:
    found = decide(between(incoming=with_status(NEW, status), outgoing=SHUT))

    assert isinstance(found, AwaitSides)
    assert found.is_stuck


def test_a_rename_is_waited_for_as_long_as_it_takes() -> None:
    found = decide(between(incoming=with_status(NEW, "renaming"), outgoing=SHUT, progress=GIVEN))

    assert isinstance(found, AwaitSides)
    assert not found.is_stuck


def certificate(**changes: Any) -> CertificateFacts:
    """The facts of a cluster with a reader and a writer, with changes."""
    known = CertificateFacts(
        wanted="reboot",
        cluster_status="available",
        instance_statuses={"reader": "available", "writer": "available"},
        seconds_since={},
    )
    return replace(known, **changes)


RESTART = certificate(wanted="restart")


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (certificate(wanted="none"), LeaveCertificate()),
        (certificate(), RefreshCertificate("reader")),
        (certificate(seconds_since={"reader": 5.0}), AwaitRefresh),
        (
            certificate(instance_statuses={"reader": "rebooting", "writer": "available"}),
            AwaitRefresh,
        ),
        (certificate(seconds_since={"reader": 90.0}), RefreshCertificate("writer")),
        (certificate(seconds_since={"reader": 190.0, "writer": 90.0}), LeaveCertificate()),
        (RESTART, RefreshCertificate("stop")),
        (replace(RESTART, seconds_since={"stop": 5.0}), AwaitRefresh),
        (replace(RESTART, cluster_status="stopping", seconds_since={"stop": 90.0}), AwaitRefresh),
        (replace(RESTART, seconds_since={"stop": 90.0}), RefreshCertificate("stop")),
        (
            replace(RESTART, cluster_status="stopped", seconds_since={"stop": 90.0}),
            RefreshCertificate("start"),
        ),
        (replace(RESTART, cluster_status="stopped"), RefreshCertificate("start")),
        (
            replace(RESTART, cluster_status="stopped", seconds_since={"stop": 99.0, "start": 5.0}),
            AwaitRefresh,
        ),
        (
            replace(
                RESTART, cluster_status="stopped", seconds_since={"stop": 999.0, "start": 90.0}
            ),
            RefreshCertificate("start"),
        ),
        (replace(RESTART, seconds_since={"stop": 999.0, "start": 90.0}), LeaveCertificate()),
    ],
)
def test_how_a_certificate_is_refreshed(
    known: CertificateFacts, expected: CertificateAction | type[CertificateAction]
) -> None:
    found = decide_refresh(known)

    assert found == expected or (isinstance(expected, type) and isinstance(found, expected))
