"""The deployed schedule starts a run by itself, by the clock of its time zone."""

import json
import time
from datetime import UTC

import pytest

from tests.integration.pipeline.stage import (
    BEFORE_LEAP_DAY,
    TARGET_REGION,
    Deployed,
    PipelineStage,
)

pytestmark = pytest.mark.usefixtures("clean")

QUIET_SECONDS = 4.0


def test_the_deployed_schedule_refreshes_the_target(stage: PipelineStage, app: Deployed) -> None:
    before = stage.executions(app)

    with stage.schedules_at(BEFORE_LEAP_DAY.replace(tzinfo=UTC)):
        time.sleep(QUIET_SECONDS)
    assert stage.executions(app) == before, "it was read in UTC"

    with stage.schedules_at(BEFORE_LEAP_DAY):
        stage.eventually(lambda: stage.executions(app) != before)
    (execution,) = stage.executions(app) - before
    ended = stage.aws.wait(execution, timeout=120)

    assert json.loads(ended["input"]) == {"restore": "staging", "started_by": "schedule"}
    assert ended["status"] == "SUCCEEDED", ended.get("cause")
    state = stage.state(app, execution.rpartition(":")[2])
    assert state["hand-over"]["details"]["started_by"] == "schedule"
    (cluster,) = stage.rds(TARGET_REGION).describe_db_clusters()["DBClusters"]
    assert cluster["Status"] == "available"


def test_a_duplicate_start_of_the_schedule_changes_nothing(
    stage: PipelineStage, app: Deployed
) -> None:
    """Scheduler delivers at least once, and an upgrade may have two starters for some minutes."""
    stage.admin.set_timings(copy_snapshot=10_000)
    before = stage.executions(app)
    given = {"restore": "staging", "started_by": "schedule"}
    with stage.schedules_at(BEFORE_LEAP_DAY):
        stage.eventually(lambda: stage.executions(app) != before)
    (first,) = stage.executions(app) - before
    stage.eventually(lambda: "copy-snapshot" in stage.state(app, first.rpartition(":")[2]))
    changes = stage.changes()

    second = stage.run(app, given)

    assert second["error"] == "OperationInProgressError"
    assert stage.changes() == changes
    assert stage.aws.wait(first, timeout=120)["status"] == "SUCCEEDED"
