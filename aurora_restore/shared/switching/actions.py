"""What can be next on the way of a target from one cluster to another."""

from collections.abc import Sequence
from dataclasses import dataclass


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
    """RDS is not done with something, or does not show it yet."""

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
class PublishIncoming:
    """Let the incoming cluster not expire, and write its endpoint where the clients read it."""


@dataclass(frozen=True)
class PublishOutgoing:
    """Write the outgoing cluster's endpoint wherever that leads to the incoming one."""


@dataclass(frozen=True)
class MarkOutgoing:
    """The outgoing cluster cannot be closed, and yet is to say until when it is kept."""


@dataclass(frozen=True)
class CloseOutgoing:
    """Let nobody but the pipeline reach the outgoing cluster."""


@dataclass(frozen=True)
class StopOutgoing:
    """Stop the outgoing cluster, which nobody needs for now."""


@dataclass(frozen=True)
class BeginUndo:
    """The incoming cluster cannot serve: go back to the outgoing one."""

    reason: str


@dataclass(frozen=True)
class StartOutgoing:
    """The outgoing cluster is to serve again, and was stopped already."""


@dataclass(frozen=True)
class GiveNameBack:
    """Give the target's name back to the outgoing cluster."""


@dataclass(frozen=True)
class OpenOutgoing:
    """The clients are led to the outgoing cluster, or about to be: let them reach it."""


@dataclass(frozen=True)
class CloseIncoming:
    """The incoming cluster stays retired: let nobody but the pipeline reach it, as before."""


@dataclass(frozen=True)
class Undone:
    """The outgoing cluster serves as before the switch."""

    reason: str


@dataclass(frozen=True)
class NameTaken:
    """Neither of the two can have the name: another cluster has it, or RDS does not give it."""


@dataclass(frozen=True)
class NothingServes:
    """No cluster can be made to serve by waiting."""

    reason: str


@dataclass(frozen=True)
class CompleteSwitch:
    """The incoming cluster serves, and the outgoing one is out of reach."""


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
    | PublishIncoming
    | PublishOutgoing
    | MarkOutgoing
    | CloseOutgoing
    | StopOutgoing
    | BeginUndo
    | StartOutgoing
    | GiveNameBack
    | OpenOutgoing
    | CloseIncoming
    | Undone
    | NameTaken
    | NothingServes
    | CompleteSwitch
)
