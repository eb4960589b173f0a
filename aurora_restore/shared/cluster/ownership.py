"""Who made a cluster or a snapshot, by the tags that the pipeline sets and the target record."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aurora_restore.shared.names import (
    TAG_ADOPTED,
    TAG_MANAGED_BY,
    TAG_OPERATION,
    TAG_RESTORE,
    TAG_SOURCE_SNAPSHOT,
)
from aurora_restore.shared.rds.statuses import DELETING
from aurora_restore.shared.rds.tags import tags_of
from aurora_restore.shared.target_record import TargetRecord

if TYPE_CHECKING:
    from mypy_boto3_rds.type_defs import (
        DBClusterSnapshotTypeDef,
        DBClusterTypeDef,
        DBInstanceTypeDef,
    )

    Described = DBClusterTypeDef | DBInstanceTypeDef | DBClusterSnapshotTypeDef


@dataclass(frozen=True, kw_only=True)
class Ownership:
    """What marks a resource as made by one operation, of one restore, of one environment."""

    name_prefix: str
    """The environment's."""
    operation_id: str
    restore: str
    source_snapshot_arn: str | None = None

    @property
    def tags(self) -> dict[str, str]:
        """Return the tags that this operation sets on what it makes."""
        return {
            **self.tags_of_restore,
            TAG_OPERATION: self.operation_id,
            TAG_SOURCE_SNAPSHOT: self.source_snapshot_arn or "unknown",
        }

    @property
    def tags_of_common_copy(self) -> dict[str, str]:
        """Return the tags of a copy that this operation makes for all restores that need it."""
        return {name: value for name, value in self.tags.items() if name != TAG_RESTORE}

    @property
    def tags_of_restore(self) -> dict[str, str]:
        """Return the tags that say of which environment and restore something is."""
        return {TAG_MANAGED_BY: self.name_prefix, TAG_RESTORE: self.restore}

    def of_environment(self, described: "Described") -> bool:
        """Return whether this environment's pipeline made a resource, in any operation."""
        return tags_of(described.get("TagList")).get(TAG_MANAGED_BY) == self.name_prefix

    def owns(self, cluster: "DBClusterTypeDef", record: TargetRecord | None) -> bool:
        """Return whether the pipeline may replace a cluster: by its tag, or by the target record.

        A tool that declares the cluster's tags removes the pipeline's, and no resource id.
        """
        return self.of_environment(cluster) or restorer_of(cluster, record) is not None

    def made(self, cluster: "DBClusterTypeDef", record: TargetRecord | None) -> bool:
        """Return whether this environment's pipeline restored a cluster.

        What it has only taken a name from carries the tag, too, and so does what a person has
        restored from a snapshot of the pipeline's cluster: the record knows it not.
        """
        if restorer_of(cluster, record) is not None:
            return True
        if record is not None and record.is_foreign(cluster.get("DbClusterResourceId")):
            return False
        return self.of_environment(cluster) and TAG_ADOPTED not in tags_of(cluster.get("TagList"))

    def operation_of(self, cluster: "DBClusterTypeDef", record: TargetRecord | None) -> str | None:
        """Return the operation of this environment that restored a cluster, as far as is known.

        The target record says it, or else the cluster's tags.
        """
        tagged = tags_of(cluster.get("TagList")).get(TAG_OPERATION)
        return restorer_of(cluster, record) or (tagged if self.of_environment(cluster) else None)

    def of_restore(self, described: "Described") -> bool:
        """Return whether an operation of this restore made a resource."""
        restore = tags_of(described.get("TagList")).get(TAG_RESTORE)
        return self.of_environment(described) and restore == self.restore

    def of_operation(self, described: "Described") -> bool:
        """Return whether this very operation made a resource."""
        operation = tags_of(described.get("TagList")).get(TAG_OPERATION)
        return self.of_environment(described) and operation == self.operation_id

    def has_restored(self, cluster: "DBClusterTypeDef", record: TargetRecord | None) -> bool:
        """Return whether this operation restored the cluster, by the target record and its tags.

        Tags alone do not prove it: a cluster that a person restores from a snapshot inherits them.
        There is no record if an earlier version of the pipeline restored the cluster, and it has no
        resource id until RDS has accepted the restore.
        """
        resource_id = cluster.get("DbClusterResourceId")
        if record is not None and record.resource_id is not None:
            return record.is_of(self.operation_id, resource_id)
        return self.of_operation(cluster) and (
            record is None or record.is_of(self.operation_id, resource_id)
        )

    def is_finished_restore(
        self, cluster: "DBClusterTypeDef", record: TargetRecord | None, *, restore_is_dead: bool
    ) -> bool:
        """Return whether this operation restored the cluster, and the cluster is to stay."""
        going = cluster["Status"] == DELETING or restore_is_dead
        return self.has_restored(cluster, record) and not going


def restorer_of(cluster: "DBClusterTypeDef", record: TargetRecord | None) -> str | None:
    """Return the operation that the target record says restored a cluster; None if none."""
    return None if record is None else record.restorer_of(cluster.get("DbClusterResourceId"))
