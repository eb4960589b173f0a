"""What watches the restores: alarms that name them, a dashboard, and switches for each part."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from aurora_restore.capacity.needs import Capacity
from aurora_restore.shared.documents.environment import MOST_ALARMS
from aurora_restore.shared.metric_names import (
    DURATION_RATIO,
    OVERDUE_HOURS,
    RESTORE,
    RESTORES_WATCHED,
    SERVICE,
    SLOW_RATIO,
)
from aurora_restore.shared.pipeline import DASHBOARD_RENDERER, METRICS_PUBLISHER, PipelineFunction
from tests.support.iam import Policy
from tests.unit.docs.pages import page
from tests.unit.infra.synthesis import (
    ABSENT,
    Document,
    Synthesis,
    environment,
    example,
    restore,
    synthesise,
)

ALARM = "AWS::CloudWatch::Alarm"
PREFIX = "aurora-restore"
PARTS = {
    "metrics": {"overdue-staging", "slow-run", "unwatched", "errors-of-publish-metrics"},
    "dashboard": set[str](),
    "error_alarms": {
        "errors-of-publish-events",
        "errors-of-publish-metrics",
        "errors-of-sns-notification",
    },
}
ALWAYS = {"failures-unannounced", "undelivered-events", "missed-starts"}
STATE = "arn:aws:dynamodb:us-west-2:222222222222:table/aurora-restore-state"
watching = pytest.mark.parametrize(
    "function", [METRICS_PUBLISHER, DASHBOARD_RENDERER], ids=lambda each: each.name
)


def alarms(found: Synthesis) -> dict[str, Document]:
    """The properties of each alarm, by its name without the prefix."""
    return {
        each["AlarmName"].removeprefix(f"{PREFIX}-"): each for each in found.of_type(ALARM).values()
    }


def function_of(found: Synthesis, function: PipelineFunction) -> tuple[str, Document]:
    """The logical id and the properties of a function."""
    ((logical_id, properties),) = (
        each
        for each in found.of_type("AWS::Lambda::Function").items()
        if each[1]["Handler"] == function.handler
    )
    return logical_id, properties


def body(found: Synthesis) -> dict[str, Any]:
    """The dashboard; what CloudFormation puts in stands there as its logical id."""
    (dashboard,) = found.of_type("AWS::CloudWatch::Dashboard").values()
    parts = dashboard["DashboardBody"]["Fn::Join"][1]
    text = "".join(each if isinstance(each, str) else _logical_id(each) for each in parts)
    parsed: dict[str, Any] = json.loads(text)
    return parsed


def _logical_id(token: Mapping[str, Any]) -> str:
    return str(token.get("Ref") or token["Fn::GetAtt"][0])


def described(alarm: Document) -> str:
    text = alarm["AlarmDescription"]
    if isinstance(text, str):
        return text
    return "".join(
        each if isinstance(each, str) else _logical_id(each) for each in text["Fn::Join"][1]
    )


# The alarms


def test_each_restore_with_a_schedule_in_force_has_an_alarm_that_names_it() -> None:
    disabled = {"expression": "cron(0 4 * * ? *)", "enabled": False}
    targets = {name: restore({"target.cluster_id": name}) for name in ("off", "none", "on")}
    targets["off"]["schedule"] = disabled
    targets["none"].pop("schedule", None)
    found = alarms(synthesise(example({"restores": targets})))

    assert {name for name in found if name.startswith("overdue-")} == {"overdue-on"}
    alarm = found["overdue-on"]
    assert {each["Name"]: each["Value"] for each in alarm["Dimensions"]} == {
        SERVICE: PREFIX,
        RESTORE: "on",
    }
    assert (alarm["MetricName"], alarm["Threshold"]) == (OVERDUE_HOURS, 0)
    assert alarm["ComparisonOperator"] == "GreaterThanThreshold"
    assert "restore on " in alarm["AlarmDescription"]


def test_a_fleet_has_one_alarm_on_all_that_are_overdue() -> None:
    fleet = {
        f"restore-{number}": restore({"target.cluster_id": f"target-{number}"})
        for number in range(MOST_ALARMS + 1)
    }
    found = alarms(synthesise(example({"restores": fleet})))

    assert [name for name in found if name.startswith("overdue")] == ["overdue"]
    assert found["overdue"]["Dimensions"] == [{"Name": SERVICE, "Value": PREFIX}]


def test_what_is_not_known_does_not_look_fine(stack: Synthesis) -> None:
    found = alarms(stack)

    assert found["overdue-staging"]["TreatMissingData"] == "missing"
    assert found["slow-run"]["TreatMissingData"] == "missing"
    assert found["unwatched"]["TreatMissingData"] == "breaching"
    assert found["unwatched"]["MetricName"] == RESTORES_WATCHED
    assert found["unwatched"]["ComparisonOperator"] == "LessThanThreshold"


def test_a_slow_run_is_one_alarm_for_all_restores(stack: Synthesis) -> None:
    alarm = alarms(stack)["slow-run"]

    assert (alarm["MetricName"], alarm["Threshold"]) == (DURATION_RATIO, SLOW_RATIO)
    assert alarm["Dimensions"] == [{"Name": SERVICE, "Value": PREFIX}]


def test_every_alarm_says_what_to_do_tells_the_topic_and_is_one_that_aws_takes(
    stack: Synthesis,
) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html"""
    (topic,) = stack.of_type("AWS::SNS::Topic")
    for name, alarm in alarms(stack).items():
        assert alarm["AlarmActions"] == [{"Ref": topic}], name
        assert 0 < len(described(alarm)) <= 1024
        assert len(alarm["AlarmName"]) <= 255
        if "Period" in alarm:
            assert alarm["Period"] * alarm["EvaluationPeriods"] <= 7 * 24 * 3600


