"""Renames of clusters: what forbids them, what answers meanwhile, and what they change besides.

Source: Aurora User Guide, *Modifying an Amazon Aurora DB cluster* and *Viewing DB cluster status*.
What answers meanwhile is not documented; users report that the old name first shows the status
before, then ``renaming``, and is then unknown.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from embedded_aws.rds import names
from embedded_aws.rds.backend import FormerName, RdsBackend
from embedded_aws.rds.connectivity import Connectivity
from embedded_aws.rds.engagements import require_renamable
from embedded_aws.rds.exceptions import DBClusterAlreadyExistsError
from embedded_aws.rds.hosts import cluster_names
from embedded_aws.rds.models import AVAILABLE, DBCluster
from embedded_aws.rds.transitions import Modification, Operation, StatusTransition

NAME = "DBClusterIdentifier"
"""Under which a name that is asked for is pending."""
RENAMING = "renaming"


class Renames:
    """What ``ModifyDBCluster`` does with a ``NewDBClusterIdentifier``."""

    def __init__(self, backend: RdsBackend, connectivity: Connectivity) -> None:
        self._backend = backend
        self._connectivity = connectivity

    def check(self, cluster: DBCluster, wished: str) -> str:
        """Return the name as AWS stores it; refuse one that the cluster cannot get."""
        renamed = names.identifier(wished, "NewDBClusterIdentifier")
        regional = self._backend.at(cluster.location)
        leaving = regional.leaving_names.get(renamed)
        own_is_free = self._backend.rules.former_name_is_free_for_its_cluster
        is_leaving = leaving is not None and not (own_is_free and leaving.of is cluster)
        if is_leaving or regional.is_cluster_name(renamed):
            raise DBClusterAlreadyExistsError
        require_renamable(self._backend, cluster)
        return renamed

    def steps(self, cluster: DBCluster) -> list[Modification]:
        """Return the parts of a pending rename: with the old name, with none, with the new one."""
        if NAME not in cluster.pending:
            return []
        timings = self._backend.timings
        default = StatusTransition.spread((RENAMING,), timings.rename_cluster, AVAILABLE)
        transition = self._backend.overrides.apply(Operation.RENAME_CLUSTER, default)
        gap = min(timings.rename_gap, transition.seconds)
        half = (transition.seconds - gap) / 2

        def part(seconds: float, apply: Callable[[], None]) -> Modification:
            return Modification(
                NAME, StatusTransition.spread((RENAMING,), seconds, transition.final), apply
            )

        return [
            part(half, partial(self._lose_name, cluster)),
            part(gap, partial(self._get_name, cluster)),
            part(half, partial(self._settle_name, cluster)),
        ]

    def _lose_name(self, cluster: DBCluster) -> None:
        """Take the name, the ARN and the endpoints away; the former name is not free yet."""
        regional, former = self._backend.at(cluster.location), cluster.identifier
        del regional.clusters[former]
        cluster.identifier = str(cluster.pending[NAME])
        cluster.nameless = True
        self._backend.data_plane.publish(cluster.resource_id, None)
        regional.clusters[cluster.identifier] = cluster
        if self._backend.timings.rename_release:
            leaving = regional.leaving_names[former] = FormerName(cluster)

            def release() -> None:
                if regional.leaving_names.get(former) is leaving:
                    del regional.leaving_names[former]

            self._backend.scheduler.after(self._backend.timings.rename_release, release)
        self._change_what_depends(cluster)

    def _change_what_depends(self, cluster: DBCluster) -> None:
        """Change what AWS does not say whether a rename changes it, by the rules."""
        rules = self._backend.rules
        if rules.rename_ends_sessions:
            self._connectivity.restart(cluster)
        if rules.rename_rewrites_snapshots:
            for snapshot in self._backend.at(cluster.location).snapshots.values():
                if snapshot.origin.cluster_resource_id == cluster.resource_id:
                    snapshot.origin = replace(
                        snapshot.origin,
                        cluster_identifier=cluster.identifier,
                        cluster_arn=cluster.arn,
                    )
        if rules.rename_breaks_data_api and cluster.settings.http_endpoint:
            cluster.data_api_lost = True

    def _get_name(self, cluster: DBCluster) -> None:
        cluster.nameless = False
        self._backend.data_plane.publish(cluster.resource_id, cluster_names(cluster))

    def _settle_name(self, cluster: DBCluster) -> None:
        cluster.pending.pop(NAME, None)
