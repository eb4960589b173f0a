"""Whether the target may be replaced, and can be restored."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from aurora_restore.shared.aws_utils import call
from aurora_restore.shared.cluster.ownership import restorer_of
from aurora_restore.shared.cluster.settings import SERVERLESS, instance_tags, restored_tags
from aurora_restore.shared.common import parse_timestamp
from aurora_restore.shared.errors import Action
from aurora_restore.shared.later_operation import how_later
from aurora_restore.shared.names import (
    TAG_KEEP_UNTIL,
    TAG_MANAGED_BY,
    TAG_OPERATION,
    TAG_RESTORE,
    instance_name_prefix,
    is_named_after,
)
from aurora_restore.shared.preflight.inventory import Inventory
from aurora_restore.shared.preflight.obstacles import Obstacle
from aurora_restore.shared.preflight.quotas import INSTANCES, room
from aurora_restore.shared.preflight.room import (
    obstacles_of_attachments,
    obstacles_of_deletion,
    refused_deletion,
    undeletable_instances,
)
from aurora_restore.shared.rds.reads import find_cluster, find_instance
from aurora_restore.shared.rds.statuses import DEAD_CLUSTER, DELETING, STOPPED
from aurora_restore.shared.rds.tags import tags_of
from aurora_restore.shared.snapshots.routes import Where
from aurora_restore.shared.switching.guards import obstacles_to_switch

if TYPE_CHECKING:
    from mypy_boto3_rds.type_defs import DBClusterTypeDef, OrderableDBInstanceOptionTypeDef

MOST_TAGS: Final = 50
TAGS_OF_RETIRED: Final = frozenset({TAG_MANAGED_BY, TAG_RESTORE, TAG_KEEP_UNTIL})
"""What the cluster that served before is marked with, in addition to its own tags."""
# DeleteDBCluster refuses a cluster in these statuses; its instances would already be deleted then.
NOT_RUNNING: Final = frozenset({STOPPED, "stopping"})
_UNRENAMABLE: Final = NOT_RUNNING | DEAD_CLUSTER


def check_tags(found: Inventory) -> Iterator[Obstacle]:
    """Yield an obstacle if the old cluster's tags and the configured ones are too many together."""
    request = found.request
    tags = {*restored_tags(request.restore.target, found.old, request.owner.tags)}
    if request.restores_beside:
        tags |= TAGS_OF_RETIRED
    if len(tags) > MOST_TAGS:
        yield Obstacle(
            "target",
            f"cluster {request.restored_cluster_id} would have {len(tags)} tags, its own and the "
            f"configured ones together, and RDS takes {MOST_TAGS}",
            "take some from the cluster, or from target.tags",
        )
    if not found.has_planned_instances:
        return
    for plan in found.planned_instances:
        count = len(instance_tags(request.restore.target, plan, request.owner.tags))
        if count > MOST_TAGS:
            yield Obstacle(
                "target",
                f"instance {plan.identifier} would have {count} tags, its own and the configured "
                f"ones together, and RDS takes {MOST_TAGS}",
                "take some from the instance, or from target.tags",
            )


def check_target(found: Inventory) -> Iterator[Obstacle]:
    """Yield an obstacle for every reason why the old cluster may not, or cannot, be replaced."""
    request, cluster = found.request, found.cluster
    if cluster is None or cluster["Status"] == DELETING or found.is_own:
        return
    name = found.serving_name
    if request.owner.owns(cluster, found.record) or request.restore.target.adopt:
        yield from undeletable_instances(request, found.record, cluster, found.instances)
    else:
        yield Obstacle(
            "target",
            f"cluster {name} was not made by this pipeline (it lacks its tag, and the target "
            "record does not name it)",
            "to have it replaced, set target.adopt in the configuration and deploy",
        )
    yield from _serves_under_another_name(found, cluster)
    yield from _superseded(found, cluster)
    yield from obstacles_of_attachments(cluster)
    yield from _cannot_be_renamed(found, cluster)
    if cluster["Status"] in NOT_RUNNING and not request.restores_beside:
        yield Obstacle(
            "target",
            f"cluster {name} is {cluster['Status']}, and RDS deletes no stopped cluster",
            "start it",
        )
    yield from refused_deletion(request, cluster, found.final_snapshot)


