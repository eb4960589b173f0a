"""What is next on the way from one cluster of a target to another, decided from facts alone.

Both clusters are identified by their resource ids. What RDS shows right after a call may be older
than the call, so that a thing is done only when a later look shows it, and nothing is taken for
undone while a rename was asked for a moment ago.
"""

from typing import Final

from aurora_restore.shared.rds.statuses import DEAD_CLUSTER, STOPPED
from aurora_restore.shared.switching import by_endpoint, by_rename
from aurora_restore.shared.switching.actions import (
    AwaitSides,
    CloseOutgoing,
    CompleteSwitch,
    GiveUpIncoming,
    MarkOutgoing,
    NothingServes,
    PlanSwitch,
    PublishIncoming,
    RefuseSwitch,
    SetPasswordOfIncoming,
    StartIncoming,
    StopOutgoing,
    SwitchAction,
)
from aurora_restore.shared.switching.facts import AT_REST, Progress, SwitchFacts
from aurora_restore.shared.switching.sides import (
    awaiting,
    awaiting_records,
    awaiting_unseen,
    is_to_be_closed,
    opening_of_incoming,
)

_UNRENAMABLE: Final = DEAD_CLUSTER | {STOPPED}
"""The statuses at rest in which RDS renames no cluster, however long one waits."""


def decide(facts: SwitchFacts) -> SwitchAction:
    """Return the next thing to do, from whatever state the clusters are in."""
    progress = facts.progress
    if not facts.agree:
        return AwaitSides(f"the looks at the name {facts.target} and at the clusters to agree")
    if progress is None:
        return _before(facts)
    if facts.holder == "incoming" and facts.is_given(progress):
        return _after(facts, progress)
    if facts.publishes_endpoint:
        if progress.undo_because is None:
            return by_endpoint.go_on(facts)
        return by_endpoint.undo(facts, progress, progress.undo_because)
    if progress.undo_because is None:
        return by_rename.go_on(facts, progress)
    return by_rename.undo(facts, progress, progress.undo_because)


def _before(facts: SwitchFacts) -> SwitchAction:
    """Nothing has been changed: the old cluster serves, and does so whatever is returned."""
    incoming = facts.incoming
    renamed = None if facts.outgoing_keeps_name else facts.outgoing
    if incoming is None:
        if facts.is_out_of_patience:
            return GiveUpIncoming("it is gone")
        return awaiting_unseen(facts.incoming_name)
    if incoming.is_lost:
        return GiveUpIncoming(f"it is {incoming.status!r}")
    if facts.obstacles:
        return RefuseSwitch(facts.obstacles)
    if renamed is not None and renamed.status in _UNRENAMABLE:
        return RefuseSwitch(
            (
                f"cluster {renamed.name} is {renamed.status}, and RDS renames available clusters "
                "only; make it available, or delete it",
            )
        )
    expected = "outgoing" if renamed else "incoming" if facts.incoming_has_name else None
    if facts.holder != expected and not facts.publishes_endpoint and not facts.is_out_of_patience:
        return AwaitSides(
            f"the name {facts.target}, which the target record says another cluster has",
            is_stuck=True,
        )
    if incoming.status == STOPPED:
        return StartIncoming()
    if not incoming.is_available:
        return awaiting(incoming)
    if renamed is not None and not renamed.is_available:
        return awaiting(renamed)
    if not incoming.has_current_password:
        return SetPasswordOfIncoming()
    return PlanSwitch()


def _after(facts: SwitchFacts, progress: Progress) -> SwitchAction:
    """The clients are led to the incoming cluster: the outgoing one is closed."""
    incoming, outgoing = facts.incoming, facts.outgoing
    if incoming is None:
        return awaiting_unseen(facts.target)
    if incoming.status == STOPPED:
        return StartIncoming()
    if incoming.status in DEAD_CLUSTER:
        return NothingServes(
            f"cluster {incoming.name} has become {incoming.status!r}; make it available, or delete "
            "it, so that the cluster that served before serves again"
        )
    if not incoming.is_available:
        return awaiting(incoming)
    if action := opening_of_incoming(incoming):
        return action
    if facts.must_publish:
        return PublishIncoming()
    if waiting := awaiting_records(facts):
        return waiting
    if not progress.has_outgoing:
        return CompleteSwitch()
    if outgoing is None:
        return CompleteSwitch() if facts.is_out_of_patience else awaiting_unseen(facts.retired_name)
    if outgoing.status not in AT_REST:
        return awaiting(outgoing)
    if is_to_be_closed(outgoing):
        return CloseOutgoing()
    if not outgoing.expires and not facts.is_out_of_patience:
        return MarkOutgoing()
    if outgoing.is_available and facts.stops_outgoing:
        return StopOutgoing()
    return CompleteSwitch()
