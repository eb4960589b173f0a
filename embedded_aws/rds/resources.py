"""Finds the resources that a request names, by identifier or ARN, if the caller may see them."""

from embedded_aws.rds.backend import RdsBackend
from embedded_aws.rds.exceptions import (
    DBClusterNotFoundError,
    DBClusterSnapshotNotFoundError,
    DBInstanceNotFoundError,
    InvalidDBClusterStateError,
)
from embedded_aws.rds.models import AVAILABLE, DBCluster, DBClusterSnapshot, DBInstance, Location
from embedded_aws.rds.names import Arn

EVERYONE = "all"


def find_cluster(backend: RdsBackend, location: Location, named: str) -> DBCluster:
    """Return the caller's own cluster."""
    found = backend.at(location).clusters.get(_own_name(location, named, "cluster"))
    if found is None or found.nameless:
        raise DBClusterNotFoundError(named)
    return found


def find_instance(backend: RdsBackend, location: Location, named: str) -> DBInstance:
    """Return the caller's own instance."""
    found = backend.at(location).instances.get(_own_name(location, named, "db"))
    if found is None:
        raise DBInstanceNotFoundError(named)
    return found


def find_own_snapshot(backend: RdsBackend, location: Location, named: str) -> DBClusterSnapshot:
    """Return the caller's own snapshot in this Region."""
    found = backend.at(location).snapshots.get(_own_name(location, named, "cluster-snapshot"))
    if found is None:
        raise DBClusterSnapshotNotFoundError(named)
    return found


def _own_name(location: Location, named: str, kind: str) -> str:
    """Return the identifier in a name or ARN; empty for an ARN of another account or Region."""
    arn = Arn.parse(named)
    if arn is None:
        return named.lower()
    if (arn.account, arn.region, arn.kind) != (location.account, location.region, kind):
        return ""
    return arn.name.lower()


def find_accessible_snapshot(
    backend: RdsBackend, location: Location, named: str
) -> DBClusterSnapshot:
    """Return a snapshot that the caller may copy: its own, or by ARN one shared with its account.

    Source: botocore model, ``CopyDBClusterSnapshot``: the ARN may be of "a snapshot that is in a
    different account and a different Amazon Web Services Region"; Aurora User Guide, *Sharing a DB
    cluster snapshot*: the API addresses a shared snapshot by its ARN.
    """
    arn = Arn.parse(named)
    if arn is None:
        return find_own_snapshot(backend, location, named)
    if arn.kind != "cluster-snapshot":
        raise DBClusterSnapshotNotFoundError(named)
    owner = Location(arn.account, arn.region)
    found = backend.at(owner).snapshots.get(arn.name.lower())
    if found is None or not can_access(found, location.account):
        raise DBClusterSnapshotNotFoundError(named)
    return found


def can_access(snapshot: DBClusterSnapshot, account: str) -> bool:
    """Return whether an account may copy and restore a snapshot."""
    if snapshot.location.account == account:
        return True
    return account in snapshot.shared_with or EVERYONE in snapshot.shared_with


def is_available(resource: DBCluster | DBInstance | DBClusterSnapshot) -> bool:
    """Return whether its status is ``available``."""
    return resource.status == AVAILABLE


def require_status(cluster: DBCluster, *statuses: str) -> None:
    """Refuse what a cluster's status forbids."""
    if cluster.status not in statuses:
        raise InvalidDBClusterStateError(
            f"DbCluster {cluster.identifier} is in {cluster.status} state but expected it to be "
            f"one of {','.join(statuses)}."
        )
