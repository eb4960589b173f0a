"""``aurora-restore explain``: the text of an operation's notice, at any time."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from aurora_restore.cli.context import Deployment, deployment_of
from aurora_restore.cli.executions import DRY_RUN
from aurora_restore.cli.operations import OperationFacts, load_operation
from aurora_restore.cli.output import AsJson, print_as_is, print_json
from aurora_restore.cli.target import target_sentences
from aurora_restore.shared.common import timestamp
from aurora_restore.shared.notices.failure import failure_notice
from aurora_restore.shared.notices.notice import (
    Notice,
    bullets,
    duration,
    paragraph,
    sections,
    subject_of,
    verbatim,
)
from aurora_restore.shared.notices.success import success_notice
from aurora_restore.shared.notices.way_on import DeployedPipeline


def explain(
    context: typer.Context,
    operation: Annotated[str, typer.Argument(help="The operation.")],
    as_json: AsJson = False,
) -> None:
    """Explain an operation: why it failed, what its target is now, and what to do.

    It is the text of the notice, made from what is recorded now; of an operation that has
    succeeded it says what was done, and of one that is running how far it has come. With `--json`
    it is the documented JSON of the notice.
    """
    deployment = deployment_of(context)
    notice = notice_of(deployment, load_operation(deployment, operation))
    if as_json:
        print_json({"subject": notice.subject, **notice.document})
    else:
        print_as_is(f"{notice.subject}\n\n{notice.text}")


def notice_of(deployment: Deployment, operation: OperationFacts) -> Notice:
    """Return the notice of an operation, as it is now."""
    now = datetime.now(UTC)
    pipeline = DeployedPipeline(deployment.name_prefix, deployment.machine_arn)
    failure, state = operation.failure, operation.state
    if failure is not None:
        return failure_notice(
            failure,
            state=state,
            is_own=failure.is_of(state.attempted_in, other_at_work=operation.other_at_work),
            error_details=operation.error.get("details", {}),
            restore=operation.restore,
            deployment=pipeline,
            moment=operation.execution.ended or now,
            record=operation.record,
            later=operation.later,
        )
    if operation.execution.is_over and operation.execution.kind != DRY_RUN:
        return success_notice(
            operation.id,
            state,
            restore=operation.restore or "",
            target=operation.target or "",
            restored_cluster=state.new_cluster_id or operation.target or "",
            deployment=pipeline,
            moment=operation.execution.ended or now,
            audit=operation.audit,
            instance_classes=operation.instance_classes,
            later=operation.later,
        )
    return _of_no_outcome(deployment, operation, pipeline, now)


def _of_no_outcome(
    deployment: Deployment, operation: OperationFacts, pipeline: DeployedPipeline, now: datetime
) -> Notice:
    """Return what to say of an operation that has none to announce: a dry run, or one at work."""
    execution, progress = operation.execution, operation.progress
    if execution.is_over:
        short, doing = "dry run", "was a dry run: it has changed nothing."
        command = f"plan {operation.restore}"
    else:
        short = "running"
        at = progress.current.name if progress.current else "its start"
        took = duration(execution.seconds(now))
        doing = f"has been running for {took}, and is at {at}."
        command = f"watch {operation.id}"
    where = f"{pipeline.name_prefix} {operation.restore}"
    return Notice(
        subject=subject_of(where, short),
        text=sections(
            f"Operation {operation.id} {doing}",
            [
                ("The target now", [bullets(target_sentences(deployment, operation))]),
                ("What to do", [paragraph("Nothing:"), verbatim(f"aurora-restore {command}")]),
            ],
        ),
        document={
            "operation_id": operation.id,
            "status": short,
            "message": f"Operation {operation.id} {doing}",
            "details": {"restore": operation.restore},
            "timestamp": timestamp(now),
        },
    )
