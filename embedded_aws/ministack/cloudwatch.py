"""Patches for CloudWatch: metrics that executions and functions produce, and their alarms."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ministack.services import cloudwatch, lambda_svc
from ministack.services import stepfunctions as sfn

_EXECUTION_METRICS = {
    "SUCCEEDED": "ExecutionsSucceeded",
    "FAILED": "ExecutionsFailed",
    "TIMED_OUT": "ExecutionsTimedOut",
    "ABORTED": "ExecutionsAborted",
}
_COMPARISONS = {
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
}


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One value of a metric."""

    namespace: str
    metric: str
    value: float
    unit: str
    dimensions: Mapping[str, str]


def count_execution_outcomes() -> None:
    """Count the end of an execution in a metric of ``AWS/States`` and evaluate the alarms.

    https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
    """
    original = sfn._emit_execution_status_event

    def emit(execution: Mapping[str, Any]) -> None:
        original(execution)
        metric = _EXECUTION_METRICS.get(execution["status"])
        if metric is not None:
            count("AWS/States", metric, StateMachineArn=execution["stateMachineArn"])

    sfn._emit_execution_status_event = emit


def count(namespace: str, metric: str, **dimensions: str) -> None:
    """Count one in a metric of a service, and evaluate the alarms."""
    _record(
        Sample(namespace=namespace, metric=metric, value=1, unit="Count", dimensions=dimensions)
    )
    cloudwatch._evaluate_all_alarms()


def extract_embedded_metrics() -> None:
    """Record metrics that a function logs in the embedded metric format; evaluate the alarms.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    original = lambda_svc._emit_lambda_logs

    def emit(function: Any, request_id: str, log: str, *arguments: Any, **options: Any) -> None:
        original(function, request_id, log, *arguments, **options)
        samples = list(embedded_samples(log))
        for sample in samples:
            _record(sample)
        if samples:
            cloudwatch._evaluate_all_alarms()

    lambda_svc._emit_lambda_logs = emit


def embedded_samples(log: str) -> Iterator[Sample]:
    """Return the values that lines of a log hold in the embedded metric format."""
    for line in log.splitlines():
        if not line.startswith("{") or '"_aws"' not in line:
            continue
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        for directive in entry["_aws"].get("CloudWatchMetrics", []):
            yield from _samples(entry, directive)


def _samples(entry: Mapping[str, Any], directive: Mapping[str, Any]) -> Iterator[Sample]:
    for names in directive.get("Dimensions") or [[]]:
        dimensions = {name: str(entry[name]) for name in names}
        for metric in directive["Metrics"]:
            values = entry[metric["Name"]]
            for value in values if isinstance(values, list) else [values]:
                yield Sample(
                    namespace=directive["Namespace"],
                    metric=metric["Name"],
                    value=float(value),
                    unit=metric.get("Unit", "None"),
                    dimensions=dimensions,
                )


def _record(sample: Sample) -> None:
    cloudwatch.record_metric(
        sample.namespace, sample.metric, sample.value, sample.unit, dict(sample.dimensions)
    )


def match_alarm_dimensions() -> None:
    """Evaluate an alarm on the metric with exactly its dimensions, which MiniStack ignores.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#Dimension
    """
    original = cloudwatch._evaluate_alarm

    def evaluate(alarm: dict[str, Any]) -> None:
        if "Metrics" in alarm or alarm.get("ComparisonOperator") not in _COMPARISONS:
            original(alarm)
            return
        points = _recent_points(alarm)
        statistic = alarm.get("ExtendedStatistic") or alarm.get("Statistic", "Average")
        value = (
            cloudwatch._stat_value(cloudwatch._calc_stats(points), statistic, points)
            if points
            else None
        )
        if value is None:
            return
        comparison = alarm["ComparisonOperator"]
        breaching = _COMPARISONS[comparison](value, alarm.get("Threshold", 0))
        before, after = alarm["StateValue"], "ALARM" if breaching else "OK"
        if before == after:
            return
        reason = f"Threshold Crossed: {statistic} {value} {comparison} {alarm.get('Threshold', 0)}"
        alarm.update(StateValue=after, StateReason=reason, StateUpdatedTimestamp=int(time.time()))
        cloudwatch._record_history(alarm["AlarmName"], before, after, reason)
        cloudwatch._dispatch_alarm_actions(alarm, before, after, reason)
        cloudwatch._evaluate_parent_alarms(alarm)

    cloudwatch._evaluate_alarm = evaluate


def _recent_points(alarm: Mapping[str, Any]) -> list[dict[str, Any]]:
    since = time.time() - int(alarm.get("Period", 60)) * int(alarm.get("EvaluationPeriods", 1))
    dimensions = {each["Name"]: each["Value"] for each in alarm.get("Dimensions") or []}
    return [
        point
        for (namespace, metric, _), points in cloudwatch._metrics.items()
        if (namespace, metric) == (alarm.get("Namespace"), alarm.get("MetricName"))
        for point in points
        if point["Timestamp"] >= since and point["Dimensions"] == dimensions
    ]
