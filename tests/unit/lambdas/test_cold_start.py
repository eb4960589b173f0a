"""What a function loads at a cold start: what its step needs, and the clients of every call."""

import importlib
import json
import os
import subprocess
import sys
from typing import Any

import pytest

from aurora_restore.shared.base_handler import BaseHandler
from aurora_restore.shared.pipeline import STEPS, Step

# By these Powertools knows that it runs in Lambda, where it traces.
IN_LAMBDA = {
    "AWS_EXECUTION_ENV": "AWS_Lambda_python3.11",
    "AWS_LAMBDA_FUNCTION_NAME": "function",
    "AWS_REGION": "us-west-2",
    "AWS_DEFAULT_REGION": "us-west-2",
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "LAMBDA_TASK_ROOT": "/var/task",
    "PYTHONPATH": os.pathsep.join(sys.path),
}
CHECKS = "aurora_restore.shared.preflight.checks"
CHECKING = {"snapshot-check", "delete-rds"}
"""The steps that look at everything before the first change."""
REPORT = """
import gc, json, sys
import aurora_restore.lambdas.{module}
from aurora_restore.shared.aws_utils import default_clients
print(json.dumps({{
    "modules": list(sys.modules),
    "clients": sorted(default_clients()._made),
    "collects": gc.isenabled(),
    "kept": gc.get_freeze_count() > 0,
}}))
"""


def loaded(step: Step, variables: dict[str, str]) -> Any:
    """What a fresh process has when it has loaded a step's function."""
    run = subprocess.run(  # noqa: S603 - this repository's own code
        [sys.executable, "-c", REPORT.format(module=step.module)],
        env=variables,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(run.stdout)


def handler_of(step: Step) -> BaseHandler:
    """The handler of a step's function."""
    handler = importlib.import_module(f"aurora_restore.lambdas.{step.module}").handler
    assert isinstance(handler, BaseHandler)
    return handler


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_a_function_loads_what_its_step_needs(step: Step) -> None:
    found = loaded(step, IN_LAMBDA)
    own = {name for name in found["modules"] if name.startswith("aurora_restore.lambdas.")}

    assert own == {f"aurora_restore.lambdas.{step.module}"}
    assert ("pg8000" in found["modules"]) == step.reaches_database
    assert (CHECKS in found["modules"]) == (step.name in CHECKING)
    assert "aws_xray_sdk.ext.botocore" in found["modules"]
    assert found["clients"] == sorted(
        [service, "us-west-2"] for service in handler_of(step).clients_at_load
    )
    assert found["collects"]
    assert found["kept"]


def test_outside_of_lambda_no_client_is_made_and_garbage_is_collected() -> None:
    elsewhere = {"PYTHONPATH": IN_LAMBDA["PYTHONPATH"]}
    found = loaded(STEPS[0], elsewhere)

    assert found["clients"] == []
    assert found["collects"]
    assert not found["kept"]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_a_function_makes_only_clients_that_it_may_use(step: Step) -> None:
    granted = {action.partition(":")[0] for grant in step.grants for action in grant.actions}
    if step.reads_secrets:
        granted.add("secretsmanager")
    if step.publishes:
        granted.add("sns")

    assert set(handler_of(step).services) <= granted
