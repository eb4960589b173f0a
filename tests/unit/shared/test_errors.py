import ast
import re
from pathlib import Path

import pytest

from aurora_restore.shared import errors
from aurora_restore.shared.errors import (
    Action,
    AuroraRestoreError,
    OperationInProgressError,
    Remedy,
    RetryableError,
    classes,
    described,
    error_named,
    leaves,
    retryable_error_names,
)
from aurora_restore.shared.failed_execution import (
    EXECUTION_FAILURES,
    FUNCTION_FAILURES,
    OTHER_FAILURE,
    choose_remedy,
)
from aurora_restore.shared.sequences import ENTRY_POINTS

PACKAGE = Path(errors.__file__).parents[1]
OWN_ERRORS = [error for error in classes(AuroraRestoreError) if error.__module__ == errors.__name__]


def raised_by_the_code() -> set[str]:
    """The names of the error classes that the functions' code makes or hands on."""
    files = (file for part in ("lambdas", "shared") for file in (PACKAGE / part).rglob("*.py"))
    found = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case (
                    ast.Call(func=ast.Name(id=name))
                    | ast.Raise(exc=ast.Name(id=name))
                    | ast.Return(value=ast.Name(id=name))
                ) if error_named(name):
                    found.add(name)
    return found


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    drawn = re.findall(r"\b[A-Z]\w+Error\b", (errors.__doc__ or "").split("Step Functions")[0])
    assert drawn == [error.__name__ for error in OWN_ERRORS]


def test_the_statuses_in_the_docstring_are_the_statuses() -> None:
    drawn = re.findall(r"(\w+Error) +(\d{3})", errors.__doc__ or "")
    assert drawn
    for name, status in drawn:
        assert int(getattr(errors, name).status) == int(status), name


def test_only_leaves_are_retried() -> None:
    assert retryable_error_names() == [
        "AwsThrottledError",
        "AwsUnavailableError",
        "SecretContestedError",
        "SnapshotNotVisibleError",
    ]
    assert all(not leaf.__subclasses__() for leaf in leaves(AuroraRestoreError))


@pytest.mark.parametrize("error", OWN_ERRORS, ids=lambda error: error.__name__)
def test_every_error_that_can_be_raised_declares_its_remedy_itself(
    error: type[AuroraRestoreError],
) -> None:
    """A class that only stands for those below it has none: they need different ones."""
    only_a_group = bool(error.__subclasses__()) and error.__name__ not in raised_by_the_code()
    assert ("remedy" in vars(error)) is not only_a_group
    assert error.__doc__


def test_a_remedy_enters_at_a_step_that_an_execution_can_enter_at() -> None:
    for error in OWN_ERRORS:
        if error.remedy.action is Action.RESUME:
            assert error.remedy.step in ENTRY_POINTS, error
        else:
            assert error.remedy.step is None, error


@pytest.mark.parametrize("error", OWN_ERRORS, ids=lambda error: error.__name__)
def test_only_what_is_to_be_redriven_speaks_of_a_redrive_as_the_next_thing(
    error: type[AuroraRestoreError],
) -> None:
    said = error.remedy.what_to_do({})
    assert ("Then redrive the execution" in said) is (error.remedy.action is Action.REDRIVE)
    assert said.endswith(".")


@pytest.mark.parametrize("error", OWN_ERRORS, ids=lambda error: error.__name__)
def test_a_direct_call_is_never_told_to_redrive_anything(error: type[AuroraRestoreError]) -> None:
    assert "redrive the execution" not in error.remedy.what_to_do({}, direct_call=True)


def test_what_is_retried_can_be_redriven_when_that_was_not_enough() -> None:
    assert {error.remedy.action for error in leaves(RetryableError)} == {Action.REDRIVE}


def test_the_operation_to_wait_for_is_named() -> None:
    error = OperationInProgressError("no", holder="op-1")

    assert described(error.remedy, error.details) == {
        "remedy": "wait for another operation",
        "what_to_do": "Wait until operation op-1 is over. If it has refreshed the target, nothing "
        "is left to do; otherwise start a new execution. Do not redrive this one: that is "
        "refused once the other has refreshed the target.",
    }
    assert described(error.remedy, error.details, direct_call=True)["what_to_do"] == (
        "Wait until operation op-1 is over. Then repeat the call."
    )


def test_a_resumption_says_where_to_enter() -> None:
    remedy = Remedy(action=Action.RESUME, first="Look.", step="copy-snapshot")

    assert described(remedy, {}) == {
        "remedy": "resume",
        "resume_at": "copy-snapshot",
        "what_to_do": 'Look. Then start a new execution with this operation_id and with "start_at":'
        ' "copy-snapshot".',
    }
    assert remedy.what_to_do({}, direct_call=True) == (
        "Look. Then call copy-snapshot with this operation_id, and the steps after it."
    )


def test_an_error_is_found_by_the_name_that_step_functions_reports() -> None:
    assert error_named("OperationInProgressError") is OperationInProgressError
    assert error_named("States.Timeout") is None


def test_every_name_of_the_platform_stands_for_one_failure() -> None:
    names = [
        name
        for failure in (*EXECUTION_FAILURES, *FUNCTION_FAILURES, OTHER_FAILURE)
        for name in failure.names
    ]
    assert len(names) == len(set(names))
    assert not [name for name in names if error_named(name)]


def test_an_execution_that_cannot_be_redriven_is_never_to_be_redriven() -> None:
    names = [
        *(error.__name__ for error in OWN_ERRORS),
        *(name for failure in FUNCTION_FAILURES for name in failure.names),
        "Lambda.ServiceException",
    ]
    for status in ("FAILED", "TIMED_OUT", "ABORTED"):
        for name in names:
            for step in (None, *ENTRY_POINTS):
                remedy = choose_remedy(status, name, step, is_over=True, is_redrivable=False)
                assert remedy.action is not Action.REDRIVE
                assert (remedy.step is not None) is (remedy.action is Action.RESUME)
