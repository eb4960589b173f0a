"""``aurora-restore cancel``: stop an operation, and say what that leaves."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from aurora_restore.cli.acting import (
    own_command,
    record_request,
    require_consent,
    tell,
    tell_command,
)
from aurora_restore.cli.context import Deployment, deployment_of
from aurora_restore.cli.errors import CommandError, RefusedCommand
from aurora_restore.cli.executions import find_execution
from aurora_restore.cli.exit_codes import ExitCode
from aurora_restore.cli.operations import load_operation
from aurora_restore.cli.progress import StepStatus
from aurora_restore.cli.rerunning import OperationId
from aurora_restore.cli.target import target_sentences
from aurora_restore.shared.aws_utils import call
from aurora_restore.shared.documents.schema import check
from aurora_restore.shared.operation_state import OperationState
from aurora_restore.shared.pause import Reason
from aurora_restore.shared.pipeline import get_step
from aurora_restore.shared.sequences import SWITCH, StepSequence

_STOPS_WITHIN: Final = 15.0
"""For how many seconds the end of the execution is waited for."""


@dataclass(frozen=True, kw_only=True)
class CancelFacts:
    """What is known before the decision."""

    operation_id: str
    status: str
    is_over: bool
    step: str | None
    """The step that it is at."""
    switches: bool = False
    """Whether it is between the first and the last change of a switch."""


@dataclass(frozen=True, kw_only=True)
class Stop:
    """The execution is stopped."""

    question: str


def cancel(
    context: typer.Context,
    operation_id: OperationId,
    reason: Annotated[
        str | None, typer.Option(help="Why, for the notice and the audit trail: one line.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask. For scripts.")] = False,
) -> None:
    """Stop an operation that is under way, and say what it leaves and how to go on.

    Nothing is undone. In the middle of a switch it is refused, because then perhaps no cluster
    serves until the switch is finished or undone.
    """
    if reason is not None:
        check("--reason", reason, Reason)
    deployment = deployment_of(context)
    found = load_operation(deployment, operation_id)
    running = (each.name for each in found.progress.steps if each.status is StepStatus.RUNNING)
    planned = None if found.record is None else found.record.switch
    decision = decide(
        CancelFacts(
            operation_id=operation_id,
            status=found.execution.status,
            is_over=found.execution.is_over,
            step=next(running, None),
            switches=planned is not None and planned.by == operation_id,
        )
    )
    if isinstance(decision, RefusedCommand):
        raise CommandError(decision.reason, decision.code)
    require_consent(decision.question, yes=yes)
    caller = deployment.caller_arn
    asked = {"execution_arn": found.execution.arn, "reason": reason}
    record_request(deployment, operation_id, "cancel", caller, asked)
    call(
        deployment.step_functions.stop_execution,
        executionArn=found.execution.arn,
        cause=f"cancelled by {caller}{f': {reason}' if reason else ''}",
    )
    _await_end(deployment, found.execution.arn)
    _report(deployment, operation_id)


def decide(facts: CancelFacts) -> Stop | RefusedCommand:
    """Return whether an operation is to be stopped, with what to ask before."""
    name = facts.operation_id
    if facts.is_over:
        return RefusedCommand(
            reason=f"Operation {name} is not under way: it has ended as {facts.status.lower()}.",
            code=ExitCode.USAGE,
        )
    if facts.switches:
        return RefusedCommand(
            reason=f"Operation {name} is in the middle of a switch: until that is finished or "
            "undone, perhaps no cluster serves. It takes minutes; wait for it with `aurora-restore "
            f"watch {name}`, and return with `aurora-restore rollback` if need be.",
            code=ExitCode.REFUSED,
        )
    at = "before its first step" if facts.step is None else f"at {facts.step}"
    return Stop(question=f"Operation {name} is {at}. Stop it there? Nothing is undone.")


def _await_end(deployment: Deployment, arn: str) -> None:
    """Wait until the execution has ended, so that what is shown then is what is left."""
    until = time.monotonic() + _STOPS_WITHIN
    while time.monotonic() < until:
        execution = find_execution(deployment, arn)
        if execution is None or execution.is_over:
            return
        time.sleep(0.5)


def _report(deployment: Deployment, operation_id: str) -> None:
    """Say what is left, and how to go on."""
    left = load_operation(deployment, operation_id)
    step = left.failure.step if left.failure else None
    tell(f"Operation {operation_id} is stopped{f' at {step}' if step else ''}.")
    tell(*what_is_left(left.state, left.sequence, step), *target_sentences(left))
    if step is None:
        tell("It has done nothing that could be continued.")
    else:
        tell_command("To continue it", own_command(deployment, "rerun", operation_id))
    if left.restore is not None:
        tell(_next_start(deployment, left.restore))


def _next_start(deployment: Deployment, name: str) -> str:
    """Return when a new operation refreshes the target if this one is not continued."""
    _, restore = deployment.restore(name)
    if restore.schedule is None or not restore.schedule.enabled:
        return f"{name} has no schedule in force: a new operation is started by hand."
    pause = deployment.pause_of(name).in_force(datetime.now(UTC))
    if pause is not None:
        return f"{pause}. Until then a new operation is started by hand."
    return f"Otherwise the next run of its schedule, {restore.schedule.expression}, begins again."


def what_is_left(state: OperationState, sequence: StepSequence, step: str | None) -> Iterator[str]:
    """Yield what an operation that is stopped at a step leaves in AWS, beside the target."""
    if step is None:
        return
    seconds = get_step(step).timeout_seconds
    yield (
        f"The function of {step} may be at work for up to {seconds} s more: Step Functions does "
        "not interrupt it."
    )
    if state.copy_started_at is not None and state.copy_snapshot_id is not None:
        going_on = "" if state.copy_status == "available" else " is still made by AWS, and"
        yield (
            f"The copy {state.copy_snapshot_id}{going_on} stays: the operation uses it if it is "
            "continued, and the retention of the next successful run counts it."
        )
    if state.new_cluster_id is not None and sequence is SWITCH and state.switched_at is None:
        yield (
            f"The cluster {state.new_cluster_id} beside the target stays for 24 hours, costs what "
            "it costs, and is deleted then or by the next operation."
        )
