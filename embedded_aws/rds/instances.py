"""DB instances: the members of a cluster."""

from dataclasses import replace
from typing import Any

from embedded_aws.rds import filters, names, paging, settings
from embedded_aws.rds.backend import RdsBackend
from embedded_aws.rds.connectivity import Connectivity
from embedded_aws.rds.deletions import Deletions
from embedded_aws.rds.exceptions import (
    DBInstanceAlreadyExistsError,
    DBInstanceNotFoundError,
    DBParameterGroupNotFoundError,
    InstanceQuotaExceededError,
    InsufficientDBInstanceCapacityError,
    InvalidDBClusterStateError,
    InvalidDBInstanceStateError,
    InvalidParameterCombinationError,
    InvalidParameterValueError,
)
from embedded_aws.rds.keys import usable_key
from embedded_aws.rds.models import (
    AVAILABLE,
    CREATING,
    DELETING,
    STARTING,
    STOPPED,
    STOPPING,
    DBCluster,
    DBInstance,
    InstanceSettings,
    Location,
    resource_id,
)
from embedded_aws.rds.modifications import Modifications
from embedded_aws.rds.params import Params
from embedded_aws.rds.resources import find_cluster, find_instance, is_available
from embedded_aws.rds.responses import cluster_response, instance_response
from embedded_aws.rds.tagging import tags_of
from embedded_aws.rds.transitions import Operation, RunningTransition, StatusTransition

SERVERLESS = "db.serverless"
_GONE = "gone"
_CLUSTER_LEVEL = {
    "MasterUserPassword": "master user password",
    "BackupRetentionPeriod": "backup retention period",
    "PreferredBackupWindow": "backup window",
    "VpcSecurityGroupIds": "vpc security group",
    "DeletionProtection": "deletion protection",
    "StorageEncrypted": "storage encryption",
    "KmsKeyId": "KMS key",
    "EnableIAMDatabaseAuthentication": "IAM database authentication",
    "ManageMasterUserPassword": "master user password management",
}


