"""What belonged to the cluster that had the target's name, and does not go with the name.

Custom endpoints stay with their cluster, and their names exist once in a Region. What becomes of
the registration with RDS Proxy and of the auto scaling of readers when a cluster is renamed is not
documented; so it is looked at, and only what is not right is changed. The Data API is off after a
rename until it has been off and on again ("Troubleshooting Amazon RDS Data API issues").

The cluster is good without any of it: what AWS refuses is left to the drift.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from aurora_restore.shared.aws_utils import Clients
from aurora_restore.shared.cluster.extras import (
    create_endpoint,
    enable_data_api,
    with_members,
)
from aurora_restore.shared.cluster.settings import (
    CUSTOM_ENDPOINTS,
    DATA_API,
    MANAGED_SECRET,
    MANAGED_SECRET_KEY,
    PROXIES,
    READER_SCALING,
    WITH_THE_NAME,
    Difference,
)
from aurora_restore.shared.cluster.surroundings import (
    TRACKED_CLUSTER,
    UNKNOWN,
    custom_endpoints_of,
    reader_scaling,
    targets_of,
)
from aurora_restore.shared.common import logger
from aurora_restore.shared.errors import AuroraRestoreError
from aurora_restore.shared.names import READER_COUNT
from aurora_restore.shared.rds.calls import RdsCall
from aurora_restore.shared.rds.reads import find_cluster
from aurora_restore.shared.rds.statuses import AVAILABLE

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient

INSTANCES: Final = "Instances"
DATA_API_OFF: Final = f"{DATA_API}.Off"
SCALING_POLICIES: Final = f"{READER_SCALING}.Policies"


@dataclass(frozen=True, kw_only=True)
class ProxyTarget:
    """What a proxy leads to."""

    cluster_id: str | None
    """None if no cluster is registered with it."""
    instances: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class CarryOverFacts:
    """What belonged to the name before, and what there is of it now.

    What could not be found out is UNKNOWN.
    """

    had: Mapping[str, Any]
    """What the cluster had that served before, by the settings in ``WITH_THE_NAME``."""
    live: str
    """The name of the cluster that serves now."""
    retired: str | None
    """The name of the one that served before; None if that is gone."""
    region: str
    tags: Mapping[str, str]
    instances: Mapping[str, str]
    """The instances of the live cluster, by the one of the other whose place each takes."""
    was_renamed: bool
    """Whether the live cluster has got its name in the switch."""
    is_deleted: bool = False
    """Whether the cluster that served before is deleted, which takes it from its proxies."""
    cluster_arn: str = ""
    """The live cluster's."""
    members: frozenset[str] = frozenset()
    """All of its instances."""
    has_data_api: bool = False
    endpoints: Mapping[str, tuple[str, str]] | str = field(default_factory=dict)
    """The custom endpoints of both clusters by name: which cluster's, and in which status."""
    proxies: Mapping[str, ProxyTarget | str] = field(default_factory=dict)
    scaling: Mapping[str, Any] | str | None = None


@dataclass(frozen=True, kw_only=True)
class CarryOver:
    """The next thing to do about one belonging."""

    name: str
    """The setting, as the drift names it."""
    call: RdsCall | None = None
    """None where AWS has to be waited for."""
    closes: str | None = None
    """What is done once the call is accepted."""


