"""The targets of RDS proxies; the proxies themselves are moto's.

Source: botocore model, ``DBProxyTarget``; Aurora User Guide, *Modifying an RDS Proxy*: a proxy has
one cluster, which is deregistered before another is registered. Whether it follows the cluster or
the name when that is renamed is not documented, so a rule says it.
"""

from typing import Any

from embedded_aws.rds import paging
from embedded_aws.rds.backend import RdsBackend
from embedded_aws.rds.beside import DBProxyTarget
from embedded_aws.rds.data_plane import Endpoint
from embedded_aws.rds.exceptions import (
    DBProxyNotFoundError,
    DBProxyTargetAlreadyRegisteredError,
    DBProxyTargetGroupNotFoundError,
    DBProxyTargetNotFoundError,
    InvalidDBClusterStateError,
    InvalidParameterValueError,
)
from embedded_aws.rds.hosts import instance_host
from embedded_aws.rds.models import DBCluster, Location
from embedded_aws.rds.params import Params
from embedded_aws.rds.resources import find_cluster, is_available

_GROUP = "default"
_CLUSTER = "TRACKED_CLUSTER"
_INSTANCE = "RDS_INSTANCE"


class ProxyTargets:
    """The operations on the targets of proxies."""

    def __init__(self, backend: RdsBackend) -> None:
        self._backend = backend

    def register(self, location: Location, params: Params) -> dict[str, Any]:
        """Perform ``RegisterDBProxyTargets``."""
        proxy = self._proxy(location, params)
        asked = _cluster_names(params)
        if len(asked) != 1:
            raise InvalidParameterValueError("Specify exactly one DB cluster")
        cluster = find_cluster(self._backend, location, asked[0])
        targets = self._backend.at(location).proxy_targets
        if proxy in targets:
            raise DBProxyTargetAlreadyRegisteredError(
                f"The proxy {proxy} is already associated with {self._name_of(targets[proxy])}"
            )
        if not is_available(cluster):
            raise InvalidDBClusterStateError(
                f"DB cluster {cluster.identifier} is not in available state, but {cluster.status}"
            )
        target = targets[proxy] = DBProxyTarget(cluster=cluster, name=cluster.identifier)

        def registered() -> None:
            target.registering = False

        self._backend.scheduler.after(self._backend.timings.register_proxy_target, registered)
        return {"DBProxyTargets": self._shown(target)}

    def deregister(self, location: Location, params: Params) -> dict[str, Any]:
        """Perform ``DeregisterDBProxyTargets``."""
        proxy = self._proxy(location, params)
        targets, asked = self._backend.at(location).proxy_targets, _cluster_names(params)
        registered = [self._name_of(targets[proxy])] if proxy in targets else []
        if not asked or any(name.lower() not in registered for name in asked):
            raise DBProxyTargetNotFoundError(
                f"The proxy {proxy} is not associated with {', '.join(asked)}"
            )
        del targets[proxy]
        return {}

    def describe(self, location: Location, params: Params) -> dict[str, Any]:
        """Perform ``DescribeDBProxyTargets``: the cluster, and each of its instances."""
        target = self._backend.at(location).proxy_targets.get(self._proxy(location, params))
        found = self._shown(target) if target else []
        shown, marker = paging.page(
            [(f"{one['Type']}/{one['RdsResourceId']}", one) for one in found], params
        )
        return {"Targets": shown, "Marker": marker}

    def modify(self, location: Location, params: Params) -> dict[str, Any]:
        """Perform ``ModifyDBProxy``, as far as it is about the secrets that a proxy logs in with.

        They are replaced as a whole. Source: botocore model, ``ModifyDBProxyRequest.Auth``.
        """
        name = self._proxy(location, params)
        auth = [dict(each) for each in params.structures("Auth") or ()]
        self._backend.services.set_proxy_auth(location, name, auth)
        return {"DBProxy": {"DBProxyName": name, "Auth": auth}}

    def _proxy(self, location: Location, params: Params) -> str:
        name = params.required("DBProxyName")
        if not self._backend.services.has_proxy(location, name):
            raise DBProxyNotFoundError(name)
        group = params.text("TargetGroupName") or _GROUP
        if group != _GROUP:
            raise DBProxyTargetGroupNotFoundError(group)
        return name

    def _name_of(self, target: DBProxyTarget) -> str:
        if self._backend.rules.proxies_follow_the_name:
            return target.name
        return target.cluster.identifier

    def _cluster_of(self, target: DBProxyTarget) -> DBCluster | None:
        """Return where a proxy leads to; by name, that may be another cluster, or none."""
        if not self._backend.rules.proxies_follow_the_name:
            return target.cluster
        named = self._backend.at(target.cluster.location).clusters.get(target.name)
        return None if named is None or named.nameless else named

    def _shown(self, target: DBProxyTarget) -> list[dict[str, Any]]:
        cluster, name = self._cluster_of(target), self._name_of(target)
        shared: dict[str, Any] = {
            "TrackedClusterId": name,
            "TargetHealth": _health(target, cluster),
        }
        tracked = {"Type": _CLUSTER, "RdsResourceId": name, **shared}
        if cluster is None:
            return [tracked]
        port = cluster.settings.port
        instances = [
            {
                "Type": _INSTANCE,
                "RdsResourceId": member.identifier,
                "Role": "READ_WRITE" if member.is_writer else "READ_ONLY",
                "Endpoint": self._backend.data_plane.instance_endpoint(
                    cluster.resource_id, member.resource_id, Endpoint(instance_host(member), port)
                ).host,
                "Port": port,
                **shared,
            }
            for member in self._backend.members(cluster)
        ]
        return [{**tracked, "Port": port}, *instances]


def forget_target(backend: RdsBackend, cluster: DBCluster) -> None:
    """Take a deleted cluster from its proxy. Source: Aurora User Guide, *RDS Proxy events*."""
    targets = backend.at(cluster.location).proxy_targets
    by_name = backend.rules.proxies_follow_the_name
    for proxy, target in list(targets.items()):
        if target.name == cluster.identifier if by_name else target.cluster is cluster:
            del targets[proxy]


def _cluster_names(params: Params) -> tuple[str, ...]:
    if params.texts("DBInstanceIdentifiers"):
        raise InvalidParameterValueError("A proxy's target here is a cluster, no instance")
    return params.texts("DBClusterIdentifiers") or ()


def _health(target: DBProxyTarget, cluster: DBCluster | None) -> dict[str, str]:
    if target.registering:
        return {"State": "REGISTERING"}
    if cluster is None or not cluster.accepting:
        return {"State": "UNAVAILABLE", "Reason": "UNREACHABLE"}
    return {"State": "AVAILABLE"}
