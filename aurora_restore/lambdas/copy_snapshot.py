"""Step 2: copy the snapshot to the target's Region."""

from typing import TYPE_CHECKING, Any

from aurora_restore.shared.aws_utils import call, code_of
from aurora_restore.shared.base_handler import Answer, BaseHandler, Job
from aurora_restore.shared.common import timestamp
from aurora_restore.shared.errors import (
    AwsError,
    ConfigurationError,
    RefusedError,
    SnapshotNotFoundError,
)
from aurora_restore.shared.function_utils import copy_name
from aurora_restore.shared.pipeline import (
    TAG_MANAGED_BY,
    TAG_OPERATION,
    TAG_RESTORE,
    TAG_SOURCE_SNAPSHOT,
    get_step,
)
from aurora_restore.shared.rds import (
    DEAD_SNAPSHOT,
    DELETING,
    encryption_of,
    find_snapshot,
    tag_list,
    tags_of,
)
from aurora_restore.shared.validation import validate_required_params

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_rds.type_defs import DBClusterSnapshotTypeDef

ALREADY_EXISTS = "DBClusterSnapshotAlreadyExistsFault"


class CopySnapshotHandler(BaseHandler):
    """Starts CopyDBClusterSnapshot in the target's Region, under the target's customer key.

    A copy of this snapshot that is there already is taken; a failed one is deleted first.
    """

    step = get_step("copy-snapshot")

    def run(self, job: Job) -> Answer:
        """Raises ConfigurationError where an encrypted snapshot has no key to be copied with, and
        RefusedError where the copy's name belongs to something else."""
        name = job.event.snapshot_name or job.state.get("snapshot_name")
        arn = (
            job.event.snapshot_arn
            or job.state.get("source_snapshot_arn")
            or job.state.get("snapshot_arn")
        )
        if job.snapshot_is_local:
            validate_required_params({"snapshot_name": name})
            return self._not_needed(job, str(name))
        validate_required_params({"snapshot_name": name, "snapshot_arn": arn})
        target_name = job.event.target_snapshot_name or copy_name(str(name))
        rds = job.clients.rds(job.target_region)
        existing = find_snapshot(rds, target_name)
        if existing is not None:
            self._refuse_a_stranger(existing, str(arn))
            if existing["Status"] == DELETING:
                return Answer.wait(f"the failed copy {target_name} is being deleted")
            if existing["Status"] in DEAD_SNAPSHOT:
                call(rds.delete_db_cluster_snapshot, DBClusterSnapshotIdentifier=target_name)
                return Answer.wait(
                    f"the failed copy {target_name} is being deleted",
                    {"copy_status": existing["Status"]},
                )
            return self._started(job, str(name), target_name, existing["Status"])
        source = find_snapshot(job.clients.rds(job.source_region), str(arn))
        if source is None:
            raise SnapshotNotFoundError(
                f"snapshot {arn} is no longer there, or no longer shared with this account",
                snapshot_name=name,
                source_region=job.source_region,
            )
        status = self._copy(job, rds, source, target_name)
        return self._started(job, str(name), target_name, status, job.count_attempt())

    def _copy(
        self, job: Job, rds: "RDSClient", source: "DBClusterSnapshotTypeDef", target_name: str
    ) -> str:
        parameters: dict[str, Any] = {}
        # CopyDBClusterSnapshot: KmsKeyId must be given for a snapshot under a KMS key that crosses
        # a Region or an account, and is an error for any other.
        if encryption_of(source) == "sse-kms":
            key = job.restore.target.kms_key_id
            if key is None:
                raise ConfigurationError(
                    f"restore {job.restore_name}: target.kms_key_id: is missing; snapshot "
                    f"{source['DBClusterSnapshotIdentifier']} is encrypted, and its copy needs a "
                    f"customer key in {job.target_region}"
                )
            parameters["KmsKeyId"] = key
        source_arn = source["DBClusterSnapshotArn"]
        try:
            copied = call(
                rds.copy_db_cluster_snapshot,
                SourceDBClusterSnapshotIdentifier=source_arn,
                TargetDBClusterSnapshotIdentifier=target_name,
                SourceRegion=job.source_region,
                Tags=tag_list(
                    {
                        TAG_MANAGED_BY: job.environment.name_prefix,
                        TAG_OPERATION: job.operation_id,
                        TAG_RESTORE: job.restore_name,
                        TAG_SOURCE_SNAPSHOT: source_arn,
                    }
                ),
                **parameters,
            )
        except AwsError as error:
            existing = find_snapshot(rds, target_name)
            if code_of(error) != ALREADY_EXISTS or existing is None:
                raise
            self._refuse_a_stranger(existing, source_arn)
            return existing["Status"]
        return copied["DBClusterSnapshot"]["Status"]

    def _refuse_a_stranger(self, existing: "DBClusterSnapshotTypeDef", source_arn: str) -> None:
        origins = {
            tags_of(existing.get("TagList")).get(TAG_SOURCE_SNAPSHOT),
            existing.get("SourceDBClusterSnapshotArn"),
        }
        if source_arn not in origins:
            name = existing["DBClusterSnapshotIdentifier"]
            raise RefusedError(
                f"target_snapshot_name: {name!r} is taken by a snapshot that is not a copy of "
                f"{source_arn}; give another name",
                target_snapshot_name=name,
            )

    def _not_needed(self, job: Job, name: str) -> Answer:
        return Answer(
            "No need to copy snapshot, regions are the same",
            {
                "snapshot_name": name,
                "source_region": job.source_region,
                "target_region": job.target_region,
            },
            self._facts(job, name, name, "available"),
        )

    def _started(
        self,
        job: Job,
        name: str,
        target_name: str,
        status: str,
        counted: dict[str, Any] | None = None,
    ) -> Answer:
        return Answer(
            "Snapshot copy initiated",
            {
                "snapshot_name": name,
                "source_region": job.source_region,
                "target_region": job.target_region,
                "target_snapshot_name": target_name,
                "copy_status": status,
            },
            {
                **self._facts(job, name, target_name, status),
                "copy_started_at": job.state.get("copy_started_at", timestamp(job.clock())),
                **(counted or {}),
            },
        )

    def _facts(self, job: Job, name: str, target_name: str, status: str) -> dict[str, Any]:
        return {
            "snapshot_name": name,
            "source_snapshot": name,
            "target_snapshot": target_name,
            "copy_snapshot_id": target_name,
            "copy_status": status,
            "source_account_id": job.source_account_id,
            "target_account_id": job.account_id,
            "source_region": job.source_region,
            "target_region": job.target_region,
        }


handler = CopySnapshotHandler()
