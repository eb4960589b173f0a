"""Tries to reach the restored cluster from outside, from the moment at which it can answer."""

import socket
import struct
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from aurora_restore.cli.progress import ExecutionProgress, StepStatus
from aurora_restore.shared.rds.reads import find_cluster

_PATIENCE_SECONDS: Final = 2.0
RESTORE: Final = "restore-snapshot"
_SSL_REQUEST: Final = struct.pack("!ii", 8, 80877103)
"""What a client sends first, and a server answers with one byte (PostgreSQL's protocol, SSL)."""


def reaches(host: str, port: int) -> bool:
    """Return whether a PostgreSQL server answers there."""
    try:
        with socket.create_connection((host, port), timeout=_PATIENCE_SECONDS) as connection:
            connection.sendall(_SSL_REQUEST)
            return bool(connection.recv(1))
    except OSError:
        return False


class Outsider:
    """A host in the network of a cluster, as a colleague's is or a bastion.

    Only the groups that were wanted for the cluster let it in, and those of a quarantine do not.
    A cluster that is renamed is known by both names, of which it has the first one first.
    """

    def __init__(
        self, rds: Any, *names: str, reaches: Callable[[str, int], bool] = reaches
    ) -> None:
        self._rds = rds
        self._names = names
        self._reaches = reaches
        self.refused = 0
        """How often it was refused while the cluster and its instance were available."""
        self.reached: datetime | None = None
        """When it first got through."""

    def try_to_connect(self, progress: ExecutionProgress) -> None:
        """Try once, if the cluster is restored and available, until it has got through."""
        if self.reached is not None or not _is_restored(progress):
            return
        cluster = next(filter(None, (find_cluster(self._rds, name) for name in self._names)), None)
        if cluster is None or cluster["Status"] != "available":
            return
        if self._statuses(cluster["DBClusterIdentifier"]) != {"available"}:
            return
        now = datetime.now(UTC)
        if self._reaches(cluster["Endpoint"], cluster["Port"]):
            self.reached = now
        else:
            self.refused += 1

    def _statuses(self, cluster_id: str) -> set[str]:
        filters = [{"Name": "db-cluster-id", "Values": [cluster_id]}]
        found = self._rds.describe_db_instances(Filters=filters)["DBInstances"]
        return {instance["DBInstanceStatus"] for instance in found}


def _is_restored(progress: ExecutionProgress) -> bool:
    """Return whether the restore has begun, in this execution or in one that it goes on from."""
    restore = progress.step(RESTORE)
    after = progress.steps[progress.steps.index(restore) + 1 :]
    return restore.status is StepStatus.DONE or any(step.started for step in after)
