"""Cluster snapshots: taking, describing and deleting them."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from embedded_aws.rds import filters, names, paging
from embedded_aws.rds.backend import Backend
from embedded_aws.rds.errors import (
    InvalidClusterStateError,
    InvalidParameterCombinationError,
    InvalidParameterValueError,
    InvalidSnapshotStateError,
    SnapshotAlreadyExistsError,
    SnapshotNotFoundError,
    SnapshotQuotaExceededError,
)
from embedded_aws.rds.lookup import (
    EVERYONE,
    cluster_at,
    is_available,
    may_use,
    own_snapshot,
)
from embedded_aws.rds.models import (
    AVAILABLE,
    CREATING,
    Cluster,
    Origin,
    Place,
    Snapshot,
)
from embedded_aws.rds.names import Arn
from embedded_aws.rds.params import Params, Tags
from embedded_aws.rds.progress import Course, Operation
from embedded_aws.rds.tagging import tag_list, tags_of
from embedded_aws.rds.transfers import Transfers

MANUAL = "manual"
AUTOMATED = "automated"
SHARED = "shared"
PUBLIC = "public"
AUTOMATED_PREFIX = "rds:"


class Snapshots:
    """The operations on cluster snapshots, but for copying and sharing."""

    def __init__(self, backend: Backend, transfers: Transfers) -> None:
        self._world = backend
        self._transfers = transfers

    def create(self, place: Place, params: Params) -> dict[str, Any]:
        """``CreateDBClusterSnapshot``."""
        cluster = cluster_at(self._world, place, params.required("DBClusterIdentifier"))
        name = names.identifier(
            params.required("DBClusterSnapshotIdentifier"), "DBClusterSnapshotIdentifier"
        )
        if not is_available(cluster):
            raise InvalidClusterStateError(
                f"Cluster {cluster.identifier} is not in available state, but {cluster.status}"
            )
        snapshot = self.take(cluster, name, tags=tags_of(params))
        return {"DBClusterSnapshot": self.shown(snapshot)}

    def take(self, cluster: Cluster, name: str, *, tags: Tags | None = None) -> Snapshot:
        """A manual snapshot of the cluster's data at this moment.

        Tags of the cluster are taken over if it copies tags to snapshots and none were given.
        """
        self.check_free(cluster.place, name)
        self.check_quota(cluster.place)
        if tags is None:
            tags = dict(cluster.tags) if cluster.settings.copy_tags_to_snapshot else {}
        snapshot = Snapshot(
            place=cluster.place,
            identifier=name,
            kind=MANUAL,
            status=CREATING,
            origin=self.origin(cluster),
            storage=cluster.storage,
            created=self._world.schedule.now,
            image=self._world.data_plane.capture(cluster.resource_id),
            tags=tags,
        )
        self._world.site(cluster.place).snapshots[name] = snapshot
        usual = Course.spread((CREATING,), self._world.timings.create_snapshot, AVAILABLE)
        self._transfers.begin(
            snapshot, self._world.outcomes.course(Operation.CREATE_SNAPSHOT, usual)
        )
        return snapshot

    def take_automated(self, cluster: Cluster, at: datetime) -> Snapshot:
        """The snapshot that RDS takes in the backup window, finished, under RDS's name for it.

        Source: Aurora User Guide, *ARNs in Amazon RDS*: ``rds:CLUSTER-YYYY-MM-DD-hh-mm``.
        """
        name = f"{AUTOMATED_PREFIX}{cluster.identifier}-{at:%Y-%m-%d-%H-%M}"
        self.check_free(cluster.place, name)
        snapshot = Snapshot(
            place=cluster.place,
            identifier=name,
            kind=AUTOMATED,
            status=AVAILABLE,
            origin=self.origin(cluster),
            storage=cluster.storage,
            created=at,
            image=self._world.data_plane.capture(cluster.resource_id),
            tags=dict(cluster.tags) if cluster.settings.copy_tags_to_snapshot else {},
            reached=100,
        )
        self._world.site(cluster.place).snapshots[name] = snapshot
        return snapshot

    def describe(self, place: Place, params: Params) -> dict[str, Any]:
        """``DescribeDBClusterSnapshots``."""
        named = params.text("DBClusterSnapshotIdentifier")
        cluster = params.text("DBClusterIdentifier")
        if named and cluster:
            raise InvalidParameterCombinationError(
                "DBClusterIdentifier and DBClusterSnapshotIdentifier can't be used together"
            )
        found = self._visible(place, params)
        if named:
            found = self._named(place, found, named, params)
            if not found:
                raise SnapshotNotFoundError(named)
        if cluster:
            found = self._of_existing_cluster(place, found, cluster)
        found = filters.apply(
            found,
            params.filters(),
            {
                "db-cluster-id": lambda one: (
                    one.origin.cluster_identifier,
                    one.origin.cluster_arn,
                ),
                "db-cluster-snapshot-id": lambda one: (one.identifier, one.arn),
                "snapshot-type": lambda one: (self._kind_for(place, one),),
                "engine": lambda _: ("aurora-postgresql",),
            },
        )
        shown, marker = paging.page([(one.arn, one) for one in found], params)
        return {
            "DBClusterSnapshots": [self.shown(one, place) for one in shown],
            "Marker": marker,
        }

    def delete(self, place: Place, params: Params) -> dict[str, Any]:
        """``DeleteDBClusterSnapshot``; for a copy that is under way this is its cancellation.

        Source: Aurora User Guide, *DB cluster snapshot copying*: "to cancel a copy operation once
        it is in progress, delete the target while it is in copying status".
        """
        snapshot = own_snapshot(self._world, place, params.required("DBClusterSnapshotIdentifier"))
        if snapshot.kind != MANUAL:
            raise InvalidSnapshotStateError("Only manual snapshots may be deleted.")
        if snapshot.status == CREATING:
            raise InvalidSnapshotStateError(
                f"Snapshot {snapshot.identifier} is being created and cannot be deleted yet"
            )
        self.remove(snapshot)
        return {"DBClusterSnapshot": self.shown(snapshot) | {"Status": "deleted"}}

    def remove(self, snapshot: Snapshot) -> None:
        """Takes the snapshot and what it holds away, whatever its status."""
        if snapshot.run is not None:
            snapshot.run.cancel()
        del self._world.site(snapshot.place).snapshots[snapshot.identifier]
        if not any(
            other.image == snapshot.image
            for _, site in self._world.sites()
            for other in site.snapshots.values()
        ):
            self._world.data_plane.release(snapshot.image)
        self._transfers.admit(snapshot.place)

    def check_free(self, place: Place, name: str) -> None:
        """Refuses a name that is taken."""
        if name in self._world.site(place).snapshots:
            raise SnapshotAlreadyExistsError(name)

    def check_quota(self, place: Place) -> None:
        """Refuses one manual snapshot too many in the account and Region."""
        limit = self._world.rules.manual_snapshots
        manual = [one for one in self._world.site(place).snapshots.values() if one.kind == MANUAL]
        if len(manual) >= limit:
            raise SnapshotQuotaExceededError(limit)

    def origin(self, cluster: Cluster) -> Origin:
        """What a snapshot of the cluster remembers of it."""
        group = self._world.services.subnet_group(cluster.place, cluster.settings.subnet_group)
        return Origin(
            cluster_identifier=cluster.identifier,
            cluster_arn=cluster.arn,
            cluster_resource_id=cluster.resource_id,
            cluster_created=cluster.created,
            master_username=cluster.master_username,
            vpc_id=group.vpc if group else "",
            availability_zones=cluster.availability_zones,
            settings=cluster.settings,
        )

    def shown(self, snapshot: Snapshot, viewer: Place | None = None) -> dict[str, Any]:
        """The snapshot as the API shows it to its owner, or to an account it is shared with.

        Tags stay with the owner. Source: botocore model, ``DBClusterSnapshot``.
        """
        foreign = viewer is not None and viewer.account != snapshot.place.account
        origin = snapshot.origin
        return {
            "AvailabilityZones": list(origin.availability_zones),
            "DBClusterSnapshotIdentifier": snapshot.arn if foreign else snapshot.identifier,
            "DBClusterIdentifier": origin.cluster_identifier,
            "SnapshotCreateTime": snapshot.created,
            "Engine": "aurora-postgresql",
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
            "PercentProgress": self._transfers.progress(snapshot),
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

    def _kind_for(self, viewer: Place | None, snapshot: Snapshot) -> str:
        if viewer is None or snapshot.place.account == viewer.account:
            return snapshot.kind
        return SHARED if viewer.account in snapshot.shared_with else PUBLIC

    def _visible(self, place: Place, params: Params) -> list[Snapshot]:
        """What ``SnapshotType``, ``IncludeShared`` and ``IncludePublic`` let be seen here.

        Source: botocore model, ``DescribeDBClusterSnapshotsMessage``: without a type the caller's
        own of either kind; shared and public ones only if asked for, and never with ``manual`` or
        ``automated``.
        """
        own = list(self._world.site(place).snapshots.values())
        shared = self._foreign(place, lambda one: place.account in one.shared_with)
        public = self._foreign(place, lambda one: EVERYONE in one.shared_with)
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

    def _foreign(self, place: Place, wanted: Callable[[Snapshot], bool]) -> list[Snapshot]:
        return [
            one
            for there, site in self._world.sites()
            if there.region == place.region and there.account != place.account
            for one in site.snapshots.values()
            if one.kind == MANUAL and wanted(one)
        ]

    def _named(
        self, place: Place, visible: list[Snapshot], named: str, params: Params
    ) -> list[Snapshot]:
        arn = Arn.parse(named)
        if arn is not None:
            if arn.region != place.region:
                return []
            kind = params.text("SnapshotType")
            if arn.account != place.account and kind is None:
                shared = self._world.site(Place(arn.account, arn.region)).snapshots
                visible = [one for one in shared.values() if may_use(one, place.account)]
            return [one for one in visible if one.arn.lower() == named.lower()]
        if named.startswith(AUTOMATED_PREFIX) and params.text("SnapshotType") is None:
            return []
        return [
            one
            for one in visible
            if one.identifier == named.lower() and one.place.account == place.account
        ]

    def _of_existing_cluster(
        self, place: Place, visible: Iterable[Snapshot], cluster: str
    ) -> list[Snapshot]:
        if cluster.lower() not in self._world.site(place).clusters:
            return []
        return [one for one in visible if one.origin.cluster_identifier == cluster.lower()]