def test_the_sections_of_the_runbook_that_alarms_name_exist(stack: Synthesis) -> None:
    named = {
        match[1]
        for alarm in alarms(stack).values()
        for match in re.finditer(r"docs/operating\.md#([a-z-]+)", described(alarm))
    }
    anchors = {heading.lower().replace(" ", "-") for heading in page("docs/operating.md").headings}

    assert len(named) >= 5
    assert named <= anchors


# The functions


def test_a_rule_calls_the_function_each_hour_and_may(stack: Synthesis) -> None:
    logical_id, _ = function_of(stack, METRICS_PUBLISHER)
    (rule_id,) = (
        each
        for each, found in stack.of_type("AWS::Events::Rule").items()
        if found.get("ScheduleExpression") == "rate(1 hour)"
    )
    (allowed,) = (
        each
        for each in stack.of_type("AWS::Lambda::Permission").values()
        if each["FunctionName"]["Fn::GetAtt"][0] == logical_id
    )

    assert allowed["Principal"] == "events.amazonaws.com"
    assert allowed["SourceArn"] == {"Fn::GetAtt": [rule_id, "Arn"]}


@watching
def test_the_functions_read_and_change_nothing(
    stack: Synthesis, function: PipelineFunction
) -> None:
    _, properties = function_of(stack, function)
    statements = stack.statements_of_role(properties["Role"]["Fn::GetAtt"][0])
    own = [each for each in statements if "AssignPrivateIpAddresses" not in json.dumps(each)]
    actions = {
        action
        for each in own
        for action in (each["Action"] if isinstance(each["Action"], list) else [each["Action"]])
    }

    assert actions == {
        "dynamodb:Query",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "ssm:GetParametersByPath",
        "states:DescribeExecution",
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
    }


@watching
@pytest.mark.parametrize(
    ("key", "is_read"),
    [
        ("runs#staging", True),
        ("pause#staging", True),
        ("lock#222222222222/us-west-2/orders", True),
        ("target#222222222222/us-west-2/orders", True),
        ("op-1", False),
        ("durations#staging", False),
    ],
)
def test_the_functions_read_no_state_of_an_operation(
    stack: Synthesis, function: PipelineFunction, key: str, is_read: bool
) -> None:
    _, properties = function_of(stack, function)
    (table,) = (
        logical_id
        for logical_id, found in stack.of_type("AWS::DynamoDB::Table").items()
        if found["TableName"] == "aurora-restore-state"
    )
    text = json.dumps(stack.statements_of_role(properties["Role"]["Fn::GetAtt"][0]))
    by_arn = text.replace(json.dumps({"Fn::GetAtt": [table, "Arn"]}), json.dumps(STATE))
    statements = [each for each in json.loads(by_arn) if each["Action"] == "dynamodb:Query"]

    allowed = Policy(statements).allows("dynamodb:Query", STATE, {"dynamodb:LeadingKeys": [key]})

    assert allowed is is_read


