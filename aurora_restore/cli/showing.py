"""``aurora-restore show``: everything that is known of one operation."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.text import Text

from aurora_restore.cli.context import Deployment, deployment_of
from aurora_restore.cli.operations import OperationFacts, load_operation
from aurora_restore.cli.output import (
    STATUS_STYLES,
    AsJson,
    duration,
    heading,
    indented,
    make_console,
    moment,
    pairs,
    part,
    print_json,
)
from aurora_restore.cli.target import target_sentences
from aurora_restore.cli.timeline import timeline
from aurora_restore.shared.common import parse_timestamp
from aurora_restore.shared.cost import ApproximateCost
from aurora_restore.shared.failed_execution import Failure
from aurora_restore.shared.notices.expense import cost_in_words, operation_cost
from aurora_restore.shared.notices.facts import (
    data,
    drift,
    interruption,
    places,
    proofs,
    scripts,
    wiring,
)
from aurora_restore.shared.notices.failure import cause_of, obstacles
from aurora_restore.shared.notices.steps import steps_taken
from aurora_restore.shared.notices.way_on import DeployedPipeline, commands, console_link
from aurora_restore.shared.state_utils import IN_PROGRESS
from aurora_restore.shared.visible import visible_line

_SECRET_KEYS: Final = frozenset({"evidence_key"})
"""What the state has that is shown nowhere."""


def show(
    context: typer.Context,
    operation: Annotated[str, typer.Argument(help="The operation.")],
    audit: Annotated[
        bool, typer.Option("--audit", help="Also every event of the audit trail.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what is known of an operation: its steps in time, its target, and what it has done.

    Also who started it, the scripts and checks with their results, what differs from what was
    wanted, and the events of the audit trail: those that ended a step, or all with `--audit`.
    """
    deployment = deployment_of(context)
    facts = load_operation(deployment, operation)
    now = datetime.now(UTC)
    target = list(target_sentences(deployment, facts))
    if as_json:
        print_json(document_of(facts, target, now))
    else:
        ways_on = _ways_on(deployment, facts)
        show_operation(make_console(), facts, target, now, ways_on=ways_on, whole_audit=audit)


def _ways_on(deployment: Deployment, facts: OperationFacts) -> list[tuple[str, str]]:
    """Return the commands that a failure asks for, each with what it is."""
    if facts.failure is None:
        return []
    return list(
        commands(
            facts.failure,
            facts.error.get("details", {}),
            DeployedPipeline(deployment.name_prefix, deployment.machine_arn),
            restore=facts.restore,
            sequence=facts.sequence.name,
        )
    )


def show_operation(
    console: Console,
    facts: OperationFacts,
    target: Sequence[str],
    now: datetime,
    *,
    ways_on: Sequence[tuple[str, str]] = (),
    whole_audit: bool = False,
) -> None:
    """Print an operation for people.

    ``target`` says what its target is now, and ``ways_on`` are the commands that a failure asks
    for.
    """
    execution, state = facts.execution, facts.state
    status = execution.status.lower().replace("_", " ")
    title = Text.assemble(
        (f"Operation {facts.id}: ", "bold"), (status, STATUS_STYLES.get(execution.status, ""))
    )
    console.print(title, soft_wrap=True)
    pairs(
        console,
        {
            "Restore": facts.restore,
            "Kind": execution.kind or facts.sequence.name,
            "Started by": started_by(facts),
            "Started": moment(execution.started),
            "Took": duration(execution.seconds(now)),
            "Redriven": _times(execution.redrive_count),
            "Nothing done": "the schedule was paused" if execution.is_held_back else None,
        },
    )
    if facts.failure is not None:
        _show_failure(console, facts.failure, facts.error.get("details", {}), ways_on)
    part(console, "The target now", target)
    heading(console, "Steps")
    console.print(timeline(facts.progress, now))
    for name, sentences in (
        ("Its data", data(state, execution.ended or now)),
        ("The cluster", places(state)),
        ("Scripts and checks", (*scripts(state), *proofs(state))),
        ("What tied it to production", wiring(state)),
        ("Where it differs from what it should be", drift(state)),
        ("Interruption", interruption(state, facts.audit)),
        ("Approximate cost", cost_in_words(cost_of(facts, now))),
    ):
        part(console, name, sentences)
    part(console, "Audit (UTC)", _audit(facts.audit, whole=whole_audit), hanging=16)
    part(console, "The execution", filter(None, (execution.arn, console_link(execution.arn))))
    part(console, "Earlier executions, whose steps are not shown", earlier_executions(facts))


