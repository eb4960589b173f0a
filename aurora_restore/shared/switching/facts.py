"""What a switch is decided by: the two clusters as RDS shows them, and how far it has come."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from aurora_restore.shared.rds.statuses import AT_REST as AT_REST_AND_RUNNING
from aurora_restore.shared.rds.statuses import AVAILABLE, DEAD_CLUSTER, DELETING, STOPPED

PATIENCE_SECONDS: Final = 600.0
"""For how long a name that cannot be taken, or a cluster that is not seen, is waited for."""

SETTLING_SECONDS: Final = 60.0
"""For how long after a rename was asked for a look may show what was before it."""

MOST_REQUESTS: Final = 3
"""How often in a row RDS may accept the same rename without carrying it out."""

RENAMING: Final = "renaming"

AT_REST: Final = AT_REST_AND_RUNNING | {STOPPED}
"""The statuses in which RDS is doing nothing to a cluster."""

Request = Literal["take", "give", "return"]
"""Take the name from the outgoing cluster, give it to the incoming one, return it to the former.

Without a rename it is the clients that are given and returned, and nothing is taken before.
"""

Holder = Literal["incoming", "outgoing", "another"]


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
    expires: bool = True
    """Whether its tags say until when it is kept."""

    @property
    def is_available(self) -> bool:
        """Return whether it can be changed, and serve."""
        return self.status == AVAILABLE

    @property
    def is_lost(self) -> bool:
        """Return whether no waiting makes it available."""
        return self.status in DEAD_CLUSTER or self.status == DELETING


@dataclass(frozen=True, kw_only=True)
class Progress:
    """A switch whose first change may have been made."""

    has_outgoing: bool
    """Whether there was a cluster that has the name taken away."""
    undo_because: str | None = None
    """Why it is undone; None while it goes on."""
    last: Request | None = None
    """What was asked for last; None if the clients have not been led anywhere yet."""
    requests: int = 0
    """How often in a row RDS has accepted that, if it was a rename."""
    is_recent: bool = False
    """Whether it was asked for so recently that a look may not show it yet."""

    @property
    def under_way(self) -> Request | None:
        """Return the rename that a look may not show yet."""
        return self.last if self.is_recent else None

    def is_in_vain(self, rename: Request) -> bool:
        """Return whether RDS has accepted a rename often enough without carrying it out."""
        return self.last == rename and self.requests >= MOST_REQUESTS


@dataclass(frozen=True, kw_only=True)
class SwitchFacts:
    """What is known of the target's name and of the two clusters."""

    target: str
    incoming_name: str
    """The name that the incoming cluster has beside the target."""
    retired_name: str
    """The name that the outgoing cluster is to have beside the target, or keeps."""
    incoming: Side | None
    """What is to have the target's name; None if it is not seen."""
    outgoing: Side | None
    """What has, or had, the target's name; None if there is none, or it is not seen."""
    holder: Holder | None = None
    """Which cluster has the name, or has its endpoint published; None if that is none."""
    publishes_endpoint: bool = False
    """Whether the incoming cluster's endpoint is published, instead of its getting the name."""
    must_publish: bool = False
    """Whether the incoming cluster has the target's name, and clients that read an endpoint are not
    led to it yet."""
    leads_to_incoming: bool = False
    """Whether anything that they read leads to it, where nothing is renamed."""
    is_in_force: bool = True
    """Whether what was published last is seen everywhere."""
    outgoing_keeps_name: bool = False
    """Whether the outgoing cluster has a name of its own, or may keep the target's."""
    progress: Progress | None = None
    """None until the switch is planned."""
    obstacles: Sequence[str] = field(default=())
    """Why it must not begin."""
    stuck_seconds: float | None = None
    """For how long it has come to nothing; None if it has not."""
    stops_outgoing: bool = False
    """Whether the outgoing cluster is stopped in the end."""
    incoming_is_retired: bool = False
    """Whether the incoming cluster has served before, and was out of reach until now."""

    @property
    def agree(self) -> bool:
        """Return whether what is shown under the name is what the clusters show of their names.

        They are looked at one after the other, and each look may be older than the other.
        """
        if self.publishes_endpoint:
            return True
        sides = (("incoming", self.incoming), ("outgoing", self.outgoing))
        return all(
            (side.name == self.target) == (self.holder == which)
            for which, side in sides
            if side is not None
        )

    @property
    def incoming_has_name(self) -> bool:
        """Return whether the incoming cluster has kept the target's name while it was retired."""
        return self.incoming_name == self.target

    def is_given(self, progress: Progress) -> bool:
        """Return whether the incoming cluster, which the clients are led to, is to stay that.

        Without a rename they can be led away again: if it is lost, or the switch is being undone.
        """
        if not self.publishes_endpoint:
            return True
        is_lost = self.incoming is not None and self.incoming.is_lost
        return progress.last == "give" and not (is_lost and progress.has_outgoing)

    @property
    def is_out_of_patience(self) -> bool:
        """Return whether there was no progress for as long as is waited for."""
        return self.stuck_seconds is not None and self.stuck_seconds >= PATIENCE_SECONDS
