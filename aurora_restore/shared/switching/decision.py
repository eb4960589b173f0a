"""What is next on the way from one cluster of a name to another, decided from facts alone.

Both clusters are told apart by their resource ids. What RDS answers right after a call may be older
than the call, so that a thing is done only when a later look shows the name *and* the status.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from aurora_restore.shared.rds.statuses import AT_REST, AVAILABLE, DEAD_CLUSTER

PATIENCE_SECONDS: Final = 600.0
"""For how long a name that cannot be taken, or a cluster that is not seen, is waited for."""

SETTLING_SECONDS: Final = 60.0
"""For how long after a rename was asked for a look may show what was before it."""

STOPPED: Final = "stopped"

_AT_REST: Final = AT_REST | {STOPPED}
"""The statuses in which RDS is doing nothing to a cluster."""


@dataclass(frozen=True, kw_only=True)
class Side:
    """One of the two clusters, as RDS shows it."""

    name: str
    status: str
    has_wanted_groups: bool = True
    """Whether it has the security groups with which it serves, and no others."""
    groups_settled: bool = True
    """Whether its security groups are in force in every instance."""
    is_closed: bool = False
    """Whether nobody but the pipeline can reach it, and its tags say that it is retired."""
    has_current_password: bool = True
    """Whether its master password is that of the current version of the secret."""

    @property
    def is_available(self) -> bool:
        """Return whether it can be changed, and serve."""
        return self.status == AVAILABLE


@dataclass(frozen=True, kw_only=True)
class Progress:
    """A switch whose first change may have been made."""

    has_outgoing: bool
    """Whether there was a cluster that has the name taken away."""
    undo_because: str | None = None
    under_way: Literal["take", "give", "return"] | None = None
    """The rename that was asked for so recently that a look may not show it yet."""


@dataclass(frozen=True, kw_only=True)
class SwitchFacts:
    """What is known of the target's name and of the two clusters."""

    target: str
    incoming_name: str
    """The name that the incoming cluster has beside the target."""
    retired_name: str
    """The name that the outgoing cluster is to have beside the target."""
    incoming: Side | None
    """What is to have the target's name; None if it is not seen."""
    outgoing: Side | None
    """What has, or had, the target's name; None if there is none, or it is not seen."""
    holder: str | None = None
    """Which cluster has the name: ``incoming``, ``outgoing`` or ``another``."""
    progress: Progress | None = None
    """None until the switch is planned."""
    obstacles: Sequence[str] = field(default=())
    """Why it must not begin."""
    stuck_seconds: float | None = None
    """For how long it has come to nothing; None if it has not."""
    stops_outgoing: bool = False

    @property
    def is_out_of_patience(self) -> bool:
        """Return whether there was no progress for as long as is waited for."""
        return self.stuck_seconds is not None and self.stuck_seconds >= PATIENCE_SECONDS


@dataclass(frozen=True)
class RefuseSwitch:
    """The switch must not begin."""

    obstacles: Sequence[str]


@dataclass(frozen=True)
class GiveUpIncoming:
    """No waiting makes the incoming cluster one to switch to; the old one serves on."""

    reason: str


@dataclass(frozen=True)
class AwaitSides:
    """RDS is not done with something."""

    what: str
    is_stuck: bool = False
    """Whether this is no progress, and is waited for only so long."""


@dataclass(frozen=True)
class StartIncoming:
    """The incoming cluster is stopped."""


@dataclass(frozen=True)
class OpenIncoming:
    """The incoming cluster gets the security groups back with which it serves."""


@dataclass(frozen=True)
class SetPasswordOfIncoming:
    """The incoming cluster was given a master password that the secret no longer has."""


@dataclass(frozen=True)
class PlanSwitch:
    """Nothing prevents the switch: record it, before its first change."""


@dataclass(frozen=True)
class RenameOutgoing:
    """Take the target's name from the outgoing cluster."""


@dataclass(frozen=True)
class RenameIncoming:
    """Give the target's name to the incoming cluster."""


@dataclass(frozen=True)
class CloseOutgoing:
    """Let nobody but the pipeline reach the outgoing cluster."""


@dataclass(frozen=True)
class StopOutgoing:
    """Stop the outgoing cluster, which nobody needs for now."""


@dataclass(frozen=True)
class BeginUndo:
    """The incoming cluster cannot have the name: go back to the outgoing one."""

    reason: str


@dataclass(frozen=True)
class GiveNameBack:
    """Give the target's name back to the outgoing cluster."""


@dataclass(frozen=True)
class OpenOutgoing:
    """The outgoing cluster has its name again and is reached by nobody yet."""


@dataclass(frozen=True)
class Undone:
    """The outgoing cluster serves as before."""

    reason: str


@dataclass(frozen=True)
class NameTaken:
    """Neither of the two can have the name, because a third cluster has it."""


@dataclass(frozen=True)
class BothMissing:
    """There is no cluster left that could have the name."""


@dataclass(frozen=True)
class CompleteSwitch:
    """The incoming cluster has the name, and the outgoing one is out of reach."""


SwitchAction = (
    RefuseSwitch
    | GiveUpIncoming
    | AwaitSides
    | StartIncoming
    | OpenIncoming
    | SetPasswordOfIncoming
    | PlanSwitch
    | RenameOutgoing
    | RenameIncoming
    | CloseOutgoing
    | StopOutgoing
    | BeginUndo
    | GiveNameBack
    | OpenOutgoing
    | Undone
    | NameTaken
    | BothMissing
    | CompleteSwitch
)


