"""What a run would change in AWS, call by call, before any of it is done.

The calls come from the same functions as those that the steps make; what AWS returns only later
(the ARN of a copy) is predicted.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from aurora_restore.shared.cluster import calls as cluster_calls
from aurora_restore.shared.cluster.deletion import DoomedCluster
from aurora_restore.shared.cluster.expiry import expiry_of_restore
from aurora_restore.shared.cluster.extras import extras, openings
from aurora_restore.shared.cluster.managed_password import manage_master_password
from aurora_restore.shared.cluster.network import ClusterNetwork, describe_subnet_group
from aurora_restore.shared.cluster.proxy_logins import logins_with
from aurora_restore.shared.cluster.settings import (
    MANAGED_SECRET,
    PROXIES,
    finishing_touches,
    instance_tags,
    restore_settings,
    restored_tags,
)
from aurora_restore.shared.cluster.surroundings import UNKNOWN
from aurora_restore.shared.common import parse_timestamp
from aurora_restore.shared.names import (
    TAG_ARCHIVED_AT,
    TAG_OPERATION,
)
from aurora_restore.shared.preflight.inventory import Inventory
from aurora_restore.shared.preflight.planned_switch import planned_switch
from aurora_restore.shared.rds.arns import RdsArn
from aurora_restore.shared.rds.calls import RdsCall, tag_resource
from aurora_restore.shared.rds.statuses import DELETING, STOPPED
from aurora_restore.shared.snapshots import calls as snapshot_calls
from aurora_restore.shared.snapshots.path import SnapshotPath
from aurora_restore.shared.snapshots.routes import Where
from aurora_restore.shared.switching.carry_over import register_proxy

LATER_SECRET: Final = "(the secret that RDS makes)"  # noqa: S105 - no value
"""Stands for an ARN that only RDS knows, and only then."""


def planned_calls(found: Inventory, path: SnapshotPath, moment: str) -> Iterator[RdsCall]:
    """Yield every call by which a run from here would change RDS, in order. Change nothing.

    ``moment`` is the timestamp that an archived copy would be tagged with, and that a switch is
    planned at. What a run decides
    only later is left out: which snapshots the retention no longer keeps, and what is done again
    after an operation of AWS has failed. Raises ConfigurationError if a parameter of a call is not
    configured; the preflight reports that as an obstacle.
    """
    request = found.request
    target, owner, region = request.restore.target, request.owner, request.target.region
    yield from _copies(found, path)
    if request.restores_beside:
        yield from found.marks
    for each in found.doomed:
        yield from _deletion(found, each)
    network = found.network_in(describe_subnet_group(found.rds, request.event, target))
    settings = restore_settings(target, found.old, network)
    name = request.restored_cluster_id
    yield cluster_calls.restore_cluster(
        name,
        region,
        found.snapshot,
        str(path.restored),
        settings,
        restored_tags(target, found.old, owner.tags)
        | (expiry_of_restore(parse_timestamp(moment)) if request.restores_beside else {}),
    )
    for plan in found.planned_instances:
        yield cluster_calls.create_instance(
            name,
            found.snapshot["Engine"],
            region,
            plan,
            instance_tags(target, plan, owner.tags),
        )
    yield cluster_calls.set_master_password(name, region, "")
    for extra in extras(
        name,
        region,
        found.old,
        {},
        found.planned_instances,
        owner.tags,
        beside=request.restores_beside,
    ):
        yield extra.call
    touches = finishing_touches(settings, found.old)
    if touches:
        yield cluster_calls.finish_cluster(name, region, touches)
    yield from _hand_over(found, path, network)
    if request.restores_beside:
        yield from planned_switch(found, network.quarantine_group_ids, moment)
    yield from _clean_up(found, moment)
    yield from _access(found)


def _deletion(found: Inventory, doomed: DoomedCluster) -> Iterator[RdsCall]:
    region = found.request.target.region
    cluster, final = doomed.cluster, doomed.final_snapshot
    if cluster["Status"] == DELETING:
        return
    if cluster["Status"] == STOPPED:
        yield cluster_calls.start_cluster(doomed.name, region)
    yield from doomed.marks
    yield from cluster_calls.deletion(cluster, doomed.instances, region, final)
    if final is not None:
        arn = _snapshot_arn(cluster["DBClusterArn"], final)
        yield snapshot_calls.mark_final_snapshot(arn, region, found.request.owner.tags)


def _hand_over(found: Inventory, path: SnapshotPath, network: ClusterNetwork) -> Iterator[RdsCall]:
    request = found.request
    name, place = request.restored_cluster_id, request.target
    arn = replace(
        path.snapshot, region=place.region, account=place.account, kind="cluster", name=name
    )
    if network.quarantine_group_ids:
        yield cluster_calls.lift_quarantine(name, place.region, network.security_group_ids)
    if not request.restores_beside:
        for opening in openings(str(arn), place.region, found.old, {}):
            yield opening.call


def _access(found: Inventory) -> Iterator[RdsCall]:
    """Yield what is put back once the cluster serves; a switch carries the proxies over itself."""
    had, request = found.old or {}, found.request
    proxies, region = had.get(PROXIES, ()), request.target.region
    serves = request.restored_cluster_id if request.restore.publishes_endpoint else None
    name = serves or request.cluster_id
    if proxies == UNKNOWN:
        proxies = ()
    if not request.restores_beside:
        for proxy in proxies:
            yield register_proxy(proxy, region, name)
    if former := had.get(MANAGED_SECRET):
        yield manage_master_password(name, request.target, had, found.clients)
        for logins in logins_with(found.rds, proxies, former):
            yield logins.with_secret(former, region, LATER_SECRET)


def _copies(found: Inventory, path: SnapshotPath) -> Iterator[RdsCall]:
    sharing = path.sharing()
    if sharing is not None:
        yield sharing
    for hop, existing in found.copies:
        if existing is None:
            yield path.copying(hop, found.snapshot, found.request.owner)
        if hop.share_with is not None:
            yield snapshot_calls.share_snapshot(
                hop.name, hop.place.region, hop.place.account, hop.share_with
            )


def _snapshot_arn(cluster_arn: str, snapshot: str) -> str:
    """Return the ARN of a cluster's snapshot, where the cluster is."""
    return str(replace(RdsArn.parse(cluster_arn), kind="cluster-snapshot", name=snapshot))


def _clean_up(found: Inventory, moment: str) -> Iterator[RdsCall]:
    request = found.request
    for hop, _ in found.copies:
        if hop.where is Where.TARGET:
            yield tag_resource(
                str(hop.arn),
                request.target.region,
                {TAG_ARCHIVED_AT: moment, TAG_OPERATION: request.owner.operation_id},
                "archive the copy",
            )
        else:
            owner = hop.place.account
            yield snapshot_calls.delete_snapshot(
                hop.name,
                hop.place.region,
                "it was needed for the next copy only, unless another restore uses it",
                None if owner == request.target.account else owner,
            )
