"""The settings of the restored cluster: the configured ones, and otherwise the old cluster's.

``record`` describes a cluster for the state; ``restore_settings`` and ``planned_instances`` put it
back, and ``drift`` lists what differs in the end. RestoreDBClusterFromSnapshot uses the engine's
default for every parameter that is left out, so every setting is passed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from aurora_restore.shared.cluster.network import ClusterNetwork
from aurora_restore.shared.cluster.surroundings import NO_SURROUNDINGS, UNKNOWN, Surroundings
from aurora_restore.shared.documents.restore import Instance, ServerlessV2Scaling, Target
from aurora_restore.shared.errors import ConfigurationError
from aurora_restore.shared.names import instance_name_prefix
from aurora_restore.shared.rds.tags import tags_of

if TYPE_CHECKING:
    from mypy_boto3_rds.type_defs import DBClusterTypeDef, DBInstanceTypeDef

SERVERLESS: Final = "db.serverless"
OWN_TAGS: Final = "aurora-restore:"
AWS_TAGS: Final = "aws:"

# DescribeDBClusters key → RestoreDBClusterFromSnapshot parameter, for what is put back as it was.
_KEPT: Final[Mapping[str, str]] = {
    "BackupRetentionPeriod": "BackupRetentionPeriod",
    "CopyTagsToSnapshot": "CopyTagsToSnapshot",
    "DBClusterParameterGroup": "DBClusterParameterGroupName",
    "DeletionProtection": "DeletionProtection",
    "EnabledCloudwatchLogsExports": "EnableCloudwatchLogsExports",
    "EngineLifecycleSupport": "EngineLifecycleSupport",
    "IAMDatabaseAuthenticationEnabled": "EnableIAMDatabaseAuthentication",
    "NetworkType": "NetworkType",
    "PreferredBackupWindow": "PreferredBackupWindow",
    "StorageType": "StorageType",
}
_SCALING: Final = "ServerlessV2ScalingConfiguration"
_AUTO_PAUSE: Final = "SecondsUntilAutoPause"
_SCALING_KEYS: Final = ("MinCapacity", "MaxCapacity", _AUTO_PAUSE)
_ROLES: Final = "AssociatedRoles"
SECURITY_GROUPS: Final = "VpcSecurityGroupIds"
MAINTENANCE_WINDOW: Final = "PreferredMaintenanceWindow"
PROTECTION: Final = "DeletionProtection"
# What a restore does not take. Some of it is put back afterwards, some is lost: see ``extras``.
INSIGHTS: Final = "DatabaseInsightsMode"
DATA_API: Final = "HttpEndpointEnabled"
WRITE_FORWARDING: Final = "LocalWriteForwarding"
ACTIVITY_STREAM: Final = "ActivityStream"
MANAGED_SECRET: Final = "ManagedMasterSecret"  # noqa: S105 - which setting, not its value
CUSTOM_ENDPOINTS: Final = "CustomEndpoints"
MANAGED_SECRET_KEY: Final = "ManagedMasterSecretKey"  # noqa: S105
PROXIES: Final = "Proxies"
READER_SCALING: Final = "ReaderAutoScaling"
WITH_THE_NAME: Final = (CUSTOM_ENDPOINTS, PROXIES, READER_SCALING, DATA_API)
"""What a cluster beside the target gets only after it has been given the target's name."""
DEFAULT_GROUP: Final = "default."
"""The parameter groups of the engine itself; their names carry its major version."""

INSIGHTS_KEY: Final = "PerformanceInsightsKMSKeyId"

# DescribeDBInstances key → CreateDBInstance parameter.
_INSTANCE_OPTIONS: Final[Mapping[str, str]] = {
    "AutoMinorVersionUpgrade": "AutoMinorVersionUpgrade",
    "CACertificateIdentifier": "CACertificateIdentifier",
    "MonitoringInterval": "MonitoringInterval",
    "MonitoringRoleArn": "MonitoringRoleArn",
    "PerformanceInsightsEnabled": "EnablePerformanceInsights",
    INSIGHTS_KEY: INSIGHTS_KEY,
    "PerformanceInsightsRetentionPeriod": "PerformanceInsightsRetentionPeriod",
    "PreferredMaintenanceWindow": "PreferredMaintenanceWindow",
}


# An option → the one without which CreateDBInstance refuses it.
_NEEDS: Final[Mapping[str, str]] = {
    "MonitoringRoleArn": "MonitoringInterval",
    INSIGHTS_KEY: "PerformanceInsightsEnabled",
    "PerformanceInsightsRetentionPeriod": "PerformanceInsightsEnabled",
}


