"""The calls that change snapshots, as values."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from aurora_restore.shared.rds.calls import RdsCall, tag_resource
from aurora_restore.shared.rds.tags import tag_list
from aurora_restore.shared.snapshots.routes import Hop

if TYPE_CHECKING:
    from mypy_boto3_rds.type_defs import DBClusterSnapshotTypeDef


def copy_snapshot(
    hop: Hop, snapshot: "DBClusterSnapshotTypeDef", tags: Mapping[str, str], own_account: str
) -> RdsCall:
    """Return the call that copies ``snapshot`` as ``hop`` says.

    Raises ConfigurationError if the copy needs a key that is not configured.
    """
    key = hop.key_for(snapshot)
    source = hop.source
    return RdsCall(
        "CopyDBClusterSnapshot",
        hop.place.region,
        {
            "SourceDBClusterSnapshotIdentifier": str(source),
            "TargetDBClusterSnapshotIdentifier": hop.name,
            "Tags": tag_list(tags),
            **({"SourceRegion": source.region} if source.region != hop.place.region else {}),
            **({} if key is None else {"KmsKeyId": key}),
        },
        f"copy the snapshot {hop.where}",
        hop.place.account if hop.place.account != own_account else None,
    )


def share_snapshot(name: str, region: str, owner: str, account: str) -> RdsCall:
    """Return the call by which ``owner`` lets ``account`` use a manual snapshot."""
    return RdsCall(
        "ModifyDBClusterSnapshotAttribute",
        region,
        {
            "DBClusterSnapshotIdentifier": name,
            "AttributeName": "restore",
            "ValuesToAdd": [account],
        },
        f"let account {account} use the snapshot",
        owner,
    )


def delete_snapshot(name: str, region: str, reason: str, account: str | None = None) -> RdsCall:
    """Return the call that deletes a manual snapshot, of ``account`` if it is another one."""
    return RdsCall(
        "DeleteDBClusterSnapshot", region, {"DBClusterSnapshotIdentifier": name}, reason, account
    )


def mark_final_snapshot(arn: str, region: str, tags: Mapping[str, str]) -> RdsCall:
    """Return the call that tags a final snapshot as the pipeline's.

    DeleteDBCluster takes no tags for it, and only a snapshot with them is ever pruned.
    """
    return tag_resource(arn, region, tags, "mark the final snapshot as the pipeline's")
