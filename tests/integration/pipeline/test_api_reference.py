"""Every function, called directly with its documented input, returns what is documented."""

from collections.abc import Callable
from typing import Any

import pytest

from aurora_restore.shared.pipeline import STEP_NAMES
from tests.integration.pipeline.stage import (
    SOURCE_REGION,
    TARGET,
    TARGET_REGION,
    Deployed,
    PipelineStage,
)

pytestmark = pytest.mark.usefixtures("clean")

OPERATION = "op-123456"
COPY = "my-snapshot-copy"


def until_done(call: Callable[[], dict[str, Any]]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The answers while it was in progress, and the final one."""
    waiting = []
    while (answer := call())["statusCode"] == 202:
        waiting.append(answer)
    return waiting, answer


def body(answer: dict[str, Any], status: int, message: str) -> dict[str, Any]:
    assert (answer["statusCode"], answer["body"]["message"]) == (status, message), answer
    assert answer["body"]["operation_id"] == OPERATION
    found: dict[str, Any] = answer["body"]
    return found


def test_the_documented_examples_in_their_order(stage: PipelineStage, app: Deployed) -> None:
    stage.make_cluster(TARGET_REGION, TARGET, "old-target-password")
    for step in STEP_NAMES:
        stage.invoke(app, step, {"status": "wake up"})
    stage.admin.set_timings(copy_snapshot=8000, delete_cluster=8000, restore_cluster=8000)

    answer = stage.invoke(app, "snapshot-check", {"operation_id": OPERATION})
    found = body(answer, 200, "Snapshot found successfully")
    assert found["source_region"] == SOURCE_REGION
    assert found["target_region"] == TARGET_REGION
    assert found["snapshot_status"] == "available"
    name, arn = found["snapshot_name"], found["snapshot_arn"]

    answer = stage.invoke(
        app,
        "copy-snapshot",
        {
            "operation_id": OPERATION,
            "snapshot_name": name,
            "snapshot_arn": arn,
            "source_region": SOURCE_REGION,
            "target_region": TARGET_REGION,
            "target_snapshot_name": COPY,
        },
    )
    found = body(answer, 200, "Snapshot copy initiated")
    assert found["snapshot_name"] == name
    assert found["target_snapshot_name"] == COPY
    assert found["copy_status"] == "copying"
    assert {"source_region", "target_region"} <= set(found)

    event: dict[str, Any] = {
        "operation_id": OPERATION,
        "target_snapshot_name": COPY,
        "target_region": TARGET_REGION,
        "source_region": SOURCE_REGION,
    }
    waiting, answer = until_done(lambda: stage.invoke(app, "check-copy-status", event))
    found = body(waiting[0], 202, "Snapshot copy is still in progress")
    assert (found["status"], found["region"]) == ("copying", TARGET_REGION)
    assert found["target_snapshot_name"] == COPY
    assert isinstance(found["retry_after"], int)
    found = body(answer, 200, "Snapshot copy is complete")
    assert (found["status"], found["region"]) == ("available", TARGET_REGION)
    assert found["target_snapshot_name"] == COPY

    target = {
        "operation_id": OPERATION,
        "target_cluster_id": TARGET,
        "target_region": TARGET_REGION,
    }
    answer = stage.invoke(app, "delete-rds", {**target, "skip_final_snapshot": True})
    found = body(answer, 200, "Cluster deletion initiated")
    assert (found["target_cluster_id"], found["status"]) == (TARGET, "deleting")
    assert found["target_region"] == TARGET_REGION

    waiting, answer = until_done(lambda: stage.invoke(app, "check-delete-status", target))
    found = body(waiting[0], 202, "Cluster deletion is still in progress")
    assert {"target_cluster_id", "target_region", "status", "retry_after"} <= set(found)
    found = body(answer, 200, "Cluster deletion completed")
    assert {"target_cluster_id", "target_region"} <= set(found)
    answer = stage.invoke(app, "delete-rds", target)
    assert answer["statusCode"] == 404

    answer = stage.invoke(
        app,
        "restore-snapshot",
        {
            **target,
            "target_snapshot_name": COPY,
            "db_subnet_group_name": app.network.subnet_group,
            "vpc_security_group_ids": [app.network.security_group_id],
        },
    )
    found = body(answer, 200, "Snapshot restore initiated")
    assert (found["target_snapshot_name"], found["status"]) == (COPY, "creating")
    assert {"target_region", "target_cluster_id"} <= set(found)

    waiting, answer = until_done(lambda: stage.invoke(app, "check-restore-status", target))
    found = body(waiting[0], 202, "Cluster restore is still in progress")
    assert {"target_cluster_id", "target_region", "status", "retry_after"} <= set(found)
    found = body(answer, 200, "Cluster restore completed")
    assert found["status"] == "available"
    endpoint = {key: found[key] for key in ("cluster_endpoint", "cluster_port")}

    answer = stage.invoke(
        app,
        "setup-db-users",
        {"operation_id": OPERATION, "target_cluster_id": TARGET, **endpoint},
    )
    found = body(answer, 200, "Database users configured successfully")
    assert found["target_cluster_id"] == TARGET
    assert found["cluster_endpoint"] == endpoint["cluster_endpoint"]

    _, answer = until_done(lambda: stage.invoke(app, "hand-over", {"operation_id": OPERATION}))
    found = body(answer, 200, "The cluster is handed over")
    assert found["security_group_ids"] == [app.network.security_group_id]

    answer = stage.invoke(
        app,
        "archive-snapshot",
        {
            "operation_id": OPERATION,
            "target_snapshot_name": COPY,
            "target_region": TARGET_REGION,
        },
    )
    found = body(answer, 200, "Snapshot archived successfully")
    assert (found["target_snapshot_name"], found["target_region"]) == (COPY, TARGET_REGION)

    answer = stage.invoke(
        app,
        "sns-notification",
        {
            "operation_id": OPERATION,
            "status": "success",
            "message": "Aurora restore completed successfully",
            "details": {"target_cluster_id": TARGET, "target_region": TARGET_REGION, **endpoint},
        },
    )
    body(answer, 200, "Notification sent successfully")
    (announced,) = stage.announcements(app, OPERATION)
    assert announced["message"] == "Aurora restore completed successfully"
    assert announced["details"]["target_cluster_id"] == TARGET


def test_the_documented_examples_within_a_region(
    stage: PipelineStage, app_beside_the_source: Deployed
) -> None:
    app = app_beside_the_source
    found = stage.invoke(app, "snapshot-check", {"operation_id": OPERATION})["body"]
    name = found["snapshot_name"]
    regions = {"source_region": SOURCE_REGION, "target_region": SOURCE_REGION}
    answer = stage.invoke(
        app,
        "copy-snapshot",
        {
            "operation_id": OPERATION,
            "snapshot_name": name,
            "snapshot_arn": found["snapshot_arn"],
            **regions,
        },
    )
    assert answer == {
        "statusCode": 200,
        "body": {
            "message": "No need to copy snapshot, regions are the same",
            "operation_id": OPERATION,
            "snapshot_name": name,
            **regions,
        },
    }
    answer = stage.invoke(
        app,
        "check-copy-status",
        {"operation_id": OPERATION, "target_snapshot_name": name, **regions},
    )
    assert answer == {
        "statusCode": 200,
        "body": {
            "message": "No need to check copy status, source and target regions are the same",
            "operation_id": OPERATION,
            "target_snapshot_name": name,
            "region": SOURCE_REGION,
            "status": "available",
        },
    }


@pytest.mark.parametrize(
    ("step", "event", "status", "error_type"),
    [
        ("snapshot-check", {"date": "15.05.2023"}, 400, "ValidationError"),
        ("snapshot-check", {"snapshot_id": "no-such-snapshot"}, 404, "SnapshotNotFoundError"),
        ("copy-snapshot", {}, 400, "ValidationError"),
        ("check-copy-status", {}, 400, "ValidationError"),
        ("check-copy-status", {"target_snapshot_name": "none"}, 404, "TargetSnapshotNotFoundError"),
        ("delete-rds", {"target_cluster_id": "-"}, 400, "ValidationError"),
        ("check-delete-status", {"target_region": "nowhere"}, 400, "ValidationError"),
        ("restore-snapshot", {}, 400, "ValidationError"),
        ("restore-snapshot", {"target_snapshot_name": "none"}, 404, "TargetSnapshotNotFoundError"),
        ("check-restore-status", {}, 404, "ClusterNotFoundError"),
        ("setup-db-users", {}, 400, "ValidationError"),
        (
            "setup-db-users",
            {"cluster_endpoint": "localhost", "cluster_port": 1},
            400,
            "ValidationError",
        ),
        ("hand-over", {}, 400, "ValidationError"),
        ("archive-snapshot", {"target_snapshot_name": "none"}, 404, "ArchiveNotFoundError"),
        ("sns-notification", {"status": "maybe"}, 400, "ValidationError"),
    ],
)
def test_the_documented_error_codes(
    stage: PipelineStage,
    app: Deployed,
    step: str,
    event: dict[str, Any],
    status: int,
    error_type: str,
) -> None:
    answer = stage.invoke(app, step, event)
    assert (answer["statusCode"], answer["body"]["error_type"]) == (status, error_type)
    assert {"message", "operation_id", "error", "remedy", "what_to_do"} <= set(answer["body"])
