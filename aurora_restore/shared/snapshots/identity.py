"""Which snapshot an operation is about: decisions on what names it and on what RDS shows of it.

Several fields of an event can name the source's snapshot, and so can the operation's state.
``require_agreement`` refuses those that contradict each other. Names alone prove nothing: another
cluster, account or Region may have a snapshot of the same name. ``foreign_traits`` says what shows
that a snapshot is not one of the configured source.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Final

from aurora_restore.shared.documents.event import NAMING_FIELDS, Event
from aurora_restore.shared.documents.restore import Source
from aurora_restore.shared.documents.schema import shown
from aurora_restore.shared.errors import ValidationError
from aurora_restore.shared.names import (
    TAG_SOURCE_SNAPSHOT,
    intermediate_snapshot_prefix,
    shared_snapshot_prefix,
)
from aurora_restore.shared.operation_state import OperationState
from aurora_restore.shared.rds.arns import Place, RdsArn
from aurora_restore.shared.rds.tags import tags_of

if TYPE_CHECKING:
    from mypy_boto3_rds.type_defs import DBClusterSnapshotTypeDef

ENGINE: Final = "aurora-postgresql"


@dataclass(frozen=True)
class NamedSnapshot:
    """A snapshot as one field names it."""

    field: str
    text: str
    """The name or the ARN."""

    @property
    def arn(self) -> RdsArn | None:
        """Return its ARN, if it is named by that."""
        return RdsArn.parse(self.text) if self.text.startswith("arn:") else None

    def is_meant_by(self, other: str) -> bool:
        """Return whether another name or ARN can be the same snapshot's."""
        if self.text.startswith("arn:") and other.startswith("arn:"):
            return self.text == other
        return _bare(self.text) == _bare(other)


def named_snapshots(event: Event) -> list[NamedSnapshot]:
    """Return what an event names the source's snapshot by."""
    given = ((field, getattr(event, field)) for field in NAMING_FIELDS)
    return [NamedSnapshot(field, text) for field, text in given if text is not None]


def named_place(event: Event) -> Place | None:
    """Return the account and Region of the snapshot's ARN, if the event gives one."""
    arns = (named.arn for named in named_snapshots(event))
    return next((arn.place for arn in arns if arn is not None), None)


def require_agreement(event: Event, state: OperationState, operation_id: str) -> None:
    """Raise ValidationError if the event contradicts itself, or what the operation works on."""
    named = named_snapshots(event)
    for one, other in combinations(named, 2):
        if not one.is_meant_by(other.text):
            raise ValidationError(
                f"{other.field}: {shown(other.text)} is another snapshot than {one.field}, "
                f"{shown(one.text)}; leave one of them out"
            )
    place, region = named_place(event), event.source_region
    if place is not None and region not in (None, place.region):
        raise ValidationError(
            f"source_region: {region!r} is not the Region of the snapshot that the event names, "
            f"which is in {place.region}; leave source_region out"
        )
    recorded = state.source_snapshot_arn
    if recorded is None:
        return
    for each in named:
        known = (recorded, state.snapshot_arn or recorded)
        if not any(map(each.is_meant_by, known)):
            raise ValidationError(
                f"{each.field}: {shown(each.text)} is not the snapshot of operation "
                f"{operation_id}, which is {recorded}; leave {each.field} out, or start a new "
                "operation"
            )
    if region not in (None, state.source_region):
        raise ValidationError(
            f"source_region: {region!r} is not where the snapshot of operation {operation_id} is, "
            f"which is {recorded}; leave source_region out, or start a new operation"
        )


@dataclass(frozen=True)
class ForeignTrait:
    """What shows that a snapshot is not one to restore, and what to do about it."""

    problem: str
    """It continues a sentence that begins with the snapshot."""
    remedy: str


def foreign_traits(
    snapshot: "DBClusterSnapshotTypeDef", source: Source, home: Place, *, name_prefix: str
) -> Iterator[ForeignTrait]:
    """Yield what shows that a snapshot is not of the configured source, or of another engine.

    ``home`` is the account and Region of the target. A copy keeps the identifier of the cluster
    that the original was taken of. The source's place may hold the original, or be where another
    tool keeps copies of it.
    """
    engine, cluster = snapshot["Engine"], snapshot["DBClusterIdentifier"]
    if engine != ENGINE:
        yield ForeignTrait(
            f"is of engine {engine}, and only {ENGINE} can be restored",
            f"name a snapshot of {source.cluster_id}",
        )
    if source.allow_foreign_snapshot:
        return
    if cluster != source.cluster_id:
        yield ForeignTrait(
            f"is of cluster {cluster}, and not of the configured source, {source.cluster_id}",
            f"name a snapshot of {source.cluster_id}; source.allow_foreign_snapshot in the "
            "configuration lets another cluster's be restored",
        )
    own = Place(source.account_id or home.account, source.region)
    original = origin(snapshot, name_prefix, home.region)
    itself = RdsArn.parse(snapshot["DBClusterSnapshotArn"])
    if own not in (original.place, itself.place):
        yield ForeignTrait(
            f"comes from account {original.account} in {original.region}, and the configured "
            f"source is in account {own.account} in {own.region}",
            "name one that was taken there or copied there; source.allow_foreign_snapshot in the "
            "configuration lets one from elsewhere be restored",
        )


def origin(snapshot: "DBClusterSnapshotTypeDef", name_prefix: str, target_region: str) -> RdsArn:
    """Return the ARN of the snapshot that was taken of the cluster, as far as a copy shows it.

    RDS shows what a copy was made of (``SourceDBClusterSnapshotArn``). If that is a copy that the
    pipeline makes on the way, the original's ARN is in the tag. No other snapshot's tags are
    trusted: they may be inherited from a cluster, or copied by a person.
    """
    copied = snapshot.get("SourceDBClusterSnapshotArn")
    if not copied:
        return RdsArn.parse(snapshot["DBClusterSnapshotArn"])
    source = RdsArn.parse(copied)
    on_the_way = (
        shared_snapshot_prefix(name_prefix),
        intermediate_snapshot_prefix(name_prefix, target_region),
    )
    tagged = tags_of(snapshot.get("TagList")).get(TAG_SOURCE_SNAPSHOT)
    return RdsArn.parse(tagged) if tagged and source.name.startswith(on_the_way) else source


def _bare(text: str) -> str:
    return RdsArn.parse(text).name if text.startswith("arn:") else text
