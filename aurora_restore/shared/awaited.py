"""Everything that a step may wait for, declared once.

Each has a clock of its own: the seconds since the operation began to wait for it decide when it is
looked at again. What takes about as long each time is remembered from one operation of a restore to
the next. A restore's first operation has nothing but what is usual: about the middle of what
``benchmarks/durations.py`` has, with its sources and where it is assumed.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

MINUTE: Final = 60.0


@dataclass(frozen=True)
class AwaitedThing:
    """What is declared of something that is waited for."""

    name: str
    """As the state has it, and the record of durations."""
    meaning: str
    remembered: bool = True
    """Whether earlier durations say when it is over; not of what people or chance decide."""
    usual: float | None = None
    """The seconds that it takes, of a restore of which nothing is remembered."""
    grows_with: str | None = None
    """What takes longer with the same data, and comes before it."""
    attempted: bool = False
    """Whether a look tries again what has failed, so that it is not repeated every few seconds."""


class Awaited(Enum):
    """What a step waits for."""

    LOCK = AwaitedThing(
        "target-lock", "another operation at work on the target", remembered=False, attempted=True
    )
    SNAPSHOT = AwaitedThing("snapshot", "the source's snapshot to become available")
    SHARED_SNAPSHOT = AwaitedThing(
        "shared-snapshot", "a shared snapshot to be seen", remembered=False
    )
    COPY_TURN = AwaitedThing(
        "copy-turn", "the turn of a copy that AWS refuses for now", remembered=False, attempted=True
    )
    INTERMEDIATE_COPY = AwaitedThing("intermediate-copy", "a copy on the way to the target")
    FAILED_COPY = AwaitedThing("failed-copy", "a failed copy to be deleted", remembered=False)
    RELEASED_COPY = AwaitedThing(
        "released-copy", "a copy that no restore used to be deleted", remembered=False
    )
    COPY = AwaitedThing("copy", "the copy of the snapshot")
    REST = AwaitedThing("rest", "a cluster that cannot be deleted as it is", remembered=False)
    DELETION = AwaitedThing("deletion", "a cluster to be gone", usual=8 * MINUTE)
    CAPACITY = AwaitedThing("capacity", "capacity that AWS lacks", remembered=False, attempted=True)
    TAGS = AwaitedThing("tags", "the tags of a new cluster to be shown", remembered=False)
    CLUSTER = AwaitedThing(
        "cluster",
        "the restored cluster to become available",
        usual=15 * MINUTE,
        grows_with="copy",
    )
    INSTANCES = AwaitedThing("instances", "its instances to become available", usual=10 * MINUTE)
    PASSWORD = AwaitedThing("password", "its master password to be set", usual=1.5 * MINUTE)
    SETTINGS = AwaitedThing("settings", "changes of its settings to be applied")
    DATABASE = AwaitedThing(
        "database", "a database that is not reached", remembered=False, attempted=True
    )
    TASK = AwaitedThing("task", "a script, or another task in a database")
    GRANTS = AwaitedThing("grants", "the rest of the grants, in another call", remembered=False)
    SECURITY_GROUPS = AwaitedThing(
        "security-groups", "its security groups to be attached", usual=1 * MINUTE
    )
    SWITCH = AwaitedThing("switch", "the switch of the target", remembered=False)
    BELONGINGS = AwaitedThing("belongings", "what belongs to the target's name", remembered=False)
    CERTIFICATE = AwaitedThing("certificate", "the server's certificate to be refreshed")
    MANAGED_PASSWORD = AwaitedThing(
        "managed-password",
        "RDS to set the master password that it manages",
        usual=1.5 * MINUTE,
    )
