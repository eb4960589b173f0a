"""The routes of a snapshot from its cluster to the target.

``choose_route`` is the decision; ``hops`` are the copies that it takes. A snapshot of another
account is reached only once it is shared, and an automated one, or one under a key of AWS's own,
can be shared only as a manual copy under a customer key.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Final

from aurora_restore.shared.documents.restore import Source, Target
from aurora_restore.shared.errors import ConfigurationError
from aurora_restore.shared.names import (
    COPY_SUFFIX,
    intermediate_snapshot_prefix,
    shared_snapshot_prefix,
)
from aurora_restore.shared.rds.arns import Place, RdsArn
from aurora_restore.shared.rds.reads import SSE_KMS, encryption_of
from aurora_restore.shared.snapshots.names import common_copy_name

if TYPE_CHECKING:
    from mypy_boto3_rds.type_defs import DBClusterSnapshotTypeDef

AUTOMATED: Final = "automated"


class Route(StrEnum):
    """How the restored cluster gets its data."""

    IN_PLACE = "restored where it is: same account, same Region"
    SHARED = "restored from another account's shared snapshot, same Region"
    OTHER_REGION = "copied to the target's Region"
    OTHER_ACCOUNT = "copied from another account"
    OTHER_ACCOUNT_AND_REGION = "copied from another account and Region in one step"
    TWO_STEPS = "copied from another account first, and to the other Region then"

    @property
    def copies(self) -> bool:
        """Return whether the target gets a copy of its own."""
        return self not in (Route.IN_PLACE, Route.SHARED)


def choose_route(source: Place, target: Place, copy_route: str) -> Route:
    """Return the route from the source to the target.

    Raises ConfigurationError if ``copy_route`` is "none" and the Regions differ.
    """
    other_account = source.account != target.account
    other_region = source.region != target.region
    if copy_route == "none" and other_region:
        raise ConfigurationError(
            "source.copy_route: 'none' restores a snapshot where it is, but the source is in "
            f"{source.region} and the target in {target.region}; leave it out"
        )
    if not other_account:
        return Route.OTHER_REGION if other_region else Route.IN_PLACE
    if not other_region:
        return Route.SHARED if copy_route == "none" else Route.OTHER_ACCOUNT
    return Route.TWO_STEPS if copy_route == "two-steps" else Route.OTHER_ACCOUNT_AND_REGION


class Where(StrEnum):
    """Who makes a copy, and so which credentials are used."""

    SOURCE_ACCOUNT = "in the source account"
    SOURCE_REGION = "in this account, in the source's Region"
    TARGET = "in the target's Region"


@dataclass(frozen=True)
class Hop:
    """One copy on the path: a CopyDBClusterSnapshot in the Region of ``place``."""

    where: Where
    place: Place
    source: RdsArn
    """The snapshot that is copied."""
    name: str
    kms_key_id: str | None
    """The customer key of the copy, if the snapshot is encrypted with KMS."""
    key_field: str
    """The field of the configuration that names the key."""
    share_with: str | None = None
    """The account that may use the copy once it is available."""
    is_common: bool = True
    """Whether restores that need the same copy use this one, and not one of their own."""

    @cached_property
    def arn(self) -> RdsArn:
        """Return the ARN of the copy."""
        place = self.place
        return RdsArn(
            self.source.partition, place.region, place.account, "cluster-snapshot", self.name
        )

    def key_for(self, snapshot: "DBClusterSnapshotTypeDef") -> str | None:
        """Return the key to pass to CopyDBClusterSnapshot, if any.

        A snapshot under a KMS key that changes its account or Region needs one; for any other
        snapshot it is an error. Raises ConfigurationError if it is not configured.
        """
        if encryption_of(snapshot) != SSE_KMS:
            return None
        if self.kms_key_id is None:
            raise ConfigurationError(
                f"{self.key_field}: is missing; snapshot "
                f"{snapshot['DBClusterSnapshotIdentifier']} is encrypted, and its copy "
                f"{self.where} needs a customer key in {self.place.region}"
            )
        return self.kms_key_id


def needs_manual_copy(snapshot_type: str, key: str | None, customer_key: str | None) -> bool:
    """Return whether a snapshot must be copied to a manual one before it can be shared.

    An automated one must. Nothing can be shared under a key of AWS's own, and a manual snapshot
    does not show whether its KMS key is one: it must be copied, unless its key is the configured
    one.
    """
    return snapshot_type == AUTOMATED or (
        key is not None and customer_key is not None and key != customer_key
    )


def hops(
    *,
    route: Route,
    source: Source,
    target: Target,
    snapshot: RdsArn,
    manual_copy_first: bool,
    target_place: Place,
    own_name: str | None,
    prefix: str,
) -> tuple[Hop, ...]:
    """Return the copies from the source's snapshot to what is restored, in order.

    ``own_name`` is the name of a copy in the target's Region that is the operation's own.
    """
    environment = f"{prefix} {target_place.account} {target_place.region}"

    def name(key: str | None, *, beginning: str = "", end: str = "") -> str:
        return common_copy_name(str(snapshot), key, environment, beginning=beginning, end=end)

    made: list[Hop] = []
    copied = snapshot
    if manual_copy_first:
        made.append(
            Hop(
                where=Where.SOURCE_ACCOUNT,
                place=Place(snapshot.account, snapshot.region),
                source=copied,
                name=name(source.kms_key_id, beginning=shared_snapshot_prefix(prefix)),
                kms_key_id=source.kms_key_id,
                key_field="source.kms_key_id",
                share_with=target_place.account,
            )
        )
        copied = made[-1].arn
    if route is Route.TWO_STEPS:
        made.append(
            Hop(
                where=Where.SOURCE_REGION,
                place=Place(target_place.account, snapshot.region),
                source=copied,
                name=name(
                    source.intermediate_kms_key_id,
                    beginning=intermediate_snapshot_prefix(prefix, target_place.region),
                ),
                kms_key_id=source.intermediate_kms_key_id,
                key_field="source.intermediate_kms_key_id",
            )
        )
        copied = made[-1].arn
    if route.copies:
        common_name = name(target.kms_key_id, end=COPY_SUFFIX)
        made.append(
            Hop(
                where=Where.TARGET,
                place=target_place,
                source=copied,
                name=own_name or common_name,
                kms_key_id=target.kms_key_id,
                key_field="target.kms_key_id",
                is_common=own_name in (None, common_name),
            )
        )
    return tuple(made)
