"""Reads of RDS: clusters, instances and snapshots. The calls that change them are elsewhere."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from aurora_restore.shared.aws_utils import call, code_of
from aurora_restore.shared.errors import AwsError, ClusterNotFoundError, SnapshotNotFoundError

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_rds.type_defs import (
        DBClusterSnapshotTypeDef,
        DBClusterTypeDef,
        DBInstanceTypeDef,
    )

SSE_KMS: Final = "sse-kms"
NO_INSTANCE: Final = "DBInstanceNotFound"

GRACE_SECONDS: Final = 300
"""For how many seconds AWS may not show yet what it has accepted."""


def find_cluster(rds: "RDSClient", cluster_id: str) -> "DBClusterTypeDef | None":
    """Return the cluster; None if there is none (DBClusterNotFoundFault)."""
    try:
        found = call(rds.describe_db_clusters, DBClusterIdentifier=cluster_id)["DBClusters"]
    except ClusterNotFoundError:
        return None
    return found[0] if found else None


def clusters_by_resource_id(
    rds: "RDSClient", resource_ids: Sequence[str]
) -> "list[DBClusterTypeDef]":
    """Return the clusters with these resource ids, under whatever names; those that are gone lack.

    See the filter ``db-cluster-resource-id`` of DescribeDBClusters.
    """
    if not resource_ids:
        return []
    paginator = rds.get_paginator("describe_db_clusters")
    filters = [{"Name": "db-cluster-resource-id", "Values": list(resource_ids)}]
    pages = call(lambda: list(paginator.paginate(Filters=filters)))  # type: ignore[arg-type]
    return [cluster for page in pages for cluster in page["DBClusters"]]


def all_clusters(rds: "RDSClient") -> "list[DBClusterTypeDef]":
    """Return every cluster of the account in the Region."""
    pages = call(lambda: list(rds.get_paginator("describe_db_clusters").paginate()))
    return [cluster for page in pages for cluster in page["DBClusters"]]


def find_instance(rds: "RDSClient", instance_id: str) -> "DBInstanceTypeDef | None":
    """Return the instance; None if there is none (DBInstanceNotFound)."""
    try:
        found = call(rds.describe_db_instances, DBInstanceIdentifier=instance_id)["DBInstances"]
    except AwsError as error:
        if code_of(error) != NO_INSTANCE:
            raise
        return None
    return found[0] if found else None


def instances_of(rds: "RDSClient", cluster_id: str) -> "list[DBInstanceTypeDef]":
    """Return the DB instances of a cluster, whatever their status."""
    paginator = rds.get_paginator("describe_db_instances")
    filters = [{"Name": "db-cluster-id", "Values": [cluster_id]}]
    pages = call(lambda: list(paginator.paginate(Filters=filters)))  # type: ignore[arg-type]
    return [instance for page in pages for instance in page["DBInstances"]]


def endpoints_of(instances: "Iterable[DBInstanceTypeDef]") -> tuple[str, ...]:
    """Return where instances are reached, as `host:port`, as far as RDS shows it."""
    return tuple(
        f"{at['Address']}:{at['Port']}"
        for instance in instances
        if (at := instance.get("Endpoint"))
    )


def statuses_of(instances: "Iterable[DBInstanceTypeDef]") -> dict[str, str]:
    """Return the status of each instance, by its name."""
    return {
        instance["DBInstanceIdentifier"]: instance.get("DBInstanceStatus", "")
        for instance in instances
    }


def find_snapshot(rds: "RDSClient", snapshot_id: str) -> "DBClusterSnapshotTypeDef | None":
    """Return this account's cluster snapshot by name, or a shared one by ARN; None if none.

    DescribeDBClusterSnapshots wants the type to be named for an automated snapshot, and
    ``IncludeShared`` for one of another account.
    """
    options: dict[str, Any] = {"DBClusterSnapshotIdentifier": snapshot_id}
    if snapshot_id.startswith("arn:"):
        options["IncludeShared"] = True
    elif snapshot_id.startswith("rds:"):
        options["SnapshotType"] = "automated"
    try:
        found = call(rds.describe_db_cluster_snapshots, **options)["DBClusterSnapshots"]
    except SnapshotNotFoundError:
        return None
    return found[0] if found else None


def snapshots_of(
    rds: "RDSClient", cluster_id: str, *, account_id: str, shared: bool
) -> "Iterator[DBClusterSnapshotTypeDef]":
    """Yield every snapshot of a cluster that this account may use.

    Those of another account are listed as ``shared`` and chosen here, because the identifier
    filter of DescribeDBClusterSnapshots matches only the caller's own clusters.
    """
    options: dict[str, Any] = (
        {"SnapshotType": "shared", "IncludeShared": True}
        if shared
        else {"Filters": [{"Name": "db-cluster-id", "Values": [cluster_id]}]}
    )
    paginator = rds.get_paginator("describe_db_cluster_snapshots")
    pages = call(lambda: list(paginator.paginate(**options)))
    for page in pages:
        for snapshot in page["DBClusterSnapshots"]:
            owner = snapshot["DBClusterSnapshotArn"].split(":")[4]
            if snapshot["DBClusterIdentifier"] == cluster_id and owner == account_id:
                yield snapshot


def encryption_of(snapshot: "DBClusterSnapshotTypeDef") -> str:
    """Return ``none``, ``sse-rds`` or ``sse-kms``.

    A snapshot under the AWS-owned key (``sse-rds``) reports ``StorageEncrypted`` as false, and must
    be treated as unencrypted when it is copied.
    """
    kind = snapshot.get("StorageEncryptionType")
    return kind or (SSE_KMS if snapshot.get("StorageEncrypted") else "none")
