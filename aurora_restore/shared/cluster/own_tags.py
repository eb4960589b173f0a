"""The pipeline's tags on a cluster that the target record names, put back where they were removed.

A tool that declares a cluster's tags removes all others: `terraform apply` does. The roles may
delete instances only by the environment's tag, so it is put back before anything else is done.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aurora_restore.shared.cluster.ownership import restorer_of
from aurora_restore.shared.names import TAG_OPERATION, is_named_after
from aurora_restore.shared.rds.calls import RdsCall, tag_resource
from aurora_restore.shared.request import RestoreRequest
from aurora_restore.shared.target_record import TargetRecord

if TYPE_CHECKING:
    from mypy_boto3_rds.type_defs import DBClusterTypeDef, DBInstanceTypeDef


def is_recorded_instance(
    request: RestoreRequest,
    record: TargetRecord | None,
    cluster: "DBClusterTypeDef",
    instance: "DBInstanceTypeDef",
) -> bool:
    """Return whether the record says that the pipeline made an instance, and a role may mark it.

    It says where each instance of the cluster is reached. One that people have added is none of
    them, and one of another name may not be marked.
    """
    if record is None:
        return False
    endpoint = instance.get("Endpoint") or {}
    reached = f"{endpoint.get('Address')}:{endpoint.get('Port')}"
    known = record.instances_of(cluster.get("DbClusterResourceId"))
    return reached in known and is_named_after(request.cluster_id, instance["DBInstanceIdentifier"])


def put_back_tags(
    request: RestoreRequest,
    record: TargetRecord | None,
    cluster: "DBClusterTypeDef",
    instances: "Sequence[DBInstanceTypeDef]",
) -> tuple[RdsCall, ...]:
    """Return the calls that mark a cluster and its instances as the pipeline's again.

    None where the record does not say that the pipeline restored this very cluster, by its resource
    id, or where the tags are there.
    """
    owner, region = request.owner, request.target.region
    operation = restorer_of(cluster, record)
    if operation is None:
        return ()
    tags = {**owner.tags_of_restore, TAG_OPERATION: operation}
    lacking = [] if owner.of_environment(cluster) else [cluster["DBClusterArn"]]
    lacking += [
        each["DBInstanceArn"]
        for each in instances
        if not owner.of_environment(each) and is_recorded_instance(request, record, cluster, each)
    ]
    reason = f"put back what marks it as restored by operation {operation}"
    return tuple(tag_resource(arn, region, tags, reason) for arn in lacking)
