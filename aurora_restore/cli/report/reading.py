"""What a report is about, read from Step Functions and the pipeline's tables."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, Final

from botocore.config import Config

from aurora_restore.cli.context import Deployment
from aurora_restore.cli.executions import (
    DRY_RUN,
    SIMULTANEOUS_CALLS,
    SUCCEEDED,
    Execution,
    described,
    sequence_of,
)
from aurora_restore.cli.history import History
from aurora_restore.cli.pausing import find_pause
from aurora_restore.cli.report.runs import ExecutionFacts, Run, make_run, with_interruptions
from aurora_restore.shared.aws_utils import call
from aurora_restore.shared.common import get_restores
from aurora_restore.shared.cost import ApproximateCost
from aurora_restore.shared.documents.restore import Restore
from aurora_restore.shared.errors import ConfigurationError, CorruptStateError, ValidationError
from aurora_restore.shared.notices.expense import instance_classes, operation_cost
from aurora_restore.shared.notices.steps import steps_taken
from aurora_restore.shared.operation_state import OperationState
from aurora_restore.shared.pause import Pause, PauseStore
from aurora_restore.shared.sequences import RETIRE
from aurora_restore.shared.state_utils import StateStore, is_operation_id

_PATIENT: Final = Config(
    connect_timeout=5, read_timeout=20, retries={"mode": "adaptive", "total_max_attempts": 12}
)
"""A report may need hundreds of calls, which Step Functions allows a few of in a second."""
_NO_RESTORE: Final = "no restore"


def read_runs(
    deployment: Deployment, since: datetime, until: datetime, restore: str | None
) -> dict[str, tuple[Run, ...]]:
    """Return the runs that began in a period, by restore, and by their start.

    Every configured restore has an entry. Left out are dry runs, retirements that succeeded, and
    starts that a pause of the schedule has held back.
    """
    restores = _configured(deployment)
    client = deployment.session.client("stepfunctions", config=_PATIENT)
    executions: dict[str, list[Execution]] = defaultdict(list)
    for execution in _executions(client, deployment.machine_arn, since):
        if not is_left_out(execution):
            executions[execution.operation_id].append(execution)
    with ThreadPoolExecutor(SIMULTANEOUS_CALLS) as pool:
        found = pool.map(
            lambda each: _read_run(deployment, client, each, restores, until), executions.values()
        )
        runs = with_interruptions(found)
    names = dict.fromkeys([*sorted(restores), *(run.restore for run in runs)])
    chosen = [name for name in names if restore in (None, name)]
    return {name: tuple(run for run in runs if run.restore == name) for name in chosen}


def read_pauses(store: StateStore, restores: Iterable[str], moment: datetime) -> dict[str, Pause]:
    """Return the pause of each of these restores whose schedule is paused."""
    found = {name: find_pause(PauseStore(store, name), moment) for name in restores}
    return {name: pause for name, pause in found.items() if pause is not None}


def _configured(deployment: Deployment) -> Mapping[str, Restore]:
    """Return the configured restores; the past can be reported also where one is wrong."""
    try:
        return get_restores(deployment.environment, deployment.clients)
    except ConfigurationError:
        return {}


def is_left_out(execution: Execution) -> bool:
    """Return whether an execution is none that a report is about."""
    is_routine = execution.kind == RETIRE.name and execution.status == SUCCEEDED
    return is_routine or execution.is_held_back or execution.kind == DRY_RUN


def _executions(client: Any, machine_arn: str, since: datetime) -> Iterator[Execution]:
    """Yield the executions that began since a moment, the first one first."""
    arns = call(lambda: list(_arns_since(client, machine_arn, since)))
    with ThreadPoolExecutor(SIMULTANEOUS_CALLS) as pool:
        found = pool.map(
            lambda arn: described(call(client.describe_execution, executionArn=arn)), arns
        )
        yield from sorted(found, key=lambda each: each.started)


def _arns_since(client: Any, machine_arn: str, since: datetime) -> Iterator[str]:
    """Yield the ARNs of the executions that began since a moment; AWS lists the latest first."""
    for page in client.get_paginator("list_executions").paginate(stateMachineArn=machine_arn):
        new = [each["executionArn"] for each in page["executions"] if each["startDate"] >= since]
        yield from new
        if len(new) < len(page["executions"]):
            return


def _read_run(
    deployment: Deployment,
    client: Any,
    executions: Sequence[Execution],
    restores: Mapping[str, Restore],
    until: datetime,
) -> Run:
    last = executions[-1]
    known = _state(deployment, last.operation_id)
    state = known or OperationState()
    only = deployment.environment.default_restore
    restore = state.restore or last.restore or only or _NO_RESTORE
    configured = restores.get(restore)
    strategy = "" if configured is None else configured.target.strategy
    return make_run(
        last.operation_id,
        restore,
        sequence_of(state, last.given, strategy),
        list(_with_histories(client, executions)),
        state,
        until,
        None if known is None else cost_of(deployment.store, last, known, configured),
    )


def _state(deployment: Deployment, operation_id: str) -> OperationState | None:
    """Return what an operation has recorded; None where it has expired, or cannot be read."""
    if not is_operation_id(operation_id):
        return None
    try:
        item = deployment.store.load(operation_id)
        return None if item is None else OperationState.from_details(item["details"])
    except (CorruptStateError, ValidationError):
        return None


def cost_of(
    store: StateStore, last: Execution, state: OperationState, configured: Restore | None
) -> ApproximateCost | None:
    """Return what an operation has cost; None where it is not known, or where it is not over.

    ``last`` is the execution that has worked on it last.
    """
    if not last.is_over or last.ended is None:
        return None
    audit = store.audit_trail(last.operation_id)
    taken = tuple(steps_taken(audit, state.operation_started_at))
    instances = configured.target.instances if configured else None
    return operation_cost(state, taken, instance_classes(state, instances), last.ended)


def _with_histories(client: Any, executions: Iterable[Execution]) -> Iterator[ExecutionFacts]:
    for execution in executions:
        history = History(client, execution.arn)
        call(history.refresh)
        yield ExecutionFacts(
            started=execution.started,
            ended=execution.ended,
            status=execution.status,
            events=history.events,
        )
