"""The calls by which a switch gives the target's name to the cluster restored beside it."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from aurora_restore.shared.cluster import calls as cluster_calls
from aurora_restore.shared.cluster.settings import CUSTOM_ENDPOINTS, READER_SCALING
from aurora_restore.shared.common import parse_timestamp, timestamp
from aurora_restore.shared.names import retired_cluster
from aurora_restore.shared.preflight.inventory import Inventory
from aurora_restore.shared.rds.arns import RdsArn
from aurora_restore.shared.rds.calls import RdsCall
from aurora_restore.shared.rds.statuses import AVAILABLE
from aurora_restore.shared.switching.carry_over import (
    CarryOverFacts,
    belongings,
    decide,
    in_place_of,
)


def planned_switch(
    found: Inventory, quarantine_group_ids: tuple[str, ...], moment: str
) -> Iterator[RdsCall]:
    """Yield the calls of the switch, and those that carry over what does not follow the name.

    ``moment`` stands for when the switch is planned. Whether a proxy and the auto scaling of
    readers follow the name shows only then, so their calls are left out.
    """
    request, cluster = found.request, found.cluster
    target, region = request.cluster_id, request.target.region
    giving = cluster_calls.rename_cluster(request.restored_cluster_id, region, target, target)
    if cluster is None:
        yield giving
        return
    retired = retired_cluster(target, request.owner.operation_id)
    arn = cluster["DBClusterArn"]
    tags = request.owner.tags_of_restore
    if not request.owner.of_environment(cluster):
        yield cluster_calls.adopt_cluster(arn, region, tags)
    yield cluster_calls.rename_cluster(target, region, retired, target)
    yield giving
    if quarantine_group_ids:
        yield cluster_calls.close_retired(retired, region, quarantine_group_ids)
    keep_until = timestamp(parse_timestamp(moment) + request.restore.switch.keeps_old)
    retired_arn = str(replace(RdsArn.parse(arn), name=retired))
    yield cluster_calls.retire_cluster(retired_arn, region, tags, keep_until)
    if request.restore.switch.stop_old:
        yield cluster_calls.stop_cluster(retired, region)
    yield from _carry_over(found, arn, retired)


def _carry_over(found: Inventory, arn: str, retired: str) -> Iterator[RdsCall]:
    """Yield the calls for what is known not to follow the name, until there is no more to do."""
    request, had = found.request, belongings(found.old or {})
    planned = [plan.identifier for plan in found.planned_instances]
    facts = CarryOverFacts(
        had=had,
        live=request.cluster_id,
        retired=retired,
        region=request.target.region,
        tags=request.owner.tags,
        instances=in_place_of(had["Instances"], planned),
        cluster_arn=arn,
        members=frozenset(planned),
        scaling=had.get(READER_SCALING),
    )
    kept: Mapping[str, Any] = {
        each["DBClusterEndpointIdentifier"]: (retired, AVAILABLE)
        for each in had.get(CUSTOM_ENDPOINTS, ())
    }
    calls: list[RdsCall] = []
    for endpoints in (kept, {}):
        calls += [
            step.call
            for step in decide(replace(facts, endpoints=endpoints))
            if step.call is not None and step.call not in calls
        ]
    yield from calls
