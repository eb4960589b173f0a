"""Stopping and starting a cluster with all its instances.

Source: Aurora User Guide, *Stopping and starting an Amazon Aurora DB cluster*.
"""

from functools import partial
from typing import Any

from embedded_aws.rds import keys
from embedded_aws.rds.backend import RdsBackend
from embedded_aws.rds.connectivity import Connectivity
from embedded_aws.rds.exceptions import InvalidDBClusterStateError, InvalidDBInstanceStateError
from embedded_aws.rds.key_monitor import KEY_LOST
from embedded_aws.rds.models import (
    AVAILABLE,
    STARTING,
    STOPPED,
    STOPPING,
    DBCluster,
    Location,
)
from embedded_aws.rds.params import Params
from embedded_aws.rds.resources import find_cluster, is_available, require_status
from embedded_aws.rds.responses import cluster_response
from embedded_aws.rds.transitions import Operation, RunningTransition, StatusTransition

_SECONDS_OF_A_DAY = 24 * 60 * 60


class Stops:
    """``StopDBCluster`` and ``StartDBCluster``."""

    def __init__(self, backend: RdsBackend, connectivity: Connectivity) -> None:
        self._backend = backend
        self._connectivity = connectivity

    def stop(self, location: Location, params: Params) -> dict[str, Any]:
        """Perform ``StopDBCluster`` for the cluster and every instance."""
        cluster = find_cluster(self._backend, location, params.required("DBClusterIdentifier"))
        require_status(cluster, AVAILABLE)
        self._require_stoppable(cluster)
        for instance in self._backend.members(cluster):
            self._connectivity.instance_stopped(instance)
        self._run(cluster, Operation.STOP_CLUSTER, STOPPING, STOPPED)
        return {"DBCluster": cluster_response(self._backend, cluster)}

    def start(self, location: Location, params: Params) -> dict[str, Any]:
        """Perform ``StartDBCluster`` for the cluster and every instance."""
        cluster = find_cluster(self._backend, location, params.required("DBClusterIdentifier"))
        require_status(cluster, STOPPED, KEY_LOST)
        if cluster.storage.key_arn is not None:
            keys.check_still_usable(self._backend, location, cluster.storage.key_arn)
        self._start(cluster)
        return {"DBCluster": cluster_response(self._backend, cluster)}

    def _require_stoppable(self, cluster: DBCluster) -> None:
        if cluster.global_cluster is not None or cluster.replicas:
            raise InvalidDBClusterStateError(
                f"Cluster {cluster.identifier} is in a global cluster or has read replicas, and "
                "cannot be stopped"
            )
        if cluster.transition is not None and cluster.transition.running:
            raise InvalidDBClusterStateError(f"Cluster {cluster.identifier} is being changed")
        for instance in self._backend.members(cluster):
            if not is_available(instance):
                raise InvalidDBInstanceStateError(
                    f"Instance {instance.identifier} is not in available state, but "
                    f"{instance.status}"
                )

    def _start(self, cluster: DBCluster) -> None:
        self._backend.data_plane.certify(cluster.resource_id)
        self._run(cluster, Operation.START_CLUSTER, STARTING, AVAILABLE)

    def _start_again(self, cluster: DBCluster, stopped: RunningTransition | None) -> None:
        """Start a cluster that has been stopped for as long as AWS lets it be."""
        if cluster.status == STOPPED and cluster.transition is stopped:
            self._start(cluster)

    def _run(self, cluster: DBCluster, operation: Operation, status: str, final: str) -> None:
        timings = self._backend.timings
        seconds = timings.stop_cluster if status == STOPPING else timings.start_cluster

        def show(status: str) -> None:
            cluster.status = status
            for instance in self._backend.members(cluster):
                instance.status = status

        def done(reached: str) -> None:
            show(reached)
            if reached == AVAILABLE:
                for instance in self._backend.members(cluster):
                    self._connectivity.instance_started(instance)
            elif reached == STOPPED:
                self._backend.scheduler.after(
                    self._backend.rules.days_stopped_at_most * _SECONDS_OF_A_DAY,
                    partial(self._start_again, cluster, cluster.transition),
                )

        default = StatusTransition.spread((status,), seconds, final)
        cluster.transition = RunningTransition(
            self._backend.scheduler,
            self._backend.overrides.apply(operation, default),
            show=show,
            done=done,
        )