# The dashboard


def test_the_dashboard_has_the_table_on_top_and_every_common_alarm(stack: Synthesis) -> None:
    table, status, *graphs = body(stack)["widgets"]
    renderer, _ = function_of(stack, DASHBOARD_RENDERER)
    by_id = {key: each["AlarmName"] for key, each in stack.of_type(ALARM).items()}

    assert (table["type"], table["properties"]["endpoint"]) == ("custom", renderer)
    assert table["y"] == 0
    assert {by_id[each] for each in status["properties"]["alarms"]} == {
        f"{PREFIX}-{name}" for name in alarms(stack) if not name.startswith("overdue-")
    }
    assert {each["type"] for each in graphs} == {"metric"}
    assert all(each["x"] + each["width"] <= 24 for each in body(stack)["widgets"])


def test_the_dashboard_finds_the_metrics_of_every_restore(stack: Synthesis) -> None:
    searched = [
        each["expression"]
        for widget in body(stack)["widgets"]
        for metric in widget["properties"].get("metrics", [])
        for each in metric
        if isinstance(each, dict) and "SEARCH" in each.get("expression", "")
    ]

    assert searched == [
        f'SEARCH(\'{{AuroraRestore,restore,service}} MetricName="{name}" '
        "service=\"aurora-restore\"', 'Maximum', 3600)"
        for name in (OVERDUE_HOURS, DURATION_RATIO)
    ]


def test_the_dashboard_does_not_grow_with_the_restores() -> None:
    many = {
        f"restore-{number}": restore({"target.cluster_id": f"target-{number}"})
        for number in range(8)
    }
    one, eight = (
        len(json.dumps(body(synthesise(example({"restores": restores})))))
        for restores in (dict(list(many.items())[:1]), many)
    )

    assert one == eight


# The switches


@pytest.mark.parametrize("part", PARTS)
def test_each_part_can_be_switched_off(stack: Synthesis, part: str) -> None:
    off = synthesise(example({f"monitoring.{part}": False}))

    assert alarms(stack).keys() - alarms(off).keys() == PARTS[part]
    assert bool(off.of_type("AWS::CloudWatch::Dashboard")) == (part != "dashboard")
    handlers = {each["Handler"] for each in off.of_type("AWS::Lambda::Function").values()}
    assert (METRICS_PUBLISHER.handler in handlers) == (part != "metrics")
    assert (DASHBOARD_RENDERER.handler in handlers) == (part != "dashboard")


def test_without_any_part_nothing_of_it_is_left(stack: Synthesis) -> None:
    off = synthesise(example({"monitoring": dict.fromkeys(PARTS, False)}))

    assert alarms(off).keys() == ALWAYS
    assert len(off.of_type("AWS::Lambda::Function")) == (
        len(stack.of_type("AWS::Lambda::Function")) - 2
    )


@pytest.mark.parametrize(
    "changes",
    [
        {},
        *({f"monitoring.{part}": False} for part in PARTS),
        {"monitoring": dict.fromkeys(PARTS, False)},
        {"event_bus": "off"},
        {"restores.staging.schedule": ABSENT},
    ],
    ids=str,
)
def test_the_capacity_counts_every_resource(changes: dict[str, Any]) -> None:
    checked = environment(example(changes))
    found = synthesise(example(changes))
    # The CDK's command line adds its metadata.
    assert Capacity(checked).resources() == len(found.resources) + 1
    written = len(json.dumps(found.template.to_json(), separators=(",", ":")))
    assert written <= Capacity(checked).template_bytes() <= written * 1.25
