"""Patches for Step Functions: names of executions, and their restart from where they failed."""

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

from ministack.core.responses import error_response_json, json_response
from ministack.services import stepfunctions as sfn

from embedded_aws.ministack.stepfunctions import executions, history

Request = Mapping[str, Any]
Response = Any

REDRIVABLE_PERIOD = timedelta(days=14)
MAXIMUM_EVENTS_BEFORE_REDRIVE = 24_999
MAXIMUM_NAME_LENGTH = 80

_FORBIDDEN_IN_NAMES = re.compile(r"[\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]")


def make_start_execution_idempotent() -> None:
    """Return the first response for a start with the name and input of a running execution.

    Otherwise a used name is ExecutionAlreadyExists, a malformed one InvalidName, and an input that
    is not JSON InvalidExecutionInput.
    https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
    """
    original: Callable[[Request], Response] = sfn._start_execution

    def start(request: Request) -> Response:
        refusal = _refused_start(request)
        if refusal is not None:
            return refusal
        running = _running_namesake(request)
        if running is not None and running["input"] == request.get("input", "{}"):
            return json_response(
                {"executionArn": running["executionArn"], "startDate": running["startDate"]}
            )
        return original(request)

    sfn._start_execution = start


def _refused_start(request: Request) -> Response | None:
    name = request.get("name")
    if name is not None and (
        not 0 < len(name) <= MAXIMUM_NAME_LENGTH or _FORBIDDEN_IN_NAMES.search(name)
    ):
        return error_response_json("InvalidName", f"Invalid Name: '{name}'", 400)
    try:
        json.loads(request.get("input", "{}"))
    except ValueError as error:
        message = f"Invalid State Machine Execution Input: '{error}'"
        return error_response_json("InvalidExecutionInput", message, 400)
    return None


def _running_namesake(request: Request) -> executions.Execution | None:
    machine = sfn._resolve_state_machine_arn(request.get("stateMachineArn", ""))
    if machine is None:
        return None
    arn = f"{machine.replace(':stateMachine:', ':execution:')}:{request.get('name')}"
    execution: executions.Execution | None = sfn._executions.get(arn)
    return execution if execution is not None and execution["status"] == "RUNNING" else None


def make_aborts_atomic() -> None:
    """Abort an execution in one step, so that no task can add an event in between."""
    original: Callable[[Request], Response] = sfn._stop_execution

    def stop(request: Request) -> Response:
        execution = sfn._executions.get(request.get("executionArn"))
        if execution is None or "lock" not in execution:
            return original(request)
        with execution["lock"]:
            return original(request)

    sfn._stop_execution = stop


def describe_redrive_status() -> None:
    """Return ``redriveCount``, ``redriveDate``, ``redriveStatus`` and its reason.

    https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html
    """
    original: Callable[[Request], Response] = sfn._describe_execution

    def describe(request: Request) -> Response:
        status, headers, body = original(request)
        execution = sfn._executions.get(request.get("executionArn"))
        if execution is None:
            return status, headers, body
        reason = _not_redrivable_because(execution)
        described = json.loads(body) | {
            "redriveCount": execution.get("redriveCount", 0),
            "redriveDate": execution.get("redriveDate"),
            "redriveStatus": "NOT_REDRIVABLE" if reason else "REDRIVABLE",
        }
        if reason:
            described["redriveStatusReason"] = reason
        return json_response(described)

    sfn._describe_execution = describe


def list_redrive_counts() -> None:
    """Return ``redriveCount`` and ``redriveDate`` for each execution in ListExecutions.

    https://docs.aws.amazon.com/step-functions/latest/apireference/API_ExecutionListItem.html
    """
    original: Callable[[Request], Response] = sfn._list_executions

    def list_executions(request: Request) -> Response:
        status, headers, body = original(request)
        listed = json.loads(body)
        for item in listed.get("executions", []):
            execution = sfn._executions[item["executionArn"]]
            item["redriveCount"] = execution.get("redriveCount", 0)
            item["redriveDate"] = execution.get("redriveDate")
        return json_response(listed) if status == HTTPStatus.OK else (status, headers, body)

    sfn._list_executions = list_executions


def _not_redrivable_because(execution: executions.Execution) -> str | None:
    if execution["status"] in {"RUNNING", "SUCCEEDED"}:
        return f"Execution is {execution['status']} and cannot be redriven"
    if execution["stateMachineArn"] not in sfn._state_machines:
        return "State machine is in DELETING status"
    if len(execution["events"]) >= MAXIMUM_EVENTS_BEFORE_REDRIVE:
        return "Execution history event limit exceeded"
    if datetime.now(UTC) - datetime.fromisoformat(execution["stopDate"]) > REDRIVABLE_PERIOD:
        return "Execution redrivable period exceeded"
    return None


def support_redrive() -> None:
    """Continue an unsuccessful execution with ``RedriveExecution`` from the state where it ended.

    It keeps its ARN, its definition, its input and the results so far; that state gets the input it
    had, its retries and the execution's time limit start again; the history continues with
    ``ExecutionRedriven``. A Task is scheduled again, other states are entered again.
    https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html
    """
    original = sfn.handle_request

    async def handle(
        method: str, path: str, headers: Mapping[str, str], body: bytes, query: Any
    ) -> Response:
        if headers.get("x-amz-target", "").rpartition(".")[2] == "RedriveExecution":
            return sfn._finalize_response(_redrive(json.loads(body)))
        return await original(method, path, headers, body, query)

    sfn.handle_request = handle


def _redrive(request: Request) -> Response:
    execution = sfn._executions.get(request.get("executionArn"))
    if execution is None:
        message = f"Execution Does Not Exist: '{request.get('executionArn')}'"
        return error_response_json("ExecutionDoesNotExist", message, 400)
    reason = _not_redrivable_because(execution)
    if reason is not None:
        return error_response_json("ExecutionNotRedrivable", reason, 400)
    with execution["lock"]:
        execution.pop("error", None)
        execution.pop("cause", None)
        execution.update(
            output=None,
            redriveCount=execution["redriveCount"] + 1,
            redriveDate=sfn.now_iso(),
            resuming=_is_work(execution),
            status="RUNNING",
            stopDate=None,
        )
        details = {"redriveCount": execution["redriveCount"]}
        history.append(execution, "ExecutionRedriven", {"executionRedrivenEventDetails": details})
    sfn._emit_execution_status_event(execution)
    executions.start_attempt(execution)
    return json_response({"redriveDate": execution["redriveDate"]})


def _is_work(execution: executions.Execution) -> bool:
    state = execution["definition"]["States"].get(execution["state"], {})
    return state.get("Type") in {"Task", "Parallel", "Map"}
