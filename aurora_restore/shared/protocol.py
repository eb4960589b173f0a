"""What the state machine and a step say to each other beside the documented event and body."""

from typing import Final

# What a step's answer tells the state machine, beside ``statusCode``.
RETRY_AFTER: Final = "retry_after"
"""With 202: call the step again after so many whole seconds."""

RESTART_FROM: Final = "restart_from"
"""With 202: go back to this step, because what it had started has ended badly."""

DRY_RUN: Final = "dry_run"
"""With 200, from the first step: true ends the execution there, nothing having been changed."""

# How the state machine marks its calls, so that a failed step raises instead of answering.
EXECUTION: Final = "execution"

REDRIVE_COUNT: Final = "redrive_count"
"""In the mark: how often the execution has been redriven."""

INPUT: Final = "input"
