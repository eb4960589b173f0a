"""``aurora-restore start``: a restore by hand or by a CI job, waited for if asked."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from aurora_restore.cli.acting import own_command
from aurora_restore.cli.context import Deployment, deployment_of
from aurora_restore.cli.errors import usage
from aurora_restore.cli.executions import Execution
from aurora_restore.cli.job_summary import write_summary
from aurora_restore.cli.output import AsJson, note, print_as_is
from aurora_restore.cli.watching import (
    Timeout,
    conclude,
    follow,
    look_as_json,
    print_line,
    shown,
    silent,
)
from aurora_restore.shared.documents.event import Event
from aurora_restore.shared.documents.schema import parse
from aurora_restore.shared.state_utils import get_operation_id

RestoreName = Annotated[
    str | None,
    typer.Argument(
        metavar="[RESTORE]",
        help="The restore; may be left out if the environment has only one.",
        show_default=False,
    ),
]
"""The argument of every command that works on a restore."""
Day = Annotated[
    str | None, typer.Option("--date", metavar="YYYY-MM-DD", help="Take the snapshot of this day.")
]
Snapshot = Annotated[
    str | None, typer.Option(metavar="NAME", help="Take this snapshot, by its name or ARN.")
]


def start(
    context: typer.Context,
    restore: RestoreName = None,
    date: Day = None,
    snapshot: Snapshot = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait for the end, without showing the steps.")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Wait for the end, and show each step.")
    ] = False,
    timeout: Timeout = None,
    as_json: AsJson = False,
) -> None:
    """Start a restore, and print the id of the operation.

    With `--wait` or `--watch` the exit code is that of the operation: 0 succeeded, 1 failed,
    4 still running after `--timeout`. In a job of GitHub Actions the steps and the outcome are
    then added to the job's summary.
    """
    if timeout is not None and not (wait or watch):
        raise usage("--timeout is for how long to wait: add --wait or --watch.")
    asked = start_event(restore, date=date, snapshot=snapshot)
    deployment = deployment_of(context)
    execution, name = begin(deployment, asked)
    if not (wait or watch):
        _announce(deployment, execution, name, as_json=as_json)
        return
    if as_json:
        note(f"Operation {execution.operation_id} has been started.")
    else:
        print_as_is(execution.operation_id)
    show = silent if not watch else look_as_json if as_json else shown
    progress = follow(deployment, execution, show, timeout=timeout)
    write_summary(execution, name, progress, datetime.now(UTC))
    raise typer.Exit(conclude(deployment, execution, progress, timeout, as_json=as_json))


def start_event(restore: str | None, **fields: Any) -> dict[str, Any]:
    """Return the input of an execution. Raises ValidationError before AWS is asked for anything."""
    if fields.get("date") and fields.get("snapshot"):
        raise usage("--date and --snapshot each choose the snapshot: give one of them.")
    names = {"snapshot": "snapshot_id"}
    given = {"restore": restore, **{names.get(key, key): each for key, each in fields.items()}}
    asked = {key: value for key, value in given.items() if value is not None}
    parse(Event, asked)
    return asked


def begin(deployment: Deployment, asked: Mapping[str, Any]) -> tuple[Execution, str]:
    """Start an execution that is named after its operation; return it, and the restore's name.

    Raises ValidationError if there is no such restore.
    """
    name, _ = deployment.restore(asked.get("restore"))
    given = {**asked, "restore": name, "started_by": deployment.caller_arn}
    operation_id = get_operation_id({})
    arn = deployment.start(json.dumps(given), operation_id)
    execution = Execution(arn=arn, status="RUNNING", started=datetime.now(UTC), given=given)
    return execution, name


def _announce(deployment: Deployment, execution: Execution, restore: str, *, as_json: bool) -> None:
    name = execution.operation_id
    if as_json:
        print_line({"operation_id": name, "execution_arn": execution.arn, "restore": restore})
        return
    print_as_is(name)
    watching = own_command(deployment, "watch", name)
    note(f"Restore {restore} has been started. `{watching}` shows its steps.")
