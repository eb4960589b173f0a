"""Whole runs of the deployed pipeline, and what AWS and the database hold afterwards."""

import json
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from aurora_restore.shared.sequences import REPLACE
from tests.integration.pipeline.stage import (
    ETL_PASSWORD,
    MASK,
    MASTER,
    PATIENCE_SECONDS,
    SOURCE,
    SOURCE_PASSWORD,
    SOURCE_REGION,
    TARGET,
    TARGET_REGION,
    Deployed,
    PipelineStage,
)

pytestmark = pytest.mark.usefixtures("clean")

ASK_FOR_TLS = bytes.fromhex("0000000804d2162f")
"""The first message of a client of PostgreSQL."""

# The keys that the description of the state flow shows, step by step.
STATE_KEYS = {
    "snapshot-check": {
        "snapshot_name",
        "snapshot_arn",
        "source_account_id",
        "target_account_id",
        "source_region",
        "target_region",
    },
    "copy-snapshot": {
        "source_snapshot",
        "target_snapshot",
        "source_account_id",
        "target_account_id",
        "source_region",
        "target_region",
        "copy_status",
        "copy_snapshot_id",
    },
    "check-copy-status": {"copy_status", "copy_snapshot_id", "snapshot_arn"},
    "delete-rds": {"copy_status", "snapshot_arn", "deleted_cluster_id"},
    "restore-snapshot": {
        "deleted_cluster_id",
        "new_cluster_id",
        "restore_status",
        "vpc_id",
        "subnet_ids",
        "security_group_ids",
    },
    "check-restore-status": {
        "new_cluster_id",
        "restore_status",
        "cluster_endpoint",
        "cluster_port",
        "vpc_id",
        "subnet_ids",
        "security_group_ids",
    },
}


def operation_of(execution: dict[str, Any]) -> str:
    return str(execution["name"])


def assert_succeeded(execution: dict[str, Any]) -> None:
    assert execution["status"] == "SUCCEEDED", execution.get("cause")


def assert_usable(stage: PipelineStage, app: Deployed, *, masked: bool = True) -> None:
    """The restored cluster holds the source's rows, and lets in whom it should."""
    region = app.region
    master = stage.secret(app, "MasterSecret")["password"]
    logins = stage.secret(app, "AppSecret")
    assert stage.cluster(region, TARGET)["Status"] == "available"
    assert set(stage.instances(region, TARGET).values()) == {"available"}
    for table in ("sales.orders",) if masked else ("sales.orders", "customers"):
        restored = stage.checksum(region, TARGET, master, table)
        assert restored == stage.checksum(SOURCE_REGION, SOURCE, SOURCE_PASSWORD, table)
    assert not stage.can_log_in(region, TARGET, MASTER, SOURCE_PASSWORD)
    assert not stage.can_log_in(region, TARGET, "etl", ETL_PASSWORD)
    assert stage.can_log_in(region, TARGET, "monitoring", "canary-source-monitoring-3")
    with stage.connected(
        region, TARGET, logins["app_username"], logins["app_password"]
    ) as connection:
        connection.run("INSERT INTO sales.orders VALUES (100000, 1, 1)")
        connection.run("DELETE FROM sales.orders WHERE id = 100000")
        if masked:
            (leaked,) = connection.run(
                "SELECT count(*) FROM customers WHERE email LIKE '%@real.example'"
            )
            assert leaked == [0]
    assert stage.can_log_in(
        region, TARGET, logins["readonly_username"], logins["readonly_password"]
    )


def test_a_run_into_another_region_replaces_the_old_cluster(
    stage: PipelineStage, app: Deployed
) -> None:
    stage.make_cluster(TARGET_REGION, TARGET, "old-target-password")
    before = stage.cluster(TARGET_REGION, TARGET)

    execution = stage.run(app)

    assert_succeeded(execution)
    assert_usable(stage, app)
    after = stage.cluster(TARGET_REGION, TARGET)
    assert after["DbClusterResourceId"] != before["DbClusterResourceId"]
    assert list(stage.instances(TARGET_REGION, TARGET)) == [f"{TARGET}-a"]
    state = stage.state(app, operation_of(execution))
    assert set(state) == set(REPLACE.steps)
    assert {item["status"] for item in state.values()} == {"SUCCESS"}
    for step, keys in STATE_KEYS.items():
        assert keys <= set(state[step]["details"]), step
    assert state["delete-rds"]["details"]["deleted_cluster_id"] == TARGET
    audit = stage.audit(app, operation_of(execution))
    assert [step for step, status in audit if status == "SUCCESS"] == list(REPLACE.steps)
    # Beside them is a final snapshot if the target record knows another cluster of that name.
    copies = [each for each in stage.snapshots(TARGET_REGION) if each.endswith("-copy")]
    assert len(copies) == 1
    (announced,) = stage.announcements(app, operation_of(execution))
    assert announced["status"] == "success"
    assert announced["details"]["target_cluster_id"] == TARGET
    assert set(announced) == {"operation_id", "status", "message", "details", "timestamp"}
    assert stage.lock_holder(app) is None


