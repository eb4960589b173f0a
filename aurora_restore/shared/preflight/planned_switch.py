"""The calls by which a switch lets the cluster restored beside the target serve in its place."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from aurora_restore.shared.app_secret import ApplicationEndpoint
from aurora_restore.shared.cluster import calls as cluster_calls
from aurora_restore.shared.cluster.settings import CUSTOM_ENDPOINTS, READER_SCALING
from aurora_restore.shared.common import parse_timestamp, timestamp
from aurora_restore.shared.names import retired_cluster
from aurora_restore.shared.preflight.inventory import Inventory
from aurora_restore.shared.rds.calls import RdsCall
from aurora_restore.shared.rds.statuses import AVAILABLE
from aurora_restore.shared.switching.carry_over import (
    CarryOverFacts,
    belongings,
    decide,
    in_place_of,
)
from aurora_restore.shared.switching.publication import planned_publication

if TYPE_CHECKING:
    from mypy_boto3_rds.type_defs import DBClusterTypeDef

WRITER: Final = "(the writer's endpoint of the new cluster)"
READERS: Final = "(the readers' endpoint of the new cluster)"


def planned_switch(
    found: Inventory, quarantine_group_ids: tuple[str, ...], moment: str
) -> Iterator[RdsCall]:
    """Yield the calls of the switch, and those that carry over what stays with the old cluster.

    ``moment`` stands for when the switch is planned. Whether a proxy and the auto scaling of
    readers follow the name shows only then, so their calls are left out, and so is the writing of
    the application's secret.
    """
    request, cluster = found.request, found.cluster
    switch, region = request.restore.switch, request.target.region
    tags = request.owner.tags_of_restore
    if cluster is not None and not _was_restored(found, cluster):
        yield cluster_calls.adopt_cluster(cluster["DBClusterArn"], region, tags)
    yield from _rename(found) if switch.by == "rename" else _publish(found)
    if cluster is None:
        yield from _remove_expiry_if_renamed(found)
        return
    retired, live = _retired_name(found), _live_name(found)
    if quarantine_group_ids:
        yield cluster_calls.close_retired(retired, region, quarantine_group_ids)
    keep_until = timestamp(parse_timestamp(moment) + switch.keeps_old)
    retired_arn = _cluster_arn(found, retired)
    yield cluster_calls.retire_cluster(retired_arn, region, tags, keep_until)
    if switch.stop_old:
        yield cluster_calls.stop_cluster(retired, region)
    yield from _remove_expiry_if_renamed(found)
    yield from _carry_over(found, live, retired)


def _rename(found: Inventory) -> Iterator[RdsCall]:
    request = found.request
    target, region = request.cluster_id, request.target.region
    if found.cluster is not None and found.serving_name == target:
        yield cluster_calls.rename_cluster(target, region, _retired_name(found), target)
    yield cluster_calls.rename_cluster(request.restored_cluster_id, region, target, target)


def _publish(found: Inventory) -> Iterator[RdsCall]:
    request = found.request
    new = _cluster_arn(found, request.restored_cluster_id)
    yield cluster_calls.remove_expiry(new, request.target.region)
    target = request.restore.target
    endpoint = ApplicationEndpoint(host=WRITER, reader_host=READERS, port=target.listens_on)
    yield from planned_publication(
        request.owner, request.restore.switch.cname, request.target.region, endpoint
    )


def _remove_expiry_if_renamed(found: Inventory) -> Iterator[RdsCall]:
    """Yield the call that removes the new cluster's expiry, once it has the target's name."""
    request = found.request
    if request.restore.switch.by == "rename":
        arn = _cluster_arn(found, request.cluster_id)
        yield cluster_calls.remove_expiry(arn, request.target.region)


def _was_restored(found: Inventory, cluster: "DBClusterTypeDef") -> bool:
    """Return whether the pipeline has restored a cluster, by the target record or its tags."""
    return found.request.owner.operation_of(cluster, found.record) is not None


def _live_name(found: Inventory) -> str:
    """Return the name of the cluster that serves after the switch."""
    request = found.request
    renames = request.restore.switch.by == "rename"
    return request.cluster_id if renames else request.restored_cluster_id


def _retired_name(found: Inventory) -> str:
    """Return the name that the old cluster gets, or keeps."""
    request = found.request
    renames = request.restore.switch.by == "rename"
    if renames and found.serving_name == request.cluster_id:
        return retired_cluster(request.cluster_id, request.owner.operation_id)
    return found.serving_name


def _cluster_arn(found: Inventory, name: str) -> str:
    place = found.request.target
    arn = replace(found.snapshot_arn, region=place.region, account=place.account)
    return str(replace(arn, kind="cluster", name=name))


def _carry_over(found: Inventory, live: str, retired: str) -> Iterator[RdsCall]:
    """Yield the calls for what is known to stay behind, until there is no more to do."""
    request, had = found.request, belongings(found.old or {})
    planned = [plan.identifier for plan in found.planned_instances]
    renames = request.restore.switch.by == "rename"
    facts = CarryOverFacts(
        had=had,
        live=live,
        retired=retired,
        region=request.target.region,
        tags=request.owner.tags,
        instances=in_place_of(had["Instances"], planned),
        was_renamed=renames,
        cluster_arn=_cluster_arn(found, live),
        members=frozenset(planned),
        scaling=had.get(READER_SCALING) if renames else None,
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
