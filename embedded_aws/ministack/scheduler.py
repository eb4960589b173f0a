"""Patches for EventBridge Scheduler: what it accepts, and when a schedule starts its target.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

import json
import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final
from zoneinfo import ZoneInfo

from ministack.core import iam_evaluator
from ministack.core.arn import parse_arn
from ministack.core.responses import (
    get_account_id,
    get_region,
    set_request_account_id,
    set_request_region,
)
from ministack.services import eventbridge, iam, scheduler
from ministack.services import stepfunctions as sfn
from ministack.services.cloudformation import provisioners

from embedded_aws.ministack import cloudwatch, sqs

Properties = Mapping[str, Any]
Provisioned = tuple[str, dict[str, Any]]
Response = tuple[int, Mapping[str, str], bytes]

TICK_SECONDS: Final = 0.5
"""How often schedules are looked at. AWS starts a target within the minute."""

_SCHEDULE: Final = "AWS::Scheduler::Schedule"
_PRINCIPAL: Final = "scheduler.amazonaws.com"
_NAME: Final = re.compile(r"[0-9a-zA-Z-_.]{1,64}")
_RATE: Final = re.compile(r"rate\([1-9][0-9]* (minute|hour|day)s?\)")
_AT: Final = re.compile(r"at\((\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})\)")
_LONGEST_WINDOW_MINUTES: Final = 1440


@dataclass
class _Clock:
    """The time by which schedules are due, which a test may set; then it goes on as usual."""

    ahead: float = 0.0
    looked: float | None = None
    """Until when all schedules have been looked at."""

    def now(self) -> float:
        return time.time() + self.ahead

    def set(self, moment: float) -> None:
        """Let it be a moment. What was due in between is not made up for."""
        self.ahead, self.looked = moment - time.time(), moment


_clock = _Clock()
_begun: dict[Any, float] = {}
"""When each schedule with a ``rate`` has started its target last, in real time."""


def set_clock(moment: str) -> str:
    """Set the clock of the schedules to a moment in ISO 8601 and return it."""
    _clock.set(datetime.fromisoformat(moment).timestamp())
    return moment


def validate_schedules() -> None:
    """Refuse what AWS refuses: names, expressions, time zones, windows, and an unusable role.

    https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html
    """
    for action in ("_create_schedule", "_update_schedule"):
        _refuse(action, getattr(scheduler, action))


def _refuse(action: str, original: Callable[[str, Properties], Response]) -> None:
    def respond(name: str, body: Properties) -> Response:
        if problem := next(_problems(name, body), None):
            refusal: Response = scheduler._error(400, "ValidationException", problem)
            return refusal
        return original(name, body)

    setattr(scheduler, action, respond)


def _problems(name: str, body: Properties) -> Iterator[str]:
    for value in (name, body.get("GroupName", "default")):
        if not _NAME.fullmatch(value):
            yield f"Value {value!r} failed to satisfy constraint: {_NAME.pattern}"
    expression = body.get("ScheduleExpression", "")
    if not _is_expression(expression):
        yield f"Invalid Schedule Expression {expression}."
    if (zone := body.get("ScheduleExpressionTimezone", "UTC")) and _zone(zone) is None:
        yield f"Invalid Schedule Expression Timezone {zone}."
    window = body.get("FlexibleTimeWindow") or {}
    minutes = window.get("MaximumWindowInMinutes")
    if window.get("Mode") == "FLEXIBLE" and not (
        minutes is not None and 1 <= int(minutes) <= _LONGEST_WINDOW_MINUTES
    ):
        yield "A flexible time window needs its minutes."
    target = body.get("Target") or {}
    group = scheduler._group_arn(body.get("GroupName", "default"))
    if target.get("RoleArn") and not _may_assume(target["RoleArn"], group):
        yield (
            "The execution role you provide must allow AWS EventBridge Scheduler to assume the "
            "role."
        )


def _is_expression(text: str) -> bool:
    if _RATE.fullmatch(text):
        return True
    if one_time := _AT.fullmatch(text):
        return _wall_time(one_time[1]) is not None
    return eventbridge._parse_cron_fields(text) is not None


def _wall_time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


def _may_assume(role_arn: str, group_arn: str) -> bool:
    """Return whether the trust policy of a role lets Scheduler act for schedules of a group.

    https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
    """
    role = iam._roles.get(role_arn.rpartition("/")[2])
    if role is None:
        return False
    document = role["AssumeRolePolicyDocument"]
    statements = (json.loads(document) if isinstance(document, str) else document)["Statement"]
    context = iam_evaluator.EvalContext(
        principal_arn=_PRINCIPAL,
        principal_type="Service",
        principal_account=get_account_id(),
        action="sts:AssumeRole",
        resource_arn=role_arn,
        region=get_region(),
        service_context={"aws:sourcearn": group_arn, "aws:sourceaccount": get_account_id()},
    )
    return any(
        each["Effect"] == "Allow"
        and iam_evaluator._service_principal_matches(each.get("Principal"), _PRINCIPAL)
        and iam_evaluator._conditions_met(each.get("Condition") or {}, context)
        for each in (statements if isinstance(statements, list) else [statements])
    )


def provision_every_schedule_property() -> None:
    """Give a stack's schedule all of its properties, and fail the stack if it is refused.

    MiniStack leaves out the time zone, the dates and what follows completion.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-scheduler-schedule.html
    """
    handlers = provisioners._RESOURCE_HANDLERS[_SCHEDULE]

    def create(logical_id: str, properties: Properties, stack: str) -> Provisioned:
        name = properties.get("Name") or provisioners._physical_name(stack, logical_id, max_len=64)
        return _provisioned(name, scheduler._create_schedule(name, properties))

    def update(
        physical_id: str, old: Properties, new: Properties, stack: str, *_: str
    ) -> Provisioned:
        identity = ("Name", "GroupName")
        if any(old.get(each) != new.get(each) for each in identity):
            return create(physical_id, new, stack)
        return _provisioned(physical_id, scheduler._update_schedule(physical_id, new))

    handlers.update(create=create, update=update)


def _provisioned(name: str, response: Response) -> Provisioned:
    status, _, body = response
    answer = json.loads(body)
    if status != HTTPStatus.OK:
        raise ValueError(f"{_SCHEDULE} {name}: {answer['__type']}: {answer['Message']}")
    return name, {"Arn": answer["ScheduleArn"]}


def list_schedules_by_pages() -> None:
    """List all schedules by pages, of a hundred at most, and not only the first ones.

    https://docs.aws.amazon.com/scheduler/latest/APIReference/API_ListSchedules.html
    """
    original: Callable[[Mapping[str, str]], Response] = scheduler._list_schedules

    def list_schedules(query: Mapping[str, str]) -> Response:
        every = original({**query, "MaxResults": str(len(scheduler._schedules) + 1)})
        found = json.loads(every[2])["Schedules"]
        begin = int(query.get("NextToken") or 0)
        end = begin + min(int(query.get("MaxResults") or 100), 100)
        page = {"Schedules": found[begin:end]}
        if end < len(found):
            page["NextToken"] = str(end)
        response: Response = scheduler._json_resp(200, page)
        return response

    scheduler._list_schedules = list_schedules


def start_schedules_in_their_time_zones() -> None:
    """Start what is due by the clock of its time zone, as AWS does about daylight saving time.

    MiniStack reads every expression in UTC. A time that the clocks skip is no start; one that they
    repeat is a start once, before they go back. A ``rate`` starts immediately, and then at its
    interval. What cannot be started goes to the dead-letter queue without being tried again, and is
    counted in a metric.
    """
    scheduler._tick_schedules = _tick
    scheduler._SCHEDULE_TICK_INTERVAL = TICK_SECONDS


def next_start(expression: str, zone_name: str, after: datetime) -> datetime | None:
    """Return when a ``cron`` or ``at`` expression is due next after a moment; None if never."""
    zone = ZoneInfo(zone_name)
    return next((each for each in _starts(expression, zone, after) if each > after), None)


def _starts(expression: str, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """Yield the moments for which an expression asks, those that the clocks skip left out."""
    for wall in _walls(expression, after.astimezone(zone).replace(tzinfo=UTC)):
        moment = wall.replace(tzinfo=zone).astimezone(UTC)
        if moment.astimezone(zone).replace(tzinfo=UTC) == wall:
            yield moment


def _walls(expression: str, after: datetime) -> Iterator[datetime]:
    """Yield the times by the clock for which an expression asks; UTC stands for its time zone."""
    if one_time := _AT.fullmatch(expression):
        yield datetime.fromisoformat(one_time[1]).replace(tzinfo=UTC)
        return
    fields = eventbridge._parse_cron_fields(expression)
    while (after := eventbridge._cron_next_fire(fields, after)) is not None:
        yield after


def _tick() -> None:
    now = _clock.now()
    looked, _clock.looked = _clock.looked or now, now
    for key, schedule in list(scheduler._schedules._data.items()):
        if schedule["State"] == "ENABLED" and _is_due(key, schedule, looked, now):
            account, region, _ = key
            set_request_account_id(account)
            set_request_region(region)
            _start_target(schedule, now)


def _is_due(key: Any, schedule: Mapping[str, Any], looked: float, now: float) -> bool:
    begin, end = (scheduler._to_epoch(schedule.get(each)) for each in ("StartDate", "EndDate"))
    if (begin is not None and now < begin) or (end is not None and now > end):
        return False
    expression = schedule["ScheduleExpression"]
    seconds = eventbridge._parse_rate_seconds(expression)
    if seconds is not None:
        last = _begun.get(key)
        if last is not None and time.time() - last < seconds:
            return False
        _begun[key] = time.time()
        return True
    zone = schedule.get("ScheduleExpressionTimezone") or "UTC"
    start = next_start(expression, zone, datetime.fromtimestamp(looked, UTC))
    return start is not None and start.timestamp() <= now


def _start_target(schedule: Mapping[str, Any], now: float) -> None:
    target = schedule["Target"]
    spec = parse_arn(target["Arn"])
    if spec.service != "states":
        eventbridge._invoke_target(target, _event_of(schedule, now), schedule)
        return
    # AWS does not document how it names the execution: this is the longest name seen of
    # EventBridge, two UUIDs. Names made from it, or checked against a pattern, must bear it.
    request = {
        "stateMachineArn": target["Arn"],
        "input": target.get("Input", "{}"),
        "name": f"{uuid.uuid4()}_{uuid.uuid4()}",
    }
    status, _, body = sfn._start_execution(request)
    if status != HTTPStatus.OK:
        _give_up(schedule, now, json.loads(body))


def _event_of(schedule: Mapping[str, Any], now: float) -> dict[str, Any]:
    return {
        "EventId": str(uuid.uuid4()),
        "Source": "aws.scheduler",
        "DetailType": "Scheduled Event",
        "Detail": "{}",
        "Time": now,
        "Resources": [schedule["Arn"]],
        "Account": get_account_id(),
        "Region": get_region(),
    }


def _give_up(schedule: Mapping[str, Any], now: float, error: Mapping[str, Any]) -> None:
    """Count a start that was not delivered, and put it into the dead-letter queue.

    https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html
    """
    target = schedule["Target"]
    cloudwatch.count("AWS/Scheduler", "InvocationDroppedCount", ScheduleGroup=schedule["GroupName"])
    queue = (target.get("DeadLetterConfig") or {}).get("Arn")
    if not sqs.is_queue(queue):
        return
    sqs.send_dead_letter(
        queue,
        {"StateMachineArn": target["Arn"], "Input": target.get("Input", "{}")},
        {
            "ERROR_CODE": str(error.get("__type", "")),
            "ERROR_MESSAGE": str(error.get("message") or error.get("Message") or ""),
            "IS_PAYLOAD_TRUNCATED": "false",
            "RETRY_ATTEMPTS": "0",
            "SCHEDULED_TIME": f"{datetime.fromtimestamp(now, UTC):%Y-%m-%dT%H:%M:00Z}",
            "SCHEDULE_ARN": schedule["Arn"],
            "TARGET_ARN": target["Arn"],
        },
    )
