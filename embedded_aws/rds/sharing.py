"""Who else may use a snapshot: its ``restore`` attribute."""

import re
from typing import Any

from embedded_aws.rds.backend import Backend
from embedded_aws.rds.errors import (
    InvalidParameterCombinationError,
    InvalidParameterValueError,
    InvalidSnapshotStateError,
    SharedSnapshotQuotaExceededError,
)
from embedded_aws.rds.lookup import EVERYONE, is_available, own_snapshot
from embedded_aws.rds.models import Place, Snapshot
from embedded_aws.rds.params import Params
from embedded_aws.rds.rules import Encryption
from embedded_aws.rds.snapshots import MANUAL

_ACCOUNT = re.compile(r"\d{12}")
_ATTRIBUTE = "restore"


class Sharing:
    """The two operations on snapshot attributes."""

    def __init__(self, backend: Backend) -> None:
        self._world = backend

    def describe(self, place: Place, params: Params) -> dict[str, Any]:
        """``DescribeDBClusterSnapshotAttributes``."""
        snapshot = own_snapshot(self._world, place, params.required("DBClusterSnapshotIdentifier"))
        return _shown(snapshot)

    def modify(self, place: Place, params: Params) -> dict[str, Any]:
        """``ModifyDBClusterSnapshotAttribute``.

        Source: Aurora User Guide, *Sharing a DB cluster snapshot*: only manual snapshots; with at
        most 20 accounts; encrypted ones not publicly, and not at all under the default key.
        """
        snapshot = own_snapshot(self._world, place, params.required("DBClusterSnapshotIdentifier"))
        if params.required("AttributeName") != _ATTRIBUTE:
            raise InvalidParameterValueError(
                f"Invalid snapshot attribute {params.text('AttributeName')}"
            )
        if snapshot.kind != MANUAL:
            raise InvalidSnapshotStateError("Automated snapshots cannot be shared.")
        if not is_available(snapshot):
            raise InvalidSnapshotStateError(
                f"Snapshot {snapshot.identifier} is not available, but {snapshot.status}"
            )
        added = params.texts("ValuesToAdd") or ()
        removed = params.texts("ValuesToRemove") or ()
        self._check(place, snapshot, added, removed)
        kept = [one for one in snapshot.shared_with if one not in removed]
        kept += [one for one in added if one not in kept]
        limit = self._world.rules.accounts_per_shared_snapshot
        if len([one for one in kept if one != EVERYONE]) > limit:
            raise SharedSnapshotQuotaExceededError(limit)
        snapshot.shared_with = kept
        return _shown(snapshot)

    def _check(
        self, place: Place, snapshot: Snapshot, added: tuple[str, ...], removed: tuple[str, ...]
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
        key = self._world.services.key(place, snapshot.storage.key_arn or "")
        if key is None or key.aws_managed:
            raise InvalidSnapshotStateError(
                "A snapshot that is encrypted with the default KMS key cannot be shared."
            )


def _shown(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "DBClusterSnapshotAttributesResult": {
            "DBClusterSnapshotIdentifier": snapshot.identifier,
            "DBClusterSnapshotAttributes": [
                {"AttributeName": _ATTRIBUTE, "AttributeValues": list(snapshot.shared_with)}
            ],
        }
    }
