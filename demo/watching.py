"""Follows an execution from its start to its end."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from aurora_restore.cli.history import History
from aurora_restore.cli.progress import ExecutionProgress, execution_progress
from aurora_restore.shared.sequences import StepSequence
from demo.scenario import Scenario
from demo.screen import Screen
from embedded_aws.aws import EmbeddedAws

_LOOK_SECONDS: Final = 0.25
_PATIENCE_SECONDS: Final = 300.0


class EndlessExecutionError(RuntimeError):
    """The execution was still running when patience ended."""


def watch(
    aws: EmbeddedAws,
    scenario: Scenario,
    sequence: StepSequence,
    execution_arn: str,
    screen: Screen,
    meanwhile: Callable[[ExecutionProgress], None],
) -> tuple[ExecutionProgress, Sequence[Mapping[str, Any]]]:
    """Show the execution of a sequence until it is over; return its progress and its history.

    What is to be done meanwhile is called with the progress at each look.
    """
    place = {"account": scenario.target.account, "region": scenario.target.region}
    history = History(aws.client("stepfunctions", **place), execution_arn)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    with screen.watching(execution_arn.rpartition(":")[2], sequence) as show:
        while True:
            history.refresh()
            progress = execution_progress(history.events, sequence)
            show(progress)
            meanwhile(progress)
            if progress.over:
                return progress, history.events
            if time.monotonic() >= deadline:
                raise EndlessExecutionError(
                    f"The execution was still running after {_PATIENCE_SECONDS:g} s."
                )
            time.sleep(_LOOK_SECONDS)
