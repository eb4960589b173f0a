"""What a cluster has beside its settings: the Data API, and an activity stream.

Source: botocore model, the operations of these names. None of it comes back with a restore.
"""

from dataclasses import replace
from typing import Any

from embedded_aws.rds.backend import RdsBackend
from embedded_aws.rds.exceptions import (
    DBClusterNotFoundError,
    InvalidDBClusterStateError,
    InvalidParameterValueError,
    InvalidResourceStateError,
    RDSClientError,
)
from embedded_aws.rds.models import Location
from embedded_aws.rds.params import Params
from embedded_aws.rds.resources import find_cluster, is_available

_MODES = ("sync", "async")


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

    def require_answer(self, location: Location, arn: str) -> None:
        """Refuse a call of the Data API itself, unless it is turned on and not lost by a rename.

        Source: Aurora User Guide, *Troubleshooting Amazon RDS Data API issues*: it can be shown as
        turned on although "the cluster was renamed after the Data API was enabled".
        """
        try:
            cluster = find_cluster(self._backend, location, arn)
        except DBClusterNotFoundError as error:
            raise RDSClientError(error.message, code="BadRequestException") from error
        if not cluster.settings.http_endpoint or cluster.data_api_lost:
            raise RDSClientError(
                f"HttpEndpoint is not enabled for resource {arn}",
                code="HttpEndpointNotEnabledException",
            )
        if not cluster.accepting:
            raise RDSClientError(
                f"No instance of {arn} is available", code="DatabaseUnavailableException"
            )

    def _switch(self, location: Location, params: Params, *, on: bool) -> dict[str, Any]:
        arn = params.required("ResourceArn")
        cluster = find_cluster(self._backend, location, arn)
        if not is_available(cluster):
            raise InvalidResourceStateError(f"The cluster is {cluster.status}")
        cluster.settings = replace(cluster.settings, http_endpoint=on)
        cluster.data_api_lost = on and cluster.data_api_lost
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
