"""What starts the deployed pipeline by itself: schedules, and rules of EventBridge."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aurora_restore.cli.context import Deployment
from aurora_restore.shared.aws_utils import call, code_of
from aurora_restore.shared.documents.event import SCHEDULE
from aurora_restore.shared.documents.schedule import UTC_ZONE, Schedule
from aurora_restore.shared.errors import AwsError
from aurora_restore.shared.names import refresh_schedule_name, schedule_group_name

ABSENT = "ResourceNotFoundException"
"""The code by which Scheduler says that there is no such schedule or group."""


@dataclass(frozen=True, kw_only=True)
class Starter:
    """A schedule of EventBridge Scheduler, or a rule of EventBridge, with the pipeline as target.

    The stack deploys schedules. An older version of it has deployed rules, and people may have
    rules of their own.
    """

    name: str
    """What it is and what it is called."""
    is_rule: bool
    schedule: Schedule
    """Of a rule that waits for events, one without an expression."""
    restore: str | None
    retires: bool
    """Whether it deletes what has been kept beside the target, instead of a refresh."""
    is_held_back: bool
    """Whether a pause holds back what it starts: its input has to say that a schedule does."""
    dead_letters: str | None
    """The ARN of the queue for what it could not start."""


def starter_of_schedule(found: Mapping[str, Any]) -> Starter:
    """Return a schedule, as GetSchedule describes it."""
    schedule = Schedule(
        expression=found["ScheduleExpression"],
        time_zone=found.get("ScheduleExpressionTimezone") or UTC_ZONE,
        enabled=_is_enabled(found),
    )
    return _starter(f"schedule {found['Name']}", schedule, found["Target"], is_rule=False)


def starter_of_rule(rule: Mapping[str, Any], target: Mapping[str, Any]) -> Starter:
    """Return a rule with one of its targets, as EventBridge describes them."""
    schedule = Schedule(expression=rule.get("ScheduleExpression", ""), enabled=_is_enabled(rule))
    return _starter(f"rule {rule['Name']}", schedule, target, is_rule=True)


def _is_enabled(described: Mapping[str, Any]) -> bool:
    return str(described.get("State", "")).startswith("ENABLED")


def _starter(name: str, schedule: Schedule, target: Mapping[str, Any], *, is_rule: bool) -> Starter:
    given = _input_of(target)
    return Starter(
        name=name,
        is_rule=is_rule,
        schedule=schedule,
        restore=given.get("restore"),
        retires=given.get("retire") is True,
        is_held_back=given.get("started_by") == SCHEDULE,
        dead_letters=(target.get("DeadLetterConfig") or {}).get("Arn"),
    )


def _input_of(target: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        given = json.loads(target.get("Input") or "{}")
    except ValueError:
        return {}
    return given if isinstance(given, dict) else {}


def find_refresh_schedule(deployment: Deployment, restore: str) -> Starter | None:
    """Return the deployed schedule of a restore; None if there is none. Raises AwsError."""
    client = deployment.session.client("scheduler")
    try:
        found = call(
            client.get_schedule,
            GroupName=schedule_group_name(deployment.name_prefix),
            Name=refresh_schedule_name(restore),
        )
    except AwsError as error:
        if code_of(error) == ABSENT:
            return None
        raise
    return starter_of_schedule(found)
