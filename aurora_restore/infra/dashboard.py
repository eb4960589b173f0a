"""The dashboard of an environment."""

from collections.abc import Iterable, Mapping

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from aurora_restore.shared.metric_names import (
    DURATION_RATIO,
    METRICS_NAMESPACE,
    OVERDUE_HOURS,
    RESTORE,
    SERVICE,
)
from aurora_restore.shared.names import dashboard_name

_WIDE = 24
_HALF = 12
_HOUR = Duration.hours(1)


class RestoresDashboard(Construct):
    """A dashboard of CloudWatch: the table of the restores, and below it alarms and metrics.

    The table is what ``renderer`` returns, which CloudWatch calls with the permissions of who looks
    at the dashboard: that person may have to invoke the function. Metrics of restores are searched
    for, so that the dashboard is as large whatever their number is. ``has_metrics`` is whether the
    hourly function publishes them.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name_prefix: str,
        renderer: lambda_.IFunction,
        alarms: Iterable[cloudwatch.IAlarm],
        machine: sfn.StateMachine,
        functions: Mapping[str, lambda_.IFunction],
        dead_letters: sqs.IQueue,
        has_metrics: bool,
    ) -> None:
        super().__init__(scope, construct_id)
        self._prefix = name_prefix
        cloudwatch.Dashboard(
            self,
            "Dashboard",
            dashboard_name=dashboard_name(name_prefix),
            default_interval=Duration.days(14),
            period_override=cloudwatch.PeriodOverride.INHERIT,
            widgets=[
                [
                    cloudwatch.CustomWidget(
                        function_arn=renderer.function_arn,
                        title=f"Restores of {name_prefix}",
                        width=_WIDE,
                        height=9,
                        update_on_refresh=True,
                        update_on_resize=False,
                        update_on_time_range_change=False,
                    )
                ],
                [
                    cloudwatch.AlarmStatusWidget(
                        title="Alarms", alarms=list(alarms), width=_WIDE, height=3
                    )
                ],
                *([self._of_restores()] if has_metrics else []),
                [
                    cloudwatch.GraphWidget(
                        title="Runs",
                        left=_executions(machine),
                        width=_HALF,
                    ),
                    cloudwatch.GraphWidget(
                        title="Errors of functions, and events that could not be delivered",
                        left=[_errors(functions)],
                        right=[
                            dead_letters.metric_approximate_number_of_messages_visible(
                                label="Dead letters", statistic="Maximum", period=_HOUR
                            )
                        ],
                        width=_HALF,
                    ),
                ],
            ],
        )

    def _of_restores(self) -> list[cloudwatch.IWidget]:
        return [
            cloudwatch.GraphWidget(
                title=title,
                left=[self._search(metric)],
                left_y_axis=cloudwatch.YAxisProps(min=0, label=unit, show_units=False),
                width=_HALF,
            )
            for title, metric, unit in (
                ("For how long restores are overdue", OVERDUE_HOURS, "hours"),
                ("Durations beside their median", DURATION_RATIO, "times the median"),
            )
        ]

    def _search(self, metric: str) -> cloudwatch.MathExpression:
        """Return the metric of every restore, which CloudWatch finds when it draws the graph."""
        schema = f"{{{METRICS_NAMESPACE},{RESTORE},{SERVICE}}}"
        chosen = f'MetricName="{metric}" {SERVICE}="{self._prefix}"'
        return cloudwatch.MathExpression(
            expression=f"SEARCH('{schema} {chosen}', 'Maximum', {_HOUR.to_seconds()})",
            label="",
            using_metrics={},
            period=_HOUR,
        )


def _executions(machine: sfn.StateMachine) -> list[cloudwatch.IMetric]:
    """Return how many executions have ended in each way."""
    return [
        machine.metric_succeeded(label="succeeded", period=_HOUR),
        machine.metric_failed(label="failed", period=_HOUR),
        machine.metric_timed_out(label="timed out", period=_HOUR),
        machine.metric_aborted(label="stopped", period=_HOUR),
    ]


def _errors(functions: Mapping[str, lambda_.IFunction]) -> cloudwatch.MathExpression:
    """Return the errors of all functions, those that the state machine repeats included."""
    found = {
        name.replace("-", "_"): each.metric_errors(period=_HOUR) for name, each in functions.items()
    }
    return cloudwatch.MathExpression(
        expression="SUM(METRICS())", label="Errors", using_metrics=found, period=_HOUR
    )
