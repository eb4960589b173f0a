"""A run as the summary of a CI job: Markdown, in the file that GITHUB_STEP_SUMMARY names."""

import os
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from aurora_restore.cli.course import elapsed
from aurora_restore.cli.executions import Execution
from aurora_restore.cli.output import duration
from aurora_restore.cli.progress import ExecutionProgress, StepStatus
from aurora_restore.shared.visible import visible

VARIABLE: Final = "GITHUB_STEP_SUMMARY"
"""https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands"""

_SIGNS: Final = re.compile(r"[!#&()*.:<>@\[\\\]^_`{|}~]")
"""What may begin or end something in Markdown, or make a link of a text."""


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
    yield f"## Restore {_foreign(restore)}: {outcome}"
    yield ""
    yield f"Operation {_foreign(execution.operation_id)}, {duration(progress.seconds(now))}"
    yield ""
    if progress.failure is not None:
        failure = progress.failure
        at = failure.step or "its start"
        error, why = _foreign(failure.error_type), _foreign(failure.message)
        yield f"**Failed at {at}** ({error}): {why}"
        yield ""
        yield f"{_foreign(f'aurora-restore explain {execution.operation_id}')} says what to do."
        yield ""
    yield "| Step | State | Took | |"
    yield "| --- | --- | ---: | --- |"
    for step in progress.steps:
        if step.status is not StepStatus.WAITING:
            took = elapsed(step.seconds(progress.ended or now) or 0)
            yield f"| `{step.name}` | {step.status} | {took} | {_foreign(step.note)} |"
    yield ""


def _foreign(text: str) -> str:
    """Return foreign text as code in one line, in which no character has a meaning.

    A reference to a character is none of the signs of Markdown, not even in a table: an image in
    a message would be fetched by who reads the summary.
    """
    line = " ".join(visible(text).split())
    escaped = _SIGNS.sub(lambda sign: f"&#{ord(sign[0])};", line)
    return escaped and f"<code>{escaped}</code>"
