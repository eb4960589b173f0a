"""Whether clients can connect to a cluster: only through an available instance.

Source: Aurora User Guide, *Amazon Aurora DB clusters*: the volume holds the data, the instances
serve it; a cluster without an instance accepts no connection.
"""

from embedded_aws.rds.backend import RdsBackend
from embedded_aws.rds.data_plane import DataPlaneError
from embedded_aws.rds.models import DBCluster, DBInstance

FAILED = "failed"
LOGICAL_REPLICATION = "rds.logical_replication"


class Connectivity:
    """Opens and closes the data plane of a cluster as its instances become available or not."""

    def __init__(self, backend: RdsBackend) -> None:
        self._backend = backend

    def instance_started(self, instance: DBInstance) -> None:
        """Accept clients of an instance; if its server does not start, the instance has failed."""
        instance.reachable = True
        try:
            self.update(instance.cluster)
        except DataPlaneError as error:
            self._backend.problems.append(str(error))
            instance.reachable = False
            instance.status = FAILED

    def instance_stopped(self, instance: DBInstance) -> None:
        """Stop accepting clients of an instance."""
        instance.reachable = False
        self.update(instance.cluster)

    def instance_rebooting(self, instance: DBInstance) -> None:
        """Stop accepting clients of an instance; with the writer's server all sessions end."""
        instance.reachable = False
        if instance.is_writer:
            self.restart(instance.cluster)
        else:
            self.update(instance.cluster)

    def restart(self, cluster: DBCluster) -> None:
        """End every session of a cluster; its servers go on if an instance is left to serve."""
        if cluster.accepting:
            self._backend.data_plane.close(cluster.resource_id)
            cluster.accepting = False
        self.update(cluster)

    def update(self, cluster: DBCluster) -> None:
        """Open or close the cluster's volume, depending on its instances, and set its readers."""
        members = self._backend.members(cluster)
        wanted = any(instance.reachable for instance in members)
        data_plane = self._backend.data_plane
        if wanted and not cluster.accepting:
            logical = self._backend.services.cluster_parameter(
                cluster.location, cluster.settings.parameter_group, LOGICAL_REPLICATION
            )
            data_plane.open(cluster.resource_id, logical_replication=logical == "1")
        elif cluster.accepting and not wanted:
            data_plane.close(cluster.resource_id)
        cluster.accepting = wanted
        if wanted:
            readers = [one.resource_id for one in members if one.reachable and not one.is_writer]
            data_plane.set_readers(cluster.resource_id, readers)
