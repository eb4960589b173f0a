"""The calls that change a cluster and its instances, as values."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aurora_restore.shared.cluster.settings import InstancePlan
from aurora_restore.shared.names import TAG_ADOPTED, TAG_KEEP_UNTIL
from aurora_restore.shared.rds.calls import RdsCall, tag_resource
from aurora_restore.shared.rds.tags import tag_list

if TYPE_CHECKING:
    from mypy_boto3_rds.type_defs import DBClusterSnapshotTypeDef, DBClusterTypeDef


def lift_protection(cluster_id: str, region: str) -> RdsCall:
    """Return the call that lifts a cluster's deletion protection."""
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
    """Return the call that deletes an instance of a cluster."""
    return RdsCall(
        "DeleteDBInstance",
        region,
        {"DBInstanceIdentifier": instance_id, "SkipFinalSnapshot": True},
        "a cluster can be deleted once its instances are being deleted",
    )


def delete_cluster(cluster_id: str, region: str, final_snapshot: str | None) -> RdsCall:
    """Return the call that deletes a cluster; ``final_snapshot`` names the one to take, if any."""
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
    """Return the call that restores a cluster from ``snapshot``, without deletion protection.

    ``settings`` are parameters of RestoreDBClusterFromSnapshot. A restore that fails must be
    deleted, so the protection is set only once the cluster is good (``finish_cluster``).
    """
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
    """Return the call that creates a planned instance in a cluster."""
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
    """Return the call that sets the master password, which the call shows nowhere."""
    return RdsCall(
        "ModifyDBCluster",
        region,
        {"DBClusterIdentifier": cluster_id, "ApplyImmediately": True},
        "a restored cluster has the source's master password",
        secret={"MasterUserPassword": password},
    )


def quarantine(cluster_id: str, region: str, group_ids: Sequence[str]) -> RdsCall:
    """Return the call that leaves a cluster, and so its instances, its quarantine's groups only."""
    return _attach_groups(
        cluster_id, region, group_ids, "until it is handed over only the pipeline may reach it"
    )


def lift_quarantine(cluster_id: str, region: str, group_ids: Sequence[str]) -> RdsCall:
    """Return the call that gives a cluster, and so its instances, the wanted security groups."""
    return _attach_groups(
        cluster_id, region, group_ids, "lift the quarantine of the cluster, which is set up now"
    )


def _attach_groups(cluster_id: str, region: str, group_ids: Sequence[str], reason: str) -> RdsCall:
    return RdsCall(
        "ModifyDBCluster",
        region,
        {
            "DBClusterIdentifier": cluster_id,
            "VpcSecurityGroupIds": list(group_ids),
            "ApplyImmediately": True,
        },
        reason,
    )


def rename_cluster(cluster_id: str, region: str, new_name: str, target: str) -> RdsCall:
    """Return the call that renames a cluster in a switch of ``target``. Its endpoints change too.

    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.Modifying.html
    """
    return RdsCall(
        "ModifyDBCluster",
        region,
        {
            "DBClusterIdentifier": cluster_id,
            "NewDBClusterIdentifier": new_name,
            "ApplyImmediately": True,
        },
        f"the name {target} goes from one cluster to the other",
    )


def adopt_cluster(arn: str, region: str, tags: Mapping[str, str]) -> RdsCall:
    """Return the call that marks a cluster that a switch is to keep; ``tags`` are the restore's."""
    return tag_resource(
        arn,
        region,
        {**tags, TAG_ADOPTED: "true"},
        "mark the cluster that the pipeline did not make, and is to keep beside the target",
    )


def retire_cluster(arn: str, region: str, tags: Mapping[str, str], keep_until: str) -> RdsCall:
    """Return the call that marks what served before; ``tags`` are the restore's."""
    return tag_resource(
        arn,
        region,
        {**tags, TAG_KEEP_UNTIL: keep_until},
        "mark what served before as retired",
    )


def remove_expiry(arn: str, region: str) -> RdsCall:
    """Return the call that removes the tag by which a cluster expires that serves, or will."""
    return RdsCall(
        "RemoveTagsFromResource",
        region,
        {"ResourceName": arn, "TagKeys": [TAG_KEEP_UNTIL]},
        "what serves does not expire, and may not be deleted",
    )


def close_retired(cluster_id: str, region: str, group_ids: Sequence[str]) -> RdsCall:
    """Return the call that lets only the pipeline reach the cluster that served before."""
    return _attach_groups(
        cluster_id, region, group_ids, "nobody is to write to the cluster that served before"
    )


def open_again(cluster_id: str, region: str, group_ids: Sequence[str]) -> RdsCall:
    """Return the call that gives a cluster the security groups back with which it served."""
    return _attach_groups(cluster_id, region, group_ids, "the cluster is to serve again")


def start_cluster(cluster_id: str, region: str) -> RdsCall:
    """Return the call that starts a stopped cluster and its instances."""
    return RdsCall(
        "StartDBCluster",
        region,
        {"DBClusterIdentifier": cluster_id},
        "RDS renames, and deletes, no stopped cluster",
    )


def stop_cluster(cluster_id: str, region: str) -> RdsCall:
    """Return the call that stops a cluster; RDS starts it again after seven days."""
    return RdsCall(
        "StopDBCluster",
        region,
        {"DBClusterIdentifier": cluster_id},
        "a stopped cluster costs its storage only",
    )


def finish_cluster(cluster_id: str, region: str, changes: Mapping[str, Any]) -> RdsCall:
    """Return the call that applies the last settings (``finishing_touches``) to a good cluster."""
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
    """Return the calls that delete a cluster: its protection, its readers, its writer, itself."""
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
