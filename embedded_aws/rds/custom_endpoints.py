"""Custom endpoints, which lead to some of a cluster's instances.

Source: botocore model, the operations of these names; Aurora User Guide, *Custom endpoints*. They
belong to their cluster through every rename, and their names are unique in an account and Region.
"""

from typing import Any

from embedded_aws.rds import filters, names, paging
from embedded_aws.rds.backend import RdsBackend
from embedded_aws.rds.beside import DBClusterEndpoint
from embedded_aws.rds.exceptions import (
    DBClusterEndpointAlreadyExistsError,
    DBClusterEndpointNotFoundError,
    DBClusterEndpointQuotaExceededError,
    DBInstanceNotFoundError,
    InvalidDBClusterEndpointStateError,
    InvalidDBClusterStateError,
    InvalidParameterCombinationError,
    InvalidParameterValueError,
)
from embedded_aws.rds.hosts import cluster_names, custom_endpoint_host
from embedded_aws.rds.models import AVAILABLE, CREATING, DELETING, DBCluster, Location, resource_id
from embedded_aws.rds.params import Params
from embedded_aws.rds.resources import find_cluster, is_available
from embedded_aws.rds.tagging import tags_of
from embedded_aws.rds.transitions import RunningTransition, StatusTransition

_KINDS = ("READER", "WRITER", "ANY")
_CUSTOM = "CUSTOM"
_GONE = "gone"