def check_switch(found: Inventory) -> Iterator[Obstacle]:
    """Yield an obstacle for every reason why the switch would be refused in the end."""
    request, cluster = found.request, found.cluster
    if not request.restores_beside:
        return
    switch = request.restore.switch
    renames = switch.by == "rename"
    problems: list[tuple[str, str]] = []
    if cluster is not None and cluster["Status"] != DELETING and not found.is_own:
        problems += obstacles_to_switch(
            cluster,
            found.rds,
            found.clients,
            is_renamed=renames,
            allow_cloudformation=switch.allow_cloudformation,
        )
    if not renames or switch.cname is not None:
        problems += found.publication.obstacles()
    if renames:
        problems += _name_in_use(found)
    for problem, remedy in problems:
        yield Obstacle("switch", problem, remedy)


def _name_in_use(found: Inventory) -> Iterator[tuple[str, str]]:
    """Yield that a cluster that is kept has the target's name, so that no other can get it.

    A switch in progress is finished or undone before the next one, and who has the name then is
    not known yet.
    """
    target = found.request.cluster_id
    in_progress = found.record is not None and found.record.switch is not None
    if in_progress or found.serving_name == target or found.is_own:
        return
    named = find_cluster(found.rds, target)
    if named is not None and target not in {each.name for each in found.room.doomed}:
        why = found.room.kept.get(target, "it is not the pipeline's to delete")
        yield (
            f"cluster {target} is not the one that serves, which is {found.serving_name}, and "
            f"keeps its name: {why}",
            "roll back to it, verify the one that serves, or delete it",
        )


def check_room(found: Inventory) -> Iterator[Obstacle]:
    """Yield an obstacle for every cluster beside the target that has to go, and cannot."""
    if not found.request.restores_beside:
        return
    for each in found.room.doomed:
        yield from obstacles_of_deletion(found.request, found.record, each)


def _serves_under_another_name(found: Inventory, cluster: "DBClusterTypeDef") -> Iterator[Obstacle]:
    """Yield an obstacle if what is to be replaced has a name of its own since a switch."""
    request, name = found.request, cluster["DBClusterIdentifier"]
    if request.restores_beside or name == request.cluster_id:
        return
    yield Obstacle(
        "target",
        f"cluster {name} serves as the target since a switch by its endpoint, and only a cluster "
        f"that is called {request.cluster_id} can be replaced",
        'configure target.strategy: "switch" with switch.by: "rename" for one run, which gives '
        "the new cluster that name",
    )


def _cannot_be_renamed(found: Inventory, cluster: "DBClusterTypeDef") -> Iterator[Obstacle]:
    """Yield an obstacle if the target is in a status in which it cannot give its name away."""
    request = found.request
    renamed = request.restore.switch.by == "rename" and found.serving_name == request.cluster_id
    if not (request.restores_beside and renamed) or cluster["Status"] not in _UNRENAMABLE:
        return
    yield Obstacle(
        "target",
        f"cluster {found.serving_name} is {cluster['Status']}, and RDS renames only an "
        "available cluster",
        "start it" if cluster["Status"] in NOT_RUNNING else "make it available, or delete it",
    )


def _superseded(found: Inventory, cluster: "DBClusterTypeDef") -> Iterator[Obstacle]:
    """Yield an obstacle if another operation has refreshed the target since this one began.

    Neither what a later operation has restored must be undone, nor must an operation replace the
    target once more that has failed because another one was at work on it.
    """
    own = parse_timestamp(str(found.request.state.operation_started_at))
    marked = tags_of(cluster.get("TagList")).get(TAG_OPERATION)
    other = restorer_of(cluster, found.record) or marked
    if other is None or other == found.request.owner.operation_id:
        return
    known = found.store.load(other)
    how = None if known is None else how_later(known, own)
    if how is not None:
        yield Obstacle(
            "target",
            f"cluster {found.serving_name} was restored by operation {other}, which {how}",
            "start a new execution if it is to be replaced again",
            Action.NOTHING,
        )


