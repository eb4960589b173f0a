"""The patches: for one version only, each with a word about what AWS does."""

import json
from typing import Any

import pytest

from embedded_aws.ministack import patches, quotas
from embedded_aws.ministack.patches import PATCHES, UnsupportedMiniStackError
from embedded_aws.ministack.stepfunctions import data_flow, history


def test_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patches, "version", lambda _name: "9.9.9")
    with pytest.raises(UnsupportedMiniStackError, match=r"9\.9\.9 is installed.*1\.5\.33"):
        patches.apply()


def test_every_patch_is_documented_and_listed_once() -> None:
    assert len(set(PATCHES)) == len(PATCHES)
    for patch in PATCHES:
        assert patch.__doc__, patch.__name__


@pytest.mark.parametrize(
    ("path", "there"),
    [
        ("$", True),
        ("$.a", True),
        ("$.a.b", True),
        ("$.a.null", True),
        ("$.list[1]", True),
        ("$['a']['b']", True),
        ("$.list[*]", True),
        ("$.b", False),
        ("$.a.b.c", False),
        ("$.list[2]", False),
        ("$.list.a", False),
        ("$.a[0]", False),
        ("$.", False),
    ],
)
def test_a_path_leads_somewhere_or_not(path: str, there: bool) -> None:
    data = {"a": {"b": 1, "null": None}, "list": [1, 2]}
    assert data_flow.exists(path, data) is there


def execution() -> dict[str, Any]:
    return {"events": []}


def test_a_task_of_an_integration_is_recorded_as_on_aws() -> None:
    record = execution()
    resource = "arn:aws:states:::aws-sdk:rds:describeDBClusters"
    details = {"resource": resource, "resourceType": "states"}
    history.append(record, "TaskScheduled", {"taskScheduledEventDetails": details})
    history.record_sent_parameters(record, {"DbClusterIdentifier": "orders"})
    scheduled, started = record["events"]
    assert started["type"] == "TaskStarted"
    details = scheduled["taskScheduledEventDetails"]
    assert details["resourceType"] == "aws-sdk:rds"
    assert details["resource"] == "describeDBClusters"
    assert json.loads(details["parameters"]) == {"DbClusterIdentifier": "orders"}


def test_a_task_that_is_a_function_is_recorded_as_on_aws() -> None:
    record = execution()
    resource = "arn:aws:lambda:us-east-1:111122223333:function:copy"
    scheduled = {"taskScheduledEventDetails": {"resource": resource, "resourceType": "lambda"}}
    history.append(record, "TaskScheduled", scheduled)
    history.record_sent_parameters(record, {"a": 1})
    failed = {"error": "States.Timeout", "cause": "too long", "resource": resource}
    history.append(record, "TaskFailed", {"taskFailedEventDetails": failed})
    assert [event["type"] for event in record["events"]] == [
        "LambdaFunctionScheduled",
        "LambdaFunctionStarted",
        "LambdaFunctionTimedOut",
    ]
    assert record["events"][0]["lambdaFunctionScheduledEventDetails"] == {
        "resource": resource,
        "input": '{"a": 1}',
    }
    assert record["events"][2]["lambdaFunctionTimedOutEventDetails"] == {
        "error": "States.Timeout",
        "cause": "too long",
    }


def test_events_are_numbered_and_linked() -> None:
    record = execution()
    for kind in ("PassStateEntered", "PassStateExited"):
        history.append(record, kind, None)
    assert [(event["id"], event["previousEventId"]) for event in record["events"]] == [
        (1, 0),
        (2, 1),
    ]


@pytest.mark.parametrize(
    ("subject", "accepted"),
    [
        ("Restore of orders failed", True),
        ("x" * 99, True),
        ("x" * 100, False),
        ("two\nlines", False),
        (" starts with a blank", False),
        ("größer", False),
        ("bell\a", False),
    ],
)
def test_a_subject_is_a_short_line_of_ascii(subject: str, accepted: bool) -> None:
    assert quotas.is_subject(subject) is accepted
