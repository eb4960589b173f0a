"""Follows an execution from its start to its end."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from aurora_restore.shared.sequences import StepSequence
from demo.progress import ExecutionProgress, execution_progress
from demo.scenario import Scenario
from demo.screen import Screen
from embedded_aws.aws import EmbeddedAws

_LOOK_SECONDS: Final = 0.25
_PATIENCE_SECONDS: Final = 300.0
_PAGE: Final = 100


class EndlessExecutionError(RuntimeError):
    """The execution was still running when patience ended."""


class History:
    """The events of an execution, of which each is fetched once."""

    def __init__(self, client: Any, execution_arn: str) -> None:
        self._client = client
        self._arn = execution_arn
        self.events: list[Mapping[str, Any]] = []

    def refresh(self) -> None:
        """Fetch what has been added, the last event first, down to those that are known."""
        known = self.events[-1]["id"] if self.events else 0
        pages = self._client.get_paginator("get_execution_history").paginate(
            executionArn=self._arn, reverseOrder=True, PaginationConfig={"PageSize": _PAGE}
        )
        added: list[Mapping[str, Any]] = []
        for page in pages:
            new = [event for event in page["events"] if event["id"] > known]
            added += new
            if len(new) < len(page["events"]):
                break
        self.events += reversed(added)


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
