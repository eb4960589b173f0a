"""IAM roles of a cluster."""

from typing import Any

from embedded_aws.rds.backend import Backend
from embedded_aws.rds.errors import (
    RoleAlreadyExistsError,
    RoleNotFoundError,
    RoleQuotaExceededError,
)
from embedded_aws.rds.lookup import cluster_at, must_be
from embedded_aws.rds.models import AVAILABLE, Place, Role
from embedded_aws.rds.params import Params


class Roles:
    """The two operations on a cluster's roles."""

    def __init__(self, backend: Backend) -> None:
        self._world = backend

    def add(self, place: Place, params: Params) -> dict[str, Any]:
        """``AddRoleToDBCluster``."""
        cluster = cluster_at(self._world, place, params.required("DBClusterIdentifier"))
        must_be(cluster, AVAILABLE)
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

    def remove(self, place: Place, params: Params) -> dict[str, Any]:
        """``RemoveRoleFromDBCluster``."""
        cluster = cluster_at(self._world, place, params.required("DBClusterIdentifier"))
        must_be(cluster, AVAILABLE)
        arn = params.required("RoleArn")
        if arn not in [role.arn for role in cluster.roles]:
            raise RoleNotFoundError(
                f"Role {arn} is not associated with DB cluster {cluster.identifier}"
            )
        cluster.roles = [role for role in cluster.roles if role.arn != arn]
        return {}
