"""What the restored cluster is to be like: the configuration, and where it is silent, the old one.

``record`` keeps what the old cluster was before it goes; ``restore_parameters`` and
``planned_instances`` put it back. RestoreDBClusterFromSnapshot takes the engine's defaults for all
that is left out, so every setting is passed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from aurora_restore.shared.errors import ConfigurationError
from aurora_restore.shared.models import Instance, Target
from aurora_restore.shared.rds import tags_of

if TYPE_CHECKING:
    from mypy_boto3_rds.type_defs import DBClusterTypeDef, DBInstanceTypeDef

SERVERLESS: Final = "db.serverless"

# DescribeDBClusters key → RestoreDBClusterFromSnapshot parameter, for what is put back as it was.
_KEPT: Final[Mapping[str, str]] = {
    "BackupRetentionPeriod": "BackupRetentionPeriod",
    "CopyTagsToSnapshot": "CopyTagsToSnapshot",
    "DBClusterParameterGroup": "DBClusterParameterGroupName",
    "DeletionProtection": "DeletionProtection",
    "EnabledCloudwatchLogsExports": "EnableCloudwatchLogsExports",
    "EngineLifecycleSupport": "EngineLifecycleSupport",
    "IAMDatabaseAuthenticationEnabled": "EnableIAMDatabaseAuthentication",
    "PreferredBackupWindow": "PreferredBackupWindow",
    "StorageType": "StorageType",
}
_SCALING: Final = "ServerlessV2ScalingConfiguration"
_SCALING_KEYS: Final = ("MinCapacity", "MaxCapacity", "SecondsUntilAutoPause")


def record(cluster: "DBClusterTypeDef", instances: "Sequence[DBInstanceTypeDef]") -> dict[str, Any]:
    """What is worth knowing of a cluster once it is gone, as the state keeps it."""
    wanted = (*_KEPT, _SCALING, "DBClusterIdentifier", "DBClusterArn", "DbClusterResourceId")
    facts: dict[str, Any] = {key: cluster[key] for key in wanted if key in cluster}  # type: ignore[literal-required]
    facts["EngineVersion"] = cluster.get("EngineVersion")
    facts["DBSubnetGroup"] = cluster.get("DBSubnetGroup")
    facts["Port"] = cluster.get("Port")
    facts["VpcSecurityGroupIds"] = [
        group["VpcSecurityGroupId"] for group in cluster.get("VpcSecurityGroups", [])
    ]
    facts["Tags"] = tags_of(cluster.get("TagList"))
    writers = {
        member["DBInstanceIdentifier"]
        for member in cluster.get("DBClusterMembers", [])
        if member.get("IsClusterWriter")
    }
    facts["Instances"] = [
        asdict(_plan_of(instance))
        for instance in sorted(
            instances,
            key=lambda item: (
                item["DBInstanceIdentifier"] not in writers,
                item.get("PromotionTier", 1),
                item["DBInstanceIdentifier"],
            ),
        )
    ]
    return facts


@dataclass(frozen=True)
class InstancePlan:
    """A DB instance that is to exist."""

    identifier: str
    instance_class: str
    promotion_tier: int | None = None
    db_parameter_group_name: str | None = None


def _plan_of(instance: "DBInstanceTypeDef") -> InstancePlan:
    groups = [
        group["DBParameterGroupName"]
        for group in instance.get("DBParameterGroups", [])
        if not group["DBParameterGroupName"].startswith("default.")
    ]
    return InstancePlan(
        instance["DBInstanceIdentifier"],
        instance["DBInstanceClass"],
        instance.get("PromotionTier"),
        groups[0] if groups else None,
    )


def planned_instances(target: Target, old: Mapping[str, Any] | None) -> list[InstancePlan]:
    """The instances of the restored cluster, the writer-to-be first.

    Where the configuration names none, those of the old cluster; an instance keeps the old one's
    identifier, because instance endpoints and alarms depend on it. Raises ConfigurationError where
    neither says anything.
    """
    before = [InstancePlan(**plan) for plan in (old or {}).get("Instances", [])]
    if not target.instances:
        if not before:
            raise ConfigurationError(
                f"target.instances: is missing, and there is no old cluster {target.cluster_id} to "
                "take the instances from; configure at least one"
            )
        return before
    names = _identifiers(target.cluster_id, [plan.identifier for plan in before])
    return [_configured(next(names), instance) for instance in target.instances]


def _identifiers(cluster_id: str, before: Sequence[str]) -> Iterator[str]:
    yield from before
    number = 0
    while True:
        number += 1
        name = f"{cluster_id[:60].rstrip('-')}-{number}"
        if name not in before:
            yield name


def _configured(identifier: str, instance: Instance) -> InstancePlan:
    return InstancePlan(
        identifier,
        instance.instance_class,
        instance.promotion_tier,
        instance.db_parameter_group_name,
    )


def restore_parameters(target: Target, old: Mapping[str, Any] | None) -> dict[str, Any]:
    """The settings for RestoreDBClusterFromSnapshot, the configuration before the old cluster.

    A default parameter group is left to AWS: its name carries the engine's old major version.
    """
    old = old or {}
    parameters = {
        parameter: old[key]
        for key, parameter in _KEPT.items()
        if old.get(key) not in (None, [], "")
    }
    group = parameters.get("DBClusterParameterGroupName")
    if group is not None and group.startswith("default."):
        del parameters["DBClusterParameterGroupName"]
    if _SCALING in old:
        scaling = old[_SCALING]
        parameters[_SCALING] = {key: scaling[key] for key in _SCALING_KEYS if key in scaling}
    configured = {
        "DBClusterParameterGroupName": target.db_cluster_parameter_group_name,
        "DeletionProtection": target.deletion_protection,
        "KmsKeyId": target.kms_key_id,
        "Port": target.port,
        _SCALING: target.serverless_v2_scaling
        and {
            "MinCapacity": target.serverless_v2_scaling.min_capacity,
            "MaxCapacity": target.serverless_v2_scaling.max_capacity,
        },
    }
    return parameters | {key: value for key, value in configured.items() if value is not None}


def restored_tags(
    target: Target, old: Mapping[str, Any] | None, own: Mapping[str, str]
) -> dict[str, str]:
    """The tags of the restored cluster: the old one's, the configured, and the pipeline's own.

    Tags of AWS's own (``aws:``) cannot be set.
    """
    kept = {
        key: value
        for key, value in (old or {}).get("Tags", {}).items()
        if not key.startswith("aws:")
    }
    return {**kept, **target.tags, **own}
