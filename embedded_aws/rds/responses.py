"""Clusters and instances as the API shows them.

Source: botocore model, ``DBCluster`` and ``DBInstance``.
"""

from typing import Any

from embedded_aws.rds.backend import RdsBackend
from embedded_aws.rds.data_plane import Endpoint
from embedded_aws.rds.hosts import cluster_names, instance_host
from embedded_aws.rds.models import DBCluster, DBInstance
from embedded_aws.rds.rules import Encryption
from embedded_aws.rds.settings import ENGINE
from embedded_aws.rds.tagging import tag_list


def cluster_response(backend: RdsBackend, cluster: DBCluster) -> dict[str, Any]:
    """Return a cluster with every setting it was given."""
    chosen = cluster.settings
    members = sorted(backend.members(cluster), key=lambda member: member.identifier)
    names = cluster_names(cluster)
    endpoint = backend.data_plane.endpoint(cluster.resource_id, Endpoint(names.writer, chosen.port))
    reader = backend.data_plane.reader_endpoint(
        cluster.resource_id, Endpoint(names.reader, chosen.port)
    )
    scaling = chosen.serverless_scaling
    return {
        "AllocatedStorage": 1,
        "AvailabilityZones": list(cluster.availability_zones),
        "BackupRetentionPeriod": chosen.backup_retention_period,
        "DatabaseName": chosen.database_name,
        "DBClusterIdentifier": cluster.identifier,
        "DBClusterParameterGroup": chosen.parameter_group,
        "DBSubnetGroup": chosen.subnet_group,
        "Status": cluster.status,
        "EarliestRestorableTime": cluster.created,
        "LatestRestorableTime": backend.scheduler.now,
        "Endpoint": None if cluster.nameless else endpoint.host,
        "ReaderEndpoint": None if cluster.nameless else reader.host,
        "Port": endpoint.port,
        "MultiAZ": len({member.settings.availability_zone for member in members}) > 1,
        "Engine": ENGINE,
        "EngineVersion": chosen.engine_version,
        "EngineMode": "provisioned",
        "MasterUsername": cluster.master_username,
        "MasterUserSecret": cluster.managed_secret
        and {
            **cluster.managed_secret,
            "SecretStatus": "active" if cluster.waiting_password is None else "creating",
        },
        "PreferredBackupWindow": chosen.preferred_backup_window,
        "PreferredMaintenanceWindow": chosen.preferred_maintenance_window,
        "ReplicationSourceIdentifier": cluster.replication_source,
        "ReadReplicaIdentifiers": list(cluster.replicas),
        "DBClusterMembers": [
            {
                "DBInstanceIdentifier": member.identifier,
                "IsClusterWriter": member.is_writer,
                "DBClusterParameterGroupStatus": "in-sync",
                "PromotionTier": member.settings.promotion_tier,
            }
            for member in members
        ],
        "VpcSecurityGroups": _security_groups(cluster),
        "HostedZoneId": cluster.hosted_zone,
        "StorageEncrypted": cluster.storage.encrypted_with_key,
        "StorageEncryptionType": str(cluster.storage.encryption),
        "KmsKeyId": cluster.storage.key_arn,
        "DbClusterResourceId": cluster.resource_id,
        "DBClusterArn": cluster.arn,
        "AssociatedRoles": [
            {"RoleArn": role.arn, "Status": "ACTIVE", "FeatureName": role.feature}
            for role in cluster.roles
        ],
        "IAMDatabaseAuthenticationEnabled": chosen.iam_authentication,
        "ClusterCreateTime": cluster.created,
        "EnabledCloudwatchLogsExports": list(chosen.log_exports),
        "PendingModifiedValues": dict(cluster.pending),
        "StorageType": None if chosen.storage_type == "aurora" else chosen.storage_type,
        "DeletionProtection": chosen.deletion_protection,
        "HttpEndpointEnabled": chosen.http_endpoint,
        "LocalWriteForwardingStatus": "enabled" if chosen.local_write_forwarding else "disabled",
        "ActivityStreamMode": cluster.activity_stream,
        "ActivityStreamStatus": "started" if cluster.activity_stream else "stopped",
        "CopyTagsToSnapshot": chosen.copy_tags_to_snapshot,
        "CrossAccountClone": False,
        "TagList": tag_list(cluster.tags),
        "GlobalClusterIdentifier": cluster.global_cluster,
        "GlobalWriteForwardingRequested": False,
        "NetworkType": chosen.network_type,
        "AutoMinorVersionUpgrade": chosen.auto_minor_version_upgrade,
        "ServerlessV2ScalingConfiguration": dict(scaling) if scaling else None,
        "MonitoringInterval": chosen.monitoring_interval,
        "MonitoringRoleArn": chosen.monitoring_role_arn,
        "DatabaseInsightsMode": chosen.database_insights_mode,
        "PerformanceInsightsEnabled": chosen.performance_insights,
        "PerformanceInsightsKMSKeyId": chosen.performance_insights_key,
        "PerformanceInsightsRetentionPeriod": chosen.performance_insights_retention,
        "EngineLifecycleSupport": chosen.engine_lifecycle_support,
    }


