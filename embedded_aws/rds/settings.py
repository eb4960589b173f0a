"""Reads the settings of a cluster from a request, and checks what they refer to."""

import re
from typing import Any

from embedded_aws.rds.backend import RdsBackend
from embedded_aws.rds.exceptions import (
    DBClusterParameterGroupNotFoundError,
    DBClusterRoleQuotaExceededError,
    DBSubnetGroupNotFoundError,
    InvalidParameterCombinationError,
    InvalidParameterValueError,
    InvalidVPCNetworkStateError,
    NetworkTypeNotSupportedError,
)
from embedded_aws.rds.keys import usable_key
from embedded_aws.rds.models import DBCluster, Location, Role
from embedded_aws.rds.params import Params
from embedded_aws.rds.services import SubnetGroup

ENGINE = "aurora-postgresql"
LOG_TYPES = ("iam-db-auth-error", "instance", "postgresql")
STORAGE_TYPES = ("aurora", "aurora-iopt1")
LIFECYCLE_SUPPORT = (
    "open-source-rds-extended-support",
    "open-source-rds-extended-support-disabled",
)
_VERSION = re.compile(r"\d{2}\.\d{1,2}")
_FORBIDDEN_IN_PASSWORD = frozenset('/"@')
_PORTS = range(1150, 65536)


def check_engine(params: Params) -> None:
    """Refuse other engines than Aurora PostgreSQL, and clusters that are not provisioned."""
    engine = params.required("Engine")
    if engine != ENGINE:
        raise InvalidParameterValueError(f"This emulator runs {ENGINE} only, not {engine}")
    mode = params.text("EngineMode")
    if mode not in (None, "provisioned"):
        raise InvalidParameterValueError(
            f"This emulator runs provisioned clusters only, not {mode}"
        )


def engine_version(params: Params, default: str) -> str:
    """Return the version a request asks for, or the Region's default."""
    version = params.text("EngineVersion") or default
    if not _VERSION.fullmatch(version):
        raise InvalidParameterCombinationError(f"Cannot find version {version} for {ENGINE}")
    return version


def major(version: str) -> int:
    """Return the major version."""
    return int(version.partition(".")[0])


def default_parameter_group(version: str) -> str:
    """Return the engine's own parameter group for a version."""
    return f"default.{ENGINE}{major(version)}"


def check_master_password(password: str) -> None:
    """Refuse a wrong password. Source: botocore model: 8 to 41 printable ASCII, not ``/ " @``."""
    if not 8 <= len(password) <= 41:
        raise InvalidParameterValueError(
            "The parameter MasterUserPassword is not a valid password because it must contain "
            "from 8 to 41 characters."
        )
    if any(not " " <= letter <= "~" or letter in _FORBIDDEN_IN_PASSWORD for letter in password):
        raise InvalidParameterValueError(
            "The parameter MasterUserPassword is not a valid password. Only printable ASCII "
            "characters besides '/', '@', '\"', ' ' may be used."
        )


def create_managed_secret(backend: RdsBackend, cluster: DBCluster, params: Params) -> str:
    """Create the secret of ``ManageMasterUserPassword`` for a cluster; return its password."""
    key = params.text("MasterUserSecretKmsKeyId")
    if key is not None:
        usable_key(backend, cluster.location, key)
    secret = backend.services.create_managed_secret(
        cluster.location, cluster.arn, cluster.master_username, key
    )
    cluster.managed_secret = {"SecretArn": secret.arn, "KmsKeyId": secret.key_arn}
    return secret.password


def subnet_group(backend: RdsBackend, location: Location, params: Params) -> SubnetGroup:
    """Return the group a request names, or ``default``."""
    name = params.text("DBSubnetGroupName") or "default"
    group = backend.services.subnet_group(location, name)
    if group is None:
        raise DBSubnetGroupNotFoundError(name)
    return group


def check_network_type(params: Params, group: SubnetGroup) -> None:
    """Refuse a type of network that the subnet group does not support."""
    wanted = params.text("NetworkType")
    if wanted is not None and wanted not in group.network_types:
        raise NetworkTypeNotSupportedError(wanted, group.name)


def security_groups(
    backend: RdsBackend, location: Location, params: Params, group: SubnetGroup
) -> tuple[str, ...]:
    """Return the security groups a request names, or the default one of the subnet group's VPC."""
    named = params.texts("VpcSecurityGroupIds")
    if not named:
        return (backend.services.default_security_group(location, group.vpc),)
    for identifier in named:
        found = backend.services.security_group(location, identifier)
        if found is None:
            raise InvalidParameterValueError(f"Invalid security group , groupId= {identifier}")
        if found.vpc != group.vpc:
            raise InvalidVPCNetworkStateError(
                "The DB instance and EC2 security group are in different VPCs. The DB instance is "
                f"in {group.vpc} and the EC2 security group is in {found.vpc}"
            )
    return named


