"""``aurora-restore snapshots``: the copies that the pipeline has made, and which of them go."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console
from rich.text import Text

from aurora_restore.cli.context import Deployment, deployment_of
from aurora_restore.cli.output import (
    AsJson,
    duration,
    heading,
    make_console,
    note,
    plain_table,
    print_json,
)
from aurora_restore.shared.cluster.ownership import Ownership
from aurora_restore.shared.documents.restore import Restore
from aurora_restore.shared.errors import AwsError, ConfigurationError
from aurora_restore.shared.names import (
    final_snapshot_prefix,
    intermediate_snapshot_prefix,
    shared_snapshot_prefix,
)
from aurora_restore.shared.rds.access import RdsAccess
from aurora_restore.shared.rds.arns import Place
from aurora_restore.shared.rds.reads import snapshots_of
from aurora_restore.shared.rds.statuses import AVAILABLE
from aurora_restore.shared.snapshots.leases import CommonCopy, CommonCopyStore
from aurora_restore.shared.snapshots.path import SnapshotSource
from aurora_restore.shared.snapshots.retention import (
    FAILED,
    expired,
    is_copy,
    is_settled,
    manual_snapshots,
    retention_of_finals,
)
from aurora_restore.shared.snapshots.routes import Route
from aurora_restore.shared.visible import visible_line

if TYPE_CHECKING:
    from mypy_boto3_rds.type_defs import DBClusterSnapshotTypeDef

_SESSION: Final = "aurora-restore-snapshots"


class SnapshotKind(StrEnum):
    """What a snapshot is to the pipeline."""

    COPY = "copy"
    FINAL = "final snapshot"
    INTERMEDIATE = "intermediate copy"
    OTHER = "carries its tags, but was not made by it"


@dataclass(frozen=True, kw_only=True)
class FoundSnapshot:
    """A snapshot with a restore's tags or a lease of it, and where it is."""

    place: Place
    kind: SnapshotKind
    described: "DBClusterSnapshotTypeDef"
    others: tuple[str, ...] = ()
    """The other restores that use it."""


@dataclass(frozen=True, kw_only=True)
class ListedSnapshot:
    """A snapshot as it is shown."""

    restore: str
    name: str
    kind: SnapshotKind
    place: Place
    status: str
    created: datetime | None
    gib: int | None
    """What RDS says of its size; AWS charges for what is stored, which may be less."""
    goes: str | None
    """Why the next successful run deletes it; None if it stays."""
    others: tuple[str, ...] = ()
    """The other restores that use it, for which it stays."""

    def as_json(self) -> dict[str, Any]:
        """Return it as ``--json`` prints it."""
        return {
            "restore": self.restore,
            "snapshot": self.name,
            "kind": str(self.kind),
            "account": self.place.account,
            "region": self.place.region,
            "status": self.status,
            "created_at": self.created,
            "allocated_gib": self.gib,
            "deleted_by_the_next_run": self.goes is not None,
            "why": self.goes,
            "also_used_by": list(self.others),
        }