def test_the_old_clusters_settings_come_back_and_a_final_snapshot_stays(
    stage: PipelineStage, app: Deployed
) -> None:
    settings: dict[str, Any] = {
        "BackupRetentionPeriod": 5,
        "PreferredBackupWindow": "03:10-03:40",
        "PreferredMaintenanceWindow": "sun:04:00-sun:04:30",
        "CopyTagsToSnapshot": True,
    }
    stage.make_cluster(
        TARGET_REGION,
        TARGET,
        "old-target-password",
        **settings,
        EnableIAMDatabaseAuthentication=True,
        EnableCloudwatchLogsExports=["postgresql"],
    )
    stage.configure(app, stage.restore_document(TARGET_REGION, skip_final_snapshot=False))

    execution = stage.run(app)

    assert_succeeded(execution)
    restored = stage.cluster(TARGET_REGION, TARGET)
    assert {key: restored[key] for key in settings} == settings
    assert restored["IAMDatabaseAuthenticationEnabled"] is True
    assert restored["EnabledCloudwatchLogsExports"] == ["postgresql"]
    state = stage.state(app, operation_of(execution))
    assert state["hand-over"]["details"]["drift"] == []
    copy, final = sorted(stage.snapshots(TARGET_REGION))
    assert copy.endswith("-copy")
    assert final.startswith(f"{TARGET}-final-")
    assert_usable(stage, app, masked=False)


def test_a_run_without_an_old_cluster_restores_all_the_same(
    stage: PipelineStage, app: Deployed
) -> None:
    execution = stage.run(app)
    assert_succeeded(execution)
    assert_usable(stage, app)
    state = stage.state(app, operation_of(execution))
    assert state["delete-rds"]["status"] == "SUCCESS"
    assert "deleted_cluster_id" not in state["delete-rds"]["details"]
    assert list(stage.instances(TARGET_REGION, TARGET)) == [f"{TARGET}-1"]


def test_a_run_within_a_region_copies_nothing(
    stage: PipelineStage, app_beside_the_source: Deployed
) -> None:
    app = app_beside_the_source
    execution = stage.run(app)
    assert_succeeded(execution)
    assert_usable(stage, app, masked=False)
    assert stage.snapshots(SOURCE_REGION) == []
    state = stage.state(app, operation_of(execution))
    name = state["snapshot-check"]["details"]["snapshot_name"]
    assert state["copy-snapshot"]["details"]["target_snapshot"] == name
    assert stage.cluster(SOURCE_REGION, SOURCE)["Status"] == "available"
    stage.remove_target(SOURCE_REGION)


def test_a_date_without_a_snapshot_fails_with_the_dates_that_exist(
    stage: PipelineStage, app: Deployed
) -> None:
    stage.make_cluster(TARGET_REGION, TARGET, "old-target-password")
    execution = stage.run(app, {"date": "2020-02-29"})
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
    assert execution["status"] == "FAILED"
    assert execution["error"] == "SnapshotNotFoundError"
    assert "none of 2020-02-29" in execution["cause"]
    assert yesterday in execution["cause"]
    assert stage.steps_entered(execution["executionArn"]) == ["snapshot-check"]
    assert stage.cluster(TARGET_REGION, TARGET)["Status"] == "available"
    state = stage.state(app, operation_of(execution))
    assert state["snapshot-check"]["status"] == "FAILED"
    assert state["snapshot-check"]["details"]["error"]["type"] == "SnapshotNotFoundError"
    answer = stage.invoke(app, "snapshot-check", {"date": "2020-02-29"})
    assert answer["statusCode"] == 404
    assert answer["body"]["available_dates"] == [yesterday]
    assert {"message", "operation_id", "source_region", "snapshot_name"} <= set(answer["body"])


