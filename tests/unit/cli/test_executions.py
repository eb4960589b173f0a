"""Which execution works on an operation, and which one continues it."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from aurora_restore.cli.errors import CommandError
from aurora_restore.cli.executions import execution_of, find_execution
from aurora_restore.cli.exit_codes import ExitCode
from aurora_restore.cli.rerunning import _resume, next_name
from aurora_restore.shared.aws_utils import call
from aurora_restore.shared.operation_state import OperationState
from aurora_restore.shared.target_lock import Holder, direct_call

NOW = datetime(2026, 5, 16, 4, 0, tzinfo=UTC)
PREFIX = "arn:aws:states:us-west-2:1:execution:machine:"
STATE = OperationState(target_lock=("1", "us-west-2", "my-cluster"), attempted_in=f"{PREFIX}op-1#0")


class FewExecutions:
    """A deployment whose executions are in a dictionary, and whose target has one lock."""

    caller_arn = "arn:aws:iam::1:user/jane"

    def __init__(self, holder: Holder | None = None) -> None:
        self.statuses = {"op-1": "FAILED"}
        self.lock_holder = holder
        self.step_functions = self
        self.store = self

    def audit(self, *_: object) -> None:
        """Write nothing."""

    def execution_arn(self, name: str) -> str:
        return f"{PREFIX}{name}"

    def lock_of(self, cluster: str) -> "FewExecutions":
        assert cluster == "my-cluster"
        return self

    def holder(self) -> Holder | None:
        return self.lock_holder

    def describe_execution(self, **asked: str) -> dict[str, Any]:
        name = asked["executionArn"].removeprefix(PREFIX)
        if name not in self.statuses:
            raise _error("ExecutionDoesNotExist")
        ended = {} if self.statuses[name] == "RUNNING" else {"stopDate": NOW}
        return {
            **asked,
            "status": self.statuses[name],
            "startDate": NOW,
            **ended,
        }

    def start(self, document: str, name: str) -> str:
        assert json.loads(document)["start_at"] == "delete-rds"

        def start() -> str:
            if name in self.statuses:
                raise _error("ExecutionAlreadyExists")
            self.statuses[name] = "RUNNING"
            return self.execution_arn(name)

        return call(start)


def _error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "StartExecution")


def execution_for(machine: Any) -> str:
    return execution_of(machine, "op-1", STATE).name


def resume(machine: Any) -> None:
    execution = find_execution(machine, machine.execution_arn("op-1"))
    assert execution is not None
    _resume(machine, "op-1", execution, "delete-rds", "It failed.")


def test_what_has_the_lock_works_on_the_operation_before_it_has_written_anything() -> None:
    machine = FewExecutions(Holder("op-1", f"{PREFIX}op-1-rerun-1", "2026-05-16T03:00:00Z"))
    machine.statuses["op-1-rerun-1"] = "RUNNING"

    assert execution_for(machine) == "op-1-rerun-1"


@pytest.mark.parametrize(
    "holder",
    [
        Holder("op-2", f"{PREFIX}op-2", "2026-05-16T03:00:00Z"),
        Holder("op-1", direct_call("request-1"), "2026-05-16T03:00:00Z"),
        None,
    ],
    ids=["another operation", "a direct call", "nobody"],
)
def test_otherwise_it_is_what_has_worked_on_it_last(holder: Holder | None) -> None:
    machine = FewExecutions(holder)
    machine.statuses["op-2"] = "RUNNING"

    assert execution_for(machine) == "op-1"


def test_an_operation_is_continued_after_a_continuation_that_did_not_get_to_work() -> None:
    machine = FewExecutions()

    resume(machine)
    (second,) = set(machine.statuses) - {"op-1"}
    machine.statuses[second] = "FAILED"
    resume(machine)
    (third,) = set(machine.statuses) - {"op-1", second}
    machine.statuses[third] = "ABORTED"
    resume(machine)

    assert len(machine.statuses) == 4


@pytest.mark.parametrize("status", ["RUNNING", "PENDING_REDRIVE", "SUCCEEDED"])
def test_what_is_continued_already_is_not_continued_twice(status: str) -> None:
    machine: Any = FewExecutions()
    execution = find_execution(machine, machine.execution_arn("op-1"))
    assert execution is not None
    machine.statuses[next_name("op-1", execution)] = status

    with pytest.raises(CommandError, match="It is continued already") as raised:
        resume(machine)

    assert raised.value.code is ExitCode.REFUSED
    assert len(machine.statuses) == 2