def _is_on(described: Mapping[str, Any], key: str) -> bool:
    return key not in _NEEDS or bool(described.get(_NEEDS[key]))


@dataclass(frozen=True)
class InstancePlan:
    """A DB instance that is to exist."""

    identifier: str
    instance_class: str
    promotion_tier: int | None = None
    db_parameter_group_name: str | None = None
    kept: Mapping[str, Any] | None = None
    """Parameters of CreateDBInstance that are put back as they were."""
    tags: Mapping[str, str] | None = None
    """The tags that the instance of this name had."""

    def options(self) -> dict[str, Any]:
        """Return the optional parameters of CreateDBInstance."""
        configured = {
            "PromotionTier": self.promotion_tier,
            "DBParameterGroupName": self.db_parameter_group_name,
        }
        return {
            **(self.kept or {}),
            **{key: value for key, value in configured.items() if value is not None},
        }


def settings_of(
    cluster: "DBClusterTypeDef",
    instances: "Sequence[DBInstanceTypeDef]",
    around: Surroundings = NO_SURROUNDINGS,
) -> dict[str, Any]:
    """Return the description of a cluster and its instances that the state keeps.

    The instances are in the order in which they are restored, the writer first. Tags of AWS and of
    the pipeline are left out.
    """
    described: Mapping[str, Any] = cluster
    facts = {
        key: described[key]
        for key in (
            *_KEPT,
            MAINTENANCE_WINDOW,
            "DBClusterArn",
            "DBClusterIdentifier",
            "DBSubnetGroup",
            "DbClusterResourceId",
            "EngineVersion",
            "Port",
        )
        if described.get(key) is not None
    }
    if described.get(_SCALING):
        facts[_SCALING] = {
            key: described[_SCALING][key] for key in _SCALING_KEYS if key in described[_SCALING]
        }
    facts[_ROLES] = [
        {key: role[key] for key in ("RoleArn", "FeatureName") if role.get(key)}
        for role in described.get(_ROLES, [])
    ]
    facts[SECURITY_GROUPS] = sorted(
        group["VpcSecurityGroupId"] for group in described.get("VpcSecurityGroups", [])
    )
    facts["Tags"] = _others_tags(described)
    facts |= {key: value for key, value in _extras(described, around) if value}
    writers = {
        member["DBInstanceIdentifier"]
        for member in described.get("DBClusterMembers", [])
        if member.get("IsClusterWriter")
    }
    plans = sorted(
        (_plan_of(instance) for instance in instances),
        key=lambda plan: (
            plan.identifier not in writers,
            1 if plan.promotion_tier is None else plan.promotion_tier,
            plan.identifier,
        ),
    )
    facts["Instances"] = [asdict(plan) for plan in plans]
    return facts


def _others_tags(described: Mapping[str, Any]) -> dict[str, str]:
    """Return the tags of a cluster or an instance that are neither AWS's nor the pipeline's."""
    return {
        key: value
        for key, value in tags_of(described.get("TagList")).items()
        if not key.startswith((AWS_TAGS, OWN_TAGS))
    }


def _extras(described: Mapping[str, Any], around: Surroundings) -> Iterator[tuple[str, Any]]:
    """Yield what a restore does not take, where it is not as it is by default."""
    if described.get(INSIGHTS) == "advanced":
        yield INSIGHTS, "advanced"
    yield DATA_API, described.get(DATA_API)
    forwards = described.get("LocalWriteForwardingStatus") in ("enabled", "enabling", "requested")
    yield WRITE_FORWARDING, forwards
    if described.get("ActivityStreamStatus") in ("started", "starting"):
        yield ACTIVITY_STREAM, described.get("ActivityStreamMode") or "started"
    managed = described.get("MasterUserSecret") or {}
    yield MANAGED_SECRET, managed.get("SecretArn")
    yield MANAGED_SECRET_KEY, managed.get("KmsKeyId")
    yield CUSTOM_ENDPOINTS, [dict(each) for each in around.custom_endpoints]
    proxies = around.proxies
    yield PROXIES, proxies if isinstance(proxies, str) else list(proxies)
    scaling = around.reader_scaling
    yield READER_SCALING, dict(scaling) if isinstance(scaling, Mapping) else scaling


