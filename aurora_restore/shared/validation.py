"""The documented validators. Each raises ValidationError if the value is wrong."""

from collections.abc import Mapping, Sequence
from typing import Any

from aurora_restore.shared.documents import fields
from aurora_restore.shared.documents.schema import check
from aurora_restore.shared.documents.secrets import MasterCredentials
from aurora_restore.shared.errors import ValidationError


def validate_required_params(params: Mapping[str, Any]) -> None:
    """Raise ValidationError with the name of every value that is None or empty."""
    missing = [name for name, value in params.items() if value is None or value in ("", [], ())]
    if missing:
        raise ValidationError(
            "; ".join(f"{name}: is missing; give it in the event" for name in missing),
            faults=missing,
        )


def validate_cluster_id(cluster_id: Any) -> None:
    """Raise ValidationError if this is no DB cluster identifier by CreateDBCluster's rules."""
    check("cluster_id", cluster_id, fields.ClusterId)


def validate_snapshot_id(snapshot_id: Any) -> None:
    """Raise ValidationError if this is no identifier or ARN of a cluster snapshot."""
    check("snapshot_id", snapshot_id, fields.SnapshotId)


def validate_region(region: Any) -> None:
    """Raise ValidationError if this has not the form of a Region's name; it need not exist."""
    check("region", region, fields.Region)


def validate_vpc_config(vpc_id: Any, subnet_ids: Any, security_group_ids: Any) -> None:
    """Raise ValidationError unless these are ids of a VPC, of subnets and of security groups.

    There must be at least one subnet and one security group.
    """
    check("vpc_id", vpc_id, fields.VpcId)
    for name, ids, kind in (
        ("subnet_ids", subnet_ids, fields.SubnetId),
        ("security_group_ids", security_group_ids, fields.SecurityGroupId),
    ):
        if not isinstance(ids, Sequence) or isinstance(ids, str | bytes) or not ids:
            raise ValidationError(f"{name}: must be a list of at least one id")
        for position, item in enumerate(ids):
            check(f"{name}[{position}]", item, kind)


def validate_db_credentials(credentials: Any) -> None:
    """Raise ValidationError if this is no master secret that RDS accepts.

    It needs ``username``, ``password`` and ``database``.
    """
    MasterCredentials.parse(credentials, source="credentials")