def test_a_snapshot_that_is_being_created_is_waited_for(
    stage: PipelineStage, app: Deployed
) -> None:
    stage.admin.set_timings(create_snapshot=4000)
    stage.rds(SOURCE_REGION).create_db_cluster_snapshot(
        DBClusterIdentifier=SOURCE, DBClusterSnapshotIdentifier="by-hand"
    )
    execution = stage.run(app, {"snapshot_id": "by-hand"})
    assert_succeeded(execution)
    assert_usable(stage, app)
    audit = stage.audit(app, operation_of(execution))
    assert audit[0] == ("snapshot-check", "IN_PROGRESS")
    assert ("snapshot-check", "SUCCESS") in audit
    stage.rds(SOURCE_REGION).delete_db_cluster_snapshot(DBClusterSnapshotIdentifier="by-hand")


def test_a_protected_target_is_refused_before_anything_is_deleted(
    stage: PipelineStage, app: Deployed
) -> None:
    stage.make_cluster(TARGET_REGION, TARGET, "old-target-password", DeletionProtection=True)
    execution = stage.run(app)
    operation = operation_of(execution)
    assert (execution["status"], execution["error"]) == ("FAILED", "PreflightError")
    assert "target.replace_protected" in execution["cause"]
    assert stage.instances(TARGET_REGION, TARGET) == {f"{TARGET}-a": "available"}
    assert stage.snapshots(TARGET_REGION) == []
    assert stage.steps_entered(execution["executionArn"]) == ["snapshot-check"]
    assert stage.state(app, operation)["snapshot-check"]["status"] == "FAILED"

    stage.configure(app, stage.restore_document(TARGET_REGION, replace_protected=True))
    stage.aws.redrive(execution["executionArn"])
    again = stage.aws.wait(execution["executionArn"], timeout=90)

    assert again["status"] == "SUCCEEDED", again.get("cause")
    assert stage.cluster(TARGET_REGION, TARGET)["DeletionProtection"] is True
    assert_usable(stage, app, masked=False)
    assert stage.state(app, operation)["delete-rds"]["status"] == "SUCCESS"


def test_a_stranger_of_the_same_name_is_not_replaced_unless_adopted(
    stage: PipelineStage, app: Deployed
) -> None:
    stage.make_cluster(TARGET_REGION, TARGET, "old-target-password", ours=False)
    execution = stage.run(app)
    assert execution["error"] == "PreflightError"
    assert "target.adopt" in execution["cause"]
    assert stage.cluster(TARGET_REGION, TARGET)["Status"] == "available"


def test_a_failed_copy_is_restarted_then_given_up_then_redriven(
    stage: PipelineStage, app: Deployed
) -> None:
    stage.admin.fail_next("copy-snapshot", times=2)
    execution = stage.run(app)
    assert (execution["status"], execution["error"]) == ("FAILED", "CopyFailedError")
    assert "'failed'" in execution["cause"]
    entered = stage.steps_entered(execution["executionArn"])
    assert entered[-1] == "check-copy-status"
    assert "delete-rds" not in entered

    stage.aws.redrive(execution["executionArn"])
    again = stage.aws.wait(execution["executionArn"], timeout=90)

    assert again["status"] == "SUCCEEDED", again.get("cause")
    assert len(stage.snapshots(TARGET_REGION)) == 1
    assert_usable(stage, app)


def test_a_failed_restore_is_deleted_and_restarted(stage: PipelineStage, app: Deployed) -> None:
    stage.make_cluster(TARGET_REGION, TARGET, "old-target-password")
    stage.admin.fail_next("restore-cluster")
    execution = stage.run(app)
    assert_succeeded(execution)
    assert stage.steps_entered(execution["executionArn"]).count("restore-snapshot") == 2
    assert_usable(stage, app)
    assert list(stage.instances(TARGET_REGION, TARGET)) == [f"{TARGET}-a"]


def rotate_the_secret(stage: PipelineStage, app: Deployed) -> None:
    master = stage.secret(app, "MasterSecret")
    stage.put_secret(app, "MasterSecret", json.dumps({**master, "password": "rotated-4c7e"}))


def change_the_password_in_the_cluster(stage: PipelineStage, app: Deployed) -> None:
    password = "canary-set-by-hand-1f"
    stage.rds(app.region).modify_db_cluster(
        DBClusterIdentifier=TARGET, MasterUserPassword=password, ApplyImmediately=True
    )
    stage.eventually(lambda: not stage.cluster(app.region, TARGET)["PendingModifiedValues"])


