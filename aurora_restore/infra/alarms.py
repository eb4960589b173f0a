"""CloudWatch alarms that tell the topic."""

from typing import Final

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from constructs import Construct

RUNBOOK: Final = "docs/operating.md"


def in_runbook(section: str) -> str:
    """Return the sentence of a description that says where to read what to do."""
    return f"See {RUNBOOK}#{section}."


class Alarms:
    """Makes alarms in a construct, each named after the environment, which publish to its topic."""

    def __init__(self, scope: Construct, *, name_prefix: str, topic: sns.ITopic) -> None:
        self._scope = scope
        self._prefix = name_prefix
        self._topic = topic
        self.made: dict[str, cloudwatch.Alarm] = {}
        """What it has made, by name."""

    def add(
        self,
        name: str,
        description: str,
        metric: cloudwatch.IMetric,
        *,
        threshold: float = 1,
        comparison: cloudwatch.ComparisonOperator = (
            cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
        ),
        evaluation_periods: int = 1,
        missing: cloudwatch.TreatMissingData = cloudwatch.TreatMissingData.NOT_BREACHING,
    ) -> cloudwatch.Alarm:
        """Make an alarm; ``missing`` is what it means that the metric has no value."""
        alarm = cloudwatch.Alarm(
            self._scope,
            name,
            alarm_name=f"{self._prefix}-{name}",
            alarm_description=description,
            metric=metric,
            threshold=threshold,
            evaluation_periods=evaluation_periods,
            comparison_operator=comparison,
            treat_missing_data=missing,
        )
        alarm.add_alarm_action(actions.SnsAction(self._topic))
        self.made[name] = alarm
        return alarm
