"""The commands that change something, on the deployed pipeline, with a restore of their own."""

import json
from collections.abc import Iterator

import pytest

from aurora_restore.shared.names import cluster_beside, config_path
from embedded_aws.rds.timings import Timings
from tests.integration.cli.conftest import CommandLine
from tests.integration.pipeline.stage import PREFIX, TARGET_REGION, Deployed, PipelineStage

ORDERS = "orders"
ORDERS_CLUSTER = "orders-cluster"
USUAL = Timings().copy_snapshot


@pytest.fixture(scope="module")
def orders(stage: PipelineStage, app: Deployed) -> Iterator[str]:
    """A second restore of the environment, whose target is switched by endpoint."""
    document = stage.restore_document(TARGET_REGION, cluster_id=ORDERS_CLUSTER, strategy="switch")
    document["switch"] = {"by": "endpoint"}
    document["database"]["masking"] = "none"
    document["schedule"] = {"expression": "cron(0 4 * * ? *)"}
    ssm = stage.aws.client("ssm", region=TARGET_REGION)
    name = f"{config_path(PREFIX)}/{ORDERS}"
    ssm.put_parameter(Name=name, Value=json.dumps(document), Type="String")
    stage.make_cluster(TARGET_REGION, ORDERS_CLUSTER, "old-target-password")
    yield ORDERS
    ssm.delete_parameter(Name=name)


def status(stage: PipelineStage, arn: str) -> str:
    client = stage.aws.client("stepfunctions", region=TARGET_REGION)
    return str(client.describe_execution(executionArn=arn)["status"])


def copy_of(stage: PipelineStage, app: Deployed, operation: str) -> str:
    name = stage.state(app, operation)["check-copy-status"]["details"]["copy_snapshot_id"]
    found = stage.rds(TARGET_REGION).describe_db_cluster_snapshots(DBClusterSnapshotIdentifier=name)
    return str(found["DBClusterSnapshots"][0]["DBClusterSnapshotArn"])


def caller(stage: PipelineStage) -> str:
    return str(stage.aws.client("sts", region=TARGET_REGION).get_caller_identity()["Arn"])


def test_a_paused_schedule_starts_nothing_until_the_pause_is_ended(
    cli: CommandLine, stage: PipelineStage, app: Deployed, orders: str
) -> None:
    scheduled = {"restore": orders, "started_by": "schedule"}

    paused = cli("pause", orders, "--reason", "The release.", "--until", "2099-12-24", width=80)
    held_back = stage.run(app, scheduled)

    assert (paused.code, paused.err) == (0, "")
    assert f"The schedule of {orders} is paused until 2099-12-24 00:00 UTC" in paused.out
    assert "The release." in " ".join(paused.out.split())
    assert held_back["status"] == "SUCCEEDED"
    body = json.loads(held_back["output"])["result"]["body"]
    assert body["paused"] is True
    assert body["pause"]["by"] == caller(stage)
    assert stage.steps_entered(held_back["executionArn"]) == ["snapshot-check"]
    operation = held_back["executionArn"].rsplit(":", 1)[-1]
    assert stage.state(app, operation) == {}
    assert stage.announcements(app, operation) == []
    assert stage.audit(app, operation) == [("snapshot-check", "SUCCESS")]

    listed = cli("list", width=200)
    assert "is paused until 2099-12-24 00:00 UTC" in listed.out
    assert "nothing done, the schedule was paused" in listed.out
    found = json.loads(cli("list", "--restore", orders, "--json").out)
    assert [each["restore"] for each in found["pauses"]] == [orders]
    assert [each["held_back"] for each in found["operations"]] == [True]

    ended = cli("unpause", orders)

    assert ended.out.startswith(f"The pause of {orders} has ended.")
    assert cli("unpause", orders).out == f"The schedule of {orders} is not paused.\n"
    trail = stage.audit_events(app, f"pause#{orders}")
    assert [(each["step"], each["details"]["started_by"]) for each in trail] == [
        ("pause", caller(stage)),
        ("unpause", caller(stage)),
    ]


@pytest.mark.parametrize("width", [80, 120, None])
def test_the_copies_of_a_restore_are_listed_with_what_becomes_of_them(
    cli: CommandLine, succeeded: str, width: int | None
) -> None:
    shown = cli("snapshots", "staging", width=width)
    listed = json.loads(cli("snapshots", "--json").out)

    assert (shown.code, shown.err) == (0, "")
    assert shown.widest <= (width or 160)
    assert listed["not_read"] == []
    (copy,) = (each for each in listed["snapshots"] if each["restore"] == "staging")
    assert (copy["kind"], copy["status"], copy["why"]) == ("copy", "available", None)
    assert copy["snapshot"] in "".join(shown.out.split())
    assert "222222222222 us-west-2" in shown.out


