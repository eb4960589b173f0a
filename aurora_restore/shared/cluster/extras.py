"""Settings of the old cluster that a restore does not take, and that are put back on the new one.

The restored cluster is good without them, so a call that AWS refuses fails no run: what it was to
put back is then in the drift. What cannot be put back at all is announced as lost.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from aurora_restore.shared.aws_utils import code_of
from aurora_restore.shared.cluster.settings import (
    ACTIVITY_STREAM,
    CUSTOM_ENDPOINTS,
    DATA_API,
    INSIGHTS,
    INSIGHTS_KEY,
    PROXIES,
    READER_SCALING,
    WRITE_FORWARDING,
    InstancePlan,
)
from aurora_restore.shared.cluster.surroundings import MEMBERS, UNKNOWN
from aurora_restore.shared.common import logger
from aurora_restore.shared.errors import AwsError
from aurora_restore.shared.rds.calls import RdsCall
from aurora_restore.shared.rds.tags import tag_list

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient

NOT_NOW: Final = frozenset({"InvalidDBClusterStateFault", "InvalidResourceStateFault"})
"""With these RDS refuses a change while it carries another one out."""

ADVANCED_RETENTION_DAYS: Final = 465
"""For how long Database Insights in its advanced mode keeps data, which ModifyDBCluster demands."""


@dataclass(frozen=True)
class Extra:
    """A setting that is put back by a call of its own."""

    name: str
    call: RdsCall


def extras(
    cluster_id: str,
    region: str,
    old: Mapping[str, Any] | None,
    new: Mapping[str, Any],
    plans: Sequence[InstancePlan],
    tags: Mapping[str, str],
    *,
    beside: bool = False,
) -> Iterator[Extra]:
    """Yield what the old cluster had, and the new one (``new``) lacks, with the call that helps.

    Nothing among it lets anybody into the cluster: for that see ``openings``. While the new one is
    ``beside`` the old one, that has its custom endpoints, whose names exist once.
    """
    had = old or {}
    if had.get(INSIGHTS) and new.get(INSIGHTS) != had[INSIGHTS]:
        yield Extra(INSIGHTS, _modify(cluster_id, region, _advanced_insights(plans), INSIGHTS))
    if had.get(WRITE_FORWARDING) and not new.get(WRITE_FORWARDING):
        forwarding = {"EnableLocalWriteForwarding": True}
        yield Extra(WRITE_FORWARDING, _modify(cluster_id, region, forwarding, WRITE_FORWARDING))
    if beside:
        return
    existing = {each["DBClusterEndpointIdentifier"] for each in new.get(CUSTOM_ENDPOINTS, ())}
    for endpoint in had.get(CUSTOM_ENDPOINTS, ()):
        kept = _with_planned_members(endpoint, plans)
        name = endpoint["DBClusterEndpointIdentifier"]
        if kept is not None and name not in existing:
            yield Extra(
                f"{CUSTOM_ENDPOINTS}.{name}", create_endpoint(cluster_id, region, kept, tags)
            )


def openings(
    cluster_arn: str, region: str, old: Mapping[str, Any] | None, new: Mapping[str, Any]
) -> Iterator[Extra]:
    """Yield what opens the cluster past its security groups, in the same way.

    The Data API is reached over AWS's own endpoint, so it may come back only after the hand-over.
    """
    if (old or {}).get(DATA_API) and not new.get(DATA_API):
        yield Extra(DATA_API, enable_data_api(cluster_arn, region))


def create_endpoint(
    cluster_id: str, region: str, endpoint: Mapping[str, Any], tags: Mapping[str, str]
) -> RdsCall:
    """Return the call that makes a custom endpoint of a cluster."""
    return RdsCall(
        "CreateDBClusterEndpoint",
        region,
        {"DBClusterIdentifier": cluster_id, **endpoint, "Tags": tag_list(tags)},
        "the old cluster had this custom endpoint",
    )


def enable_data_api(cluster_arn: str, region: str) -> RdsCall:
    """Return the call that turns the Data API of a cluster on."""
    return RdsCall(
        "EnableHttpEndpoint",
        region,
        {"ResourceArn": cluster_arn},
        "the old cluster had the Data API",
    )


def put_back(rds: "RDSClient", missing: Sequence[Extra]) -> tuple[str, ...]:
    """Put settings back that a restore does not take; return the names of those that are done with.

    The cluster is good without them: what AWS refuses is left to the drift. While the cluster
    applies one of them it may refuse the next, which is left to the next call.
    """
    done: list[str] = []
    for extra in missing:
        try:
            extra.call.make(rds)
        except AwsError as error:
            if code_of(error) in NOT_NOW and done:
                break
            logger.warning("not put back", setting=extra.name, reason=error.message)
        done.append(extra.name)
    return tuple(done)


def losses(old: Mapping[str, Any] | None, plans: Sequence[InstancePlan]) -> list[str]:
    """Return what the old cluster has, and the restored one will not have, in words."""
    had = old or {}
    lost = []
    if had.get(ACTIVITY_STREAM):
        lost.append(f"the database activity stream ({had[ACTIVITY_STREAM]})")
    if had.get(PROXIES) == UNKNOWN:
        lost.append("the registration with RDS Proxy, if there is any: that could not be found out")
    scaling = had.get(READER_SCALING)
    if scaling == UNKNOWN:
        lost.append("the auto scaling of readers, if there is any: that could not be found out")
    elif scaling:
        lost.append(
            "the auto scaling of readers "
            f"({scaling['MinCapacity']} to {scaling['MaxCapacity']}), with its policies"
        )
    planned = {plan.identifier for plan in plans}
    for endpoint in had.get(CUSTOM_ENDPOINTS, ()):
        name = endpoint["DBClusterEndpointIdentifier"]
        missing = sorted({*endpoint.get("StaticMembers", ())} - planned)
        if _with_planned_members(endpoint, plans) is None:
            lost.append(f"the custom endpoint {name}: none of its instances will exist")
        elif missing:
            lost.append(f"members of the custom endpoint {name}: {', '.join(missing)}")
    return lost


def _modify(cluster_id: str, region: str, changes: Mapping[str, Any], name: str) -> RdsCall:
    return RdsCall(
        "ModifyDBCluster",
        region,
        {"DBClusterIdentifier": cluster_id, **changes, "ApplyImmediately": True},
        f"the old cluster had {name}",
    )


def _advanced_insights(plans: Sequence[InstancePlan]) -> dict[str, Any]:
    """Return the parameters of the advanced mode, with the key of the instances' own data."""
    keys = {(plan.kept or {}).get(INSIGHTS_KEY) for plan in plans} - {None}
    return {
        "DatabaseInsightsMode": "advanced",
        "EnablePerformanceInsights": True,
        "PerformanceInsightsRetentionPeriod": ADVANCED_RETENTION_DAYS,
        **({INSIGHTS_KEY: keys.pop()} if len(keys) == 1 else {}),
    }


def _with_planned_members(
    endpoint: Mapping[str, Any], plans: Sequence[InstancePlan]
) -> dict[str, Any] | None:
    """Return an endpoint without the instances that will not exist; None if none is left."""
    return with_members(endpoint, {plan.identifier: plan.identifier for plan in plans})


def with_members(
    endpoint: Mapping[str, Any], instances: Mapping[str, str]
) -> dict[str, Any] | None:
    """Return an endpoint whose members are others instead; None if it would have none.

    ``instances`` are the new names by the old ones; those that are not among them are left out. An
    endpoint without static members leads to every instance, which it never did.
    """
    kept = dict(endpoint)
    for key in MEMBERS:
        if key in endpoint:
            kept[key] = sorted(instances[name] for name in endpoint[key] if name in instances)
    if "StaticMembers" in endpoint and not kept["StaticMembers"]:
        return None
    return {key: value for key, value in kept.items() if value != []}
