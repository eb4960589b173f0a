"""Copies of cluster snapshots: within a Region, between Regions, between accounts."""

from typing import Any

from embedded_aws.rds import keys, names
from embedded_aws.rds.backend import RdsBackend
from embedded_aws.rds.exceptions import (
    InvalidDBClusterSnapshotStateError,
    InvalidParameterCombinationError,
    TooManyCopiesError,
)
from embedded_aws.rds.models import COPYING, DBClusterSnapshot, Location, Storage
from embedded_aws.rds.params import Params
from embedded_aws.rds.resources import find_accessible_snapshot, is_available
from embedded_aws.rds.rules import Encryption
from embedded_aws.rds.snapshot_progress import SnapshotProgress
from embedded_aws.rds.snapshots import MANUAL, Snapshots
from embedded_aws.rds.tagging import tags_of


class Copies:
    """``CopyDBClusterSnapshot`` and the queue behind it."""

    def __init__(
        self, backend: RdsBackend, snapshots: Snapshots, progress: SnapshotProgress
    ) -> None:
        self._backend = backend
        self._snapshots = snapshots
        self._progress = progress

    def copy(self, location: Location, params: Params) -> dict[str, Any]:
        """Perform ``CopyDBClusterSnapshot``, called in the Region that gets the copy."""
        source = find_accessible_snapshot(
            self._backend, location, params.required("SourceDBClusterSnapshotIdentifier")
        )
        name = names.identifier(
            params.required("TargetDBClusterSnapshotIdentifier"),
            "TargetDBClusterSnapshotIdentifier",
        )
        if not is_available(source):
            raise InvalidDBClusterSnapshotStateError(
                f"The source snapshot {source.identifier} is not available, but {source.status}"
            )
        self._snapshots.check_free(location, name)
        self._snapshots.check_quota(location)
        self._check_limit(location)
        storage = self._storage(location, source, params.text("KmsKeyId"))
        tags, copy_tags = tags_of(params), params.flag("CopyTags")
        if tags is None:
            own = source.location.account == location.account
            tags = dict(source.tags) if copy_tags and own else {}
        snapshot = DBClusterSnapshot(
            location=location,
            identifier=name,
            kind=MANUAL,
            status=COPYING,
            origin=source.origin,
            storage=storage,
            created=self._backend.scheduler.now,
            image=source.image,
            source_arn=source.arn,
            tags=tags,
        )
        self._backend.at(location).snapshots[name] = snapshot
        self._progress.start_queued_copies(location)
        return {"DBClusterSnapshot": self._snapshots.response(snapshot)}

    def _check_limit(self, location: Location) -> None:
        """Refuse one copy too many in progress in the account and Region, unless it is queued."""
        rules = self._backend.rules
        if rules.queues_copies_beyond_the_limit:
            return
        if self._progress.copies_under_way(location) >= rules.copies_in_progress:
            raise TooManyCopiesError(rules.copies_in_progress)

    def _storage(
        self, location: Location, source: DBClusterSnapshot, key_id: str | None
    ) -> Storage:
        """Return how the copy is encrypted, or refuse the keys that AWS refuses.

        Source: botocore model, ``CopyDBClusterSnapshotMessage.KmsKeyId``.
        """
        if source.storage.encryption is not Encryption.SSE_KMS:
            if key_id is not None:
                raise InvalidParameterCombinationError(
                    "KmsKeyId can't be specified when copying an unencrypted DB cluster snapshot"
                )
            return source.storage
        source_key = source.storage.key_arn or ""
        foreign = source.location.account != location.account
        elsewhere = source.location.region != location.region
        if key_id is None and (foreign or elsewhere):
            raise InvalidParameterCombinationError(
                "KmsKeyId must be specified to copy an encrypted DB cluster snapshot that is "
                "shared or in another Region"
            )
        keys.check_still_usable(self._backend, location, source_key)
        if key_id is None:
            return source.storage
        return Storage(Encryption.SSE_KMS, keys.usable_key(self._backend, location, key_id).arn)
