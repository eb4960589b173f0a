"""Which function answers which operation of the RDS API."""

from collections.abc import Callable, Mapping
from typing import Any

from aurora_restore.local.rds.changes import Changes
from aurora_restore.local.rds.clusters import Clusters
from aurora_restore.local.rds.copies import Copies
from aurora_restore.local.rds.instances import Instances
from aurora_restore.local.rds.model import Place
from aurora_restore.local.rds.params import Params
from aurora_restore.local.rds.reachability import Reachability
from aurora_restore.local.rds.restores import Restores
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
        self.clusters = Clusters(world, self.snapshots, self.reachability)
        self.changes = Changes(world)
        self.instances = Instances(world, self.clusters, self.changes, self.reachability)
        self.tagging = Tagging(world)
        copies = Copies(world, self.snapshots, self.transfers)
        sharing = Sharing(world)
        restores = Restores(world, self.clusters)
        self.handlers: Mapping[str, Handler] = {
            "AddRoleToDBCluster": self.clusters.add_role,
            "AddTagsToResource": self.tagging.add,
            "CopyDBClusterSnapshot": copies.copy,
            "CreateDBCluster": self.clusters.create,
            "CreateDBClusterSnapshot": self.snapshots.create,
            "CreateDBInstance": self.instances.create,
            "DeleteDBCluster": self.clusters.delete,
            "DeleteDBClusterSnapshot": self.snapshots.delete,
            "DeleteDBInstance": self.instances.delete,
            "DescribeDBClusters": self.clusters.describe,
            "DescribeDBClusterSnapshotAttributes": sharing.describe,
            "DescribeDBClusterSnapshots": self.snapshots.describe,
            "DescribeDBInstances": self.instances.describe,
            "FailoverDBCluster": self.instances.failover,
            "ListTagsForResource": self.tagging.list,
            "ModifyDBCluster": self.changes.modify,
            "ModifyDBClusterSnapshotAttribute": sharing.modify,
            "ModifyDBInstance": self.instances.modify,
            "RebootDBInstance": self.instances.reboot,
            "RemoveRoleFromDBCluster": self.clusters.remove_role,
            "RemoveTagsFromResource": self.tagging.remove,
            "RestoreDBClusterFromSnapshot": restores.restore,
            "StartDBCluster": self.clusters.start,
            "StopDBCluster": self.clusters.stop,
        }

    def perform(self, action: str, place: Place, params: Params) -> dict[str, Any]:
        """Settles what fell due, then does what the request asks."""
        with self._world.lock:
            self._world.schedule.settle()
            return self.handlers[action](place, params)
