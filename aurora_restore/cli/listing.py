"""``aurora-restore list``: the latest operations, one row each."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated, Any, Final

import typer
from rich.console import Console, RenderableType
from rich.text import Text

from aurora_restore.cli.context import Deployment, deployment_of
from aurora_restore.cli.executions import (
    SIMULTANEOUS_CALLS,
    SUCCEEDED,
    Execution,
    recent_executions,
)
from aurora_restore.cli.output import (
    STATUS_STYLES,
    AsJson,
    duration,
    make_console,
    note,
    plain_table,
    print_json,
)
from aurora_restore.cli.pausing import find_pause
from aurora_restore.shared.documents.restore import Restore
from aurora_restore.shared.documents.schema import to_json
from aurora_restore.shared.next_starts import next_starts, sentences
from aurora_restore.shared.pause import Pause
from aurora_restore.shared.sequences import RETIRE
from aurora_restore.shared.state_utils import FAILED
from aurora_restore.shared.visible import visible_line

_WIDE: Final = 110
"""From this width on a row is one line."""


@dataclass(frozen=True, kw_only=True)
class ListedOperation:
    """What a row shows."""

    execution: Execution
    restore: str | None
    step: str | None = None
    """The step that it is at, or has failed at."""

    def as_json(self, now: datetime) -> dict[str, Any]:
        """Return the row as ``--json`` prints it."""
        execution = self.execution
        return {
            "operation_id": execution.operation_id,
            "execution_arn": execution.arn,
            "restore": self.restore,
            "kind": execution.kind,
            "status": execution.status,
            "step": self.step,
            "error_type": execution.error or None,
            "started_at": execution.started,
            "ended_at": execution.ended,
            "seconds": round(execution.seconds(now), 3),
            "redrive_count": execution.redrive_count,
            "held_back": execution.is_held_back,
        }


def list_operations(
    context: typer.Context,
    restore: Annotated[str | None, typer.Option(help="Only the operations of one restore.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many at most.")] = 20,
    every: Annotated[
        bool,
        typer.Option(
            "--all",
            help="Also the hourly runs that found nothing to do but to delete retired clusters.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the latest operations: when each began, how it ended, and what it is at."""
    deployment = deployment_of(context)
    only = deployment.environment.default_restore or None
    found = chosen(recent_executions(deployment), restore=restore, only=only, every=every)
    wanted = islice(found, limit)
    listed = _with_steps(deployment, list(wanted), only)
    now = datetime.now(UTC)
    restores = find_restores(deployment, restore)
    pauses = find_pauses(deployment, restores, now)
    coming = next_starts(restores, now)
    if as_json:
        print_json(
            {
                "operations": [each.as_json(now) for each in listed],
                "pauses": [to_json(each) for each in pauses],
                "next_starts": [each.as_json() for each in coming],
            }
        )
        return
    for each in pauses:
        make_console().print(Text(visible_line(f"{each}"), style="yellow"))
    for text in sentences(coming):
        make_console().print(Text(visible_line(text), style="dim"))
    if not listed:
        of_it = f" of restore {restore}" if restore else ""
        where = f"{deployment.name_prefix} in {deployment.region}"
        note(f"There is no operation{of_it} among the latest executions of {where}.")
        return
    show_list(make_console(), listed, now)


def find_restores(deployment: Deployment, restore: str | None) -> Mapping[str, Restore]:
    """Return the configuration of one restore, or of all."""
    found = deployment.restores()
    return found if restore is None else {name: found[name] for name in found if name == restore}


def find_pauses(deployment: Deployment, names: Iterable[str], now: datetime) -> list[Pause]:
    """Return the schedules of these restores that are paused."""
    found = (find_pause(deployment.pause_of(name), now) for name in sorted(names))
    return [each for each in found if each is not None]


def chosen(
    executions: Iterable[Execution], *, restore: str | None, only: str | None, every: bool
) -> Iterator[Execution]:
    """Yield the executions that are asked for; ``only`` is the environment's only restore."""
    for each in executions:
        is_other = restore is not None and (each.restore or only) != restore
        is_routine = each.kind == RETIRE.name and each.status == SUCCEEDED
        if not is_other and (every or not is_routine):
            yield each


def _with_steps(
    deployment: Deployment, executions: Sequence[Execution], only: str | None
) -> list[ListedOperation]:
    """Return rows, with the step that each operation which is not done has come to."""
    store = deployment.store

    def listed(execution: Execution) -> ListedOperation:
        step = None
        if execution.status != SUCCEEDED:
            step = step_reached(store.load_all(execution.operation_id))
        return ListedOperation(execution=execution, restore=execution.restore or only, step=step)

    with ThreadPoolExecutor(SIMULTANEOUS_CALLS) as pool:
        return list(pool.map(listed, executions))


def step_reached(items: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the step that has failed last, or else the one that has written its state last.

    A failed operation is announced, so that its latest item is the one of the announcement.
    """
    failed = [each for each in items if each.get("status") == FAILED]
    latest = max(failed or items, key=lambda each: str(each.get("timestamp")), default=None)
    return None if latest is None else str(latest["step"])


def show_list(console: Console, listed: Sequence[ListedOperation], now: datetime) -> None:
    """Print operations as a table."""
    is_wide = console.width >= _WIDE
    first = ("Started (UTC)", "Operation") if is_wide else ("Operation, started (UTC)",)
    table = plain_table(*first, "Restore", "Outcome", "Took", right=("Took",), folded=("Outcome",))
    for each in listed:
        began = f"{each.execution.started:%Y-%m-%d %H:%M}"
        name = visible_line(each.execution.operation_id)
        table.add_row(
            *((began, name) if is_wide else (Text.assemble(name, "\n", (began, "dim")),)),
            visible_line(each.restore or ""),
            _outcome(each),
            duration(each.execution.seconds(now)),
        )
    console.print(table)


def _outcome(listed: ListedOperation) -> RenderableType:
    execution = listed.execution
    text = Text(execution.status.lower().replace("_", " "), STATUS_STYLES.get(execution.status, ""))
    if listed.step is not None:
        text.append(f" at {listed.step}", style="default")
    if execution.error:
        text.append(f": {visible_line(execution.error)}", style="default")
    if execution.is_held_back:
        text.append(": nothing done, the schedule was paused", style="default")
    if execution.kind:
        text.append(f" ({execution.kind})", style="dim")
    return text
