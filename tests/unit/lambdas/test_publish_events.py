"""publish-events: what the steps have recorded comes to the bus, and nothing is lost in silence."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from unittest import mock

import pytest

from aurora_restore.lambdas.publish_events import EventPublisher
from aurora_restore.lambdas.restore_snapshot import RestoreSnapshotHandler
from aurora_restore.lambdas.sns_notification import SnsNotificationHandler
from aurora_restore.shared.errors import AuroraRestoreError, AwsError
from tests.unit.bench import (
    ACCOUNT,
    APP_PASSWORD,
    MASTER_PASSWORD,
    READONLY_PASSWORD,
    REGION,
    Bench,
    own_client,
)
from tests.unit.lambdas.midway import OPERATION
from tests.unit.lambdas.test_sns_notification import FACTS, LOCKED, came_to
from tests.unit.scene import TARGET

BUS = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/operations"


@pytest.fixture
def bus(bench: Bench) -> Bench:
    """A bus of its own, with a queue that gets everything from it."""
    events, sqs = own_client("events", REGION), own_client("sqs", REGION)
    sqs.create_queue(QueueName="events")
    events.create_event_bus(Name="operations")
    pattern = json.dumps({"source": ["aurora-restore"]})
    events.put_rule(Name="all", EventBusName="operations", EventPattern=pattern)
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:events"
    events.put_targets(
        Rule="all", EventBusName="operations", Targets=[{"Id": "queue", "Arn": queue}]
    )
    bench.environment = replace(bench.environment, event_bus=BUS)
    return bench


def publish(bench: Bench, records: list[dict[str, Any]]) -> None:
    publisher = EventPublisher(clients=bench.clients, environment=bench.environment)
    publisher({"Records": records}, bench.context)


def stream(bench: Bench) -> list[dict[str, Any]]:
    """The records that the stream of the audit table would have."""
    table = bench.environment.audit_table
    items = own_client("dynamodb", REGION).scan(TableName=table)["Items"]
    ordered = sorted(items, key=lambda each: str(each["timestamp"]["S"]))
    return [{"eventName": "INSERT", "dynamodb": {"NewImage": each}} for each in ordered]


def received(bench: Bench) -> list[Mapping[str, Any]]:
    sqs = own_client("sqs", REGION)
    url = sqs.get_queue_url(QueueName="events")["QueueUrl"]
    found: list[Mapping[str, Any]] = []
    while got := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found.extend(json.loads(each["Body"]) for each in got)
    return found


def test_a_run_that_ends_well_is_an_event_with_what_the_notice_says(bus: Bench) -> None:
    came_to(bus, "archive-snapshot", old_cluster={"Tags": {}}, **LOCKED, **FACTS)
    bus.step(SnsNotificationHandler, operation_id=OPERATION)

    publish(bus, stream(bus))

    (event,) = received(bus)
    detail = event["detail"]
    assert event["source"] == "aurora-restore"
    assert event["detail-type"] == "Aurora Restore Run Outcome"
    assert (detail["status"], detail["restore"]) == ("success", "staging")
    assert detail["target_cluster_id"] == TARGET
    assert detail["cluster_endpoint"] == FACTS["cluster_endpoint"]
    assert detail["execution_arn"] in event["resources"]
    assert "scripts" not in detail


def test_a_step_that_fails_is_an_event_without_a_secret(bus: Bench) -> None:
    with pytest.raises(AuroraRestoreError):
        bus.step(RestoreSnapshotHandler, operation_id=OPERATION)

    publish(bus, stream(bus))

    (event,) = received(bus)
    assert event["detail-type"] == "Aurora Restore Step Outcome"
    assert event["detail"]["step"] == "restore-snapshot"
    assert event["detail"]["status"] == "failed"
    assert event["detail"]["remedy"]
    text = json.dumps(event)
    assert not [each for each in (MASTER_PASSWORD, APP_PASSWORD, READONLY_PASSWORD) if each in text]


def test_more_than_ten_outcomes_take_several_calls(bus: Bench) -> None:
    for number in range(23):
        bus.advance(1)
        details = {"message": f"number {number}"}
        bus.store.audit(OPERATION, "hand-over", "SUCCESS", details, bus.clock())

    publish(bus, stream(bus))

    said = [each["detail"]["message"] for each in received(bus)]
    assert said == [f"number {number}" for number in range(23)]


def test_a_refused_event_fails_the_call_so_that_lambda_repeats_it(bus: Bench) -> None:
    bus.store.audit(OPERATION, "hand-over", "SUCCESS", {"message": "done"}, bus.clock())
    refusal = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "InternalFailure"}]}

    with (
        mock.patch.object(bus.clients.events, "put_events", return_value=refusal),
        pytest.raises(AwsError, match="InternalFailure"),
    ):
        publish(bus, stream(bus))


def test_what_is_no_outcome_reaches_no_aws(bus: Bench) -> None:
    bus.store.audit(OPERATION, "hand-over", "IN_PROGRESS", {}, bus.clock())

    with mock.patch.object(bus.clients.events, "put_events") as call:
        publish(bus, stream(bus))

    call.assert_not_called()
