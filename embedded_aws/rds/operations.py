"""The handler of each operation of the RDS API."""

from collections.abc import Callable, Mapping
from typing import Any

from embedded_aws.rds import unsupported
from embedded_aws.rds.account import Account
from embedded_aws.rds.backend import RdsBackend
from embedded_aws.rds.cluster_creation import ClusterCreation
from embedded_aws.rds.clusters import Clusters
from embedded_aws.rds.connectivity import Connectivity
from embedded_aws.rds.copies import Copies
from embedded_aws.rds.custom_endpoints import CustomEndpoints
from embedded_aws.rds.deletions import Deletions
from embedded_aws.rds.engagements import Engagements
from embedded_aws.rds.extras import ActivityStreams, DataApi
from embedded_aws.rds.global_clusters import GlobalClusters
from embedded_aws.rds.instances import Instances
from embedded_aws.rds.key_monitor import KeyMonitor
from embedded_aws.rds.models import Location
from embedded_aws.rds.modifications import Modifications
from embedded_aws.rds.params import Params
from embedded_aws.rds.proxies import ProxyTargets
from embedded_aws.rds.restores import Restores
from embedded_aws.rds.roles import Roles
from embedded_aws.rds.security_groups import SecurityGroups
from embedded_aws.rds.sharing import Sharing
from embedded_aws.rds.snapshot_progress import SnapshotProgress
from embedded_aws.rds.snapshots import Snapshots
from embedded_aws.rds.stops import Stops
from embedded_aws.rds.tagging import Tagging

Handler = Callable[[Location, Params], dict[str, Any]]


class Operations:
    """The operations on clusters, their instances and their snapshots."""

    def __init__(self, backend: RdsBackend) -> None:
        self._backend = backend
        backend.data_plane.obey(SecurityGroups(backend))
        self.progress = SnapshotProgress(backend)
        self.snapshots = Snapshots(backend, self.progress)
        self.connectivity = Connectivity(backend)
        self._key_monitor = KeyMonitor(backend, self.connectivity)
        global_clusters = GlobalClusters(backend)
        creation = ClusterCreation(backend)
        clusters = Clusters(backend, creation, global_clusters)
        stops = Stops(backend, self.connectivity)
        deletions = Deletions(backend, self.snapshots)
        endpoints, targets = CustomEndpoints(backend), ProxyTargets(backend)
        self.data_api = DataApi(backend)
        streams = ActivityStreams(backend)
        self.engagements = Engagements(backend)
        roles = Roles(backend)
        self.modifications = Modifications(backend, self.connectivity)
        self.instances = Instances(backend, deletions, self.modifications, self.connectivity)
        self.tagging = Tagging(backend)
        copies = Copies(backend, self.snapshots, self.progress)
        sharing = Sharing(backend)
        restores = Restores(backend, creation)
        account = Account(backend)
        self.handlers: Mapping[str, Handler] = {
            "AddRoleToDBCluster": roles.add,
            "AddTagsToResource": self.tagging.add,
            "CopyDBClusterSnapshot": copies.copy,
            "CreateDBCluster": clusters.create,
            "CreateDBClusterEndpoint": endpoints.create,
            "CreateDBClusterSnapshot": self.snapshots.create,
            "CreateDBInstance": self.instances.create,
            "CreateGlobalCluster": global_clusters.create,
            "DeleteDBCluster": deletions.delete,
            "DeleteDBClusterEndpoint": endpoints.delete,
            "DeleteDBClusterSnapshot": self.snapshots.delete,
            "DeleteDBInstance": self.instances.delete,
            "DeleteGlobalCluster": global_clusters.delete,
            "DeregisterDBProxyTargets": targets.deregister,
            "DescribeAccountAttributes": account.attributes,
            "DescribeBlueGreenDeployments": self.engagements.deployments,
            "DescribeDBClusterEndpoints": endpoints.describe,
            "DescribeDBClusters": clusters.describe,
            "DescribeDBClusterSnapshotAttributes": sharing.describe,
            "DescribeDBClusterSnapshots": self.snapshots.describe,
            "DescribeDBInstances": self.instances.describe,
            "DescribeDBProxyTargets": targets.describe,
            "DescribeGlobalClusters": global_clusters.describe,
            "DescribeIntegrations": self.engagements.integrations,
            "DescribeOrderableDBInstanceOptions": account.orderable_options,
            "DisableHttpEndpoint": self.data_api.disable,
            "EnableHttpEndpoint": self.data_api.enable,
            "FailoverDBCluster": self.instances.failover,
            "ListTagsForResource": self.tagging.list,
            "ModifyDBCluster": self.modifications.modify,
            "ModifyDBClusterSnapshotAttribute": sharing.modify,
            "ModifyDBInstance": self.instances.modify,
            "ModifyDBProxy": targets.modify,
            "PromoteReadReplicaDBCluster": global_clusters.promote_replica,
            "RebootDBInstance": self.instances.reboot,
            "RegisterDBProxyTargets": targets.register,
            "RemoveFromGlobalCluster": global_clusters.remove,
            "RemoveRoleFromDBCluster": roles.remove,
            "RemoveTagsFromResource": self.tagging.remove,
            "RestoreDBClusterFromSnapshot": restores.restore,
            "StartActivityStream": streams.start,
            "StartDBCluster": stops.start,
            "StopActivityStream": streams.stop,
            "StopDBCluster": stops.stop,
        }

    def perform(self, action: str, location: Location, params: Params) -> dict[str, Any]:
        """Run what is due, then do what the request asks."""
        with self._backend.lock:
            self._backend.scheduler.run_due()
            self._key_monitor.stop_clusters_without_key()
            unsupported.refuse_unsupported(action, params)
            answer = self.handlers[action](location, params)
            unsupported.require_all_read(action, params)
            return answer
