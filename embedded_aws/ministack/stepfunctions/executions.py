"""Patches for Step Functions: how an execution runs, from its start or a redrive to its end.

MiniStack's interpreter of single states is used as it is; the loop around it is this module's,
because MiniStack's knows no redrive, no time-out of a whole execution and only part of the context
object.
"""

import contextvars
import json
import threading
import time
from collections.abc import Mapping
from typing import Any

from ministack.services import stepfunctions as sfn

from embedded_aws.ministack.stepfunctions import history
from embedded_aws.ministack.stepfunctions.clock import ExecutionClock

Execution = dict[str, Any]

PAYLOAD_LIMIT_BYTES = 256 * 1024
_POLL_SECONDS = 0.02

_current: contextvars.ContextVar["ExecutionAttempt | None"] = contextvars.ContextVar(
    "attempt", default=None
)


class AttemptEndedError(BaseException):
    """The execution has ended while one of its states was still at work; unwinds that thread.

    Not an ``Exception``, so that no handler for errors of states takes it for one.
    """


class ExecutionAttempt:
    """One attempt at an execution: the original one, or a redrive."""

    def __init__(self, execution: Execution) -> None:
        self.execution = execution
        self.clock = ExecutionClock(sfn._SFN_WAIT_SCALE)
        self._number = execution["redriveCount"]

    def live(self) -> bool:
        """Return whether the execution is still running, and in this attempt."""
        same_attempt = self.execution["redriveCount"] == self._number
        return bool(self.execution["status"] == "RUNNING" and same_attempt)

    def require_live(self) -> None:
        """Raise AttemptEndedError if something else has ended the execution."""
        if not self.live():
            raise AttemptEndedError

    def run(self) -> None:
        """Run the states and record how the execution ended."""
        _current.set(self)
        try:
            self._end("SUCCEEDED", "ExecutionSucceeded", output=self._states())
        except sfn._ExecutionError as error:
            self._end("FAILED", "ExecutionFailed", error=error.error, cause=error.cause)
        except AttemptEndedError:
            return
        except Exception as error:
            sfn.logger.exception("execution %s", self.execution["executionArn"])
            self._end("FAILED", "ExecutionFailed", error="States.Runtime", cause=str(error))

    def stop_at_timeout(self, timeout: float) -> None:
        """End the execution as TIMED_OUT when its clock passes ``TimeoutSeconds``."""
        while self.live():
            if self.clock.elapsed() >= timeout:
                self._end("TIMED_OUT", "ExecutionTimedOut")
                return
            time.sleep(_POLL_SECONDS)

    def _states(self) -> str:
        execution = self.execution
        definition = execution["definition"]
        context = _context(execution, definition)
        while execution["state"] is not None:
            name, data = execution["state"], execution["stateInput"]
            state = definition["States"].get(name)
            if state is None:
                raise sfn._ExecutionError("States.Runtime", f"There is no state '{name}'")
            context["State"] = {"Name": name, "EnteredTime": sfn.now_iso(), "RetryCount": 0}
            self._enter(state["Type"], name, data)
            output, following = _perform(state, data, execution, context)
            self.require_live()
            text = _payload(output, name)
            details = {"name": name, "output": text}
            _add(execution, f"{state['Type']}StateExited", stateExitedEventDetails=details)
            execution["state"], execution["stateInput"] = following, output
        return json.dumps(execution["stateInput"])

    def _enter(self, kind: str, name: str, data: Any) -> None:
        """Record that a state is entered, except when a redrive takes it up again."""
        if self.execution.pop("resuming", False):
            return
        details = {"name": name, "input": json.dumps(data)}
        _add(self.execution, f"{kind}StateEntered", stateEnteredEventDetails=details)

    def _end(self, status: str, event: str, **details: Any) -> None:
        execution = self.execution
        with execution["lock"]:
            if not self.live():
                return
            execution["stopDate"] = sfn.now_iso()
            execution.update(details)
            key = f"{event[0].lower()}{event[1:]}EventDetails"
            history.append(execution, event, {key: details})
            execution["status"] = status
        sfn._emit_execution_status_event(execution)


def _context(execution: Execution, definition: Mapping[str, Any]) -> dict[str, Any]:
    context = {
        "QueryLanguage": definition.get("QueryLanguage", "JSONPath"),
        "Execution": {
            "Id": execution["executionArn"],
            "Input": json.loads(execution["input"]),
            "Name": execution["name"],
            "RedriveCount": execution["redriveCount"],
            "RoleArn": execution["roleArn"],
            "StartTime": execution["startDate"],
        },
        "StateMachine": {
            "Id": execution["stateMachineArn"],
            "Name": execution["stateMachineArn"].rpartition(":")[2],
        },
        "variables": execution["variables"],
    }
    if execution["redriveDate"] is not None:
        context["Execution"]["RedriveTime"] = execution["redriveDate"]
    return context


