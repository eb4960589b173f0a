"""The backend of RDS: the resources of every account and Region, and what they share."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from embedded_aws.rds.beside import (
    BlueGreenDeployment,
    DBClusterEndpoint,
    DBProxyTarget,
    Integration,
)
from embedded_aws.rds.clock import Clock
from embedded_aws.rds.data_plane import DataPlane
from embedded_aws.rds.models import (
    DBCluster,
    DBClusterSnapshot,
    DBInstance,
    GlobalCluster,
    Location,
)
from embedded_aws.rds.rules import Rules
from embedded_aws.rds.scheduler import Scheduler
from embedded_aws.rds.services import Services
from embedded_aws.rds.timings import Timings
from embedded_aws.rds.transitions import TransitionOverrides


@dataclass(frozen=True, eq=False)
class FormerName:
    """A name that a cluster has lost, for as long as it is taken nevertheless."""

    of: DBCluster


@dataclass
class RegionalBackend:
    """The resources of one account in one Region, by identifier."""

    clusters: dict[str, DBCluster] = field(default_factory=dict)
    instances: dict[str, DBInstance] = field(default_factory=dict)
    endpoints: dict[str, DBClusterEndpoint] = field(default_factory=dict)
    snapshots: dict[str, DBClusterSnapshot] = field(default_factory=dict)
    proxy_targets: dict[str, DBProxyTarget] = field(default_factory=dict)
    """By the name of the proxy."""
    integrations: list[Integration] = field(default_factory=list)
    deployments: list[BlueGreenDeployment] = field(default_factory=list)
    leaving_names: dict[str, FormerName] = field(default_factory=dict)
    """The names that clusters have lost, and that no other can have yet."""

    def is_cluster_name(self, name: str) -> bool:
        """Return whether a cluster has this name, or has been promised it."""
        promised = {one.pending.get("DBClusterIdentifier") for one in self.clusters.values()}
        return name in {*self.clusters, *promised}

    def has_cluster_name(self, name: str) -> bool:
        """Return whether a new cluster cannot get this name."""
        return self.is_cluster_name(name) or name in self.leaving_names


class RdsBackend:
    """Holds every resource; each request first runs the scheduled actions, under the lock."""

    def __init__(
        self,
        *,
        clock: Clock,
        timings: Timings,
        rules: Rules,
        data_plane: DataPlane,
        services: Services,
    ) -> None:
        self.clock = clock
        self.timings = timings
        self.rules = rules
        self.data_plane = data_plane
        self.services = services
        self.scheduler = Scheduler(clock)
        self.overrides = TransitionOverrides()
        self.lock = threading.RLock()
        self.problems: list[str] = []
        """What the data plane could not do, to explain why something failed."""
        self.global_clusters: dict[tuple[str, str], GlobalCluster] = {}
        self._regional_backends: dict[Location, RegionalBackend] = {}

    def at(self, location: Location) -> RegionalBackend:
        """Return what an account has in a Region; empty if nothing was ever created there."""
        return self._regional_backends.setdefault(location, RegionalBackend())

    def regional_backends(self) -> Iterator[tuple[Location, RegionalBackend]]:
        """Yield every account and Region where something was created or looked for."""
        yield from list(self._regional_backends.items())

    def members(self, cluster: DBCluster) -> list[DBInstance]:
        """Return the instances of a cluster, in the order of their creation."""
        instances = self.at(cluster.location).instances.values()
        return [instance for instance in instances if instance.cluster is cluster]

    def clear(self) -> None:
        """Forget everything that was made and everything that was to come."""
        self._regional_backends.clear()
        self.global_clusters.clear()
        self.problems.clear()
        self.overrides.clear()
        self.scheduler.clear()
        self.services.clear()
