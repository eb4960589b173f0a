"""Starting an execution that continues an operation."""

import json
from collections.abc import Mapping
from typing import Any

from aurora_restore.shared.aws_utils import Clients, call, default_clients
from aurora_restore.shared.documents.event import Event
from aurora_restore.shared.documents.schema import parse
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
    an operation is resumed when its execution can no longer be redriven. Raises ValidationError if
    the step or the data is wrong, before anything is started.
    """
    event = {
        **event_data,
        "operation_id": operation_id,
        "start_at": next_step,
        "delay_seconds": delay_seconds,
    }
    parse(Event, event, source="event_data")
    clients = clients or default_clients()
    environment = environment or LambdaEnvironment.from_env()
    started = call(
        clients.step_functions.start_execution,
        stateMachineArn=environment.state_machine_arn,
        input=json.dumps(event),
    )
    return started["executionArn"]
