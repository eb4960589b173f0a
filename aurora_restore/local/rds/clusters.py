"""DB clusters: creating, describing, stopping, starting and deleting them, and their roles."""

from typing import Any

from aurora_restore.local.rds import filters, keys, names, paging, settings
from aurora_restore.local.rds.course import Run
from aurora_restore.local.rds.errors import (
    ClusterAlreadyExistsError,
    ClusterNotFoundError,
    ClusterQuotaExceededError,
    InvalidClusterStateError,
    InvalidParameterCombinationError,
    InvalidParameterValueError,
    RoleAlreadyExistsError,
    RoleNotFoundError,
    RoleQuotaExceededError,
)
from aurora_restore.local.rds.lookup import cluster_at
from aurora_restore.local.rds.model import (
    AVAILABLE,
    DELETING,
    STOPPED,
    Cluster,
    ClusterSettings,
    Place,
    Role,
    Storage,
    resource_id,
)
from aurora_restore.local.rds.params import Params
from aurora_restore.local.rds.plane import Login
from aurora_restore.local.rds.progress import Course, Operation
from aurora_restore.local.rds.reachability import Reachability
from aurora_restore.local.rds.rules import Encryption
from aurora_restore.local.rds.snapshots import AUTOMATED, Snapshots
from aurora_restore.local.rds.tagging import tags_of
from aurora_restore.local.rds.wire import cluster_shown
from aurora_restore.local.rds.world import World

_RESERVED_USERNAMES = frozenset({"rdsadmin", "rds_superuser", "rdsrepladmin", "admin", "public"})
_GONE = "gone"


