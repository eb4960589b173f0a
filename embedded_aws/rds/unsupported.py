"""Parameters of the API that the emulator does not support.

It refuses them: a test would rely on a parameter that is accepted and ignored.
"""

from collections.abc import Mapping

from embedded_aws.rds.exceptions import InvalidParameterValueError, RDSClientError
from embedded_aws.rds.params import Params

_DIRECTORY = frozenset({"Domain", "DomainIAMRoleName"})
_NOT_AURORA = frozenset(
    {"DBClusterInstanceClass", "Iops", "PubliclyAccessible", "RdsCustomClusterConfiguration"}
)
_SERVERLESS_V1 = frozenset({"ScalingConfiguration"})
_MYSQL = frozenset({"BacktrackWindow"})
_NEWER = frozenset({"TagSpecifications", "EnableVPCNetworking", "EnableInternetAccessGateway"})

UNSUPPORTED_PARAMETERS: Mapping[str, frozenset[str]] = {
    "CreateDBCluster": _DIRECTORY
    | _NOT_AURORA
    | _SERVERLESS_V1
    | _MYSQL
    | {
        "AllocatedStorage",
        "AvailabilityZones",
        "CACertificateIdentifier",
        "CharacterSetName",
        "ClusterScalabilityType",
        "DBSystemId",
        "EnableGlobalWriteForwarding",
        "EnableLimitlessDatabase",
        "MasterUserAuthenticationType",
        "OptionGroupName",
        "TagSpecifications",
        "WithExpressConfiguration",
    },
    "RestoreDBClusterFromSnapshot": _DIRECTORY
    | _NOT_AURORA
    | _SERVERLESS_V1
    | _MYSQL
    | _NEWER
    | {"AvailabilityZones", "OptionGroupName"},
    "ModifyDBCluster": _DIRECTORY
    | _SERVERLESS_V1
    | _MYSQL
    | {
        "AllocatedStorage",
        "AllowEngineModeChange",
        "AwsBackupRecoveryPointArn",
        "CACertificateIdentifier",
        "DBClusterInstanceClass",
        "DBInstanceParameterGroupName",
        "EnableGlobalWriteForwarding",
        # Of Serverless v1 alone: other clusters have EnableHttpEndpoint and DisableHttpEndpoint.
        "EnableHttpEndpoint",
        "EnableLimitlessDatabase",
        "EngineMode",
        "Iops",
        "MasterUserAuthenticationType",
        "OptionGroupName",
        "RotateMasterUserPassword",
    },
    "CreateDBInstance": frozenset(
        {
            "AdditionalStorageVolumes",
            "AllocatedStorage",
            "BackupTarget",
            "CharacterSetName",
            "CustomIamInstanceProfile",
            "DBName",
            "DBSecurityGroups",
            "DBSystemId",
            "DedicatedLogVolume",
            "Domain",
            "DomainAuthSecretArn",
            "DomainDnsIps",
            "DomainFqdn",
            "DomainIAMRoleName",
            "DomainOu",
            "EnableCloudwatchLogsExports",
            "EnableCustomerOwnedIp",
            "EngineLifecycleSupport",
            "Iops",
            "LicenseModel",
            "MasterUserAuthenticationType",
            "MasterUserSecretKmsKeyId",
            "MasterUsername",
            "MaxAllocatedStorage",
            "MultiAZ",
            "MultiTenant",
            "NcharCharacterSetName",
            "NetworkType",
            "OptionGroupName",
            "Port",
            "ProcessorFeatures",
            "StorageThroughput",
            "StorageType",
            "TagSpecifications",
            "TdeCredentialArn",
            "TdeCredentialPassword",
            "Timezone",
        }
    ),
    "ModifyDBInstance": frozenset(
        {
            "AdditionalStorageVolumes",
            "AllocatedStorage",
            "AllowMajorVersionUpgrade",
            "AutomationMode",
            "AwsBackupRecoveryPointArn",
            "CertificateRotationRestart",
            "CloudwatchLogsExportConfiguration",
            "DBPortNumber",
            "DBSecurityGroups",
            "DBSubnetGroupName",
            "DedicatedLogVolume",
            "DisableDomain",
            "Domain",
            "DomainAuthSecretArn",
            "DomainDnsIps",
            "DomainFqdn",
            "DomainIAMRoleName",
            "DomainOu",
            "EnableCustomerOwnedIp",
            "Engine",
            "EngineLifecycleSupport",
            "EngineVersion",
            "Iops",
            "LicenseModel",
            "MasterUserAuthenticationType",
            "MasterUserSecretKmsKeyId",
            "MaxAllocatedStorage",
            "MultiAZ",
            "MultiTenant",
            "NetworkType",
            "OptionGroupName",
            "ProcessorFeatures",
            "ReplicaMode",
            "ResumeFullAutomationModeMinutes",
            "RotateMasterUserPassword",
            "StorageThroughput",
            "StorageType",
            "TagSpecifications",
            "TdeCredentialArn",
            "TdeCredentialPassword",
            "UseDefaultProcessorFeatures",
        }
    ),
    "CreateGlobalCluster": frozenset(
        {"DatabaseName", "EngineLifecycleSupport", "StorageEncrypted", "Tags"}
    ),
    "ModifyDBProxy": frozenset(
        {
            "DebugLogging",
            "DefaultAuthScheme",
            "IdleClientTimeout",
            "NewDBProxyName",
            "RequireTLS",
            "RoleArn",
            "SecurityGroups",
        }
    ),
    "RebootDBInstance": frozenset({"ForceFailover"}),
}
WITHOUT_EFFECT: Mapping[str, frozenset[str]] = {
    "CopyDBClusterSnapshot": frozenset({"PreSignedUrl", "SourceRegion"}),
    "CreateDBCluster": frozenset({"PreSignedUrl", "SourceRegion"}),
    "DeleteDBInstance": frozenset({"DeleteAutomatedBackups", "SkipFinalSnapshot"}),
    "DescribeDBClusters": frozenset({"IncludeShared"}),
    "DescribeOrderableDBInstanceOptions": frozenset(
        {"AvailabilityZoneGroup", "Filters", "LicenseModel", "Vpc"}
    ),
    "DescribeGlobalClusters": frozenset({"Filters", "Marker", "MaxRecords"}),
    "StartActivityStream": frozenset({"EngineNativeAuditFieldsIncluded"}),
}
"""What AWS itself ignores here, or what makes no difference here."""


def refuse_unsupported(action: str, params: Params) -> None:
    """Refuse a request with a parameter that would be ignored."""
    for name in sorted(UNSUPPORTED_PARAMETERS.get(action, frozenset()) & params.unread()):
        raise InvalidParameterValueError(f"The embedded RDS does not model {name} in {action}")


def require_all_read(action: str, params: Params) -> None:
    """Raise an error, after the fact, for a parameter that was ignored."""
    ignored = params.unread() - WITHOUT_EFFECT.get(action, frozenset())
    if ignored:
        raise RDSClientError(f"The embedded RDS ignored {', '.join(sorted(ignored))} in {action}")
