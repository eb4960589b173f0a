"""Where the two clusters of a switch are, as RDS shows it now."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aurora_restore.shared.cluster.expiry import expires
from aurora_restore.shared.cluster.network import attached_groups, lasting_groups
from aurora_restore.shared.names import TAG_KEEP_UNTIL
from aurora_restore.shared.rds.reads import clusters_by_resource_id, find_cluster
from aurora_restore.shared.rds.statuses import AVAILABLE
from aurora_restore.shared.rds.tags import tags_of
from aurora_restore.shared.recorded_cluster import RecordedCluster
from aurora_restore.shared.switching.facts import Side
from aurora_restore.shared.switching.guards import PASSWORD

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_rds.type_defs import DBClusterTypeDef

_SETTING_PASSWORD: Final = "resetting-master-credentials"  # noqa: S105 - a status of RDS


@dataclass(frozen=True, kw_only=True)
class View:
    """What RDS shows of the two clusters, and which of them serves."""

    holder: "DBClusterTypeDef | None"
    """The cluster that has the target's name, or whose endpoint is published."""
    by_resource_id: "Mapping[str, DBClusterTypeDef]"

    def differs_from(self, other: "View") -> bool:
        """Return whether another look has shown another name or another status."""
        return self._seen() != other._seen()

    def _seen(self) -> tuple[str | None, frozenset[tuple[str, str, str]]]:
        holder = None if self.holder is None else self.holder["DbClusterResourceId"]
        return holder, frozenset(
            (resource_id, each["DBClusterIdentifier"], each["Status"])
            for resource_id, each in self.by_resource_id.items()
        )

    def shows_available(self, cluster: RecordedCluster) -> bool:
        """Return whether a cluster is the one that serves, and is available."""
        shown, holder = self.of(cluster), self.holder
        return (
            shown is not None
            and holder is not None
            and holder["DbClusterResourceId"] == cluster.resource_id
            and shown["Status"] == AVAILABLE
        )

    def of(self, cluster: RecordedCluster | None) -> "DBClusterTypeDef | None":
        """Return one of the two as RDS shows it; None if it is not seen."""
        return None if cluster is None else self.by_resource_id.get(cluster.resource_id)


def take_view(
    rds: "RDSClient",
    target: str | None,
    clusters: Collection[RecordedCluster],
    names: Collection[str],
) -> View:
    """Return where the clusters are, and which has the name ``target``, if that is given.

    RDS is asked by the resource ids, which a rename does not change. Whether it finds a cluster so
    while it renames it is not documented, so one that is missing is looked for by ``names`` too.
    """
    holder = None if target is None else find_cluster(rds, target)
    wanted = {cluster.resource_id for cluster in clusters}
    found = {
        each["DbClusterResourceId"]: each for each in clusters_by_resource_id(rds, sorted(wanted))
    }
    if holder is not None:
        found.setdefault(holder["DbClusterResourceId"], holder)
    for name in names:
        if not wanted <= found.keys() and (other := find_cluster(rds, name)) is not None:
            found.setdefault(other["DbClusterResourceId"], other)
    return View(holder=holder, by_resource_id=found)


def side_of(
    shown: "DBClusterTypeDef | None",
    recorded: RecordedCluster | None,
    quarantine_group_ids: Collection[str],
    *,
    secret_version: str | None = None,
    keep_until: str | None = None,
) -> Side | None:
    """Return one of the two clusters as the decision sees it; None if it is not seen.

    ``secret_version`` is the current one of the master secret, and ``keep_until`` what the tag of a
    retired cluster has to say; None where that does not matter.
    """
    if shown is None or recorded is None:
        return None
    groups = attached_groups(shown)
    wanted = set(recorded.security_group_ids)
    setting_password = PASSWORD in (shown.get("PendingModifiedValues") or {})
    tags = tags_of(shown.get("TagList"))
    is_shut = not quarantine_group_ids or lasting_groups(groups) == set(quarantine_group_ids)
    return Side(
        name=shown["DBClusterIdentifier"],
        status=_SETTING_PASSWORD if setting_password else shown["Status"],
        has_wanted_groups=not wanted or lasting_groups(groups) == wanted,
        groups_settled=set(groups.values()) <= {"active"},
        is_closed=is_shut and keep_until in (None, tags.get(TAG_KEEP_UNTIL)),
        expires=expires(shown),
        # One that RDS manages is not the pipeline's to set.
        has_current_password=secret_version is None
        or bool(shown.get("MasterUserSecret"))
        or recorded.restored_by is None
        or recorded.master_secret_version == secret_version,
    )
