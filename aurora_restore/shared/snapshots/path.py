"""A snapshot's path from its cluster to the target.

``SnapshotSource`` says where an operation's snapshot comes from and what this account may do there.
``SnapshotPath`` is everything that follows once the snapshot is known: the copies on its path with
their places, keys and names. A step builds each once per call and reads it from then on.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Self

from aurora_restore.shared.documents.restore import Source, Target
from aurora_restore.shared.errors import (
    AuroraRestoreError,
    SnapshotNotFoundError,
    SnapshotNotVisibleError,
    TargetSnapshotNotFoundError,
    ValidationError,
)
from aurora_restore.shared.names import TAG_SOURCE_SNAPSHOT
from aurora_restore.shared.rds.arns import Place, RdsArn
from aurora_restore.shared.rds.calls import RdsCall
from aurora_restore.shared.rds.tags import tags_of
from aurora_restore.shared.snapshots.calls import copy_snapshot, share_snapshot
from aurora_restore.shared.snapshots.names import require_copy_name
from aurora_restore.shared.snapshots.routes import Hop, Route, Where, choose_route, hops

if TYPE_CHECKING:
    from mypy_boto3_rds.type_defs import DBClusterSnapshotTypeDef

    from aurora_restore.shared.cluster.ownership import Ownership


@dataclass(frozen=True, kw_only=True)
class SnapshotSource:
    """Where an operation's snapshot comes from."""

    place: Place
    """The account and Region of the snapshot."""
    target: Place
    settings: Source
    route: Route

    @classmethod
    def of(cls, place: Place, target: Place, settings: Source) -> Self:
        """Return the source in ``place``.

        Raises ConfigurationError if the configured route leads nowhere from there.
        """
        route = choose_route(place, target, settings.copy_route)
        return cls(place=place, target=target, settings=settings, route=route)

    @cached_property
    def role_arn(self) -> str | None:
        """Return the role by which this account works in the source's, if it is another one."""
        return None if self.place.account == self.target.account else self.settings.role_arn

    @cached_property
    def viewing_account(self) -> str:
        """Return the account that looks at the snapshot: the source's, or this one if shared."""
        return self.place.account if self.is_visible_as_a_whole else self.target.account

    @cached_property
    def is_visible_as_a_whole(self) -> bool:
        """Return whether all of the source account's snapshots are seen, not only shared ones."""
        return self.place.account == self.target.account or self.role_arn is not None


@dataclass(frozen=True, kw_only=True)
class SnapshotPath:
    """The path of one snapshot: what is copied where, under which key and which name."""

    source: SnapshotSource
    snapshot: RdsArn
    """The source's snapshot."""
    hops: tuple[Hop, ...]
    """The copies from the source's snapshot to what is restored, in order."""
    is_shared_as_it_is: bool
    """Whether the source account must share the snapshot itself, and not a copy of it."""

    @classmethod
    def of(
        cls,
        source: SnapshotSource,
        snapshot: RdsArn,
        *,
        shared_by_copy: bool,
        target: Target,
        own_name: str | None,
        name_prefix: str,
    ) -> Self:
        """Return the path of a snapshot.

        ``own_name`` names a copy in the target's Region that is the operation's own; without it,
        the restores of the environment that need the same copy share one.
        """
        return cls(
            source=source,
            snapshot=snapshot,
            hops=hops(
                route=source.route,
                source=source.settings,
                target=target,
                snapshot=snapshot,
                manual_copy_first=shared_by_copy,
                target_place=source.target,
                own_name=own_name,
                prefix=name_prefix,
            ),
            is_shared_as_it_is=source.role_arn is not None and not shared_by_copy,
        )

    @property
    def restored(self) -> RdsArn:
        """Return the ARN of what is restored: the last copy's, or the snapshot's own."""
        return self.hops[-1].arn if self.hops else self.snapshot

    @cached_property
    def intermediate_copies(self) -> tuple[Hop, ...]:
        """Return the copies that are no longer needed once the restore is done."""
        return tuple(hop for hop in self.hops if hop.where is not Where.TARGET)

    def require_fitting_name(self, given: str | None) -> None:
        """Raise ValidationError if the name given for the target's copy cannot be one.

        The steps restore the snapshot of that name, so where nothing is copied it must be the
        source's.
        """
        if not self.source.route.copies:
            if given not in (None, str(self.snapshot), self.snapshot.name):
                raise ValidationError(
                    f"target_snapshot_name: nothing is copied, the snapshot is "
                    f"{self.source.route}; leave it out, or name the snapshot to restore with "
                    "snapshot_id"
                )
        elif given is not None:
            require_copy_name(given)

    def sharing(self) -> RdsCall | None:
        """Return the call that shares the source's manual snapshot as it is; None if none does."""
        if not self.is_shared_as_it_is:
            return None
        arn = self.snapshot
        return share_snapshot(arn.name, arn.region, arn.account, self.source.target.account)

    def copying(
        self, hop: Hop, snapshot: "DBClusterSnapshotTypeDef", owner: "Ownership"
    ) -> RdsCall:
        """Return the call that makes the copy of a hop from ``snapshot``.

        Raises ConfigurationError if the copy needs a key that is not configured.
        """
        tags = owner.tags_of_common_copy if hop.is_common else owner.tags
        marked = {**tags, TAG_SOURCE_SNAPSHOT: str(self.snapshot)}
        return copy_snapshot(hop, snapshot, marked, self.source.target.account)

    def is_copy(self, existing: "DBClusterSnapshotTypeDef", hop: Hop) -> bool:
        """Return whether a snapshot with a hop's name is the copy that the hop would make."""
        origins = {
            tags_of(existing.get("TagList")).get(TAG_SOURCE_SNAPSHOT),
            existing.get("SourceDBClusterSnapshotArn"),
        }
        return bool(origins & {str(hop.source), str(self.snapshot)})


def absent_snapshot(
    snapshot: str, region: str, *, just_shared: bool, **facts: str
) -> AuroraRestoreError:
    """Return the error for a snapshot that is not found.

    ``just_shared`` says that this account may not see the snapshot yet. ``facts``
    are the error's details; without any, the snapshot is the one to restore.
    """
    kind = SnapshotNotFoundError if facts else TargetSnapshotNotFoundError
    facts = facts or {"target_snapshot_name": snapshot, "target_region": region}
    if just_shared:
        return SnapshotNotVisibleError(
            f"snapshot {snapshot} in {region} has been shared, but cannot be seen yet", **facts
        )
    return kind(
        f"there is no snapshot {snapshot} in {region}, or it is not shared with this account",
        **facts,
    )
