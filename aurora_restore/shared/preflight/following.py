"""What stays with the old cluster in a switch."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from aurora_restore.shared.cluster.extras import with_members
from aurora_restore.shared.cluster.settings import (
    ACTIVITY_STREAM,
    CUSTOM_ENDPOINTS,
    DATA_API,
    MANAGED_SECRET,
    PROXIES,
    READER_SCALING,
)
from aurora_restore.shared.cluster.surroundings import UNKNOWN
from aurora_restore.shared.names import BESIDE, TAG_MANAGED_BY
from aurora_restore.shared.preflight.inventory import Inventory
from aurora_restore.shared.rds.tags import tags_of
from aurora_restore.shared.switching.carry_over import in_place_of
from aurora_restore.shared.switching.guards import STACK_TAG

CARRIED: Final = "carried over after the switch"


def what_stays_behind(found: Inventory) -> Iterator[str]:
    """Yield what stays with the old cluster, each with who carries it over, or what to do.

    Nothing where the target is replaced, or where there is none yet.
    """
    had = found.old
    if not found.request.restores_beside or had is None:
        return
    planned = found.planned_instances if found.has_planned_instances else []
    instances = had.get("Instances", ())
    successors = in_place_of(
        [plan["identifier"] for plan in instances], [plan.identifier for plan in planned]
    )
    yield from _carried_over(had, successors, found.request.owner.name_prefix)
    if had.get("IAMDatabaseAuthenticationEnabled"):
        yield (
            f"IAM database authentication: policies name the resource id of the old cluster "
            f"({had.get('DbClusterResourceId')}), which every refresh changes; let them name the "
            "new one, or * in its place"
        )
    if found.request.restore.publishes_endpoint:
        yield from _goes_by_the_name(found)
    if instances:
        names = ", ".join(plan["identifier"] for plan in instances)
        yield (
            f"CloudWatch alarms on instances ({names}): the new instances have other names; set "
            "alarms on the cluster, or on the new instances after each run"
        )
    if any((plan.get("kept") or {}).get("EnablePerformanceInsights") for plan in instances):
        yield (
            "the history of Performance Insights: it stays with the old instances, and goes with "
            "them"
        )
    if had.get("EnabledCloudwatchLogsExports") and not found.request.restore.publishes_endpoint:
        yield (
            f"log groups: /aws/rds/cluster/{found.serving_name}/ is that of both clusters, "
            "one after the other, and the clusters beside the target get groups of their own, "
            "which nobody deletes; set their retention"
        )
    if had.get(MANAGED_SECRET):
        yield (
            f"the master user's secret that RDS manages ({had[MANAGED_SECRET]}): it stays with the "
            "old cluster and is deleted with it; at the end of a run RDS makes another one for the "
            "new cluster"
        )
    if had.get(ACTIVITY_STREAM):
        yield (
            f"the database activity stream ({had[ACTIVITY_STREAM]}): it stays with the old "
            "cluster; start one on the new cluster after each run"
        )
    stack = tags_of(found.cluster.get("TagList") if found.cluster else None).get(STACK_TAG)
    if stack is not None:
        yield (
            f"ownership by CloudFormation stack {stack}: the stack "
            + (
                "misses the old cluster once it is deleted"
                if found.request.restore.publishes_endpoint
                else "takes the new cluster for its own"
            )
            + "; release the cluster from it"
        )


def _goes_by_the_name(found: Inventory) -> Iterator[str]:
    """Yield what a switch without a rename leaves with the name of the old cluster."""
    name, target = found.serving_name, found.request.cluster_id
    yield (
        f"alarms, event subscriptions and IAM policies that name cluster {name}: the new cluster "
        f"has another name; let them allow {target}{BESIDE}*, or change them after each run"
    )
    if (found.old or {}).get("EnabledCloudwatchLogsExports"):
        yield (
            "log groups: each cluster has its own, /aws/rds/cluster/<its name>/, which nobody "
            "deletes; set their retention"
        )


def _carried_over(
    had: Mapping[str, Any], successors: Mapping[str, str], name_prefix: str
) -> Iterator[str]:
    for endpoint in had.get(CUSTOM_ENDPOINTS, ()):
        name = endpoint["DBClusterEndpointIdentifier"]
        if with_members(endpoint, successors) is None:
            yield (
                f"the custom endpoint {name}: it stays with the old cluster, because no instance "
                "takes the place of any of its members; configure more instances, or make it again"
            )
            continue
        yield (
            f"the custom endpoint {name}: {CARRIED}, with the new instances as its members, if it "
            f"has the tag {TAG_MANAGED_BY}={name_prefix}; tag it if you have made it yourself"
        )
    proxies = had.get(PROXIES, ())
    if proxies == UNKNOWN:
        yield "registrations with RDS Proxy: they could not be found out; register them again"
    else:
        yield from (
            f"the registration with RDS Proxy {name}: {CARRIED}, if it still leads to the old "
            "cluster; its secrets must hold passwords that the new cluster has, too"
            for name in proxies
        )
    scaling = had.get(READER_SCALING)
    if scaling == UNKNOWN:
        yield "the auto scaling of readers: it could not be found out; look at it after a run"
    elif scaling:
        yield (
            f"the auto scaling of readers ({scaling['MinCapacity']} to {scaling['MaxCapacity']}): "
            f"{CARRIED}, if it is lost, but not its policies; look at them after a run"
        )
    if had.get(DATA_API):
        yield f"the Data API: {CARRIED}"
