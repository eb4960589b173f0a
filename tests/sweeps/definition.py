"""The deployed state machine's definition, synthesised in a process of its own.

The CDK's kernel is a Node process with threads around it, and takes seconds to load: it stays out
of the process that sweeps. ``python -m tests.sweeps.definition`` prints the definition.
"""

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

from aurora_restore.shared.pipeline import HOOKS

Document = dict[str, Any]
HOOK_FUNCTION = "arn:aws:lambda:us-west-2:222222222222:function:hook"
"""The function of every hook. A restore without hooks never comes to the states that call it."""
ROOT = Path(__file__).resolve().parents[2]


@cache
def state_machine() -> Document:
    """The definition in the Amazon States Language, each function named by its step."""
    printed = subprocess.run(  # noqa: S603
        [sys.executable, "-W", "error", "-m", __name__],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
    )
    definition: Document = json.loads(printed.stdout)
    return definition


def _print() -> None:
    from tests.unit.infra.asl import Machine
    from tests.unit.infra.synthesis import example, synthesise

    hooks = {hook.field: {"function": HOOK_FUNCTION} for hook in HOOKS}
    stack = synthesise(example({"restores.staging.hooks": hooks}))
    print(json.dumps(Machine.of(stack).definition))


if __name__ == "__main__":
    _print()
