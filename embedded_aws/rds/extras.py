"""What a cluster has beside its settings: custom endpoints, the Data API, an activity stream.

Source: botocore model, the operations of these names. None of it comes back with a restore.
"""

from dataclasses import replace
from typing import Any

from embedded_aws.rds import names, paging
from embedded_aws.rds.backend import RdsBackend
from embedded_aws.rds.exceptions import (
    DBClusterEndpointAlreadyExistsError,
    DBClusterEndpointNotFoundError,
    DBInstanceNotFoundError,
    InvalidDBClusterStateError,
    InvalidParameterCombinationError,
    InvalidParameterValueError,
    InvalidResourceStateError,
)
from embedded_aws.rds.models import DBClusterEndpoint, Location
from embedded_aws.rds.params import Params
from embedded_aws.rds.resources import find_cluster, is_available
from embedded_aws.rds.tagging import tags_of

_KINDS = ("READER", "WRITER", "ANY")
_MODES = ("sync", "async")


class CustomEndpoints:
    """Endpoints that lead to some of a cluster's instances."""

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
        endpoint = endpoints[name] = DBClusterEndpoint(
            cluster=cluster,
            identifier=name,
            kind=kind,
            static_members=static,
            excluded_members=excluded,
            tags=tags_of(params) or {},
        )
        return _shown(endpoint)

    def describe(self, location: Location, params: Params) -> dict[str, Any]:
        """Perform ``DescribeDBClusterEndpoints``: the cluster's own two, and the custom ones."""
        cluster = find_cluster(self._backend, location, params.required("DBClusterIdentifier"))
        own = [
            (
                kind,
                {
                    "DBClusterIdentifier": cluster.identifier,
                    "EndpointType": kind,
                    "Status": "available",
                },
            )
            for kind in ("READER", "WRITER")
        ]
        custom = [
            (each.identifier, _shown(each))
            for each in self._backend.at(location).endpoints.values()
            if each.cluster is cluster
        ]
        shown, marker = paging.page([*own, *custom], params)
        return {"DBClusterEndpoints": shown, "Marker": marker}

    def delete(self, location: Location, params: Params) -> dict[str, Any]:
        """Perform ``DeleteDBClusterEndpoint``."""
        name = params.required("DBClusterEndpointIdentifier").lower()
        endpoint = self._backend.at(location).endpoints.pop(name, None)
        if endpoint is None:
            raise DBClusterEndpointNotFoundError(name)
        return {**_shown(endpoint), "Status": "deleting"}


def _shown(endpoint: DBClusterEndpoint) -> dict[str, Any]:
    return {
        "DBClusterEndpointIdentifier": endpoint.identifier,
        "DBClusterIdentifier": endpoint.cluster.identifier,
        "DBClusterEndpointArn": endpoint.arn,
        "Status": "available",
        "EndpointType": "CUSTOM",
        "CustomEndpointType": endpoint.kind,
        "StaticMembers": list(endpoint.static_members),
        "ExcludedMembers": list(endpoint.excluded_members),
    }


class DataApi:
    """The HTTP endpoint of a provisioned cluster."""

    def __init__(self, backend: RdsBackend) -> None:
        self._backend = backend

    def enable(self, location: Location, params: Params) -> dict[str, Any]:
        """Perform ``EnableHttpEndpoint``."""
        return self._switch(location, params, on=True)

    def disable(self, location: Location, params: Params) -> dict[str, Any]:
        """Perform ``DisableHttpEndpoint``."""
        return self._switch(location, params, on=False)

    def _switch(self, location: Location, params: Params, *, on: bool) -> dict[str, Any]:
        arn = params.required("ResourceArn")
        cluster = find_cluster(self._backend, location, arn)
        if not is_available(cluster):
            raise InvalidResourceStateError(f"The cluster is {cluster.status}")
        cluster.settings = replace(cluster.settings, http_endpoint=on)
        return {"ResourceArn": cluster.arn, "HttpEndpointEnabled": on}


class ActivityStreams:
    """Database activity streams, which start and stop immediately here."""

    def __init__(self, backend: RdsBackend) -> None:
        self._backend = backend

    def start(self, location: Location, params: Params) -> dict[str, Any]:
        """Perform ``StartActivityStream``."""
        cluster = find_cluster(self._backend, location, params.required("ResourceArn"))
        mode, key = params.required("Mode"), params.required("KmsKeyId")
        params.flag("ApplyImmediately")
        if mode not in _MODES:
            raise InvalidParameterValueError(f"Invalid mode: {mode}")
        if not is_available(cluster):
            raise InvalidDBClusterStateError(f"The cluster is {cluster.status}")
        cluster.activity_stream = mode
        return {"KmsKeyId": key, "Status": "started", "Mode": mode, "ApplyImmediately": True}

    def stop(self, location: Location, params: Params) -> dict[str, Any]:
        """Perform ``StopActivityStream``."""
        cluster = find_cluster(self._backend, location, params.required("ResourceArn"))
        params.flag("ApplyImmediately")
        cluster.activity_stream = None
        return {"Status": "stopped"}
