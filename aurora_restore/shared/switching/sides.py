"""What is decided of one of the two clusters, whichever way the switch takes."""

from aurora_restore.shared.switching.actions import (
    AwaitSides,
    CloseIncoming,
    OpenIncoming,
    OpenOutgoing,
    SwitchAction,
    Undone,
)
from aurora_restore.shared.switching.facts import AT_REST, Progress, Side, SwitchFacts


def opening_of_incoming(incoming: Side) -> SwitchAction | None:
    """Return what lets the clients reach the incoming cluster before they are led to it, if any.

    The switch is planned by then: if it is undone, a cluster that was retired is closed again.
    """
    if not incoming.has_wanted_groups:
        return OpenIncoming()
    if not incoming.groups_settled:
        return AwaitSides(f"the security groups of cluster {incoming.name}")
    return None


def way_to_serve_again(
    facts: SwitchFacts, progress: Progress, outgoing: Side, reason: str
) -> SwitchAction:
    """Return what lets the outgoing cluster serve, to which the clients are led as before."""
    if outgoing.status not in AT_REST:
        return awaiting(outgoing)
    if outgoing.is_available and not outgoing.has_wanted_groups:
        return OpenOutgoing()
    if not outgoing.groups_settled:
        return AwaitSides(f"the security groups of cluster {outgoing.name}")
    if progress.under_way is not None:
        return AwaitSides(f"the name {facts.target}, which is being returned")
    if waiting := awaiting_records(facts):
        return waiting
    if facts.incoming_is_retired and facts.incoming and is_to_be_closed(facts.incoming):
        return CloseIncoming()
    return Undone(reason)


def is_to_be_closed(side: Side) -> bool:
    """Return whether a cluster beside the target can be closed, and is not."""
    return side.is_available and not side.is_closed


def unusable(side: Side) -> str:
    """Return why a cluster cannot be switched to."""
    return f"cluster {side.name} is {side.status}"


def awaiting(side: Side, is_stuck: bool = False) -> AwaitSides:
    """Return that a cluster is waited for because of its status."""
    return AwaitSides(f"cluster {side.name}, which is {side.status}", is_stuck)


def awaiting_records(facts: SwitchFacts) -> AwaitSides | None:
    """Return that Route 53 is waited for, unless all of its servers answer alike."""
    if facts.is_in_force or facts.is_out_of_patience:
        return None
    return AwaitSides("Route 53 to answer with the new records everywhere", is_stuck=True)


def awaiting_unseen(name: str) -> AwaitSides:
    """Return that a cluster is waited for that no look has shown."""
    return AwaitSides(f"cluster {name}, which is not seen", is_stuck=True)
