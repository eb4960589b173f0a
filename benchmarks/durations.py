"""What AWS and its clients take, as far as anything is published: the numbers of
``benchmarks.interruption``, each with its confidence and its source.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

MINUTE: Final = 60
HOUR: Final = 60 * MINUTE
_GUIDE: Final = "https://docs.aws.amazon.com/AmazonRDS/latest"
_CLONING: Final = "https://aws.amazon.com/blogs/aws/amazon-aurora-fast-database-cloning/"


class Confidence(StrEnum):
    """What stands behind a number."""

    DOCUMENTED = "documented"
    REPORTED = "reported"
    ASSUMED = "assumed"
    OURS = "this project"


@dataclass(frozen=True)
class Number:
    """A duration in seconds, and what stands behind it."""

    seconds: float
    confidence: Confidence
    reason: str
    url: str | None = None


@dataclass(frozen=True)
class Duration:
    """The shortest and the longest time that something may take, in seconds."""

    low: float
    high: float

    def __add__(self, other: "Duration") -> "Duration":
        """Return the time that both take, one after the other."""
        return Duration(self.low + other.low, self.high + other.high)

    def __mul__(self, factor: float) -> "Duration":
        """Return the time that so much of it takes."""
        return Duration(self.low * factor, self.high * factor)

    def __str__(self) -> str:
        """Return it for a person, with the unit once where both ends have the same."""
        low, high = shown(self.low).split(), shown(self.high).split()
        if self.low == self.high:
            return " ".join(low)
        return " ".join((low[0] if low[1] == high[1] else " ".join(low), "-", *high))


@dataclass(frozen=True)
class Figure:
    """One thing that takes time."""

    what: str
    low: Number
    high: Number

    @property
    def duration(self) -> Duration:
        """Return its range."""
        return Duration(self.low.seconds, self.high.seconds)


def shown(seconds: float) -> str:
    """Return a duration for a person: a number, a space and a unit."""
    if seconds < 1.5 * MINUTE:
        return f"{seconds:.0f} s"
    if seconds < 1.5 * HOUR:
        return f"{seconds / MINUTE:.0f} min"
    return f"{seconds / HOUR:.1f} h"


DELETION: Final = Figure(
    "Deleting the old instances and their cluster",
    Number(
        5 * MINUTE,
        Confidence.REPORTED,
        "Terraform's first limit for the cluster alone, which was too short",
        "https://github.com/hashicorp/terraform/pull/7604",
    ),
    Number(
        13 * MINUTE,
        Confidence.REPORTED,
        "11 min 47 s for an instance, then 63 s for the cluster",
        "https://github.com/tungbq/aws-lab-with-terraform/issues/100",
    ),
)
RESTORE: Final = Figure(
    "Restoring the cluster, whatever its size",
    Number(
        10 * MINUTE,
        Confidence.ASSUMED,
        "32 minutes were reported once for a whole restore, of a size that is not said",
        "https://github.com/fecgov/openFEC/issues/4643",
    ),
    Number(
        20 * MINUTE, Confidence.ASSUMED, "a third of the hour that AWS names for 2 TB", _CLONING
    ),
)
RESTORE_PER_TB: Final = Figure(
    "Restoring the cluster, for each TB",
    Number(
        10 * MINUTE,
        Confidence.ASSUMED,
        "half of the longest; that it grows evenly is assumed, too: AWS says that it does not",
        "https://repost.aws/knowledge-center/aurora-mysql-snapshot-restore-options",
    ),
    Number(20 * MINUTE, Confidence.REPORTED, "makes the hour that AWS names for 2 TB", _CLONING),
)
INSTANCES: Final = Figure(
    "Creating the instances, all together",
    Number(
        5 * MINUTE,
        Confidence.REPORTED,
        "a clone took 5 min 30 s, most of them for its instance",
        _CLONING,
    ),
    Number(
        20 * MINUTE,
        Confidence.REPORTED,
        "instances of a restored cluster that were `creating` for 20 minutes",
        "https://github.com/aws/aws-sdk/issues/826",
    ),
)
PASSWORD: Final = Figure(
    "Setting the master password",
    Number(30, Confidence.ASSUMED, "no source was found"),
    Number(3 * MINUTE, Confidence.ASSUMED, "no source was found"),
)
SETUP: Final = Figure(
    "Locking out, roles, grants and their proof",
    Number(15, Confidence.OURS, "the goal for another setup of 50,000 tables"),
    Number(MINUTE, Confidence.OURS, "the goal for the first: python -m benchmarks.database_setup"),
)
SCRIPTS_PER_TB: Final = Figure(
    "Masking scripts and their proof, for each TB",
    Number(2 * MINUTE, Confidence.ASSUMED, "they change a small share of the rows"),
    Number(20 * MINUTE, Confidence.ASSUMED, "they rewrite much; yours decide, so time them"),
)
HAND_OVER: Final = Figure(
    "Attaching the final security groups",
    Number(15, Confidence.ASSUMED, "no source was found"),
    Number(2 * MINUTE, Confidence.ASSUMED, "no source was found"),
)
RENAME: Final = Figure(
    "Renaming a cluster, each of the two renames",
    Number(MINUTE, Confidence.ASSUMED, "no measurement for Aurora was found"),
    Number(
        5 * MINUTE,
        Confidence.ASSUMED,
        "more than the two minutes that AWS names for a Multi-AZ cluster of RDS",
        f"{_GUIDE}/UserGuide/multi-az-db-cluster-rename.html",
    ),
)
NEW_ENDPOINT: Final = Figure(
    "Writing the new endpoint, closing the old cluster",
    Number(0, Confidence.OURS, "both clusters serve while the secret is written"),
    Number(20, Confidence.OURS, "the longest that switch-cluster waits within a call"),
)
VERIFICATION: Final = Figure(
    "Logging in at the final endpoint, and comparing",
    Number(5, Confidence.ASSUMED, "a few sessions"),
    Number(MINUTE, Confidence.ASSUMED, "a few sessions, some of which are tried again"),
)
OVERHEAD: Final = Figure(
    "Checks before the first change, archive and notice",
    Number(15, Confidence.ASSUMED, "a few calls of functions"),
    Number(2 * MINUTE, Confidence.ASSUMED, "a few calls of functions, in an account of many"),
)
KEPT: Final = Figure(
    "Keeping the retired cluster",
    Number(24 * HOUR, Confidence.OURS, "keep_old_hours, its default"),
    Number(24 * HOUR, Confidence.OURS, "keep_old_hours, its default"),
)
RETIREMENT: Final = Figure(
    "Until the hourly rule finds that its time has come",
    Number(0, Confidence.OURS, "it has come just before"),
    Number(HOUR, Confidence.OURS, "it has come just after the last time"),
)
STOP: Final = Figure(
    "Stopping a cluster",
    Number(2 * MINUTE, Confidence.ASSUMED, "no source was found"),
    Number(15 * MINUTE, Confidence.ASSUMED, "no source was found"),
)
START: Final = Figure(
    "Starting a stopped cluster",
    Number(5 * MINUTE, Confidence.ASSUMED, "no source was found"),
    Number(20 * MINUTE, Confidence.ASSUMED, "as long as creating its instances"),
)
ADDRESS_CACHED: Final = Figure(
    "How long a client keeps an address",
    Number(0, Confidence.ASSUMED, "it asks for each connection"),
    Number(
        5,
        Confidence.DOCUMENTED,
        "the TTL of Aurora's zones, which a JVM may be set to exceed",
        f"{_GUIDE}/AuroraUserGuide/blue-green-deployments-switching.html",
    ),
)
ABSENCE_CACHED: Final = Figure(
    "How long a client keeps that there is no such name",
    Number(0, Confidence.ASSUMED, "it did not ask while the name was gone"),
    Number(
        15 * MINUTE,
        Confidence.ASSUMED,
        "Route 53's default for a public zone; for Aurora's own zones no source was found",
        "https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/SOA-NSrecords.html",
    ),
)
SECRET_CACHED: Final = Figure(
    "How long an application keeps the secret",
    Number(1, Confidence.ASSUMED, "it reads the secret again when it cannot connect"),
    Number(
        HOUR,
        Confidence.DOCUMENTED,
        "the default of AWS's caching client",
        "https://docs.aws.amazon.com/secretsmanager/latest/userguide/"
        "retrieving-secrets_cache-ref-secretcacheconfig.html",
    ),
)
FIGURES: Final = tuple(value for value in list(globals().values()) if isinstance(value, Figure))
