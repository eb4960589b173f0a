"""What ties a cluster to others, so that it can be neither deleted nor renamed."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_rds.type_defs import DBClusterTypeDef


def attachments(cluster: "DBClusterTypeDef") -> Iterator[tuple[str, str]]:
    """Yield everything that ties a cluster to others, each with what to do about it."""
    name = cluster["DBClusterIdentifier"]
    if cluster.get("GlobalClusterIdentifier"):
        yield (
            f"cluster {name} belongs to global cluster {cluster['GlobalClusterIdentifier']}",
            "remove it from there",
        )
    if cluster.get("ReadReplicaIdentifiers") or cluster.get("ReplicationSourceIdentifier"):
        yield f"cluster {name} takes part in replication", "stop the replication"