def check_instances(found: Inventory) -> Iterator[Obstacle]:
    """Yield an obstacle for every planned instance whose class, name or quota is not available.

    Raises ConfigurationError if no instance is planned.
    """
    target = found.request.restore.target
    plans = found.planned_instances
    scaled = target.serverless_v2_scaling or (found.old or {}).get(
        "ServerlessV2ScalingConfiguration"
    )
    planned = {plan.instance_class for plan in plans}
    for wanted in sorted(planned | {*target.fallback_instance_classes}):
        setting = "instances" if wanted in planned else "fallback_instance_classes"
        if wanted == SERVERLESS and not scaled:
            yield Obstacle(
                "instances",
                "db.serverless instances need a capacity range",
                "configure target.serverless_v2_scaling",
            )
        offers = call(
            found.rds.describe_orderable_db_instance_options,
            Engine=found.snapshot["Engine"],
            EngineVersion=found.snapshot["EngineVersion"],
            DBInstanceClass=wanted,
            MaxRecords=20,
        )["OrderableDBInstanceOptions"]
        if not offers:
            yield Obstacle(
                "instances",
                f"class {wanted} is not offered for {found.snapshot['Engine']} "
                f"{found.snapshot['EngineVersion']} in {found.request.target.region}",
                f"configure another class in target.{setting}",
            )
        elif found.zones and not _zones_of(offers) & found.zones:
            yield Obstacle(
                "instances",
                f"class {wanted} is not offered in the zones of the subnet group, "
                + ", ".join(sorted(found.zones)),
                f"configure another class in target.{setting}, or give the group other subnets",
            )
    yield from _names_of_others(found)
    yield from _names_in_use(found)
    more = _more_instances(found)
    yield from room(found.rds, {INSTANCES: more}, Where.TARGET)


def check_addresses(found: Inventory) -> Iterator[Obstacle]:
    """Yield an obstacle if the subnets have too few addresses for the instances of another cluster.

    Every instance takes one, and the cluster that serves keeps its own until it is deleted.
    """
    group, more = found.subnet_group, 0
    if found.request.restores_beside and found.has_planned_instances:
        more = _more_instances(found)
    if group is None or more <= 0:
        return
    name = group["DBSubnetGroupName"]
    subnets = [subnet["SubnetIdentifier"] for subnet in group.get("Subnets", [])]
    described = call(found.clients.ec2.describe_subnets, SubnetIds=subnets)["Subnets"]
    free = sum(subnet["AvailableIpAddressCount"] for subnet in described)
    if free < more:
        yield Obstacle(
            "network",
            f"the subnets of group {name} have {free} free addresses, and {more} more instances "
            "are to be there while the target serves on",
            "give the group another subnet, or configure fewer in target.instances",
        )


def _more_instances(found: Inventory) -> int:
    """Return how many more instances there are once the cluster is restored."""
    planned = len(found.planned_instances)
    if not found.request.restores_beside:
        return planned - len(found.instances)
    if found.room.has_restored:
        return 0
    return planned - sum(len(each.instances) for each in found.doomed)


def _zones_of(offers: "Sequence[OrderableDBInstanceOptionTypeDef]") -> set[str]:
    return {zone["Name"] for offer in offers for zone in offer.get("AvailabilityZones", [])}


def _names_of_others(found: Inventory) -> Iterator[Obstacle]:
    """Yield an obstacle for every planned instance whose name the functions' roles may not use.

    They may make and tag only instances that are named after the cluster, so that they can mark no
    other as the pipeline's.
    """
    cluster_id = found.request.restored_cluster_id
    for name in (plan.identifier for plan in found.planned_instances):
        if not is_named_after(cluster_id, name):
            yield Obstacle(
                "names",
                f"instance {name} is to be made again, but is not named after cluster "
                f"{cluster_id}, and the functions may make no other",
                f"rename it to a name that begins with {instance_name_prefix(cluster_id)!r}, or "
                "delete it",
            )


def _names_in_use(found: Inventory) -> Iterator[Obstacle]:
    """Yield an obstacle for every planned instance whose name an instance elsewhere has."""
    cluster_id = found.request.restored_cluster_id
    own = {instance["DBInstanceIdentifier"] for instance in found.instances}
    for name in (plan.identifier for plan in found.planned_instances):
        other = None if name in own else find_instance(found.rds, name)
        if other is not None and other.get("DBClusterIdentifier") != cluster_id:
            yield Obstacle(
                "names",
                f"instance {name} is to be made, but exists, and is no member of cluster "
                f"{cluster_id}",
                "rename it, or delete it",
            )
