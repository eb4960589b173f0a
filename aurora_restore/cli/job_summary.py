"""A run as the summary of a CI job: Markdown, in the file that GITHUB_STEP_SUMMARY names."""

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from aurora_restore.cli.course import elapsed
from aurora_restore.cli.executions import Execution
from aurora_restore.cli.output import duration
from aurora_restore.cli.progress import ExecutionProgress, StepStatus

VARIABLE: Final = "GITHUB_STEP_SUMMARY"
"""https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands"""


def write_summary(
    execution: Execution, restore: str, progress: ExecutionProgress, now: datetime
) -> None:
    """Append a run to the job's summary, if there is a job that has one."""
    if path := os.environ.get(VARIABLE):
        with Path(path).open("a", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in summary(execution, restore, progress, now))


def summary(
    execution: Execution, restore: str, progress: ExecutionProgress, now: datetime
) -> Iterator[str]:
    """Yield the lines of a run's summary in Markdown."""
    outcome = progress.status.lower().replace("_", " ")
    yield f"## Restore {restore}: {outcome}"
    yield ""
    yield f"Operation `{execution.operation_id}`, {duration(progress.seconds(now))}"
    yield ""
    if progress.failure is not None:
        failure = progress.failure
        at = failure.step or "its start"
        yield f"**Failed at {at}** ({failure.error_type}): {_cell(failure.message)}"
        yield ""
        yield f"`aurora-restore explain {execution.operation_id}` says what to do."
        yield ""
    yield "| Step | State | Took | |"
    yield "| --- | --- | ---: | --- |"
    for step in progress.steps:
        if step.status is not StepStatus.WAITING:
            took = elapsed(step.seconds(progress.ended or now) or 0)
            yield f"| `{step.name}` | {step.status} | {took} | {_cell(step.note)} |"
    yield ""


def _cell(text: str) -> str:
    """Return a text as a table of Markdown takes it, in one line."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
