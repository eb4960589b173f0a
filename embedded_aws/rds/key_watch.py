"""Clusters whose key has been disabled or deleted.

Source: Aurora User Guide, *Viewing DB cluster status*: such a cluster goes into
``inaccessible-encryption-credentials-recoverable``, answers no more, and is started again once the
key is usable.
"""

from embedded_aws.rds.backend import Backend
from embedded_aws.rds.lookup import is_available
from embedded_aws.rds.reachability import Reachability

KEY_LOST = "inaccessible-encryption-credentials-recoverable"


class KeyWatch:
    """Looks after the keys of available clusters."""

    def __init__(self, backend: Backend, reachability: Reachability) -> None:
        self._world = backend
        self._reachability = reachability

    def look(self) -> None:
        """Takes down the clusters whose key is not usable any more."""
        for place, site in self._world.sites():
            for cluster in site.clusters.values():
                arn = cluster.storage.key_arn
                if arn is None or not is_available(cluster):
                    continue
                key = self._world.services.key(place, arn)
                if key is not None and key.usable:
                    continue
                if cluster.run is not None:
                    cluster.run.cancel()
                cluster.status = KEY_LOST
                for instance in self._world.members(cluster):
                    if is_available(instance):
                        self._reachability.lost(instance)
                        instance.status = KEY_LOST
