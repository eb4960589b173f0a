"""The alarm that stands in for a notice: silent where a notice has gone out, and only there."""

import json
from collections.abc import Callable, Iterable
from itertools import accumulate
from typing import Any

import pytest

from aurora_restore.shared.metric_names import FAILURES_ANNOUNCED, METRICS_NAMESPACE
from tests.unit.infra.synthesis import Synthesis

FAILURES = ("ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted")
Alarm = Callable[[int, dict[str, list[int]]], bool]


@pytest.fixture
def declared(stack: Synthesis) -> dict[str, Any]:
    found = stack.template.find_resources(
        "AWS::CloudWatch::Alarm",
        {"Properties": {"AlarmName": "aurora-restore-failures-unannounced"}},
    )
    (alarm,) = found.values()
    properties: dict[str, Any] = alarm["Properties"]
    return properties


@pytest.fixture
def alarm(declared: dict[str, Any]) -> Alarm:
    """The alarm as CloudWatch evaluates it at a minute, from the minutes of each metric's values.

    Its window slides: the latest period ends with the last full minute.
    """
    (expression,) = (each for each in declared["Metrics"] if "Expression" in each)
    inputs = {
        each["Id"]: each["MetricStat"] for each in declared["Metrics"] if "MetricStat" in each
    }
    periods = declared["EvaluationPeriods"]

    def is_raised(now: int, values: dict[str, list[int]]) -> bool:
        series: dict[str, Series] = {}
        for name, each in inputs.items():
            minutes = each["Period"] // 60
            begins = [now - minutes * (periods - number) for number in range(periods)]
            happened = values.get(each["Metric"]["MetricName"], [])
            series[name] = Series(
                sum(begin <= minute < begin + minutes for minute in happened) for begin in begins
            )
        functions = {"FILL": lambda given, _: given, "RUNNING_SUM": Series.running_sum}
        found = eval(expression["Expression"], {"__builtins__": {}}, {**series, **functions})  # noqa: S307
        return all(value >= declared["Threshold"] for value in found.values)

    return is_raised


class Series:
    """Values of consecutive periods, as metric math calculates with them."""

    def __init__(self, values: Iterable[int]) -> None:
        self.values = list(values)

    def __add__(self, other: "Series") -> "Series":
        return Series(a + b for a, b in zip(self.values, other.values, strict=True))

    def __sub__(self, other: "Series") -> "Series":
        return Series(a - b for a, b in zip(self.values, other.values, strict=True))

    def running_sum(self) -> "Series":
        return Series(accumulate(self.values))


def test_the_alarm_subtracts_the_notices_from_every_kind_of_failure(
    declared: dict[str, Any], stack: Synthesis
) -> None:
    of_metric = {
        each["MetricStat"]["Metric"]["MetricName"]: each["MetricStat"]
        for each in declared["Metrics"]
        if "MetricStat" in each
    }
    (topic,) = stack.of_type("AWS::SNS::Topic")
    assert of_metric.keys() == {*FAILURES, FAILURES_ANNOUNCED}
    announced = of_metric[FAILURES_ANNOUNCED]["Metric"]
    assert announced["Namespace"] == METRICS_NAMESPACE
    assert announced["Dimensions"] == [{"Name": "service", "Value": "aurora-restore"}]
    assert {each["Stat"] for each in of_metric.values()} == {"Sum"}
    assert {each["Period"] for each in of_metric.values()} == {900}
    assert declared["TreatMissingData"] == "notBreaching"
    assert "DatapointsToAlarm" not in declared
    assert declared["AlarmActions"] == [{"Ref": topic}]
    assert declared["AlarmDescription"].startswith("Stands in for a notice that did not go out")


def test_no_other_alarm_is_about_a_failed_execution(stack: Synthesis) -> None:
    alarms = stack.of_type("AWS::CloudWatch::Alarm").values()
    about = [each["AlarmName"] for each in alarms if "AWS/States" in json.dumps(each)]

    assert about == ["aurora-restore-failures-unannounced"]


@pytest.mark.parametrize("delay", [0, 1, 2, 10, 14])
@pytest.mark.parametrize("kind", FAILURES)
def test_a_failure_that_is_announced_raises_no_alarm(alarm: Alarm, kind: str, delay: int) -> None:
    values = {kind: [100], FAILURES_ANNOUNCED: [100 + delay]}

    # What comes later is not known before.
    for now in range(90, 160):
        known = {name: [at for at in given if at < now] for name, given in values.items()}
        assert not alarm(now, known), now


@pytest.mark.parametrize("kind", FAILURES)
def test_a_failure_that_nothing_announces_raises_it_a_quarter_of_an_hour_later(
    alarm: Alarm, kind: str
) -> None:
    raised = [now for now in range(90, 160) if alarm(now, {kind: [100]})]

    assert (raised[0], raised[-1]) == (116, 130)


def test_one_notice_does_not_stand_for_two_failures(alarm: Alarm) -> None:
    values = {"ExecutionsFailed": [100, 103], FAILURES_ANNOUNCED: [101]}

    assert any(alarm(now, values) for now in range(110, 140))


def test_nothing_is_raised_while_nothing_fails(alarm: Alarm) -> None:
    assert not alarm(100, {})
