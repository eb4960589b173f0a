"""Whether a failure is noticed: subscriptions, alarms and undelivered events."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aurora_restore.cli.doctor.asking import ask, ask_all, ask_or_none
from aurora_restore.cli.doctor.site import RuleWithTarget, Site
from aurora_restore.cli.findings import Observation, listed, ok, problem, warning
from aurora_restore.shared.pipeline import STEPS

_PENDING: Final = frozenset({"PendingConfirmation", "pending confirmation"})
_DELETED: Final = "Deleted"
_ALARM: Final = "ALARM"
_LATEST: Final = "$LATEST"
"""The version of a function that EventBridge calls."""
_DEPLOY: Final = "Deploy the stack again."


@dataclass(frozen=True)
class TopicSubscription:
    """Where a topic's messages go."""

    protocol: str
    endpoint: str
    is_confirmed: bool


def examine_subscriptions(site: Site) -> Iterator[Observation]:
    """Yield what was found of the topic's subscriptions."""
    topic = site.deployment.environment.topic_arn
    found = ask_all(
        "sns:ListSubscriptionsByTopic",
        site.client("sns"),
        "list_subscriptions_by_topic",
        "Subscriptions",
        TopicArn=topic,
    )
    yield from decide_subscriptions(
        topic.rpartition(":")[2],
        [
            TopicSubscription(
                each["Protocol"], each["Endpoint"], each["SubscriptionArn"] not in _PENDING
            )
            for each in found
            if each["SubscriptionArn"] != _DELETED
        ],
    )


def decide_subscriptions(topic: str, found: Sequence[TopicSubscription]) -> Iterator[Observation]:
    """Yield what the subscriptions mean."""
    confirmed = [each for each in found if each.is_confirmed]
    for each in found:
        if not each.is_confirmed:
            yield problem(
                f"{each.endpoint} ({each.protocol}) has not confirmed its subscription, and gets "
                "no message.",
                "Follow the link in the message that AWS has sent there. It is valid for two days; "
                "after that, subscribe the address again.",
            )
    if confirmed:
        yield ok(f"Topic {topic} goes to {listed(each.endpoint for each in confirmed)}.")
    elif not found:
        yield problem(
            f"Nobody is subscribed to topic {topic}, so that nobody learns of a failure.",
            "Add notification_emails to the configuration and deploy, or subscribe something else.",
        )


@dataclass(frozen=True, kw_only=True)
class AlarmFacts:
    """An alarm of CloudWatch."""

    name: str
    is_raised: bool
    acts: bool
    """Whether its actions are enabled."""
    actions: frozenset[str]


def examine_alarms(site: Site) -> Iterator[Observation]:
    """Yield what was found of the alarms."""
    environment = site.deployment.environment
    found = ask_all(
        "cloudwatch:DescribeAlarms",
        site.client("cloudwatch"),
        "describe_alarms",
        "MetricAlarms",
        AlarmNamePrefix=f"{environment.name_prefix}-",
    )
    yield from decide_alarms(
        environment.name_prefix,
        environment.topic_arn,
        [
            AlarmFacts(
                name=each["AlarmName"],
                is_raised=each.get("StateValue") == _ALARM,
                acts=each.get("ActionsEnabled", True),
                actions=frozenset(each.get("AlarmActions", [])),
            )
            for each in found
        ],
    )


def decide_alarms(prefix: str, topic: str, found: Sequence[AlarmFacts]) -> Iterator[Observation]:
    """Yield what the alarms mean."""
    if not found:
        yield problem(f"There is no alarm whose name begins with {prefix}-.", _DEPLOY)
        return
    wired = 0
    for alarm in found:
        if not alarm.acts:
            yield problem(
                f"The actions of alarm {alarm.name} are disabled.",
                f"Enable them: aws cloudwatch enable-alarm-actions --alarm-names {alarm.name}",
            )
        elif topic not in alarm.actions:
            yield problem(f"Alarm {alarm.name} does not go to the topic.", _DEPLOY)
        else:
            wired += 1
        if alarm.is_raised:
            yield warning(
                f"Alarm {alarm.name} is raised.",
                "Read the history of the alarm. It returns to OK once its cause is gone.",
            )
    if wired:
        yield ok(f"{wired} of {len(found)} alarms go to the topic.")


def examine_failure_rule(site: Site) -> Iterator[Observation]:
    """Yield whether EventBridge reports failed executions to the step that announces them."""
    yield decide_failure_rule(
        [rule.get("State", "").startswith("ENABLED") for rule, _ in _failure_rules(site)]
    )


def _failure_rules(site: Site) -> Iterator[RuleWithTarget]:
    """Yield the rules that call the functions which announce outcomes."""
    for step, found in site.functions.items():
        if step.publishes and found is not None:
            yield from site.rules_to(found["FunctionArn"])


def decide_failure_rule(enabled: Sequence[bool]) -> Observation:
    """Return what it means that so many rules are enabled or not."""
    if any(enabled):
        return ok("A rule of EventBridge has failed executions announced.")
    if enabled:
        return problem(
            "The rule of EventBridge that has failed executions announced is disabled.",
            "Enable it in EventBridge, or deploy the stack again.",
        )
    return problem("No rule of EventBridge has failed executions announced.", _DEPLOY)


def examine_dead_letters(site: Site) -> Iterator[Observation]:
    """Yield what was found of the queues of events that could not be delivered."""
    queues = set(_queues_of_functions(site))
    queues |= {each.dead_letters for each in site.starters if each.dead_letters}
    queues |= {
        target["DeadLetterConfig"]["Arn"]
        for _, target in _failure_rules(site)
        if target.get("DeadLetterConfig", {}).get("Arn")
    }
    sqs = site.client("sqs")
    waiting = {}
    for arn in sorted(queues):
        name = arn.rpartition(":")[2]
        url = ask("sqs:GetQueueUrl", sqs.get_queue_url, QueueName=name)["QueueUrl"]
        attributes = ask(
            "sqs:GetQueueAttributes",
            sqs.get_queue_attributes,
            QueueUrl=url,
            AttributeNames=["ApproximateNumberOfMessages"],
        )["Attributes"]
        waiting[name] = int(attributes["ApproximateNumberOfMessages"])
    yield from decide_dead_letters(waiting)


def _queues_of_functions(site: Site) -> Iterator[str]:
    """Yield the queues to which Lambda sends events that a function has failed to process."""
    for step in STEPS:
        if not step.publishes:
            continue
        found = ask_or_none(
            "lambda:GetFunctionEventInvokeConfig",
            "ResourceNotFoundException",
            site.deployment.functions.get_function_event_invoke_config,
            FunctionName=site.deployment.function_name(step),
            Qualifier=_LATEST,
        )
        destination = _destination(found or {})
        if destination:
            yield destination


def _destination(found: Mapping[str, Any]) -> str | None:
    on_failure = (found.get("DestinationConfig") or {}).get("OnFailure") or {}
    return on_failure.get("Destination")


def decide_dead_letters(waiting: Mapping[str, int]) -> Iterator[Observation]:
    """Yield what the numbers of events that were not delivered mean, by queue."""
    if not waiting:
        yield problem("Events that cannot be delivered go to no queue.", _DEPLOY)
    for queue, count in waiting.items():
        if count:
            yield problem(
                f"{count} event{'' if count == 1 else 's'} could not be delivered: queue {queue}.",
                "Read them: each is a scheduled start, or a failure that was not announced. Start "
                "what is missing, then purge the queue.",
            )
        else:
            yield ok(f"Every event was delivered: queue {queue} is empty.")