def instance_response(backend: RdsBackend, instance: DBInstance) -> dict[str, Any]:
    """Return an instance of a cluster; it has an endpoint only once it was available."""
    cluster, chosen = instance.cluster, instance.settings
    group = backend.services.subnet_group(instance.location, cluster.settings.subnet_group)
    endpoint = backend.data_plane.instance_endpoint(
        cluster.resource_id,
        instance.resource_id,
        Endpoint(instance_host(instance), cluster.settings.port),
    )
    return {
        "DBInstanceIdentifier": instance.identifier,
        "DBInstanceClass": chosen.instance_class,
        "Engine": ENGINE,
        "EngineVersion": cluster.settings.engine_version,
        "DBInstanceStatus": instance.status,
        "MasterUsername": cluster.master_username,
        "DBName": cluster.settings.database_name,
        "Endpoint": instance.created
        and {
            "Address": endpoint.host,
            "Port": endpoint.port,
            "HostedZoneId": cluster.hosted_zone,
        },
        "AllocatedStorage": 1,
        "InstanceCreateTime": instance.created,
        "PreferredBackupWindow": cluster.settings.preferred_backup_window,
        "BackupRetentionPeriod": cluster.settings.backup_retention_period,
        "VpcSecurityGroups": _security_groups(cluster),
        "DBParameterGroups": [
            {"DBParameterGroupName": chosen.parameter_group, "ParameterApplyStatus": "in-sync"}
        ],
        "AvailabilityZone": chosen.availability_zone,
        "DBSubnetGroup": group
        and {
            "DBSubnetGroupName": group.name,
            "DBSubnetGroupDescription": group.description,
            "VpcId": group.vpc,
            "SubnetGroupStatus": "Complete",
            "Subnets": [
                {
                    "SubnetIdentifier": subnet.identifier,
                    "SubnetAvailabilityZone": {"Name": subnet.availability_zone},
                    "SubnetStatus": "Active",
                }
                for subnet in group.subnets
            ],
        },
        "PreferredMaintenanceWindow": chosen.preferred_maintenance_window,
        "PendingModifiedValues": dict(instance.pending),
        "MultiAZ": False,
        "AutoMinorVersionUpgrade": chosen.auto_minor_version_upgrade,
        "LicenseModel": "postgresql-license",
        "PubliclyAccessible": chosen.publicly_accessible,
        "StorageType": cluster.settings.storage_type,
        "StorageEncryptionType": str(cluster.storage.encryption),
        "DbInstancePort": 0,
        "DBClusterIdentifier": cluster.identifier,
        "StorageEncrypted": cluster.storage.encryption is Encryption.SSE_KMS,
        "KmsKeyId": cluster.storage.key_arn,
        "DbiResourceId": instance.resource_id,
        "CACertificateIdentifier": chosen.ca_certificate,
        "CopyTagsToSnapshot": chosen.copy_tags_to_snapshot,
        "MonitoringInterval": chosen.monitoring_interval,
        "MonitoringRoleArn": chosen.monitoring_role_arn,
        "PromotionTier": chosen.promotion_tier,
        "DBInstanceArn": instance.arn,
        "IAMDatabaseAuthenticationEnabled": cluster.settings.iam_authentication,
        "DatabaseInsightsMode": chosen.database_insights_mode,
        "PerformanceInsightsEnabled": chosen.performance_insights,
        "PerformanceInsightsKMSKeyId": chosen.performance_insights_key,
        "PerformanceInsightsRetentionPeriod": chosen.performance_insights_retention,
        "EnabledCloudwatchLogsExports": list(cluster.settings.log_exports),
        "DeletionProtection": False,
        "TagList": tag_list(instance.tags),
        "NetworkType": cluster.settings.network_type,
        "EngineLifecycleSupport": cluster.settings.engine_lifecycle_support,
    }


def _security_groups(cluster: DBCluster) -> list[dict[str, str]]:
    return [
        {"VpcSecurityGroupId": group, "Status": status}
        for group, status in cluster.security_group_statuses.items()
    ]
