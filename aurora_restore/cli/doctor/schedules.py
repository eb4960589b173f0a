"""Whether each restore starts by itself as configured, and when it does so next."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from aurora_restore.cli.doctor.next_start import next_start
from aurora_restore.cli.doctor.site import Site
from aurora_restore.cli.findings import Observation, ok, problem, warning
from aurora_restore.cli.output import moment
from aurora_restore.shared.documents.event import SCHEDULE
from aurora_restore.shared.documents.restore import Restore
from aurora_restore.shared.notices.notice import sentence
from aurora_restore.shared.pause import PauseStore

_DEPLOY: Final = "Deploy the stack again."
_ENABLED: Final = "ENABLED"


@dataclass(frozen=True, kw_only=True)
class StartRule:
    """A rule of EventBridge that starts the state machine."""

    name: str
    expression: str
    is_enabled: bool
    restore: str | None
    retires: bool
    """Whether it deletes what has been kept beside the target, instead of a refresh."""
    is_held_back: bool
    """Whether a pause holds back what it starts: its input has to say that a schedule does."""


def examine_schedules(site: Site) -> Iterator[Observation]:
    """Yield what was found of the schedules."""
    rules = [_start_rule(rule, target) for rule, target in site.start_rules]
    for name, restore in site.restores.items():
        yield from decide_schedule(name, restore, rules, site.now)
        pause = PauseStore(site.deployment.store, name).read()
        if pause is not None and pause.is_in_force(site.now):
            yield warning(sentence(str(pause)), f"aurora-restore unpause {name}")


def _start_rule(rule: Mapping[str, Any], target: Mapping[str, Any]) -> StartRule:
    given = _input_of(target)
    return StartRule(
        name=rule["Name"],
        expression=rule.get("ScheduleExpression", ""),
        is_enabled=rule.get("State", "").startswith(_ENABLED),
        restore=given.get("restore"),
        retires=given.get("retire") is True,
        is_held_back=given.get("started_by") == SCHEDULE,
    )


def _input_of(target: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        given = json.loads(target.get("Input") or "{}")
    except ValueError:
        return {}
    return given if isinstance(given, dict) else {}


def decide_schedule(
    name: str, restore: Restore, rules: Sequence[StartRule], now: datetime
) -> Iterator[Observation]:
    """Yield what the rules mean for a restore."""
    own = [rule for rule in rules if rule.restore == name]
    starts = [rule for rule in own if not rule.retires]
    if restore.schedule is None:
        if not starts:
            yield ok(f"{name} has no schedule, and starts only by hand.")
    elif not starts:
        yield problem(f"{name} has a schedule, and no rule of EventBridge starts it.", _DEPLOY)
    for rule in starts:
        yield _start(name, restore, rule, now)
        if rule.is_enabled and not rule.is_held_back:
            yield problem(
                f"No pause holds back what rule {rule.name} starts: its input does not have "
                f'"started_by": "{SCHEDULE}".',
                "Deploy the stack again, or add that to the input. Until then disable the rule in "
                f"EventBridge instead of pausing {name}.",
            )
    if restore.target.is_switched:
        yield _retirement(name, [rule for rule in own if rule.retires])


def _start(name: str, restore: Restore, rule: StartRule, now: datetime) -> Observation:
    if restore.schedule is None:
        return warning(
            f"{name} has no schedule, and rule {rule.name} starts it: {rule.expression}.", _DEPLOY
        )
    if not rule.is_enabled:
        if not restore.schedule.enabled:
            return warning(
                f"The schedule of {name} is disabled by schedule.enabled.",
                "Set it to true and deploy, if the restore is to start by itself.",
            )
        return problem(
            f"The schedule of {name} is disabled: rule {rule.name}.",
            "Enable the rule in EventBridge, or deploy the stack again.",
        )
    if rule.expression != restore.schedule.expression:
        return warning(
            f"{name} starts by {rule.expression}, and {restore.schedule.expression} is configured.",
            _DEPLOY,
        )
    if rule.expression.startswith("rate("):
        return ok(f"{name} starts by itself: {rule.expression}.")
    coming = next_start(rule.expression, now)
    if coming is None:
        return warning(
            f"{name} never starts again by {rule.expression}.", "Correct schedule.expression."
        )
    return ok(f"{name} starts next at {moment(coming)}.")


def _retirement(name: str, rules: Sequence[StartRule]) -> Observation:
    if any(rule.is_enabled for rule in rules):
        return ok(f"What {name} keeps beside its target is deleted when its time has come.")
    return problem(
        f"No enabled rule deletes what {name} keeps beside its target, which costs money until "
        "then.",
        _DEPLOY,
    )
