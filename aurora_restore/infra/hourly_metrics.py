"""The function that publishes the metrics of every restore each hour, and the alarms on them."""

from collections.abc import Iterable, Mapping
from typing import Final, TypedDict

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from constructs import Construct

from aurora_restore.infra.alarms import Alarms, in_runbook
from aurora_restore.shared.metric_names import (
    DURATION_RATIO,
    METRICS_NAMESPACE,
    OVERDUE_HOURS,
    RESTORE,
    RESTORES_WATCHED,
    SERVICE,
    SLOW_RATIO,
)

HOUR: Final = Duration.hours(1)


class _Raised(TypedDict):
    threshold: float
    comparison: cloudwatch.ComparisonOperator
    missing: cloudwatch.TreatMissingData


_HOURS_WITHOUT_METRICS: Final = 3
_OVERDUE: Final[_Raised] = {
    "threshold": 0,
    "comparison": cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
    "missing": cloudwatch.TreatMissingData.MISSING,
}
"""When an alarm on hours overdue is raised."""


class HourlyMetrics(Construct):
    """A rule that calls the function each hour, and the alarms on what it publishes.

    An alarm of a restore whose metric has no value says so, by INSUFFICIENT_DATA, and another one
    is raised if the function has published nothing for some hours: what is not known must not look
    as if it were fine. The restores of ``with_own_alarm`` have an alarm each on being overdue; or,
    if ``has_common_alarm``, all have one. A call may be repeated, and its values come twice.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name_prefix: str,
        with_own_alarm: Iterable[str],
        has_common_alarm: bool,
        publisher: lambda_.IFunction,
        topic: sns.ITopic,
    ) -> None:
        super().__init__(scope, construct_id)
        self._prefix = name_prefix
        events.Rule(
            self,
            "Rule",
            description=f"Publishes the metrics of the restores of {name_prefix} each hour",
            schedule=events.Schedule.rate(HOUR),
            targets=[targets.LambdaFunction(publisher)],
        )
        alarms = Alarms(self, name_prefix=name_prefix, topic=topic)
        alarms.add(
            "unwatched",
            f"For {_HOURS_WITHOUT_METRICS} hours nothing has been published of the restores of "
            f"{name_prefix}: nobody would learn that one is overdue. Look at the log of "
            f"{publisher.function_name}. " + in_runbook("restores-that-are-not-watched"),
            self._metric(RESTORES_WATCHED),
            comparison=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            evaluation_periods=_HOURS_WITHOUT_METRICS,
            missing=cloudwatch.TreatMissingData.BREACHING,
        )
        alarms.add(
            "slow-run",
            f"A run of {name_prefix} takes {SLOW_RATIO} times as long as the median of its "
            "restore, or has taken so long: the dashboard, the metric "
            f"{DURATION_RATIO} of each restore and `aurora-restore list` say which. "
            + in_runbook("a-slow-run"),
            self._metric(DURATION_RATIO),
            threshold=SLOW_RATIO,
            missing=cloudwatch.TreatMissingData.MISSING,
        )
        if has_common_alarm:
            alarms.add(
                "overdue",
                f"A restore of {name_prefix} is overdue: a scheduled start should have led to a "
                "success by now, and has not. The dashboard and the metric "
                f"{OVERDUE_HOURS} of each restore say which. " + in_runbook("an-overdue-restore"),
                self._metric(OVERDUE_HOURS),
                **_OVERDUE,
            )
        self.common_alarms = dict(alarms.made)
        """The alarms on all restores together, by name."""
        for name in with_own_alarm:
            alarms.add(
                f"overdue-{name}",
                f"The restore {name} of {name_prefix} is overdue: a scheduled start should "
                "have led to a success by now, and has not. See `aurora-restore list "
                f"--restore {name}`. " + in_runbook("an-overdue-restore"),
                self._metric(OVERDUE_HOURS, {RESTORE: name}),
                **_OVERDUE,
            )

    def _metric(self, name: str, of: Mapping[str, str] | None = None) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=METRICS_NAMESPACE,
            metric_name=name,
            dimensions_map={SERVICE: self._prefix, **(of or {})},
            statistic="Maximum",
            period=HOUR,
        )