class Instances:
    """The operations on instances."""

    def __init__(
        self,
        backend: RdsBackend,
        deletions: Deletions,
        changes: Modifications,
        connectivity: Connectivity,
    ) -> None:
        self._backend = backend
        self._deletions = deletions
        self._modifications = changes
        self._connectivity = connectivity

    def create(self, location: Location, params: Params) -> dict[str, Any]:
        """Perform ``CreateDBInstance``, as a member of a cluster that is available."""
        name = names.identifier(params.required("DBInstanceIdentifier"), "DBInstanceIdentifier")
        instances = self._backend.at(location).instances
        if name in instances:
            raise DBInstanceAlreadyExistsError
        if len(instances) >= self._backend.rules.instances:
            raise InstanceQuotaExceededError
        if params.text("DBClusterIdentifier") is None:
            raise InvalidParameterValueError(
                "This emulator runs instances of Aurora clusters only: DBClusterIdentifier is "
                "missing"
            )
        settings.check_engine(params)
        cluster = find_cluster(self._backend, location, params.required("DBClusterIdentifier"))
        instance_class = params.required("DBInstanceClass")
        _refuse_cluster_settings(
            params,
            "The requested DB Instance will be a member of a DB Cluster. Set {} for the DB "
            "Cluster.",
        )
        self._check_cluster(cluster, instance_class)
        _check_agreement(cluster, params)
        if instance_class in self._backend.rules.classes_without_capacity:
            raise InsufficientDBInstanceCapacityError(instance_class)
        instance = DBInstance(
            location=location,
            identifier=name,
            resource_id=resource_id("db"),
            cluster=cluster,
            status=CREATING,
            settings=self._settings(location, cluster, instance_class, params),
            requested=self._backend.scheduler.now,
            is_writer=not self._backend.members(cluster),
            tags=tags_of(params) or {},
        )
        instances[name] = instance
        timings = self._backend.timings
        default = StatusTransition.spread(
            timings.create_instance_statuses, timings.create_instance, AVAILABLE
        )
        self._run(instance, self._backend.overrides.apply(Operation.CREATE_INSTANCE, default))
        return {"DBInstance": instance_response(self._backend, instance)}

    def describe(self, location: Location, params: Params) -> dict[str, Any]:
        """Perform ``DescribeDBInstances``."""
        named = params.text("DBInstanceIdentifier")
        instances = list(self._backend.at(location).instances.values())
        if named:
            instances = [find_instance(self._backend, location, named)]
        found = filters.apply(
            instances,
            params.filters(),
            {
                "db-cluster-id": lambda one: (one.cluster.identifier, one.cluster.arn),
                "db-instance-id": lambda one: (one.identifier, one.arn),
                "dbi-resource-id": lambda one: (one.resource_id,),
                "domain": lambda _: (),
                "engine": lambda _: (settings.ENGINE,),
            },
        )
        if named and not found:
            raise DBInstanceNotFoundError(named)
        shown, marker = paging.page([(one.identifier, one) for one in found], params)
        return {
            "DBInstances": [instance_response(self._backend, one) for one in shown],
            "Marker": marker,
        }

    def modify(self, location: Location, params: Params) -> dict[str, Any]:
        """Perform ``ModifyDBInstance``; class and certificate changes wait unless immediate."""
        instance = find_instance(self._backend, location, params.required("DBInstanceIdentifier"))
        self._check_status(instance, AVAILABLE)
        _refuse_cluster_settings(
            params,
            "The specified DB Instance is a member of a cluster. Modify {} for the DB Cluster "
            "using the ModifyDbCluster API",
        )
        if params.text("NewDBInstanceIdentifier") is not None:
            raise InvalidParameterValueError("This emulator does not rename instances")
        deferred = {
            name: value
            for name in ("DBInstanceClass", "CACertificateIdentifier")
            if (value := params.text(name)) is not None
        }
        self._check_cluster(
            instance.cluster, deferred.get("DBInstanceClass", ""), members_only=True
        )
        instance.settings = replace(instance.settings, **self._optional(location, params))
        instance.pending |= deferred
        if params.flag("ApplyImmediately") and deferred:
            self.apply_pending(instance)
        return {"DBInstance": instance_response(self._backend, instance)}

    def apply_pending(self, instance: DBInstance) -> None:
        """Apply the pending changes, while the status is ``modifying``."""
        if not instance.pending:
            return

        def show(status: str) -> None:
            instance.status = status

        def done(final: str) -> None:
            changes: dict[str, Any] = {
                "instance_class": instance.pending.pop("DBInstanceClass", None),
                "ca_certificate": instance.pending.pop("CACertificateIdentifier", None),
            }
            instance.settings = replace(
                instance.settings,
                **{name: value for name, value in changes.items() if value is not None},
            )
            instance.status = final

        seconds = self._backend.timings.modify_instance
        transition = StatusTransition.spread(("modifying",), seconds, AVAILABLE)
        instance.transition = RunningTransition(
            self._backend.scheduler, transition, show=show, done=done
        )

    def reboot(self, location: Location, params: Params) -> dict[str, Any]:
        """Perform ``RebootDBInstance``."""
        instance = find_instance(self._backend, location, params.required("DBInstanceIdentifier"))
        self._check_status(instance, AVAILABLE)
        if self._backend.rules.reboot_renews_certificate:
            self._backend.data_plane.certify(instance.cluster.resource_id)
        self._connectivity.instance_rebooting(instance)
        seconds = self._backend.timings.reboot_instance
        self._run(instance, StatusTransition.spread(("rebooting",), seconds, AVAILABLE))
        return {"DBInstance": instance_response(self._backend, instance)}

    def delete(self, location: Location, params: Params) -> dict[str, Any]:
        """Perform ``DeleteDBInstance``: the cluster's protection does not protect its instances.

        Source: botocore model, ``DBCluster.DeletionProtection`` and ``DeleteDBInstance``.
        """
        instance = find_instance(self._backend, location, params.required("DBInstanceIdentifier"))
        if params.text("FinalDBSnapshotIdentifier") is not None:
            raise InvalidParameterCombinationError(
                "FinalDBSnapshotIdentifier can not be specified when deleting a cluster instance"
            )
        if instance.status == DELETING:
            raise InvalidDBInstanceStateError(
                f"Instance {instance.identifier} is already being deleted."
            )
        if instance.status in (STOPPED, STOPPING, STARTING):
            raise InvalidDBInstanceStateError(
                f"Instance {instance.identifier} is in {instance.status} state"
            )
        cluster = instance.cluster
        others = [one for one in self._backend.members(cluster) if one.status != DELETING]
        if cluster.replication_source is not None and others == [instance]:
            raise InvalidDBClusterStateError(
                "Cannot delete the last instance of the read replica DB cluster. Promote the DB "
                "cluster to a standalone DB cluster in order to delete it."
            )
        self._promote_next_writer(instance)
        self._connectivity.instance_stopped(instance)
        default = StatusTransition.spread((DELETING,), self._backend.timings.delete_instance, _GONE)
        transition = self._backend.overrides.apply(Operation.DELETE_INSTANCE, default)
        self._start_deletion(instance, transition)
        return {"DBInstance": instance_response(self._backend, instance)}

    def failover(self, location: Location, params: Params) -> dict[str, Any]:
        """Perform ``FailoverDBCluster``: another instance becomes the writer."""
        cluster = find_cluster(self._backend, location, params.required("DBClusterIdentifier"))
        readers = [
            one for one in self._backend.members(cluster) if is_available(one) and not one.is_writer
        ]
        wanted = params.text("TargetDBInstanceIdentifier")
        if wanted is not None:
            readers = [one for one in readers if one.identifier == wanted.lower()]
        if not is_available(cluster) or not readers:
            raise InvalidDBClusterStateError(
                f"Cluster {cluster.identifier} has no available reader to fail over to"
            )
        for member in self._backend.members(cluster):
            member.is_writer = False
        min(readers, key=lambda one: one.settings.promotion_tier).is_writer = True
        self._connectivity.update(cluster)
        return {"DBCluster": cluster_response(self._backend, cluster)}

    def _promote_next_writer(self, leaving: DBInstance) -> None:
        """Make the instance of the lowest promotion tier the writer, the oldest among equals."""
        if not leaving.is_writer:
            return
        candidates = [
            one
            for one in self._backend.members(leaving.cluster)
            if one is not leaving and one.status != DELETING
        ]
        if candidates:
            leaving.is_writer = False
            min(candidates, key=lambda one: one.settings.promotion_tier).is_writer = True

    def _run(self, instance: DBInstance, transition: StatusTransition) -> None:
        def show(status: str) -> None:
            instance.status = status

        def done(final: str) -> None:
            instance.status = final
            if final == AVAILABLE:
                instance.created = instance.created or self._backend.scheduler.now
                self._connectivity.instance_started(instance)
                self._modifications.set_waiting_password(instance.cluster)

        instance.transition = RunningTransition(
            self._backend.scheduler, transition, show=show, done=done
        )

    def _start_deletion(self, instance: DBInstance, transition: StatusTransition) -> None:
        def show(status: str) -> None:
            instance.status = status

        def done(final: str) -> None:
            if final != _GONE:
                instance.status = final
                return
            del self._backend.at(instance.location).instances[instance.identifier]
            self._deletions.finish_if_last_instance(instance.cluster)

        if instance.transition is not None:
            instance.transition.cancel()
        instance.transition = RunningTransition(
            self._backend.scheduler, transition, show=show, done=done
        )

    def _check_cluster(
        self, cluster: DBCluster, instance_class: str, *, members_only: bool = False
    ) -> None:
        if not members_only and not is_available(cluster):
            raise InvalidDBClusterStateError(
                f"DB cluster {cluster.identifier} is not in available state, but {cluster.status}"
            )
        if instance_class == SERVERLESS and cluster.settings.serverless_scaling is None:
            raise InvalidDBClusterStateError(
                "Set the Serverless v2 scaling configuration on the parent DB cluster before "
                "creating a Serverless v2 DB instance."
            )

    def _check_status(self, instance: DBInstance, wanted: str) -> None:
        if instance.status != wanted:
            raise InvalidDBInstanceStateError(
                f"Instance {instance.identifier} is not in {wanted} state, but {instance.status}"
            )

    def _settings(
        self, location: Location, cluster: DBCluster, instance_class: str, params: Params
    ) -> InstanceSettings:
        zones = cluster.availability_zones
        taken = len(self._backend.members(cluster))
        optional = self._optional(location, params)
        return InstanceSettings(
            **{
                "instance_class": instance_class,
                "parameter_group": settings.default_parameter_group(
                    cluster.settings.engine_version
                ),
                "availability_zone": zones[taken % len(zones)] if zones else f"{location.region}a",
                "ca_certificate": params.text("CACertificateIdentifier") or "rds-ca-rsa2048-g1",
                **optional,
            }
        )

    def _optional(self, location: Location, params: Params) -> dict[str, Any]:
        group = params.text("DBParameterGroupName")
        if group is not None and not self._backend.services.has_parameter_group(location, group):
            raise DBParameterGroupNotFoundError(group)
        tier = params.number("PromotionTier")
        if tier is not None and not 0 <= tier <= 15:
            raise InvalidParameterValueError(
                f"Invalid promotion tier {tier}. Must be between 0 and 15"
            )
        read: dict[str, Any] = {
            "parameter_group": group,
            "promotion_tier": tier,
            "availability_zone": params.text("AvailabilityZone"),
            "publicly_accessible": params.get("PubliclyAccessible"),
            "auto_minor_version_upgrade": params.get("AutoMinorVersionUpgrade"),
            "preferred_maintenance_window": params.text("PreferredMaintenanceWindow"),
            "monitoring_interval": params.number("MonitoringInterval"),
            "monitoring_role_arn": params.text("MonitoringRoleArn"),
            "performance_insights": params.get("EnablePerformanceInsights"),
            "performance_insights_key": self._insights_key(location, params),
            "performance_insights_retention": params.number("PerformanceInsightsRetentionPeriod"),
            "database_insights_mode": params.text("DatabaseInsightsMode"),
            "copy_tags_to_snapshot": params.get("CopyTagsToSnapshot"),
        }
        return {name: value for name, value in read.items() if value is not None}

    def _insights_key(self, location: Location, params: Params) -> str | None:
        """Return the key that Performance Insights is to use, the default one if none is named.

        A key that the caller cannot use is refused, as are asymmetric ones. Source: botocore model,
        ``CreateDBInstance`` (KMSKeyNotAccessibleFault) and ``PerformanceInsightsKMSKeyId``.
        """
        if not params.flag("EnablePerformanceInsights"):
            return None
        named = params.text("PerformanceInsightsKMSKeyId")
        if named is None:
            return self._backend.services.default_key(location).arn
        return usable_key(self._backend, location, named).arn


def _check_agreement(cluster: DBCluster, params: Params) -> None:
    """Refuse an instance whose repeated settings differ from its cluster's."""
    shared = {
        "EngineVersion": cluster.settings.engine_version,
        "DBSubnetGroupName": cluster.settings.subnet_group,
    }
    for name, value in shared.items():
        given = params.text(name)
        if given is not None and given != value:
            raise InvalidParameterCombinationError(
                f"The {name} that you requested for your DB instance ({given}) does not match "
                f"the one of your DB cluster ({value})."
            )


def _refuse_cluster_settings(params: Params, message: str) -> None:
    """Refuse what the DB cluster manages. Source: botocore model, ``CreateDBInstanceMessage``."""
    for name, setting in _CLUSTER_LEVEL.items():
        if name in params:
            raise InvalidParameterCombinationError(message.format(setting))