class Clusters:
    """The operations on clusters, but for restoring and modifying."""

    def __init__(self, world: World, snapshots: Snapshots, reachability: Reachability) -> None:
        self._world = world
        self._snapshots = snapshots
        self._reachability = reachability

    def create(self, place: Place, params: Params) -> dict[str, Any]:
        """``CreateDBCluster``."""
        name = self.new_name(place, params)
        settings.check_engine(params)
        username = _master_username(params)
        _check_password(params)
        version = settings.engine_version(params, self._world.rules.default_engine_version)
        group = settings.subnet_group(self._world, place, params)
        chosen = ClusterSettings(
            engine_version=version,
            parameter_group=settings.cluster_parameter_group(self._world, place, params, version),
            subnet_group=group.name,
            security_groups=settings.security_groups(self._world, place, params, group),
            database_name=params.text("DatabaseName"),
            log_exports=settings.log_exports(params.texts("EnableCloudwatchLogsExports")),
            **settings.optional_settings(params),
        )
        storage = self._new_storage(place, params)
        tags, roles = tags_of(params), settings.roles(self._world, params)
        cluster = self.new_cluster(place, name, username, storage, chosen, group.availability_zones)
        cluster.tags, cluster.roles = tags or {}, roles
        password = self._master_password(cluster, params)
        self._world.plane.create(
            cluster.resource_id,
            label=label_of(cluster),
            owner=Login(username, password),
            database=chosen.database_name,
        )
        timings = self._world.timings
        self.begin(
            cluster,
            Operation.CREATE_CLUSTER,
            Course.spread(timings.create_cluster_statuses, timings.create_cluster, AVAILABLE),
        )
        return {"DBCluster": cluster_shown(self._world, cluster)}

    def new_name(self, place: Place, params: Params) -> str:
        """The identifier of a cluster to come, free and within the quota."""
        name = names.identifier(params.required("DBClusterIdentifier"), "DBClusterIdentifier")
        clusters = self._world.site(place).clusters
        if name in clusters:
            raise ClusterAlreadyExistsError
        if len(clusters) >= self._world.rules.clusters:
            raise ClusterQuotaExceededError
        return name

    def new_cluster(
        self,
        place: Place,
        name: str,
        username: str,
        storage: Storage,
        chosen: ClusterSettings,
        zones: tuple[str, ...],
    ) -> Cluster:
        """A cluster that exists from now on; its volume is the caller's to make."""
        cluster = Cluster(
            place=place,
            identifier=name,
            resource_id=resource_id("cluster"),
            status="creating",
            created=self._world.schedule.now,
            master_username=username,
            storage=storage,
            settings=chosen,
            availability_zones=zones[:3],
            hosted_zone=resource_id("Z")[2:16],
        )
        self._world.site(place).clusters[name] = cluster
        return cluster

    def begin(self, cluster: Cluster, operation: Operation, usual: Course) -> None:
        """Lets the cluster come into being."""
        self._run(cluster, self._world.outcomes.course(operation, usual))

    def _run(self, cluster: Cluster, course: Course) -> None:
        def show(status: str) -> None:
            cluster.status = status

        if cluster.run is not None:
            cluster.run.cancel()
        cluster.run = Run(self._world.schedule, course, show=show, done=show)

    def describe(self, place: Place, params: Params) -> dict[str, Any]:
        """``DescribeDBClusters``."""
        named = params.text("DBClusterIdentifier")
        clusters = list(self._world.site(place).clusters.values())
        if named:
            clusters = [cluster_at(self._world, place, named)]
        found = filters.apply(
            clusters,
            params.filters(),
            {
                "db-cluster-id": lambda one: (one.identifier, one.arn),
                "db-cluster-resource-id": lambda one: (one.resource_id,),
                "clone-group-id": lambda one: (one.resource_id,),
                "domain": lambda _: (),
                "engine": lambda _: (settings.ENGINE,),
            },
        )
        if named and not found:
            raise ClusterNotFoundError(named)
        shown, marker = paging.page([(one.identifier, one) for one in found], params)
        return {
            "DBClusters": [cluster_shown(self._world, one) for one in shown],
            "Marker": marker,
        }

    def delete(self, place: Place, params: Params) -> dict[str, Any]:
        """``DeleteDBCluster``; the accepted request still shows the status before it."""
        cluster = cluster_at(self._world, place, params.required("DBClusterIdentifier"))
        self._check_deletable(cluster)
        final = self._final_snapshot_name(place, params)
        shown = cluster_shown(self._world, cluster)
        timings = self._world.timings
        seconds = timings.delete_cluster
        if final is not None:
            self._snapshots.take(cluster, final)
            seconds += timings.create_snapshot
        if params.flag("DeleteAutomatedBackups", default=True):
            self._delete_automated_backups(cluster)
        usual = Course.spread((DELETING,), seconds, _GONE)
        course = self._world.outcomes.course(Operation.DELETE_CLUSTER, usual)
        self._run_to_its_end(cluster, course)
        return {"DBCluster": shown}

    def shown(self, cluster: Cluster) -> dict[str, Any]:
        """The cluster as the API shows it."""
        return cluster_shown(self._world, cluster)

    def instance_gone(self, cluster: Cluster) -> None:
        """A member of the cluster ended; if it kept a deleted cluster, that ends too."""
        if cluster.deletion_due:
            self._finish(cluster)

    def stop(self, place: Place, params: Params) -> dict[str, Any]:
        """``StopDBCluster``: with every instance of it."""
        cluster = cluster_at(self._world, place, params.required("DBClusterIdentifier"))
        self._check_status(cluster, AVAILABLE)
        seconds = self._world.timings.stop_cluster
        for instance in self._world.members(cluster):
            self._reachability.lost(instance)
        self._run_with_members(cluster, Course.spread(("stopping",), seconds, STOPPED))
        return {"DBCluster": cluster_shown(self._world, cluster)}

    def start(self, place: Place, params: Params) -> dict[str, Any]:
        """``StartDBCluster``: with every instance of it."""
        cluster = cluster_at(self._world, place, params.required("DBClusterIdentifier"))
        self._check_status(cluster, STOPPED)
        seconds = self._world.timings.start_cluster
        self._run_with_members(cluster, Course.spread(("starting",), seconds, AVAILABLE))
        return {"DBCluster": cluster_shown(self._world, cluster)}

    def add_role(self, place: Place, params: Params) -> dict[str, Any]:
        """``AddRoleToDBCluster``."""
        cluster = cluster_at(self._world, place, params.required("DBClusterIdentifier"))
        self._check_status(cluster, AVAILABLE)
        role = Role(params.required("RoleArn"), params.text("FeatureName") or "")
        for known in cluster.roles:
            if known.arn == role.arn or (role.feature and known.feature == role.feature):
                raise RoleAlreadyExistsError(
                    f"Role {role.arn} or feature {role.feature} is already associated with "
                    f"DB cluster {cluster.identifier}"
                )
        if len(cluster.roles) >= self._world.rules.roles_per_cluster:
            raise RoleQuotaExceededError(
                f"A DB cluster cannot have more than {self._world.rules.roles_per_cluster} roles"
            )
        cluster.roles.append(role)
        return {}

    def remove_role(self, place: Place, params: Params) -> dict[str, Any]:
        """``RemoveRoleFromDBCluster``."""
        cluster = cluster_at(self._world, place, params.required("DBClusterIdentifier"))
        self._check_status(cluster, AVAILABLE)
        arn = params.required("RoleArn")
        if arn not in [role.arn for role in cluster.roles]:
            raise RoleNotFoundError(
                f"Role {arn} is not associated with DB cluster {cluster.identifier}"
            )
        cluster.roles = [role for role in cluster.roles if role.arn != arn]
        return {}

    def _new_storage(self, place: Place, params: Params) -> Storage:
        key_id = params.text("KmsKeyId")
        encrypted = params.get("StorageEncrypted")
        if key_id is not None:
            if encrypted is False:
                raise InvalidParameterCombinationError(
                    "KmsKeyId can't be specified when StorageEncrypted is false"
                )
            key = keys.usable_key(self._world, place, key_id)
            return Storage(Encryption.SSE_KMS, key.arn)
        if encrypted:
            key = self._world.neighbours.default_key(place)
            return Storage(Encryption.SSE_KMS, key.arn)
        return Storage(self._world.rules.default_encryption)

    def _master_password(self, cluster: Cluster, params: Params) -> str:
        password = params.text("MasterUserPassword")
        if password is not None:
            return password
        secret = self._world.neighbours.create_managed_secret(
            cluster.place,
            cluster.arn,
            cluster.master_username,
            params.text("MasterUserSecretKmsKeyId"),
        )
        cluster.managed_secret = {"SecretArn": secret.arn, "KmsKeyId": secret.key_arn}
        return secret.password

    def _check_status(self, cluster: Cluster, wanted: str) -> None:
        if cluster.status != wanted:
            raise InvalidClusterStateError(
                f"DbCluster {cluster.identifier} is in {cluster.status} state but expected it to "
                f"be one of {wanted}."
            )

    def _check_deletable(self, cluster: Cluster) -> None:
        """Source: botocore model, ``DeleteDBCluster``; Aurora User Guide, *Deleting*."""
        if cluster.settings.deletion_protection:
            raise InvalidParameterCombinationError(
                "Cannot delete protected Cluster, please disable deletion protection and try again."
            )
        if cluster.status == DELETING:
            raise InvalidClusterStateError(f"Cluster {cluster.identifier} is already being deleted")
        if cluster.status in (STOPPED, "stopping", "starting"):
            raise InvalidClusterStateError(
                f"Db cluster {cluster.identifier} is in {cluster.status} state"
            )
        if cluster.global_cluster is not None:
            raise InvalidClusterStateError(
                "This cluster is a part of a global cluster, please remove it from globalcluster "
                "first"
            )
        if cluster.replicas:
            raise InvalidClusterStateError(
                f"Cluster {cluster.identifier} has read replicas: {', '.join(cluster.replicas)}"
            )
        if any(instance.status != DELETING for instance in self._world.members(cluster)):
            raise InvalidClusterStateError(
                "Cluster cannot be deleted, it still contains DB instances in non-deleting state."
            )

    def _final_snapshot_name(self, place: Place, params: Params) -> str | None:
        """Source: botocore model, ``DeleteDBClusterMessage``: ``SkipFinalSnapshot`` is off."""
        name = params.text("FinalDBSnapshotIdentifier")
        if params.flag("SkipFinalSnapshot"):
            if name is not None:
                raise InvalidParameterCombinationError(
                    "FinalDBSnapshotIdentifier can't be specified when SkipFinalSnapshot is on"
                )
            return None
        if name is None:
            raise InvalidParameterCombinationError(
                "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified."
            )
        checked = names.identifier(
            name, "FinalDBSnapshotIdentifier", longest=names.MAX_FINAL_SNAPSHOT_LENGTH
        )
        self._snapshots.check_free(place, checked)
        self._snapshots.check_quota(place)
        return checked

    def _delete_automated_backups(self, cluster: Cluster) -> None:
        for snapshot in list(self._world.site(cluster.place).snapshots.values()):
            if (
                snapshot.kind == AUTOMATED
                and snapshot.origin.cluster_resource_id == cluster.resource_id
            ):
                self._snapshots.remove(snapshot)

    def _run_to_its_end(self, cluster: Cluster, course: Course) -> None:
        def show(status: str) -> None:
            cluster.status = status

        def done(final: str) -> None:
            if final != _GONE:
                cluster.status = final
                return
            cluster.deletion_due = True
            self._finish(cluster)

        if cluster.run is not None:
            cluster.run.cancel()
        cluster.run = Run(self._world.schedule, course, show=show, done=done)

    def _finish(self, cluster: Cluster) -> None:
        if self._world.members(cluster):
            return
        if cluster.managed_secret is not None:
            self._world.neighbours.delete_managed_secret(
                cluster.place, cluster.managed_secret["SecretArn"]
            )
        self._world.plane.discard(cluster.resource_id)
        del self._world.site(cluster.place).clusters[cluster.identifier]

    def _run_with_members(self, cluster: Cluster, course: Course) -> None:
        members = self._world.members(cluster)

        def show(status: str) -> None:
            cluster.status = status
            for instance in members:
                instance.status = status

        def done(final: str) -> None:
            show(final)
            if final == AVAILABLE:
                for instance in members:
                    self._reachability.gained(instance)

        cluster.run = Run(self._world.schedule, course, show=show, done=done)


def _master_username(params: Params) -> str:
    """Source: botocore model, ``CreateDBClusterMessage.MasterUsername``."""
    name = params.required("MasterUsername")
    if not (name.isascii() and name[0].isalpha() and name.replace("_", "").isalnum()):
        raise InvalidParameterValueError(
            "The parameter MasterUsername is not a valid identifier: it must begin with a letter "
            "and contain only letters, digits and underscores"
        )
    if name.lower() in _RESERVED_USERNAMES or len(name) > 63:
        raise InvalidParameterValueError(
            f"MasterUsername {name} cannot be used as it is a reserved word used by the engine"
        )
    return name


def _check_password(params: Params) -> None:
    password = params.text("MasterUserPassword")
    if params.flag("ManageMasterUserPassword"):
        if password is not None:
            raise InvalidParameterCombinationError(
                "MasterUserPassword can't be specified if ManageMasterUserPassword is on"
            )
        return
    if password is None:
        raise InvalidParameterValueError(
            "The parameter MasterUserPassword must be provided and must not be blank."
        )
    settings.check_master_password(password)


def label_of(cluster: Cluster) -> str:
    """How the data plane calls the cluster in file names."""
    return f"{cluster.place.account}-{cluster.place.region}-{cluster.identifier}"
