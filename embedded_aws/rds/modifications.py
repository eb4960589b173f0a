"""Modifications of a cluster: immediate, delayed, or in the next maintenance window."""

from dataclasses import replace
from functools import partial
from typing import Any

from embedded_aws.rds import settings
from embedded_aws.rds.backend import RdsBackend
from embedded_aws.rds.connectivity import Connectivity
from embedded_aws.rds.data_plane import DataPlaneError, Login
from embedded_aws.rds.exceptions import (
    InvalidParameterCombinationError,
    InvalidParameterValueError,
)
from embedded_aws.rds.models import ACTIVE, ADDING, AVAILABLE, DBCluster, Location
from embedded_aws.rds.params import Params
from embedded_aws.rds.renames import NAME, Renames
from embedded_aws.rds.resources import find_cluster, is_available, require_status
from embedded_aws.rds.responses import cluster_response
from embedded_aws.rds.transitions import (
    Modification,
    Operation,
    RunningTransition,
    StatusPhase,
    StatusTransition,
)

RESETTING = "resetting-master-credentials"
_PASSWORD = "MasterUserPassword"  # noqa: S105
_DEFERRED_SETTINGS = {
    "IAMDatabaseAuthenticationEnabled": "iam_authentication",
    "BackupRetentionPeriod": "backup_retention_period",
    "StorageType": "storage_type",
    "EngineVersion": "engine_version",
}


