"""Patches for Step Functions: values that are missing, or not what a state needs, are errors."""

import json
from collections.abc import Mapping
from typing import Any

from ministack.services import stepfunctions as sfn

State = Mapping[str, Any]
Context = Mapping[str, Any] | None

MAXIMUM_WAIT_SECONDS = 99_999_999

_UNCATCHABLE = {"States.DataLimitExceeded", "States.Runtime"}


def exists(path: str, data: Any) -> bool:
    """Return whether a reference path leads to a value, be it null."""
    tokens = sfn._parse_jsonpath_tokens(path)
    if tokens is None:
        return False
    for kind, key in tokens:
        if kind == "wildcard":
            return True
        named = kind == "field" and isinstance(data, dict) and key in data
        numbered = kind == "index" and isinstance(data, list) and key < len(data)
        if not named and not numbered:
            return False
        data = data[key]
    return True


def _resolves(path: str, data: Any, context: Context) -> bool:
    if path.startswith("$$."):
        return context is None or exists(path[1:], context)
    return not path.startswith("$") or exists(path, data)


def _failure(context: Context, cause: str) -> Exception:
    name = ((context or {}).get("State") or {}).get("Name", "")
    prefix = f"An error occurred while executing the state '{name}'. "
    failure: Exception = sfn._ExecutionError("States.Runtime", prefix + cause)
    return failure


def _require(path: str, data: Any, context: Context, *, field: str) -> None:
    if not _resolves(path, data, context):
        raise _failure(
            context,
            f"The JSONPath '{path}' specified for the field '{field}' could not be found in the "
            f"input '{json.dumps(data)}'",
        )


def _require_template(template: Any, data: Any, context: Context) -> None:
    if isinstance(template, list):
        for item in template:
            _require_template(item, data, context)
    if not isinstance(template, dict):
        return
    for field, value in template.items():
        if not field.endswith(".$"):
            _require_template(value, data, context)
        elif isinstance(value, str) and not value.startswith("States."):
            _require(value, data, context, field=field)


def require_payload_template_paths() -> None:
    """Raise States.Runtime for a path without a value in ``Parameters`` or ``ResultSelector``."""
    original = sfn._resolve_params_obj

    def resolve(template: Any, data: Any, context: Context = None) -> Any:
        _require_template(template, data, context)
        return original(template, data, context)

    sfn._resolve_params_obj = resolve


def require_intrinsic_function_paths() -> None:
    """Raise States.Runtime for a path without a value in an intrinsic function's arguments."""
    original = sfn._eval_intrinsic_arg

    def evaluate(argument: Any, data: Any, context: Context) -> Any:
        if argument[0] == "path":
            _require(argument[1], data, context, field="States.*")
        return original(argument, data, context)

    sfn._eval_intrinsic_arg = evaluate


def require_input_and_output_paths() -> None:
    """Raise States.Runtime for an ``InputPath`` or ``OutputPath`` without a value."""

    def strict(name: str, field: str) -> None:
        original = getattr(sfn, name)

        def apply(state: State, data: Any, context: Context = None) -> Any:
            path = state.get(field, "$")
            if path is not None:
                _require(path, data, context, field=field)
            return original(state, data, context)

        setattr(sfn, name, apply)

    strict("_apply_input_path", "InputPath")
    strict("_apply_output_path", "OutputPath")


def require_choice_variables() -> None:
    """Raise States.Runtime for a Choice rule on a missing value, except ``IsPresent``.

    A value that is there and null counts as present.
    """
    original = sfn._evaluate_rule

    def evaluate(rule: Mapping[str, Any], data: Any, context: Context = None) -> bool:
        variable = rule.get("Variable")
        if variable is None:
            return bool(original(rule, data, context))
        if "IsPresent" in rule:
            return _resolves(variable, data, context) is bool(rule["IsPresent"])
        compared = [value for operator, value in rule.items() if operator.endswith("Path")]
        for path in (variable, *compared):
            if not _resolves(path, data, context):
                raise _failure(
                    context,
                    f"Invalid path '{path}': The choice state's condition path references an "
                    "invalid value.",
                )
        return bool(original(rule, data, context))

    sfn._evaluate_rule = evaluate


def require_whole_seconds_in_waits() -> None:
    """Raise States.Runtime unless ``SecondsPath`` leads to an integer from 0 to 99999999.

    https://docs.aws.amazon.com/step-functions/latest/dg/state-wait.html
    """
    original = sfn._execute_wait

    def execute(state: State, data: Any, context: Context = None) -> Any:
        path = state.get("SecondsPath")
        if path is not None:
            _require(path, data, context, field="SecondsPath")
            seconds = sfn._resolve_path_or_ctx(path, data, context)
            whole = isinstance(seconds, int) and not isinstance(seconds, bool)
            if not whole or not 0 <= seconds <= MAXIMUM_WAIT_SECONDS:
                raise _failure(
                    context,
                    f"The SecondsPath parameter does not reference an integer from 0 to "
                    f"{MAXIMUM_WAIT_SECONDS}: {path} == {json.dumps(seconds)}",
                )
        return original(state, data, context)

    sfn._execute_wait = execute


def prevent_catching_runtime_errors() -> None:
    """Let no ``States.ALL`` or ``States.TaskFailed`` match States.Runtime or DataLimitExceeded.

    https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
    """
    original = sfn._error_matches

    def matches(names: list[str], error: str) -> bool:
        if error in _UNCATCHABLE:
            return error in names
        return bool(original(names, error))

    sfn._error_matches = matches