def belongings(now: Mapping[str, Any], before: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return what a cluster has that does not go with its name, from its settings.

    ``before`` are earlier settings of a cluster of that name, whose custom endpoints and proxies
    may be missing now because an earlier switch did not come to its end.
    """
    old = before or {}
    endpoints = {
        each["DBClusterEndpointIdentifier"]: each
        for each in (*old.get(CUSTOM_ENDPOINTS, ()), *now.get(CUSTOM_ENDPOINTS, ()))
    }
    proxies = {*_known(old.get(PROXIES)), *_known(now.get(PROXIES))}
    found: dict[str, Any] = {
        CUSTOM_ENDPOINTS: [endpoints[name] for name in sorted(endpoints)],
        PROXIES: sorted(proxies),
        READER_SCALING: _scaling_of(now) or _scaling_of(old),
        DATA_API: bool(now.get(DATA_API) or old.get(DATA_API)),
        MANAGED_SECRET: now.get(MANAGED_SECRET),
        MANAGED_SECRET_KEY: now.get(MANAGED_SECRET_KEY),
    }
    plans = old.get(INSTANCES) or now.get(INSTANCES) or ()
    return {
        **{key: value for key, value in found.items() if value},
        INSTANCES: [plan["identifier"] for plan in plans],
    }


def in_place_of(before: Sequence[str], after: Sequence[str]) -> dict[str, str]:
    """Return which instance takes the place of which: both lists are in the order of the plan."""
    return dict(zip(before, after, strict=False))


def take_facts(
    rds: "RDSClient",
    clients: Clients,
    *,
    had: Mapping[str, Any],
    live: str,
    retired: str | None,
    region: str,
    tags: Mapping[str, str],
    instances: Mapping[str, str],
    was_renamed: bool,
    is_deleted: bool = False,
) -> CarryOverFacts:
    """Return what there is now of what the cluster had that served before.

    Raises AuroraRestoreError only if the live cluster itself cannot be described.
    """
    cluster: Mapping[str, Any] = find_cluster(rds, live) or {}
    members = {each["DBInstanceIdentifier"] for each in cluster.get("DBClusterMembers", ())}
    return CarryOverFacts(
        had=had,
        live=live,
        retired=retired,
        region=region,
        tags=tags,
        was_renamed=was_renamed,
        is_deleted=is_deleted,
        instances={old: new for old, new in instances.items() if new in members},
        cluster_arn=cluster.get("DBClusterArn", ""),
        members=frozenset(members),
        has_data_api=bool(cluster.get("HttpEndpointEnabled")),
        endpoints=_endpoints(rds, live, retired) if had.get(CUSTOM_ENDPOINTS) else {},
        proxies={name: _proxy_target(rds, name) for name in had.get(PROXIES, ())},
        scaling=reader_scaling(clients, live) if had.get(READER_SCALING) else None,
    )


def decide(facts: CarryOverFacts, done: Collection[str] = ()) -> list[CarryOver]:
    """Return the next thing to do about each belonging that is not as it was.

    ``done`` are the names of what was done or ``refused`` already.
    """
    found = (*_of_endpoints(facts), *_of_scaling(facts), *_of_proxies(facts))
    return [
        each
        for each in (*found, *_of_data_api(facts, done))
        if each.name not in done and refused(each.name) not in done
    ]


def refused(name: str) -> str:
    """Return what stands among what is done for a belonging that AWS refuses to carry over."""
    return f"{name}.Refused"


def differences(facts: CarryOverFacts, done: Collection[str] = ()) -> list[Difference]:
    """Return what is not as it was, each with the line that the drift gets."""
    had, found = facts.had, []
    for endpoint in had.get(CUSTOM_ENDPOINTS, ()):
        name = endpoint["DBClusterEndpointIdentifier"]
        owner, wanted = _owner_of(facts, name), with_members(endpoint, facts.instances)
        if owner != facts.live:
            found.append(Difference(f"{CUSTOM_ENDPOINTS}.{name}", facts.live, owner))
        elif wanted is not None and _members(wanted) < _members(endpoint):
            found.append(Difference(f"{CUSTOM_ENDPOINTS}.{name}", dict(endpoint), wanted))
    found += [
        Difference(f"{PROXIES}.{name}", facts.live, _shown(facts.proxies.get(name)))
        for name in had.get(PROXIES, ())
        if not _leads_to_live(facts, facts.proxies.get(name))
    ]
    scaling = had.get(READER_SCALING)
    if scaling and facts.scaling != scaling:
        found.append(Difference(READER_SCALING, scaling, facts.scaling))
    elif scaling and READER_SCALING in done:
        found.append(
            Difference(SCALING_POLICIES, "as before", "registered again; look at its policies")
        )
    is_unsure = facts.was_renamed and DATA_API not in done
    if had.get(DATA_API) and (is_unsure or not facts.has_data_api):
        found.append(Difference(DATA_API, True, "not off and on again since the rename"))
    return found


def is_carried(setting: str, had: Mapping[str, Any]) -> bool:
    """Return whether a line of the drift is about something that is carried over."""
    name = setting.partition(".")[0]
    return name in WITH_THE_NAME and name in had


def delete_endpoint(name: str, region: str) -> RdsCall:
    """Return the call that deletes a custom endpoint, so that its name can be used again."""
    return RdsCall(
        "DeleteDBClusterEndpoint",
        region,
        {"DBClusterEndpointIdentifier": name},
        "the cluster that served before still has this custom endpoint",
    )


def register_scaling(cluster_id: str, region: str, scaling: Mapping[str, Any]) -> RdsCall:
    """Return the call that lets Application Auto Scaling decide how many readers there are."""
    return RdsCall(
        "RegisterScalableTarget",
        region,
        {
            "ServiceNamespace": "rds",
            "ResourceId": f"cluster:{cluster_id}",
            "ScalableDimension": READER_COUNT,
            "MinCapacity": int(scaling["MinCapacity"]),
            "MaxCapacity": int(scaling["MaxCapacity"]),
        },
        "the old cluster had auto scaling of its readers",
        service="application-autoscaling",
    )


def deregister_proxy(proxy: str, region: str, cluster_id: str) -> RdsCall:
    """Return the call that takes a cluster from a proxy, which leads to one cluster only."""
    return RdsCall(
        "DeregisterDBProxyTargets",
        region,
        {"DBProxyName": proxy, "DBClusterIdentifiers": [cluster_id]},
        "the proxy leads to the cluster that served before",
    )


def register_proxy(proxy: str, region: str, cluster_id: str) -> RdsCall:
    """Return the call that lets a proxy lead to a cluster."""
    return RdsCall(
        "RegisterDBProxyTargets",
        region,
        {"DBProxyName": proxy, "DBClusterIdentifiers": [cluster_id]},
        "the old cluster was the target of this proxy",
    )


def disable_data_api(cluster_arn: str, region: str) -> RdsCall:
    """Return the call that turns the Data API off; after a rename it has to be off and on again."""
    return RdsCall(
        "DisableHttpEndpoint",
        region,
        {"ResourceArn": cluster_arn},
        "after a rename the Data API answers only once it has been off and on again",
    )


def _of_endpoints(facts: CarryOverFacts) -> Iterator[CarryOver]:
    """Yield the deletion of each endpoint that the retired cluster has, then its creation.

    One of whose instances none has a successor stays where it is.
    """
    if isinstance(facts.endpoints, str):
        return
    for endpoint in facts.had.get(CUSTOM_ENDPOINTS, ()):
        name = endpoint["DBClusterEndpointIdentifier"]
        wanted = with_members(endpoint, facts.instances)
        owner, status = facts.endpoints.get(name, (None, ""))
        if wanted is None or owner == facts.live:
            continue
        setting = f"{CUSTOM_ENDPOINTS}.{name}"
        if owner is None and facts.members:
            creation = create_endpoint(facts.live, facts.region, wanted, facts.tags)
            yield CarryOver(name=setting, call=creation, closes=setting)
        elif status == AVAILABLE:
            yield CarryOver(name=setting, call=delete_endpoint(name, facts.region))
        else:
            yield CarryOver(name=setting)


def _of_scaling(facts: CarryOverFacts) -> Iterator[CarryOver]:
    wanted = facts.had.get(READER_SCALING)
    if wanted and facts.scaling not in (wanted, UNKNOWN):
        call = register_scaling(facts.live, facts.region, wanted)
        yield CarryOver(name=READER_SCALING, call=call, closes=READER_SCALING)


def _of_proxies(facts: CarryOverFacts) -> Iterator[CarryOver]:
    """Yield what lets each proxy lead to the live cluster.

    Its instances show what it leads to, because the name may be either cluster's. While a proxy
    shows none, that is unknown, and nothing is taken from it.
    """
    for name, target in facts.proxies.items():
        setting = f"{PROXIES}.{name}"
        if isinstance(target, str) or _leads_to_live(facts, target):
            continue
        if target.cluster_id is None:
            call = register_proxy(name, facts.region, facts.live)
            yield CarryOver(name=setting, call=call, closes=setting)
        elif target.cluster_id not in (facts.live, facts.retired):
            continue
        elif facts.is_deleted or (target.cluster_id == facts.live and not target.instances):
            yield CarryOver(name=setting)
        else:
            call = deregister_proxy(name, facts.region, target.cluster_id)
            yield CarryOver(name=setting, call=call)


def _of_data_api(facts: CarryOverFacts, done: Collection[str]) -> Iterator[CarryOver]:
    """Yield what turns the Data API on; off before, where it was on through the rename."""
    if not facts.had.get(DATA_API) or not facts.cluster_arn:
        return
    if not facts.has_data_api:
        call = enable_data_api(facts.cluster_arn, facts.region)
        yield CarryOver(name=DATA_API, call=call, closes=DATA_API)
    elif not facts.was_renamed:
        return
    elif DATA_API_OFF not in done:
        call = disable_data_api(facts.cluster_arn, facts.region)
        yield CarryOver(name=DATA_API, call=call, closes=DATA_API_OFF)
    else:
        yield CarryOver(name=DATA_API)


def _leads_to_live(facts: CarryOverFacts, target: ProxyTarget | str | None) -> bool:
    return (
        isinstance(target, ProxyTarget)
        and target.cluster_id == facts.live
        and bool(target.instances)
        and target.instances <= facts.members
    )


def _owner_of(facts: CarryOverFacts, endpoint: str) -> str | None:
    if isinstance(facts.endpoints, str):
        return UNKNOWN
    return facts.endpoints.get(endpoint, (None, ""))[0]


def _members(endpoint: Mapping[str, Any]) -> int:
    return sum(len(endpoint.get(key, ())) for key in ("StaticMembers", "ExcludedMembers"))


def _shown(target: ProxyTarget | str | None) -> Any:
    if isinstance(target, ProxyTarget):
        return {"cluster": target.cluster_id, "instances": sorted(target.instances)}
    return target


def _known(proxies: Any) -> Sequence[str]:
    return () if proxies is None or proxies == UNKNOWN else proxies


def _scaling_of(settings: Mapping[str, Any]) -> Any:
    scaling = settings.get(READER_SCALING)
    return None if scaling == UNKNOWN else scaling


def _endpoints(
    rds: "RDSClient", live: str, retired: str | None
) -> Mapping[str, tuple[str, str]] | str:
    try:
        return {
            each["DBClusterEndpointIdentifier"]: (cluster, each.get("Status", ""))
            for cluster in (live, retired)
            if cluster is not None
            for each in custom_endpoints_of(rds, cluster)
        }
    except AuroraRestoreError as error:
        logger.warning("the custom endpoints are not known", reason=error.message)
        return UNKNOWN


def _proxy_target(rds: "RDSClient", proxy: str) -> ProxyTarget | str:
    try:
        targets = targets_of(rds, proxy)
    except AuroraRestoreError as error:
        logger.warning("the target of a proxy is not known", proxy=proxy, reason=error.message)
        return UNKNOWN
    clusters = [
        each.get("RdsResourceId") for each in targets if each.get("Type") == TRACKED_CLUSTER
    ]
    return ProxyTarget(
        cluster_id=clusters[0] if clusters else None,
        instances=frozenset(
            str(each.get("RdsResourceId")) for each in targets if each.get("Type") == "RDS_INSTANCE"
        ),
    )