class CustomEndpoints:
    """The operations on custom endpoints."""

    def __init__(self, backend: RdsBackend) -> None:
        self._backend = backend

    def create(self, location: Location, params: Params) -> dict[str, Any]:
        """Perform ``CreateDBClusterEndpoint``."""
        cluster = find_cluster(self._backend, location, params.required("DBClusterIdentifier"))
        name = names.identifier(
            params.required("DBClusterEndpointIdentifier"), "DBClusterEndpointIdentifier"
        )
        endpoints = self._backend.at(location).endpoints
        if name in endpoints:
            raise DBClusterEndpointAlreadyExistsError(name)
        kind = params.required("EndpointType")
        if kind not in _KINDS:
            raise InvalidParameterValueError(f"Invalid endpoint type: {kind}")
        if not is_available(cluster):
            raise InvalidDBClusterStateError(
                f"DB cluster {cluster.identifier} is not in available state, but {cluster.status}"
            )
        limit = self._backend.rules.custom_endpoints_per_cluster
        if len(self._of(cluster)) >= limit:
            raise DBClusterEndpointQuotaExceededError(limit)
        static, excluded = self._members(cluster, params)
        endpoint = endpoints[name] = DBClusterEndpoint(
            cluster=cluster,
            identifier=name,
            resource_id=resource_id("cluster-endpoint"),
            kind=kind,
            static_members=static,
            excluded_members=excluded,
            tags=tags_of(params) or {},
        )
        self._run(endpoint, CREATING, self._backend.timings.create_endpoint, AVAILABLE)
        return _shown(endpoint)

    def describe(self, location: Location, params: Params) -> dict[str, Any]:
        """Perform ``DescribeDBClusterEndpoints``: each cluster's own two, and the custom ones."""
        named = params.text("DBClusterIdentifier")
        clusters = list(self._backend.at(location).clusters.values())
        if named:
            clusters = [find_cluster(self._backend, location, named)]
        found = filters.apply(
            [shown for each in clusters for shown in self._all_of(each)],
            params.filters(),
            {
                "db-cluster-endpoint-type": lambda one: (one["EndpointType"],),
                "db-cluster-endpoint-custom-type": lambda one: (one.get("CustomEndpointType", ""),),
                "db-cluster-endpoint-id": lambda one: (_identifier(one),),
                "db-cluster-endpoint-status": lambda one: (one["Status"],),
            },
        )
        wanted = params.text("DBClusterEndpointIdentifier")
        if wanted:
            found = [one for one in found if _identifier(one) == wanted.lower()]
        keyed = [
            (f"{one['DBClusterIdentifier']}/{_identifier(one) or one['EndpointType']}", one)
            for one in found
        ]
        shown, marker = paging.page(keyed, params)
        return {"DBClusterEndpoints": shown, "Marker": marker}

    def delete(self, location: Location, params: Params) -> dict[str, Any]:
        """Perform ``DeleteDBClusterEndpoint``; the name stays taken until it is gone."""
        name = params.required("DBClusterEndpointIdentifier").lower()
        endpoint = self._backend.at(location).endpoints.get(name)
        if endpoint is None:
            raise DBClusterEndpointNotFoundError(name)
        if endpoint.status != AVAILABLE:
            raise InvalidDBClusterEndpointStateError(
                f"The custom endpoint {name} is in {endpoint.status} state"
            )
        self._run(endpoint, DELETING, self._backend.timings.delete_endpoint, _GONE)
        return _shown(endpoint)

    def _run(self, endpoint: DBClusterEndpoint, status: str, seconds: float, final: str) -> None:
        def show(status: str) -> None:
            endpoint.status = status

        def done(final: str) -> None:
            if final == _GONE:
                forget(self._backend, endpoint)
            else:
                endpoint.status = final

        endpoint.transition = RunningTransition(
            self._backend.scheduler,
            StatusTransition.spread((status,), seconds, final),
            show=show,
            done=done,
        )

    def _of(self, cluster: DBCluster) -> list[DBClusterEndpoint]:
        endpoints = self._backend.at(cluster.location).endpoints.values()
        return [each for each in endpoints if each.cluster is cluster]

    def _all_of(self, cluster: DBCluster) -> list[dict[str, Any]]:
        hosts = cluster_names(cluster)
        own = [
            {
                "DBClusterIdentifier": cluster.identifier,
                "Endpoint": host,
                "EndpointType": kind,
                "Status": AVAILABLE,
            }
            for kind, host in (("READER", hosts.reader), ("WRITER", hosts.writer))
        ]
        return [*own, *map(_shown, self._of(cluster))]

    def _members(
        self, cluster: DBCluster, params: Params
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        static = params.texts("StaticMembers") or ()
        excluded = params.texts("ExcludedMembers") or ()
        if static and excluded:
            raise InvalidParameterCombinationError(
                "Static members and excluded members cannot be specified together."
            )
        members = {each.identifier for each in self._backend.members(cluster)}
        for member in (*static, *excluded):
            if member not in members:
                raise DBInstanceNotFoundError(member)
        return static, excluded


def forget(backend: RdsBackend, endpoint: DBClusterEndpoint) -> None:
    """Delete an endpoint, whatever its status."""
    if endpoint.transition is not None:
        endpoint.transition.cancel()
    del backend.at(endpoint.cluster.location).endpoints[endpoint.identifier]


def forget_those_of(backend: RdsBackend, cluster: DBCluster) -> None:
    """Delete the custom endpoints of a cluster, as its deletion does."""
    for endpoint in list(backend.at(cluster.location).endpoints.values()):
        if endpoint.cluster is cluster:
            forget(backend, endpoint)


def _identifier(shown: dict[str, Any]) -> str:
    return str(shown.get("DBClusterEndpointIdentifier", ""))


def _shown(endpoint: DBClusterEndpoint) -> dict[str, Any]:
    return {
        "DBClusterEndpointIdentifier": endpoint.identifier,
        "DBClusterIdentifier": endpoint.cluster.identifier,
        "DBClusterEndpointResourceIdentifier": endpoint.resource_id,
        "DBClusterEndpointArn": endpoint.arn,
        "Endpoint": custom_endpoint_host(endpoint),
        "Status": endpoint.status,
        "EndpointType": _CUSTOM,
        "CustomEndpointType": endpoint.kind,
        "StaticMembers": list(endpoint.static_members),
        "ExcludedMembers": list(endpoint.excluded_members),
    }
