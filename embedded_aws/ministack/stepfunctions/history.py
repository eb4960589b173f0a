"""Patches for Step Functions: the history of an execution, event by event as AWS writes it.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ministack.core.responses import get_region
from ministack.services import stepfunctions as sfn

Event = dict[str, Any]
Execution = dict[str, Any]


def append(execution: Execution, kind: str, details: Mapping[str, Any] | None) -> Event:
    """Add an event to the history, in AWS's words, and return the last event added."""
    event: Event = {}
    for aws_kind, aws_details in _as_on_aws(kind, details or {}):
        number = len(execution["events"]) + 1
        event = {"id": number, "previousEventId": number - 1, "timestamp": sfn.now_iso()}
        event.update({"type": aws_kind, **aws_details})
        execution["events"].append(event)
    return event


def last(execution: Execution, *kinds: str) -> Event | None:
    """Return the latest event of one of the kinds."""
    return next((event for event in reversed(execution["events"]) if event["type"] in kinds), None)


def _as_on_aws(kind: str, details: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if kind not in {"TaskScheduled", "TaskSucceeded", "TaskFailed"}:
        yield kind, details
        return
    task: dict[str, Any] = dict(details[_details_key(kind)])
    if kind == "TaskFailed" and task.get("error") == "States.Timeout":
        kind = "TaskTimedOut"
    resource = str(task.pop("resource", ""))
    task.pop("resourceType", None)
    if ":function:" in resource:
        kind = kind.replace("Task", "LambdaFunction")
        yield kind, {_details_key(kind): _lambda_details(kind, resource, task)}
        if kind == "LambdaFunctionScheduled":
            yield "LambdaFunctionStarted", {}
        return
    service, _, action = resource.removeprefix("arn:aws:states:::").rpartition(":")
    called = {"resourceType": service, "resource": action}
    if kind == "TaskScheduled":
        task |= {"region": get_region(), "parameters": "{}"}
    yield kind, {_details_key(kind): called | task}
    if kind == "TaskScheduled":
        yield "TaskStarted", {_details_key("TaskStarted"): called}


def _lambda_details(kind: str, resource: str, task: Mapping[str, Any]) -> Mapping[str, Any]:
    if kind == "LambdaFunctionScheduled":
        return {"resource": resource, "input": "{}"}
    return task


def _details_key(kind: str) -> str:
    return f"{kind[0].lower()}{kind[1:]}EventDetails"


def record_sent_parameters(execution: Execution, parameters: Any) -> None:
    """Complete the latest ``…Scheduled`` event by what the task sends."""
    event = last(execution, "TaskScheduled", "LambdaFunctionScheduled")
    if event is not None:
        member = "input" if event["type"].startswith("Lambda") else "parameters"
        event[_details_key(event["type"])][member] = json.dumps(parameters)
