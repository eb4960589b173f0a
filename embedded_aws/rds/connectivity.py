"""Whether clients reach a cluster: only through an instance that can answer.

Source: Aurora User Guide, *Amazon Aurora DB clusters*: the volume holds the data, the instances
serve it; a cluster without an instance accepts no connection.
"""

from embedded_aws.rds.backend import RdsBackend
from embedded_aws.rds.data_plane import DataPlaneError
from embedded_aws.rds.models import DBCluster, DBInstance

FAILED = "failed"


class Connectivity:
    """Keeps the data plane in step with the instances."""

    def __init__(self, backend: RdsBackend) -> None:
        self._backend = backend

    def instance_started(self, instance: DBInstance) -> None:
        """An instance can answer now; if its server does not start, the instance has failed."""
        instance.reachable = True
        try:
            self.update(instance.cluster)
        except DataPlaneError as error:
            self._backend.problems.append(str(error))
            instance.reachable = False
            instance.status = FAILED

    def instance_stopped(self, instance: DBInstance) -> None:
        """An instance answers no more."""
        instance.reachable = False
        self.update(instance.cluster)

    def update(self, cluster: DBCluster) -> None:
        """Opens or closes the cluster's volume, as its instances are."""
        wanted = any(instance.reachable for instance in self._backend.members(cluster))
        if wanted and not cluster.accepting:
            self._backend.data_plane.open(cluster.resource_id)
        elif cluster.accepting and not wanted:
            self._backend.data_plane.close(cluster.resource_id)
        cluster.accepting = wanted