def _show_failure(
    console: Console,
    failure: Failure,
    details: Mapping[str, Any],
    ways_on: Sequence[tuple[str, str]],
) -> None:
    """Print why an operation has failed, and what its notice says is to be done."""
    at = failure.step or "its start"
    heading(console, f"Why it failed at {at} ({failure.error_type})")
    indented(console, cause_of(failure, details))
    part(console, "Obstacles", obstacles(details))
    part(console, "What to do", [failure.remedy.what_to_do(details)])
    for what, command in ways_on:
        indented(console, f"{what}:")
        console.print(Text(f"    {visible_line(command)}"), soft_wrap=True)


def earlier_executions(facts: OperationFacts) -> list[str]:
    """Return the executions that have worked on an operation before the one that is shown."""
    continued = (each["details"].get("after") for each in facts.audit if each["step"] == "rerun")
    return [arn for arn in dict.fromkeys(continued) if arn not in (None, facts.execution.arn)]


def started_by(facts: OperationFacts) -> str | None:
    """Return who or what has started it, if that was recorded."""
    given = facts.execution.given.get("started_by")
    return facts.state.started_by or (given if isinstance(given, str) else None)


def cost_of(facts: OperationFacts, now: datetime) -> ApproximateCost | None:
    """Return what an operation has cost; None where it is not known, or where it is not over."""
    if not facts.execution.is_over:
        return None
    taken = tuple(steps_taken(facts.audit, facts.state.operation_started_at))
    end = facts.execution.ended or now
    return operation_cost(facts.state, taken, facts.instance_classes, end)


def document_of(facts: OperationFacts, target: Sequence[str], now: datetime) -> dict[str, Any]:
    """Return an operation as ``--json`` prints it."""
    execution, failure = facts.execution, facts.failure
    state, cost = facts.state.to_details(), cost_of(facts, now)
    return {
        "operation_id": facts.id,
        "restore": facts.restore,
        "target": facts.target,
        "kind": execution.kind,
        "sequence": facts.sequence.name,
        "status": execution.status,
        "started_by": started_by(facts),
        "started_at": execution.started,
        "ended_at": execution.ended,
        "seconds": round(execution.seconds(now), 3),
        "execution_arn": execution.arn,
        "redrive_count": execution.redrive_count,
        "failure": failure and failure.details(facts.error.get("details", {})),
        "target_now": target,
        "steps": [
            {
                "step": each.name,
                "status": each.status,
                "started_at": each.started,
                "ended_at": each.ended,
                "seconds": each.seconds(execution.ended or now),
                "calls": each.calls,
                "note": each.note,
                "percent": each.percent,
            }
            for each in facts.progress.steps
        ],
        "approximate_cost": cost and {"usd": round(cost.usd, 2), "is_complete": cost.is_complete},
        "state": {key: value for key, value in state.items() if key not in _SECRET_KEYS},
        "audit": [
            {key: event.get(key) for key in ("timestamp", "step", "status", "details")}
            for event in facts.audit
        ],
    }


def _times(count: int) -> str | None:
    if count == 0:
        return None
    return "once" if count == 1 else f"{count} times"


def _audit(events: Iterable[Mapping[str, Any]], *, whole: bool) -> Iterator[str]:
    """Yield events in words; those of a step that only waits are left out unless asked for."""
    for event in events:
        if not whole and event["status"] == IN_PROGRESS:
            continue
        details = event.get("details", {})
        said = details.get("message") or details.get("type") or ""
        at = f"{parse_timestamp(str(event['timestamp'])):%m-%d %H:%M:%S}"
        yield f"{at}  {event['step']:<20} {event['status']:<7} {said}".rstrip()
