"""Aurora global databases and read-replica clusters: what ties a cluster to others.

Modelled as far as it decides what may be deleted; rows are copied once, not replicated.
"""

from collections.abc import Callable
from typing import Any

from embedded_aws.rds import names, settings
from embedded_aws.rds.backend import RdsBackend
from embedded_aws.rds.exceptions import (
    DBClusterNotFoundError,
    GlobalClusterAlreadyExistsError,
    GlobalClusterNotFoundError,
    InvalidDBClusterStateError,
    InvalidGlobalClusterStateError,
    InvalidParameterCombinationError,
    InvalidParameterValueError,
)
from embedded_aws.rds.models import (
    AVAILABLE,
    DBCluster,
    GlobalCluster,
    Location,
    resource_id,
)
from embedded_aws.rds.names import Arn
from embedded_aws.rds.params import Params
from embedded_aws.rds.resources import find_cluster, is_available
from embedded_aws.rds.responses import cluster_response
from embedded_aws.rds.transitions import RunningTransition, StatusTransition

PROMOTING = "promoting"


class GlobalClusters:
    """The operations on global clusters and replicas."""

    def __init__(self, backend: RdsBackend) -> None:
        self._backend = backend

    def create(self, location: Location, params: Params) -> dict[str, Any]:
        """Perform ``CreateGlobalCluster``, empty or around an existing cluster."""
        name = names.identifier(
            params.required("GlobalClusterIdentifier"), "GlobalClusterIdentifier"
        )
        if (location.account, name) in self._backend.global_clusters:
            raise GlobalClusterAlreadyExistsError(name)
        made = GlobalCluster(
            account=location.account,
            identifier=name,
            resource_id=resource_id("cluster"),
            engine_version=settings.engine_version(
                params, self._backend.rules.default_engine_version
            ),
            deletion_protection=params.flag("DeletionProtection"),
        )
        source = params.text("SourceDBClusterIdentifier")
        if source is None:
            settings.check_engine(params)
        else:
            if Arn.parse(source) is None:
                raise InvalidParameterValueError(f"Malformed db cluster arn {source}")
            if "Engine" in params:
                raise InvalidParameterCombinationError(
                    "Engine is inherited from the source cluster and should not be specified"
                )
            primary = find_cluster(self._backend, location, source)
            if not is_available(primary) or primary.global_cluster is not None:
                raise InvalidDBClusterStateError(
                    f"Cluster {primary.identifier} cannot become the primary of a global cluster"
                )
            made.engine_version = primary.settings.engine_version
            made.storage_encrypted = primary.storage.encrypted_with_key
            self.join(made, primary)
        self._backend.global_clusters[location.account, name] = made
        return {"GlobalCluster": _response(made)}

    def join(self, joined: GlobalCluster, cluster: DBCluster) -> None:
        """Add the cluster as a member: the first one is the writer, any other a reader."""
        joined.members.append(cluster)
        cluster.global_cluster = joined.identifier

    def named(self, location: Location, name: str) -> GlobalCluster:
        """Return the caller's global cluster of that name."""
        found = self._backend.global_clusters.get((location.account, name.lower()))
        if found is None:
            raise GlobalClusterNotFoundError(name)
        return found

    def describe(self, location: Location, params: Params) -> dict[str, Any]:
        """Perform ``DescribeGlobalClusters``."""
        name = params.text("GlobalClusterIdentifier")
        if name is not None:
            return {"GlobalClusters": [_response(self.named(location, name))]}
        own = [
            one for one in self._backend.global_clusters.values() if one.account == location.account
        ]
        return {"GlobalClusters": [_response(one) for one in own]}

    def delete(self, location: Location, params: Params) -> dict[str, Any]:
        """Perform ``DeleteGlobalCluster``: only an empty, unprotected one."""
        found = self.named(location, params.required("GlobalClusterIdentifier"))
        if found.deletion_protection:
            raise InvalidParameterCombinationError(
                "Cannot delete protected Global Cluster, please disable deletion protection and "
                "try again."
            )
        if found.members:
            raise InvalidGlobalClusterStateError(f"Global Cluster {found.arn} is not empty")
        del self._backend.global_clusters[found.account, found.identifier]
        return {"GlobalCluster": _response(found)}

    def remove(self, location: Location, params: Params) -> dict[str, Any]:
        """Perform ``RemoveFromGlobalCluster``: by ARN; the cluster is ``promoting`` for a while.

        The writer leaves last: with secondaries left, that is ``InvalidGlobalClusterStateFault``.
        """
        found = self.named(location, params.required("GlobalClusterIdentifier"))
        named = params.required("DbClusterIdentifier")
        if Arn.parse(named) is None:
            raise InvalidParameterValueError(f"Malformed db cluster arn {named}")
        member = next((one for one in found.members if one.arn == named), None)
        if member is None:
            raise DBClusterNotFoundError(named)
        if member is found.members[0] and len(found.members) > 1:
            raise InvalidGlobalClusterStateError(
                f"Global Cluster {found.arn} still has secondary clusters"
            )
        if not is_available(member):
            raise InvalidDBClusterStateError(f"Cluster {member.identifier} is {member.status}")

        def left() -> None:
            found.members.remove(member)
            member.global_cluster = None

        self._promote(member, left)
        return {"GlobalCluster": _response(found)}

    def promote_replica(self, location: Location, params: Params) -> dict[str, Any]:
        """Perform ``PromoteReadReplicaDBCluster``: the replica becomes a standalone cluster."""
        cluster = find_cluster(self._backend, location, params.required("DBClusterIdentifier"))
        if cluster.replication_source is None or not is_available(cluster):
            raise InvalidDBClusterStateError(
                f"Cluster {cluster.identifier} is not an available read replica"
            )
        self._promote(cluster, lambda: forget_source(self._backend, cluster))
        return {"DBCluster": cluster_response(self._backend, cluster)}

    def _promote(self, cluster: DBCluster, promoted: Callable[[], None]) -> None:
        def show(status: str) -> None:
            cluster.status = status

        def done(final: str) -> None:
            promoted()
            cluster.status = final

        seconds = self._backend.timings.promote_cluster
        transition = StatusTransition.spread((PROMOTING,), seconds, AVAILABLE)
        cluster.transition = RunningTransition(
            self._backend.scheduler, transition, show=show, done=done
        )


