"""Finds what a request names, by identifier or ARN, as far as the caller may see it."""

from embedded_aws.rds.backend import Backend
from embedded_aws.rds.errors import (
    ClusterNotFoundError,
    InstanceNotFoundError,
    InvalidClusterStateError,
    SnapshotNotFoundError,
)
from embedded_aws.rds.models import AVAILABLE, Cluster, Instance, Place, Snapshot
from embedded_aws.rds.names import Arn

EVERYONE = "all"


def cluster_at(backend: Backend, place: Place, named: str) -> Cluster:
    """The caller's own cluster."""
    found = backend.site(place).clusters.get(_own_name(place, named, "cluster"))
    if found is None:
        raise ClusterNotFoundError(named)
    return found


def instance_at(backend: Backend, place: Place, named: str) -> Instance:
    """The caller's own instance."""
    found = backend.site(place).instances.get(_own_name(place, named, "db"))
    if found is None:
        raise InstanceNotFoundError(named)
    return found


def own_snapshot(backend: Backend, place: Place, named: str) -> Snapshot:
    """The caller's own snapshot in this Region."""
    found = backend.site(place).snapshots.get(_own_name(place, named, "cluster-snapshot"))
    if found is None:
        raise SnapshotNotFoundError(named)
    return found


def _own_name(place: Place, named: str, kind: str) -> str:
    """The identifier in a name or ARN; nothing's, if the ARN is of elsewhere."""
    arn = Arn.parse(named)
    if arn is None:
        return named.lower()
    if (arn.account, arn.region, arn.kind) != (place.account, place.region, kind):
        return ""
    return arn.name.lower()


def usable_snapshot(backend: Backend, place: Place, named: str) -> Snapshot:
    """A snapshot that the caller may copy: its own, or by ARN one shared with its account.

    Source: botocore model, ``CopyDBClusterSnapshot``: the ARN may be of "a snapshot that is in a
    different account and a different Amazon Web Services Region"; Aurora User Guide, *Sharing a DB
    cluster snapshot*: the API addresses a shared snapshot by its ARN.
    """
    arn = Arn.parse(named)
    if arn is None:
        return own_snapshot(backend, place, named)
    if arn.kind != "cluster-snapshot":
        raise SnapshotNotFoundError(named)
    owner = Place(arn.account, arn.region)
    found = backend.site(owner).snapshots.get(arn.name.lower())
    if found is None or not may_use(found, place.account):
        raise SnapshotNotFoundError(named)
    return found


def may_use(snapshot: Snapshot, account: str) -> bool:
    """Whether an account may copy and restore a snapshot."""
    if snapshot.place.account == account:
        return True
    return account in snapshot.shared_with or EVERYONE in snapshot.shared_with


def is_available(resource: Cluster | Instance | Snapshot) -> bool:
    """Whether its status is ``available``."""
    return resource.status == AVAILABLE


def must_be(cluster: Cluster, *statuses: str) -> None:
    """Refuses what a cluster's status forbids."""
    if cluster.status not in statuses:
        raise InvalidClusterStateError(
            f"DbCluster {cluster.identifier} is in {cluster.status} state but expected it to be "
            f"one of {','.join(statuses)}."
        )
