"""The AWS calls that change something, as values: a step makes them, a dry run lists them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from botocore import xform_name

from aurora_restore.shared.aws_utils import call
from aurora_restore.shared.routes import Hop
from aurora_restore.shared.settings import InstancePlan

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_rds.type_defs import DBClusterSnapshotTypeDef, DBClusterTypeDef

HIDDEN: Final = "(from the secret)"


@dataclass(frozen=True)
class RdsCall:
    """One call of RDS: what, where, and why."""

    operation: str
    region: str
    parameters: Mapping[str, Any]
    reason: str
    account: str | None = None
    """The account whose credentials it takes, where that is not the environment's."""
    secret: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Parameters that are passed, and shown nowhere."""

    def make(self, rds: "RDSClient") -> dict[str, Any]:
        """Make the call. Raises AuroraRestoreError, as ``aws_utils.call`` does."""
        method = getattr(rds, xform_name(self.operation))
        answer: dict[str, Any] = call(method, **self.parameters, **self.secret)
        return answer

    def described(self) -> dict[str, Any]:
        """The call as a dry run tells it."""
        told = {
            "service": "rds",
            "operation": self.operation,
            "region": self.region,
            "parameters": {**self.parameters, **dict.fromkeys(self.secret, HIDDEN)},
            "reason": self.reason,
        }
        return told if self.account is None else {**told, "account": self.account}


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def copy_snapshot(
    hop: Hop, snapshot: "DBClusterSnapshotTypeDef", tags: Mapping[str, str], own_account: str
) -> RdsCall:
    """Raises ConfigurationError where the copy needs a key that is not configured."""
    key = hop.key_for(snapshot)
    source_region = hop.source_arn.split(":")[3]
    return RdsCall(
        "CopyDBClusterSnapshot",
        hop.place.region,
        {
            "SourceDBClusterSnapshotIdentifier": hop.source_arn,
            "TargetDBClusterSnapshotIdentifier": hop.name,
            "Tags": tag_list(tags),
            **({"SourceRegion": source_region} if source_region != hop.place.region else {}),
            **({} if key is None else {"KmsKeyId": key}),
        },
        f"copy the snapshot {hop.where}",
        hop.place.account if hop.place.account != own_account else None,
    )


def share_snapshot(name: str, region: str, owner: str, account: str) -> RdsCall:
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
    return RdsCall(
        "DeleteDBClusterSnapshot", region, {"DBClusterSnapshotIdentifier": name}, reason, account
    )


def mark_final_snapshot(arn: str, region: str, tags: Mapping[str, str]) -> RdsCall:
    """DeleteDBCluster takes no tags for it, and only what has them is ever pruned."""
    return tag_resource(arn, region, tags, "mark the final snapshot as the pipeline's")


def tag_resource(arn: str, region: str, tags: Mapping[str, str], reason: str) -> RdsCall:
    return RdsCall(
        "AddTagsToResource", region, {"ResourceName": arn, "Tags": tag_list(tags)}, reason
    )


def lift_protection(cluster_id: str, region: str) -> RdsCall:
    return RdsCall(
        "ModifyDBCluster",
        region,
        {
            "DBClusterIdentifier": cluster_id,
            "DeletionProtection": False,
            "ApplyImmediately": True,
        },
        "lift the deletion protection, as target.replace_protected allows",
    )


def delete_instance(instance_id: str, region: str) -> RdsCall:
    return RdsCall(
        "DeleteDBInstance",
        region,
        {"DBInstanceIdentifier": instance_id, "SkipFinalSnapshot": True},
        "a cluster can be deleted once its instances are being deleted",
    )


def delete_cluster(cluster_id: str, region: str, final_snapshot: str | None) -> RdsCall:
    final: dict[str, Any] = (
        {"SkipFinalSnapshot": True}
        if final_snapshot is None
        else {"SkipFinalSnapshot": False, "FinalDBSnapshotIdentifier": final_snapshot}
    )
    return RdsCall(
        "DeleteDBCluster",
        region,
        {"DBClusterIdentifier": cluster_id, **final},
        "make room for the restored cluster",
    )


def restore_cluster(
    cluster_id: str,
    region: str,
    snapshot: "DBClusterSnapshotTypeDef",
    snapshot_arn: str,
    settings: Mapping[str, Any],
    tags: Mapping[str, str],
) -> RdsCall:
    return RdsCall(
        "RestoreDBClusterFromSnapshot",
        region,
        {
            "DBClusterIdentifier": cluster_id,
            "SnapshotIdentifier": snapshot_arn,
            "Engine": snapshot["Engine"],
            "EngineVersion": snapshot["EngineVersion"],
            "Tags": tag_list(tags),
            **settings,
            "DeletionProtection": False,
        },
        "restore the cluster; RDS makes it without instances and with the source's password",
    )


def create_instance(
    cluster_id: str, engine: str, region: str, plan: InstancePlan, tags: Mapping[str, str]
) -> RdsCall:
    return RdsCall(
        "CreateDBInstance",
        region,
        {
            "DBInstanceIdentifier": plan.identifier,
            "DBInstanceClass": plan.instance_class,
            "Engine": engine,
            "DBClusterIdentifier": cluster_id,
            "PubliclyAccessible": False,
            "Tags": tag_list(tags),
            **plan.options(),
        },
        "a restored cluster has no instances",
    )


def set_master_password(cluster_id: str, region: str, password: str) -> RdsCall:
    return RdsCall(
        "ModifyDBCluster",
        region,
        {"DBClusterIdentifier": cluster_id, "ApplyImmediately": True},
        "a restored cluster has the source's master password",
        secret={"MasterUserPassword": password},
    )


def finish_cluster(cluster_id: str, region: str, changes: Mapping[str, Any]) -> RdsCall:
    return RdsCall(
        "ModifyDBCluster",
        region,
        {"DBClusterIdentifier": cluster_id, **changes, "ApplyImmediately": True},
        "RestoreDBClusterFromSnapshot takes no maintenance window, and only a good cluster is "
        "protected against deletion",
    )


def deletion(
    cluster: "DBClusterTypeDef", instances: Sequence[Any], region: str, final_snapshot: str | None
) -> list[RdsCall]:
    """What deletes a cluster: its protection, its readers, its writer, itself."""
    writers = {
        member["DBInstanceIdentifier"]
        for member in cluster.get("DBClusterMembers", [])
        if member.get("IsClusterWriter")
    }
    names = sorted(
        (item["DBInstanceIdentifier"] for item in instances),
        key=lambda name: (name in writers, name),
    )
    protected = cluster.get("DeletionProtection")
    cluster_id = cluster["DBClusterIdentifier"]
    return [
        *([lift_protection(cluster_id, region)] if protected else []),
        *(delete_instance(name, region) for name in names),
        delete_cluster(cluster_id, region, final_snapshot),
    ]
