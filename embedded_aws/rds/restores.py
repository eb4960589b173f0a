"""``RestoreDBClusterFromSnapshot``: a new cluster, without instances, on a snapshot's data."""

from typing import Any

from embedded_aws.rds import keys, settings
from embedded_aws.rds.backend import Backend
from embedded_aws.rds.creation import Births
from embedded_aws.rds.errors import (
    InvalidParameterCombinationError,
    InvalidSnapshotStateError,
    SnapshotNotFoundError,
)
from embedded_aws.rds.lookup import is_available, usable_snapshot
from embedded_aws.rds.models import AVAILABLE, ClusterSettings, Place, Snapshot, Storage
from embedded_aws.rds.params import Params
from embedded_aws.rds.progress import Course, Operation
from embedded_aws.rds.responses import cluster_shown
from embedded_aws.rds.rules import Encryption
from embedded_aws.rds.tagging import tags_of


class Restores:
    """Restores clusters.

    Source: botocore model, ``RestoreDBClusterFromSnapshotMessage``: what is omitted does *not*
    come from the snapshot, but for the master user, the port, the backup settings and the data.
    """

    def __init__(self, backend: Backend, births: Births) -> None:
        self._world = backend
        self._births = births

    def restore(self, place: Place, params: Params) -> dict[str, Any]:
        """``RestoreDBClusterFromSnapshot``."""
        name = self._births.new_name(place, params)
        settings.check_engine(params)
        snapshot = self._snapshot(place, params.required("SnapshotIdentifier"))
        version = settings.engine_version(params, self._world.rules.default_engine_version)
        original = snapshot.origin.settings
        if settings.major(version) < settings.major(original.engine_version):
            raise InvalidParameterCombinationError(
                f"Cannot restore a snapshot of version {original.engine_version} to version "
                f"{version}"
            )
        group = settings.subnet_group(self._world, place, params)
        kept: dict[str, Any] = {
            "port": original.port,
            "backup_retention_period": original.backup_retention_period,
            "preferred_backup_window": original.preferred_backup_window,
        }
        chosen = ClusterSettings(
            engine_version=version,
            parameter_group=settings.cluster_parameter_group(self._world, place, params, version),
            subnet_group=group.name,
            security_groups=settings.security_groups(self._world, place, params, group),
            database_name=params.text("DatabaseName") or original.database_name,
            log_exports=settings.log_exports(params.texts("EnableCloudwatchLogsExports")),
            **(kept | settings.optional_settings(params)),
        )
        storage = self._storage(place, snapshot, params.text("KmsKeyId"))
        cluster = self._births.unborn(
            place,
            name,
            username=snapshot.origin.master_username,
            storage=storage,
            chosen=chosen,
            group=group,
            tags=tags_of(params),
            roles=settings.roles(self._world, params),
        )

        def fill(label: str) -> None:
            self._world.data_plane.clone(cluster.resource_id, snapshot.image, label=label)

        timings = self._world.timings
        usual = Course.spread(timings.restore_cluster_statuses, timings.restore_cluster, AVAILABLE)
        self._births.bear(cluster, fill, Operation.RESTORE_CLUSTER, usual)
        return {"DBCluster": cluster_shown(self._world, cluster)}

    def _snapshot(self, place: Place, named: str) -> Snapshot:
        """A snapshot that is available in the caller's own Region."""
        snapshot = usable_snapshot(self._world, place, named)
        if snapshot.place.region != place.region:
            raise SnapshotNotFoundError(named)
        if not is_available(snapshot):
            raise InvalidSnapshotStateError(
                f"DB cluster snapshot {snapshot.identifier} is not in available state, but "
                f"{snapshot.status}"
            )
        return snapshot

    def _storage(self, place: Place, snapshot: Snapshot, key_id: str | None) -> Storage:
        """Source: Aurora User Guide, *Encrypting*, and botocore model, ``KmsKeyId``.

        Without a key, an encrypted snapshot keeps its own, even that of the account it came from,
        and any other restores under the AWS-owned key.
        """
        if snapshot.storage.encryption is Encryption.SSE_KMS:
            keys.check_still_usable(self._world, place, snapshot.storage.key_arn or "")
        if key_id is not None:
            return Storage(Encryption.SSE_KMS, keys.usable_key(self._world, place, key_id).arn)
        if snapshot.storage.encryption is Encryption.SSE_KMS:
            return snapshot.storage
        return Storage(Encryption.SSE_RDS)
