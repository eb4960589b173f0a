"""Everything that a step may wait for, declared once.

Each has a clock of its own: the seconds since the operation began to wait for it decide when it is
looked at again. What takes about as long each time is remembered from one operation of a restore to
the next.
"""

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True)
class Wait:
    """What is declared of something that is waited for."""

    name: str
    """As the state has it, and the record of durations."""
    meaning: str
    remembered: bool = True
    """Whether earlier durations say when it is over; not of what people or chance decide."""
    attempted: bool = False
    """Whether a look tries again what has failed, so that it is not repeated every few seconds."""


class Awaited(Enum):
    """What a step waits for."""

    LOCK = Wait(
        "target-lock", "another operation at work on the target", remembered=False, attempted=True
    )
    SNAPSHOT = Wait("snapshot", "the source's snapshot to become available")
    SHARED_SNAPSHOT = Wait("shared-snapshot", "a shared snapshot to be seen", remembered=False)
    INTERMEDIATE_COPY = Wait("intermediate-copy", "a copy on the way to the target")
    FAILED_COPY = Wait("failed-copy", "a failed copy to be deleted", remembered=False)
    COPY = Wait("copy", "the copy of the snapshot")
    REST = Wait("rest", "a cluster that cannot be deleted as it is", remembered=False)
    DELETION = Wait("deletion", "a cluster to be gone")
    CAPACITY = Wait("capacity", "capacity that AWS lacks", remembered=False, attempted=True)
    TAGS = Wait("tags", "the tags of a new cluster to be shown", remembered=False)
    CLUSTER = Wait("cluster", "the restored cluster to become available")
    INSTANCES = Wait("instances", "its instances to become available")
    PASSWORD = Wait("password", "its master password to be set")
    SETTINGS = Wait("settings", "changes of its settings to be applied")
    DATABASE = Wait("database", "a database that is not reached", remembered=False, attempted=True)
    TASK = Wait("task", "a script, or another task in a database")
    GRANTS = Wait("grants", "the rest of the grants, in another call", remembered=False)
    SECURITY_GROUPS = Wait("security-groups", "its security groups to be attached")
    SWITCH = Wait("switch", "the switch of the target", remembered=False)
    BELONGINGS = Wait("belongings", "what belongs to the target's name", remembered=False)
    CERTIFICATE = Wait("certificate", "the server's certificate to be refreshed")
