"""``aurora-restore pause`` and ``unpause``: whether a schedule starts its restore."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from aurora_restore.cli.acting import own_command, record_request, tell, tell_command
from aurora_restore.cli.context import Deployment, deployment_of
from aurora_restore.cli.errors import usage
from aurora_restore.cli.output import note
from aurora_restore.cli.starters import find_refresh_schedule
from aurora_restore.shared.common import timestamp
from aurora_restore.shared.documents.restore import Restore
from aurora_restore.shared.documents.schema import check
from aurora_restore.shared.errors import AwsError, UnreadablePauseError
from aurora_restore.shared.next_starts import next_start_of
from aurora_restore.shared.notices.notice import sentence
from aurora_restore.shared.pause import Pause, PauseStore, Reason

RestoreName = Annotated[str, typer.Argument(metavar="RESTORE", help="The restore.")]
_DAY: Final = len("2026-12-24")


def pause(
    context: typer.Context,
    restore: RestoreName,
    reason: Annotated[
        str | None, typer.Option(help="Why, for those who find it paused: one line.")
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            metavar="MOMENT",
            help="When the pause ends by itself: a day, which is its beginning, or a moment like "
            "2026-12-24T18:00Z. Both are UTC.",
        ),
    ] = None,
) -> None:
    """Pause the schedule of a restore, until `unpause` or the moment given; a deployment does not
    end it.

    It says what is deployed of the schedule, and which start comes next.

    What the schedule starts meanwhile ends after its first step, without a change or a notice.
    A run that has begun goes on, and so does what people start, and the hourly retirement.
    """
    now = datetime.now(UTC)
    ends = None if until is None else end_of_pause(until, now)
    if reason is not None:
        check("--reason", reason, Reason)
    deployment = deployment_of(context)
    name, configured = deployment.restore(restore)
    made = Pause(
        restore=name,
        by=deployment.caller_arn,
        since=timestamp(now),
        reason=reason,
        until=None if ends is None else timestamp(ends),
    )
    kept = deployment.pause_of(name)
    record_request(deployment, kept.key, "pause", made.by, {"reason": reason, "until": made.until})
    kept.write(made)
    tell(sentence(str(made)), *_beside(deployment, configured, made, now))
    tell_command("To end the pause", own_command(deployment, "unpause", name))


def unpause(context: typer.Context, restore: RestoreName) -> None:
    """End the pause of a restore's schedule; the next scheduled run refreshes its target again."""
    deployment = deployment_of(context)
    name, configured = deployment.restore(restore)
    kept = deployment.pause_of(name)
    if not deployment.store.load_all(kept.key):
        tell(f"The schedule of {name} is not paused.")
        return
    record_request(deployment, kept.key, "unpause", deployment.caller_arn, {})
    kept.remove()
    tell(
        f"The pause of {name} has ended.",
        deployed_schedule(deployment, name, configured, datetime.now(UTC)).text,
    )


def find_pause(kept: PauseStore, moment: datetime) -> Pause | None:
    """Return the pause of a schedule that is in force; None if there is none.

    One that cannot be read is said on standard error: no look and no roll-back depends on it.
    """
    try:
        return kept.in_force(moment)
    except UnreadablePauseError as error:
        note(f"Attention: {sentence(error.message)}")
        return None


def end_of_pause(text: str, now: datetime) -> datetime:
    """Return the moment that a day or a moment in UTC stands for. Raises CommandError."""
    try:
        given = datetime.fromisoformat(text)
    except ValueError as error:
        raise usage(
            f"--until: {text!r} is neither a day like 2026-12-24 nor a moment like "
            "2026-12-24T18:00Z."
        ) from error
    if len(text) > _DAY and given.tzinfo is None:
        raise usage(f"--until: {text} does not say of which time zone it is: add a Z for UTC.")
    end = given.replace(tzinfo=UTC) if given.tzinfo is None else given.astimezone(UTC)
    if end <= now:
        raise usage(f"--until: {text} is not in the future; it is {now:%Y-%m-%dT%H:%M}Z now.")
    return end


@dataclass(frozen=True, kw_only=True)
class DeployedSchedule:
    """What is deployed of a restore's schedule."""

    text: str
    """A sentence, for people."""
    starts: bool = False
    """Whether it would start the restore."""
    start: datetime | None = None
    """When it would do so next, as far as that can be known."""


def deployed_schedule(
    deployment: Deployment, name: str, restore: Restore, now: datetime
) -> DeployedSchedule:
    """Return what EventBridge Scheduler has of a restore's schedule, and when it starts next."""
    try:
        found = find_refresh_schedule(deployment, name)
    except AwsError as error:
        return DeployedSchedule(
            text=f"Its deployed schedule could not be looked at: {sentence(error.message)}",
            starts=restore.schedule is not None and restore.schedule.enabled,
        )
    if found is None:
        return DeployedSchedule(
            text="It has no schedule."
            if restore.schedule is None
            else f"Its schedule, {restore.schedule}, is not deployed: EventBridge Scheduler has "
            "none for it."
        )
    coming = next_start_of(name, found.schedule, now)
    return DeployedSchedule(
        text=f"Deployed is {found.name}: {found.schedule}. {coming}",
        starts=found.schedule.enabled and not coming.never,
        start=coming.start,
    )


def _beside(deployment: Deployment, restore: Restore, pause: Pause, now: datetime) -> list[str]:
    """Return what is deployed, and what the person may not expect of the pause."""
    deployed = deployed_schedule(deployment, pause.restore, restore, now)
    said = [deployed.text]
    if not deployed.starts:
        said.append("So nothing is held back for now.")
    elif deployed.start is not None:
        held_back = pause.is_in_force(deployed.start)
        said.append(
            "The pause holds that start back."
            if held_back
            else "The pause has ended by then, and holds no start back."
        )
    worker = deployment.lock_of(restore.target.cluster_id).at_work(now)
    if worker is not None:
        said.append(f"Operation {worker.operation_id} is at work on the target, and goes on.")
    return said