def test_what_cannot_be_paused_is_said_in_a_sentence(cli: CommandLine, orders: str) -> None:
    unknown = cli("pause", "nothing")
    past = cli("pause", orders, "--until", "2020-01-01")

    assert (unknown.code, past.code) == (2, 2)
    assert "there is none called 'nothing'" in unknown.err
    assert "--until: 2020-01-01 is not in the future" in past.err


def test_an_error_that_only_a_new_start_helps_is_not_continued(
    cli: CommandLine, failed: str
) -> None:
    refused = cli("rerun", failed)

    assert (refused.code, refused.out) == (5, "")
    assert "It failed at snapshot-check with SnapshotNotFoundError." in refused.err
    assert (
        refused.err.splitlines()[-1] == "Instead: aurora-restore --region us-west-2 start staging"
    )


def test_an_operation_is_cancelled_continued_and_rolled_back(
    cli: CommandLine, stage: PipelineStage, app: Deployed, orders: str
) -> None:
    """One operation, because each takes long."""
    old = stage.cluster(TARGET_REGION, ORDERS_CLUSTER)["DbClusterResourceId"]
    nothing_kept = cli("rollback", orders, "--yes", ORDERS_CLUSTER)
    assert nothing_kept.code == 5
    assert "No cluster is left that served" in nothing_kept.err
    before = len(stage.changes())
    stage.admin.set_timings(copy_snapshot=1_000_000)
    own_copy = {"restore": orders, "target_snapshot_name": "of-orders-copy"}
    arn = stage.aws.start(app.machine, own_copy, name="orders-1")
    stage.eventually(lambda: "check-copy-status" in stage.state(app, "orders-1"))
    stage.admin.set_timings(copy_snapshot=USUAL)

    # Beside a run nothing is continued, and who has lost to it starts no second one.
    loser = stage.run(app, {"restore": orders})
    assert loser["error"] == "OperationInProgressError"
    lost, running = cli("rerun", str(loser["name"])), cli("rerun", "orders-1")
    assert (lost.code, running.code) == (5, 5)
    assert "Operation orders-1 is at work on orders-cluster" in lost.err
    assert "Operation orders-1 is under way." in running.err

    unasked = cli("cancel", "orders-1")
    assert (unasked.code, status(stage, arn)) == (2, "RUNNING")
    cancelled = cli("cancel", "orders-1", "--yes", "--reason", "a test", width=80)
    assert (cancelled.code, cancelled.err) == (0, "")
    assert cancelled.widest <= 80
    assert "Operation orders-1 is stopped at check-copy-status." in cancelled.out
    assert "is still made by AWS, and stays" in " ".join(cancelled.out.split())
    assert "aurora-restore --region us-west-2 rerun orders-1" in cancelled.out
    assert cli("cancel", "orders-1", "--yes").code == 2
    announced = ("sns-notification", "SUCCESS")
    stage.eventually(lambda: announced in stage.audit(app, "orders-1"))

    stage.admin.set_status(copy_of(stage, app, "orders-1"), "available")
    continued = cli("rerun", "orders-1")
    assert (continued.code, continued.err) == (0, "")
    assert "Its execution is redriven, and continues at check-copy-status" in continued.out
    ended = stage.aws.wait(arn, timeout=120)
    assert ended["status"] == "SUCCEEDED", ended.get("cause")
    new = cluster_beside(ORDERS_CLUSTER, "orders-1")
    after = cli("rerun", str(loser["name"]))
    assert after.code == 5
    assert f"has refreshed {ORDERS_CLUSTER} since" in after.err
    assert cli("rerun", "orders-1").code == 5
    asked = [
        (each["step"], each["details"]["started_by"])
        for each in stage.audit_events(app, "orders-1")
        if each["status"] == "REQUESTED"
    ]
    assert asked == [("cancel", caller(stage)), ("rerun", caller(stage))]
    assert stage.changes()[before:].count("RestoreDBClusterFromSnapshot") == 1

    assert cli("rollback", ORDERS_CLUSTER).code == 2
    assert cli("rollback", ORDERS_CLUSTER, "--yes", "other").code == 2
    back = cli("rollback", ORDERS_CLUSTER, "--yes", ORDERS_CLUSTER, width=80)
    assert (back.code, back.err) == (0, "")
    assert f"{ORDERS_CLUSTER} goes back to {ORDERS_CLUSTER} ({old})" in " ".join(back.out.split())
    assert f"Data written to {new} since then stays in {new}" in " ".join(back.out.split())
    assert "aurora-restore --region us-west-2 pause orders" in back.out
    operation = back.out.splitlines()[-1].split()[-1]
    assert stage.aws.wait(arn.replace("orders-1", operation), timeout=120)["status"] == "SUCCEEDED"
    state = stage.state(app, operation)["sns-notification"]["details"]
    assert (state["sequence"], state["started_by"]) == ("roll-back", caller(stage))
