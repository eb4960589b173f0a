"""What is next on the way from one cluster of a name to another, decided from facts alone.

Both clusters are identified by their resource ids. What RDS shows right after a call may be older
than the call, so that a thing is done only when a later look shows the name *and* the status, and
nothing is taken for undone while a rename was asked for a moment ago.

RDS changes a cluster by its name alone. A look that is too old therefore leads to a call that RDS
refuses, because the name is gone or taken, and never to the change of the other cluster: only a
cluster that is shown *under its name beside the target* is closed or stopped.
"""

from typing import Final

from aurora_restore.shared.rds.statuses import AT_REST, DEAD_CLUSTER, STOPPED
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
from aurora_restore.shared.switching.facts import (
    MOST_REQUESTS,
    RENAMING,
    Progress,
    Side,
    SwitchFacts,
)

_AT_REST: Final = AT_REST | {STOPPED}
"""The statuses in which RDS is doing nothing to a cluster."""

_UNRENAMABLE: Final = DEAD_CLUSTER | {STOPPED}
"""The statuses at rest in which RDS renames no cluster, however long one waits."""


def decide(facts: SwitchFacts) -> SwitchAction:
    """Return the next thing to do, from whatever state the clusters are in."""
    progress = facts.progress
    if not facts.agree:
        return AwaitSides(f"the looks at the name {facts.target} and at the clusters to agree")
    if progress is None:
        return _before(facts)
    if facts.holder == "incoming":
        return _after(facts, progress)
    if progress.undo_because is None:
        return _between(facts, progress)
    if not progress.has_outgoing:
        return _withdraw(facts, progress, progress.undo_because)
    return _undo(facts, progress, progress.undo_because)


def _before(facts: SwitchFacts) -> SwitchAction:
    """Nothing has been changed: the old cluster serves, and does so whatever is returned."""
    incoming, outgoing = facts.incoming, facts.outgoing
    if incoming is None:
        if facts.is_out_of_patience:
            return GiveUpIncoming("it is gone")
        return _await_unseen(facts.incoming_name)
    if incoming.is_lost:
        return GiveUpIncoming(f"it is {incoming.status!r}")
    if facts.obstacles:
        return RefuseSwitch(facts.obstacles)
    if outgoing is not None and outgoing.status in _UNRENAMABLE:
        return RefuseSwitch(
            (
                f"cluster {outgoing.name} is {outgoing.status}, and RDS renames available clusters "
                "only; make it available, or delete it",
            )
        )
    expected = None if outgoing is None else "outgoing"
    if facts.holder != expected and not facts.is_out_of_patience:
        return AwaitSides(
            f"the name {facts.target}, which the target record says another cluster has",
            is_stuck=True,
        )
    if incoming.status == STOPPED:
        return StartIncoming()
    for side in filter(None, (incoming, outgoing)):
        if not side.is_available:
            return _await(side)
    if not incoming.has_current_password:
        return SetPasswordOfIncoming()
    return PlanSwitch()


def _between(facts: SwitchFacts, progress: Progress) -> SwitchAction:
    """The switch goes on: first the outgoing cluster loses the name, then the incoming gets it."""
    incoming, outgoing = facts.incoming, facts.outgoing
    if facts.holder == "outgoing" and outgoing is not None:
        if progress.under_way is not None or outgoing.status not in _AT_REST:
            return _await(outgoing)
        if reason := _why_no_rename(facts, progress, outgoing):
            return BeginUndo(reason)
        if incoming is None or not incoming.is_available:
            return (
                _await_unseen(facts.incoming_name) if incoming is None else _await(incoming, True)
            )
        return _open(incoming) or RenameOutgoing()
    if facts.is_out_of_patience:
        return BeginUndo("the target's name could not be given to the new cluster in time")
    if incoming is None:
        return _await_unseen(facts.incoming_name)
    if incoming.is_lost:
        return BeginUndo(_unusable(incoming))
    if facts.holder == "another":
        return _await_name(facts)
    if incoming.is_available and progress.under_way != "give":
        if progress.is_in_vain("give"):
            return BeginUndo(_not_carried_out(incoming))
        return (None if progress.has_outgoing else _open(incoming)) or RenameIncoming()
    if outgoing is not None and _is_to_be_closed(outgoing):
        return CloseOutgoing()
    is_renamed = progress.under_way == "give" or incoming.status == RENAMING
    return _await(incoming, is_stuck=not is_renamed)


def _open(incoming: Side) -> SwitchAction | None:
    """Return what lets the clients reach the incoming cluster before it has the name, if any.

    The switch is planned by then: if it is undone, a cluster that was retired is closed again.
    """
    if not incoming.has_wanted_groups:
        return OpenIncoming()
    if not incoming.groups_settled:
        return AwaitSides(f"the security groups of cluster {incoming.name}")
    return None


