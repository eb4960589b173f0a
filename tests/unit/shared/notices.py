"""Operations to write notices of."""

from datetime import UTC, datetime
from typing import Any

from aurora_restore.shared.failed_execution import Failure
from aurora_restore.shared.later_operation import LaterOperation
from aurora_restore.shared.notices.failure import failure_notice
from aurora_restore.shared.notices.notice import Notice
from aurora_restore.shared.notices.success import success_notice
from aurora_restore.shared.notices.way_on import DeployedPipeline
from aurora_restore.shared.operation_state import OperationState
from aurora_restore.shared.target_record import TargetRecord

ACCOUNT = "123456789012"
REGION = "us-west-2"
TARGET = "my-cluster"
MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:aurora-restore-pipeline"
EXECUTION = f"arn:aws:states:{REGION}:{ACCOUNT}:execution:aurora-restore-pipeline:op-1"
DEPLOYMENT = DeployedPipeline("aurora-restore", MACHINE)
NOW = datetime(2026, 5, 16, 4, 0, tzinfo=UTC)

BEGUN: dict[str, Any] = {
    "sequence": "replace",
    "restore": "staging",
    "target_lock": [ACCOUNT, REGION, TARGET],
    "operation_started_at": "2026-05-16T03:00:00.000000Z",
    "source_snapshot_arn": f"arn:aws:rds:us-east-1:{ACCOUNT}:cluster-snapshot:rds:production",
    "snapshot_created_at": "2026-05-15T02:00:00.000000Z",
}
DELETED = {**BEGUN, "old_cluster": {"Port": 5432}, "deletion_of": "cluster-OLD"}
RESTORED = {
    **DELETED,
    "new_cluster_id": TARGET,
    "restore_started_at": "2026-05-16T03:20:00.000000Z",
    "restore_status": "available",
    "quarantine_security_group_ids": ["sg-1"],
    "disabled_login_count": 2,
    "disabled_logins": ["analyst", "etl"],
}
HANDED_OVER = {
    **RESTORED,
    "users_configured": True,
    "hand_over_started_at": "2026-05-16T03:50:00.000000Z",
    "handed_over_at": "2026-05-16T03:55:00.000000Z",
}


def failed(
    error_type: str = "AwsError",
    *,
    step: str | None = "restore-snapshot",
    status: str = "FAILED",
    reason: str = "it was refused",
    **more: Any,
) -> Failure:
    return Failure(
        **{
            "execution_arn": EXECUTION,
            "execution_status": status,
            "operation_id": "op-1",
            "restore": "staging",
            "step": step,
            "error_type": error_type,
            "reason": reason,
            "is_over": True,
            **more,
        }
    )


def notice_of(
    failure: Failure,
    facts: dict[str, Any] | None = None,
    *,
    is_own: bool = True,
    details: dict[str, Any] | None = None,
    restore: str | None = "staging",
    deployment: DeployedPipeline = DEPLOYMENT,
    record: TargetRecord | None = None,
    later: LaterOperation | None = None,
) -> Notice:
    """Return the notice of a failure; ``facts`` of None are a state that cannot be read."""
    return failure_notice(
        failure,
        state=None if facts is None else OperationState.from_details(facts),
        is_own=is_own,
        error_details=details or {},
        restore=restore,
        deployment=deployment,
        moment=NOW,
        record=record,
        later=later,
    )


def success_of(
    facts: dict[str, Any],
    *,
    audit: tuple[dict[str, Any], ...] = (),
    warnings: tuple[str, ...] = (),
    later: LaterOperation | None = None,
) -> Notice:
    return success_notice(
        "op-1",
        OperationState.from_details(facts),
        restore="staging",
        target=TARGET,
        restored_cluster=TARGET,
        deployment=DEPLOYMENT,
        moment=NOW,
        audit=audit,
        warnings=warnings,
        later=later,
    )


def section(notice: Notice, heading: str) -> str:
    """Return what stands below a heading, in one line."""
    _, _, below = notice.text.partition(f"\n\n{heading.upper()}\n")
    lines = below.split("\n")
    end = next((at for at, line in enumerate(lines) if line.isupper()), len(lines))
    return " ".join(" ".join(lines[:end]).split())
