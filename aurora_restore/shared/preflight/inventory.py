"""Looking at everything that a run depends on, before it changes anything."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from aurora_restore.shared.aws_utils import code_of
from aurora_restore.shared.base_handler import Job
from aurora_restore.shared.cluster.network import subnet_group
from aurora_restore.shared.cluster.ownership import made_by
from aurora_restore.shared.cluster.settings import InstancePlan, planned_instances, record
from aurora_restore.shared.errors import AwsError
from aurora_restore.shared.names import final_snapshot_prefix
from aurora_restore.shared.rds.reads import find_cluster, find_snapshot, instances_of
from aurora_restore.shared.rds.statuses import DELETING
from aurora_restore.shared.snapshots.path import journey, rds_of
from aurora_restore.shared.snapshots.routes import Hop

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_rds.type_defs import (
        DBClusterSnapshotTypeDef,
        DBClusterTypeDef,
        DBInstanceTypeDef,
        DBSubnetGroupTypeDef,
    )


@dataclass(frozen=True)
class Findings:
    """What is there before the first change."""

    job: Job
    rds: "RDSClient"
    snapshot: "DBClusterSnapshotTypeDef"
    """What is to be restored, or what is to be copied first."""
    hops: Sequence[Hop]
    cluster: "DBClusterTypeDef | None"
    instances: "Sequence[DBInstanceTypeDef]"

    @cached_property
    def copies(self) -> "list[tuple[Hop, DBClusterSnapshotTypeDef | None]]":
        """The copies to be made, each with the snapshot that has its name already."""
        return [(hop, find_snapshot(rds_of(self.job, hop), hop.name)) for hop in self.hops]

    @property
    def old(self) -> dict[str, Any] | None:
        """What the old cluster is like, or was before this operation began to delete it.

        A cluster that somebody has made in its place since is the old one from then on; what this
        operation has made itself is no model for what comes after.
        """
        known: dict[str, Any] | None = self.job.state.get("old_cluster")
        cluster = self.cluster
        if cluster is None or made_by(self.job, cluster):
            return known
        if known and known.get("DbClusterResourceId") == cluster.get("DbClusterResourceId"):
            return known
        return record(cluster, self.instances)

    @cached_property
    def subnet_group(self) -> "DBSubnetGroupTypeDef | None":
        """The subnet group of the restored cluster, or None where there is none."""
        try:
            return subnet_group(self.job)
        except AwsError as error:
            if code_of(error) != "DBSubnetGroupNotFoundFault":
                raise
            return None

    @property
    def zones(self) -> set[str]:
        """The Availability Zones that the subnet group covers."""
        subnets = self.subnet_group.get("Subnets", []) if self.subnet_group else []
        return {subnet.get("SubnetAvailabilityZone", {}).get("Name", "") for subnet in subnets}

    @property
    def planned_instances(self) -> list[InstancePlan]:
        """The instances that the restored cluster is to have."""
        return planned_instances(self.job.restore.target, self.old)

    @property
    def final_snapshot(self) -> str | None:
        """The name of the old cluster's final snapshot, or None where there is to be none.

        It is the operation's: a second attempt at the deletion looks for the same.
        """
        job, cluster = self.job, self.cluster
        if cluster is None or cluster["Status"] == DELETING or made_by(job, cluster):
            return None
        skip = job.event.skip_final_snapshot
        if job.restore.target.skip_final_snapshot if skip is None else skip:
            return None
        known: str | None = job.state.get("final_snapshot")
        return known or final_snapshot_name(job, job.state["operation_started_at"])

    @cached_property
    def named_as_final(self) -> "DBClusterSnapshotTypeDef | None":
        """The snapshot that has the final snapshot's name already."""
        name = self.final_snapshot
        return None if name is None else find_snapshot(self.rds, name)


def final_snapshot_name(job: Job, moment: str) -> str:
    """The name of a final snapshot that is called after a timestamp."""
    digits = "".join(filter(str.isdigit, moment))
    return final_snapshot_prefix(job.target_cluster_id) + digits[:14]


def survey(job: Job, snapshot: "DBClusterSnapshotTypeDef", *, copied: bool = False) -> Findings:
    """What there is; ``copied`` once the snapshot is where it is restored from."""
    rds = job.clients.rds(job.target_region)
    cluster = find_cluster(rds, job.target_cluster_id)
    return Findings(
        job=job,
        rds=rds,
        snapshot=snapshot,
        hops=() if copied else journey(job),
        cluster=cluster,
        instances=() if cluster is None else instances_of(rds, job.target_cluster_id),
    )
