"""``DeleteDBCluster``: what it refuses, what it takes along, and when the cluster is gone."""

from typing import Any

from embedded_aws.rds import custom_endpoints, names, proxies
from embedded_aws.rds.backend import RdsBackend
from embedded_aws.rds.engagements import is_integrated
from embedded_aws.rds.exceptions import (
    InvalidDBClusterStateError,
    InvalidParameterCombinationError,
)
from embedded_aws.rds.global_clusters import forget_source
from embedded_aws.rds.models import DELETING, STARTING, STOPPED, STOPPING, DBCluster, Location
from embedded_aws.rds.params import Params
from embedded_aws.rds.resources import find_cluster
from embedded_aws.rds.responses import cluster_response
from embedded_aws.rds.snapshots import AUTOMATED, Snapshots
from embedded_aws.rds.transitions import (
    Operation,
    RunningTransition,
    StatusPhase,
    StatusTransition,
)

_GONE = "gone"


class Deletions:
    """Deletes clusters."""

    def __init__(self, backend: RdsBackend, snapshots: Snapshots) -> None:
        self._backend = backend
        self._snapshots = snapshots

    def delete(self, location: Location, params: Params) -> dict[str, Any]:
        """Perform ``DeleteDBCluster``; the accepted request still shows the status before it."""
        cluster = find_cluster(self._backend, location, params.required("DBClusterIdentifier"))
        self._check_deletable(cluster)
        final = self._final_snapshot_name(location, params)
        shown = cluster_response(self._backend, cluster)
        timings = self._backend.timings
        seconds = timings.delete_cluster
        if final is not None:
            self._snapshots.take(cluster, final)
            seconds += timings.create_snapshot
        cluster.keeps_automated_backups = not params.flag("DeleteAutomatedBackups", default=True)
        phases = [StatusPhase(DELETING, seconds)]
        if timings.deletion_lag:
            phases.insert(0, StatusPhase(cluster.status, timings.deletion_lag))
        default = StatusTransition(tuple(phases), _GONE)
        transition = self._backend.overrides.apply(Operation.DELETE_CLUSTER, default)
        self._start_deletion(cluster, transition)
        return {"DBCluster": shown}

    def finish_if_last_instance(self, cluster: DBCluster) -> None:
        """Finish the deletion of the cluster if this was its last instance."""
        if cluster.deletion_due:
            self._finish(cluster)

    def _check_deletable(self, cluster: DBCluster) -> None:
        """Refuse what AWS refuses. Source: botocore model; Aurora User Guide, *Deleting*."""
        if cluster.settings.deletion_protection:
            raise InvalidParameterCombinationError(
                "Cannot delete protected Cluster, please disable deletion protection and try again."
            )
        if cluster.is_being_deleted:
            raise InvalidDBClusterStateError(
                f"Cluster {cluster.identifier} is already being deleted"
            )
        if cluster.status in (STOPPED, STOPPING, STARTING):
            raise InvalidDBClusterStateError(
                f"Db cluster {cluster.identifier} is in {cluster.status} state"
            )
        if cluster.global_cluster is not None:
            raise InvalidDBClusterStateError(
                "This cluster is a part of a global cluster, please remove it from globalcluster "
                "first"
            )
        if is_integrated(self._backend, cluster):
            raise InvalidDBClusterStateError(
                f"Cluster {cluster.identifier} is the source of a zero-ETL integration: delete the "
                "integration first"
            )
        if cluster.replicas:
            raise InvalidDBClusterStateError(
                f"Cluster {cluster.identifier} has read replicas: {', '.join(cluster.replicas)}"
            )
        if any(instance.status != DELETING for instance in self._backend.members(cluster)):
            raise InvalidDBClusterStateError(
                "Cluster cannot be deleted, it still contains DB instances in non-deleting state."
            )

    def _final_snapshot_name(self, location: Location, params: Params) -> str | None:
        """Return the final snapshot's name; it is required unless ``SkipFinalSnapshot`` is on."""
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
        self._snapshots.check_free(location, checked)
        self._snapshots.check_quota(location)
        return checked

    def _delete_automated_backups(self, cluster: DBCluster) -> None:
        for snapshot in list(self._backend.at(cluster.location).snapshots.values()):
            if (
                snapshot.kind == AUTOMATED
                and snapshot.origin.cluster_resource_id == cluster.resource_id
            ):
                self._snapshots.remove(snapshot)

    def _start_deletion(self, cluster: DBCluster, transition: StatusTransition) -> None:
        def show(status: str) -> None:
            cluster.status = status

        def done(final: str) -> None:
            if final != _GONE:
                cluster.status = final
                return
            cluster.deletion_due = True
            self._finish(cluster)

        if cluster.transition is not None:
            cluster.transition.cancel()
        cluster.deletion_due = False
        cluster.transition = cluster.deletion = RunningTransition(
            self._backend.scheduler, transition, show=show, done=done
        )

    def _finish(self, cluster: DBCluster) -> None:
        if self._backend.members(cluster):
            return
        if cluster.managed_secret is not None:
            self._backend.services.delete_managed_secret(
                cluster.location, cluster.managed_secret["SecretArn"]
            )
        if not cluster.keeps_automated_backups:
            self._delete_automated_backups(cluster)
        regional = self._backend.at(cluster.location)
        custom_endpoints.forget_those_of(self._backend, cluster)
        proxies.forget_target(self._backend, cluster)
        regional.deployments = [
            each for each in regional.deployments if each.cluster is not cluster
        ]
        forget_source(self._backend, cluster)
        self._backend.data_plane.discard(cluster.resource_id)
        del regional.clusters[cluster.identifier]
