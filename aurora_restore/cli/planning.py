"""``aurora-restore plan``: what a restore would do now, and what prevents it."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.text import Text

from aurora_restore.cli.context import Deployment, deployment_of
from aurora_restore.cli.errors import CommandError
from aurora_restore.cli.executions import SUCCEEDED, Execution
from aurora_restore.cli.exit_codes import ExitCode
from aurora_restore.cli.output import AsJson, heading, indented, make_console, part, print_json
from aurora_restore.cli.snapshot_list import common_copies, judge, look, makes_copies
from aurora_restore.cli.starting import Day, RestoreName, Snapshot, begin, start_event
from aurora_restore.cli.watching import conclude, follow, silent
from aurora_restore.shared.aws_utils import call
from aurora_restore.shared.documents.restore import Restore
from aurora_restore.shared.errors import AwsError
from aurora_restore.shared.next_starts import next_starts
from aurora_restore.shared.sequences import StepSequence, get_sequence
from aurora_restore.shared.visible import visible, visible_line

_PATIENCE_MINUTES: Final = 10
_NAMES: Final = (
    "TargetDBClusterSnapshotIdentifier",
    "DBInstanceIdentifier",
    "DBClusterSnapshotIdentifier",
    "DBClusterIdentifier",
    "ResourceName",
    "SecretId",
    "Name",
)
"""The parameters that say what a call is about, the most particular first."""


def plan(
    context: typer.Context,
    restore: RestoreName = None,
    date: Day = None,
    snapshot: Snapshot = None,
    parameters: Annotated[
        bool, typer.Option("--parameters", help="Also show every parameter of each call.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what a restore would do now: a dry run of the pipeline, which changes nothing.

    It lists obstacles with their remedies, warnings, the steps, every call that would change
    something, and the snapshots that the retention would delete. The exit code is 1 if there is an
    obstacle.
    """
    asked = start_event(restore, date=date, snapshot=snapshot, dry_run=True)
    deployment = deployment_of(context)
    _, configured = deployment.restore(restore)
    execution, name = begin(deployment, asked)
    progress = follow(deployment, execution, silent, timeout=_PATIENCE_MINUTES)
    if progress.status != SUCCEEDED:
        raise typer.Exit(
            conclude(deployment, execution, progress, _PATIENCE_MINUTES, as_json=as_json)
        )
    coming = next_starts({name: configured}, datetime.now(UTC))
    found = {
        **_answer(deployment, execution),
        **_retention(deployment, name, configured),
        "schedule": coming[0].as_json() if coming else None,
    }
    sequence = get_sequence(configured.target.strategy)
    hooks = hooks_of_run(sequence, configured)
    if as_json:
        steps = list(sequence.path_from(sequence.first))
        print_json({"restore": name, "steps": steps, "hooks": hooks, **found})
    else:
        target = configured.target.cluster_id
        console = make_console()
        show_plan(console, name, target, sequence, found, hooks=hooks, parameters=parameters)
        part(console, "Schedule", map(str, coming))
    raise typer.Exit(ExitCode.DONE if found.get("ready") else ExitCode.FAILED)


def hooks_of_run(sequence: StepSequence, configured: Restore) -> list[dict[str, str]]:
    """Return the functions of the user's own that a run calls, in the order of its steps."""
    in_order = sorted(sequence.hooks, key=lambda each: sequence.steps.index(each[0]))
    return [
        {"hook": hook.name, "step": step, "function": function.function}
        for step, hook in in_order
        if (function := configured.hooks.of(hook)) is not None
    ]


def _answer(deployment: Deployment, execution: Execution) -> Mapping[str, Any]:
    """Return what the dry run has returned."""
    described = call(deployment.step_functions.describe_execution, executionArn=execution.arn)
    try:
        answer: Mapping[str, Any] = json.loads(described.get("output", ""))["result"]["body"]
    except (ValueError, KeyError, TypeError) as error:
        raise CommandError(
            f"The dry run {execution.name} has returned no plan.", ExitCode.AWS
        ) from error
    return answer


def _retention(deployment: Deployment, name: str, configured: Restore) -> dict[str, Any]:
    """Return the snapshots that the run would delete at its end, which no dry run lists."""
    try:
        found, not_read = look(deployment, name, configured, common_copies(deployment))
    except AwsError as error:
        return {"deleted_by_retention": [], "not_read": [f"The snapshots were not read: {error}"]}
    copies = makes_copies(deployment, configured)
    judged = judge(name, configured, found, datetime.now(UTC), makes_copies=copies)
    deleted = [each.as_json() for each in judged if each.goes is not None]
    return {"deleted_by_retention": deleted, "not_read": not_read}


def show_plan(
    console: Console,
    name: str,
    target: str,
    sequence: StepSequence,
    found: Mapping[str, Any],
    *,
    hooks: Sequence[Mapping[str, str]] = (),
    parameters: bool,
) -> None:
    """Print a plan, what prevents it first."""
    obstacles: Sequence[Mapping[str, str]] = found.get("obstacles", ())
    console.print(
        Text(visible_line(f"Plan of restore {name}: {target} in {found['target_region']}"), "bold")
    )
    indented(console, f"Snapshot: {found['snapshot_arn']}")
    indented(console, f"Route: {found['route']}")
    if obstacles:
        heading(
            console, f"Obstacles: {len(obstacles)}. A run would stop before it changes anything"
        )
        for each in obstacles:
            indented(console, f"{each['problem']} (check: {each['check']})", style="red")
            indented(console, f"What to do: {each['remedy']}", 4)
    part(console, "Warnings", found.get("warnings", ()))
    part(console, "Lost with the old cluster", found.get("will_be_lost", ()))
    heading(console, f"Steps ({sequence.name})")
    indented(console, ", ".join(sequence.path_from(sequence.first)))
    part(
        console,
        "Hooks",
        (f"{each['hook']}, from {each['step']}: {each['function']}" for each in hooks),
    )
    part(
        console,
        "What ties the copy to production",
        (f"{kind.replace('_', ' ')}: {done}" for kind, done in found["neutralise"].items()),
    )
    _show_calls(console, found.get("calls", ()), parameters=parameters)
    part(
        console,
        "Snapshots that the retention deletes after a success",
        (
            f"{each['snapshot']} ({each['account']} {each['region']}): {each['why']}"
            for each in found.get("deleted_by_retention", ())
        ),
    )
    part(console, "Not known", found.get("not_read", ()))
    console.print()
    console.print(visible(f"{found['message']}. Nothing was changed."))


def _show_calls(console: Console, calls: Sequence[Mapping[str, Any]], *, parameters: bool) -> None:
    if not calls:
        return
    heading(console, "Calls that would change something, in order")
    for number, each in enumerate(calls, start=1):
        operation = str(each["operation"])
        style = "bold red" if operation.startswith("Delete") else "bold"
        where = f" ({each['region']})" if each.get("region") else ""
        line = f"{number:>2} {operation} {subject_of(each)}{where}"
        indented(console, line, hanging=3, style=style)
        indented(console, str(each["reason"]), 5)
        if parameters:
            for key, value in each["parameters"].items():
                indented(console, f"{key}: {json.dumps(value)}", 5, hanging=2, style="dim")


def subject_of(planned: Mapping[str, Any]) -> str:
    """Return what a call is about: the name of what it makes, changes or deletes."""
    given = planned["parameters"]
    return next((str(given[name]).rpartition(":")[2] for name in _NAMES if name in given), "")
