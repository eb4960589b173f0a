"""Cluster snapshots: taking, describing and deleting them."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from embedded_aws.rds import filters, names, paging
from embedded_aws.rds.backend import RdsBackend
from embedded_aws.rds.exceptions import (
    DBClusterSnapshotAlreadyExistsError,
    DBClusterSnapshotNotFoundError,
    InvalidDBClusterSnapshotStateError,
    InvalidDBClusterStateError,
    InvalidParameterCombinationError,
    InvalidParameterValueError,
    SnapshotQuotaExceededError,
)
from embedded_aws.rds.models import (
    AVAILABLE,
    CREATING,
    DBCluster,
    DBClusterSnapshot,
    Location,
    Origin,
)
from embedded_aws.rds.names import Arn
from embedded_aws.rds.params import Params, Tags
from embedded_aws.rds.resources import (
    EVERYONE,
    can_access,
    find_cluster,
    find_own_snapshot,
    is_available,
)
from embedded_aws.rds.settings import ENGINE
from embedded_aws.rds.snapshot_progress import SnapshotProgress
from embedded_aws.rds.tagging import tag_list, tags_of
from embedded_aws.rds.transitions import Operation, StatusTransition

MANUAL = "manual"
AUTOMATED = "automated"
SHARED = "shared"
PUBLIC = "public"
AUTOMATED_PREFIX = "rds:"


class Snapshots:
    """The operations on cluster snapshots, but for copying and sharing."""

    def __init__(self, backend: RdsBackend, progress: SnapshotProgress) -> None:
        self._backend = backend
        self._progress = progress

    def create(self, location: Location, params: Params) -> dict[str, Any]:
        """Perform ``CreateDBClusterSnapshot``."""
        cluster = find_cluster(self._backend, location, params.required("DBClusterIdentifier"))
        name = names.identifier(
            params.required("DBClusterSnapshotIdentifier"), "DBClusterSnapshotIdentifier"
        )
        if not is_available(cluster):
            raise InvalidDBClusterStateError(
                f"Cluster {cluster.identifier} is not in available state, but {cluster.status}"
            )
        snapshot = self.take(cluster, name, tags=tags_of(params))
        return {"DBClusterSnapshot": self.response(snapshot)}

    def take(self, cluster: DBCluster, name: str, *, tags: Tags | None = None) -> DBClusterSnapshot:
        """Take a manual snapshot of the cluster's data at this moment.

        Tags of the cluster are taken over if it copies tags to snapshots and none were given.
        """
        self.check_free(cluster.location, name)
        self.check_quota(cluster.location)
        if tags is None:
            tags = dict(cluster.tags) if cluster.settings.copy_tags_to_snapshot else {}
        snapshot = DBClusterSnapshot(
            location=cluster.location,
            identifier=name,
            kind=MANUAL,
            status=CREATING,
            origin=self.origin(cluster),
            storage=cluster.storage,
            created=self._backend.scheduler.now,
            image=self._backend.data_plane.capture(cluster.resource_id),
            tags=tags,
        )
        self._backend.at(cluster.location).snapshots[name] = snapshot
        default = StatusTransition.spread(
            (CREATING,), self._backend.timings.create_snapshot, AVAILABLE
        )
        self._progress.start(
            snapshot, self._backend.overrides.apply(Operation.CREATE_SNAPSHOT, default)
        )
        return snapshot

    def take_automated(
        self, cluster: DBCluster, at: datetime, *, engine: str = ENGINE
    ) -> DBClusterSnapshot:
        """Take the snapshot of the backup window, finished, under the name that RDS gives it.

        Source: Aurora User Guide, *ARNs in Amazon RDS*: ``rds:CLUSTER-YYYY-MM-DD-hh-mm``.
        """
        name = f"{AUTOMATED_PREFIX}{cluster.identifier}-{at:%Y-%m-%d-%H-%M}"
        self.check_free(cluster.location, name)
        snapshot = DBClusterSnapshot(
            location=cluster.location,
            identifier=name,
            kind=AUTOMATED,
            status=AVAILABLE,
            origin=replace(self.origin(cluster), engine=engine),
            storage=cluster.storage,
            created=at,
            image=self._backend.data_plane.capture(cluster.resource_id),
            tags=dict(cluster.tags) if cluster.settings.copy_tags_to_snapshot else {},
            reached=100,
        )
        self._backend.at(cluster.location).snapshots[name] = snapshot
        return snapshot

    def describe(self, location: Location, params: Params) -> dict[str, Any]:
        """Perform ``DescribeDBClusterSnapshots``."""
        named = params.text("DBClusterSnapshotIdentifier")
        cluster = params.text("DBClusterIdentifier")
        if named and cluster:
            raise InvalidParameterCombinationError(
                "DBClusterIdentifier and DBClusterSnapshotIdentifier can't be used together"
            )
        found = self._visible(location, params)
        if named:
            found = self._named(location, found, named, params)
            if not found:
                raise DBClusterSnapshotNotFoundError(named)
        if cluster:
            found = self._of_existing_cluster(location, found, cluster)
        resource_id = params.text("DbClusterResourceId")
        if resource_id:
            found = [one for one in found if one.origin.cluster_resource_id == resource_id]
        found = filters.apply(
            found,
            params.filters(),
            {
                "db-cluster-id": lambda one: (
                    one.origin.cluster_identifier,
                    one.origin.cluster_arn,
                ),
                "db-cluster-snapshot-id": lambda one: (one.identifier, one.arn),
                "snapshot-type": lambda one: (self._kind_for(location, one),),
                "engine": lambda one: (one.origin.engine,),
            },
        )
        response, marker = paging.page([(one.arn, one) for one in found], params)
        return {
            "DBClusterSnapshots": [self.response(one, location) for one in response],
            "Marker": marker,
        }

    def delete(self, location: Location, params: Params) -> dict[str, Any]:
        """Perform ``DeleteDBClusterSnapshot``; this cancels a copy that is in progress.

        Source: Aurora User Guide, *DB cluster snapshot copying*: "to cancel a copy operation once
        it is in progress, delete the target while it is in copying status".
        """
        snapshot = find_own_snapshot(
            self._backend, location, params.required("DBClusterSnapshotIdentifier")
        )
        if snapshot.kind != MANUAL:
            raise InvalidDBClusterSnapshotStateError("Only manual snapshots may be deleted.")
        if snapshot.status == CREATING:
            raise InvalidDBClusterSnapshotStateError(
                f"Snapshot {snapshot.identifier} is being created and cannot be deleted yet"
            )
        self.remove(snapshot)
        return {"DBClusterSnapshot": self.response(snapshot) | {"Status": "deleted"}}

    def remove(self, snapshot: DBClusterSnapshot) -> None:
        """Delete the snapshot and what it holds, whatever its status."""
        if snapshot.transition is not None:
            snapshot.transition.cancel()
        del self._backend.at(snapshot.location).snapshots[snapshot.identifier]
        if not any(
            other.image == snapshot.image
            for _, regional in self._backend.regional_backends()
            for other in regional.snapshots.values()
        ):
            self._backend.data_plane.release(snapshot.image)
        self._progress.start_queued_copies(snapshot.location)

    def check_free(self, location: Location, name: str) -> None:
        """Refuse a name that is taken."""
        if name in self._backend.at(location).snapshots:
            raise DBClusterSnapshotAlreadyExistsError(name)

    def check_quota(self, location: Location) -> None:
        """Refuse one manual snapshot too many in the account and Region."""
        limit = self._backend.rules.manual_snapshots
        manual = [
            one for one in self._backend.at(location).snapshots.values() if one.kind == MANUAL
        ]
        if len(manual) >= limit:
            raise SnapshotQuotaExceededError(limit)

    def origin(self, cluster: DBCluster) -> Origin:
        """Return what a snapshot of the cluster remembers of it."""
        group = self._backend.services.subnet_group(cluster.location, cluster.settings.subnet_group)
        return Origin(
            cluster_identifier=cluster.identifier,
            cluster_arn=cluster.arn,
            cluster_resource_id=cluster.resource_id,
            cluster_created=cluster.created,
            master_username=cluster.master_username,
            vpc_id=group.vpc if group else "",
            availability_zones=cluster.availability_zones,
            settings=cluster.settings,
            engine=ENGINE,
        )

    def response(
        self, snapshot: DBClusterSnapshot, viewer: Location | None = None
    ) -> dict[str, Any]:
        """Return the snapshot as the API shows it to its owner, or to an account it is shared with.

        Tags stay with the owner. Source: botocore model, ``DBClusterSnapshot``.
        """
        foreign = viewer is not None and viewer.account != snapshot.location.account
        origin = snapshot.origin
        return {
            "AvailabilityZones": list(origin.availability_zones),
            "DBClusterSnapshotIdentifier": snapshot.arn if foreign else snapshot.identifier,
            "DBClusterIdentifier": origin.cluster_identifier,
            "SnapshotCreateTime": snapshot.created,
            "Engine": origin.engine,
            "EngineMode": "provisioned",
            "AllocatedStorage": 1,
            "Status": snapshot.status,
            "Port": origin.settings.port,
            "VpcId": origin.vpc_id,
            "ClusterCreateTime": origin.cluster_created,
            "MasterUsername": origin.master_username,
            "EngineVersion": origin.settings.engine_version,
            "LicenseModel": "postgresql-license",
            "SnapshotType": self._kind_for(viewer, snapshot) if viewer else snapshot.kind,
            "PercentProgress": self._progress.percent(snapshot),
            "StorageEncrypted": snapshot.storage.encrypted_with_key,
            "StorageEncryptionType": str(snapshot.storage.encryption),
            "KmsKeyId": snapshot.storage.key_arn,
            "DBClusterSnapshotArn": snapshot.arn,
            "SourceDBClusterSnapshotArn": snapshot.source_arn,
            "IAMDatabaseAuthenticationEnabled": origin.settings.iam_authentication,
            "StorageType": origin.settings.storage_type,
            "BackupRetentionPeriod": origin.settings.backup_retention_period,
            "PreferredBackupWindow": origin.settings.preferred_backup_window,
            "DbClusterResourceId": origin.cluster_resource_id,
            "TagList": [] if foreign else tag_list(snapshot.tags),
        }

    def _kind_for(self, viewer: Location | None, snapshot: DBClusterSnapshot) -> str:
        if viewer is None or snapshot.location.account == viewer.account:
            return snapshot.kind
        return SHARED if viewer.account in snapshot.shared_with else PUBLIC

    def _visible(self, location: Location, params: Params) -> list[DBClusterSnapshot]:
        """Return what ``SnapshotType``, ``IncludeShared`` and ``IncludePublic`` select.

        Source: botocore model, ``DescribeDBClusterSnapshotsMessage``: without a type the caller's
        own of either kind; shared and public ones only if asked for, and never with ``manual`` or
        ``automated``.
        """
        own = list(self._backend.at(location).snapshots.values())
        shared = self._foreign(location, lambda one: location.account in one.shared_with)
        public = self._foreign(location, lambda one: EVERYONE in one.shared_with)
        kind = params.text("SnapshotType")
        with_shared, with_public = params.flag("IncludeShared"), params.flag("IncludePublic")
        match kind:
            case "automated" | "manual":
                return [one for one in own if one.kind == kind]
            case "shared":
                return shared
            case "public":
                return [*public, *(one for one in own if EVERYONE in one.shared_with)]
            case "awsbackup":
                return []
            case None:
                visible = own
                if with_shared:
                    visible = [*visible, *shared]
                if with_public:
                    visible = [*visible, *(one for one in public if one not in visible)]
                return visible
            case _:
                raise InvalidParameterValueError(f"Invalid snapshot type: {kind}")

    def _foreign(
        self, location: Location, wanted: Callable[[DBClusterSnapshot], bool]
    ) -> list[DBClusterSnapshot]:
        return [
            one
            for there, regional in self._backend.regional_backends()
            if there.region == location.region and there.account != location.account
            for one in regional.snapshots.values()
            if one.kind == MANUAL and wanted(one)
        ]

    def _named(
        self, location: Location, visible: list[DBClusterSnapshot], named: str, params: Params
    ) -> list[DBClusterSnapshot]:
        arn = Arn.parse(named)
        if arn is not None:
            if arn.region != location.region:
                return []
            kind = params.text("SnapshotType")
            if arn.account != location.account and kind is None:
                shared = self._backend.at(Location(arn.account, arn.region)).snapshots
                visible = [one for one in shared.values() if can_access(one, location.account)]
            return [one for one in visible if one.arn.lower() == named.lower()]
        if named.startswith(AUTOMATED_PREFIX) and params.text("SnapshotType") is None:
            return []
        return [
            one
            for one in visible
            if one.identifier == named.lower() and one.location.account == location.account
        ]

    def _of_existing_cluster(
        self, location: Location, visible: Iterable[DBClusterSnapshot], cluster: str
    ) -> list[DBClusterSnapshot]:
        if cluster.lower() not in self._backend.at(location).clusters:
            return []
        return [one for one in visible if one.origin.cluster_identifier == cluster.lower()]
