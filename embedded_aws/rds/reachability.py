"""Whether clients reach a cluster: only through an instance that can answer.

Source: Aurora User Guide, *Amazon Aurora DB clusters*: the volume holds the data, the instances
serve it; a cluster without an instance accepts no connection.
"""

from embedded_aws.rds.backend import Backend
from embedded_aws.rds.data_plane import DataPlaneError
from embedded_aws.rds.models import Cluster, Instance

FAILED = "failed"


class Reachability:
    """Keeps the data plane in step with the instances."""

    def __init__(self, backend: Backend) -> None:
        self._world = backend

    def gained(self, instance: Instance) -> None:
        """An instance can answer now; if its server does not start, the instance has failed."""
        instance.reachable = True
        try:
            self.follow(instance.cluster)
        except DataPlaneError as error:
            self._world.problems.append(str(error))
            instance.reachable = False
            instance.status = FAILED

    def lost(self, instance: Instance) -> None:
        """An instance answers no more."""
        instance.reachable = False
        self.follow(instance.cluster)

    def follow(self, cluster: Cluster) -> None:
        """Opens or closes the cluster's volume, as its instances are."""
        wanted = any(instance.reachable for instance in self._world.members(cluster))
        if wanted and not cluster.accepting:
            self._world.data_plane.open(cluster.resource_id)
        elif cluster.accepting and not wanted:
            self._world.data_plane.close(cluster.resource_id)
        cluster.accepting = wanted
