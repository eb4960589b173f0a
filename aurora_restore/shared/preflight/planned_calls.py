"""What a run would change in AWS, call by call, before any of it is done.

The calls are the very ones that the steps make, from the same functions; what AWS will only say
later (the ARN of a copy) is foretold.
"""

from collections.abc import Iterator
from dataclasses import replace

from aurora_restore.shared.cluster import calls as cluster_calls
from aurora_restore.shared.cluster.network import network, subnet_group
from aurora_restore.shared.cluster.ownership import own_tags
from aurora_restore.shared.cluster.settings import (
    finishing_touches,
    restore_settings,
    restored_tags,
)
from aurora_restore.shared.common import timestamp
from aurora_restore.shared.names import TAG_ARCHIVED_AT, TAG_OPERATION
from aurora_restore.shared.preflight.inventory import Findings
from aurora_restore.shared.rds.arns import RdsArn
from aurora_restore.shared.rds.calls import RdsCall, tag_resource
from aurora_restore.shared.rds.statuses import DELETING
from aurora_restore.shared.snapshots import calls as snapshot_calls
from aurora_restore.shared.snapshots.path import copying, sharing_of_the_source
from aurora_restore.shared.snapshots.routes import Where


def planned_calls(found: Findings) -> Iterator[RdsCall]:
    """Every call by which a run from here would change RDS, in order. Changes nothing.

    Left out is what a run decides by what it then finds: which snapshots the retention no longer
    keeps, and what has to be done again after AWS has ended something badly.

    Raises ConfigurationError where a call cannot even be put together; the preflight tells that as
    an obstacle.
    """
    job = found.job
    yield from _copies(found)
    if found.cluster is not None and found.cluster["Status"] != DELETING:
        yield from cluster_calls.deletion(
            found.cluster, found.instances, job.target_region, found.final_snapshot
        )
        if found.final_snapshot is not None:
            final = _snapshot_arn(found.cluster["DBClusterArn"], found.final_snapshot)
            yield snapshot_calls.mark_final_snapshot(final, job.target_region, own_tags(job))
    target = job.restore.target
    tags = own_tags(job)
    region = job.target_region
    settings = restore_settings(target, found.old, network(job, subnet_group(job)))
    yield cluster_calls.restore_cluster(
        job.target_cluster_id,
        region,
        found.snapshot,
        _restored_arn(found),
        settings,
        restored_tags(target, found.old, tags),
    )
    for plan in found.planned_instances:
        yield cluster_calls.create_instance(
            job.target_cluster_id,
            found.snapshot["Engine"],
            region,
            plan,
            restored_tags(target, None, tags),
        )
    yield cluster_calls.set_master_password(job.target_cluster_id, region, "")
    touches = finishing_touches(settings, found.old)
    if touches:
        yield cluster_calls.finish_cluster(job.target_cluster_id, region, touches)
    yield from _clean_up(found)


def _copies(found: Findings) -> Iterator[RdsCall]:
    job = found.job
    sharing = sharing_of_the_source(job)
    if sharing is not None:
        yield sharing
    for hop, existing in found.copies:
        if existing is None:
            yield copying(job, hop, found.snapshot)
        if hop.share_with is not None:
            yield snapshot_calls.share_snapshot(
                hop.name, hop.place.region, hop.place.account, hop.share_with
            )


def _snapshot_arn(cluster_arn: str, snapshot: str) -> str:
    """The ARN of a cluster's snapshot, where the cluster is."""
    return str(replace(RdsArn.parse(cluster_arn), kind="cluster-snapshot", name=snapshot))


def _restored_arn(found: Findings) -> str:
    return found.hops[-1].arn if found.hops else found.snapshot["DBClusterSnapshotArn"]


def _clean_up(found: Findings) -> Iterator[RdsCall]:
    job = found.job
    for hop in found.hops:
        if hop.where is Where.TARGET:
            yield tag_resource(
                hop.arn,
                job.target_region,
                {TAG_ARCHIVED_AT: timestamp(job.clock()), TAG_OPERATION: job.operation_id},
                "archive the copy",
            )
        else:
            owner = hop.place.account
            yield snapshot_calls.delete_snapshot(
                hop.name,
                hop.place.region,
                "it was made only for the way",
                None if owner == job.account_id else owner,
            )
