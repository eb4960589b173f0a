"""The documented validators. Each raises ValidationError and answers nothing."""

from collections.abc import Mapping, Sequence
from typing import Any

from aurora_restore.shared.documents import fields
from aurora_restore.shared.documents.schema import check
from aurora_restore.shared.documents.secrets import MasterCredentials
from aurora_restore.shared.errors import ValidationError


def validate_required_params(params: Mapping[str, Any]) -> None:
    """Every value must be there: neither None nor empty."""
    missing = [name for name, value in params.items() if value is None or value in ("", [], ())]
    if missing:
        raise ValidationError(
            "; ".join(f"{name}: is missing; give it in the event" for name in missing),
            faults=missing,
        )


def validate_cluster_id(cluster_id: Any) -> None:
    """An identifier of a DB cluster, by the rules of CreateDBCluster."""
    check("cluster_id", cluster_id, fields.ClusterId)


def validate_snapshot_id(snapshot_id: Any) -> None:
    """A cluster snapshot's identifier or ARN."""
    check("snapshot_id", snapshot_id, fields.SnapshotId)


def validate_region(region: Any) -> None:
    """The name of an AWS Region; whether it exists is AWS's to say."""
    check("region", region, fields.Region)


def validate_vpc_config(vpc_id: Any, subnet_ids: Any, security_group_ids: Any) -> None:
    """The ids of a VPC, of at least one subnet and of at least one security group."""
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
    """A master secret: ``username``, ``password`` and ``database``, as RDS accepts them."""
    MasterCredentials.parse(credentials, source="credentials")
