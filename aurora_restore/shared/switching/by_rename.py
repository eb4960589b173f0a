"""What is next where the target's name goes from one cluster to the other.

RDS changes a cluster by its name alone. A look that is too old therefore leads to a call that RDS
refuses, because the name is gone or taken, and never to the change of the other cluster: only a
cluster that is shown *under its name beside the target* is closed or stopped.
"""

from aurora_restore.shared.rds.statuses import STOPPED
from aurora_restore.shared.switching.actions import (
    AwaitSides,
    BeginUndo,
    CloseOutgoing,
    GiveNameBack,
    NameTaken,
    NothingServes,
    RenameIncoming,
    RenameOutgoing,
    StartOutgoing,
    SwitchAction,
    Undone,
)
from aurora_restore.shared.switching.facts import (
    AT_REST,
    MOST_REQUESTS,
    RENAMING,
    Progress,
    Side,
    SwitchFacts,
)
from aurora_restore.shared.switching.sides import (
    awaiting,
    awaiting_unseen,
    is_to_be_closed,
    opening_of_incoming,
    unusable,
    way_to_serve_again,
)


def go_on(facts: SwitchFacts, progress: Progress) -> SwitchAction:
    """The switch goes on: first the outgoing cluster loses the name, then the incoming gets it."""
    incoming, outgoing = facts.incoming, facts.outgoing
    if facts.holder == "outgoing" and outgoing is not None:
        if progress.under_way is not None or outgoing.status not in AT_REST:
            return awaiting(outgoing)
        if reason := _why_no_rename(facts, progress, outgoing):
            return BeginUndo(reason)
        if incoming is None or not incoming.is_available:
            unseen = awaiting_unseen(facts.incoming_name)
            return unseen if incoming is None else awaiting(incoming, is_stuck=True)
        return opening_of_incoming(incoming) or RenameOutgoing()
    if facts.is_out_of_patience:
        return BeginUndo("the target's name could not be given to the new cluster in time")
    if incoming is None:
        return awaiting_unseen(facts.incoming_name)
    if incoming.is_lost:
        return BeginUndo(unusable(incoming))
    if facts.holder == "another":
        return _awaiting_name(facts)
    if incoming.is_available and progress.under_way != "give":
        if progress.is_in_vain("give"):
            return BeginUndo(_not_carried_out(incoming))
        is_open = progress.has_outgoing and not facts.outgoing_keeps_name
        return (None if is_open else opening_of_incoming(incoming)) or RenameIncoming()
    if outgoing is not None and is_to_be_closed(outgoing):
        return CloseOutgoing()
    is_renamed = progress.under_way == "give" or incoming.status == RENAMING
    return awaiting(incoming, is_stuck=not is_renamed)


def _withdraw(facts: SwitchFacts, progress: Progress, reason: str) -> SwitchAction:
    """Nothing had the name before the switch, so nothing gets it back."""
    incoming = facts.incoming
    if progress.under_way is not None:
        return AwaitSides(f"the name {facts.target}, which is being given")
    if incoming is None and not facts.is_out_of_patience:
        return awaiting_unseen(facts.incoming_name)
    if incoming is not None and incoming.status == RENAMING:
        return awaiting(incoming)
    return Undone(reason)


def undo(facts: SwitchFacts, progress: Progress, reason: str) -> SwitchAction:
    """The outgoing cluster is to have the name again, unless the incoming one gets it after all."""
    incoming, outgoing = facts.incoming, facts.outgoing
    if not progress.has_outgoing:
        return _withdraw(facts, progress, reason)
    if progress.under_way in ("take", "give"):
        return AwaitSides(f"the name {facts.target}, which is being taken or given")
    if facts.holder == "outgoing" and outgoing is not None:
        return way_to_serve_again(facts, progress, outgoing, reason)
    if incoming is not None and incoming.status == RENAMING:
        return awaiting(incoming)
    if outgoing is None or outgoing.is_lost:
        return _give_after_all(facts, progress)
    if facts.outgoing_keeps_name:
        return way_to_serve_again(facts, progress, outgoing, reason)
    if progress.under_way is None and (facts.is_out_of_patience or progress.is_in_vain("return")):
        return NameTaken()
    if facts.holder == "another":
        return _awaiting_name(facts)
    if outgoing.status == STOPPED:
        return StartOutgoing()
    if outgoing.is_available and progress.under_way is None:
        return GiveNameBack()
    return awaiting(outgoing, is_stuck=outgoing.status in AT_REST and progress.under_way is None)


def _give_after_all(facts: SwitchFacts, progress: Progress) -> SwitchAction:
    """The outgoing cluster is lost, or not seen: the incoming one is what can serve."""
    incoming = facts.incoming
    if not facts.is_out_of_patience:
        if facts.outgoing is None:
            return awaiting_unseen(facts.retired_name)
        if facts.holder == "another":
            return _awaiting_name(facts)
        if incoming is None:
            return awaiting_unseen(facts.incoming_name)
        if not incoming.is_available and not incoming.is_lost:
            return awaiting(incoming, is_stuck=True)
    elif facts.holder == "another":
        return NameTaken()
    if incoming is None or not incoming.is_available or progress.is_in_vain("give"):
        return NothingServes(
            f"cluster {facts.retired_name}, which had the name {facts.target}, is lost, and "
            f"cluster {facts.incoming_name} cannot have it"
        )
    return RenameIncoming()


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
        return unusable(incoming)
    return None


def _not_carried_out(side: Side) -> str:
    return (
        f"RDS has accepted {MOST_REQUESTS} times to rename cluster {side.name}, and has not done so"
    )


def _awaiting_name(facts: SwitchFacts) -> AwaitSides:
    return AwaitSides(f"the name {facts.target}, which another cluster has", is_stuck=True)
