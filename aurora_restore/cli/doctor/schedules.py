"""Whether each restore starts by itself as configured, and when it does so next."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from aurora_restore.cli.doctor.site import Site
from aurora_restore.cli.findings import Observation, ok, problem, warning
from aurora_restore.cli.starters import Starter
from aurora_restore.shared.documents.event import SCHEDULE
from aurora_restore.shared.documents.restore import Restore
from aurora_restore.shared.next_starts import next_start_of
from aurora_restore.shared.notices.notice import sentence
from aurora_restore.shared.pause import PauseStore

_DEPLOY: Final = "Deploy the stack again."


def examine_schedules(site: Site) -> Iterator[Observation]:
    """Yield what was found of the schedules."""
    for name, restore in site.restores.items():
        yield from decide_schedule(name, restore, site.starters, site.now)
        pause = PauseStore(site.deployment.store, name).read()
        if pause is not None and pause.is_in_force(site.now):
            yield warning(sentence(str(pause)), f"aurora-restore unpause {name}")


def decide_schedule(
    name: str, restore: Restore, starters: Sequence[Starter], now: datetime
) -> Iterator[Observation]:
    """Yield what it means for a restore that these schedules and rules are deployed."""
    own = [each for each in starters if each.restore == name]
    starts = [each for each in own if not each.retires]
    if restore.schedule is None:
        if not starts:
            yield ok(f"{name} has no schedule, and starts only by hand.")
    elif all(each.is_rule for each in starts):
        yield problem(f"{name} has a schedule, and none is deployed that starts it.", _DEPLOY)
    for each in starts:
        if not each.is_rule:
            yield _start(name, restore, each, now)
        elif each.schedule.enabled:
            yield _start_by_rule(name, restore, each)
        if each.schedule.enabled and not each.is_held_back:
            yield problem(
                f"No pause holds back what {each.name} starts: its input does not have "
                f'"started_by": "{SCHEDULE}".',
                "Deploy the stack again, or add that to the input. Until then disable it in "
                f"EventBridge instead of pausing {name}.",
            )
    if restore.target.is_switched:
        yield _retirement(name, [each for each in own if each.retires])


def _start(name: str, restore: Restore, starter: Starter, now: datetime) -> Observation:
    configured, deployed = restore.schedule, starter.schedule
    if configured is None:
        return warning(
            f"{name} has no schedule, and {starter.name} starts it: {deployed}.", _DEPLOY
        )
    if not deployed.enabled:
        if not configured.enabled:
            return warning(
                f"The schedule of {name} is disabled by schedule.enabled.",
                "Set it to true and deploy, if the restore is to start by itself.",
            )
        return problem(
            f"The schedule of {name} is disabled: {starter.name}.",
            "Enable it in EventBridge Scheduler, or deploy the stack again.",
        )
    if str(deployed) != str(configured):
        return warning(f"{name} starts by {deployed}, and {configured} is configured.", _DEPLOY)
    coming = next_start_of(name, deployed, now)
    if coming.never:
        return warning(f"{coming}", "Correct schedule.expression.")
    return ok(f"{coming}")


def _start_by_rule(name: str, restore: Restore, starter: Starter) -> Observation:
    """Return what it means that a rule of EventBridge starts a restore."""
    beside = "" if restore.schedule is None else " beside its schedule"
    when = f": {starter.schedule}" if starter.schedule.expression else ""
    return warning(
        f"{starter.name[:1].upper()}{starter.name[1:]} starts {name}{beside}{when}.",
        "Delete the rule, if an older version of the stack has left it; otherwise it is your own.",
    )


def _retirement(name: str, starters: Sequence[Starter]) -> Observation:
    if any(each.schedule.enabled for each in starters):
        return ok(f"What {name} keeps beside its target is deleted when its time has come.")
    return problem(
        f"No enabled schedule deletes what {name} keeps beside its target, which costs money until "
        "then.",
        _DEPLOY,
    )
