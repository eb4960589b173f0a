"""The beginnings of names that the steps give, by which their roles are bounded."""

from typing import Final

LOCKS: Final = "lock#*"
"""The partition keys of the locks in the state table."""


def intermediate_snapshot_prefix(prefix: str) -> str:
    """How the names of this account's copies in a source's Region begin."""
    return f"{prefix}-step-"


def final_snapshot_prefix(cluster_id: str) -> str:
    """How the name of a replaced cluster's final snapshot begins."""
    return f"{cluster_id[:40].rstrip('-')}-final-"