def _plan_of(instance: "DBInstanceTypeDef") -> InstancePlan:
    described: Mapping[str, Any] = instance
    groups = [
        group["DBParameterGroupName"]
        for group in described.get("DBParameterGroups", [])
        if not group["DBParameterGroupName"].startswith(DEFAULT_GROUP)
    ]
    kept = {
        parameter: described[key]
        for key, parameter in _INSTANCE_OPTIONS.items()
        if described.get(key) not in (None, "") and _is_on(described, key)
    }
    return InstancePlan(
        described["DBInstanceIdentifier"],
        described["DBInstanceClass"],
        described.get("PromotionTier"),
        groups[0] if groups else None,
        kept,
        _others_tags(described) or None,
    )


def planned_instances(
    target: Target, old: Mapping[str, Any] | None, cluster_id: str | None = None
) -> list[InstancePlan]:
    """Return the instances of the restored cluster, the future writer first.

    If the configuration names none, they are those of the old cluster. An instance keeps the old
    one's identifier, because instance endpoints and alarms depend on it; in a cluster beside the
    target (``cluster_id``) it is named after that. Raises ConfigurationError if there is neither.
    """
    cluster_id = cluster_id or target.cluster_id
    before = [InstancePlan(**plan) for plan in (old or {}).get("Instances", [])]
    if cluster_id != target.cluster_id:
        names = _identifiers(cluster_id, ())
        before = [replace(plan, identifier=next(names)) for plan in before]
    if not target.instances:
        if not before:
            raise ConfigurationError(
                f"target.instances: is missing, and there is no old cluster {target.cluster_id} to "
                "take the instances from; configure at least one"
            )
        return before
    names = _identifiers(cluster_id, [plan.identifier for plan in before])
    existing = {plan.identifier: plan for plan in before}
    return [_configured(next(names), instance, existing) for instance in target.instances]


def _identifiers(cluster_id: str, before: Sequence[str]) -> Iterator[str]:
    yield from before
    number = 0
    while True:
        number += 1
        name = f"{instance_name_prefix(cluster_id)}{number}"
        if name not in before:
            yield name


def _configured(
    identifier: str, instance: Instance, existing: Mapping[str, InstancePlan]
) -> InstancePlan:
    before = existing.get(identifier)
    return InstancePlan(
        identifier,
        instance.instance_class,
        instance.promotion_tier,
        instance.db_parameter_group_name,
        None if before is None else before.kept,
        None if before is None else before.tags,
    )


def restore_settings(
    target: Target, old: Mapping[str, Any] | None, network: ClusterNetwork
) -> dict[str, Any]:
    """Return the settings for RestoreDBClusterFromSnapshot: configured, else the old cluster's.

    A default parameter group is left to AWS: its name carries the engine's old major version.
    """
    old = old or {}
    unset: tuple[Any, ...] = (None, [], "", {})
    kept = {parameter: old[key] for key, parameter in _KEPT.items() if old.get(key) not in unset}
    if str(kept.get("DBClusterParameterGroupName", "")).startswith(DEFAULT_GROUP):
        del kept["DBClusterParameterGroupName"]
    for key in (_SCALING, _ROLES):
        if old.get(key):
            kept[key] = old[key]
    scaling = target.serverless_v2_scaling
    configured = {
        "DBClusterParameterGroupName": target.db_cluster_parameter_group_name,
        "DeletionProtection": target.deletion_protection,
        "KmsKeyId": target.kms_key_id,
        "Port": target.listens_on,
        _SCALING: scaling and _scaling(scaling, old.get(_SCALING) or {}),
    }
    return {
        "DBSubnetGroupName": network.db_subnet_group_name,
        SECURITY_GROUPS: list(network.first_group_ids),
        **kept,
        **{key: value for key, value in configured.items() if value is not None},
    }


