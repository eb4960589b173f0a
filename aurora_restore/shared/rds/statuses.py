"""The statuses of RDS that decide something."""

from collections.abc import Mapping
from typing import Final

AVAILABLE: Final = "available"

DELETING: Final = "deleting"

STOPPED: Final = "stopped"

RESETTING_PASSWORD: Final = "resetting-master-credentials"  # noqa: S105 - a status

# The failure states of botocore's waiters for cluster snapshots. Every other status, known or not,
# means that the operation goes on.
DEAD_SNAPSHOT: Final = frozenset(
    {"failed", "deleted", "deleting", "incompatible-restore", "incompatible-parameters"}
)

FINISHED_SNAPSHOT: Final = DEAD_SNAPSHOT | {AVAILABLE}

# The statuses of the Aurora User Guide ("Viewing DB cluster status") that no waiting ends, and
# "failed", which botocore's waiter for clusters gives up at.
DEAD_CLUSTER: Final = frozenset(
    {
        "cloning-failed",
        "failed",
        "inaccessible-encryption-credentials",
        "inaccessible-encryption-credentials-recoverable",
        "incompatible-network",
        "incompatible-parameters",
        "incompatible-restore",
        "migration-failed",
        "restore-failed",
    }
)

AT_REST: Final = DEAD_CLUSTER | {AVAILABLE, "storage-optimization"}
"""The statuses of a cluster that nothing is done to, and that can be deleted."""

INSUFFICIENT_CAPACITY: Final = "insufficient-capacity"

# The User Guide ("Viewing DB instance status") says of an instance without capacity that it has to
# be deleted and made again, and of a full storage that only a change of the instance makes room.
DEAD_INSTANCE: Final = DEAD_CLUSTER | {
    "incompatible-create",
    "incompatible-credentials",
    INSUFFICIENT_CAPACITY,
    "modify-failed",
    "restore-error",
    "storage-full",
    "upgrade-failed",
}


def why_unusable(cluster_status: str, instance_statuses: Mapping[str, str]) -> str | None:
    """Return why no waiting makes a cluster usable, by the statuses of it and its instances.

    None if waiting may.
    """
    if cluster_status in DEAD_CLUSTER:
        return f"it is {cluster_status!r}"
    dead = [
        f"instance {name} is {status!r}"
        for name, status in instance_statuses.items()
        if status in DEAD_INSTANCE
    ]
    return ", ".join(dead) or None
