"""Executions of the state machine, as AWS describes them."""

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from aurora_restore.cli.acting import own_command
from aurora_restore.cli.context import Deployment
from aurora_restore.cli.errors import usage
from aurora_restore.shared.aws_utils import call, code_of
from aurora_restore.shared.errors import AwsError
from aurora_restore.shared.failed_execution import NOT_REDRIVABLE
from aurora_restore.shared.operation_state import OperationState
from aurora_restore.shared.protocol import PAUSED
from aurora_restore.shared.sequences import REPLACE, SEQUENCES, StepSequence, get_sequence
from aurora_restore.shared.target_lock import UNFINISHED

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions.type_defs import DescribeExecutionOutputTypeDef

SUCCEEDED: Final = "SUCCEEDED"
DRY_RUN: Final = "dry run"
SIMULTANEOUS_CALLS: Final = 8
_LOOKED_AT: Final = 200
"""How many of the latest executions are looked at, for each costs a call."""
_LOOKED_UP_TOGETHER: Final = 25


@dataclass(frozen=True, kw_only=True)
class Execution:
    """One execution."""

    arn: str
    status: str
    started: datetime
    ended: datetime | None = None
    given: Mapping[str, Any] = field(default_factory=dict)
    """Its input; empty where that is no object."""
    error: str = ""
    """The name of the error that it failed with."""
    is_held_back: bool = False
    """Whether it ended before it began, because its schedule was paused."""
    is_redrivable: bool = True
    redrive_count: int = 0

    @property
    def name(self) -> str:
        """Return its name."""
        return self.arn.rpartition(":")[2]

    @property
    def operation_id(self) -> str:
        """Return the operation that it works on: its input's, or else its own name."""
        return str(self.given.get("operation_id") or self.name)

    @property
    def restore(self) -> str | None:
        """Return the restore that its input names."""
        given = self.given.get("restore")
        return given if isinstance(given, str) else None

    @property
    def kind(self) -> str:
        """Return what it is for where it is no refresh: a dry run, or a sequence asked for."""
        if self.given.get("dry_run") is True:
            return DRY_RUN
        return next((each.name for each in SEQUENCES if self._asks_for(each)), "")

    def _asks_for(self, sequence: StepSequence) -> bool:
        return sequence.asked_by is not None and self.given.get(sequence.asked_by) is True

    @property
    def is_over(self) -> bool:
        """Return whether it has ended, and has not been redriven since."""
        return self.status not in UNFINISHED

    def seconds(self, now: datetime) -> float:
        """Return how long it has taken so far."""
        return max(0.0, ((self.ended or now) - self.started).total_seconds())


def described(found: "DescribeExecutionOutputTypeDef") -> Execution:
    """Return an execution as DescribeExecution shows it."""
    return Execution(
        arn=found["executionArn"],
        status=found["status"],
        started=found["startDate"].astimezone(UTC),
        ended=found["stopDate"].astimezone(UTC) if found.get("stopDate") else None,
        given=_json_object(found.get("input")),
        error=found.get("error", ""),
        is_held_back=_is_held_back(found.get("output")),
        is_redrivable=found.get("redriveStatus") != NOT_REDRIVABLE,
        redrive_count=found.get("redriveCount", 0),
    )


def find_execution(deployment: Deployment, arn: str) -> Execution | None:
    """Return an execution, or None if there is none of that ARN."""
    try:
        return described(call(deployment.step_functions.describe_execution, executionArn=arn))
    except AwsError as error:
        if code_of(error) in ("ExecutionDoesNotExist", "InvalidArn"):
            return None
        raise


def execution_of(deployment: Deployment, operation_id: str, state: OperationState) -> Execution:
    """Return the execution that works on an operation, or else has worked on it last.

    One that continues it has the target's lock before it writes anything else. An execution that
    failed before its first step could write has left no state: it is then the one of that name.
    Raises CommandError if there is none.
    """
    arns = [deployment.execution_arn(operation_id)]
    if state.attempted_in:
        arns.insert(0, state.attempted_in.rpartition("#")[0])
    holder = deployment.lock_of(state.target_lock[-1]).holder() if state.target_lock else None
    if holder is not None and holder.operation_id == operation_id and not holder.is_direct_call:
        arns.insert(0, holder.execution)
    found = (find_execution(deployment, arn) for arn in arns)
    execution = next((each for each in found if each is not None), None)
    if execution is None:
        listed = own_command(deployment, "list")
        raise usage(f"There is no operation {operation_id}. `{listed}` shows those there are.")
    return execution


def running_executions(deployment: Deployment) -> list[Execution]:
    """Return the executions that are running."""
    pages = deployment.step_functions.get_paginator("list_executions").paginate(
        stateMachineArn=deployment.machine_arn, statusFilter="RUNNING"
    )
    arns = call(lambda: [each["executionArn"] for page in pages for each in page["executions"]])
    found = (find_execution(deployment, arn) for arn in arns)
    return [each for each in found if each is not None and not each.is_over]


def recent_executions(deployment: Deployment) -> Iterator[Execution]:
    """Yield the latest executions with their inputs, the latest first, as they are asked for."""
    pages = deployment.step_functions.get_paginator("list_executions").paginate(
        stateMachineArn=deployment.machine_arn, PaginationConfig={"MaxItems": _LOOKED_AT}
    )
    found = call(lambda: [each for page in pages for each in page["executions"]])
    found.sort(key=lambda each: each["startDate"], reverse=True)
    with ThreadPoolExecutor(SIMULTANEOUS_CALLS) as pool:
        for first in range(0, len(found), _LOOKED_UP_TOGETHER):
            arns = [each["executionArn"] for each in found[first : first + _LOOKED_UP_TOGETHER]]
            described_ = pool.map(partial(find_execution, deployment), arns)
            yield from (each for each in described_ if each is not None)


def sequence_of(state: OperationState, given: Mapping[str, Any], strategy: str) -> StepSequence:
    """Return the steps that an operation takes: as recorded, or as its input asks for."""
    if state.sequence is not None:
        return get_sequence(state.sequence)
    asked = (each for each in SEQUENCES if each.asked_by and given.get(each.asked_by))
    return next(asked, get_sequence(strategy) if strategy else REPLACE)


def _is_held_back(output: str | None) -> bool:
    """Return whether the output of an execution is that of a paused schedule's."""
    result = _json_object(output).get("result")
    body = result.get("body") if isinstance(result, dict) else None
    return isinstance(body, dict) and body.get(PAUSED) is True


def _json_object(text: str | None) -> Mapping[str, Any]:
    try:
        value = json.loads(text or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