def _after(facts: SwitchFacts, progress: Progress) -> SwitchAction:
    """The incoming cluster has the name: the outgoing one is closed."""
    incoming, outgoing = facts.incoming, facts.outgoing
    if incoming is None:
        return _await_unseen(facts.target)
    if incoming.status in DEAD_CLUSTER:
        return NothingServes(
            f"cluster {facts.target} has become {incoming.status!r}; make it available, or delete "
            "it, so that the cluster that served before gets the name back"
        )
    if not incoming.is_available:
        return _await(incoming)
    if not progress.has_outgoing:
        return CompleteSwitch()
    if outgoing is None:
        return CompleteSwitch() if facts.is_out_of_patience else _await_unseen(facts.retired_name)
    if outgoing.status not in _AT_REST:
        return _await(outgoing)
    if _is_to_be_closed(outgoing):
        return CloseOutgoing()
    if outgoing.is_available and facts.stops_outgoing:
        return StopOutgoing()
    return CompleteSwitch()


def _withdraw(facts: SwitchFacts, progress: Progress, reason: str) -> SwitchAction:
    """Nothing had the name before the switch, so nothing gets it back."""
    incoming = facts.incoming
    if progress.under_way is not None:
        return AwaitSides(f"the name {facts.target}, which is being given")
    if incoming is None and not facts.is_out_of_patience:
        return _await_unseen(facts.incoming_name)
    if incoming is not None and incoming.status == RENAMING:
        return _await(incoming)
    return Undone(reason)


def _undo(facts: SwitchFacts, progress: Progress, reason: str) -> SwitchAction:
    """The outgoing cluster is to have the name again, unless the incoming one gets it after all."""
    incoming, outgoing = facts.incoming, facts.outgoing
    if progress.under_way in ("take", "give"):
        return AwaitSides(f"the name {facts.target}, which is being taken or given")
    if facts.holder == "outgoing" and outgoing is not None:
        return _serve_again(facts, progress, outgoing, reason)
    if incoming is not None and incoming.status == RENAMING:
        return _await(incoming)
    if outgoing is None or outgoing.is_lost:
        return _give_after_all(facts, progress)
    if progress.under_way is None and (facts.is_out_of_patience or progress.is_in_vain("return")):
        return NameTaken()
    if facts.holder == "another":
        return _await_name(facts)
    if outgoing.status == STOPPED:
        return StartOutgoing()
    if outgoing.is_available and progress.under_way is None:
        return GiveNameBack()
    return _await(outgoing, is_stuck=outgoing.status in _AT_REST and progress.under_way is None)


def _give_after_all(facts: SwitchFacts, progress: Progress) -> SwitchAction:
    """The outgoing cluster is lost, or not seen: the incoming one is what can serve."""
    incoming = facts.incoming
    if not facts.is_out_of_patience:
        if facts.outgoing is None:
            return _await_unseen(facts.retired_name)
        if facts.holder == "another":
            return _await_name(facts)
        if incoming is None:
            return _await_unseen(facts.incoming_name)
        if not incoming.is_available and not incoming.is_lost:
            return _await(incoming, is_stuck=True)
    elif facts.holder == "another":
        return NameTaken()
    if incoming is None or not incoming.is_available or progress.is_in_vain("give"):
        return NothingServes(
            f"cluster {facts.retired_name}, which had it, is lost, and cluster "
            f"{facts.incoming_name} cannot have it"
        )
    return RenameIncoming()


def _serve_again(
    facts: SwitchFacts, progress: Progress, outgoing: Side, reason: str
) -> SwitchAction:
    """The outgoing cluster has its name again, or has never lost it."""
    incoming = facts.incoming
    if outgoing.status not in _AT_REST:
        return _await(outgoing)
    if outgoing.is_available and not outgoing.has_wanted_groups:
        return OpenOutgoing()
    if not outgoing.groups_settled:
        return AwaitSides(f"the security groups of cluster {outgoing.name}")
    if progress.under_way is not None:
        return AwaitSides(f"the name {facts.target}, which is being returned")
    if facts.incoming_is_retired and incoming is not None and _is_to_be_closed(incoming):
        return CloseIncoming()
    return Undone(reason)


def _why_no_rename(facts: SwitchFacts, progress: Progress, outgoing: Side) -> str | None:
    """Return why the name is not taken from the outgoing cluster, which has it; None if it is."""
    incoming = facts.incoming
    if facts.is_out_of_patience:
        return f"RDS does not rename cluster {outgoing.name}"
    if progress.is_in_vain("take"):
        return _not_carried_out(outgoing)
    if not outgoing.is_available:
        return f"cluster {outgoing.name} is {outgoing.status}"
    if incoming is not None and incoming.is_lost:
        return _unusable(incoming)
    return None


def _is_to_be_closed(side: Side) -> bool:
    """Return whether a cluster beside the target can be closed, and is not."""
    return side.is_available and not side.is_closed


def _unusable(side: Side) -> str:
    return f"cluster {side.name} is {side.status}"


def _not_carried_out(side: Side) -> str:
    return (
        f"RDS has accepted {MOST_REQUESTS} times to rename cluster {side.name}, and has not done so"
    )


def _await(side: Side, is_stuck: bool = False) -> AwaitSides:
    return AwaitSides(f"cluster {side.name}, which is {side.status}", is_stuck)


def _await_name(facts: SwitchFacts) -> AwaitSides:
    return AwaitSides(f"the name {facts.target}, which another cluster has", is_stuck=True)


def _await_unseen(name: str) -> AwaitSides:
    return AwaitSides(f"cluster {name}, which is not seen", is_stuck=True)
