"""The whole emulated RDS: every account's Regions, one schedule, one data plane, one lock."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from embedded_aws.rds.clock import Clock
from embedded_aws.rds.data_plane import DataPlane
from embedded_aws.rds.models import (
    Cluster,
    GlobalCluster,
    Instance,
    Place,
    Snapshot,
)
from embedded_aws.rds.progress import Outcomes
from embedded_aws.rds.rules import Rules
from embedded_aws.rds.schedule import Schedule
from embedded_aws.rds.services import Services
from embedded_aws.rds.timings import Timings


@dataclass
class Site:
    """What one account has in one Region, by identifier."""

    clusters: dict[str, Cluster] = field(default_factory=dict)
    instances: dict[str, Instance] = field(default_factory=dict)
    snapshots: dict[str, Snapshot] = field(default_factory=dict)


class Backend:
    """Holds everything; each call settles the schedule first, under the lock."""

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
        self.schedule = Schedule(clock)
        self.outcomes = Outcomes()
        self.lock = threading.RLock()
        self.problems: list[str] = []
        """What the data plane could not do, for whoever wonders why something failed."""
        self.global_clusters: dict[tuple[str, str], GlobalCluster] = {}
        self._sites: dict[Place, Site] = {}

    def site(self, place: Place) -> Site:
        """What is at a place; empty if nothing was ever made there."""
        return self._sites.setdefault(place, Site())

    def sites(self) -> Iterator[tuple[Place, Site]]:
        """Every place where something was made or looked for."""
        yield from list(self._sites.items())

    def members(self, cluster: Cluster) -> list[Instance]:
        """The instances of a cluster, in the order of their creation."""
        instances = self.site(cluster.place).instances.values()
        return [instance for instance in instances if instance.cluster is cluster]

    def clear(self) -> None:
        """Forgets everything that was made and everything that was to come."""
        self._sites.clear()
        self.global_clusters.clear()
        self.problems.clear()
        self.outcomes.clear()
        self.schedule.clear()
