"""``aurora-restore explain``: the text of an operation's notice, at any time."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import typer

from aurora_restore.cli.acting import own_command
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
from aurora_restore.shared.sequences import RETIRE


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
    if (nothing := _no_outcome(operation, now)) is not None:
        return _notice_of_no_outcome(deployment, operation, nothing, now)
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


@dataclass(frozen=True)
class _NoOutcome:
    """What to say of an operation that has nothing to announce."""

    short: str
    doing: str
    command: tuple[str, ...] | None = None
    """What to type to see more; None where there is nothing."""
    purpose: str = ""


def _no_outcome(operation: OperationFacts, now: datetime) -> _NoOutcome | None:
    """Return that an operation is at work or has done nothing; None where it has succeeded."""
    execution = operation.execution
    if not execution.is_over:
        current = operation.progress.current
        at = current.name if current else "its start"
        took = duration(execution.seconds(now))
        return _NoOutcome(
            "running",
            f"has been running for {took}, and is at {at}.",
            ("watch", operation.id),
            "To see how it goes on",
        )
    if execution.kind == DRY_RUN:
        return _NoOutcome(
            "dry run",
            "was a dry run: it has changed nothing.",
            None if operation.restore is None else ("plan", operation.restore),
            "To see what a run would do now",
        )
    if execution.is_held_back:
        return _NoOutcome("paused", "did nothing: the schedule was paused.")
    if operation.sequence is RETIRE and not operation.state.deleted_beside:
        return _NoOutcome("nothing due", "did nothing: no cluster was due to be deleted.")
    return None


def _notice_of_no_outcome(
    deployment: Deployment, operation: OperationFacts, found: _NoOutcome, now: datetime
) -> Notice:
    where = f"{deployment.name_prefix} {operation.restore or 'unknown restore'}"
    sentence = f"Operation {operation.id} {found.doing}"
    shown = (
        []
        if found.command is None
        else [paragraph(f"{found.purpose}:"), verbatim(own_command(deployment, *found.command))]
    )
    return Notice(
        subject=subject_of(where, found.short),
        text=sections(
            sentence,
            [
                ("The target now", [bullets(target_sentences(deployment, operation))]),
                ("What to do", shown),
            ],
        ),
        document={
            "operation_id": operation.id,
            "status": found.short,
            "message": sentence,
            "details": {"restore": operation.restore},
            "timestamp": timestamp(now),
        },
    )
