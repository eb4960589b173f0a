"""``aurora-restore rerun``: continue an operation that has failed, as its error says."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final, assert_never

import typer

from aurora_restore.cli.acting import (
    own_command,
    record_request,
    require_consent,
    tell,
    tell_command,
)
from aurora_restore.cli.context import Deployment, deployment_of
from aurora_restore.cli.errors import CommandError, RefusedCommand, refused
from aurora_restore.cli.executions import SUCCEEDED, Execution, find_execution
from aurora_restore.cli.exit_codes import ExitCode
from aurora_restore.cli.operations import load_operation
from aurora_restore.cli.rerun_decision import Redrive, RerunFacts, Resume, decide
from aurora_restore.shared.aws_utils import call, code_of
from aurora_restore.shared.errors import AwsError
from aurora_restore.shared.protocol import IGNORED_INPUT

OperationId = Annotated[
    str, typer.Argument(metavar="OPERATION", help="The operation, as `list` names it.")
]
_OF_ONE_START: Final = {"delay_seconds", "start_at", "started_by", *IGNORED_INPUT}
"""The fields of an input that a new execution of the operation does not repeat."""
_LONGEST_NAME: Final = 80
_EXISTS: Final = "ExecutionAlreadyExists"
_STARTED_ALREADY: Final = frozenset({_EXISTS, "ExecutionNotRedrivable"})


def rerun(
    context: typer.Context,
    operation_id: OperationId,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask. For scripts.")] = False,
) -> None:
    """Continue an operation that has failed or was cancelled, as its error says.

    The execution is redriven where Step Functions can do that and it helps; otherwise a new
    execution continues the operation at the right step. What has to be done before is printed, and
    where a cluster may be deleted then, it asks whether that is done. Where the error says that it
    does not help, or another operation has the target or has refreshed it since, nothing is
    started: the exit code is 5, and the reason says what to do instead.
    """
    deployment = deployment_of(context)
    facts, execution = look(deployment, operation_id)
    decision = _way_on(deployment, facts)
    tell(decision.reason)
    if decision.before:
        tell(f"That helps only after this: {decision.before}")
    if decision.question is not None:
        require_consent(decision.question, yes=yes)
        facts, execution = look(deployment, operation_id)
        if _way_on(deployment, facts) != decision:
            raise refused("The operation has changed since the question. Nothing was started.")
    match decision:
        case Redrive(step=step, reason=reason):
            _redrive(deployment, operation_id, execution, reason)
            where = "where it was" if step is None else f"at {step}"
            tell(f"Its execution is redriven, and continues {where}, with the input that it had.")
        case Resume(step=step, reason=reason):
            _resume(deployment, operation_id, execution, step, reason)
            tell(f"A new execution continues the operation at {step}.")
        case other:
            assert_never(other)
    tell_command("To see how it goes on", own_command(deployment, "watch", operation_id))


def _way_on(deployment: Deployment, facts: RerunFacts) -> Redrive | Resume:
    """Return how the operation is continued. Raises CommandError where it must not be."""
    decision = decide(facts)
    if isinstance(decision, RefusedCommand):
        instead = own_command(deployment, *decision.command)
        raise refused(f"{decision.reason}\nInstead: {instead}")
    return decision


def look(deployment: Deployment, operation_id: str) -> tuple[RerunFacts, Execution]:
    """Return what the decision depends on, with the execution that has failed."""
    found = load_operation(deployment, operation_id)
    target = found.target
    worker = None if target is None else deployment.lock_of(target).at_work(datetime.now(UTC))
    facts = RerunFacts(
        operation_id=operation_id,
        sequence=found.sequence,
        is_over=found.execution.is_over,
        failure=found.failure,
        error_details=found.error.get("details", {}),
        has_state=found.state.operation_started_at is not None,
        restore=found.restore,
        target=target,
        worker=worker,
        later=found.later,
    )
    return facts, found.execution


def _redrive(deployment: Deployment, operation_id: str, execution: Execution, reason: str) -> None:
    caller = deployment.caller_arn
    asked = {"how": "redrive", "execution_arn": execution.arn, "reason": reason}
    record_request(deployment, operation_id, "rerun", caller, asked)
    try:
        call(deployment.step_functions.redrive_execution, executionArn=execution.arn)
    except AwsError as error:
        raise _as_refusal(error) from error


def _resume(
    deployment: Deployment, operation_id: str, execution: Execution, step: str, reason: str
) -> None:
    caller = deployment.caller_arn
    given = next_input(execution.given, operation_id, step, caller)
    asked = {"how": "resume", "start_at": step, "after": execution.arn, "reason": reason}
    record_request(deployment, operation_id, "rerun", caller, asked)
    _start_after(deployment, operation_id, execution, json.dumps(given))


def _start_after(
    deployment: Deployment, operation_id: str, execution: Execution, document: str
) -> None:
    """Start the execution that continues an operation after another one.

    One of that name may have failed before it got to work, as while another operation had the
    target: then the next one follows that. Raises CommandError if it is continued already.
    """
    name = next_name(operation_id, execution)
    try:
        deployment.start(document, name)
    except AwsError as error:
        there = None
        if code_of(error) == _EXISTS:
            there = find_execution(deployment, deployment.execution_arn(name))
        if there is None or not there.is_over or there.status == SUCCEEDED:
            raise _as_refusal(error) from error
        _start_after(deployment, operation_id, there, document)


def _as_refusal(error: AwsError) -> CommandError:
    """Return the refusal if another person was first; raise any other error again."""
    if code_of(error) not in _STARTED_ALREADY:
        raise error
    return CommandError(
        f"It is continued already, or Step Functions cannot continue it: {error}", ExitCode.REFUSED
    )


def next_input(
    given: Mapping[str, Any], operation_id: str, step: str, caller: str
) -> dict[str, Any]:
    """Return the input of the execution that continues an operation at a step."""
    kept = {name: value for name, value in given.items() if name not in _OF_ONE_START}
    return {**kept, "operation_id": operation_id, "start_at": step, "started_by": caller}


def next_name(operation_id: str, execution: Execution) -> str:
    """Return the name of the execution that continues an operation after another one.

    It follows from that one's end, so that of two people who continue it only one can.
    """
    ended = f"{execution.arn} {execution.ended} {execution.redrive_count}"
    suffix = f"-rerun-{hashlib.sha256(ended.encode()).hexdigest()[:8]}"
    return operation_id[: _LONGEST_NAME - len(suffix)] + suffix
