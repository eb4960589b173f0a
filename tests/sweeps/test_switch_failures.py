"""If a run of the strategy ``switch`` fails before it switches, the old cluster serves on."""

import json
from collections.abc import Callable

import pytest

from aurora_restore.shared.postgres.masking.findings import Finding
from tests.sweeps.machine import FAILED, SUCCEEDED
from tests.sweeps.routes import RESTORE_NAME, SCRIPT, TARGET
from tests.sweeps.stage import HOME, SweepStage
from tests.sweeps.switch_routes import SWITCHED

Trouble = Callable[[SweepStage], None]

CHECK = "no real address"


def failing_script(stage: SweepStage) -> None:
    stage.databases.failing = {SCRIPT}


def failing_check(stage: SweepStage) -> None:
    stage.databases.findings = {"checks": (Finding(CHECK, "rows", 3),)}
    name = stage.bench.environment.parameter_name(RESTORE_NAME)
    known = stage.bench.clients.ssm.get_parameter(Name=name)["Parameter"]["Value"]
    document = json.loads(known)
    document["database"]["checks"] = [{"name": CHECK, "sql": "SELECT 1"}]
    stage.bench.configure(document)


def no_capacity_for_the_cluster(stage: SweepStage) -> None:
    stage.bench.rds.admin.refuse_next(
        "RestoreDBClusterFromSnapshot", code="InsufficientDBClusterCapacityFault", times=1000
    )


def no_capacity_for_an_instance(stage: SweepStage) -> None:
    stage.bench.rds.admin.refuse_next(
        "CreateDBInstance", code="InsufficientDBInstanceCapacity", times=1000
    )


@pytest.mark.parametrize(
    ("trouble", "error"),
    [
        (failing_script, "ScriptFailedError"),
        (failing_check, "CheckFailedError"),
        (no_capacity_for_the_cluster, "InsufficientCapacityError"),
        (no_capacity_for_an_instance, "InsufficientCapacityError"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_the_old_cluster_serves_on_and_the_notice_says_so(trouble: Trouble, error: str) -> None:
    with SWITCHED.staged() as stage:
        before = stage.site(HOME).clusters[TARGET]
        settings, members = before.settings, len(stage.site(HOME).instances)
        trouble(stage)

        execution = stage.start()
        stage.run(execution)
        stage.announce_end(execution)

        serving = stage.site(HOME).clusters[TARGET]
        (notice,) = stage.announcements()
        assert (execution.status, execution.error) == (FAILED, error)
        assert serving.resource_id == before.resource_id
        assert (serving.status, serving.settings) == ("available", settings)
        assert len(stage.site(HOME).instances) >= members
        assert notice["status"] == "failed"
        assert notice["details"]["target_serves"] == (
            f"{TARGET} serves as before: nothing of it has been changed"
        )


def test_after_the_script_is_fixed_a_redrive_switches() -> None:
    with SWITCHED.staged() as stage:
        before = stage.site(HOME).clusters[TARGET].resource_id
        failing_script(stage)
        execution = stage.start()
        stage.run(execution)
        stage.announce_end(execution)
        stage.databases.failing = set()

        stage.redrive(execution)
        stage.run(execution)

        assert execution.status == SUCCEEDED
        assert stage.site(HOME).clusters[TARGET].resource_id != before
        assert "has been switched at" in stage.announcements()[-1]["details"]["target_serves"]
