"""The clusters beside a target that operations have left, and which of them are deleted.

There are two kinds. A temporary cluster was restored beside the target and has never served; a
retired one served until a switch. Both are found by looking, never by memory alone, so that none is
left behind.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from aurora_restore.shared.cluster.expiry import expires, expiry_of
from aurora_restore.shared.common import timestamp
from aurora_restore.shared.names import RETIRED_SUFFIX, TAG_KEEP_UNTIL, is_beside
from aurora_restore.shared.rds.reads import all_clusters
from aurora_restore.shared.rds.statuses import AVAILABLE, DEAD_CLUSTER, DELETING
from aurora_restore.shared.request import RestoreRequest
from aurora_restore.shared.target_record import TargetRecord

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_rds.type_defs import DBClusterTypeDef


@dataclass(frozen=True, kw_only=True)
class Beside:
    """A cluster beside the target, as far as it decides whether the cluster is deleted."""

    is_live: bool = False
    """Whether the target record says that it serves as the target."""
    expires: bool = True
    """Whether a tag says until when it is kept; none does of what serves."""
    is_switching: bool = False
    """Whether it is part of a switch that is in progress."""
    is_own: bool = False
    """Whether this very operation has restored it."""
    is_dead: bool = False
    """Whether no waiting makes it usable."""
    is_going: bool = False
    """Whether its deletion has begun."""
    is_retired: bool = False
    """Whether it served as the target before a switch."""
    keep_until: datetime | None = None
    """Until when it is kept; None if nothing says so."""

    @property
    def is_kept_restore(self) -> bool:
        """Return whether this operation goes on with it."""
        return self.is_own and not self.is_dead and not self.is_going


@dataclass(frozen=True, kw_only=True)
class Occasion:
    """What the clusters beside a target are looked at for."""

    unproven: str | None
    """Why the target's cluster is not proven to serve; None if it is."""
    has_restored: bool = False
    """Whether this operation has restored a cluster that it goes on with."""
    due_by: datetime | None = None
    """The moment until which a cluster may have been kept; None to make room for a restore."""


def why_kept(beside: Beside, occasion: Occasion) -> str | None:
    """Return why a cluster beside the target stays; None if it is deleted.

    A retired cluster is what a roll-back returns to, so it stays while the one that has replaced it
    is not proven. A deletion that has begun is finished, because RDS takes none back.
    """
    if beside.is_live:
        return "it serves as the target"
    if beside.is_switching:
        return "it is part of a switch that is in progress"
    if beside.is_kept_restore:
        return "this operation has restored it"
    if beside.is_going:
        return None
    if not beside.expires:
        return f"it has no tag {TAG_KEEP_UNTIL}, as if it served; if it does not, delete it"
    if occasion.has_restored:
        return "this operation has restored its cluster already"
    if beside.is_own:
        return None
    if beside.is_retired and occasion.unproven is not None:
        return f"it is what a roll-back returns to, and {occasion.unproven}"
    if occasion.due_by is None:
        return None
    if beside.keep_until is None:
        return "nothing says until when it is kept; the next restore makes room"
    if occasion.due_by < beside.keep_until:
        return f"it is kept until {timestamp(beside.keep_until)}"
    return None


def why_unproven(
    target: str, cluster: "DBClusterTypeDef | None", record: TargetRecord | None
) -> str | None:
    """Return why the cluster that serves as the target is not proven to do so; None if it is."""
    if cluster is None:
        return f"there is no cluster {target}"
    name, live = cluster["DBClusterIdentifier"], None if record is None else record.live
    if live is None or live.resource_id != cluster.get("DbClusterResourceId"):
        return f"cluster {name} is not the one that was switched to last"
    if cluster["Status"] != AVAILABLE:
        return f"cluster {name} is {cluster['Status']}"
    if live.verified_at is None:
        return f"cluster {name} has not been verified since the switch"
    return None


@dataclass(frozen=True, kw_only=True)
class Leftover:
    """A cluster of this restore beside its target, with what decides about it."""

    cluster: "DBClusterTypeDef"
    beside: Beside
    why_kept: str | None
    """None if it is to be deleted."""


def find_leftovers(
    rds: "RDSClient",
    request: RestoreRequest,
    record: TargetRecord | None,
    live: "DBClusterTypeDef | None",
    *,
    due_by: datetime | None = None,
) -> list[Leftover]:
    """Return the restore's clusters beside its target: temporary ones first, then retired ones.

    ``live`` is the cluster that serves as the target. With ``due_by`` only those go that were kept
    long enough; otherwise all make room for a restore.
    """
    owner = request.owner
    found = [
        (cluster, _beside(cluster, request, record))
        for cluster in all_clusters(rds)
        if owner.of_restore(cluster) and _is_beside(cluster, request.cluster_id, record, live)
    ]
    serves = live is not None and owner.has_restored(live, record)
    occasion = Occasion(
        unproven=why_unproven(request.cluster_id, live, record),
        has_restored=serves or any(beside.is_kept_restore for _, beside in found),
        due_by=due_by,
    )
    return [
        Leftover(cluster=cluster, beside=beside, why_kept=why_kept(beside, occasion))
        for cluster, beside in sorted(
            found, key=lambda item: (item[1].is_retired, item[0]["DBClusterIdentifier"])
        )
    ]


def _is_beside(
    cluster: "DBClusterTypeDef",
    target: str,
    record: TargetRecord | None,
    live: "DBClusterTypeDef | None",
) -> bool:
    """Return whether a cluster is beside the one that serves: by its name, or as retired.

    A switch that renames nothing leaves the target's name to the cluster that served before.
    """
    name, resource_id = cluster["DBClusterIdentifier"], cluster["DbClusterResourceId"]
    if name != target:
        return is_beside(target, name)
    if record is None or record.live is None or record.is_live(resource_id):
        return False
    serves = live is not None and live["DbClusterResourceId"] == resource_id
    return not serves and expires(cluster)


def _beside(
    cluster: "DBClusterTypeDef", request: RestoreRequest, record: TargetRecord | None
) -> Beside:
    state, resource_id = request.state, cluster["DbClusterResourceId"]
    status = cluster["Status"]
    name = cluster["DBClusterIdentifier"]
    is_retired = name.endswith(RETIRED_SUFFIX) or name == request.cluster_id
    known = Beside(
        is_own=request.owner.has_restored(cluster, record),
        is_dead=status in DEAD_CLUSTER or state.restore_is_dead,
        expires=expires(cluster),
        is_going=status == DELETING or state.deletion_of == resource_id,
        is_retired=is_retired,
        keep_until=expiry_of(cluster),
    )
    if record is None:
        return known
    switch = record.switch
    sides = () if switch is None else (switch.incoming, switch.outgoing)
    return replace(
        known,
        is_live=record.is_live(resource_id),
        is_switching=any(side and side.resource_id == resource_id for side in sides),
        is_retired=is_retired or record.is_retired(resource_id),
    )