def snapshots(
    context: typer.Context,
    restore: Annotated[
        str | None,
        typer.Argument(metavar="[RESTORE]", help="Only those of one restore.", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the snapshots that the pipeline has made, and which the next successful run deletes.

    A copy that other restores use as well stays until none of them needs it.

    Those in the source's account and Region are among them as far as these credentials may read
    them.
    """
    deployment = deployment_of(context)
    restores = deployment.restores() if restore is None else dict([deployment.restore(restore)])
    shared = common_copies(deployment)
    now = datetime.now(UTC)
    unread: list[str] = []
    listed: list[ListedSnapshot] = []
    for name, configured in sorted(restores.items()):
        found, not_read = look(deployment, name, configured, shared)
        copies = makes_copies(deployment, configured)
        listed += judge(name, configured, found, now, makes_copies=copies)
        unread += not_read
    if as_json:
        print_json({"snapshots": [each.as_json() for each in listed], "not_read": unread})
        return
    for sentence in unread:
        note(sentence)
    if not listed:
        note("The pipeline has made no snapshot that is left.")
        return
    _show(make_console(), listed, now)


def common_copies(deployment: Deployment) -> Mapping[str, CommonCopy]:
    """Return who uses each copy that the restores of the environment share, by its ARN."""
    return {each.arn: each for each in CommonCopyStore(deployment.store).all()}


def look(
    deployment: Deployment, name: str, restore: Restore, shared: Mapping[str, CommonCopy]
) -> tuple[list[FoundSnapshot], list[str]]:
    """Return the snapshots of a restore, and where they may not be read, as sentences."""
    here = Place(deployment.account_id, deployment.region)
    owner = Ownership(name_prefix=deployment.name_prefix, operation_id="", restore=name)
    prefix = final_snapshot_prefix(restore.target.cluster_id)
    found: list[FoundSnapshot] = []

    def add(
        place: Place, each: "DBClusterSnapshotTypeDef", kind: SnapshotKind | None = None
    ) -> None:
        copy = shared.get(each["DBClusterSnapshotArn"])
        if copy is not None and name in copy.users:
            kind, others = kind or SnapshotKind.COPY, copy.others(name)
            found.append(FoundSnapshot(place=place, kind=kind, described=each, others=others))
        elif owner.of_restore(each):
            kind = kind or _kind_of(each, prefix, deployment)
            found.append(FoundSnapshot(place=place, kind=kind, described=each))

    for each in manual_snapshots(deployment.rds):
        add(here, each)
    try:
        for place, each in _in_the_source(deployment, restore, here):
            add(place, each, SnapshotKind.INTERMEDIATE)
    except (AwsError, ConfigurationError) as error:
        source = f"{restore.source.account_id or here.account} in {restore.source.region}"
        return found, [f"The copies of {name} in account {source} were not read: {error}"]
    return found, []


def _kind_of(
    snapshot: "DBClusterSnapshotTypeDef", final_prefix: str, deployment: Deployment
) -> SnapshotKind:
    if snapshot["DBClusterSnapshotIdentifier"].startswith(final_prefix):
        return SnapshotKind.FINAL
    is_made = is_copy(snapshot, deployment.name_prefix, deployment.region)
    return SnapshotKind.COPY if is_made else SnapshotKind.OTHER


def _in_the_source(
    deployment: Deployment, restore: Restore, here: Place
) -> "Iterator[tuple[Place, DBClusterSnapshotTypeDef]]":
    """Yield the intermediate copies in the source's account, and in this one in its Region."""
    settings = restore.source
    there = Place(settings.account_id or here.account, settings.region)
    source = SnapshotSource.of(there, here, settings)
    if source.role_arn is not None:
        access = RdsAccess(
            clients=deployment.clients,
            target=here,
            source=there,
            role_arn=source.role_arn,
            session_name=_SESSION,
        )
        begins = shared_snapshot_prefix(deployment.name_prefix)
        copies = snapshots_of(
            access.at_source, settings.cluster_id, account_id=there.account, shared=False
        )
        yield from ((there, each) for each in copies if _begins(each, begins))
    if source.route is Route.TWO_STEPS:
        begins = intermediate_snapshot_prefix(deployment.name_prefix, here.region)
        own = manual_snapshots(deployment.clients.rds(there.region))
        place = Place(here.account, there.region)
        yield from ((place, each) for each in own if _begins(each, begins))


def _begins(snapshot: "DBClusterSnapshotTypeDef", prefix: str) -> bool:
    return snapshot["DBClusterSnapshotIdentifier"].startswith(prefix)


def makes_copies(deployment: Deployment, restore: Restore) -> bool:
    """Return whether a run makes a copy of its own, and so counts those there are."""
    here = Place(deployment.account_id, deployment.region)
    there = Place(restore.source.account_id or here.account, restore.source.region)
    try:
        return SnapshotSource.of(there, here, restore.source).route.copies
    except ConfigurationError:
        return False


def judge(
    name: str,
    restore: Restore,
    found: Sequence[FoundSnapshot],
    now: datetime,
    *,
    makes_copies: bool,
) -> list[ListedSnapshot]:
    """Return the snapshots of a restore, each with what the next successful run does to it.

    A run that makes a copy keeps that before any other.
    """
    copies = _usable(found, SnapshotKind.COPY) if makes_copies else []
    reasons = {
        **_beyond(copies, restore, now),
        **_beyond_finals(_usable(found, SnapshotKind.FINAL), restore, now),
    }
    return [
        ListedSnapshot(
            restore=name,
            name=each.described["DBClusterSnapshotIdentifier"],
            kind=each.kind,
            place=each.place,
            status=each.described["Status"],
            created=each.described.get("SnapshotCreateTime"),
            gib=each.described.get("AllocatedStorage"),
            goes=None
            if each.others
            else reasons.get(each.described["DBClusterSnapshotArn"]) or _because_of_itself(each),
            others=each.others,
        )
        for each in sorted(found, key=_newest_first)
    ]


def _beyond(
    copies: "Sequence[DBClusterSnapshotTypeDef]", restore: Restore, now: datetime
) -> dict[str, str]:
    found = expired(copies, restore.archive, now, kept_already=1)
    return {each["DBClusterSnapshotArn"]: f"{why}, with the next run's own" for each, why in found}


def _beyond_finals(
    finals: "Sequence[DBClusterSnapshotTypeDef]", restore: Restore, now: datetime
) -> dict[str, str]:
    """Return why final snapshots go; the next run takes one if it is configured to."""
    takes_one = not restore.target.is_switched and restore.target.skip_final_snapshot is False
    archive = retention_of_finals(restore.archive)
    found = expired(finals, archive, now, kept_already=int(takes_one))
    return {each["DBClusterSnapshotArn"]: why for each, why in found}


def _usable(found: Iterable[FoundSnapshot], kind: SnapshotKind) -> "list[DBClusterSnapshotTypeDef]":
    return [
        each.described
        for each in found
        if each.kind is kind and each.described["Status"] == AVAILABLE
    ]


def _because_of_itself(found: FoundSnapshot) -> str | None:
    """Return why a snapshot goes whatever the others are."""
    if found.kind is SnapshotKind.COPY and found.described["Status"] in FAILED:
        return "it has failed"
    if found.kind is SnapshotKind.INTERMEDIATE and is_settled(found.described):
        return "a successful run no longer needs it"
    return None


def _newest_first(found: FoundSnapshot) -> float:
    created = found.described.get("SnapshotCreateTime")
    return float("-inf") if created is None else -created.timestamp()


def _show(console: Console, listed: Sequence[ListedSnapshot], now: datetime) -> None:
    """Print a table for each restore. A snapshot's name alone may take most of the width."""
    for restore in dict.fromkeys(each.restore for each in listed):
        heading(console, restore)
        table = plain_table("Snapshot", "Age", "GiB", right=("Age", "GiB"), folded=("Snapshot",))
        for each in listed:
            if each.restore == restore:
                table.add_row(_described(each), _age(each, now), str(each.gib or ""))
        console.print(table)


def _described(listed: ListedSnapshot) -> Text:
    """Return name and kind of a snapshot, and below them where it is and what becomes of it."""
    where = f"{listed.kind}, {listed.status}, {listed.place.account} {listed.place.region}"
    text = Text.assemble(visible_line(listed.name), "\n  ", (visible_line(where), "dim"))
    if listed.others:
        text.append(f"\n  also used by {visible_line(', '.join(listed.others))}", style="dim")
    if listed.goes is not None:
        text.append(
            f"\n  deleted by the next successful run: {visible_line(listed.goes)}", style="yellow"
        )
    return text


def _age(listed: ListedSnapshot, now: datetime) -> str:
    return duration(None if listed.created is None else (now - listed.created).total_seconds())
