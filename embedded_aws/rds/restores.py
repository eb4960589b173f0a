"""``RestoreDBClusterFromSnapshot``: a new cluster, without instances, on a snapshot's data."""

from typing import Any

from embedded_aws.rds import keys, settings
from embedded_aws.rds.backend import RdsBackend
from embedded_aws.rds.cluster_creation import ClusterCreation
from embedded_aws.rds.exceptions import (
    DBClusterSnapshotNotFoundError,
    InvalidDBClusterSnapshotStateError,
    InvalidParameterCombinationError,
)
from embedded_aws.rds.models import AVAILABLE, ClusterSettings, DBClusterSnapshot, Location, Storage
from embedded_aws.rds.params import Params
from embedded_aws.rds.resources import find_accessible_snapshot, is_available
from embedded_aws.rds.responses import cluster_response
from embedded_aws.rds.rules import Encryption
from embedded_aws.rds.tagging import tags_of
from embedded_aws.rds.transitions import Operation, StatusTransition


class Restores:
    """Restores clusters.

    Source: botocore model, ``RestoreDBClusterFromSnapshotMessage``: what is omitted does *not*
    come from the snapshot, but for the master user, the port, the backup settings and the data.
    """

    def __init__(self, backend: RdsBackend, creation: ClusterCreation) -> None:
        self._backend = backend
        self._creation = creation

    def restore(self, location: Location, params: Params) -> dict[str, Any]:
        """Perform ``RestoreDBClusterFromSnapshot``."""
        name = self._creation.new_identifier(location, params)
        settings.check_engine(params)
        snapshot = self._snapshot(location, params.required("SnapshotIdentifier"))
        if snapshot.origin.engine != settings.ENGINE:
            raise InvalidParameterCombinationError(
                f"A snapshot of engine {snapshot.origin.engine} cannot be restored as "
                f"{settings.ENGINE}"
            )
        version = settings.engine_version(params, self._backend.rules.default_engine_version)
        original = snapshot.origin.settings
        if settings.major(version) < settings.major(original.engine_version):
            raise InvalidParameterCombinationError(
                f"Cannot restore a snapshot of version {original.engine_version} to version "
                f"{version}"
            )
        group = settings.subnet_group(self._backend, location, params)
        settings.check_network_type(params, group)
        kept: dict[str, Any] = {
            "port": original.port,
            "backup_retention_period": original.backup_retention_period,
            "preferred_backup_window": original.preferred_backup_window,
        }
        chosen = ClusterSettings(
            engine_version=version,
            parameter_group=settings.cluster_parameter_group(
                self._backend, location, params, version
            ),
            subnet_group=group.name,
            security_groups=settings.security_groups(self._backend, location, params, group),
            database_name=params.text("DatabaseName") or original.database_name,
            log_exports=settings.log_exports(params.texts("EnableCloudwatchLogsExports")),
            **(kept | settings.optional_settings(params)),
        )
        storage = self._storage(location, snapshot, params.text("KmsKeyId"))
        cluster = self._creation.build(
            location,
            name,
            username=snapshot.origin.master_username,
            storage=storage,
            chosen=chosen,
            group=group,
            tags=tags_of(params),
            roles=settings.roles(self._backend, params),
        )

        def fill(label: str) -> None:
            self._backend.data_plane.clone(
                cluster.resource_id, snapshot.image, label=label, major=settings.major(version)
            )

        timings = self._backend.timings
        default = StatusTransition.spread(
            timings.restore_cluster_statuses, timings.restore_cluster, AVAILABLE
        )
        self._creation.start(cluster, fill, Operation.RESTORE_CLUSTER, default)
        return {"DBCluster": cluster_response(self._backend, cluster)}

    def _snapshot(self, location: Location, named: str) -> DBClusterSnapshot:
        """Return a snapshot that is available in the caller's own Region."""
        snapshot = find_accessible_snapshot(self._backend, location, named)
        if snapshot.location.region != location.region:
            raise DBClusterSnapshotNotFoundError(named)
        if not is_available(snapshot):
            raise InvalidDBClusterSnapshotStateError(
                f"DB cluster snapshot {snapshot.identifier} is not in available state, but "
                f"{snapshot.status}"
            )
        return snapshot

    def _storage(
        self, location: Location, snapshot: DBClusterSnapshot, key_id: str | None
    ) -> Storage:
        """Return the encryption. Source: Aurora User Guide, *Encrypting*; botocore model.

        Without a key, an encrypted snapshot keeps its own, even that of the account it came from,
        and any other restores under the AWS-owned key.
        """
        if snapshot.storage.encryption is Encryption.SSE_KMS:
            keys.check_still_usable(self._backend, location, snapshot.storage.key_arn or "")
        if key_id is not None:
            return Storage(Encryption.SSE_KMS, keys.usable_key(self._backend, location, key_id).arn)
        if snapshot.storage.encryption is Encryption.SSE_KMS:
            return snapshot.storage
        return Storage(Encryption.SSE_RDS)
