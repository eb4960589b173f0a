"""Clusters whose key has been disabled or deleted.

Source: Aurora User Guide, *Viewing DB cluster status*: such a cluster goes into
``inaccessible-encryption-credentials-recoverable``, accepts no clients, and can be started once the
key is usable.
"""

from embedded_aws.rds.backend import RdsBackend
from embedded_aws.rds.connectivity import Connectivity
from embedded_aws.rds.resources import is_available

KEY_LOST = "inaccessible-encryption-credentials-recoverable"


class KeyMonitor:
    """Watches the keys of available clusters."""

    def __init__(self, backend: RdsBackend, connectivity: Connectivity) -> None:
        self._backend = backend
        self._connectivity = connectivity

    def stop_clusters_without_key(self) -> None:
        """Stop the clusters whose key is no longer usable."""
        for location, regional in self._backend.regional_backends():
            for cluster in regional.clusters.values():
                arn = cluster.storage.key_arn
                if arn is None or not is_available(cluster):
                    continue
                key = self._backend.services.key(location, arn)
                if key is not None and key.usable:
                    continue
                if cluster.transition is not None:
                    cluster.transition.cancel()
                cluster.status = KEY_LOST
                for instance in self._backend.members(cluster):
                    if is_available(instance):
                        self._connectivity.instance_stopped(instance)
                        instance.status = KEY_LOST
