"""Starting an execution that continues an operation."""

import json
from collections.abc import Mapping
from typing import Any

from aurora_restore.shared.aws_utils import Clients, call, default_clients
from aurora_restore.shared.documents.contradictions import faults_of_event
from aurora_restore.shared.documents.event import Event
from aurora_restore.shared.documents.schema import Fault, kind_of, parse, refused, shown
from aurora_restore.shared.errors import ValidationError
from aurora_restore.shared.lambda_environment import LambdaEnvironment


def trigger_next_step(
    operation_id: str,
    next_step: str,
    event_data: Mapping[str, Any],
    delay_seconds: int = 0,
    *,
    clients: Clients | None = None,
    environment: LambdaEnvironment | None = None,
) -> str:
    """Start an execution that continues an operation at ``next_step``, and return its ARN.

    It continues with the stored state of the operation, which ``event_data`` overrides. This is how
    an operation is resumed from code when its execution can no longer be redriven. Raises
    ValidationError if an argument is wrong or contradicts another, before anything is started.
    """
    if not isinstance(event_data, Mapping):
        raise ValidationError(f"event_data: must be an object, not {kind_of(event_data)}")
    given = {
        "operation_id": operation_id,
        "start_at": next_step,
        "delay_seconds": delay_seconds,
    }
    faults = [
        Fault(name, f"must be given, not {kind_of(value)}")
        for name, value in given.items()
        if value is None
    ]
    faults += [
        Fault(
            f"event_data.{name}", f"{shown(event_data[name])} is not the argument, {shown(value)}"
        )
        for name, value in given.items()
        if name in event_data and event_data[name] != value
    ]
    if faults:
        raise refused(faults)
    event = {**event_data, **given}
    environment = environment or LambdaEnvironment.from_env()
    parsed = parse(Event, event, source="event_data")
    if faults := list(faults_of_event(parsed, environment.regions_beyond_the_known)):
        raise refused(faults, "event_data")
    clients = clients or default_clients()
    started = call(
        clients.step_functions.start_execution,
        stateMachineArn=environment.state_machine_arn,
        input=json.dumps(event),
    )
    return started["executionArn"]
