"""Clusters that come into being: created, or restored from a snapshot."""

from collections.abc import Callable

from embedded_aws.rds import names
from embedded_aws.rds.backend import Backend
from embedded_aws.rds.course import Run
from embedded_aws.rds.errors import ClusterAlreadyExistsError, ClusterQuotaExceededError
from embedded_aws.rds.models import (
    CREATING,
    Cluster,
    ClusterSettings,
    Place,
    Role,
    Storage,
    resource_id,
)
from embedded_aws.rds.params import Params, Tags
from embedded_aws.rds.progress import Course, Operation
from embedded_aws.rds.services import SubnetGroup

_ZONES = 3


class Births:
    """What creating and restoring have in common."""

    def __init__(self, backend: Backend) -> None:
        self._world = backend

    def new_name(self, place: Place, params: Params) -> str:
        """The identifier of a cluster to come, free and within the quota."""
        name = names.identifier(params.required("DBClusterIdentifier"), "DBClusterIdentifier")
        clusters = self._world.site(place).clusters
        if name in clusters:
            raise ClusterAlreadyExistsError
        if len(clusters) >= self._world.rules.clusters:
            raise ClusterQuotaExceededError
        return name

    def unborn(
        self,
        place: Place,
        name: str,
        *,
        username: str,
        storage: Storage,
        chosen: ClusterSettings,
        group: SubnetGroup,
        tags: Tags | None,
        roles: list[Role],
    ) -> Cluster:
        """A cluster that nobody sees yet."""
        return Cluster(
            place=place,
            identifier=name,
            resource_id=resource_id("cluster"),
            status=CREATING,
            created=self._world.schedule.now,
            master_username=username,
            storage=storage,
            settings=chosen,
            availability_zones=group.availability_zones[:_ZONES],
            hosted_zone=resource_id("Z").replace("-", "")[:14],
            tags=tags or {},
            roles=roles,
        )

    def bear(
        self, cluster: Cluster, fill: Callable[[str], None], operation: Operation, usual: Course
    ) -> None:
        """Has its volume filled, under the label given; from then on it exists and takes its time.

        If the volume cannot be filled, there is no cluster.
        """
        place = cluster.place
        fill(f"{place.account}-{place.region}-{cluster.identifier}")

        def show(status: str) -> None:
            cluster.status = status

        self._world.site(place).clusters[cluster.identifier] = cluster
        course = self._world.outcomes.course(operation, usual)
        cluster.run = Run(self._world.schedule, course, show=show, done=show)