def source_cluster(backend: RdsBackend, arn: str) -> DBCluster:
    """Return the cluster, in whatever Region, that a replica names as its source."""
    parsed = Arn.parse(arn)
    if parsed is None:
        raise DBClusterNotFoundError(arn)
    return find_cluster(backend, Location(parsed.account, parsed.region), arn)


def forget_source(backend: RdsBackend, replica: DBCluster) -> None:
    """Detach a replica from its source, if the source still exists."""
    arn, replica.replication_source = replica.replication_source, None
    if arn is None:
        return
    for _, regional in backend.regional_backends():
        for cluster in regional.clusters.values():
            if cluster.arn == arn and replica.arn in cluster.replicas:
                cluster.replicas.remove(replica.arn)


def _response(found: GlobalCluster) -> dict[str, Any]:
    writer = found.members[0] if found.members else None
    return {
        "GlobalClusterIdentifier": found.identifier,
        "GlobalClusterResourceId": found.resource_id,
        "GlobalClusterArn": found.arn,
        "Status": found.status,
        "Engine": settings.ENGINE,
        "EngineVersion": found.engine_version,
        "StorageEncrypted": found.storage_encrypted,
        "DeletionProtection": found.deletion_protection,
        "GlobalClusterMembers": [
            {
                "DBClusterArn": member.arn,
                "IsWriter": member is writer,
                "Readers": [one.arn for one in found.members[1:]] if member is writer else [],
            }
            for member in found.members
        ],
    }
