"""What belongs to a cluster and is not in its description: endpoints, proxies, auto scaling."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from aurora_restore.shared.aws_utils import Clients, call
from aurora_restore.shared.common import logger
from aurora_restore.shared.errors import AuroraRestoreError, AwsError, ClusterNotFoundError
from aurora_restore.shared.names import READER_COUNT

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_rds.type_defs import DBProxyTargetTypeDef

_CUSTOM: Final = "CUSTOM"
MEMBERS: Final = ("StaticMembers", "ExcludedMembers")
"""The lists of instances that a custom endpoint may have: those that it leads to, or does not."""
TRACKED_CLUSTER: Final = "TRACKED_CLUSTER"
"""The type of a proxy's target that is a cluster; its instances are targets, too."""
UNKNOWN: Final = "unknown"
"""Stands for what could not be found out."""


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What belongs to a cluster beside itself and its instances."""

    custom_endpoints: tuple[Mapping[str, Any], ...] = ()
    """Each as CreateDBClusterEndpoint takes it."""
    proxies: tuple[str, ...] | str = ()
    """The RDS proxies that it is a target of; or UNKNOWN."""
    reader_scaling: Mapping[str, Any] | str | None = None
    """The least and most readers, where Application Auto Scaling decides how many there are; or
    UNKNOWN."""


NO_SURROUNDINGS = Surroundings()


def describe_surroundings(rds: "RDSClient", clients: Clients, cluster_id: str) -> Surroundings:
    """Return what belongs to a cluster beside itself and its instances."""
    return Surroundings(
        custom_endpoints=_custom_endpoints(rds, cluster_id),
        proxies=_proxies(rds, cluster_id),
        reader_scaling=reader_scaling(clients, cluster_id),
    )


def custom_endpoints_of(rds: "RDSClient", cluster_id: str) -> list[Mapping[str, Any]]:
    """Return the custom endpoints of a cluster as RDS describes them; none if there is none."""
    paginator = rds.get_paginator("describe_db_cluster_endpoints")
    try:
        pages = call(lambda: list(paginator.paginate(DBClusterIdentifier=cluster_id)))
    except ClusterNotFoundError:
        return []
    return [
        each
        for page in pages
        for each in page["DBClusterEndpoints"]
        if each.get("EndpointType") == _CUSTOM
    ]


def _custom_endpoints(rds: "RDSClient", cluster_id: str) -> tuple[Mapping[str, Any], ...]:
    found = map(_as_created, custom_endpoints_of(rds, cluster_id))
    return tuple(sorted(found, key=lambda each: str(each["DBClusterEndpointIdentifier"])))


def _as_created(endpoint: Mapping[str, Any]) -> dict[str, Any]:
    """Return a custom endpoint as CreateDBClusterEndpoint takes it."""
    return {
        "DBClusterEndpointIdentifier": endpoint["DBClusterEndpointIdentifier"],
        "EndpointType": endpoint.get("CustomEndpointType", "ANY"),
        **{key: sorted(endpoint[key]) for key in MEMBERS if endpoint.get(key)},
    }


def _proxies(rds: "RDSClient", cluster_id: str) -> tuple[str, ...] | str:
    """Return the proxies that lead to a cluster, or UNKNOWN if AWS refuses to say.

    An organisation may deny it, not every Region has RDS Proxy, and no run depends on it.
    """
    try:
        pages = call(lambda: list(rds.get_paginator("describe_db_proxies").paginate()))
        names = [each["DBProxyName"] for page in pages for each in page["DBProxies"]]
        return tuple(sorted(name for name in names if _is_target(rds, name, cluster_id)))
    except AwsError as error:
        logger.warning("the registration with RDS Proxy is not known", reason=error.message)
        return UNKNOWN


def targets_of(rds: "RDSClient", proxy: str) -> "list[DBProxyTargetTypeDef]":
    """Return the targets of a proxy: the cluster that is registered, and its instances."""
    paginator = rds.get_paginator("describe_db_proxy_targets")
    pages = call(lambda: list(paginator.paginate(DBProxyName=proxy)))
    return [target for page in pages for target in page["Targets"]]


def _is_target(rds: "RDSClient", proxy: str, cluster_id: str) -> bool:
    return any(
        target.get("Type") == TRACKED_CLUSTER and target.get("RdsResourceId") == cluster_id
        for target in targets_of(rds, proxy)
    )


def reader_scaling(clients: Clients, cluster_id: str) -> Mapping[str, Any] | str | None:
    """Return what scales the readers, or UNKNOWN if that cannot be found out.

    A function in a VPC may have no way to Application Auto Scaling, and no run depends on it.
    """
    try:
        found = call(
            clients.application_auto_scaling.describe_scalable_targets,
            ServiceNamespace="rds",
            ResourceIds=[f"cluster:{cluster_id}"],
            ScalableDimension=READER_COUNT,
        )["ScalableTargets"]
    except AuroraRestoreError as error:
        logger.warning("the auto scaling of readers is not known", reason=error.message)
        return UNKNOWN
    if not found:
        return None
    return {key: found[0][key] for key in ("MinCapacity", "MaxCapacity")}