def _perform(
    state: Mapping[str, Any], data: Any, execution: Execution, context: dict[str, Any]
) -> tuple[Any, str | None]:
    """Run one state by MiniStack's interpreter and return its output and the next state."""
    kind = state["Type"]
    if kind == "Succeed":
        selected = sfn._apply_input_path(state, data, context)
        return sfn._apply_output_path(state, selected, context), None
    if kind == "Fail":
        raise sfn._ExecutionError(*sfn._fail_state_error(state, data, context))
    perform = getattr(sfn, f"_execute_{kind.lower()}")
    if kind in {"Pass", "Choice", "Wait"}:
        output, following = perform(state, data, context)
    else:
        output, following = perform(state, data, execution, context)
    return output, following


def _payload(output: Any, name: str) -> str:
    """Return the output as text; above 256 KiB the execution fails, whatever the state catches."""
    text = json.dumps(output)
    if len(text.encode()) > PAYLOAD_LIMIT_BYTES:
        raise sfn._ExecutionError(
            "States.DataLimitExceeded",
            f"The state/task '{name}' returned a result with a size exceeding the maximum number "
            "of bytes service limit.",
        )
    return text


def _add(execution: Execution, event: str, **details: Any) -> None:
    sfn._add_event(execution, event, details)


def start_attempt(execution: Execution) -> None:
    """Start the attempt that the record describes, and its watch, in threads of their own."""
    attempt = ExecutionAttempt(execution)
    _in_background(attempt.run)
    timeout = execution["definition"].get("TimeoutSeconds")
    if timeout is not None:
        _in_background(attempt.stop_at_timeout, timeout)


def _in_background(function: Any, *arguments: Any) -> None:
    """Run in a thread with a copy of the context variables: the request's account and Region."""
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(function, *arguments), daemon=True).start()


def prepare_execution(execution: Execution) -> None:
    """Add to MiniStack's record of an execution what its runs need."""
    machine = sfn._state_machines[execution["stateMachineArn"]]
    definition = json.loads(machine["definition"])
    execution["events"][0].setdefault("previousEventId", 0)
    execution.update(
        definition=definition,
        lock=threading.RLock(),
        redriveCount=0,
        redriveDate=None,
        roleArn=machine["roleArn"],
        state=definition["StartAt"],
        stateInput=json.loads(execution["input"]),
        variables={},
    )


def run_executions_with_context_and_timeout() -> None:
    """Run executions with the full context object, ``TimeoutSeconds`` and the payload limit.

    The context object holds ``$$.Execution.RedriveCount``, ``RoleArn`` and, after a redrive,
    ``RedriveTime``. An execution longer than the state machine's ``TimeoutSeconds`` ends with the
    status TIMED_OUT, wherever it stands. An output above 256 KiB is States.DataLimitExceeded. The
    definition is the one with which the execution began.
    https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html
    """

    def run_execution(arn: str) -> None:
        execution = sfn._executions[arn]
        prepare_execution(execution)
        if execution.get("sync"):
            ExecutionAttempt(execution).run()
        else:
            start_attempt(execution)

    sfn._run_execution = run_execution


def scale_waits() -> None:
    """Scale waits and retry intervals; they count in full towards ``TimeoutSeconds``."""
    original = sfn._scaled_sleep

    def sleep(seconds: float) -> None:
        attempt = _current.get()
        if attempt is None:
            original(seconds)
            return
        attempt.clock.sleep(seconds)
        attempt.require_live()

    sfn._scaled_sleep = sleep


def stop_tasks_of_ended_executions() -> None:
    """Stop a task that outlives its execution before it adds anything to the history.

    Every event is written in AWS's words, by :func:`history.append`.
    """

    def add_event(execution: Execution, kind: str, details: Any = None) -> Any:
        attempt = _current.get()
        if attempt is None or "lock" not in execution:
            return history.append(execution, kind, details)
        with execution["lock"]:
            attempt.require_live()
            return history.append(execution, kind, details)

    sfn._add_event = add_event


def record_parameters_in_scheduled_events() -> None:
    """Record the parameters in ``TaskScheduled`` and the input in ``LambdaFunctionScheduled``."""
    original = sfn._invoke_resource

    def invoke(resource: str, parameters: Any) -> Any:
        attempt = _current.get()
        if attempt is not None:
            history.record_sent_parameters(attempt.execution, parameters)
        return original(resource, parameters)

    sfn._invoke_resource = invoke
