"""What is next where both clusters keep their names, and an endpoint is published.

Nothing is taken from the outgoing cluster before the clients are led to the incoming one, so at no
moment are they led nowhere.
"""

from aurora_restore.shared.rds.statuses import STOPPED
from aurora_restore.shared.switching.actions import (
    AwaitSides,
    BeginUndo,
    NothingServes,
    OpenOutgoing,
    PublishIncoming,
    PublishOutgoing,
    StartOutgoing,
    SwitchAction,
    Undone,
)
from aurora_restore.shared.switching.facts import Progress, SwitchFacts
from aurora_restore.shared.switching.sides import (
    awaiting,
    awaiting_unseen,
    opening_of_incoming,
    unusable,
    way_to_serve_again,
)


def go_on(facts: SwitchFacts) -> SwitchAction:
    """Return what leads the clients to the incoming cluster."""
    incoming = facts.incoming
    if incoming is not None and incoming.is_lost:
        return BeginUndo(unusable(incoming))
    if facts.is_out_of_patience:
        return BeginUndo("the endpoint of the new cluster could not be published in time")
    if incoming is None:
        return awaiting_unseen(facts.incoming_name)
    if not incoming.is_available:
        return awaiting(incoming, is_stuck=True)
    return opening_of_incoming(incoming) or PublishIncoming()


def undo(facts: SwitchFacts, progress: Progress, reason: str) -> SwitchAction:
    """Return what leads the clients to the outgoing cluster again, if it can serve."""
    incoming, outgoing = facts.incoming, facts.outgoing
    if not progress.has_outgoing:
        is_needed = facts.leads_to_incoming and incoming is not None and not incoming.is_lost
        return _publish_after_all(facts) if is_needed else Undone(reason)
    if outgoing is None and not facts.is_out_of_patience:
        return awaiting_unseen(facts.retired_name)
    if outgoing is None or outgoing.is_lost:
        return _publish_after_all(facts)
    if not facts.leads_to_incoming:
        return way_to_serve_again(facts, progress, outgoing, reason)
    if outgoing.status == STOPPED:
        return StartOutgoing()
    if not outgoing.is_available:
        if facts.is_out_of_patience:
            return _publish_after_all(facts)
        return awaiting(outgoing, is_stuck=True)
    if not outgoing.has_wanted_groups:
        return OpenOutgoing()
    if not outgoing.groups_settled:
        return AwaitSides(f"the security groups of cluster {outgoing.name}")
    return PublishOutgoing()


def _publish_after_all(facts: SwitchFacts) -> SwitchAction:
    """The outgoing cluster is lost, or not seen: the incoming one is what can serve."""
    incoming = facts.incoming
    if incoming is not None and incoming.is_available:
        return opening_of_incoming(incoming) or PublishIncoming()
    if facts.is_out_of_patience or (incoming is not None and incoming.is_lost):
        return NothingServes(
            f"cluster {facts.retired_name}, which has served, cannot serve again, and cluster "
            f"{facts.incoming_name} cannot serve"
        )
    if incoming is None:
        return awaiting_unseen(facts.incoming_name)
    return awaiting(incoming, is_stuck=True)
