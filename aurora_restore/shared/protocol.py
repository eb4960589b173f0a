"""What the state machine and a step exchange besides the documented event and body."""

from typing import Final

# What a step returns to the state machine, besides ``statusCode``.
RETRY_AFTER: Final = "retry_after"
"""With 202: call the step again after so many whole seconds."""

RESTART_FROM: Final = "restart_from"
"""With 202: continue at this step, because the operation that it started has failed."""

NEXT_STEP: Final = "next_step"
"""With 200, from a step that not every sequence continues in the same way: what follows."""

DRY_RUN: Final = "dry_run"
"""With 200, from the first step: true ends the execution there, nothing having been changed."""

PAUSED: Final = "paused"
"""With 200, from the first step: true ends the execution there, because its schedule is paused."""

HOOK: Final = "hook"
"""With 202: call a hook, write down that it has succeeded, and call the step again. With 200, from
the last step: call a hook, whatever comes of it. An object: ``name``, ``function``,
``timeout_seconds``, ``input``, and ``record`` with ``expires_at`` for what is written down."""

HOOK_ITEM: Final = "hook"
"""The sort key of the item of the state table that says that a hook has succeeded."""

# How the state machine marks its calls, so that a failed step raises instead of returning.
EXECUTION: Final = "execution"

REDRIVE_COUNT: Final = "redrive_count"
"""In the mark: how often the execution has been redriven."""

CALLED_AFTER: Final = "called_after"
"""In the mark: the steps of which the execution has called one last, as its state machine goes. The
called step is the first of them, because it may have waited, or be retried."""

INPUT: Final = "input"

IGNORED_INPUT: Final = frozenset({"AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID", "Comment"})
"""Fields of an execution's input that are not the pipeline's: the console's example has a
``Comment``, and a state machine that starts an execution adds the other."""
