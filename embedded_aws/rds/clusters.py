"""DB clusters: creating and describing them."""

from functools import partial
from typing import Any

from embedded_aws.rds import filters, keys, paging, settings
from embedded_aws.rds.backend import RdsBackend
from embedded_aws.rds.cluster_creation import ClusterCreation
from embedded_aws.rds.data_plane import Login
from embedded_aws.rds.exceptions import (
    DBClusterNotFoundError,
    InvalidDBClusterStateError,
    InvalidParameterCombinationError,
    InvalidParameterValueError,
)
from embedded_aws.rds.global_clusters import GlobalClusters, source_cluster
from embedded_aws.rds.models import (
    AVAILABLE,
    ClusterSettings,
    DBCluster,
    Location,
    Storage,
)
from embedded_aws.rds.params import Params
from embedded_aws.rds.resources import find_cluster, is_available
from embedded_aws.rds.responses import cluster_response
from embedded_aws.rds.rules import Encryption
from embedded_aws.rds.tagging import tags_of
from embedded_aws.rds.transitions import Operation, StatusTransition

_RESERVED_USERNAMES = frozenset({"rdsadmin", "rds_superuser", "rdsrepladmin", "admin", "public"})
_MAX_USERNAME_LENGTH = 63


class Clusters:
    """The operations on clusters, but for restoring, modifying, stopping and deleting."""

    def __init__(
        self,
        backend: RdsBackend,
        creation: ClusterCreation,
        global_clusters: GlobalClusters,
    ) -> None:
        self._backend = backend
        self._creation = creation
        self._global_clusters = global_clusters

    def create(self, location: Location, params: Params) -> dict[str, Any]:
        """Perform ``CreateDBCluster``, standalone or following another cluster."""
        name = self._creation.new_identifier(location, params)
        settings.check_engine(params)
        source = self._source(location, params)
        if source is None:
            username, password = _master_user(params)
            default_version = self._backend.rules.default_engine_version
        else:
            username, password = _no_master_user(source, params), None
            default_version = source.settings.engine_version
        version = settings.engine_version(params, default_version)
        group = settings.subnet_group(self._backend, location, params)
        settings.check_network_type(params, group)
        chosen = ClusterSettings(
            engine_version=version,
            parameter_group=settings.cluster_parameter_group(
                self._backend, location, params, version
            ),
            subnet_group=group.name,
            security_groups=settings.security_groups(self._backend, location, params, group),
            database_name=params.text("DatabaseName"),
            log_exports=settings.log_exports(params.texts("EnableCloudwatchLogsExports")),
            **settings.optional_settings(params),
        )
        cluster = self._creation.build(
            location,
            name,
            username=username,
            storage=self._new_storage(location, params),
            chosen=chosen,
            group=group,
            tags=tags_of(params),
            roles=settings.roles(self._backend, params),
        )
        if source is None and password is None:
            password = settings.create_managed_secret(self._backend, cluster, params)
        fill = (
            partial(self._fill_like, cluster, source)
            if source is not None
            else partial(self._fill_new, cluster, str(password))
        )
        timings = self._backend.timings
        default = StatusTransition.spread(
            timings.create_cluster_statuses, timings.create_cluster, AVAILABLE
        )
        self._creation.start(cluster, fill, Operation.CREATE_CLUSTER, default)
        if source is not None:
            self._follow(location, cluster, source, params)
        return {"DBCluster": cluster_response(self._backend, cluster)}

    def describe(self, location: Location, params: Params) -> dict[str, Any]:
        """Perform ``DescribeDBClusters``."""
        named = params.text("DBClusterIdentifier")
        clusters = list(self._backend.at(location).clusters.values())
        if not self._backend.rules.filter_finds_renaming_clusters:
            clusters = [one for one in clusters if not one.nameless]
        if named:
            clusters = [find_cluster(self._backend, location, named)]
        found = filters.apply(
            clusters,
            params.filters(),
            {
                "db-cluster-id": lambda one: () if one.nameless else (one.identifier, one.arn),
                "db-cluster-resource-id": lambda one: (one.resource_id,),
                "clone-group-id": lambda one: (one.resource_id,),
                "domain": lambda _: (),
                "engine": lambda _: (settings.ENGINE,),
            },
        )
        if named and not found:
            raise DBClusterNotFoundError(named)
        shown, marker = paging.page([(one.identifier, one) for one in found], params)
        return {
            "DBClusters": [cluster_response(self._backend, one) for one in shown],
            "Marker": marker,
        }

    def _source(self, location: Location, params: Params) -> DBCluster | None:
        """Return the cluster that a new one follows, as its replica or in its global cluster."""
        replicated = params.text("ReplicationSourceIdentifier")
        if replicated is not None:
            return source_cluster(self._backend, replicated)
        joined = params.text("GlobalClusterIdentifier")
        if joined is None:
            return None
        members = self._global_clusters.named(location, joined).members
        if not members:
            raise InvalidDBClusterStateError(
                f"The embedded RDS adds clusters only to a global cluster with a primary: {joined}"
            )
        return members[0]

    def _follow(
        self, location: Location, cluster: DBCluster, source: DBCluster, params: Params
    ) -> None:
        joined = params.text("GlobalClusterIdentifier")
        if joined is not None:
            self._global_clusters.join(self._global_clusters.named(location, joined), cluster)
            return
        cluster.replication_source = source.arn
        source.replicas.append(cluster.arn)

    def _fill_new(self, cluster: DBCluster, password: str, label: str) -> None:
        self._backend.data_plane.create(
            cluster.resource_id,
            label=label,
            owner=Login(cluster.master_username, password),
            database=cluster.settings.database_name,
            major=settings.major(cluster.settings.engine_version),
        )

    def _fill_like(self, cluster: DBCluster, source: DBCluster, label: str) -> None:
        if not is_available(source):
            raise InvalidDBClusterStateError(f"Cluster {source.identifier} is {source.status}")
        image = self._backend.data_plane.capture(source.resource_id)
        self._backend.data_plane.clone(
            cluster.resource_id,
            image,
            label=label,
            major=settings.major(cluster.settings.engine_version),
        )
        self._backend.data_plane.release(image)

    def _new_storage(self, location: Location, params: Params) -> Storage:
        key_id = params.text("KmsKeyId")
        encrypted = params.get("StorageEncrypted")
        if key_id is not None:
            if encrypted is False:
                raise InvalidParameterCombinationError(
                    "KmsKeyId can't be specified when StorageEncrypted is false"
                )
            key = keys.usable_key(self._backend, location, key_id)
            return Storage(Encryption.SSE_KMS, key.arn)
        if encrypted:
            key = self._backend.services.default_key(location)
            return Storage(Encryption.SSE_KMS, key.arn)
        return Storage(self._backend.rules.default_encryption)


def _master_user(params: Params) -> tuple[str, str | None]:
    """Return the name, and the password unless RDS is to manage it."""
    _check_password(params)
    return _master_username(params), params.text("MasterUserPassword")


def _no_master_user(source: DBCluster, params: Params) -> str:
    """Return the master user of the source, which a cluster that follows it takes over."""
    for name in ("MasterUsername", "MasterUserPassword", "ManageMasterUserPassword"):
        if name in params:
            raise InvalidParameterCombinationError(
                f"Cannot specify {name} for a cluster that follows {source.arn}"
            )
    return source.master_username


def _master_username(params: Params) -> str:
    """Return the master username. Source: botocore model, ``CreateDBClusterMessage``."""
    name = params.required("MasterUsername")
    if not (name.isascii() and name[0].isalpha() and name.replace("_", "").isalnum()):
        raise InvalidParameterValueError(
            "The parameter MasterUsername is not a valid identifier: it must begin with a letter "
            "and contain only letters, digits and underscores"
        )
    if name.lower() in _RESERVED_USERNAMES or len(name) > _MAX_USERNAME_LENGTH:
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
