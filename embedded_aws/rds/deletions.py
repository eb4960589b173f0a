"""``DeleteDBCluster``: what it refuses, what it takes along, and when the cluster is gone."""

from typing import Any

from embedded_aws.rds import names
from embedded_aws.rds.backend import Backend
from embedded_aws.rds.course import Run
from embedded_aws.rds.errors import (
    InvalidClusterStateError,
    InvalidParameterCombinationError,
)
from embedded_aws.rds.global_clusters import forget_source
from embedded_aws.rds.lookup import cluster_at
from embedded_aws.rds.models import DELETING, STARTING, STOPPED, STOPPING, Cluster, Place
from embedded_aws.rds.params import Params
from embedded_aws.rds.progress import Course, Operation
from embedded_aws.rds.responses import cluster_shown
from embedded_aws.rds.snapshots import AUTOMATED, Snapshots

_GONE = "gone"


class Deletions:
    """Deletes clusters."""

    def __init__(self, backend: Backend, snapshots: Snapshots) -> None:
        self._world = backend
        self._snapshots = snapshots

    def delete(self, place: Place, params: Params) -> dict[str, Any]:
        """``DeleteDBCluster``; the accepted request still shows the status before it."""
        cluster = cluster_at(self._world, place, params.required("DBClusterIdentifier"))
        self._check_deletable(cluster)
        final = self._final_snapshot_name(place, params)
        shown = cluster_shown(self._world, cluster)
        timings = self._world.timings
        seconds = timings.delete_cluster
        if final is not None:
            self._snapshots.take(cluster, final)
            seconds += timings.create_snapshot
        cluster.keeps_automated_backups = not params.flag("DeleteAutomatedBackups", default=True)
        usual = Course.spread((DELETING,), seconds, _GONE)
        course = self._world.outcomes.course(Operation.DELETE_CLUSTER, usual)
        self._run_to_its_end(cluster, course)
        return {"DBCluster": shown}

    def instance_gone(self, cluster: Cluster) -> None:
        """A member of the cluster ended; if it kept a deleted cluster, that ends too."""
        if cluster.deletion_due:
            self._finish(cluster)

    def _check_deletable(self, cluster: Cluster) -> None:
        """Source: botocore model, ``DeleteDBCluster``; Aurora User Guide, *Deleting*."""
        if cluster.settings.deletion_protection:
            raise InvalidParameterCombinationError(
                "Cannot delete protected Cluster, please disable deletion protection and try again."
            )
        if cluster.status == DELETING:
            raise InvalidClusterStateError(f"Cluster {cluster.identifier} is already being deleted")
        if cluster.status in (STOPPED, STOPPING, STARTING):
            raise InvalidClusterStateError(
                f"Db cluster {cluster.identifier} is in {cluster.status} state"
            )
        if cluster.global_cluster is not None:
            raise InvalidClusterStateError(
                "This cluster is a part of a global cluster, please remove it from globalcluster "
                "first"
            )
        if cluster.replicas:
            raise InvalidClusterStateError(
                f"Cluster {cluster.identifier} has read replicas: {', '.join(cluster.replicas)}"
            )
        if any(instance.status != DELETING for instance in self._world.members(cluster)):
            raise InvalidClusterStateError(
                "Cluster cannot be deleted, it still contains DB instances in non-deleting state."
            )

    def _final_snapshot_name(self, place: Place, params: Params) -> str | None:
        """Source: botocore model, ``DeleteDBClusterMessage``: ``SkipFinalSnapshot`` is off."""
        name = params.text("FinalDBSnapshotIdentifier")
        if params.flag("SkipFinalSnapshot"):
            if name is not None:
                raise InvalidParameterCombinationError(
                    "FinalDBSnapshotIdentifier can't be specified when SkipFinalSnapshot is on"
                )
            return None
        if name is None:
            raise InvalidParameterCombinationError(
                "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified."
            )
        checked = names.identifier(
            name, "FinalDBSnapshotIdentifier", longest=names.MAX_FINAL_SNAPSHOT_LENGTH
        )
        self._snapshots.check_free(place, checked)
        self._snapshots.check_quota(place)
        return checked

    def _delete_automated_backups(self, cluster: Cluster) -> None:
        for snapshot in list(self._world.site(cluster.place).snapshots.values()):
            if (
                snapshot.kind == AUTOMATED
                and snapshot.origin.cluster_resource_id == cluster.resource_id
            ):
                self._snapshots.remove(snapshot)

    def _run_to_its_end(self, cluster: Cluster, course: Course) -> None:
        def show(status: str) -> None:
            cluster.status = status

        def done(final: str) -> None:
            if final != _GONE:
                cluster.status = final
                return
            cluster.deletion_due = True
            self._finish(cluster)

        if cluster.run is not None:
            cluster.run.cancel()
        cluster.run = Run(self._world.schedule, course, show=show, done=done)

    def _finish(self, cluster: Cluster) -> None:
        if self._world.members(cluster):
            return
        if cluster.managed_secret is not None:
            self._world.services.delete_managed_secret(
                cluster.place, cluster.managed_secret["SecretArn"]
            )
        if not cluster.keeps_automated_backups:
            self._delete_automated_backups(cluster)
        forget_source(self._world, cluster)
        self._world.data_plane.discard(cluster.resource_id)
        del self._world.site(cluster.place).clusters[cluster.identifier]