@pytest.mark.parametrize("change", [rotate_the_secret, change_the_password_in_the_cluster])
def test_a_master_password_that_is_changed_between_two_steps_is_set_again(
    stage: PipelineStage, app: Deployed, change: Callable[[PipelineStage, Deployed], None]
) -> None:
    good = stage.restore_document(TARGET_REGION)
    good["database"]["scripts"] = [{"path": MASK}]
    lacking = {**good, "database": {**good["database"], "scripts": [{"path": "sql/lacking.sql"}]}}
    stage.configure(app, lacking)
    failed = stage.run(app)
    assert failed["error"] == "ConfigurationError", failed.get("cause")
    before = stage.steps_entered(failed["executionArn"])
    assert before[-1] == "setup-db-users"
    restored = stage.cluster(app.region, TARGET)
    change(stage, app)
    stage.configure(app, good)

    stage.aws.redrive(failed["executionArn"])
    execution = dict(stage.aws.wait(failed["executionArn"], timeout=PATIENCE_SECONDS))

    assert_succeeded(execution)
    steps = stage.steps_entered(failed["executionArn"])[len(before) :]
    # A redrive goes on within the state that failed, and does not enter it.
    assert list(dict.fromkeys(steps)) == [
        "check-restore-status",
        "setup-db-users",
        "hand-over",
        "archive-snapshot",
        "put-back-access",
        "sns-notification",
    ]
    assert steps.count("setup-db-users") == 1
    after = stage.cluster(app.region, TARGET)
    assert after["DbClusterResourceId"] == restored["DbClusterResourceId"]
    assert_usable(stage, app)


def test_a_failed_run_leaves_a_cluster_that_only_the_functions_reach(
    stage: PipelineStage, app: Deployed
) -> None:
    good = stage.restore_document(TARGET_REGION)
    good["database"]["scripts"] = [{"path": MASK}]
    lacking = {**good, "database": {**good["database"], "scripts": [{"path": "sql/lacking.sql"}]}}
    stage.configure(app, lacking)
    failed = stage.run(app)
    operation = operation_of(failed)
    assert failed["error"] == "ConfigurationError", failed.get("cause")

    assert groups_of(stage, app) == {app.outputs["QuarantineSecurityGroup"]}
    assert not reaches(stage, app)
    stage.eventually(lambda: bool(stage.announcements(app, operation)))
    (notice,) = stage.announcements(app, operation)
    assert notice["details"]["quarantine"].startswith(f"in force: if cluster {TARGET} is there")

    stage.configure(app, good)
    stage.aws.redrive(failed["executionArn"])
    execution = dict(stage.aws.wait(failed["executionArn"], timeout=PATIENCE_SECONDS))

    assert_succeeded(execution)
    assert groups_of(stage, app) == {app.network.security_group_id}
    assert reaches(stage, app)
    assert_usable(stage, app)


def groups_of(stage: PipelineStage, app: Deployed) -> set[str]:
    """The security groups of the target."""
    described = stage.cluster(app.region, TARGET)["VpcSecurityGroups"]
    return {each["VpcSecurityGroupId"] for each in described}


def reaches(stage: PipelineStage, app: Deployed) -> bool:
    """Whether a host of the target's subnet gets an answer of its server."""
    endpoint = stage.cluster(app.region, TARGET)
    with socket.create_connection((endpoint["Endpoint"], endpoint["Port"])) as connection:
        try:
            connection.sendall(ASK_FOR_TLS)
            return connection.recv(1) == b"S"
        except ConnectionError:
            return False


def test_an_operation_is_resumed_at_a_step(stage: PipelineStage, app: Deployed) -> None:
    stage.make_cluster(TARGET_REGION, TARGET, "old-target-password")
    stage.admin.fail_next("restore-cluster", times=2)
    failed = stage.run(app)
    operation = operation_of(failed)
    assert (failed["error"], stage.steps_entered(failed["executionArn"])[-1]) == (
        "RestoreFailedError",
        "check-restore-status",
    )

    resumed = stage.run(
        app, {"operation_id": operation, "start_at": "delete-rds", "delay_seconds": 1}
    )

    assert_succeeded(resumed)
    assert stage.steps_entered(resumed["executionArn"])[0] == "delete-rds"
    assert set(stage.state(app, operation)) == set(REPLACE.steps)
    assert list(stage.instances(TARGET_REGION, TARGET)) == [f"{TARGET}-a"]
    assert_usable(stage, app)


