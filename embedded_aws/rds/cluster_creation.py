"""The creation of DB clusters, new or restored from a snapshot."""

from collections.abc import Callable

from embedded_aws.rds import names
from embedded_aws.rds.backend import RdsBackend
from embedded_aws.rds.data_plane import UnsupportedVersionError
from embedded_aws.rds.exceptions import (
    DBClusterAlreadyExistsError,
    DBClusterQuotaExceededError,
    InvalidParameterCombinationError,
)
from embedded_aws.rds.hosts import cluster_names
from embedded_aws.rds.models import (
    CREATING,
    ClusterSettings,
    DBCluster,
    Location,
    Role,
    Storage,
    resource_id,
)
from embedded_aws.rds.params import Params, Tags
from embedded_aws.rds.services import SubnetGroup
from embedded_aws.rds.transitions import Operation, RunningTransition, StatusTransition

_ZONES = 3


class ClusterCreation:
    """What CreateDBCluster and RestoreDBClusterFromSnapshot have in common."""

    def __init__(self, backend: RdsBackend) -> None:
        self._backend = backend

    def new_identifier(self, location: Location, params: Params) -> str:
        """Return the identifier of a cluster to come, free and within the quota."""
        name = names.identifier(params.required("DBClusterIdentifier"), "DBClusterIdentifier")
        regional = self._backend.at(location)
        if regional.has_cluster_name(name):
            raise DBClusterAlreadyExistsError
        if len(regional.clusters) >= self._backend.rules.clusters:
            raise DBClusterQuotaExceededError
        return name

    def build(
        self,
        location: Location,
        name: str,
        *,
        username: str,
        storage: Storage,
        chosen: ClusterSettings,
        group: SubnetGroup,
        tags: Tags | None,
        roles: list[Role],
    ) -> DBCluster:
        """Return a cluster that no request can see yet."""
        return DBCluster(
            location=location,
            identifier=name,
            resource_id=resource_id("cluster"),
            status=CREATING,
            created=self._backend.scheduler.now,
            master_username=username,
            storage=storage,
            settings=chosen,
            availability_zones=group.availability_zones[:_ZONES],
            hosted_zone=resource_id("Z").replace("-", "")[:14],
            tags=tags or {},
            roles=roles,
        )

    def start(
        self,
        cluster: DBCluster,
        fill: Callable[[str], None],
        operation: Operation,
        default: StatusTransition,
    ) -> None:
        """Fill the cluster's volume and start its creation; from then on requests see it.

        If the volume cannot be filled, there is no cluster.
        """
        location = cluster.location
        try:
            fill(f"{location.account}-{location.region}-{cluster.identifier}")
        except UnsupportedVersionError as error:
            raise InvalidParameterCombinationError(str(error)) from error
        self._backend.data_plane.publish(cluster.resource_id, cluster_names(cluster))

        def show(status: str) -> None:
            cluster.status = status

        self._backend.at(location).clusters[cluster.identifier] = cluster
        transition = self._backend.overrides.apply(operation, default)
        cluster.transition = RunningTransition(
            self._backend.scheduler, transition, show=show, done=show
        )