def decide(facts: SwitchFacts) -> SwitchAction:
    """Return the next thing to do, from whatever state the clusters are in."""
    if facts.progress is None:
        return _before(facts)
    if facts.holder == "incoming":
        return _after(facts, facts.progress)
    if facts.progress.undo_because is not None:
        return _undo(facts, facts.progress, facts.progress.undo_because)
    return _between(facts, facts.progress)


def _before(facts: SwitchFacts) -> SwitchAction:
    """Nothing has been changed: the old cluster serves, and does so whatever is returned."""
    incoming, outgoing = facts.incoming, facts.outgoing
    if incoming is None:
        return GiveUpIncoming("it is gone")
    if incoming.status in DEAD_CLUSTER:
        return GiveUpIncoming(f"it is {incoming.status!r}")
    if facts.obstacles:
        return RefuseSwitch(facts.obstacles)
    if incoming.status == STOPPED:
        return StartIncoming()
    for side in filter(None, (incoming, outgoing)):
        if not side.is_available:
            return AwaitSides(f"cluster {side.name}, which is {side.status}")
    if not incoming.has_wanted_groups:
        return OpenIncoming()
    if not incoming.groups_settled:
        return AwaitSides(f"the security groups of cluster {incoming.name}")
    if not incoming.has_current_password:
        return SetPasswordOfIncoming()
    return PlanSwitch()


def _between(facts: SwitchFacts, progress: Progress) -> SwitchAction:
    """The switch goes on: first the outgoing cluster loses the name, then the incoming gets it."""
    incoming, outgoing = facts.incoming, facts.outgoing
    if facts.holder == "outgoing" and outgoing is not None:
        if progress.under_way == "take" or outgoing.status not in _AT_REST:
            return AwaitSides(f"cluster {outgoing.name}, which is {outgoing.status}")
        if not outgoing.is_available:
            return BeginUndo(f"cluster {outgoing.name} is {outgoing.status}")
        if incoming is None or incoming.status in DEAD_CLUSTER:
            return BeginUndo(f"cluster {facts.incoming_name} has become unusable")
        return RenameOutgoing()
    if facts.is_out_of_patience:
        if progress.has_outgoing:
            return BeginUndo("the target's name could not be given to the new cluster in time")
        return BothMissing() if incoming is None else NameTaken()
    if facts.holder == "another":
        return AwaitSides(f"the name {facts.target}, which another cluster has", is_stuck=True)
    if outgoing is not None and outgoing.name == facts.target:
        return AwaitSides(f"the name {facts.target}, which is being released")
    if incoming is None:
        return AwaitSides(f"cluster {facts.incoming_name}, which is not seen", is_stuck=True)
    if incoming.status in DEAD_CLUSTER:
        if progress.has_outgoing:
            return BeginUndo(f"cluster {facts.incoming_name} has become unusable")
        return BothMissing()
    if incoming.is_available and progress.under_way != "give":
        return RenameIncoming()
    if outgoing is not None and outgoing.is_available and not outgoing.is_closed:
        return CloseOutgoing()
    return AwaitSides(f"cluster {incoming.name}, which is {incoming.status}")


def _after(facts: SwitchFacts, progress: Progress) -> SwitchAction:
    """The incoming cluster has the name: the outgoing one is closed."""
    incoming, outgoing = facts.incoming, facts.outgoing
    if incoming is None or not incoming.is_available:
        status = "not seen" if incoming is None else incoming.status
        return AwaitSides(f"cluster {facts.target}, which is {status}")
    if not progress.has_outgoing:
        return CompleteSwitch()
    if outgoing is None:
        if facts.is_out_of_patience:
            return CompleteSwitch()
        return AwaitSides(f"cluster {facts.retired_name}, which is not seen", is_stuck=True)
    if outgoing.status not in _AT_REST:
        return AwaitSides(f"cluster {outgoing.name}, which is {outgoing.status}")
    if outgoing.is_available and not outgoing.is_closed:
        return CloseOutgoing()
    if outgoing.is_available and facts.stops_outgoing:
        return StopOutgoing()
    return CompleteSwitch()


def _undo(facts: SwitchFacts, progress: Progress, reason: str) -> SwitchAction:
    """The outgoing cluster is to have the name again, unless the incoming one gets it after all."""
    incoming, outgoing = facts.incoming, facts.outgoing
    if progress.under_way in ("take", "give"):
        return AwaitSides(f"the name {facts.target}, which is being taken or given")
    if facts.holder == "outgoing" and outgoing is not None:
        if outgoing.status not in _AT_REST:
            return AwaitSides(f"cluster {outgoing.name}, which is {outgoing.status}")
        if outgoing.is_available and not outgoing.has_wanted_groups:
            return OpenOutgoing()
        return Undone(reason)
    if incoming is not None and incoming.status not in _AT_REST:
        return AwaitSides(f"cluster {incoming.name}, which is {incoming.status}")
    if facts.is_out_of_patience:
        if outgoing is None and incoming is not None and incoming.is_available:
            return RenameIncoming()
        return BothMissing() if outgoing is None else NameTaken()
    if facts.holder == "another":
        return AwaitSides(f"the name {facts.target}, which another cluster has", is_stuck=True)
    if outgoing is None:
        return AwaitSides(f"cluster {facts.retired_name}, which is not seen", is_stuck=True)
    if outgoing.is_available and progress.under_way != "return":
        return GiveNameBack()
    is_stuck = outgoing.status in _AT_REST and progress.under_way != "return"
    return AwaitSides(f"cluster {outgoing.name}, which is {outgoing.status}", is_stuck=is_stuck)
