"""The start event: the input of an execution, or of one function called directly."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from aurora_restore.shared.documents.fields import (
    ClusterId,
    Date,
    GroupName,
    Host,
    OperationId,
    Port,
    Region,
    RestoreName,
    SecurityGroupId,
    SnapshotArn,
    SnapshotId,
    StartedBy,
    SubnetId,
    VpcId,
)
from aurora_restore.shared.documents.schema import Rule
from aurora_restore.shared.sequences import ENTRY_POINTS

NAMING_FIELDS: Final = ("snapshot_arn", "snapshot_id", "snapshot_name")
"""The fields of an event that name the source's snapshot; each takes an ARN as well."""

SCHEDULE: Final = "schedule"
"""The ``started_by`` of what the schedules start."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """The input of an execution, or of one function called directly. Every field is optional."""

    operation_id: Annotated[
        OperationId | None, Rule(help="The operation to continue; left out, a new one.")
    ] = None
    restore: Annotated[
        RestoreName | None, Rule(help="Which restore; may be left out where there is only one.")
    ] = None
    dry_run: Annotated[
        bool,
        Rule(
            help="Whether to run every check, change nothing, and return every obstacle and "
            "every call that would change RDS, the retention aside."
        ),
    ] = False
    roll_back: Annotated[
        bool,
        Rule(
            help="Whether the target is switched back to the cluster that served before the last "
            "switch, instead of being refreshed."
        ),
    ] = False
    retire: Annotated[
        bool,
        Rule(
            help="Whether the clusters beside the target whose time has come are deleted, instead "
            "of a refresh."
        ),
    ] = False
    start_at: Annotated[
        Literal[ENTRY_POINTS] | None,  # type: ignore[valid-type]
        Rule(help="The step at which an execution enters, to continue an operation."),
    ] = None
    started_by: Annotated[
        StartedBy | None,
        Rule(
            help="Who or what starts it, for the state and the audit trail: the schedules say "
            f"`{SCHEDULE}`, the command line the ARN of its caller."
        ),
    ] = None
    delay_seconds: Annotated[
        int | None, Rule(help="How long an execution waits first.", minimum=0, maximum=86400)
    ] = None
    date: Annotated[Date | None, Rule(help="The day whose snapshot is taken.")] = None
    snapshot_id: Annotated[SnapshotId | None, Rule(help="The snapshot to take.")] = None
    snapshot_name: Annotated[SnapshotId | None, Rule(help="The source snapshot's name.")] = None
    snapshot_arn: Annotated[SnapshotArn | None, Rule(help="The source snapshot's ARN.")] = None
    source_region: Annotated[Region | None, Rule(help="The Region of the source snapshot.")] = None
    target_region: Annotated[
        Region | None, Rule(help="The Region of the target: the environment's, or it is refused.")
    ] = None
    target_snapshot_name: Annotated[
        SnapshotId | None, Rule(help="The name of the copy; it ends with `-copy`.")
    ] = None
    target_cluster_id: Annotated[
        ClusterId | None, Rule(help="The target cluster: the configured one, or it is refused.")
    ] = None
    skip_final_snapshot: Annotated[
        bool | None,
        Rule(
            help="Whether the replaced cluster is deleted without a final snapshot. If left out, "
            "as configured."
        ),
    ] = None
    db_subnet_group_name: Annotated[
        GroupName | None, Rule(help="The DB subnet group of the restored cluster.")
    ] = None
    vpc_security_group_ids: Annotated[
        tuple[SecurityGroupId, ...] | None, Rule(help="Its security groups.", min_items=1)
    ] = None
    vpc_id: Annotated[VpcId | None, Rule(help="The VPC that the subnet group must be in.")] = None
    subnet_ids: Annotated[
        tuple[SubnetId, ...] | None,
        Rule(help="Subnets that the subnet group must contain.", min_items=1),
    ] = None
    security_group_ids: Annotated[
        tuple[SecurityGroupId, ...] | None,
        Rule(help="The same as `vpc_security_group_ids`.", min_items=1),
    ] = None
    cluster_endpoint: Annotated[
        Host | None, Rule(help="The restored cluster's host, as recorded.")
    ] = None
    cluster_port: Annotated[Port | None, Rule(help="The restored cluster's port, as recorded.")] = (
        None
    )
    status: Annotated[
        Literal["success", "failed"] | None,
        Rule(help="The outcome to announce; a direct call needs it."),
    ] = None
    message: Annotated[str | None, Rule(help="The sentence to announce.")] = None
    details: Annotated[Mapping[str, Any] | None, Rule(help="The facts to announce.")] = None