def cluster_parameter_group(
    backend: RdsBackend, location: Location, params: Params, version: str
) -> str:
    """Return the cluster parameter group a request names, or the engine's default."""
    name = params.text("DBClusterParameterGroupName")
    if name is None:
        return default_parameter_group(version)
    if not backend.services.has_cluster_parameter_group(location, name):
        raise DBClusterParameterGroupNotFoundError(name)
    return name


def optional_settings(params: Params) -> dict[str, Any]:
    """Return the settings that creating, restoring and modifying have in common, if present."""
    read: dict[str, Any] = {
        "port": _port(params),
        "backup_retention_period": _retention(params),
        "preferred_backup_window": params.text("PreferredBackupWindow"),
        "preferred_maintenance_window": params.text("PreferredMaintenanceWindow"),
        "iam_authentication": params.get("EnableIAMDatabaseAuthentication"),
        "deletion_protection": params.get("DeletionProtection"),
        "copy_tags_to_snapshot": params.get("CopyTagsToSnapshot"),
        "storage_type": _one_of(params, "StorageType", STORAGE_TYPES),
        "serverless_scaling": serverless_scaling(params),
        "engine_lifecycle_support": _one_of(params, "EngineLifecycleSupport", LIFECYCLE_SUPPORT),
        "monitoring_interval": params.number("MonitoringInterval"),
        "monitoring_role_arn": params.text("MonitoringRoleArn"),
        "performance_insights": params.get("EnablePerformanceInsights"),
        "performance_insights_key": params.text("PerformanceInsightsKMSKeyId"),
        "performance_insights_retention": params.number("PerformanceInsightsRetentionPeriod"),
        "database_insights_mode": params.text("DatabaseInsightsMode"),
        "auto_minor_version_upgrade": params.get("AutoMinorVersionUpgrade"),
        "network_type": params.text("NetworkType"),
        "http_endpoint": params.get("EnableHttpEndpoint"),
        "local_write_forwarding": params.get("EnableLocalWriteForwarding"),
    }
    return {name: value for name, value in read.items() if value is not None}


def log_exports(names: tuple[str, ...] | None) -> tuple[str, ...]:
    """Return the log types of a request, checked."""
    for name in names or ():
        if name not in LOG_TYPES:
            raise InvalidParameterCombinationError(
                f"You cannot use the log types '{name}' with engine version {ENGINE}. Use one of: "
                + ", ".join(LOG_TYPES)
            )
    return tuple(names or ())


def serverless_scaling(params: Params) -> dict[str, float] | None:
    """Return ``ServerlessV2ScalingConfiguration``; a capacity is a multiple of 0.5 up to 256."""
    given = params.structure("ServerlessV2ScalingConfiguration")
    if given is None:
        return None
    scaling = {name: float(value) for name, value in given.items()}
    lowest, highest = scaling.get("MinCapacity"), scaling.get("MaxCapacity")
    if lowest is None or highest is None:
        raise InvalidParameterCombinationError(
            "Serverless v2 maximum and minimum capacity must both be set"
        )
    for name, value in (("minimum", lowest), ("maximum", highest)):
        if not 0 <= value <= 256 or value % 0.5:
            raise InvalidParameterValueError(
                f"Serverless v2 {name} capacity {value:g} isn't valid. It must be a multiple of "
                "0.5 between 0 and 256."
            )
    if highest < max(1.0, lowest):
        raise InvalidParameterValueError(
            f"Serverless v2 maximum capacity {highest:g} isn't valid. It must be at least 1.0 and "
            "not less than the minimum capacity."
        )
    return scaling


def roles(backend: RdsBackend, params: Params) -> list[Role]:
    """Return ``AssociatedRoles`` of a request, at most as many as a cluster may have."""
    found = [
        Role(item.required("RoleArn"), item.text("FeatureName") or "")
        for item in params.structures("AssociatedRoles") or []
    ]
    if len(found) > backend.rules.roles_per_cluster:
        raise DBClusterRoleQuotaExceededError(
            f"A DB cluster cannot have more than {backend.rules.roles_per_cluster} roles"
        )
    return found


def _port(params: Params) -> int | None:
    port = params.number("Port")
    if port is not None and port not in _PORTS:
        raise InvalidParameterValueError(
            f"Invalid port {port}: must be between {_PORTS.start} and {_PORTS.stop - 1}"
        )
    return port


def _retention(params: Params) -> int | None:
    days = params.number("BackupRetentionPeriod")
    if days is not None and not 1 <= days <= 35:
        raise InvalidParameterValueError(
            f"Invalid backup retention period: {days}. Must be between 1 and 35 days"
        )
    return days


def _one_of(params: Params, name: str, accepted: tuple[str, ...]) -> str | None:
    value = params.text(name)
    if value is not None and value not in accepted:
        raise InvalidParameterValueError(
            f"Invalid {name}: {value}. Must be one of {', '.join(accepted)}"
        )
    return value
