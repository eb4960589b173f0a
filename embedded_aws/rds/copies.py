"""Copies of cluster snapshots: within a Region, between Regions, between accounts."""

from typing import Any

from embedded_aws.rds import keys, names
from embedded_aws.rds.backend import Backend
from embedded_aws.rds.errors import (
    InvalidParameterCombinationError,
    InvalidSnapshotStateError,
)
from embedded_aws.rds.lookup import is_available, usable_snapshot
from embedded_aws.rds.models import COPYING, Place, Snapshot, Storage
from embedded_aws.rds.params import Params
from embedded_aws.rds.rules import Encryption
from embedded_aws.rds.snapshots import MANUAL, Snapshots
from embedded_aws.rds.tagging import tags_of
from embedded_aws.rds.transfers import Transfers


class Copies:
    """``CopyDBClusterSnapshot`` and the queue behind it."""

    def __init__(self, backend: Backend, snapshots: Snapshots, transfers: Transfers) -> None:
        self._world = backend
        self._snapshots = snapshots
        self._transfers = transfers

    def copy(self, place: Place, params: Params) -> dict[str, Any]:
        """``CopyDBClusterSnapshot``, called in the Region that gets the copy."""
        source = usable_snapshot(
            self._world, place, params.required("SourceDBClusterSnapshotIdentifier")
        )
        name = names.identifier(
            params.required("TargetDBClusterSnapshotIdentifier"),
            "TargetDBClusterSnapshotIdentifier",
        )
        if not is_available(source):
            raise InvalidSnapshotStateError(
                f"The source snapshot {source.identifier} is not available, but {source.status}"
            )
        self._snapshots.check_free(place, name)
        self._snapshots.check_quota(place)
        storage = self._storage(place, source, params.text("KmsKeyId"))
        tags, copy_tags = tags_of(params), params.flag("CopyTags")
        if tags is None:
            own = source.place.account == place.account
            tags = dict(source.tags) if copy_tags and own else {}
        snapshot = Snapshot(
            place=place,
            identifier=name,
            kind=MANUAL,
            status=COPYING,
            origin=source.origin,
            storage=storage,
            created=self._world.schedule.now,
            image=source.image,
            source_arn=source.arn,
            tags=tags,
        )
        self._world.site(place).snapshots[name] = snapshot
        self._transfers.admit(place)
        return {"DBClusterSnapshot": self._snapshots.shown(snapshot)}

    def _storage(self, place: Place, source: Snapshot, key_id: str | None) -> Storage:
        """How the copy is encrypted; refuses the keys that AWS refuses.

        Source: botocore model, ``CopyDBClusterSnapshotMessage.KmsKeyId``.
        """
        if source.storage.encryption is not Encryption.SSE_KMS:
            if key_id is not None:
                raise InvalidParameterCombinationError(
                    "KmsKeyId can't be specified when copying an unencrypted DB cluster snapshot"
                )
            return source.storage
        source_key = source.storage.key_arn or ""
        foreign = source.place.account != place.account
        elsewhere = source.place.region != place.region
        if key_id is None and (foreign or elsewhere):
            raise InvalidParameterCombinationError(
                "KmsKeyId must be specified to copy an encrypted DB cluster snapshot that is "
                "shared or in another Region"
            )
        keys.check_still_usable(self._world, place, source_key)
        if key_id is None:
            return source.storage
        return Storage(Encryption.SSE_KMS, keys.usable_key(self._world, place, key_id).arn)
