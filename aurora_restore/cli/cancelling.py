"""``aurora-restore cancel``: stop an operation, and say what that leaves."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
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
from aurora_restore.cli.operations import OperationFacts, load_operation
from aurora_restore.cli.rerunning import OperationId
from aurora_restore.cli.target import target_sentences
from aurora_restore.shared.aws_utils import call
from aurora_restore.shared.documents.schema import check
from aurora_restore.shared.next_starts import next_start_of
from aurora_restore.shared.notices.notice import sentence
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
    target: str | None
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

    Nothing is undone. It says what is left before it asks, and asks again where the operation is at
    another step by then. In the middle of a switch it is refused, because then perhaps no cluster
    serves until the switch is finished or undone.
    """
    if reason is not None:
        check("--reason", reason, Reason)
    deployment = deployment_of(context)
    found = _agree(deployment, operation_id, yes=yes)
    caller = deployment.caller_arn
    asked = {"execution_arn": found.execution.arn, "reason": reason}
    record_request(deployment, operation_id, "cancel", caller, asked)
    # The last look: a switch that begins within the second until the stop is not seen.
    if found.target is not None:
        latest = deployment.record_of(found.target).read()
        _require_stop(deployment, replace(found, record=latest))
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
            "undone, perhaps no cluster serves. It takes minutes; wait for it, and return with "
            f"`aurora-restore rollback {facts.target}` if need be.",
            command=("watch", name),
            code=ExitCode.REFUSED,
        )
    at = "before its first step" if facts.step is None else f"at {facts.step}"
    return Stop(question=f"Operation {name} is {at}. Stop it there? Nothing is undone.")


def _agree(deployment: Deployment, operation_id: str, *, yes: bool) -> OperationFacts:
    """Return the operation as it is once a person has agreed to stop it there.

    It goes on while they think. Raises CommandError if they do not agree, or it must not be
    stopped.
    """
    agreed: Stop | None = None
    while True:
        found = load_operation(deployment, operation_id)
        decision = _require_stop(deployment, found)
        if yes or decision == agreed:
            return found
        tell("To stop it now leaves this:", *_left_at(deployment, found, _step_of(found)))
        require_consent(decision.question, yes=yes)
        agreed = decision


def _require_stop(deployment: Deployment, found: OperationFacts) -> Stop:
    """Return the decision to stop an operation. Raises CommandError if it must not be stopped."""
    planned = None if found.record is None else found.record.switch
    decision = decide(
        CancelFacts(
            operation_id=found.id,
            target=found.target,
            status=found.execution.status,
            is_over=found.execution.is_over,
            step=_step_of(found),
            switches=planned is not None and planned.by == found.id,
        )
    )
    if isinstance(decision, Stop):
        return decision
    instead = f"\nInstead: {own_command(deployment, *decision.command)}" if decision.command else ""
    raise CommandError(f"{decision.reason}{instead}", decision.code)


def _step_of(found: OperationFacts) -> str | None:
    """Return the step that an operation is at; None before the first."""
    return None if found.progress.current is None else found.progress.current.name


def _left_at(deployment: Deployment, found: OperationFacts, step: str | None) -> Iterator[str]:
    """Yield what an operation that is stopped at a step leaves, and what its target is."""
    yield from what_is_left(found.state, found.sequence, step)
    yield from target_sentences(deployment, found)


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
    tell(*_left_at(deployment, left, step))
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
    now = datetime.now(UTC)
    paused = deployment.pause_of(name).warning(now)
    if paused is not None:
        return f"{sentence(paused)} Until then a new operation is started by hand."
    coming = next_start_of(name, restore.schedule, now)
    return f"Otherwise the next run of its schedule begins again. {coming}"


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
        others = ", ".join(state.also_used_by)
        yield (
            f"The copy {state.copy_snapshot_id}{going_on} stays: the operation uses it if it is "
            "continued, and the retention of the next successful run counts it."
            + (f" Do not delete it: it is also used by {others}." if others else "")
        )
    if state.new_cluster_id is not None and sequence is SWITCH and state.switched_at is None:
        yield (
            f"The cluster {state.new_cluster_id} beside the target stays for 24 hours, costs what "
            "it costs, and is deleted then or by the next operation."
        )
