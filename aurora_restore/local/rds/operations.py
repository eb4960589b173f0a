"""Which function answers which operation of the RDS API."""

from collections.abc import Callable, Mapping
from typing import Any

from aurora_restore.local.rds import unmodelled
from aurora_restore.local.rds.account import Account
from aurora_restore.local.rds.births import Births
from aurora_restore.local.rds.changes import Changes
from aurora_restore.local.rds.clusters import Clusters
from aurora_restore.local.rds.copies import Copies
from aurora_restore.local.rds.deletions import Deletions
from aurora_restore.local.rds.global_clusters import GlobalClusters
from aurora_restore.local.rds.instances import Instances
from aurora_restore.local.rds.key_watch import KeyWatch
from aurora_restore.local.rds.model import Place
from aurora_restore.local.rds.params import Params
from aurora_restore.local.rds.reachability import Reachability
from aurora_restore.local.rds.restores import Restores
from aurora_restore.local.rds.roles import Roles
from aurora_restore.local.rds.sharing import Sharing
from aurora_restore.local.rds.snapshots import Snapshots
from aurora_restore.local.rds.tagging import Tagging
from aurora_restore.local.rds.transfers import Transfers
from aurora_restore.local.rds.world import World

Handler = Callable[[Place, Params], dict[str, Any]]


class Operations:
    """The operations on clusters, their instances and their snapshots."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.transfers = Transfers(world)
        self.snapshots = Snapshots(world, self.transfers)
        self.reachability = Reachability(world)
        self._key_watch = KeyWatch(world, self.reachability)
        global_clusters = GlobalClusters(world)
        births = Births(world)
        clusters = Clusters(world, births, self.reachability, global_clusters)
        deletions = Deletions(world, self.snapshots)
        roles = Roles(world)
        self.changes = Changes(world)
        self.instances = Instances(world, deletions, self.changes, self.reachability)
        self.tagging = Tagging(world)
        copies = Copies(world, self.snapshots, self.transfers)
        sharing = Sharing(world)
        restores = Restores(world, births)
        account = Account(world)
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
