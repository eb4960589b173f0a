"""What is known of a restore after real runs: metrics, alarms, and the table of the dashboard."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree.ElementTree import fromstring

import pytest

from aurora_restore.shared.pipeline import DASHBOARD_RENDERER, METRICS_PUBLISHER
from tests.integration.pipeline.stage import (
    LEAP_DAY,
    PREFIX,
    TARGET,
    TARGET_REGION,
    Deployed,
    PipelineStage,
)

pytestmark = pytest.mark.usefixtures("clean")

OF_RESTORE = {"service": PREFIX, "restore": "staging"}
OF_ALL = {"service": PREFIX}


def value(stage: PipelineStage, metric: str, dimensions: dict[str, str]) -> float:
    """The largest value of a metric in the last hour."""
    now = datetime.now(UTC)
    found = stage.aws.client("cloudwatch", region=TARGET_REGION).get_metric_statistics(
        Namespace="AuroraRestore",
        MetricName=metric,
        Dimensions=[{"Name": name, "Value": each} for name, each in dimensions.items()],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(minutes=1),
        Period=3600,
        Statistics=["Maximum"],
    )
    return max(float(each["Maximum"]) for each in found["Datapoints"])


def state_of_alarm(stage: PipelineStage, name: str) -> str:
    (alarm,) = stage.aws.client("cloudwatch", region=TARGET_REGION).describe_alarms(
        AlarmNames=[f"{PREFIX}-{name}"]
    )["MetricAlarms"]
    return str(alarm["StateValue"])


def table(stage: PipelineStage, app: Deployed) -> dict[str, str]:
    """The cells of the only restore, by their columns."""
    page = stage.call(app, DASHBOARD_RENDERER, {"widgetContext": {"theme": "light"}})
    found = fromstring(page)  # noqa: S314 - it comes from the function that is tested
    columns = [str(each.text) for each in found.findall(".//thead/tr/th")]
    (row,) = found.findall(".//tbody/tr")
    return dict(zip(columns, [" | ".join(cell.itertext()) for cell in row], strict=True))


def test_runs_are_seen_in_the_metrics_and_in_the_table(stage: PipelineStage, app: Deployed) -> None:
    stage.configure(app, {**stage.restore_document(TARGET_REGION), "schedule": LEAP_DAY})
    succeeded = stage.run(app, {"restore": "staging"})
    assert succeeded["status"] == "SUCCEEDED", succeeded.get("cause")
    operation = succeeded["executionArn"].rpartition(":")[2]

    stage.call(app, METRICS_PUBLISHER, {})
    shown = table(stage, app)

    assert value(stage, "RestoresWatched", OF_ALL) == 1
    assert value(stage, "OverdueHours", OF_RESTORE) == 0
    assert state_of_alarm(stage, "unwatched") == "OK"
    assert state_of_alarm(stage, "overdue-staging") == "OK"
    assert shown["Restore"] == "staging | fine"
    assert shown["Target"] == f"serves the new data | {TARGET}"
    assert shown["Age of data"].startswith("24 h")
    # Asia/Tokyo: the function knows the time zones.
    assert "02-29 04:00 Asia/Tokyo" in shown["Next start"]
    state = stage.state(app, operation)["sns-notification"]["details"]
    drift = len(state.get("drift") or ())
    assert shown["Drift"].startswith(f"{drift} setting" if drift else ("none", "not known"))

    failed = stage.run(app, {"restore": "staging", "snapshot_id": "there-is-none"})
    assert failed["status"] == "FAILED"
    stage.eventually(lambda: "failed" in table(stage, app)["Restore"])
    after = table(stage, app)

    assert "the last run failed at snapshot-check with SnapshotNotFoundError" in after["Target"]
    assert after["Age of data"].startswith("24 h")


def test_the_rule_calls_the_function_each_hour(stage: PipelineStage, app: Deployed) -> None:
    events = stage.aws.client("events", region=app.region)
    function = stage.aws.client("lambda", region=app.region).get_function_configuration(
        FunctionName=METRICS_PUBLISHER.function_name(PREFIX)
    )["FunctionArn"]

    (name,) = events.list_rule_names_by_target(TargetArn=function)["RuleNames"]

    assert events.describe_rule(Name=name)["ScheduleExpression"] == "rate(1 hour)"


def test_the_dashboard_has_the_table_of_the_function(stage: PipelineStage, app: Deployed) -> None:
    cloudwatch = stage.aws.client("cloudwatch", region=app.region)
    renderer = stage.aws.client("lambda", region=app.region).get_function_configuration(
        FunctionName=DASHBOARD_RENDERER.function_name(PREFIX)
    )["FunctionArn"]

    body: Any = json.loads(cloudwatch.get_dashboard(DashboardName=PREFIX)["DashboardBody"])

    custom, alarms, *others = body["widgets"]
    assert (custom["type"], custom["properties"]["endpoint"]) == ("custom", renderer)
    known = {
        each["AlarmArn"]
        for page in cloudwatch.get_paginator("describe_alarms").paginate()
        for each in page["MetricAlarms"]
    }
    assert set(alarms["properties"]["alarms"]) < known
    assert {each["type"] for each in others} == {"metric"}