class Modifications:
    """``ModifyDBCluster`` and what follows from it.

    Source: botocore model, ``ModifyDBClusterMessage.ApplyImmediately``: what can be pending (the
    members of ``ClusterPendingModifiedValues``) waits for the maintenance window unless the call
    says otherwise; the master password, deletion protection and the rest never wait. Source for
    the statuses: Aurora User Guide, *Viewing DB cluster status*.
    """

    def __init__(self, backend: RdsBackend, connectivity: Connectivity) -> None:
        self._backend = backend
        self._renames = Renames(backend, connectivity)
        self._queues: dict[str, list[Modification]] = {}

    def modify(self, location: Location, params: Params) -> dict[str, Any]:
        """Perform ``ModifyDBCluster``."""
        cluster = find_cluster(self._backend, location, params.required("DBClusterIdentifier"))
        require_status(cluster, AVAILABLE)
        password = self._password(cluster, params)
        pending = self._pending(cluster, params)
        at_once = self._at_once(location, cluster, params)
        self._attach(cluster, at_once.get("security_groups"))
        cluster.settings = replace(cluster.settings, **at_once)
        cluster.pending |= pending
        if password is not None:
            cluster.pending[_PASSWORD] = "****"
            cluster.waiting_password = password
        self._start(cluster, everything=params.flag("ApplyImmediately"))
        return {"DBCluster": cluster_response(self._backend, cluster)}

    def apply_pending(self, cluster: DBCluster) -> None:
        """Apply the pending changes, as the maintenance window does."""
        self._start(cluster, everything=True)

    def set_waiting_password(self, cluster: DBCluster) -> None:
        """Set a password that waited for an available instance."""
        if cluster.waiting_password is None or not is_available(cluster):
            return
        if cluster.transition is None or not cluster.transition.running:
            self._start(cluster, everything=False)

    def _attach(self, cluster: DBCluster, wanted: tuple[str, ...] | None) -> None:
        """Let other security groups take effect after a while; the cluster stays available."""
        if wanted is None or set(wanted) == set(cluster.settings.security_groups):
            return
        if cluster.attaching_groups is not None:
            cluster.attaching_groups.cancel()
        cluster.former_security_groups = cluster.security_groups_in_force

        def done(_: str) -> None:
            cluster.former_security_groups = None

        default = StatusTransition.spread(
            (ADDING,), self._backend.timings.modify_security_groups, ACTIVE
        )
        cluster.attaching_groups = RunningTransition(
            self._backend.scheduler,
            self._backend.overrides.apply(Operation.MODIFY_SECURITY_GROUPS, default),
            show=lambda _: None,
            done=done,
        )

    def _start(self, cluster: DBCluster, *, everything: bool) -> None:
        """Queue what is to be done; it begins a little after the call, as in AWS."""
        steps = self._steps(cluster, everything=everything)
        if not steps:
            return
        queue = self._queues.setdefault(cluster.resource_id, [])
        if cluster.transition is not None and cluster.transition.running:
            waiting = {step.name for step in queue}
            queue.extend(step for step in steps if step.name not in waiting)
            return
        lag = StatusPhase(AVAILABLE, self._backend.timings.modification_lag)
        queue[:] = [Modification("lag", StatusTransition((lag,), AVAILABLE)), *steps]
        self._next(cluster, queue)

    def _next(self, cluster: DBCluster, queue: list[Modification]) -> None:
        if not queue:
            return
        step = queue[0]

        def show(status: str) -> None:
            cluster.status = status

        def done(final: str) -> None:
            cluster.status = final
            queue.pop(0)
            if final == AVAILABLE:
                step.apply()
                self._next(cluster, queue)

        cluster.transition = RunningTransition(
            self._backend.scheduler, step.transition, show=show, done=done
        )

    def _steps(self, cluster: DBCluster, *, everything: bool) -> list[Modification]:
        timings = self._backend.timings
        steps: list[Modification] = []
        if cluster.waiting_password is not None and cluster.accepting:
            default = StatusTransition.spread(
                (RESETTING,), timings.reset_master_credentials, AVAILABLE
            )
            transition = self._backend.overrides.apply(Operation.RESET_MASTER_CREDENTIALS, default)
            steps.append(Modification(_PASSWORD, transition, partial(self._set_password, cluster)))
        if not everything:
            return steps
        durations = {
            "IAMDatabaseAuthenticationEnabled": (
                "configuring-iam-database-auth",
                timings.modify_cluster,
            ),
            "BackupRetentionPeriod": ("modifying", timings.modify_cluster),
            "StorageType": ("modifying", timings.modify_cluster),
            "EngineVersion": ("upgrading", timings.upgrade_cluster),
            "PendingCloudwatchLogsExports": ("modifying", timings.modify_cluster),
        }
        for name, (status, seconds) in durations.items():
            if name in cluster.pending:
                transition = StatusTransition.spread((status,), seconds, AVAILABLE)
                steps.append(Modification(name, transition, partial(self._apply, cluster, name)))
        return [*steps, *self._renames.steps(cluster)]

    def _apply(self, cluster: DBCluster, name: str) -> None:
        value: Any = cluster.pending.pop(name, None)
        if value is None:
            return
        if name == "PendingCloudwatchLogsExports":
            exports = set(cluster.settings.log_exports)
            exports |= set(value.get("LogTypesToEnable", ()))
            exports -= set(value.get("LogTypesToDisable", ()))
            cluster.settings = replace(cluster.settings, log_exports=tuple(sorted(exports)))
        else:
            cluster.settings = replace(cluster.settings, **{_DEFERRED_SETTINGS[name]: value})

    def _set_password(self, cluster: DBCluster) -> None:
        """Change the password in PostgreSQL, if an instance is available."""
        if not cluster.accepting or cluster.waiting_password is None:
            return
        login = Login(cluster.master_username, cluster.waiting_password)
        try:
            self._backend.data_plane.set_password(cluster.resource_id, login)
        except DataPlaneError as error:
            self._backend.problems.append(str(error))
            return
        cluster.waiting_password = None
        cluster.pending.pop(_PASSWORD, None)

    def _password(self, cluster: DBCluster, params: Params) -> str | None:
        password = params.text(_PASSWORD)
        manage = params.get("ManageMasterUserPassword")
        key = params.text("MasterUserSecretKmsKeyId")
        if key is not None and not manage:
            raise InvalidParameterCombinationError(
                "A ManageMasterUserPassword value is required when MasterUserSecretKmsKeyId is "
                "specified."
            )
        if password is not None:
            if manage:
                raise InvalidParameterCombinationError(
                    "MasterUserPassword can't be specified if ManageMasterUserPassword is on"
                )
            if cluster.managed_secret is not None and manage is None:
                raise InvalidParameterCombinationError(
                    "You can't specify MasterUserPassword for a DB cluster whose master user "
                    "password RDS manages."
                )
            settings.check_master_password(password)
        if manage is False and cluster.managed_secret is not None:
            if password is None:
                raise InvalidParameterCombinationError(
                    "MasterUserPassword is required when ManageMasterUserPassword is turned off"
                )
            self._backend.services.delete_managed_secret(
                cluster.location, cluster.managed_secret["SecretArn"]
            )
            cluster.managed_secret = None
        if manage and cluster.managed_secret is None:
            return settings.create_managed_secret(self._backend, cluster, params)
        if key is not None and cluster.managed_secret is not None:
            self._check_same_key(cluster, cluster.managed_secret["KmsKeyId"], key)
        return password

    def _check_same_key(self, cluster: DBCluster, current: str, asked: str) -> None:
        found = self._backend.services.key(cluster.location, asked)
        if found is None or found.arn != current:
            raise InvalidParameterCombinationError(
                "You can't change the KMS key of a secret that RDS manages already"
            )

    def _pending(self, cluster: DBCluster, params: Params) -> dict[str, object]:
        """Return the changes that may wait."""
        pending: dict[str, object] = {}
        asked = settings.optional_settings(params)
        for name, setting in _DEFERRED_SETTINGS.items():
            if setting in asked and asked[setting] != getattr(cluster.settings, setting):
                pending[name] = asked[setting]
        version, across = params.text("EngineVersion"), params.flag("AllowMajorVersionUpgrade")
        if version is not None and version != cluster.settings.engine_version:
            settings.engine_version(params, version)
            old = settings.major(cluster.settings.engine_version)
            if settings.major(version) != old and not across:
                raise InvalidParameterCombinationError(
                    "The AllowMajorVersionUpgrade flag must be present when upgrading to a new "
                    "major version."
                )
            pending["EngineVersion"] = version
        exports = params.structure("CloudwatchLogsExportConfiguration")
        if exports is not None:
            pending["PendingCloudwatchLogsExports"] = {
                "LogTypesToEnable": list(settings.log_exports(exports.texts("EnableLogTypes"))),
                "LogTypesToDisable": list(settings.log_exports(exports.texts("DisableLogTypes"))),
            }
        wished = params.text("NewDBClusterIdentifier")
        if wished is not None:
            pending[NAME] = self._renames.check(cluster, wished)
        return pending

    def _at_once(self, location: Location, cluster: DBCluster, params: Params) -> dict[str, Any]:
        """Return the changes that never wait."""
        asked = settings.optional_settings(params)
        for setting in _DEFERRED_SETTINGS.values():
            asked.pop(setting, None)
        if params.text("DBClusterParameterGroupName") is not None:
            asked["parameter_group"] = settings.cluster_parameter_group(
                self._backend, location, params, cluster.settings.engine_version
            )
        if params.texts("VpcSecurityGroupIds"):
            group = self._backend.services.subnet_group(location, cluster.settings.subnet_group)
            if group is None:
                raise InvalidParameterValueError("The cluster's DB subnet group is gone")
            asked["security_groups"] = settings.security_groups(
                self._backend, location, params, group
            )
        return asked
