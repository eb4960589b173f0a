"""IAM roles of a cluster."""

from typing import Any

from embedded_aws.rds.backend import RdsBackend
from embedded_aws.rds.exceptions import (
    DBClusterRoleAlreadyExistsError,
    DBClusterRoleNotFoundError,
    DBClusterRoleQuotaExceededError,
)
from embedded_aws.rds.models import AVAILABLE, Location, Role
from embedded_aws.rds.params import Params
from embedded_aws.rds.resources import find_cluster, require_status


class Roles:
    """The two operations on a cluster's roles."""

    def __init__(self, backend: RdsBackend) -> None:
        self._backend = backend

    def add(self, location: Location, params: Params) -> dict[str, Any]:
        """Perform ``AddRoleToDBCluster``."""
        cluster = find_cluster(self._backend, location, params.required("DBClusterIdentifier"))
        require_status(cluster, AVAILABLE)
        role = Role(params.required("RoleArn"), params.text("FeatureName") or "")
        for known in cluster.roles:
            if known.arn == role.arn or (role.feature and known.feature == role.feature):
                raise DBClusterRoleAlreadyExistsError(
                    f"Role {role.arn} or feature {role.feature} is already associated with "
                    f"DB cluster {cluster.identifier}"
                )
        if len(cluster.roles) >= self._backend.rules.roles_per_cluster:
            raise DBClusterRoleQuotaExceededError(
                f"A DB cluster cannot have more than {self._backend.rules.roles_per_cluster} roles"
            )
        cluster.roles.append(role)
        return {}

    def remove(self, location: Location, params: Params) -> dict[str, Any]:
        """Perform ``RemoveRoleFromDBCluster``."""
        cluster = find_cluster(self._backend, location, params.required("DBClusterIdentifier"))
        require_status(cluster, AVAILABLE)
        arn = params.required("RoleArn")
        if arn not in [role.arn for role in cluster.roles]:
            raise DBClusterRoleNotFoundError(
                f"Role {arn} is not associated with DB cluster {cluster.identifier}"
            )
        cluster.roles = [role for role in cluster.roles if role.arn != arn]
        return {}
