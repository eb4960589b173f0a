"""Runs a CDK app without the CDK's command line."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from embedded_aws.environment import repository, sealed

WITHOUT_VALIDATION = {"CDK_VALIDATION": "false"}
"""A variable of the CDK. It validates templates by CloudFormation's rules, in half of its time.

It would find the same that the tests in ``tests/unit/infra`` look for.
"""


def run_app(
    program: Sequence[str],
    directory: Path,
    context: Mapping[str, str],
    assembly: Path,
    variables: Mapping[str, str] | None = None,
) -> None:
    """Run a CDK app as the CDK's command line does."""
    given = {
        "CDK_CONTEXT_JSON": json.dumps(context),
        "CDK_OUTDIR": str(assembly),
        "JSII_NODE": str(repository() / "node_modules" / ".bin" / "node"),
        **(variables or {}),
    }
    subprocess.run(  # noqa: S603
        program, cwd=directory, env=sealed(given), capture_output=True, check=True
    )