def test_a_dry_run_reports_everything_and_changes_nothing(
    stage: PipelineStage, app: Deployed
) -> None:
    stage.make_cluster(TARGET_REGION, TARGET, "old-target-password", DeletionProtection=True)
    changes = stage.changes()
    # Otherwise a final snapshot would depend on whether a run has restored the target before.
    execution = stage.run(app, {"dry_run": True, "skip_final_snapshot": True})
    assert_succeeded(execution)
    answer = json.loads(execution["output"])["result"]["body"]
    assert answer["ready"] is False
    assert [item["check"] for item in answer["obstacles"]] == ["target"]
    assert [item["operation"] for item in answer["calls"]] == [
        "CopyDBClusterSnapshot",
        "ModifyDBCluster",
        "DeleteDBInstance",
        "DeleteDBCluster",
        "RestoreDBClusterFromSnapshot",
        "CreateDBInstance",
        "ModifyDBCluster",
        "ModifyDBCluster",
        "ModifyDBCluster",
        "AddTagsToResource",
    ]
    assert stage.steps_entered(execution["executionArn"]) == ["snapshot-check"]
    assert stage.changes() == changes
    refused = stage.run(app, {"dry_run": True, "start_at": "delete-rds"})
    assert (refused["error"], stage.changes()) == ("ValidationError", changes)


def test_of_two_simultaneous_runs_one_wins_and_the_other_changes_nothing(
    stage: PipelineStage, app: Deployed
) -> None:
    stage.admin.set_timings(copy_snapshot=10_000)
    winner = stage.aws.start(app.machine, {}, name="the-schedule")
    stage.eventually(lambda: "copy-snapshot" in stage.state(app, "the-schedule"))
    changes = stage.changes()
    loser = stage.run(app, {"restore": "staging"})
    assert loser["error"] == "OperationInProgressError"
    assert "operation the-schedule is at work" in loser["cause"]
    assert stage.changes() == changes
    assert stage.aws.wait(winner, timeout=90)["status"] == "SUCCEEDED"
    assert_usable(stage, app)


def test_a_failure_is_announced_with_its_step_and_cause(
    stage: PipelineStage, app: Deployed
) -> None:
    execution = stage.run(app, {"date": "2020-02-29"})
    operation = operation_of(execution)
    # The notice is published before its own audit event is written.
    stage.eventually(lambda: len(stage.audit(app, operation)) == 2)
    (announced,) = stage.announcements(app, operation)
    assert stage.audit(app, operation) == [
        ("snapshot-check", "FAILED"),
        ("sns-notification", "SUCCESS"),
    ]
    assert announced["status"] == "failed"
    assert announced["details"]["step"] == "snapshot-check"
    assert announced["details"]["error_type"] == "SnapshotNotFoundError"
    assert announced["details"]["execution_arn"] == execution["executionArn"]
    stage.eventually(lambda: bool(stage.shown_in_chat(app, operation)))
    (shown,) = stage.shown_in_chat(app, operation)
    assert (shown["version"], shown["source"]) == ("1.0", "custom")
    assert "SnapshotNotFoundError" not in shown["content"]["title"]
    assert shown["content"]["title"].startswith("aurora-restore staging: FAILED at snapshot-check")


def test_a_stopped_execution_is_marked_failed_and_announced(
    stage: PipelineStage, app: Deployed
) -> None:
    long_waits = {"polling": {"floor_seconds": 600, "cap_seconds": 3600}}
    stage.configure(app, stage.restore_document(TARGET_REGION) | long_waits)
    stage.admin.next_outcome("copy-snapshot", never_ends=True)
    arn = stage.aws.start(app.machine, {})
    operation = arn.rsplit(":", 1)[-1]
    stage.eventually(lambda: "check-copy-status" in stage.state(app, operation))
    stage.aws.client("stepfunctions").stop_execution(executionArn=arn, cause="enough")
    stage.eventually(lambda: bool(stage.announcements(app, operation)))
    (announced,) = stage.announcements(app, operation)
    assert announced["details"]["execution_status"] == "ABORTED"
    assert announced["details"]["step"] == "check-copy-status"
    assert stage.state(app, operation)["check-copy-status"]["status"] == "FAILED"
    assert stage.audit(app, operation)[-2:] == [
        ("check-copy-status", "FAILED"),
        ("sns-notification", "SUCCESS"),
    ]
    assert stage.lock_holder(app) is None


def test_a_bad_start_fails_immediately_naming_the_field(
    stage: PipelineStage, app: Deployed
) -> None:
    for asked, fault in (
        ({"dry-run": True}, "dry-run: is not a known field"),
        ({"date": "yesterday"}, "date: 'yesterday' is not valid"),
        ({"start_at": "delete"}, "start_at: 'delete' is not one of"),
        ({"target_cluster_id": SOURCE}, "is not the target of restore"),
    ):
        execution = stage.run(app, asked)
        assert execution["status"] == "FAILED"
        assert execution["error"] == "ValidationError"
        assert fault in execution["cause"]
        assert stage.steps_entered(execution["executionArn"]) == ["snapshot-check"]
