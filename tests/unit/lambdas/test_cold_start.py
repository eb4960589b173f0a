"""What a function loads at a cold start: what its step needs."""

import os
import subprocess
import sys

import pytest

from aurora_restore.shared.pipeline import STEPS, Step

# By these Powertools knows that it runs in Lambda, where it traces.
IN_LAMBDA = {
    "AWS_EXECUTION_ENV": "AWS_Lambda_python3.11",
    "AWS_LAMBDA_FUNCTION_NAME": "function",
    "AWS_REGION": "us-west-2",
    "LAMBDA_TASK_ROOT": "/var/task",
    "PYTHONPATH": os.pathsep.join(sys.path),
}


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_only_a_step_that_logs_in_loads_the_database_driver(step: Step) -> None:
    program = (
        f"import sys, aurora_restore.lambdas.{step.module}; "
        "print('pg8000' in sys.modules, 'aws_xray_sdk.ext.botocore' in sys.modules)"
    )

    loaded = subprocess.run(  # noqa: S603 - this repository's own code
        [sys.executable, "-c", program], env=IN_LAMBDA, capture_output=True, text=True, check=True
    )

    assert loaded.stdout.split() == [str(step.reaches_database), "True"]
