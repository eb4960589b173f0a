"""``aurora-restore rollback``: return to the cluster that served before the last switch."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import typer

from aurora_restore.cli.acting import (
    own_command,
    require_name,
    tell,
    tell_command,
)
from aurora_restore.cli.context import Deployment, deployment_of
from aurora_restore.cli.errors import RefusedCommand, refused, usage
from aurora_restore.cli.output import moment
from aurora_restore.cli.pausing import find_pause
from aurora_restore.cli.starting import begin
from aurora_restore.shared.common import parse_timestamp
from aurora_restore.shared.documents.restore import Restore
from aurora_restore.shared.rds.reads import clusters_by_resource_id
from aurora_restore.shared.sequences import ROLL_BACK
from aurora_restore.shared.target_lock import Holder
from aurora_restore.shared.target_record import TargetRecord


@dataclass(frozen=True, kw_only=True)
class RollBackFacts:
    """What is known before the decision."""

    restore: str
    target: str
    is_switched: bool
    """Whether the target is configured to be switched, instead of replaced."""
    record: TargetRecord | None = None
    retired_exists: bool = False
    """Whether RDS still has the cluster that served before."""
    worker: Holder | None = None
    """Who works on the target now."""
    schedule_goes_on: bool = False
    """Whether the next scheduled run will refresh the target again."""


@dataclass(frozen=True, kw_only=True)
class RollBack:
    """The target is switched back."""

    to: str
    """The resource id of the cluster that serves then."""
    sentence: str
    """What serves now and then, and what becomes of the data."""
    warning: str | None


def rollback(
    context: typer.Context,
    restore: Annotated[
        str, typer.Argument(metavar="RESTORE|CLUSTER", help="The restore, or its target.")
    ],
    yes: Annotated[
        str | None,
        typer.Option(
            "--yes",
            metavar="CLUSTER",
            help="The target's name, in place of the question. For scripts.",
        ),
    ] = None,
) -> None:
    """Switch a target back to the cluster that served before the last switch.

    Asks for the target's name first. What was written since the switch stays in the cluster that
    serves now, which is kept for a while and then deleted. Nothing is started if the target has
    changed by the time of the answer.
    """
    deployment = deployment_of(context)
    name, configured = find_restore(deployment, restore)
    facts = look(deployment, name, configured)
    decision = decide(facts, datetime.now(UTC))
    if isinstance(decision, RefusedCommand):
        raise refused(decision.reason)
    tell(decision.sentence)
    if decision.warning:
        tell(f"Attention: {decision.warning}")
        tell_command("To pause it", own_command(deployment, "pause", name))
    require_name(f"This switches {facts.target} back.", facts.target, given=yes)
    again = decide_again(decision, look(deployment, name, configured), datetime.now(UTC))
    if isinstance(again, RefusedCommand):
        raise refused(again.reason)
    execution, _ = begin(deployment, {"restore": name, str(ROLL_BACK.asked_by): True})
    operation_id = execution.operation_id
    tell(f"Operation {operation_id} switches {facts.target} back.")
    tell_command("To see how it goes on", own_command(deployment, "watch", operation_id))


def find_restore(deployment: Deployment, named: str) -> tuple[str, Restore]:
    """Return the restore of that name, or else the one with that target. Raises CommandError."""
    restores = deployment.restores()
    if named in restores:
        return named, restores[named]
    of_target = [name for name, each in restores.items() if each.target.cluster_id == named]
    if len(of_target) == 1:
        return of_target[0], restores[of_target[0]]
    raise usage(
        f"There is no restore, and no target of one, called {named}. The restores are "
        f"{', '.join(sorted(restores))}."
    )


def look(deployment: Deployment, name: str, restore: Restore) -> RollBackFacts:
    """Return what the decision depends on."""
    target, now = restore.target.cluster_id, datetime.now(UTC)
    record = deployment.record_of(target).read()
    retired = None if record is None else record.retired
    ids = [] if retired is None else [retired.cluster.resource_id]
    is_paused = find_pause(deployment.pause_of(name), now) is not None
    return RollBackFacts(
        restore=name,
        target=target,
        is_switched=restore.target.is_switched,
        record=record,
        retired_exists=bool(clusters_by_resource_id(deployment.rds, ids)),
        worker=deployment.lock_of(target).at_work(now),
        schedule_goes_on=bool(restore.schedule and restore.schedule.enabled and not is_paused),
    )


def moment_of(text: str) -> str:
    """Return a stored timestamp as it is shown."""
    return moment(parse_timestamp(text))


def decide(facts: RollBackFacts, now: datetime) -> RollBack | RefusedCommand:
    """Return whether the target can be switched back, and what that means."""
    record, target = facts.record, facts.target
    retired = None if record is None else record.retired
    if not facts.is_switched:
        return RefusedCommand(
            reason=f"{facts.restore} replaces {target}: no earlier cluster is kept, so there is "
            "nothing to roll back to. The data of an earlier day is restored by `aurora-restore "
            f"start {facts.restore} --date DAY`."
        )
    if record is not None and record.switch is not None:
        return RefusedCommand(
            reason=f"Operation {record.switch.by} is in the middle of switching {target}. Let it "
            f"finish, or continue it with `aurora-restore rerun {record.switch.by}`, and roll back "
            "then."
        )
    if facts.worker is not None and not facts.worker.gives_way:
        return RefusedCommand(
            reason=f"Operation {facts.worker.operation_id} is at work on {target}. Wait until it "
            "is over, or cancel it first."
        )
    if record is None or retired is None or not facts.retired_exists:
        return RefusedCommand(
            reason=f"No cluster is left that served as {target} before the last switch, so there "
            "is nothing to roll back to. How long one is kept is set by switch.keep_old_hours. The "
            "data of an earlier day is restored by `aurora-restore start "
            f"{facts.restore} --date DAY`."
        )
    cluster = retired.cluster
    serves = "the cluster that serves now" if record.live is None else record.live.cluster_id
    due = parse_timestamp(retired.keep_until) <= now
    kept = (
        "whose time is over, so that it may be deleted at any moment"
        if due
        else f"which is kept until {moment_of(retired.keep_until)}"
    )
    ended = moment_of(retired.retired_at)
    until = (
        f"A roll-back rejected it at {ended}."
        if retired.is_rejected
        else f"It served until {ended}."
    )
    return RollBack(
        to=cluster.resource_id,
        sentence=f"{target} goes back to {cluster.cluster_id} ({cluster.resource_id}), {kept}. "
        f"{until} Data written to {serves} since then stays in {serves} and is deleted with it.",
        warning=(
            "The next scheduled run refreshes the target again, and makes room beside it."
            if facts.schedule_goes_on
            else None
        ),
    )


def decide_again(
    agreed: RollBack, facts: RollBackFacts, now: datetime
) -> RollBack | RefusedCommand:
    """Return whether the target can still be switched back to the cluster that was agreed to.

    Another switch may have ended while a person was asked, and left another cluster to return to.
    """
    found = decide(facts, now)
    if isinstance(found, RollBack) and found.to != agreed.to:
        return RefusedCommand(
            reason=f"{facts.target} has been switched since the question, and would now go back to "
            f"{found.to} instead of {agreed.to}. Nothing was changed; look again."
        )
    return found
