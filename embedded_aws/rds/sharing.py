"""Who else may use a snapshot: its ``restore`` attribute."""

import re
from typing import Any

from embedded_aws.rds.backend import RdsBackend
from embedded_aws.rds.exceptions import (
    InvalidDBClusterSnapshotStateError,
    InvalidParameterCombinationError,
    InvalidParameterValueError,
    SharedSnapshotQuotaExceededError,
)
from embedded_aws.rds.models import DBClusterSnapshot, Location
from embedded_aws.rds.params import Params
from embedded_aws.rds.resources import EVERYONE, find_own_snapshot, is_available
from embedded_aws.rds.rules import Encryption
from embedded_aws.rds.snapshots import MANUAL

_ACCOUNT = re.compile(r"\d{12}")
_ATTRIBUTE = "restore"


class Sharing:
    """The two operations on snapshot attributes."""

    def __init__(self, backend: RdsBackend) -> None:
        self._backend = backend

    def describe(self, location: Location, params: Params) -> dict[str, Any]:
        """Perform ``DescribeDBClusterSnapshotAttributes``."""
        snapshot = find_own_snapshot(
            self._backend, location, params.required("DBClusterSnapshotIdentifier")
        )
        return _response(snapshot)

    def modify(self, location: Location, params: Params) -> dict[str, Any]:
        """Perform ``ModifyDBClusterSnapshotAttribute``.

        Source: Aurora User Guide, *Sharing a DB cluster snapshot*: only manual snapshots; with at
        most 20 accounts; encrypted ones not publicly, and not at all under the default key.
        """
        snapshot = find_own_snapshot(
            self._backend, location, params.required("DBClusterSnapshotIdentifier")
        )
        if params.required("AttributeName") != _ATTRIBUTE:
            raise InvalidParameterValueError(
                f"Invalid snapshot attribute {params.text('AttributeName')}"
            )
        if snapshot.kind != MANUAL:
            raise InvalidDBClusterSnapshotStateError("Automated snapshots cannot be shared.")
        if not is_available(snapshot):
            raise InvalidDBClusterSnapshotStateError(
                f"Snapshot {snapshot.identifier} is not available, but {snapshot.status}"
            )
        added = params.texts("ValuesToAdd") or ()
        removed = params.texts("ValuesToRemove") or ()
        self._check(location, snapshot, added, removed)
        kept = [one for one in snapshot.shared_with if one not in removed]
        kept += [one for one in added if one not in kept]
        limit = self._backend.rules.accounts_per_shared_snapshot
        if len([one for one in kept if one != EVERYONE]) > limit:
            raise SharedSnapshotQuotaExceededError(limit)
        snapshot.shared_with = kept
        return _response(snapshot)

    def _check(
        self,
        location: Location,
        snapshot: DBClusterSnapshot,
        added: tuple[str, ...],
        removed: tuple[str, ...],
    ) -> None:
        if both := sorted(set(added) & set(removed)):
            raise InvalidParameterCombinationError(
                f"A value may not appear in both the add list and remove list. {both}"
            )
        for value in (*added, *removed):
            if value != EVERYONE and not _ACCOUNT.fullmatch(value):
                raise InvalidParameterValueError(f"Invalid account id {value}")
        if not added or snapshot.storage.encryption is not Encryption.SSE_KMS:
            return
        if EVERYONE in added:
            raise InvalidParameterValueError("An encrypted snapshot cannot be made public.")
        key = self._backend.services.key(location, snapshot.storage.key_arn or "")
        if key is None or key.aws_managed:
            raise InvalidDBClusterSnapshotStateError(
                "A snapshot that is encrypted with the default KMS key cannot be shared."
            )


def _response(snapshot: DBClusterSnapshot) -> dict[str, Any]:
    return {
        "DBClusterSnapshotAttributesResult": {
            "DBClusterSnapshotIdentifier": snapshot.identifier,
            "DBClusterSnapshotAttributes": [
                {"AttributeName": _ATTRIBUTE, "AttributeValues": list(snapshot.shared_with)}
            ],
        }
    }
