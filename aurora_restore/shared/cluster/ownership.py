"""Whose a cluster is. The tags that the pipeline sets are the only proof it accepts."""

from typing import TYPE_CHECKING

from aurora_restore.shared.base_handler import Job
from aurora_restore.shared.names import (
    TAG_MANAGED_BY,
    TAG_OPERATION,
    TAG_RESTORE,
    TAG_SOURCE_SNAPSHOT,
)
from aurora_restore.shared.rds.statuses import DELETING
from aurora_restore.shared.rds.tags import tags_of

RESTORE_IS_DEAD = "restore_is_dead"
"""State: whether the cluster that this operation has restored is of no use and is to go."""

if TYPE_CHECKING:
    from mypy_boto3_rds.type_defs import (
        DBClusterSnapshotTypeDef,
        DBClusterTypeDef,
        DBInstanceTypeDef,
    )

    Described = DBClusterTypeDef | DBInstanceTypeDef | DBClusterSnapshotTypeDef


def own_tags(job: Job) -> dict[str, str]:
    """What marks a cluster or a snapshot as made by this operation."""
    return {
        TAG_MANAGED_BY: job.environment.name_prefix,
        TAG_OPERATION: job.operation_id,
        TAG_RESTORE: job.restore_name,
        TAG_SOURCE_SNAPSHOT: str(job.state.get("source_snapshot_arn", "unknown")),
    }


def managed(job: Job, described: "Described") -> bool:
    """Whether this environment's pipeline made it, in any operation."""
    return tags_of(described.get("TagList")).get(TAG_MANAGED_BY) == job.environment.name_prefix


def made_by(job: Job, cluster: "DBClusterTypeDef") -> bool:
    """Whether this very operation made the cluster."""
    tags = tags_of(cluster.get("TagList"))
    return managed(job, cluster) and tags.get(TAG_OPERATION) == job.operation_id


def restored_by(job: Job, cluster: "DBClusterTypeDef") -> bool:
    """Whether this very operation made the cluster, and it is to stay."""
    going = cluster["Status"] == DELETING or job.state.get(RESTORE_IS_DEAD)
    return made_by(job, cluster) and not going
