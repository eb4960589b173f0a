"""Which function answers which operation of the RDS API."""

from collections.abc import Callable, Mapping
from typing import Any

from embedded_aws.rds import unmodelled
from embedded_aws.rds.account import Account
from embedded_aws.rds.backend import Backend
from embedded_aws.rds.changes import Changes
from embedded_aws.rds.clusters import Clusters
from embedded_aws.rds.copies import Copies
from embedded_aws.rds.creation import Births
from embedded_aws.rds.deletions import Deletions
from embedded_aws.rds.global_clusters import GlobalClusters
from embedded_aws.rds.instances import Instances
from embedded_aws.rds.key_watch import KeyWatch
from embedded_aws.rds.models import Place
from embedded_aws.rds.params import Params
from embedded_aws.rds.reachability import Reachability
from embedded_aws.rds.restores import Restores
from embedded_aws.rds.roles import Roles
from embedded_aws.rds.sharing import Sharing
from embedded_aws.rds.snapshots import Snapshots
from embedded_aws.rds.tagging import Tagging
from embedded_aws.rds.transfers import Transfers

Handler = Callable[[Place, Params], dict[str, Any]]


class Operations:
    """The operations on clusters, their instances and their snapshots."""

    def __init__(self, backend: Backend) -> None:
        self._world = backend
        self.transfers = Transfers(backend)
        self.snapshots = Snapshots(backend, self.transfers)
        self.reachability = Reachability(backend)
        self._key_watch = KeyWatch(backend, self.reachability)
        global_clusters = GlobalClusters(backend)
        births = Births(backend)
        clusters = Clusters(backend, births, self.reachability, global_clusters)
        deletions = Deletions(backend, self.snapshots)
        roles = Roles(backend)
        self.changes = Changes(backend)
        self.instances = Instances(backend, deletions, self.changes, self.reachability)
        self.tagging = Tagging(backend)
        copies = Copies(backend, self.snapshots, self.transfers)
        sharing = Sharing(backend)
        restores = Restores(backend, births)
        account = Account(backend)
        self.handlers: Mapping[str, Handler] = {
            "AddRoleToDBCluster": roles.add,
            "AddTagsToResource": self.tagging.add,
            "CopyDBClusterSnapshot": copies.copy,
            "CreateDBCluster": clusters.create,
            "CreateDBClusterSnapshot": self.snapshots.create,
            "CreateDBInstance": self.instances.create,
            "CreateGlobalCluster": global_clusters.create,
            "DeleteDBCluster": deletions.delete,
            "DeleteDBClusterSnapshot": self.snapshots.delete,
            "DeleteDBInstance": self.instances.delete,
            "DeleteGlobalCluster": global_clusters.delete,
            "DescribeAccountAttributes": account.attributes,
            "DescribeDBClusters": clusters.describe,
            "DescribeDBClusterSnapshotAttributes": sharing.describe,
            "DescribeDBClusterSnapshots": self.snapshots.describe,
            "DescribeDBInstances": self.instances.describe,
            "DescribeGlobalClusters": global_clusters.describe,
            "DescribeOrderableDBInstanceOptions": account.offers,
            "FailoverDBCluster": self.instances.failover,
            "ListTagsForResource": self.tagging.list,
            "ModifyDBCluster": self.changes.modify,
            "ModifyDBClusterSnapshotAttribute": sharing.modify,
            "ModifyDBInstance": self.instances.modify,
            "PromoteReadReplicaDBCluster": global_clusters.promote_replica,
            "RebootDBInstance": self.instances.reboot,
            "RemoveFromGlobalCluster": global_clusters.remove,
            "RemoveRoleFromDBCluster": roles.remove,
            "RemoveTagsFromResource": self.tagging.remove,
            "RestoreDBClusterFromSnapshot": restores.restore,
            "StartDBCluster": clusters.start,
            "StopDBCluster": clusters.stop,
        }

    def perform(self, action: str, place: Place, params: Params) -> dict[str, Any]:
        """Settles what fell due, then does what the request asks."""
        with self._world.lock:
            self._world.schedule.settle()
            self._key_watch.look()
            unmodelled.check(action, params)
            answer = self.handlers[action](place, params)
            unmodelled.check_all_were_read(action, params)
            return answer
