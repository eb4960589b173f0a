"""What exists before a run changes anything, as far as the run depends on it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from aurora_restore.shared.aws_utils import Clients, code_of
from aurora_restore.shared.cluster.deletion import DoomedCluster, skips_final_snapshot
from aurora_restore.shared.cluster.network import (
    NO_SUBNET_GROUP,
    ClusterNetwork,
    describe_subnet_group,
    network_of,
)
from aurora_restore.shared.cluster.own_tags import put_back_tags
from aurora_restore.shared.cluster.serving import find_serving
from aurora_restore.shared.cluster.settings import InstancePlan, planned_instances, settings_of
from aurora_restore.shared.cluster.surroundings import Surroundings, describe_surroundings
from aurora_restore.shared.errors import AwsError
from aurora_restore.shared.names import final_snapshot_name
from aurora_restore.shared.preflight.room import Room, find_room
from aurora_restore.shared.rds.access import RdsAccess
from aurora_restore.shared.rds.arns import RdsArn
from aurora_restore.shared.rds.calls import RdsCall
from aurora_restore.shared.rds.reads import find_snapshot, instances_of
from aurora_restore.shared.rds.statuses import DEAD_SNAPSHOT, DELETING
from aurora_restore.shared.request import RestoreRequest
from aurora_restore.shared.snapshots.path import SnapshotPath, SnapshotSource
from aurora_restore.shared.snapshots.routes import Hop, Where
from aurora_restore.shared.state_utils import StateStore
from aurora_restore.shared.switching.publication import Publication
from aurora_restore.shared.target_record import TargetRecord, TargetRecordStore

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_rds.type_defs import (
        DBClusterSnapshotTypeDef,
        DBClusterTypeDef,
        DBInstanceTypeDef,
        DBSubnetGroupTypeDef,
    )


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """What exists before the first change.

    What only some checks need is looked up when it is first read.
    """

    request: RestoreRequest
    clients: Clients
    access: RdsAccess
    store: StateStore
    source: SnapshotSource
    path: SnapshotPath | None
    """The snapshot's path to the target; None once it is where it is restored from."""
    snapshot: "DBClusterSnapshotTypeDef"
    """What is to be restored, or what is to be copied first."""
    cluster: "DBClusterTypeDef | None"
    """The cluster that serves as the target."""
    record: TargetRecord | None
    instances: "Sequence[DBInstanceTypeDef]"

    @cached_property
    def snapshot_arn(self) -> RdsArn:
        """Return the ARN of the snapshot."""
        if self.path is not None:
            return self.path.snapshot
        return RdsArn.parse(self.snapshot["DBClusterSnapshotArn"])

    @property
    def rds(self) -> "RDSClient":
        """Return RDS where the target is."""
        return self.access.at_target

    @property
    def serving_name(self) -> str:
        """Return the name of the cluster that serves as the target, or would."""
        cluster = self.cluster
        return self.request.cluster_id if cluster is None else cluster["DBClusterIdentifier"]

    @property
    def is_own(self) -> bool:
        """Return whether this operation has restored the target, so that it is not an old one."""
        return self.cluster is not None and self.request.owner.has_restored(
            self.cluster, self.record
        )

    @property
    def hops(self) -> tuple[Hop, ...]:
        """Return the copies that the snapshot still needs."""
        return () if self.path is None else self.path.hops

    @cached_property
    def copies(self) -> "list[tuple[Hop, DBClusterSnapshotTypeDef | None]]":
        """Return the copies to be made, each with the snapshot that has its name already.

        Where the last one has been begun, perhaps for another restore, that is the only one.
        """
        found = [(hop, find_snapshot(self.access.at(hop.place), hop.name)) for hop in self.hops]
        last = found[-1:]
        is_begun = any(
            hop.where is Where.TARGET and made is not None and made["Status"] not in DEAD_SNAPSHOT
            for hop, made in last
        )
        return last if is_begun else found

    @property
    def old(self) -> Mapping[str, Any] | None:
        """Return what the old cluster is like, or was before this operation began to delete it.

        A cluster that has replaced it since is the old one from then on. A cluster that this
        operation has restored is not an old one.
        """
        known, cluster = self.request.state.old_cluster, self.cluster
        if cluster is None or self.is_own:
            return known
        if known and known.get("DbClusterResourceId") == cluster.get("DbClusterResourceId"):
            return known
        return settings_of(cluster, self.instances, self.surroundings)

    @cached_property
    def surroundings(self) -> Surroundings:
        """Return what belongs to the target beside itself and its instances."""
        return describe_surroundings(self.rds, self.clients, self.serving_name)

    @cached_property
    def subnet_group(self) -> "DBSubnetGroupTypeDef | None":
        """Return the subnet group of the restored cluster, or None if there is none."""
        request = self.request
        try:
            return describe_subnet_group(self.rds, request.event, request.restore.target)
        except AwsError as error:
            if code_of(error) != NO_SUBNET_GROUP:
                raise
            return None

    def network_in(self, group: "DBSubnetGroupTypeDef") -> ClusterNetwork:
        """Return where the restored cluster will be, in its subnet group.

        Raises ValidationError if the event names a VPC or subnets that are not the group's.
        """
        request = self.request
        return network_of(
            request.event,
            request.restore.target,
            group,
            quarantine_group=request.environment.quarantine_security_group,
        )

    @property
    def zones(self) -> set[str]:
        """Return the Availability Zones that the subnet group covers."""
        subnets = self.subnet_group.get("Subnets", []) if self.subnet_group else []
        return {subnet.get("SubnetAvailabilityZone", {}).get("Name", "") for subnet in subnets}

    @property
    def has_planned_instances(self) -> bool:
        """Return whether any are configured, or were there; ``check_instances`` reports if not."""
        return bool(self.request.restore.target.instances or (self.old or {}).get("Instances"))

    @property
    def planned_instances(self) -> list[InstancePlan]:
        """Return the instances that the restored cluster is to have.

        Raises ConfigurationError if there are none.
        """
        request = self.request
        return planned_instances(request.restore.target, self.old, request.restored_cluster_id)

    @property
    def final_snapshot(self) -> str | None:
        """Return the name of the old cluster's final snapshot, or None if there is to be none.

        Every attempt of an operation at the deletion uses the same name. There is none of a cluster
        that serves on while another one is restored.
        """
        request, cluster = self.request, self.cluster
        if cluster is None or cluster["Status"] == DELETING or self.is_own:
            return None
        if request.restores_beside:
            return None
        if skips_final_snapshot(request, is_own=request.owner.made(cluster, self.record)):
            return None
        return request.state.final_snapshot or final_snapshot_name(
            request.cluster_id, str(request.state.operation_started_at)
        )

    @property
    def hosts(self) -> frozenset[str]:
        """Return the hosts by which the target is or was reached, as far as they are known."""
        cluster = self.cluster or {}
        shown = {cluster.get("Endpoint"), cluster.get("ReaderEndpoint")}
        recorded = frozenset() if self.record is None else self.record.hosts
        return recorded | {str(host) for host in shown if host}

    @property
    def publication(self) -> Publication:
        """Return where the clients read the endpoint, if clusters keep their names."""
        return Publication(request=self.request, clients=self.clients, hosts=self.hosts)

    @property
    def marks(self) -> tuple[RdsCall, ...]:
        """Return the calls that mark the cluster that serves as the pipeline's again."""
        if self.cluster is None or self.cluster["Status"] == DELETING:
            return ()
        return put_back_tags(self.request, self.record, self.cluster, self.instances)

    @cached_property
    def room(self) -> Room:
        """Return what becomes of the clusters beside the target before one is restored there."""
        return find_room(self.rds, self.request, self.record, self.cluster)

    @property
    def doomed(self) -> tuple[DoomedCluster, ...]:
        """Return the clusters that are deleted before the restore begins."""
        if self.request.restores_beside:
            return self.room.doomed
        if self.cluster is None:
            return ()
        return (
            DoomedCluster(
                cluster=self.cluster,
                instances=self.instances,
                final_snapshot=self.final_snapshot,
                marks=self.marks,
            ),
        )


def take_inventory(
    request: RestoreRequest,
    snapshot: "DBClusterSnapshotTypeDef",
    source: SnapshotSource,
    path: SnapshotPath | None,
    *,
    access: RdsAccess,
    clients: Clients,
    store: StateStore,
) -> Inventory:
    """Return the target as it is now, with everything else that the checks read."""
    record = TargetRecordStore(
        store, request.target.account, request.target.region, request.cluster_id
    ).read()
    cluster = find_serving(access.at_target, request, record)
    return Inventory(
        request=request,
        clients=clients,
        access=access,
        store=store,
        source=source,
        path=path,
        snapshot=snapshot,
        cluster=cluster,
        record=record,
        instances=()
        if cluster is None
        else instances_of(access.at_target, cluster["DBClusterIdentifier"]),
    )