def _scaling(configured: ServerlessV2Scaling, old: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configured capacity; the time until it pauses stays, if it is not configured."""
    pause = configured.seconds_until_auto_pause or old.get(_AUTO_PAUSE)
    return {
        "MinCapacity": configured.min_capacity,
        "MaxCapacity": configured.max_capacity,
        **({_AUTO_PAUSE: pause} if pause and configured.min_capacity == 0 else {}),
    }


def finishing_touches(wanted: Mapping[str, Any], old: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what is set once the restored cluster is good: maintenance window and protection.

    A restore that fails must be deleted, and RDS modifies no failed cluster to lift a protection.
    """
    window = (old or {}).get(MAINTENANCE_WINDOW)
    return {
        **({MAINTENANCE_WINDOW: window} if window else {}),
        **({PROTECTION: True} if wanted.get(PROTECTION) else {}),
    }


def restored_tags(
    target: Target, old: Mapping[str, Any] | None, own: Mapping[str, str]
) -> dict[str, str]:
    """Return the tags of the restored cluster: the old one's, the configured, the pipeline's."""
    return {**(old or {}).get("Tags", {}), **target.tags, **own}


def instance_tags(target: Target, plan: InstancePlan, own: Mapping[str, str]) -> dict[str, str]:
    """Return the tags of a restored instance: the old one's, the configured, the pipeline's."""
    return {**(plan.tags or {}), **target.tags, **own}


_AFTER_HAND_OVER: Final = frozenset(
    {DATA_API, MANAGED_SECRET, MANAGED_SECRET_KEY, PROXIES, SECURITY_GROUPS}
)
"""How a cluster is reached, and its master user logs in: right only once it is handed over."""

# What is not expected to stay: it is new in every restore, or decided by the snapshot.
_ALWAYS_NEW: Final = frozenset(
    {
        *("DBClusterArn", "DBClusterIdentifier", "DbClusterResourceId"),
        *("EngineVersion", "Port", "Instances"),
    }
)


@dataclass(frozen=True)
class Difference:
    """A setting of the restored cluster that is not as it should be."""

    setting: str
    wanted: Any
    found: Any


def drift(
    target: Target,
    old: Mapping[str, Any] | None,
    new: Mapping[str, Any],
    wanted: Mapping[str, Any],
    plans: Sequence[InstancePlan],
) -> list[Difference]:
    """Return how the restored cluster (``new``) differs from the old one and the configuration.

    ``wanted`` are the parameters that it was restored with, which outrank the old cluster. How it
    is reached is left out: see ``hand_over_drift``.
    """
    by_parameter = {parameter: key for key, parameter in _KEPT.items()}
    expected = {
        key: value
        for key, value in (old or {}).items()
        if key not in _ALWAYS_NEW | _AFTER_HAND_OVER and value and value != UNKNOWN
    }
    expected |= {
        by_parameter[parameter]: value
        for parameter, value in wanted.items()
        if parameter in by_parameter
    }
    expected["DBSubnetGroup"] = wanted["DBSubnetGroupName"]
    if _SCALING in wanted:
        expected[_SCALING] = wanted[_SCALING]
    expected["Tags"] = {**(old or {}).get("Tags", {}), **target.tags}
    if str(expected.get("DBClusterParameterGroup", "")).startswith(DEFAULT_GROUP):
        del expected["DBClusterParameterGroup"]
    found = [
        Difference(key, value, new.get(key))
        for key, value in sorted(expected.items())
        if _comparable(new.get(key)) != _comparable(value)
    ]
    existing = {plan["identifier"]: plan for plan in new.get("Instances", [])}
    for plan in plans:
        actual = existing.get(plan.identifier)
        if actual is None or actual["instance_class"] != plan.instance_class:
            found.append(
                Difference(
                    f"Instances.{plan.identifier}",
                    plan.instance_class,
                    actual and actual["instance_class"],
                )
            )
        if actual is not None and plan.tags:
            wanted_tags = instance_tags(target, plan, own={})
            if (actual.get("tags") or {}) != wanted_tags:
                found.append(
                    Difference(f"Instances.{plan.identifier}.Tags", wanted_tags, actual.get("tags"))
                )
        now = (actual or {}).get("kept") or {}
        found += [
            Difference(f"Instances.{plan.identifier}.{option}", value, now.get(option))
            for option, value in sorted((plan.kept or {}).items())
            if actual is not None and _comparable(now.get(option)) != _comparable(value)
        ]
    return found


def hand_over_drift(
    old: Mapping[str, Any] | None, new: Mapping[str, Any], security_group_ids: Sequence[str]
) -> list[Difference]:
    """Return how a cluster that is handed over is reached otherwise than it should be."""
    expected: dict[str, Any] = {SECURITY_GROUPS: sorted(security_group_ids)}
    if (old or {}).get(DATA_API):
        expected[DATA_API] = True
    return [
        Difference(key, value, new.get(key))
        for key, value in expected.items()
        if _comparable(new.get(key)) != _comparable(value)
    ]


def _comparable(value: Any) -> Any:
    """Return a value in which the order of lists, and None or empty, make no difference."""
    if isinstance(value, list):
        return sorted(str(_comparable(item)) for item in value) or None
    if isinstance(value, Mapping):
        return {key: _comparable(item) for key, item in value.items()} or None
    if isinstance(value, bool) or value in ("", None):
        return value or None
    if isinstance(value, int | float):
        return float(value)
    return value
